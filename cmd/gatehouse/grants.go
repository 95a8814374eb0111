package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// rowFilters are the conditions that rows of a view have to satisfy: for each column
// one value or a list of them.
type rowFilters []gateway.RowFilter

// UnmarshalNode reads {country: [FI, SE], owner: $principal/login}.
func (f *rowFilters) UnmarshalNode(n *config.Node) error {
	if n.Kind != config.Map {
		return n.Fault("rows names columns and their values, as in {country: [FI, SE]}, not %s", n.Kind)
	}
	var faults config.Faults
	for _, e := range n.Entries() {
		values := e.Value.Items()
		if e.Value.Kind == config.Scalar {
			values = []*config.Node{e.Value}
		}
		one := gateway.RowFilter{Column: e.Key}
		for _, v := range values {
			switch err := gateway.CheckRowValue(v.Text()); {
			case v.Kind != config.Scalar:
				faults.Add(v.Fault("a value to compare the column with is text, not %s", v.Kind))
			case err != nil:
				faults.Add(v.Fault("%v", err))
			default:
				one.Values = append(one.Values, v.Text())
			}
		}
		if len(values) == 0 {
			faults.Add(e.Value.Fault("no row has none of the values; leave the column out, or the grant"))
		}
		*f = append(*f, one)
	}
	if len(n.Entries()) == 0 {
		faults.Add(n.Fault("rows names at least one column; leave it out for all rows"))
	}
	return faults.Err()
}

// configured renders the filters as they are written.
func (f rowFilters) configured() any {
	var out yaml.MapSlice
	for _, one := range f {
		out = append(out, yaml.MapItem{Key: one.Column, Value: one.Values})
	}
	return unless(len(out) == 0, out)
}

// grant is what the section says, for the decisions.
func (g *grantSection) grant() gateway.Grant {
	return gateway.Grant{Role: g.Role, May: g.May, On: g.On, Columns: g.Columns, Rows: g.Rows, Classes: g.Classes}
}

// place is where a grant stands.
func (g *grantSection) place() string { return fmt.Sprintf("%s:%d", g.node.File, g.node.Line) }

// notesOnGrants tells what the grants say twice, or to nobody, or against what was
// probably meant. None of it is a fault.
func (p *project) notesOnGrants() []string {
	var notes []string
	for i := range p.Grants {
		g := &p.Grants[i]
		if by := p.covering(i); by != nil {
			notes = append(notes, fmt.Sprintf("%s: what role %s may %s is allowed by the grant at line %d already", g.place(), g.Role, g.grant(), by.node.Line))
		}
		if role, ok := p.Roles.get(g.Role); ok && len(role.Members) == 0 {
			notes = append(notes, fmt.Sprintf("%s: nobody can have this grant: role %s has no members", g.place(), g.Role))
		}
		for _, verb := range g.idle(p) {
			notes = append(notes, fmt.Sprintf("%s: %s means nothing on anything that %s covers", g.place(), verb, g.On))
		}
	}
	notes = append(notes, p.notesOnPartners()...)
	notes = append(notes, p.notesOnViews()...)
	return append(notes, p.notesOnCause()...)
}

// covering returns a grant that allows all that grant i does; of two equal ones the
// later says nothing.
func (p *project) covering(i int) *grantSection {
	g := &p.Grants[i]
	for j := range p.Grants {
		o := &p.Grants[j]
		if i == j || o.Role != g.Role || len(o.Columns) > 0 || len(o.Rows) > 0 || !wider(o.On, g.On) {
			continue
		}
		if slices.ContainsFunc(g.May, func(v gateway.Verb) bool { return !slices.Contains(o.May, v) }) ||
			slices.ContainsFunc(g.Classes, func(c string) bool { return !slices.Contains(o.Classes, c) }) {
			continue
		}
		same := wider(g.On, o.On) && len(o.May) == len(g.May) && len(o.Classes) == len(g.Classes) && len(g.Columns) == 0 && len(g.Rows) == 0
		if !same || j < i {
			return o
		}
	}
	return nil
}

// wider reports whether one pattern covers all that another does.
func wider(one, other string) bool {
	prefix, open := strings.CutSuffix(one, "*")
	return one == other || open && strings.HasPrefix(other, prefix)
}

// idle lists the verbs of a grant that mean nothing on anything it covers, where
// others do: what could be meant by the rest is a fault already.
func (g *grantSection) idle(p *project) []gateway.Verb {
	if !strings.HasSuffix(g.On, "*") {
		return nil
	}
	var out []gateway.Verb
	for _, verb := range g.May {
		if !slices.ContainsFunc(p.resources(), func(r string) bool { return g.covers(r) && slices.Contains(gateway.VerbsOn(r), verb) }) {
			out = append(out, verb)
		}
	}
	return out
}

// notesOnPartners tells where it depends on the order of roles which partner a
// sender's messages are of: one member has two roles that may send to a route.
func (p *project) notesOnPartners() []string {
	var notes []string
	for i, first := range p.Roles {
		for _, second := range p.Roles[i+1:] {
			if first.Value.Partner == second.Value.Partner {
				continue
			}
			for _, m := range first.Value.Members {
				if !slices.Contains(second.Value.Members, m) {
					continue
				}
				if route := p.bothSend(first.Name, second.Name); route != "" {
					notes = append(notes, fmt.Sprintf("%s:%d: %s has the roles %s and %s, both may send to %s, and their partners differ: the first one's counts (%s)", second.node.File, second.node.Line, m.words(), first.Name, second.Name, route, partnerWords(first.Value.Partner)))
				}
			}
		}
	}
	return notes
}

func (m memberSection) words() string { return gateway.Member{Group: m.Group, User: m.User}.String() }

func partnerWords(name string) string {
	if name == "" {
		return "no partner"
	}
	return "partner " + name
}

// bothSend returns a route that two roles may send to, or nothing.
func (p *project) bothSend(one, other string) string {
	for _, r := range p.Routes {
		if r.query {
			continue
		}
		resource := gateway.OnRoute(r.Route)
		sends := func(role string) bool {
			return slices.ContainsFunc(p.Grants, func(g grantSection) bool {
				return g.Role == role && slices.Contains(g.May, gateway.Send) && g.covers(resource)
			})
		}
		if sends(one) && sends(other) {
			return r.Route
		}
	}
	return ""
}

// notesOnCause tells of channels that demand a grant which nobody has, and of grants
// that no channel demands.
func (p *project) notesOnCause() []string {
	var notes []string
	for _, ch := range p.Channels {
		resource := gateway.OnChannel(ch.Name)
		i := slices.IndexFunc(p.Grants, func(g grantSection) bool { return slices.Contains(g.May, gateway.Cause) && g.covers(resource) })
		switch {
		case ch.Value.DemandsCause && i < 0:
			notes = append(notes, fmt.Sprintf("%s:%d: nobody can cause anything on channel %s: {role: …, may: cause, on: %s}", ch.node.File, ch.node.Line, ch.Name, resource))
		case !ch.Value.DemandsCause && i >= 0 && p.Grants[i].On == resource:
			notes = append(notes, fmt.Sprintf("%s: channel %s does not ask for this grant; it would with demands_cause: true", p.Grants[i].place(), ch.Name))
		}
	}
	return notes
}
