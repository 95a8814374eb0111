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

// Ticket is one message of an asynchronous door from Prepare to its end; or the
// parts of one, each a message.
type Ticket struct {
	piece
	gateway *Gateway
	entered bool // counted in by admit
	settled chan struct{}
	open    atomic.Int32 // how many parts are not settled
}

// piece is one message on its way into the store: an arrival, or a part of one.
type piece struct {
	*passage
	fault   error // what ended the preparation
	leaves  bool  // of a replay: the held message stays held, whatever becomes of this
	commit  trace.Span
	outcome Outcome // once settled
	err     error   // why the outcome is not known: later is fine
}

// Prepare takes one message of an asynchronous door as far as it goes without
// its turn: it may be called for many at the same time, and neither order nor
// database are asked for. What is wrong with the message is found out by
// Result. Every Ticket is submitted or dropped.
func (g *Gateway) Prepare(ctx context.Context, a *Arrival) *Ticket {
	t := &Ticket{gateway: g, piece: piece{passage: g.begin(a)}, settled: make(chan struct{})}
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
	if t.fault == nil && t.split {
		t.submitParts(ctx, s)
		return
	}
	t.gateway.submit(ctx, &t.piece, s, t.settle)
}

// submit hands one message to its lane.
func (g *Gateway) submit(ctx context.Context, q *piece, s *Source, settle func(Outcome, error)) {
	if q.fault != nil && q.replayed() {
		settle(Outcome{Status: Refused, Err: q.fault}, nil)
		return
	}
	entry, err := q.queued()
	if err != nil {
		s.broken.Store(true)
		settle(Outcome{}, err)
		return
	}
	_, q.commit = g.config.Tracer.Start(trace.ContextWithSpan(ctx, q.span), "commit")
	j := &job{writer: q.writer, entry: entry, source: s, settle: func(o Outcome, err error) {
		g.watchDrift(q.writer, err)
		settle(o, err)
	}}
	if err := g.lanes.laneOf(entry.Message.OrderingKey).pushWhenRoom(ctx, j); err != nil {
		s.broken.Store(true)
		j.finish(Outcome{}, err)
	}
}

// queued is the prepared message, or the message as it is to be kept when its
// preparation found something wrong that does not pass by itself.
func (q *piece) queued() (*Entry, error) {
	if q.fault != nil {
		hold := q.keep(q.fault)
		if hold == nil {
			return nil, q.fault
		}
		return q.heldEntry(hold), nil
	}
	e := q.entry()
	if !q.leaves {
		e.Release = q.arrival.release
	}
	if !q.replayed() {
		p := q.passage
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
	t.piece.settle(o, err)
	t.release()
	t.done()
}

// settle notes the outcome.
func (q *piece) settle(o Outcome, err error) {
	q.outcome, q.err = o, err
	if q.commit != nil {
		q.commit.End()
	}
}

// done says that the outcome is known.
func (t *Ticket) done() {
	t.generation.letGo()
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
	if t.split && t.fault == nil && t.err == nil {
		return t.partsResult()
	}
	return &t.receipt, t.gateway.result(&t.piece)
}

// result takes the outcome of one message into its receipt, and writes its line in
// the log, unless it comes again.
func (g *Gateway) result(q *piece) error {
	p := q.passage
	ctx := context.Background()
	err := q.err
	if err == nil {
		p.receipt.Status, p.receipt.MessageID, p.receipt.Reply = q.outcome.Status, q.outcome.MessageID, q.outcome.Reply
		if q.outcome.Status == Parked || q.outcome.Status == Waiting {
			p.receipt.Fault = fault.Of(q.because())
		}
		if q.outcome.Status == Superseded {
			p.receipt.Fault = fault.Of(q.outcome.Err) // as the mapping answers it, or nil
		}
		if q.outcome.Status == Refused || q.outcome.Status == Conflict {
			err = q.outcome.Err // an operator's replay, which is not kept a second time
		}
	}
	if q.err != nil {
		p.pass.back()
		// It comes again. Whoever is away has a line of the log already.
		p.endSpan(fault.KindOf(q.err).String(), fault.Of(q.err))
		return err
	}
	g.tell(ctx, p, err)
	return err
}

// because is why the message is held: what the store refused, or what was found
// before. Behind another message of its key there is nothing wrong with it.
func (q *piece) because() error {
	if q.outcome.Err != nil {
		return q.outcome.Err
	}
	return q.fault
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
	g.suspects.Lock()
	defer g.suspects.Unlock()
	if err := g.forget(ctx, origin); err != nil {
		return 0, err
	}
	return g.store.Try(ctx, origin)
}

// tried clears the note of a suspect, after everything that the process could
// have died over, its outcome included.
func (g *Gateway) tried(ctx context.Context, origin Digest) {
	g.suspects.Lock()
	defer g.suspects.Unlock()
	if err := g.store.Tried(context.WithoutCancel(ctx), origin); err != nil {
		g.survived[origin] = struct{}{}
		g.log.WarnContext(ctx, "a suspect is not cleared yet", "error", err)
	}
}

// forget clears the note of a suspect that this process has survived. The caller
// holds suspects, so that no note of a later attempt goes with it.
func (g *Gateway) forget(ctx context.Context, origin Digest) error {
	if _, survived := g.survived[origin]; !survived {
		return nil
	}
	if err := g.store.Tried(ctx, origin); err != nil {
		return err
	}
	delete(g.survived, origin)
	return nil
}

// forgetSurvived clears what notes it can of those that are still to be cleared:
// most of their messages never come again.
func (g *Gateway) forgetSurvived(ctx context.Context) {
	g.suspects.Lock()
	defer g.suspects.Unlock()
	for origin := range g.survived {
		if g.forget(ctx, origin) != nil {
			return // the store is away, which has a line of its own
		}
	}
}
