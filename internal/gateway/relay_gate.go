package gateway

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// gate is what all shards of a channel share in one process: the circuit, the
// quota, and the pause that the other side asked for. It is safe for concurrent
// use.
type gate struct {
	channel string
	metrics *Metrics
	now     func() time.Time
	log     *slog.Logger

	mu     sync.Mutex
	policy Policy

	tokens float64 // deliveries that may go now
	filled time.Time

	paused   time.Time // the other side wants nothing before
	failures int       // in a row
	open     time.Time // since when the circuit is open; zero: it is closed
	reason   string    // of the failure that opened it
	looks    int       // deliveries tried in vain since
	probing  bool      // one of them is on its way
	probe    time.Time // when the next one may go
}

func newGate(channel string, metrics *Metrics, now func() time.Time, log *slog.Logger, p Policy) *gate {
	g := &gate{channel: channel, metrics: metrics, now: now, log: log.With("channel", channel)}
	g.update(p)
	return g
}

// update puts another policy in the place of the one before.
func (g *gate) update(p Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.policy.Rate != p.Rate {
		g.tokens, g.filled = math.Max(1, p.Rate), g.now()
	}
	g.policy = p
	if p.Circuit == 0 {
		g.open, g.failures, g.probing = time.Time{}, 0, false
	}
	g.show()
}

// show writes the gauge; g.mu is held.
func (g *gate) show() {
	up := 1.0
	if !g.open.IsZero() {
		up = 0
	}
	if g.policy.Circuit > 0 {
		g.metrics.channelUp.WithLabelValues(g.channel).Set(up)
	}
}

// admit returns how many of n deliveries may be published now; whoever gets some
// publishes them and hands the results to observe. When there are none, again
// is when to ask anew.
func (g *gate) admit(n int) (allowed int, again time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	switch {
	case n == 0:
		return 0, time.Time{}
	case now.Before(g.paused):
		return 0, g.paused
	case !g.open.IsZero() && g.probing:
		return 0, now.Add(g.policy.Longest)
	case !g.open.IsZero() && now.Before(g.probe):
		return 0, g.probe
	case !g.open.IsZero():
		n = 1
	}
	if allowed, again = g.spend(now, n); allowed > 0 && !g.open.IsZero() {
		g.probing = true
	}
	return allowed, again
}

// spend takes up to n deliveries off the quota. It lets none go before a tenth
// of a second's worth is there, so that a brisk trickle still goes in windows.
func (g *gate) spend(now time.Time, n int) (allowed int, again time.Time) {
	rate := g.policy.Rate
	if rate <= 0 {
		return n, time.Time{}
	}
	g.tokens = min(math.Max(1, rate), g.tokens+rate*now.Sub(g.filled).Seconds())
	g.filled = now
	if least := min(float64(n), math.Max(1, math.Floor(rate/10))); g.tokens < least {
		missing := time.Duration((least - g.tokens) / rate * float64(time.Second))
		return 0, now.Add(max(missing, time.Millisecond))
	}
	allowed = min(n, int(g.tokens))
	g.tokens -= float64(allowed)
	return allowed, time.Time{}
}

// observe learns what became of deliveries that were admitted.
func (g *gate) observe(ctx context.Context, results []error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	looking := g.probing
	g.probing = false
	for _, err := range results {
		switch {
		case errors.Is(err, context.Canceled): // our own end, and nothing of the channel
		case err == nil || !fault.KindOf(err).Retryable():
			g.answered(ctx)
		default:
			g.failed(ctx, fault.Of(err), looking)
		}
	}
}

func (g *gate) answered(ctx context.Context) {
	g.failures = 0
	if g.open.IsZero() {
		return
	}
	g.log.InfoContext(ctx, "channel available again", "after", g.now().Sub(g.open).Round(time.Millisecond), "tried", g.looks)
	g.open, g.looks = time.Time{}, 0
	g.show()
}

// maxRetryAfter bounds what the other side may ask for.
const maxRetryAfter = time.Hour

func (g *gate) failed(ctx context.Context, f *fault.Error, looking bool) {
	now := g.now()
	if f.Code == fault.CodeChannelUnavailable && f.RetryAfter > 0 {
		g.paused = later(g.paused, now.Add(min(f.RetryAfter, maxRetryAfter)))
	}
	g.failures++
	switch {
	case g.policy.Circuit == 0:
		return
	case g.open.IsZero() && g.failures >= g.policy.Circuit:
		g.open, g.reason, g.looks = now, f.Message, 0
		g.log.WarnContext(ctx, "channel unavailable", "code", string(f.Code), "reason", f.Message, "error", f.Cause, "failures", g.failures)
		g.show()
	case g.open.IsZero() || !looking: // the rest of a window that was on its way when it opened
		return
	default:
		g.looks++
	}
	g.probe = now.Add(backoff(g.policy.First, g.policy.Longest, g.looks+1))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// closed reports whether the circuit is closed.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open.IsZero()
}

// ChannelState is how a channel that has a circuit fares in this process.
type ChannelState struct {
	Name   string
	Up     bool      // the circuit is closed; a channel to which nothing is sent counts as working
	Since  time.Time // when it opened
	Reason string    // of the failure that opened it
}

func (g *gate) state() (s ChannelState, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s = ChannelState{Name: g.channel, Up: g.open.IsZero(), Since: g.open}
	if !s.Up {
		s.Reason = g.reason
	}
	return s, g.policy.Circuit > 0
}
