package gateway

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// logins is a directory with passwords.
type logins struct{ lookups }

func (l logins) Authenticate(_ context.Context, login, password string) (*Identity, error) {
	if id := l.lookups[login]; id != nil && password == "secret" {
		return id, nil
	}
	return nil, fault.New(fault.CodeUnauthenticated, "")
}

// idleStore belongs to a gateway that is to do nothing by itself.
type idleStore struct {
	Store
	acquired atomic.Int32
}

func (*idleStore) Lanes() int  { return 1 }
func (*idleStore) Shards() int { return 1 }

func (s *idleStore) Acquire(context.Context, string, int, string, time.Duration) (Lease, bool, error) {
	s.acquired.Add(1)
	return Lease{}, false, nil
}

func idleGateway(t *testing.T) (*Gateway, *idleStore) {
	t.Helper()
	generation, err := NewGeneration(Parts{
		Access: NewAccess([]Role{{Name: "operator", Members: []Member{{User: "olga"}}}},
			[]Grant{{Role: "operator", May: []Verb{Read, Replay}, On: "message/*"}}),
		Directory: logins{lookups{"olga": {DN: "cn=olga", Login: "olga"}}},
		Channels:  []Channel{{Name: "events"}},
	}, []*Route{{Name: "orders", Endpoints: []string{"soap:a"}}})
	if err != nil {
		t.Fatal(err)
	}
	store := &idleStore{}
	return New(Config{}, store, generation, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil))), store
}

