package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// BenchmarkRelayBacklog has b.N deliveries wait at once, which one gateway carries
// away in forty portions. After every second portion another gateway, for whom
// nothing else waits, carries as many. What a delivery costs of the processor among all
// that still wait, as a multiple of what it costs among few, is told by tenth, and so
// is the memory that the process has taken at most meanwhile (on Linux, which tells).
// What has arrived is removed from the broker after each portion. It tells, too, how
// long it took to park a key of which a hundred wait. The embedded broker is part of
// this process, RabbitMQ (GATEHOUSE_TEST_AMQP) is not.
func BenchmarkRelayBacklog(b *testing.B) {
	for _, where := range []string{"embedded", "rabbitmq"} {
		b.Run(where, func(b *testing.B) {
			drainBacklog(b, newRelayBench(b, where), newRelayBench(b, where))
		})
	}
}

// A backlog is carried away in so many portions.
const portions = 40

func drainBacklog(b *testing.B, large, small *relayBench) {
	portion := benchShards * max(parkedKey, b.N/portions/benchShards) // the first run is of one
	began := time.Now()
	large.fill(b, portion*portions, 0)
	b.Logf("%d deliveries wait, after %v", portion*portions, time.Since(began).Round(time.Second))
	parking := large.park(b)
	many, few := newDrain(large), newDrain(small)
	eager := gateway.RelayConfig{Poll: 50 * time.Millisecond} // so that all shards begin a portion together
	defer many.relay(b, many, eager)()
	defer few.relay(b, few, eager)()
	small.fill(b, portion, 0)
	few.carry(b, portion) // statements are prepared by the first

	var tenths []tenth
	for t := range 10 {
		now := tenth{waiting: portion * portions * (10 - t) / 10}
		resetPeak(b)
		for i := range portions / 10 {
			now.many.add(many.carry(b, portion))
			if i%2 == 1 {
				small.fill(b, portion, 0)
				now.few.add(few.carry(b, portion))
			}
		}
		now.peak = timesOf(os.Getpid()).peak / (1 << 20)
		b.Logf("%d wait: %.1f µs of the processor each, %.2f of what it takes among few; %.0f a second; at most %.0f MiB",
			now.waiting, now.many.each(), now.many.each()/now.few.each(), float64(now.many.n)/now.many.took.Seconds(), now.peak)
		tenths = append(tenths, now)
	}
	reportDrain(b, tenths)
	b.ReportMetric(parking.Seconds()*1000, "park-ms")
}

// tenth is what a tenth of a backlog took.
type tenth struct {
	waiting   int // at its beginning
	many, few spell
	peak      float64 // memory, MiB
}

// spell is what it took to carry n deliveries.
type spell struct {
	n int
	measure
}

func (s *spell) add(more spell) {
	s.n += more.n
	s.took += more.took
	s.cpu += more.cpu
}

// each is the processor's time for one delivery, in microseconds.
func (s *spell) each() float64 { return s.cpu / float64(max(1, s.n)) * 1e6 }

func reportDrain(b *testing.B, tenths []tenth) {
	var many, few spell
	for _, t := range tenths {
		many.add(t.many)
		few.add(t.few)
	}
	first, last := &tenths[0], &tenths[len(tenths)-1]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(many.n)/many.took.Seconds(), "relay/s")
	b.ReportMetric(many.each(), "cpu-µs")
	b.ReportMetric(many.each()/few.each(), "cpu/small")
	b.ReportMetric(first.many.each()/first.few.each(), "cpu/small-first")
	b.ReportMetric(first.peak, "peak-MiB-first")
	b.ReportMetric(last.peak, "peak-MiB-last")
}

// resetPeak has what timesOf tells as peak begin anew (proc(5), clear_refs).
func resetPeak(b *testing.B) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil && onLinux {
		b.Fatal(err)
	}
}

