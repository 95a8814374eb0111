package gatewaytest

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func (s *storeSuite) keepAndFail(t *testing.T) {
	p := newPlan(keepCustomer, failOrder)
	w := s.writer(p)
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}), gateway.Stored)
	s.one(w, p.entry("m2", order{no: "PO-2", customer: "C-1", name: "Renamed"}), gateway.Stored)
	s.rows(customers, "C-1 Acme NULL")

	out := s.commit(w, 0,
		p.entry("m3", order{no: "PO-3", customer: "C-3", name: "Third"}),
		p.entry("m4", order{no: "PO-1", customer: "C-4", name: "Fourth"}),
		p.entry("m5", order{no: "PO-5", customer: "C-5", name: "Fifth"}))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Refused)
	s.code(out[1].Err, fault.CodeExists)
	s.status(out[2], gateway.Stored)
	s.rows(customers, "C-1 Acme NULL", "C-3 Third NULL", "C-5 Fifth NULL")
	s.rows(messages, "4")
}

func (s *storeSuite) absentDelete(t *testing.T) {
	p := newPlan(deleteLines, deleteFeatures)
	w := s.writer(p)
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "A", lines: []line{
		{no: 1, sku: "BOLT-M8", features: []string{"a=1", "b=2"}}, {no: 2, sku: "NUT-M8", features: []string{"c=3"}}}}), gateway.Stored)
	s.one(w, p.entry("m2", order{no: "PO-2", customer: "C-1", name: "A", lines: []line{{no: 1, sku: "NUT-M8"}}}), gateway.Stored)

	s.one(w, p.entry("m3", order{no: "PO-1", customer: "C-1", name: "A", lines: []line{
		{no: 1, sku: "BOLT-M8", features: []string{"b=2"}}, {no: 3, sku: "NUT-M8"}}}), gateway.Stored)
	s.rows(lines, "PO-1 1 BOLT-M8", "PO-1 3 NUT-M8", "PO-2 1 NUT-M8")
	s.rows(features, "1 b 2")

	// Nothing at all is a mistake, unless the mapping says otherwise.
	none := order{no: "PO-1", customer: "C-1", name: "B"}
	out := s.commit(w, 0, p.entry("m4", none), p.entry("m4b", order{no: "PO-7", customer: "C-7", name: "A"}))
	f := s.code(out[0].Err, fault.CodeEmptying)
	if len(f.Details) != 1 || !strings.Contains(f.Details[0].Message, "no row of sales.order_line here, and 2 would be deleted") || f.Details[0].Path != "/o:Order" {
		t.Errorf("what would go is not told: %+v", f.Details)
	}
	s.status(out[1], gateway.Stored)
	s.rows(lines, "PO-1 1 BOLT-M8", "PO-1 3 NUT-M8", "PO-2 1 NUT-M8")
	s.rows(customers, "C-1 A NULL", "C-7 A NULL")
	s.rows(features, "1 b 2")
	p = newPlan(deleteAllLines, deleteFeatures)
	w = s.writer(p)
	s.one(w, p.entry("m4", none), gateway.Stored)
	s.rows(lines, "PO-2 1 NUT-M8")

	// Of two messages about one order in a batch the later one has the last word.
	out = s.all(w,
		p.entry("m5", order{no: "PO-9", customer: "C-1", name: "A", lines: []line{{no: 1, sku: "NUT-M8"}, {no: 2, sku: "NUT-M8"}}}),
		p.entry("m6", order{no: "PO-9", customer: "C-1", name: "A", lines: []line{{no: 1, sku: "NUT-M8"}}}))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Stored)
	s.rows(lines, "PO-2 1 NUT-M8", "PO-9 1 NUT-M8")
}

