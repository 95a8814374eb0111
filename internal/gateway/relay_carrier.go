package gateway

import (
	"cmp"
	"context"
	"errors"
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
	stale     atomic.Bool // an operator may have parked some of line
	line      *line       // read and not settled yet
	releases  int64       // of the shard, when line was read
	exhausted atomic.Bool // nothing waited behind line when it was read last
	missed    atomic.Bool // something was committed that line was not handed
	looked    time.Time   // when the shard was last read from its beginning
	brought   bool        // the last reading brought something that was not handed over
	taken     []int64     // confirmed by the channel, not yet recorded
	asked     int         // how many of them the store was asked to record, and did not say that it has
	responses []Response  // of the other side, not yet recorded
	lease     Lease
	renewed   time.Time // when the lease was last renewed, by our own clock
	failures  int       // rounds in a row that failed as a whole
	down      bool
}

func (c *carrier) policy() *Policy { return &c.channel.Load().Policy }

// drainTime bounds how long a carrier that is to stop goes on. Of a long backlog the
// rest is left to the next owner: whoever kills a process that takes too long to end
// has what it published go out again.
const drainTime = 5 * time.Second

func (c *carrier) run(ctx context.Context) {
	var latest time.Time // of a carrier that is to stop
	for {
		more, err := c.round(ctx)
		stopping := c.isStopping()
		if stopping && latest.IsZero() {
			latest = c.now().Add(drainTime)
		}
		if ctx.Err() != nil || stopping && (err != nil || !more || c.now().After(latest)) {
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

// edge logs where the shard waits for its own reasons, and where that ends, once
// each. An outage of the store has one line for everybody, and a channel's is the
// publisher's to log.
func (c *carrier) edge(ctx context.Context, err error) {
	own := err != nil && fault.Of(err).Code != fault.CodeChannelUnavailable && fault.Of(err).Code != fault.CodeStoreUnavailable
	switch {
	case err == nil && c.down:
		c.log.InfoContext(ctx, "relay resumed")
	case own && !c.down:
		c.log.WarnContext(ctx, "relay waits", "error", err)
	}
	c.down = own || c.down && err != nil
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

// round publishes what waits: as long as it flows, or one window of it. more says
// that there may be more to do at once.
func (c *carrier) round(ctx context.Context) (more bool, err error) {
	more, err = c.carry(ctx)
	if errors.Is(err, ErrLeaseLost) {
		c.forget()
	}
	if err != nil {
		c.line.empty() // before the next attempt an operator may have parked some of it
	}
	return more && err == nil, err
}

func (c *carrier) carry(ctx context.Context) (more bool, err error) {
	if c.stale.Swap(false) {
		c.line.empty()
	}
	if held, err := c.hold(ctx); err != nil || !held {
		return false, err
	}
	c.again = time.Time{}
	// What the channel took while the store was away is recorded, not published again.
	if err := c.record(ctx); err != nil {
		return false, err
	}
	channel := c.channel.Load()
	if err := c.fetch(ctx, channel.Policy); err != nil {
		return false, err
	}
	if streamer, ok := channel.Publisher.(Streamer); ok && channel.Policy.flows() {
		return c.flow(ctx, streamer, channel.Policy)
	}
	return c.publishWindow(ctx, channel)
}

// publishWindow publishes the first deliveries of as many keys, and waits for all
// of them.
func (c *carrier) publishWindow(ctx context.Context, channel *Channel) (more bool, err error) {
	window := c.admitted(c.window(channel.Policy.Window))
	if len(window) == 0 {
		return false, nil
	}
	failpoint.Hit("relay-read")
	results, responses := c.publish(ctx, channel.Publisher, window)
	failpoint.Hit("relay-published")
	c.gate.observe(ctx, results)
	c.keepResponses(window, results, responses)
	for i := range window {
		if results[i] == nil {
			c.line.settle(&window[i])
		}
	}
	err = errors.Join(c.settle(ctx, window, results), c.record(ctx))
	return true, err
}

// admitted leaves of a window what the gate lets through: the deliveries that
// have failed the least, so that one that always fails is not what an open
// circuit is tried with for ever. The others go back into the line.
func (c *carrier) admitted(window []Delivery) []Delivery {
	n, again := c.gate.admit(len(window))
	c.again = again
	if n == len(window) {
		return window
	}
	slices.SortStableFunc(window, func(a, b Delivery) int {
		return cmp.Compare(c.line.attempted(a.Seq).count, c.line.attempted(b.Seq).count)
	})
	for i := n; i < len(window); i++ {
		c.line.back(&window[i])
	}
	window = window[:n]
	slices.SortFunc(window, func(a, b Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return window
}

// fetch fills the line. It reads on while keys that wait for their next attempt
// leave room in a window, so that they hold nobody else. What is open is read only
// where something is missing, as long as that brings what others have committed, and
// now and then from its beginning: others put back in line, too.
func (c *carrier) fetch(ctx context.Context, p Policy) error {
	c.line.rouse()
	now, open := c.now(), c.line.isOpen()
	due := now.Sub(c.looked) >= c.config.Poll
	missed := c.missed.Swap(false)
	if open && !missed && !due && !c.brought {
		return nil
	}
	c.exhausted.Store(false)
	if _, size := c.line.counts(); open && due || !open && size == 0 {
		c.line.empty() // what was put back in line may come before its end
		c.looked = now
	}
	for c.hungry(p, p.Window) {
		released, err := c.read(ctx, p)
		if err != nil {
			return err
		}
		if released {
			c.line.empty()
		}
	}
	return nil
}

// hungry reports whether to read on, so that so many deliveries are ready.
func (c *carrier) hungry(p Policy, enough int) bool {
	ready, size := c.line.counts()
	return !c.exhausted.Load() && ready < enough && size < p.backlog()
}

// read reads one page of what waits behind the line. It adds nothing when
// something was put back in line before what is known: then the line has to be
// read anew.
func (c *carrier) read(ctx context.Context, p Policy) (released bool, err error) {
	after, most := c.line.begin(), 2*p.Window
	page, err := c.outbox.Pending(ctx, c.name, c.shard, after, most)
	if err != nil {
		c.line.close()
		return false, err
	}
	more := page.Deliveries
	if len(more) > 0 && page.Releases != c.releases && after > 0 {
		c.line.close()
		return true, nil
	}
	end := len(more) < most
	c.releases = page.Releases
	c.line.add(more)
	c.brought = len(more) > 0
	gap := c.line.learned(&page, end)
	c.exhausted.Store(end && !gap)
	return false, nil
}

// window takes the first delivery of each ordering key, up to size of them,
// leaving out keys whose first delivery waits for its next attempt.
func (c *carrier) window(size int) []Delivery {
	var window []Delivery
	for len(window) < size {
		d := c.line.take()
		if d == nil {
			break
		}
		window = append(window, *d)
	}
	return window
}

func (c *carrier) count(outcome string) {
	c.metrics.delivered.WithLabelValues(c.name, outcome).Inc()
}
