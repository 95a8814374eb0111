package odata

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

func typed(kind mapping.ColumnKind) mapping.ColumnType { return mapping.ColumnType{Kind: kind} }

func nullable(t mapping.ColumnType) mapping.ColumnType {
	t.Nullable = true
	return t
}

var (
	unicode  = mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true, Length: 40}
	latin    = mapping.ColumnType{Kind: mapping.StringColumn, Charset: "windows-1252", Length: 10}
	integer  = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt32, Max: math.MaxInt32}
	bigint   = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64}
	money    = mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 12, Scale: 2}
	instant  = mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 3}
	year2079 = time.Date(2079, 6, 6, 23, 59, 0, 0, time.UTC)
)

// orders is a view with a field of every kind, and children.
func orders() *view.View {
	small := instant
	small.Latest = year2079
	field := func(name string, t mapping.ColumnType) view.Field {
		return view.Field{Name: name, Column: name, Join: -1, Type: t, Filter: true, Sort: true}
	}
	v := &view.View{
		Name: "orders", Key: []int{0},
		Joins: []view.Join{{Name: "customer", From: -1, Optional: true}},
		Fields: []view.Field{
			field("order_no", unicode), field("status", latin), field("quantity", integer), field("amount", money),
			field("ordered_at", instant), field("due", nullable(typed(mapping.DateColumn))),
			field("cut_off", typed(mapping.TimeColumn)), field("paid", typed(mapping.BoolColumn)), field("weight", typed(mapping.FloatColumn)),
			field("uid", mapping.ColumnType{Kind: mapping.StringColumn, Length: 36, UUID: true}), field("digest", typed(mapping.BytesColumn)),
			field("note", nullable(unicode)), field("margin", money), field("customer", unicode), field("seen_at", small),
			{Name: "remark", Join: -1, Type: unicode}, field("total", bigint),
		},
	}
	v.Fields[13].Join = 0
	product := &view.View{Name: "orders/lines/product", Key: []int{0}, Fields: []view.Field{field("name", unicode)}}
	v.Children = []view.Child{{Name: "lines", View: &view.View{
		Name: "orders/lines", Key: []int{0}, Fields: []view.Field{field("line_no", integer), field("sku", unicode)},
		Children: []view.Child{{Name: "product", View: product}},
	}}}
	return v
}

// without returns the view as somebody knows it who may not see its margin, nor any
// children where there are to be none.
func without(v *view.View, children bool) *view.View {
	var w view.Window
	for i, f := range v.Fields {
		if f.Name != "margin" {
			w.Fields = append(w.Fields, i)
		}
	}
	if !children {
		w.Children = make([]*view.Window, len(v.Children))
	}
	return v.Seen([]view.Window{w})
}

// complaintsOf returns what is wrong, which must be a refusal.
func complaintsOf(t *testing.T, err error) []Complaint {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	if f := fault.Of(err); f.Code != fault.CodeQuery || len(f.Details) != len(r.Complaints) {
		t.Errorf("the fault is %v", f)
	}
	return r.Complaints
}
