package contract

import "github.com/gatehouse/gatehouse/internal/document"

// siblings are the child elements of one element by their slots, the slots in
// the order in which they first occur.
type siblings struct {
	layout    *layout
	items     []sibling // in document order
	first     []int32   // by slot: its first item, or none
	last      []int32
	nextSlot  []int32 // the slot that first occurs next, or none
	firstSlot int32
	lastSlot  int32

	// For reproducible.
	heads   []int32
	ordered []int32 // by rank: the item
	placed  int     // items in their places so far
	astray  bool
}

type sibling struct {
	node document.Node
	slot int32
	next int32 // item of the same slot, or none
	rank int32 // place in the JSON text
}

// siblings sorts the children of n.
func (w *twinWriter) siblings(t *Type, n document.Node) *siblings {
	if w.depth == len(w.stack) {
		w.stack = append(w.stack, &siblings{})
	}
	s := w.stack[w.depth]
	s.layout, s.items, s.firstSlot, s.lastSlot = t.layout(), s.items[:0], none, none
	s.first, s.last, s.nextSlot = nothing(s.first, len(s.layout.slots)), nothing(s.last, len(s.layout.slots)), nothing(s.nextSlot, len(s.layout.slots))
	for c := n.FirstChild(); c.Exists(); c = c.NextSibling() {
		if slot, known := s.layout.byName[c.Name()]; known {
			s.add(c, slot)
		} else {
			w.report(c, "the contract does not name this element here, so that it cannot be told in JSON", c.Name().String())
		}
	}
	return s
}

func (s *siblings) add(n document.Node, slot int32) {
	item := int32(len(s.items))
	s.items = append(s.items, sibling{node: n, slot: slot, next: none})
	switch {
	case s.first[slot] != none:
		s.items[s.last[slot]].next = item
	case s.lastSlot != none:
		s.nextSlot[s.lastSlot] = slot
	default:
		s.firstSlot = slot
	}
	if s.first[slot] == none {
		s.first[slot], s.lastSlot = item, slot
	}
	s.last[slot] = item
}

// reproducible reports whether the arrays and keys, read again, give the
// children in the order that they have.
func (s *siblings) reproducible(effort *effort) bool {
	s.heads, s.ordered = nothing(s.heads, len(s.layout.slots)), s.ordered[:0]
	for slot := s.firstSlot; slot != none; slot = s.nextSlot[slot] {
		s.heads[slot] = int32(len(s.ordered))
		for i := s.first[slot]; i != none; i = s.items[i].next {
			s.items[i].rank = int32(len(s.ordered))
			s.ordered = append(s.ordered, i)
		}
	}
	s.placed, s.astray = 0, false
	a := arrangement{supplier: s, heads: s.heads, effort: effort}
	a.arrange(s.layout)
	return !s.astray && s.placed == len(s.items)
}

func (s *siblings) following(rank int32) int32 {
	if next := s.items[s.ordered[rank]].next; next != none {
		return s.items[next].rank
	}
	return none
}

func (s *siblings) place(_, rank int32) {
	s.astray = s.astray || int(s.ordered[rank]) != s.placed
	s.placed++
}

// lacking leaves it to who calls the element valid.
func (s *siblings) lacking(*Particle) {}
