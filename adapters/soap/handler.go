package soap

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// root is the path below which services are found.
const root = "/soap/"

// Acceptor is the core as this door sees it.
type Acceptor interface {
	// Accept takes a message to its answer. The Receipt is never nil, the error
	// is always a *fault.Error, and the end of ctx ends only the waiting.
	Accept(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error)
	// Contracts returns what is served now.
	Contracts() []*contract.Contract
	// Security is what is demanded of messages to an endpoint with its operation.
	Security(endpoint string) gateway.Security
}

// Handler serves all services of the contracts in use below /soap/. It is safe
// for concurrent use.
type Handler struct {
	config Config
	core   Acceptor
	door   *httpdoor.Door
	spool  Spool            // nil: attachments are held in memory
	turned func(fault.Code) // nil: nobody counts
	log    *slog.Logger
}

// NewHandler returns a handler over core. c must be valid.
func NewHandler(c Config, core Acceptor, log *slog.Logger) *Handler {
	c = c.withDefaults()
	return &Handler{config: c, core: core, door: httpdoor.New(c.door()), log: log}
}

// Door is what other doors on the same listener share with this one: its limits
// bound them together.
func (h *Handler) Door() *httpdoor.Door { return h.door }

// CountRefusals sets what is told of each request that the door turns away by
// itself. It is called before the handler serves.
func (h *Handler) CountRefusals(turned func(fault.Code)) { h.turned = turned }

// ServeHTTP answers one request. It answers every POST with an envelope or with
// nothing (202), whatever went wrong.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, Exchange: h.door.Begin(w, r), version: envelope.V11}
	defer x.recover()
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	*httpdoor.Exchange
	version  envelope.Version // to answer in
	endpoint string
	head     *envelope.Head   // nil until the door has looked
	receipt  *gateway.Receipt // nil until the core has seen the message
	id       gateway.ID       // in the receipt's place while there is none
	// optimised says that the request was MTOM: some clients that send it read
	// nothing else.
	optimised bool
}

func (x *exchange) serve() error {
	c, s := x.find()
	switch x.R.Method {
	case http.MethodGet, http.MethodHead:
		return x.get(c, s)
	case http.MethodPost:
		if s == nil {
			return fault.New(fault.CodeNoEndpoint, "")
		}
		return x.post(s)
	default:
		x.W.Header().Set("Allow", "GET, HEAD, POST")
		return fault.New(fault.CodeMethod, "")
	}
}

// find returns the service that the path names, or nils.
func (x *exchange) find() (*contract.Contract, *contract.Service) {
	path, ok := strings.CutPrefix(x.R.URL.Path, root)
	system, service, found := strings.Cut(path, "/")
	if !ok || !found {
		return nil, nil
	}
	for _, c := range x.core.Contracts() {
		if c.System != system {
			continue
		}
		if s := c.Service(service); s != nil {
			x.endpoint = "soap:" + system + "/" + service
			return c, s
		}
	}
	return nil, nil
}

// recover turns a panic into an internal fault, and into a broken connection
// where half a reply may have left already.
func (x *exchange) recover() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // it is compared so by net/http too
		panic(p)
	}
	x.log.ErrorContext(x.R.Context(), "soap handler panicked",
		"endpoint", x.endpoint, "reference", x.reference(), "panic", p, "stack", string(debug.Stack()))
	if x.Answered() {
		panic(http.ErrAbortHandler)
	}
	x.answerFault(fault.New(fault.CodeInternal, ""))
}

// reference is the id under which the ledger or the log knows this exchange.
func (x *exchange) reference() gateway.ID {
	if x.receipt != nil {
		return x.receipt.ID
	}
	if x.id == uuid.Nil {
		x.id = uuid.Must(uuid.NewV7())
	}
	return x.id
}
