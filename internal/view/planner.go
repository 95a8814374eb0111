package view

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// DefaultLooks is how many rows are looked at for a page where what a grant demands
// of rows is not served by an index.
const DefaultLooks = 10_000

// MaxOrder is how many fields a query can be ordered by.
const MaxOrder = 8

// Plan finds the way through the indexes to what somebody with these windows sees of
// a query. A query that no index serves is an invalid fault that names the index
// which would; one of a field that no window shows is the fault that it is for a
// field which does not exist; nothing seen at all is forbidden. A plan without
// branches has no rows, and nobody needs to be asked.
//
// With no Order, the order is that of the key if an index serves the condition in
// it, else that of the first index that serves it. For the pages of one query it is
// the same as long as view, tables and windows are; a Mark of another order is an
// invalid fault.
func (v *View) Plan(ctx context.Context, q *Query, windows []Window, c Collation) (*Plan, error) {
	p := &planner{v: v, q: q, windows: windows}
	if err := p.admitted(); err != nil {
		return nil, err
	}
	if q.ByKey { // admitted first: the key need not be among what can be ordered by
		p.q = q.byKey(v)
	}
	if err := p.gatherTexts(ctx, c); err != nil {
		return nil, err
	}
	out := &Plan{View: v, Select: q.Select, Top: q.Top, Count: q.Count, Expand: q.Expand, Windows: sighted(windows)}
	if out.Select == nil {
		out.Select = p.shown()
	}
	if q.Key != nil {
		out.Top, out.Count = 1, false
	}
	w, err := p.way()
	if err != nil {
		return nil, err
	}
	out.Order = w.order
	p.order = w.order
	if q.After != nil {
		if err := p.setMark(q.After); err != nil {
			return nil, err
		}
	}
	for _, s := range w.seats {
		out.Branches = append(out.Branches, p.seeks(s, w.rest, w.looks)...)
	}
	return out, nil
}

// byKey is the query with the order of the key written out.
func (q *Query) byKey(v *View) *Query {
	out := *q
	out.Order = nil
	for _, f := range v.Key {
		out.Order = append(out.Order, Order{Field: f})
	}
	return &out
}

// planner makes one plan.
type planner struct {
	v       *View
	q       *Query
	windows []Window
	rights  []Expr // all of them hold of what is seen
	ranks   ranking
	order   []Order
	mark    []Value // of the order; nil: from the beginning
}

// way is how a condition is served.
type way struct {
	order []Order
	seats []*seat
	rest  Expr
	looks int
}

// gatherTexts learns how the texts compare that the query compares.
func (p *planner) gatherTexts(ctx context.Context, c Collation) (err error) {
	texts := map[int][]string{}
	p.v.gather(p.q.Where, texts)
	for _, r := range p.rights {
		p.v.gather(r, texts)
	}
	if p.q.After != nil { // a mark's texts may be of any field: the order is not known yet
		for f := range p.v.Fields {
			for _, v := range p.q.After.Values {
				if p.v.Fields[f].text() && v.Present && v.Kind == p.v.Fields[f].Type.Kind {
					texts[f] = append(texts[f], v.Text)
				}
			}
		}
	}
	for i, f := range p.v.Key {
		if i < len(p.q.Key) && p.v.Fields[f].text() {
			texts[f] = append(texts[f], p.q.Key[i].Text)
		}
	}
	p.ranks, err = p.v.rank(ctx, c, texts)
	return err
}

// setMark takes the mark where it is one of this order. In another one rows would be
// left out or come again.
func (p *planner) setMark(m *Mark) error {
	if !slices.Equal(m.By, p.v.by(p.order)) {
		return fault.New(fault.CodePage, "the rows are in another order now than they were on the page before; begin anew, without the $skiptoken")
	}
	ok := len(m.Values) == len(p.order)
	for i := 0; ok && i < len(p.order); i++ {
		f, value := p.order[i].Field, m.Values[i]
		ok = value.Present && value.Kind == p.v.Fields[f].Type.Kind || !value.Present && p.v.Nullable(f)
	}
	if !ok {
		return fault.New(fault.CodeQuery, "the page does not go on from a page of this query")
	}
	p.mark = m.Values
	return nil
}

// way finds how the query is served: all of it with what the grants demand, or with
// as much of that as an index serves, or in the end, where the view allows it, by
// looking at rows.
func (p *planner) way() (*way, error) {
	asked := p.asked()
	w, err := p.serve(asked)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return p.lookedAt(asked)
	}
	var rest []Expr
	for _, r := range p.rights {
		wider := append(asked[:len(asked):len(asked)], r)
		if more, err := p.serve(wider); err == nil && more != nil {
			asked, w = wider, more
		} else {
			rest = append(rest, r)
		}
	}
	w.rest, w.looks = all(rest), DefaultLooks
	return w, nil
}

// asked are the conditions of the query.
func (p *planner) asked() []Expr {
	if p.q.Key != nil {
		var out []Expr
		for i, f := range p.v.Key {
			out = append(out, Compare{f, Equal, p.q.Key[i]})
		}
		return out
	}
	if p.q.Where == nil {
		return nil
	}
	return []Expr{p.q.Where}
}

