package gateway

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Effect is what an operator's act came to.
type Effect struct {
	Message    ID     `json:"message"`
	Outcome    string `json:"outcome"`              // parked, discarded, stored, duplicate, superseded, waiting, released
	Stored     ID     `json:"stored,omitzero"`      // the message that a replay has stored
	Deliveries int    `json:"deliveries,omitempty"` // how many were parked, released or discarded
}

// Park takes a waiting message, or the waiting deliveries of a stored one, out of
// the way until somebody decides. fault.Conflict says that nothing of it waits.
func (g *Gateway) Park(ctx context.Context, id ID, act Act) (*Effect, error) {
	e := &Effect{Message: id, Outcome: Parked.String()}
	err := g.onHeld(ctx, id, func(*Held) error { return g.store.ParkMessage(ctx, id, act) })
	if notHeld(err) {
		e.Deliveries, err = g.store.ParkDeliveries(ctx, id, act)
		g.relay.reread()
		err = touched(e.Deliveries, err, "nothing of this message waits")
	}
	return g.acted(ctx, "park", act, e, err)
}

// Discard gives up a held message, or the parked deliveries of a stored one.
func (g *Gateway) Discard(ctx context.Context, id ID, act Act) (*Effect, error) {
	e := &Effect{Message: id, Outcome: "discarded"}
	err := g.onHeld(ctx, id, func(*Held) error { return g.store.DiscardMessage(ctx, id, act) })
	if notHeld(err) {
		e.Deliveries, err = g.store.DiscardDeliveries(ctx, id, act)
		g.relay.reread()
		err = touched(e.Deliveries, err, "nothing of this message is parked")
	}
	return g.acted(ctx, "discard", act, e, err)
}

// Replay has a held message processed again, on the configuration that runs now:
// it takes over the identity of the message that was never stored, its sender is
// looked up and authorised anew, and both he and the operator are on record. Of
// a stored message the parked deliveries are put back in line. When processing
// fails again the error says why, and the held message stays as it was.
func (g *Gateway) Replay(ctx context.Context, id ID, act Act) (*Effect, error) {
	e := &Effect{Message: id, Outcome: "released"}
	err := g.onHeld(ctx, id, func(h *Held) error {
		if h.PayloadGone {
			return fault.New(fault.CodePayloadGone, "")
		}
		return g.replay(ctx, "replay", h, replayOf(h, act), act, e)
	})
	if notHeld(err) {
		e.Deliveries, err = g.store.ReleaseDeliveries(ctx, id, act)
		if err == nil && e.Deliveries == 0 {
			err = g.whole(ctx, id)
		}
		err = touched(e.Deliveries, err, "nothing of this message is parked")
		g.relay.reread()
	}
	return g.acted(ctx, "replay", act, e, err)
}

// whole returns fault.Conflict when a message's payload is not kept any more.
func (g *Gateway) whole(ctx context.Context, id ID) error {
	r, err := g.Message(ctx, id)
	if err != nil {
		return err
	}
	return r.Whole()
}

// replayOf is the arrival of a held message that an operator has processed again.
func replayOf(h *Held, act Act) *Arrival {
	a := arrivalOf(h)
	a.Remote = act.By
	a.release = &Release{ID: h.Message.ID, By: act.By, Reason: act.Reason}
	return a
}

// replay has an arrival take the place of a held message.
func (g *Gateway) replay(ctx context.Context, what string, h *Held, a *Arrival, act Act, e *Effect) error {
	if err := g.audited(ctx, what, h.Message.ID.String(), act); err != nil {
		return err
	}
	receipt, err := g.process(ctx, a)
	if err != nil {
		return errors.Join(err, g.noteRefusal(ctx, h.Message.ID, act, fault.Of(err)))
	}
	e.Outcome, e.Stored = receipt.Status.String(), receipt.MessageID
	return nil
}

// process takes one message through all stages and waits for its end.
func (g *Gateway) process(ctx context.Context, a *Arrival) (*Receipt, error) {
	t := g.Prepare(ctx, a)
	t.Submit(ctx, new(Source))
	<-t.Settled()
	return t.Result()
}

// noteRefusal writes down that an operator's act on a message came to nothing.
func (g *Gateway) noteRefusal(ctx context.Context, id ID, act Act, f *fault.Error) error {
	note := Attempt{At: g.now().UTC(), What: "replayed", By: act.By, Code: string(f.Code), Reason: reasonOf(f)}
	return g.store.Note(context.WithoutCancel(ctx), id, note)
}

// errNotHeld says that a message is none of the lot: it may be a stored one.
var errNotHeld = errors.New("not held")

func notHeld(err error) bool { return errors.Is(err, errNotHeld) }

// onHeld runs fn for a message that is held now.
func (g *Gateway) onHeld(ctx context.Context, id ID, fn func(*Held) error) error {
	h, err := g.store.Held(ctx, id)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return errNotHeld
	case err != nil:
		return err
	case h.Closed != "":
		return fault.New(fault.CodeNotHeld, "the message was %s by %s already", h.Closed, h.By)
	}
	return fn(h)
}

// touched makes a fault of having found nothing to act on. A message that does
// not exist at all is the store's to tell.
func touched(n int, err error, sentence string) error {
	if err == nil && n == 0 {
		return fault.New(fault.CodeNotHeld, "%s", sentence)
	}
	return err
}

// acted writes the one line about an operator's act.
func (g *Gateway) acted(ctx context.Context, what string, act Act, e *Effect, err error) (*Effect, error) {
	attrs := []any{"act", what, "user", act.By, "message", e.Message}
	g.config.Metrics.act(what, err)
	if err != nil {
		f := fault.Of(err)
		g.log.InfoContext(ctx, "operator's act refused", append(attrs, reasons(f)...)...)
		return nil, f
	}
	g.log.InfoContext(ctx, "operator acted", append(attrs, "outcome", e.Outcome, "deliveries", e.Deliveries)...)
	return e, nil
}
