package gateway

import (
	"errors"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Answer is what a door without envelopes replies.
type Answer struct {
	ContentType string
	Body        []byte // nil when there is nothing to say
	Code        string // the fault's, else empty
	// Fault names the contract's fault that Body is, and Reason is what the
	// mapping says with it; both are empty for everything else.
	Fault, Reason string
}

// Declared is the fault of the contract that the mapping answers with, in the
// format of the message; nil when f is none.
func (r *Receipt) Declared(f *fault.Error) (*Answer, error) {
	if mapping.DeclaredOf(f) == nil {
		return nil, nil
	}
	told := *r
	told.Fault = f
	a, err := told.troubled()
	return &a, err
}

// Answer is the reply in the format of the message, its XML or its JSON twin; of
// a message that is held, the fault: in that format, too, where the mapping
// answers with one of the contract, else as a problem document (RFC 9457).
func (r *Receipt) Answer() (Answer, error) {
	switch {
	case r.Fault != nil:
		return r.troubled()
	case r.Reply == nil:
		return Answer{}, nil
	case r.Format != JSON:
		return Answer{ContentType: contentXML, Body: r.Reply}, nil
	}
	return r.twin(r.Operation.Output.Element, r.Reply, Answer{})
}

func (r *Receipt) troubled() (Answer, error) {
	a := Answer{Code: string(r.Fault.Code)}
	if d := mapping.DeclaredOf(r.Fault); d != nil {
		a.Fault, a.Reason = d.Fault.Name, d.Reason
		return r.twin(d.Fault.Element, d.Detail, a)
	}
	var err error
	a.ContentType = "application/problem+json"
	a.Body, err = problem(r)
	return a, err
}

// twin completes an answer with an element in the format of the message.
func (r *Receipt) twin(el *contract.Element, literal []byte, a Answer) (Answer, error) {
	if r.Format != JSON {
		a.ContentType, a.Body = contentXML, literal
		return a, nil
	}
	tree, err := document.Read(literal)
	if err != nil {
		return Answer{}, err
	}
	defer tree.Release()
	a.ContentType = contentJSON
	a.Body, err = contract.AppendJSON(nil, el, tree.Root())
	return a, err
}

// answer makes the error of an outcome what the sender is told: located in what
// it wrote, and as a fault of the contract where the mapping says so.
func (p *passage) answer(o Outcome) error {
	if o.Status != Superseded {
		return p.declared(p.located(o.Err))
	}
	// The ledger has it, but a caller that waits must not take it for done.
	err := p.declared(fault.New(fault.CodeSuperseded, ""))
	if p.arrival.Asynchronous() && mapping.DeclaredOf(err) == nil || p.receipt.Operation.OneWay() {
		return nil
	}
	return err
}

// declared turns a fault into the one of the contract that the mapping answers
// it with, if any: as a cause that the door writes. The tree of the message, if
// it was read, must still be there.
func (p *passage) declared(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || !p.declares() {
		return err
	}
	if p.arrival.Asynchronous() && f.Kind() == fault.NotYet {
		return err // it is no answer yet: the message waits
	}
	if mapping.DeclaredOf(f) == nil {
		in := p.input
		if !in.Payload.Exists() {
			in = p.facing()
		}
		if p.query != nil {
			f = p.query.Answerer.Declare(&in, f)
		} else {
			f = p.writer.mapping.Declare(&in, f)
		}
	}
	d := mapping.DeclaredOf(f)
	if d == nil || !p.arrival.enveloped() {
		return f
	}
	detail, err := p.detail(d)
	if err != nil {
		return fault.New(fault.CodeInternal, "").Because(errors.Join(err, f))
	}
	return f.Because(&envelope.Cause{Detail: detail, Reason: d.Reason, Action: d.Fault.Action, Err: d})
}

// declares reports whether the mapping, or the query, answers anything with a fault of
// the contract.
func (p *passage) declares() bool {
	if p.query != nil {
		return p.query.Answerer.Declares()
	}
	return p.writer != nil && len(p.writer.mapping.Faults) > 0
}

// detail is the only child of a SOAP fault's detail, in SOAP encoding where the
// operation's messages are.
func (p *passage) detail(d *mapping.Declared) ([]byte, error) {
	if out := p.receipt.Operation.Output; out == nil || out.Use != contract.Encoded {
		return d.Detail, nil
	}
	return encoded.Append(nil, p.receipt.Head.Version, d.Fault.Element, d.Detail)
}

// facing is what a mapping is told of a message that nobody could read.
func (p *passage) facing() mapping.Input {
	in := mapping.Input{
		Properties: p.arrival.Properties,
		Message:    mapping.MessageFacts{ID: p.receipt.ID.String(), ReceivedAt: p.at, MessageID: p.messageID()},
	}
	if p.principal != nil {
		in.Principal = mapping.Principal{Login: p.principal.Login, DN: p.principal.DN, Partner: p.principal.Partner}
	}
	return in
}
