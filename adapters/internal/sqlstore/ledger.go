package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const defaultLimit = 50

// Refuse writes refusals down, all or none; of those that it has, the counts.
func (s *Store) Refuse(ctx context.Context, refusals []gateway.Refusal) error {
	err := s.write(ctx, func(q Querier) error {
		for i := range refusals {
			if err := s.writeRefusal(ctx, q, &refusals[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail("writing refusals", err)
}

func (s *Store) writeRefusal(ctx context.Context, q Querier, r *gateway.Refusal) error {
	times := max(1, r.Count)
	n, err := affected(q.ExecContext(ctx, s.text.refuse, r.ID[:], s.dialect.Time(r.At), clip(r.Endpoint, 256), clip(r.Route, 128),
		clip(r.Principal, 400), clip(r.Code, 16), clip(r.Reason, maxReason), clip(r.Remote, 128), times))
	if err != nil || n > 0 {
		return err
	}
	_, err = q.ExecContext(ctx, s.text.recount, r.ID[:], times)
	return err
}

// Messages lists messages, those that are held or were, and refusals, newest
// first.
func (s *Store) Messages(ctx context.Context, q gateway.Query) ([]gateway.Summary, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	var out []gateway.Summary
	for _, source := range s.sources(q) {
		for _, one := range byCode(q) {
			found, err := source.list(ctx, one)
			if err != nil {
				return nil, s.fail("listing "+source.what, err)
			}
			out = append(out, found...)
		}
	}
	slices.SortFunc(out, func(a, b gateway.Summary) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return out[:min(len(out), q.Limit)], nil
}

// byCode makes a query of one code of each code, so that an index leads to its
// page.
func byCode(q gateway.Query) []gateway.Query {
	if len(q.Codes) < 2 {
		return []gateway.Query{q}
	}
	out := make([]gateway.Query, len(q.Codes))
	for i := range q.Codes {
		out[i] = q
		out[i].Codes = q.Codes[i : i+1]
	}
	return out
}

// source is one of the tables that messages are listed from.
type source struct {
	what string
	list func(context.Context, gateway.Query) ([]gateway.Summary, error)
}

// sources are the tables in which a query may find something.
func (s *Store) sources(q gateway.Query) []source {
	messages := source{"messages", s.messages}
	held := source{"held messages", s.heldMessages}
	refusals := source{"refusals", s.refusals}
	switch q.Outcome {
	case "":
		if len(q.Codes) > 0 { // nothing that is stored has one
			if q.Key != "" || q.Identity != "" || q.Sender != "" {
				return []source{held}
			}
			return []source{held, refusals}
		}
		if q.Key != "" || q.Identity != "" || q.Sender != "" {
			return []source{messages, held}
		}
		return []source{messages, held, refusals}
	case gateway.Stored.String(), gateway.Superseded.String():
		if len(q.Codes) > 0 {
			return nil
		}
		return []source{messages}
	case Waiting, Parked, Replayed, Discarded:
		return []source{held}
	case gateway.Refused.String():
		if q.Key != "" || q.Identity != "" || q.Sender != "" {
			return nil
		}
		return []source{refusals}
	}
	return nil
}

func (s *Store) list(ctx context.Context, l *listing, limit int) (*sql.Rows, error) {
	return s.dialect.Reader().QueryContext(ctx, s.dialect.Text(l.statement()), append(l.args, limit)...)
}

func (s *Store) messages(ctx context.Context, q gateway.Query) ([]gateway.Summary, error) {
	return s.summaries(ctx, messageListing(q, s.dialect.Time), q.Limit, s.summary)
}

func (s *Store) heldMessages(ctx context.Context, q gateway.Query) ([]gateway.Summary, error) {
	return s.summaries(ctx, heldListing(q, s.dialect.Time), q.Limit, s.heldSummary)
}

// summaries lists messages with their business keys; into says where a row goes.
func (s *Store) summaries(ctx context.Context, l *listing, limit int, into func(*gateway.Summary) []any) ([]gateway.Summary, error) {
	rows, err := s.list(ctx, l, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []gateway.Summary
	for rows.Next() {
		var m gateway.Summary
		if err := rows.Scan(into(&m)...); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Keys, err = s.keys(ctx, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) summary(m *gateway.Summary) []any {
	return []any{scanID(&m.ID), s.dialect.ScanTime(&m.ReceivedAt), &m.Route, &m.Principal, &m.Sender, &m.Identity, &m.Outcome}
}

func (s *Store) heldSummary(m *gateway.Summary) []any {
	return append(s.summary(m), &m.Code, &m.Reason)
}

func (s *Store) refusals(ctx context.Context, q gateway.Query) ([]gateway.Summary, error) {
	rows, err := s.list(ctx, refusalListing(q, s.dialect.Time), q.Limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []gateway.Summary
	for rows.Next() {
		r := gateway.Record{Summary: gateway.Summary{Outcome: gateway.Refused.String(), Keys: []mapping.Key{}}}
		if err := rows.Scan(s.refusal(&r)...); err != nil {
			return nil, err
		}
		out = append(out, r.Summary)
	}
	return out, rows.Err()
}

func (s *Store) refusal(r *gateway.Record) []any {
	return []any{scanID(&r.ID), s.dialect.ScanTime(&r.ReceivedAt), &r.Route, &r.Principal, &r.Code, &r.Reason, &r.Endpoint}
}

func (s *Store) keys(ctx context.Context, id gateway.ID) ([]mapping.Key, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.keys, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := []mapping.Key{}
	for rows.Next() {
		var k mapping.Key
		if err := rows.Scan(&k.Name, &k.Value); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// Message returns one message, held message or refusal with its history, or
// fault.NotFound.
func (s *Store) Message(ctx context.Context, id gateway.ID) (*gateway.Record, error) {
	r, err := s.message(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		r, err = s.heldRecord(ctx, id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		r, err = s.refused(ctx, id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.CodeMessageNotFound, "")
	}
	if err != nil {
		return nil, s.fail("reading a message", err)
	}
	return r, nil
}

func (s *Store) refused(ctx context.Context, id gateway.ID) (*gateway.Record, error) {
	r := &gateway.Record{Summary: gateway.Summary{Outcome: gateway.Refused.String(), Keys: []mapping.Key{}}}
	if err := s.dialect.Reader().QueryRowContext(ctx, s.text.refusal, id[:]).Scan(s.refusal(r)...); err != nil {
		return nil, err
	}
	var err error
	if r.Deliveries, err = s.deliveries(ctx, id); err != nil { // of its fault, which went to an address of its own
		return nil, err
	}
	r.History, err = s.history(ctx, id)
	return r, err
}

func (s *Store) message(ctx context.Context, id gateway.ID) (*gateway.Record, error) {
	r := &gateway.Record{}
	var (
		contract gateway.Digest
		replayOf gateway.ID
	)
	q := s.dialect.Reader()
	dest := append(s.summary(&r.Summary), &r.Endpoint, &r.Mapping, scanDigest(&contract), &r.TraceParent, &r.Correlation, &r.ContentType, scanOptionalID(&replayOf))
	if err := q.QueryRowContext(ctx, s.text.message, id[:]).Scan(dest...); err != nil {
		return nil, err
	}
	r.Contract = hex.EncodeToString(contract[:])
	if replayOf != (gateway.ID{}) {
		r.ReplayOf = replayOf.String()
	}
	var packed []byte
	err := absentIsFine(q.QueryRowContext(ctx, s.text.reply, id[:]).Scan(&packed))
	if err == nil {
		r.Reply, err = unpackText(packed)
	}
	if err != nil {
		return nil, err
	}
	if r.Deliveries, err = s.deliveries(ctx, id); err != nil {
		return nil, err
	}
	return r, s.complete(ctx, id, r)
}

// heldRecord is the record of a message that is held or was.
func (s *Store) heldRecord(ctx context.Context, id gateway.ID) (*gateway.Record, error) {
	r := &gateway.Record{Deliveries: []gateway.DeliveryRecord{}}
	var contract gateway.Digest
	dest := append(s.heldSummary(&r.Summary), &r.Endpoint, &r.Mapping, scanDigest(&contract), &r.TraceParent, &r.Correlation, &r.ContentType)
	if err := s.dialect.Reader().QueryRowContext(ctx, s.text.heldRecord, id[:]).Scan(dest...); err != nil {
		return nil, err
	}
	if contract != (gateway.Digest{}) {
		r.Contract = hex.EncodeToString(contract[:])
	}
	return r, s.complete(ctx, id, r)
}

// complete adds what stored and held messages keep in the same way.
func (s *Store) complete(ctx context.Context, id gateway.ID, r *gateway.Record) error {
	var (
		packing Packing
		packed  []byte
		beside  []byte
		err     error
	)
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.payload, id[:]).Scan(&packing, &packed, &beside)
	if errors.Is(err, sql.ErrNoRows) {
		r.PayloadGone = gateway.PayloadRemoved
	} else if err != nil {
		return err
	}
	if r.Payload, err = unpack(packing, packed); err != nil {
		return err
	}
	if r.Beside, err = unpackText(beside); err != nil {
		return err
	}
	if r.Keys, err = s.keys(ctx, id); err != nil {
		return err
	}
	if r.Attachments, err = s.attachments(ctx, id); err != nil {
		return err
	}
	r.History, err = s.history(ctx, id)
	if r.PayloadGone != "" && slices.ContainsFunc(r.History, func(a gateway.Attempt) bool { return a.What == gateway.PayloadErased }) {
		r.PayloadGone = gateway.PayloadErased
	}
	return err
}

// absentIsFine lets a row be missing: payloads and replies have a retention of
// their own, and what is parked has left the outbox.
func absentIsFine(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (s *Store) deliveries(ctx context.Context, id gateway.ID) ([]gateway.DeliveryRecord, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.deliveries, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []gateway.DeliveryRecord{}
	for rows.Next() {
		d := gateway.DeliveryRecord{State: "waiting"}
		var reason, discarder sql.NullString
		var at time.Time
		var response response
		dest := append([]any{&d.Channel, &d.Shard, &d.Seq, &d.WireID, &d.RoutingKey, &reason, &discarder, s.dialect.ScanTime(&at)}, response.columns(s.dialect)...)
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		var err error
		if d.Response, err = response.record(); err != nil {
			return nil, err
		}
		switch {
		case reason.Valid:
			d.State, d.Reason = Parked, reason.String
		case !at.IsZero():
			d.State, d.ConfirmedAt = "confirmed", at
		case discarder.Valid:
			d.State = Discarded
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// scanID reads an identifier from its 16 bytes.
func scanID(id *gateway.ID) sql.Scanner { return (*identifier)(id) }

// scanOptionalID is scanID; NULL leaves the identifier zero.
func scanOptionalID(id *gateway.ID) sql.Scanner { return (*optionalIdentifier)(id) }

type optionalIdentifier gateway.ID

// Scan implements sql.Scanner.
func (id *optionalIdentifier) Scan(src any) error {
	if src == nil {
		return nil
	}
	return (*identifier)(id).Scan(src)
}

type identifier gateway.ID

// Scan implements sql.Scanner.
func (id *identifier) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(id) {
		return fmt.Errorf("an identifier of the ledger is not 16 bytes but %T", src)
	}
	copy(id[:], b)
	return nil
}
