package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

var errClosed = errors.New("the publisher is closed")

// sender publishes over connections of its own, each of which serves one call at
// a time. It connects when it is first used, and again after every trouble. It
// is safe for concurrent use.
type sender struct {
	client   *Client
	name     string // of its connections, as the broker shows them
	exchange string // made when it is missing and the client may; empty: none
	metrics  channelMetrics

	slots    chan struct{} // one for each connection in use
	mu       sync.Mutex
	idle     []*session
	watchers sync.WaitGroup

	closed atomic.Bool
	life   context.Context // ends when close has waited long enough
	end    context.CancelCauseFunc
}

func (c *Client) sender(name, exchange string, connections int, metrics channelMetrics) *sender {
	life, end := context.WithCancelCause(context.Background())
	return &sender{
		client: c, name: name, exchange: exchange, metrics: metrics,
		slots: make(chan struct{}, connections),
		life:  life, end: end,
	}
}

// send publishes the messages in order and returns one result for each, as
// Publisher.Publish does.
func (s *sender) send(ctx context.Context, messages []outgoing) []error {
	results, taken := make([]error, len(messages)), 0
	err := s.stream(ctx, func() *outgoing {
		if taken == len(messages) {
			return nil
		}
		o := &messages[taken]
		o.place = taken
		taken++
		return o
	}, func(o *outgoing, err error) { results[o.place] = err })
	for i := taken; i < len(messages); i++ {
		results[i] = messages[i].unavailable(err)
	}
	return results
}

// stream publishes what next gives, in order, and tells settled what became of
// each, as Publisher.Stream does. The error is why it took no more of next.
func (s *sender) stream(ctx context.Context, next func() *outgoing, settled func(*outgoing, error)) error {
	b := &batch{window: s.client.config.PublishWindow, metrics: s.metrics, next: next, settled: settled}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errClosed) })()

	if err := s.enter(ctx); err != nil {
		b.waits() // so that somebody hears of it
		b.abandon(err)
		return err
	}
	defer s.leave()
	return s.carry(ctx, b)
}

func (s *sender) enter(ctx context.Context) error {
	if s.closed.Load() {
		return errClosed
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *sender) leave() { <-s.slots }

// carry runs the batch over as many sessions as it takes to isolate messages
// that close the channel, and over one otherwise.
func (s *sender) carry(ctx context.Context, b *batch) error {
	for b.waits() {
		err := s.attempt(ctx, b)
		if err != nil && !b.isolate(err) {
			b.abandon(err)
			return err
		}
	}
	return nil
}

func (s *sender) attempt(ctx context.Context, b *batch) error {
	session, err := s.session(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, session.abort)
	err = b.run(ctx, session)
	switch {
	case stop() && err == nil:
		s.keep(session)
	case !session.isDown(): // one that is down is being closed politely
		session.abort()
	}
	return err
}

// session takes one that is idle, or opens a new epoch.
func (s *sender) session(ctx context.Context) (*session, error) {
	for idle := s.pop(); idle != nil; idle = s.pop() {
		if !idle.isDown() {
			return idle, nil
		}
	}
	opened, watch, err := s.client.open(ctx, s.name, s.exchange, s.metrics.blocked)
	if err != nil {
		return nil, err
	}
	s.watchers.Go(watch)
	return opened, nil
}

func (s *sender) pop() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return nil
	}
	last := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return last
}

func (s *sender) keep(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, one)
}

// close lets calls under way finish until ctx ends, and then ends them. It
// returns when nothing of the sender runs any more: nil, or that it had to cut
// calls short.
func (s *sender) close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return nil
	}
	var cut error
	for range cap(s.slots) {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			cut = fmt.Errorf("messages were still in flight: %w", context.Cause(ctx))
			s.end(errClosed)
			s.slots <- struct{}{}
		}
	}
	s.end(errClosed)
	for idle := s.pop(); idle != nil; idle = s.pop() {
		idle.conn.hangUp()
	}
	s.watchers.Wait()
	return cut
}
