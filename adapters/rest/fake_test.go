package rest

import (
	"context"
	"io"
	"io/fs"
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
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

const (
	sampleID = "0190a3c0-0000-7000-8000-000000000001"
	firstID  = "0190a3c0-0000-7000-8000-000000000002"
)

var _ Acceptor = (*gateway.Gateway)(nil)

// fakeCore is an Acceptor that judges a message by its contract, keeps what arrives,
// and answers as it is told.
type fakeCore struct {
	routes map[string]*mapping.Mapping
	answer func(ctx context.Context, a *gateway.Arrival, r *gateway.Receipt) error // nil: stored

	mu       sync.Mutex
	arrivals []gateway.Arrival
}

func newFakeCore(t testing.TB) *fakeCore {
	t.Helper()
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeCore{routes: map[string]*mapping.Mapping{}}
	for _, name := range []string{"submit-order", "notify-shipment"} {
		src, err := fs.ReadFile(mappings.FS, name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		file, err := mapping.Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		if f.routes["rest:"+name], err = mapping.Compile(file, c); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (c *fakeCore) Entrance(endpoint string) *gateway.Entrance {
	m := c.routes[endpoint]
	if m == nil {
		return nil
	}
	return &gateway.Entrance{Endpoint: endpoint, Route: strings.TrimPrefix(endpoint, "rest:"), Mapping: m, Ways: []gateway.WayIn{gateway.WayBasic}, DemandsKey: endpoint == "rest:notify-shipment"}
}

func (c *fakeCore) Entrances(string) ([]*gateway.Entrance, string) {
	return []*gateway.Entrance{c.Entrance("rest:notify-shipment"), c.Entrance("rest:submit-order")}, "abc"
}

func (c *fakeCore) Accept(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	c.mu.Lock()
	c.arrivals = append(c.arrivals, *a)
	c.mu.Unlock()
	m := c.routes[a.Endpoint]
	r := &gateway.Receipt{ID: uuid.MustParse(sampleID), Operation: m.Operation, Format: a.Format, Ways: []gateway.WayIn{gateway.WayBasic, gateway.WayBearer}}
	if a.Basic == nil {
		return r, fault.New(fault.CodeUnauthenticated, "")
	}
	twin, err := m.Service.FromJSON(m.Operation, a.Body, 50)
	if err != nil {
		return r, fault.Of(err)
	}
	details, more, err := m.Service.ValidatePayload(m.Operation, twin.XML, 50)
	if err != nil {
		return r, fault.Of(err)
	}
	if len(details) > 0 {
		for i := range details {
			details[i] = twin.Locate(details[i])
		}
		f := fault.New(fault.CodeInvalid, "").With(details...)
		f.More = more
		return r, f
	}
	r.MessageID = r.ID
	if c.answer != nil {
		err = c.answer(ctx, a, r)
	}
	return r, err
}

// taken returns what has come to the core so far.
func (c *fakeCore) taken() []gateway.Arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]gateway.Arrival(nil), c.arrivals...)
}

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func testConfig() httpdoor.Config {
	return httpdoor.Config{Realm: "Gatehouse", MaxBodyBytes: 64 << 10, MaxConcurrent: 8, MaxPerCaller: 8, MaxLargeBodies: 2, BodyTimeout: 10 * time.Second, RetryAfter: 5 * time.Second}
}

func serve(t testing.TB, c httpdoor.Config, core Acceptor) (*Handler, string) {
	t.Helper()
	h := NewHandler(httpdoor.New(c), core, testLog(t))
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return h, s.URL
}

// came is what came back.
type came struct {
	*http.Response
	body string
}

// request is a POST of an order by somebody known, with changed headers.
func request(t testing.TB, url, body string, changes ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/submit-order", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("erp.alice", "secret")
	req.Header.Set("Content-Type", "application/json")
	for _, change := range changes {
		name, value, _ := strings.Cut(change, ": ")
		if req.Header.Del(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	return req
}

func send(t testing.TB, req *http.Request) came {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return came{res, string(body)}
}

// raw sends bytes and returns all that came back.
func raw(t testing.TB, url, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(conn)
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}
