package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// noRoutes is a core without routes.
type noRoutes struct{ Acceptor }

func (noRoutes) Entrance(string) *gateway.Entrance              { return nil }
func (noRoutes) Entrances(string) ([]*gateway.Entrance, string) { return nil, "1" }

// people knows the grants of user names; any password will do.
type people map[string]*gateway.Grant

func (p people) Asker(_ context.Context, shown gateway.Proof) (*gateway.Operator, error) {
	if shown.Basic == nil {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	name := shown.Basic.Username
	grant, known := p[name]
	if !known {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	var grants []gateway.Grant
	if grant != nil {
		grants = []gateway.Grant{*grant}
	}
	access := gateway.NewAccess([]gateway.Role{{Name: "reader", Members: []gateway.Member{{User: name}}}}, grants)
	return gateway.NewOperator(&gateway.Identity{DN: "cn=" + name, Login: name}, access), nil
}

func (people) SearchWays() []gateway.WayIn { return []gateway.WayIn{gateway.WayBasic} }

// shelf is a searcher of so many orders, which knows pages and keys and no conditions.
type shelf struct {
	view  *view.View
	rows  int
	hide  int // the field that may not be seen in odd rows; -1: none
	fail  error
	block chan struct{}
	mu    sync.Mutex // streams ask side by side
	asked []*view.Query
}

func (s *shelf) Names() []string { return []string{s.view.Name} }

func (s *shelf) Open(context.Context) (view.Searcher, []*view.View, error) {
	return s, []*view.View{s.view}, nil
}

func (s *shelf) View(name string) (*view.View, error) {
	if name != s.view.Name {
		return nil, fault.New(fault.CodeNoView, "")
	}
	return s.view, nil
}

func (s *shelf) Search(ctx context.Context, _ view.Viewer, _ string, q *view.Query) (*view.Page, error) {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	if s.block != nil {
		s.block <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if s.fail != nil {
		return nil, s.fail
	}
	page := &view.Page{Count: int64(s.rows), AtLeast: q.Count && s.rows > 1000}
	for _, i := range q.Select {
		page.Fields = append(page.Fields, s.view.Fields[i])
	}
	first, most := 0, q.Top
	if q.After != nil {
		first = int(q.After.Values[0].Int) + 1
	}
	if q.Key != nil {
		first, most = int(q.Key[0].Int), 1
	}
	for n := first; n < s.rows && len(page.Rows) < most; n++ {
		page.Rows = append(page.Rows, s.row(n, q))
	}
	if last := first + len(page.Rows) - 1; last < s.rows-1 && q.Key == nil {
		page.More = &view.Mark{Values: []view.Value{whole(int64(last))}}
	}
	return page, nil
}

func whole(n int64) view.Value {
	return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: n}
}

func (s *shelf) row(n int, q *view.Query) view.Row {
	var all = []view.Value{
		whole(int64(n)),
		{Kind: mapping.StringColumn, Present: true, Text: fmt.Sprintf("O'Brien \"%d\" <ä>", n)},
		{Kind: mapping.DecimalColumn, Present: true, Text: "12345678901234567890.50"},
		{Kind: mapping.DateTimeColumn, Present: true, Instant: time.Date(2026, 3, 2, 9, 30, 0, 5e6, time.UTC)},
		{Kind: mapping.DateColumn, Present: true, Instant: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)},
		{Kind: mapping.BytesColumn, Present: true, Bytes: []byte{0xfb, 0xff}},
		view.Null,
		{Kind: mapping.BoolColumn, Present: true, Int: 1},
		{Kind: mapping.FloatColumn, Present: true, Float: math.Inf(-1)},
		whole(math.MaxInt64),
	}
	r := view.Row{}
	for _, i := range q.Select {
		r.Values = append(r.Values, all[i])
		r.Seen = append(r.Seen, i != s.hide || n%2 == 0)
	}
	for _, e := range q.Expand {
		r.Children = append(r.Children, []view.Row{{Values: []view.Value{whole(1)}}, {Values: []view.Value{whole(2)}}})
		r.Cut = append(r.Cut, e.Top == 2)
	}
	return r
}

func (s *shelf) Scan(context.Context, view.Viewer, string, *view.Query, func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) { yield(nil, errors.New("not here")) }
}

func ordersView() *view.View {
	field := func(name string, t mapping.ColumnType) view.Field {
		return view.Field{Name: name, Column: name, Join: -1, Type: t, Filter: true, Sort: true}
	}
	integer := mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt32, Max: math.MaxInt32}
	text := mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true, Length: 40}
	v := &view.View{Name: "orders", Doc: "Orders as they were last sent.", Key: []int{0}, Fields: []view.Field{
		field("no", integer), field("customer", text), field("amount", mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 30, Scale: 2}),
		field("at", mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 3}), field("due", mapping.ColumnType{Kind: mapping.DateColumn}),
		field("digest", mapping.ColumnType{Kind: mapping.BytesColumn, Length: 32}), field("note", mapping.ColumnType{Kind: mapping.StringColumn, Nullable: true}),
		field("paid", mapping.ColumnType{Kind: mapping.BoolColumn}), field("weight", mapping.ColumnType{Kind: mapping.FloatColumn}),
		field("total", mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64}),
	}}
	v.Fields[1].Class, v.Fields[1].Doc = view.Personal, "The customer's name."
	v.Children = []view.Child{{Name: "lines", View: &view.View{Name: "orders/lines", Key: []int{0}, Fields: []view.Field{field("line_no", integer)}}}}
	return v
}

type testKeys struct{}

func (testKeys) Current() sealing.Key { return sealing.Key{ID: 1, Secret: bytes.Repeat([]byte{7}, 32)} }

func (k testKeys) Key(id uint32) (sealing.Key, bool) { return k.Current(), id == 1 }

// stand is a handler with one view, and people who see all of it, some or nothing.
type stand struct {
	*Handler
	shelf *shelf
	t     *testing.T
}

// staff sees all of the view, some of it or nothing.
func staff() people {
	return people{
		"alice": {Role: "reader", May: []gateway.Verb{gateway.Read}, On: "view/*", Classes: []string{"personal"}},
		"carol": {Role: "reader", May: []gateway.Verb{gateway.Read}, On: "view/*", Classes: []string{"personal"}},
		"bob":   {Role: "reader", May: []gateway.Verb{gateway.Read}, On: "view/orders", Columns: []string{"no", "amount", "at"}},
		"eve":   nil,
	}
}

func newStand(t *testing.T, c SearchConfig) *stand {
	s := &stand{shelf: &shelf{view: ordersView(), rows: 25, hide: -1}, t: t}
	known := staff()
	door := httpdoor.New(httpdoor.Config{Realm: "Gatehouse", MaxBodyBytes: 1 << 20, MaxConcurrent: 32, MaxPerCaller: 32, MaxLargeBodies: 1, BodyTimeout: time.Minute, RetryAfter: 5 * time.Second, RequireTLSForPasswords: new(bool)})
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s.Handler = NewHandler(door, noRoutes{}, log)
	s.Add(NewViews(known, s.shelf, c.Desk(testKeys{}, query.NewMetrics(prometheus.NewRegistry())), log))
	return s
}

// ask sends a request; header has pairs of names and values.
func (s *stand) ask(user, method, target string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/api/"+strings.ReplaceAll(target, " ", "%20"), nil)
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
