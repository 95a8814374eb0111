package gatewaytest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// longAgo is when the suite's old messages came.
var longAgo = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// BornAt is a new identifier as it was made at t.
func BornAt(t time.Time) gateway.ID {
	id := newID()
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16|uint64(id[6])<<8|uint64(id[7]))
	return id
}

// born makes an entry one that came at t.
func born(e *gateway.Entry, t time.Time) *gateway.Entry {
	e.Message.ID, e.Message.ReceivedAt = BornAt(t), t
	return e
}

// confirmAll has every delivery that waits taken by its channel.
func (s *storeSuite) confirmAll() {
	s.t.Helper()
	for shard := range s.store.Shards() {
		l := s.acquire(shard, "confirming", time.Minute)
		for {
			found := s.pending(shard, 0, 500)
			if len(found) == 0 {
				break
			}
			var seqs []int64
			for _, d := range found {
				seqs = append(seqs, d.Seq)
			}
			if err := s.store.Confirm(s.t.Context(), l, seqs); err != nil {
				s.t.Fatalf("confirm: %v", err)
			}
		}
		if _, _, err := s.store.Acquire(s.t.Context(), channel, shard, "confirming", 0); err != nil {
			s.t.Fatalf("giving a lease back: %v", err)
		}
	}
}

// purge drains a portion and returns what was removed, as "table=n" in the order
// of the tables' names.
func (s *storeSuite) purge(p gateway.Portion) string {
	s.t.Helper()
	total, err := Drain(s.t, s.store, p)
	if err != nil {
		s.t.Fatalf("purge %s: %v", p.Of, err)
	}
	var out []string
	for _, table := range strings.Fields("attachment attempt audit change delivery discarded held inbox job job_item message message_key payload refusal relayed reply response suspect") {
		if total[table] > 0 {
			out = append(out, fmt.Sprintf("%s=%d", table, total[table]))
		}
		delete(total, table)
	}
	maps.DeleteFunc(total, func(_ string, n int64) bool { return n == 0 })
	if len(total) > 0 {
		s.t.Errorf("rows of %v were removed", total)
	}
	return strings.Join(out, " ")
}

func (s *storeSuite) purges(p gateway.Portion, want string) {
	s.t.Helper()
	if got := s.purge(p); got != want {
		s.t.Errorf("purge of %s before %s removed %q, want %q", p.Of, p.Before.Format(time.StampMilli), got, want)
	}
}

// Drain removes portion after portion, and returns the rows removed by table.
func Drain(t testing.TB, store gateway.Archive, p gateway.Portion) (map[string]int64, error) {
	total := map[string]int64{}
	if p.Limit == 0 {
		p.Limit = 7
	}
	for range 10_000 {
		got, err := store.Purge(t.Context(), p)
		if err != nil {
			return total, err
		}
		for table, n := range got.Rows {
			total[table] += n
		}
		if !got.More {
			return total, nil
		}
		p.After = got.Next
	}
	return total, fmt.Errorf("there is always more")
}

// threeOld stores three orders, a millisecond apart, and has their deliveries
// confirmed.
func (s *storeSuite) threeOld(p *plan) (w gateway.Writer, outcomes []gateway.Outcome) {
	w = s.writer(p)
	for i := range 3 {
		no := fmt.Sprint("PO-", i)
		e := born(p.entry(no, simple(no)), longAgo.Add(time.Duration(i)*time.Millisecond))
		e.Message.Keys = []mapping.Key{{Name: "customer", Value: "C-" + no}, {Name: "order", Value: no}}
		outcomes = append(outcomes, s.one(w, e, gateway.Stored))
	}
	s.confirmAll()
	return w, outcomes
}

