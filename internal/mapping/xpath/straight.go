package xpath

import (
	"github.com/gatehouse/gatehouse/internal/document"
)

// Most expressions of a mapping are paths to one element or attribute that is a
// text or a number, once for each column of each row. They are read here without
// a value being handed from function to function; whatever is not plain, a fault
// above all, is left to walk.value, which says the same of all that is read here.

// Into evaluates as One does. It writes v only where a value is Present.
func (p *Program) Into(f *Frame, v *Value) (Presence, error) {
	if p.straight != nil && f.Watch == nil {
		return p.straight.into(f, v)
	}
	presence, err := p.into(f, v)
	if f.Watch != nil {
		p.saw(f, seenWhether(presence == Present), err)
	}
	return presence, err
}

func (p *Program) into(f *Frame, v *Value) (Presence, error) {
	if p.straight != nil {
		return p.straight.into(f, v)
	}
	if s, ok := p.code.(*scalar); ok {
		return s.into(f, v)
	}
	one, presence, err := p.code.one(f)
	if err != nil {
		return Absent, err
	}
	if presence == Present {
		*v = one
	}
	return presence, nil
}

// isStraight reports whether the path is at most one node, all read alike.
func (w *walk) isStraight() bool {
	return w.plain && w.base == nil && w.wild == nil && !w.text && w.kinds == nil
}

// end is the node of a straight path, or none; of a path to an attribute, its
// element.
func (w *walk) end(f *Frame) document.Node {
	n := f.Item
	if w.from >= 0 {
		n = f.Nodes[w.from]
	}
	for i := range w.moves {
		m := &w.moves[i]
		if m.axis != childAxis {
			n = m.direct(n)
			continue
		}
		n = n.Child(m.name)
	}
	return n
}

// raw is the text of a node of a straight path, before white space is normalised.
func (w *walk) raw(n document.Node) (string, Presence) {
	a := &w.atom
	if w.attr != nil {
		raw, ok := n.Attr(*w.attr)
		switch {
		case ok:
			return raw, Present
		case a.fallback != nil:
			return *a.fallback, Present
		}
		return "", Absent
	}
	if a.nillable && n.Nil() {
		return "", Nil
	}
	raw := n.Text()
	if raw == "" && a.fallback != nil {
		raw = *a.fallback
	}
	return raw, Present
}

// into evaluates a straight path.
func (w *walk) into(f *Frame, v *Value) (Presence, error) {
	n := w.end(f)
	if !n.Exists() {
		return Absent, nil
	}
	raw, presence := w.raw(n)
	if presence != Present {
		return presence, nil
	}
	if len(raw) > longText {
		if err := f.written(len(raw)); err != nil {
			return Absent, err
		}
	}
	switch w.atom.class {
	case String, Untyped:
		*v = Value{Class: w.atom.class, Text: whiteSpace(raw, w.atom.space)}
		return Present, nil
	case Integer, Decimal:
		if s, ok := scanShort(raw, w.atom.class == Integer); ok {
			*v = Value{Class: w.atom.class, Text: raw, Number: s.decimal(f)}
			return Present, nil
		}
	}
	one, complaint := w.atom.value(f, raw)
	if complaint != "" {
		return Absent, &Error{"the value " + complaint, raw}
	}
	*v = one
	return Present, nil
}

// short reads the number of a straight path; ok is false where it is no short
// one, or none at all.
func (w *walk) short(f *Frame) (s short, presence Presence, ok bool) {
	n := w.end(f)
	if !n.Exists() {
		return short{}, Absent, true
	}
	raw, presence := w.raw(n)
	if presence == Present {
		s, ok = scanShort(raw, w.atom.class == Integer)
		return s, Present, ok
	}
	return short{}, Absent, true // of nothing, as of what is nil, nothing comes
}

// textTest finds a straight path to a text that is compared with a literal.
func textTest(left, right code) (w *walk, text string, ok bool) {
	if p, nillable := left.(*presentOnly); nillable {
		left = p.walk
	}
	w, ok = left.(*walk)
	if !ok || !w.isStraight() || !w.atom.class.textual() {
		return nil, "", false
	}
	s, ok := right.(*scalar)
	if !ok || s.literal == nil || !s.literal.Class.textual() {
		return nil, "", false
	}
	return w, s.literal.Text, true
}
