package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// guardedView is searched by people who see some of it.
const guardedView = `view: orders
doc: Orders.
from: sales.orders
key: [order_no]
%sjoin: {customer: {by: customer_id}}
fields:
  order_no: {}
  status: {}
  region: {}
  amount: {}
  note: {class: personal}
  margin: {class: secret}
  customer: {column: customer.customer_no}
  customer_name: {column: customer.name, class: personal}
filter: [order_no%s]
sort: [order_no%s]
children:
  lines:
    from: sales.line
    by: order_id
    key: [line_no]
    fields: {line_no: {}, sku: {}, price: {class: personal}}
`

// hiddenView is granted to nobody.
const hiddenView = "view: payroll\nfrom: sales.customer\nkey: [customer_no]\nfields: {customer_no: {}, name: {}}\n"

// hiddenReport is over a view that is granted to nobody.
const hiddenReport = "report: wages\nof: payroll\nscans: true\nmeasures: {people: count}\n"

var guardedTables = []string{
	`CREATE TABLE "gateway.chain" (chain int NOT NULL PRIMARY KEY, seq bigint NOT NULL)`,
	`CREATE TABLE "sales.customer" (id INTEGER PRIMARY KEY, customer_no nvarchar(20) NOT NULL UNIQUE, name nvarchar(40) NOT NULL)`,
	`CREATE TABLE "sales.orders" (id INTEGER PRIMARY KEY, order_no nvarchar(20) NOT NULL UNIQUE, status nvarchar(12) NOT NULL, region nvarchar(12) NULL, amount int NULL, note nvarchar(40) NULL, margin int NOT NULL,
		customer_id bigint NULL REFERENCES "sales.customer" (id))`,
	`CREATE TABLE "sales.line" (id INTEGER PRIMARY KEY, order_id bigint NOT NULL REFERENCES "sales.orders" (id), line_no int NOT NULL, sku nvarchar(12) NOT NULL, price int NULL, UNIQUE (order_id, line_no))`,
}

// guardedIndexes are those of which a database has some.
var guardedIndexes = []string{
	"status, order_no", "region, order_no", "region, status, order_no", "amount, order_no", "note, order_no", "margin, order_no",
	"customer_id, order_no", "status, amount, order_no", "region, margin", "status DESC, margin",
}

// guarded is a gateway's door over one world.
type guarded struct {
	searcher respondent
	views    []*view.View
	reports  []*view.Report
	access   *gateway.Access
	door     http.Handler
	desk     *query.Desk // of queries; made when there is one
}

var (
	_ rest.Searches  = (*guarded)(nil)
	_ rest.Reporting = (*guarded)(nil)
	_ rest.Exporters = (*guarded)(nil)
)

func (g *guarded) ReportViews() map[string]string {
	return map[string]string{"totals": "orders", "wages": "payroll"}
}

func (g *guarded) OpenReports(context.Context) (view.Reporter, []*view.Report, []*view.View, error) {
	return g.searcher, g.reports, g.views, nil
}

// Audited implements rest.Exporters.
func (*guarded) Audited(context.Context, string, string, gateway.Act) error { return nil }

func (g *guarded) Names() []string { return []string{"orders", "payroll"} }

func (g *guarded) Open(context.Context) (view.Searcher, []*view.View, error) {
	return g.searcher, g.views, nil
}

