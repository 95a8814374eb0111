package outbound

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// partner is an HTTP server that remembers what it took, in order.
type partner struct {
	*httptest.Server
	mu    sync.Mutex
	taken []gateway.Delivery
}

// partnerAt begins a partner; refuse decides the status of a request, 0 for 200.
func partnerAt(t *testing.T, refuse func(*http.Request) int) *partner {
	t.Helper()
	p := &partner{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := received(r)
		if err != nil {
			t.Errorf("a request that cannot be read: %v", err)
		}
		status := http.StatusOK
		if s := refuse(r); s != 0 {
			status = s
		}
		p.mu.Lock()
		if status/100 == 2 {
			p.taken = append(p.taken, d)
		}
		p.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(p.Close)
	return p
}

// received reads a delivery back from a request.
func received(r *http.Request) (d gateway.Delivery, err error) {
	text := func(name string) string {
		value, e := url.PathUnescape(r.Header.Get(name))
		err = errors.Join(err, e)
		return value
	}
	d.WireID, d.ContentType = r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type")
	d.OrderingKey, d.RoutingKey, d.Type = text(headerKey), text(headerRoutingKey), text(headerEvent)
	d.Correlation, d.TraceParent = text(headerCorrelation), text(headerTrace)
	var e1, e2, e3, e4 error
	d.MessageID, e1 = uuid.Parse(r.Header.Get(headerMessage))
	d.Shard, e2 = strconv.Atoi(r.Header.Get(headerShard))
	d.Seq, e3 = strconv.ParseInt(r.Header.Get(headerSequence), 10, 64)
	d.Body, e4 = io.ReadAll(r.Body)
	d.CreatedAt = time.Date(2026, 3, 29, 1, 30, int(d.Seq-1)%60, 0, time.UTC) // does not travel
	return d, errors.Join(err, e1, e2, e3, e4)
}

func publisher(t *testing.T, c HTTP, concurrency int) *Publisher {
	t.Helper()
	p, err := NewHTTP("out", c, concurrency, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestPublisher holds the HTTP channel to what every channel promises. With one
// request at a time it keeps the order of all keys.
func TestPublisher(t *testing.T) {
	gatewaytest.TestPublisher(t, func(t *testing.T) *gatewaytest.PublisherRig {
		var down atomic.Bool
		p := partnerAt(t, func(r *http.Request) int {
			switch {
			case down.Load():
				return http.StatusServiceUnavailable
			case r.Header.Get(headerRoutingKey) == "nowhere":
				return http.StatusNotFound
			}
			return 0
		})
		read := 0
		return &gatewaytest.PublisherRig{
			Publisher: publisher(t, HTTP{URL: p.URL + "/{routing_key}"}, 1),
			Routable:  "order.accepted", Unroutable: "nowhere", Refusal: fault.CodeNotPublishable, Uncarried: "..",
			Receive: func(t *testing.T, n int) []gateway.Delivery {
				p.mu.Lock()
				defer p.mu.Unlock()
				if len(p.taken) < read+n {
					t.Fatalf("%d taken, want %d more than %d", len(p.taken), n, read)
				}
				read += n
				return slices.Clone(p.taken[read-n : read])
			},
			Rest:    func(*testing.T) int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.taken) - read },
			SetDown: down.Store,
		}
	})
}

func code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// TestAnswers has a partner answer in every way that partners do.
func TestAnswers(t *testing.T) {
	hijack := func(w http.ResponseWriter, send string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, send)
		conn.Close()
	}
	status := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   fault.Code
		wait   time.Duration
		check  func(*gateway.Response) bool
	}{
		{"taken", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "thanks")
		}, "", 0, func(r *gateway.Response) bool {
			return r.Status == 200 && r.ContentType == "text/plain" && string(r.Body) == "thanks" && !r.Cut && r.Reason == ""
		}},
		{"created", status(201), "", 0, func(r *gateway.Response) bool { return r.Status == 201 && len(r.Body) == 0 }},
		{"bad request", status(400), fault.CodeNotPublishable, 0, nil},
		{"conflict", status(409), fault.CodeNotPublishable, 0, nil},
		{"login", status(401), fault.CodeChannelUnavailable, 0, nil},
		{"request timeout", status(408), fault.CodeNotTaken, 0, nil},
		{"server error", status(500), fault.CodeNotTaken, 0, nil},
		{"closed", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(503) }, fault.CodeChannelUnavailable, 7 * time.Second, nil},
		{"too many", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
			w.WriteHeader(429)
		}, fault.CodeChannelUnavailable, time.Minute, nil},
		{"nonsense to wait for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "-3 weeks")
			w.WriteHeader(500)
		}, fault.CodeNotTaken, 0, nil},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, fault.CodeChannelUnavailable, 0, nil},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			for range 64 {
				w.Write(make([]byte, 1<<20))
			}
		}, "", 0, func(r *gateway.Response) bool { return len(r.Body) == gateway.MaxResponse && r.Cut }},
		{"cut before the answer", func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); hijack(w, "") }, fault.CodeNotTaken, 0, func(r *gateway.Response) bool { return r.Status == 0 }},
		{"cut in the answer", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}, "", 0, func(r *gateway.Response) bool { return r.Cut && string(r.Body) == "half" && r.Reason != "" }},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "220 ESMTP\r\n") }, fault.CodeNotTaken, 0, nil},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, fault.CodeNotTaken, 0, func(r *gateway.Response) bool { return r.Status == 0 && r.Took >= 300*time.Millisecond }},
		{"headers without end", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		}, fault.CodeNotTaken, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			p := publisher(t, HTTP{URL: server.URL, Connection: Connection{Timeout: 300 * time.Millisecond}}, 2)
			results, responses := p.Correspond(t.Context(), gatewaytest.Deliveries(1, "k"))
			if code(results[0]) != c.code {
				t.Fatalf("result %v, want code %q", results[0], c.code)
			}
			r := responses[0]
			if r == nil || r.At.IsZero() || c.check != nil && !c.check(r) {
				t.Errorf("response %+v", r)
			}
			if results[0] == nil {
				return
			}
			if got := fault.Of(results[0]).RetryAfter; got < c.wait-2*time.Second || got > c.wait {
				t.Errorf("to be tried after %v, want %v", got, c.wait)
			}
		})
	}
	if followed.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestNobodyThere: what never reached the partner says nothing of the message.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := publisher(t, HTTP{URL: "http://" + address}, 1)
	results, responses := p.Correspond(t.Context(), gatewaytest.Deliveries(1, "k"))
	if code(results[0]) != fault.CodeChannelUnavailable || responses[0] == nil || responses[0].Status != 0 {
		t.Errorf("%v, %+v", results[0], responses[0])
	}
}

