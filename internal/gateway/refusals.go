package gateway

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	maxReason        = 1000 // characters of a refusal's reason
	refusalsPerFlush = 500
	refusalInterval  = 250 * time.Millisecond
	refusalTimeout   = 10 * time.Second
)

// refusals gathers who was turned away and writes it off the request path:
// equal refusals within one flush become one row with a count, so that a
// caller in a loop costs one row per interval and no memory. Who is not known
// may say something new each time: all that one stranger is refused for under
// one code is equal, and the row gives the first reason.
type refusals struct {
	ledger Ledger
	log    *slog.Logger

	mu      sync.Mutex
	waiting map[refusalKey]*Refusal
	order   []refusalKey
	lost    int
	down    bool
}

type refusalKey struct{ endpoint, route, principal, code, remote, reason string }

func newRefusals(ledger Ledger, log *slog.Logger) *refusals {
	return &refusals{ledger: ledger, log: log, waiting: map[refusalKey]*Refusal{}}
}

func (r *refusals) add(one Refusal) {
	key := refusalKey{one.Endpoint, one.Route, one.Principal, one.Code, one.Remote, one.Reason}
	if one.Principal == "" {
		key.reason = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if same := r.waiting[key]; same != nil {
		same.Count++
		return
	}
	if len(r.order) >= refusalsPerFlush {
		r.lost++
		return
	}
	r.waiting[key] = &one
	r.order = append(r.order, key)
}

// run flushes until ctx ends, and once more then.
func (r *refusals) run(ctx context.Context) {
	tick := time.NewTicker(refusalInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.flush(ctx)
		case <-ctx.Done():
			r.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

func (r *refusals) flush(ctx context.Context) {
	batch, lost := r.take()
	if lost > 0 {
		r.log.WarnContext(ctx, "refusals not recorded", "count", lost)
	}
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refusalTimeout)
	defer cancel()
	err := r.ledger.Refuse(ctx, batch)
	if err != nil && !r.down {
		r.log.WarnContext(ctx, "refusals wait for the store", "error", err)
	}
	r.down = err != nil
	if err != nil {
		r.putBack(batch)
	}
}

func (r *refusals) take() ([]Refusal, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := make([]Refusal, 0, len(r.order))
	for _, key := range r.order {
		batch = append(batch, *r.waiting[key])
	}
	lost := r.lost
	clear(r.waiting)
	r.order, r.lost = r.order[:0], 0
	return batch, lost
}

func (r *refusals) putBack(batch []Refusal) {
	for _, one := range batch {
		r.add(one)
	}
}

// truncate cuts s to n characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