// inboxForgets: a claim and its reply go together, to the millisecond, and not
// before; a repeat inside the time gets the first reply, one after it is new.
func (s *storeSuite) inboxForgets(t *testing.T) {
	p := newPlan()
	w, first := s.threeOld(p)
	at := longAgo.Add(time.Millisecond)
	s.purges(gateway.Portion{Of: gateway.StockInbox, Before: longAgo}, "")
	s.purges(gateway.Portion{Of: gateway.StockInbox, Before: at}, "inbox=1 reply=1")
	s.purges(gateway.Portion{Of: gateway.StockInbox, Before: at}, "")
	again := s.one(w, p.entry("PO-1", simple("PO-1")), gateway.Duplicate)
	if string(again.Reply) != string(first[1].Reply) || again.MessageID != first[1].MessageID {
		t.Errorf("the repeat got %q of %s", again.Reply, again.MessageID)
	}
	if r := s.record(first[0].MessageID); len(r.Payload) == 0 || len(r.Keys) != 2 {
		t.Errorf("the message itself is touched: %+v", r)
	}
	if o := s.one(w, p.entry("PO-0", simple("PO-0")), gateway.Stored); o.MessageID == first[0].MessageID {
		t.Error("a forgotten message was recognised")
	}
}

// payloadsGo: payloads go by age, of the routes that are not spared, and nothing
// else does.
func (s *storeSuite) payloadsGo(t *testing.T) {
	p := newPlan()
	w, first := s.threeOld(p)
	other := born(p.entry("PO-9", simple("PO-9")), longAgo)
	other.Message.Route = "another"
	kept := s.one(w, other, gateway.Stored)
	s.confirmAll()
	p2 := gateway.Portion{Of: gateway.StockPayloads, Before: longAgo.Add(2 * time.Millisecond), Spare: func(route string) bool { return route == "another" }}
	s.purges(p2, "payload=2")
	p2.Spare = nil
	p2.Before = longAgo
	s.purges(p2, "")
	for i, want := range []bool{false, false, true} {
		if r := s.record(first[i].MessageID); len(r.Payload) > 0 != want || len(r.Reply) == 0 || len(r.Deliveries) != 1 {
			t.Errorf("message %d: %+v", i, r)
		}
	}
	if r := s.record(kept.MessageID); len(r.Payload) == 0 {
		t.Error("the payload of the spared route is gone")
	}
	s.one(w, p.entry("PO-0", simple("PO-0")), gateway.Duplicate)
}

// nothingWaitingGoes: what waits, what is parked and what was sent but not
// confirmed stays with all it needs.
func (s *storeSuite) nothingWaitingGoes(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	waiting := s.one(w, born(p.entry("PO-1", simple("PO-1")), longAgo), gateway.Stored).MessageID
	parked := s.one(w, born(p.entry("PO-2", simple("PO-2")), longAgo), gateway.Stored).MessageID
	s.acted(s.park, parked, 1)
	s.one(w, born(only(async(p.entry("PO-3", simple("PO-3")))), longAgo), gateway.Parked)
	s.one(s.writer(newPlan(waitForProduct)), born(async(p.entry("PO-4", late("PO-4"))), longAgo), gateway.Waiting)
	before := time.Now().Add(time.Hour)
	everything := []gateway.Portion{
		{Of: gateway.StockInbox, Before: before}, {Of: gateway.StockPayloads, Before: before}, {Of: gateway.StockLedger, Before: before, Route: "submit-order"},
		{Of: gateway.StockReplayed, Before: before}, {Of: gateway.StockDiscarded, Before: before}, {Of: gateway.StockRelayed, Before: before},
	}
	for _, e := range everything {
		s.purges(e, "")
	}
	s.rows(payloads, "4")
	s.one(w, p.entry("PO-1", simple("PO-1")), gateway.Duplicate)
	s.acted(s.release, parked, 1)
	s.confirmAll()
	for _, id := range []gateway.ID{waiting, parked} {
		if d := s.record(id).Deliveries; len(d) != 1 || d[0].State != "confirmed" {
			t.Errorf("%s: %+v", id, d)
		}
	}
	s.purges(everything[2], "attempt=2 delivery=2 inbox=2 message=2 message_key=4 payload=2 reply=2")
	s.rows(payloads, "2")
}

