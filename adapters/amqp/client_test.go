package amqp_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// jumpingClock passes every wait at once and keeps how long it would have been.
type jumpingClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (c *jumpingClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *jumpingClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

// steppedClock stands still but for step.
type steppedClock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	until time.Time
	tell  chan time.Time
}

func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *steppedClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := waiter{c.now.Add(d), make(chan time.Time, 1)}
	c.waiters = append(c.waiters, w)
	return w.tell
}

// goOn lets time pass by itself until the test is over: who is told to stop may wait.
func (c *steppedClock) goOn(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			c.step(10 * time.Millisecond)
			time.Sleep(time.Millisecond)
		}
	}()
	t.Cleanup(func() { <-ended })
}

// step lets d pass.
func (c *steppedClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiters = slices.DeleteFunc(c.waiters, func(w waiter) bool {
		due := !w.until.After(c.now)
		if due {
			w.tell <- c.now
		}
		return due
	})
}

func clockedPublisher(t *testing.T, clock amqp.Clock, urls ...string) *amqp.Publisher {
	t.Helper()
	conf := amqp.Config{URLs: urls, Username: user, Password: config.NewSecret(password)}
	c, err := amqp.New(conf, slog.New(slog.NewTextHandler(t.Output(), nil)), clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Publisher("x", amqp.Channel{Exchange: "amq.topic"})
	t.Cleanup(func() { closePublisher(t, p) })
	return p
}

// TestBackoff doubles the pause between rounds up to five seconds, and forgets
// it after the first success.
func TestBackoff(t *testing.T) {
	clock := &jumpingClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	p := clockedPublisher(t, clock, deadURL(t), deadURL(t))
	for range 12 {
		p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))
	}
	if len(clock.waits) != 11 {
		t.Fatalf("waits %v, want 11: none before the first round", clock.waits)
	}
	for i, d := range clock.waits {
		longest := min(5*time.Second, 100*time.Millisecond<<i)
		if d < longest/2 || d > longest {
			t.Errorf("wait %d is %v, want between %v and %v", i, d, longest/2, longest)
		}
	}
}

// TestSharedFailure lets callers that queue for the same dead broker hear of it
// together: they do not each try and wait in turn.
func TestSharedFailure(t *testing.T) {
	noLeaks(t)
	silent := newProxy(t, "")
	conf := amqp.Config{
		URLs: []string{silent.url()}, Username: user, Password: config.NewSecret(password),
		ConnectTimeout: 300 * time.Millisecond, PublishConnections: 8,
	}
	p := newClient(t, conf, t.Output()).Publisher("x", amqp.Channel{Exchange: "amq.topic"})
	t.Cleanup(func() { closePublisher(t, p) })
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; fault.KindOf(err) != fault.Unavailable {
				t.Errorf("result: %v", err)
			}
		})
	}
	group.Wait()
	if n := silent.dials(); n != 1 {
		t.Errorf("8 callers dialled %d times", n)
	}
}

// TestSeveralURLs goes to the broker that answers, whichever it is.
func TestSeveralURLs(t *testing.T) {
	first, s1 := startBroker(t, broker.Config{})
	second, s2 := anotherBroker(t, broker.Config{})
	p := clockedPublisher(t, amqp.SystemClock{}, deadURL(t), "amqp://"+s1.address, "amqp://"+s2.address)
	publish := func() error { return p.Publish(t.Context(), gatewaytest.Deliveries(1, nowhere))[0] }
	if err := publish(); codeOf(err) != fault.CodeUnroutable || first.Connections() != 1 {
		t.Fatalf("with a dead first URL: %v", err)
	}
	first.RefuseConnections(true)
	first.DropConnections()
	await(t, "the other broker to be used", func() bool { return codeOf(publish()) == fault.CodeUnroutable })
	if n := second.Connections(); n != 1 {
		t.Errorf("%d connections to the second broker", n)
	}
}

// TestEndedContextNamesTheBroker keeps what is known of the broker in the error
// of a caller that gave up.
func TestEndedContextNamesTheBroker(t *testing.T) {
	noLeaks(t)
	silent := newProxy(t, "")
	p := clockedPublisher(t, amqp.SystemClock{}, silent.url())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Publish(ctx, gatewaytest.Deliveries(1, routable))[0]; !strings.Contains(err.Error(), silent.url()) {
		t.Errorf("result: %v", err)
	}
}
