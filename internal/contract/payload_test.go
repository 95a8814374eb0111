package contract

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// submitOrder is the sample's operation with its service.
func submitOrder(t testing.TB) (*Service, *Operation) {
	t.Helper()
	s := sample(t).Services[0]
	return s, s.OperationNamed("SubmitOrder")
}

func TestValidatePayloadGood(t *testing.T) {
	s, op := submitOrder(t)
	order := string(xmlOrder(t))
	tests := map[string]string{
		"as it is":       order,
		"mark":           "\uFEFF" + order,
		"no declaration": strings.TrimPrefix(order, `<?xml version="1.0" encoding="UTF-8"?>`),
		"other prefix":   strings.NewReplacer("o:", "", "xmlns:o", "xmlns").Replace(order),
		"surroundings":   strings.Replace(order, "<o:SubmitOrder", "<!-- an order --><?erp 1?><o:SubmitOrder", 1) + "<!-- end -->",
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			before := strings.Clone(src)
			details, more, err := s.ValidatePayload(op, []byte(src), 0)
			if err != nil || more != 0 || len(details) > 0 {
				t.Errorf("error %v, more %d\n%s", err, more, lines(details))
			}
			if src != before {
				t.Error("the payload was changed")
			}
		})
	}
}

// TestValidatePayloadAsEnvelope takes each sample's payload out of its envelope:
// the same is said about it, at the same elements.
func TestValidatePayloadAsEnvelope(t *testing.T) {
	s, _ := submitOrder(t)
	files, err := filepath.Glob(soapFiles + "/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	compared := 0
	for _, file := range files {
		src := envelope(t, filepath.Base(file))
		tree, err := document.Read(src)
		if err != nil {
			continue // UTF-16 and what is not well-formed
		}
		payload := tree.Root().Child(Name{Space: tree.Root().Name().Space, Local: "Body"}).FirstChild()
		op := s.Operation(payload.Name())
		if op == nil || payload.NextSibling().Exists() {
			continue
		}
		want, _, err := s.Validate(src, 0)
		if err != nil {
			continue // the envelope itself is wrong
		}
		compared++
		line, _ := payload.Position()
		around, _, _ := strings.Cut(payload.Path(), "/"+payload.QName())
		for i := range want {
			want[i].Path = strings.TrimPrefix(want[i].Path, around)
			if want[i].Line -= line - 1; want[i].Line == 1 {
				want[i].Column = 1
			}
		}
		got, _, err := s.ValidatePayload(op, document.AppendStandalone(nil, payload), 0)
		if err != nil || lines(got) != lines(want) {
			t.Errorf("%s: error %v, got\n%swant\n%s", file, err, lines(got), lines(want))
		}
	}
	if compared < 15 {
		t.Errorf("%d samples compared only", compared)
	}
}

// TestValidatePayloadRoot: a root that is another element is said to be one.
func TestValidatePayloadRoot(t *testing.T) {
	s, op := submitOrder(t)
	const order = "{" + nsOrders + "}SubmitOrder"
	const other = "the root element is not the message of operation SubmitOrder"
	tests := []struct {
		name, src string
		want      fault.Detail
	}{
		{"envelope", string(envelope(t, "order-full.xml")),
			fault.Detail{Message: "the message stands in a SOAP envelope; here it is sent without one", Path: "/soap:Envelope", Line: 2, Column: 1, Found: "{" + nsEnv11 + "}Envelope", Expected: order}},
		{"SOAP 1.2 envelope that is invalid", `<e:Envelope xmlns:e="` + nsEnv12 + `"/>`,
			fault.Detail{Message: "the message stands in a SOAP envelope; here it is sent without one", Path: "/e:Envelope", Line: 1, Column: 1, Found: "{" + nsEnv12 + "}Envelope", Expected: order}},
		{"another operation", `<NotifyShipment xmlns="` + nsOrders + `"/>`,
			fault.Detail{Message: other + ", but of operation NotifyShipment", Path: "/NotifyShipment", Line: 1, Column: 1, Found: "{" + nsOrders + "}NotifyShipment", Expected: order}},
		{"valid, and no message", `<OrderFault xmlns="` + nsOrders + `"><Code>1</Code><Message>2</Message></OrderFault>`,
			fault.Detail{Message: other, Path: "/OrderFault", Line: 1, Column: 1, Found: "{" + nsOrders + "}OrderFault", Expected: order}},
		{"no namespace", "\n <SubmitOrder/>",
			fault.Detail{Message: other, Path: "/SubmitOrder", Line: 2, Column: 2, Found: "SubmitOrder", Expected: order}},
		{"another namespace", `<o:SubmitOrder xmlns:o="urn:o"/>`,
			fault.Detail{Message: other, Path: "/o:SubmitOrder", Line: 1, Column: 1, Found: "{urn:o}SubmitOrder", Expected: order}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, more, err := s.ValidatePayload(op, []byte(tt.src), 0)
			if err != nil || more != 0 || len(got) != 1 || got[0] != tt.want {
				t.Errorf("error %v, more %d, got\n%swant\n%s", err, more, lines(got), lines([]fault.Detail{tt.want}))
			}
		})
	}
}

