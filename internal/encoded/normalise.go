package encoded

import (
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Document is a message that came in SOAP encoding, and the literal form that it
// means. It serves one goroutine at a time.
type Document struct {
	// XML is the whole envelope with its message, and the header blocks that the
	// binding declares as encoded, in literal form. All else stands as received.
	XML []byte

	service   *contract.Service
	operation *contract.Operation
	src       []byte
	places    func() *places
}

// Takes reports whether requests of the operation come encoded, if only a header
// block of them.
func Takes(op *contract.Operation) bool {
	return op.Input != nil && (op.Input.Use == contract.Encoded ||
		slices.ContainsFunc(op.Input.Headers, func(h *contract.Header) bool { return h.Use == contract.Encoded }))
}

// Normalise brings an envelope in UTF-8 whose Body begins with the operation's
// message into literal form. Values are not checked: that is the validator's, and
// Locate tells where in the bytes as received its findings are. An envelope that
// is not well-formed, or of more elements than any is read with, comes back as
// it is, for the validator to refuse.
//
// The error is a *fault.Error: of code GH-3001 for what breaks the encoding, with
// all details in the order of the message, at most limit of them when that is
// more than zero and a thousand in any case; of kind too_large where references
// make more of the message than Normalise writes: 16 MiB or sixteen times the
// request more, whichever is less, and never less than 1 MiB; half a million
// elements; a depth of 240.
//
// Normalise is safe for concurrent use. It keeps envelope, which nobody may write
// to while the document is in use.
func Normalise(s *contract.Service, op *contract.Operation, envelope []byte, limit int) (*Document, error) {
	d := &Document{XML: envelope, service: s, operation: op, src: envelope}
	d.places = sync.OnceValue(d.trace)
	if contract.Crowded(envelope) != nil {
		return d, nil
	}
	tree, err := document.Read(envelope)
	if err != nil {
		return d, nil //nolint:nilerr // the validator says it
	}
	defer tree.Release()
	w := newNormaliser(s, op, envelope, false)
	if err := w.envelope(tree.Root()); err != nil {
		return nil, err
	}
	if err := w.fault(limit); err != nil {
		return nil, err
	}
	d.XML = w.dst
	return d, nil
}

// normaliser writes the literal form of one envelope.
type normaliser struct {
	service   *contract.Service
	operation *contract.Operation
	src       []byte
	version12 bool
	space     string // of the outermost element that is being written
	references
	output
	complaints
	ordering contract.Ordering
	any      *contract.Type // xs:anyType
	open     []document.Node
	visits   int
	most     int // bytes of output
	spent    error

	marking  bool
	marks    []mark
	segments []segment
	within   int32 // the mark of the element being written, or -1
}

const (
	maxVisits = 500_000
	maxDepth  = 240

	minGrowth, maxGrowth, growth = 1 << 20, 16 << 20, 16
)

func newNormaliser(s *contract.Service, op *contract.Operation, src []byte, marking bool) *normaliser {
	w := &normaliser{service: s, operation: op, src: src, marking: marking, within: -1, any: s.Type(nameAnyType)}
	w.most = len(src) + max(minGrowth, min(growth*len(src), maxGrowth))
	w.dst = make([]byte, 0, len(src))
	return w
}

// envelope writes the envelope. The error is of what is past a limit.
func (w *normaliser) envelope(root document.Node) error {
	space := root.Name().Space
	w.version12 = space == spaceEnv12
	header := root.Child(document.Name{Space: space, Local: "Header"})
	body := root.Child(document.Name{Space: space, Local: "Body"})
	message := body.FirstChild()
	if !message.Exists() {
		w.dst = append(w.dst, w.src...)
		return nil
	}
	w.index(root)
	done := 0
	for block := range header.Children() {
		if el := w.header(block.Name()); el != nil {
			done = w.replace(block, el, done)
		}
	}
	if in := w.operation.Input; in.Use == contract.Encoded && message.Is(in.Element.Name) {
		w.style(root)
		w.style(body)
		done = w.replace(message, in.Element, done)
		for n := message.NextSibling(); n.Exists(); n = n.NextSibling() {
			_, _, _, done = n.Span()
		}
		w.judgeReferences(message)
	}
	w.copy(done, len(w.src))
	return w.spent
}

// header returns the declaration of an encoded header block, or nil.
func (w *normaliser) header(name document.Name) *contract.Element {
	for _, h := range w.operation.Input.Headers {
		if h.Use == contract.Encoded && h.Element.Name == name {
			return h.Element
		}
	}
	return nil
}

// replace writes what stands before an element as it is, and the element in
// literal form. It returns the offset behind it.
func (w *normaliser) replace(n document.Node, el *contract.Element, done int) int {
	start, _, _, end := n.Span()
	w.copy(done, start)
	w.segments = append(w.segments, segment{out: len(w.dst), src: start})
	root, marks := len(w.dst), len(w.marks)
	w.space = el.Name.Space
	w.begin()
	w.element(accessor{node: n, declared: el})
	if w.spent != nil || len(w.dst) == root {
		return end
	}
	space, _ := n.Parent().NamespaceFor("")
	at := root + tagNameSize(w.dst[root:])
	shift := w.declare(at, space != "")
	for i := marks + 1; i < len(w.marks); i++ {
		w.marks[i].at += shift
	}
	return end
}

// tagNameSize is the size of a start tag up to where its name ends.
func tagNameSize(tag []byte) int {
	return slices.IndexFunc(tag, func(c byte) bool { return c == ' ' || c == '>' || c == '/' })
}

// copy writes a part of the source.
func (w *normaliser) copy(from, to int) {
	w.segments = append(w.segments, segment{out: len(w.dst), src: from, verbatim: true})
	w.dst = append(w.dst, w.src[from:to]...)
}

// enter counts an element whose value is v.
func (w *normaliser) enter(n, v document.Node) bool {
	w.visits++
	d := fault.Detail{}
	switch {
	case w.spent != nil:
		return false
	case w.visits > maxVisits:
		d.Message = "with its references resolved the message has too many elements"
	case len(w.dst) > w.most:
		d.Message = "with its references resolved the message is too large"
	case len(w.open) >= maxDepth:
		d.Message = "with its references resolved the message is nested too deeply"
	default:
		w.open = append(w.open, v)
		return true
	}
	w.exhaust(n, d)
	return false
}

// exhaust ends the work at n.
func (w *normaliser) exhaust(n document.Node, d fault.Detail) {
	if w.spent != nil {
		return
	}
	d.Path = n.Path()
	d.Line, d.Column = n.Position()
	w.spent = fault.New(fault.CodeTooLarge, "").With(d)
}

func (w *normaliser) leave() { w.open = w.open[:len(w.open)-1] }