func (s *storeSuite) superseded(t *testing.T) {
	p := newPlan(guarded, deleteLines)
	w := s.writer(p)
	v := func(rev, status string, lines ...line) order {
		return order{no: "PO-1", customer: "C-1", name: "A", revision: rev, status: status, lines: lines}
	}
	s.one(w, p.entry("m1", v("3", "SUBMITTED", line{no: 1, sku: "NUT-M8"})), gateway.Stored)
	s.one(w, p.entry("m0", v("2", "DRAFT")), gateway.Superseded) // deletes nothing, so that there is nothing to refuse
	older := v("2", "DRAFT", line{no: 7, sku: "BOLT-M8", features: []string{"x=y"}})
	o := s.one(w, p.entry("m2", older), gateway.Superseded)
	if o.Reply != nil || o.Channels != nil {
		t.Errorf("a superseded message has a reply or deliveries: %+v", o)
	}
	s.one(w, p.entry("m2", older), gateway.Superseded)
	s.rows(orders, "PO-1 C-1 3 SUBMITTED NULL")
	s.rows(lines, "PO-1 1 NUT-M8")
	s.rows(waiting, "1")
	s.rows(`SELECT outcome FROM {gateway.message} ORDER BY id`, "stored", "superseded", "superseded")

	s.one(w, p.entry("m3", v("3", "CONFIRMED", line{no: 2, sku: "NUT-M8"})), gateway.Stored)
	s.rows(orders, "PO-1 C-1 3 CONFIRMED NULL")
	s.rows(lines, "PO-1 2 NUT-M8")
	last := line{no: 2, sku: "NUT-M8"}
	out := s.all(w, p.entry("m4", v("5", "SHIPPED", last)), p.entry("m5", v("4", "CONFIRMED", last)), p.entry("m6", v("6", "INVOICED", last)))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Superseded)
	s.status(out[2], gateway.Stored)
	s.rows(orders, "PO-1 C-1 6 INVOICED NULL")
}

func (s *storeSuite) partialUpdate(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	full := order{no: "PO-1", customer: "C-1", name: "Acme", email: "a@acme.example", note: "urgent", revision: "4"}
	s.one(w, p.entry("m1", full), gateway.Stored)
	s.one(w, p.entry("m2", order{no: "PO-1", customer: "C-1", name: "Acme Ltd"}), gateway.Stored)
	s.rows(customers, "C-1 Acme Ltd a@acme.example")
	s.rows(orders, "PO-1 C-1 4 SUBMITTED urgent")

	p = newPlan(nullNote)
	s.one(s.writer(p), p.entry("m3", order{no: "PO-1", customer: "C-1", name: "acme ltd"}), gateway.Stored)
	s.rows(orders, "PO-1 C-1 4 SUBMITTED NULL")
	s.rows(customers, "C-1 acme ltd a@acme.example")
}

func (s *storeSuite) equalRows(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	o := order{no: "PO-1", customer: "C-1", name: "Acme", email: "a@acme.example", lines: []line{{no: 1, sku: "NUT-M8", features: []string{"a=1"}}}}
	s.one(w, p.entry("m1", o), gateway.Stored)
	s.probe.ForbidUpdates(t, "crm", "customer")
	s.probe.ForbidUpdates(t, "sales", "sales_order")
	s.probe.ForbidUpdates(t, "sales", "order_line")
	s.probe.ForbidUpdates(t, "sales", "order_line_feature")
	w = s.writer(p) // the triggers are a change of the tables
	s.one(w, p.entry("m2", o), gateway.Stored)
	o.email = ""
	s.one(w, p.entry("m3", o), gateway.Stored)
	o.name = "ACME"
	s.one(w, p.entry("m4", o), gateway.Refused) // the trigger is there
}

func (s *storeSuite) twiceInMessage(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	twice := order{no: "PO-1", customer: "C-1", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}, {no: 1, sku: "BOLT-M8"}}}
	f := s.code(s.one(w, p.entry("m1", twice), gateway.Refused).Err, fault.CodeMapping)
	if len(f.Details) == 0 || f.Details[0].Line != 12 {
		t.Errorf("the second line is not named: %v", f)
	}
	s.rows(customers)
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}}}), gateway.Stored)
	f = s.code(s.one(w, p.entry("m2", twice), gateway.Refused).Err, fault.CodeMapping)
	if f.Kind() != fault.Invalid {
		t.Errorf("kind %s", f.Kind())
	}
	s.rows(lines, "PO-1 1 NUT-M8")
}

// newParent: a child whose key does not hold its parent may be stored already,
// also when the parent is new.
func (s *storeSuite) newParent(t *testing.T) {
	p := newPlan(shipments)
	w := s.writer(p)
	s.one(w, p.shipped(p.entry("m1", order{no: "PO-1", customer: "C-1", name: "A"}), "S-1"), gateway.Stored)
	s.one(w, p.shipped(p.entry("m2", order{no: "PO-2", customer: "C-1", name: "A"}), "S-1", "S-2"), gateway.Stored)
	s.rows(`SELECT s.shipment_no, o.order_no FROM {sales.shipment} AS s INNER JOIN {sales.sales_order} AS o ON o.id = s.order_id ORDER BY s.shipment_no`,
		"S-1 PO-2", "S-2 PO-2")
	twice := s.one(w, p.shipped(p.entry("m3", order{no: "PO-3", customer: "C-1", name: "A"}), "S-3", "S-3"), gateway.Refused)
	s.code(twice.Err, fault.CodeMapping)
}

