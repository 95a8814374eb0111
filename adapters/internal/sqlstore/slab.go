package sqlstore

// slab is where the cells of a batch are. They are a fifth of all memory that a
// message takes, and nobody needs them once the batch has its outcomes: then the
// next one has them.
type slab struct {
	cells []Cell // empty, from used on
	used  int
}

// The cells of a slab: of some orders with their lines at first, and at most as many
// as are kept, which take five megabytes.
const (
	firstCells = 1 << 9
	mostCells  = 1 << 15
)

// take returns n empty cells.
func (s *slab) take(n int) []Cell {
	if s.used+n > len(s.cells) {
		// Those of the old ones that were taken stay with whom they were given to.
		s.cells, s.used = make([]Cell, max(n, min(2*len(s.cells), mostCells), firstCells)), 0
	}
	out := s.cells[s.used : s.used+n : s.used+n]
	s.used += n
	return out
}

// empty takes all cells back.
func (s *slab) empty() {
	clear(s.cells[:s.used])
	s.used = 0
	if len(s.cells) > mostCells {
		s.cells = nil
	}
}

// slab returns one that is empty.
func (s *Store) slab() *slab {
	if kept, ok := s.slabs.Get().(*slab); ok {
		return kept
	}
	return new(slab)
}
