package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/failpoint"
)

// Why a consumer's work in one session ends, or changes its manner.
var (
	errSuspect   = errors.New("the next message has to be taken alone")
	errDrained   = errors.New("the consumer was told to stop")
	errGivenBack = errors.New("the messages in hand were given back")
)

// notTaken is a message that could not be committed: database or directory are
// away.
type notTaken struct{ cause error }

func (e notTaken) Error() string { return e.cause.Error() }

// hand is what one session has received and not acknowledged, in delivery order.
// Everything in it belongs to one goroutine but bytes and freed.
type hand struct {
	*Consumer
	ctx    context.Context // ends when the consumer is told to stop
	life   context.Context // what the core works under; ends when the drain takes too long
	kill   context.CancelFunc
	intake *intake

	waiting  []*entry      // not begun
	flight   []*entry      // begun and not settled
	failed   []*entry      // begun and not committed: they come before waiting
	bytes    atomic.Int64  // of flight
	freed    chan struct{} // has one when bytes got fewer; capacity 1
	received uint64        // the last delivery tag
	idle     time.Time     // since when a draining consumer has nothing to do
	empty    int           // how often in a row the queue had nothing since then
	acked    uint64        // how many messages were acknowledged
	pending  acks

	// What has happened; the channels are nil afterwards.
	deliveries <-chan driver.Delivery
	down       <-chan struct{}
	quit       <-chan struct{}
	late       <-chan time.Time
	lost       error // why the session ended
	draining   bool
	overdue    bool
}

// acks are acknowledgements that were not sent yet.
type acks struct {
	upTo   uint64   // every message to this tag; zero: none
	single []uint64 // messages behind one that could not be committed
	count  uint64   // how many messages they settle
}

func (c *Consumer) newHand(ctx context.Context, in *intake) *hand {
	h := &hand{Consumer: c, ctx: ctx, intake: in, freed: make(chan struct{}, 1), deliveries: in.deliveries, down: in.down, quit: ctx.Done()}
	h.life, h.kill = context.WithCancel(context.WithoutCancel(ctx))
	return h
}

// work takes messages until the session ends, the consumer is told to stop, or
// they have to be given back.
func (h *hand) work() error {
	for {
		err := h.flow()
		if errors.Is(err, errSuspect) && !h.draining {
			err = h.alone()
		}
		if trouble, away := errors.AsType[notTaken](err); away && !h.draining {
			err = h.wait(trouble.cause)
		}
		switch {
		case h.lost != nil:
			return h.lost
		case h.draining:
			return errDrained
		case err != nil:
			return err
		}
	}
}

// flow takes messages in parallel, as one Source, until one of them could not be
// committed, the next has to be taken alone, or nothing more is to be taken. It
// returns when everything it has begun is settled.
func (h *hand) flow() error {
	r := h.startRun()
	defer r.end()
	var why error
	for {
		if h.lost != nil {
			why = h.lost
			r.stop()
		}
		if why == nil {
			why = h.begin(r)
		}
		if why != nil && len(h.flight) == 0 || h.overdue {
			h.waiting = append(h.failed, h.waiting...)
			h.failed = nil
			return why
		}
		h.turn(h.oldest(), h.again())
		if err := h.collect(); err != nil && why == nil {
			why = err
			r.stop()
		}
	}
}

// begin starts what may be started. It returns why nothing more may be.
func (h *hand) begin(r *run) error {
	for len(h.waiting) > 0 && h.room() {
		e := h.waiting[0]
		if e.suspect {
			return errSuspect
		}
		h.waiting = h.waiting[1:]
		h.flight = append(h.flight, e)
		h.bytes.Add(e.size)
		r.start(e)
	}
	if h.resting() && h.all() {
		return errDrained
	}
	return nil
}

// resting reports whether a consumer that is to stop has nothing in hand to do.
func (h *hand) resting() bool { return h.draining && len(h.waiting) == 0 && len(h.flight) == 0 }

// How a consumer that is to stop finds out that it has all that the broker has sent.
const (
	askAgain = 20 * time.Millisecond
	askFor   = 2 * time.Second
)

