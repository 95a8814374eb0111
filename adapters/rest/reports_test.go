package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// abacus is a reporter with one report, which knows what it was asked.
type abacus struct {
	view   *view.View
	report *view.Report
	fail   error
	asked  *view.ReportQuery
}

func (l *abacus) ReportViews() map[string]string {
	return map[string]string{l.report.Name: l.report.View.Name}
}

func (l *abacus) OpenReports(context.Context) (view.Reporter, []*view.Report, []*view.View, error) {
	return l, []*view.Report{l.report}, []*view.View{l.view}, nil
}

func (l *abacus) Report(_ context.Context, _ view.Viewer, r *view.Report, q *view.ReportQuery) (*view.Page, error) {
	l.asked = q
	month := view.Value{Kind: mapping.DateColumn, Present: true, Instant: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	row := view.Row{Values: []view.Value{month, whole(2), {Kind: mapping.DecimalColumn, Present: true, Text: "12345678901234567890123456789012345.50"}}}
	return &view.Page{Fields: r.Columns(), Rows: []view.Row{row}, Count: 3}, l.fail
}

func newAbacus(t *testing.T) (*stand, *abacus) {
	s := newStand(t, SearchConfig{MaxPerUser: 1})
	v := ordersView()
	place := func(name string) int {
		i, err := v.Field(name)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	sum := mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 38, Scale: 2, Nullable: true}
	l := &abacus{view: v, report: &view.Report{
		Name: "totals", Doc: "What was ordered.", View: v, Group: []view.Group{{Name: "month", Field: place("at"), By: view.Month}},
		Measures: []view.Measure{{Name: "orders", Field: -1, Type: mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 1 << 40}}, {Name: "worth", Of: view.Sum, Field: place("amount"), Type: sum}},
	}}
	s.Add(NewReports(s.resources[0].(*Views), l))
	return s, l
}

