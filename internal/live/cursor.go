package live

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/internal/view"
)

// Cursor is a place in the log: behind the entries of Position, and of the next entry
// of Chain, behind its first Part changes of the stream's subject. Part is 0 mostly.
type Cursor struct {
	Position view.Position
	Chain    int
	Part     int
}

// Clone returns a copy.
func (c Cursor) Clone() Cursor {
	c.Position = maps.Clone(c.Position)
	return c
}

// maxChains bounds what is read of a cursor: a store has a few.
const maxChains = 1024

// append writes the cursor down.
func (c Cursor) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(c.Part))
	b = binary.AppendUvarint(b, uint64(c.Chain))
	for _, chain := range slices.SortedFunc(maps.Keys(c.Position), cmp.Compare) {
		b = binary.AppendUvarint(b, uint64(chain))
		b = binary.AppendUvarint(b, uint64(c.Position[chain]))
	}
	return b
}

// readCursor reads what append has written.
func readCursor(b []byte) (c Cursor, ok bool) {
	c.Position = view.Position{}
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if ok = n > 0; ok {
			b = b[n:]
		}
		return v
	}
	c.Part = int(next())
	if !ok {
		return c, false
	}
	c.Chain = int(next())
	for ok && len(b) > 0 && len(c.Position) < maxChains {
		chain := int(next())
		if ok {
			c.Position[chain] = int64(next())
		}
	}
	return c, ok && len(b) == 0
}

// binding is what a cursor is good for: the view, and whoever was given it.
func binding(name, principal string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(name)))
	return append(append(b, name...), principal...)
}
