package soap

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

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
	config    Config
	core      Acceptor
	addresses addresses
	bodies    bodyReader
	working   places
	callers   *callers
	heavy     places           // large bodies that the core has in hand
	spool     Spool            // nil: attachments are held in memory
	turned    func(fault.Code) // nil: nobody counts
	log       *slog.Logger
}

// NewHandler returns a handler over core. c must be valid.
func NewHandler(c Config, core Acceptor, log *slog.Logger) *Handler {
	c = c.withDefaults()
	return &Handler{
		config:    c,
		core:      core,
		addresses: addresses{public: c.PublicURL, trusted: c.TrustedProxies},
		bodies:    bodyReader{max: int64(c.MaxBodyBytes), timeout: c.BodyTimeout, large: &budget{most: int64(c.MaxLargeBodies) * (int64(c.MaxBodyBytes) + 1)}},
		working:   newPlaces(c.MaxConcurrent),
		callers:   newCallers(c.MaxPerCaller),
		heavy:     newPlaces(largeAtOnce),
		log:       log,
	}
}

// CountRefusals sets what is told of each request that the door turns away by
// itself. It is called before the handler serves.
func (h *Handler) CountRefusals(turned func(fault.Code)) { h.turned = turned }

// ServeHTTP answers one request. It answers every POST with an envelope or with
// nothing (202), whatever went wrong.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, r: r, peer: h.addresses.of(r), version: envelope.V11}
	defer x.recover()
	x.limitArrival(x.config.BodyTimeout)
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w        http.ResponseWriter
	r        *http.Request
	peer     peer
	version  envelope.Version // to answer in
	endpoint string
	arrived  bool             // the body, to its end
	head     *envelope.Head   // nil until the door has looked
	receipt  *gateway.Receipt // nil until the core has seen the message
	id       gateway.ID       // in the receipt's place while there is none
	answered bool             // the status line may be on its way
	// optimised says that the request was MTOM: some clients that send it read
	// nothing else.
	optimised bool
}

// limitArrival bounds the arrival of the body. Once a body has ended, net/http
// lifts the deadline and watches the connection for the caller's hang-up, as it
// does from the start when there is none.
//
// Deadlines of a connection are real time. A writer without them (a recorder
// in a test) has no slow senders either.
func (x *exchange) limitArrival(d time.Duration) {
	if x.unread() {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(d))
	}
}

// unread reports whether there may be more of the body to come.
func (x *exchange) unread() bool { return x.r.ContentLength != 0 && !x.arrived }

func (x *exchange) serve() error {
	c, s := x.find()
	switch x.r.Method {
	case http.MethodGet, http.MethodHead:
		return x.get(c, s)
	case http.MethodPost:
		if s == nil {
			return fault.New(fault.CodeNoEndpoint, "")
		}
		return x.post(s)
	default:
		x.w.Header().Set("Allow", "GET, HEAD, POST")
		return fault.New(fault.CodeMethod, "")
	}
}

// find returns the service that the path names, or nils.
func (x *exchange) find() (*contract.Contract, *contract.Service) {
	path, ok := strings.CutPrefix(x.r.URL.Path, root)
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
	x.log.ErrorContext(x.r.Context(), "soap handler panicked",
		"endpoint", x.endpoint, "reference", x.reference(), "panic", p, "stack", string(debug.Stack()))
	if x.answered {
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
