package operations

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Core is the gateway as this door sees it.
type Core interface {
	// Operator checks what somebody shows: fault.Unauthenticated or fault.Unavailable.
	Operator(ctx context.Context, p gateway.Proof) (*gateway.Operator, error)
	// Known finds the operator of an entry who has shown a password before: the same
	// faults.
	Known(ctx context.Context, dn string) (*gateway.Operator, error)
	Explain(ctx context.Context, q gateway.Question) (*gateway.Explanation, error)
	Simulate(ctx context.Context, c gateway.Change) (*gateway.Simulation, error)
	RoleNames() []string
	Review(ctx context.Context, role string, days, people int) (*gateway.RoleReview, error)
	Limits(ctx context.Context) ([]gateway.LimitState, error)

	Replay(ctx context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error)
	Park(ctx context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error)
	Discard(ctx context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error)
	Erase(ctx context.Context, what gateway.Erasure, act gateway.Act) (*gateway.Erased, error)
	Correct(ctx context.Context, id gateway.ID, payload []byte, act gateway.Act) (*gateway.Effect, error)
	Rehearse(ctx context.Context, id gateway.ID, act gateway.Act) (*gateway.Differences, error)
	// AuditBegin, AuditVerify and AuditEntry verify the audit trail, part by part.
	AuditBegin(ctx context.Context, since time.Time) (*gateway.AuditSpan, error)
	AuditVerify(ctx context.Context, after gateway.AuditHead, span *gateway.AuditSpan) (*gateway.AuditPart, error)
	AuditEntry(ctx context.Context, chain int, seq int64) (*gateway.AuditEntry, error)
	// AuditHeads returns the last entries of the chains.
	AuditHeads(ctx context.Context) ([]gateway.AuditHead, error)
	// Audited records an act that is not the core's own; an error denies it.
	Audited(ctx context.Context, what, target string, act gateway.Act) error
	Repeat(ctx context.Context, id gateway.ID, seen string, act gateway.Act) (*gateway.Effect, error)

	// Routes lists the names of the routes that run.
	Routes() []string
	Groups(ctx context.Context, s gateway.Selection) ([]gateway.ParkedGroup, error)
	StartJob(ctx context.Context, j *gateway.Job) error
	TurnJob(ctx context.Context, id gateway.ID, state gateway.JobState, act gateway.Act) (*gateway.Job, error)

	// Message returns one message, or fault.NotFound.
	Message(ctx context.Context, id gateway.ID) (*gateway.Record, error)
}

// Ledger tells what happened.
type Ledger interface {
	Messages(ctx context.Context, q gateway.Query) ([]gateway.Summary, error)
	Holding(ctx context.Context) (gateway.Holding, error)
	Job(ctx context.Context, id gateway.ID) (*gateway.Job, error)
	Jobs(ctx context.Context, state gateway.JobState, limit int) ([]gateway.Job, error)
}

// Broker reaches the queues of others.
type Broker interface {
	// Adopt parks messages of a dead-letter queue as messages of a route.
	Adopt(ctx context.Context, a Adoption) (*gateway.Adopted, error)
}

// Configuration is what runs, and how it is changed.
type Configuration interface {
	Running() Running
	// Reload reads the configuration again. An error says why nothing has
	// changed; its lines are for the operator.
	Reload(ctx context.Context, act gateway.Act) error
}

// Parts is what a Handler speaks for.
type Parts struct {
	Core          Core
	Ledger        Ledger
	Configuration Configuration
	Broker        Broker
	Readiness     *Readiness
	Metrics       prometheus.Gatherer
	Log           *slog.Logger
}

// Handler serves the whole door. It is safe for concurrent use.
type Handler struct {
	Parts
	config Config
	mux    *http.ServeMux
	places chan struct{} // one for each API request that is worked on
	origin *http.CrossOriginProtection

	sessions *sessions
}

// NewHandler returns a handler of the door. c must be valid.
func NewHandler(c Config, parts Parts) *Handler {
	c = c.Effective()
	h := &Handler{
		Parts:  parts,
		config: c,
		mux:    http.NewServeMux(),
		places: make(chan struct{}, c.MaxConcurrent),
		origin: http.NewCrossOriginProtection(),

		sessions: newSessions(c.SessionTime, time.Now),
	}
	h.open("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, contentJSON, map[string]string{"status": "ok"})
	})
	h.open("/readyz", h.readyz)
	h.open("/metrics", promhttp.HandlerFor(parts.Metrics, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(parts.Log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: 4,
		Timeout:             headerTimeout,
	}).ServeHTTP)
	h.api("/configuration", verbs{http.MethodGet: h.showConfiguration})
	h.api("/configuration/reload", verbs{http.MethodPost: h.reload})
	h.api("/messages", verbs{http.MethodGet: h.listMessages})
	h.api("/messages/{id}", verbs{http.MethodGet: h.showMessage})
	h.api("/messages/{id}/replay", verbs{http.MethodPost: h.act(gateway.Replay, parts.Core.Replay)})
	h.api("/messages/{id}/park", verbs{http.MethodPost: h.act(gateway.Park, parts.Core.Park)})
	h.api("/messages/{id}/discard", verbs{http.MethodPost: h.act(gateway.Discard, parts.Core.Discard)})
	h.api("/erasures", verbs{http.MethodPost: h.erase})
	h.api("/messages/{id}/correct", verbs{http.MethodPost: h.correct})
	h.api("/messages/{id}/repeat", verbs{http.MethodGet: h.rehearse, http.MethodPost: h.repeat})
	h.api("/messages/groups", verbs{http.MethodGet: h.showGroups})
	h.api("/jobs", verbs{http.MethodGet: h.listJobs, http.MethodPost: h.startJob})
	h.api("/jobs/{id}", verbs{http.MethodGet: h.showJob})
	h.api("/jobs/{id}/pause", verbs{http.MethodPost: h.turnJob(gateway.JobPaused)})
	h.api("/jobs/{id}/resume", verbs{http.MethodPost: h.turnJob(gateway.JobRunning)})
	h.api("/jobs/{id}/cancel", verbs{http.MethodPost: h.turnJob(gateway.JobCancelled)})
	h.api("/queues/adopt", verbs{http.MethodPost: h.adopt})
	h.api("/holding", verbs{http.MethodGet: h.showHolding})
	h.api("/audit", verbs{http.MethodGet: h.auditSpan})
	h.api("/audit/verify", verbs{http.MethodGet: h.auditVerify})
	h.api("/audit/heads", verbs{http.MethodGet: h.auditHeads})
	h.api("/audit/entry", verbs{http.MethodGet: h.auditEntry})
	h.api("/access/explain", verbs{http.MethodGet: h.explain})
	h.api("/access/whoami", verbs{http.MethodGet: h.whoAmI})
	h.api("/access/simulate", verbs{http.MethodPost: h.simulate})
	h.api("/access/roles", verbs{http.MethodGet: h.showRoles})
	h.api("/access/report", verbs{http.MethodGet: h.review})
	h.api("/access/limits", verbs{http.MethodGet: h.showLimits})
	h.api("/session", verbs{http.MethodPost: h.login, http.MethodDelete: h.logout})
	h.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problemOf(fault.New(fault.CodeNoEndpoint, "")))
	})
	return h
}

