package gateway

import (
	"bytes"
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Correct has a held message processed again with another payload than it came
// with. The payload that came stays on record with the message; the corrected one
// is a message of its own, a replay of it, with its identity. The sender is looked
// up and authorised anew, and what he is taken to have said is validated as ever.
// When it is refused the error says why, and the held message stays as it was.
func (g *Gateway) Correct(ctx context.Context, id ID, payload []byte, act Act) (*Effect, error) {
	e := &Effect{Message: id}
	err := g.onHeld(ctx, id, func(h *Held) error {
		a := replayOf(h, act)
		if err := a.correct(h, payload); err != nil {
			return err
		}
		return g.replay(ctx, "correct", h, a, act, e)
	})
	if notHeld(err) {
		err = fault.New(fault.CodeNotHeld, "the message is none that is parked or waits: only those can be corrected")
	}
	return g.acted(ctx, "correct", act, e, err)
}

// correct puts another payload in the place of the one that came.
func (a *Arrival) correct(h *Held, payload []byte) error {
	text, places, err := document.Decode(payload, "")
	if err != nil {
		return fault.New(fault.CodeEncoding, "").With(fault.Detail{Message: err.Error()})
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	a.Refusal = nil
	a.Body, a.Places = text, places
	switch start := bytes.TrimLeft(text, " \t\r\n"); {
	case bytes.HasPrefix(start, []byte("<")):
		a.Format, a.ContentType = XML, contentXML
	case bytes.HasPrefix(start, []byte("{")):
		a.Format, a.ContentType = JSON, contentJSON
	default:
		return fault.New(fault.CodeMediaType, "the corrected payload is neither XML nor JSON")
	}
	a.release.Corrected = true
	if m := &h.Message; h.Hold.Code != string(fault.CodeKeyReused) && m.Identity != m.ID.String() && m.Identity != a.place(a.MessageID) {
		a.identity = m.Identity
	}
	return nil
}

// keepsIdentity refuses a correction that makes another message of it: what the
// sender sends again under the old identity would be stored beside it. Where the
// identity itself is what is wrong, there is nothing to keep.
func (p *passage) keepsIdentity() error {
	if was := p.arrival.identity; was != "" && p.changes.Identity != was {
		return fault.New(fault.CodeIdentity, "a correction keeps the identity of its message, which is %q and would be %q", was, p.changes.Identity)
	}
	return nil
}

// takesOver is the id that stands for the identity of a message that has none: a
// replay's is the one of the message it takes the place of, a part's is its own,
// which it has whether the whole is replayed or the part alone.
func (p *passage) takesOver(m *Message) ID {
	switch part := p.arrival.part; {
	case part != nil:
		return partID(part.arrival, part.number)
	case m.ReplayOf != (ID{}):
		return m.ReplayOf
	}
	return m.ID
}

// errNoPayload says that there is nothing to process.
var errNoPayload = errors.New("the payload is gone")
