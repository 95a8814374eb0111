package query

import (
	"slices"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Query is a query of the configuration. What it asks and answers is known of its
// file; the types of the view's fields are not before the tables are. It is safe for
// concurrent use.
type Query struct {
	*mapping.Query

	file  *mapping.QueryFile
	bound atomic.Pointer[Bound]
}

// New compiles a file against its contract and the view as it is declared. The error
// is a config.Faults.
func New(f *mapping.QueryFile, c *contract.Contract, declared *mapping.Viewed) (*Query, error) {
	q, err := mapping.CompileQuery(f, c, declared)
	if err != nil {
		return nil, err
	}
	return &Query{Query: q, file: f}, nil
}

// Bound is a query held against a view as the tables have it. It is immutable.
type Bound struct {
	*mapping.Query
	View *view.View

	shown []view.Shown
	order []view.Order
}

// On holds the query against a view. The error is a config.Faults with everything that
// the types of its fields do not allow.
func (q *Query) On(v *view.View) (*Bound, error) {
	if b := q.bound.Load(); b != nil && b.View == v {
		return b, nil
	}
	typed, err := mapping.CompileQuery(q.file, q.Contract, v.Viewed())
	if err != nil {
		return nil, err
	}
	b := &Bound{Query: typed, View: v}
	b.demands(v, &typed.Shown, nil)
	for _, o := range typed.Order {
		b.order = append(b.order, view.Order{Field: field(v, o.Field), Desc: o.Desc})
	}
	q.bound.Store(b)
	return b, nil
}

// field is the place of a field, which the compiler has found.
func field(v *view.View, name string) int {
	return slices.IndexFunc(v.Fields, func(f view.Field) bool { return f.Name == name })
}

func child(v *view.View, name string) int {
	return slices.IndexFunc(v.Children, func(c view.Child) bool { return c.Name == name })
}

// demands gathers what every row of the answer has to show.
func (b *Bound) demands(v *view.View, s *mapping.Selection, through []int) {
	for _, name := range s.Demanded {
		b.shown = append(b.shown, view.Shown{Through: through, Field: field(v, name)})
	}
	for i := range s.Children {
		at := child(v, s.Children[i].Name)
		b.demands(v.Children[at].View, &s.Children[i].Shown, append(through[:len(through):len(through)], at))
	}
}

// asked makes a view's query of a question, for somebody who knows the view as seen.
func (b *Bound) asked(question *mapping.Question, seen *view.View) (*view.Query, error) {
	q := &view.Query{Count: b.Count, Order: b.order, Shown: b.shown, Top: question.Rows}
	q.Select = fields(seen, &b.Shown)
	if len(q.Select) == 0 {
		q.Select = b.View.Key[:1]
	}
	q.Expand = expand(seen, &b.Shown)
	if b.Key != nil {
		var err error
		q.Order, q.Top = nil, 0
		q.Key, err = b.keyed(question.Key)
		return q, err
	}
	where, err := b.where(question)
	if len(where) > 0 {
		q.Where = where
	}
	return q, err
}

// fields are the places of those that are shown and may be seen.
func fields(seen *view.View, s *mapping.Selection) []int {
	out := []int{}
	for _, name := range s.Fields {
		if i := field(seen, name); i >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// expand are the children that are shown and of which something may be seen.
func expand(seen *view.View, s *mapping.Selection) []view.Expand {
	var out []view.Expand
	for i := range s.Children {
		c := &s.Children[i]
		at := child(seen, c.Name)
		if at < 0 {
			continue
		}
		of := seen.Children[at].View
		e := view.Expand{Child: at, Top: c.Rows, Select: fields(of, &c.Shown), Expand: expand(of, &c.Shown)}
		if len(e.Select) == 0 { // the rows alone count
			first := slices.IndexFunc(of.Fields, func(f view.Field) bool { return f.Name != "" })
			if first < 0 {
				continue
			}
			e.Select = []int{first}
		}
		out = append(out, e)
	}
	return out
}

// keyed are the values of the view's key. What cannot be one is no row's.
func (b *Bound) keyed(values []mapping.Value) ([]view.Value, error) {
	out := make([]view.Value, len(b.View.Key))
	for i, at := range b.View.Key {
		f := &b.View.Fields[at]
		given := values[slices.Index(b.Key, f.Name)]
		v, below, problem := valueOf(&f.Type, given)
		if below || problem != "" {
			return nil, fault.New(fault.CodeNoRow, "")
		}
		out[i] = v
	}
	return out, nil
}
