//go:build unix

package sqlite

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/mappings"
)

// BenchmarkLedger stores batches of 128 orders, one with the ledger and one without
// in turn, and reports the median of what the first takes of the processor for each
// of the second. Without means: no rows of message, payload and message_key; claims,
// replies, deliveries and the outbox are there, and payloads are packed all the same
// before the batch, as in the gateway.
func BenchmarkLedger(b *testing.B) {
	with, without := benchStore(b), benchStore(b)
	tables := []*bulk{messages, payloads, keys}
	defer func() { messages, payloads, keys = tables[0], tables[1], tables[2] }()
	nothing := &bulk{params: math.MaxInt32} // more than there are ever
	var ratios []float64
	for n := 0; b.Loop(); n++ {
		on := storeBatch(b, with, n)
		messages, payloads, keys = nothing, nothing, nothing
		off := storeBatch(b, without, n)
		messages, payloads, keys = tables[0], tables[1], tables[2]
		ratios = append(ratios, float64(on)/float64(off))
	}
	b.ReportMetric(slices.Sorted(slices.Values(ratios))[len(ratios)/2], "on/off")
}

// BenchmarkAudit stores batches of 128 orders, and of 16, one with the audit trail
// and one without in turn, and reports the median of what the first takes of the
// processor for each of the second.
func BenchmarkAudit(b *testing.B) {
	for _, size := range []int{16, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			with, without := benchStore(b), benchStore(b)
			batches := 512 / size // on each side of a pair: a single one tells little
			defer func() { chained = chain }()
			var ratios []float64
			for n := 0; b.Loop(); n++ {
				var took [2]time.Duration
				for turn := range 2 * batches { // each is the first one as often
					on := (turn+n)%2 == 0
					if on {
						chained = chain
						took[0] += storeSome(b, with, n*batches+turn/2, size)
					} else {
						chained = func(*session, []*sqlstore.Item) error { return nil }
						took[1] += storeSome(b, without, n*batches+turn/2, size)
					}
				}
				ratios = append(ratios, float64(took[0])/float64(took[1]))
			}
			b.ReportMetric(slices.Sorted(slices.Values(ratios))[len(ratios)/2], "on/off")
		})
	}
}

func benchStore(b *testing.B) gateway.Writer {
	b.Helper()
	business, err := fs.Sub(mappings.FS, "migrations/sqlite")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(b.Context(), Config{Path: config.Path(filepath.Join(b.TempDir(), "gatehouse.db"))}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if _, err := s.Up(b.Context(), business); err != nil {
		b.Fatal(err)
	}
	w, err := s.Writer(b.Context(), gatewaytest.OrderMapping())
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func storeBatch(b *testing.B, w gateway.Writer, n int) time.Duration {
	b.Helper()
	return storeSome(b, w, n, 128)
}

func storeSome(b *testing.B, w gateway.Writer, n, size int) time.Duration {
	b.Helper()
	batch := make([]*gateway.Entry, size)
	for i := range batch {
		batch[i] = gatewaytest.OrderEntry(fmt.Sprintf("PO-%05d-%03d", n, i), 3)
		w.(gateway.Preparer).Prepare(batch[i])
	}
	var begun, ended syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &begun)
	if err != nil {
		b.Fatal(err)
	}
	outcomes, err := w.Commit(b.Context(), 0, batch)
	if err != nil || outcomes[size-1].Status != gateway.Stored {
		b.Fatal(err, outcomes)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ended); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ended.Utime.Nano() + ended.Stime.Nano() - begun.Utime.Nano() - begun.Stime.Nano())
}
