package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// calm is how long nothing that is asked of the store may fail before an outage
// is over for the log. It is longer than anybody pauses who tries again and again.
const calm = 10 * time.Second

// moment is as much for the metric, which says how it is now: it is short, and as
// long as a store that fails a part of what it is asked does not look well between
// one failure and the next.
const moment = 2 * time.Second

// outage knows whether the store is away, and logs where that begins and where it
// ends, once each. Some of what is asked may time out while the rest is answered,
// and a timeout is told of long after it began; so an outage ends when something
// was answered that was asked after a while without failures, and when nothing
// that was asked earlier is still open. The metric does not wait for that: it is up
// again with the first answer to what was asked a moment after the last failure. It is
// safe for concurrent use.
type outage struct {
	metrics *Metrics
	log     *slog.Logger
	now     func() time.Time

	mu     sync.Mutex
	asked  uint64              // how many questions there were
	open   map[uint64]struct{} // those without an answer
	down   bool
	failed time.Time // when the last question failed
}

func newOutage(metrics *Metrics, now func() time.Time, log *slog.Logger) *outage {
	return &outage{metrics: metrics, log: log, now: now, open: map[uint64]struct{}{}}
}

// question is something asked of the store.
type question struct {
	number uint64
	at     time.Time
}

// ask notes that something is asked; answered has to follow.
func (o *outage) ask() question {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	o.open[o.asked] = struct{}{}
	return question{o.asked, o.now()}
}

// answered notes what a question came to. Whoever stopped waiting says nothing of
// the store, and nor does any fault but one.
func (o *outage) answered(ctx context.Context, q question, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, q.number)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
	case err == nil:
		if o.down && q.at.Sub(o.failed) >= moment {
			o.metrics.storeUp.Set(1)
		}
		if o.down && q.at.Sub(o.failed) >= calm && o.oldest(q) {
			o.down = false
			o.log.InfoContext(ctx, "store available again")
		}
	case fault.Of(err).Code == fault.CodeStoreUnavailable:
		o.failed = o.now()
		o.metrics.storeUp.Set(0)
		if !o.down {
			o.down = true
			o.log.WarnContext(ctx, "store unavailable", "error", err)
		}
	}
}

// oldest reports whether nothing is open that was asked before q.
func (o *outage) oldest(q question) bool {
	for number := range o.open {
		if number < q.number {
			return false
		}
	}
	return true
}

// during has do ask something of the store.
func (o *outage) during(ctx context.Context, do func() error) error {
	q := o.ask()
	err := do()
	o.answered(ctx, q, err)
	return err
}
