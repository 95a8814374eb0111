package contract

import (
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

// maxOperations bounds what a contract describes, all services together. The
// largest seen has some hundreds.
const maxOperations = 10_000

func (b *boundOperation) add(s *Service, bound document.Node) {
	if b.described++; b.described > maxOperations {
		if b.described == maxOperations+1 {
			b.l.fault(b.at(b.binding, bound), "more than %d operations in one contract", maxOperations)
		}
		return
	}
	name := attr(bound, "name")
	abstract := b.abstract(bound)
	if !abstract.Exists() {
		b.l.note(b.at(b.binding, bound), "binding %q: its port type has no operation %q", attr(b.binding.node, "name"), name)
		return
	}
	o := b.operation(bound, abstract)
	for _, have := range s.byName[o.Name] {
		if have.sameAs(o) {
			have.merge(o)
			return
		}
	}
	s.Operations, s.byName[o.Name] = append(s.Operations, o), append(s.byName[o.Name], o)
}

// sameAs reports whether two ports offer one operation: one of their port type,
// or one that takes the same element. Bindings that put it differently into the
// Body make two of it.
func (o *Operation) sameAs(other *Operation) bool {
	if o.Name != other.Name || o.Style != other.Style {
		return false
	}
	if o.Unsupported != "" || other.Unsupported != "" {
		return o.declared == other.declared
	}
	return o.Input.Element == other.Input.Element &&
		(o.declared == other.declared || o.portType != other.portType)
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
// operations (forbidden by Basic Profile R2304) differ by their input's name,
// which may be the default one.
func (b *boundOperation) abstract(bound document.Node) document.Node {
	named := b.operationsOf(b.portType)[attr(bound, "name")]
	if len(named) == 0 {
		return document.Node{}
	}
	wanted := attr(bound.Child(wsdlName("input")), "name")
	for _, n := range named {
		if wanted != "" && inputName(n) == wanted {
			return n
		}
	}
	return named[0]
}

// operationsOf are the operations of a port type, by name.
func (w *description) operationsOf(portType component) map[string][]document.Node {
	known := w.operations[portType]
	if known == nil {
		known = map[string][]document.Node{}
		for n := range children(portType.node, wsdlName("operation")) {
			known[attr(n, "name")] = append(known[attr(n, "name")], n)
		}
		w.operations[portType] = known
	}
	return known
}

func (b *boundOperation) operation(bound, abstract document.Node) *Operation {
	ext := bound.Child(b.soap("operation"))
	o := &Operation{Name: attr(abstract, "name"), Doc: text(abstract.Child(wsdlName("documentation"))),
		Position: b.at(b.binding, bound), declared: b.at(b.portType, abstract),
		binding: attr(b.binding.node, "name"), portType: attr(b.portType.node, "name"),
		input: inputName(abstract)}
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
	switch {
	case !in.Exists() && out.Exists():
		o.unsupported("it is a notification, which the service would have to begin")
	case !in.Exists():
		o.unsupported("it has neither input nor output")
	case solicits(abstract):
		o.unsupported("it is a solicit-response: its output comes first, and the service would have to begin it")
	}
	o.Input = b.message(o, in, bound.Child(wsdlName("input")), "input")
	if out.Exists() {
		o.Output = b.message(o, out, bound.Child(wsdlName("output")), "output")
	}
	o.Faults = b.faults(o, abstract)
	b.ordered(o, abstract)
	if o.Style == DocumentWrapped && (o.Input.Element == nil || o.Input.Gathered || o.Input.Parts[0].Typed || o.Input.Element.Name.Local != o.Name) {
		o.Style = DocumentBare
	}
}

func (b *boundOperation) faults(o *Operation, abstract document.Node) []*FaultMessage {
	var out []*FaultMessage
	for n := range children(abstract, wsdlName("fault")) {
		f := &FaultMessage{Name: attr(n, "name"), Action: b.faultAction(abstract, n)}
		if declared := b.description.messages[b.qname(b.portType, n, "message")]; declared.found() && b.partsOf(declared) <= maxParts {
			for part := range children(declared.node, wsdlName("part")) {
				f.Parts = append(f.Parts, b.part(declared, part, Literal))
			}
		}
		if len(f.Parts) == 0 || f.Parts[0].unfit("fault") != "" {
			b.l.note(b.at(b.portType, n), "fault %q of operation %s has no known element", f.Name, o.Name)
			continue
		}
		if len(f.Parts) > 1 {
			b.l.note(b.at(b.portType, n), "fault %q of operation %s has %d parts, and a detail has room for one: the first counts", f.Name, o.Name, len(f.Parts))
		}
		if f.Element = f.Parts[0].Element; f.Parts[0].Typed {
			f.Element = b.accessorOf(f.Parts[0])
		}
		out = append(out, f)
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
	space, slash := b.portType.in.namespace, b.delimiter()
	return strings.TrimSuffix(space, slash) + slash + attr(b.portType.node, "name") + slash + name
}

// delimiter stands between the parts of a default action.
func (b *boundOperation) delimiter() string {
	if strings.HasPrefix(b.portType.in.namespace, "urn:") {
		return ":"
	}
	return "/"
}

// faultAction is explicit, or the default of WS-Addressing 1.0 Metadata §4.4.4.
func (b *boundOperation) faultAction(abstract, n document.Node) string {
	if own := explicitAction(n); own != "" {
		return own
	}
	space, slash := b.portType.in.namespace, b.delimiter()
	return strings.TrimSuffix(space, slash) + slash + attr(b.portType.node, "name") + slash + attr(abstract, "name") + slash + "Fault" + slash + attr(n, "name")
}

// solicits reports whether an operation's output stands before its input, which
// is how WSDL 1.1 §2.4.3 writes a solicit-response.
func solicits(abstract document.Node) bool {
	for n := range elements(abstract) {
		switch n.Name() {
		case wsdlName("input"):
			return false
		case wsdlName("output"):
			return abstract.Child(wsdlName("input")).Exists()
		}
	}
	return false
}
