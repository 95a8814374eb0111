package mapping_test

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/wsdl"
)

// withFaults is the right mapping with a version guard and rules of its own.
func withFaults(rules string) string {
	guarded := strings.Replace(right, "match: [order_no]\n", "match: [order_no]\n    version: {column: revision, from: o:Order/@revision}\n", 1)
	return guarded + "faults:\n" + rules
}

const rejecting = `  - fault: OrderFault
    when: o:Order/o:Currency != 'SEK'
    reason: "{{{o:Order/o:OrderNumber}}}: {o:Order/o:Note}no {o:Order/o:Currency} from {$principal/login}, see {$message/id}"
    body: {Message: "concat('revision ', o:Order/@revision)", Code: {$value: CURRENCY}}
`

func rejected(t *testing.T, err error) (*fault.Error, *mapping.Declared) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("%v is no fault", err)
	}
	d := mapping.DeclaredOf(f)
	if d == nil {
		t.Fatalf("no declared fault: %v", err)
	}
	return f, d
}

// TestReject refuses a message by a rule before anything is made of it.
func TestReject(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(rejecting)))
	named, err := m.Apply(input(t, order))
	f, d := rejected(t, err)
	if named.Rows != nil || named.Identity != "m-1" || len(named.Keys) != 1 || named.Keys[0].Value != "PO-7" {
		t.Errorf("%+v", named)
	}
	if f.Code != fault.CodeRejected || f.Kind() != fault.Invalid || f.Mender() != fault.Sender {
		t.Errorf("%s, %s, %s", f.Code, f.Kind(), f.Mender())
	}
	if want := "{PO-7}: no EUR from erp.alice, see 0197-1"; d.Reason != want {
		t.Errorf("reason %q, want %q", d.Reason, want)
	}
	want := `<ns1:OrderFault xmlns:ns1="urn:gatehouse:samples:orders:1"><ns1:Code>CURRENCY</ns1:Code><ns1:Message>revision 2</ns1:Message></ns1:OrderFault>`
	if got := string(d.Detail); got != want {
		t.Errorf("detail\n%s\nwant\n%s", got, want)
	}
	// What is recorded and logged tells the rule, and nothing of the message.
	for _, text := range []string{f.Error(), d.Error()} {
		if strings.Contains(text, "PO-7") || strings.Contains(text, "erp.alice") {
			t.Errorf("%s", text)
		}
	}
	if got := f.Details[0].String(); !strings.HasPrefix(got, "m.yaml:44:5: fault OrderFault: {{{o:Order/o:OrderNumber}}}") {
		t.Errorf("detail %s", got)
	}
	swedish := strings.Replace(order, ">EUR<", ">SEK<", 1)
	if changes, err := m.Apply(input(t, swedish)); err != nil || len(changes.Rows[0]) != 1 {
		t.Errorf("%v, %v", changes, err)
	}
}

// TestRejectInOrder: of two rules the first is answered, and a rule comes before
// whatever else is wrong with the message.
func TestRejectInOrder(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(`  - {fault: OrderFault, when: o:Order/o:Currency = 'SEK', body: {Code: {$value: A}, Message: o:Order/o:Currency}}
  - {fault: OrderFault, when: not(o:Order/o:Note), body: {Code: {$value: B}, Message: o:Order/o:Currency}}
  - {fault: OrderFault, when: true(), body: {Code: {$value: C}, Message: o:Order/o:Currency}}
`)))
	src := strings.Replace(order, "<o:MessageId>m-1<", "<o:MessageId><", 1)
	_, err := m.Apply(input(t, src))
	if f, d := rejected(t, err); f.Code != fault.CodeRejected || !strings.Contains(string(d.Detail), ">B<") || d.Reason != "" {
		t.Errorf("%v: %s %q", f, d.Detail, d.Reason)
	}
}

