package xpath

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
)

// Unbounded is the Max of a Type without an upper limit.
const Unbounded = contract.Unbounded

// Shape is what the contract says of a node, before any message. It is
// immutable.
type Shape struct {
	Element   *contract.Element   // nil for an attribute or a container
	Attribute *contract.Attribute // nil unless it is an attribute
	Parent    *Shape              // nil at the payload element and for a container
	// Blocks are the children of a container without a declaration of its own:
	// the SOAP Header. Each may be missing.
	Blocks []*contract.Element

	kinds []*Shape // of a union, which has nothing else
	text  bool     // the text of Parent
}

// Kinds lists what a node may be that is one of several, as by a wildcard or a union;
// of any other it is the shape alone.
func (s *Shape) Kinds() []*Shape {
	if s.kinds == nil {
		return []*Shape{s}
	}
	return s.kinds
}

// Type is the static type of an expression: the class of its items once they
// are atomized, and how many there are. Max may be Unbounded.
type Type struct {
	Class    Class
	Min, Max int
	Shape    *Shape // of the nodes; nil for atomic values

	present bool // nodes that are xsi:nil do not count
}

// Optional reports whether there may be no item at all.
func (t Type) Optional() bool { return t.Min == 0 }

// Repeats reports whether there may be more than one item.
func (t Type) Repeats() bool { return t.Max == Unbounded || t.Max > 1 }

// never reports the type of the empty sequence.
func (t Type) never() bool { return t.Max == 0 }

// Simple is the simple type of the nodes' content, or nil.
func (t Type) Simple() *contract.Simple {
	if t.Shape == nil {
		return nil
	}
	return t.Shape.simple()
}

// String describes the type in a complaint.
func (t Type) String() string {
	switch {
	case t.never():
		return "the empty sequence"
	case t.Repeats():
		return "a sequence of " + t.Class.String()
	}
	return t.Class.String()
}

func single(c Class) Type { return Type{Class: c, Min: 1, Max: 1} }
func (t Type) mayBeAbsent(others ...Type) Type {
	for _, o := range others {
		t.Min = min(t.Min, o.Min)
	}
	return t
}

// simple is the simple type of an attribute or of an element's content.
func (s *Shape) simple() *contract.Simple {
	switch {
	case s.kinds != nil:
		return s.commonSimple()
	case s.Attribute != nil:
		return s.Attribute.Type
	case s.Element != nil && s.Element.Type != nil:
		return s.Element.Type.Simple
	}
	return nil
}

// fallback is the value that the contract gives when the node is absent (an
// attribute) or empty (an element).
func (s *Shape) fallback() *string {
	switch {
	case s.Attribute != nil:
		return firstOf(s.Attribute.Fixed, s.Attribute.Default)
	case s.Element == nil:
		return nil
	}
	return firstOf(s.Element.Fixed, s.Element.Default)
}

func firstOf(candidates ...*string) *string {
	for _, c := range candidates {
		if c != nil {
			return c
		}
	}
	return nil
}

// class is the class of the node's typed value (XPath Data Model 3.1 §5.15). A
// complaint says why it has none.
func (s *Shape) class() (Class, string) {
	if s.kinds != nil {
		return s.commonClass()
	}
	if s.text {
		return Untyped, ""
	}
	if simple := s.simple(); simple != nil {
		return classOf(simple)
	}
	switch t := s.content(); {
	case t == nil || t.Mixed || t.Base == nil && t.Content == nil && t.Name.Local == "anyType":
		return Untyped, ""
	case t.Content == nil:
		return Untyped, "is always empty; it has no value"
	}
	return Untyped, "has child elements; it has no value of its own"
}

func (s *Shape) content() *contract.Type {
	if s.Element == nil {
		return nil
	}
	return s.Element.Type
}

func classOf(s *contract.Simple) (Class, string) {
	switch s.Variety {
	case contract.List:
		return Untyped, "is a list type; string() gives it as text"
	case contract.Union:
		return unionClass(s), ""
	}
	switch s.Primitive {
	case "decimal":
		if integerTypes[s.Builtin] {
			return Integer, ""
		}
		return Decimal, ""
	case "float", "double":
		return Double, ""
	case "boolean":
		return Boolean, ""
	case "dateTime":
		return DateTime, ""
	case "date":
		return Date, ""
	case "time":
		return Time, ""
	case "base64Binary", "hexBinary":
		return Binary, ""
	}
	return String, ""
}

// ClassOf is the class of a simple type's values; String for lists.
func ClassOf(s *contract.Simple) Class {
	c, complaint := classOf(s)
	if complaint != "" {
		return String
	}
	return c
}

// unionClass is the class that all members share, else String.
func unionClass(s *contract.Simple) Class {
	common := String
	for i, m := range s.Members {
		c, complaint := classOf(m)
		if complaint != "" || i > 0 && c != common {
			return String
		}
		common = c
	}
	return common
}

