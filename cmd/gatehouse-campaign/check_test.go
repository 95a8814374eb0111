package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// sound is the evidence of a campaign in which nothing went wrong: three orders
// of four revisions each, one poison message, and a crash that had some events
// repeated.
func sound() *evidence {
	e := &evidence{
		account: account{attempted: map[string]order{}, acknowledged: map[string]bool{}, replies: map[string]map[reply]int{}, asked: map[string]bool{}},
		stored:  &stored{inbox: map[string]int{}, replies: map[string]int{}, customers: map[string]int{}, parts: map[string]int{}, relayed: map[place]int{}},
		parked:  map[string]string{poison: codePoison},
	}
	for revision := 1; revision <= 4; revision++ {
		for _, key := range []string{"A", "B", "C"} {
			e.accept(newOrder(key, revision))
		}
	}
	e.tried, e.batchReplies, e.items = map[batch]bool{4: true}, map[batch]map[string]int{4: {"<b:Count>300</b:Count>": 2}}, map[string]map[string]bool{}
	for i := range batchParts {
		e.parts[batch(4).part(i)] = 1
		e.items[batch(4).part(i)] = map[string]bool{fmt.Sprint("wire-item-", i): true}
	}
	bad := order{Key: "A", Revision: 5, Identity: poison}
	e.attempted[poison], e.acknowledged[poison] = bad, true
	e.held = []heldMessage{{identity: poison, state: "parked", code: codePoison}}
	// A3 and A4 are announced, then all of A again: a window after a crash.
	again := slices.DeleteFunc(slices.Clone(e.arrivals), func(a arrival) bool { return a.Key != "A" })
	e.arrivals = append(e.arrivals, again...)
	return e
}

// accept is what the gateway does with an order when all is well.
func (e *evidence) accept(o order) {
	id := fmt.Sprintf("%032x", len(e.messages)+1)
	e.attempted[o.Identity], e.acknowledged[o.Identity] = o, true
	soap := fmt.Sprintf("<x:Envelope><o:OrderId>%d</o:OrderId><o:Lines>%d</o:Lines></x:Envelope>", len(e.messages), o.lines())
	json := fmt.Sprintf(`{"OrderId": %d, "Lines": %d}`, len(e.messages), o.lines())
	e.account.replies[o.Identity] = map[reply]int{{"soap", soap}: 2, {"application/json", json}: 1}
	e.asked[o.Identity] = true
	e.messages = append(e.messages, storedMessage{id: id, identity: o.Identity, key: o.Key, outcome: "stored"})
	e.inbox[id], e.stored.replies[id] = 1, 1
	e.customers[o.customer()]++
	e.orders = slices.DeleteFunc(e.orders, func(s storedOrder) bool { return s.number == o.Key })
	e.orders = append(e.orders, storedOrder{number: o.Key, revision: o.Revision, customer: o.customer(), lines: o.lines(), quantity: o.Revision})
	e.deliveries = append(e.deliveries, delivery{message: id, channel: "events", shard: int(o.Key[0]), seq: o.Revision, wireID: "wire-" + o.Identity})
	e.arrivals = append(e.arrivals, arrival{MessageID: "wire-" + o.Identity, order: o})
	if o.toPartner() {
		e.calls = append(e.calls, delivery{message: id, channel: "hook", shard: int(o.Key[0]), seq: o.Revision / 3, wireID: "hook-" + o.Identity})
		e.called = append(e.called, arrival{MessageID: "hook-" + o.Identity, order: o})
		e.relayed[place{"hook", int(o.Key[0]), o.Revision / 3}]++
	}
	e.relayed[place{"events", int(o.Key[0]), o.Revision}]++
}

func (e *evidence) id(identity string) string {
	i := slices.IndexFunc(e.messages, func(m storedMessage) bool { return m.identity == identity })
	return e.messages[i].id
}

// drop takes the messages of the identity out of a list.
func drop[T any](list []T, gone func(T) bool) []T { return slices.DeleteFunc(list, gone) }

