package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// noHead is what the first entry of a chain follows.
var noHead = strings.Repeat("0", 64)

// openChains makes sure that the chains of the lanes can be appended to, so that
// no commit has to.
func (s *Store) openChains(ctx context.Context, q Querier) error {
	for lane := range s.dialect.Lanes() {
		if _, err := q.ExecContext(ctx, s.text.openChain, gateway.LaneChain(lane), noHead); err != nil {
			return err
		}
	}
	return nil
}

// UnknownChain says that the table of chains lacks a row that Writer had made.
func UnknownChain(chain int) error {
	return fmt.Errorf("there is no chain %d of the audit trail", chain)
}

// Audit appends an act in a transaction of its own.
func (s *Store) Audit(ctx context.Context, what, target string, act gateway.Act) error {
	err := s.write(ctx, func(q Querier) error { return s.audit(ctx, q, what, target, act) })
	return s.fail("writing the audit trail", err)
}

// unaudited is why an act could not be appended.
type unaudited struct{ error }

// Unwrap lets the dialect see what it was.
func (e *unaudited) Unwrap() error { return e.error }

// audit appends an act to its chain, as the last thing that a transaction locks.
func (s *Store) audit(ctx context.Context, q Querier, what, target string, act gateway.Act) error {
	if _, err := s.appendTo(ctx, q, gateway.ActChain, what, target, act); err != nil {
		return &unaudited{err}
	}
	return nil
}

// appendTo appends an act to a chain and returns its place there.
func (s *Store) appendTo(ctx context.Context, q Querier, chain int, what, target string, act gateway.Act) (int64, error) {
	if _, err := q.ExecContext(ctx, s.text.openChain, chain, noHead); err != nil {
		return 0, err
	}
	if _, err := q.ExecContext(ctx, s.text.lockChain, chain); err != nil {
		return 0, err
	}
	e := &gateway.AuditEntry{
		Chain: chain, At: s.now().UTC().Truncate(time.Millisecond), Kind: gateway.AuditAct,
		By: clip(act.By, 400), What: clip(what, 32), Target: clip(target, 400), Reason: clip(act.Reason, maxHoldReason),
	}
	e.Content = gateway.AuditReason(e.Reason)
	if err := q.QueryRowContext(ctx, s.text.chainHead, chain).Scan(&e.Seq, scanHash(&e.Previous)); err != nil {
		return 0, err
	}
	e.Hash = e.Link()
	_, err := q.ExecContext(ctx, s.text.appendAct, e.Chain, e.Seq, s.dialect.Time(e.At), e.By, e.What, e.Target, e.Reason,
		hex.EncodeToString(e.Content), e.Previous.String(), e.Hash.String())
	if err != nil {
		return 0, err
	}
	failpoint.Hit("act-appended")
	_, err = q.ExecContext(ctx, s.text.moveHead, e.Chain, e.Hash.String())
	failpoint.Hit("act-chained")
	return e.Seq, err
}

// noteAct writes an operator's act into the message's history and into the audit
// trail.
func (s *Store) noteAct(ctx context.Context, q Querier, what string, id gateway.ID, act gateway.Act) error {
	if err := s.note(ctx, q, id, gateway.Attempt{What: what, By: act.By, Reason: act.Reason}); err != nil {
		return err
	}
	return s.audit(ctx, q, what, id.String(), act)
}

// Record is what the audit trail takes of an item that this attempt stores, holds
// from now on, or holds no longer; ok is false for others. A record of a repeat
// counts only when this attempt has removed the waiting row, which Record does not
// know: the attempt may be a stale one, of a message that another process has
// stored, closed or parked meanwhile.
func (it *Item) Record() (r gateway.AuditRecord, ok bool) {
	m, l := it.Message(), &it.Ledger
	f := gateway.AuditFacts{
		Route: l.Route, Endpoint: l.Endpoint, Mapping: l.Mapping, Principal: l.Principal, Sender: l.Sender, Identity: l.Identity,
		Contract: m.Contract, Body: m.Body, ReceivedAt: m.ReceivedAt, ReplayOf: l.ReplayOf,
	}
	r = gateway.AuditRecord{Taken: gateway.TakenStored, ID: m.ID}
	switch {
	case it.Keeping() != nil && !it.Retry():
		r.Taken, f.ReplayOf = gateway.TakenHeld, nil // the lot has no column for it
	case it.repeats() && it.Closing() == Remove:
		r.Taken = gateway.TakenRepeat
	case !it.Sealable():
		return r, false
	case it.Outcome.Status == gateway.Superseded:
		r.Taken = gateway.TakenSuperseded
	}
	if it.Sealable() && it.Closing() == Remove {
		r.Taken |= gateway.TakenWaited
	}
	r.Facts, r.Payload = f.Digest(), sha256.Sum256(m.Payload)
	return r, true
}

