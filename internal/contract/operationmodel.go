package contract

import "fmt"

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
	// Element is the Body's child. That of an rpc message is synthesised: the
	// wrapper, which no schema declares, with an element for each part.
	Element *Element
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
}

// Header is one header block that a binding declares (WSDL 1.1 §3.7).
type Header struct {
	Element  *Element // synthesised, and unqualified, where the part names a type
	Message  string   // the wsdl:message that the part is of
	Part     string
	Required bool // wsdl:required on the soap:header
	Use      Use
	Position Position
}

// Blocks are the elements of the message's declared header blocks.
func (m *Message) Blocks() []*Element {
	var out []*Element
	for _, h := range m.Headers {
		out = append(out, h.Element)
	}
	return out
}

// FaultMessage is a declared fault; Element is the only child of the detail.
type FaultMessage struct {
	Name    string
	Element *Element
	Parts   []*Part
}

// Operation is what a caller may ask of a Service.
type Operation struct {
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
