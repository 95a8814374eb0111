package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// declared is a file that `views:` lists.
type declared struct {
	*view.Declaration
	src []byte
}

// kind is what the file declares, in a word.
func (d *declared) kind() string {
	if d.IsReport() {
		return "report"
	}
	return "view"
}

// readViews reads the files of views and reports. Their names are in one space with
// those of routes, for all of them are under /api.
func (p *project) readViews(root *config.Node, faults *config.Faults) {
	items := root.Get("views").Items()
	for i, path := range p.Views {
		if i >= len(items) || path == "" {
			continue // reported already
		}
		src, err := os.ReadFile(string(path))
		if err != nil {
			faults.Add(items[i].Fault("%v", err))
			continue
		}
		d, err := view.Parse(string(path), src)
		if err != nil {
			faults.Add(err)
			continue
		}
		if other := p.declared(d.Name); other != nil {
			faults.Add(d.Node().Fault("%s is declared in %s already", d.Name, other.Path))
			continue
		}
		if slices.ContainsFunc(p.Routes, func(r routeSection) bool { return r.Route == d.Name && !r.query }) {
			faults.Add(d.Node().Fault("%s is a route's name; both would be /api/%s", d.Name, d.Name))
		}
		if n := d.Watched(); n != nil && p.Store.sqlite != nil {
			faults.Add(n.Fault("SQLite has no rowversion: it cannot be found there what others than the gateway write; say live: true"))
		}
		p.views = append(p.views, &declared{d, src})
	}
	for _, d := range p.views {
		if name, at := d.ViewName(); at != nil && !slices.Contains(p.viewNames(), name) {
			faults.Add(at.Fault("there is no view %q%s", name, didYouMean(name, p.viewNames())))
		}
	}
}

