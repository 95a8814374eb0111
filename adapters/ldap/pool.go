package ldap

import (
	"context"
	"errors"
	"sync"
	"time"
)

// pool keeps connections to one server that are interchangeable: all bound as
// the service account, or all for proving users' passwords. It is safe for
// concurrent use.
type pool struct {
	config Pool
	now    func() time.Time
	open   func(ctx context.Context) (*conn, error)
	slots  chan struct{}

	mu     sync.Mutex
	idle   []*conn // the one used last at the end
	closed bool
}

func newPool(c Pool, now func() time.Time, open func(ctx context.Context) (*conn, error)) *pool {
	return &pool{config: c, now: now, open: open, slots: make(chan struct{}, c.MaxOpen)}
}

var errPoolFull = errors.New("all connections to the directory are in use")

// use runs f with a connection. If an idle one turns out to be dead, as all are
// after a restart of the server, f runs once more on a new one.
func (p *pool) use(ctx context.Context, f func(*conn) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return &outage{doing: "waiting", err: errPoolFull, local: true}
	}
	if c := p.take(); c != nil {
		err := f(c)
		p.put(c)
		if !isOutage(err) || ctx.Err() != nil {
			return err
		}
		p.purge()
	}
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	p.put(c)
	return err
}

// take returns an idle connection worth trying, or nil.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if p.usable(c) {
			c.reused = true
			return c
		}
		c.close()
	}
	return nil
}

func (p *pool) usable(c *conn) bool {
	now := p.now()
	return !c.dead && !c.ldap.IsClosing() && now.Sub(c.idle) < p.config.IdleTimeout && now.Sub(c.opened) < p.config.MaxLifetime
}

func (p *pool) put(c *conn) {
	c.idle = p.now()
	if !p.keep(c) {
		c.close()
	}
}

func (p *pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.config.MaxIdle || !p.usable(c) {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

// purge closes the idle connections.
func (p *pool) purge() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// close ends the pool: connections in use are closed when they come back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.purge()
}
