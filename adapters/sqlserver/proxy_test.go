package sqlserver_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a store and its server, reads along (TDS without
// encryption) and breaks the link where a test wants it.
type proxy struct {
	listener net.Listener
	target   string
	dsn      string // leads through the proxy
	running  sync.WaitGroup

	mu    sync.Mutex
	legs  map[*leg]bool
	cut   func(m message) fate // judges what the store sends; nil: everything passes
	after int                  // requests that followed an error on its connection
}

// fate is what becomes of a message from the store.
type fate uint8

const (
	passes  fate = iota
	unheard      // the server takes it and answers, and the link is cut before the answer is heard
	unsent       // the link is cut before the server hears of it
	frozen       // the server takes it, and the link stays open and dead
)

// message is one of TDS, whole.
type message struct {
	kind byte
	raw  []byte // as sent, with the headers of its packets
	body []byte
}

// commits reports whether the message ends a transaction, by the request for it
// or because the text does.
func (m message) commits(text bool) bool {
	const procedure, transaction, commit = 0x03, 0x0e, 7
	if text {
		return m.kind == procedure
	}
	return m.kind == transaction && binary.LittleEndian.Uint16(m.body[binary.LittleEndian.Uint32(m.body):]) == commit
}

// failed reports whether an answer's last token says that there was an error.
func (m message) failed() bool {
	const doneLength, bad = 13, 2
	return len(m.body) >= doneLength && m.body[len(m.body)-doneLength]|3 == 0xff && m.body[len(m.body)-doneLength+1]&bad != 0
}

// leg is one connection through the proxy.
type leg struct {
	client, server net.Conn
	mu             sync.Mutex
	fate           fate // of what the server answers next
	failed         bool
}

func newProxy(t testing.TB, dsn string) *proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if u.Query().Get("encrypt") != "disable" {
		t.Skip(dsnVariable + " asks for encryption, which the proxy cannot read along")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: u.Host, legs: map[*leg]bool{}}
	u.Host = listener.Addr().String()
	p.dsn = u.String()
	p.running.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.cutAll()
		p.running.Wait()
		if p.after > 0 {
			t.Errorf("%d requests were sent on a connection that had answered with an error", p.after)
		}
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		l := &leg{client: client, server: server}
		p.mu.Lock()
		p.legs[l] = true
		p.mu.Unlock()
		p.running.Go(func() { p.forth(l) })
		p.running.Go(func() { p.back(l) })
	}
}

// end cuts a leg on both sides.
func (p *proxy) end(l *leg) {
	l.client.Close()
	l.server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.legs, l)
}

// cutAll cuts every connection there is, as a server does that restarts.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.legs {
		l.client.Close()
		l.server.Close()
		delete(p.legs, l)
	}
}

// breakAt sets what judges the store's messages; nil lets everything pass.
func (p *proxy) breakAt(cut func(m message) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

func (p *proxy) judge(l *leg, m message) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.failed {
		p.after++
	}
	if p.cut == nil {
		return passes
	}
	return p.cut(m)
}

func (p *proxy) forth(l *leg) {
	defer p.end(l)
	for {
		m, err := readTDS(l.client)
		if err != nil {
			return
		}
		f := p.judge(l, m)
		if f == unsent {
			return
		}
		l.mu.Lock()
		l.fate = f
		l.mu.Unlock()
		if _, err := l.server.Write(m.raw); err != nil {
			return
		}
	}
}

func (p *proxy) back(l *leg) {
	for {
		m, err := readTDS(l.server)
		l.mu.Lock()
		f := l.fate
		l.mu.Unlock()
		switch {
		case f == frozen:
			continueUntilGone(l.server, err)
			return // forth ends the leg when the store gives up
		case err != nil || f == unheard:
			p.end(l)
			return
		}
		if m.failed() {
			p.mu.Lock()
			l.failed = true
			p.mu.Unlock()
		}
		if _, err := l.client.Write(m.raw); err != nil {
			p.end(l)
			return
		}
	}
}

// continueUntilGone swallows what the server says to a store that is not to
// hear it.
func continueUntilGone(server net.Conn, err error) {
	if err == nil {
		io.Copy(io.Discard, server)
	}
}

// readTDS reads packets to the end of a message.
func readTDS(r io.Reader) (m message, err error) {
	for {
		var header [8]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return message{}, err
		}
		part := make([]byte, int(binary.BigEndian.Uint16(header[2:]))-len(header))
		if _, err := io.ReadFull(r, part); err != nil {
			return message{}, err
		}
		m.kind = header[0]
		m.raw = append(append(m.raw, header[:]...), part...)
		m.body = append(m.body, part...)
		if header[1]&1 != 0 {
			return m, nil
		}
	}
}