// drain is an outbox of which no more is read than a limit allows. It counts what is
// recorded as taken.
type drain struct {
	*relayBench
	gateway.Store
	limit     [benchShards]atomic.Int64 // the last number that may be read
	paused    atomic.Bool               // it is another's turn: to look would cost him
	confirmed atomic.Int64

	mu    sync.Mutex
	begun func() measure // nil: nothing was read of the portion
	goal  int64
	spent measure
	done  chan struct{}
}

func newDrain(r *relayBench) *drain {
	d := &drain{relayBench: r, Store: r.store}
	d.paused.Store(true)
	return d
}

func (d *drain) Pending(ctx context.Context, channel string, shard int, after int64, limit int) (gateway.Page, error) {
	if d.paused.Load() {
		return gateway.Page{}, nil
	}
	page, err := d.Store.Pending(ctx, channel, shard, after, limit)
	upto, n := d.limit[shard].Load(), 0
	for n < len(page.Deliveries) && page.Deliveries[n].Seq <= upto {
		n++
	}
	page.Deliveries = page.Deliveries[:n]
	if n > 0 {
		d.begin()
	}
	return page, err
}

// begin begins to measure, with the first page of a portion.
func (d *drain) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun == nil {
		d.begun = measuring()
	}
}

func (d *drain) Confirm(ctx context.Context, l gateway.Lease, seqs []int64) error {
	err := d.Store.Confirm(ctx, l, seqs)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.confirmed.Add(int64(len(seqs))) == d.goal {
		d.spent = d.begun()
		close(d.done)
	}
	return nil
}

// carry lets n more deliveries go, and returns when they are recorded.
func (d *drain) carry(b *testing.B, n int) spell {
	d.mu.Lock()
	d.begun, d.done = nil, make(chan struct{})
	d.goal = d.confirmed.Load() + int64(n)
	d.mu.Unlock()
	for shard := range d.limit {
		d.limit[shard].Add(int64(n / benchShards))
	}
	d.paused.Store(false)
	select {
	case <-d.done:
		d.paused.Store(true)
	case <-time.After(10 * time.Minute):
		b.Fatalf("%d more were not carried", n)
	}
	d.arrived(b, n)
	return spell{n, d.spent}
}

// parkedKey is how many deliveries of the key wait that is parked.
const parkedKey = 100

// park gives a hundred deliveries in the middle of a shard one key, parks the first
// of them, and puts them back.
func (r *relayBench) park(b *testing.B) time.Duration {
	middle := r.next[0] / 2
	_, err := r.raw.ExecContext(b.Context(), `UPDATE "gateway.outbox" SET ordering_key = 'parked' WHERE channel = ?1 AND shard = 0 AND seq >= ?2 AND seq < ?3`,
		benchChannel, middle, middle+parkedKey)
	if err != nil {
		b.Fatal(err)
	}
	l, ok, err := r.store.Acquire(b.Context(), benchChannel, 0, "bench", time.Minute)
	if err != nil || !ok {
		b.Fatal(cmp.Or(err, fmt.Errorf("the lease is another's")))
	}
	began := time.Now()
	err = r.store.Park(b.Context(), l, middle, "GH-6002", "no queue", 5)
	took := time.Since(began)
	if err == nil {
		_, _, err = r.store.Acquire(b.Context(), benchChannel, 0, "bench", 0)
	}
	if err == nil {
		err = r.unpark(b)
	}
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// unpark puts back what is parked, as it was.
func (r *relayBench) unpark(b *testing.B) error {
	const columns = `channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body`
	res, err := r.raw.ExecContext(b.Context(), `INSERT INTO "gateway.outbox" (`+columns+`) SELECT `+columns+` FROM "gateway.parked"`)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != parkedKey {
		return cmp.Or(err, fmt.Errorf("%d were parked", n))
	}
	_, err = r.raw.ExecContext(b.Context(), `DELETE FROM "gateway.parked"`)
	return err
}
