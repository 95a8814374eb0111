package gateway_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
)

const faultRules = `
faults:
  - fault: OrderFault
    when: o:Order/o:Currency = 'SEK'
    reason: "{o:Order/o:OrderNumber} is in {o:Order/o:Currency}, see {$message/id}"
    body: {Code: {$value: CURRENCY}, Message: o:Order/o:OrderNumber}
  - fault: OrderFault
    on: [conflict, superseded, exists, not_found, not_yet]
    reason: "no: {o:Order/o:OrderNumber}"
    body: {Code: $fault/code, Message: "concat(o:Order/o:OrderNumber, ': ', $fault/reason)"}
  - fault: OrderFault
    on: invalid
    body: {Code: $fault/code, Message: "concat($principal/login, ' ', $fault/path)"}
`

// ruled is a bench whose mapping has the rules.
func ruled(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	src, err := fs.ReadFile(mappings.FS, "submit-order.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The sample's own rules make room.
	own, _, _ := strings.Cut(string(src), "\nfaults:")
	file, err := mapping.Parse("m.yaml", []byte(own+faultRules))
	if err != nil {
		t.Fatal(err)
	}
	if b.mapping, err = mapping.Compile(file, b.parts.Contracts[0]); err != nil {
		t.Fatal(err)
	}
	b.Reload(b.generation(t))
	return b
}

// swedish is the sample order in a currency that a rule refuses.
func swedish(src string) string { return strings.Replace(src, ">EUR<", ">SEK<", 1) }

// written is the fault as the SOAP door writes it.
func written(r *gateway.Receipt, v envelope.Version, err error) string {
	return string(envelope.AppendFault(nil, v, envelope.NewFault(envelope.Sender, fault.Of(err), r.Head, r.ID.String())))
}

// TestRejectedBySOAP: the detail is the contract's element and nothing else,
// nothing is stored, and the refusal tells nothing of the message.
func TestRejectedBySOAP(t *testing.T) {
	b := ruled(t)
	body := swedish(string(sample(t, "order-minimal.xml")))
	r, err := b.Accept(t.Context(), b.arrival([]byte(body), "erp.alice", "erp.alice-secret"))
	b.stop()
	b.wantRefused(t, r, err, fault.CodeRejected)
	if reason := b.store.refusals[0].Reason; !strings.Contains(reason, "OrderFault: {o:Order/o:OrderNumber} is in") || strings.Contains(reason, "SEK") {
		t.Errorf("refusal %q", reason)
	}
	for v, want := range map[envelope.Version][]string{
		envelope.V11: {"<faultcode>soap:Client</faultcode>", "<detail><", "</detail>", ", see " + r.ID.String() + "</faultstring>"},
		envelope.V12: {"<soap:Value>soap:Sender</soap:Value></soap:Code>", "<soap:Detail><", "</soap:Detail>", ", see " + r.ID.String() + "</soap:Text>"},
	} {
		got := written(r, v, err)
		_, detail, _ := strings.Cut(got, want[1])
		detail, _, _ = strings.Cut(detail, want[2])
		if !strings.Contains(got, want[0]) || !strings.Contains(got, want[3]) || !strings.Contains(detail, "Code>CURRENCY</") || strings.Contains(got, "gh:details") {
			t.Errorf("version %s:\n%s", v, got)
		}
		if strings.Count(detail, "OrderFault>") != 1 {
			t.Errorf("detail %s", detail)
		}
	}
}

// TestAnsweredBySOAP: what is found later is answered by the rule for it, under
// its own code.
func TestAnsweredBySOAP(t *testing.T) {
	good := string(sample(t, "order-minimal.xml"))
	invalid := strings.Replace(good, ">EUR<", ">EURO<", 1)
	outcome := func(s gateway.Status, code fault.Code) func(*gateway.Entry) gateway.Outcome {
		return func(e *gateway.Entry) gateway.Outcome {
			o := gateway.Outcome{Status: s, MessageID: e.Message.ID}
			if code != "" {
				o.Err = fault.New(code, "")
			}
			return o
		}
	}
	for _, tt := range []struct {
		name, body   string
		answer       func(*gateway.Entry) gateway.Outcome
		code         fault.Code
		declared     bool
		reason, want string
	}{
		{"not found", good, outcome(gateway.Refused, fault.CodeLookup), fault.CodeLookup, true, "no: ", "the message refers to something that is not stored"},
		{"superseded", good, outcome(gateway.Superseded, ""), fault.CodeSuperseded, true, "no: ", "a newer version is stored already"},
		{"conflict", good, outcome(gateway.Conflict, fault.CodeKeyReused), fault.CodeKeyReused, true, "no: ", "was used before"},
		{"exists", good, outcome(gateway.Refused, fault.CodeExists), fault.CodeExists, true, "no: ", "exists already"},
		{"not yet", good, outcome(gateway.Refused, fault.CodeNotYet), fault.CodeNotYet, true, "no: ", "not stored yet"},
		{"invalid", invalid, nil, fault.CodeInvalid, true, "the message breaks its contract", "erp.alice /"},
		{"unavailable", good, outcome(gateway.Refused, fault.CodeStoreUnavailable), fault.CodeStoreUnavailable, false, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := ruled(t)
			b.store.answer = tt.answer
			r, err := b.Accept(t.Context(), b.arrival([]byte(tt.body), "erp.alice", "erp.alice-secret"))
			f := fault.Of(err)
			if f == nil || f.Code != tt.code {
				t.Fatalf("%v", err)
			}
			got := written(r, envelope.V11, err)
			if declared := mapping.DeclaredOf(err) != nil; declared != tt.declared || declared == strings.Contains(got, "gh:details") {
				t.Fatalf("declared %t: %s", declared, got)
			}
			if tt.declared && (!strings.Contains(got, "Code>"+string(tt.code)+"</") || !strings.Contains(got, tt.want) || !strings.Contains(got, `lang="en">`+tt.reason)) {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestActionOfDeclared: who uses WS-Addressing is answered with the fault's action.
func TestActionOfDeclared(t *testing.T) {
	b := ruled(t)
	addressed := strings.Replace(swedish(string(sample(t, "order-full.xml"))), "<soap:Body>", `<soap:Header><MessageID xmlns="http://www.w3.org/2005/08/addressing">urn:m</MessageID></soap:Header><soap:Body>`, 1)
	r, err := b.Accept(t.Context(), b.arrival([]byte(addressed), "erp.alice", "erp.alice-secret"))
	if got := written(r, envelope.V11, err); !strings.Contains(got, ">urn:gatehouse:samples:orders:1:OrderPortType:SubmitOrder:Fault:OrderFault</wsa:Action>") || !strings.Contains(got, ">urn:m</wsa:RelatesTo>") {
		t.Errorf("%s", got)
	}
}

// TestRejectedByQueue is parked with its reason, and answered in its format.
func TestRejectedByQueue(t *testing.T) {
	b := ruled(t)
	receipt, err := b.take(t, queued(swedish(payload(t)), "erp.alice"))
	if err != nil || receipt.Status != gateway.Parked || receipt.Fault.Code != fault.CodeRejected {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if kept := b.store.holds[0]; kept.Code != "GH-4007" || !strings.Contains(kept.Reason, " is in SEK, see "+receipt.ID.String()+"\n") {
		t.Errorf("kept as %+v", kept)
	}
	a, err := receipt.Answer()
	if err != nil || a.ContentType != "application/xml" || a.Code != "GH-4007" || a.Fault != "OrderFault" || !strings.Contains(a.Reason, " is in SEK") || !strings.Contains(string(a.Body), "Code>CURRENCY</") {
		t.Errorf("answer: %+v %v", a, err)
	}
}

// TestAnsweredByQueue: outcomes of the store too, as the twin of the fault.
func TestAnsweredByQueue(t *testing.T) {
	src, err := os.ReadFile("../../testdata/json/order-minimal.json")
	if err != nil {
		t.Fatal(err)
	}
	json := func(body string) *gateway.Arrival {
		a := queued(body, "erp.alice")
		a.Format, a.ContentType = gateway.JSON, "application/json"
		return a
	}
	for _, tt := range []struct {
		name   string
		body   string
		refuse error
		answer func(*gateway.Entry) gateway.Outcome
		status gateway.Status
		want   gateway.Answer
	}{
		{"not found", string(src), fault.New(fault.CodeLookup, ""), nil, gateway.Parked,
			gateway.Answer{ContentType: "application/json", Code: "GH-5004", Fault: "OrderFault", Body: []byte(`"Code":"GH-5004"`)}},
		{"invalid", strings.Replace(string(src), `"EUR"`, `"EURO"`, 1), nil, nil, gateway.Parked,
			gateway.Answer{ContentType: "application/json", Code: "GH-3001", Fault: "OrderFault", Body: []byte(`erp.alice /`)}},
		{"superseded", string(src), nil, func(e *gateway.Entry) gateway.Outcome {
			return gateway.Outcome{Status: gateway.Superseded, MessageID: e.Message.ID}
		}, gateway.Superseded,
			gateway.Answer{ContentType: "application/json", Code: "GH-5003", Fault: "OrderFault", Body: []byte(`"Code":"GH-5003"`)}},
		{"not yet", string(src), fault.New(fault.CodeNotYet, ""), nil, gateway.Waiting,
			gateway.Answer{ContentType: "application/problem+json", Code: "GH-5007", Body: []byte(`"outcome":"waiting"`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := ruled(t)
			b.store.refuse, b.store.answer = tt.refuse, tt.answer
			receipt, err := b.take(t, json(tt.body))
			if err != nil || receipt.Status != tt.status {
				t.Fatalf("%+v, %v", receipt, err)
			}
			a, err := receipt.Answer()
			if err != nil || a.ContentType != tt.want.ContentType || a.Code != tt.want.Code || a.Fault != tt.want.Fault || !strings.Contains(string(a.Body), string(tt.want.Body)) {
				t.Errorf("answer: %+v %v\n%s", a, err, a.Body)
			}
		})
	}
}
