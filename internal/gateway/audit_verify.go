package gateway

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// Words of the acts that the gateway does by itself, and that a verification
// understands.
const (
	// AuditRetention is who does them.
	AuditRetention = "retention"
	// AuditRemoved says that old rows of its target, messages or payloads, were
	// removed; RemovalText is its reason.
	AuditRemoved  = "removed"
	AuditMessages = "messages"
	AuditPayloads = "payloads"
	// AuditTruncated says that a chain begins behind its target, an AuditHead.
	AuditTruncated = "truncated"
)

// RemovalText tells how many rows were removed, and from before when.
func RemovalText(n int64, before time.Time) string {
	return fmt.Sprintf("%d from before %s", n, before.UTC().Format(time.RFC3339))
}

// spanMargin is how long a message may be on its way from its arrival to its
// commit when its first entry is near the beginning of the chains. Those that
// were held, which may take longer, keep their first time and are no matter.
const spanMargin = 10 * time.Minute

// AuditBegin tells where a verification of everything since a time begins; of
// everything there is when it is zero.
func (g *Gateway) AuditBegin(ctx context.Context, since time.Time) (*AuditSpan, error) {
	return BeginAudit(ctx, g.store, g.now().UTC(), since)
}

// BeginAudit is AuditBegin past a gateway.
func BeginAudit(ctx context.Context, trail AuditTrail, now, since time.Time) (*AuditSpan, error) {
	span := &AuditSpan{Starts: []AuditHead{}, Until: now}
	if !since.IsZero() {
		span.From = since.Add(spanMargin)
	}
	heads, err := trail.AuditHeads(ctx)
	if err != nil {
		return nil, err
	}
	for _, head := range heads {
		start, err := startOf(ctx, trail, head.Chain, since)
		if err != nil {
			return nil, err
		}
		first, err := trail.AuditEntries(ctx, head.Chain, start.Seq, 1)
		if err != nil {
			return nil, err
		}
		if len(first) > 0 && first[0].Kind == AuditBatch && first[0].At.Add(spanMargin).After(span.From) {
			span.From = first[0].At.Add(spanMargin)
		}
		span.Starts = append(span.Starts, start)
	}
	// Last come the acts, so that what retention removes in the meantime is in them.
	slices.SortStableFunc(span.Starts, func(a, b AuditHead) int { return cmp.Compare(actsLast(a), actsLast(b)) })
	if span.From.Before(span.Until) {
		span.Messages, err = trail.AuditCount(ctx, span.From, span.Until)
	}
	return span, err
}

func actsLast(h AuditHead) int {
	if h.Chain == ActChain {
		return 1
	}
	return 0
}

// startOf is the entry of a chain before a time, or the chain's beginning.
func startOf(ctx context.Context, trail AuditTrail, chain int, since time.Time) (AuditHead, error) {
	start := AuditHead{Chain: chain}
	if since.IsZero() {
		return start, nil
	}
	seq, err := trail.AuditBefore(ctx, chain, since)
	if err != nil || seq == 0 {
		return start, err
	}
	before, err := trail.AuditEntries(ctx, chain, seq-1, 1)
	if err == nil && len(before) > 0 && before[0].Seq == seq {
		start.Seq, start.Hash = seq, before[0].Hash
	}
	return start, err
}

// The bounds of one part of a verification.
const (
	auditPage     = 50
	auditPartTime = 2 * time.Second
)

// AuditVerify goes on with a chain behind an entry. It returns after a few
// seconds at the latest.
func (g *Gateway) AuditVerify(ctx context.Context, after AuditHead, span *AuditSpan) (*AuditPart, error) {
	return VerifyAudit(ctx, g.store, after, span)
}

// AuditEntry returns the entry at a place, or nil.
func (g *Gateway) AuditEntry(ctx context.Context, chain int, seq int64) (*AuditEntry, error) {
	return AuditEntryOf(ctx, g.store, chain, seq)
}

// AuditEntryOf is AuditEntry past a gateway.
func AuditEntryOf(ctx context.Context, trail AuditTrail, chain int, seq int64) (*AuditEntry, error) {
	found, err := trail.AuditEntries(ctx, chain, seq-1, 1)
	if err != nil || len(found) == 0 || found[0].Seq != seq {
		return nil, err
	}
	return &found[0], nil
}

// VerifyAudit is AuditVerify past a gateway. Of span only From and Until are used.
func VerifyAudit(ctx context.Context, trail AuditTrail, after AuditHead, span *AuditSpan) (*AuditPart, error) {
	v := &auditor{store: trail, span: span, part: &AuditPart{Head: after}}
	began := time.Now()
	err := v.begin(ctx)
	for err == nil && v.part.Break == nil && !v.part.Done && time.Since(began) < auditPartTime {
		err = v.page(ctx)
	}
	return v.part, err
}

// auditor verifies a piece of a chain.
type auditor struct {
	store AuditTrail
	span  *AuditSpan
	last  AuditHead // of the chain, when the piece was begun
	part  *AuditPart
}