// all reports whether the broker can have sent no more than has come: as much as it
// may, or all of the queue. A slow broker is waited for: what it sends when the
// messages in hand are acknowledged would go back to the queue, and whoever took it
// next would suspect that a process had died over it.
func (h *hand) all() bool {
	if h.lost != nil || h.received == 0 || h.outstanding() >= uint64(h.endpoint.Prefetch) {
		return true
	}
	now := h.clock.Now()
	if h.idle.IsZero() {
		h.idle = now
	}
	messages, err := h.intake.conn.ready(h.endpoint.Queue)
	if err != nil || now.Sub(h.idle) > askFor {
		return true
	}
	if h.empty++; messages > 0 {
		h.empty = 0
	}
	return h.empty == 2 // what it sent before it said so the first time has come by then
}

// again is the time after which a resting consumer asks again.
func (h *hand) again() <-chan time.Time {
	if !h.resting() {
		return nil
	}
	return h.clock.After(askAgain)
}

// room tells whether one more may be under way. In trouble it is one at a time:
// a probe.
func (h *hand) room() bool {
	if len(h.flight) == 0 {
		return true
	}
	return h.trouble.since.IsZero() && h.bytes.Load() < int64(h.endpoint.MaxBytesInHand)
}

// oldest is what brings the oldest message that is under way a step further.
func (h *hand) oldest() <-chan struct{} {
	if len(h.flight) == 0 {
		return nil
	}
	return h.flight[0].step()
}

// turn waits for the next thing to happen, and notes it: done, timer, a message,
// the end of the session, or being told to stop.
func (h *hand) turn(done <-chan struct{}, timer <-chan time.Time) {
	select {
	case <-done:
	case <-timer:
	case <-h.freed:
	case d, open := <-h.deliveries:
		if !open {
			h.deliveries = nil // the end of the session says why
			return
		}
		h.take(d)
	case <-h.down:
		h.down, h.deliveries = nil, nil
		h.lost = h.intake.cause
		h.standing.fall(h.ctx, fallen(h.lost))
	case <-h.quit:
		h.quit = nil
		h.draining = true
		h.late = h.clock.After(h.endpoint.DrainTimeout)
	case <-h.late:
		h.late = nil
		h.overdue = true
		h.kill()
	}
}

// take notes a message that has come.
func (h *hand) take(d driver.Delivery) {
	if d.DeliveryTag != h.received+1 {
		// An acknowledgement of all before one would cover a message never seen.
		h.lost = fmt.Errorf("delivery %d follows delivery %d", d.DeliveryTag, h.received)
		return
	}
	h.received++
	h.idle, h.empty = time.Time{}, 0
	e := &entry{delivery: d, id: uuid.Must(uuid.NewV7()), size: h.endpoint.weight(&d)}
	h.metrics.received.Inc()
	if redelivered(&d) {
		h.metrics.redelivered.Inc()
		e.suspect = !h.known.has(h.endpoint.origin(&d))
	}
	if !e.suspect {
		h.trouble.innocent(h.ctx, h.endpoint.Prefetch)
	}
	h.waiting = append(h.waiting, e)
	h.metrics.inHand.Set(float64(h.outstanding()))
}

// outstanding is how many messages were received and not acknowledged.
func (h *hand) outstanding() uint64 { return h.received - h.acked }

// weigh corrects the size of a message that was unpacked.
func (h *hand) weigh(e *entry) {
	size := int64(len(e.arrival.Body))
	h.bytes.Add(size - e.size)
	if size < e.size {
		select {
		case h.freed <- struct{}{}:
		default:
		}
	}
	e.size = size
}

// collect takes the results of what is settled, oldest first, acknowledges what
// is committed, and returns why something is not.
func (h *hand) collect() error {
	var (
		committed []*entry
		fault     error
	)
	for len(h.flight) > 0 && h.flight[0].settled() {
		e := h.flight[0]
		h.flight[0] = nil
		h.flight = h.flight[1:]
		h.bytes.Add(-e.size)
		err := e.conclude()
		if err != nil {
			h.failed = append(h.failed, e)
			if fault == nil && !errors.Is(err, errNotSubmitted) {
				fault = notTaken{err}
			}
			continue
		}
		e.behind = len(h.failed) > 0
		committed = append(committed, e)
	}
	h.finish(committed)
	return fault
}

