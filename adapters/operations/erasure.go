package operations

import (
	"context"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ErasureRequest is the body of a request to erase what is known of somebody.
type ErasureRequest struct {
	Key           string     `json:"key"`   // the business key's name
	Value         string     `json:"value"` // and its value
	Reason        string     `json:"reason"`
	DryRun        bool       `json:"dry_run,omitempty"`
	IncludeParked bool       `json:"include_parked,omitempty"`
	After         gateway.ID `json:"after,omitzero"` // Next of the part before
}

// erase takes the messages of a business key out of the ledger, as far as they
// are of routes on which the operator may do so.
func (h *Handler) erase(c *call) (any, error) {
	if !c.Scope(gateway.Erase).Meets(messages) {
		return nil, h.allow(c, gateway.Erase, messages+"*")
	}
	var given ErasureRequest
	if err := h.body(c, maxBody, &given, `{"key": "customer", "value": "4711", "reason": "…"}`); err != nil {
		return nil, err
	}
	if given.Key == "" || given.Value == "" {
		return nil, fault.New(fault.CodeRequest, "a key and its value are missing: they say whose messages are meant")
	}
	if err := CheckReason(given.Reason, true); err != nil {
		return nil, err
	}
	// What is begun is brought to its end though the operator hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), h.config.RequestTimeout)
	defer cancel()
	return h.Core.Erase(ctx, gateway.Erasure{
		Key:           mapping.Key{Name: given.Key, Value: given.Value},
		After:         given.After,
		DryRun:        given.DryRun,
		IncludeParked: given.IncludeParked,
		Allowed:       func(route string) error { return h.allow(c, gateway.Erase, gateway.OnMessage(route)) },
	}, gateway.Act{By: c.DN, Reason: strings.TrimSpace(given.Reason)})
}
