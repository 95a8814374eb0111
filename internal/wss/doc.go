// Package wss signs SOAP envelopes and verifies their signatures: Web Services
// Security 1.1 with X.509 certificates.
//
// What is verified is the tree that the message is read from. There is one parser,
// and canonical forms are made of its nodes: nobody can show one document to the
// signature and another to the mapping. An envelope's Body is its Body by place, a
// header block is a child of the Header by place, and a reference counts for the
// very node that stands there. Two elements of one id are refused, wherever they
// are, and so is every reference to another place, outside the document, or
// through any transform but exclusive canonicalisation. That leaves nothing to
// wrap.
//
// Algorithms are a short list and never negotiated: RSA (PKCS #1 v1.5) and ECDSA
// with SHA-256, SHA-384 or SHA-512; with SHA-1 only where the configuration says so. There
// is no HMAC, so that no public key is ever taken for a secret.
//
// The package refuses to know who a certificate belongs to, where certificates are
// kept, and what a message means. It encrypts and decrypts nothing. It has no
// state: that a signature comes twice is its caller's to notice, by Signed.Once.
package wss

import (
	"crypto"
	_ "crypto/sha1" // SHA-1 is taken where it is configured
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// Namespaces and the URIs that name things of WSS 1.1.
const (
	// NamespaceSignature is the namespace of ds: (XML Signature).
	NamespaceSignature = "http://www.w3.org/2000/09/xmldsig#"

	exclusive   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	base64Type  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
	x509Profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"
	x509v3      = x509Profile + "X509v3"
	x509Key     = x509Profile + "X509SubjectKeyIdentifier"
	thumbprint  = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
)

func ds(local string) document.Name {
	return document.Name{Space: NamespaceSignature, Local: local}
}

func wsse(local string) document.Name {
	return document.Name{Space: envelope.NamespaceSecurity, Local: local}
}

func wsu(local string) document.Name {
	return document.Name{Space: envelope.NamespaceUtility, Local: local}
}

// digests are the digest algorithms, by URI (XML Encryption 1.1 §5.8, RFC 6931 §2.1).
var digests = map[string]crypto.Hash{
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	NamespaceSignature + "sha1":                     crypto.SHA1,
}

// method is a signature algorithm.
type method struct {
	hash     crypto.Hash
	elliptic bool
}

// methods are the signature algorithms, by URI (XML Signature 1.1 §6.4, RFC 6931 §2.3).
var methods = map[string]method{
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":   {crypto.SHA256, false},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":   {crypto.SHA384, false},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":   {crypto.SHA512, false},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": {crypto.SHA256, true},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": {crypto.SHA384, true},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": {crypto.SHA512, true},
	NamespaceSignature + "rsa-sha1":                       {crypto.SHA1, false},
}

// Part is a part of an envelope that is to be signed.
type Part string

// The parts.
const (
	Body       Part = "body"
	Timestamp  Part = "timestamp"
	Addressing Part = "addressing" // every block of WS-Addressing that is for the receiver
	Headers    Part = "headers"    // every block that is for the receiver
)

// AllParts lists every part.
var AllParts = []Part{Body, Timestamp, Addressing, Headers}

// Usual is what is to be signed where nothing else is said.
var Usual = []Part{Body, Timestamp}
