package soap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestReplies(t *testing.T) {
	const notice = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` +
		`<o:NotifyShipment xmlns:o="` + orders + `"/></soap:Body></soap:Envelope>`
	tests := []struct {
		name, contentType, body string
		status                  int
		media, has              string
	}{
		{"SOAP 1.1", "text/xml; charset=utf-8", envelope11, 200, "text/xml; charset=utf-8", "<o:OrderId>42<"},
		{"SOAP 1.2", "application/soap+xml", envelope12, 200, "application/soap+xml; charset=utf-8", "<o:OrderId>42<"},
		{"one-way", "text/xml", notice, 202, "", ""},
	}
	url := serve(t, Config{}, newFakeCore()) + servicePath
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := do(t, http.MethodPost, url, tt.body, map[string]string{"Content-Type": tt.contentType})
			if a.StatusCode != tt.status || a.Header.Get("Content-Type") != tt.media || !strings.Contains(a.body, tt.has) {
				t.Errorf("got %s, %q, %s", a.Status, a.Header.Get("Content-Type"), a.body)
			}
			if a.Header.Get(httpdoor.HeaderMessageID) != messageID || a.Header.Get(httpdoor.HeaderDuplicate) != "" {
				t.Errorf("headers are %v", a.Header)
			}
			if tt.status == http.StatusAccepted && (a.body != "" || a.ContentLength != 0) {
				t.Errorf("a one-way answer has a body: %q", a.body)
			}
		})
	}
}

func TestDuplicateIsSaid(t *testing.T) {
	core := newFakeCore()
	core.answer = func(_ context.Context, _ *gateway.Arrival, r *gateway.Receipt) error {
		r.Status = gateway.Duplicate
		return nil
	}
	a := do(t, http.MethodPost, serve(t, Config{}, core)+servicePath, envelope11, nil)
	if a.StatusCode != http.StatusOK || a.Header.Get(httpdoor.HeaderDuplicate) != "true" {
		t.Errorf("got %s, %v", a.Status, a.Header)
	}
}

// What senders in the field do must all arrive as the same UTF-8 envelope.
func TestLenientRequests(t *testing.T) {
	declared := func(encoding, text string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` + text }
	latin := func(s string) string { return strings.NewReplacer("ä", "\xe4", "€", "\xa4").Replace(s) }
	tests := []struct {
		name, contentType, body string
	}{
		{"no charset", "text/xml", envelope11},
		{"upper case", `TEXT/XML; CHARSET="UTF-8"`, envelope11},
		{"unquoted action", "application/soap+xml;charset=utf-8;action=urn:peer:orders:v1/SubmitOrder", envelope12},
		{"BOM", "text/xml; charset=utf-8", "\uFEFF" + declared("utf-8", envelope11)},
		{"Latin-9 by declaration", "text/xml", declared("ISO-8859-15", latin(envelope11))},
		{"Latin-9 by HTTP", "text/xml; charset=iso-8859-15", latin(envelope11)},
		{"HTTP beats the declaration", "text/xml; charset=utf-8", declared("ISO-8859-1", envelope11)},
		{"UTF-16 with BOM", "text/xml; charset=utf-16", asUTF16("\uFEFF" + declared("utf-16", envelope11))},
		{"UTF-16 without charset", "text/xml", asUTF16("\uFEFF" + envelope11)},
	}
	core := newFakeCore()
	url := serve(t, Config{}, core) + servicePath
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(core.taken())
			a := do(t, http.MethodPost, url, tt.body, map[string]string{"Content-Type": tt.contentType})
			if a.StatusCode != http.StatusOK {
				t.Fatalf("got %s: %s", a.Status, a.body)
			}
			arrivals := core.taken()
			if len(arrivals) != before+1 {
				t.Fatalf("%d messages arrived, want 1", len(arrivals)-before)
			}
			if body := string(arrivals[before].Body); !strings.Contains(body, orderPayload) {
				t.Errorf("arrived %q", body)
			}
			if said, want := arrivals[before].Places.Column(1, 11), placeOfTen(tt.contentType, tt.body); said != want {
				t.Errorf("column 11 was %d in the bytes received, want %d", said, want)
			}
		})
	}
}

// placeOfTen is where in the bytes received the first line's eleventh character
// stands, which is ASCII like all before it.
func placeOfTen(contentType, body string) int {
	if strings.Contains(contentType, "utf-16") || strings.HasPrefix(body, "\xff\xfe") {
		return 21
	}
	return 11
}

