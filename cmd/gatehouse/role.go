package main

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

type roleSection struct {
	Members []memberSection `yaml:"members,required"` // whoever is one of them has the role
	Partner string          `yaml:"partner"`          // whose messages are compared with each other; default: each user's
	// Limits bound what all members send together through this role.
	Limits limitSection `yaml:"limits"`
}

type memberSection struct {
	Group string `yaml:"group"` // a short name, a distinguished name, or a security identifier; nested groups count
	User  string `yaml:"user"`  // a login, or a distinguished name
}

type grantSection struct {
	Role string `yaml:"role,required"`
	May  verbs  `yaml:"may,required"` // one verb or a list
	On   string `yaml:"on,required"`  // route/<name>, channel/<name>, view/<name>, message/<route>, configuration, access, console; a * at the end covers several
	// Columns are the fields and children that a view shows by this grant. Default: all.
	Columns []string `yaml:"columns"`
	// Rows is which rows a view shows by this grant: those that have, in each column
	// named here, one of the values. $principal/login, $principal/dn and
	// $principal/partner stand for who asks, $principal/group for any of his groups,
	// $principal/attribute/<name> for any value of an attribute of his entry that
	// directory.attributes lists. Default: all.
	Rows rowFilters `yaml:"rows"`
	// Classes are those of which fields are shown too: personal, secret. Default: only
	// fields without a class.
	Classes []string `yaml:"classes"`
	node    *config.Node
}

// UnmarshalNode keeps the section's position for complaints that come later.
func (g *grantSection) UnmarshalNode(n *config.Node) error {
	type plain grantSection
	err := n.Decode((*plain)(g))
	g.node = n
	return err
}

// verbs is one verb or a list of them.
type verbs []gateway.Verb

// UnmarshalNode reads `send` as well as `[read, replay]`.
func (v *verbs) UnmarshalNode(n *config.Node) error {
	nodes := n.Items()
	if n.Kind == config.Scalar {
		nodes = []*config.Node{n}
	}
	for _, item := range nodes {
		verb := gateway.Verb(item.Text())
		if !slices.Contains(gateway.Verbs, verb) {
			return item.Fault("%q is nothing a grant can allow; it is one of %v", item.Text(), gateway.Verbs)
		}
		*v = append(*v, verb)
	}
	if len(*v) == 0 {
		return n.Fault("a grant allows at least one of %v", gateway.Verbs)
	}
	return nil
}

func (p *project) checkRoles(faults *config.Faults) {
	for _, r := range p.Roles {
		for _, m := range r.Value.Members {
			if (m.Group == "") == (m.User == "") {
				faults.Add(r.node.Fault("a member of role %s names either a group or a user", r.Name))
			}
		}
	}
}

func (p *project) checkGrants(all *config.Faults) {
	resources := p.resources()
	for _, g := range p.Grants {
		faults := all
		if strings.HasPrefix(g.On, "view/") {
			faults = &p.unfit
		}
		if p.onQuery(&g, faults) {
			continue
		}
		p.checkView(&g, faults)
		if _, ok := p.Roles.get(g.Role); !ok && g.Role != "" {
			faults.Add(g.node.Get("role").Fault("there is no role %q%s", g.Role, didYouMean(g.Role, p.Roles.names())))
		}
		on := slices.DeleteFunc(slices.Clone(resources), func(r string) bool { return !g.covers(r) })
		if g.On != "" && len(on) == 0 {
			faults.Add(g.node.Get("on").Fault("%q names nothing; a grant is on route/<name>, channel/<name>, view/<name>, message/<route>, configuration, access or console, or on several with a * at the end%s", g.On, didYouMean(g.On, resources)))
			continue
		}
		for _, verb := range g.May {
			if !slices.ContainsFunc(on, func(r string) bool { return slices.Contains(gateway.VerbsOn(r), verb) }) {
				faults.Add(g.node.Get("may").Fault("%s means nothing on %s", verb, g.On))
			}
		}
	}
}

// resources lists what a grant can be on.
func (p *project) resources() []string {
	var routes []string
	for _, r := range p.Routes {
		if !r.query {
			routes = append(routes, r.Route)
		}
	}
	return gateway.Resources(routes, p.Channels.names(), p.viewNames()...)
}

// covers reports whether the grant is on resource.
func (g grantSection) covers(resource string) bool {
	prefix, open := strings.CutSuffix(g.On, "*")
	return g.On == resource || open && strings.HasPrefix(resource, prefix)
}
