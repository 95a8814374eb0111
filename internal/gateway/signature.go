package gateway

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// Security is what one endpoint has signed, and signs.
type Security struct {
	// Signed are the parts that a signature has to cover; none means wss.Usual.
	Signed []wss.Part
	// Demanded refuses messages without a signature. Else a signature is one way in
	// of several.
	Demanded bool
	// Reply signs answers, or is nil.
	Reply *wss.Signer
}

// security is that of the endpoint and operation.
func (p *passage) security() Security {
	s := p.generation.WaysIn.Security[p.arrival.endpoint(p.receipt.Operation)]
	if len(s.Signed) == 0 {
		s.Signed = wss.Usual
	}
	return s
}

// Security is what is demanded now of messages to an endpoint with its operation.
func (g *Gateway) Security(endpoint string) Security {
	return g.generation.Load().WaysIn.Security[endpoint]
}

// mustBeSigned refuses a message that has to be signed and is not, or could not be
// verified as a whole.
func (p *passage) mustBeSigned() error {
	cause := func(local string) *envelope.Cause {
		return &envelope.Cause{Subcodes: []document.Name{{Space: envelope.NamespaceSecurity, Local: local}}}
	}
	switch signed := p.head().Signed; {
	case !signed && p.security().Demanded:
		return fault.New(fault.CodeSignature, "messages to this endpoint have to be signed (WS-Security), and this one is not").Because(cause("InvalidSecurity"))
	case signed && len(p.arrival.Attachments) > 0:
		return fault.New(fault.CodeSignature, "a signed message with attachments is not taken: the signature says nothing of them").Because(cause("InvalidSecurity"))
	}
	return nil
}

// proveSignature verifies the signature over the bytes that are validated and read
// later, has the directory tell whose the certificate is, and takes each signature
// once.
func (g *Gateway) proveSignature(ctx context.Context, p *passage) (*Identity, error) {
	signed, err := g.verify(p)
	if err != nil {
		return nil, err
	}
	identity, err := p.generation.WaysIn.Certificates.Holder(ctx, signed.Certificate)
	if err != nil {
		return nil, err
	}
	until := signed.Until
	if until.IsZero() { // no signed Timestamp, as the endpoint has it
		until = p.now.Add(p.generation.WaysIn.window())
	}
	switch g.nonces.use("signature of "+identity.DN, signed.Once, p.now, until) {
	case nonceUsed:
		cause := &envelope.Cause{Subcodes: []document.Name{{Space: envelope.NamespaceUtility, Local: "MessageExpired"}}}
		return nil, fault.New(fault.CodeMessageExpired, "a message with this signature came before: one that is sent again has to be signed anew").Because(cause)
	case noncesFull:
		return nil, fault.New(fault.CodeBusy, "").Because(errors.New("too many signatures within the window"))
	}
	return identity, nil
}

// verify looks at the envelope's head first: who may not sign has no more of it read.
// Then it reads the whole, which waits for a processor where it is large, as it does
// to be validated.
func (g *Gateway) verify(p *passage) (*wss.Signed, error) {
	head, err := envelope.ReadHead(p.arrival.Body, g.config.Envelope)
	if err != nil {
		return nil, err
	}
	proof, err := p.generation.WaysIn.Signatures.Genuine(head, p.now)
	head.Release()
	if err != nil {
		return nil, err
	}
	defer g.processor(len(p.arrival.Body))()
	tree, err := document.Read(p.arrival.Body)
	if err != nil {
		return nil, malformed(err)
	}
	defer tree.Release()
	return p.generation.WaysIn.Signatures.VerifyRest(tree, proof, p.security().Signed, p.now)
}

// malformed is what reading says of bytes that the validator has not seen.
func malformed(err error) error {
	f := fault.New(fault.CodeMalformed, "")
	if s, ok := errors.AsType[*document.SyntaxError](err); ok {
		if s.Reason == document.Doctype {
			f = fault.New(fault.CodeDoctype, "")
		}
		return f.With(fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column})
	}
	return f.Because(err)
}
