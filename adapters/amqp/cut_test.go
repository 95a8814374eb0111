package amqp_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const cuts = 200

// TestStaleAcknowledgements cuts the link again and again while messages are
// prepared, committed and acknowledged. Whatever settles after a cut must
// acknowledge nothing on the next session: every message is committed or still
// on the queue, and in the end all are committed.
func TestStaleAcknowledgements(t *testing.T) {
	t.Run("connections dropped", func(t *testing.T) {
		b, s := startBroker(t, broker.Config{})
		r := newRig(t, s, ordered)
		cutOften(t, r, func() { b.DropConnections() })
	})
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		cutOften(t, r, func() {
			tripped := r.proxy.breakAfter(rand.IntN(400), reset)
			select {
			case <-tripped:
			case <-time.After(50 * time.Millisecond): // nothing was sent to trip over
				r.proxy.setDown(true)
				r.proxy.setDown(false)
			}
		})
	})
}

func cutOften(t *testing.T, r *rig, cut func()) {
	core := newCore(t)
	core.onCommit = func(*gateway.Arrival) error {
		time.Sleep(rand.N(300 * time.Microsecond))
		return nil
	}
	messages := numbered(9, 1200)
	r.put(t, messages...)
	impatient := r.consumeWith(t, r.client(t, r.config(), &jumpingClock{now: time.Now()}), core, func(e *amqp.Endpoint) { e.Prefetch = 100 })
	for range cuts {
		before := len(core.ids())
		await(t, "progress", func() bool { return len(core.ids()) > before || len(core.taken()) == len(messages) })
		cut()
	}
	if len(core.taken()) == len(messages) {
		t.Error("there were not enough messages for all cuts")
	}
	impatient.end(t)
	if n := r.measured(t, "consumer_up"); n != 0 {
		t.Errorf("consumer_up is %v after the end", n)
	}
	await(t, "the lanes to be empty", func() bool { return core.inHand() == 0 }) // its clock cut the drain short
	c := r.consume(t, core, nil)
	await(t, "the rest to be committed", func() bool { return len(core.taken()) == len(messages) })
	r.empty(t, c)
	core.inOrder(t)
	t.Logf("%d commits of %d messages, %v acknowledged", len(core.ids()), len(messages), r.measured(t, "acknowledged_total"))
}
