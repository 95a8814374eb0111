package sqlite

import (
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// ownKey is the natural key of a row of the message itself.
type ownKey struct {
	step int
	key  string
}

// ownRow looks for the row that a look-up means among those of the message and
// the same step. Keys are compared exactly.
func (w *work) ownRow(s *sqlstore.Step, r, c int) bool {
	own := s.Columns[c].Lookup.Own
	if len(own) == 0 {
		return false
	}
	if w.own == nil {
		w.own = map[ownKey]int{}
	}
	// The rows of a step are entered with its first look-up of this kind.
	if _, entered := w.own[ownKey{s.Index, ""}]; !entered {
		w.own[ownKey{s.Index, ""}] = 0
		for i := range w.item.Rows[s.Index] {
			cells := w.item.Rows[s.Index][i].Cells
			data := make([]sqlstore.Datum, len(s.Match))
			for j, m := range s.Match {
				data[j] = cells[m].Data
			}
			w.own[ownKey{s.Index, joined(data)}] = i
		}
	}
	cell := &w.item.Rows[s.Index][r].Cells[c]
	data := make([]sqlstore.Datum, len(s.Match))
	for k, column := range own {
		for j, m := range s.Match {
			if m == column {
				data[j] = cell.Keys[k]
			}
		}
	}
	row, ok := w.own[ownKey{s.Index, joined(data)}]
	if ok {
		cell.Own = row + 1
	}
	return ok
}

// joined makes one text of a key.
func joined(data []sqlstore.Datum) string {
	text := ""
	for _, d := range data {
		part := d.Value().Lexical()
		text += fmt.Sprintf("%d %s ", len(part), part)
	}
	return text
}

// hang gives the cells of a row what the rows above it in the message have been
// stored with.
func (w *work) hang(s *sqlstore.Step, r int) {
	for _, c := range s.Own {
		if cell := &w.item.Rows[s.Index][r].Cells[c]; cell.Own > 0 {
			cell.Data = w.rows[s.Index][cell.Own-1].reads[s.Columns[c].RefGet]
		}
	}
}

// order is the rows of a step with each behind those it refers to, else as they
// came.
func (w *work) order(s *sqlstore.Step) ([]int, error) {
	n := len(w.rows[s.Index])
	order := make([]int, 0, n)
	if len(s.Own) == 0 {
		for r := range n {
			order = append(order, r)
		}
		return order, nil
	}
	depth := make([]int, n) // 0: not known yet, -1: being looked at, else one more than the depth
	for r := range n {
		if err := w.descend(s, r, depth, &order); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// descend puts a row into the order, after what it refers to.
func (w *work) descend(s *sqlstore.Step, r int, depth []int, order *[]int) error {
	if depth[r] > 0 {
		return nil
	}
	depth[r] = -1
	deepest := 1
	for _, c := range s.Own {
		own := w.item.Rows[s.Index][r].Cells[c].Own
		if own == 0 {
			continue
		}
		if depth[own-1] < 0 {
			return w.refuse(s, r, sqlstore.ErrCircle)
		}
		if err := w.descend(s, own-1, depth, order); err != nil {
			return err
		}
		deepest = max(deepest, depth[own-1]+1)
	}
	if deepest > sqlstore.MaxDepth+1 {
		return w.refuse(s, r, sqlstore.ErrCircle)
	}
	depth[r] = deepest
	*order = append(*order, r)
	return nil
}
