package soap

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestClientCalls(t *testing.T) {
	core := newFakeCore()
	url := serve(t, Config{}, core) + servicePath
	for _, version := range []envelope.Version{envelope.V11, envelope.V12} {
		c := &Client{URL: url, Version: version, Username: "erp", Password: "geheim", Header: http.Header{"X-Test": {"1"}}}
		reply, err := c.Call(t.Context(), orderAction, []byte(orderPayload))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(reply.Payload), "<o:OrderId>42</o:OrderId>") || reply.Status != http.StatusOK || reply.Header.Get(httpdoor.HeaderMessageID) != messageID {
			t.Errorf("SOAP %v: reply is %+v, %s", version, reply, reply.Payload)
		}
		arrivals := core.taken()
		a := arrivals[len(arrivals)-1]
		if a.Action != orderAction || a.Basic == nil || a.Basic.Password != "geheim" {
			t.Errorf("SOAP %v: arrival is %+v", version, a)
		}
	}
}

func TestClientReadsOneWayAnswers(t *testing.T) {
	c := &Client{URL: serve(t, Config{}, newFakeCore()) + servicePath, Version: envelope.V11}
	reply, err := c.Call(t.Context(), noticeAction, []byte(`<o:NotifyShipment xmlns:o="`+orders+`"/>`))
	if err != nil || reply.Status != http.StatusAccepted || reply.Payload != nil {
		t.Errorf("got %+v, %v", reply, err)
	}
}

func TestClientReadsFaults(t *testing.T) {
	core := newFakeCore()
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		return fault.New(fault.CodeInvalid, "the order is wrong").With(fault.Detail{Message: "no lines"})
	}
	url := serve(t, Config{}, core) + servicePath
	for version, code := range map[envelope.Version]string{envelope.V11: "Client", envelope.V12: "Sender"} {
		_, err := (&Client{URL: url, Version: version}).Call(t.Context(), "", []byte(orderPayload))
		f, ok := errors.AsType[*Fault](err)
		if !ok {
			t.Fatalf("SOAP %v: got %v", version, err)
		}
		if f.Code != code || f.Status != 500 || !strings.Contains(f.Reason, "the order is wrong") || !strings.Contains(string(f.Detail), "no lines") {
			t.Errorf("SOAP %v: fault is %+v, %s", version, f, f.Detail)
		}
	}
}

// What other servers answer with.
func TestClientReadsForeignAnswers(t *testing.T) {
	const ns11, ns12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
	tests := []struct {
		name   string
		status int
		body   string
		want   string // part of the error; empty for a reply
		fault  *Fault
	}{
		{name: "reply", status: 200, body: `<e:Envelope xmlns:e="` + ns11 + `"><e:Header/><e:Body><x xmlns="urn:x"/></e:Body></e:Envelope>`},
		{name: "empty body", status: 200, body: `<e:Envelope xmlns:e="` + ns11 + `"><e:Body/></e:Envelope>`},
		{name: "accepted", status: 202},
		{name: "fault with status 200", status: 200,
			body:  `<e:Envelope xmlns:e="` + ns11 + `"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>no</faultstring></e:Fault></e:Body></e:Envelope>`,
			fault: &Fault{Status: 200, Code: "Server", Reason: "no"}},
		{name: "code without prefix", status: 500,
			body:  `<e:Envelope xmlns:e="` + ns11 + `"><e:Body><e:Fault><faultcode> Client </faultcode><faultstring/></e:Fault></e:Body></e:Envelope>`,
			fault: &Fault{Status: 500, Code: "Client"}},
		{name: "1.2 with a subcode", status: 400,
			body: `<e:Envelope xmlns:e="` + ns12 + `"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value xmlns:m="urn:m">m:Bad</e:Value></e:Subcode></e:Code>` +
				`<e:Reason><e:Text xml:lang="en">no</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>`,
			fault: &Fault{Status: 400, Code: "Sender", Subcode: "Bad", Reason: "no"}},
		{name: "HTML", status: 502, body: "<html><body>Bad gateway</body></html>", want: "502"},
		{name: "text", status: 503, body: "try later", want: "try later"},
		{name: "empty error", status: 500, want: "500"},
		{name: "DOCTYPE", status: 200, body: `<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`, want: "no SOAP answer"},
		{name: "envelope of nowhere", status: 200, body: `<Envelope xmlns="urn:other"><Body/></Envelope>`, want: "no SOAP envelope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer server.Close()
			reply, err := (&Client{URL: server.URL}).Call(t.Context(), "", []byte("<x/>"))
			if tt.fault != nil {
				f, ok := errors.AsType[*Fault](err)
				if !ok || f.Status != tt.fault.Status || f.Code != tt.fault.Code || f.Subcode != tt.fault.Subcode || f.Reason != tt.fault.Reason {
					t.Errorf("got %+v, want %+v", err, tt.fault)
				}
				return
			}
			if tt.want == "" && (err != nil || reply.Status != tt.status) {
				t.Errorf("got %+v, %v", reply, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	core := newFakeCore()
	core.answer = func(ctx context.Context, _ *gateway.Arrival, _ *gateway.Receipt) error {
		cancel()
		<-ctx.Done()
		return fault.New(fault.CodeStoreUnavailable, "")
	}
	_, err := (&Client{URL: serve(t, Config{}, core) + servicePath}).Call(ctx, "", []byte(orderPayload))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
