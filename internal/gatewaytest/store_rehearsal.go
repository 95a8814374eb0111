package gatewaytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// rehearse tries one message and tells what became of its rows, one a line.
func (s *storeSuite) rehearse(p *plan, e *gateway.Entry) (*gateway.Rehearsal, []string) {
	s.t.Helper()
	r, err := s.store.(gateway.Rehearser).Rehearse(s.t.Context(), p.Mapping, func(*mapping.Checked) (*gateway.Entry, error) { return e, nil })
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for i, rows := range r.Rows {
		for _, row := range rows {
			out = append(out, fmt.Sprintf("%s %s%s", p.Tables[i].Name, row.Fate, changed(row)))
		}
	}
	for _, d := range r.Deleted {
		out = append(out, p.Tables[d.Table].Name.String()+" deleted")
	}
	return r, out
}

// changed lists the columns of an updated row that differ.
func changed(row gateway.RowFate) string {
	var b strings.Builder
	for i := 0; row.Fate == gateway.Updated && i < len(row.After); i++ {
		if before, after := show(row.Before[i].Value), show(row.After[i].Value); before != after {
			fmt.Fprintf(&b, " %s=%s->%s", row.After[i].Name, before, after)
		}
	}
	return b.String()
}

func (s *storeSuite) told(got []string, want ...string) {
	s.t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("the rehearsal tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// rehearses: what would become of every row is told, and nothing lasts.
func (s *storeSuite) rehearses(t *testing.T) {
	p := newPlan(deleteLines, deleteFeatures, guarded, keepCustomer)
	first := order{no: "PO-1", customer: "C-1", name: "Acme", revision: "2", lines: []line{
		{no: 1, sku: "BOLT-M8", features: []string{"a=1"}}, {no: 2, sku: "NUT-M8", features: []string{"b=2"}}}}
	r, got := s.rehearse(p, p.entry("m1", first))
	s.told(got, "crm.customer inserted", "sales.sales_order inserted", "sales.order_line inserted", "sales.order_line inserted",
		"sales.order_line_feature inserted", "sales.order_line_feature inserted")
	if r.Outcome.Status != gateway.Stored || !strings.HasPrefix(string(r.Rendered.Reply), "<reply>") || len(r.Rendered.Publications) != 1 {
		t.Errorf("outcome %v, reply %q, %d publications", r.Outcome.Status, r.Rendered.Reply, len(r.Rendered.Publications))
	}
	if found := r.Rows[lineStep][1].Found[2]; show(found) != s.probe.Query(t, `SELECT id FROM {catalog.product} WHERE sku = 'NUT-M8'`)[0][0] {
		t.Errorf("the look-up found %s", show(found))
	}
	for _, table := range []string{"crm.customer", "sales.sales_order", "sales.order_line", "gateway.inbox", "gateway.message", "gateway.shard", "gateway.outbox"} {
		s.rows(`SELECT COUNT(*) FROM {`+table+`}`, "0")
	}

	w := s.writer(p)
	s.one(w, p.entry("m1", first), gateway.Stored)
	if r, _ := s.rehearse(p, p.entry("m1", first)); r.Outcome.Status != gateway.Duplicate {
		t.Errorf("the stored message is %v", r.Outcome.Status)
	}
	next := order{no: "PO-1", customer: "C-1", name: "Renamed", status: "CONFIRMED", revision: "3", lines: []line{
		{no: 1, sku: "BOLT-M8", quantity: "4", features: []string{"a=1"}}}}
	_, got = s.rehearse(p, p.entry("m2", next))
	s.told(got, "crm.customer kept", "sales.sales_order updated revision=2->3 status=SUBMITTED->CONFIRMED",
		"sales.order_line updated quantity=2.500->4.000", "sales.order_line_feature kept",
		"sales.order_line deleted", "sales.order_line_feature deleted")
	late := order{no: "PO-1", customer: "C-9", name: "New", revision: "1", lines: []line{{no: 7, sku: "NUT-M8"}}}
	r, got = s.rehearse(p, p.entry("m3", late))
	if r.Outcome.Status != gateway.Superseded {
		t.Errorf("an older version is %v", r.Outcome.Status)
	}
	s.told(got, "crm.customer inserted", "sales.sales_order superseded", "sales.order_line superseded")
	s.rows(customers, "C-1 Acme NULL")
	s.rows(lines, "PO-1 1 BOLT-M8", "PO-1 2 NUT-M8")
	s.rows(messages, "1")
}

// rehearsesRefusals: what the store has against a message is told too, and later
// messages do not suffer from it.
func (s *storeSuite) rehearsesRefusals(t *testing.T) {
	p := newPlan(failCustomer)
	w := s.writer(p)
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "A"}), gateway.Stored)
	for _, tt := range []struct {
		o    order
		code fault.Code
	}{
		{order{no: "PO-2", customer: "C-2", name: "B", lines: []line{{no: 1, sku: "NO-SUCH"}}}, fault.CodeLookup},
		{order{no: "PO-2", customer: "C-1", name: "B"}, fault.CodeExists},
		{order{no: "PO-2", customer: "C-2", name: "B", status: "NONSENSE"}, fault.CodeConstraint},
		{order{no: strings.Repeat("x", 21), customer: "C-2", name: "B"}, fault.CodeNarrowing},
	} {
		r, got := s.rehearse(p, p.entry("m2", tt.o))
		if r.Outcome.Status != gateway.Refused {
			t.Errorf("%v is %v", tt.o, r.Outcome.Status)
			continue
		}
		s.code(r.Outcome.Err, tt.code)
		if all := strings.Join(got, "\n"); strings.Count(all, "not written") != len(got) {
			t.Errorf("%v:\n%s", tt.o, all)
		}
	}
	s.rows(messages, "1")
	s.one(w, p.entry("m2", order{no: "PO-2", customer: "C-2", name: "B"}), gateway.Stored)
}
