package amqp_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// ordered is how a queue has to be made that keeps order.
var ordered = driver.Table{"x-queue-type": "quorum", "x-single-active-consumer": true}

// consuming is a consumer that runs.
type consuming struct {
	*amqp.Consumer
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// consume starts a consumer of the rig's queue, which ends with the test.
func (r *rig) consume(t *testing.T, core amqp.Core, change func(*amqp.Endpoint)) *consuming {
	t.Helper()
	return r.consumeWith(t, r.client(t, r.config(), amqp.SystemClock{}), core, change)
}

func (r *rig) consumeWith(t *testing.T, c *amqp.Client, core amqp.Core, change func(*amqp.Endpoint)) *consuming {
	t.Helper()
	e := amqp.Endpoint{Queue: r.queue, Sender: amqp.Sender{Fixed: "erp"}, Prefetch: 64}
	if change != nil {
		change(&e)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	one := &consuming{Consumer: c.Consumer(e, core), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(one.done)
		one.err = one.Run(ctx)
	}()
	t.Cleanup(func() { one.end(t) })
	return one
}

// end stops the consumer and waits for the end of Run.
func (c *consuming) end(t *testing.T) {
	t.Helper()
	c.stop()
	select {
	case <-c.done:
	case <-time.After(40 * time.Second):
		t.Fatal("the consumer does not end")
	}
	if c.err != nil {
		t.Errorf("Run: %v", c.err)
	}
}

// numbered makes n messages of each key, whose ids are "<key> <number>".
func numbered(keys, n int) []driver.Publishing {
	out := make([]driver.Publishing, 0, keys*n)
	for i := range keys * n {
		key := fmt.Sprintf("key%d", i%keys)
		out = append(out, driver.Publishing{
			MessageId: fmt.Sprintf("%s %d", key, i/keys+1), Type: key, ContentType: "application/xml",
			DeliveryMode: driver.Persistent, Body: fmt.Appendf(nil, "<order n='%d'/>", i),
		})
	}
	return out
}

// put publishes into the rig's queue and waits until the broker has everything.
func (r *rig) put(t testing.TB, messages ...driver.Publishing) {
	t.Helper()
	if err := r.send(messages, 0); err != nil {
		t.Fatal(err)
	}
}

// send is put, with a pause after every hundred messages.
func (r *rig) send(messages []driver.Publishing, pause time.Duration) error {
	conn, err := driver.Dial(r.server.url())
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	confirms := make([]*driver.DeferredConfirmation, len(messages))
	for i, m := range messages {
		if err != nil {
			return err
		}
		if i%100 == 0 {
			time.Sleep(pause)
		}
		confirms[i], err = ch.PublishWithDeferredConfirm("", r.queue, true, false, m)
	}
	for i, c := range confirms {
		if !c.Wait() {
			return fmt.Errorf("message %d was not taken", i)
		}
	}
	return err
}

// left takes everything off the queue and returns the ids. It waits until an
// earlier consumer is gone and what it had is back.
func (r *rig) left(t *testing.T) map[string]int {
	t.Helper()
	r.put(t, driver.Publishing{MessageId: "the last"})
	conn, err := driver.Dial(r.server.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(r.queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for {
		select {
		case d := <-deliveries:
			if d.MessageId == "the last" {
				return out
			}
			out[d.MessageId]++
		case <-time.After(20 * time.Second):
			t.Fatalf("the rest of the queue does not come; so far %d messages", len(out))
		}
	}
}

// allTaken waits until the core has committed every message.
func allTaken(t *testing.T, core *fakeCore, messages []driver.Publishing) {
	t.Helper()
	await(t, "every message to be committed", func() bool { return len(core.taken()) == len(messages) })
}

// empty waits until nothing is left on the queue, in hand or not: whoever looks
// must be the only consumer for that, so the consumer is ended first.
func (r *rig) empty(t *testing.T, c *consuming) {
	t.Helper()
	c.end(t)
	if left := r.left(t); len(left) > 0 {
		t.Errorf("%d messages were not acknowledged", len(left))
	}
}

// TestConsume commits and acknowledges everything, in the order of each key, and
// once.
func TestConsume(t *testing.T) {
	for name, args := range map[string]driver.Table{"quorum": ordered, "classic": {"x-single-active-consumer": true}} {
		t.Run(name, func(t *testing.T) {
			everyBroker(t, args, func(t *testing.T, r *rig) {
				core := newCore(t)
				core.onCommit = jitter
				messages := numbered(7, 300)
				r.put(t, messages[:1000]...)
				c := r.consume(t, core, func(e *amqp.Endpoint) { e.QueueType = name })
				r.put(t, messages[1000:]...)
				allTaken(t, core, messages)
				r.empty(t, c)
				core.inOrder(t)
				if n := len(core.ids()); n != len(messages) {
					t.Errorf("%d commits of %d messages", n, len(messages))
				}
				if core.most > 64 {
					t.Errorf("%d messages under way at once, prefetch 64", core.most)
				}
			})
		})
	}
}

// TestArrival hands over everything that the broker says of a message.
func TestArrival(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		m := driver.Publishing{
			MessageId: "m-1", CorrelationId: "c-1", Type: "order", AppId: "erp", UserId: r.server.user, Timestamp: at,
			ContentType: "application/xml; charset=iso-8859-1", Body: []byte("<o>caf\xe9</o>"),
			Headers: driver.Table{
				"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tenant": "north", "attempt": int32(3),
				"urgent": true, "type": "hidden", "list": []any{"a"}, "raw": []byte("bytes"), "broken": []byte{0xff},
			},
		}
		r.put(t, m, m)
		r.consume(t, core, func(e *amqp.Endpoint) { e.Sender = amqp.Sender{UserID: true} })
		await(t, "both messages", func() bool { return len(core.ids()) == 2 })
		a, b := core.arrivals[0], core.arrivals[1]
		if a.Endpoint != "amqp:"+r.queue || a.Format != gateway.XML || string(a.Body) != "<o>café</o>" || a.Refusal != nil {
			t.Errorf("arrival %+v, body %s", a, a.Body)
		}
		if a.Sender != r.server.user || a.MessageID != "m-1" || a.Correlation != "c-1" || !strings.HasPrefix(a.TraceParent, "00-4bf9") || a.Remote == "" || a.Redelivered {
			t.Errorf("arrival %+v", a)
		}
		if a.Origin != b.Origin || a.Origin == (gateway.Digest{}) {
			t.Error("the same message twice has two origins")
		}
		want := map[string]string{
			"message-id": "m-1", "correlation-id": "c-1", "type": "order", "app-id": "erp", "user-id": r.server.user,
			"timestamp": "2026-03-04T05:06:07Z", "content-type": m.ContentType, "routing-key": r.queue,
			"traceparent": m.Headers["traceparent"].(string), "tenant": "north", "attempt": "3", "urgent": "true", "raw": "bytes",
		}
		delete(a.Properties, "x-delivery-count")
		if !maps.Equal(a.Properties, want) {
			t.Errorf("properties %v, want %v", a.Properties, want)
		}
	})
}

// TestNobodySent leaves the sender empty when the broker vouches for nobody.
func TestNobodySent(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	r.put(t, numbered(1, 1)...)
	r.consume(t, core, func(e *amqp.Endpoint) { e.Sender = amqp.Sender{UserID: true} })
	await(t, "the message", func() bool { return len(core.ids()) == 1 })
	if a := core.arrivals[0]; a.Sender != "" {
		t.Errorf("sender %q", a.Sender)
	}
}

// TestPrefix acknowledges nothing behind a message that is not settled, however
// much of it is.
func TestPrefix(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		gate := newGate(t)
		core.onCommit = func(a *gateway.Arrival) error {
			if a.MessageID == "key2 4" {
				<-gate.wait
			}
			return nil
		}
		messages := numbered(5, 10) // number 4 of key 2 is the 18th
		r.put(t, messages...)
		c := r.consume(t, core, nil)
		await(t, "all others to be committed", func() bool { return len(core.taken()) == 50-7 })
		await(t, "those before it to be acknowledged", func() bool { return r.measured(t, "acknowledged_total") == 17 })
		r.proxy.setDown(true) // what is not acknowledged goes back
		gate.open()
		c.end(t)
		// Acknowledgements that were on their way may have been cut off too.
		left := r.left(t)
		for _, m := range messages[17:] {
			if left[m.MessageId] != 1 {
				t.Errorf("%s is left %d times: %v", m.MessageId, left[m.MessageId], left)
			}
		}
	})
}

