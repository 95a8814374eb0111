package sqlstore

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// How a message comes to be held, and ceases to be. A program asks the lot only
// about items that UsesLot, so that nobody else pays for it:
//
//   - one whose row is there already, by its own id (the answer to an earlier
//     commit was lost) or by its origin (the queue handed it out again), is Again
//     what it was;
//   - another attempt whose row is open no more is Gone;
//   - one behind an earlier waiting message of its route and ordering key is
//     Behind;
//   - what is refused is held when Entry.Keep says so.
//
// What the inbox knows comes before all of it.

// States of a held message, as they are stored.
const (
	Waiting   = "waiting"
	Parked    = "parked"
	Replayed  = "replayed"
	Discarded = "discarded"
)

// Only reports whether nothing is tried of the item: it is held as it is.
func (it *Item) Only() bool { return it.only != nil }

// UsesLot reports whether the item can be held or was held before.
func (it *Item) UsesLot() bool {
	return it.only != nil || it.Entry.Keep != nil || it.Entry.Release != nil
}

// Retry reports whether the item is another attempt of a held message of the
// same id: the gateway's own.
func (it *Item) Retry() bool {
	return it.Entry.Release != nil && it.Entry.Release.ID == it.Message().ID
}

// AsItIs holds an item of which nothing is tried.
func (it *Item) AsItIs() { it.heldWith(it.only, it.why) }

// Behind holds the item until the messages of its key before it are out of the
// way. When that is, is not its own to say.
func (it *Item) Behind() {
	hold := gateway.Hold{State: gateway.Waiting}
	if h := it.Entry.Keep(nil); h != nil {
		hold = *h
	}
	hold.Next = time.Time{}
	it.heldWith(&hold, nil)
}

// Again settles the item as what it is already, under the given id. Nothing of
// it is written.
func (it *Item) Again(state string, id gateway.ID) {
	status := gateway.Parked
	if state == Waiting {
		status = gateway.Waiting
	}
	it.hold = nil
	it.Outcome = gateway.Outcome{Status: status, MessageID: id}
}

// Gone refuses another attempt of a message that is held no more: somebody else
// stored it or gave it up meanwhile.
func (it *Item) Gone() {
	it.hold = nil
	it.refuse(fault.New(fault.CodeNotHeld, "the message is not held any more"))
}

// Kept reports whether the item is held, by this attempt or before.
func (it *Item) Kept() bool {
	return it.Outcome.Status == gateway.Parked || it.Outcome.Status == gateway.Waiting
}

// keep holds the item instead of refusing it, if its entry says so.
func (it *Item) keep(refusal error) bool {
	if it.Entry.Keep == nil {
		return false
	}
	h := it.Entry.Keep(refusal)
	if h == nil {
		return false
	}
	it.heldWith(h, refusal)
	return true
}

func (it *Item) heldWith(h *gateway.Hold, why error) {
	it.hold = h
	it.Outcome = gateway.Outcome{Status: h.State, MessageID: it.Message().ID, Err: why}
}

// Kept is what the lot keeps of a message beside its Entry, cut to the columns'
// lengths.
type Kept struct {
	State, Code, Reason string
	Cause               string // of the reason, what others have in common with it
	Attempts            int
	Next, Until         time.Time // zero for none
	Login, Properties   string
	Origin              []byte // nil for none
}

// Keeping returns what is to be written of an item that is held, or nil.
func (it *Item) Keeping() *Kept {
	if it.hold == nil {
		return nil
	}
	m := it.Message()
	k := &Kept{
		State:      it.hold.State.String(),
		Code:       clip(it.hold.Code, 16),
		Reason:     clip(it.hold.Reason, maxHoldReason),
		Cause:      causeOf(it.hold.Reason),
		Attempts:   it.hold.Attempts,
		Login:      clip(m.Login, 400),
		Properties: propertiesText(m.Properties),
	}
	if it.hold.State == gateway.Waiting {
		k.Next, k.Until = it.hold.Next, it.hold.Until
	}
	if m.Origin != (gateway.Digest{}) {
		k.Origin = m.Origin[:]
	}
	return k
}

// causeOf is what is parked is grouped by, cut to its column.
func causeOf(reason string) string { return clip(gateway.CauseOf(reason), 200) }

// maxHoldReason is how many characters of the reason of a held message are kept.
const maxHoldReason = 4000

func propertiesText(properties map[string]string) string {
	if len(properties) == 0 {
		return "{}"
	}
	text, err := json.Marshal(properties)
	if err != nil {
		panic(err) // a map of strings is always JSON
	}
	return string(text)
}

// Closing says what becomes of the held message that an item is another attempt
// of.
type Closing int

// The closings.
const (
	Open   Closing = iota // it stays as it is
	Remove                // the item is the message itself, and stored now
	Replay                // it is marked as replayed
)

// Closing is decided by the item's outcome. A program removes a message only
// while it waits, and marks one only while it is waiting or parked.
func (it *Item) Closing() Closing {
	if it.Entry.Release == nil || it.Outcome.Status > gateway.Superseded {
		return Open
	}
	if it.Retry() {
		return Remove
	}
	return Replay
}

// Removed tells the item that its waiting row is gone by this attempt.
func (it *Item) Removed() { it.unheld = true }

// repeats reports whether the inbox has the item, as it is, for what was stored or
// superseded before: by another message, or by itself.
func (it *Item) repeats() bool { return it.known && it.Outcome.Status <= gateway.Superseded }

// Line is one line of a message's history.
type Line struct {
	Message, ID            gateway.ID
	What, By, Code, Reason string
}

// Line is what the history gets of the attempt: what became of a held message.
// A line of one that is being closed is written only when it was open.
func (it *Item) Line() Line {
	if it.line == (gateway.ID{}) {
		it.line = uuid.Must(uuid.NewV7())
	}
	l := Line{Message: it.Message().ID, ID: it.line, What: "attempted"}
	switch {
	case it.hold != nil:
		k := it.Keeping()
		l.Code, l.Reason = k.Code, k.Reason
		if !it.Retry() || k.State == Parked || k.Next.IsZero() {
			l.What = k.State
		}
	case it.Closing() == Replay:
		r := it.Entry.Release
		l.Message, l.What, l.By, l.Reason = r.ID, Replayed, clip(r.By, 400), clip(r.Reason, maxHoldReason)
		if r.Corrected {
			l.What = "corrected"
		}
	case it.repeats():
		l.Reason = repeatOf + it.Outcome.MessageID.String()
	}
	return l
}

// repeatOf begins the line of a held message that turned out to be stored before.
const repeatOf = "a repeat of message "
