package sqlstore

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestSlab takes cells of all sizes, batch after batch: each is empty when it is
// given, and nobody else has it.
func TestSlab(t *testing.T) {
	s := new(slab)
	for range 3 {
		var all [][]Cell
		for _, n := range []int{0, 1, firstCells, 7, 3 * firstCells, mostCells + 1, 2} {
			cells := s.take(n)
			if len(cells) != n || cap(cells) != n {
				t.Fatalf("%d cells with room for %d instead of %d", len(cells), cap(cells), n)
			}
			for i := range cells {
				if cells[i].Kind != 0 || cells[i].Data.Text != "" {
					t.Fatalf("cell %d of %d is not empty", i, n)
				}
				cells[i] = Cell{Kind: mapping.ValueCell, Row: n, Data: Datum{Text: "taken"}}
			}
			all = append(all, cells)
		}
		for _, cells := range all {
			for i := range cells {
				if cells[i].Row != len(cells) {
					t.Fatalf("cell %d of %d was given twice", i, len(cells))
				}
			}
		}
		s.empty()
		if len(s.cells) > mostCells {
			t.Errorf("%d cells are kept", len(s.cells))
		}
	}
}
