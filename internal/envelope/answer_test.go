package envelope

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const opening11 = declaration + `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">`
const opening12 = declaration + `<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">`

func TestAppendReply(t *testing.T) {
	addressed := Addressing{Used: true, MessageID: "urn:uuid:1&2"}
	tests := []struct {
		name    string
		head    Head
		payload string
		want    string
	}{
		{"1.1", Head{Version: V11}, "<a/>", opening11 + `<soap:Body><a/></soap:Body></soap:Envelope>`},
		{"1.2", Head{Version: V12}, "<a/>", opening12 + `<soap:Body><a/></soap:Body></soap:Envelope>`},
		{"unknown", Head{}, "", opening11 + `<soap:Body></soap:Body></soap:Envelope>`},
		{"addressed", Head{Version: V12, Addressing: addressed}, "<a/>", opening12 + `<soap:Header>` +
			`<wsa:Action xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:action</wsa:Action>` +
			`<wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:id</wsa:MessageID>` +
			`<wsa:RelatesTo xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:uuid:1&amp;2</wsa:RelatesTo>` +
			`</soap:Header><soap:Body><a/></soap:Body></soap:Envelope>`},
		{"addressed without an id", Head{Version: V11, Addressing: Addressing{Used: true, Action: "x"}}, "", opening11 + `<soap:Header>` +
			`<wsa:Action xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:action</wsa:Action>` +
			`<wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:id</wsa:MessageID>` +
			`</soap:Header><soap:Body></soap:Body></soap:Envelope>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(AppendReply([]byte("before "), tt.head.Reply("urn:action", "urn:id"), []byte(tt.payload)))
			if got != "before "+tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAppendFault(t *testing.T) {
	security := document.Name{Space: NamespaceSecurity, Local: "FailedAuthentication"}
	ours := document.Name{Space: NamespaceFault, Local: "GH-3001"}
	detail := []byte(`<o:OrderFault xmlns:o="urn:o"/>`)
	tests := []struct {
		name    string
		version Version
		fault   Fault
		want    string
	}{
		{"declared fault of 1.1", V11, Fault{Code: Sender, Reason: "a < b", Detail: detail}, opening11 +
			`<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring xml:lang="en">a &lt; b</faultstring>` +
			`<detail><o:OrderFault xmlns:o="urn:o"/></detail></soap:Fault></soap:Body></soap:Envelope>`},
		{"declared fault of 1.2", V12, Fault{Code: Sender, Reason: "a < b", Detail: detail}, opening12 +
			`<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">a &lt; b</soap:Text></soap:Reason>` +
			`<soap:Detail><o:OrderFault xmlns:o="urn:o"/></soap:Detail></soap:Fault></soap:Body></soap:Envelope>`},
		{"our own subcode is none in 1.1", V11, Fault{Code: Receiver, Subcodes: []document.Name{ours}, Reason: "r"}, opening11 +
			`<soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring xml:lang="en">r</faultstring></soap:Fault></soap:Body></soap:Envelope>`},
		{"our own subcode in 1.2", V12, Fault{Code: Receiver, Subcodes: []document.Name{ours}, Reason: "r"}, opening12 +
			`<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Receiver</soap:Value><soap:Subcode><soap:Value xmlns:q="urn:gatehouse:fault:1">q:GH-3001</soap:Value></soap:Subcode></soap:Code>` +
			`<soap:Reason><soap:Text xml:lang="en">r</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>`},
		{"security in 1.1", V11, Fault{Code: Sender, Subcodes: []document.Name{security}, Reason: "r"}, opening11 +
			`<soap:Body><soap:Fault><faultcode xmlns:q="` + NamespaceSecurity + `">q:FailedAuthentication</faultcode><faultstring xml:lang="en">r</faultstring></soap:Fault></soap:Body></soap:Envelope>`},
		{"nested subcodes", V12, Fault{Code: Sender, Subcodes: []document.Name{subcodeAddressing, subcodeCardinality}, Reason: "r"}, opening12 +
			`<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value>` +
			`<soap:Subcode><soap:Value xmlns:q="http://www.w3.org/2005/08/addressing">q:InvalidAddressingHeader</soap:Value>` +
			`<soap:Subcode><soap:Value xmlns:q="http://www.w3.org/2005/08/addressing">q:InvalidCardinality</soap:Value></soap:Subcode></soap:Subcode></soap:Code>` +
			`<soap:Reason><soap:Text xml:lang="en">r</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>`},
		{"the last subcode in 1.1", V11, Fault{Code: Sender, Subcodes: []document.Name{subcodeAddressing, subcodeCardinality}, Reason: "r"}, opening11 +
			`<soap:Body><soap:Fault><faultcode xmlns:q="http://www.w3.org/2005/08/addressing">q:InvalidCardinality</faultcode><faultstring xml:lang="en">r</faultstring></soap:Fault></soap:Body></soap:Envelope>`},
		{"not understood", V12, Fault{Code: MustUnderstand, Reason: "r", NotUnderstood: []document.Name{{Space: `u"`, Local: "a"}, {Local: "b"}}}, opening12 +
			`<soap:Header><soap:NotUnderstood qname="q:a" xmlns:q="u&#34;"/><soap:NotUnderstood qname="b"/></soap:Header>` +
			`<soap:Body><soap:Fault><soap:Code><soap:Value>soap:MustUnderstand</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">r</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>`},
		{"not understood in 1.1", V11, Fault{Code: MustUnderstand, Reason: "r", NotUnderstood: []document.Name{{Local: "b"}}}, opening11 +
			`<soap:Body><soap:Fault><faultcode>soap:MustUnderstand</faultcode><faultstring xml:lang="en">r</faultstring></soap:Fault></soap:Body></soap:Envelope>`},
		{"version", V12, Fault{Code: VersionMismatch, Reason: "r"}, opening12 +
			`<soap:Header><soap:Upgrade><soap:SupportedEnvelope qname="q:Envelope" xmlns:q="http://www.w3.org/2003/05/soap-envelope"/>` +
			`<soap:SupportedEnvelope qname="q:Envelope" xmlns:q="http://schemas.xmlsoap.org/soap/envelope/"/></soap:Upgrade></soap:Header>` +
			`<soap:Body><soap:Fault><soap:Code><soap:Value>soap:VersionMismatch</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">r</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>`},
		{"version in 1.1", V11, Fault{Code: VersionMismatch, Reason: "r"}, opening11 +
			`<soap:Body><soap:Fault><faultcode>soap:VersionMismatch</faultcode><faultstring xml:lang="en">r</faultstring></soap:Fault></soap:Body></soap:Envelope>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(AppendFault(nil, tt.version, tt.fault))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			checkAnswer(t, []byte(got))
		})
	}
}

func TestNewFault(t *testing.T) {
	peeked := func(header string) (*Head, *fault.Error) {
		head, err := Peek([]byte(message(ns12, header)), Limits{})
		if err != nil {
			return head, fault.Of(err)
		}
		return head, fault.New(fault.CodeUnauthenticated, "")
	}
	block := `<wsa:MessageID ` + wsa + `>urn:1</wsa:MessageID>`
	token := `<wsse:Security ` + wsse + `><wsse:UsernameToken><wsse:Username>a</wsse:Username><wsse:Password>b</wsse:Password></wsse:UsernameToken></wsse:Security>`
	tests := []struct {
		name, header string
		has, hasNot  []string
	}{
		{"wrong password", token, []string{"q:FailedAuthentication", `code="GH-2001"`, `reference="ref"`}, []string{"wsa:"}},
		{"wrong password by HTTP", "", []string{"q:GH-2001"}, []string{"FailedAuthentication", "wsa:"}},
		{"addressed", block, []string{"<wsa:RelatesTo", "/soap/fault</wsa:Action>"}, nil},
		{"misaddressed", block + `<wsa:ReplyTo ` + wsa + `><wsa:Address>http://x</wsa:Address></wsa:ReplyTo>`,
			[]string{"q:InvalidAddressingHeader", "q:OnlyAnonymousAddressSupported", "/addressing/fault</wsa:Action>", "urn:1</wsa:RelatesTo>"}, nil},
		{"not understood", `<u:a xmlns:u="urn:u" s:mustUnderstand="1"/>`, []string{`NotUnderstood qname="q:a" xmlns:q="urn:u"`}, nil},
		{"unsupported", `<wsse:Security ` + wsse + `><u/></wsse:Security>`, []string{"q:UnsupportedSecurityToken", "PasswordText"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head, f := peeked(tt.header)
			got := string(AppendFault(nil, V12, NewFault(Sender, f, head, "ref")))
			checkAnswer(t, []byte(got))
			for _, s := range tt.has {
				if !strings.Contains(got, s) {
					t.Errorf("no %s in %s", s, got)
				}
			}
			for _, s := range tt.hasNot {
				if strings.Contains(got, s) {
					t.Errorf("%s in %s", s, got)
				}
			}
		})
	}
	checkAnswer(t, AppendFault(nil, V11, NewFault(Receiver, fault.New(fault.CodeInternal, ""), nil, "")))
}

