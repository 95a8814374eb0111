package contract

import (
	"strings"

	"github.com/beevik/etree"
)

// explainActions writes down the WS-Addressing actions of a WSDL's operations
// that follow from a namespace or a name which the bundle changes.
func (b *bundle) explainActions(f *editable) {
	root := f.doc.Root()
	space := plain(root, "targetNamespace")
	for _, portType := range root.ChildElements() {
		if !is(portType, wsdlName("portType")) {
			continue
		}
		before := b.before[portType]
		if space == b.target && before == plain(portType, "name") {
			continue
		}
		for _, o := range portType.ChildElements() {
			if is(o, wsdlName("operation")) {
				b.explain(o, Name{Space: space, Local: before})
			}
		}
	}
}

// explain writes the default actions of one operation; see
// boundOperation.addressing.
func (b *bundle) explain(o *etree.Element, portType Name) {
	name := plain(o, "name")
	oneWay := true
	for _, m := range o.ChildElements() {
		oneWay = oneWay && !is(m, wsdlName("output"))
	}
	for _, m := range o.ChildElements() {
		switch {
		case is(m, wsdlName("input")) && oneWay:
			b.act(m, portType, name, o)
		case is(m, wsdlName("input")):
			b.act(m, portType, name+"Request", o)
		case is(m, wsdlName("output")):
			b.act(m, portType, name+"Response", nil)
		case is(m, wsdlName("fault")):
			b.act(m, portType, name+actionDelimiter(portType.Space)+"Fault"+actionDelimiter(portType.Space)+plain(m, "name"), nil)
		}
	}
}

// act gives a message its action, unless it says its own or a binding does.
func (b *bundle) act(m *etree.Element, portType Name, name string, input *etree.Element) {
	for i := range m.Attr {
		if a := &m.Attr[i]; a.Key == "Action" && (a.NamespaceURI() == nsWSAM || a.NamespaceURI() == nsWSAW) {
			return
		}
	}
	if input != nil && b.acting[soapActing{portType, plain(input, "name")}] {
		return
	}
	if own := plain(m, "name"); own != "" && m.Tag != "fault" {
		name = own
	}
	if b.actions == "" {
		b.actions = b.freePrefix(b.files[b.definitions[0]].doc.Root(), nsWSAM, "wsam")
	}
	m.CreateAttr(b.actions+":Action", defaultAction(portType, name))
}

// soapActing is an operation of a port type which a binding gives a soapAction:
// that stands before the default.
type soapActing struct {
	portType  Name
	operation string
}

func (b *bundle) findSOAPActions() {
	b.acting = map[soapActing]bool{}
	for _, p := range b.definitions {
		root := b.files[p].doc.Root()
		for _, binding := range root.ChildElements() {
			if !is(binding, wsdlName("binding")) {
				continue
			}
			portType := resolved(binding, root, plain(binding, "type"))
			for _, o := range binding.ChildElements() {
				if is(o, wsdlName("operation")) && soapAction(o) != "" {
					b.acting[soapActing{portType, plain(o, "name")}] = true
				}
			}
		}
	}
}

func soapAction(bound *etree.Element) string {
	for _, e := range bound.ChildElements() {
		if space := e.NamespaceURI(); e.Tag == "operation" && (space == nsSOAP11 || space == nsSOAP12) {
			return strings.TrimSpace(plain(e, "soapAction"))
		}
	}
	return ""
}

func actionDelimiter(space string) string {
	if strings.HasPrefix(space, "urn:") {
		return ":"
	}
	return "/"
}

// defaultAction is the pattern of WS-Addressing 1.0 Metadata §4.4.4.
func defaultAction(portType Name, message string) string {
	delimiter := actionDelimiter(portType.Space)
	return strings.TrimSuffix(portType.Space, delimiter) + delimiter + portType.Local + delimiter + message
}

// explainWrappers writes down the namespace of rpc wrappers, which is the port
// type's where a soap:body names none; see wrapperSpace.
func (b *bundle) explainWrappers(f *editable) {
	root := f.doc.Root()
	for _, binding := range root.ChildElements() {
		if !is(binding, wsdlName("binding")) {
			continue
		}
		if space := resolved(binding, root, plain(binding, "type")).Space; space != b.target {
			nameWrappers(binding, space, false)
		}
	}
}

// nameWrappers names the namespace in the soap:body elements below e that have
// none, where the style is rpc.
func nameWrappers(e *etree.Element, space string, rpc bool) {
	for _, c := range e.ChildElements() {
		if ns := c.NamespaceURI(); (ns == nsSOAP11 || ns == nsSOAP12) && plain(c, "style") != "" {
			rpc = plain(c, "style") == "rpc"
		}
	}
	for _, c := range e.ChildElements() {
		ns := c.NamespaceURI()
		if _, named := attributeOf(c, "", "namespace"); rpc && !named && c.Tag == "body" && (ns == nsSOAP11 || ns == nsSOAP12) {
			c.CreateAttr("namespace", space)
		}
		nameWrappers(c, space, rpc)
	}
}
