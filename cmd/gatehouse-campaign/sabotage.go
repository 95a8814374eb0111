package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// sabotage is the violence against what is between and beside the gateways, while
// they live and die: their connections are cut, and the broker is killed.
func (c *campaign) sabotage(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error {
		random := c.chance(600)
		return c.oftenEnough(ctx, c.cuts, random, func() error {
			c.cut(random)
			return nil
		})
	})
	group.Go(func() error {
		return c.oftenEnough(ctx, c.brokerKills, c.chance(700), func() error {
			if err := c.fell(ctx); err != nil {
				return fmt.Errorf("killing the broker: %w", err)
			}
			return nil
		})
	})
}

// patienceAfterFall is how long a broker that was killed may take until all its
// queues answer again.
const patienceAfterFall = 3 * time.Minute

// fell kills the broker and has it come back, all of it: a queue that never answers
// again would hold up the gateways, which can do nothing about it, and prove nothing.
func (c *campaign) fell(ctx context.Context) error {
	if err := c.rabbit.again(ctx); err != nil {
		return err
	}
	c.tally.felled()
	for end := time.Now().Add(patienceAfterFall); ; {
		err := c.broker.answering()
		if !errors.Is(err, errMute) {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%v after the broker was started again: %w", patienceAfterFall, err)
		}
	}
}

// oftenEnough does something n times, spread over the messages.
func (c *campaign) oftenEnough(ctx context.Context, n int, random *rand.Rand, deed func() error) error {
	for i := range n {
		goal := int(0.9 * float64(c.messages) * (float64(i) + random.Float64()) / float64(n))
		if !c.history.reached(ctx, goal) {
			return nil
		}
		if err := deed(); err != nil {
			return err
		}
	}
	return nil
}

// cut ends all connections between one of the gateways and its servers, in one of
// several ways. What it had in hand is taken by whoever comes next as if it had
// died, which the fence has to know.
func (c *campaign) cut(random *rand.Rand) {
	if f := c.fence; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ends = min(f.ends+1, poisonCrashes-1)
	}
	how := manner(random.IntN(int(manners)))
	for _, l := range c.fleet[random.IntN(len(c.fleet))].links {
		l.cut(how)
	}
	c.tally.cut()
}

// manner is how a connection is cut.
type manner int

const (
	closed     manner = iota // both sides hear of it
	broken                   // both sides are reset
	halfClosed               // the server hears no more of the gateway, which goes on listening
	delayed                  // nothing is carried for a while, and then all of it
	manners
)

// pauseOf is how long a delayed connection carries nothing.
const pauseOf = 1500 * time.Millisecond

// clearLinks closes all links.
func (c *campaign) clearLinks() error {
	var faults []error
	for _, g := range c.fleet {
		for _, l := range g.links {
			faults = append(faults, l.close())
		}
	}
	return errors.Join(faults...)
}
