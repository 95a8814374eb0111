package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

func (b *boundOperation) styleOf(bound document.Node, style string) Style {
	encoded := false
	for _, direction := range []string{"input", "output"} {
		body := bound.Child(wsdlName(direction)).Child(b.soap("body"))
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
	m := &Message{Name: name.Local}
	if !abstract.Exists() {
		return m
	}
	declared := b.description.messages[name]
	if !declared.found() {
		o.unsupported("its %s refers to message %q, which does not exist", direction, name.Local)
		return m
	}
	body := bound.Child(b.soap("body"))
	if !body.Exists() { // in a mime:multipartRelated
		if body = descendant(bound, b.soap("body"), 4); body.Exists() {
			o.unsupported("its %s has attachments", direction)
		}
	}
	m.Use, m.EncodingStyle, m.Namespace = useOf(body), attr(body, "encodingStyle"), attr(body, "namespace")
	m.Headers = b.headers(o, bound)
	for _, part := range b.bodyParts(declared, body, bound) {
		m.Parts = append(m.Parts, b.part(declared, part, m.Use))
	}
	if o.Style.rpc() {
		b.wrap(o, m, direction)
	} else {
		m.Element = b.onlyPart(o, m, direction)
	}
	return m
}

// bodyParts are the parts of a message that stand in the Body: those that the
// soap:body names, or all that stand in no header.
func (b *boundOperation) bodyParts(declared component, body, bound document.Node) []document.Node {
	parts, limited := body.Attr(Name{Local: "parts"})
	inHeader := b.headerParts(declared, bound)
	var picked []document.Node
	for part := range children(declared.node, wsdlName("part")) {
		name := attr(part, "name")
		if limited && !slices.Contains(strings.Fields(parts), name) || !limited && slices.Contains(inHeader, name) {
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

// missing says why a part cannot stand on the wire, or nothing.
func (p *Part) missing(direction string) string {
	switch {
	case p.Element != nil:
		return ""
	case p.reference == Name{}:
		return "part \"" + p.Name + "\" of its " + direction + " has neither an element nor a type"
	case p.Typed:
		return "part \"" + p.Name + "\" of its " + direction + " is of type \"" + p.reference.String() + "\", which no schema of the contract declares"
	}
	return "its " + direction + " is element \"" + p.reference.String() + "\", which no schema of the contract declares"
}

// onlyPart is the element of the one part of a document message.
func (b *boundOperation) onlyPart(o *Operation, m *Message, direction string) *Element {
	switch {
	case len(m.Parts) == 0 && direction == "output":
		// an empty Body answers
	case len(m.Parts) == 0:
		o.unsupported("its %s has an empty Body", direction)
	case len(m.Parts) > 1:
		o.unsupported("its %s has %d parts in the Body", direction, len(m.Parts))
	case m.Parts[0].missing(direction) != "":
		o.unsupported("%s", m.Parts[0].missing(direction))
	case m.Parts[0].Typed:
		o.unsupported("part %q of its %s has a type instead of an element", m.Parts[0].Name, direction)
	default:
		return m.Parts[0].Element
	}
	return nil
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
		required, _ := n.Attr(wsdlName("required"))
		h.Required = boolean(required)
		if p := b.headerPart(n); p != nil && !p.Typed {
			h.Element = p.Element
		}
		if h.Element == nil {
			b.l.note(h.Position, "header of operation %s: message %q has no part %q with a known element",
				o.Name, attr(n, "message"), h.Part)
			continue
		}
		out = append(out, h)
	}
	return out
}

// headerPart finds the part that a soap:header names, or nil.
func (b *boundOperation) headerPart(n document.Node) *Part {
	declared := b.description.messages[b.qname(b.binding, n, "message")]
	if !declared.found() {
		return nil
	}
	for part := range children(declared.node, wsdlName("part")) {
		if attr(part, "name") == attr(n, "part") {
			return b.part(declared, part, useOf(n))
		}
	}
	return nil
}
