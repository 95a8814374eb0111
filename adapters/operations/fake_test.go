package operations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var _ Core = (*gateway.Gateway)(nil)

// people are who the fake core knows; the password of each is the login with -secret.
var people = map[string][]string{
	"olga": {"gh-operators"},
	"nora": {"order-desk"}, // sees the orders only
	"rita": {"replayers"},  // replays without reading
	"adam": {"admins"},
	"erna": {"erasers"},  // erases orders
	"dora": {"deciders"}, // corrects, repeats and adopts orders
	"carl": nil,
}

var access = gateway.NewAccess([]gateway.Role{
	{Name: "operator", Members: []gateway.Member{{Group: "gh-operators"}}},
	{Name: "desk", Members: []gateway.Member{{Group: "order-desk"}}},
	{Name: "replayer", Members: []gateway.Member{{Group: "replayers"}}},
	{Name: "admin", Members: []gateway.Member{{Group: "admins"}}},
	{Name: "eraser", Members: []gateway.Member{{Group: "erasers"}}},
	{Name: "decider", Members: []gateway.Member{{Group: "deciders"}}},
}, []gateway.Grant{
	{Role: "operator", May: []gateway.Verb{gateway.Read, gateway.Replay, gateway.Park, gateway.Discard}, On: "message/*"},
	{Role: "desk", May: []gateway.Verb{gateway.Read}, On: "message/orders"},
	{Role: "replayer", May: []gateway.Verb{gateway.Replay}, On: "message/orders"},
	{Role: "admin", May: []gateway.Verb{gateway.Read, gateway.Reload}, On: "configuration"},
	{Role: "eraser", May: []gateway.Verb{gateway.Erase}, On: "message/orders"},
	{Role: "admin", May: []gateway.Verb{gateway.Read}, On: "access"},
	{Role: "decider", May: []gateway.Verb{gateway.Read, gateway.Replay, gateway.Correct, gateway.Repeat, gateway.Adopt}, On: "message/orders"},
})

// fakeGateway is Core, Ledger and Configuration in memory.
type fakeGateway struct {
	audited []string // acts that were to be recorded
	denied  error    // that they could not be
	mu      sync.Mutex
	down    error // of everything
	records []*gateway.Record
	acts    []string
	refusal error // of acts
	logins  int
	block   chan struct{} // when set, logins wait for it
	reloads []gateway.Act
	reload  error
	running Running

	selected  []gateway.Selection
	jobs      []gateway.Job
	adoptions []Adoption
}

func newFakeGateway() *fakeGateway {
	g := &fakeGateway{running: Running{Version: "one", Since: noon, File: "/etc/gatehouse.yaml", Binary: "test", Effective: "store: {}\n"}}
	for i, route := range []string{"orders", "invoices", "", "orders", "invoices"} {
		g.add(idOf(i), route)
	}
	return g
}

// idOf is the id of the nth message, which rises with n.
func idOf(n int) gateway.ID {
	id := uuid.MustParse("0190a3c0-0000-7000-8000-000000000000")
	id[15], id[14] = byte(n), byte(n>>8)
	return id
}

func (g *fakeGateway) add(id gateway.ID, route string) {
	r := &gateway.Record{Payload: []byte("<secret/>"), Summary: gateway.Summary{ID: id, Route: route, Outcome: "stored"}}
	g.records = append(g.records, r)
}

func (g *fakeGateway) Operator(ctx context.Context, p gateway.Proof) (*gateway.Operator, error) {
	var c gateway.Credentials
	switch {
	case p.Basic != nil:
		c = *p.Basic
	case p.Bearer != "":
		c = gateway.Credentials{Username: p.Bearer, Password: p.Bearer + "-secret"}
	case p.Certificate != nil:
		c = gateway.Credentials{Username: p.Certificate.Subject.CommonName, Password: p.Certificate.Subject.CommonName + "-secret"}
	}
	g.mu.Lock()
	g.logins++
	block, down := g.block, g.down
	g.mu.Unlock()
	if block != nil {
		<-block
	}
	groups, known := people[c.Username]
	switch {
	case down != nil:
		return nil, down
	case !known || c.Password != c.Username+"-secret":
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errors.New("wrong password"))
	}
	return gateway.NewOperator(&gateway.Identity{DN: "uid=" + c.Username, Login: c.Username, Groups: make([]string, len(groups)), GroupNames: groups}, access), nil
}

