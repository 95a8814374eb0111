package gateway

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"
)

// endless is a trail of n batches of one message each, which are made when they
// are read.
type endless struct {
	AuditTrail
	n       int64
	at      time.Time
	last    AuditEntry // that was made
	head    AuditHead
	changed int64 // the entry whose content is another one than was hashed
}

func newEndless(n int64) *endless {
	e := &endless{n: n, at: time.UnixMilli(1767225600000).UTC()}
	for e.last.Seq < n {
		e.make()
	}
	e.head = AuditHead{Chain: 1, Seq: n, Hash: e.last.Hash}
	e.last = AuditEntry{}
	return e
}

func (e *endless) facts(seq int64) AuditFacts {
	return AuditFacts{Route: "orders", ReceivedAt: e.at.Add(time.Duration(seq) * time.Millisecond)}
}

func (e *endless) id(seq int64) (id ID) {
	ms := uint64(e.facts(seq).ReceivedAt.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

func (e *endless) make() AuditEntry {
	seq := e.last.Seq + 1
	f := e.facts(seq)
	r := AuditRecord{ID: e.id(seq), Facts: f.Digest()}
	next := AuditEntry{Chain: 1, Seq: seq, At: f.ReceivedAt, Kind: AuditBatch, Content: r.Append(nil), Previous: e.last.Hash}
	next.Hash = next.Link()
	e.last = next
	if seq == e.changed {
		next.Content = append([]byte(nil), next.Content...)
		next.Content[5] ^= 1
	}
	return next
}

func (e *endless) AuditHeads(context.Context) ([]AuditHead, error) { return []AuditHead{e.head}, nil }

func (e *endless) AuditEntries(_ context.Context, _ int, after int64, limit int) (out []AuditEntry, err error) {
	if after < e.last.Seq {
		e.last = AuditEntry{} // from the beginning, once more
	}
	for e.last.Seq < after {
		e.make()
	}
	for len(out) < limit && e.last.Seq < e.n {
		out = append(out, e.make())
	}
	return out, nil
}

func (e *endless) AuditKept(_ context.Context, ids []ID) (map[ID]AuditKept, error) {
	out := map[ID]AuditKept{}
	for _, id := range ids {
		f := e.facts(int64(MadeAt(id).Sub(e.at) / time.Millisecond))
		out[id] = AuditKept{Stored: &f, Outcome: Stored.String(), Payload: &Digest{}}
	}
	return out, nil
}

func (e *endless) AuditCount(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }

// TestAuditWalk: a verification of many entries takes little memory, is written
// down and gone on with after any part, and finds what one of them has.
func TestAuditWalk(t *testing.T) {
	n := int64(300_000)
	if testing.Short() {
		n = 20_000
	}
	trail := newEndless(n)
	for _, changed := range []int64{0, n - 7} {
		trail.changed = changed
		span, err := BeginAudit(t.Context(), trail, trail.at.Add(time.Hour), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		w := NewAuditWalk(span)
		before, most := heapInUse(), uint64(0)
		for steps := 0; !w.Done(); steps++ {
			if err := w.Step(stepwise(t, trail, span)); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(w)
			if err != nil {
				t.Fatal(err)
			}
			w = &AuditWalk{}
			if err := json.Unmarshal(text, w); err != nil || w.Check() != nil {
				t.Fatalf("%s: %v, %v", text, err, w.Check())
			}
			if steps%1000 == 0 {
				most = max(most, heapInUse())
			}
		}
		report, err := w.End(stepwise(t, trail, span), []AuditHead{trail.head})
		switch {
		case err != nil:
			t.Fatal(err)
		case changed == 0 && (report.Break != nil || report.Entries != n || report.Messages != n || report.Noted != 1):
			t.Errorf("%+v", report)
		case changed != 0 && (report.Break == nil || report.Break.Seq != changed || !strings.Contains(report.Break.Reason, "its hash is not that of its content")):
			t.Errorf("break %v, want entry %d", report.Break, changed)
		}
		if most > before+8<<20 {
			t.Errorf("%d bytes more are in memory", most-before)
		}
	}
}

// stepwise reads a page at a time.
func stepwise(t *testing.T, trail AuditTrail, span *AuditSpan) AuditReader {
	from := ReadAudit(t.Context(), trail, span)
	from.Part = func(after AuditHead) (*AuditPart, error) {
		v := &auditor{store: trail, span: span, part: &AuditPart{Head: after}}
		err := v.begin(t.Context())
		if err == nil && !v.part.Done && v.part.Break == nil {
			err = v.page(t.Context())
		}
		return v.part, err
	}
	return from
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAuditWalkCheck(t *testing.T) {
	for name, w := range map[string]*AuditWalk{
		"behind its end":   {Next: 2, Span: AuditSpan{Until: time.Now(), Starts: []AuditHead{{}}}},
		"before it":        {Next: -1, Span: AuditSpan{Until: time.Now()}},
		"no span":          {},
		"another chain":    {Span: AuditSpan{Until: time.Now(), Starts: []AuditHead{{Chain: 3}}}},
		"before the chain": {At: AuditHead{Seq: -1}, Span: AuditSpan{Until: time.Now(), Starts: []AuditHead{{}}}},
	} {
		if w.Check() == nil {
			t.Errorf("%s is a walk", name)
		}
	}
}
