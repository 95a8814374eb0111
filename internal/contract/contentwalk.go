package contract

import (
	"slices"

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
	if n.HasText() {
		x.report(n, fault.Detail{Message: "text is not allowed between elements", Found: quote(collapse(n.OwnText())), Expected: x.typeWords(n, el), Doc: el.doc()})
	}
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
	w.passed(c, passed)
	w.descend(c, p)
}

// passed reports the particles left out to get to c.
func (w *contentWalk) passed(c document.Node, all []*Particle) {
	for _, p := range all {
		if !w.comesLater(c, p) {
			w.absent(c, p)
		}
	}
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
		d.Expected, d.Doc = w.expectedElement(p.Element), p.Element.doc()
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
	if known, declared := w.t.Child(c.Name()); declared {
		w.misplaced(c, known)
		w.element(c, known.Element)
		return
	}
	slip := w.slip(c)
	if w.full() {
		w.more++
	} else {
		w.unknown(c, slip)
	}
	if slip != nil {
		w.instead(c, slip)
	}
}

// misplaced says in which way a declared child is unexpected.
func (w *contentWalk) misplaced(c document.Node, known Child) {
	if w.full() {
		w.more++
		return
	}
	d := fault.Detail{Found: quoted(c), Expected: w.expectedNext(), Doc: known.Element.doc()}
	switch {
	case known.Max == 1 && precededBy(c, c.Name()):
		d.Message = "the element occurs twice"
	case known.Max != Unbounded && w.tooMany(c, known.Max):
		d.Message = "the element occurs more than " + count(known.Max, "time")
	default:
		w.order(&d, c)
	}
	w.report(c, d)
}

// order says why a declared child may not stand where it does: it comes too
// late, excludes another, or is one more than its group takes.
func (w *contentWalk) order(d *fault.Detail, c document.Node) {
	d.Message = "the element is out of place"
	other := w.shouldPrecede(c)
	switch {
	case !other.Exists():
		other = w.excludes(c)
		if other.Exists() {
			d.Message, d.Expected = "only one of "+other.QName()+" and "+c.QName()+" may stand here", "one of them"
		}
	case w.follows(other.Name(), c.Name()):
		d.Message = "the element is one more than may stand here"
	default:
		d.Expected = c.QName() + " before " + other.QName()
	}
}

// excludes returns an earlier sibling that cannot stand together with c in any
// order: both are alternatives of a choice.
func (w *contentWalk) excludes(c document.Node) document.Node {
	for _, k := range w.t.Children() {
		if w.looks++; w.looks > maxLooks {
			break
		}
		s := w.parent.Child(k.Element.Name)
		if k.Element.Name == c.Name() || !s.Exists() || !before(s, c) {
			continue
		}
		if !w.follows(s.Name(), c.Name()) && !w.follows(c.Name(), s.Name()) {
			return s
		}
	}
	return document.Node{}
}

// before reports whether a starts before b.
func before(a, b document.Node) bool {
	al, ac := a.Position()
	bl, bc := b.Position()
	return al < bl || al == bl && ac < bc
}

// follows reports whether the content model has a place for b after a, whatever
// is missing between.
func (w *contentWalk) follows(a, b Name) bool {
	m := newMatcher(w.t.Content)
	if _, _, ok := m.take(a); !ok {
		return false
	}
	_, _, ok := m.take(b)
	return ok
}

// unknown reports a child that the content model does not have.
func (w *contentWalk) unknown(c document.Node, slip *Element) {
	d := fault.Detail{Message: "the element is not known here", Found: quoted(c), Expected: w.expectedNext()}
	switch {
	case slip == nil:
	case slip.Name.Local == c.Name().Local:
		d.Message, d.Found, d.Expected, d.Doc = "the element is in the wrong namespace", expandedName(c.Name()), expandedName(slip.Name), slip.doc()
	default:
		d.Message, d.Doc = d.Message+isMeant(prefixed(w.parent, slip.Name)), slip.doc()
	}
	w.report(c, d)
}

// slip returns the child that an unknown one was meant to be, or nil: the one of
// its name in another namespace, else one of nearly its name that may come next.
func (w *contentWalk) slip(c document.Node) *Element {
	if right := w.sameLocal(c.Name()); right != nil {
		return right
	}
	if w.full() {
		return nil
	}
	next := slices.DeleteFunc(w.matcher.next(), func(el *Element) bool { return el.Abstract })
	names := make([]string, len(next))
	for i, el := range next {
		names[i] = el.Name.Local
	}
	if i := slices.Index(names, nearest(c.Name().Local, names)); i >= 0 {
		return next[i]
	}
	return nil
}

// instead goes on as if a child were the one that it was meant to be.
func (w *contentWalk) instead(c document.Node, slip *Element) {
	if p, passed, ok := w.matcher.take(slip.Name); ok && p.Kind == ElementParticle {
		w.passed(c, passed)
	}
	w.element(c, slip)
}

// expandedName is an expanded name, for a fault of its namespace.
func expandedName(name Name) string {
	if name.Space == "" {
		return name.Local + " in no namespace"
	}
	return name.String()
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
func (w *contentWalk) shouldPrecede(c document.Node) document.Node {
	order := w.t.Children()
	place := slices.IndexFunc(order, func(k Child) bool { return k.Element.Name == c.Name() })
	for s := w.parent.FirstChild(); s.Exists() && s != c; s = s.NextSibling() {
		at := slices.IndexFunc(order, func(k Child) bool { return k.Element.Name == s.Name() })
		if place >= 0 && at > place {
			return s
		}
	}
	return document.Node{}
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
