package gateway

import (
	"context"
	"errors"
)

// ErrLeaseLost says that another owner relays the shard by now.
var ErrLeaseLost = errors.New("lease lost")

// hold takes or renews the lease when a third of its time has passed.
func (c *carrier) hold(ctx context.Context) (bool, error) {
	now := c.now()
	if c.lease.Owner != "" && now.Sub(c.renewed) < c.config.LeaseTTL/3 {
		return true, nil
	}
	lease, ok, err := c.outbox.Acquire(ctx, c.channel, c.shard, c.owner, c.config.LeaseTTL)
	if err != nil || !ok {
		c.forget()
		return false, err
	}
	// Another owner may have settled some of it meanwhile, or an operator put
	// something back in line before it.
	c.backlog = nil
	if lease.Fence != c.lease.Fence {
		c.taken = nil
	}
	c.lease, c.renewed = lease, now // counted from before the call: never longer than the store counts
	return true, nil
}

// release gives the lease back, so that the next process need not wait for its
// end. Without success that is what it does.
func (c *carrier) release(ctx context.Context) {
	if c.lease.Owner == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := c.outbox.Acquire(ctx, c.channel, c.shard, c.owner, 0); err != nil {
		c.log.WarnContext(ctx, "lease not given back", "error", err)
	}
	c.forget()
}

// forget gives up the shard, and what was read of it.
func (c *carrier) forget() { c.lease, c.backlog, c.taken = Lease{}, nil, nil }