// TestRandomOrder settles in many random orders and cuts at a random moment:
// what was acknowledged had been settled.
func TestRandomOrder(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			_, s := startBroker(t, broker.Config{})
			r := newRig(t, s, ordered)
			core := newCore(t)
			random := rand.New(rand.NewPCG(seed, 1))
			cut, pace := random.IntN(200), time.Duration(random.IntN(200))*time.Microsecond
			core.onCommit = func(*gateway.Arrival) error {
				time.Sleep(rand.N(pace + 1))
				return nil
			}
			messages := numbered(9, 30)
			r.put(t, messages...)
			c := r.consume(t, core, func(e *amqp.Endpoint) { e.Prefetch = 1 + random.IntN(100) })
			await(t, "some to be committed", func() bool { return len(core.taken()) >= cut })
			r.proxy.setDown(true)
			c.end(t)
			nothingLost(t, core, r.left(t), messages)
			core.inOrder(t)
		})
	}
}

// nothingLost fails unless every message was committed or is left on the queue.
func nothingLost(t *testing.T, core *fakeCore, left map[string]int, messages []driver.Publishing) {
	t.Helper()
	taken := core.taken()
	var lost []string
	for _, m := range messages {
		if taken[m.MessageId] == 0 && left[m.MessageId] == 0 {
			lost = append(lost, m.MessageId)
		}
	}
	if len(lost) > 0 {
		t.Errorf("%d messages are neither committed nor on the queue, such as %v", len(lost), lost[:min(5, len(lost))])
	}
}

