package amqp_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a publisher and its broker and breaks the link. Without
// a target it accepts connections and says nothing.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu       sync.Mutex
	changed  *sync.Cond
	conns    map[net.Conn]bool
	accepted int
	refusing bool
	frozen   bool
	slow     time.Duration // for every few bytes from the broker
	budget   int           // bytes from the client until trip; negative is no limit
	trip     func(client, server net.Conn)
	tripped  chan struct{}
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: ln, target: target, conns: map[net.Conn]bool{}, budget: -1}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }
func (p *proxy) url() string  { return "amqp://" + p.addr() }

func (p *proxy) close() {
	p.listener.Close()
	p.freeze(false)
	p.setDown(true)
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.open(client)
	}
}

func (p *proxy) open(client net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	if p.refusing {
		client.Close()
		return
	}
	if p.target == "" {
		p.conns[client] = true
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.running.Go(func() { p.pipe(client, server, true) })
	p.running.Go(func() { p.pipe(server, client, false) })
}

func (p *proxy) pipe(from, to net.Conn, outbound bool) {
	defer p.forget(from, to)
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf[:p.pace(outbound, len(buf))])
		if n = p.pass(n, outbound, from, to); n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			if err == io.EOF {
				to.(*net.TCPConn).CloseWrite()
			}
			return
		}
	}
}

// pace waits on a slow link, and says how many bytes are next.
func (p *proxy) pace(outbound bool, most int) int {
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	if outbound || slow == 0 {
		return most
	}
	time.Sleep(slow)
	return most / 8
}

// slowDown has what the broker sends take its time.
func (p *proxy) slowDown(pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = pause
}

// pass waits out a freeze and says how many of n bytes go through.
func (p *proxy) pass(n int, outbound bool, from, to net.Conn) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.frozen {
		p.changed.Wait()
	}
	if !outbound || p.budget < 0 {
		return n
	}
	if n < p.budget {
		p.budget -= n
		return n
	}
	n, p.budget = p.budget, -1
	p.trip(from, to)
	close(p.tripped)
	return n
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.conns, c)
	}
}

// setDown hangs up on everybody, present and future, or takes connections again.
func (p *proxy) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = down
	if down {
		for c := range p.conns {
			c.Close()
		}
	}
}

// freeze stops carrying bytes; connections stay open.
func (p *proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
	p.changed.Broadcast()
}

func (p *proxy) dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// breakAfter calls trip when the clients have sent n more bytes; the channel is
// closed when that has happened. trip runs under the proxy's lock.
func (p *proxy) breakAfter(n int, trip func(client, server net.Conn)) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget, p.trip, p.tripped = n, trip, make(chan struct{})
	return p.tripped
}

func hangUp(client, server net.Conn) { client.Close(); server.Close() }

// halfClose lets the server hear no more of the client.
func halfClose(_, server net.Conn) { server.(*net.TCPConn).CloseWrite() }

func reset(client, server net.Conn) {
	client.(*net.TCPConn).SetLinger(0)
	server.(*net.TCPConn).SetLinger(0)
	hangUp(client, server)
}

// goSilent leaves both sockets open and carries nothing more.
func (p *proxy) goSilent(_, _ net.Conn) { p.frozen = true }
