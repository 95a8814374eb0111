package amqp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestOutage keeps messages in hand while the database is away for a moment,
// probes with one at a time, and goes on in order; nothing is given back.
func TestOutage(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		var down atomic.Bool
		var probes atomic.Int32
		core.onCommit = func(a *gateway.Arrival) error {
			if down.Load() {
				probes.Add(1)
				return errAway
			}
			return jitter(a)
		}
		messages := numbered(5, 200)
		r.put(t, messages[:500]...)
		c := r.consume(t, core, nil)
		await(t, "some to be committed", func() bool { return len(core.taken()) > 100 })
		down.Store(true)
		await(t, "the outage to be noticed", func() bool { return r.log.has("messages kept in hand") == 1 })
		before := probes.Load()
		await(t, "probes", func() bool { return probes.Load() >= before+2 })
		if n := probes.Load(); n > 2*64 {
			t.Errorf("%d attempts in an outage: more than a window and a few probes", n)
		}
		r.put(t, messages[500:]...)
		down.Store(false)
		allTaken(t, core, messages)
		r.empty(t, c)
		core.inOrder(t)
		if n := r.measured(t, "redelivered_total"); n != 0 {
			t.Errorf("%v messages were given back", n)
		}
		if n := len(core.ids()); n != len(messages) {
			t.Errorf("%d commits of %d messages", n, len(messages))
		}
		for _, line := range []string{"messages kept in hand", "messages are stored again"} {
			if n := r.log.has(line); n != 1 {
				t.Errorf("%d lines %q", n, line)
			}
		}
	})
}

// TestFailureOfOneKey commits what it can of other keys, acknowledges it, and
// tries the rest again, each key in its order.
func TestFailureOfOneKey(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	var failures atomic.Int32
	core.onCommit = func(a *gateway.Arrival) error {
		if a.Properties["type"] == "key3" && failures.Add(1) <= 3 {
			return errAway
		}
		return jitter(a)
	}
	messages := numbered(6, 100)
	r.put(t, messages...)
	c := r.consume(t, core, nil)
	allTaken(t, core, messages)
	r.empty(t, c)
	core.inOrder(t)
	if n := len(core.ids()); n != len(messages) {
		t.Errorf("%d commits of %d messages", n, len(messages))
	}
}

// TestLongOutage gives the messages back once, leaves the queue alone until the
// database is back, and takes everything then, with no suspicion.
func TestLongOutage(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		core.setReady(nil)
		var down atomic.Bool
		core.onCommit = func(a *gateway.Arrival) error {
			if down.Load() {
				return errAway
			}
			return nil
		}
		messages := numbered(4, 100)
		r.put(t, messages[:100]...)
		clock := &steppedClock{now: time.Now()}
		c := r.consumeWith(t, r.client(t, r.config(), clock), core, nil)
		await(t, "the first hundred", func() bool { return len(core.taken()) == 100 })
		began := clock.Now()
		down.Store(true)
		core.setReady(errAway)
		r.put(t, messages[100:]...)
		await(t, "a window in hand", func() bool { return r.measured(t, "in_hand") == 64 })
		if n := r.measured(t, "held_windows_total"); n != 0 {
			t.Errorf("given back %v times before any time had passed", n)
		}
		await(t, "the messages to be given back", func() bool { clock.step(time.Second); return r.measured(t, "held_windows_total") == 1 })
		if held := clock.Now().Sub(began); held < 10*time.Second {
			t.Errorf("given back after %v", held)
		}
		await(t, "the queue to be left alone", func() bool { return !c.State().Up })
		polls := core.polled()
		await(t, "minutes to pass", func() bool { clock.step(time.Second); return core.polled() > polls+60 })
		if n := r.measured(t, "consumer_up"); n != 0 {
			t.Errorf("consumer_up is %v", n)
		}
		if core.most > 64 {
			t.Errorf("%d messages under way at once, prefetch 64", core.most)
		}
		down.Store(false)
		core.setReady(nil)
		await(t, "every message to be committed", func() bool { clock.step(time.Second); return len(core.taken()) == len(messages) })
		core.inOrder(t)
		if alone := core.aloneIDs(); len(alone) > 0 {
			t.Errorf("%d messages were suspected that this process itself gave back", len(alone))
		}
		if held := r.measured(t, "held_windows_total"); held != 1 {
			t.Errorf("the messages were given back %v times", held)
		}
		if n := r.log.has("queue not consumed"); n != 1 {
			t.Errorf("%d lines about one outage", n)
		}
		clock.goOn(t)
		r.empty(t, c)
	})
}

