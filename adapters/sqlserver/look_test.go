package sqlserver_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
	"github.com/gatehouse/gatehouse/mappings"
)

// crowded is a database whose orders others write, too.
type crowded struct {
	db      *sql.DB
	store   *sqlserver.Store
	view    *view.View
	search  view.Searcher
	streams *live.Streams
	watched gateway.Watched
	writer  gateway.Writer
}

// everybody sees everything.
type everybody struct{}

func (everybody) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

func newCrowded(t *testing.T) *crowded {
	t.Helper()
	c := &crowded{}
	dsn := createDatabase(t)
	var err error
	if c.db, err = sql.Open("sqlserver", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.db.Close() })
	c.store = c.open(t, dsn)
	if _, err := c.store.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	c.alter(t)
	c.bind(t, dsn)
	m := gatewaytest.OrderMapping().Living([]mapping.LiveTable{c.watched.Table})
	if c.writer, err = c.store.Writer(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	ring := sealing.NewRing(c.store, time.Now, logger(t))
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	hub := live.NewHub(c.store, 10*time.Millisecond, nil, logger(t))
	var done sync.WaitGroup
	done.Go(func() { hub.Run(t.Context()) })
	t.Cleanup(done.Wait)
	c.streams = live.NewStreams(hub, ring)
	return c
}

