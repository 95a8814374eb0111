package wss

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/envelope"
)

const (
	namespacePolicy         = "http://www.w3.org/ns/ws-policy"
	namespaceSecurityPolicy = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
)

// Assertions are WS-SecurityPolicy 1.2 in words for other programs: what is
// demanded of an operation, of the message to it, and what its answer has. Each is
// a wsp:Policy element; Output is empty where answers are not signed.
type Assertions struct{ Operation, Input, Output string }

// Assert says that messages have to be signed, and which parts of them; replies
// that answers are signed too.
func Assert(signed []Part, replies bool) Assertions {
	token := func(role, include string) string {
		return `<sp:` + role + `><wsp:Policy><sp:X509Token sp:IncludeToken="` + namespaceSecurityPolicy + `/IncludeToken/` + include +
			`"><wsp:Policy><sp:WssX509V3Token10/></wsp:Policy></sp:X509Token></wsp:Policy></sp:` + role + `>`
	}
	timestamp := ""
	if slices.Contains(signed, Timestamp) {
		timestamp = `<sp:IncludeTimestamp/>`
	}
	a := Assertions{
		Operation: policy(`<sp:AsymmetricBinding><wsp:Policy>` + token("InitiatorToken", "AlwaysToRecipient") + token("RecipientToken", "AlwaysToInitiator") +
			`<sp:AlgorithmSuite><wsp:Policy><sp:Basic256Sha256Rsa15/></wsp:Policy></sp:AlgorithmSuite><sp:Layout><wsp:Policy><sp:Lax/></wsp:Policy></sp:Layout>` +
			timestamp + `<sp:OnlySignEntireHeadersAndBody/></wsp:Policy></sp:AsymmetricBinding>`),
		Input: policy(parts(signed)),
	}
	if replies {
		a.Output = policy(`<sp:SignedParts><sp:Body/></sp:SignedParts>`)
	}
	return a
}

func policy(assertions string) string {
	return `<wsp:Policy xmlns:wsp="` + namespacePolicy + `" xmlns:sp="` + namespaceSecurityPolicy + `">` + assertions + `</wsp:Policy>`
}

// parts are the SignedParts (§4.1.1): an empty one means Body and every header.
func parts(signed []Part) string {
	switch {
	case slices.Contains(signed, Headers):
		return `<sp:SignedParts/>`
	case slices.Contains(signed, Addressing):
		return `<sp:SignedParts><sp:Body/><sp:Header Namespace="` + envelope.NamespaceAddressing + `"/></sp:SignedParts>`
	}
	return `<sp:SignedParts><sp:Body/></sp:SignedParts>`
}
