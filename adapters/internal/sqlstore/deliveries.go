package sqlstore

import (
	"context"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// What an operator does with the deliveries of a message. He needs no lease: an
// act locks the lease's row, whoever holds it, so that the relay neither
// confirms nor parks meanwhile, then the shard's.
//
// A parked delivery is either the head of what was parked with it, or behind
// its head. Several heads of one key may be parked at the same time; Pending
// holds back whatever comes after one.

// place is one delivery of a message in a table of deliveries.
type place struct {
	seq    int64
	key    string
	behind int64      // the head's number; 0 for a head
	head   gateway.ID // the head's message; zero for a head
}

// stand is a shard of a channel.
type stand struct {
	channel string
	shard   int
}

// ParkDeliveries takes the waiting deliveries of a message out of the way, each
// with its key's successors. One that the relay has sent already and confirms
// afterwards leaves the parking lot again.
func (s *Store) ParkDeliveries(ctx context.Context, id gateway.ID, act gateway.Act) (int, error) {
	reason := act.Reason
	if reason == "" {
		reason = "parked by " + act.By
	}
	return s.act(ctx, "parking deliveries", Parked, id, act, s.text.waitingOf, func(q Querier, at stand, waiting []place) (int, error) {
		for _, p := range waiting {
			if err := s.parkWith(ctx, q, at, p.seq, "", clip(reason, maxReason), 0); err != nil {
				return 0, err
			}
		}
		return len(waiting), nil
	})
}

// ReleaseDeliveries puts the parked deliveries of a message back in line, with
// what is parked behind them. fault.Conflict names the message that they are
// parked behind, when there is nothing else of this one.
func (s *Store) ReleaseDeliveries(ctx context.Context, id gateway.ID, act gateway.Act) (int, error) {
	var behind gateway.ID
	n, err := s.act(ctx, "releasing deliveries", "released", id, act, s.text.parkedOf, func(q Querier, at stand, parked []place) (n int, err error) {
		for _, p := range parked {
			switch {
			case p.behind == 0:
				err = s.release(ctx, q, at, p)
			case p.head != id:
				behind = p.head
				continue
			}
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	if err == nil && n == 0 && behind != (gateway.ID{}) {
		return 0, fault.New(fault.CodeNotHeld, "the deliveries are parked behind those of message %s", behind)
	}
	return n, err
}

// DiscardDeliveries gives the parked deliveries of a message up and releases what
// is parked behind them.
func (s *Store) DiscardDeliveries(ctx context.Context, id gateway.ID, act gateway.Act) (int, error) {
	return s.act(ctx, "discarding deliveries", Discarded, id, act, s.text.parkedOf, func(q Querier, at stand, parked []place) (int, error) {
		for _, p := range parked {
			if _, err := q.ExecContext(ctx, s.text.discardOne, at.channel, at.shard, p.seq, s.dialect.Time(s.now()), clip(act.By, 400)); err != nil {
				return 0, err
			}
		}
		return len(parked), s.unpark(ctx, q, at, parked)
	})
}

// act runs fn for each shard in which a message has deliveries, in one
// transaction, and notes what was done if anything was.
func (s *Store) act(ctx context.Context, doing, what string, id gateway.ID, act gateway.Act, list string, fn func(q Querier, at stand, found []place) (int, error)) (int, error) {
	total := 0
	err := s.write(ctx, func(q Querier) error {
		total = 0
		stands, err := s.stands(ctx, q, id)
		if err != nil {
			return err
		}
		if len(stands) == 0 {
			return s.exists(ctx, q, id)
		}
		for _, at := range stands {
			found, err := s.lockAndList(ctx, q, at, id, list)
			if err != nil {
				return err
			}
			n, err := fn(q, at, found)
			if err != nil {
				return err
			}
			total += n
		}
		if total == 0 {
			return nil
		}
		return s.noteAct(ctx, q, what, id, act)
	})
	if err != nil {
		return 0, s.fail(doing, err)
	}
	return total, nil
}

// stands lists the shards in which a message has deliveries, in the order in
// which locks are taken.
func (s *Store) stands(ctx context.Context, q Querier, id gateway.ID) ([]stand, error) {
	rows, err := q.QueryContext(ctx, s.text.standsOf, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []stand
	for rows.Next() {
		var at stand
		if err := rows.Scan(&at.channel, &at.shard); err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	return out, rows.Err()
}

func (s *Store) lockAndList(ctx context.Context, q Querier, at stand, id gateway.ID, list string) ([]place, error) {
	if _, err := q.ExecContext(ctx, s.text.lockLease, at.channel, at.shard); err != nil {
		return nil, err
	}
	if err := s.released(ctx, q, at, 0); err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, list, id[:], at.channel, at.shard)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []place
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.seq, &p.key, &p.behind, scanOptionalID(&p.head)); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// released counts that deliveries of a shard were put back in line n times, or are
// no longer held back.
func (s *Store) released(ctx context.Context, q Querier, at stand, n int) error {
	rows, err := affected(q.ExecContext(ctx, s.text.released, at.channel, at.shard, n))
	if err == nil && rows == 0 {
		err = UnknownShard(at.channel, at.shard)
	}
	return err
}

// release puts a head back in line with what is parked behind it.
func (s *Store) release(ctx context.Context, q Querier, at stand, p place) error {
	if _, err := q.ExecContext(ctx, s.text.requeueOne, at.channel, at.shard, p.seq); err != nil {
		return err
	}
	return s.unpark(ctx, q, at, []place{p})
}

// unpark removes deliveries from the parking lot and puts what else is parked
// behind them back in line. What they held back in the outbox may go, too, so that
// counts as a release in any case.
func (s *Store) unpark(ctx context.Context, q Querier, at stand, gone []place) error {
	if len(gone) == 0 {
		return nil
	}
	if err := s.released(ctx, q, at, 1); err != nil {
		return err
	}
	for _, p := range gone {
		if _, err := q.ExecContext(ctx, s.text.unparkOne, at.channel, at.shard, p.seq); err != nil {
			return err
		}
	}
	for _, p := range gone {
		if err := s.followUp(ctx, q, at, p); err != nil {
			return err
		}
	}
	return nil
}

// followUp puts what is parked behind a delivery back in line.
func (s *Store) followUp(ctx context.Context, q Querier, at stand, p place) error {
	n, err := affected(q.ExecContext(ctx, s.text.requeueBehind, at.channel, at.shard, p.seq, p.key))
	if err != nil || n == 0 {
		return err
	}
	_, err = q.ExecContext(ctx, s.text.unparkBehind, at.channel, at.shard, p.seq, p.key)
	return err
}

// maxBehind is how many deliveries are parked behind another one at most. The others
// of its key stay in the outbox, where it holds them back as it does those that come
// later: a transaction that moved all of a long queue would keep everybody waiting.
const maxBehind = 1000

// parkWith moves a waiting delivery to the parking lot, and behind it what waits
// after it under its key, or the first of that. One that waits no more is left alone.
func (s *Store) parkWith(ctx context.Context, q Querier, at stand, seq int64, code, reason string, attempts int) error {
	var key string
	if err := q.QueryRowContext(ctx, s.text.readParked, at.channel, at.shard, seq).Scan(&key); err != nil {
		return absentIsFine(err) // it is parked by now
	}
	now, cause := s.dialect.Time(s.now()), causeOf(reason)
	if _, err := q.ExecContext(ctx, s.text.parkOne, at.channel, at.shard, seq, code, reason, attempts, now, cause); err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, s.text.parkBehind, at.channel, at.shard, seq, code, reason, now, key, cause, maxBehind); err != nil {
		return err
	}
	failpoint.Hit("park-copied")
	_, err := q.ExecContext(ctx, s.text.unqueue, at.channel, at.shard, key, seq)
	return err
}

// unparkTaken removes from the parking lot what the channel took after all: the
// relay had sent it before an operator parked it, or before it learned that it
// had parked it itself. Whoever parked it, there is nothing left to decide.
func (s *Store) unparkTaken(ctx context.Context, q Querier, at stand, seqs any) error {
	taken, err := s.parkedAmong(ctx, q, at, seqs)
	if err != nil {
		return err
	}
	return s.unpark(ctx, q, at, taken)
}

func (s *Store) parkedAmong(ctx context.Context, q Querier, at stand, seqs any) ([]place, error) {
	rows, err := q.QueryContext(ctx, s.text.parkedAmong, at.channel, at.shard, seqs)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []place
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.seq, &p.key); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
