package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

// readQueries finds the routes whose file is one of a query. What is wrong with the
// files themselves is told where files are compiled: migrations need none of them.
func (p *project) readQueries(faults *config.Faults) {
	p.queries = make([]*mapping.QueryFile, len(p.Routes))
	for i := range p.Routes {
		r := &p.Routes[i]
		src, err := os.ReadFile(string(r.Mapping))
		if err != nil || !mapping.IsQuery(src) {
			continue // compile tells
		}
		r.query = true
		r.checkQuery(faults)
		file, err := mapping.ParseQuery(string(r.Mapping), src)
		if err != nil {
			p.unfit.Add(err)
			continue
		}
		p.queries[i] = file
	}
}

// checkQuery finds what a route says that is of messages which are stored.
func (r *routeSection) checkQuery(faults *config.Faults) {
	for i, e := range r.From {
		if e.doors() == 1 && e.SOAP == "" {
			faults.Add(r.node.Get("from").Items()[i].Fault("%s is a query, which soap: endpoints alone ask; for JSON there is GET /api/<view>", r.Route))
		}
	}
	for _, key := range []string{"on_error", "retry", "retention"} {
		if n := r.node.Get(key); n != nil {
			faults.Add(n.Fault("%s is a query, of which nothing is kept: %s has no meaning", r.Route, key))
		}
	}
}

// onQuery complains about a grant on a route that is a query: it has no grant of its own.
func (p *project) onQuery(g *grantSection, faults *config.Faults) bool {
	for i, r := range p.Routes {
		if !r.query || g.On != gateway.OnRoute(r.Route) && g.On != gateway.OnMessage(r.Route) {
			continue
		}
		of := "<view>"
		if f := p.queries[i]; f != nil {
			of = f.ViewName()
		}
		faults.Add(g.node.Get("on").Fault("%s is a query, of which nothing is kept: who may read the view may ask: {role: %s, may: read, on: view/%s}", r.Route, g.Role, of))
		return true
	}
	return false
}

// compileQuery compiles the query of a route; nil without an error says that something
// else is reported already.
func (p *project) compileQuery(i int, read reader, contracts map[string]*contract.Contract) (*query.Query, error) {
	r, file := &p.Routes[i], p.queries[i]
	if read(string(r.Mapping), r.node.Get("mapping")) == nil || file == nil {
		return nil, nil
	}
	c, listed := contracts[filepath.Join(p.dir, filepath.FromSlash(file.ContractPath()))]
	if !listed {
		return nil, r.unlisted(file.ContractPath(), p.dir, contracts)
	}
	d := p.declared(file.ViewName())
	switch {
	case c == nil:
		return nil, nil
	case d == nil:
		return nil, file.ViewNode().Fault("there is no view %q%s", file.ViewName(), didYouMean(file.ViewName(), p.viewNames()))
	case d.IsReport():
		return nil, file.ViewNode().Fault("%s is a report; a query asks a view", d.Name)
	}
	q, err := query.New(file, c, d.Viewed())
	if err != nil {
		return nil, err
	}
	var wrong config.Faults
	for _, e := range r.From {
		if e.SOAP != "" {
			wrong.Add(matches(*r, e, q.Contract, q.Service, q.Operation))
		}
	}
	return q, wrong.Err()
}

// unlisted says that the contract of a route's file is not the project's.
func (r *routeSection) unlisted(path, dir string, contracts map[string]*contract.Contract) error {
	return r.node.Fault("%s maps %s, which is not listed under `contracts:`%s", r.Mapping, path, didYouMean(filepath.Join(dir, filepath.FromSlash(path)), slices.Collect(maps.Keys(contracts))))
}

// stored are the mappings: of the routes that are queries there are none.
func (c *compiled) stored() []*mapping.Mapping {
	return slices.DeleteFunc(slices.Clone(c.mappings), func(m *mapping.Mapping) bool { return m == nil })
}

// storing is how many routes store messages.
func (p *project) storing() int {
	n := 0
	for _, r := range p.Routes {
		if !r.query {
			n++
		}
	}
	return n
}

// isQuery says that what a command is asked about is a query, and the command is of
// messages.
func (r *routeSection) isQuery() error {
	return usageError{fmt.Errorf("the route %s is a query: nothing of it is stored; gatehouse check tells of it", r.Route)}
}

// ownSearches are those of one assembly: a query is answered by the configuration that
// it came to.
type ownSearches struct{ of *assembly }

// Open implements query.Searches.
func (o ownSearches) Open(ctx context.Context) (view.Searcher, []*view.View, error) {
	if o.of.searches == nil {
		return nil, nil, fault.New(fault.CodeInternal, "").Because(fmt.Errorf("no views are read here"))
	}
	searcher, bound, err := o.of.searches.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return searcher, bound.views, nil
}

