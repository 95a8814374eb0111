package mapping

import (
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
)

// arena is what the rows of one message are made of.
type arena struct {
	rows  slab[Row]
	cells slab[Cell]
	keyed slab[Value]     // of look-ups
	nodes []document.Node // what the steps under way go through
}

// arenas keeps them for reuse; it holds no state between messages.
var arenas = sync.Pool{New: func() any { return new(arena) }}

// maxRetained is the number of items past which a slab is not kept for the next
// message.
const maxRetained = 1 << 14

// slab is what items are cut off, since a message has many.
type slab[T any] struct {
	items []T
	taken int
}

// take returns n zero items, which cannot be appended to in place.
func (s *slab[T]) take(n int) []T {
	s.reserve(n)
	items := s.items[s.taken : s.taken+n : s.taken+n]
	s.taken += n
	return items
}

// reserve makes room for n items. A full slab is left to those who have its items.
func (s *slab[T]) reserve(n int) {
	if len(s.items)-s.taken >= n {
		return
	}
	s.items, s.taken = make([]T, max(n, min(2*len(s.items), maxRetained), 16)), 0
}

// empty makes all items zero again.
func (s *slab[T]) empty() {
	if len(s.items) > maxRetained {
		s.items = nil
	} else {
		clear(s.items[:s.taken])
	}
	s.taken = 0
}

// Release gives the memory of the rows to the next message. Nobody may use the
// rows afterwards; identity and keys stay. Nothing but memory is lost when it is
// not called, and calling it again does nothing.
func (c *Changeset) Release() {
	a := c.arena
	c.arena, c.Rows = nil, nil
	if a == nil {
		return
	}
	a.rows.empty()
	a.cells.empty()
	a.keyed.empty()
	if a.nodes = a.nodes[:0]; cap(a.nodes) > maxRetained {
		a.nodes = nil
	}
	clear(a.nodes[:cap(a.nodes)])
	arenas.Put(a)
}
