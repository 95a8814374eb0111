package gatewaytest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// inKey gives an entry its ordering key.
func inKey(e *gateway.Entry, key string) *gateway.Entry {
	e.Message.OrderingKey = key
	return e
}

// keyWaits: behind a waiting message of its route and key an asynchronous one is
// held untried, and nobody else.
func (s *storeSuite) keyWaits(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	s.one(w, inKey(p.entry("m0", simple("PO-0")), "k"), gateway.Stored)
	head := inKey(async(p.entry("m1", late("PO-1"))), "k")
	s.one(w, head, gateway.Waiting)

	next := inKey(async(p.entry("m2", simple("PO-2"))), "k")
	next.Render = func([]value) (*rendered, error) { panic("it is tried") }
	o := s.one(w, next, gateway.Waiting)
	if o.Err != nil || o.MessageID != next.Message.ID {
		t.Errorf("behind another: %+v", o)
	}
	elsewhere := inKey(async(p.entry("m4", simple("PO-4"))), "k")
	elsewhere.Message.Route = "another"
	older := inKey(async(p.entry("m5", simple("PO-5"))), "k")
	older.Message.ID = gateway.ID{1}
	for _, e := range []*gateway.Entry{
		inKey(async(p.entry("m3", simple("PO-3"))), "other"),
		inKey(p.entry("call", simple("PO-6")), "k"),
		elsewhere, older,
	} {
		s.one(w, e, gateway.Stored)
	}
	// A repeat of what is stored is a duplicate whatever waits.
	s.one(w, inKey(async(p.entry("m0", simple("PO-0"))), "k"), gateway.Duplicate)
	s.rows(heldRows, "m1 waiting GH-5007 1", "m2 waiting  0")
	if h := s.held(next.Message.ID); !h.Hold.Next.IsZero() || h.Hold.Until.IsZero() {
		t.Errorf("behind another: %+v", h.Hold)
	}
	s.isDue(0)
	s.isDue(time.Hour, head.Message.ID)

	s.arrives(t)
	s.one(w, retry(s.held(head.Message.ID), inKey(p.entry("m1", late("PO-1")), "k")), gateway.Stored)
	s.isDue(time.Second, next.Message.ID)
	s.one(w, retry(s.held(next.Message.ID), inKey(p.entry("m2", simple("PO-2")), "k")), gateway.Stored)
	s.rows(heldRows)
	s.isDue(time.Hour)
	var bodies []string
	for shard := range s.store.Shards() {
		for _, d := range s.pending(shard, 0, 100) {
			if d.OrderingKey == "k" {
				bodies = append(bodies, string(d.Body))
			}
		}
	}
	if want := []string{`{"PO-0": 1}`, `{"PO-6": 1}`, `{"PO-4": 1}`, `{"PO-5": 1}`, `{"PO-1": 1}`, `{"PO-2": 1}`}; !slices.Equal(bodies, want) {
		t.Errorf("the key's events are %q, want %q", bodies, want)
	}
}

