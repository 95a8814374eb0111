package view_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// tables are what the tests' views are of.
type tables map[mapping.TableName]*view.Table

func (ts tables) Table(name mapping.TableName) (*view.Table, bool) {
	t, ok := ts[name]
	return t, ok
}

func column(name string, kind mapping.ColumnKind, nullable ...bool) mapping.ColumnModel {
	return mapping.ColumnModel{Name: name, ColumnType: mapping.ColumnType{Kind: kind, Nullable: len(nullable) > 0, Scale: 2}}
}

// index reads "unique name: a, b desc".
func index(text string) view.Index {
	name, columns, _ := strings.Cut(text, ": ")
	ix := view.Index{}
	ix.Name, ix.Unique = strings.CutPrefix(name, "unique ")
	for c := range strings.SplitSeq(columns, ", ") {
		name, desc := strings.CutSuffix(c, " desc")
		ix.Columns = append(ix.Columns, view.IndexColumn{Name: name, Desc: desc})
	}
	return ix
}

func table(name string, columns []mapping.ColumnModel, indexes ...string) *view.Table {
	schema, bare, _ := strings.Cut(name, ".")
	t := &view.Table{TableModel: &mapping.TableModel{Name: mapping.TableName{Schema: schema, Name: bare}, Columns: columns}}
	for _, text := range indexes {
		t.Indexes = append(t.Indexes, index(text))
	}
	return t
}

func refers(t *view.Table, to string, columns ...string) *view.Table {
	schema, bare, _ := strings.Cut(to, ".")
	t.ForeignKeys = append(t.ForeignKeys, mapping.ForeignKey{Name: "fk_" + columns[0], Columns: columns,
		Table: mapping.TableName{Schema: schema, Name: bare}, RefColumns: []string{"id"}})
	return t
}

func schema(list ...*view.Table) tables {
	out := tables{}
	for _, t := range list {
		out[t.Name] = t
	}
	return out
}

// shop is a schema with orders, their lines, customers, regions and products.
func shop() tables {
	return schema(
		refers(table("sales.sales_order", []mapping.ColumnModel{
			column("id", mapping.IntegerColumn), column("order_no", mapping.StringColumn), column("status", mapping.StringColumn),
			column("customer_id", mapping.IntegerColumn), column("ordered_at", mapping.DateTimeColumn), column("total", mapping.DecimalColumn, true),
			column("note", mapping.StringColumn, true), column("paper", mapping.BytesColumn, true), column("urgent", mapping.BoolColumn),
		}, "unique pk: id", "unique uq_no: order_no", "by_status: status, ordered_at, order_no", "by_day: ordered_at, order_no", "by_customer: customer_id, order_no"),
			"crm.customer", "customer_id"),
		refers(refers(table("sales.order_line", []mapping.ColumnModel{
			column("id", mapping.IntegerColumn), column("order_id", mapping.IntegerColumn), column("line_no", mapping.IntegerColumn),
			column("product_id", mapping.IntegerColumn, true), column("amount", mapping.DecimalColumn),
		}, "unique pk: id", "unique uq_line: order_id, line_no"), "sales.sales_order", "order_id"), "catalog.product", "product_id"),
		refers(table("crm.customer", []mapping.ColumnModel{
			column("id", mapping.IntegerColumn), column("customer_no", mapping.StringColumn), column("name", mapping.StringColumn), column("region_id", mapping.IntegerColumn, true),
		}, "unique pk: id", "unique uq_no: customer_no"), "crm.region", "region_id"),
		table("crm.region", []mapping.ColumnModel{column("id", mapping.IntegerColumn), column("code", mapping.StringColumn)}, "unique pk: id", "unique uq: code"),
		table("catalog.product", []mapping.ColumnModel{column("id", mapping.IntegerColumn), column("sku", mapping.StringColumn)}, "unique pk: id", "unique uq: sku"),
	)
}

const ordersView = `view: orders
doc: Orders as they were last sent.
from: sales.sales_order
key: [order_no]
join:
  customer: {by: customer_id}
  customer.region: {by: region_id}
fields:
  order_no: {}
  status: {}
  ordered_at: {}
  total: {}
  note: {class: secret}
  urgent: {}
  customer: {column: customer.customer_no}
  customer_name: {column: customer.name, class: personal}
  region: {column: customer.region.code}
filter: [order_no, status, ordered_at, customer]
sort: [order_no, ordered_at]
children:
  lines:
    from: sales.order_line
    by: order_id
    key: [line_no]
    join: {product: {by: product_id}}
    fields: {line_no: {}, sku: {column: product.sku}, amount: {class: secret}}
`

// dialect writes statements as the tests read them.
type dialect struct{}

func (dialect) CreateIndex(table mapping.TableName, columns []view.IndexColumn) string {
	var names []string
	for _, c := range columns {
		if c.Desc {
			names = append(names, c.Name+" DESC")
			continue
		}
		names = append(names, c.Name)
	}
	return "CREATE INDEX ON " + table.String() + " (" + strings.Join(names, ", ") + ");"
}

func declared(t testing.TB, src string) *view.Declaration {
	t.Helper()
	d, err := view.Parse("orders.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func checked(t testing.TB, src string, ts view.Tables) (*view.View, config.Faults) {
	t.Helper()
	v, warnings, err := view.Check(declared(t, src), ts, dialect{})
	if err != nil {
		t.Fatal(err)
	}
	return v, warnings
}

// folded is a collation that takes no notice of case.
type folded struct{}

func (folded) Rank(_ context.Context, _ mapping.TableName, _ string, texts []string) ([]int, error) {
	kinds := map[string]bool{}
	for _, text := range texts {
		kinds[strings.ToLower(text)] = true
	}
	sorted := slices.Sorted(maps.Keys(kinds))
	out := make([]int, len(texts))
	for i, text := range texts {
		out[i] = slices.Index(sorted, strings.ToLower(text))
	}
	return out, nil
}

func text(s string) view.Value { return view.Value{Kind: mapping.StringColumn, Present: true, Text: s} }

func number(i int64) view.Value {
	return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: i}
}

func at(t testing.TB, v *view.View, name string) int {
	t.Helper()
	i, err := v.Field(name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
