package gatewaytest

import (
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Orders is the view of a declaration over orders O-01, O-02, … in memory, each a day
// later than the one before, of which every other is of the customer C-1. One in three
// has no note and three lines; one in four is CLOSED. Indexes serve conditions of the
// key and of customer, in the order of ordered_at.
func Orders(declaration []byte, n int) (*Views, error) {
	d, err := view.Parse("orders.yaml", declaration)
	if err != nil {
		return nil, err
	}
	v, _, err := view.Check(d, orderTables(), nil)
	if err != nil {
		return nil, err
	}
	s := &Views{Of: v}
	for i := 1; i <= n; i++ {
		s.Rows = append(s.Rows, orderRow(i))
	}
	return s, nil
}

func orderRow(i int) Row {
	r := Row{Values: map[string]view.Value{
		"order_no": words(fmt.Sprintf("O-%02d", i)), "status": words("OPEN"), "customer": words(fmt.Sprintf("C-%d", i%2)),
		"ordered_at": {Kind: mapping.DateTimeColumn, Present: true, Instant: time.Date(2026, 3, i, 10, 0, 0, 0, time.UTC)},
		"note":       words(fmt.Sprintf("<%d>&", i)), "total": {Kind: mapping.DecimalColumn, Present: true, Text: fmt.Sprintf("%d.50", i)},
	}, Children: map[string][]Row{}}
	if i%4 == 0 {
		r.Values["status"] = words("CLOSED")
	}
	if i%3 == 0 {
		r.Values["note"] = view.Null
		for line := 1; line <= 3; line++ {
			r.Children["lines"] = append(r.Children["lines"], Row{Values: map[string]view.Value{
				"line_no": {Kind: mapping.IntegerColumn, Present: true, Int: int64(line)}, "sku": words(fmt.Sprint("S-", line)),
				"quantity": {Kind: mapping.DecimalColumn, Present: true, Text: "1.00"}}})
		}
	}
	return r
}

func words(s string) view.Value {
	return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
}

type tables map[mapping.TableName]*view.Table

// Table implements view.Tables.
func (ts tables) Table(name mapping.TableName) (*view.Table, bool) {
	t, ok := ts[name]
	return t, ok
}

func orderTables() tables {
	column := func(name string, kind mapping.ColumnKind) mapping.ColumnModel {
		return mapping.ColumnModel{Name: name, ColumnType: mapping.ColumnType{Kind: kind, Unicode: true, Precision: 18, Scale: 2, Max: 1 << 40, Nullable: name == "note"}}
	}
	index := func(name string, unique bool, columns ...string) view.Index {
		ix := view.Index{Name: name, Unique: unique}
		for _, c := range columns {
			ix.Columns = append(ix.Columns, view.IndexColumn{Name: c})
		}
		return ix
	}
	orders := mapping.TableName{Schema: "sales", Name: "sales_order"}
	lines := mapping.TableName{Schema: "sales", Name: "order_line"}
	return tables{
		orders: {TableModel: &mapping.TableModel{Name: orders, Columns: []mapping.ColumnModel{
			column("id", mapping.IntegerColumn), column("order_no", mapping.StringColumn), column("status", mapping.StringColumn), column("customer", mapping.StringColumn),
			column("ordered_at", mapping.DateTimeColumn), column("note", mapping.StringColumn), column("total", mapping.DecimalColumn),
		}}, Indexes: []view.Index{index("pk", true, "id"), index("uq", true, "order_no"), index("by_day", false, "ordered_at", "order_no"), index("by_customer", false, "customer", "ordered_at", "order_no"),
			index("by_status", false, "status", "ordered_at", "order_no"), index("by_total", false, "total", "order_no")}},
		lines: {TableModel: &mapping.TableModel{Name: lines, Columns: []mapping.ColumnModel{
			column("id", mapping.IntegerColumn), column("order_id", mapping.IntegerColumn), column("line_no", mapping.IntegerColumn), column("sku", mapping.StringColumn), column("quantity", mapping.DecimalColumn),
		}, ForeignKeys: []mapping.ForeignKey{{Columns: []string{"order_id"}, Table: orders, RefColumns: []string{"id"}}}}, Indexes: []view.Index{index("pk", true, "id"), index("uq", true, "order_id", "line_no")}},
	}
}
