package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// globals are the global elements of both contracts, which wildcards lead to
// (XSD 1.0 part 1 §3.10).
type globals struct {
	c        *comparison
	anyTypes *node
}

func newGlobals(c *comparison) *globals { return &globals{c: c} }

// now is the new contract's global element of an old name's successor.
func (g *globals) now(old contract.Name) *contract.Element {
	return g.c.new.Element(g.c.names.now(old))
}

// was is the old contract's global element that a new name is the successor of.
func (g *globals) was(new contract.Name) *contract.Element {
	if e := g.c.old.Element(new); e != nil && g.c.names.now(new) == new {
		return e
	}
	for before, after := range g.c.names.successor {
		if after == new.Space {
			return g.c.old.Element(contract.Name{Space: before, Local: new.Local})
		}
	}
	return nil
}

// meet compares what two leaves make of the same child. from is the old one's.
func (c *comparison) meet(n *node, s symbol, old, new leaf) {
	was, now := c.declaration(old, s, true), c.declaration(new, s, false)
	switch {
	case was != nil && now != nil:
		n.lead(c.step(now.Name), c.elementNode(was, now))
	case old.any != nil && new.any != nil:
		c.wildcards(n, old.any, new.any)
	case s.Local == "":
	case old.element != nil && new.any.Process == "strict":
		n.find(finding{kind: "element-undeclared", step: c.step(s), old: was.Position, refuses: yes, admits: no,
			what: "the element is no longer declared, and a strict wildcard takes declared ones only"})
	case old.element != nil:
		n.find(finding{kind: "element-undeclared", step: c.step(s), old: was.Position, admits: yes,
			what: "the element is no longer declared; a wildcard takes it with any content"})
	case new.element != nil && old.any.Process != "strict":
		n.find(finding{kind: "wildcard-declared", step: c.step(s), new: now.Position, refuses: yes,
			what: "an element that a wildcard took with any content is declared now"})
	}
}

// declaration is the declaration that a leaf holds a child against, or nil for a
// wildcard that holds it against none.
func (c *comparison) declaration(l leaf, s symbol, old bool) *contract.Element {
	if l.element != nil {
		for _, e := range standIns(l.element) {
			if old && c.names.now(e.Name) == s || !old && e.Name == s {
				return e
			}
		}
		return nil
	}
	switch {
	case l.any.Process == "skip" || s.Local == "":
		return nil
	case old:
		return c.globals.was(s)
	}
	return c.new.Element(s)
}

// wildcards compares two wildcards that take the same elements, and leads to
// those elements that both contracts declare.
func (c *comparison) wildcards(n *node, old, new *contract.Wildcard) {
	key := wildPair{c.wildcardText(old), c.wildcardText(new)}
	to := c.graph.wild[key]
	if to == nil {
		to = &node{}
		c.graph.wild[key] = to
		c.graph.queue = append(c.graph.queue, func() { c.wildcard(to, old, new) })
	}
	n.lead("", to)
}

func (c *comparison) wildcard(n *node, old, new *contract.Wildcard) {
	if old.Process != new.Process {
		n.find(finding{kind: "wildcard-process", what: "elements that a wildcard takes are checked in another way",
			was: old.Process, is: new.Process, refuses: stricter(old, new), admits: stricter(new, old)})
	}
	if old.Process == "skip" || new.Process == "skip" {
		return
	}
	for e := range c.old.Elements() {
		if !old.Allows(e.Name.Space) {
			continue
		}
		switch now := c.globals.now(e.Name); {
		case now == nil && new.Process == "strict":
			n.find(finding{kind: "element-undeclared", step: c.step(e.Name), old: e.Position, refuses: yes,
				what: "the element is no longer declared, and a strict wildcard takes declared ones only"})
		case now != nil && new.Allows(now.Name.Space) && !e.Abstract && !now.Abstract:
			n.lead(c.step(now.Name), c.elementNode(e, now))
		}
	}
	var come []contract.Name
	for e := range c.new.Elements() {
		if new.Allows(e.Name.Space) && c.globals.was(e.Name) == nil {
			come = append(come, e.Name)
		}
	}
	if len(come) > 0 {
		n.find(finding{kind: "wildcard-declared", look: true,
			what: fmt.Sprintf("%s %s declared now, where a wildcard takes such elements", c.names.list(come), map[bool]string{true: "is", false: "are"}[len(come) == 1])})
	}
}

// stricter reports whether one wildcard refuses what another takes.
func stricter(from, to *contract.Wildcard) verdict {
	rank := map[string]int{"skip": 0, "lax": 1, "strict": 2}
	switch {
	case rank[to.Process] <= rank[from.Process]:
		return no
	case to.Process == "strict":
		return yes
	}
	return maybe
}

// wildcardRefuses compares two attribute wildcards.
func (c *comparison) wildcardRefuses(from, to *contract.Wildcard) verdict {
	a := &alphabet{names: c.names}
	spaces := []string{"", elsewhere}
	for _, ns := range append(append([]string(nil), from.Namespaces...), to.Namespaces...) {
		spaces = append(spaces, c.names.now(contract.Name{Space: ns}).Space)
	}
	for _, ns := range spaces {
		if a.allows(from, ns) && !a.allows(to, ns) {
			return yes
		}
	}
	return stricter(from, to)
}

// wildcardText writes a wildcard, the same for equal ones.
func (c *comparison) wildcardText(w *contract.Wildcard) string {
	spaces := make([]string, 0, len(w.Namespaces))
	for _, ns := range w.Namespaces {
		spaces = append(spaces, cmp.Or(c.names.now(contract.Name{Space: ns}).Space, "no namespace"))
	}
	slices.Sort(spaces)
	text := strings.Join(slices.Compact(spaces), ", ")
	switch {
	case w.Not && text == "":
		text = "any namespace"
	case w.Not:
		text = "any namespace but " + text
	}
	return text + " (" + w.Process + ")"
}

// anyTypes leads from xs:anyType to all types: xsi:type may name any of them.
func (c *comparison) anyTypes(n *node, old, new *contract.Type) {
	if old.Name.Local != "anyType" || new.Name.Local != "anyType" {
		return
	}
	if c.globals.anyTypes == nil {
		to := &node{}
		c.globals.anyTypes = to
		for t := range c.old.Types() {
			now := c.new.Type(c.names.now(t.Name))
			switch {
			case now == nil:
				to.find(finding{kind: "derived-removed", old: t.Position, refuses: maybe,
					what: fmt.Sprintf("xsi:type may no longer name %s", c.names.text(t.Name))})
			case !t.Abstract && !now.Abstract && t.Simple == nil && now.Simple == nil:
				to.lead(fmt.Sprintf("[@xsi:type='%s']", c.names.text(now.Name)), c.typeNode(t, now))
			}
		}
	}
	n.lead("", c.globals.anyTypes)
}