// Batch is the content of the entry that a transaction appends for its items;
// empty when there is nothing to be appended.
func Batch(items []*Item) []byte {
	var content []byte
	for i, it := range items {
		if r, ok := it.Record(); ok && (r.Taken != gateway.TakenRepeat || it.unheld) {
			if content == nil {
				content = make([]byte, 0, gateway.AuditRecordSize*(len(items)-i))
			}
			content = r.Append(content)
		}
	}
	return content
}

// AuditHeads returns the last entry of each chain.
func (s *Store) AuditHeads(ctx context.Context) ([]gateway.AuditHead, error) {
	const doing = "reading the audit trail"
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.chainHeads)
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	var out []gateway.AuditHead
	for rows.Next() {
		var h gateway.AuditHead
		if err := rows.Scan(&h.Chain, &h.Seq, scanHash(&h.Hash)); err != nil {
			return nil, s.fail(doing, err)
		}
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail(doing, err)
	}
	return s.headless(ctx, out)
}

// headless adds the chains that have entries and no head: no gateway leaves one
// like that.
func (s *Store) headless(ctx context.Context, heads []gateway.AuditHead) ([]gateway.AuditHead, error) {
	for chain := -1; ; {
		err := s.dialect.Reader().QueryRowContext(ctx, s.text.nextChain, chain).Scan(&chain)
		if errors.Is(err, sql.ErrNoRows) {
			slices.SortFunc(heads, func(a, b gateway.AuditHead) int { return cmp.Compare(a.Chain, b.Chain) })
			return heads, nil
		}
		if err != nil {
			return nil, s.fail("reading the audit trail", err)
		}
		if !slices.ContainsFunc(heads, func(h gateway.AuditHead) bool { return h.Chain == chain }) {
			heads = append(heads, gateway.AuditHead{Chain: chain})
		}
	}
}

// AuditEntries returns entries of a chain, in their order.
func (s *Store) AuditEntries(ctx context.Context, chain int, after int64, limit int) ([]gateway.AuditEntry, error) {
	const doing = "reading the audit trail"
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.auditEntries, chain, after, limit)
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	var out []gateway.AuditEntry
	for rows.Next() {
		var (
			e                        gateway.AuditEntry
			by, what, target, reason sql.NullString
		)
		err := rows.Scan(&e.Chain, &e.Seq, s.dialect.ScanTime(&e.At), &e.Kind, &by, &what, &target, &reason, &e.Content, scanHash(&e.Previous), scanHash(&e.Hash))
		if err != nil {
			return nil, s.fail(doing, err)
		}
		e.By, e.What, e.Target, e.Reason = by.String, what.String, target.String, reason.String
		out = append(out, e)
	}
	return out, s.fail(doing, rows.Err())
}

// AuditBefore looks for a time among the entries of a chain, which are in the
// order of it as far as clocks are, by halving.
func (s *Store) AuditBefore(ctx context.Context, chain int, t time.Time) (int64, error) {
	const doing = "looking for a time in the audit trail"
	var last int64
	err := s.dialect.Reader().QueryRowContext(ctx, s.text.lastAudit, chain).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, s.fail(doing, err)
	}
	low, high := int64(0), last+1 // the first one at t or later is in (low, high]
	for high-low > 1 {
		middle := low + (high-low)/2
		found, err := s.AuditEntries(ctx, chain, middle-1, 1)
		if err != nil {
			return 0, err
		}
		if len(found) == 0 || !found[0].At.Before(t) {
			high = middle
		} else {
			low = max(middle, found[0].Seq)
		}
	}
	return low, nil
}

