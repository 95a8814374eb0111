package gateway

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Source is a run of messages of an asynchronous door whose order counts: once
// one of them could not be committed, none that was submitted after it under the
// same ordering key is. The zero Source is ready; it is used for one run.
type Source struct{ broken atomic.Bool }

// Ticket is one message of an asynchronous door from Prepare to its end.
type Ticket struct {
	gateway *Gateway
	passage *passage
	fault   error // what ended the preparation
	entered bool  // counted in by admit

	span    trace.Span // of the commit; nil before it
	settled chan struct{}
	outcome Outcome // once settled
	err     error   // why the outcome is not known: later is fine
}

// Prepare takes one message of an asynchronous door as far as it goes without
// its turn: it may be called for many at the same time, and neither order nor
// database are asked for. What is wrong with the message is found out by
// Result. Every Ticket is submitted or dropped.
func (g *Gateway) Prepare(ctx context.Context, a *Arrival) *Ticket {
	t := &Ticket{gateway: g, passage: g.begin(a), settled: make(chan struct{})}
	if t.fault = g.admit(); t.fault != nil {
		return t
	}
	t.entered = true
	g.startSpan(ctx, t.passage)
	t.fault = g.guarded(ctx, t.passage)
	return t
}

// Submit hands the message to its lane, in the order of the calls. It waits
// while the lane is full, and gives up when ctx ends; the end of ctx later does
// not stop the commit.
func (t *Ticket) Submit(ctx context.Context, s *Source) {
	if t.fault != nil && t.passage.replayed() {
		t.settle(Outcome{Status: Refused, Err: t.fault}, nil)
		return
	}
	entry, err := t.entry()
	if err != nil {
		s.broken.Store(true)
		t.settle(Outcome{}, err)
		return
	}
	_, t.span = t.gateway.config.Tracer.Start(trace.ContextWithSpan(ctx, t.passage.span), "commit")
	j := &job{writer: t.passage.writer, entry: entry, source: s, settle: t.settle}
	if err := t.gateway.lanes.laneOf(entry.Message.OrderingKey).pushWhenRoom(ctx, j); err != nil {
		s.broken.Store(true)
		j.finish(Outcome{}, err)
	}
}

// entry is the prepared message, or the message as it is to be kept when its
// preparation found something wrong that does not pass by itself.
func (t *Ticket) entry() (*Entry, error) {
	p := t.passage
	if t.fault != nil {
		hold := p.keep(t.fault)
		if hold == nil {
			return nil, t.fault
		}
		return p.heldEntry(hold), nil
	}
	e := p.entry()
	e.Release = p.arrival.release
	if !p.replayed() {
		e.Keep = func(refusal error) *Hold { return p.keep(p.declared(p.located(refusal))) }
	}
	return e, nil
}

// replayed reports whether an operator has a message processed again: a held one
// stays as it is until that succeeds.
func (p *passage) replayed() bool {
	r := p.arrival.release
	return r != nil && r.ID != p.receipt.ID || p.arrival.repeats != nil
}

// Drop ends a ticket that will not be submitted.
func (t *Ticket) Drop() { t.settle(Outcome{}, fault.New(fault.CodeDraining, "")) }

// settle is called once.
func (t *Ticket) settle(o Outcome, err error) {
	t.outcome, t.err = o, err
	if t.span != nil {
		t.span.End()
	}
	t.passage.end()
	if t.entered {
		t.gateway.inFlight.Done()
	}
	close(t.settled)
}

// Settled is closed when the outcome is known.
func (t *Ticket) Settled() <-chan struct{} { return t.settled }

// Result tells, once Settled is closed, what became of the message. A nil error
// means that it is committed (stored, a duplicate, superseded, waiting or
// parked) and may be acknowledged. An error is fault.Unavailable: nothing is
// known to be stored, and the same message may be prepared again. It must be
// called once by one goroutine: the message's line in the log is its.
func (t *Ticket) Result() (*Receipt, error) {
	p := t.passage
	ctx := context.Background()
	err := t.err
	if err == nil {
		p.receipt.Status, p.receipt.MessageID, p.receipt.Reply = t.outcome.Status, t.outcome.MessageID, t.outcome.Reply
		t.gateway.relay.wake(t.outcome.Channels)
		if t.outcome.Status == Parked || t.outcome.Status == Waiting {
			p.receipt.Fault = fault.Of(t.because())
		}
		if t.outcome.Status == Superseded {
			p.receipt.Fault = fault.Of(t.outcome.Err) // as the mapping answers it, or nil
		}
		if t.outcome.Status == Refused || t.outcome.Status == Conflict {
			err = t.outcome.Err // an operator's replay, which is not kept a second time
		}
	}
	t.gateway.storeEdge(ctx, t.err)
	if t.err != nil {
		// It comes again. Whoever is away has a line of the log already.
		p.endSpan(fault.KindOf(t.err).String(), fault.Of(t.err))
		return &p.receipt, err
	}
	t.gateway.tell(ctx, p, err)
	return &p.receipt, err
}

// because is why the message is held: what the store refused, or what was found
// before. Behind another message of its key there is nothing wrong with it.
func (t *Ticket) because() error {
	if t.outcome.Err != nil {
		return t.outcome.Err
	}
	return t.fault
}

// TakeAlone takes a message that the process may have died over: nothing else of
// its door is under way. That it is tried is noted durably first; when that was
// noted twice before, and never the end of it, the message is parked unseen. A
// nil error means that it is committed.
func (g *Gateway) TakeAlone(ctx context.Context, a *Arrival) (*Receipt, error) {
	before, err := g.try(ctx, a.Origin)
	if err != nil {
		return nil, err
	}
	if before >= crashesToPark-1 {
		a.Refusal = fault.New(fault.CodePoison, "")
	}
	failpoint.Hit("alone-noted")
	t := g.Prepare(ctx, a)
	t.Submit(ctx, new(Source))
	<-t.Settled()
	receipt, err := t.Result()
	failpoint.Hit("alone-settled")
	g.tried(ctx, a.Origin)
	return receipt, err
}

// crashesToPark is how often a message may take the process with it: the first
// time among others, then alone.
const crashesToPark = 3

// try notes a suspect. One that this process tried before, and lived, is
// forgotten first: the store could not be told so then.
func (g *Gateway) try(ctx context.Context, origin Digest) (int, error) {
	if _, survived := g.survived.Load(origin); survived {
		if err := g.store.Tried(ctx, origin); err != nil {
			return 0, err
		}
		g.survived.Delete(origin)
	}
	return g.store.Try(ctx, origin)
}

func (g *Gateway) tried(ctx context.Context, origin Digest) {
	if err := g.store.Tried(context.WithoutCancel(ctx), origin); err != nil {
		g.survived.Store(origin, struct{}{})
		g.log.WarnContext(ctx, "a suspect is not cleared yet", "error", err)
	}
}
