package sqlite

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// work is the writing of one message's rows.
type work struct {
	program *program
	session *session
	item    *sqlstore.Item
	rows    [][]written // by step, beside Item.Rows
	stale   bool        // some row is older than what is stored
}

// written is what became of one row.
type written struct {
	rowid int64 // 0: not stored
	fresh bool  // this message inserted it
	stale bool  // it, or a row above it, is older than what is stored: untouched
	reads []sqlstore.Datum
}

func newWork(p *program, s *session, it *sqlstore.Item) *work {
	w := &work{program: p, session: s, item: it, rows: make([][]written, len(it.Rows))}
	for i := range it.Rows {
		w.rows[i] = make([]written, len(it.Rows[i]))
	}
	return w
}

// errRefused ends the writing of a message whose outcome is set already.
var errRefused = errors.New("refused")

// write resolves every look-up, then writes the rows in the plan's order.
func (w *work) write(ctx context.Context) error {
	err := w.resolve(ctx)
	for _, s := range w.program.plan.Order {
		if err != nil {
			break
		}
		err = w.step(ctx, s)
	}
	switch {
	case err == errRefused:
		return nil
	case err == nil && w.stale:
		w.item.Supersede()
	}
	return err
}

// resolve runs the look-ups of all rows; all that find nothing are reported.
func (w *work) resolve(ctx context.Context) error {
	var missing sqlstore.Unresolved
	for _, s := range w.program.plan.Steps {
		for r := range w.item.Rows[s.Index] {
			for c := range s.Columns {
				if err := w.lookup(ctx, s, r, c, &missing); err != nil {
					return err
				}
			}
		}
	}
	if err := missing.Fault(); err != nil {
		w.item.Refuse(err)
		return errRefused
	}
	return nil
}

func (w *work) lookup(ctx context.Context, s *sqlstore.Step, r, c int, missing *sqlstore.Unresolved) error {
	cell := &w.item.Rows[s.Index][r].Cells[c]
	if cell.Kind != mapping.KeysCell {
		return nil
	}
	target := s.Columns[c].Found
	args := make([]any, len(cell.Keys))
	for i, k := range cell.Keys {
		var err error
		if args[i], err = argument(k, target.Where[i].Model); err != nil {
			return err
		}
	}
	cell.Data = sqlstore.Datum{}
	found, err := w.session.row(ctx, w.program.steps[s.Index].lookups[c], []any{reading{target.Column.Model, &cell.Data}}, args...)
	if err == nil && !found {
		missing.Add(s, &w.item.Rows[s.Index][r], c)
	}
	return err
}

// step writes the rows of one step: it finds those that are stored, deletes
// those the message no longer has, and inserts or updates the rest.
func (w *work) step(ctx context.Context, s *sqlstore.Step) error {
	rows := w.rows[s.Index]
	for r := range rows {
		if err := w.find(ctx, s, r); err != nil {
			return err
		}
	}
	if err := w.single(s); err != nil {
		return err
	}
	if err := w.prune(ctx, s); err != nil {
		return err
	}
	for r := range rows {
		if err := w.put(ctx, s, r); err != nil {
			return w.refuse(s, r, err)
		}
	}
	return nil
}

// above returns what became of the row that a row belongs to.
func (w *work) above(s *sqlstore.Step, r int) (written, bool) {
	parent := w.item.Rows[s.Index][r].Source.Parent
	if s.Parent < 0 || parent < 0 {
		return written{}, false
	}
	return w.rows[s.Parent][parent], true
}

