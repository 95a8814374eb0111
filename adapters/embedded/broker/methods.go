package broker

import (
	"fmt"
)

// handlers are the methods a client may call on a channel.
var handlers = map[methodID]func(*channel, *decoder) error{
	method(20, 20):  (*channel).flow,
	channelClose:    (*channel).close,
	method(40, 10):  (*channel).exchangeDeclare,
	method(40, 20):  (*channel).exchangeDelete,
	method(40, 30):  (*channel).exchangeBind,
	exchangeUnbind:  (*channel).exchangeUnbind,
	method(50, 10):  (*channel).queueDeclare,
	method(50, 20):  (*channel).queueBind,
	method(50, 30):  (*channel).queuePurge,
	method(50, 40):  (*channel).queueDelete,
	method(50, 50):  (*channel).queueUnbind,
	method(60, 10):  (*channel).qos,
	method(60, 20):  (*channel).consume,
	basicCancel:     (*channel).cancel,
	method(60, 31):  (*channel).ignore, // cancel-ok
	basicPublish:    (*channel).basicPublish,
	method(60, 70):  (*channel).get,
	basicAck:        (*channel).ack,
	method(60, 90):  (*channel).reject,
	method(60, 110): (*channel).recover,
	basicNack:       (*channel).nack,
	method(85, 10):  (*channel).confirmSelect,
	method(90, 10):  (*channel).txSelect,
	method(90, 20):  (*channel).txCommit,
	method(90, 30):  (*channel).txRollback,
}

func (ch *channel) ignore(*decoder) error { return nil }

func (ch *channel) flow(d *decoder) error {
	if d.u8() == 0 {
		return hard(540, "NOT_IMPLEMENTED - active=false")
	}
	ch.ok(false, (&encoder{}).u8(1))
	return nil
}

func (ch *channel) close(*decoder) error {
	ch.release()
	delete(ch.conn.channels, ch.id)
	ch.ok(false, nil)
	return nil
}

func (ch *channel) qos(d *decoder) error {
	d.u32()
	ch.prefetch = int(d.u16())
	ch.ok(false, nil)
	return nil
}

func (ch *channel) consume(d *decoder) error {
	d.u16()
	name, tag, bits := d.shortstr(), d.shortstr(), d.u8()
	noAck := bits&2 != 0
	if tag == "" {
		ch.names++
		tag = fmt.Sprintf("amq.ctag-%d", ch.names)
	}
	if ch.consumers[tag] != nil || tag == ch.replyConsumer {
		return hard(530, "NOT_ALLOWED - attempt to reuse consumer tag '%s'", tag)
	}
	if name == directReply {
		err := ch.consumeReplies(tag, noAck)
		if err == nil {
			ch.ok(bits&8 != 0, (&encoder{}).shortstr(tag))
		}
		return err
	}
	q, err := ch.queue(name)
	if err != nil {
		return err
	}
	k := &consumer{tag: tag, channel: ch, queue: q, noAck: noAck, exclusive: bits&4 != 0, prefetch: ch.prefetch}
	if len(q.consumers) > 0 && (k.exclusive || q.consumers[0].exclusive) {
		return soft(403, "ACCESS_REFUSED - queue '%s' in vhost '/' in exclusive use", q.name)
	}
	ch.consumers[tag] = k
	q.consumers = append(q.consumers, k)
	ch.ok(bits&8 != 0, (&encoder{}).shortstr(tag))
	q.serve()
	return nil
}

func (ch *channel) cancel(d *decoder) error {
	tag, noWait := d.shortstr(), d.u8() != 0
	if tag == ch.replyConsumer {
		ch.forgetReplies()
	}
	ch.unsubscribe(tag)
	ch.ok(noWait, (&encoder{}).shortstr(tag))
	return nil
}

func (ch *channel) get(d *decoder) error {
	d.u16()
	name, noAck := d.shortstr(), d.u8() != 0
	q, err := ch.queue(name)
	if err != nil {
		return err
	}
	if len(q.ready) == 0 {
		ch.send(basicGetEmpty, (&encoder{}).u8(0))
		return nil
	}
	m := q.take()
	tag := ch.delivered(m, q, nil, noAck)
	args := (&encoder{}).u64(tag).bool(m.redelivered).shortstr(m.exchange).shortstr(m.key).u32(uint32(len(q.ready)))
	ch.sendContent(basicGetOk, args, q.outgoing(m), m.body)
	return nil
}

func (ch *channel) ack(d *decoder) error {
	tag, multiple := d.u64(), d.u8() != 0
	return ch.settle(tag, multiple, unacked.forget)
}

func (ch *channel) reject(d *decoder) error {
	tag, requeue := d.u64(), d.u8() != 0
	return ch.settle(tag, false, rejection(requeue))
}

func (ch *channel) nack(d *decoder) error {
	tag, bits := d.u64(), d.u8()
	return ch.settle(tag, bits&1 != 0, rejection(bits&2 != 0))
}

func rejection(requeue bool) func(unacked) {
	if requeue {
		return unacked.requeue
	}
	return unacked.reject
}

func (ch *channel) recover(*decoder) error {
	if err := ch.settle(0, true, unacked.requeue); err != nil {
		return err
	}
	ch.ok(false, nil)
	return nil
}

func (ch *channel) confirmSelect(d *decoder) error {
	ch.confirming = true
	ch.ok(d.u8() != 0, nil)
	return nil
}

func (ch *channel) txSelect(*decoder) error {
	ch.transactional = true
	ch.ok(false, nil)
	return nil
}

// txCommit publishes what waited for it. Acknowledgements are not part of the
// transaction here: they are settled at once.
func (ch *channel) txCommit(*decoder) error {
	pending := ch.pending
	ch.pending = nil
	for _, p := range pending {
		if err := ch.accept(p); err != nil {
			return err
		}
	}
	ch.ok(false, nil)
	return nil
}

func (ch *channel) txRollback(*decoder) error {
	ch.pending = nil
	ch.ok(false, nil)
	return nil
}