// queryRoutes are the routes that are queries, as the gateway has them.
func (a *assembly) queryRoutes() []*gateway.QueryRoute {
	var out []*gateway.QueryRoute
	for i, q := range a.compiled.queries {
		if q != nil {
			section := &a.project.Routes[i]
			out = append(out, &gateway.QueryRoute{Name: section.Route, Endpoints: section.endpoints(), Answerer: query.Served{Query: q, Desk: a.desk, Searches: ownSearches{a}}})
		}
	}
	return out
}

// fitQueries holds the queries against the views, as far as those are known. One that
// fits no more later is unavailable when it is asked.
func (a *assembly) fitQueries() error {
	var faults config.Faults
	for _, q := range a.compiled.queries {
		if q == nil {
			continue
		}
		if v := a.searches.known(q.View); v != nil {
			_, err := q.On(v)
			faults.Add(err)
		}
	}
	return faults.Err()
}

// checkedQuery is a route that is answered from a view.
type checkedQuery struct {
	Route     string   `json:"route"`
	Operation string   `json:"operation"`
	View      string   `json:"view"`
	Faults    []string `json:"faults,omitempty"` // that it answers with
	Warnings  []string `json:"warnings,omitempty"`
	// Unserved are the combinations of conditions that no index serves, of so many that
	// were looked at; nobody has looked without --connect.
	Unserved []unservedForm `json:"unserved,omitempty"`
	Looked   int            `json:"looked,omitempty"`
}

// unservedForm is a query with some of its conditions, and the index that it lacks.
type unservedForm struct {
	Conditions string `json:"conditions"`
	Reason     string `json:"reason"`
}

// reportQuery tells of a route that is a query.
func (r *checkReport) reportQuery(section *routeSection, q *query.Query) {
	one := checkedQuery{Route: section.Route, Operation: q.Operation.Name, View: q.View}
	for _, f := range q.Faults {
		one.Faults = append(one.Faults, f.String())
	}
	for _, w := range q.Warnings {
		one.Warnings = append(one.Warnings, w.Error())
	}
	r.Queries = append(r.Queries, one)
	r.line("query     %s: %s, of the view %s", one.Route, one.Operation, one.View)
	for _, f := range one.Faults {
		r.line("  fault   %s", f)
	}
	for _, w := range one.Warnings {
		r.line("  warning: %s", w)
	}
}

// checkQueries tells what the tables say to the queries: of each whether it fits its
// view, and which of its forms no index serves. One that is never served is a fault.
func (r *running) checkQueries(ctx context.Context, report *checkReport, views *boundViews) error {
	var faults config.Faults
	for i, q := range r.compiled.queries {
		if q == nil {
			continue
		}
		v := views.find(q.View)
		if v == nil {
			continue // reported already
		}
		b, err := q.On(v)
		if err != nil {
			faults.Add(err)
			continue
		}
		forms, err := b.Served(ctx)
		if err != nil {
			return err
		}
		report.served(r.project.Routes[i].Route, forms)
		if len(forms.Unserved) == forms.Looked {
			faults.Add(r.project.Routes[i].node.Fault("no index serves the query %s, with whatever conditions: %s", q.Name, forms.Unserved[0].Reason))
		}
	}
	return faults.Err()
}

// served tells which forms of a query no index serves, those for the same reason
// together.
func (r *checkReport) served(route string, forms *query.Forms) {
	verdict := "fit the query, in each of its %d forms"
	if len(forms.Unserved) > 0 {
		verdict = "fit the query, but no index serves " + fmt.Sprint(len(forms.Unserved)) + " of its %d forms"
	}
	r.line("tables    %s: "+verdict, route, forms.Looked)
	if forms.Looked < forms.All {
		all := fmt.Sprint(forms.All)
		if forms.All == math.MaxInt {
			all = "many more"
		}
		r.line("  note: there are %s forms; those with the fewest conditions were looked at", all)
	}
	i := slices.IndexFunc(r.Queries, func(q checkedQuery) bool { return q.Route == route })
	r.Queries[i].Looked = forms.Looked
	for _, f := range forms.Unserved {
		r.Queries[i].Unserved = append(r.Queries[i].Unserved, unservedForm{f.String(), f.Reason})
	}
	var reasons []string
	with := map[string][]string{}
	for _, f := range forms.Unserved {
		if with[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		with[f.Reason] = append(with[f.Reason], f.String())
	}
	for _, reason := range reasons {
		r.line("  unserved: %s: %s", few(with[reason]), reason)
	}
}

// few lists the first of many.
func few(all []string) string {
	const most = 3
	if len(all) <= most {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:most], "; "), len(all)-most)
}