// swap exchanges the first arrivals of two orders.
func (e *evidence) swap(a, b string) {
	at := func(identity string) int {
		return slices.IndexFunc(e.arrivals, func(x arrival) bool { return x.Identity == identity })
	}
	i, j := at(a), at(b)
	e.arrivals[i], e.arrivals[j] = e.arrivals[j], e.arrivals[i]
}

// TestJudge feeds wrong histories to the checker: it must flag each, and say
// what it is. The gateway's worst mistakes are named where they would show.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name  string
		seed  func(e *evidence)
		kinds []string
	}{
		{"nothing", func(*evidence) {}, nil},
		{"acknowledged before the commit", func(e *evidence) {
			o := newOrder("A", 6)
			e.attempted[o.Identity], e.acknowledged[o.Identity] = o, true
		}, []string{lost}},
		{"only in doubt, and nowhere", func(e *evidence) { e.attempted["A-r6"] = newOrder("A", 6) }, nil},
		{"in doubt, and stored", func(e *evidence) { delete(e.acknowledged, "B-r2") }, nil},
		{"message row without its effects", func(e *evidence) { delete(e.customers, "C-A-r2") }, []string{lost}},
		{"no claim in the inbox", func(e *evidence) { delete(e.inbox, e.id("A-r2")) }, []string{lost}},
		{"no stored reply", func(e *evidence) { delete(e.stored.replies, e.id("A-r2")) }, []string{lost}},
		{"stored twice, for want of an inbox", func(e *evidence) {
			e.messages = append(e.messages, storedMessage{id: "ff", identity: "A-r2", key: "A", outcome: "stored"})
			e.inbox["ff"], e.stored.replies["ff"] = 1, 1
			e.deliveries = append(e.deliveries, delivery{message: "ff", channel: "events", shard: 1, seq: 1, wireID: "wire-2"})
			e.relayed[place{"events", 1, 1}]++
			e.arrivals = append(e.arrivals, arrival{MessageID: "wire-2", order: newOrder("A", 2)})
		}, []string{twice, disorder, changedID}},
		{"a row applied twice", func(e *evidence) { e.customers["C-B-r3"] = 2 }, []string{twice}},
		{"an order with two rows", func(e *evidence) { e.orders = append(e.orders, e.orders[0]) }, []string{twice}},
		{"an order of two revisions", func(e *evidence) { e.orders[1].lines++ }, []string{twice}},
		{"lines of another revision", func(e *evidence) { e.orders[1].quantity = -1 }, []string{twice}},
		{"an older revision won", func(e *evidence) { e.orders[0].revision = 3 }, []string{disorder}},
		{"an order without its row", func(e *evidence) { e.orders = e.orders[1:] }, []string{lost}},
		{"rows that nobody sent", func(e *evidence) { e.orders = append(e.orders, storedOrder{number: "Z"}) }, []string{unexpected}},
		{"a customer that nobody sent", func(e *evidence) { e.customers["C-Z-r1"] = 1 }, []string{unexpected}},
		{"stored out of order", func(e *evidence) { e.messages[4].outcome = "superseded" }, []string{disorder}},
		{"stored under another key", func(e *evidence) { e.messages[4].key = "Z" }, []string{disorder}},
		{"a message that nobody sent", func(e *evidence) {
			e.messages = append(e.messages, storedMessage{id: "ff", identity: "Z-r1", key: "Z", outcome: "stored"})
		}, []string{unexpected, unpublished}},
		{"no outbox row", func(e *evidence) {
			e.deliveries = drop(e.deliveries, func(d delivery) bool { return d.wireID == "wire-C-r4" })
			e.arrivals = drop(e.arrivals, func(a arrival) bool { return a.Identity == "C-r4" })
		}, []string{unpublished}},
		{"removed without a note", func(e *evidence) { delete(e.relayed, place{"events", 'A', 2}) }, []string{unpublished}},
		{"confirmed twice", func(e *evidence) { e.relayed[place{"hook", 'A', 1}]++ }, []string{twice}},
		{"deleted before the confirm", func(e *evidence) {
			e.arrivals = drop(e.arrivals, func(a arrival) bool { return a.Identity == "B-r2" })
		}, []string{unpublished}},
		{"published in another order", func(e *evidence) { e.swap("B-r2", "B-r3") }, []string{disorder}},
		{"orders among each other", func(e *evidence) { e.swap("B-r2", "C-r2") }, nil},
		{"a repeat that comes late", func(e *evidence) { e.arrivals = append(e.arrivals, e.arrivals[0]) }, nil},
		{"a new id for the repeat", func(e *evidence) {
			e.arrivals = append(e.arrivals, arrival{MessageID: "wire-new", order: newOrder("B", 2)})
		}, []string{changedID}},
		{"another id than the delivery's", func(e *evidence) {
			for i, a := range e.arrivals {
				if a.Identity == "B-r2" {
					e.arrivals[i].MessageID = "wire-new"
				}
			}
		}, []string{changedID, unpublished}},
		{"two messages under one id", func(e *evidence) {
			for i, d := range e.deliveries {
				if d.wireID == "wire-B-r2" {
					e.deliveries[i].wireID = "wire-C-r2"
				}
			}
		}, []string{twice, changedID}},
		{"two deliveries of one message", func(e *evidence) {
			e.deliveries = append(e.deliveries, delivery{message: e.id("B-r4"), channel: "events", shard: 'B', seq: 5, wireID: "wire-x"})
		}, []string{twice, unpublished}},
		{"numbers that skip one", func(e *evidence) {
			e.deliveries[len(e.deliveries)-1].seq++
			e.relayed[place{"events", 'C', 5}]++
		}, []string{lost}},
		{"numbers against the revisions", func(e *evidence) {
			e.deliveries[0].seq, e.deliveries[3].seq = e.deliveries[3].seq, e.deliveries[0].seq
		}, []string{disorder}},
		{"an event that nobody caused", func(e *evidence) {
			e.arrivals = append(e.arrivals, arrival{MessageID: "wire-z", order: newOrder("Z", 1)})
		}, []string{unexpected}},
		{"an event with another's revision", func(e *evidence) {
			e.arrivals[0].Revision = 7
		}, []string{unexpected, disorder}},
		{"another reply to the repeat", func(e *evidence) {
			e.account.replies["A-r1"][reply{"soap", "<x:Envelope> <o:OrderId>0</o:OrderId><o:Lines>2</o:Lines></x:Envelope>"}] = 1
		}, []string{differing}},
		{"other facts by the other door", func(e *evidence) {
			e.account.replies["A-r1"][reply{"application/xml", "<o:OrderId>99</o:OrderId><o:Lines>2</o:Lines>"}] = 1
		}, []string{differing}},
		{"told to wait at first", func(e *evidence) {
			e.account.replies["A-r1"][reply{held, `{"code": "GH-5007", "Status": "waiting"}`}] = 1
		}, nil},
		{"never answered", func(e *evidence) { e.asked["A-r9"] = true }, []string{unanswered}},
		{"a call refused", func(e *evidence) { e.refusals = []string{"A-r9: HTTP 500"} }, []string{refusedCall}},
		{"an innocent parked instead of stored", func(e *evidence) {
			o := newOrder("A", 6)
			e.attempted[o.Identity], e.acknowledged[o.Identity] = o, true
			e.held = append(e.held, heldMessage{identity: o.Identity, state: "parked", code: codePoison})
		}, []string{wrongParked}},
		{"an innocent parked, and stored", func(e *evidence) {
			e.held = append(e.held, heldMessage{identity: "A-r2", state: "parked", code: codePoison})
		}, []string{wrongParked}},
		{"the poison not parked", func(e *evidence) { e.held = nil }, []string{unparked}},
		{"the poison parked for another reason", func(e *evidence) { e.held[0].code = "GH-3001" }, []string{unparked}},
		{"the poison parked twice", func(e *evidence) { e.held = append(e.held, e.held[0]) }, []string{twice}},
		{"a message that still waits", func(e *evidence) {
			e.held = append(e.held, heldMessage{identity: "A-r4", state: "waiting", code: "GH-5001"})
		}, []string{leftOver}},
		{"messages left in the queue", func(e *evidence) { e.queue = []string{"A-r1"} }, []string{leftOver}},
		{"deliveries left in the outbox", func(e *evidence) { e.outbox = 1 }, []string{leftOver}},
		{"deliveries parked", func(e *evidence) { e.stored.parked = 1 }, []string{leftOver}},
		{"a suspect never cleared", func(e *evidence) { e.suspects = 1 }, []string{leftOver}},
		{"never taken to the partner", func(e *evidence) { e.called = e.called[1:] }, []string{unpublished}},
		{"no delivery for the partner", func(e *evidence) { e.calls, e.called = e.calls[1:], e.called[1:] }, []string{unpublished}},
		{"two ids for the partner", func(e *evidence) {
			e.called = append(e.called, arrival{MessageID: "hook-x", order: newOrder("A", 3)})
		}, []string{changedID}},
		{"a part lost", func(e *evidence) {
			delete(e.parts, "B4-7")
			delete(e.items, "B4-7")
		}, []string{lost}},
		{"a part in doubt, and nowhere", func(e *evidence) {
			delete(e.parts, "B4-7")
			delete(e.items, "B4-7")
			delete(e.batchReplies, 4)
		}, nil},
		{"a part stored twice", func(e *evidence) { e.parts["B4-7"] = 2 }, []string{twice}},
		{"a part never announced", func(e *evidence) { delete(e.items, "B4-7") }, []string{unpublished}},
		{"a part under two ids", func(e *evidence) { e.items["B4-7"]["wire-x"] = true }, []string{changedID}},
		{"a part announced and not stored", func(e *evidence) { e.items["B5-1"] = map[string]bool{"wire-x": true} }, []string{unexpected}},
		{"a part that nobody sent", func(e *evidence) { e.parts["B5-1"] = 1 }, []string{unexpected}},
		{"another answer to a batch", func(e *evidence) { e.batchReplies[4]["<b:Count>299</b:Count>"] = 1 }, []string{differing}},
		{"no payload removed", func(e *evidence) {
			for i := range agedEnough {
				e.accept(newOrder("D", i+1))
			}
			e.payloads = len(e.messages)
		}, []string{leftOver}},
		{"a broken file", func(e *evidence) { e.damage = []string{"row 3 missing from index"} }, []string{damaged}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := sound()
			c.seed(e)
			f := judge(e)
			maps.DeleteFunc(f, func(_ string, list []string) bool { return len(list) == 0 })
			if got := slices.Sorted(maps.Keys(f)); !slices.Equal(got, slices.Sorted(slices.Values(c.kinds))) {
				t.Errorf("found %v, want %v", f, c.kinds)
			}
		})
	}
}