// TestRejectFails: a rule that cannot be evaluated, or written, says so.
func TestRejectFails(t *testing.T) {
	for _, tt := range []struct {
		name, rule string
		code       fault.Code
		want       string
	}{
		{"condition", `  - {fault: OrderFault, when: xs:integer(o:Order/o:Currency) = 1, body: {Code: "'a'", Message: "'b'"}}`, fault.CodeMapping, "xs:integer(o:Order/o:Currency) = 1: "},
		{"reason", `  - {fault: OrderFault, when: true(), reason: "{xs:integer(o:Order/o:Currency)}", body: {Code: "'a'", Message: "'b'"}}`, fault.CodeMapping, "xs:integer(o:Order/o:Currency): "},
		{"body", `  - {fault: OrderFault, when: true(), body: {Code: "'a'", Message: "string(xs:integer(o:Order/o:Currency))"}}`, fault.CodeMapping, "string(xs:integer(o:Order/o:Currency)): "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := compile(t, "m.yaml", []byte(withFaults(tt.rule+"\n")))
			_, err := m.Apply(input(t, order))
			f := fault.Of(err)
			if f == nil || f.Code != tt.code || mapping.DeclaredOf(f) != nil || !strings.Contains(f.Details[0].Message, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

const answering = `  - fault: OrderFault
    on: not_found
    when: $fault/path = '/o:Order/o:Sku'
    body: {Code: $fault/code, Message: "concat(o:Order/o:OrderNumber, ': ', $fault/reason, ' at ', $fault/path)"}
  - fault: OrderFault
    on: [superseded, not_found]
    reason: "a newer {o:Order/o:OrderNumber} is known"
    body: {Code: {$value: OLD}, Message: $fault/reason}
  - fault: OrderFault
    on: invalid
    reason: "broken, {$message/id}"
    body: {Code: $fault/code, Message: $fault/reason}
`

// TestDeclare answers what was found later in the words of the contract.
func TestDeclare(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(answering)))
	in := input(t, order)
	cause := errors.New("the cause")
	missing := func(path string) *fault.Error {
		return fault.New(fault.CodeLookup, "").With(fault.Detail{Message: "nothing has this sku", Path: path, Line: 3, Found: `sku = "A"`, Source: "m.yaml:1:1", Target: "a.b.c"}).Because(cause)
	}
	for _, tt := range []struct {
		name           string
		in             *mapping.Input
		f              *fault.Error
		reason, detail string
	}{
		{"by condition", in, missing("/o:Order/o:Sku"), "",
			`<ns1:Code>GH-5004</ns1:Code><ns1:Message>PO-7: the message refers to something that is not stored: nothing has this sku; found sku = "A" at /o:Order/o:Sku</ns1:Message>`},
		{"by another", in, missing("/elsewhere"), "a newer PO-7 is known",
			`<ns1:Code>OLD</ns1:Code><ns1:Message>the message refers to something that is not stored: nothing has this sku; found sku = "A"</ns1:Message>`},
		{"superseded", in, fault.New(fault.CodeSuperseded, "").Because(cause), "a newer PO-7 is known",
			`<ns1:Code>OLD</ns1:Code><ns1:Message>a newer version is stored already</ns1:Message>`},
		{"invalid, and not read", &mapping.Input{Message: in.Message}, fault.New(fault.CodeInvalid, "").Because(cause), "broken, 0197-1",
			`<ns1:Code>GH-3001</ns1:Code><ns1:Message>the message breaks its contract</ns1:Message>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, d := rejected(t, m.Declare(tt.in, tt.f))
			if f.Code != tt.f.Code || f.Message != tt.f.Message || !errors.Is(f, cause) {
				t.Errorf("%v", f)
			}
			if d.Reason != tt.reason || !strings.Contains(string(d.Detail), tt.detail) {
				t.Errorf("%q, %s", d.Reason, d.Detail)
			}
		})
	}
	for _, code := range []fault.Code{fault.CodeExists, fault.CodeForbidden, fault.CodeStoreUnavailable, fault.CodeInternal, fault.CodeRejected} {
		if f := m.Declare(in, fault.New(code, "")); mapping.DeclaredOf(f) != nil {
			t.Errorf("%s is answered, and no rule is for it", code)
		}
	}
}

// TestDeclareFails: where a rule fails, the fault that it was for is answered as
// it is; the log has why.
func TestDeclareFails(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(`  - {fault: OrderFault, on: exists, body: {Code: "'a'", Message: "string(xs:integer(o:Order/o:Currency))"}}
`)))
	found := fault.New(fault.CodeExists, "").Because(errors.New("the cause"))
	f := m.Declare(input(t, order), found)
	if f.Code != fault.CodeExists || f.Message != found.Message || mapping.DeclaredOf(f) != nil || !strings.Contains(f.Cause.Error(), "the cause\nGH-4001") {
		t.Errorf("%v", f)
	}
}

// TestLongReason is cut.
func TestLongReason(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(strings.Replace(rejecting, "{$message/id}", "{o:Order/o:Customer/o:Name}"+strings.Repeat("{o:Order/o:Customer/o:Name}", 9), 1))))
	long := strings.Replace(order, `Ann &amp; "Co"`, strings.Repeat("ä", 120), 1)
	_, err := m.Apply(input(t, long))
	if _, d := rejected(t, err); len([]rune(d.Reason)) != 1000 || !strings.HasSuffix(d.Reason, "ä…") {
		t.Errorf("%d characters", len([]rune(d.Reason)))
	}
}

// TestFaultRules: check lists them as written.
func TestFaultRules(t *testing.T) {
	m := compile(t, "m.yaml", []byte(withFaults(rejecting+answering)))
	var lines []string
	for _, r := range m.Faults {
		lines = append(lines, r.String())
	}
	want := "OrderFault when o:Order/o:Currency != 'SEK'\nOrderFault on not_found when $fault/path = '/o:Order/o:Sku'\nOrderFault on superseded, not_found\nOrderFault on invalid"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// changedContract is the sample's, with one thing in its WSDL put another way.
func changedContract(t *testing.T, pattern, by string) *contract.Contract {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"common.xsd", "order-types.xsd", "orders.wsdl", "orders.xsd"} {
		src, err := fs.ReadFile(wsdl.FS, "orders/"+name)
		if err != nil {
			t.Fatal(err)
		}
		files["orders/"+name] = &fstest.MapFile{Data: regexp.MustCompile(pattern).ReplaceAll(src, []byte(by))}
	}
	c, err := contract.Load(files, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFaultsOfOperation: what the contract does not declare cannot be answered.
func TestFaultsOfOperation(t *testing.T) {
	const rule = "faults:\n  - {fault: OrderFault, when: true(), body: {Code: \"'x'\", Message: \"'y'\"}}\n"
	shipment := string(sample(t, "notify-shipment.yaml"))
	if got, want := judge(loadContract(t), shipment+rule, business()), "the operation NotifyShipment is one-way; nobody waits for a fault"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
	without := changedContract(t, `<wsdl:fault .*(/>|</wsdl:fault>)`, "")
	if got, want := judge(without, right+rule, business()), "m.yaml:43:13: faults[0].fault: the operation SubmitOrder declares no fault in the contract"; got != want {
		t.Errorf("got %s", got)
	}
}

// TestFaultOfType: a part that names a type is an element of no namespace.
func TestFaultOfType(t *testing.T) {
	c := changedContract(t, `<wsdl:part name="fault" element="o:OrderFault"/>`, `<wsdl:part name="fault" type="xs:decimal"/>`)
	const rule = "faults:\n  - {fault: OrderFault, when: true(), body: 'o:Order/o:Lines/o:Line[1]/o:Quantity'}\n"
	f, err := mapping.Parse("m.yaml", []byte(right+rule))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Apply(input(t, order))
	if _, d := rejected(t, err); string(d.Detail) != "<fault>2.5</fault>" {
		t.Errorf("%s", d.Detail)
	}
	if got := judge(c, strings.Replace(right+rule, "/o:Quantity'}", "/o:Sku'}", 1), business()); got != "m.yaml:43:45: faults[0].body: the contract takes xs:decimal here, and this is xs:string" {
		t.Errorf("got %s", got)
	}
}

// TestFaultWarnings tells of outcomes that a mapping never has.
func TestFaultWarnings(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right+"faults:\n  - {fault: OrderFault, on: [superseded, not_yet], body: {Code: \"'x'\", Message: \"'y'\"}}\n"))
	var lines []string
	for _, w := range m.Warnings {
		lines = append(lines, w.Error())
	}
	want := "m.yaml:43:30: faults[0].on[0]: no message of this mapping is ever superseded: no row has version:\nm.yaml:43:42: faults[0].on[1]: no message of this mapping ever waits: nothing in it says not_yet"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestOddFaults: what hardly anybody writes is told, or means nothing.
func TestOddFaults(t *testing.T) {
	c := loadContract(t)
	const body = "body: {Code: \"'x'\", Message: \"'y'\"}"
	for _, tt := range []struct{ rules, want string }{
		{"faults:\n", ""},
		{"faults: []\n", ""},
		{"faults: [null]\n", "m.yaml:42:10: faults[0]: a value is missing"},
		{"faults: OrderFault\n", "m.yaml:42:9: faults: expected a list, found the text \"OrderFault\""},
		{"faults:\n  - {fault: OrderFault, when: , " + body + "}\n", "m.yaml:43:5: faults[0]: a fault has when:, the condition that refuses a message, or on:, the outcome that it answers, or both"},
		{"faults:\n  - {fault: OrderFault, on: {a: b}, " + body + "}\n", "m.yaml:43:29: faults[0].on: expected text, found a map"},
		{"faults:\n  - {fault: OrderFault, on: [[exists]], " + body + "}\n", "m.yaml:43:30: faults[0].on[0]: expected text, found a list"},
		{"faults:\n  - {fault: OrderFault, when: true(), reason: '', " + body + "}\n", ""},
		{"faults:\n  - {fault: OrderFault, when: true(), reason: 'a } b', " + body + "}\n", "m.yaml:43:50: faults[0].reason: } without {; write }} for the character"},
		{"faults:\n  - {fault: OrderFault, when: true(), body: 'o:Order/o:Note'}\n", "m.yaml:43:45: faults[0].body: OrderFault: the element takes no text"},
		{"faults:\n  - {fault: OrderFault, when: true(), body: {}}\n", "m.yaml:43:45: faults[0].body: OrderFault/Code: a required element is missing\nm.yaml:43:45: faults[0].body: OrderFault/Message: a required element is missing"},
	} {
		if got := judge(c, right+tt.rules, business()); got != tt.want {
			t.Errorf("%s got %s", tt.rules, got)
		}
	}
}
