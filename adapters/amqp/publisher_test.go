package amqp_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func TestPublisher(t *testing.T) {
	conformance(t, func(t *testing.T) server {
		_, s := startBroker(t, broker.Config{})
		return s
	})
}

func TestPublisherRabbitMQ(t *testing.T) {
	s := realBroker(t)
	conformance(t, func(*testing.T) server { return s })
}

// everyBroker runs a test against the embedded broker and against RabbitMQ.
func everyBroker(t *testing.T, args driver.Table, test func(t *testing.T, r *rig)) {
	t.Run("embedded", func(t *testing.T) {
		_, s := startBroker(t, broker.Config{})
		test(t, newRig(t, s, args))
	})
	t.Run("rabbitmq", func(t *testing.T) { test(t, newRig(t, realBroker(t), args)) })
}

// TestNack fills a queue that rejects: what it took is nil, the rest is to be
// sent again, and the connection stays.
func TestNack(t *testing.T) {
	everyBroker(t, driver.Table{"x-max-length": int32(2), "x-overflow": "reject-publish"}, func(t *testing.T, r *rig) {
		p := r.publisher(t, r.config())
		sent := gatewaytest.Deliveries(20, routable)
		results := p.Publish(t.Context(), sent)
		taken := count(results, "")
		if taken < 2 || taken > 3 || count(results, fault.CodeChannelUnavailable) != 20-taken {
			t.Errorf("results: %v", results)
		}
		if n := r.rest(t); n != taken {
			t.Errorf("%d in the queue, %d reported as taken", n, taken)
		}
		r.receive(t, taken)
		if err := p.Publish(t.Context(), sent[19:])[0]; err != nil {
			t.Errorf("after the queue was emptied: %v", err)
		}
		if n := r.proxy.dials(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

// TestMissingExchange deletes the exchange: an operator who creates it again
// heals the channel.
func TestMissingExchange(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		p := r.publisher(t, r.config())
		if err := r.admin.ExchangeDelete(r.exchange, false, false); err != nil {
			t.Fatal(err)
		}
		sent := gatewaytest.Deliveries(30, routable)
		for _, err := range p.Publish(t.Context(), sent) {
			if f := fault.Of(err); f == nil || f.Code != fault.CodeChannelUnavailable || !strings.Contains(f.Message, "does not exist") {
				t.Fatalf("result: %v", err)
			}
		}
		r.declare(t, nil)
		if n := count(p.Publish(t.Context(), sent), ""); n != len(sent) {
			t.Errorf("%d of %d were taken after the exchange came back", n, len(sent))
		}
		sameOrder(t, r.receive(t, len(sent)), sent)
	})
}

// TestTooLarge hides messages that the broker refuses for their size among
// others. Only they are not publishable.
func TestTooLarge(t *testing.T) {
	for name, culprits := range map[string][]int{
		"alone": {0}, "first": {0, 1}, "middle": {17, 40}, "last": {119}, "many": {3, 4, 5, 60, 61, 110},
	} {
		t.Run(name, func(t *testing.T) {
			b, s := startBroker(t, broker.Config{MaxMessageSize: 10_000})
			r := newRig(t, s, nil)
			sent := gatewaytest.Deliveries(120, routable)
			if name == "alone" {
				sent = sent[:1]
			}
			for _, i := range culprits {
				sent[i].Body = make([]byte, 10_001)
			}
			results := r.publisher(t, r.config()).Publish(t.Context(), sent)
			var want []gateway.Delivery
			for i, err := range results {
				code := fault.Code("")
				if slices.Contains(culprits, i) {
					code = fault.CodeNotPublishable
				} else {
					want = append(want, sent[i])
				}
				if codeOf(err) != code {
					t.Errorf("result %d: %v, want code %q", i, err, code)
				}
			}
			// Ours for looking, and the one that is kept when the last session ended well.
			await(t, "connections of failed sessions to close", func() bool { return b.Connections() <= 2 })
			// Those in flight with a culprit may arrive twice.
			sameOrder(t, firsts(r.receive(t, r.rest(t))), want)
		})
	}
}

// TestTooLargeAmongUnconfirmed lets the channel close with a whole window in
// flight and nothing confirmed: those before the culprit are not blamed.
func TestTooLargeAmongUnconfirmed(t *testing.T) {
	b, s := startBroker(t, broker.Config{MaxMessageSize: 10_000})
	r := newRig(t, s, nil)
	p := r.publisher(t, r.config())
	sent := gatewaytest.Deliveries(50, routable)
	sent[17].Body = make([]byte, 10_001)
	b.HoldConfirms(true)
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), sent) }()
	await(t, "the second session", func() bool { return r.proxy.dials() == 2 })
	b.HoldConfirms(false)
	results := <-done
	if codeOf(results[17]) != fault.CodeNotPublishable || count(results, "") != 49 {
		t.Errorf("results: %v", results)
	}
	sameOrder(t, firsts(r.receive(t, r.rest(t))), slices.Delete(sent, 17, 18))
}

