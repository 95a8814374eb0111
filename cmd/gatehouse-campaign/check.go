package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// account is what senders and listener were told; history has the words.
type account struct {
	attempted    map[string]order
	acknowledged map[string]bool
	replies      map[string]map[reply]int
	asked        map[string]bool
	called       []arrival
	tried        map[batch]bool
	batchReplies map[batch]map[string]int
	items        map[string]map[string]bool
	refusals     []string
	arrivals     []arrival
	cuts         []string
}

// evidence is everything that is known when a campaign is over.
type evidence struct {
	account
	*stored
	queue  []string          // messages left in the queue
	parked map[string]string // code by identity: what should be parked
}

// What can be wrong. The first seven have their place in the closing line.
const (
	lost        = "lost"              // acknowledged, and nowhere; or nowhere in full
	twice       = "twice"             // stored or applied more than once
	disorder    = "order"             // of one key, after repeats were dropped by message-id
	changedID   = "ids changed"       // one message announced under several ids
	differing   = "replies differing" // different answers to one message
	unanswered  = "unanswered"        // no reply to a message to the queue that wants one
	unparked    = "not parked"        // what should be parked is not, or under another code
	wrongParked = "wrongly parked"    // what should not be parked is
	unexpected  = "unexpected"        // stored or announced, and sent by nobody
	unpublished = "unpublished"       // stored, and never announced; or nothing says when it was
	leftOver    = "left over"         // in queue, outbox or elsewhere on the way, at the end
	refusedCall = "refused"           // answered with anything but a reply or "try again"
	damaged     = "damaged"           // what the database says of itself
	cutCall     = "requests broken"   // got half an answer, or none
	repeated    = "repeated"          // on the wire, though nothing crashed
	stuck       = "stuck"             // nothing moved any more
	aborted     = "aborted"           // the campaign could not be carried through; what is missing may be for that
)

// findings are what is wrong, by kind.
type findings map[string][]string

func (f findings) add(kind, format string, args ...any) {
	f[kind] = append(f[kind], fmt.Sprintf(format, args...))
}

// notes are findings that several can add to.
type notes struct {
	mu sync.Mutex
	findings
}

func (n *notes) add(kind, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.findings.add(kind, format, args...)
}

func (n *notes) taken() findings {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.findings)
}

// judge holds what was stored and announced against what was sent and answered.
func judge(e *evidence) findings {
	f := findings{}
	byIdentity := map[string][]storedMessage{}
	byID := map[string]storedMessage{}
	for _, m := range e.messages {
		byIdentity[m.identity] = append(byIdentity[m.identity], m)
		byID[m.id] = m
	}
	e.judgeMessages(f, byIdentity)
	e.judgeOrders(f, byIdentity)
	e.judgeParked(f)
	everybody := func(order) bool { return true }
	e.judgeArrivals(f, e.judgeDeliveries(f, byID, e.deliveries, everybody), e.arrivals)
	e.judgeArrivals(f, e.judgeDeliveries(f, byID, e.calls, order.toPartner), e.called)
	e.judgeReplies(f)
	e.judgeBatches(f)
	e.judgeRest(f)
	return f
}

// judgeMessages: every acknowledged message is stored exactly once, with its
// claim, its reply and its own row; and nothing else is. Whether it may be held
// instead is judged elsewhere.
func (e *evidence) judgeMessages(f findings, byIdentity map[string][]storedMessage) {
	kept := map[string]bool{}
	for _, h := range e.held {
		kept[h.identity] = true
	}
	for _, identity := range slices.Sorted(maps.Keys(e.acknowledged)) {
		if len(byIdentity[identity]) == 0 && !kept[identity] && e.parked[identity] == "" {
			f.add(lost, "%s was acknowledged and is not stored", identity)
		}
	}
	for _, identity := range slices.Sorted(maps.Keys(byIdentity)) {
		o, known := e.attempted[identity]
		if !known {
			f.add(unexpected, "%s is stored and was sent by nobody", identity)
			continue
		}
		if n := len(byIdentity[identity]); n > 1 {
			f.add(twice, "%s is stored %d times", identity, n)
		}
		for _, m := range byIdentity[identity] {
			e.judgeMessage(f, o, m)
		}
	}
}

func (e *evidence) judgeMessage(f findings, o order, m storedMessage) {
	if m.outcome != "stored" {
		f.add(disorder, "%s is %s, though its key's revisions were sent one after the other", m.identity, m.outcome)
		return
	}
	if m.key != o.Key {
		f.add(disorder, "%s has the ordering key %q", m.identity, m.key)
	}
	for what, n := range map[string]int{"claim in the inbox": e.inbox[m.id], "reply": e.stored.replies[m.id], "row of its own": e.customers[o.customer()]} {
		switch {
		case n == 0:
			f.add(lost, "%s is stored without a %s", m.identity, what)
		case n > 1:
			f.add(twice, "%s has %d times a %s", m.identity, n, what)
		}
	}
}

