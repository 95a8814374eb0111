package contract

import (
	"slices"

	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// ValidatePayload checks a message that comes without its envelope: a document
// in UTF-8 whose root is the operation's input element, or an element that may
// stand for it (XSD 1.0 part 1 §3.3.6). It is as strict as Validate and answers
// in the same way; paths begin at the root element. A root that is another
// element is one detail.
//
// The error is a *fault.Error, of kind not_found for an operation that is not
// served, else as for Validate.
//
// ValidatePayload is safe for concurrent use and does not keep the bytes.
func (s *Service) ValidatePayload(op *Operation, payload []byte, limit int) (details []fault.Detail, more int, err error) {
	return s.ValidatePayloadWith(op, payload, nil, limit)
}

// ValidatePayloadWith is ValidatePayload a message that was written with
// references to its attachments (Write): where the contract has octets in base64,
// a reference to one of the parts counts as its value.
func (s *Service) ValidatePayloadWith(op *Operation, payload []byte, parts Parts, limit int) (details []fault.Detail, more int, err error) {
	if err := s.takes(op); err != nil {
		return nil, 0, err
	}
	if len(parts) > 0 {
		if payload, err = s.restored(op, payload, parts); err != nil {
			return nil, 0, err
		}
	}
	if err := crowded(payload); err != nil {
		return nil, 0, err
	}
	if mentionsXOP(payload) {
		if details, more, err := s.withoutParts(payload, limit); err != nil || len(details) > 0 {
			return details, more, err
		}
	}
	var verdict error
	if !s.gated {
		if verdict = s.engineOf(op).Validate(payload); verdict == nil && begins(payload, op.Input.Element.Name) {
			return nil, 0, nil
		}
	}
	tree, err := document.Read(payload)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer tree.Release()
	el, wrong := s.rootOf(op, tree.Root(), verdict == nil)
	if el == nil {
		return []fault.Detail{wrong}, 0, nil
	}
	if s.gated {
		if err := s.gate(op, tree.Root()); err != nil || !s.modelled {
			return nil, 0, err
		}
	}
	x, err := s.judge(tree, verdict, func(x *explainer) { x.element(tree.Root(), el) })
	if err != nil {
		return nil, 0, err
	}
	details, more = x.limited(limit)
	return details, more, nil
}

// withoutParts refuses each xop:Include of a message that no attachments can have
// come with.
func (s *Service) withoutParts(payload []byte, limit int) ([]fault.Detail, int, error) {
	tree, err := document.Read(payload)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer tree.Release()
	a := &attached{explainer: explainer{service: s}, source: payload}
	a.walk(tree.Root())
	details, more := a.limited(limit)
	return details, more, nil
}

// takes returns the fault for an operation whose messages nobody can send.
func (s *Service) takes(op *Operation) error {
	switch {
	case op == nil:
		return fault.New(fault.CodeUnknownOperation, "")
	case op.Unsupported != "":
		return fault.New(fault.CodeUnknownOperation, "operation %s of service %s is not served: %s", op.Name, s.Name, op.Unsupported)
	case op.Input == nil || op.Input.Element == nil:
		return fault.New(fault.CodeUnknownOperation, "operation %s of service %s is not served: it has no input element", op.Name, s.Name)
	}
	return nil
}

// begins reports whether the root element of a well-formed document has that
// name; it looks no further.
func begins(payload []byte, name Name) bool {
	tree, err := document.ReadUntil(payload, document.Limits{}, func(document.Node) bool { return true })
	if err != nil {
		return false
	}
	defer tree.Release()
	return tree.Root().Is(name)
}

// rootOf returns the declaration that the root is to be held against; nil, and
// why, when it is no message of the operation. Whether a substitute may stand
// there is only judged when it is valid by itself.
func (s *Service) rootOf(op *Operation, root document.Node, valid bool) (*Element, fault.Detail) {
	el, name := op.Input.Element, root.Name()
	if name == el.Name {
		return el, fault.Detail{}
	}
	other := s.Operation(name)
	if sub := el.substitute(name); sub != nil && other == nil && (!valid || s.stands(op, root)) {
		return sub, fault.Detail{}
	}
	line, column := root.Position()
	d := fault.Detail{Message: "the root element is not the message of operation " + op.Name, Path: root.Path(),
		Line: line, Column: column, Found: name.String(), Expected: el.Name.String()}
	switch {
	case notEnvelope(root) == nil:
		d.Message = "the message stands in a SOAP envelope; here it is sent without one"
	case other != nil:
		d.Message += ", but of operation " + other.Name
	}
	return nil, d
}

// stands reports whether a root that is valid by itself may stand for the input
// element. That is the engine's to judge (the schema's block and final), in the
// one place where it refers to that element.
func (s *Service) stands(op *Operation, root document.Node) bool {
	return s.engineOf(op).Validate(enclosed(root)) == nil
}

// enclosed is an envelope around the root.
func enclosed(root document.Node) []byte {
	return slices.Concat([]byte(envelopeStart), root.Source(), []byte(envelopeEnd))
}

const (
	envelopeStart = `<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Body>`
	envelopeEnd   = `</e:Body></e:Envelope>`
)

// gate is all that a degraded service checks of a message whose root is known:
// that the engine, too, takes it for well-formed and within its limits.
func (s *Service) gate(op *Operation, root document.Node) error {
	verdict := s.engineOf(op).Validate(enclosed(root))
	if verdict == nil {
		return nil
	}
	err := fatal(xsderrors.Flatten(verdict))
	if err == nil {
		return fault.New(fault.CodeInternal, "").Because(verdict)
	}
	f := fault.Of(err)
	line, column := root.Position()
	for i := range f.Details {
		d := &f.Details[i]
		if d.Line == 1 {
			d.Column += column - 1 - len(envelopeStart)
		}
		d.Line += line - 1
	}
	return f
}
