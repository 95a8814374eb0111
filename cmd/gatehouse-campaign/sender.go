package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many of each kind work side by side.
const (
	callers   = 16
	producers = 4
	askers    = 2
)

// stream is one order, whose revisions one sender sends one after the other.
type stream struct {
	key  string
	next int
}

func (s *stream) order() order {
	s.next++
	return newOrder(s.key, s.next)
}

// senders are everyone who sends.
type senders struct {
	settings  *settings
	history   *history
	budgets   map[string]*budget // by door
	addresses []string
	producers []*producer
	supplying sync.WaitGroup
	tally     *tally
	poison    int // of the messages to the queue, the number of the one that is poison; 0: none
}

// run returns when the budget is used up and everything is answered, or ctx
// ended. Meanwhile some of what was seen announced is asked for.
func (s *senders) run(ctx context.Context, seen <-chan order) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var working, asked sync.WaitGroup
	if s.settings.through("amqp") {
		for i, p := range s.producers {
			working.Go(func() { s.produce(ctx, i, p) })
		}
	}
	if s.settings.through("soap") {
		for i := range callers {
			working.Go(func() { s.callAll(ctx, i) })
		}
		working.Go(func() { s.submit(ctx) })
	}
	for i := range askers {
		if s.settings.through("soap") {
			asked.Go(func() { s.ask(asking, i, seen) })
		}
	}
	working.Wait()
	s.supplying.Wait()
	stop()
	asked.Wait()
	var faults []error
	for _, p := range s.producers {
		faults = append(faults, p.close())
	}
	return errors.Join(faults...)
}

// streams are the orders of one sender among several of its kind.
func (s *senders) streams(kind string, sender, of int) (out []*stream) {
	const perSender = 400 // messages of all senders that make one more key for each
	keys := max(2, s.settings.messages/perSender)
	for i := range keys {
		out = append(out, &stream{key: fmt.Sprintf("%s%d", kind, i*of+sender)})
	}
	return out
}

// callAll is one ERP. Some of its orders come by the queue, too, and some of its
// calls are repeated though they were answered: later, when they were forgotten.
func (s *senders) callAll(ctx context.Context, number int) {
	random := s.settings.chance(100 + uint64(number))
	c := s.newCaller(random)
	defer c.close()
	streams := s.streams("S", number, callers)
	var answered []order
	for len(streams) > 0 && s.budgets["soap"].take(ctx) {
		at := random.IntN(len(streams))
		o := streams[at].order()
		if len(s.producers) > 0 && random.Float64() < 0.1 {
			s.producers[number%len(s.producers)].publish(ctx, o)
		}
		send := c.call
		if random.Float64() < stormShare {
			send = func(ctx context.Context, o order) bool { return s.storm(ctx, o, random) }
		}
		if !send(ctx, o) {
			streams = slices.Delete(streams, at, at+1) // its next revision would be out of order
			continue
		}
		answered = append(answered, o)
		if random.Float64() < 0.05 {
			c.call(ctx, answered[random.IntN(len(answered))])
		}
	}
}

// How many orders are sent by many at once, and by how many.
const (
	stormShare   = 0.01
	stormCallers = 12
	stormCopies  = 3 // by the queue
)

// storm is an ERP that has gone mad: an order that nobody has seen yet comes many
// times at once, to all gateways and by both doors. Everyone gets the one answer.
func (s *senders) storm(ctx context.Context, o order, random *rand.Rand) bool {
	var all sync.WaitGroup
	var refused atomic.Bool
	for range stormCallers {
		c := s.newCaller(rand.New(rand.NewPCG(random.Uint64(), 1)))
		all.Go(func() {
			defer c.close()
			if !c.call(ctx, o) {
				refused.Store(true)
			}
		})
	}
	if len(s.producers) > 0 {
		for range stormCopies {
			s.producers[random.IntN(len(s.producers))].publish(ctx, o)
		}
	}
	all.Wait()
	s.tally.stormed()
	return !refused.Load()
}

// produce is one producer. The order's revisions follow each other without
// waiting for anything but the queue.
func (s *senders) produce(ctx context.Context, number int, p *producer) {
	random := s.settings.chance(200 + uint64(number))
	streams := s.streams("Q", number, producers)
	for sent := 1; s.budgets["amqp"].take(ctx); sent++ {
		if number == 0 && sent == s.poison {
			o := streams[0].order()
			o.Identity = poison
			p.publish(ctx, o)
			continue
		}
		o := streams[random.IntN(len(streams))].order()
		if o.Late = random.Float64() < lateShare; o.Late {
			s.supplying.Go(func() { s.supply(ctx, o) })
		}
		p.publish(ctx, o)
	}
}

// lateShare is how many of the messages to the queue come before their product.
const lateShare = 0.02

// supply is the master data hub: it makes a late order's product known, later.
// Until then the order waits, and what follows it waits behind it.
func (s *senders) supply(ctx context.Context, o order) {
	n := uint64(1000)
	for _, r := range o.Identity {
		n = 31*n + uint64(r)
	}
	random := s.settings.chance(n)
	c := s.newCaller(random)
	defer c.close()
	pause(ctx, time.Duration(random.IntN(2000))*time.Millisecond)
	c.supply(ctx, o)
}

// ask is an ERP that asks for orders which came by the queue, after they were
// announced: it is told what it would have been told had it sent them itself.
func (s *senders) ask(ctx context.Context, number int, seen <-chan order) {
	random := s.settings.chance(300 + uint64(number))
	c := s.newCaller(random)
	defer c.close()
	for {
		select {
		case o := <-seen:
			if random.Float64() < 0.05 {
				c.call(ctx, o)
			}
		case <-ctx.Done():
			return
		}
	}
}

// poison is the identity of a message that kills whoever prepares it.
const poison = "POISON-7"
