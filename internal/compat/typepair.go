package compat

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// typ compares two types that messages have in the same place, and leads on to
// what may stand within them.
func (c *comparison) typ(n *node, old, new *contract.Type) {
	if old == new {
		return
	}
	at := finding{old: old.Position, new: new.Position}
	c.abstract(n, at, old, new)
	c.derived(n, at, old, new)
	blocked(n, at, "the type", typeBlock(old), typeBlock(new), len(old.Derived) > 0, len(new.Derived) > 0)
	if old.Abstract && new.Abstract {
		return // only derived types occur
	}
	c.attributes(n, old, new)
	defer c.renamed(n, at, old, new)
	switch {
	case old.Simple != nil && new.Simple != nil:
		c.simpleContent(n, at, old.Simple, new.Simple)
	case old.Simple != nil || new.Simple != nil:
		c.kindOfContent(n, at, old, new)
	default:
		c.mixed(n, at, old, new)
		c.content(n, at, old, new)
	}
}

func (c *comparison) abstract(n *node, at finding, old, new *contract.Type) {
	if old.Abstract == new.Abstract {
		return
	}
	f := at
	f.kind, f.what = "type-abstract", "the type is abstract now: xsi:type must name one derived from it"
	f.refuses, f.admits = sure(new.Abstract), sure(old.Abstract)
	if old.Abstract {
		f.kind, f.what = "type-concrete", "the type is no longer abstract and may stand for itself"
	}
	n.find(f)
}

func (c *comparison) simpleContent(n *node, at finding, old, new *contract.Simple) {
	for _, f := range c.simple(old, new) {
		f.old, f.new = at.old, at.new
		n.find(f)
	}
}

// kindOfContent compares a type of text with one of child elements.
func (c *comparison) kindOfContent(n *node, at finding, old, new *contract.Type) {
	f := at
	f.kind, f.what = "content-kind-changed", "the element has another kind of content"
	f.was, f.is = c.contentText(old), c.contentText(new)
	f.refuses, f.admits = contentRefuses(old, new), contentRefuses(new, old)
	f.look = true
	n.find(f)
}

// contentRefuses reports whether to refuses content of from, where one of them
// holds text only.
func contentRefuses(from, to *contract.Type) verdict {
	if from.Simple != nil { // any text is allowed among optional children that are mixed
		return sure(!to.Mixed || !(&shapes{effort: maxEffort}).optional(to.Content))
	}
	if from.Content == nil && !from.Mixed {
		return sure(to.Simple.Check("") != "")
	}
	return yes
}

func (c *comparison) contentText(t *contract.Type) string {
	switch {
	case t.Simple != nil:
		return c.describe(t.Simple)
	case t.Content == nil && t.Mixed:
		return "text"
	case t.Content == nil:
		return "nothing"
	case t.Mixed:
		return "child elements with text between them"
	}
	return "child elements"
}

func (c *comparison) mixed(n *node, at finding, old, new *contract.Type) {
	if old.Mixed == new.Mixed {
		return
	}
	f := at
	f.kind, f.what = "mixed-removed", "text between the child elements is no longer allowed"
	f.refuses, f.admits = sure(old.Mixed), sure(new.Mixed)
	if new.Mixed {
		f.kind, f.what = "mixed-added", "text between the child elements is allowed"
	}
	n.find(f)
}

// derived compares what xsi:type may name in place of the two types (§3.4.6),
// and leads to those that both have.
func (c *comparison) derived(n *node, at finding, old, new *contract.Type) {
	if old.Name.Space == xsd && new.Name.Space == xsd {
		c.anyTypes(n, old, new)
		if old.Name == new.Name {
			return
		}
	}
	after := options(new)
	before := map[contract.Name]bool{}
	for _, t := range append([]*contract.Type{old}, old.Derived...) {
		name := c.names.now(t.Name)
		if t.Name.Local == "" {
			continue
		}
		before[name] = true
		now := after[name]
		if now != nil && (t != old || now != new) && t.Simple == nil && now.Simple == nil {
			n.lead(fmt.Sprintf("[@xsi:type='%s']", c.names.text(now.Name)), c.typeNode(t, now))
		}
		if now == nil && !t.Abstract && t != old {
			c.optionGone(n, at, t)
		}
	}
	for _, t := range new.Derived {
		if !before[t.Name] && t.Simple == nil && !t.Abstract {
			f := finding{kind: "derived-added", old: at.old, new: t.Position, admits: yes,
				what: fmt.Sprintf("xsi:type may name %s", c.names.text(t.Name))}
			n.find(f)
		}
	}
}