// TestValidatePayloadRefuses: what is no judgement of the contract.
func TestValidatePayloadRefuses(t *testing.T) {
	s, op := submitOrder(t)
	order := string(xmlOrder(t))
	tests := []struct {
		name, src string
		code      fault.Code
		line      int
	}{
		{"doctype", "<!DOCTYPE a>\n" + strings.TrimPrefix(order, `<?xml version="1.0" encoding="UTF-8"?>`), fault.CodeDoctype, 1},
		{"entity", strings.Replace(order, "ERP Nordic", "&erp;", 1), fault.CodeMalformed, 6},
		{"two roots", order + "<a/>", fault.CodeMalformed, 46},
		{"truncated", order[:200], fault.CodeMalformed, 6},
		{"undeclared prefix", strings.Replace(order, "<o:Note>", "<p:Note>", 1), fault.CodeMalformed, 19},
		{"Latin-1", strings.Replace(order, "×", "\xD7", 1), fault.CodeEncoding, 23},
		{"JSON", "{}", fault.CodeMalformed, 1},
		{"empty", "", fault.CodeMalformed, 1},
		{"too deep", strings.Replace(order, "<o:Note>", "<o:Note>"+strings.Repeat("<a>", 300)+strings.Repeat("</a>", 300), 1), fault.CodeTooLarge, 19},
		{"crowd", strings.Replace(order, "<o:Note>", strings.Repeat("<a/>", maxMarkup)+"<o:Note>", 1), fault.CodeTooLarge, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			details, _, err := s.ValidatePayload(op, []byte(tt.src), 0)
			f := fault.Of(err)
			if f == nil || f.Code != tt.code || len(details) > 0 {
				t.Fatalf("error %v, details %v; want %s", err, details, tt.code)
			}
			if tt.line > 0 && (len(f.Details) != 1 || f.Details[0].Line != tt.line) {
				t.Errorf("details %v; want one at line %d", f.Details, tt.line)
			}
		})
	}
}

// TestValidatePayloadLimit: a limit counts what it cuts off.
func TestValidatePayloadLimit(t *testing.T) {
	s, op := submitOrder(t)
	src := bytes.ReplaceAll(xmlOrder(t), []byte(">EA<"), []byte(">ea<"))
	src = bytes.Replace(src, []byte(">FI<"), []byte(">fi<"), 1)
	details, more, err := s.ValidatePayload(op, src, 2)
	if err != nil || len(details) != 2 || more != 1 {
		t.Errorf("%d details, more %d, error %v; want 2 and 1", len(details), more, err)
	}
	if len(details) > 0 && details[0].Path != "/o:SubmitOrder/o:Order/o:Customer/o:Country" {
		t.Errorf("the first detail is about %s", details[0].Path)
	}
}

// heads is a contract whose inputs have substitutes: one is allowed, one is
// blocked.
const heads = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:element name="Go" type="xs:int"/><xs:element name="GoOn" type="xs:int" substitutionGroup="t:Go"/>
<xs:element name="Stop" type="xs:int" block="substitution"/><xs:element name="StopAll" type="xs:int" substitutionGroup="t:Stop"/>
<xs:element name="Turn" type="xs:int"/>
</xs:schema></w:types>
<w:message name="Go"><w:part name="p" element="t:Go"/></w:message><w:message name="Stop"><w:part name="p" element="t:Stop"/></w:message><w:message name="Turn"><w:part name="p" element="t:Turn"/></w:message>
<w:message name="Old"><w:part name="p" type="t:Old"/></w:message>
<w:portType name="P"><w:operation name="Go"><w:input message="t:Go"/></w:operation><w:operation name="Stop"><w:input message="t:Stop"/></w:operation><w:operation name="Turn"><w:input message="t:Turn"/></w:operation><w:operation name="Old"><w:input message="t:Old"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding/>
<w:operation name="Go"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation><w:operation name="Stop"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation>
<w:operation name="Turn"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation><w:operation name="Old"><s:operation style="rpc"/><w:input><s:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://h/"/></w:port></w:service></w:definitions>`

func TestValidatePayloadSubstitutes(t *testing.T) {
	s := everyKindService(t, heads)
	const xmlns = ` xmlns="urn:t"`
	for _, tt := range []struct{ op, src, want string }{
		{"Go", "<Go" + xmlns + ">1</Go>", ""},
		{"Go", "<GoOn" + xmlns + ">1</GoOn>", ""},
		{"Go", "<GoOn" + xmlns + ">x</GoOn>", "/GoOn: the value is not a number"},
		{"Go", "<Turn" + xmlns + ">1</Turn>", "/Turn: the root element is not the message of operation Go, but of operation Turn"},
		{"Stop", "<Stop" + xmlns + ">1</Stop>", ""},
		{"Stop", "<StopAll" + xmlns + ">1</StopAll>", "/StopAll: the root element is not the message of operation Stop"},
	} {
		details, _, err := s.ValidatePayload(s.OperationNamed(tt.op), []byte(tt.src), 0)
		got := ""
		for _, d := range details {
			got += d.Path + ": " + d.Message
		}
		if err != nil || got != tt.want {
			t.Errorf("%s %s: error %v, got %q, want %q", tt.op, tt.src, err, got, tt.want)
		}
	}
}

