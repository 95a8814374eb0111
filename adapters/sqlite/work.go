package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// work is the writing of one message's rows.
type work struct {
	program *program
	session *session
	item    *sqlstore.Item
	rows    [][]written // by step, beside Item.Rows
	own     map[ownKey]int
	stale   bool // some row is older than what is stored
	found   lookups
	group   *group // that the message is written with; nil: alone
	gone    []sqlstore.Change
}

// written is what became of one row.
type written struct {
	rowid int64 // 0: not stored
	fresh bool  // this message inserted it
	stale bool  // it, or a row above it, is older than what is stored: untouched
	told  bool  // it, or a row that is shown below it, is not as it was; of a step that is Noted
	reads []sqlstore.Datum
}

func newWork(p *program, s *session, it *sqlstore.Item, found lookups) *work {
	w := &work{program: p, session: s, item: it, rows: make([][]written, len(it.Rows)), found: found}
	for i := range it.Rows {
		w.rows[i] = make([]written, len(it.Rows[i]))
	}
	return w
}

// errRefused ends the writing of a message whose outcome is set already.
var errRefused = errors.New("refused")

// write resolves every look-up, then writes the rows in the plan's order.
func (w *work) write() error {
	err := w.resolve()
	for _, s := range w.program.plan.Order {
		if err != nil {
			break
		}
		err = w.step(s)
	}
	switch {
	case err == errRefused:
		return nil
	case err == nil && w.stale:
		w.item.Supersede()
	}
	return err
}

// step writes the rows of one step: it finds those that are stored, deletes
// those the message no longer has, and inserts or updates the rest.
func (w *work) step(s *sqlstore.Step) error {
	rows := w.rows[s.Index]
	if s.Stub {
		return w.stubs(s)
	}
	var missing sqlstore.Unresolved
	for r := range rows {
		if err := w.find(s, r); err != nil {
			return err
		}
		w.lacks(s, r, &missing)
	}
	if err := w.lack(&missing); err != nil {
		return err
	}
	if err := w.single(s); err != nil {
		return err
	}
	if err := w.prune(s); err != nil {
		return err
	}
	if len(s.Own) > 0 {
		return w.putOwn(s)
	}
	for r := range rows {
		if err := w.put(s, r); err != nil {
			return w.refuse(s, r, err)
		}
	}
	return nil
}

