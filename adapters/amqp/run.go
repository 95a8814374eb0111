package amqp

import (
	"context"
	"errors"
	"runtime"
	"sync"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// errNotSubmitted is the result of a message that was begun when the run was
// already over.
var errNotSubmitted = errors.New("not submitted")

// entry is one message in hand.
type entry struct {
	delivery driver.Delivery
	id       gateway.ID // in the order of delivery
	suspect  bool       // a process may have died over it
	size     int64      // in bytes; an estimate until the message is unpacked

	arrival  *gateway.Arrival
	ticket   Ticket        // nil when it was not prepared
	dropped  bool          // prepared and not submitted
	prepared chan struct{} // closed when there is a ticket, or will be none
	handed   chan struct{} // closed when the ticket was submitted or dropped

	receipt *gateway.Receipt
	behind  bool // committed behind a message that was not
}

// arrive makes the arrival of the delivery.
func (e *entry) arrive(h *hand) {
	e.arrival = h.endpoint.arrival(&e.delivery, h.intake.remote)
	e.arrival.ID = e.id
}

// step is closed when the entry has come a step further.
func (e *entry) step() <-chan struct{} {
	select {
	case <-e.handed:
	default:
		return e.handed
	}
	if e.ticket == nil {
		return e.handed
	}
	return e.ticket.Settled()
}

// settled reports whether nothing of the entry is under way any more.
func (e *entry) settled() bool {
	select {
	case <-e.handed:
	default:
		return false
	}
	if e.ticket == nil {
		return true
	}
	select {
	case <-e.ticket.Settled():
		return true
	default:
		return false
	}
}

// conclude takes the result of a settled entry.
func (e *entry) conclude() (err error) {
	if e.ticket == nil || e.dropped {
		return errNotSubmitted
	}
	e.receipt, err = e.ticket.Result()
	return err
}

// run is one Source: messages are prepared by several workers and submitted by
// one, in their order.
type run struct {
	core    Core
	hand    *hand
	source  *gateway.Source
	ctx     context.Context // ends when nothing more is to be submitted
	stop    context.CancelFunc
	jobs    chan *entry // to be prepared
	line    chan *entry // to be submitted
	workers sync.WaitGroup
}

func (h *hand) startRun() *run {
	r := &run{
		core: h.core, hand: h, source: new(gateway.Source),
		jobs: make(chan *entry, h.endpoint.Prefetch),
		line: make(chan *entry, h.endpoint.Prefetch),
	}
	r.ctx, r.stop = context.WithCancel(h.life)
	for range runtime.GOMAXPROCS(0) {
		r.workers.Go(r.prepare)
	}
	r.workers.Go(r.submit)
	return r
}

// start begins a message. It never waits: no more are in hand than fit.
func (r *run) start(e *entry) {
	e.prepared, e.handed = make(chan struct{}), make(chan struct{})
	e.ticket, e.dropped = nil, false
	r.jobs <- e
	r.line <- e
}

// end stops the run and waits for its goroutines.
func (r *run) end() {
	r.stop()
	close(r.jobs)
	close(r.line)
	r.workers.Wait()
}

func (r *run) prepare() {
	h := r.hand
	for e := range r.jobs {
		if r.ctx.Err() == nil {
			if e.arrival == nil {
				e.arrive(h)
				h.weigh(e)
			}
			e.ticket = r.core.Prepare(h.life, e.arrival)
		}
		close(e.prepared)
	}
}

func (r *run) submit() {
	for e := range r.line {
		<-e.prepared
		switch {
		case e.ticket == nil:
		case r.ctx.Err() != nil:
			e.dropped = true
			e.ticket.Drop()
		default:
			failpoint.Hit("consume-prepared")
			e.ticket.Submit(r.ctx, r.source)
		}
		close(e.handed)
	}
}