func TestAppendDetails(t *testing.T) {
	e := fault.New(fault.CodeInvalid, "").With(
		fault.Detail{Message: "bad", Path: "/a/b[2]", Line: 3, Column: 4, Found: "<\x00>", Expected: "xs:int", Doc: "A number.", Source: "secret.yaml:1:2", Target: "sales.order.id"},
		fault.Detail{Message: "worse"},
	)
	e.More = 7
	const want = `<gh:details xmlns:gh="urn:gatehouse:fault:1" code="GH-3001" mender="sender" reference="r1">` +
		"<gh:detail><gh:message>bad</gh:message><gh:path>/a/b[2]</gh:path><gh:line>3</gh:line><gh:column>4</gh:column>" +
		"<gh:found>&lt;\uFFFD&gt;</gh:found><gh:expected>xs:int</gh:expected><gh:documentation>A number.</gh:documentation></gh:detail>" +
		`<gh:detail><gh:message>worse</gh:message></gh:detail><gh:more>7</gh:more></gh:details>`
	if got := string(AppendDetails(nil, e, "r1")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const none = `<gh:details xmlns:gh="urn:gatehouse:fault:1" code="GH-9001" mender="operator"></gh:details>`
	if got := string(AppendDetails([]byte("x"), fault.New(fault.CodeInternal, ""), "")); got != "x"+none {
		t.Errorf("got  %s\nwant x%s", got, none)
	}
}

func TestDetailsAreBounded(t *testing.T) {
	for _, filler := range []string{"x", "&", "\r", "é", "\x00", "\U0001F600"} {
		long := strings.Repeat(filler, 100_000)
		e := fault.New(fault.CodeInvalid, "%s", long)
		for range 2000 {
			e.Details = append(e.Details, fault.Detail{Message: long, Path: long, Found: long, Expected: long, Doc: long, Line: 1, Column: 1})
		}
		head := &Head{Addressing: Addressing{MessageID: strings.Repeat(filler, maxMessageID/len(filler)), Used: true}}
		f := NewFault(MustUnderstand, e, head, long)
		f.NotUnderstood = slices.Repeat([]document.Name{{Space: long[:100], Local: "a"}}, 1000)
		got := AppendFault(nil, V12, f)
		if len(got) >= 64<<10 {
			t.Errorf("%q: %d bytes", filler, len(got))
		}
		tree, err := document.Read(got)
		if err != nil {
			t.Fatalf("%q: %v", filler, err)
		}
		text := tree.Root().Text()
		shown := strings.Count(string(got), "<gh:detail>")
		if shown < 1 || !strings.HasSuffix(text, fmt.Sprint(2000-shown)) {
			t.Errorf("%q: %d shown, ends in %q", filler, shown, text[len(text)-20:])
		}
		tree.Release()
	}
}

func TestManySmallDetails(t *testing.T) {
	e := fault.New(fault.CodeInvalid, "")
	for i := range 100 {
		e.Details = append(e.Details, fault.Detail{Message: "bad", Path: fmt.Sprintf("/a/b[%d]", i)})
	}
	var got struct {
		Detail []struct {
			Path string `xml:"path"`
		} `xml:"detail"`
	}
	if err := xml.Unmarshal(AppendDetails(nil, e, ""), &got); err != nil || len(got.Detail) != 100 || got.Detail[99].Path != "/a/b[99]" {
		t.Errorf("%d details, %v", len(got.Detail), err)
	}
}

func TestClip(t *testing.T) {
	for s, want := range map[string]string{"": "", "abcde": "abcde", "abcdef": "ab…", "aééé": "a…", "\x80\x80\x80\x80\x80\x80": "…"} {
		if got := clip(s, 5); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func BenchmarkAppendReply(b *testing.B) {
	head := Head{Version: V12, Addressing: Addressing{Used: true, MessageID: "urn:uuid:5b0f2c3e-7f1d-4c1a-9a5b-0e4f5f5c9d11"}}
	payload := []byte(`<o:SubmitOrderResponse xmlns:o="urn:gatehouse:samples:orders:1"><o:OrderId>17</o:OrderId></o:SubmitOrderResponse>`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendReply(dst[:0], head.Reply("urn:gatehouse:samples:orders:1/SubmitOrderResponse", "urn:uuid:1"), payload)
	}
}

func BenchmarkAppendFault(b *testing.B) {
	e := fault.New(fault.CodeInvalid, "").With(fault.Detail{Message: "the value is not a decimal", Path: "/soap:Envelope/soap:Body/o:SubmitOrder/o:Order/o:Lines/o:Line[2]/o:Quantity", Line: 20, Column: 13, Found: "ten", Expected: "xs:decimal"})
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendFault(dst[:0], V12, NewFault(Sender, e, nil, "01926f3e-5d8e-7000-8000-000000000000"))
	}
}
