package contract

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Validate checks a whole SOAP envelope of either version, in UTF-8, against
// the contract: the envelope's structure, one known operation in the Body, the
// message itself, and header blocks as far as the contract declares them.
//
// A valid envelope gives no details. Otherwise details are its faults in
// document order, at most limit of them when limit is more than zero and a
// thousand in any case, and more counts the rest. Lines and columns are those of the
// element's start tag. The error is a *fault.Error for what is no judgement of
// the contract: bytes that are not well-formed XML, a DOCTYPE, a document that
// is no envelope, a breach of the parser's limits, more than half a million
// elements.
//
// An xop:Include is refused: ValidateWith takes the attachments.
//
// Validate is safe for concurrent use and does not keep the bytes.
func (s *Service) Validate(envelope []byte, limit int) (details []fault.Detail, more int, err error) {
	return s.ValidateWith(nil, envelope, nil, limit)
}

// ValidateFor is Validate for an envelope that was dispatched: where operations
// share a Body, it is op's that the message is held against. A nil op is the
// likeliest.
func (s *Service) ValidateFor(op *Operation, envelope []byte, limit int) (details []fault.Detail, more int, err error) {
	return s.ValidateWith(op, envelope, nil, limit)
}

// validate judges an envelope that stands for itself.
func (s *Service) validate(op *Operation, envelope []byte, limit int) (details []fault.Detail, more int, err error) {
	if op == nil && s.several {
		op = s.likely(envelope)
	}
	verdict := s.engineOf(op).Validate(envelope)
	if verdict == nil && !s.gated && !s.breaksHeader(op, envelope) {
		return nil, 0, nil
	}
	tree, err := document.Read(envelope)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer tree.Release()
	if err := notEnvelope(tree.Root()); err != nil {
		return nil, 0, err
	}
	if verdict != nil {
		if plain := (&explainer{service: s, operation: op}).plainBlocks(envelope, tree.Root()); plain != nil {
			verdict = s.engineOf(op).Validate(plain)
		}
	}
	x, err := s.judge(tree, verdict, func(x *explainer) { x.operation = op; x.envelope(tree.Root()) })
	if err != nil {
		return nil, 0, err
	}
	x.operation = op
	x.misplacedText = true
	x.declaredBlocks(tree.Root(), x.dispatched(tree.Root()))
	details, more = x.limited(limit)
	return details, more, nil
}

// likely is the operation that an envelope is taken for that nobody has
// dispatched, or nil.
func (s *Service) likely(envelope []byte) *Operation {
	tree, err := document.Read(envelope)
	if err != nil {
		return nil
	}
	defer tree.Release()
	body := tree.Root().Child(Name{Space: tree.Root().Name().Space, Local: "Body"})
	return (&explainer{service: s}).meant(body.FirstChild())
}

// engineOf returns the engine for the messages of an operation; nil is any.
func (s *Service) engineOf(op *Operation) engine {
	if op != nil && op.validator != nil {
		return op.validator
	}
	return s.validator
}

// maxMarkup bounds the elements of one message, comments and the like counted
// with them: past it a message of ten megabytes costs hundreds to explain, and
// more than a second.
const maxMarkup = 500_000

// crowded refuses a message of too many elements, before anything is made of
// them.
func crowded(envelope []byte) error {
	if bytes.Count(envelope, []byte("<"))-bytes.Count(envelope, []byte("</")) <= maxMarkup {
		return nil
	}
	return fault.New(fault.CodeTooLarge, "the message has more than %d elements", maxMarkup)
}

