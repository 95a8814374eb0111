package soap

import (
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// request is what the headers of a POST say about its body.
type request struct {
	version envelope.Version
	charset string   // of the HTTP layer; it beats the XML declaration (RFC 7303 §3)
	action  string   // a hint, unquoted; empty when absent
	related *related // nil: the body is the envelope
}

// readRequest judges the Content-Type of a POST. Also on error the version is
// the one to answer in. Types that a browser sends across sites without asking
// first (text/plain, forms, none) are refused.
func readRequest(h http.Header) (request, error) {
	values := h.Values("Content-Type")
	if len(values) != 1 {
		return request{version: envelope.V11}, fault.New(fault.CodeMediaType, "one Content-Type is needed: text/xml or application/soap+xml")
	}
	m, ok := httpdoor.ParseMediaType(values[0])
	if !ok {
		return request{version: envelope.V11}, fault.New(fault.CodeMediaType, "the Content-Type %q is malformed", httpdoor.Clip(values[0]))
	}
	req := request{version: envelope.V11, charset: m.Charset}
	switch m.Essence {
	case "text/xml":
		req.action = soapAction(h)
	case "application/soap+xml":
		req.version = envelope.V12
		if req.action = m.Action; req.action == "" {
			req.action = soapAction(h)
		}
	case typeRelated:
		r, err := readRelated(m)
		if err != nil {
			return req, err
		}
		req.related, req.version, req.charset, req.action = r, r.version, "", soapAction(h)
		if req.action == "" {
			req.action = r.action
		}
	default:
		return req, fault.New(fault.CodeMediaType, "the Content-Type %q is not taken here; send text/xml for SOAP 1.1 or application/soap+xml for SOAP 1.2", httpdoor.Clip(m.Essence))
	}
	return req, nil
}

// soapAction is the SOAPAction header (SOAP 1.1 §6.1.1) without its quotes,
// which some clients leave out.
func soapAction(h http.Header) string {
	return strings.Trim(h.Get("SOAPAction"), "\" \t")
}
