//go:build unix

package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// BenchmarkCommit stores batches of orders with three lines each: ten rows in
// four tables, the ledger and one delivery a message.
func BenchmarkCommit(b *testing.B) { benchCommit(b, gatewaytest.OrderMapping()) }

// BenchmarkCommitLive is BenchmarkCommit of orders and customers that live views show.
func BenchmarkCommitLive(b *testing.B) {
	tables := gatewaytest.LiveTables()
	benchCommit(b, gatewaytest.OrderMapping().Living([]mapping.LiveTable{tables[0], tables[2]}))
}

func benchCommit(b *testing.B, m *mapping.Mapping) {
	for _, size := range []int{1, 32, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			store, _ := openStore(b)
			w, err := store.Writer(b.Context(), m)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n, used := 0, time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				batch := make([]*gateway.Entry, size)
				for i := range batch {
					n++
					batch[i] = gatewaytest.OrderEntry(fmt.Sprintf("PO-%09d", n), 3)
				}
				b.StartTimer()
				before := processor(b)
				outcomes, err := w.Commit(b.Context(), 0, batch)
				used += processor(b) - before
				if err != nil || outcomes[size-1].Status != gateway.Stored {
					b.Fatal(err, outcomes)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(n), "µs/msg")
			b.ReportMetric(used.Seconds()*1e6/float64(n), "cpu-µs/msg")
		})
	}
}
