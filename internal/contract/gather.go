package contract

import (
	"bytes"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Gathered is an envelope whose Body holds one element instead of several or
// none: the message's Element, around what stood there.
type Gathered struct {
	Envelope []byte

	tag          string // QName of the element
	line, column int    // where it was put in
	width        int    // columns that its start tag takes
}

// gatherPrefix is the prefix of an element that holds the parts of a message.
const gatherPrefix = "gathered"

// Gather puts Element around the Body's children of a valid envelope, in UTF-8.
// It returns nil where the message is not Gathered: there is nothing to do. The
// error is a *fault.Error.
func (m *Message) Gather(envelope []byte) (*Gathered, error) {
	if !m.Gathered {
		return nil, nil
	}
	tree, err := document.Read(envelope)
	if err != nil {
		return nil, unreadable(err)
	}
	defer tree.Release()
	body := tree.Root().Child(Name{Space: tree.Root().Name().Space, Local: "Body"})
	if !body.Exists() {
		return nil, notEnvelope(tree.Root())
	}
	g := &Gathered{tag: gatherPrefix + ":" + m.Element.Name.Local}
	open := "<" + g.tag + " xmlns:" + gatherPrefix + `="` + string(document.AppendValue(nil, m.Element.Name.Space)) + `">`
	shut := "</" + g.tag + ">"
	start, content, closing, end := body.Span()
	head, inside, tail := envelope[:content], envelope[content:closing], envelope[closing:]
	if closing == end { // an empty-element tag
		tag := bytes.TrimRight(bytes.TrimSuffix(envelope[start:end], []byte("/>")), " \t\r\n")
		head = slices.Concat(envelope[:start], tag, []byte(">"))
		shut += "</" + body.QName() + ">"
	}
	g.width = len(open)
	g.line, g.column = after(head)
	g.Envelope = slices.Concat(head, []byte(open), inside, []byte(shut), tail)
	return g, nil
}

// after returns the position that follows text.
func after(text []byte) (line, column int) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	return bytes.Count(text, []byte("\n")) + 1, len(text) - bytes.LastIndexByte(text, '\n')
}

// Locate puts a detail found in Envelope where it is in what was received.
func (g *Gathered) Locate(d fault.Detail) fault.Detail {
	if d.Line == g.line && d.Column > g.column {
		d.Column = max(g.column, d.Column-g.width)
	}
	d.Path = strings.Replace(d.Path, "/"+g.tag, "", 1)
	return d
}

// BodyOf returns what stands in the Body of an envelope for a message: payload,
// its Element, itself, or its children where the message is Gathered. The error
// is a *fault.Error.
func (m *Message) BodyOf(payload []byte) ([]byte, error) {
	if !m.Gathered || len(payload) == 0 {
		return payload, nil
	}
	tree, err := document.Read(payload)
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	defer tree.Release()
	var out []byte
	for n := range tree.Root().Children() {
		out = document.AppendStandalone(out, n)
	}
	return out, nil
}
