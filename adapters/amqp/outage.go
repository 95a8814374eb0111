package amqp

import (
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// outage logs the beginning and the end of a channel's outage, once each.
type outage struct {
	log   *slog.Logger
	clock Clock

	mu     sync.Mutex
	since  time.Time // zero while the channel works
	reason string    // the first failure's
	calls  int       // that failed during the outage
}

// observe judges one call: any delivery without a fate is an outage; otherwise
// any answer of the broker ends it.
func (o *outage) observe(results []error) {
	answered := false
	for _, err := range results {
		f := fault.Of(err)
		if f != nil && f.Code == fault.CodeChannelUnavailable {
			o.down(f)
			return
		}
		answered = answered || f == nil || f.Code == fault.CodeUnroutable
	}
	if answered {
		o.up()
	}
}

func (o *outage) down(f *fault.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	if o.since.IsZero() {
		o.since, o.reason = o.clock.Now(), f.Message
		o.log.Warn("channel unavailable", "code", string(f.Code), "reason", f.Message, "error", f.Cause)
	}
}

func (o *outage) up() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	o.log.Info("channel available again", "after", o.clock.Now().Sub(o.since).Round(time.Millisecond), "calls", o.calls)
	o.since, o.calls = time.Time{}, 0
}

// current is up until a delivery had no fate. Since is when it went down.
func (o *outage) current() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return State{Up: true}
	}
	return State{Since: o.since, Reason: o.reason}
}
