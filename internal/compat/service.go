package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// services compares what the contracts offer, and finds the roots of all
// messages. Of contracts without services, bare schemas, every global element
// is a message that is sent.
func (c *comparison) services() {
	c.movedNamespaces()
	c.policies()
	if len(c.old.Services) == 0 && len(c.new.Services) == 0 {
		c.bareElements()
		return
	}
	for _, was := range c.old.Services {
		now := c.new.Service(was.Name)
		if now == nil && len(c.old.Services) == 1 && len(c.new.Services) == 1 {
			now = c.new.Services[0]
			c.service(Change{Class: Breaking, Kind: "service-renamed", What: "the service has another name", Was: was.Name, Is: now.Name,
				Why: "its address has the name in it", Old: was.Position, New: now.Position, Users: []User{{Service: was.Name}}})
		}
		if now == nil {
			c.service(Change{Class: Breaking, Kind: "service-removed", What: fmt.Sprintf("service %s is gone", was.Name),
				Why: "a message to it is refused now", Old: was.Position, Users: []User{{Service: was.Name}}})
			continue
		}
		c.pair(was, now)
	}
	for _, now := range c.new.Services {
		if c.old.Service(now.Name) == nil && (len(c.old.Services) != 1 || len(c.new.Services) != 1) {
			c.service(Change{Class: Harmless, Kind: "service-added", What: fmt.Sprintf("service %s has come", now.Name),
				Why: "nobody calls it yet", New: now.Position, Users: []User{{Service: now.Name}}})
		}
	}
}

// movedNamespaces reports each namespace that took another's place, once.
func (c *comparison) movedNamespaces() {
	for _, was := range slices.Sorted(maps.Keys(c.names.successor)) {
		c.service(Change{Class: Breaking, Kind: "namespace-changed", What: "a namespace has another name: every element and type of it has",
			Was: was, Is: c.names.successor[was], Why: why("namespace-changed", Sent, Breaking)})
	}
}

// policies compares what the contracts demand beyond their messages, such as
// signatures. What the gateway does about it does not depend on the contract;
// what senders and clients do may.
func (c *comparison) policies() {
	key := func(p contract.PolicyUse) string {
		return p.Subject + " " + p.Assertion.String() + fmt.Sprint(p.Optional)
	}
	missing := func(from, in []contract.PolicyUse) []contract.PolicyUse {
		var out []contract.PolicyUse
		have := map[string]bool{}
		for _, p := range in {
			have[key(p)] = true
		}
		for _, p := range from {
			if !have[key(p)] {
				have[key(p)] = true
				out = append(out, p)
			}
		}
		return out
	}
	for _, p := range missing(c.old.Policies, c.new.Policies) {
		c.service(Change{Class: Notice, Kind: "policy-removed", What: fmt.Sprintf("%s no longer has the policy assertion %s", p.Subject, p.Assertion),
			Was: p.String(), Why: notices["policy-removed"], Old: p.Position})
	}
	for _, p := range missing(c.new.Policies, c.old.Policies) {
		c.service(Change{Class: Notice, Kind: "policy-added", What: fmt.Sprintf("%s has the policy assertion %s", p.Subject, p.Assertion),
			Is: p.String(), Why: notices["policy-added"], New: p.Position})
	}
}

func (c *comparison) bareElements() {
	for was := range c.old.Elements() {
		user := User{Message: "element " + c.names.text(was.Name)}
		now := c.globals.now(was.Name)
		if now == nil {
			c.service(Change{Class: Breaking, Kind: "message-removed", What: fmt.Sprintf("element %s is gone", c.names.text(was.Name)),
				Why: "a message in it is refused now", Old: was.Position, Users: []User{user}})
			continue
		}
		c.root(was, now, Sent, user)
	}
	for now := range c.new.Elements() {
		if c.globals.was(now.Name) == nil {
			c.service(Change{Class: Harmless, Kind: "message-added", What: fmt.Sprintf("element %s has come", c.names.text(now.Name)),
				Why: "nobody sends it yet", New: now.Position, Users: []User{{Message: "element " + c.names.text(now.Name)}}})
		}
	}
}

// root makes the graph reach what a message holds.
func (c *comparison) root(old, new *contract.Element, d Direction, user User) {
	c.roots = append(c.roots, root{c.elementNode(old, new), c.step(new.Name), d, user})
}

// pair compares two versions of a service.
func (c *comparison) pair(old, new *contract.Service) {
	c.ports(old, new)
	c.checked(old, new)
	for _, was := range old.Operations {
		now := counterpart(new, was)
		user := User{Service: old.Name, Operation: was.Name}
		if now == nil {
			c.service(Change{Class: Breaking, Kind: "operation-removed", What: fmt.Sprintf("operation %s is gone", was.Name),
				Why: "a message to it is refused now", Old: was.Position, New: new.Position, Users: []User{user}})
			continue
		}
		c.operation(user, was, now)
	}
	for _, now := range new.Operations {
		if counterpart(old, now) == nil {
			c.service(Change{Class: Harmless, Kind: "operation-added", What: fmt.Sprintf("operation %s has come", now.Name),
				Why: "nobody calls it yet", Old: old.Position, New: now.Position, Users: []User{{Service: new.Name, Operation: now.Name}}})
		}
	}
}

