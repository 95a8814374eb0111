package mapping_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// announce is the operation that the channel desk of the mappings below calls.
func announce(t *testing.T) (*contract.Service, *contract.Operation) {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../testdata"), "partner/partner.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c.Services[0], c.Services[0].OperationNamed("Announce")
}

func calling(t *testing.T, publication string) (*mapping.Mapping, error) {
	t.Helper()
	a := strings.Index(right, "publish:")
	b := strings.Index(right, "reply:")
	f, err := mapping.Parse("m.yaml", []byte(right[:a]+"publish:\n"+publication+right[b:]))
	if err != nil {
		t.Fatal(err)
	}
	_, op := announce(t)
	f.Calls(map[string]*contract.Operation{"desk": op, "orders": loadContract(t).Services[0].OperationNamed("SubmitOrder")})
	return mapping.Compile(f, loadContract(t))
}

// TestCallIsTyped publishes to a channel that calls an operation: what comes out
// is the operation's input, and the partner's contract takes it.
func TestCallIsTyped(t *testing.T) {
	m, err := calling(t, `  - channel: desk
    body:
      Line: {$each: o:Order/o:Lines/o:Line, "@no": "@no", Quantity: o:Quantity, Sku: o:Sku}
      OrderNo: o:Order/o:OrderNumber
  - channel: orders
    format: original
  - channel: events
    body: {no: o:Order/o:OrderNumber}
`)
	if err != nil {
		t.Fatal(err)
	}
	stored := make([]mapping.Value, len(m.Returns))
	for i := range stored {
		stored[i] = mapping.Value{Class: mapping.Integer, Number: number(7)}
	}
	out, err := m.Render(input(t, order), stored)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Publications) != 3 || out.Publications[0].ContentType != "application/xml" || out.Publications[2].ContentType != "application/json" {
		t.Fatalf("publications: %+v", out.Publications)
	}
	s, op := announce(t)
	details, _, err := s.ValidatePayload(op, out.Publications[0].Body, 0)
	if err != nil || len(details) > 0 {
		t.Errorf("the partner's contract does not take %s: %v %v", out.Publications[0].Body, details, err)
	}
}

func TestWrongCalls(t *testing.T) {
	for name, c := range map[string]struct{ publication, want string }{
		"a name the partner does not know": {"  - {channel: desk, body: {OrderNumber: o:Order/o:OrderNumber}}\n", `Announce has no child OrderNumber`},
		"what it demands is missing":       {"  - {channel: desk, body: {Currency: o:Order/o:Currency}}\n", "OrderNo"},
		"another type":                     {"  - {channel: desk, body: {OrderNo: o:Order/o:OrderNumber, Line: {\"@no\": {$value: x}, Sku: {$value: y}, Quantity: {$value: 1}}}}\n", "is not a number"},
		"json":                             {"  - {channel: desk, format: json, body: {OrderNo: o:Order/o:OrderNumber}}\n", "the channel desk calls Announce, which takes XML"},
		"the payload as it came":           {"  - {channel: desk, format: original}\n", "the channel desk calls Announce, which takes {urn:gatehouse:samples:desk:1}Announce; the payload is"},
		"no body":                          {"  - {channel: desk}\n", `the key "body" is missing: Announce of operation Announce`},
		"another element":                  {"  - {channel: desk, element: o:SubmitOrder, body: {OrderNo: o:Order/o:OrderNumber}}\n", "element: is not needed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := calling(t, c.publication)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "m.yaml:") {
				t.Errorf("complaint %v, want one about %q", err, c.want)
			}
		})
	}
}