func (v *auditor) begin(ctx context.Context) error {
	heads, err := v.store.AuditHeads(ctx)
	for _, h := range heads {
		if h.Chain == v.part.Head.Chain {
			v.last = h
		}
	}
	switch {
	case err != nil:
	case v.last == AuditHead{Chain: v.part.Head.Chain}: // no head, or one of a chain that nobody has written to
		return v.beginEmpty(ctx)
	case v.last.Seq < v.part.Head.Seq:
		v.breaks(v.part.Head.Seq, time.Time{}, ID{}, "the chain has %s now", plural.Of(v.last.Seq, "entry", "entries"))
	case v.last.Seq == v.part.Head.Seq:
		return v.end(ctx)
	}
	return err
}

func (v *auditor) beginEmpty(ctx context.Context) error {
	first, err := v.store.AuditEntries(ctx, v.part.Head.Chain, v.part.Head.Seq, 1)
	switch {
	case err != nil:
		return err
	case len(first) > 0:
		v.breaks(first[0].Seq, first[0].At, ID{}, "the chain has entries, and its head is gone")
	case v.part.Head.Seq > 0:
		v.breaks(v.part.Head.Seq, time.Time{}, ID{}, "the chain is gone")
	default:
		v.part.Done = true
	}
	return nil
}

// end compares the last entry with what the chain says that it is. What is behind
// it has come since, with another head, or by nobody.
func (v *auditor) end(ctx context.Context) error {
	v.part.Done = true
	if v.part.Head.Hash != v.last.Hash && v.last.Seq > 0 {
		v.breaks(v.last.Seq, time.Time{}, ID{}, "it is not the entry that the chain's head names")
		return nil
	}
	behind, err := v.store.AuditEntries(ctx, v.part.Head.Chain, v.last.Seq, 1)
	if err != nil || len(behind) == 0 {
		return err
	}
	heads, err := v.store.AuditHeads(ctx)
	for _, h := range heads {
		if h.Chain == v.part.Head.Chain && h.Seq < behind[0].Seq {
			v.breaks(behind[0].Seq, behind[0].At, ID{}, "it is behind the one that the chain's head names, which is %d", h.Seq)
		}
	}
	return err
}

func (v *auditor) breaks(seq int64, at time.Time, message ID, format string, args ...any) {
	v.part.Break = &AuditBreak{Chain: v.part.Head.Chain, Seq: seq, At: at, Message: message, Reason: fmt.Sprintf(format, args...)}
}

// page verifies the next entries, as far as they were there at the beginning.
func (v *auditor) page(ctx context.Context) error {
	limit := min(auditPage, v.last.Seq-v.part.Head.Seq)
	entries, err := v.store.AuditEntries(ctx, v.part.Head.Chain, v.part.Head.Seq, int(limit))
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		v.breaks(v.part.Head.Seq+1, time.Time{}, ID{}, "the entries from here to %d are gone", v.last.Seq)
	}
	for i := range entries {
		if err := v.entry(ctx, &entries[i]); err != nil || v.part.Break != nil {
			return err
		}
		if v.part.Head.Seq == v.last.Seq {
			return v.end(ctx)
		}
	}
	return nil
}

// entry verifies that an entry follows, and compares the ledger with it.
func (v *auditor) entry(ctx context.Context, e *AuditEntry) error {
	if v.part.Head.Seq == 0 && e.Seq > 1 {
		before := AuditHead{Chain: e.Chain, Seq: e.Seq - 1, Hash: e.Previous}
		n, err := v.store.AuditActs(ctx, AuditTruncated, before.String())
		if err != nil {
			return err
		}
		if n == 0 {
			v.breaks(e.Seq, e.At, ID{}, "the entries before it are gone, and no act says that retention has removed them")
			return nil
		}
		v.part.Head, v.part.Cut = before, before.Seq
	}
	switch {
	case e.Seq != v.part.Head.Seq+1:
		v.breaks(v.part.Head.Seq+1, time.Time{}, ID{}, "the entries from here to %d are gone", e.Seq-1)
	case e.Previous != v.part.Head.Hash:
		v.breaks(e.Seq, e.At, ID{}, "it does not follow the entry before it, whose hash is %s", v.part.Head.Hash)
	case e.Hash != e.Link():
		v.breaks(e.Seq, e.At, ID{}, "its hash is not that of its content: one of them was changed")
	}
	if v.part.Break != nil {
		return nil
	}
	if err := v.content(ctx, e); err != nil || v.part.Break != nil {
		return err
	}
	v.part.Entries++
	v.part.Head = AuditHead{Chain: e.Chain, Seq: e.Seq, Hash: e.Hash}
	return nil
}