func (g *fakeGateway) Lookup(_ context.Context, login string) (*gateway.Identity, error) {
	groups, known := people[login]
	if !known {
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errors.New("no such user"))
	}
	return &gateway.Identity{DN: "uid=" + login, Login: login, GroupNames: groups}, nil
}

func (g *fakeGateway) Authenticate(context.Context, string, string) (*gateway.Identity, error) {
	return nil, errors.New("explaining asks for no password")
}

func (g *fakeGateway) Ping(context.Context) error { return g.down }

func (g *fakeGateway) Explain(ctx context.Context, q gateway.Question) (*gateway.Explanation, error) {
	return access.Explain(ctx, g, nil, q)
}

func (g *fakeGateway) acted(what string, id gateway.ID, act gateway.Act) (*gateway.Effect, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusal != nil {
		return nil, g.refusal
	}
	g.acts = append(g.acts, strings.Join([]string{what, id.String(), act.By, act.Reason}, " "))
	return &gateway.Effect{Message: id, Outcome: what}, nil
}

func (g *fakeGateway) Replay(_ context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error) {
	return g.acted("replay", id, act)
}

func (g *fakeGateway) Park(_ context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error) {
	return g.acted("park", id, act)
}

func (g *fakeGateway) Discard(_ context.Context, id gateway.ID, act gateway.Act) (*gateway.Effect, error) {
	return g.acted("discard", id, act)
}

func (g *fakeGateway) Erase(_ context.Context, what gateway.Erasure, act gateway.Act) (*gateway.Erased, error) {
	out := &gateway.Erased{Erasure: what, By: act.By, Messages: []gateway.ErasedMessage{}}
	for _, r := range g.records {
		m := gateway.ErasedMessage{ID: r.ID, Route: r.Route}
		if err := what.Allowed(r.Route); err != nil {
			m.Open = fault.Of(err).Message
		}
		out.Messages = append(out.Messages, m)
	}
	_, err := g.acted("erase "+what.Key.Name+"="+what.Key.Value, what.After, act)
	return out, err
}

func (g *fakeGateway) Correct(_ context.Context, id gateway.ID, payload []byte, act gateway.Act) (*gateway.Effect, error) {
	return g.acted("correct "+string(payload), id, act)
}

func (g *fakeGateway) Rehearse(ctx context.Context, id gateway.ID, act gateway.Act) (*gateway.Differences, error) {
	if err := g.Audited(ctx, "rehearse", id.String(), act); err != nil {
		return nil, err
	}
	return &gateway.Differences{Message: id, Outcome: "stored", Seen: "one-two"}, g.refusal
}

func (g *fakeGateway) AuditBegin(context.Context, time.Time) (*gateway.AuditSpan, error) {
	return &gateway.AuditSpan{Starts: []gateway.AuditHead{{Chain: 1}}}, g.down
}

func (g *fakeGateway) AuditVerify(_ context.Context, after gateway.AuditHead, _ *gateway.AuditSpan) (*gateway.AuditPart, error) {
	after.Seq++
	return &gateway.AuditPart{Head: after, Done: true}, g.down
}

func (g *fakeGateway) AuditHeads(context.Context) ([]gateway.AuditHead, error) {
	return []gateway.AuditHead{{Chain: 1, Seq: 2}}, g.down
}

func (g *fakeGateway) AuditEntry(_ context.Context, chain int, seq int64) (*gateway.AuditEntry, error) {
	if seq > 1 {
		return nil, g.down
	}
	return &gateway.AuditEntry{Chain: chain, Seq: seq}, g.down
}

func (g *fakeGateway) Audited(_ context.Context, what, target string, act gateway.Act) error {
	g.audited = append(g.audited, what+" "+target+" by "+act.By)
	return g.denied
}

func (g *fakeGateway) Repeat(_ context.Context, id gateway.ID, seen string, act gateway.Act) (*gateway.Effect, error) {
	return g.acted("repeat "+seen, id, act)
}

func (g *fakeGateway) Routes() []string { return []string{"orders", "invoices", "prices"} }

func (g *fakeGateway) Groups(_ context.Context, s gateway.Selection) ([]gateway.ParkedGroup, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.selected = append(g.selected, s)
	return []gateway.ParkedGroup{{Route: "orders", Code: "GH-2002", Count: 3}, {Route: "orders", Code: "GH-3001", Count: 2}}, g.down
}