// wakesNext: however the first of a key gets out of the way, the next one is
// due, and only that one.
func (s *storeSuite) wakesNext(t *testing.T) {
	act := gateway.Act{By: "cn=olga", Reason: "why"}
	p := newPlan(waitForProduct)
	w := s.writer(p)
	for name, leave := range map[string]func(h *gateway.Held, e *gateway.Entry){
		"parked by an operator": func(h *gateway.Held, _ *gateway.Entry) {
			if err := s.store.ParkMessage(t.Context(), h.Message.ID, act); err != nil {
				t.Fatal(err)
			}
		},
		"discarded": func(h *gateway.Held, _ *gateway.Entry) {
			if err := s.store.DiscardMessage(t.Context(), h.Message.ID, act); err != nil {
				t.Fatal(err)
			}
		},
		"replayed": func(h *gateway.Held, e *gateway.Entry) {
			id := h.Message.ID
			s.one(w, inKey(replay(id, p.entry(e.Message.Identity, simple(e.Message.Identity))), e.Message.OrderingKey), gateway.Stored)
		},
		"parked by its retry": func(h *gateway.Held, e *gateway.Entry) {
			r := inKey(retry(h, p.entry(e.Message.Identity, late(e.Message.Identity))), e.Message.OrderingKey)
			r.Keep = func(error) *gateway.Hold { return &gateway.Hold{State: gateway.Parked, Code: "GH-5007", Attempts: 2} }
			s.one(w, r, gateway.Parked)
		},
		"parked unseen": func(h *gateway.Held, e *gateway.Entry) {
			s.one(w, only(inKey(retry(h, p.entry(e.Message.Identity, late(e.Message.Identity))), "of another key by now")), gateway.Parked)
		},
		"stored by another door": func(h *gateway.Held, e *gateway.Entry) {
			s.one(w, p.entry(e.Message.Identity, simple(e.Message.Identity)), gateway.Stored)
			s.one(w, inKey(retry(h, p.entry(e.Message.Identity, simple(e.Message.Identity))), e.Message.OrderingKey), gateway.Duplicate)
		},
	} {
		t.Run(name, func(t *testing.T) {
			no := func(i int) string { return fmt.Sprintf("%.12s-%d", name, i) }
			head := inKey(async(p.entry(no(1), late(no(1)))), name)
			second := inKey(async(p.entry(no(2), simple(no(2)))), name)
			third := inKey(async(p.entry(no(3), simple(no(3)))), name)
			for _, e := range []*gateway.Entry{head, second, third} {
				s.one(w, e, gateway.Waiting)
			}
			s.isDue(time.Second)
			leave(s.held(head.Message.ID), head)
			s.isDue(time.Second, second.Message.ID)
			for _, e := range []*gateway.Entry{second, third} {
				s.one(w, retry(s.held(e.Message.ID), inKey(p.entry(e.Message.Identity, simple(e.Message.Identity)), name)), gateway.Stored)
			}
			s.isDue(time.Hour)
		})
	}
}

// dueOnes: no more than asked for, the longest due of them, oldest first.
func (s *storeSuite) dueOnes(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	var ids []gateway.ID
	for i, next := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
		no := fmt.Sprint("PO-", i)
		e := async(p.entry(no, late(no)))
		e.Keep = func(error) *gateway.Hold {
			return &gateway.Hold{State: gateway.Waiting, Code: "GH-5007", Attempts: 1, Next: time.Now().Add(next), Until: time.Now().Add(time.Hour)}
		}
		s.one(w, e, gateway.Waiting)
		ids = append(ids, e.Message.ID)
	}
	s.isDue(0)
	s.isDue(90*time.Second, ids[1])
	s.isDue(time.Hour, ids...)
	found, err := s.store.Due(t.Context(), time.Now().Add(time.Hour), 2, nil)
	if err != nil || len(found) != 2 || found[0].Message.ID != ids[1] || found[1].Message.ID != ids[2] {
		t.Errorf("two of three: %d, %v", len(found), err)
	}
}

