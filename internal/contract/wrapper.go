package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// A wrapper is the element that stands in the Body of an rpc message (WSDL 1.1
// §3.5): no schema declares it, so it is synthesised here, for the type model
// and, as text, for the engine.
//
// Its name is the operation's, that of an answer with Response behind it (WS-I
// Basic Profile 1.1 R2729), in the namespace of the soap:body. WSDL 1.1 lets a
// binding leave the namespace out, the Basic Profile does not (R2717): JAX-WS
// and those that follow it send the target namespace of the port type then, and
// so it is taken here, with a note.
//
// Its content is one element for each part in the Body, in the order of the
// wsdl:message (R2301; parameterOrder is a hint for signatures, R2302), without
// a namespace and named after the part (R2735). Where a part names an element,
// which R2203 forbids, that element stands there, as it does for the clients
// that read such contracts at all.
//
// The wrapper of an encoded message is the literal form into which such
// messages are normalised: parts may be nil (SOAP 1.1 §5.1.1 has no other way to
// say that a value is not there), and attributes on the wrapper are free.
//
// Two more elements are synthesised in the same way: the accessor that holds a
// part of a document message that names a type, and the element into which the
// parts of a document message are gathered when they stand in the Body
// themselves.
type wrapper struct {
	element  *Element
	parts    []*Part
	accessor bool // element is the one part's own
}

// wrap gives an rpc message its wrapper.
func (b *boundOperation) wrap(o *Operation, m *Message, direction string) {
	name := Name{Space: b.wrapperSpace(o, m, direction), Local: o.Name}
	if direction == "output" {
		name.Local += "Response"
	}
	for _, p := range m.Parts {
		if reason := p.unfit(direction); reason != "" {
			o.unsupported("%s", reason)
			return
		}
	}
	if !isNCName(o.Name) {
		o.unsupported("its name cannot be the name of an element")
		return
	}
	m.Element = b.wrapperOf(o, name, m)
}

// wrapperSpace is the namespace of a message's wrapper.
func (b *boundOperation) wrapperSpace(o *Operation, m *Message, direction string) string {
	if m.Namespace == "" {
		m.Namespace = b.portType.in.namespace
		b.l.note(o.Position, "the soap:body of the %s of operation %s names no namespace; the port type's is taken, %q", direction, o.Name, m.Namespace)
	}
	return m.Namespace
}

// wrapperOf returns the wrapper of that name with those parts: the same for all
// ports and services, so that a binding for another SOAP version is no other
// operation.
func (w *description) wrapperOf(o *Operation, name Name, m *Message) *Element {
	key := fmt.Sprintf("%s %s", name, m.Use)
	for _, p := range m.Parts {
		key += fmt.Sprintf(" %q %t %s", p.Name, p.Typed, p.reference)
	}
	if known := w.wrappers[key]; known != nil {
		return known.element
	}
	made := &wrapper{element: newWrapper(name, m), parts: m.Parts}
	made.element.Position, made.element.Doc = o.Position, o.Doc
	w.wrappers[key] = made
	w.c.model.wrappers[made.element] = made
	return made.element
}

// accessorOf returns the element for a part that names a type: the same for all
// messages.
func (w *description) accessorOf(p *Part) *Element {
	key := fmt.Sprintf("accessor %s %s %t", p.Element.Name, p.reference, p.Element.Nillable)
	if known := w.wrappers[key]; known != nil {
		return known.element
	}
	made := &wrapper{element: p.Element, parts: []*Part{p}, accessor: true}
	w.wrappers[key] = made
	w.c.model.wrappers[made.element] = made
	return made.element
}

func newWrapper(name Name, m *Message) *Element {
	content := &Particle{Kind: Sequence, Min: 1, Max: 1}
	for _, p := range m.Parts {
		content.Particles = append(content.Particles, &Particle{Kind: ElementParticle, Min: 1, Max: 1, Element: p.Element})
	}
	t := &Type{Content: content, AnyAttr: m.Use == Encoded, filled: complete}
	if len(m.Parts) == 0 {
		t.Content = nil
	}
	t.children = newFlattener(nil).of(t.Content)
	return &Element{Name: name, Type: t}
}

