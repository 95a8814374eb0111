package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// memoryOutbox is an Outbox of one shard.
type memoryOutbox struct {
	mu        sync.Mutex
	rows      []Delivery
	parked    []string
	responses []Response
	owner     string
	fence     int64
	until     time.Time
	confirms  int
	releases  int64
	last      int64           // number given
	blocked   map[string]bool // keys, by what is parked
	pages     int             // read
	down      error
}

func (o *memoryOutbox) put(key string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range n {
		o.last++
		seq := o.last
		o.rows = append(o.rows, Delivery{Channel: "events", Seq: seq, WireID: fmt.Sprint(seq), OrderingKey: key})
	}
}

func (o *memoryOutbox) Shards() int { return 1 }

func (o *memoryOutbox) Acquire(_ context.Context, channel string, shard int, owner string, ttl time.Duration) (Lease, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down != nil {
		return Lease{}, false, o.down
	}
	if o.owner != owner && time.Now().Before(o.until) {
		return Lease{}, false, nil
	}
	if o.owner != owner {
		o.owner = owner
		o.fence++
	}
	o.until = time.Now().Add(ttl)
	return Lease{channel, shard, owner, o.fence}, true, nil
}

func (o *memoryOutbox) Pending(_ context.Context, _ string, _ int, after int64, limit int) (Page, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []Delivery
	for _, d := range o.rows {
		if d.Seq > after && len(out) < limit && !o.blocked[d.OrderingKey] {
			out = append(out, d)
		}
	}
	o.pages++
	return Page{out, o.releases, len(o.blocked) > 0}, o.down
}

func (o *memoryOutbox) Confirm(_ context.Context, l Lease, seqs []int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.down != nil:
		return o.down
	case l.Fence != o.fence:
		return ErrLeaseLost
	}
	o.confirms++
	o.rows = slices.DeleteFunc(o.rows, func(d Delivery) bool { return slices.Contains(seqs, d.Seq) })
	return nil
}

func (o *memoryOutbox) Park(_ context.Context, _ Lease, seq int64, _, _ string, _ int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.rows, func(d Delivery) bool { return d.Seq == seq })
	key := o.rows[i].OrderingKey
	if o.blocked == nil {
		o.blocked = map[string]bool{}
	}
	o.blocked[key] = true
	o.rows = slices.DeleteFunc(o.rows, func(d Delivery) bool {
		if d.OrderingKey == key {
			o.parked = append(o.parked, d.WireID)
		}
		return d.OrderingKey == key
	})
	return nil
}

func (o *memoryOutbox) Skip(_ context.Context, _ Lease, seq int64, _, _ string, _ int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows = slices.DeleteFunc(o.rows, func(d Delivery) bool {
		if d.Seq == seq {
			o.parked = append(o.parked, d.WireID)
		}
		return d.Seq == seq
	})
	return nil
}

func (o *memoryOutbox) Responded(_ context.Context, l Lease, responses []Response) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.down != nil:
		return o.down
	case l.Fence != o.fence:
		return ErrLeaseLost
	}
	o.responses = append(o.responses, responses...)
	return nil
}

func (o *memoryOutbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.rows)
}

// recorder is a Publisher that remembers what it took; refuse decides each.
type recorder struct {
	mu     sync.Mutex
	took   []Delivery
	refuse func(d Delivery) error
}

func (p *recorder) Publish(_ context.Context, deliveries []Delivery) []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]error, len(deliveries))
	for i, d := range deliveries {
		if p.refuse != nil {
			out[i] = p.refuse(d)
		}
		if out[i] == nil {
			p.took = append(p.took, d)
		}
	}
	return out
}

// wires lists what was taken, sorted by sequence, and fails on a key out of order.
func (p *recorder) wires(t *testing.T) []string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	last := map[string]int64{}
	for _, d := range p.took {
		if d.Seq <= last[d.OrderingKey] {
			t.Errorf("key %s: %d came after %d", d.OrderingKey, d.Seq, last[d.OrderingKey])
		}
		last[d.OrderingKey] = d.Seq
	}
	sorted := slices.SortedFunc(slices.Values(p.took), func(a, b Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	var out []string
	for _, d := range sorted {
		out = append(out, d.WireID)
	}
	return out
}

// streaming is a Streamer of a recorder: it has many deliveries out, and takes the
// oldest when next has no more.
type streaming struct{ *recorder }

func (p streaming) Stream(ctx context.Context, next func() *Delivery, settled func(*Delivery, error)) {
	var out []*Delivery
	for {
		if d := next(); d != nil {
			out = append(out, d)
			continue
		}
		if len(out) == 0 {
			return
		}
		oldest := out[0]
		out = out[1:]
		settled(oldest, p.Publish(ctx, []Delivery{*oldest})[0])
	}
}

// way makes the publisher that a recorder is taken for.
type way func(p *recorder) Publisher

// eachWay runs a test with a publisher of windows and with one that streams.
func eachWay(t *testing.T, test func(t *testing.T, as way)) {
	t.Run("window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, func(p *recorder) Publisher { return p }) })
	})
	t.Run("stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, func(p *recorder) Publisher { return streaming{p} }) })
	})
}

