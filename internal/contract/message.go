package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

func (b *boundOperation) styleOf(bound document.Node, style string) Style {
	encoded := false
	for _, direction := range []string{"input", "output"} {
		carrier, _ := b.carrier(bound.Child(wsdlName(direction)))
		body := carrier.Child(b.soap("body"))
		encoded = encoded || useOf(body) == Encoded
	}
	switch {
	case encoded:
		return RPCEncoded
	case style == "rpc":
		return RPCLiteral
	}
	return DocumentWrapped
}

// useOf is the use of a soap:body, soap:header or soap:fault. Where it is left
// out, Basic Profile R2707 takes literal.
func useOf(n document.Node) Use {
	if strings.TrimSpace(attr(n, "use")) == "encoded" {
		return Encoded
	}
	return Literal
}

// message resolves one direction. It is never nil; its Element is where the
// Body's child is known.
func (b *boundOperation) message(o *Operation, abstract, bound document.Node, direction string) *Message {
	name := b.qname(b.portType, abstract, "message")
	m := &Message{Name: name.Local, space: name.Space}
	if !abstract.Exists() {
		return m
	}
	declared := b.description.messages[name]
	if !declared.found() {
		o.unsupported("its %s refers to message %q, which does not exist", direction, name.Local)
		return m
	}
	carrier, attached := b.carrier(bound)
	body := carrier.Child(b.soap("body"))
	if len(attached) > 0 {
		o.unsupported("its %s has attachments: %s", direction, listed(attached))
	}
	m.Use, m.EncodingStyle, m.Namespace = useOf(body), attr(body, "encodingStyle"), attr(body, "namespace")
	m.Headers = b.headers(o, carrier)
	if n := b.partsOf(declared); n > maxParts {
		o.unsupported("its %s has more than %d parts", direction, maxParts)
		return m
	}
	for _, part := range b.bodyParts(declared, body, append(b.headerParts(declared, carrier), attached...)) {
		m.Parts = append(m.Parts, b.part(declared, part, m.Use))
	}
	if o.Style.rpc() {
		b.wrap(o, m, direction)
	} else {
		b.document(o, m, direction)
	}
	return m
}

// The bounds of parts: of one message, and of the messages of all operations. A
// message counts for each operation that has it.
const (
	maxParts    = 1000
	maxAllParts = 100_000
)

// partsOf counts the parts of a message that are about to be described.
func (b *boundOperation) partsOf(message component) int {
	n := 0
	for range children(message.node, wsdlName("part")) {
		if n++; n > maxParts {
			break
		}
	}
	if b.parts += n; b.parts > maxAllParts && b.parts-n <= maxAllParts {
		b.l.fault(b.at(message, message.node), "the operations of the contract have more than %d parts", maxAllParts)
	}
	if b.parts > maxAllParts {
		return maxParts + 1
	}
	return n
}

// carrier returns the element of a bound message that has the soap:body: itself,
// or the root part of a mime:multipartRelated (WSDL 1.1 §5.6). attached are the
// message parts that the other MIME parts hold.
func (b *boundOperation) carrier(bound document.Node) (carrier document.Node, attached []string) {
	carrier = bound
	for part := range children(bound.Child(mimeName("multipartRelated")), mimeName("part")) {
		if part.Child(b.soap("body")).Exists() {
			carrier = part
		}
		for content := range children(part, mimeName("content")) {
			if name := attr(content, "part"); name != "" && len(attached) < maxParts && !slices.Contains(attached, name) { // alternatives have one name
				attached = append(attached, name)
			}
		}
	}
	return carrier, attached
}

// bodyParts are the parts of a message that stand in the Body: those that the
// soap:body names, or all that stand nowhere else.
func (b *boundOperation) bodyParts(declared component, body document.Node, elsewhere []string) []document.Node {
	parts, limited := body.Attr(Name{Local: "parts"})
	named := strings.Fields(parts)
	var picked []document.Node
	for part := range children(declared.node, wsdlName("part")) {
		name := attr(part, "name")
		if limited && !slices.Contains(named, name) || !limited && slices.Contains(elsewhere, name) {
			continue
		}
		picked = append(picked, part)
	}
	return picked
}

// part resolves one wsdl:part.
func (b *boundOperation) part(declared component, n document.Node, use Use) *Part {
	p := &Part{Name: attr(n, "name"), Doc: text(n.Child(wsdlName("documentation"))), Position: b.at(declared, n)}
	if attr(n, "element") != "" {
		p.reference = b.qname(declared, n, "element")
		p.Element = b.c.model.elements[p.reference]
		return p
	}
	p.Typed = true
	if attr(n, "type") == "" {
		return p
	}
	p.reference = b.qname(declared, n, "type")
	if t := b.c.model.types[p.reference]; t != nil {
		p.Element = &Element{Name: Name{Local: p.Name}, Type: t, Nillable: use == Encoded, Doc: p.Doc, Position: p.Position}
	}
	return p
}

