package main

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// What each client asks for: interopFound orders of a customer that is its own, in
// pages of interopPage.
const (
	interopFound = 25
	interopPage  = 8
)

// fill stores the orders that clients ask for: of each client one with the number that
// its query carries, and those of the customer whose number its paging does.
func (r *interopRun) fill(t *testing.T) {
	t.Helper()
	db := r.open(t)
	defer db.Close()
	order := func(number, customer string, n int) {
		const insert = `INSERT INTO "sales.sales_order" (order_no, customer_id, revision, status, currency, ordered_at)
			SELECT ?, id, 1, 'CONFIRMED', 'EUR', '2026-03-02 09:' || printf('%02d', ?) || ':00.000' FROM "crm.customer" WHERE customer_no = ?`
		const line = `INSERT INTO "sales.order_line" (order_id, line_no, product_id, quantity, unit, unit_price, amount)
			SELECT o.id, 1, p.id, 12500, 'EA', 1250, 15625 FROM "sales.sales_order" AS o INNER JOIN "catalog.product" AS p ON p.sku = 'BOLT-M8' WHERE o.order_no = ?`
		for _, s := range []struct {
			text string
			args []any
		}{{insert, []any{number, n, customer}}, {line, []any{number}}} {
			if done, err := db.ExecContext(t.Context(), s.text, s.args...); err != nil {
				t.Fatal(err)
			} else if n, err := done.RowsAffected(); n != 1 || err != nil {
				t.Fatalf("%d rows are stored by %s: %v", n, s.text, err)
			}
		}
	}
	for _, c := range interopClients {
		customer := c.name + "-pages"
		if _, err := db.ExecContext(t.Context(), `INSERT INTO "crm.customer" (customer_no, name, country) VALUES (?, ?, 'FI')`, customer, interopText); err != nil {
			t.Fatal(err)
		}
		order(c.name+"-query", customer, 59)
		for n := range interopFound - 1 {
			order(fmt.Sprintf("%s-%d", customer, n), customer, n)
		}
	}
}

// unasked: a query leaves nothing behind it.
func (r *interopRun) unasked(t *testing.T) error {
	if n := r.count(t, `SELECT count(*) FROM "gateway.message" WHERE route IN ('find-orders', 'get-order-status')`); n != 0 {
		return fmt.Errorf("%d queries are in the ledger", n)
	}
	return nil
}

// unknownAsked: the client asked for an order that there is and for one that there is
// not; what it read of both is its word.
func unknownAsked(t *testing.T, r *interopRun, _ string, _ []wireRequest) error {
	return r.unasked(t)
}

var wireAfter = regexp.MustCompile(`<(?:[\w-]+:)?After\b[^>]*>([^<]+)</`)

// pagedToTheEnd: every page was asked for, each but the first where another ended. A
// client that waits to be asked for its credentials sends everything twice.
func pagedToTheEnd(t *testing.T, r *interopRun, _ string, requests []wireRequest) error {
	var after []string
	for _, request := range requests {
		token := ""
		if m := wireAfter.FindSubmatch(request.body); m != nil {
			token = string(m[1])
		}
		after = append(after, token)
	}
	slices.Sort(after)
	after = slices.Compact(after)
	const pages = (interopFound + interopPage - 1) / interopPage
	if len(after) != pages || after[0] != "" {
		return fmt.Errorf("pages were asked for after %q", after)
	}
	return r.unasked(t)
}
