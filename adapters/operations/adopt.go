package operations

import (
	"context"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Adoption says which messages of a dead-letter queue are to be parked, and as
// whose.
type Adoption struct {
	Queue string `json:"queue"`
	Route string `json:"route"`
	// Limit is how many messages are taken; 0 means 100, and MaxAdopted is the most
	// that one request takes.
	Limit int `json:"limit,omitempty"`
	// DryRun only looks: everything goes back to the queue.
	DryRun bool   `json:"dry_run,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// MaxAdopted is how many messages one request adopts at most.
const MaxAdopted = 1000

// adopt parks messages of a foreign dead-letter queue.
func (h *Handler) adopt(c *call) (any, error) {
	given := Adoption{Limit: 100}
	if err := h.body(c, maxBody, &given, `{"queue": "…", "route": "…", "limit": 100}`); err != nil {
		return nil, err
	}
	if err := given.check(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Adopt, gateway.OnMessage(given.Route)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), h.config.RequestTimeout)
	defer cancel()
	if !given.DryRun {
		act := gateway.Act{By: c.DN, Reason: strings.TrimSpace(given.Reason)}
		if err := h.Core.Audited(ctx, "adopt", "queue/"+given.Queue+" as "+given.Route, act); err != nil {
			return nil, err
		}
	}
	adopted, err := h.Broker.Adopt(ctx, given)
	attrs := []any{"user", c.DN, "queue", given.Queue, "route", given.Route, "reason", given.Reason, "dry_run", given.DryRun}
	if err != nil {
		h.Log.InfoContext(ctx, "dead letters not adopted", append(attrs, "error", err)...)
		return nil, err
	}
	h.Log.InfoContext(ctx, "dead letters adopted", append(attrs, "parked", adopted.Parked, "known", adopted.Known, "left", adopted.Left)...)
	return adopted, nil
}

func (a *Adoption) check() error {
	var faults []fault.Detail
	for path, value := range map[string]string{"queue": a.Queue, "route": a.Route} {
		if strings.TrimSpace(value) == "" || len(value) > 255 {
			faults = append(faults, fault.Detail{Path: path, Message: "is missing, or longer than 255 bytes"})
		}
	}
	if a.Limit < 1 || a.Limit > MaxAdopted {
		faults = append(faults, fault.Detail{Path: "limit", Message: "is not between 1 and 1000"})
	}
	if err := CheckReason(a.Reason, false); err != nil {
		faults = append(faults, fault.Of(err).Details...)
	}
	if faults != nil {
		return fault.New(fault.CodeRequest, "").With(faults...)
	}
	return nil
}
