package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// purger removes what has been kept long enough, round by round. One process
// does so for all: it holds a lease like a shard's, for two rounds, so that
// another one takes over when it ends without a word.
//
// It is nobody's haste: after each portion it rests some times as long as the
// portion took, longer while messages wait for their commit, and a portion is
// made as small as it takes for no commit to wait long.
type purger struct {
	gateway *Gateway
	owner   string
	rest    func(ctx context.Context, d time.Duration) // until d has passed or ctx ends
	renewed time.Time
	limits  map[Stock]int
	// cursors say how far a stock has been looked through, so that what has to
	// stay is not looked at each time. They are forgotten once a day: what had to
	// stay may go by then.
	cursors map[cursor]ID
	began   time.Time
}

type cursor struct {
	stock Stock
	keep  time.Duration
}

const (
	purgeLease = "gateway.purge" // in the place of a channel's name

	// How many messages a portion has: no statement removes more rows of a table
	// than SQL Server locks one by one.
	smallestPortion, firstPortion, largestPortion = 20, 200, 2000

	// portionTime is what a portion should keep others from writing at most.
	portionTime = 10 * time.Millisecond
	// For each unit of time that a portion took, so many are rested.
	restQuiet, restBusy = 4, 20
	longestRest         = 2 * time.Second

	purgeTimeout = time.Minute
	purgeAgain   = time.Minute // after a failure
)

func newPurger(g *Gateway, owner string) *purger {
	return &purger{gateway: g, owner: owner, rest: restFor, limits: map[Stock]int{}, cursors: map[cursor]ID{}}
}

func restFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// run makes rounds until ctx ends. A portion that has been begun is brought to
// its end.
func (p *purger) run(ctx context.Context) {
	defer p.release(ctx)
	for ctx.Err() == nil {
		every := p.retention().Every
		if err := p.round(ctx); err != nil {
			every = min(every, purgeAgain)
		}
		p.rest(ctx, every)
	}
}

func (p *purger) retention() Retention {
	generation := p.gateway.hold()
	defer generation.letGo()
	return generation.Retention.Effective()
}

// round removes everything that is due, unless another process does.
func (p *purger) round(ctx context.Context) error {
	if held, err := p.hold(ctx); err != nil || !held {
		return err
	}
	began := p.gateway.now()
	portions, err := p.due(ctx)
	if err != nil {
		return err
	}
	removed := map[string]int64{}
	for _, d := range portions {
		if err = p.drain(ctx, d, removed); err != nil || ctx.Err() != nil {
			break
		}
	}
	p.tell(ctx, removed, p.gateway.now().Sub(began))
	if err == nil && ctx.Err() == nil {
		err = p.sweep(ctx)
	}
	if err == nil && ctx.Err() == nil {
		p.gateway.config.Metrics.purgedAt.Set(float64(p.gateway.now().Unix()))
	}
	return err
}

// due is a portion that a stock is drained by, and where it goes on.
type due struct {
	Portion
	at *cursor // nil: from the oldest
}

// due lists what is to be removed now by the running configuration.
func (p *purger) due(ctx context.Context) ([]due, error) {
	now := p.gateway.now().UTC()
	if now.Sub(p.began) >= day {
		clear(p.cursors)
		p.began = now
	}
	routes, err := p.gateway.store.LedgerRoutes(ctx)
	if err != nil {
		return nil, err
	}
	generation := p.gateway.hold()
	defer generation.letGo()
	var out []due
	for _, c := range generation.classes(func(r RouteRetention) time.Duration { return r.Inbox }) {
		out = append(out, c.due(StockInbox, now))
	}
	for _, c := range generation.classes(func(r RouteRetention) time.Duration { return r.Payloads }) {
		out = append(out, c.due(StockPayloads, now))
	}
	longest := time.Duration(0)
	for _, route := range routes {
		if keep := generation.Retention.Of(generation.retentionOf(route)).Ledger; keep != Forever {
			longest = max(longest, keep)
			out = append(out, due{Portion: Portion{Of: StockLedger, Route: route, Before: now.Add(-keep)}})
		}
	}
	r := generation.Retention.Effective()
	for _, rest := range []struct {
		of   Stock
		keep time.Duration
	}{
		{StockReplayed, r.Closed}, {StockDiscarded, r.Closed}, {StockRefusals, r.Refusals}, {StockSuspects, r.Suspects},
		{StockJobs, r.Closed}, {StockRelayed, orDefault(longest, Forever)}, {StockChanges, r.Changes}, {StockAudit, generation.auditKeep(routes)},
	} {
		if rest.keep != Forever {
			out = append(out, due{Portion: Portion{Of: rest.of, Before: now.Add(-rest.keep)}})
		}
	}
	return out, nil
}

