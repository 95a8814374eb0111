package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// definitions is one WSDL file (WSDL 1.1 §2.1).
type definitions struct {
	file      *file
	node      document.Node
	namespace string
}

// collectDefinitions reads a WSDL file, the schemas in it and what it imports.
func (l *loader) collectDefinitions(f *file) {
	if slices.ContainsFunc(l.definitions, func(d *definitions) bool { return d.file == f }) {
		return
	}
	root := f.tree.Root()
	d := &definitions{file: f, node: root, namespace: attr(root, "targetNamespace")}
	l.definitions = append(l.definitions, d)
	index := 0
	for types := range children(root, wsdlName("types")) {
		for n := range children(types, xsdName("schema")) {
			index++
			l.collectSchema(f, n, "", index)
		}
	}
	for n := range children(root, wsdlName("import")) {
		l.importDefinitions(d, n)
	}
}

// importDefinitions follows a wsdl:import; many WSDLs import schemas with it too.
func (l *loader) importDefinitions(d *definitions, n document.Node) {
	namespace, location := attr(n, "namespace"), attr(n, "location")
	at := l.at(d.file, n)
	if location == "" {
		l.note(at, "namespace %q is imported without a location", namespace)
		return
	}
	target, reason := l.locate(at, d.file.path, location)
	if reason != "" {
		l.missing = append(l.missing, missing{at, "wsdl:import", namespace, location, reason})
		return
	}
	f := l.read(target)
	if f == nil {
		return
	}
	switch f.tree.Root().Name() {
	case wsdlName("definitions"):
		l.collectDefinitions(f)
	case xsdName("schema"):
		l.collectSchema(f, f.tree.Root(), "", 0)
	default:
		l.fault(at, "%s is neither a WSDL nor a schema", l.relative(target))
	}
}

// component is a named child of a wsdl:definitions.
type component struct {
	node document.Node
	in   *definitions
}

func (c component) found() bool { return c.node.Exists() }

// description indexes what operations are put together from.
type description struct {
	l         *loader
	c         *Contract
	messages  map[Name]component
	portTypes map[Name]component
	bindings  map[Name]component
	wrappers  map[string]*wrapper // by name and parts
	// operations are those of port types that were asked for.
	operations map[component]map[string][]document.Node
	described  int // operations
	parts      int // of their messages
	partNames  map[component]map[string]document.Node
}

func (l *loader) describe(c *Contract) {
	if len(l.definitions) == 0 {
		return
	}
	root := l.definitions[0]
	c.TargetNamespace = root.namespace
	c.Doc = text(root.node.Child(wsdlName("documentation")))
	w := &description{l: l, c: c, wrappers: map[string]*wrapper{}, operations: map[component]map[string][]document.Node{},
		partNames: map[component]map[string]document.Node{}}
	w.messages = l.index("message")
	w.portTypes = l.index("portType")
	w.bindings = l.index("binding")
	for _, d := range l.definitions {
		for n := range children(d.node, wsdlName("service")) {
			w.service(component{n, d})
		}
	}
	if len(c.Services) == 0 {
		l.note(l.at(root.file, root.node), "no service has a SOAP port: there is nothing to serve")
	}
	c.Policies = l.policies()
}

func (l *loader) index(kind string) map[Name]component {
	out := map[Name]component{}
	for _, d := range l.definitions {
		for n := range children(d.node, wsdlName(kind)) {
			name := Name{Space: d.namespace, Local: attr(n, "name")}
			if first, twice := out[name]; twice {
				l.note(l.at(d.file, n), "%s %q is declared twice; the one at %s counts", kind, name.Local, l.at(first.in.file, first.node))
				continue
			}
			out[name] = component{n, d}
		}
	}
	return out
}

// service adds a wsdl:service, unless none of its ports speaks SOAP.
func (w *description) service(in component) {
	s := &Service{Name: attr(in.node, "name"), Doc: text(in.node.Child(wsdlName("documentation"))),
		Position: w.at(in, in.node), model: w.c.model, byBody: map[Name][]*Operation{}, byName: map[string][]*Operation{}}
	for n := range children(in.node, wsdlName("port")) {
		w.port(s, component{n, in.in})
	}
	if len(s.Ports) == 0 {
		return
	}
	w.c.Services = append(w.c.Services, s)
	s.distinguish()
	w.dispatch(s)
}

// port adds one port and the operations of its binding.
func (w *description) port(s *Service, in component) {
	address := in.node.Child(Name{Space: nsSOAP11, Local: "address"})
	soap12 := false
	if !address.Exists() {
		address = in.node.Child(Name{Space: nsSOAP12, Local: "address"})
		soap12 = address.Exists()
	}
	binding := w.bindings[w.qname(in, in.node, "binding")]
	if !binding.found() {
		w.l.note(w.at(in, in.node), "port %q: there is no binding %q", attr(in.node, "name"), attr(in.node, "binding"))
		return
	}
	space := soapSpace(binding.node)
	if space == "" {
		w.l.note(w.at(in, in.node), "port %q is not a SOAP port and is ignored", attr(in.node, "name"))
		return
	}
	if address.Exists() && soap12 != (space == nsSOAP12) {
		w.l.note(w.at(in, in.node), "port %q: its address and its binding name different SOAP versions; the binding's counts", attr(in.node, "name"))
	}
	w.transport(in, binding.node.Child(Name{Space: space, Local: "binding"}))
	s.Ports = append(s.Ports, Port{Name: attr(in.node, "name"), SOAP12: space == nsSOAP12, Address: attr(address, "location")})
	w.bind(s, binding, space)
}

// transport notes a port whose binding is for another transport than HTTP.
func (w *description) transport(in component, soap document.Node) {
	switch t := strings.TrimSpace(attr(soap, "transport")); t {
	case "", "http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/":
	default:
		w.l.note(w.at(in, in.node), "port %q is for transport %q; it is served over HTTP", attr(in.node, "name"), t)
	}
}

// soapSpace returns the namespace of the SOAP extensions a binding uses, or "".
func soapSpace(binding document.Node) string {
	for _, space := range []string{nsSOAP11, nsSOAP12} {
		if binding.Child(Name{Space: space, Local: "binding"}).Exists() {
			return space
		}
	}
	return ""
}

func (w *description) at(in component, n document.Node) Position { return w.l.at(in.in.file, n) }

// qname resolves the QName in an attribute. Many WSDLs leave the prefix out
// where they mean the target namespace.
func (w *description) qname(in component, n document.Node, local string) Name {
	prefix, name := document.SplitQName(strings.TrimSpace(attr(n, local)))
	space, bound := n.NamespaceFor(prefix)
	if prefix == "" && (!bound || space == nsWSDL || space == "") {
		space = in.in.namespace
	}
	return Name{Space: space, Local: name}
}

// text returns an element's string value with its white space collapsed.
func text(n document.Node) string {
	if !n.Exists() {
		return ""
	}
	return strings.Join(strings.Fields(n.Text()), " ")
}