// TestDrain finishes what is in hand when told to stop, and gives the next
// consumer nothing that it has to suspect.
func TestDrain(t *testing.T) {
	everyBroker(t, ordered, drains)
}

// TestDrainSlowLink is TestDrain with a broker that is slower than the consumer,
// which has nothing to do when it is told to stop, and not all that was sent.
func TestDrainSlowLink(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		r.proxy.slowDown(2 * time.Millisecond)
		drains(t, r)
	})
}

func drains(t *testing.T, r *rig) {
	core := newCore(t)
	core.onCommit = func(*gateway.Arrival) error { time.Sleep(200 * time.Microsecond); return nil }
	messages := numbered(6, 400)
	r.put(t, messages...)
	first := r.consume(t, core, nil)
	await(t, "some to be committed", func() bool { return len(core.taken()) > 300 })
	first.end(t)
	if n := len(core.ids()); n == len(messages) {
		t.Fatal("nothing was left to drain")
	}
	second := r.consume(t, core, nil)
	allTaken(t, core, messages)
	r.empty(t, second)
	core.inOrder(t)
	if n := len(core.ids()); n != len(messages) {
		t.Errorf("%d commits of %d messages", n, len(messages))
	}
	if alone := core.aloneIDs(); len(alone) > 0 {
		t.Errorf("%d messages were suspected after a clean end", len(alone))
	}
}

