package gatewaytest

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// verify walks all chains.
func (s *storeSuite) verify(expected ...gateway.AuditHead) *gateway.AuditReport {
	s.t.Helper()
	return s.verifySince(time.Time{}, expected...)
}

func (s *storeSuite) verifySince(since time.Time, expected ...gateway.AuditHead) *gateway.AuditReport {
	s.t.Helper()
	ctx := s.t.Context()
	span, err := gateway.BeginAudit(ctx, s.store, time.Now().UTC().Add(time.Hour), since)
	if err != nil {
		s.t.Fatalf("beginning: %v", err)
	}
	report, err := gateway.WalkAudit(span, expected, gateway.ReadAudit(ctx, s.store, span))
	if err != nil {
		s.t.Fatalf("verifying: %v", err)
	}
	return report
}

func (s *storeSuite) fits(want string, expected ...gateway.AuditHead) *gateway.AuditReport {
	s.t.Helper()
	r := s.verify(expected...)
	got := fmt.Sprintf("%d entries, %d acts, %d messages, %d erased, %d and %d gone", r.Entries, r.Acts, r.Messages, r.Erased, r.MessagesGone.Count, r.PayloadsGone.Count)
	if r.Break != nil || got != want {
		s.t.Errorf("%s, break %v; want %s", got, r.Break, want)
	}
	return r
}

// auditTrail: every transaction that takes messages is one entry, and so is every
// act; what comes to nothing is none.
func (s *storeSuite) auditTrail(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	s.fits("0 entries, 0 acts, 0 messages, 0 erased, 0 and 0 gone")
	s.commit(w, 0, p.entry("PO-1", simple("PO-1")), p.entry("PO-2", simple("PO-2")), only(async(p.entry("PO-3", simple("PO-3")))))
	s.fits("1 entries, 0 acts, 3 messages, 0 erased, 0 and 0 gone")
	s.one(w, p.entry("PO-1", simple("PO-1")), gateway.Duplicate)
	early := s.fits("1 entries, 0 acts, 3 messages, 0 erased, 0 and 0 gone")
	parked := s.one(w, only(async(p.entry("PO-4", simple("PO-4")))), gateway.Parked).MessageID
	if err := s.store.DiscardMessage(t.Context(), parked, gateway.Act{By: "cn=Ö lga", Reason: "because \U0001F600"}); err != nil {
		t.Fatal(err)
	}
	s.code(s.store.DiscardMessage(t.Context(), parked, olga), "GH-5010")
	if err := s.store.Audit(t.Context(), "reload", "configuration", olga); err != nil {
		t.Fatal(err)
	}
	late := s.fits("4 entries, 2 acts, 4 messages, 0 erased, 0 and 0 gone", early.Heads...)
	acts, err := s.store.AuditEntries(t.Context(), gateway.ActChain, 0, 10)
	if err != nil || len(acts) != 2 {
		t.Fatalf("%d acts, %v", len(acts), err)
	}
	if a := acts[0]; a.By != "cn=Ö lga" || a.What != "discarded" || a.Target != parked.String() || a.Reason != "because \U0001F600" || a.Seq != 1 {
		t.Errorf("the act is %+v", a)
	}
	if r := s.verifySince(acts[1].At.Add(time.Hour)); r.Break != nil || r.Entries != 0 || len(r.Heads) != len(late.Heads) {
		t.Errorf("since an hour from now: %+v", r)
	}
	if r := s.verifySince(acts[1].At.Add(-time.Hour)); r.Break != nil || r.Entries != late.Entries {
		t.Errorf("since an hour ago: %+v", r)
	}
}

