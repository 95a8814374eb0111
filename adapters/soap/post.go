package soap

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// post takes one message to its reply.
func (x *exchange) post(s *contract.Service) error {
	req, err := readRequest(x.R.Header)
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
	shown, err := x.Shown()
	if err != nil {
		return err
	}
	in := x.Intake()
	defer in.Release()
	body, attachments, discard, err := x.read(in, &req)
	defer discard()
	if err != nil {
		return err
	}
	x.Arrived()
	leave, err := x.Enter(x.R.Context(), x.Peer, len(body))
	defer leave()
	if err != nil {
		return err
	}
	body, places, err := transcode(body, req.charset)
	if err != nil {
		return err
	}
	once, err := exactlyOnce(x.R.URL)
	if err != nil {
		return err
	}
	x.receipt, err = x.core.Accept(x.R.Context(), &gateway.Arrival{
		Endpoint:    x.endpoint,
		Service:     s,
		Body:        body,
		Places:      places,
		Basic:       shown.Basic,
		Bearer:      shown.Bearer,
		Certificate: shown.Certificate,
		Remote:      x.Peer.Remote,
		TraceParent: httpdoor.TraceParent(x.R.Header),
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
func (x *exchange) read(in *httpdoor.Intake, req *request) (body []byte, attachments []*gateway.Attachment, discard func(), err error) {
	if req.related == nil {
		body, err = in.Read(x.W, x.R)
		return body, nil, func() {}, err
	}
	p, err := x.unpack(in, req)
	discard = func() {
		if err := p.discard(); err != nil {
			x.log.WarnContext(x.R.Context(), "spooled attachments not removed", "error", err)
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
	case head.Token != nil && !head.Token.Digest && !x.TakesPasswords():
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
	f := fault.New(fault.CodeAddressing, "the action is %q in HTTP and %q in WS-Addressing", httpdoor.Clip(http), httpdoor.Clip(addressing))
	return f.Because(&envelope.Cause{Subcodes: []document.Name{
		{Space: envelope.NamespaceAddressing, Local: "InvalidAddressingHeader"},
		{Space: envelope.NamespaceAddressing, Local: "ActionMismatch"},
	}})
}

// reply answers with the payload in an envelope of the request's version, or
// with nothing: to a one-way message, to a sender whose ReplyTo is the none
// address (WS-Addressing 1.0 §2.1), and where the answer goes to an address of
// its own.
func (x *exchange) reply() error {
	r := x.receipt
	header := x.W.Header()
	if r.MessageID != (gateway.ID{}) { // an answer to a query has none
		header.Set(httpdoor.HeaderMessageID, r.MessageID.String())
	}
	if r.Status == gateway.Duplicate {
		header.Set(httpdoor.HeaderDuplicate, "true")
	}
	if exchange := r.Head.Exchange; exchange != nil {
		return x.replyExchange(exchange)
	}
	if r.Elsewhere || r.Operation.OneWay() || r.Head.Addressing.ReplyTo == envelope.AddressNone {
		x.Write(http.StatusAccepted, nil)
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
	x.W.Header().Set("Content-Type", x.version.MediaType()+"; charset=utf-8")
	x.Write(status, body)
}
