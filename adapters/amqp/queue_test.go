package amqp_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// with is args with more of them; nil removes one.
func with(args driver.Table, more driver.Table) driver.Table {
	out := maps.Clone(args)
	if out == nil {
		out = driver.Table{}
	}
	for name, value := range more {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = value
	}
	return out
}

// TestQueueArguments learns what it does not care about, and says of all that it
// does care about what is found and what is needed.
func TestQueueArguments(t *testing.T) {
	any := func(e *amqp.Endpoint) { no := false; e.SingleActiveConsumer = &no }
	old := func(e *amqp.Endpoint) { any(e); e.QueueType = "classic" }
	for name, test := range map[string]struct {
		args   driver.Table
		change func(*amqp.Endpoint)
		want   []string // of the fault; none: consumed
	}{
		"as needed": {ordered, nil, nil},
		"much more": {with(ordered, driver.Table{
			"x-delivery-limit": int32(500), "x-dead-letter-exchange": "it's 'dead' letters", "x-dead-letter-routing-key": "", "x-overflow": "reject-publish",
			"x-max-length": int64(100_000), "x-message-ttl": int32(86_400_000), "x-expires": int64(999_999_999), "x-dead-letter-strategy": "at-least-once",
		}), nil, nil},
		"more strict than needed":  {ordered, any, nil},
		"classic by default":       {nil, old, nil},
		"classic":                  {driver.Table{"x-queue-type": "classic"}, old, nil},
		"classic instead":          {driver.Table{"x-single-active-consumer": true}, nil, []string{"x-queue-type; found classic; expected quorum", "make it anew"}},
		"quorum instead":           {ordered, old, []string{"x-queue-type; found quorum; expected classic"}},
		"for everybody":            {driver.Table{"x-queue-type": "quorum"}, nil, []string{"x-single-active-consumer; found false; expected true"}},
		"for everybody, expressly": {driver.Table{"x-queue-type": "quorum", "x-single-active-consumer": false}, nil, []string{"x-single-active-consumer; found false; expected true"}},
		"both, and more":           {driver.Table{"x-max-priority": int32(3)}, nil, []string{"x-queue-type; found classic", "x-single-active-consumer; found false"}},
	} {
		t.Run(name, func(t *testing.T) {
			everyBroker(t, test.args, func(t *testing.T, r *rig) {
				e := amqp.Endpoint{Queue: r.queue, Sender: amqp.Sender{UserID: true}}
				if test.change != nil {
					test.change(&e)
				}
				hints, err := r.client(t, r.config(), amqp.SystemClock{}).Check(t.Context(), nil, []amqp.Endpoint{e})
				if (err == nil) != (test.want == nil) {
					t.Fatalf("fault %v", err)
				}
				for _, hint := range hints {
					if strings.Contains(hint, "cannot be verified") {
						t.Error(hint)
					}
				}
				for _, text := range test.want {
					if !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), r.queue) {
						t.Errorf("fault lacks %q: %v", text, err)
					}
				}
				core := newCore(t)
				c := r.consume(t, core, test.change)
				await(t, "the verdict", func() bool { return r.log.has("queue consumed")+r.log.has("queue not consumed") > 0 })
				if state := c.State(); state.Up != (test.want == nil) {
					t.Errorf("state %+v", state)
				}
				r.put(t, driver.Publishing{MessageId: "key0 1", Body: []byte("<o/>")})
				if test.want == nil {
					await(t, "the message", func() bool { return len(core.ids()) == 1 })
				}
			})
		})
	}
}

// TestTransientQueue is refused: a restart of the broker would lose messages.
func TestTransientQueue(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		name := r.queue + ".brief"
		if _, err := r.admin.QueueDeclare(name, false, true, false, false, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.admin.QueueDelete(name, false, false, false) })
		e := amqp.Endpoint{Queue: name, Sender: amqp.Sender{UserID: true}, QueueType: "classic"}
		_, err := r.client(t, r.config(), amqp.SystemClock{}).Check(t.Context(), nil, []amqp.Endpoint{e})
		for _, text := range []string{"durable; found false; expected true", "auto_delete; found true; expected false", "x-single-active-consumer; found false"} {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("fault lacks %q: %v", text, err)
			}
		}
	})
}

// TestMissingQueue makes nothing, says what is missing, and goes on when
// somebody has made it.
func TestMissingQueue(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		if _, err := r.admin.QueueDelete(r.queue, false, false, false); err != nil {
			t.Fatal(err)
		}
		e := amqp.Endpoint{Queue: r.queue, Sender: amqp.Sender{UserID: true}}
		_, err := r.client(t, r.config(), amqp.SystemClock{}).Check(t.Context(), nil, []amqp.Endpoint{e})
		if err == nil || !strings.Contains(err.Error(), "does not exist on the broker; create it durable with x-queue-type=quorum, x-single-active-consumer=true") {
			t.Errorf("check: %v", err)
		}
		core := newCore(t)
		c := r.consume(t, core, nil)
		await(t, "the queue to be missed", func() bool { return strings.Contains(c.State().Reason, "does not exist") })
		if ch, err := r.admin.QueueDeclarePassive(r.queue, true, false, false, false, nil); err == nil {
			t.Fatalf("somebody made the queue: %+v", ch)
		}
		r.reopen(t)
		r.declare(t, ordered)
		r.put(t, driver.Publishing{MessageId: "key0 1", Body: []byte("<o/>")})
		await(t, "the message", func() bool { return len(core.ids()) == 1 })
		if n := r.log.has("queue not consumed"); n != 1 {
			t.Errorf("%d lines for one reason", n)
		}
	})
}

