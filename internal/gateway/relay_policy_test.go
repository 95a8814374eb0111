package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// partner is a Correspondent: reply decides what each delivery is answered with.
type partner struct {
	recorder
	slow atomic.Int64 // how long an answer takes
	cut  atomic.Int32 // calls that were ended
}

func (p *partner) Correspond(ctx context.Context, deliveries []Delivery) ([]error, []*Response) {
	if slow := time.Duration(p.slow.Load()); slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			p.cut.Add(1)
			return slices.Repeat([]error{fault.New(fault.CodeChannelUnavailable, "").Because(ctx.Err())}, len(deliveries)), make([]*Response, len(deliveries))
		}
	}
	results := p.Publish(ctx, deliveries)
	responses := make([]*Response, len(deliveries))
	for i := range responses {
		responses[i] = &Response{At: time.Now(), Status: 200, Body: []byte(deliveries[i].WireID)}
	}
	return results, responses
}

func relayWith(t *testing.T, o Outbox, p Publisher, policy Policy, log *slog.Logger) *relay {
	if log == nil {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	r := newRelay(Config{}.withDefaults(), o, []Channel{{Name: "events", Publisher: p, Policy: policy}}, time.Now, log)
	go r.run(t.Context())
	return r
}

// A channel's circuit opens after so many failures in a row; then one delivery
// at a time is tried, and there is one line of the log for either edge.
func TestRelayCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		up, calls := false, 0 // guarded by p.mu
		p.refuse = func(Delivery) error {
			calls++
			if up {
				return nil
			}
			return fault.New(fault.CodeChannelUnavailable, "refused connection")
		}
		o.put("A", 3)
		o.put("B", 3)
		o.put("C", 3)
		var out bytes.Buffer
		r := relayWith(t, o, p, Policy{Circuit: 6, First: time.Second, Longest: 10 * time.Second}, slog.New(slog.NewTextHandler(&out, nil)))
		made := func() int {
			p.mu.Lock()
			defer p.mu.Unlock()
			return calls
		}
		synctest.Wait()
		if made() != 6 {
			t.Errorf("%d attempts before the circuit opened, want two windows of three", made())
		}
		if s := r.states(); len(s) != 1 || s[0].Up || s[0].Reason != "refused connection" || s[0].Since.IsZero() {
			t.Errorf("states: %+v", s)
		}
		time.Sleep(10 * time.Minute)
		if n := made() - 6; n < 55 || n > 140 { // every 5 to 10 s and a poll, at first sooner
			t.Errorf("%d attempts in ten minutes of an open circuit", n)
		}
		p.mu.Lock()
		up = true
		p.mu.Unlock()
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if got := p.wires(t); len(got) != 9 || o.left() != 0 || len(o.parked) != 0 {
			t.Errorf("took %v, %d left, parked %v", got, o.left(), o.parked)
		}
		if s := r.states(); !s[0].Up {
			t.Errorf("states: %+v", s)
		}
		r.drain()
		if text := out.String(); strings.Count(text, "channel unavailable") != 1 || strings.Count(text, "channel available again") != 1 || strings.Count(text, "\n") != 2 {
			t.Errorf("the log:\n%s", text)
		}
	})
}

// One delivery that always fails opens the circuit when it is alone, and does
// not keep it open for the others; its key waits, and it is parked for its age
// only while the channel takes others.
func TestRelayPoisonHoldsItsKeyOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		p.refuse = func(d Delivery) error {
			if d.WireID == "1" {
				return fault.New(fault.CodeNotTaken, "HTTP 500")
			}
			return nil
		}
		o.put("bad", 3)
		r := relayWith(t, o, p, Policy{Circuit: 3, First: time.Second, Longest: 10 * time.Second, For: time.Hour}, nil)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(o.parked) != 0 || r.states()[0].Up {
			t.Fatalf("parked %v, state %+v: with an open circuit nothing is parked", o.parked, r.states())
		}
		o.put("good", 5)
		r.wake([]string{"events"})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := p.wires(t); len(got) != 5 {
			t.Errorf("took %v, want the five of the other key", got)
		}
		if len(o.parked) != 3 || o.left() != 0 {
			t.Errorf("parked %v, %d left; want the three of the key", o.parked, o.left())
		}
		if n := len(o.responses); n < 100 || o.responses[0].Seq != 1 || o.responses[0].Code != "GH-6004" || o.responses[0].Reason != "HTTP 500" {
			t.Errorf("%d answers recorded, the first %+v", n, o.responses[:1])
		}
		r.drain()
	})
}

func TestRelaySkipsTheParkedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		p.refuse = func(d Delivery) error {
			if d.WireID == "2" {
				return fault.New(fault.CodeNotPublishable, "HTTP 400")
			}
			return nil
		}
		o.put("A", 4)
		r := relayWith(t, o, p, Policy{Attempts: 1, Skip: true}, nil)
		synctest.Wait()
		if got := p.wires(t); !slices.Equal(got, []string{"1", "3", "4"}) || !slices.Equal(o.parked, []string{"2"}) {
			t.Errorf("took %v, parked %v", got, o.parked)
		}
		r.drain()
	})
}

// The quota is kept, and nothing is lost by it; after a rest a second's worth may
// go at once.
func TestRelayQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		began := time.Now()
		for i := range 100 {
			o.put(string(rune('A'+i%20)), 1)
		}
		r := relayWith(t, o, p, Policy{Rate: 20}, nil)
		time.Sleep(2 * time.Second)
		if n := len(p.wires(t)); n < 50 || n > 61 {
			t.Errorf("%d after two seconds, want about 20 at once and 20 for each second", n)
		}
		for o.left() > 0 && time.Since(began) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took < 3900*time.Millisecond || took > 6*time.Second {
			t.Errorf("100 deliveries took %v at 20/s", took)
		}
		r.drain()
	})
}

// Retry-After of the channel is obeyed by all its shards, within a bound.
func TestRelayRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		var at []time.Time
		p.refuse = func(Delivery) error {
			at = append(at, time.Now())
			if len(at) == 1 {
				f := *fault.New(fault.CodeChannelUnavailable, "HTTP 429")
				f.RetryAfter = 90 * time.Second
				return &f
			}
			return nil
		}
		o.put("A", 1)
		r := relayWith(t, o, p, Policy{Circuit: 5}, nil)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if len(at) != 2 || at[1].Sub(at[0]) < 90*time.Second || at[1].Sub(at[0]) > 92*time.Second {
			t.Errorf("attempts at %v", at)
		}
		r.drain()
	})
}

// An answer that takes longer than a lease keeps the lease, and is not cut.
func TestRelayKeepsTheLeaseWhileItPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		p.slow.Store(int64(time.Minute))
		o.put("A", 2)
		r := relayWith(t, o, p, Policy{}, nil)
		time.Sleep(50 * time.Second)
		if _, free, _ := o.Acquire(t.Context(), "events", 0, "somebody else", time.Minute); free {
			t.Error("the lease was to be had while its holder publishes")
		}
		time.Sleep(75 * time.Second)
		synctest.Wait()
		if got := p.wires(t); len(got) != 2 || o.fence != 1 {
			t.Errorf("took %v under fence %d", got, o.fence)
		}
		r.drain()
	})
}

// A lease that cannot be renewed ends what is being published, before another
// owner could begin.
func TestRelayStopsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &partner{}
		p.slow.Store(int64(time.Hour))
		o.put("A", 1)
		var said bytes.Buffer
		r := relayWith(t, o, p, Policy{}, slog.New(slog.NewTextHandler(&said, nil)))
		time.Sleep(time.Second)
		o.mu.Lock()
		o.down = fault.New(fault.CodeStoreUnavailable, "")
		o.mu.Unlock()
		time.Sleep(20 * time.Second) // a lease is 15
		if n := p.cut.Load(); n != 1 {
			t.Errorf("%d calls were ended when the lease ran out", n)
		}
		p.slow.Store(0)
		o.mu.Lock()
		o.down = nil
		o.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := p.wires(t); len(got) != 1 {
			t.Errorf("took %v: the hour's call was not ended", got)
		}
		r.drain()
		if text := said.String(); strings.Count(text, "lease lapsed") != 1 {
			t.Errorf("the log:\n%s", text)
		}
	})
}

// A reload brings another policy and another publisher; what the circuit has
// learned stays, unless there is none any more.
func TestRelayTakesAnotherPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, away, there := &memoryOutbox{}, &partner{}, &partner{}
		away.refuse = func(Delivery) error { return fault.New(fault.CodeChannelUnavailable, "") }
		o.put("A", 2)
		r := relayWith(t, o, away, Policy{Circuit: 2, First: time.Minute, Longest: time.Hour}, nil)
		synctest.Wait()
		if r.states()[0].Up {
			t.Fatal("the circuit is closed")
		}
		r.update([]Channel{{Name: "events", Publisher: there, Policy: Policy{Circuit: 2, First: time.Minute, Longest: time.Hour, Skip: true}}})
		if r.states()[0].Up {
			t.Error("a reload closed the circuit")
		}
		r.update([]Channel{{Name: "events", Publisher: there}})
		if s := r.states(); len(s) != 0 {
			t.Errorf("states: %+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := there.wires(t); len(got) != 2 {
			t.Errorf("took %v", got)
		}
		r.update(nil)
		r.drain()
	})
}
