package contract

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// PublishedPolicy is what the gateway demands of callers of an operation, as
// serialised elements that declare their own prefixes: of the operation as a whole,
// of its input and of its output (WS-PolicyAttachment 1.5 §4.1). Empty ones are left
// out.
type PublishedPolicy struct{ Operation, Input, Output string }

// withPolicies writes policies into the bindings of a rendered document. A binding
// that no service of the document uses, since it was imported, is taken for one of
// every service.
func withPolicies(doc []byte, c *Contract, policy func(service, operation string) PublishedPolicy) ([]byte, error) {
	tree, err := document.Read(doc)
	if err != nil {
		return nil, err
	}
	defer tree.Release()
	root := tree.Root()
	if root.Name() != wsdlName("definitions") {
		return doc, nil
	}
	services := servicesOf(root)
	var edits []edit
	for binding := range elements(root) {
		if binding.Name() != wsdlName("binding") {
			continue
		}
		users := services[attr(binding, "name")]
		if users == nil {
			for _, s := range c.Services {
				users = append(users, s.Name)
			}
		}
		for op := range elements(binding) {
			if op.Name() == wsdlName("operation") {
				edits = appendPolicy(edits, op, c.published(users, attr(op, "name"), policy))
			}
		}
	}
	return apply(doc, edits), nil
}

// servicesOf are the names of the services that use a binding, by its local name.
func servicesOf(root document.Node) map[string][]string {
	out := map[string][]string{}
	for service := range elements(root) {
		if service.Name() != wsdlName("service") {
			continue
		}
		for port := range elements(service) {
			if port.Name() == wsdlName("port") {
				_, binding := document.SplitQName(attr(port, "binding"))
				out[binding] = append(out[binding], attr(service, "name"))
			}
		}
	}
	return out
}

// published is the policy of the first of the services that has one for an
// operation of that name in the WSDL.
func (c *Contract) published(services []string, name string, policy func(service, operation string) PublishedPolicy) PublishedPolicy {
	for _, service := range services {
		s := c.Service(service)
		if s == nil {
			continue
		}
		for _, op := range s.Operations {
			if own, _, _ := strings.Cut(op.Name, "#"); own != name {
				continue
			}
			if p := policy(service, op.Name); p != (PublishedPolicy{}) {
				return p
			}
		}
	}
	return PublishedPolicy{}
}

func appendPolicy(edits []edit, op document.Node, p PublishedPolicy) []edit {
	edits = appendInside(edits, op, p.Operation)
	for n := range elements(op) {
		switch n.Name() {
		case wsdlName("input"):
			edits = appendInside(edits, n, p.Input)
		case wsdlName("output"):
			edits = appendInside(edits, n, p.Output)
		}
	}
	return edits
}

// appendInside puts text at the beginning of an element, behind its documentation
// (WSDL 1.1 §2.1.2).
func appendInside(edits []edit, n document.Node, text string) []edit {
	if text == "" {
		return edits
	}
	_, content, closing, end := n.Span()
	if closing == end { // <input/>: the slash and the bracket give way
		return append(edits, edit{start: end - len("/>"), end: end, text: ">" + text + "</" + n.QName() + ">"})
	}
	if first := n.FirstChild(); first.Is(wsdlName("documentation")) {
		_, _, _, content = first.Span()
	}
	return append(edits, edit{start: content, end: content, text: text})
}
