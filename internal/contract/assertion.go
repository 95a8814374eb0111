package contract

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The namespaces of policies and of what they assert. Versions that mean the
// same here stand together.
var (
	policySpaces = []string{nsPolicy, nsPolicy15, "http://www.w3.org/2006/07/ws-policy", "http://schemas.xmlsoap.org/ws/2002/12/policy"}
	securityOf   = []string{
		"http://schemas.xmlsoap.org/ws/2005/07/securitypolicy",
		"http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200512",
		"http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702",
		"http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802",
		"http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200902",
	}
	reliable = []string{
		"http://schemas.xmlsoap.org/ws/2005/02/rm/policy",
		"http://docs.oasis-open.org/ws-rx/wsrmp/200608",
		"http://docs.oasis-open.org/ws-rx/wsrmp/200702",
	}
	transactional = []string{
		"http://schemas.xmlsoap.org/ws/2004/10/wsat",
		"http://docs.oasis-open.org/ws-tx/wsat/2006/03",
		"http://docs.oasis-open.org/ws-tx/wsat/2006/06",
	}
)

const (
	nsUtility      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsUtility2003  = "http://schemas.xmlsoap.org/ws/2003/06/utility"
	nsMTOM         = "http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization"
	nsMTOM11       = "http://www.w3.org/2007/08/soap12-mtom-policy"
	nsHTTPSecurity = "http://schemas.microsoft.com/ws/06/2004/policy/http"
	// nsAddressing2004 is the submission that came before WS-Addressing 1.0.
	nsAddressing2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing/policy"
)

// known returns what judges an assertion or marker, or nil.
func known(name Name) func(document.Node) (enforced bool, words string) {
	space := name.Space
	switch {
	case space == nsWSAW && name.Local == "UsingAddressing", space == nsWSAM && name.Local == "Addressing":
		return addressingAsserted
	case space == nsWSAW && name.Local == "Anonymous":
		return anonymousAsserted
	case space == nsAddressing2004:
		return always(true, "WS-Addressing of August 2004 is understood and answered in kind; a message without it is taken too")
	case isPolicy(name, "UsingPolicy"):
		return always(true, "the policies of the contract are read, and each assertion is listed with what becomes of it")
	case space == nsMTOM, space == nsMTOM11:
		return always(false, "messages are taken and answered as plain envelopes; those in MTOM are refused")
	case space == nsHTTPSecurity:
		return httpAsserted
	case slices.Contains(reliable, space):
		return always(false, "there are no sequences of WS-ReliableMessaging; a message that is repeated is stored once")
	case slices.Contains(transactional, space):
		return always(false, "a message takes part in no transaction but its own")
	case slices.Contains(securityOf, space):
		return securityAsserted
	}
	return nil
}

func always(enforced bool, words string) func(document.Node) (bool, string) {
	return func(document.Node) (bool, string) { return enforced, words }
}

// addressingAsserted judges WS-Addressing (Metadata 1.0 §3.1).
func addressingAsserted(n document.Node) (bool, string) {
	if mentionsBelow(n, "NonAnonymousResponses") {
		return false, "an answer goes back on the sender's connection or nowhere; another address is refused"
	}
	return true, "WS-Addressing is understood and answered in kind; a message without it is taken too"
}

// anonymousAsserted judges wsaw:Anonymous (WSDL Binding of 2006 §3.2).
func anonymousAsserted(n document.Node) (bool, string) {
	if text(n) == "prohibited" {
		return false, "an answer goes back on the sender's connection or nowhere; another address is refused"
	}
	return true, "an answer goes back on the sender's connection or nowhere"
}

// httpAsserted judges the authentication that WCF asserts for HTTP.
func httpAsserted(n document.Node) (bool, string) {
	if n.Name().Local == "BasicAuthentication" {
		return true, "every message must authenticate, by HTTP Basic or by a UsernameToken with its password in text"
	}
	return false, "this authentication is not offered; messages authenticate by HTTP Basic or by a UsernameToken with its password in text"
}

// securityAsserted judges WS-SecurityPolicy 1.2 and 1.3.
func securityAsserted(n document.Node) (bool, string) {
	switch n.Name().Local {
	case "TransportBinding", "TransportToken", "HttpsToken":
		return false, "whether messages come by TLS is the listener's matter; a password in clear text is refused unless the configuration allows it"
	case "SupportingTokens", "SignedSupportingTokens", "SignedEncryptedSupportingTokens", "EncryptedSupportingTokens", "UsernameToken":
		return tokensAsserted(n)
	case "Wss10", "Wss11", "Trust10", "Trust13":
		return false, "these options are about tokens and signatures that are not read"
	}
	return false, "signatures and encryption are neither checked nor made"
}

// tokensAsserted judges the tokens that a message must bring.
func tokensAsserted(n document.Node) (bool, string) {
	isUsername := n.Name().Local == "UsernameToken" || mentionsBelow(n, "UsernameToken")
	switch {
	case !isUsername:
		return false, "tokens other than the UsernameToken are not read"
	case mentionsBelow(n, "HashPassword"):
		return false, "a UsernameToken is taken with its password in text; a digest cannot be checked by a directory"
	case mentionsBelow(n, "NoPassword"):
		return false, "a UsernameToken without a password is refused"
	}
	return true, "every message must authenticate, by a UsernameToken with its password in text or by HTTP Basic"
}

// mentionsBelow reports whether an element of that local name is inside n. What
// the parser takes is not deep.
func mentionsBelow(n document.Node, local string) bool {
	for c := range elements(n) {
		if c.Name().Local == local || mentionsBelow(c, local) {
			return true
		}
	}
	return false
}
