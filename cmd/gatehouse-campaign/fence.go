package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// fence is put behind everything in the queue: when it was announced, everything
// before it was taken, for the queue is first in, first out.
type fence struct {
	producer *producer

	mu   sync.Mutex
	puts int // fences put
	ends int // of processes, since the last fence was passed
}

const fenceKey = "FENCE"

// put puts a fence, and returns when the broker has it. The caller holds mu, or
// is alone.
func (f *fence) put(ctx context.Context) order {
	f.puts++
	o := newOrder(fenceKey, f.puts)
	f.producer.publish(ctx, o)
	f.producer.waiting.Wait()
	return o
}

// spare has mercy on the innocent. The gateway cannot tell a message that kills
// it from one that it has in hand whenever it is killed: what is in hand at three
// ends in a row is parked. So after two of them everything in the queue is let
// through first. The process must live through it.
func (c *campaign) spare(ctx context.Context, p *process) error {
	f := c.fence
	if f == nil || c.crashes == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ends++; f.ends < poisonCrashes {
		return nil
	}
	f.ends = 1
	// The broker may have handed messages to the dead, also those behind the first
	// fence, until the living one has passed it.
	for range 2 {
		if err := c.pass(ctx, p, f.put(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// pass waits until a fence is announced.
func (c *campaign) pass(ctx context.Context, p *process, last order) error {
	deadline := time.NewTimer(c.patience)
	defer deadline.Stop()
	for {
		passed, news := c.history.heard(last)
		if passed {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil
		case <-p.ended:
			return p.unasked()
		case <-deadline.C:
			return fmt.Errorf("the queue is not through after %v", c.patience)
		}
	}
}

// close tells what went wrong with the fences.
func (f *fence) close() error {
	if f == nil {
		return nil
	}
	return f.producer.close()
}
