package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	driver "github.com/rabbitmq/amqp091-go"
)

// errHungUp is why a session ended that was closed from this side.
var errHungUp = errors.New("the connection was closed from this side")

// session is one epoch: one connection with one channel in confirm mode. One
// caller uses it at a time. After any trouble it is down for good.
type session struct {
	conn    *connection
	channel *driver.Channel
	clock   Clock
	timeout time.Duration
	// returns has room for a whole window: the library's reader must never wait
	// for a publisher that waits for the reader.
	returns chan driver.Return
	gauge   prometheus.Gauge // of blocked connections

	down    chan struct{} // closed when the session has ended; cause is set before
	cause   error
	blocked atomic.Pointer[alarm]
}

// alarm is a connection.blocked that has not been lifted.
type alarm struct {
	reason string
	lifted chan struct{}
}

// open starts an epoch. watch must be run, and ends with the session.
func (c *Client) open(ctx context.Context, name, exchange string, blocked prometheus.Gauge) (s *session, watch func(), err error) {
	var channel *driver.Channel
	conn, err := c.attach(ctx, name, func(conn *connection) (err error) {
		if exchange != "" && c.config.Declare {
			if err := conn.ensureExchange(exchange); err != nil {
				return err
			}
		}
		if channel, err = conn.Channel(); err != nil {
			return fmt.Errorf("opening a channel: %w", err)
		}
		return channel.Confirm(false)
	})
	if err != nil {
		return nil, nil, err
	}
	s = &session{
		conn: conn, channel: channel, clock: c.clock, timeout: c.config.ConfirmTimeout, gauge: blocked,
		returns: channel.NotifyReturn(make(chan driver.Return, c.config.PublishWindow)),
		down:    make(chan struct{}),
	}
	// The end of the connection ends its channels, with the same error.
	ended := channel.NotifyClose(make(chan *driver.Error, 1))
	blockings := conn.NotifyBlocked(make(chan driver.Blocking, 16))
	return s, func() { s.watch(ended, blockings) }, nil
}

// watch follows the session to its end, then closes what is left of it.
func (s *session) watch(ended <-chan *driver.Error, blockings <-chan driver.Blocking) {
	for {
		select {
		case b, open := <-blockings:
			if !open {
				blockings = nil
				continue
			}
			s.setBlocked(b)
		case e := <-ended:
			s.cause = errHungUp
			if e != nil {
				s.cause = e
			}
			if s.blocked.Load() != nil {
				s.gauge.Dec() // the alarm itself stays: it may be the reason
			}
			close(s.down)
			s.conn.hangUp()
			return
		}
	}
}

func (s *session) setBlocked(b driver.Blocking) {
	if b.Active {
		if s.blocked.CompareAndSwap(nil, &alarm{b.Reason, make(chan struct{})}) {
			s.gauge.Inc()
		}
		return
	}
	if a := s.blocked.Swap(nil); a != nil {
		s.gauge.Dec()
		close(a.lifted)
	}
}

func (s *session) isDown() bool {
	select {
	case <-s.down:
		return true
	default:
		return false
	}
}

// ready waits until the broker takes publications.
func (s *session) ready(ctx context.Context) error {
	if a := s.blocked.Load(); a != nil {
		return s.wait(ctx, a.lifted)
	}
	return nil
}

// wait returns nil when done is closed, or why it makes no sense to wait longer.
// What was published so far is on its way by then.
func (s *session) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	if err := s.flush(); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-s.down:
		return s.cause
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.clock.After(s.timeout):
		return fmt.Errorf("no confirmation within %v", s.timeout)
	}
}

// reason is the real cause of an error: what the broker said, else the caller's
// context, whose end closes the link, else the error itself; and that the broker
// blocks publishers, if it does.
func (s *session) reason(ctx context.Context, err error) error {
	if _, said := reply(err); said {
		return err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if a := s.blocked.Load(); a != nil {
		return fmt.Errorf("the broker blocks publishers (%s): %w", a.reason, err)
	}
	return err
}

// publish sends one message with its headers. After an error the session is down and the error
// says why.
//
// The message may be kept back until the next flush or wait.
func (s *session) publish(o *outgoing, headers driver.Table) (*driver.DeferredConfirmation, error) {
	s.conn.link.gather()
	message := o.message
	message.Headers = headers
	confirm, err := s.channel.PublishWithDeferredConfirm(o.exchange, o.key, o.mandatory, false, message)
	switch {
	case err == nil:
		return confirm, nil
	case errors.Is(err, driver.ErrClosed):
		<-s.down
		return nil, s.cause
	}
	return nil, s.broken(err)
}

// flush sends what was kept back. After an error the session is down and the error
// says why.
func (s *session) flush() error {
	err := s.conn.link.flush()
	if err == nil {
		return nil
	}
	return s.broken(err)
}

// broken ends the session after an error of the socket, and returns what the broker
// said of it, or the error.
func (s *session) broken(err error) error {
	s.abort()
	<-s.down
	if _, said := reply(s.cause); said {
		return s.cause
	}
	return err
}

// nacked tells a refusal from the end of the session, which the library reports
// alike: it marks the channel closed before it fails the confirms.
func (s *session) nacked() error {
	if !s.channel.IsClosed() {
		return nil
	}
	<-s.down
	return s.cause
}

// abort ends the session at once; what is in flight stays unknown.
func (s *session) abort() { s.conn.link.abort() }
