package xpath

import (
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
