package amqp_test

import (
	"flag"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

var cuts = flag.Int("cuts", 200, "how often the link of a consumer is cut")

// TestStaleAcknowledgements cuts the link again and again while messages are
// prepared, committed and acknowledged: it is reset, closed, half closed, or
// delayed for longer than its heartbeats. Whatever settles after a cut must
// acknowledge nothing on the next session: every message is committed or still on
// the queue, and in the end all are committed. No goroutine is left, and the log
// has one line for each edge of an outage.
func TestStaleAcknowledgements(t *testing.T) {
	t.Run("connections dropped", func(t *testing.T) {
		b, s := startBroker(t, broker.Config{})
		r := newRig(t, s, ordered)
		cutOften(t, r, func() { b.DropConnections() })
	})
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		cutOften(t, r, func() {
			if rand.IntN(100) == 0 {
				r.proxy.freeze(true)
				await(t, "the silence to be noticed", func() bool { return !r.consumed() })
				r.proxy.freeze(false)
				return
			}
			ways := []func(client, server net.Conn){reset, hangUp, halfClose}
			tripped := r.proxy.breakAfter(rand.IntN(400), ways[rand.IntN(len(ways))])
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
	messages := numbered(9, 6**cuts)
	r.put(t, messages...)
	impatient := r.consumeWith(t, r.client(t, r.config(), &jumpingClock{now: time.Now()}), core, func(e *amqp.Endpoint) { e.Prefetch = 100 })
	await(t, "the first message", func() bool { return len(core.ids()) > 0 })
	before := runtime.NumGoroutine()
	for range *cuts {
		before := len(core.ids())
		await(t, "progress", func() bool { return len(core.ids()) > before || len(core.taken()) == len(messages) })
		cut()
	}
	if len(core.taken()) == len(messages) {
		t.Error("there were not enough messages for all cuts")
	}
	impatient.end(t)
	await(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	r.oneLineAnEdge(t)
	if n := r.measured(t, "consumer_up"); n != 0 {
		t.Errorf("consumer_up is %v after the end", n)
	}
	await(t, "the lanes to be empty", func() bool { return core.inHand() == 0 }) // its clock cut the drain short
	c := r.consume(t, core, nil)
	for done := len(core.taken()); done < len(messages); done = len(core.taken()) { // many, after many cuts
		await(t, "one more of the rest to be committed", func() bool { return len(core.taken()) > done })
	}
	r.empty(t, c)
	core.inOrder(t)
	t.Logf("%d commits of %d messages, %v acknowledged", len(core.ids()), len(messages), r.measured(t, "acknowledged_total"))
}

// edges are the lines of the log that tell of a queue's outages.
func (r *rig) edges() []string {
	return slices.DeleteFunc(r.log.lines(), func(line string) bool {
		return !strings.Contains(line, `msg="queue consumed"`) && !strings.Contains(line, `msg="queue not consumed"`)
	})
}

// consumed reports what the last such line says.
func (r *rig) consumed() bool {
	edges := r.edges()
	return len(edges) > 0 && strings.Contains(edges[len(edges)-1], `msg="queue consumed"`)
}

// oneLineAnEdge checks that no edge has two lines.
func (r *rig) oneLineAnEdge(t *testing.T) {
	t.Helper()
	edges := r.edges()
	for i := 1; i < len(edges); i++ {
		if strings.Contains(edges[i], `msg="queue consumed"`) == strings.Contains(edges[i-1], `msg="queue consumed"`) {
			t.Errorf("two lines for one edge:\n%s\n%s", edges[i-1], edges[i])
		}
	}
}
