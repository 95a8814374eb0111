package contract

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// The engine's messages that are told apart by their words, because it has no
// code of their own for them.
const (
	saysTwiceID      = "duplicate ID "
	saysNoID         = "IDREF does not resolve: "
	saysTwiceKey     = "duplicate identity value first seen at "
	saysNoKey        = "keyref does not resolve"
	saysKeyMissing   = "key field is missing"
	saysKeyNillable  = "key field selects nillable"
	saysKeyMany      = "identity field selects multiple"
	saysKeyNone      = "identity field has no simple value"
	saysFirstSeen    = " first seen at "
	saysUndeclared   = "attribute is not declared: "
	saysNoLocation   = "xsi:schemaLocation must contain"
	saysBadLocation  = "invalid xsi:schemaLocation URI "
	saysBadLocation1 = "invalid xsi:noNamespaceSchemaLocation URI "
)

// identityMessage reports whether an engine's message is about ID and IDREF,
// for which it has no code of its own.
func identityMessage(m string) bool {
	return strings.HasPrefix(m, saysTwiceID) || strings.HasPrefix(m, saysNoID)
}

// sentences are our words for the engine's codes.
var sentences = map[xsderrors.Code]string{
	xsderrors.CodeValidationElement:   "the element is not allowed here",
	xsderrors.CodeValidationAttribute: "an attribute is missing or not allowed",
	xsderrors.CodeValidationText:      "text is not allowed here",
	xsderrors.CodeValidationType:      "xsi:type does not name a type that may stand here",
	xsderrors.CodeValidationFacet:     "the value is not one that its type takes",
	xsderrors.CodeValidationContent:   "the element's content is incomplete",
	xsderrors.CodeValidationNil:       "xsi:nil is not allowed here, or the element is not empty",
	xsderrors.CodeValidationIdentity:  "a key of the contract is incomplete, or its field has no single value",

	xsderrors.CodeUnsupportedSchemaHint: "the contract does not declare what is named here, and xsi:schemaLocation is never followed",
}

// translate adds what the engine found as a detail in our words.
func (x *explainer) translate(tree *document.Tree, err error) {
	d, ok := errors.AsType[*xsderrors.Error](err)
	if !ok {
		return
	}
	out := fault.Detail{Message: "the element breaks its contract", Path: d.Path(), Line: d.Line(), Column: d.Column()}
	if sentence, known := sentences[d.Code()]; known {
		out.Message = sentence
	}
	n := nodeAt(tree.Root(), d.Line(), d.Column(), strings.Count(d.Path(), "/"))
	if n.Exists() {
		out.Path = n.Path()
		out.Line, out.Column = n.Position()
		if v := n.Text(); v != "" && !n.FirstChild().Exists() {
			out.Found = quote(v)
		}
		if el := x.declaration(n); el != nil {
			out.Doc = el.doc()
		}
	}
	x.inWords(&out, n, d.Message())
	x.translated++
	x.details = append(x.details, out)
}

// inWords says what the engine's message says.
func (x *explainer) inWords(out *fault.Detail, n document.Node, said string) {
	switch {
	case strings.HasPrefix(said, saysTwiceID):
		id, path, _ := strings.Cut(strings.TrimPrefix(said, saysTwiceID), saysFirstSeen)
		out.Message, out.Found = "the id is taken: it must be unique in the message", quote(id)
		out.Expected = "an id that no other element has" + firstPlace(n, path, func(m document.Node) bool { return holdsValue(m, id) })
	case strings.HasPrefix(said, saysNoID):
		out.Message, out.Found = "the reference leads nowhere: no element of the message has this id", quote(strings.TrimPrefix(said, saysNoID))
		out.Expected = "the id of an element of the message"
	case strings.HasPrefix(said, saysTwiceKey):
		out.Message = "the element repeats a key: its value must be unique there"
		if out.Found == "" {
			out.Found = quoted(n)
		}
		out.Expected = "a value that no other " + n.QName() + " has" + firstPlace(n, strings.TrimPrefix(said, saysTwiceKey), nil)
	case said == saysNoKey:
		out.Message, out.Expected = "the reference leads nowhere: no key of the message has this value", "the value of a key of the message"
		if out.Found == "" {
			out.Found = quoted(n)
		}
	case strings.HasPrefix(said, saysKeyMissing), strings.HasPrefix(said, saysKeyNillable):
		out.Message, out.Found, out.Expected = "a value is missing that is part of the element's key", quoted(n), "a value for every field of the key"
	case strings.HasPrefix(said, saysKeyMany), strings.HasPrefix(said, saysKeyNone):
		out.Message, out.Found, out.Expected = "a key has one plain value for each of its fields, and here there are several, or elements in it", quoted(n), "one value for every field of the key"
	case strings.HasPrefix(said, saysUndeclared):
		out.Message, out.Found = "the attribute is not known here", strings.TrimPrefix(said, saysUndeclared)
		out.Expected = "an attribute that the contract declares"
	case strings.HasPrefix(said, saysNoLocation), strings.HasPrefix(said, saysBadLocation), strings.HasPrefix(said, saysBadLocation1):
		x.schemaLocation(out, n)
	}
}

