package contract

import (
	"errors"
	"strings"

	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// identityMessage reports whether an engine's message is about ID and IDREF,
// for which it has no code of its own.
func identityMessage(m string) bool {
	return strings.HasPrefix(m, "duplicate ID") || strings.HasPrefix(m, "IDREF does not resolve")
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
	xsderrors.CodeValidationIdentity:  "a key of the contract is missing, repeated or refers to nothing",
}

// translate adds what the engine found as a detail in our words.
func (x *explainer) translate(tree *document.Tree, err error) {
	d, ok := errors.AsType[*xsderrors.Error](err)
	if !ok {
		return
	}
	sentence, known := sentences[d.Code()]
	switch {
	case strings.HasPrefix(d.Message(), "duplicate ID"):
		sentence = "an xs:ID occurs twice"
	case strings.HasPrefix(d.Message(), "IDREF does not resolve"):
		sentence = "an xs:IDREF refers to no xs:ID of the message"
	case !known:
		sentence = "the element breaks its contract"
	}
	line, column := d.Line(), d.Column()
	out := fault.Detail{Message: sentence, Path: d.Path(), Line: line, Column: column}
	if n := nodeAt(tree.Root(), line, column, strings.Count(d.Path(), "/")); n.Exists() {
		out.Path = n.Path()
		out.Line, out.Column = n.Position()
		if v := n.Text(); v != "" && !n.FirstChild().Exists() {
			out.Found = quote(v)
		}
	}
	x.details = append(x.details, out)
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
