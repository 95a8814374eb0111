package soap

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The headers that tell a caller, and whoever reads its log, what became of a
// message.
const (
	headerMessageID = "Gateway-Message-Id" // the stored message
	headerDuplicate = "Gateway-Duplicate"  // "true" when it was stored by an earlier request
	headerReference = "Gateway-Reference"  // what a fault is known by to the operator
	headerCode      = "Gateway-Code"       // of the fault, which the contract's own faults have no place for
)

// post takes one message to its reply.
func (x *exchange) post(s *contract.Service) error {
	req, err := readRequest(x.r.Header)
	x.version = req.version
	if err != nil {
		return err
	}
	if err := x.accept(s, req); err != nil {
		return err
	}
	return x.reply()
}

// accept reads the body and hands it to the core. Places are given back before
// the reply is written: a slow reader holds none.
func (x *exchange) accept(s *contract.Service, req request) error {
	basic, bearer, err := authorization(x.r.Header)
	if err != nil {
		return err
	}
	switch {
	case x.takesPasswords():
	case basic != nil:
		return fault.New(fault.CodeClearTextPassword, "")
	case bearer != "":
		return fault.New(fault.CodeClearTextPassword, "a bearer token is taken over TLS only")
	}
	in := x.bodies.intake()
	defer in.release()
	body, attachments, discard, err := x.read(in, &req)
	defer discard()
	if err != nil {
		return err
	}
	x.arrived = true
	if !x.working.take() {
		return fault.New(fault.CodeBusy, "")
	}
	defer x.working.free()
	caller := callerOf(x.peer.remote)
	if !x.callers.take(caller) {
		return fault.New(fault.CodeBusy, "too many requests of this caller are worked on; try again later")
	}
	defer x.callers.free(caller)
	if len(body) > smallBody {
		if !x.heavy.wait(x.r.Context()) {
			return fault.New(fault.CodeBusy, "")
		}
		defer x.heavy.free()
	}
	body, places, err := transcode(body, req.charset)
	if err != nil {
		return err
	}
	once, err := exactlyOnce(x.r.URL)
	if err != nil {
		return err
	}
	x.receipt, err = x.core.Accept(x.r.Context(), &gateway.Arrival{
		Endpoint:    x.endpoint,
		Service:     s,
		Body:        body,
		Places:      places,
		Basic:       basic,
		Bearer:      bearer,
		Certificate: x.certificate(),
		Remote:      x.peer.remote,
		TraceParent: traceParent(x.r.Header),
		Action:      req.action,
		Check:       func(h *envelope.Head) error { return x.judge(h, req) },
		Attachments: attachments,
		MessageID:   once.id,
		Queue:       once.queue,
	})
	return err
}

// read reads the envelope and what comes with it. discard gives back what of that
// is not kept once the core has seen it; it is never nil.
func (x *exchange) read(in *intake, req *request) (body []byte, attachments []*gateway.Attachment, discard func(), err error) {
	if req.related == nil {
		body, err = in.read(x.w, x.r)
		return body, nil, func() {}, err
	}
	p, err := x.unpack(in, req)
	discard = func() {
		if err := p.discard(); err != nil {
			x.log.WarnContext(x.r.Context(), "spooled attachments not removed", "error", err)
		}
	}
	return p.root, p.attachments, discard, err
}

// transcode returns the envelope in UTF-8. A charset parameter that nobody here
// reads is a matter of the media type; bytes that break their charset are not.
func transcode(body []byte, charset string) ([]byte, *document.Origin, error) {
	text, places, err := document.Decode(body, charset)
	if err == nil {
		return text, places, nil
	}
	code := fault.CodeEncoding
	if _, unknown := document.ToUTF8(nil, charset); unknown != nil {
		code = fault.CodeMediaType
	}
	where := fault.Detail{Message: err.Error()}
	if s, ok := errors.AsType[*document.SyntaxError](err); ok {
		where = fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column}
	}
	return nil, nil, fault.New(code, "").With(where)
}

