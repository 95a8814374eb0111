package broker

import "io"

// The methods that are sent, or answered outside the table of channel methods.
const (
	connectionStart     = methodID(10<<16 | 10)
	connectionStartOk   = methodID(10<<16 | 11)
	connectionTune      = methodID(10<<16 | 30)
	connectionTuneOk    = methodID(10<<16 | 31)
	connectionOpen      = methodID(10<<16 | 40)
	connectionOpenOk    = methodID(10<<16 | 41)
	connectionClose     = methodID(10<<16 | 50)
	connectionCloseOk   = methodID(10<<16 | 51)
	connectionBlocked   = methodID(10<<16 | 60)
	connectionUnblocked = methodID(10<<16 | 61)
	channelOpen         = methodID(20<<16 | 10)
	channelOpenOk       = methodID(20<<16 | 11)
	channelClose        = methodID(20<<16 | 40)
	channelCloseOk      = methodID(20<<16 | 41)
	exchangeUnbind      = methodID(40<<16 | 40)
	basicPublish        = methodID(60<<16 | 40)
	basicCancel         = methodID(60<<16 | 30)
	basicReturn         = methodID(60<<16 | 50)
	basicDeliver        = methodID(60<<16 | 60)
	basicGetOk          = methodID(60<<16 | 71)
	basicGetEmpty       = methodID(60<<16 | 72)
	basicAck            = methodID(60<<16 | 80)
	basicNack           = methodID(60<<16 | 120)
)

// channel is one channel of a connection, guarded by the broker's lock.
type channel struct {
	conn          *conn
	id            uint16
	current       methodID // the method being handled
	consumers     map[string]*consumer
	unacked       []unacked // by tag
	tag           uint64
	prefetch      int
	names         int    // consumer tags made here
	lastQueue     string // what an empty queue name means
	confirming    bool
	published     uint64
	verdicts      []verdict
	transactional bool
	pending       []*publication
	incoming      *publication
	replyConsumer string // the consumer tag of direct replies; empty while there is none
	replyKey      string // the routing key that leads to it
	closing       bool
}

func (ch *channel) send(m methodID, args *encoder) { ch.conn.sendMethod(ch.id, m, args) }

// ok answers the method being handled, unless the client wants no answer.
func (ch *channel) ok(noWait bool, args *encoder) {
	if !noWait {
		ch.send(ch.current.ok(), args)
	}
}

func (ch *channel) sendContent(m methodID, args *encoder, p *properties, body []byte) {
	c := ch.conn
	c.sendMethod(ch.id, m, args)
	header := (&encoder{}).u16(m.class()).u16(0).u64(uint64(len(body))).properties(p)
	c.send(frameHeader, ch.id, header.b)
	for len(body) > 0 {
		n := min(len(body), frameMax-frameOverhead)
		c.send(frameBody, ch.id, body[:n])
		body = body[n:]
	}
}

// run handles frames until the connection ends; a *replyError is what the
// client has yet to be told.
func (c *conn) run() error {
	for {
		f, err := readFrame(c.in)
		if err != nil {
			return err
		}
		if err := c.handle(f); err != nil {
			return err
		}
	}
}

func (c *conn) handle(f frame) error {
	if f.kind == frameHeartbeat {
		return nil
	}
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if !c.admitted(f) {
		return io.EOF
	}
	if f.channel == 0 {
		return c.control(f)
	}
	err := c.dispatch(f)
	if err == nil {
		return nil
	}
	reply := asReply(err)
	if reply.hard {
		return reply
	}
	c.fail(f, reply)
	return nil
}

// admitted waits out a freeze and, for publishers, an alarm; false means that
// the connection was cut meanwhile. It needs the broker's lock.
func (c *conn) admitted(f frame) bool {
	b := c.broker
	told := false
	for !c.aborted {
		blocked := b.alarm != "" && f.kind == frameMethod && (&decoder{b: f.payload}).method() == basicPublish
		if blocked && !told {
			c.sendMethod(0, connectionBlocked, (&encoder{}).shortstr(b.alarm))
			told = true
		}
		if !blocked && !b.frozen {
			break
		}
		b.changed.Wait()
	}
	if told {
		c.sendMethod(0, connectionUnblocked, nil)
	}
	return !c.aborted
}

func (c *conn) control(f frame) error {
	d := &decoder{b: f.payload}
	switch {
	case f.kind != frameMethod:
		return hard(505, "UNEXPECTED_FRAME - content on channel 0")
	case d.method() == connectionClose:
		c.sendMethod(0, connectionCloseOk, nil)
	}
	return io.EOF
}

// fail closes a channel with a soft error; the client answers close-ok.
func (c *conn) fail(f frame, e *replyError) {
	var m methodID
	if f.kind == frameMethod {
		m = (&decoder{b: f.payload}).method()
	}
	if ch := c.channels[f.channel]; ch != nil {
		ch.release()
		ch.closing = true
	}
	c.sendMethod(f.channel, channelClose, (&encoder{}).u16(e.code).shortstr(e.text).u32(uint32(m)))
}

func (c *conn) dispatch(f frame) error {
	ch := c.channels[f.channel]
	if f.kind != frameMethod {
		if ch == nil {
			return nil
		}
		return ch.content(f)
	}
	d := &decoder{b: f.payload}
	m := d.method()
	switch {
	case ch == nil && m == channelOpen:
		c.channels[f.channel] = &channel{conn: c, id: f.channel, consumers: map[string]*consumer{}}
		c.sendMethod(f.channel, channelOpenOk, (&encoder{}).u32(0))
		return nil
	case ch == nil && (m == channelClose || m == channelCloseOk):
		return nil
	case ch == nil:
		return hard(504, "CHANNEL_ERROR - expected 'channel.open'")
	case ch.closing:
		return ch.bury(m)
	}
	return ch.method(m, d)
}

// bury waits for the end of a channel that was closed with an error.
func (ch *channel) bury(m methodID) error {
	if m == channelClose {
		ch.send(channelCloseOk, nil)
	}
	if m == channelClose || m == channelCloseOk {
		delete(ch.conn.channels, ch.id)
	}
	return nil
}

func (ch *channel) method(m methodID, d *decoder) error {
	handler := handlers[m]
	if handler == nil {
		return hard(540, "NOT_IMPLEMENTED - method %d of class %d", m.id(), m.class())
	}
	ch.current = m
	if err := handler(ch, d); err != nil {
		return err
	}
	return d.err
}
