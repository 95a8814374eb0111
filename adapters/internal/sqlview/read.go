package sqlview

import (
	"context"
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// run reads from one connection, or from any of the pool.
type run struct {
	dialect Dialect
	model   model
	q       sqlstore.Querier
	whole   bool  // children are given whole, or not at all
	room    *room // where rows go that are valid until the next page only; nil: each page keeps its own
}

// room is memory that the pages of a scan take in turn: a million rows would be as much
// garbage as they have bytes.
type room struct {
	rows   []view.Row
	values []view.Value
}

// begin gives back what the page before had.
func (m *room) begin() {
	clear(m.rows)
	m.rows, m.values = m.rows[:0], m.values[:0]
}

// take returns the place of n values. Those before keep theirs when there is no more room.
func (m *room) take(n int) []view.Value {
	if m == nil {
		return make([]view.Value, n)
	}
	at := len(m.values)
	if at+n > cap(m.values) {
		m.values, at = make([]view.Value, 0, max(2*cap(m.values), 64*n)), 0
	}
	m.values = m.values[:at+n]
	out := m.values[at : at+n : at+n]
	clear(out)
	return out
}

func tooMany() error {
	return fault.New(fault.CodeQuery, "more than %d values are asked for", maxArguments)
}

// line is where the values of a row go.
type line struct {
	values []any
	into   []any
}

func newLine(n int) *line {
	l := &line{make([]any, n), make([]any, n)}
	for i := range l.values {
		l.into[i] = &l.values[i]
	}
	return l
}

// readAll reads the values of columns.
func readAll(d Dialect, columns []*Column, src []any) ([]view.Value, error) {
	out := make([]view.Value, len(columns))
	return out, readInto(out, d, columns, src)
}

// readInto reads the values of columns into out, which has nulls.
func readInto(out []view.Value, d Dialect, columns []*Column, src []any) error {
	for i, c := range columns {
		if src[i] == nil {
			continue
		}
		v, err := d.Read(c, src[i])
		if err != nil {
			return fmt.Errorf("reading %s: %w", c.Name, err)
		}
		out[i] = v
	}
	return nil
}

// page runs a plan. Rows behind the last one that a branch has looked at are not
// given: another branch may have rows before them that nobody has looked at yet.
func (r *run) page(ctx context.Context, p *view.Plan) (*view.Page, error) {
	out := &view.Page{}
	for _, f := range p.Select {
		out.Fields = append(out.Fields, p.View.Fields[f])
	}
	t, err := page(r.dialect, r.model, p)
	if err != nil || t.text == "" {
		return out, err
	}
	l, err := r.rows(ctx, t, out)
	if err != nil || len(p.Expand) == 0 {
		return out, err
	}
	for i := range out.Rows {
		l.parents[i].row = &out.Rows[i]
	}
	return out, r.expand(ctx, l, p.Expand)
}

// rows reads the page itself, and what its children need.
func (r *run) rows(ctx context.Context, t *pageText, out *view.Page) (*level, error) {
	rows, err := r.q.QueryContext(ctx, t.text, t.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	l := &level{view: t.plan.View, refers: t.refers, windows: topWindows(t.plan)}
	if r.room != nil {
		r.room.begin()
		out.Rows = r.room.rows
	}
	in := newLine(2 + len(t.order) + t.windows + len(t.values) + len(t.refers))
	var last []any // where the row before stands in the order
	more := false
	for !more && rows.Next() {
		if err := rows.Scan(in.into...); err != nil {
			return nil, err
		}
		if isOne(in.values[0]) {
			if more = len(out.Rows) == t.plan.Top; more {
				break
			}
			if err := t.take(in.values, out, l, r.room); err != nil {
				return nil, err
			}
		}
		last = append(last[:0], in.values[2:2+len(t.order)]...)
		more = isOne(in.values[1])
	}
	if r.room != nil {
		r.room.rows = out.Rows
	}
	if !more || last == nil {
		return l, rows.Err()
	}
	out.More, err = t.mark(last)
	return l, err // the rest is not wanted, nor what would go wrong with it
}

func isOne(v any) bool {
	n, ok := v.(int64)
	return ok && n == 1
}

// topWindows are the windows of a plan, as those on its view.
func topWindows(p *view.Plan) []*view.Window {
	if p.Windows == nil {
		return nil
	}
	out := make([]*view.Window, len(p.Windows))
	for i, w := range p.Windows {
		out[i] = &view.Window{Fields: w.Fields, Children: w.Children}
	}
	return out
}

// mark is a place in the plan's order.
func (t *pageText) mark(place []any) (*view.Mark, error) {
	values, err := readAll(t.dialect, t.order, place)
	return &view.Mark{Values: values, By: t.plan.By()}, err
}

// take adds a row to the page.
func (t *pageText) take(line []any, out *view.Page, l *level, room *room) error {
	line = line[2+len(t.order):]
	shown := make([]bool, t.windows)
	for i := range shown {
		shown[i] = isOne(line[i])
	}
	line = line[t.windows:]
	row := view.Row{Values: room.take(len(t.values))}
	if err := readInto(row.Values, t.dialect, t.values, line); err != nil {
		return err
	}
	if t.plan.Windows != nil {
		row.Seen = make([]bool, len(t.plan.Select))
		for i, f := range t.plan.Select {
			row.Seen[i] = seenIn(t.plan.Windows, shown, f)
		}
	}
	out.Rows = append(out.Rows, row)
	if len(t.plan.Expand) == 0 {
		return nil
	}
	refers, err := readAll(t.dialect, t.keys, line[len(t.values):])
	if err != nil {
		return err
	}
	l.parents = append(l.parents, parent{refers: refers, shown: shown})
	return nil
}

func seenIn(windows []view.Sighted, shown []bool, field int) bool {
	for i, w := range windows {
		if !shown[i] {
			continue
		}
		if w.Fields == nil {
			return true
		}
		for _, f := range w.Fields {
			if f == field {
				return true
			}
		}
	}
	return false
}

// count counts the rows of a plan, as far as that goes.
func (r *run) count(ctx context.Context, p *view.Plan) (n int64, atLeast bool, err error) {
	s, text, err := count(r.dialect, r.model, p)
	if err != nil || text == "" {
		return 0, false, err
	}
	var more int64
	if err := r.q.QueryRowContext(ctx, text, s.args...).Scan(&n, &more); err != nil {
		return 0, false, err
	}
	return min(n, maxCounted), n > maxCounted || more == 1, nil
}
