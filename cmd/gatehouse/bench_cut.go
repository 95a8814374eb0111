package main

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// cutter dials for senders, and cuts one of their connections now and then, as
// networks do: in the middle of whatever is under way, and without a farewell.
type cutter struct {
	every time.Duration // 0: it never cuts

	mu   sync.Mutex
	open []*cuttable
	cuts int
}

func newCutter(every time.Duration) *cutter { return &cutter{every: every} }

// cuttable is a connection that may be cut.
type cuttable struct {
	net.Conn
	cutter *cutter
}

// dial opens a connection.
func (c *cutter) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil || c.every == 0 {
		return conn, err
	}
	one := &cuttable{Conn: conn, cutter: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, one)
	return one, nil
}

// Close closes the connection, and forgets it.
func (c *cuttable) Close() error {
	c.cutter.mu.Lock()
	for i, one := range c.cutter.open {
		if one == c {
			c.cutter.open = append(c.cutter.open[:i], c.cutter.open[i+1:]...)
			break
		}
	}
	c.cutter.mu.Unlock()
	return c.Conn.Close()
}

// run cuts until it is stopped.
func (c *cutter) run() (stop func()) {
	if c.every == 0 {
		return func() {}
	}
	ended, stopping := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(c.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.cut()
			case <-stopping:
				return
			}
		}
	}()
	return func() {
		close(stopping)
		<-ended
	}
}

// cut resets a connection: what was not sent yet is dropped.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) == 0 {
		return
	}
	i := rand.IntN(len(c.open))
	conn := c.open[i].Conn
	c.open = append(c.open[:i], c.open[i+1:]...)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the end is merely orderly
	}
	_ = conn.Close() // its user finds out
	c.cuts++
}

// count is how often it has cut.
func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}
