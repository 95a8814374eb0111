package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// memoryStore remembers what it was given and stores nothing else. Whether
// rows, inbox and outbox are right is the business of the Store suite.
type memoryStore struct {
	gateway.Store // the rest is not asked for

	mu       sync.Mutex
	entries  []gateway.Message
	refusals []gateway.Refusal
	answer   func(*gateway.Entry) gateway.Outcome
	writerUp bool
	gate     chan struct{}

	holds      []gateway.Hold
	refuse     error                // what every entry is refused with
	commit     func(lane int) error // fails batches
	tries      int
	triedFails error

	due func(except []string) // nil: nobody retries

	tables  mapping.Schema // as they are; nil: nobody asks
	misfit  error          // what a mapping is told that does not fit them
	unasked error          // the tables cannot be looked at
	looks   int            // at the tables
	writers int            // that were made
}

// Try implements gateway.Suspects for one suspect.
func (s *memoryStore) Try(context.Context, gateway.Digest) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	return s.tries - 1, nil
}

func (s *memoryStore) Tried(context.Context, gateway.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.triedFails == nil {
		s.tries = 0
	}
	return s.triedFails
}

// failTried has Tried answer with an error, or with none.
func (s *memoryStore) failTried(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triedFails = err
}

// noted is how many tries are noted.
func (s *memoryStore) noted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// settle is what becomes of an entry that is refused.
func (s *memoryStore) settle(e *gateway.Entry, refusal error) gateway.Outcome {
	if e.Keep != nil {
		if h := e.Keep(refusal); h != nil {
			s.holds = append(s.holds, *h)
			return gateway.Outcome{Status: h.State, MessageID: e.Message.ID, Err: refusal}
		}
	}
	return gateway.Outcome{Status: gateway.Refused, MessageID: e.Message.ID, Err: refusal}
}

type memoryWriter struct {
	store   *memoryStore
	mapping *mapping.Checked
}

// Acquire has nobody retry, unless somebody listens: that is tried on real stores.
func (s *memoryStore) Acquire(_ context.Context, name string, _ int, _ string, _ time.Duration) (gateway.Lease, bool, error) {
	return gateway.Lease{}, name == "gateway.retry" && s.due != nil, nil
}

// Due has nothing waiting.
func (s *memoryStore) Due(_ context.Context, _ time.Time, _ int, except []string) ([]gateway.Held, error) {
	s.due(except)
	return nil, nil
}

// Holding has nothing to count.
func (s *memoryStore) Holding(context.Context) (gateway.Holding, error) {
	return gateway.Holding{}, nil
}

// Oldest has nothing to tell of.
func (s *memoryStore) Oldest(context.Context) (map[gateway.Stock]time.Time, error) { return nil, nil }

func (s *memoryStore) Lanes() int  { return 2 }
func (s *memoryStore) Shards() int { return 1 }

func (s *memoryStore) Writer(_ context.Context, m *mapping.Mapping) (gateway.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.writerUp {
		return nil, fault.New(fault.CodeStoreUnavailable, "")
	}
	s.writers++
	if s.misfit != nil {
		return nil, s.misfit
	}
	return &memoryWriter{s, &mapping.Checked{Mapping: m, Tables: s.tables}}, nil
}

// Schema implements gateway.Store.
func (s *memoryStore) Schema(context.Context, ...*mapping.Mapping) (mapping.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.tables, s.unasked
}

func (s *memoryStore) Refuse(_ context.Context, refusals []gateway.Refusal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range refusals {
		if i := slices.IndexFunc(s.refusals, func(has gateway.Refusal) bool { return has.ID == r.ID }); i >= 0 {
			s.refusals[i].Count = r.Count
			continue
		}
		s.refusals = append(s.refusals, r)
	}
	return nil
}

func (w *memoryWriter) Mapping() *mapping.Checked { return w.mapping }

