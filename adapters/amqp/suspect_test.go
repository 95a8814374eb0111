package amqp_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// abandon receives n messages of the rig's queue and ends as a killed process
// does.
func (r *rig) abandon(t *testing.T, n int) {
	t.Helper()
	r.rival(t, n)()
}

// rival subscribes to the rig's queue; what it returns is the rest of abandon.
func (r *rig) rival(t *testing.T, n int) (die func()) {
	t.Helper()
	proxy := newProxy(t, r.server.address)
	conn, err := driver.Dial((server{proxy.addr(), r.server.user, r.server.password}).url())
	if err != nil {
		t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Qos(n, 0, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(r.queue, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		for range n {
			<-deliveries
		}
		proxy.setDown(true)
		conn.Close()
	}
}

// TestSuspects takes what another process died over one by one, each alone, and
// what comes after that in parallel. It works without a count of deliveries, as
// with classic queues.
func TestSuspects(t *testing.T) {
	for name, args := range map[string]driver.Table{"quorum": ordered, "classic": {"x-single-active-consumer": true}} {
		t.Run(name, func(t *testing.T) {
			everyBroker(t, args, func(t *testing.T, r *rig) {
				core := newCore(t)
				core.onCommit = jitter
				messages := numbered(4, 100)
				r.put(t, messages...)
				r.abandon(t, 10)
				c := r.consume(t, core, func(e *amqp.Endpoint) { e.QueueType = name })
				allTaken(t, core, messages)
				r.empty(t, c)
				core.inOrder(t)
				if n := len(core.ids()); n != len(messages) {
					t.Errorf("%d commits of %d messages", n, len(messages))
				}
				var want []string
				for _, m := range messages[:10] {
					want = append(want, m.MessageId)
				}
				if got := core.aloneIDs(); !slices.Equal(got, want) {
					t.Errorf("taken alone: %v, want %v", got, want)
				}
				if n := r.measured(t, "suspects_total"); n != 10 {
					t.Errorf("suspects_total is %v", n)
				}
				for _, line := range []string{"one by one", "in parallel again"} {
					if n := r.log.has(line); n != 1 {
						t.Errorf("%d lines %q", n, line)
					}
				}
			})
		})
	}
}

// TestSuspectInOutage keeps a suspect a suspect when it could not be stored, or
// when the link was cut before its turn, whether the consumer sees the cut at once
// or when it has committed everything.
func TestSuspectInOutage(t *testing.T) {
	t.Run("seen at once", func(t *testing.T) {
		suspectInOutage(t, func(r *rig) {
			r.proxy.setDown(true)
			r.proxy.setDown(false)
		}, func(*rig) {})
	})
	t.Run("seen late", func(t *testing.T) {
		suspectInOutage(t, func(r *rig) { r.proxy.freeze(true) }, func(r *rig) {
			r.proxy.setDown(true)
			r.proxy.freeze(false)
			r.proxy.setDown(false)
		})
	})
}

func suspectInOutage(t *testing.T, cut, committed func(*rig)) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	var attempts atomic.Int32
	core.onAlone = func(a *gateway.Arrival) error {
		if attempts.Add(1) <= 2 {
			return errAway
		}
		if attempts.Load() == 4 {
			cut(r)
		}
		return nil
	}
	messages := numbered(2, 10)
	r.put(t, messages...)
	r.abandon(t, 6)
	c := r.consume(t, core, nil)
	allTaken(t, core, messages)
	committed(r)
	// What was not acknowledged before the cut comes again to a consumer that is
	// left to take it.
	await(t, "every message to be acknowledged", func() bool { return b.Held(r.queue) == 0 })
	r.empty(t, c)
	core.inOrder(t)
	// Two failures of the first. What was committed and its acknowledgement cut came
	// again without suspicion.
	want := []string{"key0 1", "key0 1", "key0 1", "key1 1", "key0 2", "key1 2", "key0 3", "key1 3"}
	if got := core.aloneIDs(); !slices.Equal(got, want) {
		t.Errorf("taken alone: %v, want %v", got, want)
	}
}

// TestSuspectWaitsForEarlier begins no suspect before everything that came
// before it is settled and acknowledged.
func TestSuspectWaitsForEarlier(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, driver.Table{"x-queue-type": "quorum"})
	core := newCore(t)
	gate := newGate(t)
	core.onCommit = func(a *gateway.Arrival) error {
		if a.MessageID == "key0 1" {
			<-gate.wait
		}
		return nil
	}
	var early atomic.Bool
	core.onAlone = func(*gateway.Arrival) error {
		early.Store(early.Load() || len(core.taken()) < 8 || r.measured(t, "acknowledged_total") < 8)
		return nil
	}
	shared := func(e *amqp.Endpoint) { no := false; e.SingleActiveConsumer = &no }
	messages := numbered(2, 10)
	c := r.consume(t, core, shared)
	r.put(t, messages[:8]...)
	await(t, "messages in hand", func() bool { return core.inHand() > 0 })
	// Another consumer of the same queue takes the next two, and dies.
	await(t, "the queue to be empty", func() bool { return b.Depth(r.queue) == 0 })
	die := r.rival(t, 2)
	r.put(t, messages[8:12]...)
	die()
	await(t, "the suspects to come back", func() bool { return r.measured(t, "redelivered_total") == 2 })
	gate.open()
	await(t, "everything to be committed", func() bool { return len(core.taken()) == 12 })
	if early.Load() {
		t.Error("a suspect was begun early")
	}
	if n := len(core.aloneIDs()); n != 2 {
		t.Errorf("%d were taken alone", n)
	}
	r.empty(t, c)
}

// TestStopBeforeSuspect gives suspects back that were not begun when the
// consumer was told to stop, and what came after them.
func TestStopBeforeSuspect(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	gate := newGate(t)
	core.onAlone = func(a *gateway.Arrival) error {
		if a.MessageID == "key0 2" {
			<-gate.wait
		}
		return nil
	}
	messages := numbered(2, 10)
	r.put(t, messages...)
	r.abandon(t, 5)
	c := r.consume(t, core, nil)
	await(t, "the third suspect to be begun", func() bool { return len(core.aloneIDs()) == 3 })
	c.stop()
	time.AfterFunc(10*time.Millisecond, gate.open)
	c.end(t)
	nothingLost(t, core, r.left(t), messages)
	if n := len(core.taken()); n != 3 {
		t.Errorf("%d were committed, want 3", n)
	}
}
