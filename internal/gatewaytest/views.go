package gatewaytest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Views is one view over rows in memory: a view.Searcher, and what a query is answered
// from. Texts compare byte by byte. What plans refuse it refuses; else it looks at
// every row. It is safe for concurrent use; the exported fields are set before.
type Views struct {
	Of *view.View
	// Rows have values by the names of fields.
	Rows []Row
	// Gate, when set, is received from before each search.
	Gate chan struct{}

	mu   sync.Mutex
	down error
}

// Row is a row with its children, by their names.
type Row struct {
	Values   map[string]view.Value
	Children map[string][]Row
}

// Fail has every search from now on fail; nil mends that.
func (s *Views) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// Open returns the view, as long as it does not fail.
func (s *Views) Open(context.Context) (view.Searcher, []*view.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, []*view.View{s.Of}, s.down
}

// View implements view.Searcher.
func (s *Views) View(name string) (*view.View, error) {
	if name != s.Of.Name {
		return nil, fault.New(fault.CodeNoView, "")
	}
	return s.Of, nil
}

// Scan implements view.Searcher; nothing is ever exported from memory.
func (s *Views) Scan(context.Context, view.Viewer, string, *view.Query, func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) { yield(nil, errors.ErrUnsupported) }
}

// Search implements view.Searcher.
func (s *Views) Search(ctx context.Context, who view.Viewer, name string, q *view.Query) (*view.Page, error) {
	if s.Gate != nil {
		select {
		case <-s.Gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	windows, err := who.Sight(name)
	if err != nil {
		return nil, err
	}
	plan, err := s.Of.Plan(ctx, q, windows, bytewise{})
	if err != nil {
		return nil, err
	}
	rows := s.found(plan, q)
	page := &view.Page{Count: int64(len(rows))}
	for _, f := range plan.Select {
		page.Fields = append(page.Fields, s.Of.Fields[f])
	}
	if q.After != nil {
		rows = slices.DeleteFunc(rows, func(r found) bool { return r.at(plan.Order).compare(plan.Order, q.After.Values) <= 0 })
	}
	if top := max(plan.Top, 1); len(rows) > top {
		rows = rows[:top]
		page.More = &view.Mark{By: plan.By(), Values: rows[top-1].at(plan.Order)}
	}
	for _, r := range rows {
		page.Rows = append(page.Rows, r.shown(plan, q))
	}
	return page, nil
}

// found is a row of an answer, and what is seen of it.
type found struct {
	row      *Row
	view     *view.View
	fields   []bool
	children [][]view.Window
}

// found are the rows of a query in the plan's order. A row is left out of which what
// was asked by, and what has to be shown, is not seen.
func (s *Views) found(plan *view.Plan, q *view.Query) []found {
	var out []found
	for i := range s.Rows {
		r := found{row: &s.Rows[i], view: s.Of}
		holds := make([]bool, len(plan.Windows))
		for w := range plan.Windows {
			holds[w] = r.holds(plan.Windows[w].When)
		}
		r.fields, r.children = plan.Sees(holds)
		if r.asked(q) && r.shows(q) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b found) int { return a.at(plan.Order).compare(plan.Order, b.at(plan.Order)) })
	return out
}

func (r found) asked(q *view.Query) bool {
	for i, at := range r.view.Key {
		if q.Key != nil && r.value(at).Compare(q.Key[i]) != 0 {
			return false
		}
	}
	return r.holds(q.Where)
}

func (r found) shows(q *view.Query) bool {
	wanted := slices.Clone(r.view.Key)
	for _, o := range q.Order {
		wanted = append(wanted, o.Field)
	}
	wanted = append(wanted, used(q.Where)...)
	if slices.ContainsFunc(wanted, func(f int) bool { return !r.fields[f] }) {
		return false
	}
	return !slices.ContainsFunc(q.Shown, func(s view.Shown) bool {
		if len(s.Through) == 0 {
			return !r.fields[s.Field]
		}
		windows := r.children[s.Through[0]] // no children of children are here
		return len(windows) > 0 && !slices.ContainsFunc(windows, func(w view.Window) bool { return w.Fields == nil || slices.Contains(w.Fields, s.Field) })
	})
}

// used are the fields of a condition.
func used(e view.Expr) []int {
	switch e := e.(type) {
	case view.And:
		var out []int
		for _, part := range e {
			out = append(out, used(part)...)
		}
		return out
	case view.Compare:
		return []int{e.Field}
	case view.In:
		return []int{e.Field}
	case view.IsNull:
		return []int{e.Field}
	}
	return nil
}

func (r found) value(field int) view.Value { return r.row.Values[r.view.Fields[field].Name] }

// holds evaluates the conditions that queries of the tests have, and grants.
func (r found) holds(e view.Expr) bool {
	switch e := e.(type) {
	case view.And:
		return !slices.ContainsFunc(e, func(part view.Expr) bool { return !r.holds(part) })
	case view.Compare:
		v := r.value(e.Field)
		c := v.Compare(e.Value)
		return v.Present && [...]bool{view.Equal: c == 0, view.NotEqual: c != 0, view.Greater: c > 0, view.GreaterOrEqual: c >= 0, view.Less: c < 0, view.LessOrEqual: c <= 0}[e.Op]
	case view.In:
		return slices.ContainsFunc(e.Values, func(v view.Value) bool { return r.holds(view.Compare{Field: e.Field, Value: v}) })
	case view.IsNull:
		return !r.value(e.Field).Present
	}
	return e == nil
}

// place is where a row stands in an order.
type place []view.Value

func (r found) at(order []view.Order) place {
	var out place
	for _, o := range order {
		out = append(out, r.value(o.Field))
	}
	return out
}

func (p place) compare(order []view.Order, other []view.Value) int {
	for i, o := range order {
		c := p[i].Compare(other[i])
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// shown is the row as the answer has it.
func (r found) shown(plan *view.Plan, q *view.Query) view.Row {
	out := view.Row{}
	for _, f := range plan.Select {
		out.Seen = append(out.Seen, r.fields[f])
		v := view.Null
		if r.fields[f] {
			v = r.value(f)
		}
		out.Values = append(out.Values, v)
	}
	for _, e := range q.Expand {
		c := r.view.Children[e.Child]
		var rows []view.Row
		cut := false
		for i := range r.row.Children[c.Name] {
			if cut = e.Top > 0 && i == e.Top; cut || len(r.children[e.Child]) == 0 {
				break
			}
			fields, _ := c.View.SeenBy(r.children[e.Child])
			below := found{row: &r.row.Children[c.Name][i], view: c.View, fields: fields}
			rows = append(rows, below.shown(&view.Plan{Select: e.Select}, &view.Query{}))
		}
		out.Children, out.Cut = append(out.Children, rows), append(out.Cut, cut)
	}
	return out
}

// bytewise compares texts byte by byte.
type bytewise struct{}

// Rank implements view.Collation.
func (bytewise) Rank(_ context.Context, _ mapping.TableName, _ string, texts []string) ([]int, error) {
	sorted := slices.Sorted(slices.Values(texts))
	out := make([]int, len(texts))
	for i, text := range texts {
		out[i], _ = slices.BinarySearch(sorted, text)
	}
	return out, nil
}