func startRelay(t *testing.T, o Outbox, p Publisher) *relay {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	r := newRelay(Config{Relay: RelayConfig{Window: 4}}.withDefaults(), o, []Channel{{Name: "events", Publisher: p}}, time.Now, log)
	go r.run(t.Context())
	return r
}

func TestRelayCarriesEverythingOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		r := startRelay(t, o, as(p))
		o.put("A", 3)
		o.put("B", 5)
		r.wake([]string{"events"})
		synctest.Wait()
		if got := p.wires(t); len(got) != 8 || o.left() != 0 {
			t.Errorf("took %v, %d left", got, o.left())
		}
		o.put("C", 1) // nobody wakes the relay: the poll finds it
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := len(p.wires(t)); got != 9 {
			t.Errorf("took %d, want 9", got)
		}
		r.drain()
	})
}

func TestRelayChannelDownDelaysOnly(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		up := false
		p.refuse = func(Delivery) error {
			if up {
				return nil
			}
			return fault.New(fault.CodeChannelUnavailable, "")
		}
		r := startRelay(t, o, as(p))
		o.put("A", 2)
		o.put("B", 2)
		r.wake([]string{"events"})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if o.left() != 4 || len(o.parked) != 0 {
			t.Fatalf("%d left, %v parked: an outage must not cost anything", o.left(), o.parked)
		}
		p.mu.Lock()
		up = true
		p.mu.Unlock()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if got := p.wires(t); len(got) != 4 || o.left() != 0 {
			t.Errorf("took %v, %d left", got, o.left())
		}
		r.drain()
	})
}

func TestRelayParksOnlyTheKey(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		tries := map[string]int{}
		p.refuse = func(d Delivery) error {
			tries[d.WireID]++
			if d.WireID == "1" {
				return fault.New(fault.CodeUnroutable, "")
			}
			return nil
		}
		r := startRelay(t, o, as(p))
		o.put("bad", 60) // more than several windows of successors
		o.put("good", 3)
		r.wake([]string{"events"})
		synctest.Wait()
		if got := p.wires(t); !slices.Equal(got, []string{"61", "62", "63"}) {
			t.Errorf("took %v: the other key must not wait", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(o.parked) != 60 || o.left() != 0 {
			t.Errorf("%d parked, %d left; want the key's 60 and none", len(o.parked), o.left())
		}
		if tries["1"] != 5 || tries["2"] != 0 {
			t.Errorf("tries: first %d, want 5; second %d, want 0", tries["1"], tries["2"])
		}
		r.drain()
	})
}

// The store goes away between publishing and recording: what the channel took
// is recorded later and not published again, as long as nobody else has taken the
// shard meanwhile.
func TestRelayRecordsLater(t *testing.T) {
	for name, outage := range map[string]time.Duration{"shortly": 3 * time.Second, "past a renewal": 8 * time.Second, "past the lease": time.Minute} {
		t.Run(name, func(t *testing.T) { recordsLater(t, outage) })
	}
}

func recordsLater(t *testing.T, outage time.Duration) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		first := true
		p.refuse = func(Delivery) error {
			if first {
				o.mu.Lock()
				o.down = fault.New(fault.CodeStoreUnavailable, "")
				o.mu.Unlock()
				first = false
			}
			return nil
		}
		r := startRelay(t, o, as(p))
		o.put("A", 2)
		r.wake([]string{"events"})
		time.Sleep(outage)
		o.mu.Lock()
		o.down = nil
		o.mu.Unlock()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if got := p.wires(t); !slices.Equal(got, []string{"1", "2"}) || o.left() != 0 {
			t.Errorf("took %v, %d left; want each once", got, o.left())
		}
		r.drain()
	})
}

func TestRelayLeaseHandsOver(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o := &memoryOutbox{owner: "another process", fence: 7, until: time.Now().Add(40 * time.Second)}
		p := &recorder{}
		r := startRelay(t, o, as(p))
		o.put("A", 1)
		r.wake([]string{"events"})
		time.Sleep(39 * time.Second)
		if got := p.wires(t); len(got) != 0 {
			t.Fatalf("took %v while another owner holds the lease", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := p.wires(t); len(got) != 1 || o.fence != 8 {
			t.Errorf("took %v, fence %d; want one, 8", got, o.fence)
		}
		r.drain()
	})
}

