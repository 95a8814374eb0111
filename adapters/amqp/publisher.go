package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

var errClosed = errors.New("the publisher is closed")

// Publisher publishes the deliveries of one channel. It implements
// gateway.Publisher and is safe for concurrent use: calls share up to
// Config.PublishConnections connections, each of which serves one call at a
// time. It connects when it is first used, and again after every trouble.
type Publisher struct {
	client  *Client
	name    string
	channel Channel
	outage  outage

	slots    chan struct{} // one for each connection in use
	mu       sync.Mutex
	idle     []*session
	watchers sync.WaitGroup

	closed atomic.Bool
	life   context.Context // ends when Close has waited long enough
	end    context.CancelCauseFunc
}

// Publisher makes the publisher of the channel called name. Close it.
func (c *Client) Publisher(name string, channel Channel) *Publisher {
	life, end := context.WithCancelCause(context.Background())
	return &Publisher{
		client: c, name: name, channel: channel,
		outage: outage{log: c.log.With("channel", name), clock: c.clock},
		slots:  make(chan struct{}, c.config.PublishConnections),
		life:   life, end: end,
	}
}

// Publish sends the deliveries in order and returns one result for each, nil
// only for what the broker has acknowledged and not returned. Faults are
// CodeUnroutable (no queue wanted it), CodeNotPublishable (the broker refuses
// this one for what it is) and CodeChannelUnavailable (anything else: not taken,
// or unknown; publish it again with the same WireID). It returns when ctx ends.
//
// A result other than CodeChannelUnavailable does not depend on the other
// deliveries of the call.
func (p *Publisher) Publish(ctx context.Context, deliveries []gateway.Delivery) []error {
	b := newBatch(p.channel, p.client.config.PublishWindow, deliveries)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.life, func() { cancel(errClosed) })()

	if err := p.enter(ctx); err != nil {
		b.abandon(err)
		return b.results
	}
	defer p.leave()
	p.carry(ctx, b)
	if !errors.Is(ctx.Err(), context.Canceled) {
		p.outage.observe(b.results)
	}
	return b.results
}

func (p *Publisher) enter(ctx context.Context) error {
	if p.closed.Load() {
		return errClosed
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Publisher) leave() { <-p.slots }

// carry runs the batch over as many sessions as it takes to isolate messages
// that close the channel, and over one otherwise.
func (p *Publisher) carry(ctx context.Context, b *batch) {
	for len(b.queue) > 0 {
		err := p.attempt(ctx, b)
		if err != nil && !b.isolate(err) {
			b.abandon(err)
		}
	}
}

func (p *Publisher) attempt(ctx context.Context, b *batch) error {
	s, err := p.session(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, s.abort)
	err = b.run(ctx, s)
	switch {
	case stop() && err == nil:
		p.keep(s)
	case !s.isDown(): // one that is down is being closed politely
		s.abort()
	}
	return err
}

// session takes one that is idle, or opens a new epoch.
func (p *Publisher) session(ctx context.Context) (*session, error) {
	for s := p.pop(); s != nil; s = p.pop() {
		if !s.isDown() {
			return s, nil
		}
	}
	s, watch, err := p.client.open(ctx, fmt.Sprintf("gatehouse publisher %s", p.name))
	if err != nil {
		return nil, err
	}
	p.watchers.Go(watch)
	return s, nil
}

func (p *Publisher) pop() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	s := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return s
}

func (p *Publisher) keep(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, s)
}

// Close lets calls under way finish until ctx ends, and then ends them. It
// returns when nothing of the publisher runs any more: nil, or that it had to
// cut calls short. Later calls of Publish answer CodeChannelUnavailable.
func (p *Publisher) Close(ctx context.Context) error {
	if p.closed.Swap(true) {
		return nil
	}
	var cut error
	for range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			cut = fmt.Errorf("publisher %s: deliveries were still in flight: %w", p.name, context.Cause(ctx))
			p.end(errClosed)
			p.slots <- struct{}{}
		}
	}
	p.end(errClosed)
	for s := p.pop(); s != nil; s = p.pop() {
		s.conn.hangUp()
	}
	p.watchers.Wait()
	return cut
}
