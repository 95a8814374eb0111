package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const replyXML = `<o:SubmitOrderResponse xmlns:o="urn:gatehouse:samples:orders:1"><o:OrderId>42</o:OrderId><o:OrderNumber>PO-1</o:OrderNumber><o:Status>ACCEPTED</o:Status><o:Lines>1</o:Lines></o:SubmitOrderResponse>`

func order(t testing.TB) string {
	t.Helper()
	src, err := os.ReadFile("../../testdata/json/order.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// stored answers with a reply.
func stored(_ context.Context, _ *gateway.Arrival, r *gateway.Receipt) error {
	r.Reply = []byte(replyXML)
	return nil
}

// TestReply posts an order, as it is and compressed.
func TestReply(t *testing.T) {
	core := newFakeCore(t)
	core.answer = func(ctx context.Context, a *gateway.Arrival, r *gateway.Receipt) error {
		if a.MessageID == "again" {
			r.Status, r.MessageID = gateway.Duplicate, uuid.MustParse(firstID)
		}
		r.Reply = []byte(replyXML)
		return nil
	}
	_, url := serve(t, testConfig(), core)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(order(t))); err != nil || w.Close() != nil {
		t.Fatal("not compressed")
	}
	for name, c := range map[string]struct {
		body    string
		headers []string
		id, dup string
	}{
		"plain":      {order(t), []string{"Accept: text/html;q=0.1, application/*", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, sampleID, ""},
		"compressed": {zipped.String(), []string{"Content-Encoding: gzip", "Content-Type: application/json; charset=UTF-8"}, sampleID, ""},
		"repeated":   {order(t), []string{`Idempotency-Key: "again"`}, firstID, "true"},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, request(t, url, c.body, c.headers...))
			if a.StatusCode != http.StatusOK || a.body != `{"OrderId":42,"OrderNumber":"PO-1","Status":"ACCEPTED","Lines":1}`+"\n" || a.Header.Get("Content-Type") != "application/json" {
				t.Fatalf("answered %d %s: %s", a.StatusCode, a.Header, a.body)
			}
			if a.Header.Get("Gateway-Message-Id") != c.id || a.Header.Get("Gateway-Duplicate") != c.dup || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("headers %v", a.Header)
			}
			got := core.taken()[len(core.taken())-1]
			if string(got.Body) != order(t) || !got.Waits || got.Format != gateway.JSON || got.Basic == nil || got.Basic.Username != "erp.alice" {
				t.Errorf("arrived %+v", got)
			}
			if name == "plain" && got.TraceParent == "" {
				t.Error("the trace is lost")
			}
		})
	}
}

// TestOneWay has no reply: what became of the message is told.
func TestOneWay(t *testing.T) {
	core := newFakeCore(t)
	core.answer = func(_ context.Context, _ *gateway.Arrival, r *gateway.Receipt) error {
		r.Status = gateway.Superseded
		return nil
	}
	_, url := serve(t, testConfig(), core)
	req := request(t, url, `{"Header": {"MessageId": "m", "SentAt": "2026-03-02T09:30:00Z"}, "Shipment": {"ShipmentNumber": "S", "OrderNumber": "P", "ShippedAt": "2026-03-02T09:30:00Z", "Line": [{"@no": 1, "Quantity": 1}]}}`)
	req.URL.Path = "/api/notify-shipment"
	a := send(t, req)
	if a.StatusCode != http.StatusOK || a.body != `{"message":"`+sampleID+`","outcome":"superseded"}`+"\n" {
		t.Errorf("answered %d: %s", a.StatusCode, a.body)
	}
}

