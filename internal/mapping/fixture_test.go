package mapping_test

import (
	"github.com/cockroachdb/apd/v3"
	"io/fs"
	"math"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

const order = `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">
  <o:Header><o:MessageId>m-1</o:MessageId><o:SentAt>2026-03-16T10:00:00Z</o:SentAt></o:Header>
  <o:Order revision="2">
    <o:OrderNumber>PO-7</o:OrderNumber><o:Status>SUBMITTED</o:Status>
    <o:OrderedAt>2026-03-16T12:30:00.1234567</o:OrderedAt>
    <o:Currency>EUR</o:Currency>
    <o:Customer number="C-1"><o:Name>Ann &amp; "Co"</o:Name><o:Country>FI</o:Country></o:Customer>
    <o:Lines>
      <o:Line no="1"><o:Sku>A-1</o:Sku><o:Quantity>2.500</o:Quantity><o:Unit>KG</o:Unit><o:UnitPrice>0.1001</o:UnitPrice><o:Feature name="colour">red</o:Feature><o:Feature name="size">L</o:Feature></o:Line>
      <o:Line no="2"><o:Sku>B-1</o:Sku><o:Description>spare</o:Description><o:Quantity>1</o:Quantity><o:Unit>EA</o:Unit><o:UnitPrice>10.00</o:UnitPrice></o:Line>
    </o:Lines>
  </o:Order>
</o:SubmitOrder>`

func loadContract(t testing.TB) *contract.Contract {
	t.Helper()
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	src, err := fs.ReadFile(mappings.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func compile(t testing.TB, name string, src []byte) *mapping.Mapping {
	t.Helper()
	f, err := mapping.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, loadContract(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func input(t testing.TB, src string) *mapping.Input {
	t.Helper()
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Release)
	return &mapping.Input{
		Payload:   tree.Root(),
		Principal: mapping.Principal{Login: "erp.alice", DN: "cn=alice", Partner: "erp"},
		Message:   mapping.MessageFacts{ID: "0197-1", ReceivedAt: time.Date(2026, 3, 16, 10, 0, 1, 0, time.UTC)},
	}
}

// tables is a mapping.Schema in memory.
type tables map[mapping.TableName]*mapping.TableModel

func (ts tables) Table(name mapping.TableName) (*mapping.TableModel, bool) {
	t, ok := ts[name]
	return t, ok
}

func column(name string, t mapping.ColumnType) mapping.ColumnModel {
	return mapping.ColumnModel{Name: name, ColumnType: t}
}

func text(n int) mapping.ColumnType {
	return mapping.ColumnType{Kind: mapping.StringColumn, Length: n, Unicode: true}
}

func decimal(precision, scale int) mapping.ColumnType {
	return mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: precision, Scale: scale}
}

func nullable(t mapping.ColumnType) mapping.ColumnType {
	t.Nullable = true
	return t
}

func defaulted(t mapping.ColumnType) mapping.ColumnType {
	t.HasDefault = true
	return t
}

var (
	id      = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64, Identity: true}
	bigint  = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64}
	integer = mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt32, Max: math.MaxInt32}
	moment  = mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 3}
	day     = mapping.ColumnType{Kind: mapping.DateColumn}
)

func table(schema, name string, unique [][]string, fks []mapping.ForeignKey, columns ...mapping.ColumnModel) *mapping.TableModel {
	return &mapping.TableModel{
		Name: mapping.TableName{Schema: schema, Name: name}, Columns: columns, KeyBytes: 1700,
		Unique: append(unique, []string{"id"}), ForeignKeys: fks,
	}
}

func to(schema, name, column string) []mapping.ForeignKey {
	return []mapping.ForeignKey{{Columns: []string{column}, Table: mapping.TableName{Schema: schema, Name: name}, RefColumns: []string{"id"}}}
}

// business is the sample's tables, fresh at every call so that a test may break them.
func business() tables {
	ts := tables{}
	for _, t := range []*mapping.TableModel{
		table("crm", "customer", [][]string{{"customer_no"}}, nil,
			column("id", id), column("customer_no", text(20)), column("name", text(120)), column("country", text(2)), column("email", nullable(text(254)))),
		table("catalog", "product", [][]string{{"sku"}}, nil,
			column("id", id), column("sku", text(40)), column("name", text(120))),
		table("sales", "sales_order", [][]string{{"order_no"}}, to("crm", "customer", "customer_id"),
			column("id", id), column("order_no", text(20)), column("customer_id", bigint), column("revision", defaulted(integer)),
			column("status", text(12)), column("currency", text(3)), column("ordered_at", moment),
			column("requested_delivery", nullable(day)), column("note", nullable(text(2000)))),
		table("sales", "order_line", [][]string{{"order_id", "line_no"}}, to("sales", "sales_order", "order_id"),
			column("id", id), column("order_id", bigint), column("line_no", integer), column("product_id", bigint),
			column("description", nullable(text(200))), column("quantity", decimal(12, 3)), column("unit", text(4)),
			column("unit_price", decimal(15, 4)), column("amount", decimal(19, 4))),
		table("sales", "order_line_feature", [][]string{{"line_id", "name"}}, to("sales", "order_line", "line_id"),
			column("id", id), column("line_id", bigint), column("name", text(60)), column("value", text(200))),
		table("sales", "shipment", [][]string{{"shipment_no"}}, to("sales", "sales_order", "order_id"),
			column("id", id), column("shipment_no", text(20)), column("order_id", bigint), column("shipped_at", moment), column("carrier", nullable(text(60)))),
		table("sales", "shipment_line", [][]string{{"shipment_id", "line_no"}}, to("sales", "shipment", "shipment_id"),
			column("id", id), column("shipment_id", bigint), column("line_no", integer), column("quantity", decimal(12, 3))),
	} {
		ts[t.Name] = t
	}
	return ts
}

func number(n int64) *apd.Decimal { return apd.New(n, 0) }
