package operations

import (
	"context"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// MessageList is one page of messages, newest first.
type MessageList struct {
	Messages []gateway.Summary `json:"messages"`
	// Next is set when there may be older ones: they are asked for with it as
	// before. A page may hold fewer than were asked for, or none, and still have
	// a next one.
	Next gateway.ID `json:"next,omitzero"`
}

// messages is the name that all of them begin with.
var messages = gateway.OnMessage("")

func (h *Handler) listMessages(c *call) (any, error) {
	q, err := queryOf(c.r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	visible, err := h.visible(c, q.Route)
	if err != nil {
		return nil, err
	}
	found, next, err := visible.Messages(c.ctx, h.Ledger, q)
	if err != nil {
		return nil, err
	}
	return &MessageList{Messages: found, Next: next}, nil
}

// visible returns what the operator may read, when that is anything at all.
func (h *Handler) visible(c *call, route string) (gateway.Scope, error) {
	scope := c.Scope(gateway.Read)
	if route != "" && !scope.Covers(gateway.OnMessage(route)) {
		return scope, h.allow(c, gateway.Read, gateway.OnMessage(route))
	}
	if !scope.Meets(messages) {
		return scope, h.allow(c, gateway.Read, messages+"*")
	}
	return scope, nil
}

// showMessage tells all of a message, its payload and reply too.
func (h *Handler) showMessage(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	record, err := h.find(c, gateway.Read)
	if err != nil {
		return nil, err
	}
	if record.Discloses() {
		if err := h.Core.Audited(c.ctx, gateway.AuditRead, record.ID.String(), gateway.Act{By: c.DN}); err != nil {
			return nil, err
		}
	}
	h.Log.InfoContext(c.ctx, "operator read a message", "user", c.DN, "message", record.ID, "route", record.Route)
	return record, nil
}

// find returns the message of the address, when the operator may do verb with
// it. Who may do so with no message at all is not told which ones there are.
func (h *Handler) find(c *call, verb gateway.Verb) (*gateway.Record, error) {
	if !c.Scope(verb).Meets(messages) {
		return nil, h.allow(c, verb, messages+"*")
	}
	id, ok := messageID(c.r.PathValue("id"))
	if !ok {
		return nil, fault.New(fault.CodeMessageNotFound, "%q is no message id", clip(c.r.PathValue("id")))
	}
	record, err := h.Core.Message(c.ctx, id)
	if err != nil {
		return nil, err
	}
	return record, h.allow(c, verb, gateway.OnMessage(record.Route))
}

// act returns the work of an act on one message.
func (h *Handler) act(verb gateway.Verb, do func(context.Context, gateway.ID, gateway.Act) (*gateway.Effect, error)) work {
	return func(c *call) (any, error) {
		record, err := h.find(c, verb)
		if err != nil {
			return nil, err
		}
		reason, err := h.reason(c, verb == gateway.Discard)
		if err != nil {
			return nil, err
		}
		return h.acted(c, record, func(ctx context.Context) (*gateway.Effect, error) {
			return do(ctx, record.ID, gateway.Act{By: c.DN, Reason: reason})
		})
	}
}

// acted brings an act on a message to its end, though the operator hangs up.
func (h *Handler) acted(c *call, record *gateway.Record, do func(context.Context) (*gateway.Effect, error)) (any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), h.config.RequestTimeout)
	defer cancel()
	effect, err := do(ctx)
	if err != nil {
		return nil, h.told(c, record, err)
	}
	return effect, nil
}