// counterpart finds an operation in another version of its service: by its name,
// or, where it was or is overloaded and so has more than that for a name, by its
// Body.
func counterpart(in *contract.Service, o *contract.Operation) *contract.Operation {
	if same := in.OperationNamed(o.Name); same != nil {
		return same
	}
	var named []*contract.Operation
	for _, other := range in.Operations {
		if plainName(other) == plainName(o) {
			named = append(named, other)
		}
	}
	for _, other := range named {
		if bodyOf(other) != nil && bodyOf(o) != nil && bodyOf(other).Name == bodyOf(o).Name {
			return other
		}
	}
	return nil
}

// plainName is the operation's name in the WSDL.
func plainName(o *contract.Operation) string {
	name, _, _ := strings.Cut(o.Name, "#")
	return name
}

func bodyOf(o *contract.Operation) *contract.Element {
	if o.Input == nil {
		return nil
	}
	return o.Input.Element
}

// checked compares whether messages are held against their schemas at all.
func (c *comparison) checked(old, new *contract.Service) {
	was, now := old.Degraded(), new.Degraded()
	one := Change{Class: Notice, Was: "the schemas compile", Is: "the schemas compile", Old: old.Position, New: new.Position, Users: []User{{Service: old.Name}}}
	switch {
	case was == "" && now != "":
		one.Kind, one.Is, one.What = "degraded", now, "the schemas do not compile any more"
	case was != "" && now == "":
		one.Kind, one.Was, one.What = "checked", was, "the schemas compile now"
	default:
		return
	}
	one.Why = notices[one.Kind]
	c.service(one)
}

// ports compares addresses, names and SOAP versions.
func (c *comparison) ports(old, new *contract.Service) {
	user := []User{{Service: old.Name}}
	for _, soap12 := range []bool{false, true} {
		version := versionText(soap12)
		had, has := speaks(old, soap12), speaks(new, soap12)
		if had && !has {
			c.service(Change{Class: Breaking, Kind: "soap-version-removed", What: version + " is no longer offered",
				Why: "a message in it is refused now", Old: old.Position, New: new.Position, Users: user})
		}
		if has && !had {
			c.service(Change{Class: Harmless, Kind: "soap-version-added", What: version + " is offered too",
				Why: "nobody uses it yet", Old: old.Position, New: new.Position, Users: user})
		}
	}
	for _, was := range old.Ports {
		c.port(old, new, was, user)
	}
	for _, now := range new.Ports {
		if i := portNamed(old, now.Name); i < 0 && !slices.ContainsFunc(old.Ports, func(p contract.Port) bool { return samePlace(p, now) }) {
			c.service(Change{Class: Harmless, Kind: "port-added", What: fmt.Sprintf("port %s has come", now.Name), Is: portText(now),
				Why: "nobody calls it yet", Old: old.Position, New: new.Position, Users: user})
		}
	}
}

func (c *comparison) port(old, new *contract.Service, was contract.Port, user []User) {
	one := Change{Class: Notice, Was: portText(was), Old: old.Position, New: new.Position, Users: user}
	i := portNamed(new, was.Name)
	switch {
	case i >= 0 && new.Ports[i].SOAP12 == was.SOAP12 && new.Ports[i].Address == was.Address:
		return
	case i >= 0 && new.Ports[i].SOAP12 != was.SOAP12:
		one.Class, one.Kind, one.Is = Breaking, "port-version", portText(new.Ports[i])
		one.What, one.Why = fmt.Sprintf("port %s speaks another SOAP version", was.Name), "a message in the old one to its address is refused now"
	case i >= 0:
		one.Kind, one.Is = "address-changed", portText(new.Ports[i])
		one.What = fmt.Sprintf("port %s has another address", was.Name)
	case slices.ContainsFunc(new.Ports, func(p contract.Port) bool { return samePlace(p, was) }):
		one.Kind, one.What = "port-renamed", fmt.Sprintf("port %s has another name", was.Name)
	case !slices.ContainsFunc(new.Ports, func(p contract.Port) bool { return p.Address == was.Address }):
		one.Class, one.Kind, one.Why = Breaking, "port-removed", "a message to its address is refused now"
		one.What = fmt.Sprintf("port %s is gone, and nothing else has its address", was.Name)
	default:
		one.Kind, one.What = "port-removed", fmt.Sprintf("port %s is gone; its address is still served", was.Name)
	}
	if one.Why == "" {
		one.Why = notices[one.Kind]
	}
	c.service(one)
}

func portNamed(s *contract.Service, name string) int {
	return slices.IndexFunc(s.Ports, func(p contract.Port) bool { return p.Name == name })
}

func samePlace(a, b contract.Port) bool { return a.SOAP12 == b.SOAP12 && a.Address == b.Address }

func portText(p contract.Port) string {
	return versionText(p.SOAP12) + " at " + p.Address
}

func versionText(soap12 bool) string {
	if soap12 {
		return "SOAP 1.2"
	}
	return "SOAP 1.1"
}

func speaks(s *contract.Service, soap12 bool) bool {
	return slices.ContainsFunc(s.Ports, func(p contract.Port) bool { return p.SOAP12 == soap12 })
}