func (w *work) find(ctx context.Context, s *sqlstore.Step, r int) error {
	out := &w.rows[s.Index][r]
	*out = written{reads: make([]sqlstore.Datum, len(s.Reads))}
	up, ok := w.above(s, r)
	out.stale = ok && up.stale
	if len(s.Match) == 0 || ok && up.fresh {
		return nil // nothing can be stored under a row that was not there
	}
	args, err := w.key(s, r)
	if err != nil {
		return w.refuse(s, r, err)
	}
	if s.Version >= 0 {
		version, err := w.value(s, r, s.Version)
		if err != nil {
			return w.refuse(s, r, err)
		}
		args = append(args, version)
	}
	newer := false
	dest := append([]any{&out.rowid, &newer}, w.readings(s, out)...)
	if _, err := w.session.row(ctx, w.program.steps[s.Index].find, dest, args...); err != nil {
		return err
	}
	if newer {
		out.stale, w.stale = true, true
	}
	return nil
}

func (w *work) readings(s *sqlstore.Step, out *written) []any {
	dest := make([]any, len(s.Reads), len(s.Reads)+2)
	for i := range s.Reads {
		dest[i] = reading{s.Reads[i].Model, &out.reads[i]}
	}
	return dest
}

func (w *work) key(s *sqlstore.Step, r int) ([]any, error) {
	args := make([]any, len(s.Match), len(s.Match)+1)
	for i, c := range s.Match {
		var err error
		if args[i], err = w.value(s, r, c); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// value is the argument for one cell; an absent one is NULL.
func (w *work) value(s *sqlstore.Step, r, c int) (any, error) {
	cell := &w.item.Rows[s.Index][r].Cells[c]
	d := cell.Data
	if cell.Kind == mapping.Reference {
		col := &s.Columns[c]
		d = w.rows[col.Ref.Index][cell.Row].reads[col.RefGet]
	}
	return argument(d, s.Columns[c].Model)
}

// single refuses a message that has one natural key twice; the column's
// collation has decided what is the same.
func (w *work) single(s *sqlstore.Step) error {
	rows := w.rows[s.Index]
	if len(rows) < 2 {
		return nil
	}
	seen := make(map[int64]bool, len(rows))
	for r := range rows {
		id := rows[r].rowid
		if id != 0 && seen[id] {
			return w.refuse(s, r, sqlstore.ErrTwice)
		}
		seen[id] = true
	}
	return nil
}

// prune deletes the stored children of the message's own parents that the
// message no longer has.
func (w *work) prune(ctx context.Context, s *sqlstore.Step) error {
	t := &w.program.steps[s.Index]
	if t.mine == "" {
		return nil
	}
	kept := map[int64]bool{}
	for _, row := range w.rows[s.Index] {
		kept[row.rowid] = true
	}
	for _, parent := range w.rows[s.Parent] {
		if parent.rowid == 0 || parent.fresh || parent.stale {
			continue
		}
		column := &s.Columns[t.parent]
		ref, err := argument(parent.reads[column.RefGet], column.Model)
		if err != nil {
			return err
		}
		ids, err := w.rowids(ctx, t.mine, ref)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if kept[id] {
				continue
			}
			if err := w.remove(ctx, s.Index, id); err != nil {
				return w.refuseWhole(s, err)
			}
		}
	}
	return nil
}

// remove deletes a row and what the mapping has below it.
func (w *work) remove(ctx context.Context, step int, rowid int64) error {
	t := &w.program.steps[step]
	for _, b := range t.below {
		ids, err := w.rowids(ctx, b.text, rowid)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.remove(ctx, b.step, id); err != nil {
				return err
			}
		}
	}
	return w.session.exec(ctx, t.byRow, rowid)
}

