package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

const folder = "../../testdata/ask/"

func read(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(folder + name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// keys are those of one process.
type keys struct{ id uint32 }

func (k keys) Current() sealing.Key {
	return sealing.Key{ID: k.id, Secret: bytes.Repeat([]byte{7}, 32)}
}

func (k keys) Key(id uint32) (sealing.Key, bool) { return k.Current(), id == k.id }

// seeing is somebody with these windows.
type seeing []view.Window

// Sight implements view.Viewer.
func (s seeing) Sight(string) ([]view.Window, error) {
	if s == nil {
		return nil, fault.New(fault.CodeForbidden, "")
	}
	return s, nil
}

// stand is a query over 20 orders in memory.
type stand struct {
	query.Served
	views *gatewaytest.Views
	t     testing.TB
}

func newStand(t testing.TB, src string) *stand {
	t.Helper()
	c, err := contract.Load(os.DirFS(folder), "ask.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	views, err := gatewaytest.Orders(read(t, "orders.yaml"), 20)
	if err != nil {
		t.Fatal(err)
	}
	file, err := mapping.ParseQuery("q.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	d, err := view.Parse("orders.yaml", read(t, "orders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := query.New(file, c, d.Viewed())
	if err != nil {
		t.Fatal(err)
	}
	desk := &query.Desk{Places: query.NewPlaces(4, 2), Metrics: query.NewMetrics(prometheus.NewRegistry()), Tokens: odata.NewTokens(keys{1}), Timeout: time.Minute}
	return &stand{query.Served{Query: q, Desk: desk, Searches: views}, views, t}
}

var everything = seeing{{}}

// ask asks with the children of the request's element.
func (s *stand) ask(ctx context.Context, dn string, who view.Viewer, operation, children string) (string, error) {
	s.t.Helper()
	tree, err := document.Read([]byte("<" + operation + ` xmlns="urn:test:ask">` + children + "</" + operation + ">"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer tree.Release()
	in := &mapping.Input{Payload: tree.Root()}
	reply, _, err := s.Answer(ctx, gateway.Asker{DN: dn, Viewer: func(func(string) *view.View) view.Viewer { return who }}, in)
	return strings.NewReplacer("ns1:", "", ` xmlns:ns1="urn:test:ask"`, "").Replace(string(reply)), err
}

func (s *stand) find(children string) (string, error) {
	s.t.Helper()
	return s.ask(s.t.Context(), "cn=alice", everything, "FindOrders", children)
}

// between is what stands between two texts, each time.
func between(s, from, to string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(s, from)
		if !ok {
			return out
		}
		one, rest, _ := strings.Cut(rest, to)
		out, s = append(out, one), rest
	}
}

func numbers(reply string) string {
	return strings.Join(between(reply, "<Number>", "</Number>"), " ")
}

// TestAnswer reads a page as the contract has it.
func TestAnswer(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	got, err := s.find(`<Customer>C-1</Customer><PageSize>2</PageSize><From>2026-03-02T00:00:00</From><To>2026-03-04T00:00:00</To>`)
	want := `<FindOrdersResponse><Order><Number>O-03</Number><Status>OPEN</Status><OrderedAt>2026-03-03T10:00:00Z</OrderedAt><Total>3.5</Total>` +
		`<Line><Sku>S-1</Sku><Quantity>1</Quantity></Line><Line><Sku>S-2</Sku><Quantity>1</Quantity></Line><MoreLines>true</MoreLines></Order><Count>1</Count></FindOrdersResponse>`
	if err != nil || got != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	got, err = s.find(`<Status>CLOSED</Status><Status>HELD</Status>`)
	if err != nil || numbers(got) != "O-20 O-16 O-12" || !strings.Contains(got, "<Note>&lt;20&gt;&amp;</Note>") {
		t.Errorf("%s, %v", got, err)
	}
}

// TestPages follows the tokens to the end, with pages of another size on the way, and
// meets every row once.
func TestPages(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	var got []string
	after, size := "", 3
	for {
		reply, err := s.find(fmt.Sprintf(`<PageSize>%d</PageSize>`, size) + after)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, numbers(reply))
		tokens := between(reply, "<After>", "</After>")
		if tokens == nil {
			break
		}
		after, size = "<After>"+tokens[0]+"</After>", 10-size
	}
	all := strings.Fields(strings.Join(got, " "))
	if len(all) != 20 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 20 || all[0] != "O-20" || all[19] != "O-01" || len(got) != 4 {
		t.Errorf("%q", got)
	}
}

// TestForeignTokens: a token is of one query with its conditions and one user, and
// whatever is wrong with it has the same answer.
func TestForeignTokens(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	reply, err := s.find("")
	if err != nil {
		t.Fatal(err)
	}
	token := between(reply, "<After>", "</After>")[0]
	after := "<After>" + token + "</After>"
	if _, err := s.find(after); err != nil {
		t.Fatal(err)
	}
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	other := newStand(t, strings.Replace(string(read(t, "find-orders.yaml")), "query: find-orders", "query: find-others", 1))
	renewed := newStand(t, string(read(t, "find-orders.yaml")))
	renewed.Desk.Tokens = odata.NewTokens(keys{2})
	for name, ask := range map[string]func() (string, error){
		"tampered":        func() (string, error) { return s.find("<After>" + string(flipped) + "</After>") },
		"cut":             func() (string, error) { return s.find("<After>" + token[:10] + "</After>") },
		"long":            func() (string, error) { return s.find("<After>" + strings.Repeat(token, 10_000) + "</After>") },
		"none":            func() (string, error) { return s.find("<After>to the end</After>") },
		"other condition": func() (string, error) { return s.find("<Customer>C-1</Customer>" + after) },
		"other user": func() (string, error) {
			return s.ask(t.Context(), "cn=bob", everything, "FindOrders", after)
		},
		"other query": func() (string, error) { return other.find(after) },
		"old key":     func() (string, error) { return renewed.find(after) },
	} {
		if reply, err := ask(); err == nil || fault.Of(err).Code != fault.CodePage || !strings.Contains(fault.Of(err).Message, "begin anew") || reply != "" {
			t.Errorf("%s: %s, %v", name, reply, err)
		}
	}
}

// TestRefusals tells what is wrong with a request, and what would mend it.
func TestRefusals(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	for children, want := range map[string]string{
		"<AtLeast>1.005</AtLeast><Customer>C-1</Customer>": "GH-7003",
		"<AtLeast>1.00</AtLeast>":                          "GH-7003", // another order than its own
		"<PageSize>0</PageSize>":                           "a page has one row or more",
		"<AtLeast>99999999999999999999999.5</AtLeast>":     "total ge: outside the field's range",
		"<From>2026-03-29T03:30:00</From>":                 "the clocks went forward",
	} {
		_, err := s.find(children)
		if f := fault.Of(err); err == nil || !strings.Contains(string(f.Code)+" "+f.Message+" "+fmt.Sprint(f.Details), want) {
			t.Errorf("%s: %v %v", children, err, fault.Of(err).Details)
		}
	}
	_, err := s.find("<AtLeast>1</AtLeast><Customer>C-1</Customer>")
	f := fault.Of(err)
	if f.Code != fault.CodeUnserved || f.Mender() != fault.Sender || len(f.Details) != 1 || f.Details[0].Message != "the request asks for customer eq and total ge" {
		t.Errorf("%+v", f)
	}
	one := newStand(t, string(read(t, "get-order.yaml")))
	for _, number := range []string{"O-99", strings.Repeat("x", 100_000), ""} {
		if _, err := one.ask(t.Context(), "cn=alice", everything, "GetOrder", "<Number>"+number+"</Number>"); err == nil || fault.Of(err).Code != fault.CodeNoRow {
			t.Errorf("%.10s: %v", number, err)
		}
	}
}

// TestSeen: who does not see what the reply has to show gets no such rows, and is told
// nothing of them.
func TestSeen(t *testing.T) {
	one, many := newStand(t, string(read(t, "get-order.yaml"))), newStand(t, string(read(t, "find-orders.yaml")))
	v := one.views.Of
	place := func(name string) int {
		i, err := v.Field(name)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	key, status, day, customer := place("order_no"), place("status"), place("ordered_at"), place("customer")
	bare := view.Window{Fields: []int{key, day}}
	ofC1 := view.Window{Fields: []int{key, status, day, customer}, Rows: []view.Expr{view.In{Field: customer, Values: []view.Value{{Kind: mapping.StringColumn, Present: true, Text: "C-1"}}}}}
	if got, err := one.ask(t.Context(), "cn=bob", seeing{bare, ofC1}, "GetOrder", "<Number>O-03</Number>"); err != nil || !strings.Contains(got, "<Status>OPEN</Status>") {
		t.Errorf("%s, %v", got, err)
	}
	_, hidden := one.ask(t.Context(), "cn=bob", seeing{bare, ofC1}, "GetOrder", "<Number>O-04</Number>")
	_, missing := one.ask(t.Context(), "cn=bob", seeing{bare, ofC1}, "GetOrder", "<Number>O-99</Number>")
	if hidden == nil || missing == nil || hidden.Error() != missing.Error() || fault.Of(hidden).Code != fault.CodeNoRow {
		t.Errorf("hidden: %v; missing: %v", hidden, missing)
	}
	if _, err := one.ask(t.Context(), "cn=bob", seeing{bare}, "GetOrder", "<Number>O-03</Number>"); fault.Of(err).Code != fault.CodeForbidden {
		t.Errorf("%v", err)
	}
	if _, err := one.ask(t.Context(), "cn=eve", seeing(nil), "GetOrder", "<Number>O-03</Number>"); fault.Of(err).Code != fault.CodeForbidden {
		t.Errorf("%v", err)
	}
	got, err := many.ask(t.Context(), "cn=bob", seeing{bare, ofC1}, "FindOrders", "<PageSize>50</PageSize>")
	if err != nil || numbers(got) != "O-19 O-17 O-15 O-13 O-11 O-09 O-07 O-05 O-03 O-01" || strings.Contains(got, "<Note>") || strings.Contains(got, "<Total>") {
		t.Errorf("%s, %v", got, err)
	}
	without := view.Window{Fields: ofC1.Fields, Rows: ofC1.Rows, Children: []*view.Window{nil}}
	if got, err = many.ask(t.Context(), "cn=bob", seeing{without}, "FindOrders", ""); err != nil || strings.Contains(got, "<Line>") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err = many.ask(t.Context(), "cn=bob", seeing{{Fields: []int{key, status, day}}}, "FindOrders", "<Customer>C-1</Customer>"); fault.Of(err).Code != fault.CodeQuery || !strings.Contains(err.Error(), `no field "customer"`) {
		t.Errorf("%v", err)
	}
}

// TestBounds: places, time, the size of an answer, and a database that is away.
func TestBounds(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	s.views.Gate = make(chan struct{})
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := s.find("")
			ended <- err
		}()
		s.views.Gate <- struct{}{}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	leave, err := s.Desk.Enter("cn=alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Desk.Enter("cn=alice"); err != nil {
		t.Fatal(err)
	}
	if _, err = s.find(""); err == nil || fault.Of(err).Code != fault.CodeTooFast {
		t.Errorf("a third search of one user: %v", err)
	}
	leave()
	s.Desk.Timeout = time.Millisecond
	if _, err = s.find(""); err == nil || fault.Of(err).Code != fault.CodeBusy || !strings.Contains(err.Error(), "took longer") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = s.ask(ctx, "cn=alice", everything, "FindOrders", ""); err == nil || fault.Of(err).Code != fault.CodeHTTP {
		t.Errorf("%v", err)
	}
	s.views.Fail(fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("no route to host")))
	if _, err = s.find(""); err == nil || fault.Of(err).Kind() != fault.Unavailable || strings.Contains(fault.Of(err).Message, "host") {
		t.Errorf("%v", err)
	}
	large := newStand(t, string(read(t, "find-orders.yaml")))
	for i := range large.views.Rows {
		large.views.Rows[i].Values["note"] = view.Value{Kind: mapping.StringColumn, Present: true, Text: strings.Repeat("x", 4<<20)}
	}
	if _, err = large.find("<PageSize>50</PageSize>"); err == nil || fault.Of(err).Code != fault.CodeQuery || !strings.Contains(err.Error(), "ask for fewer rows") {
		t.Errorf("%.200v", err)
	}
	// What XML cannot hold is replaced, and no reason to fail.
	large.views.Rows[19].Values["note"] = view.Value{Kind: mapping.StringColumn, Present: true, Text: "a\x00b\x0bc"}
	if got, err := large.find("<PageSize>1</PageSize>"); err != nil || !strings.Contains(got, "<Note>a\ufffdb\ufffdc</Note>") {
		t.Errorf("%.300s, %v", got, err)
	}
}

// TestServed names the combinations that no index serves, with the index that would.
func TestServed(t *testing.T) {
	s := newStand(t, string(read(t, "find-orders.yaml")))
	b, err := s.On(s.views.Of)
	if err != nil {
		t.Fatal(err)
	}
	forms, err := b.Served(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if forms.Looked != 32 || forms.All != 32 || len(forms.Unserved) == 0 {
		t.Fatalf("%+v", forms)
	}
	got := map[string]string{}
	for _, f := range forms.Unserved {
		got[f.String()] = f.Reason
	}
	if reason := got["customer eq and status in"]; !strings.Contains(reason, "CREATE INDEX ON sales.sales_order (status, customer, ordered_at, order_no)") {
		t.Errorf("%q of %v", reason, got)
	}
	for _, served := range []string{"no condition", "customer eq", "status in", "customer eq and ordered_at ge and ordered_at lt"} {
		if got[served] != "" {
			t.Errorf("%s: %s", served, got[served])
		}
	}
	// Each form is asked, and is refused when it is said to be.
	for _, f := range []struct{ children, form string }{
		{"<Customer>C-1</Customer>", "customer eq"}, {"<Customer>C-1</Customer><Status>A</Status><Status>B</Status>", "customer eq and status in"},
		{"<From>2026-03-01T00:00:00Z</From>", "ordered_at ge"}, {"<AtLeast>3</AtLeast>", "total ge"},
	} {
		_, err := s.find(f.children)
		if refused := err != nil && fault.Of(err).Code == fault.CodeUnserved; refused != (got[f.form] != "") {
			t.Errorf("%s: %v, and it is said %q", f.form, err, got[f.form])
		}
	}
}

// TestManyForms looks at no more combinations than it may.
func TestManyForms(t *testing.T) {
	src := string(read(t, "find-orders.yaml"))
	for range 25 {
		src = strings.Replace(src, "where:\n", "where:\n  - {field: customer, ne: t:Customer}\n", 1)
	}
	s := newStand(t, src)
	b, err := s.On(s.views.Of)
	if err != nil {
		t.Fatal(err)
	}
	if forms, err := b.Served(t.Context()); err != nil || forms.Looked != 1024 || forms.All != 1<<30 {
		t.Errorf("%+v, %v", forms, err)
	}
}

// TestMisfit: a view that its query does not fit is a fault with its place, and when it
// changes under a gateway that runs, the query is unavailable.
func TestMisfit(t *testing.T) {
	s := newStand(t, strings.Replace(string(read(t, "find-orders.yaml")), "Total: total", "Total: status", 1))
	if _, err := s.On(s.views.Of); err == nil || !strings.Contains(err.Error(), "q.yaml:21:12: reply.Order.Total: the contract takes xs:decimal here, and this is xs:string") {
		t.Errorf("%v", err)
	}
	_, err := s.find("")
	if f := fault.Of(err); err == nil || f.Code != fault.CodeSchema || f.Kind() != fault.Unavailable || strings.Contains(f.Message, "xs:") {
		t.Errorf("%v", err)
	}
}
