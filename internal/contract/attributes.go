package contract

import (
	"cmp"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// attributes explains the attributes of n.
func (x *explainer) attributes(n document.Node, t *Type) {
	var slips []*Attribute // those that a misspelt one was meant to be
	for name, value := range n.Attrs() {
		switch a := t.Attr(name); {
		case name.Space == nsXSI && slices.Contains(instanceAttributes, name.Local):
		case a == nil && ofBlock(name) && isBlock(n):
		case a == nil && t.AnyAttr && (t.Wildcard == nil || t.Wildcard.Allows(name.Space)): // whether it is declared, the engine knows
		case a == nil:
			slips = append(slips, x.unknownAttribute(n, t, name))
		default:
			x.attribute(n, a, value)
		}
	}
	for _, a := range t.Attributes {
		if _, present := n.Attr(a.Name); a.Required && !present && !slices.Contains(slips, a) {
			if x.full() {
				x.more++
				continue
			}
			x.report(n, fault.Detail{Message: "a required attribute is missing", Found: n.QName() + " without " + a.Name.Local,
				Expected: a.Name.Local + ", " + a.Type.Describe(), Doc: a.doc()})
		}
	}
}

// unknownAttribute reports an attribute that the contract does not declare, and
// returns the one that it was meant to be, or nil.
func (x *explainer) unknownAttribute(n document.Node, t *Type, name Name) *Attribute {
	if x.full() {
		x.more++
		return nil
	}
	d := fault.Detail{Message: "the attribute is not known here", Path: attributePath(n, name), Found: n.AttrQName(name), Expected: attributeNames(t)}
	var absent []*Attribute
	var names []string
	for _, a := range t.Attributes {
		if _, present := n.Attr(a.Name); !present {
			absent, names = append(absent, a), append(names, a.Name.Local)
		}
	}
	var slip *Attribute
	if i := slices.Index(names, nearest(name.Local, names)); i >= 0 {
		slip = absent[i]
	}
	switch {
	case slip == nil:
	case slip.Name.Local == name.Local:
		d.Message, d.Found, d.Expected, d.Doc = "the attribute is in the wrong namespace", expandedName(name), expandedName(slip.Name), slip.doc()
	default:
		d.Message, d.Doc = d.Message+isMeant(slip.Name.Local), slip.doc()
	}
	x.report(n, d)
	return slip
}

func attributePath(n document.Node, name Name) string { return n.Path() + "/@" + n.AttrQName(name) }

// instanceAttributes are those that every element may have (XSD 1.0 part 1
// §3.2.7); another of their namespace is an attribute like any.
var instanceAttributes = []string{"type", "nil", "schemaLocation", "noNamespaceSchemaLocation"}

func (x *explainer) attribute(n document.Node, a *Attribute, value string) {
	if _, loose := x.service.loose[a.Position]; loose {
		return
	}
	if d, wrong := x.judgeValue(n, a.Type, a.Fixed, value); wrong {
		if d.Doc = a.doc(); !x.full() {
			d.Path = attributePath(n, a.Name)
		}
		x.report(n, d)
	}
}

// judgeValue says what is wrong with a value, and past the last fault that is put
// into words only whether something is.
func (x *explainer) judgeValue(n document.Node, s *Simple, fixed *string, value string) (d fault.Detail, wrong bool) {
	reason := s.Check(value)
	if reason != "" && x.full() {
		return d, true
	}
	expected := ""
	if reason != "" {
		expected = s.Describe()
	}
	switch {
	case reason == "" && fixed != nil && s.normalize(value) != s.normalize(*fixed):
		reason, expected = "is not the fixed one", quote(*fixed)
	case reason == "" && !prefixDeclared(n, s, value):
		reason, expected = "has a prefix that is not declared", s.Describe()
	case reason == "":
		return d, false
	case s.normalize(value) == "":
		reason = "is empty"
	case reason == notEnumerated:
		if near := nearest(s.normalize(value), s.Enumeration); near != "" {
			reason += isMeant(near)
		}
	}
	return fault.Detail{Message: "the value " + reason, Found: quote(value), Expected: expected}, true
}

// prefixDeclared looks at the prefix of a qualified name.
func prefixDeclared(n document.Node, s *Simple, value string) bool {
	if s.Variety != Atomic || s.Primitive != "QName" {
		return true
	}
	prefix, _ := document.SplitQName(s.normalize(value))
	_, ok := n.NamespaceFor(prefix)
	return ok
}

// doc is the contract's documentation of an element, or else of its type.
func (e *Element) doc() string { return cmp.Or(e.Doc, e.Type.Doc) }

func (a *Attribute) doc() string { return cmp.Or(a.Doc, a.Type.Doc) }

func attributeNames(t *Type) string {
	if len(t.Attributes) == 0 {
		return "no attributes"
	}
	names := make([]string, len(t.Attributes))
	for i, a := range t.Attributes {
		names[i] = a.Name.Local
	}
	return listed(names)
}