// unfit says why a part cannot stand on the wire, or nothing.
func (p *Part) unfit(direction string) string {
	switch {
	case p.Element != nil && p.Typed && !isNCName(p.Name):
		return "part \"" + p.Name + "\" of its " + direction + " cannot be the name of an element"
	case p.Element != nil:
		return ""
	case p.reference == Name{}:
		return "part \"" + p.Name + "\" of its " + direction + " has neither an element nor a type"
	case p.Typed:
		return "part \"" + p.Name + "\" of its " + direction + " is of type \"" + p.reference.String() + "\", which no schema of the contract declares"
	}
	return "its " + direction + " is element \"" + p.reference.String() + "\", which no schema of the contract declares"
}

// document gives a document message its element. Where a part names a type
// instead of an element, WSDL 1.1 §3.5 has the Body itself be of that type, and
// nobody sends that: zeep, Axis and gSOAP put the value into an element named
// after the part, without a namespace, and so it is taken here. Several parts,
// or none, are gathered.
func (b *boundOperation) document(o *Operation, m *Message, direction string) {
	if len(m.Parts) == 0 && direction == "output" {
		return // an empty Body answers
	}
	for _, p := range m.Parts {
		if reason := p.unfit(direction); reason != "" {
			o.unsupported("%s", reason)
			return
		}
		if p.Typed {
			p.Element = b.accessorOf(p)
		}
	}
	if len(m.Parts) == 1 {
		m.Element = m.Parts[0].Element
		return
	}
	if !isNCName(m.Name) || m.space == "" {
		o.unsupported("the message of its %s, %q in namespace %q, cannot give an element its name", direction, m.Name, m.space)
		return
	}
	m.Gathered = true
	m.Element = b.wrapperOf(o, Name{Space: m.space, Local: m.Name}, m)
}

// headerParts names the parts of the message itself that its binding puts into
// the Header.
func (b *boundOperation) headerParts(declared component, bound document.Node) []string {
	var out []string
	for h := range children(bound, b.soap("header")) {
		if attr(declared.node, "name") == b.qname(b.binding, h, "message").Local {
			out = append(out, attr(h, "part"))
		}
	}
	return out
}

// headers resolves the header blocks a binding declares (WSDL 1.1 §3.7).
func (b *boundOperation) headers(o *Operation, bound document.Node) []*Header {
	var out []*Header
	for n := range children(bound, b.soap("header")) {
		h := &Header{Message: b.qname(b.binding, n, "message").Local, Part: attr(n, "part"), Use: useOf(n), Position: b.at(b.binding, n)}
		h.Required = required(n)
		if p := b.headerPart(n); p != nil {
			h.Element = b.block(n, p)
		}
		if h.Element == nil {
			b.l.note(h.Position, "header of operation %s: message %q has no part %q with a known element or type",
				o.Name, attr(n, "message"), h.Part)
			continue
		}
		h.Faults = b.headerFaults(o, n)
		out = append(out, h)
	}
	return out
}

// required reads wsdl:required (WSDL 1.1 §2.1.3).
func required(n document.Node) bool {
	v, _ := n.Attr(wsdlName("required"))
	return boolean(v)
}

// block is the element of a header block. A part that names a type stands in one
// named after the part, in the namespace of the soap:header, if it gives one
// (WSDL 1.1 §3.7).
func (b *boundOperation) block(n document.Node, p *Part) *Element {
	if p.Element == nil || !p.Typed {
		return p.Element
	}
	if !isNCName(p.Name) {
		return nil
	}
	p.Element.Name.Space = attr(n, "namespace")
	return b.accessorOf(p)
}

// headerFaults are what a header block may be answered with, in the Header
// (WSDL 1.1 §3.7).
func (b *boundOperation) headerFaults(o *Operation, header document.Node) []*FaultMessage {
	var out []*FaultMessage
	for n := range children(header, b.soap("headerfault")) {
		f := &FaultMessage{Name: attr(n, "part")}
		if p := b.headerPart(n); p != nil {
			f.Element, f.Parts = b.block(n, p), []*Part{p}
		}
		if f.Element == nil {
			b.l.note(b.at(b.binding, n), "headerfault of operation %s: message %q has no part %q with a known element or type",
				o.Name, attr(n, "message"), f.Name)
			continue
		}
		out = append(out, f)
	}
	return out
}

// headerPart finds the part that a soap:header or soap:headerfault names, or nil.
func (b *boundOperation) headerPart(n document.Node) *Part {
	declared := b.description.messages[b.qname(b.binding, n, "message")]
	if !declared.found() {
		return nil
	}
	if part := b.partNamed(declared, attr(n, "part")); part.Exists() {
		return b.part(declared, part, useOf(n))
	}
	return nil
}

// partNamed finds a part of a message by its name.
func (w *description) partNamed(message component, name string) document.Node {
	known := w.partNames[message]
	if known == nil {
		known = map[string]document.Node{}
		for n := range children(message.node, wsdlName("part")) {
			if _, twice := known[attr(n, "name")]; !twice {
				known[attr(n, "name")] = n
			}
		}
		w.partNames[message] = known
	}
	return known[name]
}
