package sqlstore

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Acquire takes or renews the lease of a shard for ttl. Whose clock tells
// whether a lease has run out is the dialect's choice: the server's, where
// several machines share it.
func (s *Store) Acquire(ctx context.Context, channel string, shard int, owner string, ttl time.Duration) (gateway.Lease, bool, error) {
	l := gateway.Lease{Channel: channel, Shard: shard, Owner: owner}
	held := false
	err := s.write(ctx, func(q Querier) (err error) {
		held, err = s.acquire(ctx, q, l, ttl)
		if err != nil || !held {
			return err
		}
		return q.QueryRowContext(ctx, s.text.readLease, channel, shard, owner).Scan(&l.Fence)
	})
	if err != nil && s.dialect.Classify(err) == Raced {
		return gateway.Lease{}, false, nil // another owner opened it at the same moment
	}
	if err != nil || !held {
		return gateway.Lease{}, false, s.fail("taking a lease", err)
	}
	return l, true, nil
}

func (s *Store) acquire(ctx context.Context, q Querier, l gateway.Lease, ttl time.Duration) (bool, error) {
	args := []any{l.Channel, l.Shard, l.Owner, s.dialect.Time(s.now()), ttl.Milliseconds()}
	for _, text := range []string{s.text.takeLease, s.text.openLease} {
		done, err := q.ExecContext(ctx, text, args...)
		if err != nil {
			return false, err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// Pending returns up to limit deliveries after seq, in sequence. Deliveries
// after a parked one of their ordering key are not among them. One statement
// reads them and what is said of the shard, so that all of it agrees.
func (s *Store) Pending(ctx context.Context, channel string, shard int, after int64, limit int) (gateway.Page, error) {
	if after == 0 {
		return s.fromBeginning(ctx, stand{channel, shard}, limit)
	}
	return s.pending(ctx, stand{channel, shard}, after, limit)
}

func (s *Store) pending(ctx context.Context, place stand, after int64, limit int) (page gateway.Page, err error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.pending, place.channel, place.shard, after, limit)
	if err != nil {
		return gateway.Page{}, s.fail("reading the outbox", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d gateway.Delivery
		err := rows.Scan(&d.Channel, &d.Shard, &d.Seq, &d.WireID, scanID(&d.MessageID), &d.OrderingKey, &d.RoutingKey, &d.Type,
			&d.ContentType, &d.Correlation, &d.TraceParent, s.dialect.ScanTime(&d.CreatedAt), &d.Body, &page.Releases, &page.Blocked)
		if err != nil {
			return gateway.Page{}, s.fail("reading the outbox", err)
		}
		page.Deliveries = append(page.Deliveries, d)
	}
	return page, s.fail("reading the outbox", rows.Err())
}

// Confirm records that the deliveries were taken by the channel and removes
// them, unless the lease was lost. It may be called again with the same window
// when it is not known whether the first call was heard.
func (s *Store) Confirm(ctx context.Context, l gateway.Lease, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	list, err := json.Marshal(seqs)
	if err != nil {
		return err
	}
	at, runs := s.dialect.Time(s.now()), windows(seqs)
	return s.holding(ctx, "confirming deliveries", l, func(q Querier) error {
		numbers := s.dialect.Document(string(list))
		n, err := s.unqueueTaken(ctx, q, l, runs, numbers)
		if err == nil && n < int64(len(seqs)) {
			err = s.unparkTaken(ctx, q, stand{l.Channel, l.Shard}, numbers)
		}
		if err != nil {
			return err
		}
		failpoint.Hit("relay-removed")
		for _, w := range runs {
			if _, err := q.ExecContext(ctx, s.text.relayed, l.Channel, l.Shard, w.first, w.last, at, l.Fence); err != nil {
				return err
			}
		}
		return nil
	})
}

// unqueueTaken deletes what was taken: mostly it is one run of numbers, which costs half
// of what a list of them does.
func (s *Store) unqueueTaken(ctx context.Context, q Querier, l gateway.Lease, runs []window, numbers any) (int64, error) {
	if len(runs) == 1 {
		return affected(q.ExecContext(ctx, s.text.confirmRun, l.Channel, l.Shard, runs[0].first, runs[0].last))
	}
	return affected(q.ExecContext(ctx, s.text.confirm, l.Channel, l.Shard, numbers))
}

// holding runs fn in a transaction that keeps the lease from passing on.
func (s *Store) holding(ctx context.Context, doing string, l gateway.Lease, fn func(q Querier) error) error {
	lost := false
	err := s.write(ctx, func(q Querier) error {
		lost = false
		held, err := q.ExecContext(ctx, s.text.holdLease, l.Channel, l.Shard, l.Owner, l.Fence)
		if err != nil {
			return err
		}
		if n, err := held.RowsAffected(); err != nil || n == 0 {
			lost = err == nil
			return err
		}
		return fn(q)
	})
	if lost {
		return gateway.ErrLeaseLost
	}
	return s.fail(doing, err)
}

// window is a run of consecutive numbers.
type window struct{ first, last int64 }

func windows(seqs []int64) []window {
	sorted := slices.Sorted(slices.Values(seqs))
	var out []window
	for _, seq := range sorted {
		if n := len(out); n > 0 && seq <= out[n-1].last+1 {
			out[n-1].last = seq
			continue
		}
		out = append(out, window{seq, seq})
	}
	return out
}

// maxReason is how many characters of a reason are kept.
const maxReason = 1000

// Park moves a delivery out of the way with its reason, and with it the deliveries
// of the same ordering key that wait after it, a thousand at most; more of them, and
// those that come later, are held back by Pending. It may be called again when it is
// not known whether the first call was heard.
func (s *Store) Park(ctx context.Context, l gateway.Lease, seq int64, code, reason string, attempts int) error {
	return s.holding(ctx, "parking a delivery", l, func(q Querier) error {
		return s.parkWith(ctx, q, stand{l.Channel, l.Shard}, seq, code, clip(reason, maxReason), attempts)
	})
}

// Skip parks a delivery alone. It may be called again when it is not known
// whether the first call was heard.
func (s *Store) Skip(ctx context.Context, l gateway.Lease, seq int64, code, reason string, attempts int) error {
	return s.holding(ctx, "parking a delivery", l, func(q Querier) error {
		parked, err := affected(q.ExecContext(ctx, s.text.skipOne, l.Channel, l.Shard, seq, code, clip(reason, maxReason), attempts, s.dialect.Time(s.now())))
		if err != nil || parked == 0 {
			return err // it is parked by now
		}
		_, err = q.ExecContext(ctx, s.text.unqueueOne, l.Channel, l.Shard, seq)
		return err
	})
}