// stubs makes the rows that are missing, one after the other: the second one of a
// key finds the first.
func (w *work) stubs(s *sqlstore.Step) error {
	for r := range w.rows[s.Index] {
		if err := w.find(s, r); err != nil {
			return err
		}
		if err := w.put(s, r); err != nil {
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

func (w *work) find(s *sqlstore.Step, r int) error {
	out := &w.rows[s.Index][r]
	*out = written{reads: make([]sqlstore.Datum, len(s.Reads))}
	up, ok := w.above(s, r)
	out.stale = ok && up.stale
	if len(s.Match) == 0 || ok && up.fresh && w.program.steps[s.Index].within {
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
	if w.group != nil {
		if err := w.group.seek(s, args[:len(s.Match)]); err != nil {
			return err
		}
	}
	row, found, err := w.session.row(w.program.steps[s.Index].find, args...)
	if err != nil || !found {
		return err
	}
	out.rowid = row[0].(int64)
	if w.group != nil {
		if err := w.group.meet(s, w, out.rowid); err != nil {
			return err
		}
	}
	if row[1] != int64(0) {
		out.stale, w.stale = true, true
	}
	return out.take(s, row[2:])
}

// take keeps what was read of a row.
func (out *written) take(s *sqlstore.Step, row []driver.Value) (err error) {
	for i := range s.Reads {
		if out.reads[i], err = reading(row[i], s.Reads[i].Model); err != nil {
			return err
		}
	}
	return nil
}

// key returns the arguments that find a row; they are valid until the next ones are
// asked for.
func (w *work) key(s *sqlstore.Step, r int) ([]any, error) {
	args := w.session.key[:0]
	for _, c := range s.Match {
		v, err := w.value(s, r, c)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	w.session.key = args
	return args, nil
}

// value is the argument for one cell; an absent one is NULL.
func (w *work) value(s *sqlstore.Step, r, c int) (any, error) {
	cell := &w.item.Rows[s.Index][r].Cells[c]
	if cell.Kind == mapping.DrawnCell {
		return w.draw(s, c)
	}
	d := cell.Data
	if cell.Kind == mapping.Reference {
		col := &s.Columns[c]
		d = w.rows[col.Ref.Index][cell.Row].reads[col.RefGet]
	}
	return argument(d, s.Columns[c].Model)
}

// draw takes the next number of a column's sequence. What is rolled back gives
// its numbers back, which nobody has seen.
func (w *work) draw(s *sqlstore.Step, c int) (any, error) {
	t, name := &w.program.steps[s.Index], s.Columns[c].Sequence.String()
	row, found, err := w.session.row(t.draw, name)
	if err == nil && !found {
		row, found, err = w.session.row(t.first, name)
	}
	if err != nil || !found {
		return nil, errors.Join(err, errors.New("the counter of "+name+" gives no number"))
	}
	return row[0], nil
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
func (w *work) prune(s *sqlstore.Step) error {
	t := &w.program.steps[s.Index]
	if t.mine == "" {
		return nil
	}
	kept, has := map[int64]bool{}, map[int]bool{}
	for r, row := range w.rows[s.Index] {
		kept[row.rowid] = true
		has[w.item.Rows[s.Index][r].Source.Parent] = true
	}
	for p, parent := range w.rows[s.Parent] {
		if parent.rowid == 0 || parent.fresh || parent.stale {
			continue
		}
		column := &s.Columns[t.parent]
		ref, err := argument(parent.reads[column.RefGet], column.Model)
		if err != nil {
			return err
		}
		ids, err := w.rowids(t.mine, ref)
		if err != nil {
			return err
		}
		if len(ids) > 0 && !has[p] && s.Absent == mapping.DeleteAbsent {
			w.item.Refuse(sqlstore.Emptying(s, w.item.Rows[s.Parent][p].Source, int64(len(ids))))
			return errRefused
		}
		for _, id := range ids {
			if kept[id] {
				continue
			}
			if err := w.remove(s.Index, id); err != nil {
				return w.refuseWhole(s, err)
			}
			if slices.Contains(s.Tells, t.parent) {
				w.rows[s.Parent][p].told = true
			}
		}
	}
	return nil
}

// remove deletes a row and what the mapping has below it.
func (w *work) remove(step int, rowid int64) error {
	t := &w.program.steps[step]
	for _, b := range t.below {
		ids, err := w.rowids(b.text, rowid)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.remove(b.step, id); err != nil {
				return err
			}
		}
	}
	if err := w.leave(step, rowid); err != nil {
		return err
	}
	return w.session.do(t.byRow, rowid)
}

func (w *work) rowids(text string, arg any) ([]int64, error) {
	var ids []int64
	err := w.session.rows(text, func(row []driver.Value) bool {
		ids = append(ids, row[0].(int64))
		return true
	}, arg)
	return ids, err
}

// put inserts or updates one row.
func (w *work) put(s *sqlstore.Step, r int) error {
	row := &w.rows[s.Index][r]
	switch {
	case row.stale:
		return nil
	case row.rowid == 0:
		return w.insert(s, r)
	case s.OnMatch == mapping.Fail:
		return sqlstore.ErrExists
	}
	return w.update(s, r)
}

func (w *work) insert(s *sqlstore.Step, r int) error {
	row := &w.rows[s.Index][r]
	if w.group != nil && !w.program.steps[s.Index].returning {
		row.fresh, row.told = true, true
		return w.queue(s, r)
	}
	args, err := w.arguments(make([]any, 0, 2*len(s.Columns)), s, r)
	if err != nil {
		return err
	}
	err = w.send(s, row, args)
	if err != nil && isUnique(err) {
		return w.twice(s, r, err)
	}
	row.fresh, row.told = err == nil, true
	return err
}

// arguments adds what a row's INSERT takes.
func (w *work) arguments(args []any, s *sqlstore.Step, r int) ([]any, error) {
	for c := range s.Columns {
		v, err := w.value(s, r, c)
		if err != nil {
			return args, err
		}
		if s.Columns[c].Native.Default != "" {
			args = append(args, w.absent(s, r, c))
		}
		args = append(args, v)
	}
	return args, nil
}

// queue leaves a row to its group. One whose arguments cannot be made ends the
// group, so what is in the list of them by then is of no account.
func (w *work) queue(s *sqlstore.Step, r int) (err error) {
	q := &w.group.queue
	if q.args, err = w.arguments(q.args, s, r); err != nil {
		return err
	}
	var key []any
	if len(s.Match) > 0 && shared(s) {
		if key, err = w.key(s, r); err != nil {
			return err
		}
	}
	w.group.add(&w.rows[s.Index][r], key)
	return nil
}

// drawn notes the number that SQLite drew for a row, which is all that others need
// of it.
func (out *written) drawn(s *sqlstore.Step, id int64) {
	for i := range s.Reads {
		out.reads[i] = sqlstore.Datum{Kind: mapping.IntegerColumn, Present: true, Int: id}
	}
}

// send inserts a row and reads what others need of it: mostly nothing, or the
// number that SQLite drew, which it tells without being asked for a row.
func (w *work) send(s *sqlstore.Step, row *written, args []any) error {
	t := &w.program.steps[s.Index]
	if t.returning {
		values, found, err := w.session.row(t.insert, args...)
		if err != nil || !found {
			return err
		}
		return row.take(s, values)
	}
	done, err := w.session.exec(context.Background(), t.insert, args...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err // a trigger ignored it
	}
	id, err := done.LastInsertId()
	row.drawn(s, id)
	return err
}

// twice tells a natural key that the message has twice from another unique
// index that is violated.
func (w *work) twice(s *sqlstore.Step, r int, cause error) error {
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
	_, found, err := w.session.row(w.program.steps[s.Index].find, key...)
	if err != nil || !found {
		return errors.Join(cause, err)
	}
	return sqlstore.ErrTwice
}

func (w *work) absent(s *sqlstore.Step, r, c int) bool {
	return w.item.Rows[s.Index][r].Cells[c].Absent()
}

func (w *work) update(s *sqlstore.Step, r int) error {
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
	done, err := w.session.exec(context.Background(), text, append(args, row.rowid)...)
	if err == nil && s.Noted {
		var n int64
		n, err = done.RowsAffected()
		row.told = row.told || n > 0
	}
	if err != nil {
		return err
	}
	return w.reread(s, r)
}

// reread fetches what others need of an updated row, unless none of it can have
// changed.
func (w *work) reread(s *sqlstore.Step, r int) error {
	for i := range s.Reads {
		if !s.Reads[i].Model.Identity {
			row := &w.rows[s.Index][r]
			stale, told := row.stale, row.told
			if err := w.find(s, r); err != nil {
				return err
			}
			row.stale, row.told = stale, told
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
	case errors.Is(err, sqlstore.ErrExists), errors.Is(err, sqlstore.ErrTwice), errors.Is(err, sqlstore.ErrCircle):
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
