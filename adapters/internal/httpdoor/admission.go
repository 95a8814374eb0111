package httpdoor

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// places is a number of things that may be held at once; whoever finds none
// free is turned away, never queued: a queue in front of a full gateway only
// makes every caller late.
type places chan struct{}

func newPlaces(n int) places { return make(places, n) }

// take returns false when all places are taken.
func (p places) take() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) free() { <-p }

// wait takes a place as soon as one is free, unless ctx ends before.
func (p places) wait(ctx context.Context) bool {
	select {
	case p <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// largeAtOnce is how many large bodies the core has in hand at once: prepared,
// each takes several times its size. Others wait, whole, and take nothing but
// themselves: of the budget for large bodies, which bounds how many can.
const largeAtOnce = 64

// budget is a number of bytes that may be held at once. Like places, it turns
// away and never queues.
type budget struct {
	most int64
	held atomic.Int64
}

// take returns false when there is not so much left.
func (b *budget) take(n int64) bool {
	if b.held.Add(n) <= b.most {
		return true
	}
	b.held.Add(-n)
	return false
}

func (b *budget) free(n int64) { b.held.Add(-n) }

// callers counts the requests of each caller that are worked on.
type callers struct {
	most int
	mu   sync.Mutex
	busy map[string]int
}

func newCallers(most int) *callers { return &callers{most: most, busy: map[string]int{}} }

// take returns false when the caller has all that it may have.
func (c *callers) take(caller string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[caller] >= c.most {
		return false
	}
	c.busy[caller]++
	return true
}

func (c *callers) free(caller string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[caller]--; c.busy[caller] == 0 {
		delete(c.busy, caller)
	}
}

// callerOf is an address without its port.
func callerOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
