package gatewaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// deliveriesOf returns what waits of an ordering key.
func (s *storeSuite) deliveriesOf(key string) []gateway.Delivery {
	s.t.Helper()
	for shard := range s.store.Shards() {
		found := slices.DeleteFunc(s.pending(shard, 0, 1000), func(d gateway.Delivery) bool { return d.OrderingKey != key })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func (s *storeSuite) seqs(shard int, after int64) (out []int64) {
	s.t.Helper()
	for _, d := range s.pending(shard, after, 1000) {
		out = append(out, d.Seq)
	}
	return out
}

func (s *storeSuite) inLine(shard int, want ...int64) {
	s.t.Helper()
	if got := s.seqs(shard, 0); !slices.Equal(got, want) {
		s.t.Errorf("%v wait, want %v", got, want)
	}
}

// add stores one more message of a key and returns its id.
func (s *storeSuite) add(identity, key string) gateway.ID {
	s.t.Helper()
	p := newPlan()
	return s.one(s.writer(p), inKey(p.entry(identity, order{no: identity, customer: identity, name: "A"}), key), gateway.Stored).MessageID
}

// acted calls one of the acts on deliveries and checks how many it touched.
func (s *storeSuite) acted(act func(id gateway.ID, act gateway.Act) (int, error), id gateway.ID, want int) {
	s.t.Helper()
	if n, err := act(id, olga); n != want || err != nil {
		s.t.Fatalf("touched %d deliveries, want %d: %v", n, want, err)
	}
}

func (s *storeSuite) park(id gateway.ID, act gateway.Act) (int, error) {
	return s.store.ParkDeliveries(s.t.Context(), id, act)
}

func (s *storeSuite) release(id gateway.ID, act gateway.Act) (int, error) {
	return s.store.ReleaseDeliveries(s.t.Context(), id, act)
}

func (s *storeSuite) discard(id gateway.ID, act gateway.Act) (int, error) {
	return s.store.DiscardDeliveries(s.t.Context(), id, act)
}

func (s *storeSuite) state(id gateway.ID, want string) {
	s.t.Helper()
	if r := s.record(id); r.Deliveries[0].State != want {
		s.t.Errorf("the delivery of %s is %s, want %s", r.Identity, r.Deliveries[0].State, want)
	}
}

// heldBack: what waits behind a parked delivery is in line as soon as that is gone,
// whichever way and through whichever process, however often it was looked for before.
func (s *storeSuite) heldBack(t *testing.T) {
	keys := s.neighbours(2)
	shard := s.fill(1, keys[0])
	first := s.pending(shard, 0, 10)[0]
	base, head := first.Seq-1, first.MessageID
	looked := func(want ...int64) {
		t.Helper()
		s.inLine(shard, want...)
		s.inLine(shard, want...)
	}
	confirm := func(seqs ...int64) {
		t.Helper()
		if err := s.store.Confirm(t.Context(), s.acquire(shard, "a", time.Minute), seqs); err != nil {
			t.Fatal(err)
		}
	}
	s.acted(s.park, head, 1)
	second := s.add("second", keys[0])
	looked()
	s.add("third", keys[0])
	looked()
	s.acted(s.discard, head, 1)
	looked(base+2, base+3)

	s.acted(s.park, second, 1) // with the third
	s.add("fourth", keys[0])
	other := s.add("other", keys[1])
	looked(base + 5)
	confirm(base + 5)
	looked()
	there := s.probe.Another(t)
	if n, err := there.ReleaseDeliveries(t.Context(), second, olga); n != 1 || err != nil {
		t.Fatalf("released %d, %v", n, err)
	}
	looked(base+2, base+3, base+4)
	confirm(base+2, base+3)

	fifth := s.add("fifth", keys[0])
	confirm(base + 4)
	s.acted(s.park, fifth, 1)
	s.add("sixth", keys[0])
	looked()
	confirm(base + 6) // the channel took what an operator has parked
	looked(base + 7)
	s.state(other, "confirmed")
}

// releasedBehind: what is released is in line under its old numbers and wire ids,
// before what a reader has read meanwhile; the count of releases tells him.
func (s *storeSuite) releasedBehind(t *testing.T) {
	keys := s.neighbours(2)
	shard := s.fill(4, keys...) // numbers 1 and 3, 2 and 4 after those of the probes
	all, before := s.released(shard, 0, 10)
	base := all[0].Seq - 1
	l := s.acquire(shard, "a", time.Minute)
	if err := s.store.Park(t.Context(), l, all[0].Seq, "GH-6003", "no", 5); err != nil {
		t.Fatal(err)
	}
	later := s.add("later", keys[0])
	if !s.page(shard, 0, 10).Blocked {
		t.Error("a parked delivery does not hold back those behind it")
	}
	s.inLine(shard, base+2, base+4)
	read := s.pending(shard, 0, 10)
	after := read[len(read)-1].Seq
	s.add("last", keys[1])
	if found, releases := s.released(shard, after, 10); len(found) != 1 || releases != before {
		t.Fatalf("%d deliveries after %d, count %d and then %d", len(found), after, before, releases)
	}

	s.acted(s.release, all[0].MessageID, 1)
	if found, releases := s.released(shard, after, 10); len(found) == 0 || releases == before {
		t.Fatalf("after the release the reader sees %d deliveries and the count %d", len(found), releases)
	}
	s.inLine(shard, base+1, base+2, base+3, base+4, base+5, base+6)
	if s.page(shard, 0, 10).Blocked {
		t.Error("what was released holds back others")
	}
	now := s.pending(shard, 0, 10)
	for i, d := range all {
		if fmt.Sprint(now[i]) != fmt.Sprint(d) {
			t.Errorf("delivery %d was\n%+v, is\n%+v", d.Seq, d, now[i])
		}
	}
	if now[4].MessageID != later {
		t.Errorf("the delivery that came meanwhile is in the wrong place")
	}
	s.state(all[0].MessageID, "waiting")
	s.rows(`SELECT COUNT(*) FROM {gateway.parked}`, "0")
	if h := s.record(all[0].MessageID).History; len(h) != 1 || h[0].What != "released" || h[0].By != olga.By || h[0].Reason != olga.Reason {
		t.Errorf("history %+v", h)
	}
	s.acted(s.release, all[0].MessageID, 0)
	if _, again := s.released(shard, 0, 1); len(s.record(all[0].MessageID).History) != 1 {
		t.Errorf("releasing nothing leaves a line, count %d", again)
	}
}

// behindHead: what is parked behind another delivery is not released before it;
// what a parked one comes after is not held back by it.
func (s *storeSuite) behindHead(t *testing.T) {
	shard := s.fill(5, "k")
	all := s.pending(shard, 0, 10)
	id := func(n int) gateway.ID { return all[n-1].MessageID }
	s.acted(s.park, id(3), 1)
	s.inLine(shard, 1, 2)
	s.rows(`SELECT seq, behind FROM {gateway.parked} ORDER BY seq`, "3 NULL", "4 3", "5 3")

	_, err := s.release(id(5), olga)
	f := s.code(err, fault.CodeNotHeld)
	if f.Kind() != fault.Conflict || !strings.Contains(f.Message, id(3).String()) {
		t.Errorf("the fault does not name the head's message: %v", f)
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.attempt} WHERE what = 'released'`, "0")

	// A second head before the first: both hold back what comes after them.
	l := s.acquire(shard, "a", time.Minute)
	s.add("sixth", "k")
	if err := s.store.Park(t.Context(), l, 2, "GH-6003", "no", 5); err != nil {
		t.Fatal(err)
	}
	s.inLine(shard, 1)
	s.rows(`SELECT seq, behind FROM {gateway.parked} ORDER BY seq`, "2 NULL", "3 NULL", "4 3", "5 3", "6 2")
	s.acted(s.release, id(2), 1)
	s.inLine(shard, 1, 2)
	s.acted(s.release, id(3), 1)
	s.inLine(shard, 1, 2, 3, 4, 5, 6)
}

// discardedDeliveries: what is given up leaves with the operator's name, and
// what was parked behind it goes on.
func (s *storeSuite) discardedDeliveries(t *testing.T) {
	shard := s.fill(4, "k")
	all := s.pending(shard, 0, 10)
	_, before := s.released(shard, 0, 1)
	s.acted(s.discard, all[1].MessageID, 0) // nothing of it is parked
	s.acted(s.park, all[1].MessageID, 1)
	s.acted(s.discard, all[2].MessageID, 1) // behind the head, too
	s.inLine(shard, 1)
	s.acted(s.discard, all[1].MessageID, 1)
	s.inLine(shard, 1, 4)
	if _, after := s.released(shard, 0, 1); after == before {
		t.Error("what was put back in line is not counted")
	}
	for i, want := range []string{"waiting", "discarded", "discarded", "waiting"} {
		s.state(all[i].MessageID, want)
	}
	s.rows(`SELECT seq, discarded_by FROM {gateway.discarded} ORDER BY seq`, "2 cn=olga", "3 cn=olga")
	h := s.record(all[1].MessageID).History
	if len(h) != 2 || h[0].What != "parked" || h[1].What != "discarded" || h[1].By != olga.By {
		t.Errorf("history %+v", h)
	}
	s.acted(s.discard, all[1].MessageID, 0)

	// A message's own deliveries behind its own head are given up with it.
	p := newPlan()
	e := inKey(p.entry("two", order{no: "two", customer: "two", name: "A"}), "k2")
	one := e.Render
	e.Render = func(stored []value) (*rendered, error) {
		r, err := one(stored)
		r.Publications = append(r.Publications, r.Publications[0])
		return r, err
	}
	two := s.one(s.writer(p), e, gateway.Stored).MessageID
	s.add("after", "k2")
	s.acted(s.park, two, 2)
	s.acted(s.release, two, 2)
	s.acted(s.park, two, 2)
	s.acted(s.discard, two, 2)
	if left := s.deliveriesOf("k2"); len(left) != 1 || string(left[0].Body) != `{"after": 1}` {
		t.Errorf("%d deliveries are left", len(left))
	}
}

// parkedByOperator: an operator takes a message out of the way whoever holds the
// lease.
func (s *storeSuite) parkedByOperator(t *testing.T) {
	keys := s.neighbours(2)
	shard := s.fill(4, keys...)
	all := s.pending(shard, 0, 10)
	l := s.acquire(shard, "a", time.Minute)
	if n, err := s.store.ParkDeliveries(t.Context(), all[0].MessageID, gateway.Act{By: "cn=olga"}); n != 1 || err != nil {
		t.Fatalf("parked %d: %v", n, err)
	}
	s.inLine(shard, all[1].Seq, all[3].Seq)
	if d := s.record(all[0].MessageID).Deliveries[0]; d.State != "parked" || !strings.Contains(d.Reason, "cn=olga") {
		t.Errorf("the parked delivery: %+v", d)
	}
	s.state(all[2].MessageID, "parked")
	s.acted(s.park, all[0].MessageID, 0)
	// The relay knows nothing of it and goes on.
	if err := s.store.Park(t.Context(), l, all[0].Seq, "GH-6003", "no", 5); err != nil {
		t.Errorf("parking what is parked: %v", err)
	}
	if err := s.store.Confirm(t.Context(), l, []int64{all[1].Seq}); err != nil {
		t.Errorf("confirming a neighbour: %v", err)
	}
	s.acted(s.release, all[0].MessageID, 1)
	s.inLine(shard, all[0].Seq, all[2].Seq, all[3].Seq)
}

// takenAfterAll: a delivery that the channel took is parked no longer, whoever
// parked it meanwhile, and holds nobody back.
func (s *storeSuite) takenAfterAll(t *testing.T) {
	shard := s.fill(3, "k")
	all, before := s.released(shard, 0, 10)
	l := s.acquire(shard, "a", time.Minute)
	s.acted(s.park, all[0].MessageID, 1)
	for range 2 {
		if err := s.store.Confirm(t.Context(), l, []int64{1}); err != nil {
			t.Fatal(err)
		}
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.parked}`, "0")
	s.inLine(shard, 2, 3)
	if _, after := s.released(shard, 0, 10); after == before {
		t.Error("what was put back in line is not counted")
	}
	s.state(all[0].MessageID, "confirmed")
	s.rows(`SELECT first_seq, last_seq FROM {gateway.relayed}`, "1 1")

	// The relay's own parking, whose answer it did not hear.
	if err := s.store.Park(t.Context(), l, 2, "GH-6003", "no", 5); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Confirm(t.Context(), l, []int64{2, 3}); err != nil {
		t.Fatal(err)
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.parked}`, "0")
	s.inLine(shard)
	s.state(all[2].MessageID, "confirmed")
}

func (s *storeSuite) actsOnNothing(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	quiet := p.entry("m1", simple("PO-1"))
	quiet.Render = func([]value) (*rendered, error) { return &rendered{Reply: []byte("<r/>")}, nil }
	id := s.one(w, quiet, gateway.Stored).MessageID
	held := s.one(w, only(async(p.entry("m2", simple("PO-2")))), gateway.Parked).MessageID
	for name, act := range map[string]func(gateway.ID, gateway.Act) (int, error){"park": s.park, "release": s.release, "discard": s.discard} {
		s.acted(act, id, 0)
		for _, unknown := range []gateway.ID{held, newID()} {
			if n, err := act(unknown, olga); n != 0 || fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s of a message that is not stored: %d, %v", name, n, err)
			}
		}
	}
	if h := s.record(id).History; h != nil {
		t.Errorf("history %+v", h)
	}
}
