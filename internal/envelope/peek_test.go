package envelope

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	ns11 = `xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`
	ns12 = `xmlns:s="http://www.w3.org/2003/05/soap-envelope"`
	wsse = `xmlns:wsse="` + NamespaceSecurity + `" xmlns:wsu="` + NamespaceUtility + `"`
	wsa  = `xmlns:wsa="` + NamespaceAddressing + `"`
)

// submit is a whole message as a careful client sends it.
const submit = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:o="urn:gatehouse:samples:orders:1">
  <soapenv:Header>
    <wsse:Security soapenv:mustUnderstand="1" xmlns:wsse="` + NamespaceSecurity + `" xmlns:wsu="` + NamespaceUtility + `">
      <wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2026-11-22T09:15:00Z</wsu:Created><wsu:Expires>2026-11-22T09:20:00Z</wsu:Expires></wsu:Timestamp>
      <wsse:UsernameToken wsu:Id="UT-1">
        <wsse:Username>erp</wsse:Username>
        <wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText">s&amp;cret</wsse:Password>
        <wsse:Nonce>bm9uY2U=</wsse:Nonce>
        <wsu:Created>2026-11-22T09:15:00Z</wsu:Created>
      </wsse:UsernameToken>
    </wsse:Security>
    <wsa:Action>urn:gatehouse:samples:orders:1/SubmitOrder</wsa:Action>
    <wsa:MessageID>urn:uuid:5b0f2c3e-7f1d-4c1a-9a5b-0e4f5f5c9d11</wsa:MessageID>
    <wsa:To soapenv:mustUnderstand="1">https://gateway.example/soap/orders/OrderService</wsa:To>
    <wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo>
  </soapenv:Header>
  <soapenv:Body>
    <o:SubmitOrder>
      <o:Header><o:MessageId>4711-0815</o:MessageId><o:SentAt>2026-11-22T09:15:00Z</o:SentAt></o:Header>
      <o:Order revision="3"><o:OrderNumber>PO-2026-000123</o:OrderNumber></o:Order>
    </o:SubmitOrder>
  </soapenv:Body>