func (v *auditor) content(ctx context.Context, e *AuditEntry) error {
	if e.Kind == AuditAct {
		v.part.Acts++
		return v.act(ctx, e)
	}
	records, err := e.Records()
	if err != nil {
		v.breaks(e.Seq, e.At, ID{}, "%v", err)
		return nil
	}
	ids := make([]ID, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	kept, err := v.store.AuditKept(ctx, ids)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := v.record(ctx, e, r, kept[r.ID]); err != nil || v.part.Break != nil {
			return err
		}
	}
	return nil
}

// act reads what retention has removed, and holds the reason against its hash: an
// erasure may have taken it.
func (v *auditor) act(ctx context.Context, e *AuditEntry) error {
	if !bytes.Equal(e.Content, AuditReason(e.Reason)) {
		if e.Reason == "" {
			if n, err := v.store.AuditActs(ctx, PayloadErased, e.Target); err != nil || n > 0 {
				return err
			}
		}
		v.breaks(e.Seq, e.At, ID{}, "the reason of the act was changed")
		return nil
	}
	if e.By != AuditRetention || e.What != AuditRemoved {
		return nil
	}
	into := &v.part.MessagesRemoved
	if e.Target == AuditPayloads {
		into = &v.part.PayloadsRemoved
	}
	if err := into.read(e.Reason); err != nil {
		v.breaks(e.Seq, e.At, ID{}, "the act does not say what was removed: %v", err)
	}
	return nil
}

// record compares what the ledger has of a message with what was taken.
func (v *auditor) record(ctx context.Context, e *AuditEntry, r AuditRecord, kept AuditKept) error {
	taken, waited := r.Taken&^TakenWaited, r.Taken&TakenWaited != 0
	switch taken {
	case TakenRepeat:
		return v.closed(ctx, r.ID)
	case TakenHeld:
		v.part.Messages++
		if kept.Held == nil && kept.Stored != nil {
			return nil // it was stored later, by an entry of its own
		}
	default:
		v.part.Messages++
		if at := MadeAt(r.ID); !at.Before(v.span.From) && at.Before(v.span.Until) {
			v.part.Met++
		}
		if waited && kept.Stored == nil {
			return nil // the entry that has held it tells what is gone
		}
	}
	return v.compare(ctx, e, r, taken, kept)
}

// closed counts a message that waits no more because it was a repeat, if its history
// says so, too; the history's line is of the same transaction. Gateways before this
// one also wrote such a record for a stale attempt of a message that somebody else
// had stored, closed or parked by then, and no line; their chains are not broken.
// Nothing is lost by that: what the count is there to find are histories that say
// so without a record.
func (v *auditor) closed(ctx context.Context, id ID) error {
	at, err := v.store.AuditRepeat(ctx, id)
	if err == nil && !at.IsZero() && !v.since(at) {
		v.part.Closed.put(id)
	}
	return err
}

// since reports whether something came about after the verification had begun: then
// one of its two traces may be where it has been already. It is for the next one to
// count. Nothing comes about later than now, but by somebody's clock.
func (v *auditor) since(at time.Time) bool {
	return !at.Before(v.span.Until) && at.Before(time.Now().Add(time.Minute))
}

func (v *auditor) compare(ctx context.Context, e *AuditEntry, r AuditRecord, taken byte, kept AuditKept) error {
	facts := kept.Stored
	if taken == TakenHeld {
		facts = kept.Held
	}
	if facts == nil {
		return v.gone(ctx, e, r, taken)
	}
	if want := takenAs[taken]; want != "" && kept.Outcome != want {
		v.breaks(e.Seq, e.At, r.ID, "it was %s, and the ledger says %s", want, kept.Outcome)
		return nil
	}
	sameFacts := facts.Digest() == r.Facts
	if sameFacts && kept.Payload != nil && *kept.Payload == r.Payload {
		return nil
	}
	erased, err := v.store.AuditActs(ctx, PayloadErased, r.ID.String())
	switch {
	case err != nil:
		return err
	case erased > 0 && kept.Payload == nil:
		v.part.Erased++
	case !sameFacts:
		v.breaks(e.Seq, e.At, r.ID, "its row in the ledger is not as it was written")
	case kept.Payload != nil:
		v.breaks(e.Seq, e.At, r.ID, "its payload is not the one that was taken")
	default:
		v.part.PayloadsGone.add(Gone{Count: 1, Newest: r.ID, Chain: e.Chain, Seq: e.Seq})
	}
	return nil
}

// gone counts a message that the ledger has no more.
func (v *auditor) gone(ctx context.Context, e *AuditEntry, r AuditRecord, taken byte) error {
	if taken == TakenHeld {
		at, err := v.store.AuditRepeat(ctx, r.ID)
		if err != nil || v.since(at) {
			return err
		}
		if !at.IsZero() {
			v.part.Repeats.put(r.ID)
			return nil
		}
	}
	v.part.MessagesGone.add(Gone{Count: 1, Newest: r.ID, Chain: e.Chain, Seq: e.Seq})
	return nil
}

// takenAs is the outcome that the ledger has of what was taken so.
var takenAs = map[byte]string{TakenStored: Stored.String(), TakenSuperseded: Superseded.String()}
