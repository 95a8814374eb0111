package contract

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// ConstraintKind tells what a Constraint demands.
type ConstraintKind uint8

// The kinds of identity constraint (XSD 1.0 part 1 §3.11).
const (
	Unique ConstraintKind = iota
	Key
	KeyRef
)

// Constraint is an identity constraint of an element: among what Selector finds
// below it, the values of Fields together must be unique, as a key be there too,
// as a keyref occur among those of the key it refers to.
type Constraint struct {
	Kind     ConstraintKind
	Name     Name
	Refer    Name             // KeyRef only
	Selector []LocationPath   // alternatives, from the element
	Fields   [][]LocationPath // alternatives for each field, from what is selected
	Position Position
}

// LocationPath is one alternative of a selector or field, in the part of XPath
// that schemas may use (§3.11.6).
type LocationPath struct {
	Descendants bool // begins with .//
	Steps       []LocationStep
}

// LocationStep goes to child elements, or to attributes as the last step of a
// field.
type LocationStep struct {
	Name      Name
	AnyLocal  bool // *, or prefix:* where Name.Space is set
	Attribute bool
}

// constraints reads the identity constraints of an element declaration.
func (b *builder) constraints(s *schema, n document.Node) []Constraint {
	var out []Constraint
	for c := range elements(n) {
		is, ok := constraintKind(c.Name())
		if !ok {
			continue
		}
		one := Constraint{Kind: is, Name: Name{Space: s.namespace, Local: attr(c, "name")}, Position: b.at(s, c)}
		one.Refer, _ = b.qname(s, c, "refer")
		selector := c.Child(xsdName("selector"))
		one.Selector, ok = locationPaths(selector, attr(selector, "xpath"))
		for f := range children(c, xsdName("field")) {
			paths, readable := locationPaths(f, attr(f, "xpath"))
			one.Fields, ok = append(one.Fields, paths), ok && readable
		}
		if !ok || len(one.Fields) == 0 {
			b.l.note(one.Position, "identity constraint %q has a selector or field that cannot be read", one.Name.Local)
			continue
		}
		out = append(out, one)
	}
	return out
}

func constraintKind(name Name) (ConstraintKind, bool) {
	if name.Space != nsXSD {
		return 0, false
	}
	switch name.Local {
	case "unique":
		return Unique, true
	case "key":
		return Key, true
	case "keyref":
		return KeyRef, true
	}
	return 0, false
}

func locationPaths(n document.Node, xpath string) ([]LocationPath, bool) {
	var out []LocationPath
	for alternative := range strings.SplitSeq(xpath, "|") {
		p, ok := locationPath(n, trim(alternative))
		if !ok {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

func locationPath(n document.Node, text string) (LocationPath, bool) {
	var p LocationPath
	if rest, ok := strings.CutPrefix(text, "."); ok {
		if below, ok := strings.CutPrefix(trim(rest), "//"); ok {
			p.Descendants, text = true, trim(below)
		}
	}
	for step := range strings.SplitSeq(text, "/") {
		step = trim(step)
		if step == "." {
			continue
		}
		one, ok := locationStep(n, step)
		if !ok || len(p.Steps) > 0 && p.Steps[len(p.Steps)-1].Attribute {
			return p, false
		}
		p.Steps = append(p.Steps, one)
	}
	return p, true
}

// locationStep reads a name test. A name without a prefix is in no namespace, as
// in XPath 1.0.
func locationStep(n document.Node, text string) (LocationStep, bool) {
	var out LocationStep
	if axis, rest, ok := strings.Cut(text, "::"); ok {
		if text = trim(rest); trim(axis) != "child" && trim(axis) != "attribute" {
			return out, false
		}
		out.Attribute = trim(axis) == "attribute"
	} else if rest, ok := strings.CutPrefix(text, "@"); ok {
		out.Attribute, text = true, trim(rest)
	}
	prefix, local := document.SplitQName(text)
	if prefix != "" {
		space, bound := n.NamespaceFor(prefix)
		if !bound {
			return out, false
		}
		out.Name.Space = space
	}
	if out.Name.Local = local; local == "*" {
		out.Name.Local, out.AnyLocal = "", true
	}
	return out, local != "" && !strings.ContainsAny(text, " ()[]'\"=,")
}