</soapenv:Envelope>`

// message puts a header into an envelope of SOAP 1.1, or of 1.2.
func message(ns, header string) string {
	return `<s:Envelope ` + ns + `><s:Header>` + header + `</s:Header><s:Body><a xmlns="u"/></s:Body></s:Envelope>`
}

func TestPeek(t *testing.T) {
	head, err := Peek([]byte(submit), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	security := document.Name{Space: NamespaceSecurity, Local: "Security"}
	want := &Head{
		Version:   V11,
		Operation: document.Name{Space: "urn:gatehouse:samples:orders:1", Local: "SubmitOrder"},
		Blocks: []Block{
			{security, true, "", true}, {addressed("Action"), false, "", true}, {addressed("MessageID"), false, "", true},
			{addressed("To"), true, "", true}, {addressed("ReplyTo"), false, "", true},
		},
		Token: &UsernameToken{Username: "erp", Password: "s&cret", Nonce: "nonce", Created: "2026-11-22T09:15:00Z", At: time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)},
		Addressing: Addressing{
			Action:    "urn:gatehouse:samples:orders:1/SubmitOrder",
			MessageID: "urn:uuid:5b0f2c3e-7f1d-4c1a-9a5b-0e4f5f5c9d11",
			To:        "https://gateway.example/soap/orders/OrderService",
			ReplyTo:   AddressAnonymous,
			Used:      true,
			Space:     NamespaceAddressing,
		},
	}
	if !reflect.DeepEqual(head, want) {
		t.Errorf("got  %+v\nwant %+v", head, want)
	}
}

// A door reuses its buffers: what a head says must not change with them.
func TestPeekKeepsNothing(t *testing.T) {
	src := []byte(strings.Replace(submit, "<wsa:Action>", "<x xmlns='urn:x' xmlns:s='s'/><traceparent>00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01</traceparent><wsa:Action>", 1))
	head, err := Peek(src, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%+v %+v", *head, *head.Token)
	foreign := []byte("<Foo/>")
	_, failure := Peek(foreign, Limits{})
	told := failure.Error()
	clear(src)
	clear(foreign)
	if after := fmt.Sprintf("%+v %+v", *head, *head.Token); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if failure.Error() != told {
		t.Errorf("before %s\nafter  %s", told, failure)
	}
	if head.TraceParent == "" {
		t.Error("the trace parent is not found")
	}
}

func TestPeekTakes(t *testing.T) {
	operation := document.Name{Space: "u", Local: "a"}
	tests := []struct {
		name, src string
		version   Version
		operation document.Name
	}{
		{"1.1", message(ns11, ""), V11, operation},
		{"1.2", message(ns12, ""), V12, operation},
		{"no header", `<s:Envelope ` + ns12 + `><s:Body><a xmlns="u"/></s:Body></s:Envelope>`, V12, operation},
		{"default namespace", `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><a xmlns="u"/></Body></Envelope>`, V11, operation},
		{"encoding style", `<s:Envelope ` + ns11 + ` s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body s:encodingStyle=""><a xmlns="u"/></s:Body></s:Envelope>`, V11, operation},
		{"instructions and comments", `<?pi?><s:Envelope ` + ns11 + `><!-- a --><?pi?><s:Body><!-- b --><a xmlns="u"/></s:Body></s:Envelope>`, V11, operation},
		{"empty body", `<s:Envelope ` + ns11 + `><s:Body/></s:Envelope>`, V11, document.Name{}},
		{"unqualified operation", `<s:Envelope ` + ns11 + `><s:Body><a/></s:Body></s:Envelope>`, V11, document.Name{Local: "a"}},
		{"a payload called Body", `<s:Envelope ` + ns11 + `><s:Header><b xmlns="u"><s:Body><c/></s:Body></b></s:Header><s:Body><s:Body><c/></s:Body></s:Body></s:Envelope>`, V11, document.Name{Space: namespace11, Local: "Body"}},
		{"what follows is not looked at", `<s:Envelope ` + ns11 + `><s:Body><a xmlns="u"><<<`, V11, operation},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(tt.src), Limits{})
			if err != nil || head.Version != tt.version || head.Operation != tt.operation {
				t.Errorf("%+v, %v", head, err)
			}
		})
	}
}

func TestPeekRefuses(t *testing.T) {
	tests := []struct {
		name, src string
		code      fault.Code
		version   Version
	}{
		{"empty", "", fault.CodeMalformed, 0},
		{"not XML", "hello", fault.CodeMalformed, 0},
		{"broken header", `<s:Envelope ` + ns12 + `><s:Header><a></s:Header>`, fault.CodeMalformed, V12},
		{"cut", `<s:Envelope ` + ns12 + `><s:Header>`, fault.CodeMalformed, V12},
		{"two roots after an empty body", `<s:Envelope ` + ns11 + `><s:Body/></s:Envelope><a/>`, fault.CodeMalformed, V11},
		{"doctype", `<!DOCTYPE a>` + message(ns11, ""), fault.CodeDoctype, 0},
		{"Latin-1", message(ns11, "<a>\xE9</a>"), fault.CodeEncoding, V11},
		{"other document", `<html/>`, fault.CodeNotSOAP, 0},
		{"Fault of SOAP", `<s:Fault ` + ns11 + `/>`, fault.CodeNotSOAP, 0},
		{"other version", `<s:Envelope xmlns:s="http://www.w3.org/2001/12/soap-envelope"/>`, fault.CodeVersionMismatch, 0},
		{"no version", `<Envelope/>`, fault.CodeVersionMismatch, 0},
		{"no body", `<s:Envelope ` + ns11 + `/>`, fault.CodeNotSOAP, V11},
		{"header only", `<s:Envelope ` + ns11 + `><s:Header/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"two headers", `<s:Envelope ` + ns11 + `><s:Header/><s:Header/><s:Body/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"header last", `<s:Envelope ` + ns11 + `><s:Body/><s:Header/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"two bodies", `<s:Envelope ` + ns11 + `><s:Body/><s:Body><a/></s:Body></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"after the body", `<s:Envelope ` + ns11 + `><s:Body/><a/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"foreign child", `<s:Envelope ` + ns11 + `><a/><s:Body/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"body of the other version", `<s:Envelope ` + ns11 + `><t:Body xmlns:t="` + namespace12 + `"/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"text in the envelope", `<s:Envelope ` + ns11 + `>x<s:Body/></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"text in the header", message(ns11, "x"), fault.CodeNotSOAP, V11},
		{"text in the body", `<s:Envelope ` + ns11 + `><s:Body>x<a/></s:Body></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"CDATA in the body", `<s:Envelope ` + ns11 + `><s:Body><![CDATA[x]]><a/></s:Body></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"only text in the body", `<s:Envelope ` + ns11 + `><s:Body>x</s:Body></s:Envelope>`, fault.CodeNotSOAP, V11},
		{"too deep", message(ns11, strings.Repeat("<a>", 31)+strings.Repeat("</a>", 31)), fault.CodeHeadTooLarge, V11},
		{"too long", message(ns11, "<a>"+strings.Repeat("x", 64<<10)+"</a>"), fault.CodeHeadTooLarge, V11},
		{"too many", message(ns11, strings.Repeat("<a/>", 16<<10)), fault.CodeHeadTooLarge, V11},
		{"too long before", strings.Repeat(" ", 64<<10) + message(ns11, ""), fault.CodeHeadTooLarge, 0},
		{"strange mark", message(ns11, `<a s:mustUnderstand="yes"/>`), fault.CodeNotSOAP, V11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(tt.src), Limits{})
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code != tt.code {
				t.Fatalf("%v, want %s", err, tt.code)
			}
			if head.Version != tt.version {
				t.Errorf("version %v, want %v", head.Version, tt.version)
			}
			if len(f.Details) == 0 || f.Details[0].Line < 1 || f.Details[0].Column < 1 {
				t.Errorf("not located: %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	deep := message(ns11, strings.Repeat("<a>", 30)+strings.Repeat("</a>", 30))
	if _, err := Peek([]byte(deep), Limits{}); err != nil {
		t.Errorf("depth of 32: %v", err)
	}
	if _, err := Peek([]byte(deep), Limits{Depth: 31}); fault.Of(err).Code != fault.CodeHeadTooLarge {
		t.Errorf("depth past the limit: %v", err)
	}
	if _, err := Peek([]byte(deep), Limits{Bytes: 200}); fault.Of(err).Code != fault.CodeHeadTooLarge {
		t.Errorf("bytes past the limit: %v", err)
	}
	large := `<s:Envelope ` + ns11 + `><s:Body><a xmlns="u">` + strings.Repeat("x", 1<<20)
	if _, err := Peek([]byte(large), Limits{}); err != nil {
		t.Errorf("a large payload: %v", err)
	}
}

func TestMustUnderstand(t *testing.T) {
	const foreign = `<f:x xmlns:f="urn:f" `
	tests := []struct {
		name, ns, header string
		refused          bool
	}{
		{"unmarked", ns11, foreign + `/>`, false},
		{"0", ns11, foreign + `s:mustUnderstand="0"/>`, false},
		{"1", ns11, foreign + `s:mustUnderstand="1"/>`, true},
		{"true in 1.1", ns11, foreign + `s:mustUnderstand="true"/>`, true},
		{"false in 1.1", ns11, foreign + `s:mustUnderstand="false"/>`, false},
		{"blanks", ns11, foreign + `s:mustUnderstand=" 1 "/>`, true},
		{"without a namespace", ns11, foreign + `mustUnderstand="true"/>`, true},
		{"mark of the other version", ns11, foreign + `t:mustUnderstand="1" xmlns:t="` + namespace12 + `"/>`, false},
		{"next", ns11, foreign + `s:mustUnderstand="1" s:actor="http://schemas.xmlsoap.org/soap/actor/next"/>`, true},
		{"no actor", ns11, foreign + `s:mustUnderstand="1" s:actor=""/>`, true},
		{"other actor", ns11, foreign + `s:mustUnderstand="1" s:actor="urn:other"/>`, false},
		{"role is nothing in 1.1", ns11, foreign + `s:mustUnderstand="1" s:role="urn:other"/>`, true},
		{"1 in 1.2", ns12, foreign + `s:mustUnderstand="1"/>`, true},
		{"true in 1.2", ns12, foreign + `s:mustUnderstand="true"/>`, true},
		{"false in 1.2", ns12, foreign + `s:mustUnderstand="false"/>`, false},
		{"next in 1.2", ns12, foreign + `s:mustUnderstand="1" s:role="` + namespace12 + `/role/next"/>`, true},
		{"ultimate receiver", ns12, foreign + `s:mustUnderstand="1" s:role="` + namespace12 + `/role/ultimateReceiver"/>`, true},
		{"none", ns12, foreign + `s:mustUnderstand="1" s:role="` + namespace12 + `/role/none"/>`, false},
		{"other role", ns12, foreign + `s:mustUnderstand="1" s:role="urn:other"/>`, false},
		{"next of 1.1 in 1.2", ns12, foreign + `s:mustUnderstand="1" s:role="http://schemas.xmlsoap.org/soap/actor/next"/>`, false},
		{"addressing of 2004", ns11, `<a:To xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" s:mustUnderstand="1">urn:x</a:To>`, false},
		{"addressing of 2004 beside 1.0", ns11, `<a:To xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" s:mustUnderstand="1">urn:x</a:To><wsa:To ` + wsa + `>urn:x</wsa:To>`, true},
		{"reliable messaging", ns12, `<r:Sequence xmlns:r="http://schemas.xmlsoap.org/ws/2005/02/rm" s:mustUnderstand="1"/>`, true},
		{"unknown header of addressing", ns12, `<wsa:Other ` + wsa + ` s:mustUnderstand="1"/>`, true},
		{"security", ns11, `<wsse:Security ` + wsse + ` s:mustUnderstand="1"/>`, false},
		{"security as suds marks it", ns11, `<wsse:Security ` + wsse + ` mustUnderstand="true"/>`, false},
		{"declared", ns11, `<d:Session xmlns:d="urn:declared" s:mustUnderstand="1"/>`, false},
	}
	limits := Limits{Understands: func(head *Head, block document.Name) bool {
		return head.Operation.Local == "a" && block.Space == "urn:declared"
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Peek([]byte(message(tt.ns, tt.header)), limits)
			if (err != nil) != tt.refused {
				t.Fatal(err)
			}
			if err == nil {
				return
			}
			if cause := CauseOf(err); fault.Of(err).Code != fault.CodeMustUnderstand || cause == nil || len(cause.NotUnderstood) != 1 {
				t.Errorf("%v", err)
			}
		})
	}
}

