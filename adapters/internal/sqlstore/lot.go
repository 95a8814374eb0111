package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// maxDueBytes bounds the payloads that one call of Due returns.
const maxDueBytes = 16 << 20

// sweepEvery is how often Due looks for messages that wait behind nobody. Who
// gets out of the way wakes the next of its key; a message that arrives behind
// it at the same moment may miss that.
const sweepEvery = 30 * time.Second

// Due returns up to limit waiting messages, oldest first, whose next attempt is
// due, and of each route and ordering key only the oldest. When there are more,
// those that have been due longest are among them; it returns fewer when their
// payloads are large. Their business keys are left out, and so are the messages of
// the routes in except, which are walked past: that is for the few routes that are
// stopped.
func (s *Store) Due(ctx context.Context, now time.Time, limit int, except []string) ([]gateway.Held, error) {
	if err := s.sweep(ctx); err != nil {
		return nil, s.fail("waking messages", err)
	}
	routes, err := json.Marshal(append([]string{}, except...))
	if err != nil {
		return nil, s.fail("reading due messages", err)
	}
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.due, s.dialect.Time(now), limit, s.dialect.Document(string(routes)))
	if err != nil {
		return nil, s.fail("reading due messages", err)
	}
	defer rows.Close()
	var (
		out  []gateway.Held
		size int
	)
	for size < maxDueBytes && rows.Next() {
		var h gateway.Held
		if err := s.scanHeld(rows.Scan, &h); err != nil {
			return nil, s.fail("reading due messages", err)
		}
		size += len(h.Message.Payload)
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b gateway.Held) int { return bytes.Compare(a.Message.ID[:], b.Message.ID[:]) })
	return out, s.fail("reading due messages", rows.Err())
}