func TestOperator(t *testing.T) {
	g, _ := idleGateway(t)
	if _, err := g.Operator(t.Context(), Proof{Basic: &Credentials{"olga", "wrong"}}); err == nil || fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	olga, err := g.Operator(t.Context(), Proof{Basic: &Credentials{"olga", "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := olga.May(Replay, OnMessage("orders")); err != nil {
		t.Error(err)
	}
	if err := olga.May(Discard, OnMessage("orders")); err == nil || fault.KindOf(err) != fault.Forbidden {
		t.Errorf("got %v", err)
	}
	if s := olga.Standing(); s.Login != "olga" || len(s.Roles) != 1 {
		t.Errorf("got %+v", s)
	}
}

// TestAsker: who searches comes in by the ways of senders, whatever those of operators are.
func TestAsker(t *testing.T) {
	g, _ := idleGateway(t)
	parts := g.generation.Load().Parts
	people := lookups{"olga": {DN: "cn=olga", Login: "olga"}}
	parts.Directory = logins{people}
	parts.WaysIn = WaysIn{Certificates: vouching{people}, Operators: []WayIn{WayCertificate}}
	next, err := NewGeneration(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Reload(next)
	if ways := g.SearchWays(); len(ways) != 2 || ways[0] != WayBasic || ways[1] != WayCertificate {
		t.Errorf("the ways are %v", ways)
	}
	if who, err := g.Asker(t.Context(), Proof{Basic: &Credentials{"olga", "secret"}}); err != nil || who.DN != "cn=olga" {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := g.Asker(t.Context(), Proof{Bearer: "olga"}); fault.Of(err).Code != fault.CodeTokenUnsupported {
		t.Errorf("a token where none is taken: %v", err)
	}
	if _, err := g.Asker(t.Context(), Proof{}); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("nothing shown: %v", err)
	}
}

// vouching knows whose certificates and tokens are: those of their names.
type vouching struct{ lookups }

func (v vouching) Holder(ctx context.Context, cert *x509.Certificate) (*Identity, error) {
	return v.Lookup(ctx, cert.Subject.CommonName)
}

func (v vouching) Login(_ context.Context, token string, _ *x509.Certificate) (string, error) {
	return token, nil
}

// TestOperatorWays: people come in by what is open to them, and are one person.
func TestOperatorWays(t *testing.T) {
	named := func(name string) *x509.Certificate { return &x509.Certificate{Subject: pkix.Name{CommonName: name}} }
	olga, otto := &Credentials{"olga", "secret"}, &Credentials{"otto", "secret"}
	all := []WayIn{WayBasic, WayCertificate, WayBearer}
	for name, c := range map[string]struct {
		proof Proof
		open  []WayIn
		code  fault.Code
	}{
		"password":                         {Proof{Basic: olga}, nil, ""},
		"certificate":                      {Proof{Certificate: named("olga")}, all, ""},
		"token":                            {Proof{Bearer: "olga"}, all, ""},
		"everything":                       {Proof{olga, "olga", named("olga")}, all, ""},
		"nothing":                          {Proof{}, all, fault.CodeUnauthenticated},
		"two people":                       {Proof{Basic: otto, Certificate: named("olga")}, all, fault.CodeCredentials},
		"token of another":                 {Proof{Bearer: "otto", Certificate: named("olga")}, all, fault.CodeCredentials},
		"certificate of nobody":            {Proof{Certificate: named("mallory"), Basic: olga}, all, fault.CodeUnauthenticated},
		"token of nobody":                  {Proof{Bearer: "mallory"}, all, fault.CodeBearer},
		"wrong password":                   {Proof{Basic: &Credentials{"olga", "no"}, Certificate: named("olga")}, all, fault.CodeUnauthenticated},
		"certificate where none is taken":  {Proof{Certificate: named("olga")}, nil, fault.CodeUnauthenticated},
		"another's certificate, not taken": {Proof{Certificate: named("otto"), Basic: olga}, nil, ""},
		"token where none is taken":        {Proof{Bearer: "olga"}, nil, fault.CodeTokenUnsupported},
		"password where none is taken":     {Proof{Basic: olga}, []WayIn{WayCertificate}, fault.CodeTokenUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := idleGateway(t)
			people := lookups{"olga": {DN: "cn=olga", Login: "olga"}, "otto": {DN: "cn=otto", Login: "otto"}}
			parts := g.generation.Load().Parts
			parts.Directory = logins{people}
			parts.WaysIn = WaysIn{Certificates: vouching{people}, Tokens: vouching{people}, Operators: c.open}
			next, err := NewGeneration(parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			g.Reload(next)
			who, err := g.Operator(t.Context(), c.proof)
			if f := fault.Of(err); c.code != "" && (f == nil || f.Code != c.code) || c.code == "" && (err != nil || who.Login != "olga") {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}

func TestExplainTellsWhatIsNotThere(t *testing.T) {
	g, _ := idleGateway(t)
	for on, missing := range map[string]bool{"message/orders": false, "message/ordesr": true} {
		e, err := g.Explain(t.Context(), Question{"olga", Read, on})
		if err != nil || !e.Allowed || e.Missing != missing {
			t.Errorf("%s: %+v, %v", on, e, err)
		}
	}
	e, err := g.Explain(t.Context(), Question{"olga", Cause, "channel/events"})
	if err != nil || e.Allowed || e.Missing {
		t.Errorf("%+v, %v", e, err)
	}
}

// Aside leaves the outbox and what waits alone, ends what act began, and takes
// nothing afterwards.
func TestAside(t *testing.T) {
	g, store := idleGateway(t)
	told := errors.New("told")
	settled := make(chan error, 1)
	err := g.Aside(t.Context(), func(context.Context) error {
		j := &job{writer: nil, entry: &Entry{Message: &Message{}, Done: func() {}}, source: &Source{}, settle: func(_ Outcome, err error) { settled <- err }}
		j.source.broken.Store(true) // the lane answers without a writer
		if err := g.lanes.each[0].push(j); err != nil {
			return err
		}
		return told
	})
	if !errors.Is(err, told) {
		t.Errorf("got %v", err)
	}
	select {
	case <-settled:
	default:
		t.Error("what was begun has no end")
	}
	if n := store.acquired.Load(); n != 0 {
		t.Errorf("%d leases were asked for", n)
	}
	if err := g.admit(); err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a message is taken afterwards: %v", err)
	}
}
