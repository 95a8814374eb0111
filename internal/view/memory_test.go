package view_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// memory is a database of one view's table and one that it joins, whose texts take
// no notice of case. It runs plans strictly: a branch that is no contiguous range of
// its index, in the plan's order, is refused.
type memory struct {
	rows   []map[string]view.Value // by column
	joined []map[string]view.Value // by column; id is referred to
	parent view.Tables
}

// order compares values as the database has them, null first.
func order(a, b view.Value) int {
	if a.Present && b.Present && a.Kind == mapping.StringColumn {
		return strings.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text))
	}
	return a.Compare(b)
}

// referred is the joined row of a row, or nil.
func (m *memory) referred(row map[string]view.Value) map[string]view.Value {
	for _, j := range m.joined {
		if row["ref"].Present && order(j["id"], row["ref"]) == 0 {
			return j
		}
	}
	return nil
}

func (m *memory) value(v *view.View, row map[string]view.Value, field int) view.Value {
	f := v.Fields[field]
	if f.Join < 0 {
		return row[f.Column]
	}
	return m.referred(row)[f.Column]
}

// truth is one of SQL's three values.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// holds is the reference: what SQL says of a condition, evaluated naively.
func (m *memory) holds(v *view.View, row map[string]view.Value, e view.Expr) truth {
	is := func(field int, test func(view.Value) bool) truth {
		value := m.value(v, row, field)
		if !value.Present {
			return unknown
		}
		return truthOf(test(value))
	}
	switch e := e.(type) {
	case nil:
		return yes
	case view.And:
		out := yes
		for _, part := range e {
			out = min(out, m.holds(v, row, part))
		}
		return out
	case view.Or:
		out := no
		for _, part := range e {
			out = max(out, m.holds(v, row, part))
		}
		return out
	case view.Not:
		return yes - m.holds(v, row, e.Of)
	case view.IsNull:
		return truthOf(!m.value(v, row, e.Field).Present)
	case view.In:
		if len(e.Values) == 0 {
			return no
		}
		return is(e.Field, func(x view.Value) bool {
			return slices.ContainsFunc(e.Values, func(o view.Value) bool { return order(x, o) == 0 })
		})
	case view.StartsWith:
		return is(e.Field, func(x view.Value) bool { return strings.HasPrefix(strings.ToLower(x.Text), strings.ToLower(e.Text)) })
	case view.Contains:
		return is(e.Field, func(x view.Value) bool { return strings.Contains(strings.ToLower(x.Text), strings.ToLower(e.Text)) })
	case view.Compare:
		return is(e.Field, func(x view.Value) bool {
			c := order(x, e.Value)
			return [...]bool{view.Equal: c == 0, view.NotEqual: c != 0, view.Greater: c > 0, view.GreaterOrEqual: c >= 0, view.Less: c < 0, view.LessOrEqual: c <= 0}[e.Op]
		})
	}
	panic(fmt.Sprintf("%T", e))
}

// sorted are the rows in an order.
func (m *memory) sorted(v *view.View, rows []map[string]view.Value, by []view.Order) []map[string]view.Value {
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b map[string]view.Value) int { return m.ordered(v, a, b, by) })
	return out
}

