package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// bind adds the operations of a binding to the service, or completes those that
// another port has added already.
func (w *description) bind(s *Service, binding component, space string) {
	portName := w.qname(binding, binding.node, "type")
	portType := w.portTypes[portName]
	if !portType.found() {
		w.l.note(w.at(binding, binding.node), "binding %q: there is no port type %q", attr(binding.node, "name"), portName)
		return
	}
	b := &boundOperation{description: w, binding: binding, portType: portType, space: space,
		style: attr(binding.node.Child(Name{Space: space, Local: "binding"}), "style")}
	for n := range children(binding.node, wsdlName("operation")) {
		b.add(s, n)
	}
}

// boundOperation reads the operations of one binding.
type boundOperation struct {
	*description
	binding, portType component
	space             string // of the SOAP extensions
	style             string // of the binding
}

func (b *boundOperation) soap(local string) Name { return Name{Space: b.space, Local: local} }

func (b *boundOperation) add(s *Service, bound document.Node) {
	name := attr(bound, "name")
	abstract := b.abstract(bound)
	if !abstract.Exists() {
		b.l.note(b.at(b.binding, bound), "binding %q: its port type has no operation %q", attr(b.binding.node, "name"), name)
		return
	}
	o := b.operation(bound, abstract)
	i := slices.IndexFunc(s.Operations, func(have *Operation) bool { return have.sameAs(o) })
	if i < 0 {
		s.Operations = append(s.Operations, o)
		return
	}
	s.Operations[i].merge(o)
}

// sameAs reports whether two ports offer one operation.
func (o *Operation) sameAs(other *Operation) bool {
	return o.Name == other.Name && o.Style == other.Style && (o.Unsupported != "" || other.Unsupported != "" ||
		o.Input.Element == other.Input.Element)
}

// merge takes over what another port's binding of the same operation adds.
func (o *Operation) merge(other *Operation) {
	if o.Unsupported != "" && other.Unsupported == "" {
		a11, a12 := o.Action11, o.Action12
		*o = *other
		other = &Operation{Action11: a11, Action12: a12}
	}
	if o.Action11 == "" {
		o.Action11 = other.Action11
	}
	if o.Action12 == "" {
		o.Action12 = other.Action12
	}
}

// abstract finds the port type's operation that bound is about. Overloaded
// operations (forbidden by Basic Profile R2304) differ by their input's name.
func (b *boundOperation) abstract(bound document.Node) document.Node {
	var first document.Node
	wanted := attr(bound.Child(wsdlName("input")), "name")
	for n := range children(b.portType.node, wsdlName("operation")) {
		if attr(n, "name") != attr(bound, "name") {
			continue
		}
		if wanted != "" && attr(n.Child(wsdlName("input")), "name") == wanted {
			return n
		}
		if !first.Exists() {
			first = n
		}
	}
	return first
}

func (b *boundOperation) operation(bound, abstract document.Node) *Operation {
	ext := bound.Child(b.soap("operation"))
	o := &Operation{Name: attr(abstract, "name"), Doc: text(abstract.Child(wsdlName("documentation"))),
		Position: b.at(b.binding, bound)}
	action := strings.TrimSpace(attr(ext, "soapAction"))
	if b.space == nsSOAP12 {
		o.Action12 = action
	} else {
		o.Action11 = action
	}
	style := b.style
	if own := attr(ext, "style"); own != "" {
		style = own
	}
	b.messages(o, bound, abstract, style)
	b.addressing(o, abstract, action)
	return o
}

// messages fills in style, input, output and faults.
func (b *boundOperation) messages(o *Operation, bound, abstract document.Node, style string) {
	in, out := abstract.Child(wsdlName("input")), abstract.Child(wsdlName("output"))
	o.Style = b.styleOf(bound, style)
	if o.Style == RPCLiteral || o.Style == RPCEncoded {
		o.unsupported("its style is %s", o.Style)
	}
	if !in.Exists() {
		o.unsupported("it has no input: notifications and solicitations are not served")
	}
	o.Input = b.message(o, in, bound.Child(wsdlName("input")), "input")
	if out.Exists() {
		o.Output = b.message(o, out, bound.Child(wsdlName("output")), "output")
	}
	o.Faults = b.faults(o, abstract)
	if o.Style == DocumentWrapped && (o.Input.Element == nil || o.Input.Element.Name.Local != o.Name) {
		o.Style = DocumentBare
	}
}

