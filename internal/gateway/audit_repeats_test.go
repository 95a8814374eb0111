package gateway

import (
	"context"
	"testing"
	"time"
)

// written is a trail of one chain, of which the first entries may have been removed.
type written struct {
	AuditTrail
	at      time.Time
	entries []AuditEntry
	cut     int              // how many entries retention has removed
	kept    map[ID]string    // outcomes of what the ledger has; "" is held
	repeats map[ID]time.Time // by their histories
}

func (w *written) facts() AuditFacts { return AuditFacts{Route: "orders", ReceivedAt: w.at} }

// take appends a batch.
func (w *written) take(records ...AuditRecord) {
	f := w.facts()
	e := AuditEntry{Chain: 1, Seq: int64(len(w.entries) + 1), At: w.at, Kind: AuditBatch}
	if e.Seq > 1 {
		e.Previous = w.entries[e.Seq-2].Hash
	}
	for _, r := range records {
		r.Facts = f.Digest()
		e.Content = r.Append(e.Content)
	}
	e.Hash = e.Link()
	w.entries = append(w.entries, e)
}

func (w *written) AuditHeads(context.Context) ([]AuditHead, error) {
	last := w.entries[len(w.entries)-1]
	return []AuditHead{{Chain: 1, Seq: last.Seq, Hash: last.Hash}}, nil
}

func (w *written) AuditEntries(_ context.Context, _ int, after int64, limit int) ([]AuditEntry, error) {
	from := max(int(after), w.cut)
	return w.entries[from:min(from+limit, len(w.entries))], nil
}

func (w *written) AuditKept(_ context.Context, ids []ID) (map[ID]AuditKept, error) {
	out := map[ID]AuditKept{}
	for _, id := range ids {
		f := w.facts()
		switch outcome, kept := w.kept[id]; {
		case kept && outcome == "":
			out[id] = AuditKept{Held: &f, Payload: &Digest{}}
		case kept:
			out[id] = AuditKept{Stored: &f, Outcome: outcome, Payload: &Digest{}}
		}
	}
	return out, nil
}

func (w *written) AuditRepeat(_ context.Context, id ID) (time.Time, error) { return w.repeats[id], nil }

func (w *written) AuditActs(_ context.Context, what, _ string) (int, error) {
	if what == AuditTruncated && w.cut > 0 {
		return 1, nil
	}
	return 0, nil
}

func (w *written) AuditCount(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }

// TestAuditRepeats: what waited and is gone as a repeat has a record of that. A
// record that was written for a stale attempt, of a message that somebody else had
// taken by then, is no break, and stands for no other message.
func TestAuditRepeats(t *testing.T) {
	stored, repeat, other := ID{1}, ID{2}, ID{3}
	for name, tt := range map[string]struct {
		change func(w *written)
		breaks bool
	}{
		"a repeat":        {func(*written) {}, false},
		"a stale attempt": {func(w *written) { w.take(AuditRecord{Taken: TakenRepeat, ID: stored}) }, false},
		"several stale attempts": {func(w *written) {
			w.take(AuditRecord{Taken: TakenRepeat, ID: stored}, AuditRecord{Taken: TakenRepeat, ID: other})
		}, false},
		"held before what is left": {func(w *written) { w.cut = 1 }, false},
		"a repeat without a record": {func(w *written) {
			delete(w.kept, other)
			w.repeats[other] = w.at
		}, true},
		"a stale attempt for a repeat without a record": {func(w *written) {
			w.take(AuditRecord{Taken: TakenRepeat, ID: stored})
			delete(w.kept, other)
			w.repeats[other] = w.at
		}, true},
		"a repeat since it began, seen before": {func(w *written) {
			w.take(AuditRecord{Taken: TakenRepeat, ID: other})
			w.repeats[other] = time.Now()
		}, false},
		"a repeat since it began, seen afterwards": {func(w *written) {
			delete(w.kept, other)
			w.repeats[other] = time.Now()
		}, false},
		"a repeat of times to come": {func(w *written) {
			delete(w.kept, other)
			w.repeats[other] = time.Now().Add(time.Hour)
		}, true},
		"a repeat without a history": {func(w *written) { delete(w.repeats, repeat) }, true},
	} {
		w := &written{at: time.UnixMilli(1767225600000).UTC(), kept: map[ID]string{stored: Stored.String(), other: ""}, repeats: map[ID]time.Time{}}
		w.repeats[repeat] = w.at
		w.take(AuditRecord{Taken: TakenHeld, ID: stored}, AuditRecord{Taken: TakenHeld, ID: repeat}, AuditRecord{Taken: TakenHeld, ID: other})
		w.take(AuditRecord{Taken: TakenStored | TakenWaited, ID: stored}, AuditRecord{Taken: TakenRepeat, ID: repeat})
		tt.change(w)
		span, err := BeginAudit(t.Context(), w, w.at.Add(time.Hour), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := WalkAudit(span, nil, ReadAudit(t.Context(), w, span))
		if err != nil {
			t.Fatal(err)
		}
		if (report.Break != nil) != tt.breaks {
			t.Errorf("%s: break %v", name, report.Break)
		}
	}
}
