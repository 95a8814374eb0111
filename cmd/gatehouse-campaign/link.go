package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// link stands between one gateway and one of its servers, and can be cut. It is
// safe for concurrent use.
type link struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	pairs map[*pair]bool
	until time.Time // nothing is carried before
}

// pair is one connection of a gateway, and the one that carries it on.
type pair struct{ gateway, server *net.TCPConn }

func newLink(target string) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, target: target, pairs: map[*pair]bool{}}
	l.running.Go(l.accept)
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

func (l *link) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil {
			conn.Close() // the server is away, as the gateway is to see
			continue
		}
		p := &pair{conn.(*net.TCPConn), server.(*net.TCPConn)}
		l.mu.Lock()
		l.pairs[p] = true
		l.mu.Unlock()
		l.running.Go(func() { l.carry(p) })
	}
}

// carry passes on what is said, until both sides have said all.
func (l *link) carry(p *pair) {
	var back sync.WaitGroup
	back.Go(func() { l.pass(p.gateway, p.server) })
	l.pass(p.server, p.gateway)
	back.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
	p.gateway.Close()
	p.server.Close()
}

func (l *link) pass(to, from *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		l.mu.Lock()
		wait := time.Until(l.until)
		l.mu.Unlock()
		if wait > 0 {
			time.Sleep(wait)
		}
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				from.Close()
				return
			}
		}
		if errors.Is(err, io.EOF) {
			to.CloseWrite()
			return
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// cut does it to every connection there is.
func (l *link) cut(how manner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if how == delayed {
		l.until = time.Now().Add(pauseOf)
		return
	}
	for p := range l.pairs {
		switch how {
		case halfClosed:
			p.server.CloseWrite()
			continue
		case broken:
			p.gateway.SetLinger(0)
			p.server.SetLinger(0)
		}
		p.gateway.Close()
		p.server.Close()
	}
}

func (l *link) close() error {
	err := l.listener.Close()
	l.cut(closed)
	l.running.Wait()
	if err != nil {
		return fmt.Errorf("closing a link: %w", err)
	}
	return nil
}
