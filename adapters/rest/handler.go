package rest

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Root is the path below which everything of this door is found.
const Root = "/api/"

// door is the kind of the endpoints: rest:submit-order.
const door = "rest"

// documentName is the OpenAPI document's below Root.
const documentName = "openapi.json"

// Acceptor is the core as this door sees it.
type Acceptor interface {
	// Accept takes a message to its answer. The Receipt is never nil, the error
	// is always a *fault.Error, and the end of ctx ends only the waiting.
	Accept(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error)
	// Entrance returns an endpoint that messages are taken at now, or nil.
	Entrance(endpoint string) *gateway.Entrance
	// Entrances lists those of a kind of door, and the configuration that has them.
	Entrances(door string) (all []*gateway.Entrance, version string)
}

// Resource is something besides routes that is found below Root, such as views.
// Its names and those of routes are different.
type Resource interface {
	// Methods are those that it answers to at the path below Root, such as
	// orders/4711; none when nothing of its own is there.
	Methods(path string) []string
	// Serve answers a request with one of them. An error becomes a problem document,
	// unless an answer has begun.
	Serve(x *Exchange, path string) error
	// Describe adds its paths to the OpenAPI document. What it adds depends on the
	// configuration alone.
	Describe(d *Document)
}

// Guarded is a Resource whose names are nobody's business who may not use them: to
// others it is as if there were none.
type Guarded interface {
	Resource
	// Admit returns the fault for somebody who may not read what is at a path below
	// Root, which is the same whether anything is there or not; nil when he may.
	Admit(x *Exchange, path string) error
}

// Handler serves everything below Root. It is safe for concurrent use.
type Handler struct {
	door      *httpdoor.Door
	core      Acceptor
	resources []Resource
	documents documents
	turned    func(fault.Code) // nil: nobody counts
	log       *slog.Logger
}

// NewHandler returns a handler over core, on the listener of d.
func NewHandler(d *httpdoor.Door, core Acceptor, log *slog.Logger) *Handler {
	return &Handler{door: d, core: core, log: log}
}

// Add has the handler serve a resource. It is called before the handler serves.
func (h *Handler) Add(r Resource) { h.resources = append(h.resources, r) }

// CountRefusals sets what is told of each request that the door turns away by
// itself. It is called before the handler serves.
func (h *Handler) CountRefusals(turned func(fault.Code)) { h.turned = turned }

// Takes reports whether a request is this handler's, and not another door's of the
// same listener.
func (h *Handler) Takes(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, Root) || r.URL.Path == strings.TrimSuffix(Root, "/")
}

// Exchange is one request and its answer.
type Exchange struct {
	*httpdoor.Exchange
	// Endpoint is what the log calls the place that was asked, such as
	// rest:submit-order.
	Endpoint string
	// Ways are those that the endpoint takes; nil while it is not known.
	Ways []gateway.WayIn

	handler *Handler
	receipt *gateway.Receipt // nil until the core has seen a message
	id      gateway.ID       // in the receipt's place while there is none
	noted   bool             // a resource has logged its refusal
	places  []Place          // what is wrong with a query; nil: the fault's details say
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{Exchange: h.door.Begin(w, r), handler: h}
	defer x.recover()
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
}

func (x *Exchange) serve() error {
	path := strings.TrimPrefix(strings.TrimPrefix(x.R.URL.Path, strings.TrimSuffix(Root, "/")), "/")
	x.Endpoint = door + ":" + path
	if e := x.handler.core.Entrance(x.Endpoint); e != nil && path != "" {
		if err := x.only(http.MethodPost); err != nil {
			return err
		}
		return x.post(e)
	}
	for _, r := range x.handler.resources {
		methods := r.Methods(path)
		if len(methods) == 0 {
			continue
		}
		if g, ok := r.(Guarded); ok && !slices.Contains(methods, x.R.Method) && g.Admit(x, path) != nil {
			break // whoever may not read it does not learn that something is there
		}
		if err := x.only(methods...); err != nil {
			return err
		}
		return r.Serve(x, path)
	}
	switch path {
	case "", documentName:
		if err := x.only(http.MethodGet, http.MethodHead); err != nil {
			return err
		}
		return x.describe(path)
	}
	x.Endpoint = door + ":" // what somebody made up is no name for the log
	return x.nothing(path)
}

// nothing answers where nothing is: to who reads, as if it were what he may not read.
func (x *Exchange) nothing(path string) error {
	for _, r := range x.handler.resources {
		if g, ok := r.(Guarded); ok && slices.Contains(reading, x.R.Method) {
			if err := g.Admit(x, path); err != nil {
				return err
			}
		}
	}
	x.Ways = nil
	return fault.New(fault.CodeNoEndpoint, "")
}

// only refuses every method but those that are listed.
func (x *Exchange) only(methods ...string) error {
	if slices.Contains(methods, x.R.Method) {
		return nil
	}
	x.W.Header().Set("Allow", strings.Join(methods, ", "))
	return fault.New(fault.CodeMethod, "this endpoint takes %s requests only", strings.Join(methods, " and "))
}

// Answer writes an answer of a media type.
func (x *Exchange) Answer(status int, mediaType string, body []byte) {
	x.W.Header().Set("Content-Type", mediaType)
	x.Write(status, body)
}

// recover turns a panic into an internal fault, and into a broken connection
// where half an answer may have left already.
func (x *Exchange) recover() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // it is compared so by net/http too
		panic(p)
	}
	x.handler.log.ErrorContext(x.R.Context(), "rest handler panicked",
		"endpoint", x.Endpoint, "reference", x.reference(), "panic", p, "stack", string(debug.Stack()))
	if x.Answered() {
		panic(http.ErrAbortHandler)
	}
	x.answerProblem(fault.New(fault.CodeInternal, ""))
}

// reference is the id under which the ledger or the log knows this exchange.
func (x *Exchange) reference() gateway.ID {
	if x.receipt != nil {
		return x.receipt.ID
	}
	if x.id == uuid.Nil {
		x.id = uuid.Must(uuid.NewV7())
	}
	return x.id
}
