package broker

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	handshakeTime = 10 * time.Second
	goodbyeTime   = time.Second
	heartbeat     = 10 // seconds, what the broker proposes
	channelMax    = 2047
)

const protocolHeader = "AMQP\x00\x00\x09\x01"

// conn is one client. Its reader runs serve and handles frames under the
// broker's lock; its writer sends what they and others have queued, so that the
// broker never waits for a slow client.
type conn struct {
	broker   *Broker
	nc       net.Conn
	in       *bufio.Reader
	user     string
	channels map[uint16]*channel // guarded by the broker's lock
	aborted  bool                // guarded by the broker's lock

	mu      sync.Mutex
	queued  *sync.Cond
	out     []byte
	ended   bool          // nothing more will be queued
	written chan struct{} // closed when the writer has ended
}

func newConn(b *Broker, nc net.Conn) *conn {
	c := &conn{broker: b, nc: nc, in: bufio.NewReaderSize(nc, 64<<10), channels: map[uint16]*channel{}, written: make(chan struct{})}
	c.queued = sync.NewCond(&c.mu)
	return c
}

// send queues a frame.
func (c *conn) send(kind byte, channel uint16, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = appendFrame(c.out, kind, channel, payload)
	c.queued.Signal()
}

func (c *conn) sendMethod(channel uint16, m methodID, args *encoder) {
	payload := (&encoder{}).u32(uint32(m))
	if args != nil {
		payload.b = append(payload.b, args.b...)
	}
	c.send(frameMethod, channel, payload.b)
}

// write is the connection's writer. It ends after everything queued is sent.
func (c *conn) write() {
	defer close(c.written)
	var spare []byte
	for {
		out := c.next(spare)
		if len(out) == 0 || !c.thawed() {
			return
		}
		c.nc.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.nc.Write(out); err != nil {
			c.nc.Close()
			return
		}
		spare = out[:0]
	}
}

// next waits for something to write; empty means that there will be no more.
func (c *conn) next(spare []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) == 0 && !c.ended {
		c.queued.Wait()
	}
	out := c.out
	c.out = spare
	return out
}

// thawed waits while the broker is frozen; false means that the connection was cut.
func (c *conn) thawed() bool {
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.frozen && !c.aborted {
		b.changed.Wait()
	}
	return !c.aborted
}

// abort cuts the connection; the broker's lock must be held.
func (c *conn) abort() {
	c.aborted = true
	c.nc.Close()
}

// serve is the connection's reader, from the handshake to the end.
func (c *conn) serve() {
	err := c.handshake()
	if err == nil {
		err = c.run()
	}
	c.forget()
	if reply, ok := errors.AsType[*replyError](err); ok {
		c.goodbye(reply)
	}
	c.mu.Lock()
	c.ended = true
	c.queued.Signal()
	c.mu.Unlock()
	<-c.written
	c.nc.Close()
}

// goodbye says why the connection closes and waits a moment for close-ok.
func (c *conn) goodbye(e *replyError) {
	c.sendMethod(0, connectionClose, (&encoder{}).u16(e.code).shortstr(e.text).u32(0))
	c.nc.SetReadDeadline(time.Now().Add(goodbyeTime))
	for {
		f, err := readFrame(c.in)
		if err != nil || f.channel == 0 && f.kind == frameMethod {
			return
		}
	}
}

// forget gives back everything that belongs to the connection.
func (c *conn) forget() {
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
	for _, ch := range c.channels {
		ch.release()
	}
	clear(c.channels)
	for _, q := range b.queues {
		if q.owner == c {
			q.delete()
		}
	}
	b.changed.Broadcast()
}

// handshake negotiates up to connection.open-ok (AMQP 0-9-1 §2.2.4).
func (c *conn) handshake() error {
	c.nc.SetReadDeadline(time.Now().Add(handshakeTime))
	head := make([]byte, len(protocolHeader))
	if _, err := io.ReadFull(c.in, head); err != nil {
		return err
	}
	if string(head) != protocolHeader {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.out = append(c.out, protocolHeader...)
		return errors.New("not this protocol")
	}
	for _, step := range []func() error{c.start, c.tune, c.openHost} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// expect reads until the method wanted arrives on channel 0.
func (c *conn) expect(want methodID) (*decoder, error) {
	for {
		f, err := readFrame(c.in)
		if err != nil {
			return nil, err
		}
		if f.kind == frameHeartbeat {
			continue
		}
		d := &decoder{b: f.payload}
		if f.kind != frameMethod || f.channel != 0 || d.method() != want {
			return nil, hard(503, "COMMAND_INVALID - unexpected frame in the handshake")
		}
		return d, nil
	}
}

func (c *conn) start() error {
	capabilities := table{
		"publisher_confirms": true, "basic.nack": true, "consumer_cancel_notify": true,
		"exchange_exchange_bindings": true, "authentication_failure_close": true,
		"per_consumer_qos": true, "connection.blocked": true,
	}
	server := table{"product": "gatehouse embedded broker", "capabilities": capabilities}
	c.sendMethod(0, connectionStart, (&encoder{}).u8(0).u8(9).table(server).longstr("PLAIN").longstr("en_US"))
	d, err := c.expect(connectionStartOk)
	if err != nil {
		return err
	}
	d.table()
	mechanism, response := d.shortstr(), d.longstr()
	parts := strings.Split(response, "\x00")
	if d.err != nil || mechanism != "PLAIN" || len(parts) != 3 {
		return hard(403, "ACCESS_REFUSED - only the mechanism PLAIN is spoken here")
	}
	if login := c.broker.config.Login; login != nil && !login(parts[1], parts[2]) {
		return hard(403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN")
	}
	c.user = parts[1]
	return nil
}

func (c *conn) tune() error {
	c.sendMethod(0, connectionTune, (&encoder{}).u16(channelMax).u32(frameMax).u16(heartbeat))
	d, err := c.expect(connectionTuneOk)
	if err != nil {
		return err
	}
	d.u16()
	d.u32()
	interval := time.Duration(d.u16()) * time.Second
	if interval > 0 {
		c.broker.running.Go(func() { c.beat(interval / 2) })
	}
	return d.err
}

func (c *conn) openHost() error {
	d, err := c.expect(connectionOpen)
	if err != nil {
		return err
	}
	if host := d.shortstr(); host != "/" {
		return hard(530, "NOT_ALLOWED - vhost %s not found", host)
	}
	c.sendMethod(0, connectionOpenOk, (&encoder{}).u8(0))
	return c.nc.SetReadDeadline(time.Time{})
}

// beat sends heartbeats until the writer ends. A client that falls silent is
// noticed by TCP only: its messages are as safe here as anywhere.
func (c *conn) beat(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.send(frameHeartbeat, 0, nil)
		case <-c.written:
			return
		}
	}
}