// options are the types that xsi:type may name for t, by name.
func options(t *contract.Type) map[contract.Name]*contract.Type {
	out := map[contract.Name]*contract.Type{}
	for _, d := range t.Derived {
		out[d.Name] = d
	}
	if t.Name.Local != "" {
		out[t.Name] = t
	}
	return out
}

// optionGone reports a type that xsi:type may no longer name. Types of text are
// hardly ever named.
func (c *comparison) optionGone(n *node, at finding, t *contract.Type) {
	f := finding{kind: "derived-removed", old: t.Position, new: at.new, refuses: yes,
		what: fmt.Sprintf("xsi:type may no longer name %s", c.names.text(t.Name))}
	if t.Simple != nil {
		f.refuses = maybe
	}
	n.find(f)
}

// renamed reports that the declared type itself, which few senders name, may no
// longer be named; unless more than that has changed.
func (c *comparison) renamed(n *node, at finding, old, new *contract.Type) {
	if old.Name.Local == "" || options(new)[c.names.now(old.Name)] != nil ||
		slices.ContainsFunc(n.findings, func(f finding) bool { return f.refuses != no }) {
		return
	}
	f := at
	f.kind, f.refuses = "type-renamed", maybe
	f.what = fmt.Sprintf("xsi:type may no longer name %s", c.names.text(old.Name))
	f.was, f.is = c.names.text(old.Name), c.names.text(new.Name)
	if new.Name.Local == "" {
		f.is = "a type without a name"
	}
	n.find(f)
}

// attributes compares the attribute uses of two types (§3.5) by name.
func (c *comparison) attributes(n *node, old, new *contract.Type) {
	for _, was := range old.Attributes {
		now := new.Attr(c.names.now(was.Name))
		if now == nil {
			if now = form(new.Attributes, old.Attributes, was, c); now == nil {
				c.attributeGone(n, old, new, was)
				continue
			}
			c.attributeForm(n, was, now)
		}
		c.attribute(n, was, now)
	}
	for _, now := range new.Attributes {
		if !hadAttribute(c, old, new, now) {
			c.attributeCame(n, old, now)
		}
	}
	c.attributeWildcards(n, old, new)
}

// form finds the attribute that has the local name in another namespace.
func form(candidates, taken []*contract.Attribute, was *contract.Attribute, c *comparison) *contract.Attribute {
	for _, a := range candidates {
		if a.Name.Local != was.Name.Local {
			continue
		}
		for _, other := range taken {
			if c.names.now(other.Name) == a.Name {
				return nil
			}
		}
		return a
	}
	return nil
}

func hadAttribute(c *comparison, old, new *contract.Type, now *contract.Attribute) bool {
	for _, was := range old.Attributes {
		name := c.names.now(was.Name)
		if name == now.Name || new.Attr(name) == nil && form(new.Attributes, old.Attributes, was, c) == now {
			return true
		}
	}
	return false
}

func (c *comparison) attributeForm(n *node, was, now *contract.Attribute) {
	n.find(finding{kind: "attribute-namespace", step: c.attributeStep(now.Name), refuses: yes, admits: yes,
		what: "the attribute is in another namespace", was: space(was.Name), is: space(now.Name), old: was.Position, new: now.Position})
}

func space(name contract.Name) string {
	if name.Space == "" {
		return "no namespace"
	}
	return name.Space
}

func (c *comparison) attributeStep(name contract.Name) string { return "/@" + c.names.text(name) }

func (c *comparison) attributeGone(n *node, old, new *contract.Type, was *contract.Attribute) {
	f := finding{kind: "attribute-removed", step: c.attributeStep(was.Name), old: was.Position, new: new.Position,
		what: "the attribute is gone", refuses: yes, admits: sure(was.Required)}
	if process := attributeWildcard(new, was.Name.Space); process != "" {
		f.refuses = no
		f.what, f.look = "the attribute is no longer declared; a wildcard takes it", true
		if process == "strict" {
			f.refuses = maybe
		}
	}
	n.find(f)
}

