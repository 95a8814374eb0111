package broker

import (
	"cmp"
	"maps"
	"slices"
)

// consumer is one subscription of a channel to a queue.
type consumer struct {
	tag       string
	channel   *channel
	queue     *queue
	noAck     bool
	exclusive bool
	prefetch  int // the channel's when it subscribed; zero is no limit
	unacked   int
}

// unacked is a delivery that waits for its acknowledgement.
type unacked struct {
	tag      uint64
	message  *message
	queue    *queue
	consumer *consumer // nil for basic.get
}

func (k *consumer) credit() bool {
	return k.noAck || k.prefetch == 0 || k.unacked < k.prefetch
}

func (k *consumer) deliver(m *message) {
	tag := k.channel.delivered(m, k.queue, k, k.noAck)
	args := (&encoder{}).shortstr(k.tag).u64(tag).bool(m.redelivered).shortstr(m.exchange).shortstr(m.key)
	k.channel.sendContent(basicDeliver, args, k.queue.outgoing(m), m.body)
}

// outgoing is the message's properties as a consumer of this queue sees them:
// only quorum queues count deliveries.
func (q *queue) outgoing(m *message) *properties {
	p := m.properties
	if kind, _ := q.text("x-queue-type"); kind == "quorum" {
		p.headers = maps.Clone(p.headers)
		if p.headers == nil {
			p.headers = table{}
		}
		p.headers["x-delivery-count"] = m.returns
	}
	return &p
}

// delivered gives a message the next tag and remembers it until it is settled.
func (ch *channel) delivered(m *message, q *queue, k *consumer, noAck bool) uint64 {
	ch.tag++
	if noAck {
		return ch.tag
	}
	ch.unacked = append(ch.unacked, unacked{tag: ch.tag, message: m, queue: q, consumer: k})
	if k != nil {
		k.unacked++
	}
	return ch.tag
}

// settle takes the deliveries that an ack, nack or reject speaks of, hands each
// to then, and uses what came free: credit and requeued messages.
func (ch *channel) settle(tag uint64, multiple bool, then func(unacked)) error {
	taken, err := ch.claim(tag, multiple)
	if err != nil {
		return err
	}
	for _, u := range taken {
		u.release(then)
	}
	for _, u := range taken {
		u.queue.serve()
	}
	return nil
}

func (u unacked) release(then func(unacked)) {
	if u.consumer != nil {
		u.consumer.unacked--
	}
	then(u)
}

func (ch *channel) claim(tag uint64, multiple bool) ([]unacked, error) {
	if multiple && tag == 0 {
		taken := ch.unacked
		ch.unacked = nil
		return taken, nil
	}
	i, found := slices.BinarySearchFunc(ch.unacked, tag, func(u unacked, tag uint64) int { return cmp.Compare(u.tag, tag) })
	if !found {
		return nil, soft(406, "PRECONDITION_FAILED - unknown delivery tag %d", tag)
	}
	from := i
	if multiple {
		from = 0
	}
	taken := slices.Clone(ch.unacked[from : i+1])
	ch.unacked = slices.Delete(ch.unacked, from, i+1)
	return taken, nil
}

func (u unacked) requeue() { u.queue.requeue(u.message) }
func (u unacked) reject()  { u.queue.deadLetter(u.message, "rejected") }
func (u unacked) forget()  {}

// unsubscribe ends a subscription; what it holds unacknowledged stays with the channel.
func (ch *channel) unsubscribe(tag string) {
	if q := ch.detach(tag); q != nil {
		q.serve()
	}
}

// detach is unsubscribe without serving those who remain; it returns the queue
// unless that went with its last consumer.
func (ch *channel) detach(tag string) *queue {
	k := ch.consumers[tag]
	if k == nil {
		return nil
	}
	delete(ch.consumers, tag)
	q := k.queue
	q.consumers = slices.DeleteFunc(q.consumers, func(o *consumer) bool { return o == k })
	if q.autoDelete && len(q.consumers) == 0 {
		q.delete()
		return nil
	}
	return q
}

// release ends every subscription and gives back what was not acknowledged.
// The messages return before anybody else is served: a single active consumer
// that takes over sees them in order.
func (ch *channel) release() {
	ch.forgetReplies()
	touched := map[*queue]bool{}
	for tag := range ch.consumers {
		if q := ch.detach(tag); q != nil {
			touched[q] = true
		}
	}
	for _, u := range ch.unacked {
		u.release(unacked.requeue)
		touched[u.queue] = true
	}
	ch.unacked = nil
	for q := range touched {
		q.serve()
	}
}
