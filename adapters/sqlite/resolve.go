package sqlite

import (
	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// lookups remembers what was found in this transaction, so that the thousandth
// order line of a product does not look for it again.
type lookups map[lookupKey]sqlstore.Datum

type lookupKey struct{ text, key string }

// resolve runs the look-ups of all rows; all that find nothing are reported.
func (w *work) resolve() error {
	var missing sqlstore.Unresolved
	for _, s := range w.program.plan.Steps {
		for r := range w.item.Rows[s.Index] {
			for c := range s.Columns {
				if err := w.lookup(s, r, c, &missing); err != nil {
					return err
				}
			}
		}
	}
	for _, s := range w.program.plan.Steps {
		for r := range w.rows[s.Index] {
			if !s.Early {
				break
			}
			if err := w.find(s, r); err != nil {
				return err
			}
			w.lacks(s, r, &missing)
		}
	}
	return w.lack(&missing)
}

// lacks notes a row that should be stored and is not.
func (w *work) lacks(s *sqlstore.Step, r int, missing *sqlstore.Unresolved) {
	row := &w.rows[s.Index][r]
	if s.OnMissing != mapping.Insert && row.rowid == 0 && !row.stale && w.keyed(s, r) {
		missing.AddRow(s, &w.item.Rows[s.Index][r])
	}
}

// keyed reports whether every look-up of a row's key has found something.
func (w *work) keyed(s *sqlstore.Step, r int) bool {
	for _, c := range s.Match {
		if cell := &w.item.Rows[s.Index][r].Cells[c]; cell.Kind == mapping.KeysCell && !cell.Data.Present {
			return false
		}
	}
	return true
}

// lack refuses the message when something is missing.
func (w *work) lack(missing *sqlstore.Unresolved) error {
	if err := missing.Fault(); err != nil {
		w.item.Refuse(err)
		return errRefused
	}
	return nil
}

func (w *work) lookup(s *sqlstore.Step, r, c int, missing *sqlstore.Unresolved) error {
	cell := &w.item.Rows[s.Index][r].Cells[c]
	if cell.Kind != mapping.KeysCell {
		return nil
	}
	target := s.Columns[c].Found
	args, columns := make([]any, len(cell.Keys)), target.Keys()
	for i, k := range cell.Keys {
		var err error
		if args[i], err = argument(k, columns[i].Model); err != nil {
			return err
		}
	}
	t := &w.program.steps[s.Index].lookups[c]
	known, memorable := t.remember(args)
	if memorable {
		var ok bool
		if cell.Data, ok = w.found[known]; ok {
			return nil
		}
	}
	cell.Data, cell.Left, cell.Row = sqlstore.Datum{}, false, 0
	row, found, err := w.session.row(t.text, args...)
	switch {
	case err != nil:
		return err
	case !found && w.ownRow(s, r, c):
		return nil
	case !found:
		missing.Add(s, &w.item.Rows[s.Index][r], c)
		return nil
	}
	if cell.Data, err = reading(row[0], target.Column.Model); memorable && err == nil {
		w.found[known] = cell.Data
	}
	return err
}
