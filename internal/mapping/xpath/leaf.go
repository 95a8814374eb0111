package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// A path may end in the attributes of its elements, or in their text. What it
// yields then goes by the element.

// kindOf is how the nodes of one declaration are read.
type kindOf struct {
	shape *Shape
	atom  atom
}

// equal reports whether two atoms read alike.
func (a *atom) equal(b atom) bool {
	same := a.fallback == b.fallback || a.fallback != nil && b.fallback != nil && *a.fallback == *b.fallback
	return same && a.class == b.class && a.space == b.space && a.hex == b.hex && a.nillable == b.nillable
}

// reader finds how a node of the path is read; of a path to attributes, one of
// the element.
func (w *walk) reader(n document.Node) *atom {
	for i := range w.kinds {
		s := w.kinds[i].shape
		if s.Element == nil {
			s = s.Parent
		}
		if s.describes(n) {
			return &w.kinds[i].atom
		}
	}
	return &w.atom
}

// eachLeaf goes through the text of an element, or its attributes, as written.
func (w *walk) eachLeaf(n document.Node, visit func(raw string, a *atom) bool) {
	if w.text {
		for run := range n.Mixed() {
			if run != "" && !visit(run, &w.atom) {
				return
			}
		}
		return
	}
	for i := range w.wild {
		a := w.attribute(n, i)
		raw, ok := n.Attr(w.wild[i])
		if !ok && a != nil && a.fallback != nil {
			raw, ok = *a.fallback, true
		}
		if ok && a != nil && !visit(raw, a) {
			return
		}
	}
}

// attribute finds how the attribute wild[i] of an element is read; nil where the
// element is not declared to have it.
func (w *walk) attribute(n document.Node, i int) *atom {
	members := w.t.Shape.members()
	for k, m := range members {
		if m.Attribute.Name != w.wild[i] || !m.Parent.describes(n) {
			continue
		}
		if w.kinds != nil {
			return &w.kinds[k].atom
		}
		return &w.atom
	}
	return nil
}

// leaves yields the values that belong to one element.
func (w *walk) leaves(f *Frame, n document.Node, yield func(Value)) error {
	var err error
	w.eachLeaf(n, func(raw string, a *atom) bool {
		v, complaint := a.value(f, raw)
		if complaint != "" {
			err = &Error{"the value " + complaint, raw}
			return false
		}
		yield(v)
		return true
	})
	return err
}

// firstLeaf is the first of them.
func (w *walk) firstLeaf(f *Frame, n document.Node) (Value, Presence, error) {
	var values []Value
	err := w.leaves(f, n, func(v Value) { values = append(values, v) })
	return first(values, err)
}

func first(values []Value, err error) (Value, Presence, error) {
	if err != nil || len(values) == 0 {
		return Value{}, Absent, err
	}
	return values[0], Present, nil
}

// leaves are attributes or text with predicates.
type leaves struct {
	t     Type
	w     *walk
	slot  int
	tests []predicate
}

func (l *leaves) typ() Type { return l.t }

func (l *leaves) all(f *Frame, dst []Value) ([]Value, error) {
	nodes, err := l.w.collect(f, nil)
	for i := 0; i < len(nodes) && err == nil; i++ {
		var own []Value
		if l.w.attr != nil {
			v, presence, fault := l.w.value(f, nodes[i])
			if err = fault; presence == Present {
				own = append(own, v)
			}
		} else {
			err = l.w.leaves(f, nodes[i], func(v Value) { own = append(own, v) })
		}
		if err == nil && own != nil {
			own, err = siftValues(f, l.slot, own, l.tests)
			dst = append(dst, own...)
		}
	}
	return dst, err
}

func (l *leaves) one(f *Frame) (Value, Presence, error) { return first(l.all(f, nil)) }

func (l *leaves) count(f *Frame) (int, error) {
	values, err := l.all(f, nil)
	return len(values), err
}

// leafFilter is a predicate on attributes or text: its context item is the value,
// and it counts for each element.
func (c *compiler) leafFilter(s *step, w *walk) code {
	if len(s.predicates) == 0 {
		return w
	}
	if c.atomized(s, w) == nil {
		return nil
	}
	own := w.t
	own.Min, own.Max = 0, w.most
	slot, leave := c.focusValue(own)
	tests, ok := c.judgements(s.predicates, &own)
	leave()
	if !ok {
		return nil
	}
	t := w.t
	t.Min = 0
	if w.most != 1 {
		t.Max = times(w.owners, own.Max)
	}
	return &leaves{t, w, slot, tests}
}

// hasText reports whether text may stand directly in the element.
func (s *Shape) hasText() bool {
	t := s.content()
	return s.simple() != nil && s.Attribute == nil || t != nil && (t.Mixed || t.Base == nil && t.Content == nil && t.Name.Local == "anyType")
}

// textStep ends a path at the text of its elements: one node where there are no
// child elements.
func (c *compiler) textStep(w *walk, t *Type, s *step) bool {
	var texts []*Shape
	most := 1
	for _, m := range t.Shape.members() {
		if !m.hasText() {
			continue
		}
		texts = append(texts, &Shape{text: true, Parent: m})
		if m.simple() == nil {
			most = Unbounded
		}
	}
	if texts == nil {
		c.fail(s, "%s %s no text of its own", c.scope.name(t.Shape), t.Shape.verb())
		return false
	}
	w.text, w.label = true, "text()"
	c.toLeaf(w, t, relative{united(texts), 0, most})
	return true
}

// toLeaf makes attributes or text the end of a path.
func (c *compiler) toLeaf(w *walk, t *Type, r relative) {
	w.most, w.owners = r.max, t.Max
	t.Shape, t.Min, t.Max = r.shape, timesLeast(t.Min, r.min), times(t.Max, r.max)
}

func (c *compiler) attributeStep(w *walk, t *Type, s *step) bool {
	if s.kind != "" && s.name == "" || s.kind == "*" {
		return c.wildAttributes(w, t, s)
	}
	name, ok := c.expand(s)
	if !ok {
		return false
	}
	r, ok := t.Shape.attribute(name)
	if !ok {
		c.fail(s, "%s", c.scope.unknown(t.Shape, display(s.prefix, s.name), true))
		return false
	}
	w.attr, w.label = &name, display(s.prefix, s.name)
	c.toLeaf(w, t, r)
	return true
}

// wildAttributes is @* and its like: the attributes that the contract declares.
func (c *compiler) wildAttributes(w *walk, t *Type, s *step) bool {
	test, ok := c.nodeTest(s)
	if !ok {
		return false
	}
	r := relative{}
	var shapes []*Shape
	for _, m := range t.Shape.members() {
		own := 0
		if content := m.content(); content != nil {
			for _, a := range content.Attributes {
				if test.accepts(a.Name) {
					shapes = append(shapes, &Shape{Attribute: a, Parent: m})
					own++
				}
			}
		}
		r.max = max(r.max, own)
	}
	if r.shape = united(shapes); r.shape == nil {
		c.fail(s, "%s %s no attribute %s%s", c.scope.name(t.Shape), t.Shape.verb(), s, didYouMean("@", s.name, c.scope.attributes(t.Shape)))
		return false
	}
	for _, m := range r.shape.members() {
		if !slices.Contains(w.wild, m.Attribute.Name) {
			w.wild = append(w.wild, m.Attribute.Name)
		}
	}
	w.label = "*"
	c.toLeaf(w, t, r)
	return true
}