// declared is the view or report of a name, or nil.
func (p *project) declared(name string) *declared {
	i := slices.IndexFunc(p.views, func(d *declared) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return p.views[i]
}

// viewNames lists the views, without the reports.
func (p *project) viewNames() []string {
	var out []string
	for _, d := range p.views {
		if !d.IsReport() {
			out = append(out, d.Name)
		}
	}
	return out
}

// reportNames lists the reports.
func (p *project) reportNames() []string {
	var out []string
	for _, d := range p.views {
		if d.IsReport() {
			out = append(out, d.Name)
		}
	}
	return out
}

// reportViews names the reports, and the view that each is of.
func (p *project) reportViews() map[string]string {
	out := map[string]string{}
	for _, d := range p.views {
		if d.IsReport() {
			out[d.Name], _ = d.ViewName()
		}
	}
	return out
}

// viewTables lists the tables that views are from; foreign keys lead to the others.
func (p *project) viewTables() []mapping.TableName {
	var out []mapping.TableName
	for _, d := range p.views {
		for _, name := range d.Tables() {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// liveTables are those that live views are from, with what they show below them.
func (p *project) liveTables() (out []mapping.LiveTable) {
	for _, d := range p.views {
		if t, live := d.LiveTable(); live {
			out = append(out, t)
		}
	}
	return out
}

// database is what views are held against.
type database interface {
	view.Tables
	view.Dialect
}

// boundViews are views and reports held against the tables as they are.
type boundViews struct {
	views    []*view.View
	reports  []*view.Report
	warnings config.Faults
}

// find returns a view by name, or nil.
func (b *boundViews) find(name string) *view.View {
	i := slices.IndexFunc(b.views, func(v *view.View) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return b.views[i]
}

// has tells whether a view or a report is there.
func (b *boundViews) has(d *declared) bool {
	if d.IsReport() {
		return slices.ContainsFunc(b.reports, func(r *view.Report) bool { return r.Name == d.Name })
	}
	return b.find(d.Name) != nil
}

// bindViews holds every view and report against the tables, and the values that
// grants compare rows with against the types of their fields. All faults are
// reported at once; what has none is in the result.
func (p *project) bindViews(tables database) (*boundViews, error) {
	b := &boundViews{}
	var faults []error
	for _, d := range p.views {
		if d.IsReport() {
			continue
		}
		v, warnings, err := view.Check(d.Declaration, tables, tables)
		b.warnings = append(b.warnings, warnings...)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		b.views = append(b.views, v)
	}
	for _, d := range p.views {
		name, of := d.ViewName()
		v := b.find(name)
		if of == nil || v == nil {
			continue
		}
		r, err := view.CheckReport(d.Declaration, v)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		b.reports = append(b.reports, r)
	}
	var wrong config.Faults
	for i := range p.Grants {
		for _, v := range b.views {
			p.Grants[i].comparable(v, &wrong)
			p.Grants[i].sought(v, &b.warnings)
		}
	}
	return b, errors.Join(append(faults, wrong.Err())...)
}

// comparable finds values of rows that are none of their field's type.
func (g *grantSection) comparable(v *view.View, faults *config.Faults) {
	if !g.covers(gateway.OnView(v.Name)) {
		return
	}
	for _, f := range g.Rows {
		i, err := v.Field(f.Column)
		if err != nil {
			continue // reported already
		}
		t := v.Fields[i].Type
		if t.Kind == mapping.BytesColumn {
			faults.Add(g.node.Get("rows").Get(f.Column).Fault("%s is bytes, which are not compared", f.Column))
			continue
		}
		for _, text := range f.Values {
			plain, ok := gateway.PlainRowValue(text)
			if !ok {
				continue
			}
			if _, err := view.ParseValue(t, plain); err != nil {
				faults.Add(g.node.Get("rows").Get(f.Column).Fault("%v, which %s of %s is", err, f.Column, v.Name))
			}
		}
	}
}

// sought warns of rows that no index finds: they are looked for among those that may
// not be seen, and a page that is short tells how many those are.
func (g *grantSection) sought(v *view.View, warnings *config.Faults) {
	if len(g.Rows) == 0 || !g.covers(gateway.OnView(v.Name)) {
		return
	}
	var fields []int
	for _, f := range g.Rows {
		if i, err := v.Field(f.Column); err == nil { // else it is reported already
			fields = append(fields, i)
		}
	}
	if why := v.LooksFor(fields); why != "" {
		warnings.Add(g.node.Get("rows").Fault("no index has these rows of %s: up to %d are looked at for each page, and where that is not enough, pages and counts tell how many rows lie between that may not be seen: %s", v.Name, view.DefaultLooks, why))
	}
}

// checkView finds what a grant says that is for views only, or twice, or of fields
// that no view has.
func (p *project) checkView(g *grantSection, faults *config.Faults) {
	if len(g.Columns) == 0 && len(g.Rows) == 0 && len(g.Classes) == 0 {
		return
	}
	if !strings.HasPrefix(g.On, "view/") {
		for _, key := range []string{"columns", "rows", "classes"} {
			if n := g.node.Get(key); n != nil {
				faults.Add(n.Fault("%s are of grants on views; %s has none", key, g.On))
			}
		}
		return
	}
	for i, c := range g.Classes {
		if !slices.Contains(view.ClassNames, c) || slices.Contains(g.Classes[:i], c) {
			faults.Add(g.node.Get("classes").Items()[i].Fault("expected %s, each once, found %q", strings.Join(view.ClassNames, " or "), c))
		}
	}
	for i, c := range g.Columns {
		if c == "" || slices.Contains(g.Columns[:i], c) {
			faults.Add(g.node.Get("columns").Items()[i].Fault("the column %q stands here twice, or has no name", c))
		}
	}
	p.checkRowValues(g, faults)
	p.checkFields(g, faults)
}

func (p *project) checkRowValues(g *grantSection, faults *config.Faults) {
	role, _ := p.Roles.get(g.Role)
	for _, f := range g.Rows {
		at := g.node.Get("rows").Get(f.Column)
		if slices.Contains(f.Values, "$principal/partner") && role.Partner == "" {
			faults.Add(at.Fault("the role %s belongs to no partner: no row would be shown for one", g.Role))
		}
		for _, v := range f.Values {
			name := gateway.PrincipalAttribute(v)
			if name == "" || p.Directory == nil {
				continue
			}
			if !slices.ContainsFunc(p.Directory.Attributes, func(a string) bool { return strings.EqualFold(a, name) }) {
				faults.Add(at.Fault("the attribute %s is not among directory.attributes, which are read of an entry%s", name, didYouMean(name, p.Directory.Attributes)))
			}
		}
	}
}

// checkFields holds the columns and rows of a grant against the views that it is on:
// a column has to be in one of them, and a row's field in all.
func (p *project) checkFields(g *grantSection, faults *config.Faults) {
	var fields, all []string
	var lacking = map[string]string{} // the view that has no such field
	covered := 0
	for _, d := range p.views {
		if d.IsReport() || !g.covers(gateway.OnView(d.Name)) {
			continue
		}
		covered++
		own, children := d.FieldNames()
		fields, all = append(fields, own...), append(append(all, own...), children...)
		for _, f := range g.Rows {
			if !slices.Contains(own, f.Column) {
				lacking[f.Column] = d.Name
			}
		}
	}
	if covered == 0 {
		return // reported already
	}
	for i, c := range g.Columns {
		if c != "" && !slices.Contains(all, c) {
			faults.Add(g.node.Get("columns").Items()[i].Fault("%s has no field %q%s", strings.TrimPrefix(g.On, "view/"), c, didYouMean(c, all)))
		}
	}
	for _, f := range g.Rows {
		if name := lacking[f.Column]; name != "" {
			faults.Add(g.node.Get("rows").Get(f.Column).Fault("the view %s has no field %q%s", name, f.Column, didYouMean(f.Column, fields)))
		}
	}
}

// notesOnViews tells of views that nobody may read, and of grants that show nothing
// by themselves.
func (p *project) notesOnViews() []string {
	var notes []string
	for _, d := range p.views {
		if d.IsReport() {
			continue
		}
		nobody := true
		for i := range p.Grants {
			g := &p.Grants[i]
			if !g.covers(gateway.OnView(d.Name)) || !slices.Contains(g.May, gateway.Read) {
				continue
			}
			nobody = false
			for _, key := range d.KeyNames() {
				if g.Columns != nil && !slices.Contains(g.Columns, key) {
					notes = append(notes, fmt.Sprintf("%s: this grant shows rows of %s only to those who see %s of them by another one: it is in the key", g.place(), d.Name, key))
				}
			}
		}
		if nobody {
			notes = append(notes, fmt.Sprintf("view %s: no grant lets anybody read it: {role: …, may: read, on: view/%s}", d.Name, d.Name))
		}
	}
	return notes
}
