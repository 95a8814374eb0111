package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// The namespaces of the two envelopes.
const (
	nsEnv11 = "http://schemas.xmlsoap.org/soap/envelope/"
	nsEnv12 = "http://www.w3.org/2003/05/soap-envelope"
)

// bodyKind says how the element stands in the Body.
type bodyKind uint8

const (
	requestBody bodyKind = iota
	replyBody
	faultBody
)

// Message is a message that was made. It is immutable and safe for concurrent
// use.
type Message struct {
	kind     bodyKind
	element  *contract.Element
	payload  *node // nil where an empty Body answers
	headers  []*node
	prefixes *prefixes
	choices  []*contract.Particle // made on the way
}

// roots are the header blocks and the payload.
func (m *Message) roots() []*node {
	if m.payload == nil {
		return m.headers
	}
	return append(slices.Clone(m.headers), m.payload)
}

// Form says how a message is written.
type Form struct {
	SOAP12 bool
	// Docs writes the contract's documentation as comments.
	Docs bool
}

// Payload is the element that stands in the Body, or in a fault's detail, as a
// document of its own, in UTF-8 without an XML declaration. It is empty where an
// empty Body answers.
func (m *Message) Payload(f Form) []byte {
	if m.payload == nil {
		return nil
	}
	w := &writer{prefixes: m.prefixes, docs: f.Docs}
	w.element(m.payload, 0)
	return w.dst
}

// Envelope is the whole message (SOAP 1.1 §4, SOAP 1.2 part 1 §5) in UTF-8, with
// the header blocks that the contract declares for it.
func (m *Message) Envelope(f Form) []byte {
	space := nsEnv11
	if f.SOAP12 {
		space = nsEnv12
	}
	w := &writer{prefixes: m.prefixes, docs: f.Docs}
	w.dst = fmt.Appendf(w.dst, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=%q>\n", space)
	if len(m.headers) > 0 {
		w.dst = append(w.dst, "  <soap:Header>\n"...)
		for _, h := range m.headers {
			w.element(h, 2)
		}
		w.dst = append(w.dst, "  </soap:Header>\n"...)
	}
	if m.payload == nil || m.payload.gathers && len(m.payload.kids) == 0 { // white space is content, too
		w.dst = append(w.dst, "  <soap:Body/>\n</soap:Envelope>\n"...)
		return w.dst
	}
	w.dst = append(w.dst, "  <soap:Body>\n"...)
	switch {
	case m.kind == faultBody:
		m.fault(w, f.SOAP12)
	case m.payload.gathers:
		for _, part := range m.payload.kids {
			w.element(part, 2)
		}
	default:
		w.element(m.payload, 2)
	}
	w.dst = append(w.dst, "  </soap:Body>\n</soap:Envelope>\n"...)
	return w.dst
}

// fault writes the payload as the detail of a fault (SOAP 1.1 §4.4, SOAP 1.2
// part 1 §5.4).
func (m *Message) fault(w *writer, soap12 bool) {
	if soap12 {
		w.dst = append(w.dst, `    <soap:Fault>
      <soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>
      <soap:Reason><soap:Text xml:lang="en">`+m.element.Name.Local+`</soap:Text></soap:Reason>
      <soap:Detail>
`...)
		w.element(m.payload, 4)
		w.dst = append(w.dst, "      </soap:Detail>\n    </soap:Fault>\n"...)
		return
	}
	w.dst = append(w.dst, `    <soap:Fault>
      <faultcode>soap:Client</faultcode>
      <faultstring>`+m.element.Name.Local+`</faultstring>
      <detail>
`...)
	w.element(m.payload, 4)
	w.dst = append(w.dst, "      </detail>\n    </soap:Fault>\n"...)
}

// JSON is the payload's JSON twin, indented. The error is a *fault.Error for
// what JSON cannot tell.
func (m *Message) JSON() ([]byte, error) {
	if m.payload == nil {
		return []byte("{}\n"), nil
	}
	tree, err := document.Read(m.Payload(Form{}))
	if err != nil {
		return nil, err
	}
	defer tree.Release()
	twin, err := contract.AppendJSON(nil, m.element, tree.Root())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, twin, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