func (m *memory) ordered(v *view.View, a, b map[string]view.Value, by []view.Order) int {
	for _, o := range by {
		c := order(m.value(v, a, o.Field), m.value(v, b, o.Field))
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// seek returns the rows of a branch in the plan's order, without its Rest.
func (m *memory) seek(p *view.Plan, b view.Branch) ([]map[string]view.Value, error) {
	t, _ := m.parent.Table(p.View.Table)
	i := slices.IndexFunc(t.Indexes, func(ix view.Index) bool { return ix.Name == b.Index })
	if i < 0 {
		return nil, fmt.Errorf("there is no index %q", b.Index)
	}
	if err := formed(p.View, t.Indexes[i], b); err != nil {
		return nil, err
	}
	stored := slices.Clone(m.rows)
	slices.SortStableFunc(stored, func(x, y map[string]view.Value) int {
		for _, c := range t.Indexes[i].Columns {
			if n := order(x[c.Name], y[c.Name]); n != 0 && c.Desc {
				return -n
			} else if n != 0 {
				return n
			}
		}
		return 0
	})
	var out []map[string]view.Value
	last := -1
	for at, row := range stored {
		if !m.sought(p.View, row, b) {
			continue
		}
		if last >= 0 && last != at-1 {
			return nil, fmt.Errorf("index %s is not read in one piece", b.Index)
		}
		last = at
		out = append(out, row)
	}
	ordered := m.sorted(p.View, out, p.Order)
	if !sameRows(ordered, out) {
		slices.Reverse(out)
		if !sameRows(ordered, out) {
			return nil, fmt.Errorf("index %s has not the plan's order", b.Index)
		}
	}
	return ordered, nil
}

func sameRows(a, b []map[string]view.Value) bool {
	for i := range a {
		if order(a[i]["k"], b[i]["k"]) != 0 {
			return false
		}
	}
	return true
}

// formed refuses a branch that its index cannot be sought by, whatever the rows are.
func formed(v *view.View, ix view.Index, b view.Branch) error {
	fixed := map[string]bool{}
	for _, e := range b.Equal {
		f := v.Fields[e.Field]
		if e.Op != view.Equal || f.Join >= 0 && !e.Value.Present {
			return fmt.Errorf("a seek by %+v", e)
		}
		if f.Join >= 0 {
			fixed["ref"] = true
			continue
		}
		fixed[f.Column] = true
	}
	width := 0
	for width < len(ix.Columns) && fixed[ix.Columns[width].Name] {
		width++
	}
	if width != len(fixed) {
		return fmt.Errorf("index %s does not begin with all of %v", ix.Name, fixed)
	}
	ranged := []int{}
	if b.From != nil {
		ranged = append(ranged, b.From.Field)
	}
	if b.To != nil {
		ranged = append(ranged, b.To.Field)
	}
	if b.Starts != nil {
		ranged = append(ranged, b.Starts.Field)
	}
	for _, f := range ranged {
		if width == len(ix.Columns) || v.Fields[f].Join >= 0 || ix.Columns[width].Name != v.Fields[f].Column {
			return fmt.Errorf("index %s has a range of %s at %d", ix.Name, v.Fields[f].Name, width)
		}
	}
	if starts, ok := b.Rest.(view.StartsWith); ok && b.Looks == 0 && slices.ContainsFunc(b.Equal, func(e view.Compare) bool {
		return e.Field == starts.Field && strings.HasPrefix(e.Value.Text, starts.Text)
	}) {
		return nil
	}
	if (b.Rest == nil) != (b.Looks == 0) {
		return fmt.Errorf("a rest %v with looks %d", b.Rest, b.Looks)
	}
	return nil
}

func (m *memory) sought(v *view.View, row map[string]view.Value, b view.Branch) bool {
	for _, e := range b.Equal {
		f := v.Fields[e.Field]
		if f.Join < 0 {
			if order(row[f.Column], e.Value) != 0 {
				return false
			}
			continue
		}
		i := slices.IndexFunc(m.joined, func(j map[string]view.Value) bool { return order(j[f.Column], e.Value) == 0 })
		if i < 0 || !row["ref"].Present || order(row["ref"], m.joined[i]["id"]) != 0 {
			return false
		}
	}
	if b.From != nil {
		value := m.value(v, row, b.From.Field)
		if c := order(value, b.From.Value); !value.Present || c < 0 || c == 0 && !b.From.Inclusive {
			return false
		}
	}
	if b.To != nil {
		value := m.value(v, row, b.To.Field)
		if c := order(value, b.To.Value); !value.Present || c > 0 || c == 0 && !b.To.Inclusive {
			return false
		}
	}
	return b.Starts == nil || m.holds(v, row, *b.Starts) == yes
}

// page is what a plan answers.
type page struct {
	rows  []string
	count int
	mark  *view.Mark
	cut   bool // by the number of rows looked at
}

// run answers a plan as a store does: each branch as far as needed, merged.
func (m *memory) run(p *view.Plan) (*page, error) {
	var found []map[string]view.Value
	var limit map[string]view.Value // nothing behind it has been looked at everywhere
	for _, b := range p.Branches {
		rows, err := m.seek(p, b)
		if err != nil {
			return nil, fmt.Errorf("branch %+v: %w", b, err)
		}
		if b.Looks > 0 && len(rows) > b.Looks {
			rows = rows[:b.Looks]
			if end := rows[len(rows)-1]; limit == nil || m.ordered(p.View, end, limit, p.Order) < 0 {
				limit = end
			}
		}
		for _, row := range rows {
			if m.holds(p.View, row, b.Rest) == yes {
				found = append(found, row)
			}
		}
	}
	found = m.sorted(p.View, found, p.Order)
	found = slices.CompactFunc(found, func(a, b map[string]view.Value) bool { return order(a["k"], b["k"]) == 0 })
	out := &page{}
	if limit != nil {
		found = slices.DeleteFunc(found, func(row map[string]view.Value) bool { return m.ordered(p.View, row, limit, p.Order) > 0 })
		out.mark, out.cut = m.mark(p, limit), true
	}
	out.count = len(found)
	if len(found) > p.Top {
		found = found[:p.Top]
		out.mark = m.mark(p, found[p.Top-1])
	}
	for _, row := range found {
		out.rows = append(out.rows, m.answer(p, row))
	}
	return out, nil
}

func (m *memory) mark(p *view.Plan, row map[string]view.Value) *view.Mark {
	out := &view.Mark{By: p.By()}
	for _, o := range p.Order {
		out.Values = append(out.Values, m.value(p.View, row, o.Field))
	}
	return out
}

// answer is a row as it is seen.
func (m *memory) answer(p *view.Plan, row map[string]view.Value) string {
	var holds []bool
	for _, w := range p.Windows {
		holds = append(holds, m.holds(p.View, row, w.When) == yes)
	}
	seen, _ := p.Sees(holds)
	var out []string
	for _, f := range p.Select {
		if seen[f] {
			out = append(out, p.View.Fields[f].Name+"="+plain(m.value(p.View, row, f)))
		}
	}
	return strings.Join(out, " ")
}

func plain(v view.Value) string {
	if !v.Present {
		return "null"
	}
	return cmp.Or(v.Text, fmt.Sprint(v.Int))
}