func (b *boundOperation) styleOf(bound document.Node, style string) Style {
	use := ""
	for _, direction := range []string{"input", "output"} {
		body := bound.Child(wsdlName(direction)).Child(b.soap("body"))
		if u := attr(body, "use"); u != "" && use == "" {
			use = u
		}
	}
	switch {
	case use == "encoded":
		return RPCEncoded
	case style == "rpc":
		return RPCLiteral
	}
	return DocumentWrapped
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
	m.Headers = b.headers(o, bound)
	part := b.bodyPart(o, declared, body, bound, direction)
	if !part.Exists() || o.Style == RPCLiteral || o.Style == RPCEncoded {
		return m
	}
	m.Element = b.partElement(o, declared, part, direction)
	return m
}

// bodyPart picks the one message part that stands in the Body.
func (b *boundOperation) bodyPart(o *Operation, declared component, body, bound document.Node, direction string) document.Node {
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
	switch {
	case o.Style == RPCLiteral || o.Style == RPCEncoded:
	case len(picked) == 0 && direction == "output":
		// an empty Body answers
	case len(picked) == 0:
		o.unsupported("its %s has an empty Body", direction)
	case len(picked) > 1:
		o.unsupported("its %s has %d parts in the Body", direction, len(picked))
	default:
		return picked[0]
	}
	return document.Node{}
}

func (b *boundOperation) partElement(o *Operation, declared component, part document.Node, direction string) *Element {
	if attr(part, "element") == "" {
		o.unsupported("part %q of its %s has a type instead of an element", attr(part, "name"), direction)
		return nil
	}
	name := b.qname(declared, part, "element")
	el := b.c.model.elements[name]
	if el == nil {
		o.unsupported("its %s is element %q, which no schema of the contract declares", direction, name)
	}
	return el
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
func (b *boundOperation) headers(o *Operation, bound document.Node) []*Element {
	var out []*Element
	for h := range children(bound, b.soap("header")) {
		declared := b.description.messages[b.qname(b.binding, h, "message")]
		if el := b.headerElement(declared, attr(h, "part")); el != nil {
			out = append(out, el)
			continue
		}
		b.l.note(b.at(b.binding, h), "header of operation %s: message %q has no part %q with a known element",
			o.Name, attr(h, "message"), attr(h, "part"))
	}
	return out
}

func (b *boundOperation) headerElement(declared component, name string) *Element {
	if !declared.found() {
		return nil
	}
	for part := range children(declared.node, wsdlName("part")) {
		if attr(part, "name") == name && attr(part, "element") != "" {
			return b.c.model.elements[b.qname(declared, part, "element")]
		}
	}
	return nil
}

func (b *boundOperation) faults(o *Operation, abstract document.Node) []*FaultMessage {
	var out []*FaultMessage
	for n := range children(abstract, wsdlName("fault")) {
		declared := b.description.messages[b.qname(b.portType, n, "message")]
		var el *Element
		if declared.found() {
			if part := declared.node.Child(wsdlName("part")); attr(part, "element") != "" {
				el = b.c.model.elements[b.qname(declared, part, "element")]
			}
		}
		if el == nil {
			b.l.note(b.at(b.portType, n), "fault %q of operation %s has no known element", attr(n, "name"), o.Name)
			continue
		}
		out = append(out, &FaultMessage{Name: attr(n, "name"), Element: el})
	}
	return out
}

// addressing sets the actions of WS-Addressing 1.0 Metadata §4.4: explicit,
// else the soapAction, else the default pattern.
func (b *boundOperation) addressing(o *Operation, abstract document.Node, action string) {
	request, response := o.Name+"Request", o.Name+"Response"
	if o.OneWay() {
		request = o.Name
	}
	in, out := abstract.Child(wsdlName("input")), abstract.Child(wsdlName("output"))
	o.InputAction = explicitAction(in)
	if o.InputAction == "" {
		o.InputAction = action
	}
	if o.InputAction == "" {
		o.InputAction = b.defaultAction(in, request)
	}
	if out.Exists() {
		if o.OutputAction = explicitAction(out); o.OutputAction == "" {
			o.OutputAction = b.defaultAction(out, response)
		}
	}
}

func explicitAction(n document.Node) string {
	for _, space := range []string{nsWSAM, nsWSAW} {
		if v, ok := n.Attr(Name{Space: space, Local: "Action"}); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (b *boundOperation) defaultAction(n document.Node, name string) string {
	if own := attr(n, "name"); own != "" {
		name = own
	}
	space, slash := b.portType.in.namespace, "/"
	if strings.HasPrefix(space, "urn:") {
		slash = ":"
	}
	return strings.TrimSuffix(space, slash) + slash + attr(b.portType.node, "name") + slash + name
}

// descendant returns the first element of that name below n, depth-first, at
// most depth levels down.
func descendant(n document.Node, name Name, depth int) document.Node {
	for c := range elements(n) {
		if c.Name() == name {
			return c
		}
		if depth > 1 {
			if found := descendant(c, name, depth-1); found.Exists() {
				return found
			}
		}
	}
	return document.Node{}
}