// TestRefusals has what is wrong with a request answered by a problem.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code               fault.Code
		more               string // in the body
		core               bool   // the core is asked
	}{
		"no route":            {path: "/api/nothing", status: 404, code: fault.CodeNoEndpoint},
		"no route, by a path": {path: "/api/submit-order/1", status: 404, code: fault.CodeNoEndpoint},
		"another case":        {path: "/api/Submit-Order", status: 404, code: fault.CodeNoEndpoint},
		"GET":                 {method: "GET", status: 405, code: fault.CodeMethod},
		"OPTIONS":             {method: "OPTIONS", status: 405, code: fault.CodeMethod},
		"wants a page":        {headers: []string{"Accept: text/html"}, status: 406, code: fault.CodeNotAcceptable},
		"wants no JSON":       {headers: []string{"Accept: application/json;q=0, */*"}, status: 406, code: fault.CodeNotAcceptable},
		"no type":             {headers: []string{"Content-Type"}, status: 415, code: fault.CodeMediaType},
		"a form":              {headers: []string{"Content-Type: text/plain"}, status: 415, code: fault.CodeMediaType},
		"another charset":     {headers: []string{"Content-Type: application/json; charset=latin1"}, status: 415, code: fault.CodeMediaType},
		"another encoding":    {headers: []string{"Content-Encoding: br"}, status: 415, code: fault.CodeMediaType},
		"not what it says":    {headers: []string{"Content-Encoding: gzip"}, status: 400, code: fault.CodeEncoding},
		"an open string":      {headers: []string{`Idempotency-Key: "a`}, status: 400, code: fault.CodeHTTP},
		"an empty key":        {headers: []string{`Idempotency-Key: ""`}, status: 400, code: fault.CodeHTTP},
		"a long key":          {headers: []string{"Idempotency-Key: " + strings.Repeat("k", 256)}, status: 400, code: fault.CodeHTTP},
		"too large":           {body: `{"a": "` + strings.Repeat("x", 70<<10) + `"}`, status: 413, code: fault.CodeTooLarge},
		"nobody":              {headers: []string{"Authorization"}, status: 401, code: fault.CodeUnauthenticated, core: true},
		"malformed":           {headers: []string{"Authorization: Basic %%"}, status: 401, code: fault.CodeUnauthenticated},
		"empty":               {body: " ", status: 400, code: fault.CodeMalformedJSON, core: true},
		"cut off":             {body: `{"Header": {`, status: 400, code: fault.CodeMalformedJSON, more: `"column":13`, core: true},
		"two values":          {body: `{} {}`, status: 400, code: fault.CodeMalformedJSON, core: true},
		"a byte order mark":   {body: "\xEF\xBB\xBF{}", status: 400, code: fault.CodeMalformedJSON, core: true},
		"not UTF-8":           {body: "{\"Header\": \"\xFF\"}", status: 400, code: fault.CodeEncoding, core: true},
		"UTF-16":              {body: "{\x00}\x00", status: 400, code: fault.CodeMalformedJSON, core: true},
		"NUL":                 {body: "{\"Header\": \"\x00\"}", status: 400, code: fault.CodeMalformedJSON, core: true},
		"an escaped NUL":      {body: `{"Header": {"MessageId": "\u0000"}}`, status: 422, code: fault.CodeInvalid, more: `"pointer":"/Header/MessageId"`, core: true},
		"half a pair":         {body: `{"Header": {"MessageId": "\ud800"}}`, status: 422, code: fault.CodeInvalid, core: true},
		"a key twice":         {body: `{"Header": {}, "Header": {}}`, status: 422, code: fault.CodeInvalid, more: `"column":16`, core: true},
		"an unknown key":      {body: `{"Headr": {}}`, status: 422, code: fault.CodeInvalid, more: `"pointer":"/Headr","line":1,"column":2`, core: true},
		"a huge exponent":     {body: `{"Order": {"@revision": 1e999999}}`, status: 422, code: fault.CodeInvalid, more: `"pointer":"/Order/@revision"`, core: true},
		"many digits":         {body: `{"Order": {"@revision": ` + strings.Repeat("9", 60000) + `}}`, status: 422, code: fault.CodeInvalid, core: true},
		"deep":                {body: strings.Repeat("[", 30000), status: 413, code: fault.CodeTooLarge, core: true},
		"many objects":        {body: strings.Repeat(`{"Order":`, 5000), status: 413, code: fault.CodeTooLarge, core: true},
		"an array":            {body: `[]`, status: 422, code: fault.CodeInvalid, core: true},
		"null":                {body: `null`, status: 422, code: fault.CodeInvalid, core: true},
		"a comment":           {body: `{} // so`, status: 400, code: fault.CodeMalformedJSON, core: true},
	} {
		t.Run(name, func(t *testing.T) {
			core := newFakeCore(t)
			core.answer = stored
			h, url := serve(t, testConfig(), core)
			var turned []fault.Code
			h.CountRefusals(func(code fault.Code) { turned = append(turned, code) })
			body := c.body
			if body == "" {
				body = order(t)
			}
			req := request(t, url, body, c.headers...)
			if c.method != "" {
				req.Method = c.method
			}
			if c.path != "" {
				req.URL.Path = c.path
			}
			a := send(t, req)
			a.wantProblem(t, c.status, c.code)
			if !strings.Contains(a.body, c.more) {
				t.Errorf("answered %s, want %s in it", a.body, c.more)
			}
			if asked := len(core.taken()) > 0; asked != c.core {
				t.Errorf("the core was asked: %v", asked)
			}
			if counted := slices.Contains(turned, c.code); counted == c.core {
				t.Errorf("the door has counted %v", turned)
			}
		})
	}
}