// dueExcept: what waits for a route that is left out takes nobody's place.
func (s *storeSuite) dueExcept(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	var ids []gateway.ID
	for i := range 6 {
		no := fmt.Sprint("PO-", i)
		e := async(p.entry(no, late(no)))
		if i < 4 { // they have been due longest
			e.Message.Route = "stopped"
		}
		e.Keep = func(error) *gateway.Hold {
			return &gateway.Hold{State: gateway.Waiting, Code: "GH-5007", Attempts: 1, Next: time.Now().Add(time.Duration(i) * time.Second), Until: time.Now().Add(time.Hour)}
		}
		s.one(w, e, gateway.Waiting)
		ids = append(ids, e.Message.ID)
	}
	for name, c := range map[string]struct {
		except []string
		want   []gateway.ID
	}{
		"nobody":     {nil, ids[:2]},
		"another":    {[]string{"Stopped", "no such route"}, ids[:2]},
		"the route":  {[]string{"no such route", "stopped"}, ids[4:]},
		"odd names":  {[]string{`"'\`, "стоп", "stopped"}, ids[4:]},
		"everything": {[]string{"stopped", "submit-order"}, nil},
	} {
		found, err := s.store.Due(t.Context(), time.Now().Add(time.Minute), 2, c.except)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []gateway.ID
		for _, h := range found {
			got = append(got, h.Message.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v of %v", name, got, c.want, ids)
		}
	}
}

// heldOnce: a message that its queue hands out again is what it is already.
func (s *storeSuite) heldOnce(t *testing.T) {
	p := newPlan(waitForProduct, failOrder)
	w := s.writer(p)
	s.one(w, p.entry("m0", simple("PO-0")), gateway.Stored)
	for name, make := range map[string]func() *gateway.Entry{
		"unseen":   func() *gateway.Entry { return only(async(p.entry("m1", simple("PO-1")))) },
		"exists":   func() *gateway.Entry { return async(p.entry("m2", simple("PO-0"))) },
		"look-up":  func() *gateway.Entry { return async(p.entry("m3", late("PO-3"))) },
		"conflict": func() *gateway.Entry { return async(p.entry("m0", simple("PO-4"))) },
	} {
		t.Run(name, func(t *testing.T) {
			first := make()
			o := s.commit(w, 0, first)[0]
			rows, lines := s.probe.Query(t, heldRows), s.probe.Query(t, history)
			again := make()
			again.Message.Redelivered = true
			got := s.one(w, again, o.Status)
			if got.MessageID != first.Message.ID {
				t.Errorf("it is held as %s, want %s", got.MessageID, first.Message.ID)
			}
			if now := s.probe.Query(t, heldRows); len(now) != len(rows) {
				t.Errorf("%d rows, were %d", len(now), len(rows))
			}
			if now := s.probe.Query(t, history); len(now) != len(lines) {
				t.Errorf("%d lines of history, were %d", len(now), len(lines))
			}
			// Handed out for the first time it is another message.
			other := make()
			if got := s.one(w, other, o.Status); got.MessageID != other.Message.ID {
				t.Errorf("an equal message is taken for %s", got.MessageID)
			}
			for _, id := range []gateway.ID{first.Message.ID, other.Message.ID} {
				if err := s.store.DiscardMessage(t.Context(), id, gateway.Act{By: "cn=olga"}); err != nil {
					t.Fatal(err)
				}
			}
			// What was given up is held no more.
			again = make()
			again.Message.Redelivered = true
			if got := s.one(w, again, o.Status); got.MessageID != again.Message.ID {
				t.Errorf("it is taken for a discarded one")
			}
		})
	}
	// Both deliveries may meet in one batch; and a message may have no identity
	// but the id it was given here.
	inBatch := func(first, again *gateway.Entry, want ...gateway.Status) {
		t.Helper()
		again.Message.Identity, again.Message.Origin, again.Message.Redelivered = newID().String(), first.Message.Origin, true
		out := s.all(w, first, again)
		for i := range out {
			s.status(out[i], want[i])
			if out[i].MessageID != first.Message.ID {
				t.Errorf("delivery %d is %s, want %s", i+1, out[i].MessageID, first.Message.ID)
			}
		}
	}
	inBatch(only(async(p.entry("m7", simple("PO-7")))), only(async(p.entry("m7", simple("PO-7")))), gateway.Parked, gateway.Parked)
	inBatch(async(p.entry("m8", simple("PO-8"))), async(p.entry("m8", simple("PO-8"))), gateway.Stored, gateway.Duplicate)

	s.arrives(t)
	stored := s.one(w, async(p.entry("m9", late("PO-9"))), gateway.Stored)
	again := async(p.entry("m9", late("PO-9")))
	again.Message.Redelivered = true
	if o := s.one(w, again, gateway.Duplicate); o.MessageID != stored.MessageID {
		t.Errorf("a redelivered message that is stored is %s, want %s", o.MessageID, stored.MessageID)
	}
}

// unheardHold: when the answer to a commit was lost, the same entries again find
// themselves held.
func (s *storeSuite) unheardHold(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	batch := func() []*gateway.Entry {
		return []*gateway.Entry{only(async(p.entry("m1", simple("PO-1")))), async(p.entry("m2", late("PO-2"))), async(p.entry("m3", simple("PO-3")))}
	}
	first, again := batch(), batch()
	for i := range first {
		again[i].Message.ID = first[i].Message.ID
	}
	s.commit(w, 0, first...)
	rows, lines := s.probe.Query(t, heldRows), s.probe.Query(t, history)
	out := s.commit(w, 0, again...)
	for i, want := range []gateway.Status{gateway.Parked, gateway.Waiting, gateway.Duplicate} {
		s.status(out[i], want)
		if out[i].MessageID != first[i].Message.ID {
			t.Errorf("entry %d is %s, want %s", i, out[i].MessageID, first[i].Message.ID)
		}
	}
	if now := s.probe.Query(t, heldRows); len(now) != 2 || len(now) != len(rows) || len(s.probe.Query(t, history)) != len(lines) {
		t.Errorf("rows %v, were %v", now, rows)
	}

	// So does a retry, whose row says what the lost answer said.
	id := first[1].Message.ID
	h := s.held(id)
	for range 2 {
		e := retry(h, p.entry("m2", late("PO-2")))
		e.Keep = func(error) *gateway.Hold { return &gateway.Hold{State: gateway.Parked, Code: "GH-5007", Attempts: 2} }
		s.one(w, e, gateway.Parked)
	}
	s.rows(heldRows, "m1 parked GH-3001 1", "m2 parked GH-5007 2")
	if n := len(s.record(id).History); n != 2 {
		t.Errorf("%d lines of history, want 2", n)
	}
}

// replays: an operator's replay is a new message caused by the held one, which
// is closed with his name.
func (s *storeSuite) replays(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	bad := async(p.entry("m1", late("PO-1")))
	id := bad.Message.ID
	s.one(w, bad, gateway.Parked)
	s.arrives(t)
	e := replay(id, p.entry("m1", late("PO-1")))
	o := s.one(w, e, gateway.Stored)
	if o.MessageID != e.Message.ID {
		t.Errorf("stored as %s, want %s", o.MessageID, e.Message.ID)
	}
	h := s.held(id)
	if h.Closed != "replayed" || h.By != "cn=olga" {
		t.Errorf("closed %q by %q", h.Closed, h.By)
	}
	old, now := s.record(id), s.record(e.Message.ID)
	last := old.History[len(old.History)-1]
	if old.Outcome != "replayed" || last.What != "replayed" || last.By != "cn=olga" || last.Reason != "mended" || string(old.Payload) != "<o/>" || len(old.Keys) != 2 {
		t.Errorf("the held message's record: %+v", old)
	}
	if now.Outcome != "stored" || now.ReplayOf != id.String() || now.Identity != "m1" {
		t.Errorf("the new message's record: %+v", now)
	}
	s.rows(payloads, "2")

	// Again, it has no effect; and nobody closes it a second time.
	twice := replay(id, p.entry("m1", late("PO-1")))
	twice.Release.By = "cn=somebody"
	s.one(w, twice, gateway.Duplicate)
	elsewhere := replay(id, p.entry("m2", late("PO-2")))
	s.code(s.one(w, elsewhere, gateway.Refused).Err, fault.CodeNotHeld)
	if h := s.held(id); h.By != "cn=olga" || len(s.record(id).History) != 2 {
		t.Errorf("closed again, by %q", h.By)
	}
	s.rows(messages, "1")

	// One whose identity is stored by now needs nothing more.
	other := async(p.entry("m3", order{no: "PO-3", customer: "C", name: "A", lines: []line{{no: 1, sku: "NONE"}}}))
	s.one(w, other, gateway.Parked)
	s.one(w, p.entry("m3", simple("PO-3")), gateway.Stored)
	s.one(w, replay(other.Message.ID, p.entry("m3", simple("PO-3"))), gateway.Duplicate)
	if h := s.held(other.Message.ID); h.Closed != "replayed" {
		t.Errorf("after a duplicate: %q", h.Closed)
	}
}

// refusedReplay: what an operator has processed in vain stays as it was.
func (s *storeSuite) refusedReplay(t *testing.T) {
	p := newPlan(failOrder)
	w := s.writer(p)
	s.one(w, p.entry("m0", simple("PO-0")), gateway.Stored)
	bad := async(p.entry("m1", late("PO-1")))
	id := bad.Message.ID
	s.one(w, bad, gateway.Parked)
	before := s.record(id)
	for _, tt := range []struct {
		entry *gateway.Entry
		want  gateway.Status
		code  fault.Code
	}{
		{replay(id, p.entry("m1", late("PO-1"))), gateway.Refused, fault.CodeLookup},
		{replay(id, p.entry("m1", simple("PO-0"))), gateway.Refused, fault.CodeExists},
		{replay(id, p.entry("m0", simple("PO-1"))), gateway.Conflict, fault.CodeKeyReused},
	} {
		s.code(s.one(w, tt.entry, tt.want).Err, tt.code)
	}
	after := s.record(id)
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it was\n%+v, is\n%+v", before, after)
	}
	s.rows(messages, "1")
	// Two replays in one batch are one.
	out := s.all(w, replay(id, p.entry("m1", simple("PO-1"))), replay(id, p.entry("m2", simple("PO-2"))))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Refused)
	s.code(out[1].Err, fault.CodeNotHeld)
	s.rows(messages, "2")
}
