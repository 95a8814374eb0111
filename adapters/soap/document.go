package soap

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// get serves what a service says of itself: its WSDL and schemas to a query,
// else a page. It needs no credentials.
func (x *exchange) get(c *contract.Contract, s *contract.Service) error {
	switch {
	case s == nil && strings.TrimRight(x.R.URL.Path, "/") == strings.TrimRight(root, "/"):
		x.writeText(http.StatusOK, x.index())
		return nil
	case s == nil:
		return fault.New(fault.CodeNoEndpoint, "")
	case x.R.URL.RawQuery == "":
		x.writeText(http.StatusOK, x.describe(s))
		return nil
	default:
		return x.publish(c)
	}
}

// index lists all services.
func (x *exchange) index() string {
	var b strings.Builder
	b.WriteString("SOAP services:\n")
	for _, c := range x.core.Contracts() {
		for _, s := range c.Services {
			b.WriteString("\n" + x.Peer.Base + root + c.System + "/" + s.Name)
		}
	}
	return b.String() + "\n"
}

// describe lists a service's operations and where its contract is.
func (x *exchange) describe(s *contract.Service) string {
	var b strings.Builder
	here := x.Peer.Base + x.R.URL.EscapedPath()
	b.WriteString(s.Name + "\n\nContract:        " + here + "?wsdl\n" +
		"In one document: " + here + "?singlewsdl\n" +
		"SOAP 1.1 alone:  " + here + "?wsdl&soap=11\n\nOperations:\n")
	for _, op := range s.Operations {
		b.WriteString("  " + op.Name)
		if op.OneWay() {
			b.WriteString(" (one-way)")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// publish answers with a document of the contract. Its references carry the URL
// that the caller used, so there must be one that is fit to be written.
func (x *exchange) publish(c *contract.Contract) error {
	if x.Peer.Base == "" {
		return fault.New(fault.CodeHTTP, "the Host header is not the name of a host")
	}
	if !x.Take() {
		return fault.New(fault.CodeBusy, "")
	}
	defer x.Free()
	services := x.Peer.Base + root + url.PathEscape(c.System) + "/"
	doc, err := c.Document(x.R.URL.RawQuery, contract.Addresses{
		Document: x.Peer.Base + x.R.URL.EscapedPath(),
		Service:  func(service string) string { return services + url.PathEscape(service) },
		Policy:   x.policies(c),
	})
	if err != nil {
		return err
	}
	if x.Held(doc) {
		return nil
	}
	x.W.Header().Set("Content-Type", "text/xml; charset=utf-8")
	x.Write(http.StatusOK, doc)
	return nil
}

// policies are what operations of a contract demand; nil when there is nothing.
func (x *exchange) policies(c *contract.Contract) func(service, operation string) contract.PublishedPolicy {
	of := func(service, operation string) gateway.Security {
		return x.core.Security("soap:" + c.System + "/" + service + "." + operation)
	}
	demands := func(s *contract.Service) bool {
		return slices.ContainsFunc(s.Operations, func(op *contract.Operation) bool { return of(s.Name, op.Name).Demanded })
	}
	if !slices.ContainsFunc(c.Services, demands) {
		return nil
	}
	return func(service, operation string) contract.PublishedPolicy {
		s := of(service, operation)
		if !s.Demanded {
			return contract.PublishedPolicy{}
		}
		return contract.PublishedPolicy(wss.Assert(s.Signed, s.Reply != nil))
	}
}

func (x *exchange) writeText(status int, text string) {
	x.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	x.Write(status, []byte(text))
}