// ledgerGoes: a message goes with all that is left of it; so does what is on
// record of deliveries that were given up; the windows that were confirmed before
// the oldest message came go, but for the last of each shard.
func (s *storeSuite) ledgerGoes(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	// All of one key are of one shard.
	inShard := func(no string, at time.Time) gateway.ID {
		return s.one(w, born(inKey(p.entry(no, simple(no)), "key"), at), gateway.Stored).MessageID
	}
	given := inShard("PO-1", longAgo)
	s.acted(s.park, given, 1)
	s.acted(s.discard, given, 1)
	inShard("PO-2", longAgo)
	s.confirmAll()
	kept := inShard("PO-3", longAgo.Add(time.Millisecond))
	s.confirmAll()
	s.rows(`SELECT COUNT(*) FROM {gateway.relayed}`, "2")
	s.purges(gateway.Portion{Of: gateway.StockLedger, Route: "another", Before: time.Now()}, "")
	p2 := gateway.Portion{Of: gateway.StockLedger, Route: "submit-order", Before: longAgo.Add(time.Millisecond)}
	s.purges(p2, "attempt=2 delivery=2 discarded=1 inbox=2 message=2 message_key=4 payload=2 reply=2")
	s.purges(gateway.Portion{Of: gateway.StockRelayed, Before: time.Now().Add(time.Hour)}, "") // confirmed after the oldest came
	if d := s.record(kept).Deliveries; len(d) != 1 || d[0].State != "confirmed" {
		t.Errorf("%+v", d)
	}
	p2.Before = time.Now()
	s.purges(p2, "delivery=1 inbox=1 message=1 message_key=2 payload=1 reply=1")
	s.purges(gateway.Portion{Of: gateway.StockRelayed, Before: time.Now().Add(-time.Hour)}, "")
	s.purges(gateway.Portion{Of: gateway.StockRelayed, Before: time.Now().Add(time.Hour)}, "relayed=1")
	s.rows(`SELECT first_seq FROM {gateway.relayed}`, "3")
	s.rows(`SELECT COUNT(*) FROM {gateway.message_key}`, "0")
	routes, err := s.store.LedgerRoutes(t.Context())
	if err != nil || len(routes) != 0 {
		t.Errorf("routes %q, %v", routes, err)
	}
}

// closedGo: what was held goes as a whole, once nothing was done with it for
// long enough.
func (s *storeSuite) closedGo(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	hold := func(no string) gateway.ID {
		return s.one(w, born(only(async(p.entry(no, simple(no)))), longAgo), gateway.Parked).MessageID
	}
	replayed, discarded, open := hold("PO-1"), hold("PO-2"), hold("PO-3")
	s.one(w, replay(replayed, p.entry("PO-1", simple("PO-1"))), gateway.Stored)
	if err := s.store.DiscardMessage(t.Context(), discarded, olga); err != nil {
		t.Fatal(err)
	}
	for _, of := range []gateway.Stock{gateway.StockReplayed, gateway.StockDiscarded} {
		s.purges(gateway.Portion{Of: of, Before: time.Now().Add(-time.Hour)}, "")
		s.purges(gateway.Portion{Of: of, Before: time.Now().Add(time.Hour)}, "attempt=2 held=1 message_key=2 payload=1")
	}
	if h := s.held(open); len(h.Message.Payload) == 0 {
		t.Error("what is parked has lost its payload")
	}
}

