package contract

import (
	"net/url"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Addresses are the absolute URLs under which a contract is published.
type Addresses struct {
	// Document is where the documents are asked for, without a query.
	Document string
	// Service returns the endpoint of a service. Nil leaves the addresses of
	// ports as they are.
	Service func(service string) string
	// Policy returns what is demanded of an operation besides what the contract says.
	// Nil: nothing is.
	Policy func(service, operation string) PublishedPolicy
}

// Document returns what a query on an endpoint's URL asks for, in UTF-8:
//
//	wsdl           the WSDL; any case
//	wsdl=NAME      an imported WSDL
//	xsd=NAME       a schema
//	singlewsdl     the WSDL with all that it imports in one document; any case
//
// With soap=11 beside it, a WSDL comes without its SOAP 1.2 ports and bindings.
//
// Every reference to another document is made absolute and leads back to
// Document, whatever it was, and every port's address to its service's
// endpoint, so that nobody who reads it needs anything else. Ports that are not
// served, as those of HTTP GET, are left out. The first question
// for a document makes it ready for all that follow. The error is a *fault.Error
// of kind not_found.
func (c *Contract) Document(query string, at Addresses) ([]byte, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.New(fault.CodeNoEndpoint, "the query is malformed")
	}
	p := c.asked(values)
	if p == nil {
		return nil, fault.New(fault.CodeNoEndpoint, "the contract has no such document")
	}
	s, err := p.rendered(c, value(values, "soap") == "11")
	if err != nil {
		return nil, err
	}
	doc := s.fill(at)
	if at.Policy == nil || p.key != "wsdl" {
		return doc, nil
	}
	if doc, err = withPolicies(doc, c, at.Policy); err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(err)
	}
	return doc, nil
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