func (g *guarded) Asker(_ context.Context, p gateway.Proof) (*gateway.Operator, error) {
	if p.Basic == nil {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return g.Known(context.Background(), p.Basic.Username)
}

func (g *guarded) Known(_ context.Context, name string) (*gateway.Operator, error) {
	return gateway.NewOperator(&gateway.Identity{DN: name, Login: name, Attributes: map[string][]string{"region": {"south"}}}, g.access), nil
}

func (*guarded) SearchWays() []gateway.WayIn { return []gateway.WayIn{gateway.WayBasic} }

// noMessages is a core without routes.
type noMessages struct{}

func (noMessages) Accept(context.Context, *gateway.Arrival) (*gateway.Receipt, error) {
	return nil, fault.New(fault.CodeInternal, "")
}
func (noMessages) Entrance(string) *gateway.Entrance              { return nil }
func (noMessages) Entrances(string) ([]*gateway.Entrance, string) { return nil, "1" }

// oneKey seals everything alike, so that what differs is what was sealed.
type oneKey struct{}

func (oneKey) Current() sealing.Key           { return sealing.Key{ID: 1, Secret: make([]byte, 32)} }
func (oneKey) Key(uint32) (sealing.Key, bool) { return oneKey{}.Current(), true }

// failing is a test of either kind.
type failing interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// guard serves a world; end ends it.
func guard(t failing, log testing.TB, w *world, setting guardSetting) (g *guarded, end func()) {
	dir, err := os.MkdirTemp("", "rights")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "w.db")
	w.write(t, path, setting.indexes)
	db, err := sqlite.OpenViews(sqlite.Config{Path: config.Path(path)}, sqlite.ViewOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	end = func() {
		if err := db.Close(); err != nil {
			log.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			log.Error(err)
		}
	}
	g = &guarded{access: setting.access}
	for _, text := range []string{setting.view(), hiddenView} {
		d, err := view.Parse("view.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		tables, err := db.Tables(context.Background(), d.Tables()...)
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := view.Check(d, tables, tables)
		if err != nil {
			t.Fatal(err)
		}
		g.views = append(g.views, v)
	}
	tables, err := db.Tables(context.Background(), g.views[0].Table, g.views[1].Table, g.views[0].Children[0].View.Table)
	if err != nil {
		t.Fatal(err)
	}
	g.searcher = tables.Searcher(g.views...)
	for i, text := range []string{setting.report, hiddenReport} {
		d, err := view.Parse("report.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r, err := view.CheckReport(d, g.views[i])
		if err != nil {
			t.Fatal(err)
		}
		g.reports = append(g.reports, r)
	}
	h := rest.NewHandler(soap.NewHandler(soap.Config{}, nil, slog.New(slog.DiscardHandler)).Door(), noMessages{}, slog.New(slog.DiscardHandler))
	none, counted := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	metrics := live.NewMetrics(counted)
	h.Add(rest.NewStreams(rest.StreamConfig{}, g, g, live.NewStreams(live.NewHub(nil, 0, metrics, none), oneKey{}), metrics, none))
	exports, err := rest.NewExports(rest.ExportConfig{}, g, g, rest.NewExportMetrics(counted), func() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC) }, none)
	if err != nil {
		t.Fatal(err)
	}
	h.Add(exports)
	views := rest.NewViews(g, g, rest.SearchConfig{}.Desk(oneKey{}, query.NewMetrics(counted)), none)
	h.Add(views)
	h.Add(rest.NewReports(views, g))
	g.door = h
	return g, end
}

// guardSetting is what two worlds have in common.
type guardSetting struct {
	access  *gateway.Access
	indexes []string
	looks   string
	report  string
}

// drawReport is over some fields of the view, keen among them more often.
func drawReport(t *rapid.T, keen string) string {
	field := func(from ...string) string {
		if keen != "" && slices.Contains(from, keen) && rapid.Bool().Draw(t, "of the field") {
			return keen
		}
		return rapid.SampledFrom(from).Draw(t, "reported")
	}
	group := field("status", "region", "customer", "note", "margin", "amount", "customer_name")
	measures := "orders: count, of: {" + rapid.SampledFrom([]string{"sum: " + field("amount", "margin"), "max: " + field("margin", "status", "note"), "distinct: " + field("note", "customer", "region")}).Draw(t, "measure") + "}"
	if rapid.IntRange(0, 3).Draw(t, "counted alone") == 0 {
		measures = "orders: count"
	}
	return "report: totals\nof: orders\nscans: true\ngroup: [" + group + "]\nmeasures: {" + measures + "}\n"
}

// view declares what the indexes serve to be asked for.
func (s *guardSetting) view() string {
	filter, sort := "", ""
	for _, f := range []string{"status", "region", "amount", "note", "margin", "customer_id"} {
		if !slices.Contains(s.indexes, f+", order_no") {
			continue
		}
		if f == "customer_id" {
			filter += ", customer"
			continue
		}
		filter, sort = filter+", "+f, sort+", "+f
	}
	return fmt.Sprintf(guardedView, s.looks, filter, sort)
}

func (w *world) write(t failing, path string, indexes []string) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	run := func(text string, args ...any) {
		if _, err := tx.Exec(text, args...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for _, text := range guardedTables {
		run(text)
	}
	for i, columns := range indexes {
		run(fmt.Sprintf(`CREATE INDEX ix%d ON "sales.orders" (%s)`, i, columns))
	}
	insert := func(table string, rows []map[string]any) {
		for _, r := range rows {
			names := slices.Sorted(maps.Keys(r))
			var args []any
			for _, n := range names {
				args = append(args, r[n])
			}
			run(fmt.Sprintf(`INSERT INTO "%s" (%s) VALUES (?%s)`, table, strings.Join(names, ", "), strings.Repeat(", ?", len(names)-1)), args...)
		}
	}
	insert("sales.customer", w.customers)
	insert("sales.orders", w.orders)
	insert("sales.line", w.lines)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
