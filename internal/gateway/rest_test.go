package gateway_test

import (
	"os"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func jsonTwin(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile("../../testdata/json/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// rest is a message whose sender waits, without an envelope.
func (b *bench) rest(body []byte, user string) *gateway.Arrival {
	a := &gateway.Arrival{Endpoint: "rest:submit-order", Format: gateway.JSON, Waits: true, Body: body, Remote: "192.0.2.7"}
	if user != "" {
		a.Basic = &gateway.Credentials{Username: user, Password: user + "-secret"}
	}
	return a
}

// TestTwinIsTheSameMessage holds what is stored of an order as JSON against what
// is stored of the same one in an envelope.
func TestTwinIsTheSameMessage(t *testing.T) {
	b := newBench(t)
	for _, a := range []*gateway.Arrival{b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret"), b.rest(jsonTwin(t, "order.json"), "erp.alice")} {
		if _, err := b.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	soap, rest := b.store.entries[0], b.store.entries[1]
	if rest.Identity != soap.Identity || rest.Body != soap.Body || rest.Sender != soap.Sender || rest.OrderingKey != soap.OrderingKey || len(rest.Keys) != len(soap.Keys) {
		t.Errorf("stored is\n%+v, and in an envelope\n%+v", rest, soap)
	}
	if rest.Endpoint != "rest:submit-order" || rest.ContentType != "application/xml" || rest.Payload[0] != '<' {
		t.Errorf("kept is %s of %s: %.60s", rest.ContentType, rest.Endpoint, rest.Payload)
	}
}

// TestTwinStages tells which stage comes first for a message without an envelope.
func TestTwinStages(t *testing.T) {
	with := func(change func(*gateway.Arrival)) func(*testing.T, *bench) *gateway.Arrival {
		return func(t *testing.T, b *bench) *gateway.Arrival {
			a := b.rest(jsonTwin(t, "order.json"), "erp.alice")
			change(a)
			return a
		}
	}
	for name, c := range map[string]struct {
		arrival func(*testing.T, *bench) *gateway.Arrival
		code    fault.Code
		asks    int
	}{
		"no route":         {with(func(a *gateway.Arrival) { a.Endpoint = "rest:other" }), fault.CodeNoEndpoint, 0},
		"nobody, not JSON": {with(func(a *gateway.Arrival) { a.Basic, a.Body = nil, []byte("<a/>") }), fault.CodeUnauthenticated, 0},
		"no group, not JSON": {with(func(a *gateway.Arrival) {
			a.Basic, a.Body = &gateway.Credentials{Username: "carol", Password: "carol-secret"}, []byte("<a/>")
		}), fault.CodeForbidden, 1},
		"not JSON":          {with(func(a *gateway.Arrival) { a.Body = []byte("<a/>") }), fault.CodeMalformedJSON, 1},
		"no twin":           {with(func(a *gateway.Arrival) { a.Body = []byte(`{"Order": 1}`) }), fault.CodeInvalid, 1},
		"its own name":      {with(func(a *gateway.Arrival) { a.MessageID = "erp-0002" }), "", 1},
		"a name of another": {with(func(a *gateway.Arrival) { a.MessageID = "erp-0003" }), fault.CodeIdentity, 1},
		"good":              {with(func(*gateway.Arrival) {}), "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			receipt, err := b.Accept(t.Context(), c.arrival(t, b))
			if got := codeOf(err); got != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if b.directory.Calls() != c.asks {
				t.Errorf("the directory was asked %d times, want %d", b.directory.Calls(), c.asks)
			}
			if c.code != "" {
				return
			}
			answer, err := receipt.Answer()
			if err != nil || answer.ContentType != "application/json" || len(answer.Body) == 0 {
				t.Errorf("answered %+v, %v", answer, err)
			}
		})
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// TestTwinWhileEnding tells the sender to come again.
func TestTwinWhileEnding(t *testing.T) {
	b := newBench(t)
	b.stop()
	if _, err := b.Accept(t.Context(), b.rest(jsonTwin(t, "order.json"), "erp.alice")); codeOf(err) != fault.CodeDraining {
		t.Errorf("got %v", err)
	}
}

// TestDemandedKey refuses messages that do not name themselves, before they are
// looked at, and nobody who may not send.
func TestDemandedKey(t *testing.T) {
	b := newBench(t)
	next := b.generation(t)
	for _, r := range next.Routes() {
		r.DemandsKey = true
	}
	b.Reload(next)
	for key, want := range map[string]fault.Code{"": fault.CodeIdentity, "erp-0002": ""} {
		a := b.rest(jsonTwin(t, "order.json"), "erp.alice")
		if a.MessageID = key; key == "" {
			a.Body = []byte("{")
		}
		if _, err := b.Accept(t.Context(), a); codeOf(err) != want {
			t.Errorf("with the key %q: %v, want %s", key, err, want)
		}
	}
	if _, err := b.Accept(t.Context(), b.rest(jsonTwin(t, "order.json"), "")); codeOf(err) != fault.CodeUnauthenticated {
		t.Errorf("a stranger: %v", err)
	}
}
