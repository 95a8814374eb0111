package amqp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Core is what takes the messages: the gateway.
type Core interface {
	// Prepare takes a message as far as it goes without its turn. It is called
	// for several at the same time.
	Prepare(ctx context.Context, a *gateway.Arrival) Ticket
	// TakeAlone takes a message that a process may have died over, while nothing
	// else of the queue is under way, and returns when it is settled. An error
	// says that it is not: later is fine.
	TakeAlone(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error)
	// Ready answers whether database and directory can be used now.
	Ready(ctx context.Context) error
}

// Ticket is one message from Prepare to its end.
type Ticket interface {
	// Submit hands the message to its lane. It is called in delivery order, and
	// waits while the lane is full, or until ctx ends.
	Submit(ctx context.Context, s *gateway.Source)
	// Settled is closed when the outcome is known.
	Settled() <-chan struct{}
	// Result is called once, after Settled. A nil error means that the message is
	// committed; else it is to be tried again, and no later one of the same Source
	// and ordering key was committed.
	Result() (*gateway.Receipt, error)
	// Drop is called instead of Submit when the message is not submitted.
	Drop()
}

// The pauses of a consumer that cannot hand its messages on.
const (
	minPause = 200 * time.Millisecond
	maxPause = 5 * time.Second
)

// Consumer takes the messages of one queue to the core and acknowledges what is
// committed. A session that ends, for whatever reason, is thrown away and a new
// one begun; nothing that happens on the broker ends a Consumer.
type Consumer struct {
	client   *Client
	endpoint Endpoint
	core     Core
	log      *slog.Logger
	clock    Clock
	metrics  queueMetrics
	replies  *replier
	standing standing

	// What only Run uses.
	known      *memory
	trouble    trouble
	unverified bool // has been logged
	watchers   sync.WaitGroup
}

// Consumer makes the consumer of a valid endpoint.
func (c *Client) Consumer(e Endpoint, core Core) *Consumer {
	e = e.withDefaults()
	log := c.log.With("endpoint", e.Name())
	metrics := c.metrics.queue(e.Queue)
	return &Consumer{
		client: c, endpoint: e, core: core, log: log, clock: c.clock, metrics: metrics,
		replies:  c.replier(e.Queue, metrics, log),
		standing: standing{log: log, clock: c.clock, up: metrics.up, state: State{Since: c.clock.Now(), Reason: "not started"}},
		known:    newMemory(max(4096, 8*e.Prefetch)),
		trouble:  trouble{log: log, clock: c.clock},
	}
}

// State says whether the queue is subscribed to, since when, and why not.
func (c *Consumer) State() State { return c.standing.current() }

// Run consumes the queue until ctx ends. Then it finishes what it has in hand,
// acknowledges it, and gives the rest back, within Endpoint.DrainTimeout. It
// returns nil, or that replies were cut short. A Consumer runs once.
func (c *Consumer) Run(ctx context.Context) error {
	for streak := 0; ctx.Err() == nil; {
		worked, err := c.epoch(ctx)
		if worked {
			streak = 0
		}
		if ctx.Err() != nil || errors.Is(err, errGivenBack) {
			continue // given back: the wait for database and directory comes first
		}
		c.standing.fall(ctx, fallen(err))
		c.sleep(ctx, backoff(streak))
		streak++
	}
	c.standing.stop(ctx)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), replyTimeout)
	defer cancel()
	err := c.replies.sender.close(ending)
	c.watchers.Wait()
	return err
}

// epoch consumes over one session, and returns why that ended; worked says that
// it was of some use.
func (c *Consumer) epoch(ctx context.Context) (worked bool, err error) {
	if err := c.awaitReady(ctx); err != nil {
		return false, err
	}
	began := c.clock.Now()
	in, watch, unverified, err := c.client.subscribe(ctx, c.endpoint)
	if err != nil {
		return false, err
	}
	c.watchers.Go(watch)
	if unverified != nil && !c.unverified {
		c.unverified = true
		c.log.WarnContext(ctx, "the queue's arguments cannot be verified", "error", unverified)
	}
	c.standing.rise(ctx)
	h := c.newHand(ctx, in)
	err = h.work()
	h.leave()
	return h.acked > 0 || c.clock.Now().Sub(began) > maxBackoff, err
}

// awaitReady waits until database and directory can be used: messages are not
// fetched to be given back.
func (c *Consumer) awaitReady(ctx context.Context) error {
	for streak := 0; ; streak++ {
		err := c.core.Ready(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			return nil
		}
		f := *fault.Of(err)
		f.Message = "the queue is left alone: " + f.Message
		c.standing.fall(ctx, &f)
		c.sleep(ctx, pause(streak))
	}
}

func (c *Consumer) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-c.clock.After(d):
	case <-ctx.Done():
	}
}

// fallen is why an epoch ended, as a fault.
func fallen(err error) *fault.Error {
	if f, known := errors.AsType[*fault.Error](err); known {
		return f
	}
	if errors.Is(err, errCancelled) {
		return fault.New(fault.CodeChannelUnavailable, "%s", errCancelled)
	}
	return unconnected(err)
}