// appendSchema writes the wrapper as a global element declaration of a schema
// for its namespace.
func (w *wrapper) appendSchema(dst []byte) []byte {
	if w.accessor {
		return w.parts[0].appendDeclaration(dst, "")
	}
	dst = append(append(append(dst, `<xs:element name="`...), w.element.Name.Local...), `"><xs:complexType><xs:sequence>`...)
	for _, p := range w.parts {
		dst = p.appendParticle(dst)
	}
	dst = append(dst, `</xs:sequence>`...)
	if w.element.Type.AnyAttr {
		dst = append(dst, `<xs:anyAttribute namespace="##any" processContents="lax"/>`...)
	}
	return append(dst, `</xs:complexType></xs:element>`...)
}

func (p *Part) appendParticle(dst []byte) []byte {
	if !p.Typed {
		return append(appendReference(append(dst, `<xs:element`...), "ref", p.reference), `/>`...)
	}
	return p.appendDeclaration(dst, ` form="unqualified"`)
}

// appendDeclaration declares the element of a part that names a type.
func (p *Part) appendDeclaration(dst []byte, form string) []byte {
	dst = append(append(append(append(dst, `<xs:element name="`...), p.Name...), '"'), form...)
	if p.Element.Nillable {
		dst = append(dst, ` nillable="true"`...)
	}
	return append(appendReference(dst, "type", p.reference), `/>`...)
}

// appendReference writes an attribute that holds a QName, with its prefix.
func appendReference(dst []byte, attribute string, name Name) []byte {
	prefix := ""
	if name.Space != "" {
		dst = append(document.AppendValue(append(dst, ` xmlns:r="`...), name.Space), '"')
		prefix = "r:"
	}
	return append(dst, " "+attribute+`="`+prefix+name.Local+`"`...)
}

// eclipse looks for global elements that have the name of something synthesised.
// The engine can only know one of the two: the message's, unless the schemas
// refer to the other.
func (w *description) eclipse(o *Operation) {
	if o.Unsupported != "" {
		return
	}
	for _, el := range o.needs() {
		if w.c.model.wrappers[el] == nil || w.c.model.elements[el.Name] == nil {
			continue
		}
		if at, found := w.l.referenceTo(el.Name); found {
			o.unsupported("%s stands in its Body and is another element in the schemas, which refer to that at %s", el.Name, at)
			return
		}
		w.l.note(o.Position, "%s stands in the Body of operation %s and is another element in the schemas; in the Body it is the operation's", el.Name, o.Name)
	}
}

// referenceTo finds where a schema refers to a global element.
func (l *loader) referenceTo(name Name) (Position, bool) {
	for _, s := range l.schemas {
		if n := s.reference(s.node, name); n.Exists() {
			return l.at(s.file, n), true
		}
	}
	return Position{}, false
}

// reference finds, below n, a reference to a global element or a substitution
// for it. What the parser takes is not deep.
func (s *schema) reference(n document.Node, name Name) document.Node {
	for c := range elements(n) {
		for _, attribute := range []string{"ref", "substitutionGroup"} {
			if v := strings.TrimSpace(attr(c, attribute)); c.Name() == xsdName("element") && v != "" && s.means(c, v) == name {
				return c
			}
		}
		if found := s.reference(c, name); found.Exists() {
			return found
		}
	}
	return document.Node{}
}

// means expands a QName as the schema does.
func (s *schema) means(n document.Node, qname string) Name {
	prefix, local := document.SplitQName(qname)
	space, _ := n.NamespaceFor(prefix)
	if space == "" && prefix == "" && s.chameleon {
		space = s.namespace
	}
	return Name{Space: space, Local: local}
}

// ordered notes where parameterOrder and the order of the parts on the wire
// differ: some clients send the one, some the other.
func (b *boundOperation) ordered(o *Operation, abstract document.Node) {
	order := strings.Fields(attr(abstract, "parameterOrder"))
	if !o.Style.rpc() || len(order) == 0 {
		return
	}
	last := -1
	for _, p := range o.Input.Parts {
		at := slices.Index(order, p.Name)
		if at >= 0 && at < last {
			b.l.note(b.at(b.portType, abstract), "the parameterOrder of operation %s is not the order of its parts; that of the parts counts", o.Name)
			return
		}
		last = max(last, at)
	}
}