// TestUnservedOperation: nobody can send the message of an operation that is
// not served, in whatever form.
func TestUnservedOperation(t *testing.T) {
	s := everyKindService(t, heads)
	old := s.OperationNamed("Old")
	if old.Unsupported == "" {
		t.Fatal("the operation is supported")
	}
	for _, op := range []*Operation{nil, old, {Name: "Bare", Input: &Message{}}} {
		_, _, asXML := s.ValidatePayload(op, []byte("<a/>"), 0)
		_, asJSON := s.FromJSON(op, []byte("{}"), 0)
		for _, err := range []error{asXML, asJSON} {
			f := fault.Of(err)
			if f == nil || f.Code != fault.CodeUnknownOperation {
				t.Errorf("%v: error %v, want %s", op, err, fault.CodeUnknownOperation)
			} else if op == old && !strings.Contains(f.Message, "which no schema of the contract declares") {
				t.Errorf("message %q does not say why", f.Message)
			}
		}
	}
}

// TestValidatePayloadDegraded: without schemas the operation is checked and
// nothing in the message, and broken XML is refused all the same.
func TestValidatePayloadDegraded(t *testing.T) {
	s := everyKindService(t, beyondRepair)
	if s.Degraded() == "" {
		t.Fatal("the schemas compile")
	}
	op := s.OperationNamed("Go")
	long := strings.Repeat("x", 5<<20) // more than the engine takes in one piece
	for _, tt := range []struct{ name, src, want string }{
		{"anything", `<?xml version="1.0"?><Go xmlns="urn:t"><not-checked a="1"/></Go>`, ""},
		{"another root", `<Gone xmlns="urn:t"/>`, "/Gone: the root element is not the message of operation Go"},
		{"malformed", `<Go xmlns="urn:t">`, "GH-1101 1:19"},
		{"duplicate attribute", "<Go xmlns=\"urn:t\">\n<x a=\"1\" a=\"2\"/></Go>", "GH-1101 2:10"},
		{"doctype", `<!DOCTYPE a><Go xmlns="urn:t"/>`, "GH-1102 1:1"},
		{"long token", "<!-- 1 -->\n  <Go xmlns=\"urn:t\"><x>" + long + "</x></Go>", "GH-1003 2:"},
		{"long token on a line of its own", "<Go xmlns=\"urn:t\">\n<x>" + long + "</x></Go>", "GH-1003 2:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			details, _, err := s.ValidatePayload(op, []byte(tt.src), 0)
			got := ""
			if f := fault.Of(err); f != nil {
				got = string(f.Code) + " " + place(f.Details[0])
			} else if len(details) > 0 {
				got = details[0].Path + ": " + details[0].Message
			}
			if got != tt.want && !(strings.HasSuffix(tt.want, ":") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func place(d fault.Detail) string {
	return strings.TrimPrefix(Position{Line: d.Line, Column: d.Column}.String(), ":")
}

// TestSameBodyInEveryForm: the order as SOAP, as bare XML and as JSON is one
// body.
func TestSameBodyInEveryForm(t *testing.T) {
	s, op := submitOrder(t)
	payload := func(src []byte) string {
		tree, err := document.Read(src)
		if err != nil {
			t.Fatal(err)
		}
		n := tree.Root()
		if n.Name().Local == "Envelope" {
			n = n.Child(Name{Space: nsEnv11, Local: "Body"}).FirstChild()
		}
		return string(document.AppendCanonical(nil, n))
	}
	twin := func(name string) []byte {
		d, err := s.FromJSON(op, jsonOrder(t, name), 0)
		if err != nil {
			t.Fatal(err)
		}
		if details, _, err := s.ValidatePayload(op, d.XML, 0); err != nil || len(details) > 0 {
			t.Errorf("%s: error %v\n%s", name, err, lines(details))
		}
		return d.XML
	}
	full := payload(envelope(t, "order-full.xml"))
	if got := payload(xmlOrder(t)); got != full {
		t.Errorf("bare XML is another body\n%s\n%s", got, full)
	}
	if got := payload(twin("order.json")); got != full {
		t.Errorf("JSON is another body\n%s\n%s", got, full)
	}
	if got, want := payload(twin("order-minimal.json")), payload(envelope(t, "order-minimal.xml")); got != want {
		t.Errorf("the minimal order is another body\n%s\n%s", got, want)
	}
}
