package gatewaytest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

var olga = gateway.Act{By: "cn=olga", Reason: "because"}

// twoRelease: of two processes that release one message at the same time one
// stores it.
func (s *storeSuite) twoRelease(t *testing.T) {
	const rounds = 5
	p := newPlan(waitForProduct)
	writers := []gateway.Writer{s.writer(p)}
	other, err := s.probe.Another(t).Writer(t.Context(), p.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	writers = append(writers, other)
	var held []gateway.ID
	for i := range 2 * rounds {
		no := fmt.Sprint("PO-", i)
		held = append(held, s.one(writers[0], async(p.entry(no, late(no))), gateway.Waiting).MessageID)
	}
	s.arrives(t)
	for i, id := range held {
		h, no := s.held(id), fmt.Sprint("PO-", i)
		entries := []*gateway.Entry{retry(h, p.entry(no, late(no))), retry(h, p.entry(no, late(no)))}
		want := gateway.Duplicate
		if i%2 == 1 { // the other process has an operator, and a mapping that finds another identity
			entries[1], want = replay(id, p.entry("other "+no, late(no))), gateway.Refused
		}
		out := make([]gateway.Outcome, 2)
		var both sync.WaitGroup
		for n, w := range writers {
			both.Go(func() {
				got, err := w.Commit(t.Context(), 0, entries[n:n+1])
				if err != nil {
					t.Errorf("commit: %v", err)
					return
				}
				out[n] = got[0]
			})
		}
		both.Wait()
		stored := slices.IndexFunc(out, func(o gateway.Outcome) bool { return o.Status == gateway.Stored })
		if stored < 0 || out[1-stored].Status != want {
			t.Errorf("round %d: %s and %s, want one stored and %s", i, out[0].Status, out[1].Status, want)
			continue
		}
		if want == gateway.Refused {
			s.code(out[1-stored].Err, fault.CodeNotHeld)
		}
	}
	s.rows(messages, fmt.Sprint(2*rounds))
	s.rows(`SELECT COUNT(*) FROM {sales.sales_order}`, fmt.Sprint(2*rounds))
	s.rows(waiting, fmt.Sprint(2*rounds))
	s.rows(`SELECT COUNT(*) FROM {gateway.held} WHERE state <> 'replayed'`, "0")
}

// releaseGone: a retry whose row somebody else has dealt with changes nothing.
func (s *storeSuite) releaseGone(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	var held []*gateway.Held
	for _, no := range []string{"PO-1", "PO-2", "PO-3", "PO-4"} {
		id := s.one(w, async(p.entry(no, late(no))), gateway.Waiting).MessageID
		held = append(held, s.held(id))
	}
	s.arrives(t)
	s.one(w, retry(held[0], p.entry("PO-1", late("PO-1"))), gateway.Stored)
	s.one(w, replay(held[1].Message.ID, p.entry("mended", simple("PO-2"))), gateway.Stored)
	if err := s.store.DiscardMessage(t.Context(), held[2].Message.ID, olga); err != nil {
		t.Fatal(err)
	}
	if err := s.store.ParkMessage(t.Context(), held[3].Message.ID, olga); err != nil {
		t.Fatal(err)
	}
	before := s.probe.Query(t, heldRows)
	for _, unseen := range []bool{false, true} {
		for i, want := range []gateway.Status{gateway.Duplicate, gateway.Refused, gateway.Refused, gateway.Parked} {
			no := fmt.Sprint("PO-", i+1)
			e := retry(held[i], p.entry(no, late(no)))
			if unseen {
				e = only(e)
			}
			if unseen && i == 0 {
				want = gateway.Refused // nothing is asked of the inbox
			}
			o := s.one(w, e, want)
			if o.MessageID != held[i].Message.ID {
				t.Errorf("%s: message %s, want %s", no, o.MessageID, held[i].Message.ID)
			}
			if want == gateway.Refused {
				s.code(o.Err, fault.CodeNotHeld)
			}
		}
	}
	s.rows(messages, "2")
	s.rows(payloads, "5")
	if after := s.probe.Query(t, heldRows); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("held %v, was %v", after, before)
	}
	s.rows(`SELECT COUNT(*) FROM {sales.sales_order}`, "2")
}

