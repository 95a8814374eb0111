// Package envelope knows SOAP 1.1 and SOAP 1.2 envelopes: it looks at the head
// of one that comes in, and writes the ones that go out.
//
// Peek is the strict, bounded look that everything before validation depends
// on: the version, the operation, the header blocks, the credentials. It judges
// mustUnderstand, before anything of the message is processed, and it refuses
// what it would have to guess about: two Security blocks, two passwords, a
// reply address that is not the sender's own connection and that nobody has
// listed. AppendReply and
// AppendFault write the answers in the version of the request.
//
// The package refuses to know HTTP, contracts and who the sender is: media
// types are constants here, SOAPAction is the door's, credentials are read and
// never checked. It has no state and no I/O.
package envelope

import "github.com/gatehouse/gatehouse/internal/document"

// Version is a version of SOAP. The zero Version is unknown.
type Version uint8

// The versions.
const (
	V11 Version = iota + 1 // SOAP 1.1, W3C Note of 2000
	V12                    // SOAP 1.2, W3C Recommendation of 2007
)

const (
	namespace11 = "http://schemas.xmlsoap.org/soap/envelope/"
	namespace12 = "http://www.w3.org/2003/05/soap-envelope"
	// NamespaceSecurity is the namespace of wsse: (WSS 1.0 and 1.1).
	NamespaceSecurity = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	// NamespaceUtility is the namespace of wsu: (WSS 1.0 and 1.1).
	NamespaceUtility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	// NamespaceAddressing is the namespace of wsa: (WS-Addressing 1.0).
	NamespaceAddressing = "http://www.w3.org/2005/08/addressing"
	// NamespaceAddressing2004 is that of the submission of August 2004, which WSE
	// and old BizTalk servers send.
	NamespaceAddressing2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	// NamespaceXI is the namespace of SAP's exchange headers (XI 3.0).
	NamespaceXI = "http://sap.com/xi/XI/Message/30"
	// NamespaceFault is the namespace of this gateway's own fault details and codes.
	NamespaceFault = "urn:gatehouse:fault:1"
)

// Namespace returns the namespace of the envelope, or nothing.
func (v Version) Namespace() string {
	switch v {
	case V11:
		return namespace11
	case V12:
		return namespace12
	}
	return ""
}

// MediaType returns the media type of an envelope, without parameters (SOAP 1.1
// §6, SOAP 1.2 part 2 §7.1.4). That of an unknown version is the one of 1.1.
func (v Version) MediaType() string {
	if v == V12 {
		return "application/soap+xml"
	}
	return "text/xml"
}

// String returns 1.1 or 1.2.
func (v Version) String() string {
	switch v {
	case V11:
		return "1.1"
	case V12:
		return "1.2"
	}
	return "unknown"
}

func versionOf(namespace string) Version {
	switch namespace {
	case namespace11:
		return V11
	case namespace12:
		return V12
	}
	return 0
}

// Parts returns the Header of a complete envelope and the Body's first child;
// either is none when absent.
func Parts(t *document.Tree) (header, payload document.Node) {
	root := t.Root()
	space := root.Name().Space
	header = root.Child(document.Name{Space: space, Local: "Header"})
	return header, root.Child(document.Name{Space: space, Local: "Body"}).FirstChild()
}