func (g *fakeGateway) StartJob(_ context.Context, j *gateway.Job) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	j.ID, j.State, j.Total = idOf(1000+len(g.jobs)), gateway.JobRunning, 5
	g.jobs = append(g.jobs, *j)
	return g.refusal
}

func (g *fakeGateway) TurnJob(_ context.Context, id gateway.ID, state gateway.JobState, act gateway.Act) (*gateway.Job, error) {
	if _, err := g.acted(string(state), id, act); err != nil {
		return nil, err
	}
	return g.Job(context.Background(), id)
}

func (g *fakeGateway) Job(_ context.Context, id gateway.ID) (*gateway.Job, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.jobs {
		if g.jobs[i].ID == id {
			return &g.jobs[i], g.down
		}
	}
	return nil, fault.New(fault.CodeJobNotFound, "")
}

func (g *fakeGateway) Jobs(context.Context, gateway.JobState, int) ([]gateway.Job, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.jobs), g.down
}

func (g *fakeGateway) Adopt(_ context.Context, a Adoption) (*gateway.Adopted, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adoptions = append(g.adoptions, a)
	return &gateway.Adopted{Looked: 2, Parked: 2, Left: 7}, g.refusal
}

func (g *fakeGateway) Messages(_ context.Context, q gateway.Query) ([]gateway.Summary, error) {
	var out []gateway.Summary
	for _, r := range slices.Backward(g.records) {
		if q.Route != "" && r.Route != q.Route || q.Before != (gateway.ID{}) && bytes.Compare(r.ID[:], q.Before[:]) >= 0 || len(out) == q.Limit {
			continue
		}
		out = append(out, r.Summary)
	}
	return out, g.down
}

func (g *fakeGateway) Message(_ context.Context, id gateway.ID) (*gateway.Record, error) {
	for _, r := range g.records {
		if r.ID == id {
			return r, g.down
		}
	}
	return nil, fault.New(fault.CodeMessageNotFound, "")
}

func (g *fakeGateway) Holding(context.Context) (gateway.Holding, error) {
	return gateway.Holding{
		Waiting: map[string]int{"orders": 2, "invoices": 1},
		Parked:  map[string]int{"orders": 3},
		Outbox:  map[string]int{"order-events": 7},
		Stuck:   map[string]int{"price-events": 1},
	}, g.down
}

func (g *fakeGateway) Running() Running {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

func (g *fakeGateway) Reload(_ context.Context, act gateway.Act) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reloads = append(g.reloads, act)
	if g.reload == nil {
		g.running.Version = "two"
	}
	return g.reload
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

// door is a handler over a fake gateway, without a connection.
type door struct {
	*Handler
	gateway *fakeGateway
	log     *logBuffer
	t       testing.TB
}

func newDoor(t testing.TB, c Config) *door {
	d := &door{gateway: newFakeGateway(), log: &logBuffer{}, t: t}
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_test_total", Help: "h"})
	registry.MustRegister(counter)
	counter.Inc()
	d.Handler = NewHandler(c, Parts{
		Core:          d.gateway,
		Ledger:        d.gateway,
		Configuration: d.gateway,
		Broker:        d.gateway,
		Readiness:     NewReadiness(func() []Probe { return nil }, time.Now),
		Metrics:       registry,
		Log:           slog.New(slog.NewTextHandler(io.MultiWriter(d.log, t.Output()), nil)),
	})
	return d
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// into decodes the body.
func (a answer) into(value any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), value); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
}

// wants checks status and, when it is an error, that it is a problem of the code.
func (a answer) wants(status int, code fault.Code) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if code == "" {
		return a
	}
	var p Problem
	a.into(&p)
	if p.Code != code || p.Status != status || p.Type != "urn:gatehouse:fault:"+string(code) || a.Header().Get("Content-Type") != "application/problem+json" {
		a.t.Errorf("problem is %+v, want %s", p, code)
	}
	return a
}

// as sends a request as a user, who may be nobody.
func (d *door) as(user, method, target, body string, change ...func(*http.Request)) answer {
	d.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5000"
	if user != "" {
		r.SetBasicAuth(user, user+"-secret")
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return answer{w, d.t}
}
