package sqlite

import (
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// namedText reads by what a row of a live table is named.
func namedText(s *sqlstore.Step, l sqlstore.Live) string {
	names := make([]string, len(l.Parts))
	for i, p := range l.Parts {
		names[i] = quote(p.Name(s))
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + table(s.Name) + " WHERE rowid = ?1"
}

// noted gathers which rows of live tables the message has written, after all of
// them are: what is below a row is written after it.
func (w *work) noted() {
	if !w.program.plan.Notes() {
		return
	}
	order := w.program.plan.Order
	for i := len(order) - 1; i >= 0; i-- {
		w.tell(order[i])
	}
	w.item.Changes = w.gone
	for _, s := range order {
		for r := range w.rows[s.Index] {
			if !w.rows[s.Index][r].told {
				continue
			}
			for _, l := range s.Live {
				w.item.Changes = append(w.item.Changes, sqlstore.Change{Subject: l.Subject, Key: w.name(s, l, r)})
			}
		}
	}
}

// tell passes on to the rows above that something below them has changed.
func (w *work) tell(s *sqlstore.Step) {
	for _, c := range s.Tells {
		up := w.rows[s.Columns[c].Ref.Index]
		for r := range w.rows[s.Index] {
			if cell := &w.item.Rows[s.Index][r].Cells[c]; w.rows[s.Index][r].told && cell.Kind == mapping.Reference {
				up[cell.Row].told = true
			}
		}
	}
}

// name is the text that names a row.
func (w *work) name(s *sqlstore.Step, l sqlstore.Live, r int) string {
	key := make([]sqlstore.Datum, len(l.Parts))
	for i, p := range l.Parts {
		switch {
		case p.Column < 0:
			key[i] = w.rows[s.Index][r].reads[p.Read]
		case w.item.Rows[s.Index][r].Cells[p.Column].Kind == mapping.Reference:
			column := &s.Columns[p.Column]
			key[i] = w.rows[column.Ref.Index][w.item.Rows[s.Index][r].Cells[p.Column].Row].reads[column.RefGet]
		default:
			key[i] = w.item.Rows[s.Index][r].Cells[p.Column].Data
		}
	}
	return sqlstore.KeyText(key)
}

// leave notes a row that is about to be deleted.
func (w *work) leave(step int, rowid int64) error {
	s := w.program.plan.Steps[step]
	for i, l := range s.Live {
		row, found, err := w.session.row(w.program.steps[step].named[i], rowid)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		key := make([]sqlstore.Datum, len(l.Parts))
		for k, p := range l.Parts {
			if key[k], err = reading(row[k], p.Model(s)); err != nil {
				return err
			}
		}
		w.gone = append(w.gone, sqlstore.Change{Subject: l.Subject, Key: sqlstore.KeyText(key)})
	}
	return nil
}

// note writes what the transaction has changed of live tables, under the number
// of its entry.
func note(s *session, e *gateway.AuditEntry, items []*sqlstore.Item) error {
	written := sqlstore.Written(items)
	if len(written) == 0 {
		return nil
	}
	err := s.table(changes, func(args []any) []any {
		for i, c := range written {
			args = append(args, e.Chain, e.Seq, i, c.Item.Message().ID[:], c.Subject, c.Key)
		}
		return args
	})
	if err != nil {
		return err
	}
	failpoint.Hit("live-noted")
	return nil
}
