package mapping

import (
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// arena is what the rows of one message are made of.
type arena struct {
	rows  xpath.Slab[Row]
	cells xpath.Slab[Cell]
	keyed xpath.Slab[Value] // of look-ups
	room  xpath.Room        // of the values
	nodes []document.Node   // what the steps under way go through
}

// arenas keeps them for reuse; it holds no state between messages.
var arenas = sync.Pool{New: func() any { return new(arena) }}

// Release gives the memory of the rows to the next message. Nobody may use the
// rows and their values afterwards; identity and keys stay. Nothing but memory is lost when it is
// not called, and calling it again does nothing.
func (c *Changeset) Release() {
	a := c.arena
	c.arena, c.Rows = nil, nil
	if a == nil {
		return
	}
	a.rows.Empty()
	a.cells.Empty()
	a.keyed.Empty()
	a.room.Empty()
	arenas.Put(a)
}