// reopen gives the rig another channel of its own, after an error has closed the
// last.
func (r *rig) reopen(t *testing.T) {
	t.Helper()
	conn, err := driver.Dial(r.server.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if r.admin, err = conn.Channel(); err != nil {
		t.Fatal(err)
	}
}

// TestDeclaring makes the queue and the exchange when the configuration lets it.
func TestDeclaring(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		err := errors.Join(r.admin.ExchangeDelete(r.exchange, false, false))
		if _, gone := r.admin.QueueDelete(r.queue, false, false, false); err != nil || gone != nil {
			t.Fatal(err, gone)
		}
		conf := r.config()
		conf.Declare = true
		client := r.client(t, conf, amqp.SystemClock{})
		core := newCore(t)
		r.consumeWith(t, client, core, nil)
		await(t, "the queue to be consumed", func() bool { return r.measured(t, "consumer_up") == 1 })
		r.put(t, driver.Publishing{MessageId: "key0 1", Body: []byte("<o/>")})
		await(t, "the message", func() bool { return len(core.ids()) == 1 })

		p := client.Publisher("order-events", amqp.Channel{Exchange: r.exchange})
		t.Cleanup(func() { closePublisher(t, p) })
		if err := p.Publish(t.Context(), oneDelivery(nowhere))[0]; codeOf(err) != fault.CodeUnroutable {
			t.Errorf("publishing to an exchange that was missing: %v", err)
		}
		hints, err := client.Check(t.Context(), map[string]amqp.Channel{"order-events": {Exchange: r.exchange}},
			[]amqp.Endpoint{{Queue: r.queue, Sender: amqp.Sender{UserID: true}}})
		if err != nil || len(hints) != 1 || !strings.Contains(hints[0], "x-dead-letter-exchange") {
			t.Errorf("check of what was made: hints %q, fault %v", hints, err)
		}
	})
}

// TestUnverifiable consumes a queue that the user may not declare, and says once
// that its arguments are not known.
func TestUnverifiable(t *testing.T) {
	may := true
	b, s := startBroker(t, broker.Config{Configure: func(string, string) bool { return may }})
	r := newRig(t, s, nil) // a classic queue for everybody
	may = false
	core := newCore(t)
	c := r.consume(t, core, nil)
	await(t, "the queue to be consumed", func() bool { return c.State().Up })
	b.DropConnections()
	await(t, "the cut to be noticed", func() bool { return r.log.has("queue consumed") == 2 })
	if n := r.log.has("cannot be verified", "no configure permission"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	e := amqp.Endpoint{Queue: r.queue, Sender: amqp.Sender{UserID: true}}
	hints, err := r.client(t, r.config(), amqp.SystemClock{}).Check(t.Context(), nil, []amqp.Endpoint{e})
	if err != nil || len(hints) != 1 || !strings.Contains(hints[0], "no configure permission") {
		t.Errorf("check: hints %q, fault %v", hints, err)
	}
}

// TestHints tell an administrator what a queue may do to messages.
func TestHints(t *testing.T) {
	safe := driver.Table{"x-dead-letter-exchange": "dead", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-delivery-limit": int32(1000)}
	for name, test := range map[string]struct {
		more driver.Table
		want []string
	}{
		"safe":             {nil, nil},
		"no dead letters":  {driver.Table{"x-dead-letter-exchange": nil, "x-dead-letter-strategy": nil}, []string{"no x-dead-letter-exchange"}},
		"low limit":        {driver.Table{"x-delivery-limit": int32(20)}, []string{"x-delivery-limit is 20"}},
		"drops the oldest": {driver.Table{"x-max-length": int32(10), "x-overflow": nil, "x-dead-letter-strategy": nil}, []string{"drops its oldest", "x-dead-letter-strategy"}},
		"reject when full": {driver.Table{"x-max-length": int32(10)}, nil},
		"expires":          {driver.Table{"x-message-ttl": int32(10_000), "x-expires": int32(100_000)}, []string{"x-message-ttl", "x-expires"}},
		"letters at risk":  {driver.Table{"x-dead-letter-strategy": nil}, []string{"x-dead-letter-strategy"}},
	} {
		t.Run(name, func(t *testing.T) {
			everyBroker(t, with(with(ordered, safe), test.more), func(t *testing.T, r *rig) {
				e := amqp.Endpoint{Queue: r.queue, Sender: amqp.Sender{UserID: true}}
				hints, err := r.client(t, r.config(), amqp.SystemClock{}).Check(t.Context(), nil, []amqp.Endpoint{e})
				if err != nil || len(hints) != len(test.want) {
					t.Fatalf("hints %q, fault %v", hints, err)
				}
				for i, want := range test.want {
					if !strings.Contains(hints[i], want) || !strings.Contains(hints[i], r.queue) {
						t.Errorf("hint %q lacks %q", hints[i], want)
					}
				}
			})
		})
	}
}