// judge holds what the envelope says of itself against the transport it came by.
func (x *exchange) judge(head *envelope.Head, req request) error {
	x.head = head
	switch {
	case head.Version != 0 && head.Version != req.version:
		return fault.New(fault.CodeVersionMismatch, "the Content-Type belongs to SOAP %s, the envelope's namespace to SOAP %s", req.version, head.Version)
	case head.Token != nil && !head.Token.Digest && !x.takesPasswords():
		return fault.New(fault.CodeClearTextPassword, "")
	default:
		return sameAction(req.action, head.Addressing.Action)
	}
}

// sameAction refuses two actions for one message (WS-Addressing 1.0 SOAP
// Binding §6.4.1): both name the same, or HTTP names none.
func sameAction(http, addressing string) error {
	if http == "" || addressing == "" || http == addressing {
		return nil
	}
	f := fault.New(fault.CodeAddressing, "the action is %q in HTTP and %q in WS-Addressing", clip(http), clip(addressing))
	return f.Because(&envelope.Cause{Subcodes: []document.Name{
		{Space: envelope.NamespaceAddressing, Local: "InvalidAddressingHeader"},
		{Space: envelope.NamespaceAddressing, Local: "ActionMismatch"},
	}})
}

// takesPasswords reports whether a password may come the way this request came.
func (x *exchange) takesPasswords() bool {
	if x.peer.secure {
		return true
	}
	if required := x.config.RequireTLSForPasswords; required != nil {
		return !*required
	}
	return x.peer.local
}

// traceParent returns the traceparent header when it is valid, and else
// nothing: a foreign id is never repaired.
func traceParent(h http.Header) string {
	if v := h.Get("Traceparent"); envelope.IsTraceParent(v) {
		return v
	}
	return ""
}

// reply answers with the payload in an envelope of the request's version, or
// with nothing: to a one-way message, to a sender whose ReplyTo is the none
// address (WS-Addressing 1.0 §2.1), and where the answer goes to an address of
// its own.
func (x *exchange) reply() error {
	r := x.receipt
	header := x.w.Header()
	header.Set(headerMessageID, r.MessageID.String())
	if r.Status == gateway.Duplicate {
		header.Set(headerDuplicate, "true")
	}
	if r.Elsewhere || r.Operation.OneWay() || r.Head.Addressing.ReplyTo == envelope.AddressNone {
		x.write(http.StatusAccepted, nil)
		return nil
	}
	payload, err := r.Payload()
	if err != nil {
		return err
	}
	head := r.Head.Reply(r.Operation.OutputAction, "urn:uuid:"+r.ID.String())
	const frame = 1 << 10
	var beside []contract.Octets
	if x.takesXOP() && r.Signer == nil && r.Operation.Output.Use != contract.Encoded {
		payload, beside = contract.Extract(payload, r.Operation.Output.Element, leastOctets, func(n int) string { return replyContentID(r.ID, n) })
	}
	body, err := x.signed(envelope.AppendReply(make([]byte, 0, len(payload)+frame), head, payload))
	if err != nil {
		return err
	}
	x.writeEnvelope(http.StatusOK, body, beside...)
	return nil
}

// signed signs an answer where the endpoint has that done. What is signed goes in
// one piece: a signature says nothing of what lies beside it.
func (x *exchange) signed(body []byte) ([]byte, error) {
	if x.receipt == nil || x.receipt.Signer == nil {
		return body, nil
	}
	out, err := x.receipt.Signer.Sign(body, time.Now())
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	return out, nil
}

func (x *exchange) writeEnvelope(status int, body []byte, beside ...contract.Octets) {
	if x.optimised || len(beside) > 0 {
		x.writeRelated(status, body, beside)
		return
	}
	x.w.Header().Set("Content-Type", x.version.MediaType()+"; charset=utf-8")
	x.write(status, body)
}

// write sends status and body at once, in bounded time. An error means that the
// caller is gone; a stored message's reply waits for its repeat.
func (x *exchange) write(status int, body []byte) {
	x.answered = true
	header := x.w.Header()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.config.BodyTimeout))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
}
