package mock

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/wsdl"
)

func orders(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	namespace = "urn:gatehouse:samples:orders:1"
	cancel    = `<CancelOrder xmlns="` + namespace + `"><Header><MessageId>1</MessageId><SentAt>2026-03-02T09:30:00Z</SentAt></Header>` +
		`<Cancellation revision="2"><OrderNumber>PO-1</OrderNumber><Reason>late</Reason><CancelledAt>2026-03-03T09:30:00Z</CancelledAt></Cancellation></CancelOrder>`
	cancelled = `<CancelOrderResponse xmlns="` + namespace + `"><OrderId>7</OrderId><OrderNumber>PO-1</OrderNumber><Status>ACCEPTED</Status></CancelOrderResponse>`
)

func arrive(t *testing.T, core *Core, payload string) (*gateway.Receipt, error) {
	t.Helper()
	s := core.Contracts()[0].Services[0]
	return core.Accept(t.Context(), &gateway.Arrival{Endpoint: "soap:orders/" + s.Name, Service: s,
		Body: envelope.AppendReply(nil, envelope.ReplyHead{Version: envelope.V11}, []byte(payload))})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestSampleReplies: what is answered keeps the contract, with any seed, and is
// the same for the same message.
func TestSampleReplies(t *testing.T) {
	c := orders(t)
	for seed := range uint64(20) {
		core := New(c, nil, seed, quiet())
		first, err := arrive(t, core, cancel)
		if err != nil {
			t.Fatal(err)
		}
		again, err := arrive(t, core, strings.Replace(cancel, "<Header>", "\n<!-- -->\n<Header>", 1))
		if err != nil || string(again.Reply) != string(first.Reply) {
			t.Errorf("seed %d: %s, then %s, %v", seed, first.Reply, again.Reply, err)
		}
		out := first.Operation.Output.Element
		details, _, err := c.Services[0].ValidatePayload(&contract.Operation{Name: "Reply", Input: &contract.Message{Element: out}}, first.Reply, 0)
		if err != nil || len(details) > 0 {
			t.Errorf("seed %d: %s: %v, %v", seed, first.Reply, details, err)
		}
	}
}

func TestRecordedReply(t *testing.T) {
	c := orders(t)
	pairs, err := Pairs(c, fstest.MapFS{
		"b.request.xml": {Data: []byte(strings.Replace(cancel, "PO-1", "*", 1))},
		"b.reply.xml":   {Data: []byte(strings.Replace(cancelled, "7", "8", 1))},
		"c.request.xml": {Data: []byte(cancel)},
		"c.reply.xml":   {Data: []byte(cancelled)},
		"notes.txt":     {},
	})
	if err != nil {
		t.Fatal(err)
	}
	core := New(c, pairs, 0, quiet())
	for message, want := range map[string]string{cancel: "<OrderId>7<", strings.Replace(cancel, "PO-1", "PO-2", 1): "<OrderId>8<"} {
		r, err := arrive(t, core, message)
		if err != nil || !strings.Contains(string(r.Reply), want) {
			t.Errorf("%s is answered with %s, %v", message, r.Reply, err)
		}
	}
	r, err := arrive(t, core, strings.Replace(cancel, `revision="2"`, `revision="0"`, 1))
	if fault.KindOf(err) != fault.Invalid || r.Reply != nil {
		t.Errorf("an invalid message is answered with %s, %v", r.Reply, err)
	}
}

func TestRecordedFault(t *testing.T) {
	c := orders(t)
	const detail = `<o:OrderFault xmlns:o="` + namespace + `"><o:Code>1</o:Code><o:Message>m</o:Message></o:OrderFault>`
	for name, reply := range map[string]string{
		"1.1": `<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>s:Server</faultcode><faultstring>not now</faultstring><detail>` + detail + `</detail></s:Fault>`,
		"1.2": `<s:Fault xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en">not now</s:Text></s:Reason><s:Detail>` + detail + `</s:Detail></s:Fault>`,
	} {
		pairs, err := Pairs(c, fstest.MapFS{"x.request.xml": {Data: []byte(cancel)}, "x.reply.xml": {Data: []byte(reply)}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := arrive(t, New(c, pairs, 0, quiet()), cancel)
		f := fault.Of(err)
		if f == nil || f.Kind() != fault.Internal || f.Message != "not now" {
			t.Fatalf("%s: %v", name, err)
		}
		got := envelope.NewFault(envelope.Receiver, f, r.Head, "ref")
		if string(got.Detail) != detail || got.Subcodes != nil {
			t.Errorf("%s: detail %s, subcodes %v", name, got.Detail, got.Subcodes)
		}
	}
}

func TestPairsNone(t *testing.T) {
	if pairs, err := Pairs(orders(t), fstest.MapFS{"x.xml": {}}); err == nil {
		t.Errorf("got %v", pairs)
	}
	_, err := Pairs(orders(t), fstest.MapFS{"x.request.xml": {Data: []byte("<!DOCTYPE a><a/>")}, "y.request.xml": {}})
	if faults, ok := errors.AsType[Faults](err); !ok || len(faults) != 2 {
		t.Errorf("got %v", err)
	}
}