func (s *storeSuite) actsOnHeld(t *testing.T) {
	ctx := t.Context()
	p := newPlan(waitForProduct)
	w := s.writer(p)
	stored := s.one(w, p.entry("m0", simple("PO-0")), gateway.Stored).MessageID
	id := s.one(w, async(p.entry("m1", late("PO-1"))), gateway.Waiting).MessageID
	if err := s.store.ParkMessage(ctx, id, olga); err != nil {
		t.Fatal(err)
	}
	if h := s.held(id); h.Hold.State != gateway.Parked || !h.Hold.Next.IsZero() || !h.Hold.Until.IsZero() || h.Hold.Code != "GH-5007" || h.Closed != "" {
		t.Errorf("parked: %+v", h)
	}
	s.code(s.store.ParkMessage(ctx, id, olga), fault.CodeNotHeld)
	note := gateway.Attempt{At: time.Now(), What: "replayed", By: "cn=otto", Code: "GH-2002", Reason: strings.Repeat("é", 5000)}
	if err := s.store.Note(ctx, id, note); err != nil {
		t.Fatal(err)
	}
	if err := s.store.DiscardMessage(ctx, id, olga); err != nil {
		t.Fatal(err)
	}
	if h := s.held(id); h.Closed != "discarded" || h.By != olga.By || string(h.Message.Payload) != "<o/>" {
		t.Errorf("discarded: %+v", h)
	}
	s.code(s.store.DiscardMessage(ctx, id, olga), fault.CodeNotHeld)
	s.rows(history, "waiting  GH-5007", "parked cn=olga ", "replayed cn=otto GH-2002", "discarded cn=olga ")
	r := s.record(id)
	if len(r.History) != 4 || r.History[1].Reason != olga.Reason || len([]rune(r.History[2].Reason)) != 4000 || r.Outcome != "discarded" {
		t.Errorf("the record: %s, %d lines", r.Outcome, len(r.History))
	}
	for name, act := range map[string]func(gateway.ID) error{
		"park":    func(id gateway.ID) error { return s.store.ParkMessage(ctx, id, olga) },
		"discard": func(id gateway.ID) error { return s.store.DiscardMessage(ctx, id, olga) },
	} {
		s.code(act(stored), fault.CodeNotHeld)
		if err := act(newID()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s of an unknown message: %v", name, err)
		}
	}
	for _, id := range []gateway.ID{stored, newID()} {
		if _, err := s.store.Held(ctx, id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("held: %v, want not found", err)
		}
	}
	s.isDue(time.Hour)
}