// TestDrainTimeout does not wait for ever: what is not settled goes back.
func TestDrainTimeout(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	gate := newGate(t)
	core.onCommit = func(*gateway.Arrival) error { <-gate.wait; return nil }
	messages := numbered(3, 10)
	r.put(t, messages...)
	c := r.consume(t, core, func(e *amqp.Endpoint) { e.DrainTimeout = 50 * time.Millisecond })
	await(t, "messages in hand", func() bool { return core.inHand() == 30 })
	c.end(t)
	gate.open()
	if left := r.left(t); len(left) != 30 {
		t.Errorf("%d messages went back, want 30", len(left))
	}
}

func (c *fakeCore) inHand() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun - c.ended
}

// TestHandOver runs two consumers on one queue, and ends each in turn: the order
// of each key is kept, and nothing is done twice.
func TestHandOver(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		core.onCommit = jitter
		messages := numbered(5, 600)
		var running []*consuming
		for range 2 {
			running = append(running, r.consume(t, core, nil))
		}
		sent := make(chan error, 1)
		go func() { sent <- r.send(messages, 10*time.Millisecond) }()
		for round := 1; round <= 5; round++ {
			await(t, "progress", func() bool { return len(core.taken()) >= round*400 })
			running[0].end(t)
			running = append(running[1:], r.consume(t, core, nil))
		}
		allTaken(t, core, messages)
		core.inOrder(t)
		if n := len(core.ids()); n != len(messages) {
			t.Errorf("%d commits of %d messages", n, len(messages))
		}
		for _, c := range running {
			c.end(t)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

// TestQueueDeleted goes on when the queue is made again; the broker leaves the
// channel open meanwhile.
func TestQueueDeleted(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		first := numbered(2, 50)
		r.put(t, first...)
		c := r.consume(t, core, nil)
		allTaken(t, core, first)
		if _, err := r.admin.QueueDelete(r.queue, false, false, false); err != nil {
			t.Fatal(err)
		}
		await(t, "the consumer to notice", func() bool { return !c.State().Up })
		await(t, "the queue to be missed", func() bool { return strings.Contains(c.State().Reason, "does not exist") })
		if r.log.has("queue not consumed", "the broker ended the subscription") != 1 || r.log.has("queue not consumed", "does not exist") != 1 {
			t.Errorf("log:\n%s", strings.Join(r.log.lines(), "\n"))
		}
		r.declare(t, ordered)
		r.put(t, numbered(3, 50)...)
		await(t, "the new queue to be consumed", func() bool { return len(core.taken()) == 150 })
		if state := c.State(); !state.Up || state.Reason != "" {
			t.Errorf("state %+v", state)
		}
	})
}

// has counts the lines that hold all texts.
func (l *logBuffer) has(texts ...string) (n int) {
	for _, line := range l.lines() {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			n++
		}
	}
	return n
}

// TestFrozenBroker notices a broker that falls silent, and begins anew.
func TestFrozenBroker(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	messages := numbered(4, 100)
	r.put(t, messages[:200]...)
	c := r.consume(t, core, nil)
	await(t, "the first half", func() bool { return len(core.taken()) == 200 })
	b.Freeze(true)
	await(t, "the silence to be noticed", func() bool { return !c.State().Up })
	b.RefuseConnections(true)
	b.Freeze(false)
	await(t, "connections to be refused", func() bool { return r.proxy.dials() > 4 })
	b.RefuseConnections(false)
	r.put(t, messages[200:]...)
	allTaken(t, core, messages)
	r.empty(t, c)
	core.inOrder(t)
	if n := r.log.has("queue not consumed"); n != 1 {
		t.Errorf("%d lines about one outage", n)
	}
}

// TestBlockedBroker goes on consuming while the broker blocks publishers.
func TestBlockedBroker(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	messages := numbered(4, 100)
	r.put(t, messages...)
	b.Block("low on memory")
	c := r.consume(t, core, nil)
	allTaken(t, core, messages)
	await(t, "everything to be acknowledged", func() bool { return r.measured(t, "acknowledged_total") == 400 })
	b.Block("")
	r.empty(t, c)
}