// auditKeep is how long the batches of the audit trail are kept: unless it is
// said, as long as any message is that they could be compared with.
func (g *Generation) auditKeep(routes []string) time.Duration {
	r := g.Retention.Effective()
	if r.Audit != 0 {
		return r.Audit
	}
	keep := r.Ledger
	for _, route := range routes {
		keep = max(keep, r.Of(g.retentionOf(route)).Ledger)
	}
	return keep
}

func (c class) due(of Stock, now time.Time) due {
	return due{
		Portion{Of: of, Before: now.Add(-c.keep), Spare: func(route string) bool { return !c.member(route) }},
		&cursor{of, c.keep},
	}
}

// drain removes portion after portion.
func (p *purger) drain(ctx context.Context, d due, removed map[string]int64) error {
	if d.at != nil {
		d.After = p.cursors[*d.at]
	}
	for more := true; more && ctx.Err() == nil; {
		if held, err := p.hold(ctx); err != nil || !held {
			return err
		}
		d.Limit = orDefault(p.limits[d.Of], firstPortion)
		began := time.Now()
		got, err := p.portion(ctx, d.Portion)
		if err != nil {
			return err
		}
		for table, n := range got.Rows {
			removed[table] += n
			p.gateway.config.Metrics.purged.WithLabelValues(table).Add(float64(n))
		}
		p.limits[d.Of] = sized(d.Limit, got.Held)
		d.After, more = got.Next, got.More
		if d.at != nil {
			p.cursors[*d.at] = got.Next
		}
		if more {
			p.pace(ctx, time.Since(began))
		}
	}
	return nil
}

func (p *purger) portion(ctx context.Context, d Portion) (Purged, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeTimeout)
	defer cancel()
	got, err := p.gateway.store.Purge(ctx, d)
	if err != nil {
		return got, fmt.Errorf("removing what is old (%s): %w", d.Of, err)
	}
	return got, nil
}

// sized is how many messages the next portion has, after one that kept others
// waiting for so long.
func sized(limit int, held time.Duration) int {
	switch {
	case held > portionTime:
		return max(smallestPortion, limit/2)
	case held < portionTime/2:
		return min(largestPortion, limit*2)
	}
	return limit
}

// pace rests after a portion.
func (p *purger) pace(ctx context.Context, took time.Duration) {
	times := time.Duration(restQuiet)
	if p.gateway.lanes.queued(0) {
		times = restBusy
	}
	p.rest(ctx, min(longestRest, times*took))
}

// hold takes the lease or renews it when half of a round has passed.
func (p *purger) hold(ctx context.Context) (bool, error) {
	every, now := p.retention().Every, p.gateway.now()
	if !p.renewed.IsZero() && now.Sub(p.renewed) < every/2 {
		return true, nil
	}
	_, held, err := p.gateway.store.Acquire(ctx, purgeLease, 0, p.owner, 2*every)
	p.renewed = time.Time{}
	if held && err == nil {
		p.renewed = now
	}
	return held, err
}

func (p *purger) release(ctx context.Context) {
	if p.renewed.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.gateway.relay.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := p.gateway.store.Acquire(ctx, purgeLease, 0, p.owner, 0); err != nil {
		p.gateway.log.WarnContext(ctx, "lease not given back", "lease", purgeLease, "error", err)
	}
}

// tell writes the one line about a round in which something was removed.
func (p *purger) tell(ctx context.Context, removed map[string]int64, took time.Duration) {
	attrs := []any{"took", took}
	for _, table := range slices.Sorted(maps.Keys(removed)) {
		if removed[table] > 0 {
			attrs = append(attrs, table, removed[table])
		}
	}
	if len(attrs) > 2 {
		p.gateway.log.InfoContext(ctx, "old rows removed", attrs...)
	}
}