// TestReportForms: the form is what the query or the Accept says.
func TestReportForms(t *testing.T) {
	s, _ := newAbacus(t)
	for _, c := range []struct{ query, accept, mediaType, begins string }{
		{"", "", "application/json;odata.metadata=none", `{"@odata.count":3,"value":[{"month":"2026-03-01","orders":2,"worth":12345678901234567890123456789012345.50}]}`},
		{"", "*/*", "application/json;odata.metadata=none", "{"},
		{"", "application/json;IEEE754Compatible=true", "application/json;odata.metadata=none;IEEE754Compatible=true", `{"@odata.count":3,"value":[{"month":"2026-03-01","orders":"2","worth":"12345`},
		{"", "text/plain", "text/plain; charset=utf-8", "month    orders"},
		{"", "text/*", "text/plain; charset=utf-8", "month    orders"},
		{"", "text/plain;q=0.5, text/csv", "text/csv; charset=utf-8; header=present", "month,orders,worth\r\n2026-03-01,2,"},
		{"", "image/avif,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "image/svg+xml; charset=utf-8", "<svg "},
		{"", "application/json;q=0, */*", "text/plain; charset=utf-8", "month"},
		{"?format=svg", "text/plain", "image/svg+xml; charset=utf-8", "<svg "},
		{"?$format=text", "", "text/plain; charset=utf-8", "month"},
		{"?$format=csv", "", "text/csv; charset=utf-8; header=present", "month"},
	} {
		w := s.ask("alice", "GET", "totals"+c.query, "Accept", c.accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.mediaType || !strings.HasPrefix(w.Body.String(), c.begins) {
			t.Errorf("%s %s: %d %v %s", c.query, c.accept, w.Code, w.Header(), w.Body)
		}
		if w.Header().Get("Cache-Control") != "private, no-cache" || w.Header().Get("Vary") != "Authorization, Accept" {
			t.Errorf("%s %s: %v", c.query, c.accept, w.Header())
		}
		again := s.ask("alice", "GET", "totals"+c.query, "Accept", c.accept, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified {
			t.Errorf("%s %s: again %d", c.query, c.accept, again.Code)
		}
		if c.mediaType == "image/svg+xml; charset=utf-8" && !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("a picture may do anything: %v", w.Header())
		}
	}
}

func TestReportRefusals(t *testing.T) {
	s, l := newAbacus(t)
	for _, c := range []struct {
		user, method, target, accept string
		status                       int
		says                         string
	}{
		{"", "GET", "totals", "", 401, ""},
		{"eve", "GET", "totals", "", 403, ""},
		{"alice", "POST", "totals", "", 405, ""},
		{"alice", "GET", "totals/1", "", 404, ""},
		{"alice", "GET", "totals", "text/html", 406, "image/svg+xml"},
		{"alice", "GET", "totals?$select=month", "", 400, "is of rows"},
		{"alice", "GET", "totals?$count=true", "", 400, "is of rows"},
		{"alice", "GET", "totals?$orderby=worht", "", 400, `did you mean \"worth\"`},
		{"alice", "GET", "totals?$orderby=no", "", 400, "no such field"},
		{"alice", "GET", "totals?$filter=month%20eq%202026-03-01", "", 400, "no such field"},
		{"alice", "GET", "totals?$format=xml", "", 400, "no format"},
		{"alice", "GET", "totals?$top=0", "", 400, "$top"},
		{"alice", "GET", "orders?$format=svg", "", 400, "rows are told in JSON"},
		{"alice", "GET", "orders/3?$format=csv", "", 400, "rows are told in JSON"},
	} {
		w := s.ask(c.user, c.method, c.target, "Accept", c.accept)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s %s: %d %s", c.user, c.method, c.target, w.Code, w.Body)
		}
	}
	for err, status := range map[error]int{fault.New(fault.CodeUnserved, "so"): 400, context.DeadlineExceeded: 503} {
		l.fail = err
		if w := s.ask("alice", "GET", "totals"); w.Code != status {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
	l.fail = nil
	if w := s.ask("alice", "GET", "totals?$filter=no%20eq%201&$orderby=worth%20desc,month&$top=7"); w.Code != 200 {
		t.Fatal(w.Body)
	}
	want := view.ReportQuery{Where: view.Compare{Field: 0, Value: whole(1)}, Top: 7}
	if q := l.asked; !reflect.DeepEqual(q.Where, want.Where) || q.Top != 7 || len(q.Order) != 2 || q.Order[0] != (view.ReportOrder{Column: 2, Desc: true}) || q.Order[1] != (view.ReportOrder{}) {
		t.Errorf("asked %+v", q)
	}
	if w := s.ask("alice", "GET", "totals"); w.Code != 200 || l.asked.Top != 0 {
		t.Errorf("without $top: %+v", l.asked)
	}
}

// TestReportDocument: who sees all that a report names finds it described; its schema
// keeps its example.
func TestReportDocument(t *testing.T) {
	s, l := newAbacus(t)
	w := s.ask("alice", "GET", "openapi.json")
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	const lines = "#/paths/~1api~1totals/get/responses/200/content/application~1json/"
	schema, err := compiler.Compile("openapi.json" + lines + "schema")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(s.ask("alice", "GET", "totals").Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance); err != nil {
		t.Error(err)
	}
	var document struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name string } }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range document.Paths["/api/totals"]["get"].Parameters {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "$filter $orderby $top $format" {
		t.Errorf("parameters %s", got)
	}
	if got := s.ask("bob", "GET", "openapi.json").Body.String(); !strings.Contains(got, "/api/totals") {
		t.Error("bob sees all that it names, and it is not described")
	}
	l.report.Group = append(l.report.Group, view.Group{Name: "customer", Field: 1})
	if got := s.ask("bob", "GET", "openapi.json").Body.String(); strings.Contains(got, "totals") || strings.Contains(got, "customer") {
		t.Error("what may not be seen is described")
	}
	if w := s.ask("bob", "GET", "totals"); w.Code != 403 || strings.Contains(w.Body.String(), "customer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
