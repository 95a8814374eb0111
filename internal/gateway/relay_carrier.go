package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// carrier relays one shard of one channel. It publishes at most one delivery of
// an ordering key at a time, so that deliveries of a key are confirmed in
// sequence and one that fails holds only its key.
type carrier struct {
	config   RelayConfig
	metrics  *Metrics
	tracer   trace.Tracer
	outbox   Outbox
	channel  atomic.Pointer[Channel] // with the policy in force
	name     string
	gate     *gate // the channel's
	shard    int
	owner    string
	now      func() time.Time
	log      *slog.Logger
	wake     chan struct{}
	stopping chan struct{}

	again     time.Time   // when the gate lets deliveries through once more
	stale     atomic.Bool // an operator may have parked some of backlog
	backlog   []Delivery  // read and not settled yet, in sequence
	releases  int64       // of the shard, when backlog was read
	taken     []int64     // confirmed by the channel, not yet recorded
	responses []Response  // of the other side, not yet recorded
	lease     Lease
	renewed   time.Time // when the lease was last renewed, by our own clock
	failures  int       // windows in a row that failed as a whole
	down      bool
	attempts  map[int64]attempt // of deliveries that were refused or failed alone, by seq
}

// attempt remembers a delivery that was refused or failed alone; it is forgotten
// with the lease, and whoever holds the next one tries again from one.
type attempt struct {
	count   int
	refused int
	first   time.Time
	next    time.Time
}

func (c *carrier) policy() *Policy { return &c.channel.Load().Policy }

func (c *carrier) run(ctx context.Context) {
	for {
		more, err := c.round(ctx)
		stopping := c.isStopping()
		if ctx.Err() != nil || stopping && (err != nil || !more) {
			c.release(ctx)
			return
		}
		c.edge(ctx, err)
		if more && err == nil {
			continue
		}
		c.rest(ctx, err)
	}
}

func (c *carrier) isStopping() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}

// edge logs the beginning and the end of an outage of the store, once each; a
// channel's outage is the publisher's to log.
func (c *carrier) edge(ctx context.Context, err error) {
	store := err != nil && fault.Of(err).Code != fault.CodeChannelUnavailable
	switch {
	case err == nil && c.down:
		c.log.InfoContext(ctx, "relay resumed")
	case store && !c.down:
		c.log.WarnContext(ctx, "relay waits", "error", err)
	}
	c.down = store || c.down && err != nil
	if err != nil {
		c.failures++
	} else {
		c.failures = 0
	}
}

// rest waits for news, for the next poll, for the gate, or for a failure's
// back-off.
func (c *carrier) rest(ctx context.Context, err error) {
	wake, pause := c.wake, c.config.Poll
	switch wait := c.again.Sub(c.now()); {
	case err != nil:
		p := c.policy()
		wake, pause = nil, backoff(p.First, p.Longest, c.failures)
	case wait > 0: // the circuit may close earlier, so the gate is asked at every poll
		wake, pause = nil, min(wait, pause)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-c.stopping:
	case <-ctx.Done():
	}
}

// backoff doubles from shortest to longest and takes a random half of it.
func backoff(shortest, longest time.Duration, failures int) time.Duration {
	d := longest
	if failures < 20 {
		d = min(longest, shortest<<max(0, failures-1))
	}
	return d/2 + rand.N(d/2+1)
}

// round publishes one window. more says that there may be more to do at once.
func (c *carrier) round(ctx context.Context) (more bool, err error) {
	if c.stale.Swap(false) {
		c.backlog = nil
	}
	if held, err := c.hold(ctx); err != nil || !held {
		return false, err
	}
	c.again = time.Time{}
	// What the channel took while the store was away is recorded, not published again.
	if err := c.record(ctx); err != nil {
		return false, err
	}
	window, err := c.next(ctx)
	if err != nil || len(window) == 0 {
		return false, err
	}
	if window = c.admitted(window); len(window) == 0 {
		return false, nil
	}
	failpoint.Hit("relay-read")
	results, responses := c.publish(ctx, window)
	failpoint.Hit("relay-published")
	c.gate.observe(ctx, results)
	c.keepResponses(window, results, responses)
	more, err = c.settle(ctx, window, results)
	if err != nil {
		c.backlog = nil // before the next attempt an operator may have parked some of it
	}
	return more, err
}

// admitted leaves of a window what the gate lets through: the deliveries that
// have failed the least, so that one that always fails is not what an open
// circuit is tried with for ever.
func (c *carrier) admitted(window []Delivery) []Delivery {
	n, again := c.gate.admit(len(window))
	c.again = again
	if n == len(window) {
		return window
	}
	slices.SortStableFunc(window, func(a, b Delivery) int {
		return cmp.Compare(c.attempts[a.Seq].count, c.attempts[b.Seq].count)
	})
	window = window[:n]
	slices.SortFunc(window, func(a, b Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return window
}

// next returns the next window. It reads on while keys that wait for their next
// attempt leave room in it, so that they hold nobody else.
func (c *carrier) next(ctx context.Context) ([]Delivery, error) {
	p := c.policy()
	for {
		window := c.window(p.Window)
		if len(window) == p.Window || len(c.backlog) >= p.backlog() {
			return window, nil
		}
		var after int64
		if n := len(c.backlog); n > 0 {
			after = c.backlog[n-1].Seq
		}
		more, releases, err := c.outbox.Pending(ctx, c.name, c.shard, after, 2*p.Window)
		if err != nil || len(more) == 0 {
			return window, err
		}
		if releases != c.releases && after > 0 {
			c.backlog = nil // something was put back in line before what is known
			continue
		}
		c.backlog, c.releases = append(c.backlog, more...), releases
	}
}

// window picks the first delivery of each ordering key, up to size of them,
// leaving out keys whose first delivery waits for its next attempt.
func (c *carrier) window(size int) []Delivery {
	now := c.now()
	seen := make(map[string]bool, len(c.backlog))
	var window []Delivery
	for _, d := range c.backlog {
		if seen[d.OrderingKey] {
			continue
		}
		seen[d.OrderingKey] = true
		if now.Before(c.attempts[d.Seq].next) {
			continue
		}
		window = append(window, d)
		if len(window) == size {
			break
		}
	}
	return window
}

func (c *carrier) count(outcome string) {
	c.metrics.delivered.WithLabelValues(c.name, outcome).Inc()
}

func (c *carrier) drop(settled func(Delivery) bool) {
	c.backlog = slices.DeleteFunc(c.backlog, settled)
}
