package envelope

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Peek looks at an envelope, in UTF-8, up to the start tag of the Body's first
// child. What follows is not scanned: it is the validator's.
//
// Errors are *fault.Error with a located detail, most with a Cause. The Head is
// never nil: with an error it holds what was learned before, the version at
// least when there was an envelope, so that the answer can be in it.
func Peek(src []byte, limits Limits) (*Head, error) {
	p := peek{head: new(Head), limits: limits}
	tree, err := p.read(src)
	if err != nil {
		return p.head, err
	}
	defer tree.Release()
	p.root = tree.Root()
	return p.head, p.judge()
}

// ReadHead reads an envelope as far as Peek does: everything but what is in the
// Body. The caller releases the tree.
func ReadHead(src []byte, limits Limits) (*document.Tree, error) {
	return (&peek{head: new(Head), limits: limits}).read(src)
}

func (p *peek) read(src []byte) (*document.Tree, error) {
	tree, err := document.ReadUntil(src, p.limits.document(), p.stop)
	if err != nil {
		return nil, syntaxFault(err)
	}
	return tree, nil
}

// judge goes through what was read. The addressing headers are read early, so
// that a MustUnderstand fault can say what it relates to, but judged after.
func (p *peek) judge() error {
	if err := p.envelope(); err != nil {
		return err
	}
	if err := p.blocks(); err != nil {
		return err
	}
	misaddressed := p.addressing()
	if err := p.understand(); err != nil {
		return err
	}
	if misaddressed != nil {
		return misaddressed
	}
	if err := p.exchange(); err != nil {
		return err
	}
	return p.security()
}

// peek is one look at one envelope.
type peek struct {
	head   *Head
	limits Limits

	root, header, body document.Node
	nodes              []document.Node // of head.Blocks
	few                [8]document.Node
}

// stop ends reading at the Body's first child, or at once when there is no
// envelope. Other elements called Body are no end, and a manifest, which stands for
// a message that is elsewhere, is read whole.
func (p *peek) stop(n document.Node) bool {
	parent := n.Parent()
	if !parent.Exists() {
		if name := n.Name(); name.Local == "Envelope" {
			p.head.Version = versionOf(name.Space)
		}
		return p.head.Version == 0
	}
	top := parent.Parent()
	return top.Exists() && !top.Parent().Exists() && parent.Is(p.name("Body")) && !n.Is(nameManifest)
}

// name returns a name of the envelope's own namespace.
func (p *peek) name(local string) document.Name {
	return document.Name{Space: p.head.Version.Namespace(), Local: local}
}

func syntaxFault(err error) error {
	e, ok := errors.AsType[*document.SyntaxError](err)
	if !ok {
		return fault.Of(err)
	}
	code := fault.CodeMalformed
	switch e.Reason {
	case document.Doctype:
		code = fault.CodeDoctype
	case document.Encoding:
		code = fault.CodeEncoding
	case document.Limit:
		code = fault.CodeHeadTooLarge
	}
	return fault.New(code, "").With(fault.Detail{Message: e.Message, Line: e.Line, Column: e.Column})
}

// at locates a complaint.
func at(n document.Node, message string) fault.Detail {
	line, column := n.Position()
	return fault.Detail{Message: message, Path: n.Path(), Line: line, Column: column}
}

// envelope checks the frame: Envelope, at most one Header, then a Body (SOAP
// 1.1 §4, SOAP 1.2 part 1 §5.1), and no text between them.
func (p *peek) envelope() error {
	if p.head.Version == 0 {
		return p.foreign()
	}
	if p.root.HasText() {
		return notSOAP(p.root, "text stands directly in the Envelope")
	}
	child := p.root.FirstChild()
	if child.Is(p.name("Header")) {
		p.header = child
		child = child.NextSibling()
	}
	switch {
	case !child.Exists():
		return notSOAP(p.root, "the Envelope has no Body")
	case !child.Is(p.name("Body")):
		return misplaced(child)
	case child.NextSibling().Exists():
		return misplaced(child.NextSibling())
	}
	return p.payload(child)
}

func (p *peek) payload(body document.Node) error {
	p.body = body
	if body.HasText() {
		return notSOAP(body, "text stands directly in the Body")
	}
	if first := body.FirstChild(); first.Exists() {
		if first.Is(document.Name{Space: namespaceEncryption, Local: "EncryptedData"}) {
			return encrypted(first)
		}
		name := first.Name()
		p.head.Operation = document.Name{Space: strings.Clone(name.Space), Local: strings.Clone(name.Local)}
	}
	return nil
}

// foreign refuses a document that is no envelope of a version known here.
func (p *peek) foreign() error {
	name := p.root.Name()
	code := fault.CodeNotSOAP
	if name.Local == "Envelope" {
		code = fault.CodeVersionMismatch
	}
	d := at(p.root, "the document element is no Envelope of SOAP 1.1 or SOAP 1.2")
	d.Found = clip(name.String(), 200)
	d.Expected = "{" + namespace11 + "}Envelope or {" + namespace12 + "}Envelope"
	return fault.New(code, "").With(d)
}

func misplaced(n document.Node) error {
	d := at(n, "an Envelope holds an optional Header and then one Body, in its own namespace")
	d.Found = clip(n.Name().String(), 200)
	return fault.New(fault.CodeNotSOAP, "").With(d)
}

func notSOAP(n document.Node, message string) error {
	return fault.New(fault.CodeNotSOAP, "").With(at(n, message))
}