// judgeOrders: an order has the rows of its last stored revision, and no others.
func (e *evidence) judgeOrders(f findings, byIdentity map[string][]storedMessage) {
	last := map[string]order{}
	for identity := range byIdentity {
		if o, known := e.attempted[identity]; known && o.Revision > last[o.Key].Revision {
			last[o.Key] = o
		}
	}
	rows := map[string][]storedOrder{}
	for _, row := range e.orders {
		rows[row.number] = append(rows[row.number], row)
		if _, known := last[row.number]; !known {
			f.add(unexpected, "order %s is stored, but no message of it", row.number)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(last)) {
		o := last[key]
		switch {
		case len(rows[key]) == 0:
			f.add(lost, "order %s has no row", key)
		case len(rows[key]) > 1:
			f.add(twice, "order %s has %d rows", key, len(rows[key]))
		case rows[key][0].revision != o.Revision:
			f.add(disorder, "order %s has revision %d, but %d was stored last", key, rows[key][0].revision, o.Revision)
		case rows[key][0] != storedOrder{number: key, revision: o.Revision, customer: o.customer(), lines: o.lines(), quantity: o.Revision}:
			f.add(twice, "order %s is a mixture: %+v", key, rows[key][0])
		}
	}
	for number := range e.customers {
		if identity := strings.TrimPrefix(number, customerPrefix); len(byIdentity[identity]) == 0 {
			f.add(unexpected, "the row of %s is there, but not the message", identity)
		}
	}
}

// judgeParked: nothing is kept for people to look at but what should be.
func (e *evidence) judgeParked(f findings) {
	found := map[string]bool{}
	for _, h := range e.held {
		switch code, expected := e.parked[h.identity]; {
		case h.state == "waiting":
			f.add(leftOver, "%s still waits: %s", h.identity, h.code)
		case !expected:
			f.add(wrongParked, "%s is %s: %s", h.identity, h.state, h.code)
		case h.state != "parked" || h.code != code:
			f.add(unparked, "%s is %s: %s", h.identity, h.state, h.code)
		case found[h.identity]:
			f.add(twice, "%s is parked twice", h.identity)
		}
		found[h.identity] = true
	}
	for identity, code := range e.parked {
		if !found[identity] {
			f.add(unparked, "%s is not parked (%s)", identity, code)
		}
	}
}

// judgeDeliveries: each stored message that concerns a channel has one delivery
// there, under an id of its own, numbered without gaps and, of one key, in the
// order of its revisions; of each it is noted once when it was confirmed. It returns the order that each id on the wire should
// tell of.
func (e *evidence) judgeDeliveries(f findings, byID map[string]storedMessage, deliveries []delivery, concerned func(order) bool) map[string]order {
	slices.SortFunc(deliveries, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.shard, b.shard), cmp.Compare(a.seq, b.seq))
	})
	wires, delivered, latest := map[string]order{}, map[string]bool{}, map[string]int{}
	for i, d := range deliveries {
		if i > 0 {
			if before := deliveries[i-1]; before.channel == d.channel && before.shard == d.shard && d.seq != before.seq+1 {
				f.add(lost, "on %s, shard %d, number %d is followed by %d", d.channel, d.shard, before.seq, d.seq)
			}
		}
		switch n := e.relayed[place{d.channel, d.shard, d.seq}]; {
		case n == 0:
			f.add(unpublished, "on %s, shard %d, nothing says when number %d was confirmed", d.channel, d.shard, d.seq)
		case n > 1:
			f.add(twice, "on %s, shard %d, number %d was confirmed %d times", d.channel, d.shard, d.seq, n)
		}
		if d.outside {
			continue
		}
		o, known := e.attempted[byID[d.message].identity]
		_, used := wires[d.wireID]
		switch {
		case !known:
			f.add(unexpected, "delivery %s/%d/%d belongs to no message", d.channel, d.shard, d.seq)
		case used:
			f.add(twice, "%s goes out under the id of %s", o.Identity, wires[d.wireID].Identity)
		case delivered[d.message]:
			f.add(twice, "%s has several deliveries", o.Identity)
		case latest[o.Key] >= o.Revision:
			f.add(disorder, "%s is numbered after revision %d", o.Identity, latest[o.Key])
		}
		wires[d.wireID], delivered[d.message], latest[o.Key] = o, true, o.Revision
	}
	for id, m := range byID {
		if m.outcome == "stored" && concerned(e.attempted[m.identity]) && !delivered[id] {
			f.add(unpublished, "%s is stored without a delivery", m.identity)
		}
	}
	return wires
}

