package contract

import (
	"fmt"
	"strings"
)

// Style says how an operation's messages stand in the SOAP Body (WSDL 1.1 §3.4, §3.5).
type Style uint8

// The styles in use.
const (
	DocumentWrapped Style = iota // one part, the element named after the operation
	DocumentBare
	RPCLiteral
	RPCEncoded
)

var styleNames = [...]string{"document/literal wrapped", "document/literal bare", "rpc/literal", "rpc/encoded"}

// String returns the style as people write it.
func (s Style) String() string { return styleNames[s] }

// rpc reports whether a wrapper named after the operation stands in the Body.
func (s Style) rpc() bool { return s == RPCLiteral || s == RPCEncoded }

// Use says how the parts of a message become XML (WSDL 1.1 §3.5).
type Use uint8

// The uses.
const (
	Literal Use = iota // as the schema says
	Encoded            // by the rules of an encodingStyle, which the schema only outlines
)

// String returns the use as a WSDL writes it.
func (u Use) String() string {
	if u == Encoded {
		return "encoded"
	}
	return "literal"
}

// Part is one wsdl:part of a message (WSDL 1.1 §2.3.1).
type Part struct {
	Name string
	// Element is what stands on the wire for the part: the global element that
	// the part names, or the synthesised, unqualified one, named after the part,
	// where the part names a type. It is nil where that is not declared.
	Element *Element
	// Typed says that the part names a type.
	Typed    bool
	Doc      string
	Position Position

	reference Name // of the element or the type
}

// Message is one direction of an operation, as it stands in the Body.
type Message struct {
	Name string
	// Element is the message as it is mapped, kept, and sent without an envelope:
	// the Body's child, or, where the message is Gathered, what holds the Body's
	// children. It is synthesised where no schema declares it: for rpc, for parts
	// that name a type, and where it is Gathered.
	Element *Element
	// Gathered says that the parts themselves stand in the Body, none or several
	// of them. Element, named after the wsdl:message, is not in the envelope then.
	Gathered bool
	// Parts are those in the Body, in the order of the wsdl:message (WS-I Basic
	// Profile 1.1 R2301).
	Parts []*Part
	// Use, EncodingStyle and Namespace are those of the soap:body. The namespace
	// is the one in force: that of the port type where an rpc binding gives none.
	Use           Use
	EncodingStyle string // as declared; usually empty where Use is Literal
	Namespace     string // of the wrapper; empty where there is none
	// Headers are the header blocks that the binding declares.
	Headers []*Header

	space string // of the wsdl:message's name
}

// Header is one header block that a binding declares (WSDL 1.1 §3.7).
type Header struct {
	Element  *Element // synthesised, and unqualified, where the part names a type
	Message  string   // the wsdl:message that the part is of
	Part     string
	Required bool // wsdl:required on the soap:header
	Use      Use
	Faults   []*FaultMessage // soap:headerfault
	Position Position
}

// body are the elements that stand in the Body, in order.
func (m *Message) body() []*Element {
	if !m.Gathered {
		return []*Element{m.Element}
	}
	var out []*Element
	for _, p := range m.Parts {
		out = append(out, p.Element)
	}
	return out
}

// bodyName is the name of the Body's first child, zero for an empty Body.
func (m *Message) bodyName() Name {
	if in := m.body(); len(in) > 0 {
		return in[0].Name
	}
	return Name{}
}

// bodyWords tells what stands in the Body.
func (m *Message) bodyWords() string {
	var names []string
	for _, el := range m.body() {
		names = append(names, el.Name.String())
	}
	if len(names) == 0 {
		return "an empty Body"
	}
	return strings.Join(names, " with ")
}

// Blocks are the elements of the message's declared header blocks.
func (m *Message) Blocks() []*Element {
	var out []*Element
	for _, h := range m.Headers {
		out = append(out, h.Element)
	}
	return out
}

// FaultMessage is a declared fault. Element is the only child of the detail, or
// a header block of the answer where it is the fault of a Header; it is
// synthesised where the part names a type.
type FaultMessage struct {
	Name    string // of the wsdl:fault, or of the headerfault's part
	Element *Element
	Parts   []*Part
	// Action is the WS-Addressing action of an answer with it; empty for the
	// fault of a Header.
	Action string
}

// Operation is what a caller may ask of a Service.
type Operation struct {
	// Name is the one that the operation has alone in its service: its name in
	// the WSDL, and, where others have that too, a # and what tells them apart
	// behind it, as told at distinguish.
	Name   string
	Style  Style
	Input  *Message
	Output *Message // nil for a one-way operation; its Element is nil where an empty Body answers
	Faults []*FaultMessage
	// Action is the soapAction, by SOAP version; empty where the version has no binding.
	Action11, Action12 string
	// InputAction and OutputAction are the WS-Addressing actions (WSDL binding
	// of WS-Addressing §4.4, explicit or by the default pattern).
	InputAction, OutputAction string
	Doc                       string
	Position                  Position
	// Unsupported says why the operation cannot be served; empty when it can.
	// Where it is set, Input.Element and Output.Element may be nil.
	Unsupported string

	declared  Position // of the port type's operation
	binding   string
	input     string // the name of the wsdl:input, declared or by default
	portType  string
	validator engine // of the envelopes that have it in the Body
}

// unsupported keeps the first reason why the operation cannot be served.
func (o *Operation) unsupported(format string, args ...any) {
	if o.Unsupported == "" {
		o.Unsupported = fmt.Sprintf(format, args...)
	}
}

// OneWay reports whether the operation answers with nothing.
func (o *Operation) OneWay() bool { return o.Output == nil }

// Port is one SOAP address of a service.
type Port struct {
	Name    string
	SOAP12  bool
	Address string
}
