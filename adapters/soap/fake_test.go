package soap

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	servicePath  = "/soap/orders/OrderService"
	orders       = "urn:gatehouse:samples:orders:1"
	orderPayload = `<o:SubmitOrder xmlns:o="` + orders + `"><o:Note>ä€</o:Note></o:SubmitOrder>`
	replyPayload = `<o:SubmitOrderResponse xmlns:o="` + orders + `"><o:OrderId>42</o:OrderId></o:SubmitOrderResponse>`
	noticeAction = "urn:gatehouse:samples:orders:1/NotifyShipment"
	orderAction  = "urn:gatehouse:samples:orders:1/SubmitOrder"
	messageID    = "0190a3c0-0000-7000-8000-000000000001"
)

var (
	envelope11 = bare(wrap(envelope.V11, []byte(orderPayload)))
	envelope12 = bare(wrap(envelope.V12, []byte(orderPayload)))
)

// bare cuts the XML declaration off.
func bare(doc []byte) string { return string(doc[bytes.IndexByte(doc, '\n')+1:]) }

var _ Acceptor = (*gateway.Gateway)(nil)

// fakeCore is an Acceptor that keeps what arrives and answers as it is told.
type fakeCore struct {
	contracts []*contract.Contract
	security  map[string]gateway.Security
	answer    func(ctx context.Context, a *gateway.Arrival, r *gateway.Receipt) error // nil: stored

	mu       sync.Mutex
	arrivals []gateway.Arrival
}

func newFakeCore() *fakeCore {
	service := &contract.Service{Name: "OrderService", Operations: []*contract.Operation{
		{Name: "SubmitOrder", Output: &contract.Message{}, Action11: orderAction},
		{Name: "NotifyShipment", Action11: noticeAction},
	}}
	return &fakeCore{contracts: []*contract.Contract{{System: "orders", Services: []*contract.Service{service}}}}
}

func (c *fakeCore) Contracts() []*contract.Contract { return c.contracts }

func (c *fakeCore) Security(endpoint string) gateway.Security { return c.security[endpoint] }

func (c *fakeCore) Accept(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	id := uuid.MustParse(messageID)
	r := &gateway.Receipt{ID: id}
	head, err := envelope.Peek(a.Body, envelope.Limits{})
	if unsuited := a.Check(head); unsuited != nil {
		return r, fault.Of(unsuited)
	}
	if err != nil {
		return r, fault.Of(err)
	}
	c.mu.Lock()
	c.arrivals = append(c.arrivals, *a)
	c.mu.Unlock()
	r.Head, r.MessageID, r.Reply = head, id, []byte(replyPayload)
	r.Operation = a.Service.Operations[0]
	if head.Operation == (document.Name{Space: orders, Local: "NotifyShipment"}) {
		r.Operation, r.Reply = a.Service.Operations[1], nil
	}
	if c.answer != nil {
		err = c.answer(ctx, a, r)
	}
	return r, err
}

// taken returns what has come past the peek and the door's own check so far.
func (c *fakeCore) taken() []gateway.Arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]gateway.Arrival(nil), c.arrivals...)
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// logBuffer keeps log lines for a test to read.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve runs a handler on a loopback server of the door's own making.
func serve(t testing.TB, c Config, core Acceptor) string {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return serveHandler(t, c, NewHandler(c, core, testLog(t)))
}

func serveHandler(t testing.TB, c Config, h http.Handler) string {
	t.Helper()
	return serveCounting(t, c, h, nil)
}

// serveCounting has count told of what is no request.
func serveCounting(t testing.TB, c Config, h http.Handler, count func()) string {
	t.Helper()
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Farewell = cmp.Or(c.Farewell, time.Millisecond)
	server := NewServer(c, listener, nil, h, testLog(t))
	server.CountUnread(count)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running the server: %v", err)
		}
	})
	return "http://" + server.Address().String()
}

// answered is a response with its body read.
type answered struct {
	*http.Response
	body string
}

// do sends a request made by hand; a header whose value is "-" is left out.
func do(t testing.TB, method, url, body string, header map[string]string) answered {
	t.Helper()
	return doReader(t, method, url, strings.NewReader(body), header)
}

func doReader(t testing.TB, method, url string, body io.Reader, header map[string]string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	for name, value := range header {
		if name == "Host" {
			req.Host = value
		}
		if req.Header.Set(name, value); value == "-" {
			req.Header.Del(name)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{res, string(content)}
}

// wantFault checks that an answer is a fault of the version its media type
// says, and returns it.
func wantFault(t testing.TB, a answered, status int, code string, gh fault.Code) *Fault {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status is %d, want %d: %s", a.StatusCode, status, a.body)
	}
	_, err := decodeReply(a.Response, []byte(a.body))
	f, ok := err.(*Fault) //nolint:errorlint // decodeReply does not wrap it
	if !ok {
		t.Fatalf("answer is no fault: %v: %s", err, a.body)
	}
	if f.Code != code {
		t.Errorf("fault code is %q, want %q", f.Code, code)
	}
	if !strings.Contains(a.body, string(gh)) {
		t.Errorf("fault does not name %s: %s", gh, a.body)
	}
	if ref := a.Header.Get(httpdoor.HeaderReference); ref == "" || !strings.Contains(a.body, ref) {
		t.Errorf("fault does not name its reference %q: %s", ref, a.body)
	}
	const wcfLimit = 64 << 10
	if len(a.body) > wcfLimit {
		t.Errorf("fault has %d bytes, more than WCF reads", len(a.body))
	}
	return f
}

// raw sends bytes on a connection of its own and returns all that comes back.
func raw(t testing.TB, url, text string) string {
	t.Helper()
	conn := dial(t, url)
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	_, _ = io.Copy(&all, conn) // a reset after the answer is as good as an end
	return all.String()
}

func dial(t testing.TB, url string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// record runs one request against a handler without a connection.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
