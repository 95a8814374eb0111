package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

const askFolder = "../../testdata/ask/"

// oneKey seals what is sealed.
type oneKey struct{}

func (oneKey) Current() sealing.Key           { return sealing.Key{ID: 1, Secret: make([]byte, 32)} }
func (oneKey) Key(uint32) (sealing.Key, bool) { return oneKey{}.Current(), true }

// asking is a gateway whose routes are queries over orders in memory. alice may read
// them, bob those of C-1 alone, without their customer's notes, and carol nothing.
type asking struct {
	*gateway.Gateway
	store   *memoryStore
	views   *gatewaytest.Views
	service *contract.Service
	log     *bytes.Buffer
	desk    *query.Desk
	t       *testing.T
}

func newAsking(t *testing.T, limits gateway.Limits) *asking {
	t.Helper()
	c, err := contract.Load(os.DirFS(askFolder), "ask.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		src, err := os.ReadFile(askFolder + name)
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	a := &asking{store: &memoryStore{writerUp: true}, service: c.Services[0], log: &bytes.Buffer{}, t: t}
	if a.views, err = gatewaytest.Orders(read("orders.yaml"), 20); err != nil {
		t.Fatal(err)
	}
	a.desk = &query.Desk{Places: query.NewPlaces(4, 4), Metrics: query.NewMetrics(prometheus.NewRegistry()), Tokens: odata.NewTokens(oneKey{}), Timeout: time.Minute}
	d, err := view.Parse("orders.yaml", read("orders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	parts := gateway.Parts{Version: "test", Contracts: []*contract.Contract{c}, Directory: gatewaytest.NewDirectory(time.Now, gatewaytest.Corp()...), Views: []string{"orders"},
		Channels: []gateway.Channel{{Name: "answers", Replies: []string{"https://erp.example/answers"}}},
		Access: gateway.NewAccess(
			[]gateway.Role{{Name: "reader", Members: []gateway.Member{{User: "erp.alice"}}, Limits: limits}, {Name: "narrow", Members: []gateway.Member{{User: "wms.bob"}}}},
			[]gateway.Grant{
				{Role: "reader", May: []gateway.Verb{gateway.Read}, On: "view/orders", Classes: []string{"personal"}},
				{Role: "reader", May: []gateway.Verb{gateway.Cause}, On: "channel/answers"},
				{Role: "narrow", May: []gateway.Verb{gateway.Read}, On: "view/orders", Rows: []gateway.RowFilter{{Column: "customer", Values: []string{"C-1"}}}},
				{Role: "narrow", May: []gateway.Verb{gateway.Send}, On: "route/find-orders"},
			})}
	for file, operation := range map[string]string{"find-orders": "FindOrders", "get-order": "GetOrder"} {
		f, err := mapping.ParseQuery(file, read(file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		q, err := query.New(f, c, d.Viewed())
		if err != nil {
			t.Fatal(err)
		}
		parts.Queries = append(parts.Queries, &gateway.QueryRoute{Name: file, Endpoints: []string{"soap:ask/Ask." + operation}, Answerer: query.Served{Query: q, Desk: a.desk, Searches: a.views}})
	}
	generation, err := gateway.NewGeneration(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.Gateway = gateway.New(gateway.Config{}, a.store, generation, time.Now, slog.New(slog.NewTextHandler(a.log, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		a.store.refusals = slices.DeleteFunc(a.store.refusals, func(r gateway.Refusal) bool { return r.Code == string(fault.CodeUnknownOperation) }) // of no query
		if len(a.store.entries) > 0 || len(a.store.refusals) > 0 || len(a.store.holds) > 0 {
			t.Errorf("something was kept: %+v, %+v", a.store.entries, a.store.refusals)
		}
	})
	return a
}

func (a *asking) arrival(user, header, body string) *gateway.Arrival {
	text := `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="urn:test:ask"><soap:Header>` + header + `</soap:Header><soap:Body>` + body + `</soap:Body></soap:Envelope>`
	return &gateway.Arrival{Endpoint: "soap:ask/Ask", Service: a.service, Body: []byte(text), Remote: "192.0.2.7", Basic: &gateway.Credentials{Username: user, Password: user + "-secret"}}
}

func (a *asking) accept(user, header, body string) (string, *gateway.Receipt, error) {
	receipt, err := a.Accept(a.t.Context(), a.arrival(user, header, body))
	return strings.NewReplacer("ns1:", "", ` xmlns:ns1="urn:test:ask"`, "").Replace(string(receipt.Reply)), receipt, err
}

// TestQuery answers, under the rights of whoever asks, and keeps nothing.
func TestQuery(t *testing.T) {
	a := newAsking(t, gateway.Limits{})
	got, receipt, err := a.accept("erp.alice", "", "<t:FindOrders><t:PageSize>1</t:PageSize></t:FindOrders>")
	if err != nil || !strings.Contains(got, "<Number>O-20</Number>") || !strings.Contains(got, "<Note>") || !strings.Contains(got, "<Count>20</Count>") || receipt.Elsewhere {
		t.Errorf("%s, %v", got, err)
	}
	if payload, err := receipt.Payload(); err != nil || !bytes.Equal(payload, receipt.Reply) {
		t.Errorf("%s, %v", payload, err)
	}
	got, _, err = a.accept("wms.bob", "", "<t:FindOrders><t:PageSize>1</t:PageSize></t:FindOrders>")
	if err != nil || !strings.Contains(got, "<Number>O-19</Number>") || strings.Contains(got, "<Note>") || !strings.Contains(got, "<Count>10</Count>") {
		t.Errorf("%s, %v", got, err)
	}
	for _, number := range []string{"O-02", "O-99"} { // not his, and not there
		_, _, err = a.accept("wms.bob", "", "<t:GetOrder><t:Number>"+number+"</t:Number></t:GetOrder>")
		d := mapping.DeclaredOf(err)
		if d == nil || d.Reason != "there is no order "+number || !strings.Contains(string(d.Detail), "UNKNOWN") || fault.Of(err).Code != fault.CodeNoRow {
			t.Errorf("%s: %v", number, err)
		}
		if cause, ok := errors.AsType[*envelope.Cause](err); !ok || cause.Detail == nil {
			t.Errorf("the door has no detail to write: %v", err)
		}
	}
	if log := a.log.String(); !strings.Contains(log, `msg="query answered" endpoint=soap:ask/Ask source=192.0.2.7`) || !strings.Contains(log, "route=find-orders user=erp.alice by=basic view=orders rows=1") ||
		!strings.Contains(log, `msg="query refused"`) || !strings.Contains(log, "outcome=not_found") || strings.Contains(log, "O-02") {
		t.Error(log)
	}
}

// TestQueryStages: what is refused before anything is asked of the database.
func TestQueryStages(t *testing.T) {
	a := newAsking(t, gateway.Limits{Rate: 0.001, Burst: 8})
	a.views.Fail(fault.New(fault.CodeStoreUnavailable, ""))
	const find = "<t:FindOrders/>"
	addressed := func(element, address string) string {
		return `<w:MessageID xmlns:w="http://www.w3.org/2005/08/addressing">urn:uuid:6f9619ff-8b86-4011-b42d-00c04fc964ff</w:MessageID><w:` + element + ` xmlns:w="http://www.w3.org/2005/08/addressing"><w:Address>` + address + `</w:Address></w:` + element + `>`
	}
	for name, test := range map[string]struct {
		user, header, body string
		want               fault.Code
	}{
		"nobody":                {"erp.alice2", "", find, fault.CodeUnauthenticated},
		"may not read":          {"carol", "", find, fault.CodeForbidden},
		"invalid":               {"erp.alice", "", "<t:FindOrders><t:From>soon</t:From></t:FindOrders>", fault.CodeInvalid},
		"an operation no route": {"erp.alice", "", "<t:Notify><t:Text/></t:Notify>", fault.CodeUnknownOperation},
		"reply elsewhere":       {"erp.alice", addressed("ReplyTo", "https://erp.example/answers"), find, fault.CodeAddressing},
		"faults elsewhere":      {"erp.alice", addressed("FaultTo", "https://erp.example/answers"), find, fault.CodeAddressing},
		"here":                  {"erp.alice", addressed("ReplyTo", "http://www.w3.org/2005/08/addressing/anonymous"), find, fault.CodeStoreUnavailable},
		"nowhere":               {"erp.alice", addressed("ReplyTo", "http://www.w3.org/2005/08/addressing/none"), find, fault.CodeStoreUnavailable},
		"database away":         {"erp.alice", "", find, fault.CodeStoreUnavailable},
	} {
		if reply, _, err := a.accept(test.user, test.header, test.body); err == nil || fault.Of(err).Code != test.want || reply != "" {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	with := a.arrival("erp.alice", "", find)
	with.Attachments = []*gateway.Attachment{{ContentID: "a", Octets: []byte("x"), Size: 1}}
	if _, err := a.Accept(t.Context(), with); err == nil || fault.Of(err).Code != fault.CodeMediaType {
		t.Errorf("with an attachment: %v", err)
	}
	for range 9 {
		if _, _, err := a.accept("erp.alice", "", find); fault.Of(err).Code == fault.CodeTooFast {
			return
		}
	}
	t.Error("the role's limit does not hold of queries")
}

// TestQueryCallerLeaves ends the search with its caller's waiting.
func TestQueryCallerLeaves(t *testing.T) {
	a := newAsking(t, gateway.Limits{})
	a.views.Gate = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := a.Accept(ctx, a.arrival("erp.alice", "", "<t:FindOrders/>"))
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil || fault.Of(err).Code != fault.CodeHTTP {
		t.Errorf("%v", err)
	}
}

// TestQueryEndpoints: an endpoint is of one route.
func TestQueryEndpoints(t *testing.T) {
	one := &gateway.QueryRoute{Name: "one", Endpoints: []string{"soap:ask/Ask.GetOrder"}}
	if _, err := gateway.NewGeneration(gateway.Parts{Queries: []*gateway.QueryRoute{one, {Name: "two", Endpoints: one.Endpoints}}}, nil); err == nil || !strings.Contains(err.Error(), "taken by query") {
		t.Errorf("%v", err)
	}
}

// FuzzQuery holds that whatever a request has in it, an answer keeps the contract and a
// refusal has a code.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"<t:PageSize>3</t:PageSize>", "<t:After>x</t:After>", "<t:Customer>C-1</t:Customer><t:From>2026-03-29T03:30:00</t:From>", "<t:AtLeast>-0.0000001</t:AtLeast>", "<t:From>-0044-03-15T00:00:00Z</t:From>", "<t:To>9999-12-31T24:00:00+14:00</t:To>"} {
		f.Add(seed)
	}
	var a *asking
	f.Fuzz(func(t *testing.T, children string) {
		if a == nil {
			a = newAsking(t, gateway.Limits{})
		}
		receipt, err := a.Accept(context.Background(), a.arrival("erp.alice", "", "<t:FindOrders>"+children+"</t:FindOrders>"))
		if err != nil {
			if fault.Of(err).Kind() == fault.Internal {
				t.Errorf("%v", err)
			}
			return
		}
		if details, _, err := a.service.ValidateAnswer(a.service.OperationNamed("FindOrders"), receipt.Reply, 5); err != nil || details != nil {
			t.Errorf("%s: %v, %v", receipt.Reply, details, err)
		}
	})
}
