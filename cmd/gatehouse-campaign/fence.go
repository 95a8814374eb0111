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

	mu     sync.Mutex
	calm   *sync.Cond // an act is over, or a fence was passed
	puts   int        // fences put
	ends   int        // of processes, to come or past, since the last fence was put
	under  int        // those to come: acts under way
	closed bool       // somebody waits for a fence
}

func newFence(p *producer) *fence {
	f := &fence{producer: p}
	f.calm = sync.NewCond(&f.mu)
	return f
}

const fenceKey = "FENCE"

// put puts a fence, and returns when the broker has it. There is one caller at a time.
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
// through first. The process must live through it. The act that follows is over with
// spared.
func (c *campaign) spare(ctx context.Context, p *process) error {
	f := c.fence
	if f == nil || c.crashes == 0 {
		return nil
	}
	return f.admit(func() error {
		// The broker may have handed messages to the dead, also those behind the first
		// fence, until the living one has passed it.
		for range 2 {
			if err := c.pass(ctx, p, f.put(ctx)); err != nil {
				return err
			}
		}
		return nil
	})
}

// spared says that the act that was waited for with spare is over.
func (c *campaign) spared() {
	if c.fence != nil && c.crashes > 0 {
		c.fence.over()
	}
}

// admit lets one more act begin, through with what is in the queue first where it
// would be the third end since. An act of another gateway that is under way meanwhile
// may come to its end after the fence, and counts again; so no more of them may be
// than leave room for this one.
func (f *fence) admit(through func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.closed || f.ends+1 >= poisonCrashes {
		if f.closed || f.under+1 >= poisonCrashes {
			f.calm.Wait()
			continue
		}
		if err := f.let(through); err != nil {
			return err
		}
	}
	f.ends++
	f.under++
	return nil
}

// let has the queue let through, while nobody begins an act. The caller holds mu,
// which is free meanwhile.
func (f *fence) let(through func() error) error {
	f.closed = true
	before := f.under
	f.mu.Unlock()
	err := through()
	f.mu.Lock()
	f.closed, f.ends = false, before
	f.calm.Broadcast()
	return err
}

// over ends an act.
func (f *fence) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under--
	f.calm.Broadcast()
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