func (w *memoryWriter) Commit(_ context.Context, lane int, entries []*gateway.Entry) ([]gateway.Outcome, error) {
	if w.store.gate != nil {
		<-w.store.gate
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.commit != nil {
		if err := w.store.commit(lane); err != nil {
			return nil, err
		}
	}
	if w.store.tables != w.mapping.Tables {
		return nil, fault.New(fault.CodeDrift, "")
	}
	out := make([]gateway.Outcome, len(entries))
	for i, e := range entries {
		w.store.entries = append(w.store.entries, *e.Message)
		if e.Hold != nil {
			w.store.holds = append(w.store.holds, *e.Hold)
			out[i] = gateway.Outcome{Status: e.Hold.State, MessageID: e.Message.ID}
			continue
		}
		if w.store.refuse != nil {
			out[i] = w.store.settle(e, w.store.refuse)
			continue
		}
		stored := make([]mapping.Value, len(w.mapping.Returns))
		for i := range stored {
			stored[i] = mapping.Value{Class: mapping.Integer, Number: apd.New(1, 0)}
		}
		rendered, err := e.Render(stored)
		if err != nil {
			out[i] = w.store.settle(e, err)
			continue
		}
		out[i] = gateway.Outcome{Status: gateway.Stored, MessageID: e.Message.ID, Reply: rendered.Reply}
		if w.store.answer != nil {
			out[i] = w.store.answer(e)
		}
	}
	return out, nil
}

// bench is a gateway of the sample on fakes.
type bench struct {
	*gateway.Gateway
	store     *memoryStore
	directory *gatewaytest.Directory
	service   *contract.Service
	parts     gateway.Parts
	mapping   *mapping.Mapping
	stop      func()
}

// generation makes one of the bench's parts.
func (b *bench) generation(t testing.TB) *gateway.Generation {
	t.Helper()
	route := gateway.NewRoute("submit-order", []string{"soap:orders/OrderService.SubmitOrder", "rest:submit-order", queue}, b.mapping, b.store)
	g, err := gateway.NewGeneration(b.parts, []*gateway.Route{route})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newBench(t testing.TB) *bench {
	t.Helper()
	return newBenchWith(t, gateway.Config{})
}

func newBenchWith(t testing.TB, config gateway.Config) *bench {
	t.Helper()
	return newBenchAt(t, config, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// newBenchAt is a bench with its own clock and log.
func newBenchAt(t testing.TB, config gateway.Config, now func() time.Time, log *slog.Logger) *bench {
	t.Helper()
	return newBenchOf(t, func(*memoryStore) {}, config, now, log)
}

// newBenchOf is a bench whose store was prepared.
func newBenchOf(t testing.TB, prepare func(*memoryStore), config gateway.Config, now func() time.Time, log *slog.Logger) *bench {
	t.Helper()
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: &memoryStore{writerUp: true}, service: c.Services[0]}
	prepare(b.store)
	b.directory = gatewaytest.NewDirectory(time.Now, gatewaytest.Corp()...)
	b.mapping = compile(t, c, "submit-order.yaml")
	access := gateway.NewAccess(
		[]gateway.Role{{Name: "erp-sender", Members: []gateway.Member{{Group: "erp-users"}}, Partner: "erp"}},
		[]gateway.Grant{{Role: "erp-sender", May: []gateway.Verb{gateway.Send}, On: "route/submit-order"}},
	)
	b.parts = gateway.Parts{Version: "test", Contracts: []*contract.Contract{c}, Access: access, Directory: b.directory}
	b.Gateway = gateway.New(config, b.store, b.generation(t), now, log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func compile(t testing.TB, c *contract.Contract, name string) *mapping.Mapping {
	t.Helper()
	src, err := fs.ReadFile(mappings.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := mapping.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(file, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile("../../testdata/soap/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (b *bench) arrival(body []byte, user, password string) *gateway.Arrival {
	a := &gateway.Arrival{Endpoint: "soap:orders/OrderService", Service: b.service, Body: body, Remote: "192.0.2.7"}
	if user != "" {
		a.Basic = &gateway.Credentials{Username: user, Password: password}
	}
	return a
}

// TestAcceptStages sends messages that are wrong in more than one way: what is
// answered shows which stage comes first, and what is asked of whom.
func TestAcceptStages(t *testing.T) {
	alice := func(b *bench, body []byte) *gateway.Arrival {
		return b.arrival(body, "erp.alice", "erp.alice-secret")
	}
	for name, c := range map[string]struct {
		arrival func(b *bench) *gateway.Arrival
		prepare func(b *bench)
		code    fault.Code
		asks    int // how often the directory is asked
	}{
		"not XML, nobody":       {func(b *bench) *gateway.Arrival { return b.arrival([]byte("{}"), "", "") }, nil, fault.CodeMalformed, 0},
		"unknown op, nobody":    {func(b *bench) *gateway.Arrival { return b.arrival(sample(t, "bad-unknown-operation.xml"), "", "") }, nil, fault.CodeUnknownOperation, 0},
		"invalid, nobody":       {func(b *bench) *gateway.Arrival { return b.arrival(sample(t, "bad-several.xml"), "", "") }, nil, fault.CodeUnauthenticated, 0},
		"invalid, wrong secret": {func(b *bench) *gateway.Arrival { return b.arrival(sample(t, "bad-several.xml"), "erp.alice", "no") }, nil, fault.CodeUnauthenticated, 1},
		"invalid, no group": {func(b *bench) *gateway.Arrival {
			return b.arrival(sample(t, "bad-several.xml"), "carol", "carol-secret")
		}, nil, fault.CodeForbidden, 1},
		"invalid, allowed": {func(b *bench) *gateway.Arrival { return alice(b, sample(t, "bad-several.xml")) }, nil, fault.CodeInvalid, 1},
		"invalid, database away": {func(b *bench) *gateway.Arrival { return alice(b, sample(t, "bad-several.xml")) },
			func(b *bench) { b.store.writerUp = false }, fault.CodeStoreUnavailable, 1},
		"directory away": {func(b *bench) *gateway.Arrival { return alice(b, sample(t, "order-full.xml")) },
			func(b *bench) { b.directory.SetDown(true) }, fault.CodeDirectoryUnavailable, 1},
		"an operation that no route takes": {func(b *bench) *gateway.Arrival { return alice(b, sample(t, "shipment.xml")) }, nil, fault.CodeUnknownOperation, 0},
		"Basic and token differ": {func(b *bench) *gateway.Arrival {
			return b.arrival(sample(t, "order-full-wsse.xml"), "carol", "carol-secret")
		}, nil, fault.CodeCredentials, 0},
		"the action of another operation": {func(b *bench) *gateway.Arrival {
			a := alice(b, sample(t, "order-full.xml"))
			a.Action = b.service.OperationNamed("NotifyShipment").Action11
			return a
		}, nil, fault.CodeAction, 0},
		"the action of another operation, in the envelope": {func(b *bench) *gateway.Arrival {
			action := `<soap:Header><Action xmlns="http://www.w3.org/2005/08/addressing">` + b.service.OperationNamed("NotifyShipment").InputAction + `</Action></soap:Header><soap:Body>`
			return alice(b, bytes.Replace(sample(t, "order-full.xml"), []byte("<soap:Body>"), []byte(action), 1))
		}, nil, fault.CodeAction, 0},
		"the door objects": {func(b *bench) *gateway.Arrival {
			a := alice(b, sample(t, "order-full.xml"))
			a.Check = func(*envelope.Head) error { return fault.New(fault.CodeClearTextPassword, "") }
			return a
		}, nil, fault.CodeClearTextPassword, 0},
		"good": {func(b *bench) *gateway.Arrival { return alice(b, sample(t, "order-full.xml")) }, nil, "", 1},
		"good, by token": {func(b *bench) *gateway.Arrival {
			return b.arrival(sample(t, "order-full-wsse.xml"), "", "")
		}, nil, "", 1},
		"good, an action nobody knows": {func(b *bench) *gateway.Arrival {
			a := alice(b, sample(t, "order-full.xml"))
			a.Action = "urn:whatever"
			return a
		}, nil, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if c.prepare != nil {
				c.prepare(b)
			}
			r, err := b.Accept(t.Context(), c.arrival(b))
			if r == nil || r.ID == (gateway.ID{}) {
				t.Fatalf("receipt %v without an id", r)
			}
			b.stop() // refusals are written behind the request, at the latest now
			if got := b.directory.Calls(); got != c.asks {
				t.Errorf("the directory was asked %d times, want %d", got, c.asks)
			}
			if c.code == "" {
				b.wantStored(t, r, err)
				return
			}
			b.wantRefused(t, r, err, c.code)
		})
	}
}

func (b *bench) wantStored(t *testing.T, r *gateway.Receipt, err error) {
	t.Helper()
	if err != nil || r.Status != gateway.Stored || r.MessageID != r.ID || !strings.Contains(string(r.Reply), "ACCEPTED") {
		t.Errorf("got %+v, %v", r, err)
	}
	if len(b.store.entries) != 1 || len(b.store.refusals) != 0 {
		t.Errorf("%d messages and %d refusals, want one and none", len(b.store.entries), len(b.store.refusals))
	}
}

func (b *bench) wantRefused(t *testing.T, r *gateway.Receipt, err error, code fault.Code) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if len(b.store.entries) != 0 {
		t.Error("something was stored")
	}
	if len(b.store.refusals) != 1 {
		t.Fatalf("%d refusals, want one", len(b.store.refusals))
	}
	if got := b.store.refusals[0]; got.ID != r.ID || got.Code != string(code) || got.Remote != "192.0.2.7" || strings.Contains(got.Reason, "SENT") {
		t.Errorf("refusal %+v", got)
	}
}

// TestAcceptedMessage looks at what goes into the store.
func TestAcceptedMessage(t *testing.T) {
	b := newBench(t)
	a := b.arrival(sample(t, "order-full-wsse.xml"), "", "")
	a.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if _, err := b.Accept(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	m := b.store.entries[0]
	for what, ok := range map[string]bool{
		"route":        m.Route == "submit-order" && m.Endpoint == "soap:orders/OrderService.SubmitOrder",
		"sender":       m.Sender == "partner:erp" && strings.HasPrefix(m.Principal, "uid=erp.alice,"),
		"identity":     m.Identity == "erp-0002" && m.Correlation == "erp-0002",
		"ordering key": m.OrderingKey == "PO-1002",
		"keys":         fmt.Sprint(m.Keys) == "[{order PO-1002} {customer C-1001}]",
		"payload":      strings.HasPrefix(string(m.Payload), "<o:SubmitOrder") && strings.Contains(string(m.Payload), "PO-1002"),
		"no secrets":   !strings.Contains(string(m.Payload), "secret") && !strings.Contains(string(m.Payload), "Security"),
		"trace":        m.TraceParent == a.TraceParent,
		"time":         m.ReceivedAt.Location() == time.UTC && m.ReceivedAt.Nanosecond()%1e6 == 0,
	} {
		if !ok {
			t.Errorf("%s: %+v\n%s", what, m, m.Payload)
		}
	}
}

// TestSameBody: what makes a repeat is the message, not its wrapping.
func TestSameBody(t *testing.T) {
	digest := func(name string) gateway.Digest {
		b := newBench(t)
		user := "erp.alice"
		if strings.Contains(name, "wsse") {
			user = ""
		}
		if _, err := b.Accept(t.Context(), b.arrival(sample(t, name), user, "erp.alice-secret")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return b.store.entries[0].Body
	}
	first := digest("order-full.xml")
	for _, same := range []string{"order-full-soap12.xml", "order-full-wsse.xml", "order-full-wsse-soap12.xml", "order-other-prefixes.xml"} {
		if digest(same) != first {
			t.Errorf("%s counts as another body", same)
		}
	}
	for _, other := range []string{"order-same-id-other-body.xml", "order-minimal.xml"} {
		if digest(other) == first {
			t.Errorf("%s counts as the same body", other)
		}
	}
}

// TestOutcomes: what the store says is what the door hears.
func TestOutcomes(t *testing.T) {
	first := gateway.ID{1}
	for name, c := range map[string]struct {
		outcome  gateway.Outcome
		code     fault.Code
		refusals int
	}{
		"duplicate":  {gateway.Outcome{Status: gateway.Duplicate, MessageID: first, Reply: []byte("<r/>")}, "", 0},
		"conflict":   {gateway.Outcome{Status: gateway.Conflict, MessageID: first, Err: fault.New(fault.CodeKeyReused, "")}, fault.CodeKeyReused, 1},
		"refused":    {gateway.Outcome{Status: gateway.Refused, Err: fault.New(fault.CodeLookup, "")}, fault.CodeLookup, 1},
		"superseded": {gateway.Outcome{Status: gateway.Superseded, MessageID: first}, fault.CodeSuperseded, 0},
		"a defect":   {gateway.Outcome{Status: gateway.Refused, Err: errors.New("divided by zero")}, fault.CodeInternal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.store.answer = func(*gateway.Entry) gateway.Outcome { return c.outcome }
			r, err := b.Accept(t.Context(), b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret"))
			b.stop()
			switch {
			case c.code == "" && (err != nil || r.MessageID != first || string(r.Reply) != "<r/>"):
				t.Errorf("got %+v, %v", r, err)
			case c.code != "" && (err == nil || fault.Of(err).Code != c.code):
				t.Errorf("got %v, want %s", err, c.code)
			}
			if err != nil && strings.Contains(fault.Of(err).Message, "zero") {
				t.Error("the sender reads a defect's text")
			}
			if len(b.store.refusals) != c.refusals {
				t.Errorf("%d refusals, want %d", len(b.store.refusals), c.refusals)
			}
		})
	}
}

// TestCallerLeaves: the end of the caller's context ends its waiting only.
func TestCallerLeaves(t *testing.T) {
	b := newBench(t)
	b.store.gate = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := b.Accept(ctx, b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret"))
		answered <- err
	}()
	b.store.gate <- struct{}{} // the store has it; nobody has been answered
	leave()
	if err := <-answered; err != nil && fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	b.stop()
	if len(b.store.entries) != 1 || len(b.store.refusals) != 0 {
		t.Errorf("%d messages stored, %d refusals; want one and none", len(b.store.entries), len(b.store.refusals))
	}
}

// TestCallerLeavesAtOnce: many a one-way sender hangs up before anybody has
// asked the directory who it is.
func TestCallerLeavesAtOnce(t *testing.T) {
	b := newBench(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := b.Accept(ctx, b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret")); err != nil && fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	b.stop()
	if len(b.store.entries) != 1 || len(b.store.refusals) != 0 {
		t.Errorf("%d messages stored, %d refusals; want one and none", len(b.store.entries), len(b.store.refusals))
	}
}

// TestDrain: a gateway that ends turns new messages away as unavailable, and
// answers those it has.
func TestDrain(t *testing.T) {
	b := newBench(t)
	b.store.gate = make(chan struct{})
	answered := make(chan error, 1)
	go func() {
		_, err := b.Accept(t.Context(), b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret"))
		answered <- err
	}()
	b.store.gate <- struct{}{}
	b.stop()
	if err := <-answered; err != nil {
		t.Errorf("the message in flight: %v", err)
	}
	_, err := b.Accept(t.Context(), b.arrival(sample(t, "order-minimal.xml"), "erp.alice", "erp.alice-secret"))
	if got := fault.Of(err); got == nil || got.Code != fault.CodeDraining {
		t.Errorf("after the end: %v", err)
	}
}

// TestBindHeals: a route whose tables could not be looked at works once they can.
func TestBindHeals(t *testing.T) {
	b := newBench(t)
	b.store.writerUp = false
	send := func() error {
		_, err := b.Accept(t.Context(), b.arrival(sample(t, "order-full.xml"), "erp.alice", "erp.alice-secret"))
		return err
	}
	if err := send(); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	b.store.mu.Lock()
	b.store.writerUp = true
	b.store.mu.Unlock()
	if err := send(); err != nil {
		t.Fatal(err)
	}
}

// TestRefusalsAreGathered: someone who knocks a thousand times costs few rows.
func TestRefusalsAreGathered(t *testing.T) {
	b := newBench(t)
	for i := range 1000 {
		body := sample(t, "order-full.xml")
		if i%2 == 0 {
			body = fmt.Appendf(nil, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><a%d/></s:Body></s:Envelope>`, i) // a reason each time
		}
		a := b.arrival(body, "", "")
		a.Remote = fmt.Sprintf("192.0.2.7:%d", 1024+i) // a connection each time
		if _, err := b.Accept(t.Context(), a); fault.KindOf(err) != fault.Unauthenticated && fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
	}
	b.stop()
	total := 0
	for _, r := range b.store.refusals {
		total += r.Count
	}
	if total != 1000 || len(b.store.refusals) > 50 {
		t.Errorf("%d rows that stand for %d refusals, want few that stand for 1000", len(b.store.refusals), total)
	}
}

// BenchmarkPrepare is Accept without a store: peek, route, authenticate,
// authorize, validate, read, map, and the rendering of reply and event.
func BenchmarkPrepare(b *testing.B) {
	g := newBench(b)
	body := sample(b, "order-full.xml")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := g.Accept(context.Background(), g.arrival(body, "erp.alice", "erp.alice-secret")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
