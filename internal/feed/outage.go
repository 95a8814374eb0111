package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// State is whether a feed can be gone on with.
type State struct {
	Up     bool
	Since  time.Time  // when it began; zero: the feed was never down
	Code   fault.Code // why it is not up
	Reason string     // the public sentence
}

// State returns how it stands with the feed in this process. It is safe for concurrent
// use.
func (f *Feed) State() State { return f.outage.current() }

// outage logs the beginning and the end of the time when a feed cannot be gone on with,
// once each.
type outage struct {
	mu    sync.Mutex
	state State
	tries int // in vain, since it began
}

const (
	// firstPause is how soon a round that failed is tried again; then each pause is twice
	// the one before, up to Every or longestPause.
	firstPause   = time.Second
	longestPause = 5 * time.Minute
)

// ofPlace reports whether the place is why a round failed, which may be so in this process
// alone.
func ofPlace(err error) bool {
	if err == nil {
		return false
	}
	switch fault.Of(err).Code {
	case fault.CodeFeedUnavailable, fault.CodeFeedDenied, fault.CodeFeedNoBucket, fault.CodeFeedConditions, fault.CodeFeedContent:
		return true
	}
	return false
}

// judge notes how a round ended, and returns how long to wait for the next.
func (f *Feed) judge(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0 // our own end
	}
	if err == nil || errors.Is(err, ErrElsewhere) {
		f.metrics.round(f.config.Name, true)
		f.outage.up(ctx, f.now(), f.log.With("feed", f.config.Name))
		return f.config.Every
	}
	reason := fault.Of(err)
	f.metrics.round(f.config.Name, false)
	f.metrics.failed(f.config.Name, string(reason.Code))
	tries := f.outage.down(ctx, f.now(), reason, err, f.log.With("feed", f.config.Name, "place", f.place.String()))
	return pause(tries, f.config.Every)
}

func pause(tries int, every time.Duration) time.Duration {
	longest := min(max(every, firstPause), longestPause)
	return min(firstPause<<min(tries-1, 20), longest)
}

func (o *outage) down(ctx context.Context, now time.Time, reason *fault.Error, err error, log *slog.Logger) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	if o.tries == 1 {
		o.state.Since = now
		log.WarnContext(ctx, "feed not gone on with; it is tried again", "code", string(reason.Code), "reason", reason.Message, "error", err)
	}
	o.state = State{Since: o.state.Since, Code: reason.Code, Reason: reason.Message}
	return o.tries
}

func (o *outage) up(ctx context.Context, now time.Time, log *slog.Logger) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tries > 0 {
		log.InfoContext(ctx, "feed gone on with again", "after", now.Sub(o.state.Since).Round(time.Millisecond), "tries", o.tries)
		o.state = State{Since: now}
	}
	o.state.Up, o.tries = true, 0
}

func (o *outage) current() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state
	s.Up = o.tries == 0
	return s
}
