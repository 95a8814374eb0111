package view_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// asking makes conditions on the view of orders by the names of fields.
type asking struct {
	t testing.TB
	v *view.View
}

func orders(t testing.TB) asking {
	v, _ := checked(t, ordersView, shop())
	return asking{t, v}
}

func (a asking) is(field string, op view.Operator, value string) view.Expr {
	v, err := view.ParseValue(a.v.Fields[at(a.t, a.v, field)].Type, value)
	if err != nil {
		a.t.Fatal(err)
	}
	return view.Compare{Field: at(a.t, a.v, field), Op: op, Value: v}
}

func (a asking) by(names ...string) []view.Order {
	var out []view.Order
	for _, name := range names {
		name, desc := strings.CutSuffix(name, " desc")
		out = append(out, view.Order{Field: at(a.t, a.v, name), Desc: desc})
	}
	return out
}

func (a asking) plan(q *view.Query, windows ...view.Window) (*view.Plan, error) {
	if len(windows) == 0 {
		windows = []view.Window{{}}
	}
	return a.v.Plan(context.Background(), q, windows, folded{})
}

func (a asking) refusal(q *view.Query, windows ...view.Window) *fault.Error {
	a.t.Helper()
	_, err := a.plan(q, windows...)
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		a.t.Fatalf("%+v: %v", q, err)
	}
	return f
}

func TestServedBy(t *testing.T) {
	a := orders(t)
	day := "2026-03-01T00:00:00Z"
	for _, tt := range []struct {
		name  string
		q     view.Query
		want  string // index and number of equal fields of each branch
		order string
	}{
		{"everything", view.Query{}, "uq_no 0", "order_no"},
		{"by key", view.Query{Key: []view.Value{text("A1")}}, "uq_no 1", "order_no"},
		{"one row, whatever else", view.Query{Where: view.And{a.is("order_no", view.Equal, "A1"), view.Contains{Field: 1, Text: "x"}}}, "uq_no 1", "order_no"},
		{"a value, in the order of the index", view.Query{Where: a.is("status", view.Equal, "NEW")}, "by_status 1", "ordered_at order_no"},
		{"a range of the order", view.Query{Where: view.And{a.is("status", view.Equal, "NEW"), a.is("ordered_at", view.Greater, day)}, Order: a.by("ordered_at desc")}, "by_status 1", "ordered_at desc order_no desc"},
		{"a range alone", view.Query{Where: a.is("ordered_at", view.Less, day)}, "by_day 0", "ordered_at order_no"},
		{"several values", view.Query{Where: view.In{Field: 1, Values: []view.Value{text("A"), text("B"), text("a")}}, Order: a.by("ordered_at")}, "by_status 1, by_status 1, by_status 1", "ordered_at order_no"},
		{"a joined value", view.Query{Where: a.is("customer", view.Equal, "C1")}, "by_customer 1", "order_no"},
		{"a contradiction", view.Query{Where: view.And{a.is("status", view.Equal, "A"), a.is("status", view.Greater, "b")}}, "", "order_no"},
		{"two ranges that meet", view.Query{Where: view.And{a.is("ordered_at", view.GreaterOrEqual, day), a.is("ordered_at", view.LessOrEqual, day)}}, "by_day 0", "ordered_at order_no"},
		{"null of what is never null", view.Query{Where: view.IsNull{Field: 1}}, "", "order_no"},
	} {
		p, err := a.plan(&tt.q)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var branches, order []string
		for _, b := range p.Branches {
			branches = append(branches, fmt.Sprintf("%s %d", b.Index, len(b.Equal)))
		}
		for _, o := range p.Order {
			name := p.View.Fields[o.Field].Name
			if o.Desc {
				name += " desc"
			}
			order = append(order, name)
		}
		if got := strings.Join(branches, ", "); got != tt.want || strings.Join(order, " ") != tt.order {
			t.Errorf("%s: %s in the order %v, want %s in %s", tt.name, got, order, tt.want, tt.order)
		}
	}
}

