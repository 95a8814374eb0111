package amqp

import (
	"context"
	"errors"
	"fmt"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// errCancelled is why an epoch ended that the broker took the queue away from;
// its channel stays open and would be silent for ever.
var errCancelled = errors.New("the broker ended the subscription: the queue was deleted, or moved to another node")

// intake is one epoch of a consumer: one connection, one channel, one
// subscription. Acknowledgements go through it and die with it: a delivery tag
// means another message on the next channel. It has one user.
type intake struct {
	conn       *connection
	channel    *driver.Channel
	tag        string
	remote     string
	deliveries <-chan driver.Delivery
	down       chan struct{} // closed when the epoch has ended; cause is set before
	cause      error
}

// subscribe starts an epoch on the endpoint's queue, once that is found to be
// made as it has to be. unverified says why that could not be found out. watch
// must be run, and ends with the epoch.
func (c *Client) subscribe(ctx context.Context, e Endpoint) (in *intake, watch func(), unverified, err error) {
	in = &intake{tag: "gatehouse", down: make(chan struct{})}
	var ended <-chan *driver.Error
	var cancelled <-chan string
	in.conn, err = c.attach(ctx, "gatehouse consumer "+e.Queue, func(conn *connection) error {
		_, err := conn.verify(e, c.config.Declare)
		if errors.Is(err, errUnverifiable) {
			unverified, err = err, nil
		}
		if err == nil {
			in.channel, err = conn.Channel()
		}
		if err == nil {
			err = in.channel.Qos(e.Prefetch, 0, false)
		}
		if err != nil {
			return err
		}
		// Each has room for all that can come: the library's reader never waits.
		ended = in.channel.NotifyClose(make(chan *driver.Error, 1))
		cancelled = in.channel.NotifyCancel(make(chan string, 1))
		in.deliveries, err = in.channel.Consume(e.Queue, in.tag, false, false, false, false, nil)
		return err
	})
	if err != nil {
		return nil, nil, nil, unsubscribed(e, err)
	}
	in.remote = in.conn.RemoteAddr().String()
	return in, func() { in.watch(ended, cancelled) }, unverified, nil
}

// unsubscribed is the fault of a queue that cannot be consumed. Where an
// operator can mend it, the sentence says how.
func unsubscribed(e Endpoint, err error) error {
	if _, known := errors.AsType[*fault.Error](err); known {
		return err
	}
	if isReply(err, driver.AccessRefused) {
		return fault.New(fault.CodeChannelUnavailable, "the broker does not let this user read the queue %q; grant it, or end the consumer that has it for itself", e.Queue).Because(err)
	}
	return unconnected(err)
}

// unconnected is the fault of a consumer without a session, whether that ended or
// cannot be had: one sentence, one line in the log.
func unconnected(err error) *fault.Error {
	return fault.New(fault.CodeChannelUnavailable, "there is no connection to the broker").Because(err)
}

// watch follows the epoch to its end, then closes what is left of it.
func (in *intake) watch(ended <-chan *driver.Error, cancelled <-chan string) {
	in.cause = errCancelled
	select {
	case e := <-ended:
		in.cause = because(e)
	case _, said := <-cancelled:
		if !said { // closed with the channel
			in.cause = because(<-ended)
		}
	}
	close(in.down)
	in.conn.hangUp()
}

func because(e *driver.Error) error {
	if e == nil {
		return errHungUp
	}
	return e
}

// acknowledge settles one message, or all up to it. An error says that the epoch
// has ended, or is about to.
func (in *intake) acknowledge(tag uint64, upTo bool) error {
	select {
	case <-in.down:
		return in.cause
	default:
	}
	if err := in.channel.Ack(tag, upTo); err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	return nil
}

// unsubscribe lets the broker hand the queue to another consumer, while what is
// not acknowledged stays here. It does not wait for the broker's answer.
func (in *intake) unsubscribe() error { return in.channel.Cancel(in.tag, true) }

// close ends the epoch; what is not acknowledged goes back to the queue.
func (in *intake) close() {
	in.conn.hangUp()
	<-in.down
}
