package sqlserver

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

const goldenView = `view: orders
from: sales.sales_order
key: [order_no]
looks_at: 10000
join:
  customer: {by: customer_id}
fields:
  order_no: {}
  status: {}
  ordered_at: {}
  note: {}
  customer: {column: customer.customer_no}
  customer_name: {column: customer.name, class: personal}
filter: [order_no, status, ordered_at, customer, note]
sort: [order_no, ordered_at]
children:
  lines:
    from: sales.order_line
    by: order_id
    key: [line_no]
    fields: {line_no: {}, quantity: {}, amount: {}}
    children:
      features: {from: sales.order_line_feature, by: line_id, key: [name], fields: {name: {}, value: {}}}
`

// indexed are the pictures of the sample's tables with indexes as a search needs.
func indexed(t *testing.T) *sqlview.Tables {
	pictures := tables(t, false)
	for _, table := range pictures {
		add := func(name string, unique bool, columns ...string) {
			index := view.Index{Name: name, Unique: unique}
			for _, c := range columns {
				index.Columns = append(index.Columns, view.IndexColumn{Name: c})
			}
			table.Indexes = append(table.Indexes, index)
		}
		add("pk_"+table.Name.Name, true, "id")
		add("uq_"+table.Name.Name, true, table.Unique[1]...)
		if table.Name.Name == "sales_order" {
			add("ix_sales_order_status", false, "status", "ordered_at", "order_no")
			add("ix_sales_order_customer", false, "customer_id", "order_no")
			add("ix_sales_order_at", false, "ordered_at", "order_no")
		}
	}
	return sqlview.Picture(sqlview.New(&views{dialect: &dialect{}}, sqlview.Options{}), pictures...)
}

// ordinal compares texts in the place of the database, byte by byte.
type ordinal struct{}

func (ordinal) Rank(_ context.Context, _ mapping.TableName, _ string, texts []string) ([]int, error) {
	sorted := slices.Sorted(slices.Values(texts))
	out := make([]int, len(texts))
	for i, s := range texts {
		out[i] = slices.Index(sorted, s)
	}
	return out, nil
}

// TestViewStatements keeps the texts of searches in files, which the tests of
// testdata/tsql parse with SQL Server's grammar.
func TestViewStatements(t *testing.T) {
	pictures := indexed(t)
	d, err := view.Parse("orders.yaml", []byte(goldenView))
	if err != nil {
		t.Fatal(err)
	}
	v, warnings, err := view.Check(d, pictures, pictures)
	if err != nil {
		t.Fatal(err, warnings)
	}
	text := func(s string) view.Value {
		return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
	}
	at := view.Value{Kind: mapping.DateTimeColumn, Present: true, Instant: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
	with := func(field int, s string) view.Expr { return view.Compare{Field: field, Value: text(s)} }
	mine := []view.Window{{Fields: []int{0, 1, 2, 4}, Children: []*view.Window{{Fields: []int{0}}}}, {Rows: []view.Expr{with(1, "DRAFTED")}}}
	for name, q := range map[string]*view.Query{
		"all":      {Top: 50},
		"key":      {Key: []view.Value{text("PO-1")}, Expand: []view.Expand{{Child: 0, Expand: []view.Expand{{Child: 0}}}}},
		"range":    {Where: view.And{with(1, "DRAFTED"), view.Compare{Field: 2, Op: view.GreaterOrEqual, Value: at}}, Order: []view.Order{{Field: 2, Desc: true}}, Top: 50},
		"after":    {Where: with(1, "DRAFTED"), Order: []view.Order{{Field: 2}}, After: &view.Mark{By: []view.OrderedBy{{Field: "ordered_at"}, {Field: "order_no"}}, Values: []view.Value{at, text("PO-1")}}, Top: 50},
		"branches": {Where: view.In{Field: 4, Values: []view.Value{text("C-1"), text("C-2")}}, Top: 50},
		"looks":    {Where: view.And{with(4, "C-1"), view.Contains{Field: 3, Text: "50%"}}, Top: 50},
		"starts":   {Where: view.StartsWith{Field: 0, Text: "PO-"}, Top: 50},
		"rights":   {Order: []view.Order{{Field: 2}}, Top: 50, Expand: []view.Expand{{Child: 0}}},
	} {
		windows := []view.Window{{}}
		if name == "rights" {
			windows = mine
		}
		plan, err := v.Plan(t.Context(), q, windows, ordinal{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		statements, err := pictures.Statements(plan)
		if err != nil || len(statements) == 0 {
			t.Fatalf("%s: %d statements, %v", name, len(statements), err)
		}
		var all strings.Builder
		for _, s := range statements {
			all.WriteString(s.Text + ";\n")
			for _, hidden := range []string{"PO-", "C-1", "DRAFTED", "2026"} {
				if strings.Contains(s.Text, hidden) {
					t.Errorf("%s: the value %s is in the text", name, hidden)
				}
			}
		}
		golden(t, "view-"+name+".sql", all.String())
	}
	golden(t, "view-report.sql", reportText(t, v, pictures, at))
	golden(t, "view-ranks.sql", (&views{}).Ranks(&sqlview.Column{ColumnModel: mapping.ColumnModel{ColumnType: mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true}}}, "@p1")+";\n"+
		isolationText+";\n"+(&views{dialect: &dialect{}}).Text(sqlview.HeadsText)+";\n"+
		(&views{}).CreateIndex(mapping.TableName{Schema: "sales", Name: "sales_order"}, []view.IndexColumn{{Name: "status"}, {Name: "ordered_at", Desc: true}})+"\n")
}

// reportText is the text of a report with every period and every measure.
func reportText(t *testing.T, v *view.View, pictures *sqlview.Tables, at view.Value) string {
	t.Helper()
	declared := "report: months\nof: orders\nscans: true\ngroup:\n  - status\n"
	for _, by := range []string{"day", "week", "month", "quarter", "year"} {
		declared += "  - {field: ordered_at, by: " + by + ", as: of_" + by + "}\n"
	}
	d, err := view.Parse("months.yaml", []byte(declared+"measures: {orders: count, customers: {distinct: customer}, first: {min: ordered_at}, last: {max: ordered_at}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := view.CheckReport(d, v)
	if err != nil {
		t.Fatal(err)
	}
	since := view.Compare{Field: 2, Op: view.GreaterOrEqual, Value: at}
	mine := []view.Window{{Rows: []view.Expr{view.Compare{Field: 1, Value: view.Value{Kind: mapping.StringColumn, Present: true, Text: "DRAFTED"}}}}}
	plan, err := r.Plan(t.Context(), &view.ReportQuery{Where: since, Order: []view.ReportOrder{{Column: 6, Desc: true}, {Column: 0}}}, mine, ordinal{})
	if err != nil {
		t.Fatal(err)
	}
	s, ok, err := pictures.ReportStatement(plan)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return s.Text + ";\n"
}
