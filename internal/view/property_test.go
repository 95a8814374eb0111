package view_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

const drawnView = `view: things
from: s.thing
key: [k]
join: {other: {by: ref}}
fields: {k: {}, a: {}, b: {}, c: {}, code: {column: other.code}, name: {column: other.name}}
`

var someIndexes = []string{"a: a, k", "ab: a, b, k", "ab2: a, b desc, k", "b: b, k", "ca: c, a, k desc", "r: ref, k", "ra: ref, a, k", "unique ubk: b, k", "ba: b, a, k", "a3: a, k, c", "abk: a desc, b desc, k desc"}

// drawSchema is the table with some of the indexes.
func drawSchema(t *rapid.T) tables {
	indexes := append([]string{"unique pk: k"}, rapid.SliceOfNDistinct(rapid.SampledFrom(someIndexes), 0, 6, rapid.ID).Draw(t, "indexes")...)
	thing := refers(table("s.thing", []mapping.ColumnModel{
		column("k", mapping.IntegerColumn), column("a", mapping.IntegerColumn, true), column("b", mapping.StringColumn, true),
		column("c", mapping.StringColumn), column("ref", mapping.IntegerColumn, true),
	}, indexes...), "s.other", "ref")
	other := table("s.other", []mapping.ColumnModel{column("id", mapping.IntegerColumn), column("code", mapping.StringColumn), column("name", mapping.StringColumn, true)},
		"unique pk: id", "unique uq: code")
	return schema(thing, other)
}

func drawView(t *rapid.T, ts tables) *view.View {
	d, err := view.Parse("things.yaml", []byte(drawnView))
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := view.Check(d, ts, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Fields {
		v.Fields[i].Filter, v.Fields[i].Sort = true, v.Fields[i].Join < 0
	}
	v.LooksAt = rapid.SampledFrom([]int{0, 0, 1, 3, 1000}).Draw(t, "looks at")
	return v
}

var someTexts = []string{"", "A", "a", "ab", "B", "b", "bc"}

func drawText(t *rapid.T) view.Value { return text(rapid.SampledFrom(someTexts).Draw(t, "text")) }

func drawNumber(t *rapid.T) view.Value { return number(rapid.Int64Range(0, 4).Draw(t, "number")) }

func drawValue(t *rapid.T, v *view.View, field int) view.Value {
	if v.Fields[field].Type.Kind == mapping.IntegerColumn {
		return drawNumber(t)
	}
	return drawText(t)
}

func orNull(t *rapid.T, value view.Value) view.Value {
	if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		return view.Null
	}
	return value
}

func drawRow(t *rapid.T, k int64) map[string]view.Value {
	return map[string]view.Value{"k": number(k), "a": orNull(t, drawNumber(t)), "b": orNull(t, drawText(t)), "c": drawText(t),
		"ref": orNull(t, number(rapid.Int64Range(0, 2).Draw(t, "ref")))}
}

func drawMemory(t *rapid.T, ts tables) *memory {
	m := &memory{parent: ts}
	for i, code := range []string{"a", "B", "bc"} {
		m.joined = append(m.joined, map[string]view.Value{"id": number(int64(i)), "code": text(code), "name": orNull(t, drawText(t))})
	}
	for k := range rapid.IntRange(0, 12).Draw(t, "rows") {
		m.rows = append(m.rows, drawRow(t, int64(k)))
	}
	return m
}

func drawLeaf(t *rapid.T, v *view.View) view.Expr {
	f := rapid.IntRange(0, len(v.Fields)-1).Draw(t, "field")
	switch kind := rapid.IntRange(0, 9).Draw(t, "condition"); {
	case kind == 0:
		return view.IsNull{Field: f}
	case kind == 1:
		in := view.In{Field: f}
		for range rapid.IntRange(0, 3).Draw(t, "values") {
			in.Values = append(in.Values, drawValue(t, v, f))
		}
		return in
	case kind == 2 && v.Fields[f].Type.Kind == mapping.StringColumn:
		return view.StartsWith{Field: f, Text: drawText(t).Text}
	case kind == 3 && v.Fields[f].Type.Kind == mapping.StringColumn:
		return view.Contains{Field: f, Text: drawText(t).Text}
	}
	return view.Compare{Field: f, Op: view.Operator(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4, 5}).Draw(t, "operator")), Value: drawValue(t, v, f)}
}

func drawExpr(t *rapid.T, v *view.View, depth int) view.Expr {
	kind := rapid.IntRange(0, 5).Draw(t, "expression")
	if depth == 0 || kind < 3 {
		return drawLeaf(t, v)
	}
	if kind == 3 {
		return view.Not{Of: drawExpr(t, v, depth-1)}
	}
	var parts []view.Expr
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		parts = append(parts, drawExpr(t, v, depth-1))
	}
	if kind == 4 {
		return view.And(parts)
	}
	return view.Or(parts)
}