func (c *crowded) open(t *testing.T, dsn string) *sqlserver.Store {
	t.Helper()
	config := sqlserver.Config{DSN: config.NewSecret(dsn), RequestTimeout: patience}
	if !emulated(t, c.db) {
		return openStore(t, dsn)
	}
	s, err := sqlserver.OpenStandIn(config, time.Now, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// alter gives the orders a rowversion.
func (c *crowded) alter(t *testing.T) {
	t.Helper()
	conn, err := c.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	statements := []string{"ALTER TABLE sales.sales_order ADD changed rowversion"}
	if emulated(t, c.db) { // for this connection alone
		statements = slices.Insert(statements, 0, "EXEC sp_babelfish_configure 'escape_hatch_rowversion', 'ignore'")
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// bind holds the view against the tables, which lack the index first.
func (c *crowded) bind(t *testing.T, dsn string) {
	t.Helper()
	src, err := fs.ReadFile(mappings.FS, "views/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := view.Parse("orders.yaml", []byte(strings.Replace(string(src), "live: true", "live: {rowversion: changed}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	views, err := sqlserver.OpenViews(sqlserver.Config{DSN: config.NewSecret(dsn)}, time.Now, sqlview.Options{Timeout: patience, Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { views.Close() })
	check := func() (*sqlview.Tables, error) {
		t.Helper()
		tables, err := views.Tables(t.Context(), d.Tables()...)
		if err != nil {
			t.Fatal(err)
		}
		c.view, _, err = view.Check(d, tables, tables)
		return tables, err
	}
	const index = "CREATE INDEX [ix_sales_order_changed] ON [sales].[sales_order] ([changed]);"
	if _, err := check(); err == nil || !strings.Contains(err.Error(), index) {
		t.Fatalf("without an index: %v", err)
	}
	c.exec(t, index)
	tables, err := check()
	if err != nil {
		t.Fatal(err)
	}
	c.search = tables.Searcher(c.view)
	c.watched, _ = watchedOf(d, c.view)
}

func watchedOf(d *view.Declaration, v *view.View) (gateway.Watched, bool) {
	table, is := d.LiveTable()
	key := v.Fields[v.Key[0]]
	return gateway.Watched{Table: table, Index: v.Watch.Index, Key: []mapping.ColumnModel{{Name: key.Column, ColumnType: key.Type}}}, is
}

func (c *crowded) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := c.db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (c *crowded) looker(t *testing.T, owner string) *live.Others {
	tables := func(context.Context) ([]gateway.Watched, []string, error) {
		return []gateway.Watched{c.watched}, []string{c.watched.Table.Subject()}, nil
	}
	return live.NewOthers(c.store, tables, 0, owner, func() {}, time.Now, logger(t))
}

func (c *crowded) commit(t *testing.T, orders ...string) {
	t.Helper()
	for _, no := range orders {
		if out, err := c.writer.Commit(t.Context(), 0, []*gateway.Entry{gatewaytest.OrderEntry(no, 1)}); err != nil || out[0].Status != gateway.Stored {
			t.Fatal(out, err)
		}
	}
}

// ear is a stream of orders, as "order note".
type ear struct {
	*live.Stream
	last  string // the id of the last event
	round func() // looks at the table; nil: somebody else does
}

func (c *crowded) listen(t *testing.T, last string) *ear {
	t.Helper()
	st, err := c.streams.Open(t.Context(), live.Request{View: "orders", Principal: "cn=me", Who: everybody{}, Search: c.search, Query: &view.Query{}, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	e := &ear{Stream: st}
	if e.last, err = st.ID(); err != nil {
		t.Fatal(err)
	}
	return e
}

// hear takes events until enough says so, or fails.
func (e *ear) hear(t *testing.T, enough func(told []string) bool) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var told []string
	for !enough(told) {
		changed := e.Changed()
		events, moved, err := e.Next(ctx)
		if err != nil {
			t.Fatalf("%v; heard %q", err, told)
		}
		for _, event := range events {
			e.last = event.ID
			note := "-"
			for i, f := range event.Fields {
				if f.Name == "note" && event.Row.Values[i].Present {
					note = event.Row.Values[i].Text
				}
			}
			told = append(told, event.Key[0].Text+" "+note)
		}
		if moved {
			continue
		}
		if e.round != nil { // what is on its way elsewhere on the server may hold the look up
			e.round()
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("heard only %q", told)
		}
	}
	return told
}

func (e *ear) hears(t *testing.T, want ...string) {
	t.Helper()
	got := e.hear(t, func(told []string) bool { return len(told) >= len(want) })
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

const noteText = "UPDATE sales.sales_order SET note = @p2 WHERE order_no = @p1"

// TestOthersWrite: what somebody writes with a SQL prompt is told on the stream once,
// what the gateway stores is not told again, and of transactions that end in another
// order than they have begun none is passed over.
func TestOthersWrite(t *testing.T) {
	c := newCrowded(t)
	o := c.looker(t, "a")
	round := func() {
		t.Helper()
		if err := o.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	entries := func() int64 {
		t.Helper()
		heads, err := c.store.ChangeHeads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return heads[gateway.OthersChain]
	}
	round() // from here on
	c.commit(t, "PO-1", "PO-2")
	l := c.listen(t, "")
	first := l.last
	l.round = round
	c.exec(t, noteText, "PO-1", "by hand")
	l.hears(t, "PO-1 by hand")
	c.commit(t, "PO-3")
	l.hears(t, "PO-3 -")
	l.round = nil
	c.commit(t, "PO-4")
	l.hears(t, "PO-4 -")
	c.exec(t, noteText, "PO-4", "after it was stored") // before anybody has looked
	l.round = round
	l.hears(t, "PO-4 after it was stored")
	if n := entries(); n != 2 { // that the numbers of PO-3 are passed, this one shows
		t.Errorf("the gateway's own orders are noted again: %d entries", n)
	}

	slow, err := c.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.ExecContext(t.Context(), noteText, "PO-1", "slow"); err != nil {
		t.Fatal(err)
	}
	c.exec(t, noteText, "PO-2", "quick")
	for range 5 {
		round()
	}
	if n := entries(); n != 2 {
		t.Errorf("what comes before a transaction that goes on is noted: %d entries", n)
	}
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	before := l.last
	l.hears(t, "PO-1 slow", "PO-2 quick")
	c.listen(t, before).hears(t, "PO-1 slow", "PO-2 quick")

	// Whoever comes back to the beginning hears of everything; a deletion shows nowhere.
	c.exec(t, "DELETE FROM sales.order_line_feature WHERE line_id IN (SELECT id FROM sales.order_line WHERE order_id = (SELECT id FROM sales.sales_order WHERE order_no = 'PO-3'))")
	c.exec(t, "DELETE FROM sales.order_line WHERE order_id = (SELECT id FROM sales.sales_order WHERE order_no = 'PO-3')")
	c.exec(t, "DELETE FROM sales.sales_order WHERE order_no = 'PO-3'")
	again := c.listen(t, first)
	again.hear(t, func(told []string) bool {
		return slices.Contains(told, "PO-1 slow") && slices.Contains(told, "PO-2 quick") && slices.Contains(told, "PO-4 after it was stored")
	})
}

// TestOthersWriteAtOnce: while several write orders at once, in transactions that take
// their time, and two gateways look, the last that is told of each order is what it is.
func TestOthersWriteAtOnce(t *testing.T) {
	c := newCrowded(t)
	var orders []string
	for i := range 6 {
		orders = append(orders, fmt.Sprintf("PO-%d", i))
	}
	c.commit(t, orders...)
	both := []*live.Others{c.looker(t, "a"), c.looker(t, "b")}
	l := c.listen(t, "")
	for _, o := range both {
		if err := o.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var writers, lookers sync.WaitGroup
	stop := make(chan struct{})
	for _, o := range both {
		lookers.Go(func() {
			for {
				if err := o.Round(t.Context()); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for w := range 4 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 8 {
				tx, err := c.db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				one := random.IntN(len(orders) - 1) // both in one order: nobody waits in a circle
				for _, no := range orders[one : one+2] {
					if _, err = tx.ExecContext(t.Context(), noteText, no, fmt.Sprintf("writer %d, %d", w, i)); err != nil {
						t.Error(err)
					}
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	want := map[string]string{}
	rows, err := c.db.QueryContext(t.Context(), "SELECT order_no, coalesce(note, '-') FROM sales.sales_order")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var no, note string
		if err := rows.Scan(&no, &note); err != nil {
			t.Fatal(err)
		}
		if note != "-" {
			want[no] = note
		}
	}
	told := map[string]string{}
	l.hear(t, func(all []string) bool {
		for _, text := range all {
			no, note, _ := strings.Cut(text, " ")
			told[no] = note
		}
		for no, note := range want {
			if told[no] != note {
				return false
			}
		}
		return true
	})
	close(stop)
	lookers.Wait()
}
