package contract

import (
	"net/url"
	"slices"

	"github.com/beevik/etree"
)

// rewrite makes a page one that leads nowhere else: in the place of every
// address it puts a mark, and notes what goes there.
type rewrite struct {
	contract *Contract
	page     *page
	file     *editable
	only11   bool
	gapMark  string
	gaps     []gap
	service  string // the wsdl:service around
}

func (r *rewrite) element(e *etree.Element) {
	switch space := e.NamespaceURI(); {
	case space == nsXSD && slices.Contains([]string{"import", "include", "redefine"}, e.Tag):
		r.reference(e, "schemaLocation")
	case space == nsWSDL && e.Tag == "import":
		r.reference(e, "location")
	case space == nsWSDL && e.Tag == "service":
		r.service = r.file.value(e, "name")
	case (space == nsSOAP11 || space == nsSOAP12) && e.Tag == "address" && r.served():
		r.leave(e, "location", gap{service: r.service, original: r.file.value(e, "location")})
	}
	for _, child := range e.ChildElements() {
		if r.only11 && r.is12(child) || r.unserved(child) {
			e.RemoveChild(child)
			continue
		}
		r.element(child)
	}
}

// leave puts the mark of a gap into an attribute.
func (r *rewrite) leave(e *etree.Element, attribute string, g gap) {
	e.CreateAttr(attribute, r.gapMark)
	r.gaps = append(r.gaps, g)
}

// served reports whether the service around has an endpoint here.
func (r *rewrite) served() bool { return r.contract.Service(r.service) != nil }

// unserved reports whether a port is one that nobody answers here, as those of
// HTTP GET are, or a service has no other: whoever read of it would call another
// host, without the gateway.
func (r *rewrite) unserved(e *etree.Element) bool {
	switch {
	case is(e, wsdlName("service")):
		return r.contract.Service(r.file.value(e, "name")) == nil
	case is(e, wsdlName("port")):
		return !r.served() || !slices.ContainsFunc(r.contract.Service(r.service).Ports, func(p Port) bool { return p.Name == r.file.value(e, "name") })
	}
	return false
}

// is12 reports whether a binding or port is for SOAP 1.2.
func (r *rewrite) is12(e *etree.Element) bool {
	if e.NamespaceURI() != nsWSDL || e.Tag != "binding" && e.Tag != "port" {
		return false
	}
	if slices.ContainsFunc(e.ChildElements(), func(c *etree.Element) bool { return c.NamespaceURI() == nsSOAP12 }) {
		return true
	}
	service := r.contract.Service(r.service)
	return e.Tag == "port" && service != nil && slices.ContainsFunc(service.Ports, func(p Port) bool {
		return p.SOAP12 && p.Name == r.file.value(e, "name")
	})
}

// reference points a location to the page that satisfies it; one that is
// satisfied without a document of its own loses it.
func (r *rewrite) reference(e *etree.Element, attribute string) {
	location := r.file.value(e, attribute)
	if target := r.target(e, location); target != nil && r.page != r.contract.single {
		r.leave(e, attribute, gap{query: r.query(target)})
		return
	}
	e.RemoveAttr(attribute)
}

// query is what a page is asked for with. The WSDL itself has one address only,
// or a reader would meet its services twice.
func (r *rewrite) query(target *page) string {
	q := target.key
	if target != r.contract.pages[0] {
		q += "=" + url.QueryEscape(target.name)
	}
	if r.only11 && target.key == "wsdl" {
		q += "&soap=11"
	}
	return q
}

func (r *rewrite) target(e *etree.Element, location string) *page {
	if name, reason := r.contract.resolve(r.page.path, location); location != "" && reason == "" {
		if i := slices.IndexFunc(r.contract.pages, func(p *page) bool { return p.path == name }); i >= 0 {
			return r.contract.pages[i]
		}
	}
	return r.contract.model.wellKnown[r.file.value(e, "namespace")]
}
