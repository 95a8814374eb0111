package broker

import "maps"

// routed says what became of a published message.
type routed struct {
	queues  int  // how many queues it was meant for
	refused bool // one of them is full and rejects
}

// publish routes a message. An unknown exchange is a soft error 404.
func (b *Broker) publish(name, key string, p *properties, body []byte) (routed, error) {
	queues, err := b.lookup(name, key, p.headers)
	if err != nil {
		return routed{}, err
	}
	if name == "" {
		b.reply(key, p, body)
	}
	r := routed{queues: len(queues)}
	for _, q := range queues {
		if q.full() {
			r.refused = true
			continue
		}
		b.sequence++
		m := &message{exchange: name, key: key, properties: *p, body: body, sequence: b.sequence}
		m.properties.headers = maps.Clone(p.headers)
		q.put(m)
	}
	return r, nil
}

func (b *Broker) lookup(name, key string, headers table) ([]*queue, error) {
	if name == "" {
		if q := b.queues[key]; q != nil {
			return []*queue{q}, nil
		}
		return nil, nil
	}
	x, err := b.exchange(name)
	if err != nil {
		return nil, err
	}
	var r routing
	x.route(key, headers, &r)
	return r.queues, nil
}

func (b *Broker) exchange(name string) (*exchange, error) {
	if x := b.exchanges[name]; x != nil {
		return x, nil
	}
	return nil, soft(404, "NOT_FOUND - no exchange '%s' in vhost '/'", name)
}

// publication is a basic.publish whose content is still arriving.
type publication struct {
	exchange, key string
	mandatory     bool
	header        bool
	size          uint64
	properties    properties
	body          []byte
}

func (ch *channel) basicPublish(d *decoder) error {
	d.u16()
	p := &publication{exchange: d.shortstr(), key: d.shortstr()}
	bits := d.u8()
	if bits&2 != 0 {
		return hard(540, "NOT_IMPLEMENTED - immediate=true")
	}
	p.mandatory = bits&1 != 0
	ch.incoming = p
	return nil
}

// content takes a header or body frame of the publication under way.
func (ch *channel) content(f frame) error {
	p := ch.incoming
	if p == nil || ch.closing || p.header != (f.kind == frameBody) {
		return nil
	}
	if f.kind == frameBody {
		p.body = append(p.body, f.payload...)
	} else if err := ch.contentHeader(p, &decoder{b: f.payload}); err != nil {
		return err
	}
	if uint64(len(p.body)) < p.size {
		return nil
	}
	ch.incoming = nil
	if ch.transactional {
		ch.pending = append(ch.pending, p)
		return nil
	}
	return ch.accept(p)
}

func (ch *channel) contentHeader(p *publication, d *decoder) error {
	d.u32() // class and weight
	p.size, p.header = d.u64(), true
	limit := ch.conn.broker.config.MaxMessageSize
	if p.size > limit {
		return soft(406, "PRECONDITION_FAILED - message size %d is larger than configured max size %d", p.size, limit)
	}
	p.properties = d.properties()
	if user := p.properties.text[propUserID]; user != "" && user != ch.conn.user {
		return soft(406, "PRECONDITION_FAILED - user_id property set to '%s' but authenticated user was '%s'", user, ch.conn.user)
	}
	if d.err != nil {
		return d.err
	}
	return ch.nameReplies(&p.properties)
}

// accept routes a complete publication, returns it when nobody wants it, and
// confirms it after that.
func (ch *channel) accept(p *publication) error {
	r, err := ch.conn.broker.publish(p.exchange, p.key, &p.properties, p.body)
	if err != nil {
		return err
	}
	if p.mandatory && r.queues == 0 {
		args := (&encoder{}).u16(312).shortstr("NO_ROUTE").shortstr(p.exchange).shortstr(p.key)
		ch.sendContent(basicReturn, args, &p.properties, p.body)
	}
	if !ch.confirming {
		return nil
	}
	ch.published++
	ch.verdicts = append(ch.verdicts, verdict{ch.published, r.refused})
	ch.sendVerdicts()
	return nil
}

// verdict is a confirm that has not been sent.
type verdict struct {
	tag     uint64
	refused bool
}

func (ch *channel) sendVerdicts() {
	if ch.conn.broker.holding || ch.closing {
		return
	}
	for _, v := range ch.verdicts {
		m := basicAck
		if v.refused {
			m = basicNack
		}
		ch.send(m, (&encoder{}).u64(v.tag).u8(0))
	}
	ch.verdicts = ch.verdicts[:0]
}