func TestRefusals(t *testing.T) {
	a := orders(t)
	var many, wide view.Or
	for i := range 21 {
		many = append(many, a.is("order_no", view.Equal, fmt.Sprint(i)))
	}
	deep := a.is("order_no", view.Equal, "1")
	for range 70 {
		deep = view.Not{Of: deep}
	}
	for range 2000 {
		wide = append(wide, a.is("order_no", view.Equal, "1"))
	}
	var huge view.And
	for i := range 40 {
		huge = append(huge, view.Or{a.is("status", view.Greater, fmt.Sprint(i)), a.is("ordered_at", view.Greater, fmt.Sprintf("2026-01-%02dT00:00:00Z", i%28+1)), a.is("order_no", view.Less, fmt.Sprint(i))})
	}
	for _, tt := range []struct {
		name string
		q    view.Query
		code fault.Code
		want string
	}{
		{"an order without an index", view.Query{Where: a.is("status", view.Equal, "A"), Order: a.by("order_no")}, fault.CodeUnserved, "this one would: CREATE INDEX ON sales.sales_order (status, order_no);"},
		{"a range of another field than the order's", view.Query{Where: a.is("ordered_at", view.Greater, "2026-01-01T00:00:00Z"), Order: a.by("order_no desc")}, fault.CodeUnserved, "a range of ordered_at is served in no other order than its own"},
		{"two ranges", view.Query{Where: view.And{a.is("ordered_at", view.Greater, "2026-01-01T00:00:00Z"), a.is("status", view.Greater, "A")}}, fault.CodeUnserved, "ranges of several fields at once have to be looked for row by row"},
		{"a joined range", view.Query{Where: a.is("customer", view.Greater, "C1")}, fault.CodeUnserved, "customer is of another table, and only rows with one value of it"},
		{"containing", view.Query{Where: view.Contains{Field: 1, Text: "x"}}, fault.CodeUnserved, "whether status contains a text has to be looked for row by row"},
		{"a field that is not for conditions", view.Query{Where: a.is("total", view.Equal, "1")}, fault.CodeQuery, "total cannot be asked for in conditions"},
		{"a field that is not for order", view.Query{Order: a.by("status")}, fault.CodeQuery, "status cannot be ordered by"},
		{"a text of a number", view.Query{Where: view.StartsWith{Field: at(t, a.v, "ordered_at"), Text: "2"}}, fault.CodeQuery, "ordered_at is no text"},
		{"another type", view.Query{Where: view.Compare{Field: 1, Value: number(1)}}, fault.CodeQuery, "status is compared with something that is no string"},
		{"a comparison with null", view.Query{Where: view.Compare{Field: 1}}, fault.CodeQuery, "status is compared with something that is no string"},
		{"too many branches", view.Query{Where: many}, fault.CodeQuery, "comes to more than 20 branches"},
		{"too deep", view.Query{Where: deep}, fault.CodeQuery, "nested more than 64 deep"},
		{"too long", view.Query{Where: wide}, fault.CodeQuery, "more than 1000 parts"},
		{"exponential", view.Query{Where: huge}, fault.CodeQuery, "comes to more than 20 branches"},
		{"half a key", view.Query{Key: []view.Value{}}, fault.CodeQuery, "the key of orders has 1 parts, not 0"},
		{"another's mark", view.Query{After: &view.Mark{By: []view.OrderedBy{{Field: "order_no"}}, Values: []view.Value{number(1)}}}, fault.CodeQuery, "does not go on from a page of this query"},
		{"a mark of another length", view.Query{After: &view.Mark{By: []view.OrderedBy{{Field: "order_no"}}}}, fault.CodeQuery, "does not go on from a page of this query"},
		{"a mark of another order", view.Query{After: &view.Mark{By: []view.OrderedBy{{Field: "order_no", Desc: true}}, Values: []view.Value{text("A1")}}}, fault.CodePage, "the rows are in another order now"},
		{"a mark without an order", view.Query{After: &view.Mark{Values: []view.Value{text("A1")}}}, fault.CodePage, "the rows are in another order now"},
		{"children twice", view.Query{Expand: []view.Expand{{}, {}}}, fault.CodeQuery, "lines is to be expanded twice"},
	} {
		began := time.Now()
		if f := a.refusal(&tt.q); f.Code != tt.code || !strings.Contains(f.Message, tt.want) {
			t.Errorf("%s: %s %s, want %s %s", tt.name, f.Code, f.Message, tt.code, tt.want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: refused after %v", tt.name, took)
		}
	}
}

// TestHiddenFieldsDoNotExist: what is said of a hidden field is what is said of a
// name that was made up.
func TestHiddenFieldsDoNotExist(t *testing.T) {
	a := orders(t)
	window := view.Window{Fields: []int{at(t, a.v, "order_no"), at(t, a.v, "total")}, Children: []*view.Window{nil}}
	seen := a.v.Seen([]view.Window{window})
	for _, name := range []string{"status", "statusx"} {
		_, err := seen.Field(name)
		if want := fmt.Sprintf("GH-7002: there is no field %q", name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	status := at(t, a.v, "status")
	for name, q := range map[string]view.Query{
		"select": {Select: []int{status}}, "where": {Where: a.is("status", view.Equal, "A")}, "order": {Order: []view.Order{{Field: status}}},
	} {
		if f := a.refusal(&q, window); f.Message != `there is no field "status"` {
			t.Errorf("%s: %s", name, f.Message)
		}
	}
	if f := a.refusal(&view.Query{Expand: []view.Expand{{}}}, window); f.Message != `there are no children "lines"` {
		t.Errorf("children: %s", f.Message)
	}
	p, err := a.plan(&view.Query{}, window)
	if err != nil || !slices.Equal(p.Select, []int{at(t, a.v, "order_no"), at(t, a.v, "total")}) {
		t.Errorf("everything: %+v, %v", p, err)
	}
	if _, err := a.v.Plan(t.Context(), &view.Query{}, nil, folded{}); fault.Of(err).Code != fault.CodeForbidden {
		t.Errorf("without a window: %v", err)
	}
	if f := a.refusal(&view.Query{}, view.Window{Fields: []int{status}}); f.Code != fault.CodeForbidden || f.Message != "nothing of orders may be seen" {
		t.Errorf("without the key: %s", f.Message)
	}
}

// TestRightsAreServedOrLookedAt: what a grant demands of rows is part of the seek
// where an index has it, and bounds what is looked at where none has.
func TestRightsAreServedOrLookedAt(t *testing.T) {
	a := orders(t)
	in := func(field, value string) view.Expr {
		return view.In{Field: at(t, a.v, field), Values: []view.Value{text(value)}}
	}
	p, err := a.plan(&view.Query{}, view.Window{Rows: []view.Expr{in("customer", "C1"), in("customer_name", "N")}})
	if err != nil {
		t.Fatal(err)
	}
	if b := p.Branches[0]; len(p.Branches) != 1 || b.Index != "by_customer" || b.Looks != view.DefaultLooks || fmt.Sprint(b.Rest) != fmt.Sprint(in("customer_name", "N")) {
		t.Errorf("branches %+v", p.Branches)
	}
	p, err = a.plan(&view.Query{Key: []view.Value{text("A1")}}, view.Window{Rows: []view.Expr{in("region", "R")}})
	if err != nil || p.Branches[0].Looks != 1 {
		t.Errorf("one row: %+v, %v", p, err)
	}
	everything := view.Window{Fields: []int{0, 1}}
	p, err = a.plan(&view.Query{}, everything, view.Window{Rows: []view.Expr{in("region", "R")}})
	if err != nil || p.Branches[0].Rest != nil || len(p.Windows) != 2 {
		t.Errorf("beside a window of all rows: %+v, %v", p, err)
	}
}

// TestShown: what an answer has to show decides which rows are in it as a condition
// does, and refuses it to those who never see it.
func TestShown(t *testing.T) {
	a := orders(t)
	order, customer := at(t, a.v, "order_no"), at(t, a.v, "customer")
	lines := a.v.Children[0].View
	sku, amount := at(t, lines, "sku"), at(t, lines, "amount")
	q := &view.Query{Shown: []view.Shown{{Field: customer}, {Through: []int{0}, Field: amount}}}
	some := view.Window{Fields: []int{order}, Children: []*view.Window{nil}}
	if f := a.refusal(q, some); f.Code != fault.CodeForbidden {
		t.Errorf("the field is never seen: %v", f)
	}
	narrow := view.Window{Rows: []view.Expr{view.In{Field: customer, Values: []view.Value{text("C1")}}}}
	p, err := a.plan(q, some, narrow)
	if err != nil || len(p.Branches) != 1 || p.Branches[0].Index != "by_customer" {
		t.Errorf("rows of which the field is not seen: %+v, %v", p, err)
	}
	bare := view.Window{Fields: []int{order, customer}, Children: []*view.Window{{Fields: []int{sku}}}}
	if f := a.refusal(q, bare); f.Code != fault.CodeForbidden {
		t.Errorf("the field of the child is never seen: %v", f)
	}
	without := view.Window{Fields: []int{order, customer}, Children: []*view.Window{nil}}
	if p, err = a.plan(q, without); err != nil || p.Branches[0].Index != "uq_no" {
		t.Errorf("nothing of the child is seen, so nothing is missing: %+v, %v", p, err)
	}
}

func TestSees(t *testing.T) {
	a := orders(t)
	in := view.In{Field: 1, Values: []view.Value{text("A")}}
	p, err := a.plan(&view.Query{}, view.Window{Fields: []int{0}, Children: []*view.Window{nil}}, view.Window{Fields: []int{0, 1}, Rows: []view.Expr{in}, Children: []*view.Window{{Fields: []int{0}}}})
	if err != nil {
		t.Fatal(err)
	}
	fields, children := p.Sees([]bool{true, false})
	if !fields[0] || fields[1] || children[0] != nil {
		t.Errorf("through the first window: %v, %v", fields, children)
	}
	fields, children = p.Sees([]bool{true, true})
	if !fields[1] || fields[2] || len(children[0]) != 1 || children[0][0].Fields[0] != 0 {
		t.Errorf("through both: %v, %v", fields, children)
	}
}

// TestLookingSeeksWhatIsSeen: where rows are looked at, none are that an index knows
// not to be seen; a page would end because of them.
func TestLookingSeeksWhatIsSeen(t *testing.T) {
	v, _ := checked(t, strings.Replace(ordersView, "key: [order_no]", "looks_at: 50\nkey: [order_no]", 1), shop())
	a := asking{t, v}
	wanted := view.Contains{Field: at(t, v, "order_no"), Text: "7"}
	for _, tt := range []struct {
		name  string
		where view.Expr
		rows  []view.Expr
		want  string // index, number of equal fields, what is looked for
	}{
		{"a right that an index serves", wanted, []view.Expr{view.In{Field: at(t, v, "customer"), Values: []view.Value{text("C1")}}}, "by_customer 1 view.Contains"},
		{"one of several values", wanted, []view.Expr{view.In{Field: at(t, v, "customer"), Values: []view.Value{text("C1"), text("C2")}}}, "by_customer 1 view.Contains, by_customer 1 view.Contains"},
		{"a right that none serves", wanted, []view.Expr{view.Compare{Field: at(t, v, "urgent"), Op: view.Equal, Value: view.Value{Kind: mapping.BoolColumn, Present: true, Int: 1}}}, "uq_no 0 view.And"},
		{"a right that none serves together with what is asked", view.And{a.is("status", view.Equal, "NEW"), wanted}, []view.Expr{view.In{Field: at(t, v, "customer"), Values: []view.Value{text("C1")}}}, "by_status 1 view.And"},
	} {
		p, err := a.plan(&view.Query{Where: tt.where}, view.Window{Rows: tt.rows})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, b := range p.Branches {
			got = append(got, fmt.Sprintf("%s %d %T", b.Index, len(b.Equal), b.Rest))
			if b.Looks != 50 {
				t.Errorf("%s: %d rows are looked at", tt.name, b.Looks)
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, strings.Join(got, ", "), tt.want)
		}
	}
}

// TestMarkOfAnotherOrder: what grants demand of rows may bring another order, with
// keys of the same kinds; a page of the one does not go on in the other.
func TestMarkOfAnotherOrder(t *testing.T) {
	ts := shop()
	ts[mapping.TableName{Schema: "sales", Name: "sales_order"}].Indexes = []view.Index{
		index("unique uq_no: order_no"), index("by_customer: customer_id, status, order_no"), index("by_day: ordered_at, order_no"), index("by_status: status, note, order_no"),
	}
	v, _ := checked(t, ordersView, ts)
	a := asking{t, v}
	in := func(field, value string) view.Window {
		return view.Window{Rows: []view.Expr{view.In{Field: at(t, v, field), Values: []view.Value{text(value)}}}}
	}
	first, err := a.plan(&view.Query{}, in("status", "NEW"))
	if err != nil {
		t.Fatal(err)
	}
	values := make([]view.Value, len(first.Order))
	for i, o := range first.Order {
		values[i] = view.Value{Kind: v.Fields[o.Field].Type.Kind, Present: true, Text: "1"}
	}
	mark := &view.Mark{By: first.By(), Values: values}
	if _, err := a.plan(&view.Query{After: mark}, in("status", "NEW")); err != nil {
		t.Errorf("the same order: %v", err)
	}
	for name, window := range map[string]view.Window{"no right": {}, "another right": in("customer", "C1")} {
		second, err := a.plan(&view.Query{}, window)
		if err != nil || slices.Equal(second.By(), first.By()) {
			t.Fatalf("%s: in the order %v too, %v", name, first.By(), err)
		}
		if f := a.refusal(&view.Query{After: mark}, window); f.Code != fault.CodePage {
			t.Errorf("%s: %s %s", name, f.Code, f.Message)
		}
	}
}

// TestByKey: where the order of the key is wanted, neither a condition nor what
// grants demand brings another one.
func TestByKey(t *testing.T) {
	a := orders(t)
	rows := func(field, value string) view.Window {
		return view.Window{Rows: []view.Expr{view.In{Field: at(t, a.v, field), Values: []view.Value{text(value)}}}}
	}
	for _, tt := range []struct {
		name, byKey, open string // index, order, and what is looked for
		q                 view.Query
		window            view.Window
	}{
		{"everything", "uq_no order_no <nil>", "uq_no order_no <nil>", view.Query{}, view.Window{}},
		{"a value in the key's order", "by_customer order_no <nil>", "by_customer order_no <nil>", view.Query{Where: a.is("customer", view.Equal, "C1")}, view.Window{}},
		{"a right in another order", "uq_no order_no view.In", "by_status ordered_at <nil>", view.Query{}, rows("status", "NEW")},
	} {
		for byKey, want := range map[bool]string{true: tt.byKey, false: tt.open} {
			tt.q.ByKey = byKey
			p, err := a.plan(&tt.q, tt.window)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if b := p.Branches[0]; fmt.Sprintf("%s %s %T", b.Index, p.By()[0].Field, b.Rest) != want {
				t.Errorf("%s, by key %v: %s in the order %v, looking for %T; want %s", tt.name, byKey, b.Index, p.By(), b.Rest, want)
			}
		}
	}
	for name, q := range map[string]view.Query{
		"this one would: CREATE INDEX ON sales.sales_order (status, order_no);": {Where: a.is("status", view.Equal, "NEW")},
		"a range of ordered_at is served in no other order than its own":        {Where: a.is("ordered_at", view.Greater, "2026-01-01T00:00:00Z")},
	} {
		if _, err := a.plan(&q); err != nil {
			t.Errorf("in any order: %v", err)
		}
		q.ByKey = true
		if f := a.refusal(&q); f.Code != fault.CodeUnserved || !strings.Contains(f.Message, name) {
			t.Errorf("%s %s, want %s", f.Code, f.Message, name)
		}
	}
}