// schemaLocation is about the two hints at schemas, which must have their form
// though nobody follows them.
func (x *explainer) schemaLocation(out *fault.Detail, n document.Node) {
	out.Message, out.Expected = "xsi:schemaLocation is malformed", "pairs of a namespace and an address, or no such attribute"
	value, ok := n.Attr(Name{Space: nsXSI, Local: "schemaLocation"})
	if !ok {
		out.Message, out.Expected = "xsi:noNamespaceSchemaLocation is malformed", "an address, or no such attribute"
		value, _ = n.Attr(Name{Space: nsXSI, Local: "noNamespaceSchemaLocation"})
	}
	out.Found = quote(value)
}

// maxSearched bounds the search for where a value stood first.
const maxSearched = 10_000

// firstPlace says where the one element before n stands that is at path, given
// without positions, and that fits; nil looks for the same content. It says nothing
// when there are several or none.
func firstPlace(n document.Node, path string, fits func(document.Node) bool) string {
	if fits == nil {
		fits = func(m document.Node) bool { return sameContent(m, n) }
	}
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	found, left := document.Node{}, maxSearched
	var walk func(m document.Node, steps []string) bool
	walk = func(m document.Node, steps []string) bool {
		if left--; left < 0 || m.Name().Local != steps[0] {
			return left >= 0
		}
		if len(steps) == 1 {
			if m == n || found.Exists() {
				return m != n
			}
			if fits(m) {
				found = m
			}
			return true
		}
		for c := range m.Children() {
			if !walk(c, steps[1:]) {
				return false
			}
		}
		return true
	}
	walk(rootOf(n), steps)
	if !found.Exists() {
		return ""
	}
	line, column := found.Position()
	return fmt.Sprintf("; the one at line %d, column %d has it", line, column)
}

// sameContent reports whether two elements have the same text, or else are
// written alike.
func sameContent(a, b document.Node) bool {
	if text := strings.TrimSpace(b.Text()); text != "" {
		return strings.TrimSpace(a.Text()) == text
	}
	return string(a.Source()) == string(b.Source())
}

// holdsValue reports whether an element's text or one of its attributes is v.
func holdsValue(n document.Node, v string) bool {
	for _, value := range n.Attrs() {
		if collapse(value) == v {
			return true
		}
	}
	return !n.FirstChild().Exists() && collapse(n.Text()) == v
}

func rootOf(n document.Node) document.Node {
	for n.Parent().Exists() {
		n = n.Parent()
	}
	return n
}

// declaration returns what the contract declares n as, or nil: the way from the
// Body's or the Header's child down to it.
func (x *explainer) declaration(n document.Node) *Element {
	parent := n.Parent()
	if !parent.Exists() || isEnvelopePart(parent) {
		return x.outermost(n, parent)
	}
	above := x.declaration(parent)
	if above == nil {
		return nil
	}
	t := above.Type
	if named := x.namedType(parent); named != nil {
		t = named
	}
	if c, ok := t.Child(n.Name()); ok {
		return c.Element
	}
	if t.Open() {
		return x.service.elements[n.Name()]
	}
	return nil
}

// outermost returns the declaration of a Body's or a Header's child, or of a
// message without an envelope.
func (x *explainer) outermost(n, parent document.Node) *Element {
	if parent.Name().Local == "Header" {
		return x.block(n.Name())
	}
	first := n
	if parent.Exists() {
		first = parent.FirstChild()
	}
	op := x.meant(first)
	switch {
	case op == nil:
	case op.Input.Gathered:
		if c, ok := op.Input.Element.Type.Child(n.Name()); ok {
			return c.Element
		}
	case op.Input.Element.Name == n.Name():
		return op.Input.Element
	}
	return x.service.elements[n.Name()]
}

func isEnvelopePart(n document.Node) bool {
	space := n.Name().Space
	return space == nsEnv11 || space == nsEnv12
}

// nodeAt returns the element that a place in the document belongs to: one that
// starts there, else the last that starts before it, no deeper than depth.
func nodeAt(root document.Node, line, column, depth int) document.Node {
	before := func(n document.Node) bool {
		l, c := n.Position()
		return l < line || l == line && c <= column
	}
	n, level := root, 1
	for {
		var inner document.Node
		for c := range n.Children() {
			if !before(c) {
				break
			}
			inner = c
		}
		if !inner.Exists() {
			return n
		}
		l, c := inner.Position()
		if level >= depth && (l != line || c != column) {
			return n
		}
		n, level = inner, level+1
	}
}