func (c *fakeCore) polled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.polls
}

// TestNeverReadyAgain keeps messages in hand when the core says that it is
// ready, and is not: giving them back again and again would use up their
// delivery limit.
func TestNeverReadyAgain(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	var attempts atomic.Int32
	var healed atomic.Bool
	core.onCommit = func(a *gateway.Arrival) error {
		attempts.Add(1)
		if healed.Load() {
			return nil
		}
		return errAway
	}
	messages := numbered(4, 10)
	r.put(t, messages...)
	c := r.consumeWith(t, r.client(t, r.config(), &jumpingClock{now: time.Now()}), core, nil)
	await(t, "many attempts", func() bool { return attempts.Load() > 300 })
	if n := r.measured(t, "held_windows_total"); n != 1 {
		t.Errorf("given back %v times", n)
	}
	if n := r.measured(t, "received_total"); n > 80 {
		t.Errorf("%v messages received of 40", n)
	}
	healed.Store(true)
	allTaken(t, core, messages)
	r.empty(t, c)
	core.inOrder(t)
}

// TestNotReadyAtStart fetches nothing that it would have to give back.
func TestNotReadyAtStart(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	core.setReady(errors.New("no directory"))
	r.put(t, numbered(1, 1)...)
	c := r.consume(t, core, nil)
	await(t, "a look at the core", func() bool { return core.polled() > 1 })
	if n := b.Connections(); n != 1 { // the rig's own
		t.Errorf("%d connections", n)
	}
	core.setReady(nil)
	await(t, "the message", func() bool { return len(core.taken()) == 1 })
	r.empty(t, c)
}

// TestStopInOutage ends at once when nothing can be stored: everything goes back.
func TestStopInOutage(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	core.onCommit = func(*gateway.Arrival) error { return errAway }
	r.put(t, numbered(2, 20)...)
	c := r.consume(t, core, nil)
	await(t, "the outage to be noticed", func() bool { return r.log.has("messages kept in hand") == 1 })
	began := time.Now()
	c.end(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
	if left := r.left(t); len(left) != 40 {
		t.Errorf("%d messages went back, want 40", len(left))
	}
}

// TestLargeMessages bounds what is under way by its unpacked bytes as well.
func TestLargeMessages(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	gate := newGate(t)
	core.onCommit = func(*gateway.Arrival) error { <-gate.wait; return nil }
	messages := numbered(8, 3)
	body := gzipped(t, bytes.Repeat([]byte("<a/>"), 2<<10))
	for i := range messages {
		messages[i].ContentEncoding, messages[i].Body = "gzip", body
	}
	r.put(t, messages...)
	c := r.consume(t, core, func(e *amqp.Endpoint) { e.MaxMessageBytes, e.MaxBytesInHand = 16<<10, 64<<10 })
	await(t, "messages in hand", func() bool { return core.inHand() >= 8 })
	gate.open()
	allTaken(t, core, messages)
	if core.most > 10 {
		t.Errorf("%d messages of 8 KiB were under way at once, limit 64 KiB", core.most)
	}
	r.empty(t, c)
}

// slowCore prepares nothing until it is told to.
type slowCore struct {
	*fakeCore
	gate *gate
}

func (c slowCore) Prepare(ctx context.Context, a *gateway.Arrival) amqp.Ticket {
	<-c.gate.wait
	return c.fakeCore.Prepare(ctx, a)
}

// TestCutWhilePreparing drops what is prepared after the end of the session.
func TestCutWhilePreparing(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := slowCore{newCore(t), newGate(t)}
	messages := numbered(3, 30)
	r.put(t, messages...)
	c := r.consume(t, core, nil)
	await(t, "messages in hand", func() bool { return r.measured(t, "in_hand") == 64 })
	r.proxy.setDown(true)
	await(t, "the cut to be noticed", func() bool { return !c.State().Up })
	r.proxy.setDown(false)
	core.gate.open()
	allTaken(t, core.fakeCore, messages)
	r.empty(t, c)
	core.inOrder(t)
	if alone := core.aloneIDs(); len(alone) > 0 {
		t.Errorf("%d messages were suspected that this process itself had in hand", len(alone))
	}
	if n := len(core.ids()); n != len(messages) {
		t.Errorf("%d commits of %d messages", n, len(messages))
	}
}

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(body)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