// serve finds seats for conditions in one of the orders that come into question; nil
// when there are none.
func (p *planner) serve(conditions []Expr) (*way, error) {
	demands, err := p.branches(And(conditions))
	if errors.Is(err, errTooMany) {
		return nil, fault.New(fault.CodeQuery, "the condition comes to more than %d branches joined by or; ask for less at once", MaxBranches)
	}
	orders := p.orders(demands)
	if len(demands) == 0 {
		return &way{order: orders[0]}, nil
	}
	for _, order := range orders {
		if seats := p.seats(demands, order, false); seats != nil {
			return &way{order: order, seats: seats}, nil
		}
	}
	return nil, nil
}

func (p *planner) seats(demands []demand, order []Order, partly bool) []*seat {
	var out []*seat
	for _, d := range demands {
		s := p.seat(d, order, partly)
		if s == nil {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// lookedAt serves a query as far as an index does, and looks for the rest; or says
// why it does not. What the grants demand is served where it can be: then no page
// ends because of rows that are not seen.
func (p *planner) lookedAt(asked []Expr) (*way, error) {
	if p.v.LooksAt == 0 {
		return nil, p.unserved(asked)
	}
	d := demand{}
	var served, rest []Expr
	for _, e := range flat(asked) {
		more, ok := p.add1(d, e)
		if !ok {
			rest = append(rest, e)
			continue
		}
		d, served = more, append(served, e)
	}
	w := p.partly(served)
	if w == nil {
		return nil, p.unserved(asked)
	}
	for _, r := range p.rights {
		wider := append(served[:len(served):len(served)], r)
		if more := p.partly(wider); more != nil && more.left() <= w.left() {
			served, w = wider, more
		} else {
			rest = append(rest, r)
		}
	}
	w.rest, w.looks = all(rest), p.v.LooksAt
	return w, nil
}

// partly finds seats for conditions as far as indexes serve them, in the order that
// leaves the least; nil when no index has the rows in order.
func (p *planner) partly(conditions []Expr) *way {
	demands, err := p.branches(And(conditions))
	if err != nil {
		return nil
	}
	orders := p.orders(demands)
	if len(demands) == 0 {
		return &way{order: orders[0]}
	}
	var best *way
	for _, order := range orders {
		if seats := p.seats(demands, order, true); seats != nil {
			if w := (&way{order: order, seats: seats}); best == nil || w.left() < best.left() {
				best = w
			}
		}
	}
	return best
}

// left is how many conditions of a branch no index serves, at most.
func (w *way) left() (most int) {
	for _, s := range w.seats {
		most = max(most, len(s.rest))
	}
	return most
}

// add1 takes a condition without parts that does not contradict the others.
func (p *planner) add1(d demand, e Expr) (demand, bool) {
	switch c := e.(type) {
	case Compare:
		if c.Op == NotEqual {
			return d, false
		}
	case IsNull, StartsWith:
	default:
		return d, false
	}
	return p.add(d, e)
}

// flat takes the conditions joined by and apart.
func flat(parts []Expr) []Expr {
	var out []Expr
	for _, e := range parts {
		if inner, ok := e.(And); ok {
			out = append(out, flat(inner)...)
			continue
		}
		out = append(out, e)
	}
	return out
}

// orders are the orders that come into question, the best one first.
func (p *planner) orders(demands []demand) [][]Order {
	if p.q.Key != nil || len(p.q.Order) == 0 {
		out := [][]Order{p.withKey(nil, false)}
		if p.q.Key == nil && len(demands) > 0 {
			out = append(out, p.ordersOfIndexes(demands[0])...)
		}
		return out
	}
	desc := p.q.Order[len(p.q.Order)-1].Desc
	return [][]Order{p.withKey(p.q.Order, desc), p.withKey(p.q.Order, !desc)}
}

// withKey ends an order with the key.
func (p *planner) withKey(order []Order, desc bool) []Order {
	var out []Order
	add := func(o Order) {
		if !slices.ContainsFunc(out, func(have Order) bool { return have.Field == o.Field }) {
			out = append(out, o)
		}
	}
	for _, o := range order {
		add(o)
	}
	for _, f := range p.v.Key {
		add(Order{f, desc})
	}
	return out
}

// ordersOfIndexes are the orders in which indexes have the rows of a demand, as far
// as everybody with one of the windows may know it.
func (p *planner) ordersOfIndexes(d demand) [][]Order {
	var out [][]Order
	for i := range p.v.indexes {
		s := &seat{index: &p.v.indexes[i], demand: d}
		var order []Order
		for _, c := range s.index.Columns[s.fix(p.v, d):] {
			f := slices.IndexFunc(p.v.Fields, func(f Field) bool { return f.Join < 0 && f.Column == c.Name })
			if f < 0 || slices.ContainsFunc(p.windows, func(w Window) bool { return !w.has(f) }) {
				break
			}
			order = append(order, Order{f, c.Desc})
		}
		if len(order) > 0 {
			out = append(out, p.withKey(order, false))
		}
	}
	return out
}
