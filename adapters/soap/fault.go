package soap

import (
	"net/http"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// verdict is how a fault looks from outside.
type verdict struct {
	status int
	code   envelope.Code
}

// byKind is the door's table: every kind that is not listed is internal.
//
// A code is the sender's (Client, Sender) when the same message will fail
// again, and ours (Server, Receiver) when it may succeed later (SOAP 1.1
// §4.4.1, SOAP 1.2 part 1 §5.4.6).
var byKind = map[fault.Kind]verdict{
	fault.Invalid:         {http.StatusInternalServerError, envelope.Sender},
	fault.Unauthenticated: {http.StatusUnauthorized, envelope.Sender},
	fault.Forbidden:       {http.StatusForbidden, envelope.Sender},
	fault.NotFound:        {http.StatusInternalServerError, envelope.Sender},
	fault.Conflict:        {http.StatusInternalServerError, envelope.Sender},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, envelope.Sender},
	fault.RateLimited:     {http.StatusTooManyRequests, envelope.Receiver},
	fault.NotYet:          {http.StatusServiceUnavailable, envelope.Receiver},
	fault.Unavailable:     {http.StatusServiceUnavailable, envelope.Receiver},
	fault.Internal:        {http.StatusInternalServerError, envelope.Receiver},
}

// byCode holds where HTTP has a better word than the kind's status: the
// request never was a SOAP message (WS-I Basic Profile 1.2 R1113, R1114, R1115),
// or SOAP has a code of its own.
var byCode = map[fault.Code]verdict{
	fault.CodeMethod:          {http.StatusMethodNotAllowed, envelope.Sender},
	fault.CodeMediaType:       {http.StatusUnsupportedMediaType, envelope.Sender},
	fault.CodeEncoding:        {http.StatusBadRequest, envelope.Sender},
	fault.CodeNoEndpoint:      {http.StatusNotFound, envelope.Sender},
	fault.CodeSlow:            {http.StatusRequestTimeout, envelope.Sender},
	fault.CodeHTTP:            {http.StatusBadRequest, envelope.Sender},
	fault.CodeMalformed:       {http.StatusBadRequest, envelope.Sender},
	fault.CodeVersionMismatch: {http.StatusInternalServerError, envelope.VersionMismatch},
	// Of SOAP, and not of HTTP: WCF reads no fault but from status 500.
	fault.CodeSignature:      {http.StatusInternalServerError, envelope.Sender},
	fault.CodeMessageExpired: {http.StatusInternalServerError, envelope.Sender},
	fault.CodeMustUnderstand: {http.StatusInternalServerError, envelope.MustUnderstand},
}

// judgeFault looks a fault up. senderStatus12 is the status of a SOAP 1.2
// sender fault that has no better one.
func judgeFault(f *fault.Error, version envelope.Version, senderStatus12 int) verdict {
	v, ok := byCode[f.Code]
	if !ok {
		v, ok = byKind[f.Kind()]
	}
	if !ok {
		v = byKind[fault.Internal]
	}
	if version == envelope.V12 && v.code == envelope.Sender && v.status == http.StatusInternalServerError {
		v.status = senderStatus12
	}
	return v
}

// refuse answers with a fault. What the core has seen it has logged; what the
// door turned away by itself is logged here.
func (x *exchange) refuse(err error) {
	f := fault.Of(err)
	if x.receipt == nil {
		if x.turned != nil {
			x.turned(f.Code)
		}
		x.log.InfoContext(x.R.Context(), "message refused at the door", "endpoint", x.endpoint, "source", x.Peer.Remote,
			"outcome", f.Kind().String(), "code", string(f.Code), "reference", x.reference(), "reason", f.Error())
	}
	x.Finish()
	x.answerFault(f)
}

// answerFault writes the fault: as an envelope to whoever posted, as a line of
// text to whoever did not and so does not speak SOAP.
func (x *exchange) answerFault(f *fault.Error) {
	v := judgeFault(f, x.version, x.config.FaultStatus12)
	header := x.W.Header()
	header.Set(httpdoor.HeaderReference, x.reference().String())
	header.Set(httpdoor.HeaderCode, string(f.Code))
	var ways []gateway.WayIn
	if x.receipt != nil {
		ways = x.receipt.Ways
	}
	x.Advise(v.status, f, ways)
	if x.R.Method != http.MethodPost {
		x.writeText(v.status, string(f.Code)+": "+f.Message+"\n")
		return
	}
	soapFault := envelope.NewFault(v.code, f, x.head, x.reference().String())
	if x.head != nil && x.head.Exchange != nil {
		soapFault = x.head.Exchange.Fault(soapFault, f, x.reference().String())
	}
	plain := envelope.AppendFault(nil, x.version, soapFault)
	body, err := x.signed(plain)
	if err != nil { // better an unsigned word than none: it says that something is wrong
		x.log.ErrorContext(x.R.Context(), "fault not signed", "endpoint", x.endpoint, "reference", x.reference(), "error", err)
		body = plain
	}
	x.writeEnvelope(v.status, body)
}