// judge explains the engine's verdict. The engine alone decides whether a
// document is valid; what is wrong with it is found again in the tree, by
// explain, where found and expected can be told. A verdict that the tree does not
// explain (identity constraints, or a rule that only the engine knows) is
// translated.
func (s *Service) judge(tree *document.Tree, verdict error, explain func(*explainer)) (*explainer, error) {
	x := &explainer{service: s}
	switch {
	case s.modelled:
		x.misplacedText = true
		explain(x)
	case s.gated:
		x.structure(tree.Root())
	}
	if verdict == nil {
		return x, nil
	}
	diagnostics := xsderrors.Flatten(verdict)
	if err := fatal(diagnostics); err != nil {
		return nil, err
	}
	if !s.gated {
		x.misplacedText = slices.ContainsFunc(diagnostics, hasCode(xsderrors.CodeValidationText))
		explain(x)
	}
	for _, d := range diagnostics {
		if len(x.details) == 0 || isIdentity(d) {
			x.translate(tree, d)
		}
	}
	return x, nil
}

func hasCode(code xsderrors.Code) func(error) bool {
	return func(err error) bool {
		d, ok := errors.AsType[*xsderrors.Error](err)
		return ok && d.Code() == code
	}
}

// fatal returns the fault for a verdict that is about no contract at all.
func fatal(diagnostics []error) error {
	for _, one := range diagnostics {
		d, ok := errors.AsType[*xsderrors.Error](one)
		if !ok {
			return fault.New(fault.CodeInternal, "").Because(one)
		}
		where := fault.Detail{Line: d.Line(), Column: d.Column()}
		switch {
		case d.Code() == xsderrors.CodeValidationLimit:
			where.Message = strings.TrimSuffix("the document is past a limit of the parser: "+d.Message(), ": ")
			return fault.New(fault.CodeTooLarge, "").With(where)
		case d.Code() == xsderrors.CodeValidationXML:
			where.Message = "not well-formed: " + d.Message()
			return fault.New(fault.CodeMalformed, "").With(where)
		case d.Code() == xsderrors.CodeUnsupportedSchemaHint, d.Code() == xsderrors.CodeUnsupportedEntity:
			// About one element or value of the contract, not about XML.
		case d.Category() == xsderrors.CategoryUnsupported:
			where.Message = d.Message()
			return fault.New(fault.CodeMalformed, "").With(where)
		case d.Category() != xsderrors.CategoryValidation, d.Code() == xsderrors.CodeValidationSession:
			return fault.New(fault.CodeInternal, "").Because(one)
		}
	}
	return nil
}

var codeOfReason = map[document.Reason]fault.Code{
	document.Malformed: fault.CodeMalformed, document.Doctype: fault.CodeDoctype,
	document.Encoding: fault.CodeEncoding, document.Limit: fault.CodeTooLarge,
}

// unreadable turns a syntax error into the fault of its reason.
func unreadable(err error) error {
	s, ok := errors.AsType[*document.SyntaxError](err)
	if !ok {
		return fault.New(fault.CodeMalformed, "").Because(err)
	}
	return fault.New(codeOfReason[s.Reason], "").With(fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column})
}

func notEnvelope(root document.Node) error {
	name := root.Name()
	line, column := root.Position()
	where := fault.Detail{Path: root.Path(), Line: line, Column: column, Found: name.String(),
		Expected: "Envelope in namespace " + nsEnv11 + " or " + nsEnv12}
	switch {
	case name.Local != "Envelope":
		where.Message = "the root element is no SOAP Envelope"
		return fault.New(fault.CodeNotSOAP, "").With(where)
	case name.Space != nsEnv11 && name.Space != nsEnv12:
		where.Message = "the Envelope is of an unknown SOAP version"
		return fault.New(fault.CodeVersionMismatch, "").With(where)
	}
	return nil
}

func isIdentity(err error) bool {
	d, ok := errors.AsType[*xsderrors.Error](err)
	return ok && (d.Code() == xsderrors.CodeValidationIdentity ||
		d.Code() == xsderrors.CodeValidationType && identityMessage(d.Message()))
}

// limited returns the first details in document order, and how many more there
// are.
func (x *explainer) limited(limit int) ([]fault.Detail, int) {
	inDocumentOrder(x.details)
	if limit > 0 && len(x.details) > limit {
		return x.details[:limit], len(x.details) - limit + x.more
	}
	return x.details, x.more
}

func inDocumentOrder(details []fault.Detail) {
	slices.SortStableFunc(details, func(a, b fault.Detail) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