func (s *storeSuite) sharedRows(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	out := s.commit(w, 0,
		p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}),
		p.entry("m2", order{no: "PO-2", customer: "C-1", name: "Acme"}))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Stored)
	s.rows(customers, "C-1 Acme NULL")
	s.rows(orders, "PO-1 C-1 1 SUBMITTED NULL", "PO-2 C-1 1 SUBMITTED NULL")

	out = s.all(w,
		p.entry("m3", order{no: "PO-3", customer: "C-1", name: "First"}),
		p.entry("m4", order{no: "PO-4", customer: "C-1", name: "Second"}),
		p.entry("m5", order{no: "PO-4", customer: "C-1", name: "Third", note: "last"}))
	for _, o := range out {
		s.status(o, gateway.Stored)
	}
	s.rows(customers, "C-1 Third NULL")
	s.rows(orders, "PO-1 C-1 1 SUBMITTED NULL", "PO-2 C-1 1 SUBMITTED NULL", "PO-3 C-1 1 SUBMITTED NULL", "PO-4 C-1 1 SUBMITTED last")
}

// nothingNamed: a mapping whose reply and events name no stored value may be
// committed another way, and nothing else may differ.
func (s *storeSuite) nothingNamed(t *testing.T) {
	p := newPlan(replyNamesNone, guarded, failCustomer)
	w := s.writer(p)
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "A", revision: "2", lines: []line{{no: 1, sku: "NUT-M8"}}}), gateway.Stored)
	bad := p.entry("m6", order{no: "PO-6", customer: "C-6", name: "A"})
	bad.Render = func([]value) (*rendered, error) { return nil, fault.New(fault.CodeReplyContract, "") }
	out := s.commit(w, 0,
		p.entry("m1", order{no: "PO-1", customer: "C-1", name: "A", revision: "2", lines: []line{{no: 1, sku: "NUT-M8"}}}),
		p.entry("m2", order{no: "PO-1", customer: "C-2", name: "A", revision: "1"}),
		p.entry("m3", order{no: "PO-3", customer: "C-1", name: "A"}),
		p.entry("m4", order{no: "PO-4", customer: "C-4", name: "A", lines: []line{{no: 1, sku: "NONE"}}}),
		p.entry("m5", order{no: "PO-5", customer: "C-5", name: "A"}),
		bad)
	for i, want := range []gateway.Status{gateway.Duplicate, gateway.Superseded, gateway.Refused, gateway.Refused, gateway.Stored, gateway.Refused} {
		s.status(out[i], want)
	}
	s.code(out[2].Err, fault.CodeExists)
	s.code(out[3].Err, fault.CodeLookup)
	s.code(out[5].Err, fault.CodeReplyContract)
	if string(out[0].Reply) != "<reply></reply>" || string(out[4].Reply) != "<reply></reply>" || out[1].Reply != nil {
		t.Errorf("replies %q, %q and %q", out[0].Reply, out[4].Reply, out[1].Reply)
	}
	s.rows(customers, "C-1 A NULL", "C-2 A NULL", "C-5 A NULL")
	s.rows(`SELECT "identity", outcome FROM {gateway.message} ORDER BY "identity"`, "m1 stored", "m2 superseded", "m5 stored")
	s.rows(waiting, "2")
	s.rows(`SELECT COUNT(*) FROM {gateway.reply}`, "2")
	s.rows(`SELECT COUNT(*) FROM {gateway.inbox}`, "3")
}

// tableTwice: two steps that write one table do so in the mapping's order,
// message by message.
func (s *storeSuite) tableTwice(t *testing.T) {
	p := newPlan(payer)
	w := s.writer(p)
	entry := func(identity, no, name, payer string) *gateway.Entry {
		e := p.entry(identity, order{no: no, customer: "C-1", name: name})
		row := e.Changes.Rows[customerStep][0]
		row.Cells = []mapping.Cell{text("C-1"), text(payer), text("FI"), {Kind: mapping.AbsentCell}}
		e.Changes.Rows = append(e.Changes.Rows, []mapping.Row{row})
		return e
	}
	out := s.all(w, entry("m1", "PO-1", "first", "second"), entry("m2", "PO-2", "third", "fourth"), entry("m1", "PO-1", "first", "second"))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Stored)
	s.status(out[2], gateway.Duplicate)
	s.rows(customers, "C-1 fourth NULL")
}
