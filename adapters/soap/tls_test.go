package soap

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serveTLS runs the door over TLS and returns a client that trusts it.
func serveTLS(t testing.TB, c Config, core Acceptor) (url string, client *http.Client) {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // lends its certificate
	t.Cleanup(lender.Close)
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS12}
	c.Farewell = time.Millisecond
	server := NewServer(c, listener, secure, NewHandler(c, core, testLog(t)), testLog(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running the server: %v", err)
		}
	})
	return "https://" + server.Address().String(), lender.Client()
}

func TestPasswordsOverTLS(t *testing.T) {
	required := true
	core := newFakeCore()
	url, client := serveTLS(t, Config{RequireTLSForPasswords: &required}, core)
	for _, http2 := range []bool{false, true} {
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = http2
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+servicePath, strings.NewReader(envelope11))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/xml")
		req.SetBasicAuth("erp", "geheim")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", res.Proto, res.Status)
		}
		client.CloseIdleConnections()
	}
	arrivals := core.taken()
	if len(arrivals) != 2 {
		t.Errorf("arrivals are %+v", arrivals)
	}
}
