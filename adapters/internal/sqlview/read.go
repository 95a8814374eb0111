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
	whole   bool // children are given whole, or not at all
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
	for i, c := range columns {
		if src[i] == nil {
			continue
		}
		v, err := d.Read(c, src[i])
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", c.Name, err)
		}
		out[i] = v
	}
	return out, nil
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
	in := newLine(2 + len(t.order) + t.windows + len(t.values) + len(t.refers))
	var last *view.Mark
	for out.More == nil && rows.Next() {
		if err := rows.Scan(in.into...); err != nil {
			return nil, err
		}
		if isOne(in.values[0]) {
			if len(out.Rows) == t.plan.Top {
				out.More = last
				break
			}
			if err := t.take(in.values, out, l); err != nil {
				return nil, err
			}
		}
		if last, err = t.mark(in.values); err != nil {
			return nil, err
		}
		if isOne(in.values[1]) {
			out.More = last
		}
	}
	if out.More != nil {
		out.More.By = t.plan.By()
		return l, nil // the rest is not wanted, nor what would go wrong with it
	}
	return l, rows.Err()
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

// mark is the place of a row in the order, which is left to say.
func (t *pageText) mark(line []any) (*view.Mark, error) {
	values, err := readAll(t.dialect, t.order, line[2:])
	return &view.Mark{Values: values}, err
}

// take adds a row to the page.
func (t *pageText) take(line []any, out *view.Page, l *level) error {
	line = line[2+len(t.order):]
	shown := make([]bool, t.windows)
	for i := range shown {
		shown[i] = isOne(line[i])
	}
	line = line[t.windows:]
	var row view.Row
	var err error
	if row.Values, err = readAll(t.dialect, t.values, line); err != nil {
		return err
	}
	if t.plan.Windows != nil {
		row.Seen = make([]bool, len(t.plan.Select))
		for i, f := range t.plan.Select {
			row.Seen[i] = seenIn(t.plan.Windows, shown, f)
		}
	}
	refers, err := readAll(t.dialect, t.keys, line[len(t.values):])
	if err != nil {
		return err
	}
	out.Rows = append(out.Rows, row)
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