// judgeArrivals: every delivery arrived, under its one id, and those of one key
// in the order of its revisions once repeats are dropped by message-id.
func (e *evidence) judgeArrivals(f findings, wires map[string]order, arrivals []arrival) {
	heard, ids, latest := map[string]bool{}, map[string]string{}, map[string]arrival{}
	for _, a := range arrivals {
		if heard[a.MessageID] {
			continue
		}
		heard[a.MessageID] = true
		o, known := wires[a.MessageID]
		switch {
		case e.attempted[a.Identity] != a.order:
			f.add(unexpected, "an event tells of %s, revision %d of %s, which nobody sent", a.Identity, a.Revision, a.Key)
		case ids[a.Identity] != "":
			f.add(changedID, "%s was announced as %s and as %s", a.Identity, ids[a.Identity], a.MessageID)
		case known && o != a.order:
			f.add(changedID, "%s was announced as %s, the id of %s", a.Identity, a.MessageID, o.Identity)
		case !known:
			f.add(changedID, "%s was announced as %s, which is no delivery's id", a.Identity, a.MessageID)
		case latest[a.Key].Revision > a.Revision:
			f.add(disorder, "%s was first heard of after %s", a.Identity, latest[a.Key].Identity)
		}
		ids[a.Identity], latest[a.Key] = a.MessageID, a
	}
	for id, o := range wires {
		if !heard[id] {
			f.add(unpublished, "%s was never announced", o.Identity)
		}
	}
}

// judgeReplies: whoever asked about a message, as often as he did and by whichever
// door, got an answer and always the same: to the byte where the form is one, in
// its facts where it is not. Of what waits or is parked the reply says only that.
func (e *evidence) judgeReplies(f findings) {
	for identity, replies := range e.account.replies {
		bodies, facts := map[string]string{}, map[string]bool{}
		for r := range replies {
			if r.form == held {
				continue
			}
			if first, given := bodies[r.form]; given && first != r.body {
				f.add(differing, "%s was answered %q and %q", identity, first, r.body)
			}
			bodies[r.form] = r.body
			facts[r.facts()] = true
		}
		if len(facts) > 1 {
			f.add(differing, "%s was told %q", identity, slices.Sorted(maps.Keys(facts)))
		}
	}
	for identity := range e.asked {
		if len(e.account.replies[identity]) == 0 {
			f.add(unanswered, "%s wants a reply and got none", identity)
		}
	}
	f[refusedCall] = append(f[refusedCall], e.refusals...)
}

// judgeBatches: each part of a batch that was answered is stored once and was
// announced under one id; of one that was not, at most that.
func (e *evidence) judgeBatches(f findings) {
	known := map[string]bool{}
	for b := range e.tried {
		replies := e.batchReplies[b]
		if len(replies) > 1 {
			f.add(differing, "%s was answered %q", b, slices.Sorted(maps.Keys(replies)))
		}
		for i := range batchParts {
			part := b.part(i)
			known[part] = true
			switch n := e.parts[part]; {
			case n == 0 && len(replies) > 0:
				f.add(lost, "%s was acknowledged with its batch and is not stored", part)
			case n > 1:
				f.add(twice, "%s is stored %d times", part, n)
			}
			switch ids := len(e.items[part]); {
			case ids == 0 && e.parts[part] > 0:
				f.add(unpublished, "%s was never announced", part)
			case ids > 1:
				f.add(changedID, "%s was announced under %d ids", part, ids)
			}
		}
	}
	for part := range e.parts {
		if !known[part] {
			f.add(unexpected, "%s is stored and was sent by nobody", part)
		}
	}
	for part := range e.items {
		if e.parts[part] == 0 {
			f.add(unexpected, "%s was announced and is not stored", part)
		}
	}
}

// agedEnough is how many orders take longer than the payload of the first is kept.
const agedEnough = 1000

// judgeRest: nothing is left on the way, and what is old has begun to go. When the
// last of it goes is the gateway's business: what once had to stay may stay for
// another day.
func (e *evidence) judgeRest(f findings) {
	for what, n := range map[string]int{"in the outbox": e.outbox, "parked on the way out": e.stored.parked, "under suspicion": e.suspects} {
		if n > 0 {
			f.add(leftOver, "%d %s", n, what)
		}
	}
	if n := len(e.messages); n >= agedEnough && e.payloads == n {
		f.add(leftOver, "%d payloads, though they were to be removed after two seconds", n)
	}
	for _, identity := range e.queue {
		f.add(leftOver, "%s is still in the queue", identity)
	}
	f[damaged] = append(f[damaged], e.damage...)
}

// repeats is how many events came again.
func (a *account) repeats() int {
	ids := map[string]bool{}
	for _, one := range a.arrivals {
		ids[one.MessageID] = true
	}
	return len(a.arrivals) - len(ids)
}
