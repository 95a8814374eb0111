package broker

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type message struct {
	exchange, key string
	properties    properties
	body          []byte
	sequence      uint64 // its place in the broker, kept when it is requeued
	redelivered   bool
	returns       int64 // how often it was requeued
	deadline      time.Time
	timer         *time.Timer // runs while the message is ready and has a deadline
}

// queue holds messages; everything in it is guarded by the broker's lock.
type queue struct {
	broker     *Broker
	name       string
	durable    bool
	autoDelete bool
	owner      *conn // set when the queue is exclusive
	args       table
	ready      []*message // by sequence
	consumers  []*consumer
	turn       int // whose turn it is
	deleted    bool
}

func (q *queue) text(arg string) (string, bool) {
	s, ok := q.args[arg].(string)
	return s, ok
}

// full says that the queue turns new messages away instead of dropping old ones.
func (q *queue) full() bool {
	overflow, _ := q.text("x-overflow")
	return q.atLimit() && strings.HasPrefix(overflow, "reject-publish")
}

func (q *queue) atLimit() bool {
	limit, ok := integer(q.args["x-max-length"])
	return ok && int64(len(q.ready)) >= limit
}

// put appends a message that was routed here, and hands out what can be.
func (q *queue) put(m *message) {
	if q.atLimit() && len(q.ready) > 0 {
		q.deadLetter(q.take(), "maxlen")
	}
	if ttl, ok := q.timeToLive(m); ok {
		m.deadline = time.Now().Add(ttl)
	}
	q.insert(len(q.ready), m)
	q.serve()
}

func (q *queue) timeToLive(m *message) (time.Duration, bool) {
	ttl, ok := integer(q.args["x-message-ttl"])
	if own, has := m.properties.expiration(); has && (!ok || own < ttl) {
		ttl, ok = own, true
	}
	return time.Duration(ttl) * time.Millisecond, ok
}

func (q *queue) insert(at int, m *message) {
	q.ready = slices.Insert(q.ready, at, m)
	if !m.deadline.IsZero() {
		m.timer = time.AfterFunc(time.Until(m.deadline), func() { q.expire(m) })
	}
}

// take removes the oldest message; there must be one.
func (q *queue) take() *message {
	m := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	m.stopTimer()
	return m
}

func (m *message) stopTimer() {
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
}

func (q *queue) expire(m *message) {
	q.broker.mu.Lock()
	defer q.broker.mu.Unlock()
	if i := slices.Index(q.ready, m); i >= 0 {
		q.ready = slices.Delete(q.ready, i, i+1)
		q.deadLetter(m, "expired")
	}
}

// requeue puts a message back into its old place, unless it came back too
// often. It serves nobody: whoever gives back several does that after the last.
func (q *queue) requeue(m *message) {
	if q.deleted {
		return
	}
	m.redelivered = true
	m.returns++
	if limit, ok := integer(q.args["x-delivery-limit"]); ok && m.returns > limit {
		q.deadLetter(m, "delivery_limit")
		return
	}
	at, _ := slices.BinarySearchFunc(q.ready, m, func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) })
	q.insert(at, m)
}

func (q *queue) purge() int {
	count := len(q.ready)
	for _, m := range q.ready {
		m.stopTimer()
	}
	q.ready = nil
	return count
}

// delete removes the queue, its bindings and its consumers, who are told.
func (q *queue) delete() int {
	q.deleted = true
	delete(q.broker.queues, q.name)
	for _, x := range q.broker.exchanges {
		x.bindings = slices.DeleteFunc(x.bindings, func(b binding) bool { return b.queue == q })
	}
	for _, k := range q.consumers {
		delete(k.channel.consumers, k.tag)
		k.channel.send(basicCancel, (&encoder{}).shortstr(k.tag).u8(1))
	}
	q.consumers = nil
	return q.purge()
}

// serve hands ready messages to consumers that have credit, in turn.
func (q *queue) serve() {
	for len(q.ready) > 0 {
		k := q.next()
		if k == nil {
			return
		}
		k.deliver(q.take())
	}
}

func (q *queue) next() *consumer {
	if single, _ := q.args["x-single-active-consumer"].(bool); single {
		if len(q.consumers) > 0 && q.consumers[0].credit() {
			return q.consumers[0]
		}
		return nil
	}
	for i := range q.consumers {
		at := (q.turn + i) % len(q.consumers)
		if k := q.consumers[at]; k.credit() {
			q.turn = at + 1
			return k
		}
	}
	return nil
}
