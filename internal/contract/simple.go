package contract

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

func (b *builder) anySimple() *Simple { return b.types[xsdName("anySimpleType")].Simple }

// fillSimple completes a simple type (XSD 1.0 part 1 §3.14.2).
func (b *builder) fillSimple(t *Type, s *schema, n document.Node) {
	t.method = ByRestriction
	for c := range elements(n) {
		switch c.Name() {
		case xsdName("restriction"):
			t.Base = b.simpleBase(t, s, c)
			t.Simple = b.restrict(t.Base.Simple, s, c)
		case xsdName("list"):
			t.Simple = &Simple{Variety: List, WhiteSpace: "collapse", Item: b.itemType(s, c)}
		case xsdName("union"):
			t.Simple = &Simple{Variety: Union, WhiteSpace: "collapse", Members: b.memberTypes(s, c)}
		}
	}
	if t.Simple == nil {
		t.Simple = b.anySimple()
	}
	if t.Base == nil {
		t.Base = b.types[xsdName("anySimpleType")]
	}
	named := *t.Simple
	named.Name, named.Doc = t.Name, t.Doc
	t.Simple = &named
}

// simpleBase returns the type a restriction starts from; its Simple is set.
func (b *builder) simpleBase(t *Type, s *schema, n document.Node) *Type {
	var base *Type
	if name, ok := b.qname(s, n, "base"); ok {
		base = b.base(t, s, n, name)
	} else if inner := n.Child(xsdName("simpleType")); inner.Exists() {
		base = b.allocate(s, inner)
		b.fill(base)
	}
	if base == nil || base.Simple == nil {
		return b.types[xsdName("anySimpleType")]
	}
	return base
}

func (b *builder) itemType(s *schema, n document.Node) *Simple {
	if name, ok := b.qname(s, n, "itemType"); ok {
		return b.simpleNamed(s, n, name)
	}
	if inner := n.Child(xsdName("simpleType")); inner.Exists() {
		return b.simpleInner(s, inner)
	}
	return b.anySimple()
}

func (b *builder) memberTypes(s *schema, n document.Node) []*Simple {
	var out []*Simple
	for _, qname := range strings.Fields(attr(n, "memberTypes")) {
		out = append(out, b.simpleNamed(s, n, b.expand(s, n, qname)))
	}
	for inner := range children(n, xsdName("simpleType")) {
		out = append(out, b.simpleInner(s, inner))
	}
	return out
}

func (b *builder) simpleNamed(s *schema, n document.Node, name Name) *Simple {
	t := b.reference(s, n, name)
	if t.filled == filling {
		b.l.unsound = true
		b.l.note(b.at(s, n), "type %q is made of itself", name)
		return b.anySimple()
	}
	b.fill(t)
	if t.Simple == nil {
		return b.anySimple()
	}
	return t.Simple
}

func (b *builder) simpleInner(s *schema, n document.Node) *Simple {
	t := b.allocate(s, n)
	b.fill(t)
	return t.Simple
}

// restrict applies the facets below n to base (XSD 1.0 part 2 §4.3).
func (b *builder) restrict(base *Simple, s *schema, n document.Node) *Simple {
	out := *base
	out.Name, out.Doc = Name{}, ""
	var patterns, values []string
	var names []Name
	for c := range elements(n) {
		if c.Name().Space != nsXSD {
			continue
		}
		v, _ := c.Attr(Name{Local: "value"})
		switch c.Name().Local {
		case "pattern":
			patterns = append(patterns, v)
		case "enumeration":
			values = append(values, v)
			if base.qualified() {
				names = append(names, b.expand(s, c, v))
			}
		default:
			out.facet(c.Name().Local, v)
		}
	}
	if len(patterns) > 0 && b.spend(len(base.Patterns)) {
		out.Patterns = append(slices.Clone(base.Patterns), patterns)
		out.patterns = newPatternCheck(out.Patterns)
	}
	if len(values) > 0 {
		out.Enumeration, out.QNames = values, names
	}
	return &out
}

// facet sets one facet. A value that is no number leaves the facet unset: the
// schema compiler is who refuses it.
func (s *Simple) facet(name, v string) {
	switch name {
	case "length":
		s.Length = number(v)
	case "minLength":
		s.MinLength = number(v)
	case "maxLength":
		s.MaxLength = number(v)
	case "totalDigits":
		s.TotalDigits = number(v)
	case "fractionDigits":
		s.FractionDigits = number(v)
	case "minInclusive":
		s.MinInclusive, s.MinExclusive = &v, nil
	case "minExclusive":
		s.MinExclusive, s.MinInclusive = &v, nil
	case "maxInclusive":
		s.MaxInclusive, s.MaxExclusive = &v, nil
	case "maxExclusive":
		s.MaxExclusive, s.MaxInclusive = &v, nil
	case "whiteSpace":
		s.WhiteSpace = strings.TrimSpace(v)
	}
}

func number(v string) *int {
	i, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || i < 0 {
		return nil
	}
	return &i
}