// MustUnderstand comes before everything else, and tells all blocks at once.
func TestMustUnderstandFirst(t *testing.T) {
	src := message(ns12, `<a xmlns="u" s:mustUnderstand="1"/><b xmlns="u" s:mustUnderstand="1"/>`+
		`<wsa:MessageID `+wsa+`>urn:1</wsa:MessageID><wsa:ReplyTo `+wsa+`/><wsse:Security `+wsse+`/><wsse:Security `+wsse+`/>`)
	head, err := Peek([]byte(src), Limits{})
	cause := CauseOf(err)
	if fault.Of(err).Code != fault.CodeMustUnderstand || cause == nil || len(cause.NotUnderstood) != 2 {
		t.Fatal(err)
	}
	if head.Addressing.MessageID != "urn:1" {
		t.Errorf("the answer would not say what it relates to: %+v", head.Addressing)
	}
}

func TestToken(t *testing.T) {
	token := func(content string) string {
		return `<wsse:Security ` + wsse + `><wsse:UsernameToken>` + content + `</wsse:UsernameToken></wsse:Security>`
	}
	const name = `<wsse:Username>erp</wsse:Username>`
	const secret = `<wsse:Password>secret</wsse:Password>`
	tests := []struct {
		name, header string
		code         fault.Code // empty: taken
		subcode      string
		want         *UsernameToken
	}{
		{"no type", token(name + secret), "", "", &UsernameToken{Username: "erp", Password: "secret"}},
		{"text", token(name + `<wsse:Password Type="` + passwordProfile + `PasswordText">secret</wsse:Password>`), "", "", &UsernameToken{Username: "erp", Password: "secret"}},
		{"indented name", token("<wsse:Username>\n erp\n</wsse:Username>" + secret), "", "", &UsernameToken{Username: "erp", Password: "secret"}},
		{"blank and colon", token(name + `<wsse:Password> a:b </wsse:Password>`), "", "", &UsernameToken{Username: "erp", Password: " a:b "}},
		{"CDATA", token(name + `<wsse:Password><![CDATA[<&>]]></wsse:Password>`), "", "", &UsernameToken{Username: "erp", Password: "<&>"}},
		{"umlaut", token(`<wsse:Username>jürgen</wsse:Username>` + secret), "", "", &UsernameToken{Username: "jürgen", Password: "secret"}},
		{"comment in a name", token(`<wsse:Username>er<!-- -->p</wsse:Username>` + secret), "", "", &UsernameToken{Username: "erp", Password: "secret"}},
		{"timestamp only", `<wsse:Security ` + wsse + `><wsu:Timestamp/></wsse:Security>`, "", "", nil},
		{"empty header", `<wsse:Security ` + wsse + `/>`, "", "", nil},
		{"for somebody else", `<wsse:Security s:actor="urn:other" ` + wsse + `><x/></wsse:Security>`, "", "", nil},
		{"other namespace", token(`<Username xmlns="u">erp</Username>` + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"no name", token(secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"no password", token(name), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"two names", token(name + name + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"two passwords", token(name + secret + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"empty password", token(name + `<wsse:Password/>`), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"empty name", token(`<wsse:Username> </wsse:Username>` + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"line end in the password", token(name + "<wsse:Password>a\nb</wsse:Password>"), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"control in the name", token("<wsse:Username>a&#9;b</wsse:Username>" + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"C1 control", token("<wsse:Username>a\u0090b</wsse:Username>" + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"element in the name", token("<wsse:Username><b/>erp</wsse:Username>" + secret), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"two tokens", `<wsse:Security ` + wsse + `><wsse:UsernameToken>` + name + secret + `</wsse:UsernameToken><wsse:UsernameToken/></wsse:Security>`, fault.CodeCredentials, "InvalidSecurity", nil},
		{"two headers", token(name+secret) + token(name+secret), fault.CodeCredentials, "InvalidSecurity", nil},
		{"header for next and for us", token(name+secret) + `<wsse:Security s:actor="` + actorNext + `" ` + wsse + `/>`, fault.CodeCredentials, "InvalidSecurity", nil},
		{"digest", token(name + `<wsse:Password Type="` + passwordProfile + `PasswordDigest">x</wsse:Password>`), fault.CodeCredentials, "InvalidSecurityToken", nil},
		{"unknown type", token(name + `<wsse:Password Type="PasswordText">x</wsse:Password>`), fault.CodeTokenUnsupported, "UnsupportedSecurityToken", nil},
		{"certificate without a signature", `<wsse:Security ` + wsse + `><wsse:BinarySecurityToken/></wsse:Security>`, fault.CodeTokenUnsupported, "UnsupportedSecurityToken", nil},
		{"encrypted key", `<wsse:Security ` + wsse + `><EncryptedKey xmlns="` + namespaceEncryption + `"/></wsse:Security>`, fault.CodeTokenUnsupported, "UnsupportedAlgorithm", nil},
		{"encrypted token", `<wsse:Security ` + wsse + `><EncryptedData xmlns="` + namespaceEncryption + `"/></wsse:Security>`, fault.CodeTokenUnsupported, "UnsupportedAlgorithm", nil},
		{"another token", `<wsse:Security ` + wsse + `><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/></wsse:Security>`, fault.CodeTokenUnsupported, "UnsupportedSecurityToken", nil},
		{"token and certificate", `<wsse:Security ` + wsse + `><wsse:UsernameToken>` + name + secret + `</wsse:UsernameToken><wsse:BinarySecurityToken/></wsse:Security>`, fault.CodeTokenUnsupported, "UnsupportedSecurityToken", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(message(ns11, tt.header)), Limits{})
			if tt.code == "" {
				if err != nil || !reflect.DeepEqual(head.Token, tt.want) {
					t.Errorf("%v, %v", head.Token, err)
				}
				return
			}
			cause := CauseOf(err)
			if fault.Of(err).Code != tt.code || cause == nil || len(cause.Subcodes) != 1 || cause.Subcodes[0].Local != tt.subcode {
				t.Fatalf("%v, cause %v", err, cause)
			}
			if strings.Contains(err.Error(), "secret") || head.Token != nil {
				t.Errorf("credentials leak: %v, %v", err, head.Token)
			}
		})
	}
}

func TestTokenAdvice(t *testing.T) {
	_, err := Peek([]byte(message(ns11, `<wsse:Security `+wsse+`><wsse:UsernameToken><wsse:Username>a</wsse:Username>`+
		`<wsse:Password Type="`+passwordProfile+`PasswordHash">x</wsse:Password></wsse:UsernameToken></wsse:Security>`)), Limits{})
	for _, word := range []string{"PasswordHash", "PasswordText", "Basic"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %v", word, err)
		}
	}
}

// TestTokenFreshness reads what keeps tokens from being used twice.
func TestTokenFreshness(t *testing.T) {
	const digest = `<wsse:Password Type="` + passwordProfile + `PasswordDigest">tKUH8ab3Rokm4t6IAlgcdg9yaEw=</wsse:Password>`
	const nonce, created = `<wsse:Nonce>bm9uY2U=</wsse:Nonce>`, `<wsu:Created>2026-11-22T10:00:00Z</wsu:Created>`
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	raw, _ := base64.StdEncoding.DecodeString("tKUH8ab3Rokm4t6IAlgcdg9yaEw=")
	whole := UsernameToken{Username: "erp", Password: string(raw), Digest: true, Nonce: "nonce", Created: "2026-11-22T10:00:00Z", At: at}
	tests := []struct {
		name, content string
		code          fault.Code
		want          UsernameToken
	}{
		{"digest", digest + nonce + created, "", whole},
		{"any order", created + nonce + digest, "", whole},
		{"encoding named", digest + created + `<wsse:Nonce EncodingType="` + base64Binary + `"> bm9u
 Y2U= </wsse:Nonce>`, "", whole},
		{"no nonce", digest + created, fault.CodeCredentials, whole},
		{"no created", digest + nonce, fault.CodeCredentials, whole},
		{"two nonces", digest + nonce + nonce + created, fault.CodeCredentials, whole},
		{"two createds", digest + nonce + created + created, fault.CodeCredentials, whole},
		{"empty nonce", digest + `<wsse:Nonce/>` + created, fault.CodeCredentials, whole},
		{"nonce of other letters", digest + `<wsse:Nonce>%%%</wsse:Nonce>` + created, fault.CodeCredentials, whole},
		{"long nonce", digest + `<wsse:Nonce>` + strings.Repeat("YWJj", 50) + `</wsse:Nonce>` + created, fault.CodeCredentials, whole},
		{"hexadecimal nonce", digest + `<wsse:Nonce EncodingType="#HexBinary">00</wsse:Nonce>` + created, fault.CodeTokenUnsupported, whole},
		{"no time", digest + nonce + `<wsu:Created>yesterday</wsu:Created>`, fault.CodeCredentials, whole},
		{"short digest", strings.Replace(digest, "tKUH8ab3", "", 1) + nonce + created, fault.CodeCredentials, whole},
		{"text with an offset", `<wsse:Password>s</wsse:Password><wsu:Created>2026-11-22T12:00:00+02:00</wsu:Created>`, "",
			UsernameToken{Username: "erp", Password: "s", Created: "2026-11-22T12:00:00+02:00", At: at}},
		{"text without a zone", `<wsse:Password>s</wsse:Password><wsu:Created>2026-11-22T10:00:00.000</wsu:Created>`, "",
			UsernameToken{Username: "erp", Password: "s", Created: "2026-11-22T10:00:00.000", At: at}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(message(ns11, `<wsse:Security `+wsse+`><wsse:UsernameToken><wsse:Username>erp</wsse:Username>`+
				tt.content+`</wsse:UsernameToken></wsse:Security>`)), Limits{})
			if tt.code != "" {
				if fault.Of(err) == nil || fault.Of(err).Code != tt.code || head.Token != nil {
					t.Errorf("%v, %v", head.Token, err)
				}
				return
			}
			if err != nil || head.Token == nil || *head.Token != tt.want {
				t.Errorf("%v, %v", head.Token, err)
			}
		})
	}
}

func TestTokenIsNotPrinted(t *testing.T) {
	token := UsernameToken{Username: "erp", Password: "secret"}
	for _, s := range []string{fmt.Sprint(token), fmt.Sprintf("%v %+v %#v", token, &token, token)} {
		if strings.Contains(s, "secret") {
			t.Error(s)
		}
	}
}

func addressed(local string) document.Name {
	return document.Name{Space: NamespaceAddressing, Local: local}
}

func TestAddressing(t *testing.T) {
	block := func(local, content string) string {
		return `<wsa:` + local + ` ` + wsa + `>` + content + `</wsa:` + local + `>`
	}
	address := func(uri string) string { return `<wsa:Address>` + uri + `</wsa:Address>` }
	tests := []struct {
		name, header string
		subcode      string // empty: taken
		want         Addressing
	}{
		{"none", "", "", Addressing{}},
		{"for somebody else", strings.Replace(block("To", "urn:to"), "<wsa:To", `<wsa:To s:actor="urn:x"`, 1), "", Addressing{}},
		{"trimmed", block("Action", "\n urn:a "), "", Addressing{Action: "urn:a", Used: true}},
		{"none address", block("ReplyTo", address(AddressNone)), "", Addressing{ReplyTo: AddressNone, Used: true}},
		{"metadata and parameters", block("ReplyTo", address(AddressAnonymous)+`<wsa:ReferenceParameters><a/></wsa:ReferenceParameters>`), "", Addressing{ReplyTo: AddressAnonymous, Used: true}},
		{"two relations", block("RelatesTo", "urn:1") + block("RelatesTo", "urn:2"), "", Addressing{RelatesTo: "urn:1", Used: true}},
		{"fault to", block("FaultTo", address(AddressAnonymous)), "", Addressing{FaultTo: AddressAnonymous, Used: true}},
		{"from anywhere", block("From", address("urn:me")), "", Addressing{Used: true}},
		{"two actions", block("Action", "urn:a") + block("Action", "urn:a"), "InvalidCardinality", Addressing{}},
		{"two ids", block("MessageID", "urn:a") + block("MessageID", "urn:b"), "InvalidCardinality", Addressing{}},
		{"two receivers", block("To", "urn:a") + block("To", "urn:b"), "InvalidCardinality", Addressing{}},
		{"two senders", block("From", address("urn:a")) + block("From", address("urn:a")), "InvalidCardinality", Addressing{}},
		{"two reply addresses", strings.Repeat(block("ReplyTo", address(AddressAnonymous)), 2), "InvalidCardinality", Addressing{}},
		{"empty id", block("MessageID", " "), "InvalidAddress", Addressing{}},
		{"longest id", block("MessageID", strings.Repeat("i", maxMessageID)), "", Addressing{MessageID: strings.Repeat("i", maxMessageID), Used: true}},
		{"longer id", block("MessageID", strings.Repeat("i", maxMessageID+1)), "InvalidAddress", Addressing{}},
		{"no address", block("ReplyTo", ""), "MissingAddressInEPR", Addressing{}},
		{"reply elsewhere", block("ReplyTo", address("http://169.254.169.254/")), "OnlyAnonymousAddressSupported", Addressing{}},
		{"faults elsewhere", block("FaultTo", address("http://localhost/")), "OnlyAnonymousAddressSupported", Addressing{}},
		{"empty address", block("ReplyTo", address("")), "OnlyAnonymousAddressSupported", Addressing{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(message(ns11, tt.header)), Limits{})
			if tt.subcode == "" {
				if tt.want.Used {
					tt.want.Space = NamespaceAddressing
				}
				if err != nil || head.Addressing != tt.want {
					t.Errorf("%+v, %v", head.Addressing, err)
				}
				return
			}
			cause := CauseOf(err)
			if fault.Of(err).Code != fault.CodeAddressing || cause == nil || !slices.ContainsFunc(cause.Subcodes, func(n document.Name) bool { return n.Local == tt.subcode }) {
				t.Errorf("%v, cause %v", err, cause)
			}
		})
	}
}

func TestTraceParent(t *testing.T) {
	const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for value, ok := range map[string]bool{
		valid:                  true,
		" " + valid + "\n":     true,
		"":                     false,
		valid + "-x":           false,
		"01" + valid[2:]:       false,
		strings.ToUpper(valid): false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01": false,
	} {
		head, err := Peek([]byte(message(ns11, "<traceparent>"+value+"</traceparent>")), Limits{})
		if err != nil || (head.TraceParent == strings.TrimSpace(value) && value != "") != ok {
			t.Errorf("%q: %q, %v", value, head.TraceParent, err)
		}
	}
}

func TestParts(t *testing.T) {
	tree, err := document.Read([]byte(submit))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	header, payload := Parts(tree)
	if !header.FirstChild().Is(nameSecurity) || payload.Name().Local != "SubmitOrder" {
		t.Errorf("%s, %s", header.Path(), payload.Path())
	}
}

// FuzzPeek checks that what Peek takes is what a full reading finds, and that it
// never fails without a code of its own.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(submit))
	f.Add([]byte(message(ns11, `<x xmlns="u" s:mustUnderstand="1"/>`)))
	f.Add([]byte(message(ns12, `<wsa:ReplyTo `+wsa+`><wsa:Address>urn:x</wsa:Address></wsa:ReplyTo>`)))
	f.Add([]byte(message(ns12, `<wsse:Security `+wsse+`><wsse:UsernameToken/></wsse:Security>`)))
	f.Add([]byte(message(ns11, `<wsse:Security `+wsse+`><wsse:UsernameToken><wsse:Username>a</wsse:Username><wsse:Password Type="`+passwordProfile+
		`PasswordDigest">tKUH8ab3Rokm4t6IAlgcdg9yaEw=</wsse:Password><wsse:Nonce>bm9uY2U=</wsse:Nonce><wsu:Created>2026-11-22T10:00:00Z</wsu:Created></wsse:UsernameToken></wsse:Security>`)))
	f.Add([]byte(xiMessage(xiMain, xiOnce, xiBeside+xiPayload)))
	f.Fuzz(func(t *testing.T, src []byte) {
		head, err := Peek(src, Limits{})
		if head == nil {
			t.Fatal("no head")
		}
		if x := head.Exchange; x != nil {
			for _, answer := range [][]byte{x.AppendReceipt(nil, "id", time.Unix(0, 0)), x.AppendResponse(nil, "id", time.Unix(0, 0), "part")} {
				tree, err := document.Read(answer)
				if err != nil {
					t.Fatalf("%v: %s", err, answer)
				}
				tree.Release()
			}
			e := x.Lacks("it is away", "a part")
			checkAnswer(t, AppendFault(nil, V11, x.Fault(NewFault(Sender, e, head, "ref"), e, "ref")))
		}
		if err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind() == fault.Internal || len(e.Details) == 0 {
				t.Fatalf("%v", err)
			}
			checkAnswer(t, AppendFault(nil, head.Version, NewFault(Sender, e, head, "ref")))
			return
		}
		checkAnswer(t, AppendReply(nil, head.Reply("urn:action", "urn:id"), nil))
		if k := head.Token; k != nil && (k.Username == "" || k.Password == "" || k.Digest && (k.Nonce == "" || k.Created == "" || len(k.Password) != 20)) {
			t.Fatalf("a token that is none: %+v", *k)
		}
		tree, err := document.Read(src)
		if err != nil {
			return
		}
		defer tree.Release()
		if _, payload := Parts(tree); payload.Name() != head.Operation {
			t.Fatalf("%v in %q, full reading %v", head.Operation, src, payload.Name())
		}
	})
}

