package gateway

import (
	"github.com/gatehouse/gatehouse/internal/fault"
)

// DeadLettered makes of a message that a broker has given up one that is kept for
// somebody to decide: it is parked, as the message it is, under the reason why it
// is there. Processed again it is a message like any other of its endpoint. queue
// is where it lay, reason the broker's, or empty when it does not say.
func (a *Arrival) DeadLettered(queue, reason string) {
	why := fault.New(fault.CodeDeadLetter, "dead-lettered by %s", queue)
	if reason != "" {
		why = fault.New(fault.CodeDeadLetter, "dead-lettered by %s: %s", queue, reason)
	}
	if a.Refusal != nil { // it is kept as it came: nobody could read it
		f := fault.Of(a.Refusal)
		a.Refusal = why.With(append([]fault.Detail{{Message: f.Message}}, f.Details...)...)
	} else {
		a.ContentType = contentXML
		if a.Format == JSON {
			a.ContentType = contentJSON
		}
		a.Refusal = why
	}
	// The answer to an earlier attempt may have been lost: it is parked once. Equal
	// bytes without an id may be two messages, and are parked twice then.
	a.Redelivered = a.MessageID != ""
}