// auditTogether: several processes append to the same chains, batches and acts, at
// once.
func (s *storeSuite) auditTogether(t *testing.T) {
	const processes, rounds = 3, 15
	stores := []gateway.Store{s.store}
	for len(stores) < processes {
		stores = append(stores, s.probe.Another(t))
	}
	p := newPlan()
	var work sync.WaitGroup
	for n, store := range stores {
		w, err := store.Writer(t.Context(), p.Mapping)
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			for i := range rounds {
				no := fmt.Sprintf("PO-%d-%d", n, i)
				out, err := w.Commit(t.Context(), 0, []*gateway.Entry{p.entry(no, simple(no))})
				if err != nil || out[0].Status != gateway.Stored {
					t.Errorf("%s: %v, %v", no, out, err)
				}
			}
		})
		work.Go(func() {
			for range rounds {
				if err := store.Audit(t.Context(), "reload", "configuration", olga); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if r := s.verify(); r.Break != nil || r.Acts != processes*rounds || r.Messages != processes*rounds {
		t.Errorf("%d acts and %d messages, want %d each; break %v", r.Acts, r.Messages, processes*rounds, r.Break)
	}
}

// auditWaited: a message that waits is in the trail; when it is stored after all,
// or turns out to be a repeat, that is in it too, and it is counted once when
// retention takes it.
func (s *storeSuite) auditWaited(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	stored := s.one(w, async(born(p.entry("m1", late("PO-1")), longAgo)), gateway.Waiting).MessageID
	repeated := s.one(w, async(p.entry("m2", late("PO-2"))), gateway.Waiting).MessageID
	s.arrives(t)
	s.one(w, p.entry("m2", late("PO-2")), gateway.Stored) // by another door
	s.fits("3 entries, 0 acts, 3 messages, 0 erased, 0 and 0 gone")
	tried := s.held(stored)
	s.one(w, retry(tried, p.entry("m1", late("PO-1"))), gateway.Stored)
	s.one(w, retry(tried, p.entry("m1", late("PO-1"))), gateway.Duplicate) // by a process that had read it before
	s.one(w, retry(s.held(repeated), p.entry("m2", late("PO-2"))), gateway.Duplicate)
	whole := s.fits("5 entries, 0 acts, 4 messages, 0 erased, 0 and 0 gone")
	if whole.Repeats.Count != 1 || whole.Repeats != whole.Closed {
		t.Errorf("%+v are repeats, %+v closed", whole.Repeats, whole.Closed)
	}
	s.confirmAll()
	s.purge(gateway.Portion{Of: gateway.StockLedger, Route: "submit-order", Before: longAgo.Add(time.Hour), Limit: 10})
	s.fits("6 entries, 1 acts, 4 messages, 0 erased, 1 and 0 gone")

	// Somebody takes out what waits and says that it was a repeat.
	other := s.one(w, only(async(p.entry("m3", late("PO-3")))), gateway.Parked).MessageID
	s.fits("7 entries, 1 acts, 5 messages, 0 erased, 1 and 0 gone")
	s.exec([]string{`DELETE FROM {gateway.held}`})
	if err := s.store.Note(t.Context(), other, gateway.Attempt{At: time.Now(), What: "attempted", Reason: "a repeat of message " + repeated.String()}); err != nil {
		t.Fatal(err)
	}
	if r := s.verify(); r.Break == nil {
		t.Error("a forged repeat fits")
	}
}

// auditStale: an attempt of a waiting message that comes after another process has
// stored, closed or parked it says nothing of it in the trail.
func (s *storeSuite) auditStale(t *testing.T) {
	p, other := newPlan(waitForProduct), s.probe.Another(t)
	w := s.writer(p)
	w2, err := other.Writer(t.Context(), p.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	wait := func(no string) *gateway.Held {
		return s.held(s.one(w, async(p.entry("m-"+no, late(no))), gateway.Waiting).MessageID)
	}
	attempt := func(w gateway.Writer, h *gateway.Held, want gateway.Status) {
		t.Helper()
		no := h.Message.OrderingKey
		s.one(w, retry(h, p.entry("m-"+no, late(no))), want)
	}
	stored, repeated, parked := wait("PO-1"), wait("PO-2"), wait("PO-3")
	s.arrives(t)
	for _, no := range []string{"PO-2", "PO-3"} { // by another door
		s.one(w, p.entry("m-"+no, late(no)), gateway.Stored)
	}
	if err := s.store.ParkMessage(t.Context(), parked.Message.ID, olga); err != nil {
		t.Fatal(err)
	}
	attempt(w2, stored, gateway.Stored)
	s.fits("7 entries, 1 acts, 6 messages, 0 erased, 0 and 0 gone")
	attempt(w, stored, gateway.Duplicate)
	attempt(w, parked, gateway.Duplicate)
	s.fits("7 entries, 1 acts, 6 messages, 0 erased, 0 and 0 gone")
	attempt(w2, repeated, gateway.Duplicate)
	whole := s.fits("8 entries, 1 acts, 6 messages, 0 erased, 0 and 0 gone")
	attempt(w, repeated, gateway.Duplicate)
	attempt(w2, repeated, gateway.Duplicate)
	if r := s.fits("8 entries, 1 acts, 6 messages, 0 erased, 0 and 0 gone"); r.Repeats != whole.Repeats || r.Repeats != r.Closed || r.Repeats.Count != 1 {
		t.Errorf("%+v are repeats, %+v closed", r.Repeats, r.Closed)
	}
	s.rows(heldRows, "m-PO-3 parked GH-5007 1")
}

// auditOvertaken: a waiting message may turn out to be a repeat of one that was
// superseded.
func (s *storeSuite) auditOvertaken(t *testing.T) {
	p := newPlan(waitForProduct, guarded)
	w := s.writer(p)
	older, newer := late("PO-1"), late("PO-1")
	older.revision, newer.revision = "1", "2"
	id := s.one(w, async(p.entry("m1", older)), gateway.Waiting).MessageID
	h := s.held(id)
	s.arrives(t)
	s.one(w, p.entry("m2", newer), gateway.Stored)
	first := s.one(w, p.entry("m1", older), gateway.Superseded).MessageID
	s.one(w, retry(h, p.entry("m1", older)), gateway.Superseded)
	s.rows(heldRows)
	s.rows(`SELECT reason FROM {gateway.attempt} WHERE what = 'attempted'`, "a repeat of message "+first.String())
	whole := s.fits("4 entries, 0 acts, 3 messages, 0 erased, 0 and 0 gone")
	s.one(w, retry(h, p.entry("m1", older)), gateway.Superseded)
	if r := s.fits("4 entries, 0 acts, 3 messages, 0 erased, 0 and 0 gone"); r.Closed != whole.Closed || r.Closed.Count != 1 {
		t.Errorf("%+v are closed, then %+v", whole.Closed, r.Closed)
	}
}

// auditTells: whoever changes what is stored past the gateway is found out.
func (s *storeSuite) auditTells(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	id := s.one(w, p.entry("PO-1", simple("PO-1")), gateway.Stored).MessageID
	s.one(w, only(async(p.entry("PO-2", simple("PO-2")))), gateway.Parked)
	if err := s.store.Note(t.Context(), id, gateway.Attempt{What: "replayed", By: "cn=x"}); err != nil { // is no act
		t.Fatal(err)
	}
	for range 3 {
		if err := s.store.Audit(t.Context(), "reload", "configuration", olga); err != nil {
			t.Fatal(err)
		}
	}
	heads := s.fits("5 entries, 3 acts, 2 messages, 0 erased, 0 and 0 gone").Heads
	for _, tt := range []struct{ do, undo, want string }{
		{`UPDATE {gateway.message} SET sender = 'mallory'`, `UPDATE {gateway.message} SET sender = '` + s.sender(id) + `'`, "its row in the ledger is not as it was written"},
		{`UPDATE {gateway.message} SET outcome = 'superseded'`, `UPDATE {gateway.message} SET outcome = 'stored'`, "it was stored, and the ledger says superseded"},
		{`UPDATE {gateway.held} SET route = 'other'`, `UPDATE {gateway.held} SET route = 'submit-order'`, "its row in the ledger is not as it was written"},
		{`UPDATE {gateway.audit} SET done_by = 'cn=mallory' WHERE chain = 0 AND seq = 2`, `UPDATE {gateway.audit} SET done_by = 'cn=olga' WHERE chain = 0 AND seq = 2`, "chain 0, entry 2"},
		{`UPDATE {gateway.audit} SET reason = 'another' WHERE chain = 0 AND seq = 3`, `UPDATE {gateway.audit} SET reason = 'because' WHERE chain = 0 AND seq = 3`, "the reason of the act was changed"},
		{`UPDATE {gateway.audit} SET reason = '' WHERE chain = 0 AND seq = 3`, `UPDATE {gateway.audit} SET reason = 'because' WHERE chain = 0 AND seq = 3`, "the reason of the act was changed"},
		{`UPDATE {gateway.audit} SET seq = 9 WHERE chain = 0 AND seq = 2`, `UPDATE {gateway.audit} SET seq = 2 WHERE chain = 0 AND seq = 9`, "the entries from here to 2 are gone"},
		{`UPDATE {gateway.audit} SET seq = 9 WHERE chain = 0 AND seq = 3`, `UPDATE {gateway.audit} SET seq = 3 WHERE chain = 0 AND seq = 9`, "are gone"},
		{`UPDATE {gateway.audit} SET seq = 9 WHERE chain = 0 AND seq = 1`, `UPDATE {gateway.audit} SET seq = 1 WHERE chain = 0 AND seq = 9`, "the entries before it are gone, and no act says"},
		{`UPDATE {gateway.chain} SET seq = 2 WHERE chain = 0`, `UPDATE {gateway.chain} SET seq = 3 WHERE chain = 0`, "not the entry that the chain's head names"},
		{`UPDATE {gateway.chain} SET chain = 99 WHERE chain = 0`, `UPDATE {gateway.chain} SET chain = 0 WHERE chain = 99`, "chain 99, entry 1: the entries from here to 3 are gone"},
		{`DELETE FROM {gateway.payload} WHERE message_id IN (SELECT id FROM {gateway.message})`, ``, "its payload is gone; retention has removed none"},
		{`DELETE FROM {gateway.held}`, ``, "retention has removed none that young"},
	} {
		s.probe.Exec(t, tt.do)
		if r := s.verify(heads...); r.Break == nil || !strings.Contains(r.Break.String(), tt.want) {
			t.Errorf("%s: break %v, want %q", tt.do, r.Break, tt.want)
		}
		if tt.undo != "" {
			s.probe.Exec(t, tt.undo)
			if r := s.verify(heads...); r.Break != nil {
				t.Fatalf("%s: %v", tt.undo, r.Break)
			}
		}
	}
	forged := heads[0]
	forged.Hash[0] ^= 1
	if r := s.verify(forged); r.Break == nil {
		t.Error("another hash than was noted fits")
	}
}

// auditMoved: entries and messages that are put in or change places show.
func (s *storeSuite) auditMoved(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	for i := range 3 {
		no := fmt.Sprint("PO-", i)
		s.one(w, p.entry(no, simple(no)), gateway.Stored)
		if err := s.store.Audit(t.Context(), "reload", no, olga); err != nil {
			t.Fatal(err)
		}
	}
	heads := s.verify().Heads
	const columns = `at, kind, done_by, what, target, reason, content, previous, hash`
	swap := func(chain string) []string {
		return []string{
			`UPDATE {gateway.audit} SET seq = 99 WHERE seq = 2 AND chain = ` + chain,
			`UPDATE {gateway.audit} SET seq = 2 WHERE seq = 1 AND chain = ` + chain,
			`UPDATE {gateway.audit} SET seq = 1 WHERE seq = 99 AND chain = ` + chain,
		}
	}
	for name, tt := range map[string]struct {
		do, undo []string
		want     string
	}{
		"acts change places":    {swap("0"), swap("0"), "chain 0, entry 1"},
		"batches change places": {swap(s.laneOf(heads)), swap(s.laneOf(heads)), ", entry 1"},
		"an entry at the end": {
			[]string{`INSERT INTO {gateway.audit} (chain, seq, ` + columns + `) SELECT chain, 4, ` + columns + ` FROM {gateway.audit} WHERE chain = 0 AND seq = 3`},
			[]string{`DELETE FROM {gateway.audit} WHERE chain = 0 AND seq = 4`}, "chain 0, entry 4 of",
		},
		"an entry that is counted": {
			[]string{
				`INSERT INTO {gateway.audit} (chain, seq, ` + columns + `) SELECT chain, 4, ` + columns + ` FROM {gateway.audit} WHERE chain = 0 AND seq = 3`,
				`UPDATE {gateway.chain} SET seq = 4 WHERE chain = 0`,
			},
			[]string{`DELETE FROM {gateway.audit} WHERE chain = 0 AND seq = 4`, `UPDATE {gateway.chain} SET seq = 3 WHERE chain = 0`}, "chain 0, entry 4 of",
		},
		"a chain of its own": {
			[]string{`INSERT INTO {gateway.audit} (chain, seq, ` + columns + `) SELECT 77, seq, ` + columns + ` FROM {gateway.audit} WHERE chain = 0 AND seq = 1`},
			[]string{`DELETE FROM {gateway.audit} WHERE chain = 77`}, "chain 77, entry 1",
		},
		"the beginning is cut off": {
			[]string{`UPDATE {gateway.audit} SET chain = 78 WHERE chain = 0 AND seq = 1`, `UPDATE {gateway.audit} SET seq = 5 WHERE chain = 78`},
			[]string{`UPDATE {gateway.audit} SET seq = 1 WHERE chain = 78`, `UPDATE {gateway.audit} SET chain = 0 WHERE chain = 78`}, "its head is gone",
		},
	} {
		s.exec(tt.do)
		if r := s.verify(heads...); r.Break == nil || !strings.Contains(r.Break.String(), tt.want) {
			t.Errorf("%s: break %v, want %q", name, r.Break, tt.want)
		}
		s.exec(tt.undo)
		if r := s.verify(heads...); r.Break != nil {
			t.Fatalf("after %s was taken back: %v", name, r.Break)
		}
	}
	// A message that no batch has: here because the end of the chain was taken off.
	lane := s.laneOf(heads)
	s.one(w, born(p.entry("PO-9", simple("PO-9")), time.Now().Add(30*time.Minute)), gateway.Stored)
	s.verify()
	s.exec([]string{
		`DELETE FROM {gateway.audit} WHERE seq = 4 AND chain = ` + lane,
		`UPDATE {gateway.chain} SET seq = 3, head = (SELECT hash FROM {gateway.audit} WHERE seq = 3 AND chain = ` + lane + `) WHERE chain = ` + lane,
	})
	if r := s.verify(); r.Break == nil || !strings.Contains(r.Break.Reason, "were not written by a gateway") {
		t.Errorf("a message without an entry: break %v", r.Break)
	}
}

// auditDuring: what retention removes while a verification is under way is no break.
func (s *storeSuite) auditDuring(t *testing.T) {
	w := s.writer(newPlan())
	for i, no := range []string{"PO-1", "PO-2"} {
		s.one(w, of(born(newPlan().entry(no, simple(no)), longAgo.Add(time.Duration(i)*time.Hour))), gateway.Stored)
	}
	s.confirmAll()
	remove := func(before time.Time) {
		s.purge(gateway.Portion{Of: gateway.StockLedger, Route: "submit-order", Before: before, Limit: 10})
	}
	remove(longAgo.Add(30 * time.Minute))
	span, err := gateway.BeginAudit(t.Context(), s.store, time.Now().UTC(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	from, walk := gateway.ReadAudit(t.Context(), s.store, span), gateway.NewAuditWalk(span)
	for walk.Next == 0 {
		if err := walk.Step(from); err != nil {
			t.Fatal(err)
		}
	}
	remove(longAgo.Add(2 * time.Hour))
	for !walk.Done() {
		if err := walk.Step(from); err != nil {
			t.Fatal(err)
		}
	}
	report, err := walk.End(from, nil)
	if err != nil || report.Break != nil {
		t.Errorf("break %v, %v", report.Break, err)
	}
	if heads := report.Heads; len(heads) != 2 || heads[0].Chain != gateway.ActChain {
		t.Errorf("the heads are %v", heads)
	}
}

// laneOf is the chain that all batches of a test are in.
func (s *storeSuite) laneOf(heads []gateway.AuditHead) string {
	s.t.Helper()
	if len(heads) != 2 || heads[0].Chain != gateway.ActChain {
		s.t.Fatalf("the heads are %v", heads)
	}
	return fmt.Sprint(heads[1].Chain)
}

func (s *storeSuite) exec(statements []string) {
	s.t.Helper()
	for _, statement := range statements {
		s.probe.Exec(s.t, statement)
	}
}

// auditRestored: an older state of the database is consistent in itself; whoever
// has noted a head later than that is told.
func (s *storeSuite) auditRestored(t *testing.T) {
	act := func(target string) {
		if err := s.store.Audit(t.Context(), "reload", target, olga); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []string{"a", "b", "c"} {
		act(target)
	}
	noted := s.fits("3 entries, 3 acts, 0 messages, 0 erased, 0 and 0 gone").Heads
	s.exec([]string{
		`DELETE FROM {gateway.audit} WHERE chain = 0 AND seq > 1`,
		`UPDATE {gateway.chain} SET seq = 1, head = (SELECT hash FROM {gateway.audit} WHERE chain = 0 AND seq = 1) WHERE chain = 0`,
	})
	s.fits("1 entries, 1 acts, 0 messages, 0 erased, 0 and 0 gone")
	if r := s.verify(noted...); r.Break == nil || !strings.Contains(r.Break.String(), "chain 0, entry 3: the entry whose hash was noted is not there") {
		t.Errorf("after the restore: break %v", r.Break)
	}
	for _, target := range []string{"x", "y", "z"} { // the chain goes on, on a branch of its own
		act(target)
	}
	s.fits("4 entries, 4 acts, 0 messages, 0 erased, 0 and 0 gone")
	if r := s.verify(noted...); r.Break == nil || !strings.Contains(r.Break.String(), "its hash is another one than was noted") {
		t.Errorf("after the fork: break %v", r.Break)
	}
}

// auditDenies: every act of an operator that the trail does not take is refused,
// for that reason, and changes nothing.
func (s *storeSuite) auditDenies(t *testing.T) {
	ctx := t.Context()
	p := newPlan(waitForProduct)
	w := s.writer(p)
	done := s.one(w, of(p.entry("PO-5", simple("PO-5"))), gateway.Stored).MessageID
	s.confirmAll()
	parked := s.one(w, only(async(p.entry("PO-1", simple("PO-1")))), gateway.Parked).MessageID
	waiting := s.one(w, async(p.entry("PO-2", late("PO-2"))), gateway.Waiting).MessageID
	outgoing, stuck := s.add("PO-3", "k3"), s.add("PO-4", "k4")
	s.acted(s.park, stuck, 1)
	// Whatever the next entry is, there is one at its place.
	s.probe.Exec(t, `INSERT INTO {gateway.audit} (chain, seq, at, kind, done_by, what, target, reason, content, previous, hash)
		SELECT chain, seq + 1, at, kind, done_by, what, target, reason, content, previous, hash FROM {gateway.audit} WHERE chain = 0`)
	pictures := []string{
		`SELECT id, state, closed_by FROM {gateway.held} ORDER BY id`, `SELECT message_id, what FROM {gateway.attempt} ORDER BY message_id, id`,
		`SELECT channel, shard, seq FROM {gateway.outbox} ORDER BY channel, shard, seq`, `SELECT channel, shard, seq FROM {gateway.parked} ORDER BY channel, shard, seq`,
		`SELECT channel, shard, seq FROM {gateway.discarded} ORDER BY channel, shard, seq`, `SELECT message_id FROM {gateway.payload} ORDER BY message_id`,
		`SELECT chain, seq FROM {gateway.chain} ORDER BY chain`,
	}
	picture := func() (out [][][]string) {
		for _, q := range pictures {
			out = append(out, s.probe.Query(t, q))
		}
		return out
	}
	before := picture()
	onDeliveries := func(act func(gateway.ID, gateway.Act) (int, error), id gateway.ID) func() error {
		return func() error { _, err := act(id, olga); return err }
	}
	for verb, do := range map[string]func() error{
		"park a message":        func() error { return s.store.ParkMessage(ctx, waiting, olga) },
		"discard a message":     func() error { return s.store.DiscardMessage(ctx, parked, olga) },
		"park deliveries":       onDeliveries(s.park, outgoing),
		"release deliveries":    onDeliveries(s.release, stuck),
		"discard deliveries":    onDeliveries(s.discard, stuck),
		"erase":                 func() error { return s.store.Erase(ctx, done, olga) },
		"any act of the core's": func() error { return s.store.Audit(ctx, "reload", "configuration", olga) },
	} {
		s.code(do(), fault.CodeAudit)
		if after := picture(); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: %v became %v", verb, before, after)
		}
	}
	// And the forged entry shows.
	if r := s.verify(); r.Break == nil || !strings.Contains(r.Break.String(), "behind the one that the chain's head names") {
		t.Errorf("break %v", r.Break)
	}
}

func (s *storeSuite) sender(id gateway.ID) string {
	s.t.Helper()
	r, err := s.store.Message(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Sender
}

// auditRetention: what the gateway removes and erases itself is explained by the
// trail; and the trail can be cut off in front.
func (s *storeSuite) auditRetention(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	var ids []gateway.ID
	for i := range 4 {
		no := fmt.Sprint("PO-", i)
		ids = append(ids, s.one(w, of(born(p.entry(no, simple(no)), longAgo.Add(time.Duration(i)*time.Hour))), gateway.Stored).MessageID)
	}
	s.confirmAll()
	young := s.one(w, of(p.entry("young", simple("young"))), gateway.Stored).MessageID
	s.confirmAll()
	s.purge(gateway.Portion{Of: gateway.StockPayloads, Before: longAgo.Add(150 * time.Minute), Limit: 10})
	s.fits("6 entries, 1 acts, 5 messages, 0 erased, 0 and 3 gone")
	s.purge(gateway.Portion{Of: gateway.StockLedger, Route: "submit-order", Before: longAgo.Add(90 * time.Minute), Limit: 10})
	s.fits("7 entries, 2 acts, 5 messages, 0 erased, 2 and 1 gone")
	s.erase(ids[3])
	if err := s.store.Audit(t.Context(), "replay", young.String(), gateway.Act{By: "cn=olga", Reason: "names somebody"}); err != nil {
		t.Fatal(err)
	}
	s.erase(young)
	s.fits("10 entries, 5 acts, 5 messages, 2 erased, 2 and 1 gone")
	for _, row := range s.probe.Query(t, `SELECT reason FROM {gateway.audit} WHERE what = 'replay'`) {
		if row[0] != "" {
			t.Errorf("the reason %q outlives its message's erasure", row[0])
		}
	}
	// All but the last one of the lane; then again, when there is nothing to go.
	before := s.verify().Heads
	tomorrow := time.Now().Add(24 * time.Hour)
	s.purge(gateway.Portion{Of: gateway.StockAudit, Before: tomorrow, Limit: 2})
	s.purge(gateway.Portion{Of: gateway.StockAudit, Before: tomorrow, Limit: 2})
	s.fits("8 entries, 7 acts, 1 messages, 1 erased, 0 and 0 gone", before...)
	s.one(w, p.entry("next", simple("next")), gateway.Stored)
	s.fits("9 entries, 7 acts, 2 messages, 1 erased, 0 and 0 gone", before...)

	s.probe.Exec(t, `DELETE FROM {gateway.message} WHERE "identity" = 'next'`)
	if r := s.verify(); r.Break == nil || !strings.Contains(r.Break.Reason, "retention has removed none that young") {
		t.Errorf("break %v", r.Break)
	}
}
