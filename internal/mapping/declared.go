package mapping

import (
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// maxSentence bounds the reason of a declared fault, in characters.
const maxSentence = 1000

// Declared is a fault of the contract that a mapping answers a message with, as
// its faults: say. It is a cause of the *fault.Error that it stands for.
type Declared struct {
	Fault  *contract.FaultMessage
	Reason string // for people, with what is in the message; empty: the fault.Error's own sentence
	Detail []byte // Fault.Element, serialised in UTF-8
	Cause  error  // what was the cause before; may be nil
}

// Error names the fault, for the log: nothing of the message is in it.
func (d *Declared) Error() string {
	text := "answered with the declared fault " + d.Fault.Name
	if d.Cause != nil {
		text += ": " + d.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (d *Declared) Unwrap() error { return d.Cause }

// DeclaredOf returns the Declared in err's chain, or nil.
func DeclaredOf(err error) *Declared {
	d, _ := errors.AsType[*Declared](err)
	return d
}

// Declare returns f as the mapping answers it: with a Declared as its cause when
// a rule of faults: is for such an outcome, else as it is. Of a message that
// could not be read in has no Payload. A rule that cannot be evaluated leaves f
// as it is, but for the cause, which then says so.
func (m *Mapping) Declare(in *Input, f *fault.Error) *fault.Error {
	r := m.renderer(in, f)
	for _, p := range m.answers {
		if !slices.Contains(p.codes, f.Code) {
			continue
		}
		d, err := r.raise(p)
		if err != nil {
			return f.Because(errors.Join(f.Cause, err))
		}
		if d != nil {
			d.Cause = f.Cause
			return f.Because(d)
		}
	}
	return f
}

// reject returns the fault that a rule of the mapping refuses the message of the
// frame with, CodeRejected, or nil. Most messages meet no rule.
func (m *Mapping) reject(frame *xpath.Frame) error {
	for _, p := range m.answers {
		if p.codes != nil {
			continue
		}
		ok, err := p.when.Test(frame)
		if err == nil && !ok {
			continue
		}
		r := &renderer{mapping: m, frame: *frame, target: "faults"}
		if err != nil {
			return r.failed(p.when, err)
		}
		d, err := r.declare(p)
		if err != nil {
			return err
		}
		return fault.New(fault.CodeRejected, "").With(fault.Detail{Message: p.says, Source: p.source}).Because(d)
	}
	return nil
}

// renderer is one for the faults of a message, for which nothing is stored.
func (m *Mapping) renderer(in *Input, found *fault.Error) *renderer {
	r := &renderer{}
	r.begin(facts{mapping: m, in: in, found: found}, "faults")
	return r
}

// raise writes the fault of a rule, or returns nil where its condition is not met.
func (r *renderer) raise(p *faultProgram) (*Declared, error) {
	if p.when != nil {
		if ok, err := p.when.Test(&r.frame); err != nil || !ok {
			return nil, r.blame(p.when, err)
		}
	}
	return r.declare(p)
}

// declare writes the fault of a rule.
func (r *renderer) declare(p *faultProgram) (*Declared, error) {
	var reason []byte
	for i := range p.reason {
		part := &p.reason[i]
		reason = append(reason, part.text...)
		if part.from == nil {
			continue
		}
		v, presence, err := part.from.One(&r.frame)
		if err != nil {
			return nil, r.failed(part.from, err)
		}
		if presence == xpath.Present {
			reason = v.AppendLexical(reason)
		}
	}
	detail, err := r.xml(nil, p.body)
	if err != nil {
		return nil, err
	}
	return &Declared{Fault: p.fault, Reason: cut(string(reason), maxSentence), Detail: detail}, nil
}

func (r *renderer) blame(p *xpath.Program, err error) error {
	if err == nil {
		return nil
	}
	return r.failed(p, err)
}

// cut shortens a text to a number of characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// foundFact is a value of $fault.
func (f *facts) foundFact(slot int) (Value, bool) {
	var first fault.Detail
	if len(f.found.Details) > 0 {
		first = f.found.Details[0]
	}
	switch slot {
	case faultCodeFact:
		return xpath.Text(string(f.found.Code)), true
	case faultPathFact:
		return xpath.Text(first.Path), first.Path != ""
	}
	text := f.found.Message
	if first.Message != "" {
		first.Path, first.Line, first.Source, first.Target = "", 0, "", ""
		text += ": " + first.String()
	}
	return xpath.Text(text), true
}