// TestKeysInOrder: deliveries of a key wait for each other, others do not wait
// for them, and nothing of a key goes out behind one that was not taken.
func TestKeysInOrder(t *testing.T) {
	var under, most atomic.Int32
	arrived, release := make(chan string, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		arrived <- r.Header.Get(headerKey) + r.Header.Get(headerSequence)
		if r.Header.Get(headerKey) == "slow" {
			<-release
		}
		if r.Header.Get(headerSequence) == "5" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	sent := gatewaytest.Deliveries(9, "k")
	for i := range sent {
		sent[i].OrderingKey = []string{"slow", "a", "b"}[i%3]
	}
	p := publisher(t, HTTP{URL: server.URL}, 3)
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), sent) }()
	var seen []string
	for len(seen) < 6 { // slow1, all three of b, and two of a: the second is not taken
		seen = append(seen, <-arrived)
	}
	if slices.Contains(seen, "slow4") || slices.Contains(seen, "a8") {
		t.Errorf("went out: %v", seen)
	}
	close(release)
	results := <-done
	var codes []fault.Code
	for _, err := range results {
		codes = append(codes, code(err))
	}
	if want := []fault.Code{"", "", "", "", fault.CodeNotTaken, "", "", fault.CodeNotTaken, ""}; !slices.Equal(codes, want) {
		t.Errorf("codes %q, want %q", codes, want)
	}
	for range len(arrived) {
		seen = append(seen, <-arrived)
	}
	for _, key := range []string{"slow", "a", "b"} {
		own := slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return !strings.HasPrefix(s, key) })
		if !slices.IsSorted(own) {
			t.Errorf("key %s went out as %v", key, own)
		}
	}
	if most.Load() > 3 {
		t.Errorf("%d requests at once, want at most 3", most.Load())
	}
}

