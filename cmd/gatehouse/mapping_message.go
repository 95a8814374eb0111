package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// maxShown is how many faults of a message are told.
const maxShown = 50

// paper is a message as its author has it: in a file, by no door.
type paper struct {
	File  string `json:"file"`
	Form  string `json:"form"` // soap 1.1, soap 1.2, xml or json
	Bytes int    `json:"bytes"`

	body   []byte // as UTF-8
	tree   *document.Tree
	origin origin // nil when the XML that is mapped is the file's own
	in     mapping.Input
}

// origin translates places in the XML that was made of a message into its own.
type origin interface {
	Locate(fault.Detail) fault.Detail
}

// readPaper reads a message, - for standard input, of at most limit bytes.
func readPaper(file string, limit int64) (*paper, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in = opened
	}
	src, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(src)) > limit:
		return nil, fault.New(fault.CodeTooLarge, "%s has more than the %d bytes that soap.max_body_bytes allows", file, limit)
	}
	p := &paper{File: file, Bytes: len(src)}
	p.body, err = document.ToUTF8(src, "")
	if err != nil {
		return nil, fault.New(fault.CodeEncoding, "%v", err)
	}
	switch start := bytes.TrimLeft(bytes.TrimPrefix(p.body, []byte("\uFEFF")), " \t\r\n"); {
	case len(start) == 0:
		return nil, fault.New(fault.CodeMalformed, "%s is empty", file)
	case start[0] != '<':
		p.Form = "json"
	default:
		p.Form = "xml"
		if v, whole := envelopeOf(p.body); whole {
			p.Form = "soap " + v.String()
		}
	}
	return p, nil
}

// release gives back what the message's tree takes.
func (p *paper) release() {
	if p.tree != nil {
		p.tree.Release()
	}
}

// input holds the message against the contract and reads it, as a door does.
// Errors are *fault.Error, located in the file.
func (p *paper) input(m *mapping.Mapping) error {
	header := func(*document.Tree) (h, payload document.Node) { return document.Node{}, p.tree.Root() }
	body := p.body
	var wrong error
	switch p.Form {
	case "json":
		twin, err := m.Service.FromJSON(m.Operation, p.body, maxShown)
		if err != nil {
			return err
		}
		p.origin, body = twin, twin.XML
		wrong = judged(m.Service.ValidatePayload(m.Operation, body, maxShown))
	case "xml":
		wrong = judged(m.Service.ValidatePayload(m.Operation, body, maxShown))
	default:
		header = envelope.Parts
		body, wrong = p.envelope(m)
	}
	if wrong != nil {
		return wrong
	}
	var err error
	if p.tree, err = document.Read(body); err != nil {
		return fault.New(fault.CodeInternal, "").Because(err) // the validator accepted these bytes
	}
	p.in.Header, p.in.Payload = header(p.tree)
	return nil
}

// envelope holds a whole envelope against the contract, and returns it in the
// form that is mapped: literal, with one element in the Body.
func (p *paper) envelope(m *mapping.Mapping) ([]byte, error) {
	head, err := envelope.Peek(p.body, envelope.Limits{Understands: func(_ *envelope.Head, block document.Name) bool {
		return slices.ContainsFunc(m.Operation.Input.Blocks(), func(b *contract.Element) bool { return b.Name == block })
	}})
	if err != nil {
		return nil, err
	}
	p.in.Message.MessageID = head.Addressing.MessageID
	op, err := m.Service.Dispatch(head.Operation, "", head.Addressing.Action)
	shared := err != nil && fault.Of(err).Code == fault.CodeAction // several have this Body, and no action says which
	if !shared && (err != nil || op.Input.Element != m.Operation.Input.Element) {
		return nil, fault.New(fault.CodeUnknownOperation, "the Body holds %s, and the mapping %s takes %s", head.Operation, m.Name, m.Operation.Input.Element.Name)
	}
	body := p.body
	if encoded.Takes(m.Operation) {
		literal, err := encoded.Normalise(m.Service, m.Operation, body, maxShown)
		if err != nil {
			return nil, err
		}
		p.origin, body = literal, literal.XML
	}
	if err := judged(m.Service.ValidateFor(m.Operation, body, maxShown)); err != nil {
		return nil, err
	}
	gathered, err := m.Operation.Input.Gather(body)
	if err != nil || gathered == nil {
		return body, err
	}
	p.origin = gathered
	return gathered.Envelope, nil
}

func judged(details []fault.Detail, more int, err error) error {
	if err != nil || len(details) == 0 {
		return err
	}
	f := fault.New(fault.CodeInvalid, "").With(details...)
	f.More = more
	return f
}

// located translates places in the XML that was made of a message into its own.
func (p *paper) located(err error) error {
	if err == nil || p == nil || p.origin == nil {
		return err
	}
	f := *fault.Of(err)
	f.Details = slices.Clone(f.Details)
	for i := range f.Details {
		f.Details[i] = p.origin.Locate(f.Details[i])
	}
	return &f
}

// at is a place in the message; in JSON, of the text.
func (p *paper) at(path string, line, column int) messagePlace {
	d := fault.Detail{Path: path, Line: line, Column: column}
	if p.origin != nil {
		d = p.origin.Locate(d)
	}
	return messagePlace{d.Path, d.Line, d.Column}
}

// messagePlace is where something stands in the message.
type messagePlace struct {
	Path   string `json:"path,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String is line:column.
func (p messagePlace) String() string {
	if p.Line == 0 {
		return "-"
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

// facts fills in what the gateway would know of the message.
func (p *paper) facts(id string, now time.Time, sender mapping.Principal, properties map[string]string) {
	p.in.Principal, p.in.Properties = sender, properties
	p.in.Message.ID, p.in.Message.ReceivedAt = id, now
	if given, ok := properties["message-id"]; ok && p.in.Message.MessageID == "" {
		p.in.Message.MessageID = given
	}
}