var integerTypes = map[string]bool{
	"integer": true, "long": true, "int": true, "short": true, "byte": true,
	"nonNegativeInteger": true, "positiveInteger": true, "nonPositiveInteger": true, "negativeInteger": true,
	"unsignedLong": true, "unsignedInt": true, "unsignedShort": true, "unsignedByte": true,
}

// relative is a child or attribute with its cardinality below its parent.
type relative struct {
	shape    *Shape
	min, max int
}

// child finds a child element.
func (s *Shape) child(name contract.Name) (relative, bool) {
	if s.kinds != nil {
		return s.ofEach(func(m *Shape) (relative, bool) { return m.child(name) })
	}
	if s.Attribute != nil {
		return relative{}, false
	}
	for _, b := range s.Blocks {
		if b.Name == name {
			return relative{&Shape{Element: b, Parent: s}, 0, 1}, true
		}
	}
	t := s.content()
	if t == nil {
		return relative{}, false
	}
	c, ok := t.Child(name)
	if !ok {
		return relative{}, false
	}
	if c.Element.Name != name || len(c.Element.Substitutes) > 0 || s.Element.Nillable {
		c.Min = 0 // another may stand for it, or its parent be nil
	}
	return relative{&Shape{Element: c.Element, Parent: s}, c.Min, c.Max}, true
}

// ofEach unites what the members of a union have; some may have none.
func (s *Shape) ofEach(find func(*Shape) (relative, bool)) (all relative, ok bool) {
	var shapes []*Shape
	for i, m := range s.kinds {
		r, found := find(m)
		if found {
			shapes = append(shapes, r.shape)
		}
		if i == 0 {
			all = r
		}
		all.min, all.max = min(all.min, r.min), more(all.max, r.max)
	}
	all.shape = united(shapes)
	return all, all.shape != nil
}

// attribute finds an attribute.
func (s *Shape) attribute(name contract.Name) (relative, bool) {
	if s.kinds != nil {
		return s.ofEach(func(m *Shape) (relative, bool) { return m.attribute(name) })
	}
	t := s.content()
	if t == nil {
		return relative{}, false
	}
	a := t.Attr(name)
	if a == nil {
		return relative{}, false
	}
	least := 0
	if a.Required || a.Default != nil || a.Fixed != nil {
		least = 1
	}
	return relative{&Shape{Attribute: a, Parent: s}, least, 1}, true
}

// name renders the node's name with the scope's prefixes.
func (sc *Scope) name(s *Shape) string {
	switch {
	case s.kinds != nil:
		return sc.names(s.kinds)
	case s.text:
		return "text()"
	case s.Attribute != nil:
		return "@" + sc.display(s.Attribute.Name)
	case s.Element != nil:
		return sc.display(s.Element.Name)
	}
	return "the header"
}

func (sc *Scope) display(n contract.Name) string {
	if n.Space == "" {
		return n.Local
	}
	best := ""
	for prefix, space := range sc.Namespaces {
		if space == n.Space && (best == "" || prefix < best) {
			best = prefix
		}
	}
	if best == "" {
		return "{" + n.Space + "}" + n.Local
	}
	return best + ":" + n.Local
}

// unknown explains that a shape has no such child or attribute, with the
// nearest name or all names there are.
func (sc *Scope) unknown(s *Shape, local string, attribute bool) string {
	what, names := "child", sc.children(s)
	if attribute {
		what, names = "attribute", sc.attributes(s)
	}
	locals := make([]string, len(names))
	for i, n := range names {
		locals[i] = strings.TrimPrefix(n[strings.LastIndexAny(n, ":}")+1:], "@")
	}
	message := fmt.Sprintf("%s %s no %s %s", sc.name(s), s.verb(), what, local)
	if !attribute && s.hasAttribute(local) {
		return message + "; did you mean @" + local + "?"
	}
	if near := config.Nearest(local[strings.IndexByte(local, ':')+1:], locals); near != "" {
		return message + "; did you mean " + names[slices.Index(locals, near)] + "?"
	}
	switch n := len(names); {
	case n == 0:
		return message + "; it has none at all"
	case n <= 8:
		return message + "; it has " + strings.Join(names, ", ")
	}
	return message
}

func (s *Shape) hasAttribute(name string) bool {
	_, ok := s.attribute(contract.Name{Local: name})
	return ok
}

func (sc *Scope) children(s *Shape) []string {
	var names []string
	for _, m := range s.kinds {
		names = append(names, sc.children(m)...)
	}
	for _, b := range s.Blocks {
		names = append(names, sc.display(b.Name))
	}
	if t := s.content(); t != nil {
		for _, c := range t.Children() {
			names = append(names, sc.display(c.Element.Name))
		}
	}
	return names
}

func (sc *Scope) attributes(s *Shape) []string {
	var names []string
	for _, m := range s.kinds {
		names = append(names, sc.attributes(m)...)
	}
	if t := s.content(); t != nil {
		for _, a := range t.Attributes {
			names = append(names, "@"+sc.display(a.Name))
		}
	}
	return names
}