func (w *work) rowids(ctx context.Context, text string, arg any) ([]int64, error) {
	rows, err := w.session.QueryContext(ctx, text, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// put inserts or updates one row.
func (w *work) put(ctx context.Context, s *sqlstore.Step, r int) error {
	row := &w.rows[s.Index][r]
	switch {
	case row.stale:
		return nil
	case row.rowid == 0:
		return w.insert(ctx, s, r)
	case s.OnMatch == mapping.Fail:
		return sqlstore.ErrExists
	}
	return w.update(ctx, s, r)
}

func (w *work) insert(ctx context.Context, s *sqlstore.Step, r int) error {
	args := make([]any, 0, 2*len(s.Columns))
	for c := range s.Columns {
		v, err := w.value(s, r, c)
		if err != nil {
			return err
		}
		if s.Columns[c].Native.Default != "" {
			args = append(args, w.absent(s, r, c))
		}
		args = append(args, v)
	}
	row := &w.rows[s.Index][r]
	dest := append([]any{&row.rowid}, w.readings(s, row)...)
	_, err := w.session.row(ctx, w.program.steps[s.Index].insert, dest, args...)
	if err != nil && isUnique(err) {
		return w.twice(ctx, s, r, err)
	}
	row.fresh = err == nil
	return err
}

// twice tells a natural key that the message has twice from another unique
// index that is violated.
func (w *work) twice(ctx context.Context, s *sqlstore.Step, r int, cause error) error {
	if len(s.Match) == 0 {
		return cause
	}
	key, err := w.key(s, r)
	if err != nil {
		return err
	}
	if s.Version >= 0 {
		key = append(key, nil)
	}
	var rowid int64
	var newer bool
	dest := append([]any{&rowid, &newer}, w.readings(s, &written{reads: make([]sqlstore.Datum, len(s.Reads))})...)
	found, err := w.session.row(ctx, w.program.steps[s.Index].find, dest, key...)
	if err != nil || !found {
		return errors.Join(cause, err)
	}
	return sqlstore.ErrTwice
}

func (w *work) absent(s *sqlstore.Step, r, c int) bool {
	return w.item.Rows[s.Index][r].Cells[c].Kind == mapping.AbsentCell
}

func (w *work) update(ctx context.Context, s *sqlstore.Step, r int) error {
	text := w.program.steps[s.Index].update
	if text == "" {
		return nil
	}
	args := make([]any, 0, 2*len(s.Columns)+1)
	for c := range s.Columns {
		if s.Columns[c].Key {
			continue
		}
		v, err := w.value(s, r, c)
		if err != nil {
			return err
		}
		args = append(args, w.absent(s, r, c), v)
	}
	row := &w.rows[s.Index][r]
	if err := w.session.exec(ctx, text, append(args, row.rowid)...); err != nil {
		return err
	}
	return w.reread(ctx, s, r)
}

// reread fetches what others need of an updated row, unless none of it can have
// changed.
func (w *work) reread(ctx context.Context, s *sqlstore.Step, r int) error {
	for i := range s.Reads {
		if !s.Reads[i].Model.Identity {
			row := &w.rows[s.Index][r]
			stale := row.stale
			if err := w.find(ctx, s, r); err != nil {
				return err
			}
			row.stale = stale
			return nil
		}
	}
	return nil
}

// refuse turns what the message is to blame for into its outcome.
func (w *work) refuse(s *sqlstore.Step, r int, err error) error {
	return w.blame(s, &w.item.Rows[s.Index][r], err)
}

// refuseWhole is for what no single row is to blame for.
func (w *work) refuseWhole(s *sqlstore.Step, err error) error {
	return w.blame(s, &sqlstore.Row{Source: &mapping.Row{}}, err)
}

func (w *work) blame(s *sqlstore.Step, row *sqlstore.Row, err error) error {
	switch {
	case err == errRefused:
		return err
	case errors.Is(err, sqlstore.ErrExists), errors.Is(err, sqlstore.ErrTwice):
		w.item.Refuse(sqlstore.Blame(s, row.Source, err))
	case classify(err) == sqlstore.Constraint, errors.Is(err, errTooLarge):
		w.item.Refuse(sqlstore.Blame(s, row.Source, sqlstore.ErrConstraint).Because(err))
	default:
		return err
	}
	return errRefused
}

// stored collects what reply and publications name.
func (w *work) stored() []mapping.Value {
	out := make([]mapping.Value, len(w.program.plan.Returns))
	for i, ret := range w.program.plan.Returns {
		if rows := w.rows[ret.Step]; len(rows) > 0 {
			out[i] = rows[0].reads[ret.Read].Value()
		}
	}
	return out
}
