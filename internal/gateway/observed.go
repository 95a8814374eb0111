package gateway

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// observedStore is a store of which an outage hears what becomes of whatever the
// gateway asks by itself. What a caller or an operator waits for tells him.
type observedStore struct {
	Store
	outage *outage
}

// observed has do ask for something, with the outage looking on.
func observed[T any](ctx context.Context, o *outage, do func() (T, error)) (out T, err error) {
	err = o.during(ctx, func() (err error) {
		out, err = do()
		return err
	})
	return out, err
}

// Schema implements Store.
func (s observedStore) Schema(ctx context.Context, mappings ...*mapping.Mapping) (mapping.Schema, error) {
	return observed(ctx, s.outage, func() (mapping.Schema, error) { return s.Store.Schema(ctx, mappings...) })
}

// Acquire implements Outbox.
func (s observedStore) Acquire(ctx context.Context, channel string, shard int, owner string, ttl time.Duration) (l Lease, ok bool, err error) {
	err = s.outage.during(ctx, func() (err error) {
		l, ok, err = s.Store.Acquire(ctx, channel, shard, owner, ttl)
		return err
	})
	return l, ok, err
}

// Pending implements Outbox.
func (s observedStore) Pending(ctx context.Context, channel string, shard int, after int64, limit int) (page Page, err error) {
	err = s.outage.during(ctx, func() (err error) {
		page, err = s.Store.Pending(ctx, channel, shard, after, limit)
		return err
	})
	return page, err
}

// Confirm implements Outbox.
func (s observedStore) Confirm(ctx context.Context, l Lease, seqs []int64) error {
	return s.outage.during(ctx, func() error { return s.Store.Confirm(ctx, l, seqs) })
}

// Park implements Outbox.
func (s observedStore) Park(ctx context.Context, l Lease, seq int64, code, reason string, attempts int) error {
	return s.outage.during(ctx, func() error { return s.Store.Park(ctx, l, seq, code, reason, attempts) })
}

// Skip implements Outbox.
func (s observedStore) Skip(ctx context.Context, l Lease, seq int64, code, reason string, attempts int) error {
	return s.outage.during(ctx, func() error { return s.Store.Skip(ctx, l, seq, code, reason, attempts) })
}

// Responded implements Outbox.
func (s observedStore) Responded(ctx context.Context, l Lease, responses []Response) error {
	return s.outage.during(ctx, func() error { return s.Store.Responded(ctx, l, responses) })
}

// Due implements Lot.
func (s observedStore) Due(ctx context.Context, now time.Time, limit int, except []string) ([]Held, error) {
	return observed(ctx, s.outage, func() ([]Held, error) { return s.Store.Due(ctx, now, limit, except) })
}

// Jobs implements Jobs.
func (s observedStore) Jobs(ctx context.Context, state JobState, limit int) ([]Job, error) {
	return observed(ctx, s.outage, func() ([]Job, error) { return s.Store.Jobs(ctx, state, limit) })
}

// JobItems implements Jobs.
func (s observedStore) JobItems(ctx context.Context, id ID, limit int) ([]ID, error) {
	return observed(ctx, s.outage, func() ([]ID, error) { return s.Store.JobItems(ctx, id, limit) })
}

// SettleJob implements Jobs.
func (s observedStore) SettleJob(ctx context.Context, id ID, items []JobItem, streak int, cause string) error {
	return s.outage.during(ctx, func() error { return s.Store.SettleJob(ctx, id, items, streak, cause) })
}

// LedgerRoutes implements Archive.
func (s observedStore) LedgerRoutes(ctx context.Context) ([]string, error) {
	return observed(ctx, s.outage, func() ([]string, error) { return s.Store.LedgerRoutes(ctx) })
}

// Purge implements Archive.
func (s observedStore) Purge(ctx context.Context, p Portion) (Purged, error) {
	return observed(ctx, s.outage, func() (Purged, error) { return s.Store.Purge(ctx, p) })
}

// Try implements Suspects.
func (s observedStore) Try(ctx context.Context, origin Digest) (int, error) {
	return observed(ctx, s.outage, func() (int, error) { return s.Store.Try(ctx, origin) })
}

// Tried implements Suspects.
func (s observedStore) Tried(ctx context.Context, origin Digest) error {
	return s.outage.during(ctx, func() error { return s.Store.Tried(ctx, origin) })
}
