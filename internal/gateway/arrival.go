package gateway

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// Format is the form in which a message stands at its door.
type Format uint8

// The formats.
const (
	Envelope Format = iota // a SOAP envelope
	XML                    // the payload element alone
	JSON                   // the payload element's JSON twin
)

// The content types that the ledger keeps payloads under.
const (
	contentXML  = "application/xml"
	contentJSON = "application/json"
)

// Arrival is one message at a door, before anything is known of it.
type Arrival struct {
	// Endpoint is the door: soap:orders/OrderService, without the operation,
	// rest:submit-order, or amqp:in.orders.
	Endpoint string
	Format   Format
	Body     []byte // UTF-8, whole; not modified, but read until the lane is done with it
	// Places tells where Body's places stood in the bytes received, when it was
	// made of another encoding; else nil.
	Places      *document.Origin
	Remote      string // peer address, for the refusal's record
	TraceParent string // W3C Trace Context, or empty

	// What a synchronous door adds.

	// Waits says that the sender waits for the answer to a message without an
	// envelope; that of an Envelope always does.
	Waits   bool
	Service *contract.Service // of an Envelope
	Basic   *Credentials      // what HTTP Basic said, or nil
	Bearer  string            // a bearer token, not looked at yet, or empty
	// Certificate is the client certificate that the caller's connection proved
	// to be its own and that leads to an authority trusted here, or nil.
	Certificate *x509.Certificate
	// Action is the SOAPAction or action parameter as sent, unquoted; a hint only.
	Action string
	// Check, when set, is the door's own judgement of the envelope's head, such
	// as whether it suits the transport. It is called once, after the peek, also
	// when that failed, with what it learned; an error ends the message.
	Check func(*envelope.Head) error
	// Queue is the line in which the sender wants the message to stand, as its
	// transport says.
	Queue string
	// Attachments are what came beside the envelope, in the message's order. nil:
	// it came alone.
	Attachments []*Attachment

	// What an asynchronous door adds.

	// ID is the message's, and rises in the order of delivery: messages that are
	// held wait in the order of their ids. However often the door hands the
	// message over, it is one id, so that a commit in doubt is found again. The
	// zero ID has the core make one.
	ID ID
	// Sender is the login that the broker vouches for, or that is configured.
	Sender      string
	MessageID   string // AMQP message-id; of SOAP, the one in the address; of REST, the Idempotency-Key
	Correlation string // AMQP correlation-id
	ContentType string // as sent
	Properties  map[string]string
	// Origin is the same at every delivery of one message, and of no other: a
	// digest of endpoint, message id and bytes as received.
	Origin      Digest
	Redelivered bool
	// Refusal is what the door itself found wrong with the message; it is kept
	// with that.
	Refusal error

	// Of another attempt of a held message.
	release  *Release
	identity string // what a correction has to keep; empty: there is none
	repeats  *repetition
	attempt  int       // how often it was tried before
	received time.Time // when it came first
	part     *partOf   // nil unless it is one of the parts of another arrival
}

// Credentials are a user name and a password in clear.
type Credentials struct{ Username, Password string }

// Asynchronous reports whether nobody waits at the door: what cannot be stored
// is kept instead of refused.
func (a *Arrival) Asynchronous() bool { return !a.enveloped() && !a.Waits }

// enveloped reports whether there is an envelope around the message.
func (a *Arrival) enveloped() bool { return a.Format == Envelope }

// endpoint is the one that routes and ways in know: with its operation, where
// there may be several behind one door.
func (a *Arrival) endpoint(op *contract.Operation) string {
	if a.enveloped() {
		return a.Endpoint + "." + op.Name
	}
	return a.Endpoint
}

// door is the kind of the endpoint: soap, rest or amqp.
func (a *Arrival) door() string {
	kind, _, _ := strings.Cut(a.Endpoint, ":")
	return kind
}

// understands reports whether the contract declares the header block for the
// operation: what it declares may be marked mustUnderstand. While it is not
// known which of several operations is meant, none is.
func (a *Arrival) understands(head *envelope.Head, block document.Name) bool {
	op, err := a.Service.Dispatch(head.Operation, a.Action, head.Addressing.Action)
	return err == nil && slices.ContainsFunc(op.Input.Headers, func(h *contract.Header) bool { return h.Element.Name == block })
}

// kept is the content type that the ledger keeps the payload under.
func (a *Arrival) kept() string {
	switch {
	case a.Refusal != nil && a.ContentType != "":
		return a.ContentType
	case a.Format == JSON && a.Asynchronous():
		return contentJSON
	}
	return contentXML
}

// Receipt is what a door needs for its answer. Fields are set as far as the
// message came, also when Accept returns an error.
type Receipt struct {
	ID        ID // of this call: the message's when it is stored, the refusal's when it is turned away
	Head      *envelope.Head
	Operation *contract.Operation
	Status    Status
	MessageID ID     // the stored or held message; the first one's for a Duplicate; of a query there is none
	Reply     []byte // the reply payload; nil for a one-way operation
	// Fault is why a message of an asynchronous door is Parked or Waiting, or how
	// its mapping answers that it is Superseded.
	Fault *fault.Error
	// Elsewhere says that the answer, reply or fault, goes to an address that the
	// message names: it is in the outbox, and nothing of it belongs on the
	// connection.
	Elsewhere bool

	// Ways are those that the endpoint takes; nil while it is not known.
	Ways []WayIn
	// Signer signs the answer, reply or fault; nil: nobody does. It is not set
	// before the sender is known: strangers are not worth a signature.
	Signer *wss.Signer

	// Format is the message's: an answer without an envelope is in the same.
	Format Format
}

// Payload is the reply as it stands in the Body of an envelope: as it is stored,
// or its parts alone, or in SOAP encoding, of the version that the request came
// in, as the operation's binding says. It is not for one-way operations.
func (r *Receipt) Payload() ([]byte, error) {
	out := r.Operation.Output
	if out.Use != contract.Encoded || len(r.Reply) == 0 {
		return out.BodyOf(r.Reply)
	}
	return encoded.Append(make([]byte, 0, 2*len(r.Reply)), r.Head.Version, out.Element, r.Reply)
}