// asUTF16 encodes little endian.
func asUTF16(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

func TestArrival(t *testing.T) {
	core := newFakeCore()
	url := serve(t, Config{}, core) + servicePath
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	do(t, http.MethodPost, url, envelope11, map[string]string{
		"Authorization": "Basic ZXJwOmE6Yg==", "SOAPAction": `"` + orderAction + `"`, "Traceparent": trace, "X-Forwarded-For": "203.0.113.9",
		"X-Forwarded-Proto": "https",
	})
	do(t, http.MethodPost, url, envelope11, map[string]string{"Traceparent": "00-" + strings.Repeat("0", 32) + trace[35:]})
	arrivals := core.taken()
	if len(arrivals) != 1 {
		t.Fatalf("%d arrivals, want 1: the first has a password and came through an unknown proxy in clear", len(arrivals))
	}
	if a := arrivals[0]; a.Basic != nil || a.TraceParent != "" || a.Action != "" || a.Endpoint != "soap:orders/OrderService" {
		t.Errorf("arrival is %+v", a)
	}

	do(t, http.MethodPost, url, envelope11, map[string]string{
		"Authorization": "Basic ZXJwOmE6Yg==", "SOAPAction": `"` + orderAction + `"`, "Traceparent": trace,
	})
	a := core.taken()[1]
	if a.Basic == nil || *a.Basic != (gateway.Credentials{Username: "erp", Password: "a:b"}) {
		t.Errorf("credentials are %+v", a.Basic)
	}
	if a.TraceParent != trace || a.Action != orderAction || !strings.HasPrefix(a.Remote, "127.0.0.1:") || a.Service.Name != "OrderService" {
		t.Errorf("arrival is %+v", a)
	}
}

func TestRefusedAtTheDoor(t *testing.T) {
	required := true
	tests := []struct {
		name   string
		config Config
		method string
		path   string
		body   string
		header map[string]string
		status int
		code   string
		gh     fault.Code
	}{
		{name: "no content type", header: map[string]string{"Content-Type": "-"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "plain text", header: map[string]string{"Content-Type": "text/plain"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "form", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "parts that are none", header: map[string]string{"Content-Type": `multipart/related; boundary=x; type="application/xop+xml"`}, status: 400, code: "Client", gh: fault.CodeHTTP},
		{name: "parts of a mail", header: map[string]string{"Content-Type": `multipart/mixed; boundary=x`}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "unknown charset", header: map[string]string{"Content-Type": "text/xml; charset=ebcdic-cp-us"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "bytes that are no UTF-8", body: strings.Replace(envelope11, "ä", "\xe4", 1), status: 400, code: "Client", gh: fault.CodeEncoding},
		{name: "unknown content encoding", header: map[string]string{"Content-Encoding": "br"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "two content encodings", header: map[string]string{"Content-Encoding": "gzip, gzip"}, status: 415, code: "Client", gh: fault.CodeMediaType},
		{name: "no gzip though it says so", header: map[string]string{"Content-Encoding": "gzip"}, status: 400, code: "Client", gh: fault.CodeEncoding},
		{name: "unknown path", path: "/soap/orders/Nothing", status: 404, code: "Client", gh: fault.CodeNoEndpoint},
		{name: "service of another system", path: "/soap/crm/OrderService", status: 404, code: "Client", gh: fault.CodeNoEndpoint},
		{name: "path with a tail", path: servicePath + "/", status: 404, code: "Client", gh: fault.CodeNoEndpoint},
		{name: "path in another case", path: "/SOAP/orders/OrderService", status: 404, code: "Client", gh: fault.CodeNoEndpoint},
		{name: "path that climbs", path: "/soap/crm/../orders/OrderService", status: 404, code: "Client", gh: fault.CodeNoEndpoint},
		{name: "1.2 in a 1.1 media type", body: envelope12, status: 500, code: "VersionMismatch", gh: fault.CodeVersionMismatch},
		{name: "1.1 in a 1.2 media type", header: map[string]string{"Content-Type": "application/soap+xml"}, status: 500, code: "VersionMismatch", gh: fault.CodeVersionMismatch},
		{name: "too large", config: Config{MaxBodyBytes: 100}, status: 413, code: "Client", gh: fault.CodeTooLarge},
		{name: "malformed credentials", header: map[string]string{"Authorization": "Basic ?"}, status: 401, code: "Client", gh: fault.CodeUnauthenticated},
		{name: "empty password", header: map[string]string{"Authorization": "Basic ZXJwOg=="}, status: 401, code: "Client", gh: fault.CodeUnauthenticated},
		{name: "NTLM", header: map[string]string{"Authorization": "NTLM TlRM"}, status: 401, code: "Client", gh: fault.CodeTokenUnsupported},
		{name: "password in clear", config: Config{RequireTLSForPasswords: &required}, header: map[string]string{"Authorization": "Basic YTpi"},
			status: 401, code: "Client", gh: fault.CodeClearTextPassword},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core := newFakeCore()
			url := serve(t, tt.config, core)
			path, body := servicePath, envelope11
			if tt.path != "" {
				path = tt.path
			}
			if tt.body != "" {
				body = tt.body
			}
			a := do(t, http.MethodPost, url+path, body, tt.header)
			wantFault(t, a, tt.status, tt.code, tt.gh)
			if n := len(core.taken()); n != 0 {
				t.Errorf("%d messages reached the core", n)
			}
			if challenge := a.Header.Get("WWW-Authenticate"); (tt.status == 401) != (challenge == `Basic realm="Gatehouse", charset="UTF-8"`) {
				t.Errorf("challenge is %q", challenge)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	url := serve(t, Config{}, newFakeCore())
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
		a := do(t, method, url+servicePath, "", nil)
		if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: %s, Allow %q", method, a.Status, a.Header.Get("Allow"))
		}
	}
}

// What the core answers with must leave as the table in fault.go says.
func TestCoreFaults(t *testing.T) {
	tests := []struct {
		code           fault.Code
		status         int
		code11, code12 string
	}{
		{fault.CodeInvalid, 500, "Client", "Sender"},
		{fault.CodeMalformed, 400, "Client", "Sender"},
		{fault.CodeDoctype, 500, "Client", "Sender"},
		{fault.CodeUnauthenticated, 401, "Client", "Sender"},
		{fault.CodeForbidden, 403, "Client", "Sender"},
		{fault.CodeUnknownOperation, 500, "Client", "Sender"},
		{fault.CodeAction, 500, "Client", "Sender"},
		{fault.CodeKeyReused, 500, "Client", "Sender"},
		{fault.CodeMustUnderstand, 500, "MustUnderstand", "MustUnderstand"},
		{fault.CodeVersionMismatch, 500, "VersionMismatch", "VersionMismatch"},
		{fault.CodeDirectoryUnavailable, 503, "Server", "Receiver"},
		{fault.CodeStoreUnavailable, 503, "Server", "Receiver"},
		{fault.CodeDraining, 503, "Server", "Receiver"},
		{fault.CodeInternal, 500, "Server", "Receiver"},
	}
	for _, tt := range tests {
		t.Run(string(tt.code), func(t *testing.T) {
			core := newFakeCore()
			core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
				return fault.New(tt.code, "").Because(errors.New("dial tcp 10.0.0.7: secret cause"))
			}
			url := serve(t, Config{}, core) + servicePath
			a := do(t, http.MethodPost, url, envelope11, nil)
			wantFault(t, a, tt.status, tt.code11, tt.code)
			b := do(t, http.MethodPost, url, envelope12, map[string]string{"Content-Type": "application/soap+xml"})
			wantFault(t, b, tt.status, tt.code12, tt.code)
			if strings.Contains(a.body+b.body, "secret cause") {
				t.Error("the cause left the house")
			}
			if got := a.Header.Get("Retry-After"); (tt.status == 503) != (got == "5") {
				t.Errorf("Retry-After is %q", got)
			}
			if a.Header.Get(httpdoor.HeaderReference) != messageID {
				t.Errorf("reference is %q, want the core's", a.Header.Get(httpdoor.HeaderReference))
			}
			if got := a.Header.Get(httpdoor.HeaderCode); got != string(tt.code) {
				t.Errorf("%s is %q", httpdoor.HeaderCode, got)
			}
		})
	}
}

func TestSenderStatusOfSOAP12(t *testing.T) {
	tests := []struct {
		code   fault.Code
		status int
	}{
		{fault.CodeInvalid, 400}, {fault.CodeInternal, 500}, {fault.CodeMustUnderstand, 500}, {fault.CodeForbidden, 403},
	}
	for _, tt := range tests {
		core := newFakeCore()
		core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error { return fault.New(tt.code, "") }
		url := serve(t, Config{FaultStatus12: 400}, core) + servicePath
		a := do(t, http.MethodPost, url, envelope12, map[string]string{"Content-Type": "application/soap+xml"})
		if a.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.code, a.StatusCode, tt.status)
		}
		if b := do(t, http.MethodPost, url, envelope11, nil); tt.code == fault.CodeInvalid && b.StatusCode != 500 {
			t.Errorf("SOAP 1.1 has status %d", b.StatusCode)
		}
	}
}

func TestEveryCodeHasAnAnswer(t *testing.T) {
	for _, e := range fault.Catalogue() {
		if _, ok := byKind[e.Kind]; !ok {
			t.Errorf("%s: kind %s has no status", e.Code, e.Kind)
		}
	}
}

func TestDetailsOfAFault(t *testing.T) {
	core := newFakeCore()
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		f := fault.New(fault.CodeInvalid, "")
		for i := range 2000 {
			f = f.With(fault.Detail{Message: fmt.Sprintf("element %d <is> & \"wrong\"", i), Path: "/soap:Envelope/soap:Body", Line: 3, Column: 7, Found: strings.Repeat("x", 100)})
		}
		return f
	}
	a := do(t, http.MethodPost, serve(t, Config{}, core)+servicePath, envelope11, nil)
	f := wantFault(t, a, 500, "Client", fault.CodeInvalid)
	for _, want := range []string{"element 0 ", "/soap:Envelope/soap:Body", "GH-3001"} {
		if !strings.Contains(string(f.Detail), want) {
			t.Errorf("detail has no %q: %.500s", want, f.Detail)
		}
	}
}

func TestPanicIsAnInternalFault(t *testing.T) {
	core := newFakeCore()
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error { panic("deep inside") }
	var log logBuffer
	c := Config{MaxConcurrent: 1}
	url := serveHandler(t, c, NewHandler(c, core, slog.New(slog.NewTextHandler(&log, nil)))) + servicePath
	for i := range 3 { // the place of the first is free again
		a := do(t, http.MethodPost, url, envelope11, nil)
		wantFault(t, a, 500, "Server", fault.CodeInternal)
		if strings.Contains(a.body, "deep inside") || strings.Contains(a.body, ".go:") {
			t.Errorf("the fault tells: %s", a.body)
		}
		if n := strings.Count(log.String(), "level="); n != i+1 || !strings.Contains(log.String(), a.Header.Get(httpdoor.HeaderReference)) {
			t.Errorf("%d log lines for %d requests: %s", n, i+1, log.String())
		}
	}
}

// What the door turns away is logged by the door, what the core has seen by the
// core, and nothing twice.
func TestLoggedOnce(t *testing.T) {
	core := newFakeCore()
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		return fault.New(fault.CodeForbidden, "")
	}
	var log logBuffer
	url := serveHandler(t, Config{}, NewHandler(Config{}, core, slog.New(slog.NewTextHandler(&log, nil)))) + servicePath
	do(t, http.MethodPost, url, envelope11, map[string]string{"Authorization": "Basic ZXJwOmdlaGVpbQ=="})
	if log.String() != "" {
		t.Errorf("the core's refusal is logged again: %s", log.String())
	}
	a := do(t, http.MethodPost, url, envelope11, map[string]string{"Content-Type": "text/plain"})
	if strings.Count(log.String(), "level=") != 1 || !strings.Contains(log.String(), a.Header.Get(httpdoor.HeaderReference)) {
		t.Errorf("log is %s", log.String())
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   []string
	}{
		{"zero", Config{}, nil},
		{"full", Config{PublicURL: "https://api.example.com:8443/in/", FaultStatus12: 400, Realm: "Orders"}, nil},
		{"several faults", Config{PublicURL: "ftp://x", FaultStatus12: 200, MaxConcurrent: -1, Realm: `a"b`, BodyTimeout: -1},
			[]string{"public_url", "fault_status_12", "max_concurrent", "realm", "body_timeout"}},
		{"past what the readers take", Config{MaxSOAPHeaderBytes: 1<<20 + 1, MaxSOAPHeaderDepth: 257, MaxElements: 500_001, MaxDepth: -1, MaxAttributes: 4097, MaxDigits: 101},
			[]string{"max_soap_header_bytes", "max_soap_header_depth", "max_elements", "max_depth", "max_attributes", "max_digits"}},
		{"as much as they take", Config{MaxSOAPHeaderBytes: 1 << 20, MaxSOAPHeaderDepth: 256, MaxElements: 500_000, MaxDepth: 256, MaxAttributes: 4096, MaxDigits: 100}, nil},
		{"URL with a query", Config{PublicURL: "https://x/?a"}, []string{"public_url"}},
		{"URL with a user", Config{PublicURL: "https://u:p@x"}, []string{"public_url"}},
		{"URL without a host", Config{PublicURL: "https:///x"}, []string{"public_url"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.config.Validate()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v", err)
			}
			for _, key := range tt.want {
				if !strings.Contains(err.Error(), key+": ") {
					t.Errorf("%q is not named in: %v", key, err)
				}
			}
		})
	}
}

// TestConfigBounds: what is not narrower than the readers' own costs nothing.
func TestConfigBounds(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   document.Bounds
	}{
		{Config{}, document.Bounds{}},
		{Config{MaxElements: 500_000, MaxDepth: 256, MaxAttributes: 4096}, document.Bounds{}},
		{Config{MaxElements: 9, MaxDepth: 8, MaxAttributes: 7, MaxDigits: 6}, document.Bounds{Elements: 9, Depth: 8, Attributes: 7, Digits: 6}},
	} {
		if got := c.config.Bounds(); got != c.want {
			t.Errorf("%+v: %+v", c.config, got)
		}
	}
	if got := (Config{MaxSOAPHeaderBytes: 9, MaxSOAPHeaderDepth: 3}).Envelope(); got.Bytes != 9 || got.Depth != 3 {
		t.Errorf("%+v", got)
	}
}