func checkAnswer(t *testing.T, envelope []byte) {
	t.Helper()
	if _, err := Peek(envelope, Limits{}); err != nil {
		t.Fatalf("%s: %v", envelope, err)
	}
}

func BenchmarkPeek(b *testing.B) {
	src := []byte(submit)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Peek(src, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSignatureIsNoted: a signature is another's to verify, and never passed over.
func TestSignatureIsNoted(t *testing.T) {
	signature := `<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>`
	for _, tt := range []struct {
		name, header string
		want         bool
	}{
		{"none", ``, false},
		{"timestamp alone", `<wsse:Security ` + wsse + `><wsu:Timestamp/></wsse:Security>`, false},
		{"signature", `<wsse:Security ` + wsse + `>` + signature + `</wsse:Security>`, true},
		{"with its certificate", `<wsse:Security ` + wsse + `><wsse:BinarySecurityToken/>` + signature + `</wsse:Security>`, true},
		{"for another", `<wsse:Security s:actor="urn:other" ` + wsse + `>` + signature + `</wsse:Security>`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head, err := Peek([]byte(message(ns11, tt.header)), Limits{})
			if err != nil || head.Signed != tt.want {
				t.Errorf("%v, %v", head.Signed, err)
			}
		})
	}
}

// TestEncryptedBody is refused in words, before anybody looks for its operation.
func TestEncryptedBody(t *testing.T) {
	src := strings.Replace(message(ns12, ""), `<a xmlns="u"/>`, `<EncryptedData xmlns="`+namespaceEncryption+`"/>`, 1)
	_, err := Peek([]byte(src), Limits{})
	if cause := CauseOf(err); fault.Of(err).Code != fault.CodeTokenUnsupported || cause == nil || cause.Subcodes[0].Local != "UnsupportedAlgorithm" {
		t.Errorf("%v", err)
	}
}