// AuditKept returns what the ledger has of messages.
func (s *Store) AuditKept(ctx context.Context, ids []gateway.ID) (map[gateway.ID]gateway.AuditKept, error) {
	const doing = "comparing the ledger with the audit trail"
	out := map[gateway.ID]gateway.AuditKept{}
	list := s.dialect.Document(listOf(ids))
	for _, read := range []func() error{
		func() error { return s.auditStored(ctx, list, out) },
		func() error { return s.auditHeld(ctx, list, out) },
		func() error { return s.auditPayloads(ctx, list, out) },
	} {
		if err := read(); err != nil {
			return nil, s.fail(doing, err)
		}
	}
	return out, nil
}

func (s *Store) auditStored(ctx context.Context, list any, out map[gateway.ID]gateway.AuditKept) error {
	return s.each(ctx, s.text.auditStored, list, func(scan func(...any) error) error {
		var (
			id      gateway.ID
			f       gateway.AuditFacts
			outcome string
		)
		if err := scan(append(s.facts(&id, &f), &outcome, &f.ReplayOf)...); err != nil {
			return err
		}
		k := out[id]
		k.Stored, k.Outcome = &f, outcome
		out[id] = k
		return nil
	})
}

func (s *Store) auditHeld(ctx context.Context, list any, out map[gateway.ID]gateway.AuditKept) error {
	return s.each(ctx, s.text.auditHeld, list, func(scan func(...any) error) error {
		var (
			id gateway.ID
			f  gateway.AuditFacts
		)
		if err := scan(s.facts(&id, &f)...); err != nil {
			return err
		}
		k := out[id]
		k.Held = &f
		out[id] = k
		return nil
	})
}

func (s *Store) auditPayloads(ctx context.Context, list any, out map[gateway.ID]gateway.AuditKept) error {
	return s.each(ctx, s.text.auditPayloads, list, func(scan func(...any) error) error {
		var (
			id      gateway.ID
			packing Packing
			packed  []byte
		)
		if err := scan(scanID(&id), &packing, &packed); err != nil {
			return err
		}
		k := out[id]
		k.Payload = new(gateway.Digest) // bytes that cannot be unpacked have no digest: they fit nothing
		if whole, err := unpack(packing, packed); err == nil {
			*k.Payload = sha256.Sum256(whole)
		}
		out[id] = k
		return nil
	})
}

// facts are where the columns go that both tables of messages have.
func (s *Store) facts(id *gateway.ID, f *gateway.AuditFacts) []any {
	return []any{scanID(id), &f.Route, &f.Endpoint, &f.Mapping, &f.Principal, &f.Sender, &f.Identity, scanDigest(&f.Contract), scanDigest(&f.Body), s.dialect.ScanTime(&f.ReceivedAt)}
}

// each runs a query of one argument, row by row.
func (s *Store) each(ctx context.Context, text string, arg any, row func(scan func(...any) error) error) error {
	rows, err := s.dialect.Reader().QueryContext(ctx, text, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// AuditRepeat returns when the history of a message ended with its being a repeat.
func (s *Store) AuditRepeat(ctx context.Context, id gateway.ID) (at time.Time, err error) {
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.auditRepeat, id[:], repeatOf+"%").Scan(s.dialect.ScanTime(&at))
	if errors.Is(err, sql.ErrNoRows) {
		return at, nil
	}
	return at, s.fail("comparing histories with the audit trail", err)
}

// AuditActs counts the acts of a kind on a target.
func (s *Store) AuditActs(ctx context.Context, what, target string) (n int, err error) {
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.auditActs, target, what).Scan(&n)
	return n, s.fail("looking for an act in the audit trail", err)
}

// AuditCount counts the messages of the ledger by the times in their identifiers.
func (s *Store) AuditCount(ctx context.Context, from, until time.Time) (n int64, err error) {
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.auditCount, firstID(from), firstID(until)).Scan(&n)
	return n, s.fail("counting messages", err)
}

// scanHash reads a digest from its 64 hexadecimal digits.
func scanHash(d *gateway.Digest) sql.Scanner { return (*hash)(d) }

type hash gateway.Digest

// Scan implements sql.Scanner.
func (h *hash) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return (*gateway.Digest)(h).UnmarshalText([]byte(v))
	case []byte:
		return (*gateway.Digest)(h).UnmarshalText(v)
	}
	return fmt.Errorf("a hash of the audit trail is %T", src)
}