func TestRelayDrainFinishesWhatWaits(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		r := startRelay(t, o, as(p))
		synctest.Wait()
		o.put("A", 10) // not woken: drain itself must look once more
		r.drain()
		if got := p.wires(t); len(got) != 10 {
			t.Errorf("took %d, want 10", len(got))
		}
		if _, free, _ := o.Acquire(t.Context(), "events", 0, "the next process", time.Second); !free {
			t.Error("the lease was not given back")
		}
	})
}

// However much waits: a process that is told to stop leaves it to the next one, with
// nothing that was published and not recorded.
func TestRelayDrainEndsInTime(t *testing.T) {
	eachWay(t, func(t *testing.T, as way) {
		o, p := &memoryOutbox{}, &recorder{}
		p.refuse = func(Delivery) error { time.Sleep(100 * time.Millisecond); return nil }
		o.put("A", 1000)
		r := startRelay(t, o, as(p))
		time.Sleep(time.Second)
		told := time.Now()
		r.drain()
		if took := time.Since(told); took < time.Second || took > drainTime+time.Second {
			t.Errorf("the end took %v", took)
		}
		if got := p.wires(t); len(got)+o.left() != 1000 {
			t.Errorf("took %d, and %d wait", len(got), o.left())
		}
		if _, free, _ := o.Acquire(t.Context(), "events", 0, "the next process", time.Second); !free {
			t.Error("the lease was not given back")
		}
	})
}

func TestBackoff(t *testing.T) {
	for failures := range 200 {
		d := backoff(200*time.Millisecond, 30*time.Second, failures)
		if d < 100*time.Millisecond || d > 30*time.Second {
			t.Errorf("backoff after %d failures: %v", failures, d)
		}
	}
}

// TestRelaySpans has a span for each publication of a message that is traced,
// below the message's own.
func TestRelaySpans(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter))
	o := &memoryOutbox{}
	o.put("a", 2)
	o.rows[0].TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	config := Config{Relay: RelayConfig{Window: 4}, Tracer: provider.Tracer("test")}.withDefaults()
	r := newRelay(config, o, []Channel{{Name: "events", Publisher: &recorder{}}}, time.Now, slog.New(slog.DiscardHandler))
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		r.run(t.Context())
	}()
	for deadline := time.Now().Add(10 * time.Second); o.left() > 0 && time.Now().Before(deadline); {
		r.reread()
	}
	r.drain()
	<-ran
	spans := exporter.GetSpans()
	if len(spans) != 1 || spans[0].Name != "publish events" || spans[0].Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("spans: %+v", spans)
	}
}

// TestReleasedDeliveriesComeFirst puts deliveries back in line before what the
// carrier knows: they are published before later ones of their key.
func TestReleasedDeliveriesComeFirst(t *testing.T) {
	o := &memoryOutbox{}
	o.put("b", 3)
	o.rows, o.blocked = o.rows[1:], map[string]bool{"a": true} // the first one is parked
	p := &recorder{refuse: func(d Delivery) error {
		if d.OrderingKey == "b" {
			return fault.New(fault.CodeUnroutable, "") // keeps the backlog from running empty
		}
		return nil
	}}
	c := newRelay(Config{Relay: RelayConfig{Window: 2}}.withDefaults(), o, []Channel{{Name: "events", Publisher: p}}, time.Now, slog.New(slog.DiscardHandler)).carriers["events"][0]
	if _, err := c.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := c.line.last
	if known != 3 {
		t.Fatalf("the backlog ends with %d", known)
	}
	// Now it comes back, of key a, which has another one behind the backlog.
	o.mu.Lock()
	o.rows = append([]Delivery{{Channel: "events", Seq: 1, WireID: "1", OrderingKey: "a"}}, o.rows...)
	o.rows = append(o.rows, Delivery{Channel: "events", Seq: 4, WireID: "4", OrderingKey: "a"})
	o.releases++
	o.blocked = nil
	o.mu.Unlock()
	c.channel.Store(&Channel{Name: "events", Publisher: p, Policy: Policy{Window: 10}.withDefaults(c.config)})
	p.refuse = nil
	for deadline := time.Now().Add(10 * time.Second); o.left() > 0 && time.Now().Before(deadline); {
		if _, err := c.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.wires(t); len(got) != 4 {
		t.Errorf("took %v", got)
	}
}
