package gatewaytest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// mapped is the entry of an order whose rows the mapping itself has made, from a
// message in XML.
func (p *plan) mapped(t testing.TB, identity string, o order) *gateway.Entry {
	t.Helper()
	e := p.entry(identity, o)
	var b strings.Builder
	fmt.Fprintf(&b, `<o:SubmitOrder xmlns:o="urn:order"><o:Id>%s</o:Id><o:Customer number="%s" name="%s" country="FI"/><o:Payer number="%[2]s" name="%[3]s" country="FI"/>
<o:Number>%s</o:Number><o:Status>SUBMITTED</o:Status><o:Currency>EUR</o:Currency><o:OrderedAt>2026-03-01T21:30:15Z</o:OrderedAt>`, identity, o.customer, o.name, o.no)
	if o.revision != "" {
		fmt.Fprintf(&b, "<o:Revision>%s</o:Revision>", o.revision)
	}
	for _, l := range o.lines {
		fmt.Fprintf(&b, `<o:Line no="%d" sku="%s" quantity="2.5" unit="EA" price="19.99" amount="49.975"/>`, l.no, l.sku)
	}
	b.WriteString("</o:SubmitOrder>")
	tree, err := document.Read([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	e.Changes, err = p.Apply(&mapping.Input{Payload: tree.Root()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const products = `SELECT sku, name, unit FROM {catalog.product} WHERE sku LIKE 'NEW%' ORDER BY sku`

// forgetProducts takes the products away that a test made.
func (s *storeSuite) forgetProducts() {
	s.t.Cleanup(func() {
		s.probe.Exec(s.t, `DELETE FROM {sales.order_line} WHERE product_id IN (SELECT id FROM {catalog.product} WHERE sku LIKE 'NEW%')`)
		s.probe.Exec(s.t, `DELETE FROM {catalog.product} WHERE sku LIKE 'NEW%'`)
	})
}

// stubs: what a look-up does not find it makes, once for each key, and changes
// nothing that is there; a message that is too old makes nothing.
func (s *storeSuite) stubs(t *testing.T) {
	s.forgetProducts()
	p := newPlan(stubProduct, guarded)
	w := s.writer(p)
	o := func(no, revision string, skus ...string) order {
		out := order{no: no, customer: "C-1", name: "A", revision: revision}
		for i, sku := range skus {
			out.lines = append(out.lines, line{no: i + 1, sku: sku})
		}
		return out
	}
	out := s.commit(w, 0,
		p.mapped(t, "m1", o("PO-1", "2", "NEW-1", "NUT-M8", "NEW-1", "NEW-2")),
		p.mapped(t, "m2", o("PO-2", "1", "NEW-2", "NEW-3")))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Stored)
	s.rows(products, "NEW-1 unknown EA", "NEW-2 unknown EA", "NEW-3 unknown EA")
	s.rows(lines, "PO-1 1 NEW-1", "PO-1 2 NUT-M8", "PO-1 3 NEW-1", "PO-1 4 NEW-2", "PO-2 1 NEW-2", "PO-2 2 NEW-3")

	s.probe.Exec(t, `UPDATE {catalog.product} SET name = 'known' WHERE sku = 'NEW-1'`)
	out = s.commit(w, 0,
		p.mapped(t, "m3", o("PO-1", "1", "NEW-4", "NEW-5")),
		p.mapped(t, "m4", o("PO-3", "1", "NEW-1", "NEW-5")))
	s.status(out[0], gateway.Superseded)
	s.status(out[1], gateway.Stored)
	s.rows(products, "NEW-1 known EA", "NEW-2 unknown EA", "NEW-3 unknown EA", "NEW-5 unknown EA")
	s.rows(`SELECT p.sku FROM {sales.order_line} AS l INNER JOIN {sales.sales_order} AS o ON o.id = l.order_id INNER JOIN {catalog.product} AS p ON p.id = l.product_id WHERE o.order_no = 'PO-3' ORDER BY l.line_no`,
		"NEW-1", "NEW-5")

	// Two keys that the column takes for one are one row.
	s.one(w, p.mapped(t, "m5", o("PO-5", "1", "NEW-6", "new-6", "NEW-6")), gateway.Stored)
	s.rows(`SELECT COUNT(DISTINCT upper(sku)) FROM {catalog.product} WHERE upper(sku) = 'NEW-6'`, "1")
	s.rows(`SELECT COUNT(*) FROM {sales.order_line} AS l INNER JOIN {catalog.product} AS p ON p.id = l.product_id WHERE upper(p.sku) = 'NEW-6'`, "3")
	s.probe.Exec(t, `DELETE FROM {sales.order_line} WHERE product_id IN (SELECT id FROM {catalog.product} WHERE sku = 'new-6')`)
	s.probe.Exec(t, `DELETE FROM {catalog.product} WHERE sku = 'new-6'`)
}

// stubsRace: two processes that miss the same rows at the same moment make each
// of them once, in whatever order their messages have them.
func (s *storeSuite) stubsRace(t *testing.T) {
	s.forgetProducts()
	const rounds, size = 4, 6
	p := newPlan(stubProduct)
	stores := []gateway.Store{s.store, s.probe.Another(t)}
	var wg sync.WaitGroup
	for i, store := range stores {
		w, err := store.Writer(t.Context(), p.Mapping)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for round := range rounds {
				var entries []*gateway.Entry
				for n := range size {
					no := fmt.Sprintf("PO-%d-%d-%d", i, round, n)
					skus := []line{{no: 1, sku: fmt.Sprintf("NEW-%d-%d", round, n%3)}, {no: 2, sku: fmt.Sprintf("NEW-%d-%d", round, 2-n%3)}}
					if i == 1 {
						skus[0].sku, skus[1].sku = skus[1].sku, skus[0].sku
					}
					entries = append(entries, p.mapped(t, no, order{no: no, customer: no, name: "A", lines: skus}))
				}
				out, err := w.Commit(t.Context(), 0, entries)
				if err != nil {
					t.Errorf("commit: %v", err)
					return
				}
				for _, o := range out {
					if o.Status != gateway.Stored {
						t.Errorf("status %s: %v", o.Status, o.Err)
					}
				}
			}
		})
	}
	wg.Wait()
	s.rows(`SELECT COUNT(*) FROM {catalog.product} WHERE sku LIKE 'NEW%'`, fmt.Sprint(3*rounds))
	s.rows(`SELECT COUNT(*) FROM {sales.order_line}`, fmt.Sprint(len(stores)*rounds*size*2))
}