// ledgerOfHeld: whatever narrows a list down leads to held messages as well,
// open and closed.
func (s *storeSuite) ledgerOfHeld(t *testing.T) {
	ctx := t.Context()
	p := newPlan(waitForProduct)
	w := s.writer(p)
	start := time.Now().Add(-time.Millisecond)
	entry := func(identity string, o order) *gateway.Entry {
		o.customer = "C-1"
		e := async(p.entry(identity, o))
		e.Message.Sender = "partner of " + identity
		return e
	}
	var ids []gateway.ID
	add := func(e *gateway.Entry, want gateway.Status) gateway.ID {
		ids = append(ids, s.one(w, e, want).MessageID)
		return e.Message.ID
	}
	stored := add(entry("m0", simple("PO-0")), gateway.Stored)
	parked := add(only(entry("m1", simple("PO-1"))), gateway.Parked)
	waits := add(entry("m2", late("PO-2")), gateway.Waiting)
	discarded := add(only(entry("m3", simple("PO-3"))), gateway.Parked)
	replayed := add(only(entry("m4", simple("PO-4"))), gateway.Parked)
	if err := s.store.DiscardMessage(ctx, discarded, olga); err != nil {
		t.Fatal(err)
	}
	e := entry("m4", simple("PO-4"))
	cause := add(replay(replayed, e), gateway.Stored)
	soon := time.Now().Add(time.Second)
	slices.Reverse(ids)
	for _, tt := range []struct {
		name  string
		query gateway.Query
		want  []gateway.ID
	}{
		{"all", gateway.Query{}, ids},
		{"a page", gateway.Query{Limit: 2, Before: ids[1]}, ids[2:4]},
		{"parked", gateway.Query{Outcome: "parked"}, []gateway.ID{parked}},
		{"waiting", gateway.Query{Outcome: "waiting"}, []gateway.ID{waits}},
		{"replayed", gateway.Query{Outcome: "replayed"}, []gateway.ID{replayed}},
		{"discarded", gateway.Query{Outcome: "discarded"}, []gateway.ID{discarded}},
		{"stored", gateway.Query{Outcome: "stored"}, []gateway.ID{cause, stored}},
		{"nonsense", gateway.Query{Outcome: "' OR '1' = '1"}, nil},
		{"key", gateway.Query{Key: "C-1"}, ids},
		{"key of one", gateway.Query{Key: "PO-2"}, []gateway.ID{waits}},
		{"key and outcome", gateway.Query{Key: "C-1", Outcome: "parked"}, []gateway.ID{parked}},
		{"identity", gateway.Query{Identity: "m4"}, []gateway.ID{cause, replayed}},
		{"sender", gateway.Query{Sender: "partner of m3"}, []gateway.ID{discarded}},
		{"route", gateway.Query{Route: "submit-order"}, ids},
		{"route and outcome", gateway.Query{Route: "submit-order", Outcome: "waiting"}, []gateway.ID{waits}},
		{"span", gateway.Query{Since: start, Until: soon}, ids},
		{"before the span", gateway.Query{Until: start}, nil},
	} {
		found, err := s.store.Messages(ctx, tt.query)
		var got []gateway.ID
		for _, m := range found {
			got = append(got, m.ID)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v; %v", tt.name, got, tt.want, err)
		}
	}
	found, err := s.store.Messages(ctx, gateway.Query{Outcome: "parked"})
	if err != nil || found[0].Outcome != "parked" || found[0].Code != "GH-3001" || found[0].Reason == "" || len(found[0].Keys) != 2 || found[0].Identity != "m1" {
		t.Errorf("a line of the list: %+v, %v", found, err)
	}
}

func (s *storeSuite) suspects(t *testing.T) {
	ctx := t.Context()
	a, b := digest("a"), digest("b")
	stores := []gateway.Store{s.store, s.probe.Another(t)}
	try := func(n int, origin gateway.Digest, want int) {
		t.Helper()
		if before, err := stores[n%2].Try(ctx, origin); err != nil || before != want {
			t.Errorf("tried %d times before, want %d: %v", before, want, err)
		}
	}
	try(0, a, 0)
	try(1, a, 1)
	try(0, a, 2)
	try(1, b, 0)
	for range 2 {
		if err := s.store.Tried(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	try(1, a, 0)
	try(0, b, 1)
}

// counted: what waits and what is parked, by route and by channel.
func (s *storeSuite) counted(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	for i, e := range []*gateway.Entry{
		async(p.entry("m1", late("PO-1"))), async(p.entry("m2", late("PO-2"))), only(async(p.entry("m3", simple("PO-3")))),
		only(async(p.entry("m4", simple("PO-4")))), inKey(async(p.entry("m5", simple("PO-5"))), "k"), inKey(async(p.entry("m6", simple("PO-6"))), "k"),
	} {
		if i == 3 {
			e.Message.Route = "another"
		}
		s.commit(w, 0, e)
	}
	check := func(waiting, parked, outbox, stuck string) {
		t.Helper()
		h, err := s.store.Holding(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{fmt.Sprint(h.Waiting), fmt.Sprint(h.Parked), fmt.Sprint(h.Outbox), fmt.Sprint(h.Stuck)}
		if want := []string{"map[" + waiting + "]", "map[" + parked + "]", "map[" + outbox + "]", "map[" + stuck + "]"}; !slices.Equal(got, want) {
			t.Errorf("holding %q, want %q", got, want)
		}
	}
	check("submit-order:2", "another:1 submit-order:1", "order-events:2", "")
	first := s.deliveriesOf("k")[0]
	if n, err := s.store.ParkDeliveries(t.Context(), first.MessageID, olga); n != 1 || err != nil {
		t.Fatalf("parked %d: %v", n, err)
	}
	check("submit-order:2", "another:1 submit-order:1", "", "order-events:2")
}
