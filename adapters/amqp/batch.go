package amqp

import (
	"context"
	"slices"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// outgoing is one message and where it goes.
type outgoing struct {
	exchange  string
	key       string
	mandatory bool
	message   driver.Publishing

	place    int               // in the call of send
	delivery *gateway.Delivery // nil for a reply; else its headers are made when it is sent
}

// batch is what one call sends: what is still to be sent, and what is in flight.
// next gives what comes after it, nil when there is nothing for the moment; it
// is asked again after every settled message, until nothing is in flight either.
type batch struct {
	window  int
	metrics channelMetrics
	next    func() *outgoing
	settled func(o *outgoing, err error)

	queue []*outgoing // to be sent, in order: taken from next, or to be sent again
	// suspects is how many at the head of queue are sent one at a time, because
	// one of them made the broker close the channel.
	suspects int
	flights  []flight
	unknown  int          // how many at the head of queue were in flight when the session ended
	headers  driver.Table // of the delivery that is being sent
}

// flight is a message that was sent and is not settled.
type flight struct {
	*outgoing
	confirm  *driver.DeferredConfirmation
	returned string // why the broker returned it; empty when it did not
}

// waits reports whether there is something to be sent. What cannot be sent at all
// it settles at once.
func (b *batch) waits() bool {
	for len(b.queue) == 0 && len(b.flights) < b.window {
		o := b.next()
		if o == nil {
			return false
		}
		if err := o.unsendable(); err != nil {
			b.settled(o, err)
			continue
		}
		b.queue = append(b.queue, o)
	}
	return len(b.queue) > 0
}

// run sends and settles until nothing is left, and then returns nil; otherwise
// it returns why the session cannot go on. It keeps nothing back on the link.
func (b *batch) run(ctx context.Context, s *session) error {
	for b.waits() || len(b.flights) > 0 {
		step := b.settleOldest
		if len(b.queue) > 0 && len(b.flights) < b.limit() {
			step = b.send
		}
		if err := step(ctx, s); err != nil {
			b.collect(s)
			// The library may have said goodbye, or the broker's last words be answered.
			_ = s.conn.link.flush()
			return s.reason(ctx, err)
		}
	}
	return s.flush()
}

func (b *batch) limit() int {
	if b.suspects > 0 {
		return 1
	}
	return b.window
}

func (b *batch) send(ctx context.Context, s *session) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	o := b.queue[0]
	confirm, err := s.publish(o, b.headersOf(o))
	if err != nil {
		return err
	}
	b.metrics.published.Inc()
	b.queue = slices.Delete(b.queue, 0, 1) // mostly the only one, whose place is used again
	b.flights = append(b.flights, flight{outgoing: o, confirm: confirm})
	return nil
}

// headersOf returns the headers of a message. Those of a delivery hold until the
// next one's are asked for: the library has written them by then.
func (b *batch) headersOf(o *outgoing) driver.Table {
	if o.delivery == nil {
		return o.message.Headers
	}
	if b.headers == nil {
		b.headers = driver.Table{}
	}
	clear(b.headers)
	headers(o.delivery, b.headers)
	return b.headers
}

func (b *batch) settleOldest(ctx context.Context, s *session) error {
	confirm := b.flights[0].confirm
	if err := s.wait(ctx, confirm.Done()); err != nil {
		return err
	}
	b.takeReturns(s)
	if !confirm.Acked() {
		if err := s.nacked(); err != nil {
			return err
		}
	}
	oldest := b.flights[0]
	b.flights = b.flights[1:]
	b.settle(oldest)
	return nil
}

// takeReturns notes what the broker has returned. A return comes before the
// acknowledgement of the same message, so after a confirm it is here.
func (b *batch) takeReturns(s *session) {
	for {
		select {
		case r, open := <-s.returns:
			if !open {
				return
			}
			b.markReturned(r)
		default:
			return
		}
	}
}

// markReturned finds the flight by its message-id. Should a caller have sent the
// same id twice, both count as returned: never nil for what has been lost.
func (b *batch) markReturned(r driver.Return) {
	for i := range b.flights {
		if f := &b.flights[i]; f.message.MessageId == r.MessageId {
			f.returned = r.ReplyText
		}
	}
}

// settle tells the result of a flight whose confirm has come.
func (b *batch) settle(f flight) {
	b.suspects = max(0, b.suspects-1)
	switch {
	case !f.confirm.Acked():
		b.metrics.nacked.Inc()
		b.settled(f.outgoing, fault.New(fault.CodeChannelUnavailable, "the broker did not take the message: a queue is full, or it failed"))
	case f.returned != "":
		b.metrics.returned.Inc()
		b.settled(f.outgoing, f.unroutable(f.returned))
	default:
		b.metrics.confirmed.Inc()
		b.settled(f.outgoing, nil)
	}
}

// collect settles, after a session's end, the flights that were acknowledged in
// time and puts the others back to the head of the queue.
func (b *batch) collect(s *session) {
	b.takeReturns(s)
	var unknown []*outgoing
	flights := b.flights
	b.flights = nil
	for _, f := range flights {
		if f.confirm.Acked() {
			b.settle(f)
		} else {
			unknown = append(unknown, f.outgoing)
		}
	}
	b.queue = append(unknown, b.queue...)
	b.unknown = len(unknown)
	b.metrics.unknown.Add(float64(len(unknown)))
}

// isolate decides what follows the end of a session. It returns true when the
// batch should go on with a new one: the broker has closed the channel because
// of one message, which is known now or is among the next suspects.
func (b *batch) isolate(cause error) bool {
	if !blamesMessage(cause) || b.unknown == 0 {
		return false
	}
	if b.unknown > 1 {
		b.suspects = b.unknown
		return true
	}
	culprit := b.queue[0]
	b.queue = b.queue[1:]
	b.suspects = max(0, b.suspects-1)
	b.settled(culprit, unpublishable(cause))
	return true
}

// abandon settles what was taken and is not settled with the same cause.
func (b *batch) abandon(cause error) {
	for _, o := range b.queue {
		b.settled(o, o.unavailable(cause))
	}
	b.queue = nil
}
