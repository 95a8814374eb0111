package gatewaytest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

type (
	value    = mapping.Value
	rendered = mapping.Rendered
)

const (
	keep         = mapping.Keep
	fail         = mapping.Fail
	deleteAbsent = mapping.DeleteAbsent
	waitMissing  = mapping.WaitMissing
	traceParent  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// plan is the sample's order mapping, made by hand: customer, order, lines and
// their features, the product by look-up. Tests change it to their needs before
// they compile it.
type plan struct{ mapping.Mapping }

const (
	customerStep = iota
	orderStep
	lineStep
	featureStep
)

func newPlan() *plan {
	col := func(name string, class mapping.Class) mapping.Column {
		return mapping.Column{Name: name, Class: class, Ref: -1, Source: "order.yaml:1:1", Path: "o:" + name}
	}
	ref := func(name string, step int) mapping.Column {
		c := col(name, mapping.Integer)
		c.Ref, c.RefColumn = step, "id"
		return c
	}
	product := col("product_id", mapping.Integer)
	product.Lookup = &mapping.Lookup{Table: mapping.TableName{Schema: "catalog", Name: "product"}, Where: []string{"sku"}, Classes: []mapping.Class{mapping.String}, Column: "id"}
	str, num := mapping.String, mapping.Decimal
	tables := []mapping.Table{
		{Parent: -1, Name: mapping.TableName{Schema: "crm", Name: "customer"}, As: "customer", Match: []int{0},
			Columns: []mapping.Column{col("customer_no", str), col("name", str), col("country", str), col("email", str)}},
		{Parent: -1, Name: mapping.TableName{Schema: "sales", Name: "sales_order"}, As: "order", Match: []int{0},
			Columns: []mapping.Column{col("order_no", str), ref("customer_id", customerStep), col("status", str), col("currency", str),
				col("ordered_at", mapping.DateTime), col("requested_delivery", mapping.Date), col("note", str), col("revision", mapping.Integer)}},
		{Parent: orderStep, Name: mapping.TableName{Schema: "sales", Name: "order_line"}, As: "line", Match: []int{0, 1},
			Columns: []mapping.Column{ref("order_id", orderStep), col("line_no", mapping.Integer), product, col("quantity", num), col("unit", str), col("unit_price", num), col("amount", num)}},
		{Parent: lineStep, Name: mapping.TableName{Schema: "sales", Name: "order_line_feature"}, Match: []int{0, 1},
			Columns: []mapping.Column{ref("line_id", lineStep), col("name", str), col("value", str)}},
	}
	for i := range tables {
		tables[i].Index, tables[i].Version, tables[i].Source = i, -1, fmt.Sprintf("order.yaml:%d:1", i+1)
	}
	return &plan{mapping.Mapping{Name: "submit-order", Version: "0123456789ab", Tables: tables,
		Returns: []mapping.Return{{Table: orderStep, Column: "id"}}, Channels: []string{channel}, HasIdentity: true}}
}

func (p *plan) customer() *mapping.Table { return &p.Tables[customerStep] }
func (p *plan) order() *mapping.Table    { return &p.Tables[orderStep] }
func (p *plan) line() *mapping.Table     { return &p.Tables[lineStep] }
func (p *plan) feature() *mapping.Table  { return &p.Tables[featureStep] }

func (p *plan) column(t *mapping.Table, name string) *mapping.Column {
	return &t.Columns[slices.IndexFunc(t.Columns, func(c mapping.Column) bool { return c.Name == name })]
}

func (p *plan) lookup(t *mapping.Table, name string) *mapping.Lookup { return p.column(t, name).Lookup }

// guard makes the revision guard the order's subtree.
func (p *plan) guard() { p.order().Version = len(p.order().Columns) - 1 }

// noteFromProduct fills the order's note with the name of the product whose SKU
// the message gives as note, or NULL.
func (p *plan) noteFromProduct() {
	p.column(p.order(), "note").Lookup = &mapping.Lookup{Table: mapping.TableName{Schema: "catalog", Name: "product"},
		Where: []string{"sku"}, Classes: []mapping.Class{mapping.String}, Column: "name", NotFound: mapping.NullMissing}
}

// order is the content of one message; what is empty is absent.
type order struct {
	no, customer, name, email, note, revision, status string
	lines                                             []line
}

type line struct {
	no            int
	sku, quantity string
	features      []string // name=value
}

func text(s string) mapping.Cell {
	if s == "" {
		return mapping.Cell{Kind: mapping.AbsentCell}
	}
	return mapping.Cell{Kind: mapping.ValueCell, Value: value{Class: mapping.String, Text: s}}
}

func number(s string) mapping.Cell {
	if s == "" {
		return mapping.Cell{Kind: mapping.AbsentCell}
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		panic(err) // the tests write their numbers themselves
	}
	return mapping.Cell{Kind: mapping.ValueCell, Value: value{Class: mapping.Decimal, Number: d}}
}

func refers(row int) mapping.Cell { return mapping.Cell{Kind: mapping.Reference, Row: row} }

var orderedAt = time.Date(2026, 3, 1, 23, 30, 15, 123456789, time.FixedZone("", 2*3600))

// entry makes a message of an order. Its body digest depends on the order only,
// its id is always a new one.
func (p *plan) entry(identity string, o order) *gateway.Entry {
	m := &gateway.Message{
		ID: newID(), ReceivedAt: time.Now().UTC(), Route: "submit-order", Endpoint: "soap:orders/OrderService.SubmitOrder",
		Mapping: "submit-order@0123456789ab", Contract: digest("contract"), Principal: "cn=erp", Sender: "partner", Identity: identity,
		Body: sha256.Sum256(fmt.Append(nil, o)), Payload: []byte("<o/>"), ContentType: "application/xml", OrderingKey: o.no,
		Keys:        []mapping.Key{{Name: "customer", Value: o.customer}, {Name: "order", Value: o.no}},
		TraceParent: traceParent, Correlation: "correlation",
	}
	return &gateway.Entry{Message: m, Changes: p.changes(identity, o), Done: func() {}, Size: 1000, Render: render(o.no)}
}

// render replies with the stored values and publishes one event.
func render(no string) func([]value) (*rendered, error) {
	return func(stored []value) (*rendered, error) {
		var b strings.Builder
		for _, v := range stored {
			b.WriteString(show(v))
		}
		return &rendered{
			Reply: []byte("<reply>" + b.String() + "</reply>"),
			Publications: []mapping.Publication{{Channel: channel, RoutingKey: "order.accepted", Type: "order",
				ContentType: "application/json", Body: fmt.Appendf(nil, "{%q: 1}", no)}},
		}, nil
	}
}

func show(v value) string {
	switch v.Class {
	case mapping.Integer, mapping.Decimal:
		return v.Number.Text('f')
	case mapping.DateTime:
		return v.Instant.UTC().Format("2006-01-02T15:04:05.000")
	case mapping.Date:
		return v.Instant.Format(time.DateOnly)
	}
	return v.Text
}

func (p *plan) changes(identity string, o order) *mapping.Changeset {
	status := o.status
	if status == "" {
		status = "SUBMITTED"
	}
	note := text(o.note)
	if p.lookup(p.order(), "note") != nil && o.note != "" {
		note = mapping.Cell{Kind: mapping.KeysCell, Keys: []value{note.Value}}
	}
	at := func(line int, path string) mapping.Row {
		return mapping.Row{Parent: -1, Path: path, Line: line, Column: 3}
	}
	customer, head := at(2, "/o:Customer"), at(1, "/o:Order")
	customer.Cells = []mapping.Cell{text(o.customer), text(o.name), text("FI"), text(o.email)}
	head.Cells = []mapping.Cell{text(o.no), refers(0), text(status), text("EUR"),
		{Kind: mapping.ValueCell, Value: value{Class: mapping.DateTime, Instant: orderedAt}}, {Kind: mapping.NullCell}, note, number(o.revision)}
	rows := [][]mapping.Row{{customer}, {head}, nil, nil}
	for i, l := range o.lines {
		quantity := l.quantity
		if quantity == "" {
			quantity = "2.5"
		}
		row := at(11+i, fmt.Sprintf("/o:Line[%d]", i+1))
		row.Parent = 0
		row.Cells = []mapping.Cell{refers(0), number(fmt.Sprint(l.no)), {Kind: mapping.KeysCell, Keys: []value{{Class: mapping.String, Text: l.sku}}},
			number(quantity), text("EA"), number("19.99"), number("49.975")}
		rows[lineStep] = append(rows[lineStep], row)
		for _, f := range l.features {
			name, content, _ := strings.Cut(f, "=")
			row := at(20, "/o:Feature")
			row.Parent = i
			row.Cells = []mapping.Cell{refers(i), text(name), text(content)}
			rows[featureStep] = append(rows[featureStep], row)
		}
	}
	return &mapping.Changeset{Rows: rows, Identity: identity, OrderingKey: o.no}
}

// roundTrip: what the reply reads is what the columns keep, to their precision.
func (s *storeSuite) roundTrip(t *testing.T) {
	p := newPlan()
	p.Returns = append(p.Returns, mapping.Return{Table: orderStep, Column: "ordered_at"}, mapping.Return{Table: orderStep, Column: "requested_delivery"},
		mapping.Return{Table: customerStep, Column: "name"}, mapping.Return{Table: orderStep, Column: "note"})
	w := s.writer(p)
	const hostile = "Ü'\";--\t😀 {message} @p1 \\ end"
	o := s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: hostile}), gateway.Stored)
	id := s.probe.Query(t, `SELECT id FROM {sales.sales_order}`)[0][0]
	if want := "<reply>" + id + "2026-03-01T21:30:15.123" + hostile + "</reply>"; string(o.Reply) != want {
		t.Errorf("reply %q, want %q", o.Reply, want)
	}
	s.rows(`SELECT name FROM {crm.customer}`, hostile)

	p = newPlan()
	p.Returns = []mapping.Return{{Table: lineStep, Column: "quantity"}, {Table: lineStep, Column: "amount"}}
	o = s.one(s.writer(p), p.entry("m2", order{no: "PO-2", customer: "C-1", name: "A", lines: []line{{no: 1, sku: "NUT-M8", quantity: "123456789.125"}}}), gateway.Stored)
	if want := "<reply>123456789.12549.9750</reply>"; string(o.Reply) != want {
		t.Errorf("reply %q, want %q", o.Reply, want)
	}
	for _, quantity := range []string{"0.0001", "1234567890", "1e300"} {
		bad := order{no: "PO-3", customer: "C-1", name: "A", lines: []line{{no: 1, sku: "NUT-M8", quantity: quantity}}}
		s.one(s.writer(p), p.entry("m3", bad), gateway.Refused)
	}
	s.one(s.writer(p), p.entry("m4", order{no: strings.Repeat("x", 21), customer: "C-1", name: "A"}), gateway.Refused)
	s.rows(messages, "2")
}

// OrderMapping returns a new copy of the sample's order mapping, made by hand,
// for tests and benchmarks of a store.
func OrderMapping() *mapping.Mapping { return &newPlan().Mapping }

// OrderEntry returns a message with an order of n lines, for OrderMapping. The
// number is its identity, too.
func OrderEntry(number string, n int) *gateway.Entry {
	o := order{no: number, customer: "C-" + number, name: "Acme Ltd", email: "orders@acme.example"}
	for i := range n {
		o.lines = append(o.lines, line{no: i + 1, sku: "NUT-M8", features: []string{"colour=blue"}})
	}
	e := newPlan().entry(number, o)
	e.Message.Payload = []byte(strings.Repeat("<o:Line no=\"1\"><o:Sku>NUT-M8</o:Sku></o:Line>", 20))
	return e
}
