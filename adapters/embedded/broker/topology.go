package broker

import "crypto/rand"

func (ch *channel) exchangeDeclare(d *decoder) error {
	d.u16()
	name, kind, bits := d.shortstr(), d.shortstr(), d.u8()
	b := ch.conn.broker
	x := b.exchanges[name]
	passive := bits&1 != 0
	switch {
	case x == nil && passive:
		return soft(404, "NOT_FOUND - no exchange '%s' in vhost '/'", name)
	case x == nil && !knownKind(kind):
		return hard(503, "COMMAND_INVALID - unknown exchange type '%s'", kind)
	case x == nil:
		b.exchanges[name] = &exchange{name: name, kind: kind}
	case !passive && x.kind != kind:
		return soft(406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '%s' in vhost '/'", name)
	}
	ch.ok(bits&16 != 0, nil)
	return nil
}

func (ch *channel) exchangeDelete(d *decoder) error {
	d.u16()
	name, bits := d.shortstr(), d.u8()
	b := ch.conn.broker
	gone := b.exchanges[name]
	if gone != nil && bits&1 != 0 && len(gone.bindings) > 0 {
		return soft(406, "PRECONDITION_FAILED - exchange '%s' in vhost '/' in use", name)
	}
	delete(b.exchanges, name)
	for _, x := range b.exchanges {
		x.forget(gone)
	}
	ch.ok(bits&2 != 0, nil)
	return nil
}

func (ch *channel) exchangeBind(d *decoder) error {
	source, target, noWait, err := ch.exchangeBinding(d)
	if err != nil {
		return err
	}
	source.bind(target)
	ch.ok(noWait, nil)
	return nil
}

func (ch *channel) exchangeUnbind(d *decoder) error {
	source, target, noWait, err := ch.exchangeBinding(d)
	if err != nil {
		return err
	}
	source.unbind(target)
	ch.ok(noWait, nil)
	return nil
}

func (ch *channel) exchangeBinding(d *decoder) (*exchange, binding, bool, error) {
	d.u16()
	destination, source := d.shortstr(), d.shortstr()
	b := binding{key: d.shortstr()}
	noWait := d.u8() != 0
	b.args = d.table()
	from, err := ch.conn.broker.exchange(source)
	if err != nil {
		return nil, b, noWait, err
	}
	b.exchange, err = ch.conn.broker.exchange(destination)
	return from, b, noWait, err
}

// queue finds a queue this connection may use; an empty name is the last one
// declared on the channel.
func (ch *channel) queue(name string) (*queue, error) {
	if name == "" {
		name = ch.lastQueue
	}
	q := ch.conn.broker.queues[name]
	if q == nil {
		return nil, soft(404, "NOT_FOUND - no queue '%s' in vhost '/'", name)
	}
	if q.owner != nil && q.owner != ch.conn {
		return nil, soft(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '%s' in vhost '/'", name)
	}
	return q, nil
}

func (ch *channel) queueDeclare(d *decoder) error {
	d.u16()
	name, bits := d.shortstr(), d.u8()
	wanted := &queue{broker: ch.conn.broker, name: name, durable: bits&2 != 0, autoDelete: bits&8 != 0, args: d.table()}
	if bits&4 != 0 {
		wanted.owner = ch.conn
	}
	if d.err != nil {
		return d.err
	}
	passive := bits&1 != 0
	if !passive && !ch.mayConfigure(name) {
		return soft(403, "ACCESS_REFUSED - configure access to queue '%s' in vhost '/' refused for user '%s'", name, ch.conn.user)
	}
	q, err := ch.declared(wanted, passive)
	if err != nil {
		return err
	}
	ch.lastQueue = q.name
	ch.ok(bits&16 != 0, (&encoder{}).shortstr(q.name).u32(uint32(len(q.ready))).u32(uint32(len(q.consumers))))
	return nil
}

func (ch *channel) mayConfigure(name string) bool {
	judge := ch.conn.broker.config.Configure
	return judge == nil || judge(ch.conn.user, name)
}

func (ch *channel) declared(wanted *queue, passive bool) (*queue, error) {
	b := ch.conn.broker
	if passive || b.queues[wanted.name] != nil {
		q, err := ch.queue(wanted.name)
		if err == nil && !passive {
			err = q.inequivalent(wanted)
		}
		return q, err
	}
	if err := wanted.refused(); err != nil {
		return nil, err
	}
	if wanted.name == "" {
		wanted.name = "amq.gen-" + rand.Text()
	}
	b.queues[wanted.name] = wanted
	return wanted, nil
}

func (ch *channel) queueBind(d *decoder) error {
	d.u16()
	queue, source := d.shortstr(), d.shortstr()
	b := binding{key: d.shortstr()}
	noWait := d.u8() != 0
	b.args = d.table()
	x, b, err := ch.queueBinding(queue, source, b)
	if err != nil {
		return err
	}
	x.bind(b)
	ch.ok(noWait, nil)
	return nil
}

func (ch *channel) queueUnbind(d *decoder) error {
	d.u16()
	queue, source := d.shortstr(), d.shortstr()
	b := binding{key: d.shortstr(), args: d.table()}
	x, b, err := ch.queueBinding(queue, source, b)
	if err != nil {
		return err
	}
	x.unbind(b)
	ch.ok(false, nil)
	return nil
}

func (ch *channel) queueBinding(queue, source string, b binding) (*exchange, binding, error) {
	q, err := ch.queue(queue)
	if err != nil {
		return nil, b, err
	}
	b.queue = q
	x, err := ch.conn.broker.exchange(source)
	return x, b, err
}

func (ch *channel) queuePurge(d *decoder) error {
	d.u16()
	name, noWait := d.shortstr(), d.u8() != 0
	q, err := ch.queue(name)
	if err != nil {
		return err
	}
	ch.ok(noWait, (&encoder{}).u32(uint32(q.purge())))
	return nil
}

func (ch *channel) queueDelete(d *decoder) error {
	d.u16()
	name, bits := d.shortstr(), d.u8()
	if ch.conn.broker.queues[name] == nil {
		ch.ok(bits&4 != 0, (&encoder{}).u32(0)) // RabbitMQ: deleting nothing is fine
		return nil
	}
	q, err := ch.queue(name)
	if err != nil {
		return err
	}
	if bits&1 != 0 && len(q.consumers) > 0 || bits&2 != 0 && len(q.ready) > 0 {
		return soft(406, "PRECONDITION_FAILED - queue '%s' in vhost '/' in use or not empty", name)
	}
	ch.ok(bits&4 != 0, (&encoder{}).u32(uint32(q.delete())))
	return nil
}
