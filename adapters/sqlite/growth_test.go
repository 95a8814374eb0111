//go:build unix

package sqlite_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// BenchmarkGrowth stores GATEHOUSE_BENCH_MESSAGES orders (20,000) in batches of
// 128, none of which is relayed, with one batch in four into a store that is small
// all the time, and reports for the last tenth what a message costs more, in the
// time of the processor and on the clock; and how much memory both have taken at most
// (on Linux, which counts it in KiB).
func BenchmarkGrowth(b *testing.B) {
	total := 20_000
	if text := os.Getenv("GATEHOUSE_BENCH_MESSAGES"); text != "" {
		var err error
		if total, err = strconv.Atoi(text); err != nil {
			b.Fatal("GATEHOUSE_BENCH_MESSAGES:", err)
		}
	}
	growing, small := newFiller(b), newFiller(b)
	for n := 0; n < total; {
		var large, little []spent
		for end := min(n+total/10, total); n < end; n += benchBatch {
			large = append(large, growing.batch(b))
			if len(large)%4 != 1 {
				continue
			}
			little = append(little, small.batch(b))
			if small.n > 20*benchBatch {
				small.close(b)
				small = newFiller(b)
			}
		}
		l, s := mean(large), mean(little)
		memory := float64(usage(b).Maxrss) / 1024
		b.Logf("%d messages: a message takes %v of the processor, %.2f of one into a small store; on the clock %v, %.2f; at most %.0f MiB",
			n, l.processor, ratio(l.processor, s.processor), l.clock, ratio(l.clock, s.clock), memory)
		b.ReportMetric(memory, "peak-MiB")
		b.ReportMetric(ratio(l.processor, s.processor), "cpu/small")
		b.ReportMetric(ratio(l.clock, s.clock), "clock/small")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMillion stores batches of 128 orders in turn into a small store and into
// one whose inbox has a million claims more. They are what grows: a claim is a hash,
// with a place of its own in its index, while everything else is written where the
// last of its kind was.
func BenchmarkMillion(b *testing.B) {
	const claims = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		INSERT INTO {gateway.inbox} (claim, body, message_id) SELECT randomblob(32), randomblob(32), CAST(printf('%016d', i) AS BLOB) FROM n`
	small, large := newFiller(b), newFiller(b)
	large.probe.Exec(b, claims)
	for upto := range 32 { // as the writer enters them, so that the index's pages are as full
		large.probe.Exec(b, fmt.Sprintf(`INSERT OR IGNORE INTO {gateway.claimed} (prefix, id) SELECT substr(claim, 1, 8), id FROM {gateway.inbox}
			WHERE id > %d AND id <= %d ORDER BY 1`, upto<<15, (upto+1)<<15))
	}
	large.probe.Exec(b, `UPDATE {gateway.entered} SET upto = (SELECT max(id) FROM {gateway.inbox})`)
	for range 20 {
		small.batch(b)
		large.batch(b)
	}
	var little, much []spent
	for b.Loop() {
		little, much = append(little, small.batch(b)), append(much, large.batch(b))
	}
	s, l := mean(little), mean(much)
	b.ReportMetric(ratio(l.processor, s.processor), "cpu/small")
	b.ReportMetric(ratio(l.clock, s.clock), "clock/small")
	b.ReportMetric(l.processor.Seconds()*1e6, "cpu-µs/msg")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGroup stores orders in batches of 128 and one by one, with
// GATEHOUSE_BENCH_FSYNC (1ms) more for each commit: what a slower disk would take.
func BenchmarkGroup(b *testing.B) {
	pause, err := time.ParseDuration(cmp.Or(os.Getenv("GATEHOUSE_BENCH_FSYNC"), "1ms"))
	if err != nil {
		b.Fatal("GATEHOUSE_BENCH_FSYNC:", err)
	}
	together, alone := newFiller(b), newFiller(b)
	var many, one []time.Duration
	for b.Loop() {
		begun := time.Now()
		together.batch(b)
		time.Sleep(pause)
		many = append(many, time.Since(begun))
		begun = time.Now()
		for range benchBatch {
			alone.take(b, 1)
			time.Sleep(pause)
		}
		one = append(one, time.Since(begun))
	}
	b.ReportMetric(ratio(median(one), median(many)), "alone/group")
	b.ReportMetric(benchBatch/median(many).Seconds(), "msg/s-group")
	b.ReportMetric(benchBatch/median(one).Seconds(), "msg/s-alone")
}

const benchBatch = 128

// filler stores orders that are all different.
type filler struct {
	store  gateway.Store
	writer gateway.Writer
	probe  gatewaytest.Probe
	n      int
}

func newFiller(b *testing.B) *filler {
	b.Helper()
	store, probe := openStore(b)
	w, err := store.Writer(b.Context(), gatewaytest.OrderMapping())
	if err != nil {
		b.Fatal(err)
	}
	f := &filler{store: store, writer: w, probe: probe}
	f.batch(b) // statements are prepared by the first
	return f
}

// close gives back what the store takes of the memory.
func (f *filler) close(b *testing.B) {
	b.Helper()
	if err := f.store.(*sqlite.Store).Close(); err != nil {
		b.Fatal(err)
	}
}

// batch stores the next orders in one transaction.
func (f *filler) batch(b *testing.B) spent {
	b.Helper()
	return f.take(b, benchBatch)
}

func (f *filler) take(b *testing.B, n int) spent {
	b.Helper()
	batch := make([]*gateway.Entry, n)
	for i := range batch {
		f.n++
		batch[i] = gatewaytest.OrderEntry(fmt.Sprintf("PO-%09d", f.n), 3)
	}
	begun, used := time.Now(), processor(b)
	outcomes, err := f.writer.Commit(b.Context(), 0, batch)
	took := spent{time.Since(begun), processor(b) - used}
	if err != nil || outcomes[n-1].Status != gateway.Stored {
		b.Fatal(err, outcomes)
	}
	return took
}

// spent is what a batch took: on the clock, and of the processor's time.
type spent struct{ clock, processor time.Duration }

// processor is what the process has used up to now.
func processor(b *testing.B) time.Duration {
	b.Helper()
	u := usage(b)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func usage(b *testing.B) (u syscall.Rusage) {
	b.Helper()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}

// mean is what a message of the batches took.
func mean(batches []spent) (m spent) {
	for _, one := range batches {
		m.clock += one.clock
		m.processor += one.processor
	}
	per := func(d time.Duration) time.Duration {
		return (d / time.Duration(len(batches)*benchBatch)).Round(time.Microsecond / 10)
	}
	return spent{per(m.clock), per(m.processor)}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }
