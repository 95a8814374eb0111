package gatewaytest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Publisher is a gateway.Publisher in memory: it takes deliveries, and can be
// told to be down, to have no queue for a routing key, or to hold its answers.
// Its zero value takes everything. It is safe for concurrent use.
type Publisher struct {
	mu         sync.Mutex
	down       bool
	unroutable map[string]bool
	hold       chan struct{}
	taken      []gateway.Delivery
	calls      int
}

// SetDown makes the channel unavailable until it is called with false.
func (p *Publisher) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// SetUnroutable makes deliveries with the routing key unroutable, or routable again.
func (p *Publisher) SetUnroutable(routingKey string, unroutable bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unroutable == nil {
		p.unroutable = map[string]bool{}
	}
	p.unroutable[routingKey] = unroutable
}

// Hold makes every call of Publish wait, before it takes anything, until
// release is called or its context ends.
func (p *Publisher) Hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.hold = held
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.hold == held {
			p.hold = nil
		}
		close(held)
	})
}

// Taken returns what was taken, in order.
func (p *Publisher) Taken() []gateway.Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken)
}

// Calls is how often Publish was called.
func (p *Publisher) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Publish implements gateway.Publisher.
func (p *Publisher) Publish(ctx context.Context, deliveries []gateway.Delivery) []error {
	results := make([]error, len(deliveries))
	if err := p.wait(ctx); err != nil {
		for i := range results {
			results[i] = fault.New(fault.CodeChannelUnavailable, "").Because(err)
		}
		return results
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, d := range deliveries {
		results[i] = p.take(d)
	}
	return results
}

func (p *Publisher) wait(ctx context.Context) error {
	p.mu.Lock()
	p.calls++
	held := p.hold
	p.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (p *Publisher) take(d gateway.Delivery) error {
	switch {
	case p.down:
		return fault.New(fault.CodeChannelUnavailable, "")
	case p.unroutable[d.RoutingKey]:
		return fault.New(fault.CodeUnroutable, "")
	case len(d.RoutingKey) > 255:
		return fault.New(fault.CodeNotPublishable, "")
	}
	d.Body = slices.Clone(d.Body)
	p.taken = append(p.taken, d)
	return nil
}

// PublisherRig is a publisher and the channel behind it, as TestPublisher sees
// them. The channel is empty at first and belongs to the test alone.
type PublisherRig struct {
	Publisher gateway.Publisher
	// Routable and Unroutable are routing keys that lead to the channel and nowhere.
	Routable, Unroutable string
	// Refusal is the code of a delivery that leads nowhere; empty is CodeUnroutable.
	Refusal fault.Code
	// Uncarried is a routing key that no message of the channel can have; empty is
	// one of 256 bytes.
	Uncarried string
	// Receive returns the next n deliveries the channel has taken, in order, and
	// fails the test when they do not come. Of their fields it fills those that
	// travel; CreatedAt in seconds.
	Receive func(t *testing.T, n int) []gateway.Delivery
	// Rest is how many more the channel has taken.
	Rest func(t *testing.T) int
	// SetDown makes the channel unreachable, and reachable again.
	SetDown func(down bool)
}

// TestPublisher holds a publisher to the contract of gateway.Publisher, and one
// that streams to the same by way of its Stream. start makes a new rig for each part.
func TestPublisher(t *testing.T, start func(t *testing.T) *PublisherRig) {
	streams := false
	t.Run("kind", func(t *testing.T) { _, streams = start(t).Publisher.(gateway.Streamer) })
	for name, test := range map[string]func(*testing.T, *PublisherRig){
		"nothing":          testNothing,
		"order":            testOrder,
		"properties":       testProperties,
		"empty body":       testEmptyBody,
		"unroutable":       testUnroutable,
		"unpublishable":    testUnpublishable,
		"heals":            testHeals,
		"resend":           testResend,
		"ended context":    testEndedContext,
		"deadline in vain": testDeadlineInVain,
		"concurrent":       testConcurrentPublish,
	} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
		if streams {
			t.Run(name+" as a stream", func(t *testing.T) {
				rig := start(t)
				rig.Publisher = streamed{rig.Publisher.(gateway.Streamer)}
				test(t, rig)
			})
		}
	}
}

// streamed publishes by Stream. What Stream left in its caller's hands, having
// failed one before it, counts as failed like that one.
type streamed struct{ gateway.Streamer }

func (p streamed) Publish(ctx context.Context, deliveries []gateway.Delivery) []error {
	results, given, last := make([]error, len(deliveries)), 0, error(nil)
	places := map[*gateway.Delivery]int{}
	p.Stream(ctx, func() *gateway.Delivery {
		if given == len(deliveries) {
			return nil
		}
		d := &deliveries[given]
		places[d] = given
		given++
		return d
	}, func(d *gateway.Delivery, err error) {
		place, unsettled := places[d]
		if !unsettled {
			panic("a delivery was settled twice")
		}
		delete(places, d)
		results[place] = err
		if err != nil && fault.KindOf(err).Retryable() {
			last = err
		}
	})
	if len(places) > 0 {
		panic("deliveries were taken and not settled")
	}
	for i := given; i < len(deliveries); i++ {
		results[i] = last
	}
	return results
}

const patience = 30 * time.Second

func publishContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func testNothing(t *testing.T, rig *PublisherRig) {
	if got := rig.Publisher.Publish(publishContext(t), nil); len(got) != 0 {
		t.Errorf("results of no deliveries: %v", got)
	}
	if n := rig.Rest(t); n != 0 {
		t.Errorf("the channel took %d", n)
	}
}

// testOrder publishes several windows: everything arrives once, in order.
func testOrder(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(1000, rig.Routable)
	wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), make([]fault.Code, len(sent)))
	sameDeliveries(t, rig.Receive(t, len(sent)), sent)
	if n := rig.Rest(t); n != 0 {
		t.Errorf("%d deliveries were taken more than once", n)
	}
}

func testProperties(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(3, rig.Routable)
	sent[1].OrderingKey, sent[1].TraceParent, sent[1].Correlation = "", "", ""
	wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), make([]fault.Code, len(sent)))
	for i, got := range rig.Receive(t, len(sent)) {
		want := sent[i]
		got.Channel, want.Channel = "", ""
		got.CreatedAt, want.CreatedAt = got.CreatedAt.UTC().Truncate(time.Second), want.CreatedAt.UTC().Truncate(time.Second)
		gotBody, wantBody := string(got.Body), string(want.Body)
		got.Body, want.Body = nil, nil
		if !equalDelivery(got, want) || gotBody != wantBody {
			t.Errorf("delivery %d arrived as\n%+v %q, sent\n%+v %q", i, got, gotBody, want, wantBody)
		}
	}
}

func testEmptyBody(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(1, rig.Routable)
	sent[0].Body = nil
	wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), []fault.Code{""})
	if got := rig.Receive(t, 1); len(got[0].Body) != 0 {
		t.Errorf("an empty body arrived as %q", got[0].Body)
	}
}

func testUnroutable(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(250, rig.Routable)
	want := make([]fault.Code, len(sent))
	for _, i := range []int{0, 7, 8, 120, 249} {
		sent[i].RoutingKey, want[i] = rig.Unroutable, cmp.Or(rig.Refusal, fault.CodeUnroutable)
	}
	wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), want)
	sameDeliveries(t, rig.Receive(t, len(sent)-5), routable(sent, want))
}

// testUnpublishable sends what no channel can carry among what it can.
func testUnpublishable(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(20, rig.Routable)
	want := make([]fault.Code, len(sent))
	for _, i := range []int{3, 19} {
		sent[i].RoutingKey, want[i] = cmp.Or(rig.Uncarried, string(make([]byte, 256))), fault.CodeNotPublishable
	}
	wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), want)
	sameDeliveries(t, rig.Receive(t, len(sent)-2), routable(sent, want))
}

// testHeals takes the channel away and gives it back: the same publisher goes on.
func testHeals(t *testing.T, rig *PublisherRig) {
	first, second := Deliveries(5, rig.Routable), Deliveries(5, rig.Routable)
	wantCodes(t, rig.Publisher.Publish(publishContext(t), first), make([]fault.Code, 5))
	sameDeliveries(t, rig.Receive(t, 5), first)
	rig.SetDown(true)
	for range 3 {
		wantCodes(t, rig.Publisher.Publish(publishContext(t), second), slices.Repeat([]fault.Code{fault.CodeChannelUnavailable}, 5))
	}
	rig.SetDown(false)
	publishUntilTaken(t, rig.Publisher, second)
	sameDeliveries(t, rig.Receive(t, 5), second)
}

// testResend publishes the same deliveries twice: they keep their wire ids.
func testResend(t *testing.T, rig *PublisherRig) {
	sent := Deliveries(10, rig.Routable)
	for range 2 {
		wantCodes(t, rig.Publisher.Publish(publishContext(t), sent), make([]fault.Code, len(sent)))
		sameDeliveries(t, rig.Receive(t, len(sent)), sent)
	}
}

func testEndedContext(t *testing.T, rig *PublisherRig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := rig.Publisher.Publish(ctx, Deliveries(3, rig.Routable))
	wantCodes(t, got, slices.Repeat([]fault.Code{fault.CodeChannelUnavailable}, 3))
	if n := rig.Rest(t); n != 0 {
		t.Errorf("%d deliveries were taken after their context had ended", n)
	}
}

// testDeadlineInVain lets a deadline pass while the channel is down.
func testDeadlineInVain(t *testing.T, rig *PublisherRig) {
	rig.SetDown(true)
	defer rig.SetDown(false)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	for ctx.Err() == nil {
		wantCodes(t, rig.Publisher.Publish(ctx, Deliveries(3, rig.Routable)), slices.Repeat([]fault.Code{fault.CodeChannelUnavailable}, 3))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Publish returned %v after it began, with a deadline of 200ms", took)
	}
}

// testConcurrentPublish lets many callers publish at once: each keeps its own order.
func testConcurrentPublish(t *testing.T, rig *PublisherRig) {
	const callers, each = 8, 60
	var group sync.WaitGroup
	sent := make([][]gateway.Delivery, callers)
	for i := range callers {
		sent[i] = Deliveries(each, rig.Routable)
		for j := range sent[i] {
			sent[i][j].Shard = i
		}
		group.Go(func() {
			wantCodes(t, rig.Publisher.Publish(publishContext(t), sent[i]), make([]fault.Code, each))
		})
	}
	group.Wait()
	got := make([][]gateway.Delivery, callers)
	for _, d := range rig.Receive(t, callers*each) {
		got[d.Shard] = append(got[d.Shard], d)
	}
	for i := range callers {
		sameDeliveries(t, got[i], sent[i])
	}
}
