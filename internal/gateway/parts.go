package gateway

import (
	"context"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// What becomes of the parts of a message, by either kind of door.

// acceptParts commits the parts of a message whose sender waits, and answers for
// all of them. What is stored stays stored when others are refused: the sender
// sends the whole again, and those are repeats.
func (g *Gateway) acceptParts(ctx context.Context, p *passage) error {
	done := make(chan struct{})
	g.inFlight.Add(1) // whoever leaves does not stop what he has begun
	go func() {
		defer g.inFlight.Done()
		defer close(done)
		g.commitParts(context.WithoutCancel(ctx), p.parts)
	}()
	select {
	case <-done:
		return g.answerParts(ctx, p)
	case <-ctx.Done():
		p.parts = nil // they are the other goroutine's
		err := fault.New(fault.CodeStoreUnavailable, "the caller stopped waiting; parts of the message may be stored all the same, and a repeat will tell").Because(errCallerLeft)
		return g.conclude(ctx, p, err)
	}
}

// maxUnderWay is how many parts of one message are in the lanes at the same time:
// enough for full batches, and so few that others find room.
const maxUnderWay = 4 * maxBatch

// commitParts submits parts in their order, waits until each has its outcome, and
// tells it.
func (g *Gateway) commitParts(ctx context.Context, parts []*piece) {
	var open sync.WaitGroup
	under := make(chan struct{}, maxUnderWay)
	for _, q := range parts {
		if q.fault != nil {
			q.release()
			continue
		}
		open.Add(1)
		under <- struct{}{}
		entry := q.entry()
		j := &job{writer: q.writer, entry: entry, settle: func(o Outcome, err error) {
			g.watchDrift(q.writer, err)
			q.settle(o, err)
			<-under
			open.Done()
		}}
		if err := g.lanes.laneOf(entry.Message.OrderingKey).pushWhenRoom(ctx, j); err != nil {
			j.finish(Outcome{}, err)
		}
	}
	open.Wait()
	for _, q := range parts {
		g.concludePart(ctx, q)
	}
}

// concludePart is where the journey of a part ends whose sender waits.
func (g *Gateway) concludePart(ctx context.Context, q *piece) {
	if q.fault == nil && q.err == nil {
		q.receipt.Status, q.receipt.MessageID = q.outcome.Status, q.outcome.MessageID
	}
	if err := g.conclude(ctx, q.passage, q.trouble()); err != nil {
		q.fault = fault.Of(err)
	}
}

// trouble is why a part is not stored, or nil.
func (q *piece) trouble() error {
	switch {
	case q.fault != nil:
		return q.fault
	case q.err != nil:
		return q.err
	}
	return q.outcome.Err
}

// answerParts makes the reply to the whole message, or the one fault that says
// which of its parts were refused.
func (g *Gateway) answerParts(ctx context.Context, p *passage) error {
	p.receipt.MessageID = p.receipt.ID
	tally, f := p.verdict(func(q *piece) error { return q.fault })
	if f == nil {
		f = p.reply(tally)
	}
	g.endParts(ctx, p, f)
	if f == nil {
		return nil
	}
	return f
}

// endParts ends the span of the message that came. One without parts has no other
// line in the log.
func (g *Gateway) endParts(ctx context.Context, p *passage, f *fault.Error) {
	if len(p.parts) == 0 {
		g.config.Metrics.empty(p, g.now().Sub(p.now))
		g.log.InfoContext(ctx, "message without parts", append(g.attrs(p), "arrival", p.receipt.ID)...)
	}
	if f != nil {
		p.endSpan(f.Kind().String(), f)
		return
	}
	p.endSpan(p.receipt.Status.String(), nil)
}

// reply writes the reply to the whole message.
func (p *passage) reply(t mapping.Tally) *fault.Error {
	var err error
	if p.receipt.Reply, err = p.writer.mapping.Reply(&p.input, t); err != nil {
		return fault.Of(p.located(err))
	}
	return nil
}

// maxPartDetails is how many refused parts are told.
const maxPartDetails = 50

// verdict counts the parts and sums up what is wrong with those that have an
// error. It sets the receipt's status: that of the parts, where they differ the
// one that somebody has to look at.
func (p *passage) verdict(wrong func(*piece) error) (mapping.Tally, *fault.Error) {
	tally := mapping.Tally{Count: len(p.parts)}
	var (
		refused  []*piece
		later    bool
		declared error
	)
	p.receipt.Status = Stored
	for _, q := range p.parts {
		p.receipt.Status = graver(p.receipt.Status, q.receipt.Status)
		err := wrong(q)
		switch {
		case err != nil:
			refused = append(refused, q)
			later = later || fault.KindOf(err).Retryable()
			if len(refused) == 1 && mapping.DeclaredOf(err) != nil {
				declared = fault.Of(err).Cause
			}
		case q.receipt.Status == Duplicate:
			tally.Repeated++
		case q.receipt.Status == Stored:
			tally.Stored++
		}
	}
	if len(p.parts) > 0 && tally.Repeated == len(p.parts) {
		p.receipt.Status = Duplicate
	}
	if refused == nil {
		return tally, nil
	}
	return tally, p.partly(refused, later, declared, wrong)
}

// graver is the status of two that more has to be done about.
func graver(a, b Status) Status {
	for _, s := range []Status{Parked, Waiting, Superseded} {
		if a == s || b == s {
			return s
		}
	}
	return Stored
}

// partly is the fault about the whole message. The first of the refused parts
// decides whether it is one of the contract's.
func (p *passage) partly(refused []*piece, later bool, declared error, wrong func(*piece) error) *fault.Error {
	code, hint := fault.CodeParts, "; what is stored stays so, and the whole may be sent again when the rest is mended"
	if later {
		code, hint, declared = fault.CodePartsLater, "; what is stored stays so, and the whole may be sent again", nil
	}
	if p.arrival.Asynchronous() {
		hint = "; each of the others is kept as a message of its own"
	}
	whole := plural.Of(len(p.parts), "part", "parts")
	f := fault.New(code, "%s stored%s", plural.Of(len(p.parts)-len(refused), "of the "+whole+" of the message is", "of the "+whole+" of the message are"), hint)
	for i, q := range refused {
		if i == maxPartDetails {
			f.More = len(refused) - i
			break
		}
		f.Details = append(f.Details, q.complaint(wrong(q)))
	}
	f.Cause = declared
	return f
}

// submitParts hands the parts to their lanes, in their order.
func (t *Ticket) submitParts(ctx context.Context, s *Source) {
	switch {
	case len(t.parts) == 0:
		t.done()
	case t.replayed():
		t.replayParts(ctx)
		t.done()
	default:
		t.feed(ctx, s)
	}
}

// feed submits the parts, no more at the same time than there is room for. When
// ctx ends, those that were not submitted are not known to be stored.
func (t *Ticket) feed(ctx context.Context, s *Source) {
	t.open.Store(int32(len(t.parts)))
	under := make(chan struct{}, maxUnderWay)
	for _, q := range t.parts {
		settle := func(o Outcome, err error) {
			q.settle(o, err)
			q.release()
			if t.open.Add(-1) == 0 {
				t.done()
			}
		}
		select {
		case under <- struct{}{}:
			t.gateway.submit(ctx, q, s, func(o Outcome, err error) {
				<-under
				settle(o, err)
			})
		case <-ctx.Done():
			s.broken.Store(true)
			settle(Outcome{}, fault.New(fault.CodeBusy, ""))
		}
	}
}

// replayParts processes the parts of a message that was held as a whole. It stays
// held until all of them are stored: the last one, with which it is closed, has
// its turn when the others have had theirs. What is refused is not held again.
func (t *Ticket) replayParts(ctx context.Context) {
	var open sync.WaitGroup
	for i, q := range t.parts {
		if q.leaves = true; i == len(t.parts)-1 {
			open.Wait()
			q.leaves = slices.ContainsFunc(t.parts[:i], func(q *piece) bool { return !q.positive() })
		}
		open.Add(1)
		t.gateway.submit(ctx, q, new(Source), func(o Outcome, err error) {
			q.settle(o, err)
			q.release()
			open.Done()
		})
	}
	open.Wait()
}

// positive reports whether the message is in the ledger as it is to be.
func (q *piece) positive() bool { return q.err == nil && q.outcome.Status <= Superseded }

// partsResult is Result for a message that was split: what its parts have come to.
func (t *Ticket) partsResult() (*Receipt, error) {
	defer t.release()
	ctx := context.Background()
	var away error
	for _, q := range t.parts {
		if err := t.gateway.result(q); err != nil && away == nil && !t.replayed() {
			away = err
		}
	}
	if away != nil {
		t.endSpan(fault.KindOf(away).String(), fault.Of(away))
		return &t.receipt, away
	}
	t.receipt.MessageID = t.receipt.ID
	if t.replayed() {
		t.receipt.MessageID = t.arrival.release.ID
	}
	tally, f := t.verdict((*piece).heldFor)
	switch {
	case f == nil && t.replayed() && len(t.parts) == 0:
		f = fault.New(fault.CodeMapping, "the message has no parts, so that there is nothing to store; discard it")
	case f == nil:
		f = t.reply(tally)
	}
	t.gateway.endParts(ctx, t.passage, f)
	if f != nil && t.replayed() {
		return &t.receipt, f
	}
	t.receipt.Fault = f
	return &t.receipt, nil
}

// heldFor is why a part is not stored; nil where there is nothing wrong with it.
func (q *piece) heldFor() error {
	switch q.receipt.Status {
	case Parked, Waiting:
		if q.receipt.Fault != nil {
			return q.receipt.Fault
		}
		return fault.New(fault.CodeNotYet, "it waits behind an earlier message of its key")
	case Refused, Conflict:
		return q.trouble()
	}
	return q.err
}