// refusalsGo: refusals go by their own time, suspects by the time they were last
// tried.
func (s *storeSuite) refusalsGo(t *testing.T) {
	var refusals []gateway.Refusal
	for i := range 20 {
		at := longAgo.Add(time.Duration(i) * time.Millisecond)
		refusals = append(refusals, gateway.Refusal{ID: BornAt(at), At: at, Endpoint: "soap:a", Route: "r", Code: "GH-3001", Reason: "bad", Count: 1})
	}
	if err := s.store.Refuse(t.Context(), refusals); err != nil {
		t.Fatal(err)
	}
	s.purges(gateway.Portion{Of: gateway.StockRefusals, Before: longAgo.Add(15 * time.Millisecond)}, "refusal=15")
	oldest, err := s.store.Oldest(t.Context())
	if err != nil || len(oldest) != 1 || !oldest[gateway.StockRefusals].Equal(longAgo.Add(15*time.Millisecond)) {
		t.Errorf("oldest %v, %v", oldest, err)
	}
	for i := range 9 {
		if _, err := s.store.Try(t.Context(), digest(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	s.purges(gateway.Portion{Of: gateway.StockSuspects, Before: time.Now().Add(-time.Hour)}, "")
	s.purges(gateway.Portion{Of: gateway.StockSuspects, Before: time.Now().Add(time.Hour)}, "suspect=9")
}

// twoPurge: two processes that purge at once remove everything once, and nobody
// who stores meanwhile loses anything.
func (s *storeSuite) twoPurge(t *testing.T) {
	const old = 60
	p := newPlan()
	w := s.writer(p)
	var batch []*gateway.Entry
	for i := range old {
		no := fmt.Sprintf("OLD-%02d", i)
		batch = append(batch, born(p.entry(no, simple(no)), longAgo))
	}
	for _, o := range s.commit(w, 0, batch...) {
		s.status(o, gateway.Stored)
	}
	s.confirmAll()
	stores := []gateway.Store{s.store, s.probe.Another(t)}
	removed := make([]map[string]int64, len(stores))
	var wg sync.WaitGroup
	for i, store := range stores {
		wg.Go(func() {
			removed[i] = map[string]int64{}
			for _, of := range []gateway.Stock{gateway.StockInbox, gateway.StockPayloads, gateway.StockLedger} {
				rows, err := Drain(t, store, gateway.Portion{Of: of, Route: "submit-order", Before: longAgo.Add(time.Hour)})
				if err != nil {
					t.Errorf("purge %s: %v", of, err)
				}
				for table, n := range rows {
					removed[i][table] += n
				}
			}
		})
	}
	for i := range 5 {
		no := fmt.Sprint("NEW-", i)
		s.one(w, p.entry(no, simple(no)), gateway.Stored)
	}
	wg.Wait()
	for _, table := range []string{"inbox", "reply", "payload", "message", "delivery"} {
		if n := removed[0][table] + removed[1][table]; n != old {
			t.Errorf("%d rows of %s were removed, want %d", n, table, old)
		}
	}
	s.rows(messages, "5")
	s.rows(payloads, "5")
	s.rows(inbox, "5")
}

// largeReply: a large reply is kept smaller than it is, and comes back as it was.
func (s *storeSuite) largeReply(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	large := "<reply>" + strings.Repeat("<line>ordered</line>", 1000) + "</reply>"
	entry := func() *gateway.Entry {
		e := p.entry("PO-1", simple("PO-1"))
		e.Render = func([]value) (*rendered, error) { return &rendered{Reply: []byte(large)}, nil }
		return e
	}
	first := s.one(w, entry(), gateway.Stored)
	for what, got := range map[string][]byte{
		"the first": first.Reply, "the repeat's": s.one(w, entry(), gateway.Duplicate).Reply, "the ledger's": s.record(first.MessageID).Reply,
	} {
		if string(got) != large {
			t.Errorf("%s reply has %d bytes, want %d", what, len(got), len(large))
		}
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.reply}`, "1")
	if kept := s.probe.Query(t, `SELECT body FROM {gateway.reply}`)[0][0]; len(kept) > len(large)/4 {
		t.Errorf("%d bytes are kept of a reply of %d", len(kept), len(large))
	}
}