func (c *comparison) attributeCame(n *node, old *contract.Type, now *contract.Attribute) {
	f := finding{kind: "attribute-added", step: c.attributeStep(now.Name), old: old.Position, new: now.Position,
		what: "an optional attribute has come", admits: yes, is: c.describe(now.Type)}
	if attributeWildcard(old, now.Name.Space) != "" {
		f.refuses, f.admits = maybe, maybe
		f.what = "an attribute that a wildcard took is declared now"
	}
	if now.Required {
		f.kind, f.what, f.refuses = "attribute-required", "a required attribute has come", yes
	}
	n.find(f)
}

// attributeWildcard is how a type's wildcards process attributes of a namespace,
// or "" where they take none.
func attributeWildcard(t *contract.Type, space string) string {
	for _, w := range attributeWildcards(t) {
		if w.Allows(space) {
			return w.Process
		}
	}
	if t.AnyAttr && len(attributeWildcards(t)) == 0 {
		return "lax" // xs:anyType
	}
	return ""
}

func (c *comparison) attribute(n *node, was, now *contract.Attribute) {
	at := finding{step: c.attributeStep(now.Name), old: was.Position, new: now.Position}
	if was.Required != now.Required {
		f := at
		f.kind, f.what = "attribute-required", "the attribute is required now"
		f.refuses, f.admits = sure(now.Required), sure(was.Required)
		if was.Required {
			f.kind, f.what = "attribute-optional", "the attribute is no longer required"
		}
		n.find(f)
	}
	if f := at; compareFixed(&f, was.Type, was.Fixed, now.Type, now.Fixed) {
		n.find(f)
	}
	if f := at; compareDefaults(&f, was.Default, now.Default) {
		n.find(f)
	}
	for _, f := range c.simple(was.Type, now.Type) {
		f.step, f.old, f.new, f.typ = at.step, at.old, at.new, c.simpleName(was.Type, now.Type)
		n.find(c.placed(f, was.Type, now.Type))
	}
}

// placed moves a finding about a named simple type to where it is defined, so
// that all who use it share it.
func (c *comparison) placed(f finding, old, new *contract.Simple) finding {
	was, now := c.old.Type(old.Name), c.new.Type(new.Name)
	if was != nil && now != nil && was.Position.Line > 0 && now.Position.Line > 0 {
		f.old, f.new = was.Position, now.Position
	}
	return f
}

func (c *comparison) simpleName(old, new *contract.Simple) string {
	for _, s := range []*contract.Simple{new, old} {
		if s.Name.Local != "" && s.Name.Space != xsd {
			return c.names.text(s.Name)
		}
	}
	return ""
}

// attributeWildcards compares xs:anyAttribute. Where a type has several, by its
// groups and bases, only their being the same is looked at.
func (c *comparison) attributeWildcards(n *node, old, new *contract.Type) {
	was, is := c.wildcardsText(old), c.wildcardsText(new)
	if was == is {
		return
	}
	f := finding{kind: "attribute-wildcard", what: "which other attributes are allowed has changed", was: was, is: is, old: old.Position, new: new.Position}
	f.refuses, f.admits = c.wildcardsRefuse(old, new), c.wildcardsRefuse(new, old)
	n.find(f)
}

func (c *comparison) wildcardsText(t *contract.Type) string {
	if !t.AnyAttr {
		return "none"
	}
	out := ""
	for i, w := range attributeWildcards(t) {
		if i > 0 {
			out += "; "
		}
		out += c.wildcardText(w)
	}
	return out
}

func (c *comparison) wildcardsRefuse(from, to *contract.Type) verdict {
	have, allowed := attributeWildcards(from), attributeWildcards(to)
	switch {
	case !from.AnyAttr:
		return no
	case !to.AnyAttr:
		return yes
	case len(have) != 1 || len(allowed) != 1:
		return maybe
	}
	return c.wildcardRefuses(have[0], allowed[0])
}
