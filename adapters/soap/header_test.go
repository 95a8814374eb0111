package soap

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// withHeader is the sample order with header blocks.
func withHeader(blocks string) string {
	const body = "<soap:Body>"
	return strings.Replace(envelope11, body, `<soap:Header xmlns:wsa="http://www.w3.org/2005/08/addressing" `+
		`xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">`+blocks+"</soap:Header>"+body, 1)
}

const token = `<w:Security soap:mustUnderstand="1"><w:UsernameToken><w:Username>erp</w:Username>` +
	`<w:Password>geheim</w:Password></w:UsernameToken></w:Security>`

func TestAddressedRequests(t *testing.T) {
	core := newFakeCore()
	url := serve(t, Config{}, core) + servicePath
	const id = "<wsa:MessageID>urn:uuid:77</wsa:MessageID>"

	a := do(t, http.MethodPost, url, withHeader(id+"<wsa:Action>"+orderAction+"</wsa:Action>"), map[string]string{"SOAPAction": `"` + orderAction + `"`})
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, ">urn:uuid:77</wsa:RelatesTo>") {
		t.Errorf("got %s: %s", a.Status, a.body)
	}
	if a := do(t, http.MethodPost, url, envelope11, nil); strings.Contains(a.body, "addressing") {
		t.Errorf("a reply to a sender without WS-Addressing has its headers: %s", a.body)
	}

	none := id + "<wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/none</wsa:Address></wsa:ReplyTo>"
	if a := do(t, http.MethodPost, url, withHeader(none), nil); a.StatusCode != http.StatusAccepted || a.body != "" {
		t.Errorf("the none address gets %s: %q", a.Status, a.body)
	}
	before := len(core.taken())
	a = do(t, http.MethodPost, url, withHeader(id+"<wsa:Action>urn:other</wsa:Action>"), map[string]string{"SOAPAction": orderAction})
	wantFault(t, a, http.StatusInternalServerError, "ActionMismatch", fault.CodeAddressing)
	if !strings.Contains(a.body, ">urn:uuid:77</wsa:RelatesTo>") {
		t.Errorf("the fault relates to nothing: %s", a.body)
	}
	if len(core.taken()) != before {
		t.Error("a message with two actions reached the core")
	}
}

// A wsse:UsernameToken is a password too, whatever stands beside it.
func TestTokenInClear(t *testing.T) {
	required := true
	core := newFakeCore()
	url := serve(t, Config{RequireTLSForPasswords: &required}, core) + servicePath
	for _, tt := range []struct {
		beside string
		status int
		code   string
		gh     fault.Code
	}{
		{"", http.StatusUnauthorized, "Client", fault.CodeClearTextPassword},
		{`<x:Trace xmlns:x="urn:x" soap:mustUnderstand="1"/>`, http.StatusInternalServerError, "MustUnderstand", fault.CodeMustUnderstand},
	} {
		a := do(t, http.MethodPost, url, withHeader(tt.beside+token), nil)
		wantFault(t, a, tt.status, tt.code, tt.gh)
		if strings.Contains(a.body, "geheim") || len(core.taken()) != 0 {
			t.Errorf("the password went on: %s", a.body)
		}
	}
	a := do(t, http.MethodPost, url, withHeader(strings.Repeat("<x/>", 40<<10)+token), nil)
	wantFault(t, a, http.StatusRequestEntityTooLarge, "Client", fault.CodeHeadTooLarge)
	if len(core.taken()) != 0 {
		t.Error("a head that nobody looked through went on")
	}
	if a := do(t, http.MethodPost, serve(t, Config{}, core)+servicePath, withHeader(token), nil); a.StatusCode != http.StatusOK {
		t.Errorf("on the loopback interface: %s: %s", a.Status, a.body)
	}
}

func TestWrongTokenIsNamedInItsVocabulary(t *testing.T) {
	core := newFakeCore()
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		return fault.New(fault.CodeUnauthenticated, "")
	}
	a := do(t, http.MethodPost, serve(t, Config{}, core)+servicePath, withHeader(token), nil)
	wantFault(t, a, http.StatusUnauthorized, "FailedAuthentication", fault.CodeUnauthenticated)
	if a.Header.Get("WWW-Authenticate") == "" {
		t.Error("the answer has no challenge")
	}
}

func TestHostileEnvelopes(t *testing.T) {
	const bodyStart = "<soap:Body>"
	replace := func(old, with string) string { return strings.Replace(envelope11, old, with, 1) }
	tests := []struct {
		name, body string
		status     int
		code       string
		gh         fault.Code
	}{
		{"empty", "", 400, "Client", fault.CodeMalformed},
		{"blank", " \r\n", 400, "Client", fault.CodeMalformed},
		{"text", "hello", 400, "Client", fault.CodeMalformed},
		{"cut", envelope11[:60], 400, "Client", fault.CodeMalformed},
		{"JSON", `{"a": 1}`, 400, "Client", fault.CodeMalformed},
		{"NUL", replace(bodyStart, "\x00"+bodyStart), 400, "Client", fault.CodeMalformed},
		{"undeclared prefix", replace(bodyStart, "<y:x/>"+bodyStart), 400, "Client", fault.CodeMalformed},
		{"DOCTYPE", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + envelope11, 500, "Client", fault.CodeDoctype},
		{"HTML", "<html><body/></html>", 500, "Client", fault.CodeNotSOAP},
		{"envelope of nowhere", `<Envelope xmlns="urn:x"><Body/></Envelope>`, 500, "VersionMismatch", fault.CodeVersionMismatch},
		{"envelope without namespace", `<Envelope><Body/></Envelope>`, 500, "VersionMismatch", fault.CodeVersionMismatch},
		{"no body", `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"/>`, 500, "Client", fault.CodeNotSOAP},
		{"mustUnderstand", withHeader(`<x:Trace xmlns:x="urn:x" soap:mustUnderstand="1"/>`), 500, "MustUnderstand", fault.CodeMustUnderstand},
		{"deep header", withHeader(strings.Repeat("<x>", 1000)), 413, "Client", fault.CodeHeadTooLarge},
		{"reply elsewhere", withHeader("<wsa:ReplyTo><wsa:Address>http://169.254.169.254/</wsa:Address></wsa:ReplyTo>"), 500, "OnlyAnonymousAddressSupported", fault.CodeAddressing},
	}
	url := serve(t, Config{}, newFakeCore()) + servicePath
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFault(t, do(t, http.MethodPost, url, tt.body, nil), tt.status, tt.code, tt.gh)
		})
	}
}
