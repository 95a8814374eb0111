package sqlstore

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// maxDeleted is how many deleted rows a rehearsal lists.
const maxDeleted = 1000

// Rehearse does what Commit would do with one message, in a transaction that is
// rolled back. Of the ledger and the outbox nothing is written at all.
func (s *Store) Rehearse(ctx context.Context, m *mapping.Mapping, prepare func(*mapping.Checked) (*gateway.Entry, error)) (*gateway.Rehearsal, error) {
	w, err := s.compile(ctx, m)
	if err != nil {
		return nil, err
	}
	entry, err := prepare(w.mapping)
	if err != nil {
		return nil, err
	}
	defer entry.Done()
	it := s.newItem(w.plan, entry, new(slab))
	if it.aside {
		return &gateway.Rehearsal{Outcome: it.Outcome, Rows: unwritten(entry.Changes)}, nil
	}
	it.rehearsal = newRehearsal(w.plan, it)
	if err := w.rehearse(ctx, it); err != nil {
		return nil, s.fail("rehearsing a message", err)
	}
	return it.rehearsal.result(), nil
}

func unwritten(c *mapping.Changeset) [][]gateway.RowFate {
	out := make([][]gateway.RowFate, len(c.Rows))
	for i := range c.Rows {
		out[i] = make([]gateway.RowFate, len(c.Rows[i]))
	}
	return out
}