// sweep wakes the messages that wait behind nobody, now and then.
func (s *Store) sweep(ctx context.Context) error {
	now := s.now()
	last := s.swept.Load()
	if last != nil && now.Sub(*last) < sweepEvery {
		return nil
	}
	asleep, err := s.asleep(ctx)
	if err != nil {
		return err
	}
	if len(asleep) > 0 {
		err = s.write(ctx, func(q Querier) error {
			for _, k := range asleep {
				if err := s.wake(ctx, q, k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		s.swept.Store(&now)
	}
	return err
}

// queueKey names a queue of waiting messages.
type queueKey struct{ route, ordering string }

func (s *Store) asleep(ctx context.Context) ([]queueKey, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.asleep, sweepLimit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []queueKey
	for rows.Next() {
		var k queueKey
		if err := rows.Scan(&k.route, &k.ordering); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

const sweepLimit = 1000

// wake makes the first waiting message of a key due, when it waited behind
// another until now.
func (s *Store) wake(ctx context.Context, q Querier, k queueKey) error {
	_, err := q.ExecContext(ctx, s.text.wake, k.route, k.ordering, s.dialect.Time(s.now()))
	return err
}

// Held returns one message that is held or was, or fault.NotFound.
func (s *Store) Held(ctx context.Context, id gateway.ID) (*gateway.Held, error) {
	h := &gateway.Held{}
	err := s.scanHeld(s.dialect.Reader().QueryRowContext(ctx, s.text.held, id[:]).Scan, h)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.CodeMessageNotFound, "")
	}
	if err == nil {
		h.Message.Keys, err = s.keys(ctx, id)
	}
	if err != nil {
		return nil, s.fail("reading a held message", err)
	}
	return h, nil
}

func (s *Store) scanHeld(scan func(dest ...any) error, h *gateway.Held) error {
	var (
		m          = &h.Message
		properties string
		state      string
		by         sql.NullString
		packing    sql.NullInt64
		packed     []byte
	)
	err := scan(scanID(&m.ID), s.dialect.ScanTime(&m.ReceivedAt), &m.Route, &m.Endpoint, &m.Mapping, scanDigest(&m.Contract), &m.Principal, &m.Login, &m.Sender,
		&m.Identity, scanDigest(&m.Body), &m.ContentType, &m.OrderingKey, &m.TraceParent, &m.Correlation, scanDigest(&m.Origin), &properties,
		&state, &h.Hold.Code, &h.Hold.Reason, &h.Hold.Attempts, s.dialect.ScanTime(&h.Hold.Next), s.dialect.ScanTime(&h.Hold.Until), &by, &packing, &packed)
	if err != nil {
		return err
	}
	h.Hold.State, h.By = gateway.Parked, by.String
	switch state {
	case Waiting:
		h.Hold.State = gateway.Waiting
	case Parked:
	default:
		h.Closed = state
	}
	if err := json.Unmarshal([]byte(properties), &m.Properties); err != nil {
		return fmt.Errorf("the properties of message %s: %w", m.ID, err)
	}
	if len(m.Properties) == 0 {
		m.Properties = nil
	}
	h.PayloadGone = !packing.Valid
	m.Payload, err = unpack(Packing(packing.Int64), packed)
	return err
}

// scanDigest reads a digest from its 32 bytes; NULL leaves it zero.
func scanDigest(d *gateway.Digest) sql.Scanner { return (*digest)(d) }

type digest gateway.Digest

// Scan implements sql.Scanner.
func (d *digest) Scan(src any) error {
	if src == nil {
		return nil
	}
	b, ok := src.([]byte)
	if !ok || len(b) != len(d) {
		return fmt.Errorf("a digest of the ledger is not 32 bytes but %T", src)
	}
	copy(d[:], b)
	return nil
}

// ParkMessage moves a waiting message to the parking lot. fault.Conflict says
// that it does not wait.
func (s *Store) ParkMessage(ctx context.Context, id gateway.ID, act gateway.Act) error {
	return s.shelve(ctx, "parking a message", Parked, id, act, s.text.parkMessage, clip(act.Reason, maxHoldReason), causeOf(act.Reason))
}

// DiscardMessage closes a held message for good. fault.Conflict says that it is
// not held.
func (s *Store) DiscardMessage(ctx context.Context, id gateway.ID, act gateway.Act) error {
	return s.shelve(ctx, "discarding a message", Discarded, id, act, s.text.discardMessage, clip(act.By, 400))
}

// shelve changes the state of a held message by a statement that does so only
// from the states it may leave.
func (s *Store) shelve(ctx context.Context, doing, what string, id gateway.ID, act gateway.Act, statement string, arguments ...any) error {
	err := s.write(ctx, func(q Querier) error {
		n, err := affected(q.ExecContext(ctx, statement, append([]any{id[:]}, arguments...)...))
		if err != nil {
			return err
		}
		var (
			state string
			k     queueKey
		)
		err = q.QueryRowContext(ctx, s.text.heldState, id[:]).Scan(&state, &k.route, &k.ordering)
		if errors.Is(err, sql.ErrNoRows) {
			return s.notHeld(ctx, q, id)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.CodeNotHeld, "the message is %s", state)
		}
		if err := s.wake(ctx, q, k); err != nil {
			return err
		}
		return s.noteAct(ctx, q, what, id, act)
	})
	return s.fail(doing, err)
}

// notHeld tells a message that is not held from one that does not exist.
func (s *Store) notHeld(ctx context.Context, q Querier, id gateway.ID) error {
	if err := s.exists(ctx, q, id); err != nil {
		return err
	}
	return fault.New(fault.CodeNotHeld, "the message is stored, not held")
}

// exists returns fault.NotFound unless the message is stored.
func (s *Store) exists(ctx context.Context, q Querier, id gateway.ID) error {
	var n int
	if err := q.QueryRowContext(ctx, s.text.exists, id[:]).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.CodeMessageNotFound, "")
	}
	return nil
}

// Note adds a line to a message's history. A line without a time is of now.
func (s *Store) Note(ctx context.Context, id gateway.ID, a gateway.Attempt) error {
	err := s.write(ctx, func(q Querier) error { return s.note(ctx, q, id, a) })
	return s.fail("noting an attempt", err)
}

func (s *Store) note(ctx context.Context, q Querier, id gateway.ID, a gateway.Attempt) error {
	line, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if a.At.IsZero() {
		a.At = s.now()
	}
	_, err = q.ExecContext(ctx, s.text.note, id[:], line[:], s.dialect.Time(a.At), clip(a.What, 16), clip(a.By, 400), clip(a.Code, 16), clip(a.Reason, maxHoldReason))
	return err
}

func (s *Store) history(ctx context.Context, id gateway.ID) ([]gateway.Attempt, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.history, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []gateway.Attempt
	for rows.Next() {
		var a gateway.Attempt
		if err := rows.Scan(s.dialect.ScanTime(&a.At), &a.What, &a.By, &a.Code, &a.Reason); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// Holding counts what is held.
func (s *Store) Holding(ctx context.Context) (gateway.Holding, error) {
	var h gateway.Holding
	for _, c := range []struct {
		into *map[string]int
		text string
	}{
		{&h.Waiting, s.text.countWaiting},
		{&h.Parked, s.text.countParked},
		{&h.Outbox, s.text.countOutbox},
		{&h.Stuck, s.text.countStuck},
	} {
		var err error
		if *c.into, err = s.count(ctx, c.text); err != nil {
			return gateway.Holding{}, s.fail("counting what is held", err)
		}
	}
	return h, nil
}

func (s *Store) count(ctx context.Context, text string) (map[string]int, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var (
			name string
			n    int
		)
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, rows.Err()
}