// finish answers and acknowledges messages that are committed.
func (h *hand) finish(committed []*entry) {
	if len(committed) == 0 {
		return
	}
	h.trouble.over(h.ctx)
	for _, e := range committed {
		h.known.add(e.arrival.Origin)
		if e.behind {
			h.pending.single = append(h.pending.single, e.delivery.DeliveryTag)
		} else {
			h.pending.upTo = e.delivery.DeliveryTag
		}
		h.pending.count++
	}
	if h.lost != nil {
		return // they will come again, and be answered then
	}
	failpoint.Hit("consume-committed")
	h.replies.send(h.life, committed)
	failpoint.Hit("consume-replied")
	if !h.draining {
		h.acknowledge()
	}
}

// acknowledge sends the acknowledgements that are due. Should the session have
// ended, they are void.
func (h *hand) acknowledge() {
	due := h.pending
	h.pending = acks{}
	var err error
	if due.upTo > 0 {
		err = h.intake.acknowledge(due.upTo, true)
	}
	for _, tag := range due.single {
		if err == nil {
			err = h.intake.acknowledge(tag, false)
		}
	}
	if err != nil {
		return // the end of the session is about to be noticed
	}
	failpoint.Hit("consume-acknowledged")
	h.acked += due.count
	h.metrics.acknowledged.Add(float64(due.count))
	h.metrics.inHand.Set(float64(h.outstanding()))
}

// alone takes the next message while nothing else is under way.
func (h *hand) alone() error {
	e := h.waiting[0]
	h.metrics.suspects.Inc()
	h.trouble.suspect(h.ctx)
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		e.arrive(h)
		e.receipt, err = h.core.TakeAlone(h.life, e.arrival)
	}()
	for running := true; running; {
		h.turn(done, nil)
		select {
		case <-done:
			running = false
		default:
		}
	}
	if err != nil {
		return notTaken{err}
	}
	h.waiting = h.waiting[1:]
	h.finish([]*entry{e})
	return nil
}

// wait lets some time pass before the messages in hand are tried again. When
// they have waited for long they are to be given back, once, so that another
// gateway can have them: errGivenBack.
func (h *hand) wait(cause error) error {
	h.trouble.met(h.ctx, cause)
	now := h.clock.Now()
	if !h.trouble.gaveBack && now.Sub(h.trouble.since) >= h.endpoint.Hold {
		h.trouble.gaveBack = true
		h.metrics.held.Inc()
		h.log.InfoContext(h.ctx, "messages in hand given back", "messages", h.outstanding())
		return errGivenBack
	}
	until := now.Add(pause(h.trouble.streak - 1))
	timer := h.clock.After(until.Sub(now))
	for h.lost == nil && !h.draining && h.clock.Now().Before(until) {
		h.turn(nil, timer)
	}
	return nil
}

// leave ends the session. What was not acknowledged goes back to the queue.
//
// The order of the queue is kept for whoever takes it next: RabbitMQ hands a
// quorum queue on as soon as its single active consumer unsubscribes, whatever
// that one has in hand. So the consumer unsubscribes only when everything it has
// is done and the broker cannot have sent more, which is when it has as many
// messages as it may. Otherwise it closes the session, and what has come
// meanwhile is given back before anybody else is served.
func (h *hand) leave() {
	h.kill()
	for _, list := range [][]*entry{h.failed, h.flight, h.waiting} {
		for _, e := range list {
			if !e.suspect {
				h.known.add(h.endpoint.origin(&e.delivery))
			}
		}
	}
	if h.draining && h.lost == nil {
		if h.pending.count == h.outstanding() && h.outstanding() == uint64(h.endpoint.Prefetch) {
			// Without it the broker would send more between the acknowledgements and
			// the end, which is no more than a repeat.
			_ = h.intake.unsubscribe()
		}
	}
	h.acknowledge()
	h.intake.close()
	h.metrics.inHand.Set(0)
}