const (
	apiRoot     = "/api/v1"
	contentJSON = "application/json"
)

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'")
	defer h.recover(w, r)
	if err := h.origin.Check(r); err != nil {
		writeProblem(w, problemOf(fault.New(fault.CodeRequest, "requests of other sites' pages are not taken").Because(err)))
		return
	}
	h.mux.ServeHTTP(w, r)
}

// recover turns a panic into an internal fault.
func (h *Handler) recover(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // it is compared so by net/http too
		panic(cause)
	}
	p := problemOf(fault.New(fault.CodeInternal, ""))
	h.Log.ErrorContext(r.Context(), "operations handler panicked", "path", r.URL.Path, "reference", p.reference(), "panic", cause, "stack", string(debug.Stack()))
	writeProblem(w, p)
}

// open serves a path to whoever asks.
func (h *Handler) open(path string, serve http.HandlerFunc) {
	h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writeProblem(w, problemOf(wrongMethod(w, "GET")))
			return
		}
		serve(w, r)
	})
}

// verbs are the methods that an address takes.
type verbs map[string]work

// work does what an operator asks for and returns what he is told.
type work func(*call) (any, error)

// call is one request of an operator who has been let in.
type call struct {
	*gateway.Operator
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
}

// api serves an address of the API.
func (h *Handler) api(path string, take verbs) {
	h.mux.HandleFunc(apiRoot+path, func(w http.ResponseWriter, r *http.Request) {
		answer, err := h.answer(w, r, take)
		if err != nil {
			p := problemOf(err)
			h.tell(r, p, err)
			writeProblem(w, p)
			return
		}
		write(w, http.StatusOK, contentJSON, answer)
	})
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, take verbs) (any, error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do := take[method]
	if do == nil {
		return nil, wrongMethod(w, take.methods())
	}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	default:
		return nil, fault.New(fault.CodeBusy, "")
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.config.RequestTimeout)
	defer cancel()
	c := &call{w: w, r: r, ctx: ctx}
	var err error
	if c.Operator, err = h.operator(c); err != nil {
		return nil, err
	}
	return do(c)
}

func (v verbs) methods() string {
	return strings.Join(slices.Sorted(maps.Keys(v)), ", ")
}

func wrongMethod(w http.ResponseWriter, takes string) error {
	w.Header().Set("Allow", takes)
	return fault.New(fault.CodeMethod, "this address takes %s requests only", takes)
}

// allow returns nil when the operator may do verb on resource. That somebody
// was turned away is on record.
func (h *Handler) allow(c *call, verb gateway.Verb, resource string) error {
	err := c.May(verb, resource)
	if err != nil {
		h.Log.InfoContext(c.ctx, "operator turned away", "user", c.DN, "verb", string(verb), "on", resource, "source", source(c.r))
	}
	return err
}

// tell logs what is not the operator's own affair. What an act came to has been
// logged by the core.
func (h *Handler) tell(r *http.Request, p *Problem, err error) {
	if _, told := errors.AsType[again](err); told || r.Header.Get("Authorization") == "" && certificate(r) == nil {
		return // who says nothing of himself at first is asked, as browsers are
	}
	f := fault.Of(err)
	attrs := []any{"path", r.URL.Path, "source", source(r), "code", string(f.Code), "reason", f.Message}
	if f.Cause != nil {
		attrs = append(attrs, "cause", f.Cause)
	}
	switch f.Kind() {
	case fault.Unauthenticated:
		h.Log.InfoContext(r.Context(), "operator not let in", attrs...)
	case fault.Internal:
		h.Log.ErrorContext(r.Context(), "operations request failed", append(attrs, "reference", p.reference())...)
	case fault.Unavailable:
		h.Log.InfoContext(r.Context(), "operations request not answered", attrs...)
	}
}

// source is the peer's address, without its port.
func source(r *http.Request) string {
	if i := strings.LastIndexByte(r.RemoteAddr, ':'); i >= 0 {
		return strings.Trim(r.RemoteAddr[:i], "[]")
	}
	return r.RemoteAddr
}