func drawQuery(t *rapid.T, v *view.View) *view.Query {
	q := &view.Query{Top: rapid.IntRange(1, 4).Draw(t, "top")}
	if rapid.Bool().Draw(t, "where") {
		q.Where = drawExpr(t, v, 2)
	}
	for range rapid.IntRange(0, 2).Draw(t, "order by") {
		q.Order = append(q.Order, view.Order{Field: rapid.IntRange(0, len(v.Fields)-1).Draw(t, "order"), Desc: rapid.Bool().Draw(t, "desc")})
	}
	if rapid.IntRange(0, 9).Draw(t, "by key") == 0 {
		q.Key = []view.Value{drawNumber(t)}
	}
	return q
}

// drawWindows are what some grants show.
func drawWindows(t *rapid.T, v *view.View) []view.Window {
	var out []view.Window
	for range rapid.IntRange(1, 3).Draw(t, "windows") {
		w := view.Window{}
		if rapid.Bool().Draw(t, "some fields") {
			w.Fields = rapid.SliceOfNDistinct(rapid.IntRange(0, len(v.Fields)-1), 0, 4, rapid.ID).Draw(t, "fields")
			if rapid.IntRange(0, 3).Draw(t, "with the key") > 0 && !slices.Contains(w.Fields, v.Key[0]) {
				w.Fields = append(w.Fields, v.Key[0])
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "rows") {
			f := rapid.IntRange(0, len(v.Fields)-1).Draw(t, "row field")
			in := view.In{Field: f}
			for range rapid.IntRange(0, 2).Draw(t, "row values") {
				in.Values = append(in.Values, drawValue(t, v, f))
			}
			w.Rows = append(w.Rows, in)
		}
		out = append(out, w)
	}
	return out
}

// sees tells whether a field of a row is seen.
func (m *memory) sees(v *view.View, windows []view.Window, row map[string]view.Value, field int) bool {
	return slices.ContainsFunc(windows, func(w view.Window) bool {
		return (w.Fields == nil || slices.Contains(w.Fields, field)) && m.holds(v, row, view.And(w.Rows)) == yes
	})
}

// fieldsOf collects the fields of a condition.
func fieldsOf(e view.Expr, into map[int]bool) {
	switch e := e.(type) {
	case view.And:
		for _, part := range e {
			fieldsOf(part, into)
		}
	case view.Or:
		for _, part := range e {
			fieldsOf(part, into)
		}
	case view.Not:
		fieldsOf(e.Of, into)
	case view.Compare:
		into[e.Field] = true
	case view.In:
		into[e.Field] = true
	case view.IsNull:
		into[e.Field] = true
	case view.StartsWith:
		into[e.Field] = true
	case view.Contains:
		into[e.Field] = true
	}
}

// expected is the naive answer: the rows that satisfy the condition and of which
// every field that decides is seen, in order, and of each what is seen.
func (m *memory) expected(v *view.View, q *view.Query, windows []view.Window, by []view.Order) []string {
	used := map[int]bool{v.Key[0]: true}
	where := q.Where
	if q.Key != nil {
		where = view.Compare{Field: v.Key[0], Op: view.Equal, Value: q.Key[0]}
	} else {
		fieldsOf(where, used)
		for _, o := range q.Order {
			used[o.Field] = true
		}
	}
	var rows []map[string]view.Value
	for _, row := range m.rows {
		hidden := slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(f int) bool { return !m.sees(v, windows, row, f) })
		if !hidden && m.holds(v, row, where) == yes {
			rows = append(rows, row)
		}
	}
	var out []string
	for _, row := range m.sorted(v, rows, by) {
		var fields []string
		for f := range v.Fields {
			if m.sees(v, windows, row, f) {
				fields = append(fields, v.Fields[f].Name+"="+plain(m.value(v, row, f)))
			}
		}
		out = append(out, strings.Join(fields, " "))
	}
	return out
}

// pages asks until there is no next page.
func (m *memory) pages(v *view.View, q *view.Query, windows []view.Window) (pages []*page, by []view.Order, err error) {
	one := *q
	for len(pages) < 200 {
		p, err := v.Plan(context.Background(), &one, windows, folded{})
		if err != nil {
			return nil, nil, err
		}
		got, err := m.run(p)
		if err != nil {
			return nil, nil, err
		}
		if len(got.rows) > p.Top {
			return nil, nil, fmt.Errorf("a page of %d rows, of %d at most", len(got.rows), p.Top)
		}
		pages, by = append(pages, got), p.Order
		if got.mark == nil {
			return pages, by, nil
		}
		one.After = got.mark
	}
	return nil, nil, errors.New("the pages do not come to an end")
}

// refused reports whether an error is one that a query may be answered with.
func refused(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && slices.Contains([]fault.Code{fault.CodeUnserved, fault.CodeQuery, fault.CodeForbidden}, f.Code)
}

