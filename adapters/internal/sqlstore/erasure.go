package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Subject lists the messages of a business key, oldest first.
func (s *Store) Subject(ctx context.Context, key mapping.Key, after gateway.ID, limit int) ([]gateway.ID, error) {
	const doing = "listing the messages of a key"
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.subject, clip(key.Value, 200), after[:], clip(key.Name, 128), limit)
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	var out []gateway.ID
	for rows.Next() {
		var id gateway.ID
		if err := rows.Scan(scanID(&id)); err != nil {
			return nil, s.fail(doing, err)
		}
		out = append(out, id)
	}
	return out, s.fail(doing, rows.Err())
}

// Erase takes everything out of a message that says whom it is about. Its line
// of the history is written with the rest, so a message whose key still leads to
// it has not been erased.
func (s *Store) Erase(ctx context.Context, id gateway.ID, act gateway.Act) error {
	err := s.write(ctx, func(q Querier) error {
		if err := s.settled(ctx, q, id); err != nil {
			return err
		}
		list := s.dialect.Document(listOf([]gateway.ID{id}))
		for _, table := range []string{"reply", "payload", "message_key", "response", "attachment"} {
			if _, err := q.ExecContext(ctx, s.text.removed(table), list); err != nil {
				return err
			}
			failpoint.HitFor("erase", table)
		}
		for _, text := range []string{s.text.eraseHeld, s.text.eraseMessage, s.text.eraseDeliveries, s.text.eraseHistory} {
			if _, err := q.ExecContext(ctx, text, id[:]); err != nil {
				return err
			}
		}
		failpoint.HitFor("erase", "message")
		if _, err := q.ExecContext(ctx, s.text.eraseReasons, id.String()); err != nil {
			return err
		}
		return s.noteAct(ctx, q, gateway.PayloadErased, id, act)
	})
	return s.fail("erasing a message", err)
}

// settled returns fault.Conflict while something of a message is in progress.
func (s *Store) settled(ctx context.Context, q Querier, id gateway.ID) error {
	var (
		state string
		k     queueKey
	)
	// Whoever stores or closes a held message waits for this row, or this waits for
	// him.
	if _, err := q.ExecContext(ctx, s.text.lockHeld, id[:]); err != nil {
		return err
	}
	err := q.QueryRowContext(ctx, s.text.heldState, id[:]).Scan(&state, &k.route, &k.ordering)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if err := s.exists(ctx, q, id); err != nil {
			return err
		}
	case err != nil:
		return err
	case state == Waiting, state == Parked:
		return fault.New(fault.CodeNotHeld, "the message is %s", state)
	}
	var open int
	if err := q.QueryRowContext(ctx, s.text.unsettled, id[:]).Scan(&open); err != nil {
		return err
	}
	if open > 0 {
		return fault.New(fault.CodeNotHeld, "deliveries of the message wait or are parked")
	}
	return nil
}

// Mentions returns the reasons of refusals, oldest first.
func (s *Store) Mentions(ctx context.Context, after gateway.ID, limit int) ([]gateway.Mention, error) {
	const doing = "reading refusals"
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.mentions, after[:], limit)
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	var out []gateway.Mention
	for rows.Next() {
		var m gateway.Mention
		if err := rows.Scan(scanID(&m.ID), &m.Route, &m.Reason); err != nil {
			return nil, s.fail(doing, err)
		}
		out = append(out, m)
	}
	return out, s.fail(doing, rows.Err())
}

// ClearRefusals removes what refusals say; their codes stay.
func (s *Store) ClearRefusals(ctx context.Context, ids []gateway.ID) error {
	err := s.write(ctx, func(q Querier) error {
		_, err := q.ExecContext(ctx, s.text.eraseRefusals, s.dialect.Document(listOf(ids)), "erased")
		return err
	})
	return s.fail("clearing refusals", err)
}
