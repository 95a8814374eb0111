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

// Adopted is what became of the messages of a dead-letter queue.
type Adopted struct {
	Looked int `json:"looked"` // how many were taken in hand
	Parked int `json:"parked"`
	Known  int `json:"known"` // were parked before, under the same message-id
	Left   int `json:"left"`  // are still in the queue, as the broker says
	// Deaths tells why they were there, in the order of the first of each kind.
	Deaths []Death `json:"deaths"`
}

// Death is why messages were dead-lettered.
type Death struct {
	Queue      string `json:"queue,omitempty"`  // where they died; empty: the broker does not say
	Reason     string `json:"reason,omitempty"` // rejected, expired, maxlen, delivery_limit
	RoutingKey string `json:"routing_key,omitempty"`
	Count      int    `json:"count"` // of messages
}

// Note counts a death, which Deaths has once for each kind.
func (a *Adopted) Note(d Death) {
	d.Count = 0
	for i := range a.Deaths {
		if kind := a.Deaths[i]; kind.Queue == d.Queue && kind.Reason == d.Reason && kind.RoutingKey == d.RoutingKey {
			a.Deaths[i].Count++
			return
		}
	}
	d.Count = 1
	a.Deaths = append(a.Deaths, d)
}