// TestTooLargeRabbitMQ sends one byte more than RabbitMQ takes.
func TestTooLargeRabbitMQ(t *testing.T) {
	r := newRig(t, realBroker(t), nil)
	sent := gatewaytest.Deliveries(9, routable)
	sent[4].Body = make([]byte, 128<<20+1)
	for i, err := range r.publisher(t, r.config()).Publish(t.Context(), sent) {
		if want := i == 4; (codeOf(err) == fault.CodeNotPublishable) != want || !want && err != nil {
			t.Errorf("result %d: %v", i, err)
		}
	}
	if got := firsts(r.receive(t, r.rest(t))); len(got) != 8 {
		t.Errorf("%d arrived, want 8", len(got))
	}
}

// TestLongCorrelation travels in a header when the property cannot hold it.
func TestLongCorrelation(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	sent := gatewaytest.Deliveries(1, routable)
	sent[0].Correlation = strings.Repeat("x", 256)
	if err := r.publisher(t, r.config()).Publish(t.Context(), sent)[0]; err != nil {
		t.Fatal(err)
	}
	m, _, err := r.admin.Get(r.queue, true)
	if err != nil || m.CorrelationId != "" || m.Headers["x-gatehouse-correlation"] != sent[0].Correlation {
		t.Errorf("correlation-id %q, headers %v, error %v", m.CorrelationId, m.Headers, err)
	}
}

func TestMessageProperties(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		if err := r.publisher(t, r.config()).Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; err != nil {
			t.Fatal(err)
		}
		m, _, err := r.admin.Get(r.queue, true)
		if err != nil || m.DeliveryMode != driver.Persistent || m.AppId != "gatehouse" || m.Exchange != r.exchange || m.UserId != "" {
			t.Errorf("message %+v, error %v", m, err)
		}
	})
}

// TestNotMandatory shows what the default guards against: the broker confirms
// what nobody will ever read.
func TestNotMandatory(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	no := false
	p := newClient(t, r.config(), r.log).Publisher("x", amqp.Channel{Exchange: r.exchange, Mandatory: &no, Persistent: &no})
	t.Cleanup(func() { closePublisher(t, p) })
	if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, nowhere))[0]; err != nil {
		t.Errorf("result: %v", err)
	}
}

// TestSameWireID sends one id twice, to a queue and to nowhere: neither counts
// as taken.
func TestSameWireID(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	sent := gatewaytest.Deliveries(2, routable)
	sent[1].WireID, sent[1].RoutingKey = sent[0].WireID, nowhere
	results := r.publisher(t, r.config()).Publish(t.Context(), sent)
	if codeOf(results[1]) != fault.CodeUnroutable {
		t.Errorf("results: %v", results)
	}
}

// TestBlocked raises an alarm: publishing ends with the caller's context and
// says why, also when the write itself hangs, and goes on when it is lifted.
func TestBlocked(t *testing.T) {
	for name, size := range map[string]int{"waits for confirms": 10, "write hangs": 8 << 20} {
		t.Run(name, func(t *testing.T) {
			b, s := startBroker(t, broker.Config{})
			r := newRig(t, s, nil)
			conf := r.config()
			conf.Heartbeat = time.Minute // a hanging write starves the library's heartbeats
			p := r.publisher(t, conf)
			sent := gatewaytest.Deliveries(5, routable)
			for i := range sent {
				sent[i].Body = make([]byte, size)
			}
			b.Block("low on memory")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			results := p.Publish(ctx, sent)
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v with a deadline of 300ms", took)
			}
			if n := count(results, fault.CodeChannelUnavailable); n != len(sent) {
				t.Errorf("results: %v", results)
			}
			if text := strings.Join(r.log.lines(), "\n"); !strings.Contains(text, "low on memory") {
				t.Errorf("the log does not say why: %s", text)
			}
			b.Block("")
			if results := p.Publish(t.Context(), sent); count(results, "") != len(sent) {
				t.Errorf("after the alarm: %v", results)
			}
		})
	}
}

// TestUnblocked lifts an alarm while a call waits: it goes on by itself.
func TestUnblocked(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	p := r.publisher(t, r.config())
	b.Block("disk full")
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), gatewaytest.Deliveries(300, routable)) }()
	await(t, "the publisher to connect", func() bool { return r.proxy.dials() == 1 })
	b.Block("")
	if n := count(<-done, ""); n != 300 {
		t.Errorf("%d of 300 were taken", n)
	}
}

// TestConfirmTimeout needs no deadline of the caller's to notice that the broker
// confirms nothing.
func TestConfirmTimeout(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	conf := r.config()
	conf.ConfirmTimeout, conf.Heartbeat = 200*time.Millisecond, time.Minute
	p := r.publisher(t, conf)
	if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; err != nil {
		t.Fatal(err)
	}
	b.Freeze(true)
	err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]
	b.Freeze(false)
	if f := fault.Of(err); f == nil || f.Cause == nil || !strings.Contains(f.Cause.Error(), "no confirmation within 200ms") {
		t.Errorf("result: %v", err)
	}
	if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

// TestHeartbeat notices a silent broker on an idle connection.
func TestHeartbeat(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	p := r.publisher(t, r.config())
	if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; err != nil {
		t.Fatal(err)
	}
	b.Freeze(true)
	defer b.Freeze(false)
	err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]
	if f := fault.Of(err); f == nil || f.Cause == nil || !strings.Contains(f.Cause.Error(), "i/o timeout") {
		t.Errorf("result: %v", err)
	}
}

// TestOutageEdges logs one line when the channel fails and one when it is back,
// with the real cause.
func TestOutageEdges(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	conf := r.config()
	p := r.publisher(t, conf)
	sent := gatewaytest.Deliveries(2, routable)
	p.Publish(t.Context(), sent)
	r.proxy.setDown(true)
	for range 3 {
		p.Publish(t.Context(), sent)
	}
	r.proxy.setDown(false)
	for range 3 {
		p.Publish(t.Context(), sent)
	}
	lines := r.log.lines()
	if len(lines) != 2 {
		t.Fatalf("log has %d lines, want 2:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for i, want := range [][]string{
		{"level=WARN", "channel unavailable", "channel=order-events", "code=GH-6001", "error="},
		{"level=INFO", "channel available again", "calls=3"},
	} {
		for _, text := range want {
			if !strings.Contains(lines[i], text) {
				t.Errorf("line %d lacks %q: %s", i, text, lines[i])
			}
		}
	}
	if strings.Contains(lines[0], "use of closed network connection") {
		t.Errorf("the cause is our own hanging up: %s", lines[0])
	}
	if strings.Contains(strings.Join(lines, ""), password) {
		t.Error("the password is in the log")
	}
}

// TestCanceledCallIsNoOutage logs nothing when it is the caller who went away.
func TestCanceledCallIsNoOutage(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.publisher(t, r.config()).Publish(ctx, gatewaytest.Deliveries(1, routable))
	if lines := r.log.lines(); lines[0] != "" {
		t.Errorf("log: %v", lines)
	}
}

func TestRefusedLogin(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		conf := r.config()
		conf.Password = config.NewSecret("wrong")
		err := r.publisher(t, conf).Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]
		if f := fault.Of(err); f == nil || f.Code != fault.CodeChannelUnavailable || !strings.Contains(f.Cause.Error(), "the login of user") {
			t.Errorf("result: %v", err)
		}
	})
}

// TestReusesConnections opens as many connections as calls run at once, up to
// the limit, and keeps them.
func TestReusesConnections(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	conf := r.config()
	conf.PublishConnections = 3
	p := r.publisher(t, conf)
	for range 5 {
		p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))
	}
	if n := r.proxy.dials(); n != 1 {
		t.Errorf("%d connections for one call at a time", n)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { p.Publish(t.Context(), gatewaytest.Deliveries(50, routable)) })
	}
	group.Wait()
	if n := r.proxy.dials(); n > 3 {
		t.Errorf("%d connections, limit 3", n)
	}
}

func TestCloseDrains(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	p := newClient(t, r.config(), r.log).Publisher("x", amqp.Channel{Exchange: r.exchange})
	b.Block("wait")
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), gatewaytest.Deliveries(10, routable)) }()
	await(t, "the call to be under way", func() bool { return r.proxy.dials() == 1 })
	closed := make(chan error)
	go func() { closed <- p.Close(t.Context()) }()
	await(t, "the publisher to refuse new calls", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := p.Publish(ctx, gatewaytest.Deliveries(1, nowhere))[0]
		return strings.Contains(err.Error(), "the publisher is closed")
	})
	b.Block("")
	if results := <-done; count(results, "") != 10 {
		t.Errorf("results: %v", results)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCloseCutsShort(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	p := newClient(t, r.config(), r.log).Publisher("x", amqp.Channel{Exchange: r.exchange})
	b.Freeze(true)
	defer b.Freeze(false)
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), gatewaytest.Deliveries(10, routable)) }()
	await(t, "the call to be under way", func() bool { return r.proxy.dials() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	if results := <-done; count(results, fault.CodeChannelUnavailable) != 10 {
		t.Errorf("results: %v", results)
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func count(results []error, code fault.Code) (n int) {
	for _, err := range results {
		if codeOf(err) == code {
			n++
		}
	}
	return n
}

// firsts drops repeats of a wire id.
func firsts(deliveries []gateway.Delivery) []gateway.Delivery {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(deliveries), func(d gateway.Delivery) bool {
		again := seen[d.WireID]
		seen[d.WireID] = true
		return again
	})
}

func sameOrder(t *testing.T, got, want []gateway.Delivery) {
	t.Helper()
	id := func(d gateway.Delivery) string { return d.WireID }
	if !slices.EqualFunc(got, want, func(a, b gateway.Delivery) bool { return id(a) == id(b) }) {
		t.Errorf("%d deliveries arrived, want %d in their order", len(got), len(want))
	}
}