// TestConcurrencyIsShared: the shards of a channel share it.
func TestConcurrencyIsShared(t *testing.T) {
	var under, most atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	}))
	defer server.Close()
	p := publisher(t, HTTP{URL: server.URL}, 2)
	var shards sync.WaitGroup
	for range 4 {
		shards.Go(func() {
			for i, err := range p.Publish(t.Context(), gatewaytest.Deliveries(40, "k")) {
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	shards.Wait()
	if most.Load() > 2 {
		t.Errorf("%d requests at once, want at most 2", most.Load())
	}
}

// TestURLTemplate: what a message brings is one segment, whatever it holds.
func TestURLTemplate(t *testing.T) {
	for _, c := range []struct{ template, key, want string }{
		{"https://h/orders/{ordering_key}", "PO/1 ä?x=1#y", "https://h/orders/PO%2F1%20%C3%A4%3Fx%3D1%23y"},
		{"https://h/x?k={ordering_key}&t={type}", "a&b=c+d", "https://h/x?k=a%26b%3Dc%2Bd&t=order.accepted"},
		{"https://h/orders/{ordering_key}/x", "..", ""},
		{"https://h/orders/.{ordering_key}", ".", ""},
		{"https://h/orders/{ordering_key}", "", ""},
		{"https://h/a/../b", "k", "https://h/a/../b"},
		{"https://h/{ordering_key}", "%2e%2e", "https://h/%252e%252e"},
	} {
		tmpl, err := parseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		d := gatewaytest.Deliveries(1, "k")[0]
		d.OrderingKey = c.key
		got, err := tmpl.of(&d)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s with %q: %q, %v; want %q", c.template, c.key, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "ftp://h/", "https://{type}/", "https://h{type}/", "https://h", "https://u:p@h/", "https://h/{secret}", "https://h/{type", "https://h/#f", "//h/", "https://h:{type}/x", "{type}"} {
		if _, err := parseTemplate(bad); (err == nil) != (bad == "https://h") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPercentEncoded(t *testing.T) {
	for in, want := range map[string]string{"PO-1": "PO-1", " a b ": "%20a b%20", "50%": "50%25", "a\r\nX: y": "a%0D%0AX: y", "ä\x00": "%C3%A4%00"} {
		if got := percentEncoded(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestHTTPValidate(t *testing.T) {
	secret := config.NewSecret("s")
	for _, c := range []struct {
		name   string
		config HTTP
		want   string // the key that is complained about; empty for none
	}{
		{"least", HTTP{URL: "https://h/"}, ""},
		{"no url", HTTP{}, "url"},
		{"method", HTTP{URL: "https://h/", Method: "DELETE"}, "method"},
		{"password in clear", HTTP{URL: "http://h/", Connection: Connection{Auth: Auth{Username: "u", Password: secret}}}, "auth"},
		{"token in clear", HTTP{URL: "http://h/", Connection: Connection{Auth: Auth{Bearer: secret}}}, "auth"},
		{"password to this machine", HTTP{URL: "http://127.0.0.1:1/", Connection: Connection{Auth: Auth{Username: "u", Password: secret}}}, ""},
		{"two ways to say who", HTTP{URL: "https://h/", Connection: Connection{Auth: Auth{Username: "u", Password: secret, Bearer: secret}}}, "auth"},
		{"half a login", HTTP{URL: "https://h/", Connection: Connection{Auth: Auth{Username: "u"}}}, "auth"},
		{"half a key", HTTP{URL: "https://h/", Connection: Connection{Auth: Auth{Header: "X-Api-Key"}}}, "auth"},
		{"the gateway's header", HTTP{URL: "https://h/", Headers: map[string]string{"gateway-message-id": "1"}}, "headers"},
		{"a secret's header", HTTP{URL: "https://h/", Headers: map[string]string{"Authorization": "x"}}, "headers"},
		{"no header", HTTP{URL: "https://h/", Headers: map[string]string{"a b": "x"}}, "headers"},
		{"two headers in one", HTTP{URL: "https://h/", Headers: map[string]string{"X": "a\r\nY: b"}}, "headers"},
		{"success", HTTP{URL: "https://h/", Success: []Status{{301, 301}}}, "success"},
		{"no success", HTTP{URL: "https://h/", Success: []Status{}}, "success"},
		{"proxy", HTTP{URL: "https://h/", Connection: Connection{Proxy: "http://p"}}, "proxy"},
		{"timeout", HTTP{URL: "https://h/", Connection: Connection{Timeout: -1}}, "timeout"},
		{"tls", HTTP{URL: "http://h/", Connection: Connection{TLS: config.TLS{ServerName: "x"}}}, "tls"},
		{"no such file", HTTP{URL: "https://h/", Connection: Connection{TLS: config.TLS{CAFile: "/nowhere"}}}, "tls.ca_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.config.Validate()
			if c.want == "" && err == nil {
				return
			}
			if err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want a complaint about %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("several complaints about one thing: %v", err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for text, good := range map[string]bool{"200": true, "5xx": true, "5XX": true, "408": true, "1xx": false, "6xx": false, "100": false, "600": false, "": false, "abc": false, "2x": false, "-200": false} {
		var s Status
		if err := s.UnmarshalText([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
		if !good {
			continue
		}
		if back, _ := s.MarshalText(); !strings.EqualFold(string(back), text) {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
}

// TestTLS: the partner's certificate is checked, ours is shown, and the login goes
// with every request.
func TestTLS(t *testing.T) {
	var login, key atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		login.Store(user + "/" + password)
		key.Store(r.Header.Get("X-Api-Key") + r.Header.Get("Authorization"))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := config.NewSecret("s:cret")
	trusting := Connection{TLS: config.TLS{CAFile: config.Path(ca)}, Auth: Auth{Username: "u", Password: secret}}
	if err := publisher(t, HTTP{URL: server.URL, Connection: trusting}, 1).Publish(t.Context(), gatewaytest.Deliveries(1, "k"))[0]; err != nil || login.Load() != "u/s:cret" {
		t.Errorf("%v, login %v", err, login.Load())
	}
	trusting.Auth = Auth{Header: "X-Api-Key", Key: secret}
	if err := publisher(t, HTTP{URL: server.URL, Connection: trusting}, 1).Publish(t.Context(), gatewaytest.Deliveries(1, "k"))[0]; err != nil || key.Load() != "s:cret" {
		t.Errorf("%v, key %v", err, key.Load())
	}
	trusting.Auth = Auth{Bearer: secret}
	if err := publisher(t, HTTP{URL: server.URL, Connection: trusting}, 1).Publish(t.Context(), gatewaytest.Deliveries(1, "k"))[0]; err != nil || key.Load() != "Bearer s:cret" {
		t.Errorf("%v, authorization %v", err, key.Load())
	}
	doubting := publisher(t, HTTP{URL: server.URL}, 1)
	results, _ := doubting.Correspond(t.Context(), gatewaytest.Deliveries(1, "k"))
	if code(results[0]) != fault.CodeChannelUnavailable {
		t.Errorf("an unknown authority: %v", results[0])
	}
	if certErr := (*tls.CertificateVerificationError)(nil); !errors.As(results[0], &certErr) {
		t.Errorf("the cause: %v", fault.Of(results[0]).Cause)
	}
	found, err := HTTP{URL: server.URL, Connection: trusting}.Reach(t.Context())
	if err != nil || !strings.Contains(found, "TLS 1.3") {
		t.Errorf("reach: %q, %v", found, err)
	}
	if _, err := (HTTP{URL: server.URL}).Reach(t.Context()); code(err) != fault.CodeChannelUnavailable {
		t.Errorf("reach without its authority: %v", err)
	}
}

// TestReachAsksNothing: looking whether a partner is there makes no request.
func TestReachAsksNothing(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	found, err := HTTP{URL: server.URL}.Reach(t.Context())
	if err != nil || !strings.Contains(found, "reached") || requests.Load() != 0 {
		t.Errorf("%q, %v, %d requests", found, err, requests.Load())
	}
	server.Close()
	if _, err := (HTTP{URL: server.URL}).Reach(t.Context()); err == nil {
		t.Error("a server that is gone was reached")
	}
}

// TestRotation: a token's file is read anew for each request.
func TestRotation(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.Header.Get("Authorization")) }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	root, err := config.Parse(filepath.Join(filepath.Dir(file), "c.yaml"), fmt.Appendf(nil, "url: %s\nauth: {bearer_file: token}\n", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	var c HTTP
	if err := root.Decode(&c); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, c, 1)
	for _, token := range []string{"one", "two"} {
		write(token)
		if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, "k"))[0]; err != nil || seen.Load() != "Bearer "+token {
			t.Errorf("%v, %v, want %s", err, seen.Load(), token)
		}
	}
}

// TestClose ends calls under way when its time is over, and leaves nothing behind.
func TestClose(t *testing.T) {
	begun, hold := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(begun); <-hold }))
	defer server.Close()
	defer close(hold)
	p, err := NewHTTP("out", HTTP{URL: server.URL}, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []error, 1)
	go func() { done <- p.Publish(context.Background(), gatewaytest.Deliveries(3, "k")) }()
	<-begun
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ended); err == nil {
		t.Error("Close says that nothing was cut short")
	}
	for i, err := range <-done {
		if code(err) != fault.CodeChannelUnavailable {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, "k"))[0]; code(err) != fault.CodeChannelUnavailable {
		t.Errorf("after Close: %v", err)
	}
}