// correct has a message processed again with another payload.
func (h *Handler) correct(c *call) (any, error) {
	record, err := h.find(c, gateway.Correct)
	if err != nil {
		return nil, err
	}
	var given struct {
		Payload []byte `json:"payload"`
		Reason  string `json:"reason"`
	}
	if err := h.body(c, maxCorrected, &given, `{"payload": "<base64>", "reason": "…"}`); err != nil {
		return nil, err
	}
	if len(given.Payload) == 0 {
		return nil, fault.New(fault.CodeRequest, "").With(fault.Detail{Path: "payload", Message: "is missing"})
	}
	if err := CheckReason(given.Reason, true); err != nil {
		return nil, err
	}
	return h.acted(c, record, func(ctx context.Context) (*gateway.Effect, error) {
		return h.Core.Correct(ctx, record.ID, given.Payload, gateway.Act{By: c.DN, Reason: strings.TrimSpace(given.Reason)})
	})
}

// rehearse tells what it would change to repeat a message: rows that are stored.
func (h *Handler) rehearse(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	record, err := h.find(c, gateway.Repeat)
	if err == nil {
		err = h.allow(c, gateway.Read, gateway.OnMessage(record.Route))
	}
	if err != nil {
		return nil, err
	}
	differences, err := h.Core.Rehearse(c.ctx, record.ID, gateway.Act{By: c.DN})
	if err != nil {
		return nil, h.told(c, record, err)
	}
	return differences, nil
}

// repeat does what rehearse has told of.
func (h *Handler) repeat(c *call) (any, error) {
	record, err := h.find(c, gateway.Repeat)
	if err != nil {
		return nil, err
	}
	var given struct {
		Seen   string `json:"seen"`
		Reason string `json:"reason"`
	}
	if err := h.body(c, maxBody, &given, `{"seen": "…", "reason": "…"}`); err != nil {
		return nil, err
	}
	if given.Seen == "" {
		return nil, fault.New(fault.CodeRequest, "").With(fault.Detail{Path: "seen", Message: "is missing: GET this address first and look at what it would change"})
	}
	if err := CheckReason(given.Reason, true); err != nil {
		return nil, err
	}
	return h.acted(c, record, func(ctx context.Context) (*gateway.Effect, error) {
		return h.Core.Repeat(ctx, record.ID, given.Seen, gateway.Act{By: c.DN, Reason: strings.TrimSpace(given.Reason)})
	})
}

// told is the fault of an act as the operator may see it: what stands in the
// message is for who may read it.
func (h *Handler) told(c *call, record *gateway.Record, err error) error {
	f := fault.Of(err)
	if len(f.Details) > 0 && c.May(gateway.Read, gateway.OnMessage(record.Route)) != nil {
		hidden := *f
		hidden.More, hidden.Details = f.More+len(f.Details), nil
		f = &hidden
	}
	return refusedAgain(f)
}

// Held is what waits and what is parked, as far as it may be seen.
type Held struct {
	Messages   []HeldMessages   `json:"messages"`   // by route
	Deliveries []HeldDeliveries `json:"deliveries"` // by channel
}

// HeldMessages counts one route's.
type HeldMessages struct {
	Route   string `json:"route"`
	Waiting int    `json:"waiting"`
	Parked  int    `json:"parked"`
}

// HeldDeliveries counts one channel's.
type HeldDeliveries struct {
	Channel string `json:"channel"`
	Waiting int    `json:"waiting"`
	Parked  int    `json:"parked"`
}

// showHolding tells the counts of the routes whose messages the operator may
// read, and those of all channels, which are in the metrics too.
func (h *Handler) showHolding(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	visible, err := h.visible(c, "")
	if err != nil {
		return nil, err
	}
	held, err := h.Ledger.Holding(c.ctx)
	if err != nil {
		return nil, err
	}
	out := Held{Messages: []HeldMessages{}, Deliveries: []HeldDeliveries{}}
	for _, route := range names(held.Waiting, held.Parked) {
		if visible.Covers(gateway.OnMessage(route)) {
			out.Messages = append(out.Messages, HeldMessages{route, held.Waiting[route], held.Parked[route]})
		}
	}
	for _, channel := range names(held.Outbox, held.Stuck) {
		out.Deliveries = append(out.Deliveries, HeldDeliveries{channel, held.Outbox[channel], held.Stuck[channel]})
	}
	return out, nil
}
