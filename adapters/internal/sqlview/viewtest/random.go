package viewtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// The three values of SQL.
const (
	no = iota
	unknown
	yes
)

// holdsOf is what an expression means of a row, whose texts compare byte by byte.
func holdsOf(e view.Expr, row []string) int {
	switch e := e.(type) {
	case view.And:
		out := yes
		for _, part := range e {
			out = min(out, holdsOf(part, row))
		}
		return out
	case view.Or:
		out := no
		for _, part := range e {
			out = max(out, holdsOf(part, row))
		}
		return out
	case view.Not:
		return yes - holdsOf(e.Of, row)
	case view.IsNull:
		return truth(row[e.Field] == "NULL")
	case view.Compare:
		return ifKnown(row[e.Field], func(s string) bool { return holds(e.Op, float64(compared(e.Field, s, e.Value.Text))) })
	case view.In:
		return ifKnown(row[e.Field], func(s string) bool {
			return slices.ContainsFunc(e.Values, func(v view.Value) bool { return compared(e.Field, s, v.Text) == 0 })
		})
	case view.StartsWith:
		return ifKnown(row[e.Field], func(s string) bool { return strings.HasPrefix(s, e.Text) })
	case view.Contains:
		return ifKnown(row[e.Field], func(s string) bool { return strings.Contains(s, e.Text) })
	}
	panic(fmt.Sprintf("%T", e))
}

func truth(b bool) int {
	if b {
		return yes
	}
	return no
}

func ifKnown(s string, f func(string) bool) int {
	if s == "NULL" {
		return unknown
	}
	return truth(f(s))
}

// compared compares two values of a field.
func compared(field int, a, b string) int {
	if field != total {
		return strings.Compare(a, b)
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		panic(a + " " + b)
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// random asks what a generator comes up with, and compares with what it means.
func (shop *shop) random(t *testing.T, queries int) {
	g := &generator{rand.New(rand.NewPCG(3, 4)), shop}
	asked := 0
	for range queries {
		q := view.Query{Where: g.expr(2), Top: 1 + g.IntN(40), Select: []int{orderNo}}
		for _, f := range [][]int{nil, {total}, {status, total}, {status}, {orderNo}}[g.IntN(5)] {
			q.Order = append(q.Order, view.Order{Field: f, Desc: g.IntN(2) == 0})
		}
		who := g.windows()
		if _, err := shop.s.Search(t.Context(), who, "orders", &q); err != nil && fault.KindOf(err) == fault.Invalid {
			continue // no index serves it
		}
		asked++
		rows, _ := pages(t, shop.s, who, "orders", q)
		shop.same(t, &q, who, rows)
	}
	if asked < queries/4 {
		t.Errorf("%d queries were answered", asked)
	}
}

func (shop *shop) same(t *testing.T, q *view.Query, who sight, rows []view.Row) {
	t.Helper()
	var got, want []string
	for _, r := range rows {
		got = append(got, r.Values[0].Text)
	}
	for _, o := range shop.orders {
		seen := holdsOf(who[0].Rows[0], o) == yes
		if seen && (q.Where == nil || holdsOf(q.Where, o) == yes) {
			want = append(want, o[orderNo])
		}
	}
	byNo := map[string][]string{}
	for _, o := range shop.orders {
		byNo[o[orderNo]] = o
	}
	for i := 1; i < len(got); i++ {
		for _, o := range q.Order {
			a, b := byNo[got[i-1]][o.Field], byNo[got[i]][o.Field]
			d := 0
			switch {
			case a == "NULL" || b == "NULL":
				d = truth(b == "NULL") - truth(a == "NULL")
			default:
				d = compared(o.Field, a, b)
			}
			if o.Desc {
				d = -d
			}
			if d > 0 {
				t.Errorf("%+v: %s comes before %s", q, got[i-1], got[i])
			}
			if d != 0 {
				break
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%+v of %+v: %d rows %v, not %d %v", q, who, len(got), got, len(want), want)
	}
}

type generator struct {
	*rand.Rand
	shop *shop
}

func (g *generator) expr(depth int) view.Expr {
	if depth > 0 && g.IntN(2) == 0 {
		var parts []view.Expr
		for range 1 + g.IntN(3) {
			parts = append(parts, g.expr(depth-1))
		}
		switch g.IntN(5) {
		case 0:
			return view.Not{Of: view.And(parts)}
		case 1, 2:
			return view.Or(parts)
		}
		return view.And(parts)
	}
	field := []int{orderNo, status, status, total, total, note, customer, customer, customerName, region}[g.IntN(10)]
	from := g.shop.orders[g.IntN(len(g.shop.orders))][field]
	if from == "NULL" {
		from = map[bool]string{true: "0.25", false: "plain"}[field == total]
	}
	v := text(from)
	if field == total {
		v = amount(from)
	}
	switch n := g.IntN(12); {
	case n == 0 && field != orderNo && field != status:
		return view.IsNull{Field: field}
	case n == 1 && field != total:
		return view.StartsWith{Field: field, Text: from[:min(len(from), 1+g.IntN(3))]}
	case n == 2 && field != total:
		return view.Contains{Field: field, Text: from[:min(len(from), 2)]}
	case n == 3:
		return view.In{Field: field, Values: []view.Value{v, v}}
	case n < 7 && field != note: // its texts are in no order that all collations share
		return view.Compare{Field: field, Op: view.Operator(g.IntN(6)), Value: v}
	}
	return view.Compare{Field: field, Op: view.Equal, Value: v}
}

// windows is one that shows everything of some rows.
func (g *generator) windows() sight {
	return sight{{Rows: []view.Expr{[]view.Expr{view.Or{view.IsNull{Field: total}, view.Not{Of: view.IsNull{Field: total}}}, equal(status, "open"), equal(region, "EU"), view.Or{equal(customer, "c1"), equal(status, "sent")}}[g.IntN(4)]}}}
}