// TestOrderly holds a campaign without crashes to more: no event comes again, unless
// a lease lapsed, and no request is cut.
func TestOrderly(t *testing.T) {
	e := sound()
	e.cuts = []string{"A-r1: EOF"}
	for _, c := range []struct {
		name  string
		tally *tally
		want  []string
	}{
		{"nothing happened", &tally{}, []string{repeated, cutCall}},
		{"a lease lapsed", &tally{lapses: 1}, []string{cutCall}},
		{"a crash", &tally{random: 1}, nil},
	} {
		v := &verdict{findings: findings{}, tally: c.tally}
		v.settle(&e.account)
		if got := slices.Sorted(maps.Keys(v.findings)); !slices.Equal(got, c.want) || v.wrong() != (c.want != nil) {
			t.Errorf("%s: found %v, want %v", c.name, v.findings, c.want)
		}
	}
}

// TestLine keeps the closing line as scripts read it.
func TestLine(t *testing.T) {
	v := &verdict{findings: findings{}, tally: &tally{points: map[string]int{"relay-read": 40}, random: 20}, acknowledged: 6400, repeats: 37}
	const want = "crashes 60, acknowledged 6400, lost 0, twice 0, order 0, ids changed 0, replies differing 0, parked 0, wire duplicates 37 (0.6 per crash)"
	if got := v.line(); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	v.add(lost, "A-r1")
	v.add(leftOver, "A-r1")
	v.tally = &tally{stops: 20, slowest: 812 * time.Millisecond}
	if got := v.line(); !strings.Contains(got, "lost 1,") || !strings.HasSuffix(got, ", stops 20 (slowest 812ms), requests broken 0, left over 1") {
		t.Errorf("%s", got)
	}
}