// rehearse tries as often as a batch is tried.
func (w *writer) rehearse(ctx context.Context, it *Item) error {
	for try := 1; ; try++ {
		err := w.attempt(ctx, AnyLane, []*Item{it})
		class := Broken
		if err != nil {
			class = w.store.dialect.Classify(err)
		}
		switch {
		case err == nil:
			return nil
		case class == Constraint || class == Raced && try == attempts:
			it.refuse(fault.New(fault.CodeConstraint, "").Because(err))
			return nil
		case class != Transient && class != Raced || try == attempts:
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// Rehearsal is an item that is only tried. A Program that is given one writes its
// rows, has After read them, undoes what it wrote, has Before read what was there,
// and rolls back.
type Rehearsal struct {
	plan *Plan
	item *Item
	rows [][]rehearsed
	lost []gateway.DeletedRow
	more int
}

// rehearsed is what is known of one row.
type rehearsed struct {
	key           []Datum // nil: it cannot be found
	before, after []Datum // by column of the table; nil: not stored
	found         map[int]Datum
}

// Rows returns all columns of the stored rows whose named columns have these
// values.
type Rows func(t *Table, names []string, values []Datum) ([][]Datum, error)

// RehearsalOf returns the rehearsal that the items are, or nil. A rehearsal is
// always alone.
func RehearsalOf(items []*Item) *Rehearsal {
	if len(items) != 1 {
		return nil
	}
	return items[0].rehearsal
}

func newRehearsal(p *Plan, it *Item) *Rehearsal {
	return &Rehearsal{plan: p, item: it}
}

// After reads the rows of the message as they are once it is written.
func (r *Rehearsal) After(read Rows) error {
	r.rows, r.lost, r.more = make([][]rehearsed, len(r.item.Rows)), nil, 0
	for i := range r.item.Rows {
		r.rows[i] = make([]rehearsed, len(r.item.Rows[i]))
	}
	for _, s := range r.plan.Order {
		for n := range r.rows[s.Index] {
			if err := r.afterRow(read, s, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Rehearsal) afterRow(read Rows, s *Step, n int) error {
	row := &r.rows[s.Index][n]
	if err := r.lookUp(read, s, n); err != nil || len(s.Match) == 0 {
		return err
	}
	key := make([]Datum, len(s.Match))
	for i, c := range s.Match {
		if key[i] = r.value(s, n, c); !key[i].Present {
			return nil
		}
	}
	row.key = key
	var err error
	row.after, err = one(read(s.Model, matchNames(s), key))
	return err
}

func matchNames(s *Step) []string {
	names := make([]string, len(s.Match))
	for i, c := range s.Match {
		names[i] = s.Columns[c].Name
	}
	return names
}

func one(rows [][]Datum, err error) ([]Datum, error) {
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// lookUp runs the look-ups of a row: SQL Server does not tell what it has found.
func (r *Rehearsal) lookUp(read Rows, s *Step, n int) error {
	for c := range s.Columns {
		cell, target := &r.item.Rows[s.Index][n].Cells[c], s.Columns[c].Found
		if cell.Kind != mapping.KeysCell {
			continue
		}
		names := make([]string, len(target.Where))
		for i, w := range target.Where {
			names[i] = w.Name
		}
		stored, err := one(read(target.Table, names, cell.Keys))
		if err != nil {
			return err
		}
		if r.rows[s.Index][n].found == nil {
			r.rows[s.Index][n].found = map[int]Datum{}
		}
		if stored != nil {
			r.rows[s.Index][n].found[c] = stored[columnOf(target.Table, target.Column.Name)]
		}
	}
	return nil
}

func columnOf(t *Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c mapping.ColumnModel) bool { return c.Name == name })
}

// value is what a cell comes to; absent when that is not known.
func (r *Rehearsal) value(s *Step, n, c int) Datum {
	cell := &r.item.Rows[s.Index][n].Cells[c]
	switch cell.Kind {
	case mapping.ValueCell:
		return cell.Data
	case mapping.KeysCell:
		return r.rows[s.Index][n].found[c]
	case mapping.Reference:
		to := s.Columns[c].Ref
		if stored := r.rows[to.Index][cell.Row].after; stored != nil {
			return stored[columnOf(to.Model, s.Columns[c].RefColumn)]
		}
	}
	return Datum{}
}

// Before reads the rows as they were, those that the message would delete among
// them.
func (r *Rehearsal) Before(read Rows) error {
	for _, s := range r.plan.Order {
		for n := range r.rows[s.Index] {
			row := &r.rows[s.Index][n]
			if row.key == nil {
				continue
			}
			var err error
			if row.before, err = one(read(s.Model, matchNames(s), row.key)); err != nil {
				return err
			}
		}
	}
	if !r.item.Going() {
		return nil
	}
	for _, s := range r.plan.Order {
		if err := r.pruned(read, s); err != nil {
			return err
		}
	}
	return nil
}

// pruned finds the stored children that the message no longer has.
func (r *Rehearsal) pruned(read Rows, s *Step) error {
	if s.Absent != mapping.DeleteAbsent || s.Parent < 0 {
		return nil
	}
	i := slices.IndexFunc(s.Match, func(c int) bool { return s.Columns[c].Ref != nil && s.Columns[c].Ref.Index == s.Parent })
	if i < 0 {
		return nil
	}
	column := &s.Columns[s.Match[i]]
	for _, parent := range r.rows[s.Parent] {
		if parent.before == nil || parent.after == nil {
			continue
		}
		ref := parent.after[columnOf(column.Ref.Model, column.RefColumn)]
		stored, err := read(s.Model, []string{column.Name}, []Datum{ref})
		if err != nil {
			return err
		}
		for _, row := range stored {
			if r.kept(s, row) {
				continue
			}
			if err := r.lose(read, s, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// kept reports whether a stored row is one of the message's.
func (r *Rehearsal) kept(s *Step, stored []Datum) bool {
	return slices.ContainsFunc(r.rows[s.Index], func(row rehearsed) bool {
		return row.before != nil && slices.EqualFunc(row.before, stored, Datum.same)
	})
}

// lose lists a deleted row and what the mapping has below it.
func (r *Rehearsal) lose(read Rows, s *Step, stored []Datum) error {
	if len(r.lost) == maxDeleted {
		r.more++
		return nil
	}
	r.lost = append(r.lost, gateway.DeletedRow{Table: s.Index, Row: columnsOf(s.Model, stored)})
	for _, child := range s.Children {
		if child.Parent != s.Index {
			continue
		}
		for i := range child.Columns {
			c := &child.Columns[i]
			if c.Ref != s {
				continue
			}
			rows, err := read(child.Model, []string{c.Name}, []Datum{stored[columnOf(s.Model, c.RefColumn)]})
			for n := 0; n < len(rows) && err == nil; n++ {
				err = r.lose(read, child, rows[n])
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// same compares what two rows hold; numbers by value.
func (d Datum) same(o Datum) bool {
	if d.Present != o.Present || !d.Present {
		return d.Present == o.Present
	}
	if d.Number != nil && o.Number != nil {
		return d.Number.Cmp(o.Number) == 0
	}
	return d.Text == o.Text && d.Int == o.Int && d.Float == o.Float && d.Instant.Equal(o.Instant) && string(d.Bytes) == string(o.Bytes)
}

func columnsOf(t *Table, row []Datum) []gateway.StoredColumn {
	if row == nil {
		return nil
	}
	out := make([]gateway.StoredColumn, len(row))
	for i, d := range row {
		out[i] = gateway.StoredColumn{Name: t.Columns[i].Name, Value: d.Value()}
	}
	return out
}

func (r *Rehearsal) result() *gateway.Rehearsal {
	out := &gateway.Rehearsal{Outcome: r.item.Outcome, Deleted: r.lost, More: r.more, Rows: unwritten(r.item.Entry.Changes)}
	if r.item.Going() {
		out.Rendered.Reply = r.item.Reply
		for i := range r.item.Deliveries {
			out.Rendered.Publications = append(out.Rendered.Publications, *r.item.Deliveries[i].Publication)
		}
	}
	for i := range r.rows {
		for n := range r.rows[i] {
			out.Rows[i][n] = r.fate(r.plan.Steps[i], n)
		}
	}
	return out
}

func (r *Rehearsal) fate(s *Step, n int) gateway.RowFate {
	row := &r.rows[s.Index][n]
	out := gateway.RowFate{Before: columnsOf(s.Model, row.before), After: columnsOf(s.Model, row.after)}
	for c := range row.found {
		if out.Found == nil {
			out.Found = map[int]mapping.Value{}
		}
		out.Found[c] = row.found[c].Value()
	}
	written := r.item.Going() || r.item.Outcome.Status == gateway.Superseded
	switch {
	case !written:
	case len(s.Match) == 0:
		out.Fate = gateway.Inserted
		if r.item.Outcome.Status == gateway.Superseded && r.overtaken(s, n) {
			out.Fate = gateway.Overtaken
		}
	case row.before == nil && row.after != nil:
		out.Fate = gateway.Inserted
	case row.before != nil && row.after != nil && !slices.EqualFunc(row.before, row.after, Datum.same):
		out.Fate = gateway.Updated
	case r.item.Outcome.Status == gateway.Superseded && r.overtaken(s, n):
		out.Fate = gateway.Overtaken
	case row.after != nil:
		out.Fate = gateway.Unchanged
	}
	return out
}

// overtaken reports whether a row stands under a version guard that may have
// stopped it.
func (r *Rehearsal) overtaken(s *Step, n int) bool {
	for {
		if s.Version >= 0 && r.newer(s, n) {
			return true
		}
		n = r.item.Rows[s.Index][n].Source.Parent
		if s.Parent < 0 || n < 0 {
			return false
		}
		s = r.plan.Steps[s.Parent]
	}
}

// newer reports whether the stored version is not the message's own: a guarded
// row that was not overtaken has taken it over.
func (r *Rehearsal) newer(s *Step, n int) bool {
	row, own := &r.rows[s.Index][n], r.value(s, n, s.Version)
	if row.after == nil || !own.Present {
		return false
	}
	return !row.after[columnOf(s.Model, s.Columns[s.Version].Name)].same(own)
}
