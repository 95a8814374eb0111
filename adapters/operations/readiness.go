package operations

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Probe asks one server that the gateway depends on, or itself.
type Probe struct {
	Name string // such as store, or queue in.orders; no secrets
	// Needed says that no message can be taken without it: then the gateway is
	// not ready.
	Needed bool
	// Ask returns why it cannot be used now, or nil, and since when that is so,
	// when it knows. It obeys its context.
	Ask func(context.Context) (since time.Time, err error)
}

// Ping makes a probe of what answers without a memory.
func Ping(name string, needed bool, ping func(context.Context) error) Probe {
	return Probe{Name: name, Needed: needed, Ask: func(ctx context.Context) (time.Time, error) { return time.Time{}, ping(ctx) }}
}

// Check is what a probe found.
type Check struct {
	Name   string `json:"name"`
	Needed bool   `json:"needed"`
	Ready  bool   `json:"ready"`
	// Since is when it began, or was first seen here.
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"` // the public sentence of the fault
}

const (
	probeTimeout = 2 * time.Second
	// probeAge is how old an answer may be: whoever asks more often, and nobody
	// has to say who he is, asks no server more often.
	probeAge = time.Second
)

// Readiness remembers what the probes find, and since when. It is safe for
// concurrent use.
type Readiness struct {
	probes func() []Probe
	now    func() time.Time

	mu     sync.Mutex
	at     time.Time
	checks []Check
}

// NewReadiness returns the readiness of what probes returns at each look.
func NewReadiness(probes func() []Probe, now func() time.Time) *Readiness {
	return &Readiness{probes: probes, now: now}
}

// Check returns what each probe has found within the last second.
func (r *Readiness) Check(ctx context.Context) []Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checks == nil || r.now().Sub(r.at) >= probeAge {
		r.checks = r.look(context.WithoutCancel(ctx))
		r.at = r.now()
	}
	return r.checks
}

func (r *Readiness) look(ctx context.Context) []Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	probes := r.probes()
	checks := make([]Check, len(probes))
	var wg sync.WaitGroup
	for i, p := range probes {
		wg.Go(func() {
			checks[i] = Check{Name: p.Name, Needed: p.Needed, Ready: true}
			since, err := p.Ask(ctx)
			checks[i].Since = since
			if err != nil {
				checks[i].Ready, checks[i].Reason = false, fault.Of(err).Message
			}
		})
	}
	wg.Wait()
	for i := range checks {
		if checks[i].Since.IsZero() {
			checks[i].Since = r.since(checks[i])
		}
		checks[i].Since = checks[i].Since.UTC().Truncate(time.Millisecond)
	}
	return checks
}

// since is when the state began that a check has found.
func (r *Readiness) since(c Check) time.Time {
	for _, before := range r.checks {
		if before.Name == c.Name && before.Ready == c.Ready {
			return before.Since
		}
	}
	return r.now()
}

// The words for the whole.
const (
	statusReady    = "ready"
	statusDegraded = "degraded" // something that messages can be taken without is away
	statusNotReady = "not_ready"
)

func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Status string  `json:"status"`
		Checks []Check `json:"checks"`
	}{statusReady, h.Readiness.Check(r.Context())}
	status := http.StatusOK
	for _, c := range answer.Checks {
		switch {
		case !c.Ready && c.Needed:
			answer.Status, status = statusNotReady, http.StatusServiceUnavailable
		case !c.Ready && answer.Status == statusReady:
			answer.Status = statusDegraded
		}
	}
	write(w, status, contentJSON, answer)
}
