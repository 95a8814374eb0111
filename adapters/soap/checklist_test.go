package soap

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// BP 1.2 R1130 has redirects of one kind only, BP 1.1 R1121 no need of cookies:
// there is neither, whatever is asked for.
func TestNoRedirectNoCookie(t *testing.T) {
	url := serve(t, Config{}, newFakeCore())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{servicePath, servicePath + "/", "/soap", "/", "//soap//orders/OrderService", "/soap/../soap/orders/OrderService"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(envelope11))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "text/xml")
			req.Header.Set("Cookie", "session=1")
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode/100 == 3 || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s: %s, %v", method, path, res.Status, res.Header)
			}
		}
	}
}

// WS-Addressing 1.0 core §3.2: To is the address that the client knows, which
// behind a proxy is not ours.
func TestAnyToIsTaken(t *testing.T) {
	url := serve(t, Config{}, newFakeCore()) + servicePath
	for _, to := range []string{"https://outside.example/soap/orders/OrderService", "urn:x", "http://www.w3.org/2005/08/addressing/anonymous", "not an address"} {
		if a := do(t, http.MethodPost, url, withHeader("<wsa:To>"+to+"</wsa:To>"), nil); a.StatusCode != http.StatusOK {
			t.Errorf("To %q: %s: %s", to, a.Status, a.body)
		}
	}
}

// SAP names a message, and its queue, in the address; what it sends again has the
// same name.
func TestExactlyOnceInTheAddress(t *testing.T) {
	core := newFakeCore()
	url := serve(t, Config{}, core) + servicePath
	for _, tt := range []struct{ query, id, queue string }{
		{"", "", ""},
		{"?MessageId=005056A1-B2C3", "005056A1-B2C3", ""},
		{"?messageid=1&QueueId=Q%20A&sap-client=100", "1", "Q A"},
		{"?MessageId=1&messageID=1", "1", ""},
	} {
		if a := do(t, http.MethodPost, url+tt.query, envelope11, nil); a.StatusCode != http.StatusOK {
			t.Fatalf("%q: %s: %s", tt.query, a.Status, a.body)
		}
		arrivals := core.taken()
		if a := arrivals[len(arrivals)-1]; a.MessageID != tt.id || a.Queue != tt.queue {
			t.Errorf("%q: %q in %q", tt.query, a.MessageID, a.Queue)
		}
	}
	for _, query := range []string{"?MessageId=1&MessageId=2", "?MessageId=" + strings.Repeat("x", 401), "?QueueId=a%00"} {
		wantFault(t, do(t, http.MethodPost, url+query, envelope11, nil), http.StatusBadRequest, "Client", fault.CodeHTTP)
	}
}
