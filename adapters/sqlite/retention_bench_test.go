package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// BenchmarkPurge removes a million old messages, each with its claim, payload,
// reply, two keys and delivery, in portions of several sizes, while orders are
// stored one by one. It tells how many messages go in a second without a rest,
// how long a portion keeps writers waiting, and how long the orders take.
func BenchmarkPurge(b *testing.B) {
	const old = 1_000_000
	path := filepath.Join(b.TempDir(), "g.db")
	store := openFile(b, path)
	if _, err := store.Up(b.Context(), business(b)); err != nil {
		b.Fatal(err)
	}
	w, err := store.Writer(b.Context(), gatewaytest.OrderMapping())
	if err != nil {
		b.Fatal(err)
	}
	fillLedger(b, newProbe(b, path), old)
	before := time.UnixMilli(0).AddDate(56, 0, 0)
	n := 0
	order := func() time.Duration {
		n++
		began := time.Now()
		out, err := w.Commit(b.Context(), 0, []*gateway.Entry{gatewaytest.OrderEntry(fmt.Sprintf("PO-%09d", n), 3)})
		if err != nil || out[0].Status != gateway.Stored {
			b.Error(err, out)
		}
		return time.Since(began)
	}
	var quiet []time.Duration
	for range 500 {
		quiet = append(quiet, order())
	}
	slices.Sort(quiet)
	for _, limit := range []int{50, 200, 500, 2000} {
		b.Run(fmt.Sprintf("portion=%d", limit), func(b *testing.B) {
			var held, took, orders []time.Duration
			removed := int64(0)
			for _, of := range []gateway.Stock{gateway.StockInbox, gateway.StockPayloads, gateway.StockLedger} {
				p := gateway.Portion{Of: of, Route: "submit-order", Before: before, Limit: limit}
				for range old / 4 / limit {
					began := time.Now()
					got, err := store.Purge(b.Context(), p)
					if err != nil || !got.More {
						b.Fatal(got, err)
					}
					took, held, p.After = append(took, time.Since(began)), append(held, got.Held), got.Next
					for _, rows := range got.Rows {
						removed += rows
					}
					if len(took)%4 == 0 && len(orders) < 2000 {
						orders = append(orders, order())
					}
				}
			}
			total := time.Duration(0)
			for _, d := range took {
				total += d
			}
			slices.Sort(held)
			slices.Sort(orders)
			milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(old/4)/total.Seconds(), "msg/s")
			b.ReportMetric(float64(removed)/total.Seconds(), "rows/s")
			b.ReportMetric(milliseconds(held[len(held)/2]), "held-p50-ms")
			b.ReportMetric(milliseconds(held[len(held)*99/100]), "held-p99-ms")
			b.ReportMetric(milliseconds(orders[len(orders)/2]), "order-p50-ms")
			b.ReportMetric(milliseconds(quiet[len(quiet)/2]), "quiet-p50-ms")
		})
	}
}

// fillLedger writes the ledger of n messages that are long settled, as their
// commits would have.
func fillLedger(b *testing.B, p *probe, n int) {
	b.Helper()
	numbers := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d), m AS (SELECT i, unhex(printf('%%012x7000%%016x', 1600000000000 + i, i)) AS id FROM n)", n)
	p.Exec(b, "PRAGMA synchronous = OFF")
	for _, s := range []string{
		`INSERT INTO {gateway.message} SELECT id, 0, 'submit-order', 'soap:orders/OrderService.SubmitOrder', 'submit-order@0', zeroblob(32), 'cn=erp,dc=corp', 'partner:erp', 'erp-' || i,
			randomblob(32), 'application/xml', 'PO-' || i, '', 'erp-' || i, 'stored', NULL FROM m`,
		`INSERT INTO {gateway.inbox} SELECT randomblob(32), randomblob(32), id FROM m`,
		`INSERT INTO {gateway.payload} SELECT id, 1, randomblob(600) FROM m`,
		`INSERT INTO {gateway.reply} SELECT id, zeroblob(200) FROM m`,
		`INSERT INTO {gateway.message_key} SELECT 'PO-' || i, id, 'order' FROM m`,
		`INSERT INTO {gateway.message_key} SELECT 'C-' || (i % 10000), id, 'customer' FROM m`,
		`INSERT INTO {gateway.delivery} SELECT id, 0, 'order-events', 0, i, '0123456789abcdef0123456789abcdef', 'order.accepted' FROM m`,
	} {
		p.Exec(b, numbers+" "+s)
	}
}
