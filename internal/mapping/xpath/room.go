package xpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Slab is what items are cut off, since a message has many. Its zero value is
// ready for use; it serves one goroutine.
type Slab[T any] struct {
	items []T
	taken int
}

// maxRetained is the number of items past which a slab is not kept for the next
// message.
const maxRetained = 1 << 17

// Take returns n zero items, which cannot be appended to in place.
func (s *Slab[T]) Take(n int) []T {
	s.Reserve(n)
	items := s.items[s.taken : s.taken+n : s.taken+n]
	s.taken += n
	return items
}

// Reserve makes room for n items. What is taken of a slab that is too small is
// left to those who have it.
func (s *Slab[T]) Reserve(n int) {
	if len(s.items)-s.taken < n {
		s.items, s.taken = make([]T, max(n, min(2*len(s.items), maxRetained), 16)), 0
	}
}

// Empty makes all items zero again: nobody may use what was taken.
func (s *Slab[T]) Empty() {
	if len(s.items) > maxRetained {
		s.items = nil
	} else {
		clear(s.items[:s.taken])
	}
	s.taken = 0
}

// Room is where the numbers and moments of values are. Its zero value is ready
// for use; it serves one goroutine.
type Room struct {
	decimals Slab[apd.Decimal]
	moments  Slab[time.Time]
}

// Empty gives the room to other values: nobody may use the numbers and moments of
// those that were made in it.
func (r *Room) Empty() {
	r.decimals.Empty()
	r.moments.Empty()
}

// room is the frame's own where it was given none.
func (f *Frame) room() *Room {
	if f.Room == nil {
		f.Room = new(Room)
	}
	return f.Room
}

// decimal returns a zero decimal that nobody else has.
func (f *Frame) decimal() *apd.Decimal { return &f.room().decimals.Take(1)[0] }

// moment returns room for a moment that nobody else has.
func (f *Frame) moment() *time.Time { return &f.room().moments.Take(1)[0] }
