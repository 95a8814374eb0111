package sqlite

import (
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
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
		cell.Row = row + 1
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
		if cell := &w.item.Rows[s.Index][r].Cells[c]; cell.Kind == mapping.KeysCell && cell.Row > 0 {
			cell.Data = w.rows[s.Index][cell.Row-1].reads[s.Columns[c].RefGet]
		}
	}
}

// putOwn writes the rows of a step, each behind those that it refers to.
func (w *work) putOwn(s *sqlstore.Step) error {
	n := len(w.rows[s.Index])
	order, depth := make([]int, 0, n), make([]int, n)
	for r := range n {
		if err := w.descend(s, r, depth, &order); err != nil {
			return err
		}
	}
	for _, r := range order {
		w.hang(s, r)
		if err := w.put(s, r); err != nil {
			return w.refuse(s, r, err)
		}
	}
	return nil
}

// descend puts a row into the order, after what it refers to. A depth is 0 when
// it is not known yet, -1 while it is being found out, else counted from 1.
func (w *work) descend(s *sqlstore.Step, r int, depth []int, order *[]int) error {
	if depth[r] > 0 {
		return nil
	}
	depth[r] = -1
	deepest := 1
	for _, c := range s.Own {
		cell := &w.item.Rows[s.Index][r].Cells[c]
		own := cell.Row
		if cell.Kind != mapping.KeysCell || own == 0 {
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