func (a came) wantProblem(t *testing.T, status int, code fault.Code) {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v: %.500s", err, a.body)
	}
	if a.StatusCode != status || p.Status != status || p.Code != code || a.Header.Get("Gateway-Code") != string(code) || p.Type != "urn:gatehouse:fault:"+string(code) || a.Header.Get("Content-Type") != mediaProblem {
		t.Fatalf("answered %d %s, want %d %s", a.StatusCode, a.body, status, code)
	}
	if p.Title == "" || p.Detail == "" || p.Mender == "" || p.Instance != "urn:uuid:"+a.Header.Get("Gateway-Reference") {
		t.Errorf("problem %+v", p)
	}
	switch status {
	case 401:
		if !strings.HasPrefix(a.Header.Get("Www-Authenticate"), `Basic realm="Gatehouse"`) {
			t.Errorf("challenge %q", a.Header.Values("Www-Authenticate"))
		}
	case 405:
		if a.Header.Get("Allow") != "POST" {
			t.Errorf("allows %q", a.Header.Get("Allow"))
		}
	case 429, 503:
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

// TestKinds has every code of the catalogue answered with a status that fits it.
func TestKinds(t *testing.T) {
	core := newFakeCore(t)
	_, url := serve(t, testConfig(), core)
	for _, e := range fault.Catalogue() {
		core.answer = func(_ context.Context, _ *gateway.Arrival, r *gateway.Receipt) error {
			r.Status, r.MessageID = gateway.Refused, gateway.ID{}
			return fault.New(e.Code, "").With(fault.Detail{Message: "so", Source: "mapping.yaml:1:1", Target: "secret.table"})
		}
		a := send(t, request(t, url, order(t)))
		if sender := e.Kind != fault.Internal && !e.Kind.Retryable(); (a.StatusCode < 500) != sender && e.Kind != fault.RateLimited {
			t.Errorf("%s is %d, and %s", e.Code, a.StatusCode, e.Kind)
		}
		if strings.Contains(a.body, "secret.table") || strings.Contains(a.body, "mapping.yaml") {
			t.Errorf("%s tells %s", e.Code, a.body)
		}
	}
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		f := fault.New(fault.CodeTooFast, "")
		f.RetryAfter = 1500 * time.Millisecond
		return f
	}
	if a := send(t, request(t, url, order(t))); a.StatusCode != 429 || a.Header.Get("Retry-After") != "2" {
		t.Errorf("%d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error { panic("so") }
	if a := send(t, request(t, url, order(t))); a.StatusCode != 500 || strings.Contains(a.body, "panic") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestSlowBody is told so, and not waited for.
func TestSlowBody(t *testing.T) {
	c := testConfig()
	c.BodyTimeout = 100 * time.Millisecond
	_, url := serve(t, c, newFakeCore(t))
	got := raw(t, url, "POST /api/submit-order HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "GH-1007") {
		t.Errorf("answered %s", got)
	}
}

// TestBusy turns away who finds no place.
func TestBusy(t *testing.T) {
	c := testConfig()
	c.MaxConcurrent = 1
	core := newFakeCore(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	core.answer = func(_ context.Context, _ *gateway.Arrival, r *gateway.Receipt) error {
		close(inside)
		<-leave
		return nil
	}
	_, url := serve(t, c, core)
	first := make(chan int)
	go func() { first <- send(t, request(t, url, order(t))).StatusCode }()
	<-inside
	send(t, request(t, url, order(t))).wantProblem(t, 503, fault.CodeBusy)
	close(leave)
	if got := <-first; got != 200 {
		t.Errorf("the first was answered %d", got)
	}
}

// TestClearText takes no password over a way where others listen.
func TestClearText(t *testing.T) {
	c, yes := testConfig(), true
	c.RequireTLSForPasswords = &yes
	_, url := serve(t, c, newFakeCore(t))
	send(t, request(t, url, order(t))).wantProblem(t, 403, fault.CodeClearTextPassword)
}

// another is a resource of others.
type another struct{}

func (another) Methods(path string) []string {
	if strings.HasPrefix(path, "orders") {
		return []string{http.MethodGet}
	}
	return nil
}

func (another) Serve(x *Exchange, path string) error {
	if path == "orders/0" {
		return fault.New(fault.CodeForbidden, "")
	}
	x.Answer(http.StatusOK, "application/json", []byte(`"`+path+`"`))
	return nil
}

func (another) Describe(d *Document) {
	d.Paths["/api/orders/{key}"] = Path{"get": {ID: "get-orders", Responses: map[string]Response{"200": {Description: "it"}, "default": Failures()}, Security: Secured(nil)}}
}

// TestResource adds something besides routes.
func TestResource(t *testing.T) {
	h, url := serve(t, testConfig(), newFakeCore(t))
	h.Add(another{})
	get := func(method, path string) came {
		req := request(t, url, "")
		req.Method, req.URL.Path = method, path
		return send(t, req)
	}
	if a := get("GET", "/api/orders/4711"); a.StatusCode != 200 || a.body != `"orders/4711"` {
		t.Errorf("answered %d %s", a.StatusCode, a.body)
	}
	get("GET", "/api/orders/0").wantProblem(t, 403, fault.CodeForbidden)
	if a := get("POST", "/api/orders/4711"); a.StatusCode != 405 || a.Header.Get("Allow") != "GET" {
		t.Errorf("answered %d, allows %q", a.StatusCode, a.Header.Get("Allow"))
	}
	if a := get("GET", "/api/openapi.json"); !strings.Contains(a.body, `"/api/orders/{key}"`) {
		t.Errorf("described by %.300s", a.body)
	}
}
