package gateway

import (
	"context"
	"errors"
	"time"
)

// ErrLeaseLost says that another owner relays the shard by now.
var ErrLeaseLost = errors.New("lease lost")

// hold takes or renews the lease when a third of its time has passed. Who cannot
// ask does nothing under the old one, but keeps what the channel has taken: should
// the lease still be his when he can, it is recorded and not published again.
func (c *carrier) hold(ctx context.Context) (bool, error) {
	now := c.now()
	if c.lease.Owner != "" && now.Sub(c.renewed) < c.config.LeaseTTL/3 {
		return true, nil
	}
	lease, ok, err := c.outbox.Acquire(ctx, c.name, c.shard, c.owner, c.config.LeaseTTL)
	if err != nil {
		return false, err
	}
	if !ok {
		c.forget()
		return false, nil
	}
	// Another owner may have settled some of it meanwhile, or an operator put
	// something back in line before it.
	c.line.empty()
	if lease.Fence != c.lease.Fence {
		c.forget()
	}
	c.lease, c.renewed = lease, now // counted from before the call: never longer than the store counts
	return true, nil
}

// whileHeld returns a context that ends before the lease could have passed to
// another owner, and renews the lease as long as that context is in use: what
// goes out over HTTP may take its time. The lease is not renewed once the
// carrier is to stop. done is called before anything else is done with the
// carrier.
func (c *carrier) whileHeld(ctx context.Context) (held context.Context, done func()) {
	held, end := context.WithCancel(ctx)
	finished, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer end()
		c.renew(ctx, finished)
	}()
	return held, func() {
		close(finished)
		<-ended
	}
}

// renew returns when finished is closed, or when the lease may be lost soon.
func (c *carrier) renew(ctx context.Context, finished <-chan struct{}) {
	ttl, stopping := c.config.LeaseTTL, c.stopping
	safe := func() time.Duration { return ttl - ttl/5 - c.now().Sub(c.renewed) } // time left
	next := ttl/3 - c.now().Sub(c.renewed)
	for {
		timer := time.NewTimer(min(max(next, 0), max(safe(), 0)))
		select {
		case <-finished:
			timer.Stop()
			return
		case <-stopping:
			timer.Stop()
			stopping, next = nil, ttl // never again
			continue
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		if safe() <= 0 {
			c.lapsed(ctx)
			return
		}
		now := c.now()
		asking, cancel := context.WithTimeout(ctx, safe())
		lease, ok, err := c.outbox.Acquire(asking, c.name, c.shard, c.owner, ttl)
		cancel()
		switch {
		case err != nil:
			next = ttl / 15
		case !ok || lease.Fence != c.lease.Fence:
			c.lapsed(ctx)
			return
		default:
			c.renewed, next = now, ttl/3
			c.stale.Store(true) // as at any other renewal
		}
	}
}

// lapsed tells that what is being published ends before its time. Nobody knows what
// of it the channel has taken: it may go out again.
func (c *carrier) lapsed(ctx context.Context) {
	c.log.InfoContext(ctx, "lease lapsed", "renewed_before", c.now().Sub(c.renewed))
}

// release gives the lease back, so that the next process need not wait for its
// end. Without success that is what it does.
func (c *carrier) release(ctx context.Context) {
	if c.lease.Owner == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := c.outbox.Acquire(ctx, c.name, c.shard, c.owner, 0); err != nil {
		c.log.WarnContext(ctx, "lease not given back", "error", err)
	}
	c.forget()
}

// forget gives up the shard, and what is known of it.
func (c *carrier) forget() {
	c.lease, c.taken, c.asked, c.responses = Lease{}, nil, 0, nil
	c.line.forget()
}
