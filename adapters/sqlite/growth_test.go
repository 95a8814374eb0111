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

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// BenchmarkGrowth stores GATEHOUSE_BENCH_MESSAGES orders (20,000) in batches of
// 128, none of which is relayed, in turn with batches into a store that is small
// all the time, and reports for the last tenth what a message costs more, in the
// time of the processor and on the clock.
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
			little = append(little, small.batch(b))
			if small.n > 20*benchBatch {
				small = newFiller(b)
			}
		}
		l, s := sum(large), sum(little)
		b.Logf("%d messages: a message takes %v of the processor, %.2f of one into a small store; on the clock %v, %.2f",
			n, per(l.processor, large), ratio(l.processor, s.processor), per(l.clock, large), ratio(l.clock, s.clock))
		b.ReportMetric(ratio(l.processor, s.processor), "cpu/small")
		b.ReportMetric(ratio(l.clock, s.clock), "clock/small")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMillion stores batches of 128 orders in turn into a small store and into
// one whose inbox has a million claims more. They are what grows: a claim is looked
// for by a hash, so that each message writes a page of the inbox of its own, while
// everything else is written where the last of its kind was.
func BenchmarkMillion(b *testing.B) {
	const claims = `INSERT INTO "gateway.inbox" (claim, body, message_id)
		SELECT claim, claim, CAST(printf('%016d', row_number() OVER (ORDER BY claim)) AS BLOB) FROM
		(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT randomblob(32) AS claim FROM n) ORDER BY claim`
	small, large := newFiller(b), newFiller(b)
	large.probe.Exec(b, claims)
	for range 20 {
		small.batch(b)
		large.batch(b)
	}
	var little, much []spent
	for b.Loop() {
		little, much = append(little, small.batch(b)), append(much, large.batch(b))
	}
	s, l := sum(little), sum(much)
	b.ReportMetric(ratio(l.processor, s.processor), "cpu/small")
	b.ReportMetric(ratio(l.clock, s.clock), "clock/small")
	b.ReportMetric(per(l.processor, much).Seconds()*1e6, "cpu-µs/msg")
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
			alone.store(b, 1)
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
	f := &filler{writer: w, probe: probe}
	f.batch(b) // statements are prepared by the first
	return f
}

// batch stores the next orders in one transaction.
func (f *filler) batch(b *testing.B) spent {
	b.Helper()
	return f.store(b, benchBatch)
}

func (f *filler) store(b *testing.B, n int) spent {
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
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func sum(all []spent) (s spent) {
	for _, one := range all {
		s.clock += one.clock
		s.processor += one.processor
	}
	return s
}

func per(d time.Duration, batches []spent) time.Duration {
	return (d / time.Duration(len(batches)*benchBatch)).Round(time.Microsecond / 10)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }
