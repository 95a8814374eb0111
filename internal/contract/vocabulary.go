package contract

import (
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The namespaces a contract is written in.
const (
	nsWSDL     = "http://schemas.xmlsoap.org/wsdl/"
	nsWSDL2    = "http://www.w3.org/ns/wsdl"
	nsSOAP11   = "http://schemas.xmlsoap.org/wsdl/soap/"
	nsSOAP12   = "http://schemas.xmlsoap.org/wsdl/soap12/"
	nsMIME     = "http://schemas.xmlsoap.org/wsdl/mime/"
	nsHTTP     = "http://schemas.xmlsoap.org/wsdl/http/"
	nsXSD      = "http://www.w3.org/2001/XMLSchema"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML      = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS    = "http://www.w3.org/2000/xmlns/"
	nsSOAPEnc  = "http://schemas.xmlsoap.org/soap/encoding/"
	nsEnc12    = "http://www.w3.org/2003/05/soap-encoding"
	nsWSAM     = "http://www.w3.org/2007/05/addressing/metadata"
	nsWSAW     = "http://www.w3.org/2006/05/addressing/wsdl"
	nsEnv11    = "http://schemas.xmlsoap.org/soap/envelope/"
	nsEnv12    = "http://www.w3.org/2003/05/soap-envelope"
	nsPolicy   = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsPolicy15 = "http://www.w3.org/ns/ws-policy"
)

func xsdName(local string) Name { return Name{Space: nsXSD, Local: local} }

func wsdlName(local string) Name { return Name{Space: nsWSDL, Local: local} }

func mimeName(local string) Name { return Name{Space: nsMIME, Local: local} }

// isNCName reports whether s may be the local name of an element (Namespaces in
// XML §3). The few characters in which Unicode has grown since XML 1.0 was
// written are the engine's to refuse.
func isNCName(s string) bool {
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '.' && r != '-' && r != '·') {
			return false
		}
	}
	return s != ""
}

// attr returns an unprefixed attribute, or "".
func attr(n document.Node, local string) string {
	v, _ := n.Attr(Name{Local: local})
	return v
}

// trim removes XML's white space from both ends.
func trim(v string) string { return strings.Trim(v, " \t\r\n") }

// children yields the child elements of n that have the given name.
func children(n document.Node, name Name) func(func(document.Node) bool) {
	return func(yield func(document.Node) bool) {
		for c := n.Child(name); c.Exists(); c = c.Next(name) {
			if !yield(c) {
				return
			}
		}
	}
}

// elements yields all child elements of n.
func elements(n document.Node) func(func(document.Node) bool) {
	return func(yield func(document.Node) bool) {
		for c := n.FirstChild(); c.Exists(); c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}
