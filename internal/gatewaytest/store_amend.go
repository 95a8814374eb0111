package gatewaytest

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// neverInserted: a step that only amends refuses, or waits, where nothing is
// stored, and costs no other message of the batch anything.
func (s *storeSuite) neverInserted(t *testing.T) {
	o := func(no, status string, lines ...line) order {
		return order{no: no, customer: "C-1", name: "A", status: status, lines: lines}
	}
	p := newPlan(amendOrder)
	w := s.writer(p)
	f := s.code(s.one(w, p.entry("m1", o("PO-1", "DRAFT")), gateway.Refused).Err, fault.CodeLookup)
	if len(f.Details) != 1 || f.Details[0].Target != "sales.sales_order" || !strings.Contains(f.Details[0].Found, `order_no = "PO-1"`) || f.Details[0].Path != "/o:Order" {
		t.Errorf("what is missing is not named: %+v", f.Details)
	}
	s.rows(customers)
	s.rows(`SELECT COUNT(*) FROM {gateway.inbox}`, "0")

	first := newPlan()
	s.one(s.writer(first), first.entry("m0", o("PO-1", "DRAFT", line{no: 1, sku: "NUT-M8"})), gateway.Stored)
	out := s.commit(w, 0,
		p.entry("m1", o("PO-1", "SUBMITTED")),
		p.entry("m2", o("PO-2", "SUBMITTED")),
		p.entry("m3", o("PO-3", "SUBMITTED", line{no: 1, sku: "NONE"})))
	s.status(out[0], gateway.Stored)
	s.code(out[1].Err, fault.CodeLookup)
	if f := s.code(out[2].Err, fault.CodeLookup); len(f.Details) != 2 {
		t.Errorf("details %v, want the look-up and the order", f.Details)
	}
	s.rows(orders, "PO-1 C-1 1 SUBMITTED NULL")

	p = newPlan(awaitOrder)
	s.code(s.one(s.writer(p), p.entry("m4", o("PO-4", "SUBMITTED")), gateway.Refused).Err, fault.CodeNotYet)

	// A child is known only when its parent is written.
	p = newPlan(amendLines)
	out = s.commit(s.writer(p), 0,
		p.entry("m5", o("PO-1", "CONFIRMED", line{no: 1, sku: "BOLT-M8"})),
		p.entry("m6", o("PO-6", "CONFIRMED", line{no: 1, sku: "BOLT-M8"})),
		p.entry("m7", o("PO-7", "CONFIRMED")))
	s.status(out[0], gateway.Stored)
	if f := s.code(out[1].Err, fault.CodeLookup); len(f.Details) != 1 || f.Details[0].Target != "sales.order_line" || f.Details[0].Found != `line_no = "1"` {
		t.Errorf("the line is not named: %+v", f.Details)
	}
	s.status(out[2], gateway.Stored)
	s.rows(orders, "PO-1 C-1 1 CONFIRMED NULL", "PO-7 C-1 1 CONFIRMED NULL")
	s.rows(lines, "PO-1 1 BOLT-M8")
}

// amendedLate: what an older version says of rows that are gone is no fault.
func (s *storeSuite) amendedLate(t *testing.T) {
	first := newPlan()
	s.one(s.writer(first), first.entry("m0", order{no: "PO-1", customer: "C-1", name: "A", revision: "5"}), gateway.Stored)
	p := newPlan(guarded, amendLines)
	w := s.writer(p)
	old := order{no: "PO-1", customer: "C-1", name: "A", revision: "4", lines: []line{{no: 9, sku: "NUT-M8"}}}
	s.one(w, p.entry("m1", old), gateway.Superseded)
	old.revision = "6"
	s.code(s.one(w, p.entry("m2", old), gateway.Refused).Err, fault.CodeLookup)
	s.rows(orders, "PO-1 C-1 5 SUBMITTED NULL")
}
