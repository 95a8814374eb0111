package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// comparison compares a sample with what the client makes of it.
type comparison struct{ contract *contract.Contract }

// compare says in what two documents differ, or "". They are the same when they
// have the same elements, attributes and values, whatever the prefixes; numbers
// and truth values may be written in another way, binary values with other line
// breaks, and what is empty as its default. White space between elements does
// not count, nor hints at schema locations, nor an xsi:type that says of a value
// which simple type it has, nor, in xs:all, the order.
func (c *comparison) compare(a, b []byte, el *contract.Element) string {
	one, err := document.Read(a)
	if err != nil {
		return "the sample cannot be read: " + err.Error()
	}
	defer one.Release()
	other, err := document.Read(b)
	if err != nil {
		return "what the client writes cannot be read: " + err.Error()
	}
	defer other.Release()
	return c.differ(one.Root(), other.Root(), el)
}

// differ compares two elements; el is their declaration, nil when it is open.
func (c *comparison) differ(a, b document.Node, el *contract.Element) string {
	if a.Name() != b.Name() {
		return fmt.Sprintf("%s: it became %s", a.Path(), b.Name())
	}
	if d := c.differentAttributes(a, b, c.typeOf(a, el)); d != "" {
		return a.Path() + ": " + d
	}
	if !a.FirstChild().Exists() && !b.FirstChild().Exists() || a.HasText() || b.HasText() {
		if v, w := valueIn(a, el), valueIn(b, el); !sameValue(simpleOf(c.typeOf(b, el)), a, v, b, w) {
			return fmt.Sprintf("%s: %q became %q", a.Path(), v, w)
		}
	}
	t := c.typeOf(a, el)
	x, y := slices.Collect(a.Children()), slices.Collect(b.Children())
	if t != nil && t.Content != nil && unordered(t.Content) {
		byName := func(a, b document.Node) int { return compareNames(a.Name(), b.Name()) }
		slices.SortStableFunc(x, byName)
		slices.SortStableFunc(y, byName)
	}
	for i := range min(len(x), len(y)) {
		if d := c.differ(x[i], y[i], childOf(t, x[i])); d != "" {
			return d
		}
	}
	switch {
	case len(x) > len(y):
		return x[len(y)].Path() + ": it is lost"
	case len(y) > len(x):
		return fmt.Sprintf("%s: an element %s is added", a.Path(), y[len(x)].Name())
	}
	return ""
}

// valueIn is an element's text; what is empty has its fixed value or default
// (XSD 1.0 part 1 §3.3.1).
func valueIn(n document.Node, el *contract.Element) string {
	text := n.Text()
	switch {
	case text != "" || el == nil || n.Nil():
	case el.Fixed != nil:
		return *el.Fixed
	case el.Default != nil:
		return *el.Default
	}
	return text
}

// typeOf is the type that an element has by its declaration or by xsi:type.
func (c *comparison) typeOf(n document.Node, el *contract.Element) *contract.Type {
	if v, ok := n.Attr(xsiType); ok {
		return c.contract.Type(expanded(n, strings.TrimSpace(v)))
	}
	if el == nil {
		return nil
	}
	return el.Type
}

func childOf(t *contract.Type, n document.Node) *contract.Element {
	if t == nil {
		return nil
	}
	c, ok := t.Child(n.Name())
	if !ok {
		return nil
	}
	return c.Element
}

// simpleOf is the type of a value; nil when it is open.
func simpleOf(t *contract.Type) *contract.Simple {
	if t == nil || isRaw(t) {
		return nil
	}
	return t.Simple
}

var qnameType = &contract.Simple{Primitive: "QName", WhiteSpace: "collapse"}

func attributeType(t *contract.Type, name document.Name) *contract.Simple {
	if name == xsiType {
		return qnameType
	}
	if name == (document.Name{Space: document.NamespaceXSI, Local: "nil"}) {
		return &contract.Simple{Primitive: "boolean", WhiteSpace: "collapse"}
	}
	if t == nil || isRaw(t) {
		return nil
	}
	if a := t.Attr(name); a != nil {
		return a.Type
	}
	return nil
}

func unordered(p *contract.Particle) bool {
	return p.Kind == contract.All || len(p.Particles) == 1 && unordered(p.Particles[0])
}

// beyond reports whether a sample has what no client takes: by xsi:type, an
// element with attributes in the place of a value. Reading that is an error.
func (c *comparison) beyond(sample []byte, el *contract.Element) bool {
	tree, err := document.Read(sample)
	if err != nil {
		return false
	}
	defer tree.Release()
	return c.outgrown(tree.Root(), el)
}

