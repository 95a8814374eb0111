package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// content explains the children of n against its type's content model.
func (x *explainer) content(n document.Node, el *Element, t *Type) {
	if x.misplacedText && !t.Mixed {
		x.textBetween(n, el)
	}
	walk := &contentWalk{explainer: x, parent: n, t: t, matcher: newMatcher(t.Content)}
	for c := range n.Children() {
		walk.child(c)
	}
	for _, p := range walk.matcher.missing() {
		walk.absent(document.Node{}, p)
	}
}

// textBetween finds text that stands beside child elements.
func (x *explainer) textBetween(n document.Node, el *Element) {
	own := inked(n.Text())
	for c := range n.Children() {
		own -= inked(c.Text())
	}
	if own > 0 {
		found := quote(strings.TrimSpace(n.Text()))
		if n.FirstChild().Exists() {
			found = count(own, "character") + " of text"
		}
		x.report(n, fault.Detail{Message: "text is not allowed between elements", Found: found, Expected: x.typeWords(n, el), Doc: el.Doc})
	}
}

// inked counts the characters that are not white space.
func inked(s string) int {
	n := 0
	for _, r := range s {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}

// contentWalk follows the children of one element through the content model.
type contentWalk struct {
	*explainer
	parent  document.Node
	t       *Type
	matcher *matcher
	looks   int // ahead; see comesLater
}

// maxLooks bounds the looks at all later siblings for one element's children.
const maxLooks = 100

// child places one child element in the content model, or says why it cannot.
func (w *contentWalk) child(c document.Node) {
	p, passed, ok := w.matcher.take(c.Name())
	if !ok {
		w.unexpected(c)
		return
	}
	for _, absent := range passed {
		if !w.comesLater(c, absent) {
			w.absent(c, absent)
		}
	}
	w.descend(c, p)
}

func (w *contentWalk) descend(c document.Node, p *Particle) {
	switch {
	case p.Kind == ElementParticle && p.Element.Name == c.Name():
		w.element(c, p.Element)
	case p.Kind == ElementParticle:
		w.element(c, p.Element.substitute(c.Name()))
	case p.Any.Process != "skip":
		if el := w.service.elements[c.Name()]; el != nil {
			w.element(c, el)
		} else if p.Any.Process == "strict" {
			w.report(c, fault.Detail{Message: "the contract does not declare this element", Found: c.Name().String(), Expected: "an element that the contract declares"})
		}
	}
}

// comesLater reports whether a passed element stands among the later siblings:
// then it is out of place there, not missing here.
func (w *contentWalk) comesLater(c document.Node, p *Particle) bool {
	if w.looks++; p.Kind != ElementParticle || w.looks > maxLooks {
		return false
	}
	return c.Next(p.Element.Name).Exists()
}

// absent reports a particle that should have come before c, or before the end.
func (w *contentWalk) absent(c document.Node, p *Particle) {
	if p.Kind == Sequence || p.Kind == All {
		for _, q := range p.Particles {
			if !w.matcher.optional(q) {
				w.absent(c, q)
			}
		}
		return
	}
	if w.full() {
		w.more++
		return
	}
	d := fault.Detail{Message: "a required element is missing", Path: w.parent.Path(), Found: "the end of " + w.parent.QName()}
	if c.Exists() {
		d.Found = quoted(c)
		d.Line, d.Column = c.Position()
	}
	switch els := w.matcher.first(nil, p); {
	case p.Kind == ElementParticle:
		d.Expected, d.Doc = w.expectedElement(p.Element), p.Element.Doc
	case p.Kind == AnyParticle:
		d.Expected = "any element"
	default:
		d.Expected = w.names(w.parent, els)
	}
	w.report(w.parent, d)
}

func (w *contentWalk) expectedElement(el *Element) string {
	name := prefixed(w.parent, el.Name)
	if el.Type.Simple != nil {
		return name + ", " + el.Type.Simple.Describe()
	}
	return name
}

// unexpected reports a child that the content model has no place for, and
// explains its content as far as it is known.
func (w *contentWalk) unexpected(c document.Node) {
	known, declared := w.t.Child(c.Name())
	if w.full() {
		w.more++
	} else {
		w.complain(c, known, declared)
	}
	if declared {
		w.element(c, known.Element)
	}
}

// complain says in which way a child is unexpected.
func (w *contentWalk) complain(c document.Node, known Child, declared bool) {
	d := fault.Detail{Found: quoted(c), Expected: w.expectedNext()}
	switch {
	case declared && known.Max == 1 && precededBy(c, c.Name()):
		d.Message, d.Doc = "the element occurs twice", known.Element.Doc
	case declared && known.Max != Unbounded && w.tooMany(c, known.Max):
		d.Message, d.Doc = fmt.Sprintf("the element occurs more than %d times", known.Max), known.Element.Doc
	case declared:
		d.Message, d.Doc = "the element is out of place", known.Element.Doc
		if before := w.shouldPrecede(c); before != "" {
			d.Expected = c.QName() + " before " + before
		}
	default:
		d.Message = "the element is not known here"
		if right := w.sameLocal(c.Name()); right != nil {
			d.Message = "the element is in the wrong namespace"
			d.Found, d.Expected, d.Doc = named(c), right.Name.String(), right.Doc
		}
	}
	w.report(c, d)
}

// named is an element's expanded name, for a fault of its namespace.
func named(c document.Node) string {
	if c.Name().Space == "" {
		return c.Name().Local + " in no namespace"
	}
	return c.Name().String()
}

func (w *contentWalk) tooMany(c document.Node, most int) bool {
	n := 0
	for s := w.parent.Child(c.Name()); s.Exists() && s != c; s = s.Next(c.Name()) {
		n++
	}
	return n >= most
}

// shouldPrecede returns the first sibling before c that the content model puts
// after it.
func (w *contentWalk) shouldPrecede(c document.Node) string {
	order := w.t.Children()
	place := slices.IndexFunc(order, func(k Child) bool { return k.Element.Name == c.Name() })
	for s := w.parent.FirstChild(); s.Exists() && s != c; s = s.NextSibling() {
		at := slices.IndexFunc(order, func(k Child) bool { return k.Element.Name == s.Name() })
		if place >= 0 && at > place {
			return s.QName()
		}
	}
	return ""
}

func (w *contentWalk) sameLocal(name Name) *Element {
	for _, k := range w.t.Children() {
		if k.Element.Name.Local == name.Local && k.Element.Name.Space != name.Space {
			return k.Element
		}
	}
	return nil
}

// expectedNext lists what may come where the walk stands.
func (w *contentWalk) expectedNext() string {
	next := w.matcher.next()
	if len(next) == 0 {
		return "the end of " + w.parent.QName()
	}
	names := w.names(w.parent, next)
	if len(w.matcher.missing()) == 0 {
		return names + ", or the end of " + w.parent.QName()
	}
	return names
}
