package gatewaytest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// plan is the suite's mapping and what makes messages for it.
type plan struct{ *mapping.Mapping }

const (
	customerStep = iota
	orderStep
	lineStep
	featureStep
)

func newPlan(edits ...edit) *plan { return &plan{compiled(edits...)} }

func (p *plan) lookup(step int, name string) *mapping.Lookup {
	columns := p.Tables[step].Columns
	return columns[slices.IndexFunc(columns, func(c mapping.Column) bool { return c.Name == name })].Lookup
}

// shipped gives an entry its shipments.
func (p *plan) shipped(e *gateway.Entry, numbers ...string) *gateway.Entry {
	rows := []mapping.Row{}
	for _, no := range numbers {
		rows = append(rows, mapping.Row{Origin: mapping.At("/o:Shipment", 30, 3), Cells: []mapping.Cell{text(no), refers(0),
			{Kind: mapping.ValueCell, Value: mapping.Moment(orderedAt)}}})
	}
	e.Changes.Rows = append(e.Changes.Rows, rows)
	return e
}

// order is the content of one message; what is empty is absent.
type order struct {
	no, customer, name, email, note, revision, status string
	at                                                time.Time // that a code is meant for
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
		return v.Instant().UTC().Format("2006-01-02T15:04:05.000")
	case mapping.Date:
		return v.Instant().Format(time.DateOnly)
	}
	return v.Text
}

func (p *plan) changes(identity string, o order) *mapping.Changeset {
	status := o.status
	if status == "" {
		status = "SUBMITTED"
	}
	note := text(o.note)
	if l := p.lookup(orderStep, "note"); l != nil && o.note != "" {
		note = mapping.Cell{Kind: mapping.KeysCell, Keys: []value{note.Value}}
		if l.From != "" {
			at := mapping.Moment(o.at)
			at.Class = l.Classes[1]
			note.Keys = append(note.Keys, at)
		}
	}
	at := func(line int, path string) mapping.Row {
		return mapping.Row{Parent: -1, Origin: mapping.At(path, line, 3)}
	}
	customer, head := at(2, "/o:Customer"), at(1, "/o:Order")
	customer.Cells = []mapping.Cell{text(o.customer), text(o.name), text("FI"), text(o.email)}
	head.Cells = []mapping.Cell{text(o.no), refers(0), text(status), text("EUR"),
		{Kind: mapping.ValueCell, Value: mapping.Moment(orderedAt)}, {Kind: mapping.NullCell}, note, number(o.revision)}
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
	p := newPlan(replyNamesMore)
	w := s.writer(p)
	const hostile = "Ü'\";--\t😀 {message} @p1 \\ end"
	o := s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: hostile}), gateway.Stored)
	id := s.probe.Query(t, `SELECT id FROM {sales.sales_order}`)[0][0]
	if want := "<reply>" + id + "2026-03-01T21:30:15.123" + hostile + "</reply>"; string(o.Reply) != want {
		t.Errorf("reply %q, want %q", o.Reply, want)
	}
	s.rows(`SELECT name FROM {crm.customer}`, hostile)

	p = newPlan()
	// No reply can name a value of one line among many; this message has one.
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

// OrderMapping returns a new copy of the suite's order mapping, for tests and
// benchmarks of a store.
func OrderMapping() *mapping.Mapping { return compiled() }

// TreeMapping is OrderMapping with rows that refer to others of their own table.
func TreeMapping() *mapping.Mapping { return compiled(categories) }

// StubMapping is OrderMapping with a version guard and with look-ups that make the
// products that they do not find.
func StubMapping() *mapping.Mapping { return compiled(stubProduct, guarded) }

// DrawnMapping is OrderMapping with lines that have a number of a sequence
// instead of a natural key.
func DrawnMapping() *mapping.Mapping { return compiled(drawnLines) }

// orderPlan makes the messages for OrderMapping; it is only read.
var orderPlan = sync.OnceValue(func() *plan { return newPlan() })

// OrderEntry returns a message with an order of n lines, for OrderMapping. The
// number is its identity, too.
func OrderEntry(number string, n int) *gateway.Entry {
	o := order{no: number, customer: "C-" + number, name: "Acme Ltd", email: "orders@acme.example"}
	for i := range n {
		o.lines = append(o.lines, line{no: i + 1, sku: "NUT-M8", features: []string{"colour=blue"}})
	}
	e := orderPlan().entry(number, o)
	e.Message.Payload = []byte(strings.Repeat("<o:Line no=\"1\"><o:Sku>NUT-M8</o:Sku></o:Line>", 20))
	return e
}