// TestPlansAnswerAsSQLWould holds the pages of random queries against the naive answer.
func TestPlansAnswerAsSQLWould(t *testing.T) {
	answered, refusals := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		ts := drawSchema(t)
		v, m := drawView(t, ts), drawMemory(t, ts)
		q, windows := drawQuery(t, v), drawWindows(t, v)
		pages, by, err := m.pages(v, q, windows)
		if refused(err) {
			refusals++
			return
		}
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		answered++
		if len(q.Order) > 0 && q.Key == nil && by[0] != q.Order[0] {
			t.Fatalf("asked for %v, ordered by %v", q.Order, by)
		}
		if !slices.ContainsFunc(by, func(o view.Order) bool { return o.Field == v.Key[0] }) {
			t.Fatalf("the order %v has not the key", by)
		}
		got := []string{}
		for _, p := range pages {
			got = append(got, p.rows...)
		}
		if want := m.expected(v, q, windows, by); !slices.Equal(got, want) {
			t.Fatalf("%+v\nwindows %+v\ngot  %q\nwant %q", q, windows, got, want)
		}
	})
	t.Logf("%d answered, %d refused", answered, refusals)
	if answered == 0 || refusals == 0 {
		t.Error("the draws say nothing")
	}
}

// sight is all that may be seen: of each row that any window has, the windows and
// the fields seen, whatever the order.
func (m *memory) sight(v *view.View, windows []view.Window) []string {
	var out []string
	for _, row := range m.rows {
		var held, fields []string
		for i, w := range windows {
			if m.holds(v, row, view.And(w.Rows)) == yes {
				held = append(held, fmt.Sprint(i))
			}
		}
		for f := range v.Fields {
			if m.sees(v, windows, row, f) {
				fields = append(fields, v.Fields[f].Name+"="+plain(m.value(v, row, f)))
			}
		}
		if fields != nil {
			out = append(out, fmt.Sprint(held, fields))
		}
	}
	slices.Sort(out)
	return out
}

// disturbed is a database that differs only in what nobody with these windows may see.
func (m *memory) disturbed(t *rapid.T, v *view.View, windows []view.Window) *memory {
	out := m
	want := m.sight(v, windows)
	for range rapid.IntRange(1, 12).Draw(t, "disturbances") {
		next := &memory{parent: m.parent}
		for _, row := range out.rows {
			next.rows = append(next.rows, maps.Clone(row))
		}
		for _, row := range out.joined {
			next.joined = append(next.joined, maps.Clone(row))
		}
		next.disturb(t)
		if slices.Equal(next.sight(v, windows), want) {
			out = next
		}
	}
	return out
}

func (m *memory) disturb(t *rapid.T) {
	what := rapid.IntRange(0, 4).Draw(t, "disturbance")
	if what == 0 {
		m.rows = append(m.rows, drawRow(t, int64(100+len(m.rows))))
		return
	}
	if what == 1 {
		m.joined[rapid.IntRange(0, 2).Draw(t, "joined")]["name"] = orNull(t, drawText(t))
		return
	}
	if len(m.rows) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.rows)-1).Draw(t, "row")
	if what == 2 {
		m.rows = slices.Delete(m.rows, i, i+1)
		return
	}
	other := drawRow(t, 0)
	column := rapid.SampledFrom([]string{"a", "b", "c", "ref"}).Draw(t, "column")
	m.rows[i][column] = other[column]
}

// TestNothingIsLearnt asks two databases that differ only in what may not be seen:
// pages, marks, counts and errors are the same.
func TestNothingIsLearnt(t *testing.T) {
	differing := 0
	rapid.Check(t, func(t *rapid.T) {
		ts := drawSchema(t)
		v, m := drawView(t, ts), drawMemory(t, ts)
		windows := drawWindows(t, v)
		other := m.disturbed(t, v, windows)
		if fmt.Sprint(m.rows, m.joined) != fmt.Sprint(other.rows, other.joined) {
			differing++
		}
		for range 4 {
			q := drawQuery(t, v)
			one, _, err := m.pages(v, q, windows)
			two, _, err2 := other.pages(v, q, windows)
			if fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("%+v: %v, and %v", q, err, err2)
			}
			whole := !short(one) && !short(two)
			if err == nil && told(one, whole) != told(two, whole) {
				t.Fatalf("%+v\nwindows %+v\none %s\ntwo %s", q, windows, told(one, whole), told(two, whole))
			}
		}
	})
	t.Logf("%d of the pairs differed", differing)
	if differing == 0 {
		t.Error("nothing was hidden")
	}
}

// short reports whether a page was cut by the number of rows looked at. How many
// those were depends on rows that are not seen.
func short(pages []*page) bool {
	return slices.ContainsFunc(pages, func(p *page) bool { return p.cut })
}

// told is what somebody gets to know of pages: all of it, or the rows together.
func told(pages []*page, whole bool) string {
	var out strings.Builder
	for _, p := range pages {
		for _, row := range p.rows {
			fmt.Fprintln(&out, row)
		}
		if whole {
			fmt.Fprintln(&out, "count", p.count, "mark", p.mark)
		}
	}
	return out.String()
}
