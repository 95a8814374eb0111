package contract

import (
	"net/url"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Addresses are the absolute URLs under which a contract is published.
type Addresses struct {
	// Document is where the documents are asked for, without a query.
	Document string
	// Service returns the endpoint of a service.
	Service func(service string) string
}

// page is one file of the contract as it can be published.
type page struct {
	path string // from the root of the file system
	name string // in a query
	utf8 []byte
	key  string // of the query: wsdl or xsd
}

func (l *loader) pages(m *model) []*page {
	var out []*page
	for _, f := range l.order {
		key := "xsd"
		if f.tree.Root().Name() == wsdlName("definitions") {
			key = "wsdl"
		}
		out = append(out, &page{f.path, l.relative(f.path), f.utf8, key})
	}
	for _, s := range l.schemas {
		if s.wellKnown {
			p := &page{s.file.path, s.file.path, s.file.utf8, "xsd"}
			out, m.wellKnown[s.namespace] = append(out, p), p
		}
	}
	return out
}

// Document returns what a query on an endpoint's URL asks for, in UTF-8:
//
//	wsdl           the WSDL; any case
//	wsdl&soap=11   the WSDL without its SOAP 1.2 ports and bindings
//	wsdl=NAME      an imported WSDL
//	xsd=NAME       a schema
//
// Every reference to another document is made absolute and leads back to
// Document, whatever it was, and every port's address to its service's
// endpoint, so that nobody who reads it needs anything else. The error is a
// *fault.Error of kind not_found; or of kind internal for a file whose names
// only the fifth edition of XML 1.0 allows, which etree does not take.
func (c *Contract) Document(query string, at Addresses) ([]byte, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.New(fault.CodeNoEndpoint, "the query is malformed")
	}
	p := c.asked(values)
	if p == nil {
		return nil, fault.New(fault.CodeNoEndpoint, "the contract has no such document")
	}
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveCData = true
	if err := doc.ReadFromBytes(p.utf8); err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	r := &rewrite{contract: c, page: p, at: at, only11: value(values, "soap") == "11"}
	r.element(doc.Root())
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	return out, nil
}

// Schemas returns the names that a query xsd=NAME takes.
func (c *Contract) Schemas() []string {
	var out []string
	for _, p := range c.pages {
		if p.key == "xsd" {
			out = append(out, p.name)
		}
	}
	return out
}

// asked finds the page that a query names.
func (c *Contract) asked(values url.Values) *page {
	for _, key := range []string{"wsdl", "xsd"} {
		name, given := find(values, key)
		if !given {
			continue
		}
		if name == "" && key == "wsdl" && len(c.pages) > 0 {
			return c.pages[0]
		}
		i := slices.IndexFunc(c.pages, func(p *page) bool { return p.name == name && p.key == key })
		if i < 0 {
			return nil
		}
		return c.pages[i]
	}
	return nil
}

func find(values url.Values, key string) (string, bool) {
	for k, v := range values {
		if strings.EqualFold(k, key) && len(v) > 0 {
			return v[0], true
		}
	}
	return "", false
}

func value(values url.Values, key string) string { v, _ := find(values, key); return v }

// rewrite makes the references in one page absolute.
type rewrite struct {
	contract *Contract
	page     *page
	at       Addresses
	only11   bool
	service  string // the wsdl:service around
}

func (r *rewrite) element(e *etree.Element) {
	switch space := e.NamespaceURI(); {
	case space == nsXSD && slices.Contains([]string{"import", "include", "redefine"}, e.Tag):
		r.reference(e, "schemaLocation")
	case space == nsWSDL && e.Tag == "import":
		r.reference(e, "location")
	case space == nsWSDL && e.Tag == "service":
		r.service = e.SelectAttrValue("name", "")
	case (space == nsSOAP11 || space == nsSOAP12) && e.Tag == "address" && r.at.Service != nil && r.served():
		e.CreateAttr("location", r.at.Service(r.service))
	}
	for _, child := range e.ChildElements() {
		if r.only11 && r.is12(child) {
			e.RemoveChild(child)
			continue
		}
		r.element(child)
	}
}

// served reports whether the service around has an endpoint here.
func (r *rewrite) served() bool { return r.contract.Service(r.service) != nil }

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
		return p.SOAP12 && p.Name == e.SelectAttrValue("name", "")
	})
}

// reference points a location to the page that satisfies it; one that is
// satisfied without a document of its own loses it.
func (r *rewrite) reference(e *etree.Element, attribute string) {
	location := e.SelectAttrValue(attribute, "")
	if target := r.target(e, location); target != nil {
		e.CreateAttr(attribute, r.at.Document+"?"+r.query(target))
		return
	}
	if location != "" {
		e.RemoveAttr(attribute)
	}
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
	return r.contract.model.wellKnown[e.SelectAttrValue("namespace", "")]
}