func (c *comparison) outgrown(n document.Node, el *contract.Element) bool {
	t := c.typeOf(n, el)
	if t != nil && el != nil && isStruct(t) && !isStruct(el.Type) && !isRaw(el.Type) {
		return true
	}
	for child := range n.Children() {
		if c.outgrown(child, childOf(t, child)) {
			return true
		}
	}
	return false
}

// simple reports whether a name is a simple type's.
func (c *comparison) simple(name contract.Name) bool {
	found := c.contract.Type(name)
	return found != nil && found.Simple != nil && !isStruct(found)
}

var xsiType = document.Name{Space: document.NamespaceXSI, Local: "type"}

func compareNames(a, b document.Name) int {
	return cmp.Or(strings.Compare(a.Space, b.Space), strings.Compare(a.Local, b.Local))
}

func attributesOf(n document.Node) map[document.Name]string {
	out := maps.Collect(n.Attrs())
	for _, hint := range []string{"schemaLocation", "noNamespaceSchemaLocation"} {
		delete(out, document.Name{Space: document.NamespaceXSI, Local: hint})
	}
	return out
}

func (c *comparison) differentAttributes(a, b document.Node, t *contract.Type) string {
	x, y := attributesOf(a), attributesOf(b)
	for _, name := range slices.SortedFunc(maps.Keys(x), compareNames) {
		v := x[name]
		w, have := y[name]
		if !have && name == xsiType && c.simple(expanded(a, strings.TrimSpace(v))) {
			continue
		}
		if !have {
			return fmt.Sprintf("attribute %s is lost", name)
		}
		if !sameValue(attributeType(t, name), a, v, b, w) {
			return fmt.Sprintf("attribute %s: %q became %q", name, v, w)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(y), compareNames) {
		if _, have := x[name]; !have {
			return fmt.Sprintf("an attribute %s is added", name)
		}
	}
	return ""
}

// sameValue compares two values of a simple type, nil when the type is open:
// numbers, truth values and binary values may be written in another way, the
// prefixes of names may differ.
func sameValue(s *contract.Simple, a document.Node, v string, b document.Node, w string) bool {
	switch {
	case s == nil || s.Variety == contract.Union:
		return v == w
	case s.Variety == contract.Atomic:
		return sameAtomic(s, a, v, b, w)
	}
	x, y := strings.Fields(v), strings.Fields(w)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !sameValue(s.Item, a, x[i], b, y[i]) {
			return false
		}
	}
	return true
}

func sameAtomic(s *contract.Simple, a document.Node, v string, b document.Node, w string) bool {
	if s.WhiteSpace == "collapse" {
		v, w = strings.Join(strings.Fields(v), " "), strings.Join(strings.Fields(w), " ")
	}
	switch s.Primitive {
	case "boolean":
		return truth(v) == truth(w)
	case "decimal", "double", "float":
		return sameNumber(s.Primitive, v, w)
	case "base64Binary":
		return strings.ReplaceAll(v, " ", "") == strings.ReplaceAll(w, " ", "")
	case "hexBinary":
		return strings.EqualFold(v, w)
	case "QName":
		return expanded(a, v) == expanded(b, w)
	}
	return v == w
}

func truth(v string) bool { return v == "1" || v == "true" }

// sameNumber compares decimals exactly and floats as they are rounded.
func sameNumber(primitive, v, w string) bool {
	const mostDigits = 1000
	if v == w || len(v) > mostDigits || len(w) > mostDigits {
		return v == w
	}
	if primitive == "decimal" {
		x, ok := new(big.Rat).SetString(v)
		y, also := new(big.Rat).SetString(w)
		return ok && also && x.Cmp(y) == 0
	}
	bits := map[string]int{"double": 64, "float": 32}[primitive]
	x, err := strconv.ParseFloat(v, bits)
	y, wrong := strconv.ParseFloat(w, bits)
	return x == y && !errors.Is(err, strconv.ErrSyntax) && !errors.Is(wrong, strconv.ErrSyntax)
}

// expanded is a QName with its namespace for its prefix.
func expanded(n document.Node, qname string) document.Name {
	prefix, local, found := strings.Cut(qname, ":")
	if !found {
		prefix, local = "", qname
	}
	space, _ := n.NamespaceFor(prefix)
	return document.Name{Space: space, Local: local}
}
