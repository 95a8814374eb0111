package view

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Viewed describes a view to queries, as its file declares it: no types are known. It
// is nil of a report.
func (d *Declaration) Viewed() *mapping.Viewed {
	if d.view == nil {
		return nil
	}
	out := d.view.Rule.viewed(d.Name)
	listed := func(in []*config.Node, name string) bool {
		return slices.ContainsFunc(in, func(n *config.Node) bool { return n.Text() == name })
	}
	for i := range out.Fields {
		f := &out.Fields[i]
		f.Filter, f.Sort = listed(d.view.Filter, f.Name), listed(d.view.Sort, f.Name)
	}
	return out
}

func (r *tableRule) viewed(name string) *mapping.Viewed {
	out := &mapping.Viewed{Name: name}
	for _, f := range r.Fields {
		out.Fields = append(out.Fields, mapping.ViewedField{Name: f.name})
	}
	for _, n := range r.Key {
		out.Key = append(out.Key, n.Text())
	}
	for _, c := range r.Children {
		out.Children = append(out.Children, mapping.ViewedChild{Name: c.name, View: c.Rule.viewed(name + "/" + c.name)})
	}
	return out
}

// Viewed describes the view to queries.
func (v *View) Viewed() *mapping.Viewed {
	out := &mapping.Viewed{Name: v.Name, Typed: true}
	for i := range v.Fields {
		f := &v.Fields[i]
		out.Fields = append(out.Fields, mapping.ViewedField{Name: f.Name, Type: f.Type, Nullable: v.Nullable(i), Filter: f.Filter, Sort: f.Sort})
	}
	for _, i := range v.Key {
		out.Key = append(out.Key, v.Fields[i].Name)
	}
	for _, c := range v.Children {
		out.Children = append(out.Children, mapping.ViewedChild{Name: c.Name, View: c.View.Viewed()})
	}
	return out
}
