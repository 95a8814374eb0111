package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// ordersVariable is how many orders the costs are measured over; 1000000 takes a
// minute.
const ordersVariable = "GATEHOUSE_TEST_ORDERS"

func bulkSize(t testing.TB) int {
	t.Helper()
	text := os.Getenv(ordersVariable)
	if text == "" {
		return 50_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is no number", ordersVariable)
	}
	return n
}

// meter counts the pages of the database file that statements look at.
type meter struct{ conn *sql.Conn }

func newMeter(t testing.TB, b *base) *meter {
	t.Helper()
	conn, err := b.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &meter{conn}
}

// reset begins anew and returns what was counted.
func (m *meter) reset(t testing.TB) int {
	t.Helper()
	sum := 0
	err := m.conn.Raw(func(dc any) error {
		for _, op := range []driver.DBStatusOp{driver.DBStatusCacheHit, driver.DBStatusCacheMiss} {
			n, _, err := dc.(driver.DBStatus).Status(op, true)
			if err != nil {
				return err
			}
			sum += n
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// cost runs the statement of a page to its end.
func (m *meter) cost(t testing.TB, s sqlview.Statement) (pages, rows int) {
	t.Helper()
	read := func() (n int) {
		found, err := m.conn.QueryContext(t.Context(), s.Text, s.Args...)
		if err != nil {
			t.Fatal(err)
		}
		defer found.Close()
		for found.Next() {
			n++
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	read() // the schema is read once for each connection
	m.reset(t)
	rows = read()
	return m.reset(t), rows
}

// TestViewCost counts the pages that SQLite looks at for a page of an answer: they do
// not grow with the table, and the thousandth page takes as many as the first.
func TestViewCost(t *testing.T) {
	n := bulkSize(t)
	b := newBase(t)
	b.bulk(t, n)
	v, tables := b.declared(t, bulkView)
	m := newMeter(t, b)
	for name, q := range bulkQueries(t) {
		q.Top = 20
		first, rows := m.page(t, v, tables, q)
		most := 600 // 20 rows, each found in the table and at what it refers to
		if name == "looked for" {
			most = 60_000 // of 10,000 rows
		}
		t.Logf("%s: %d rows, %d pages", name, rows, first)
		if rows == 0 {
			t.Errorf("%s has no rows: nothing is measured", name)
		}
		if first > most {
			t.Errorf("%s: %d pages of the file for %d rows", name, first, rows)
		}
		if name == "by key" || name == "looked for" {
			continue
		}
		began := time.Now()
		page, err := tables.Page(t.Context(), must(v.Plan(t.Context(), q, []view.Window{{}}, tables))(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d rows in %v", name, len(page.Rows), time.Since(began))
		for range 50 { // pages of 200: as far as the five hundredth
			if page.More == nil {
				break
			}
			ahead := *q
			ahead.Top, ahead.After, ahead.Expand, ahead.Select = 200, page.More, nil, []int{0}
			if page, err = tables.Page(t.Context(), must(v.Plan(t.Context(), &ahead, []view.Window{{}}, tables))(t)); err != nil {
				t.Fatal(err)
			}
		}
		if page.More == nil {
			continue
		}
		q.After = page.More
		late, rows := m.page(t, v, tables, q)
		if late > 2*first+100 {
			t.Errorf("%s: a late page of %d rows takes %d pages of the file, the first one %d", name, rows, late, first)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (m *meter) page(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) (pages, rows int) {
	t.Helper()
	plan := must(v.Plan(t.Context(), q, []view.Window{{}}, tables))(t)
	statements := must(tables.Statements(plan))(t)
	return m.cost(t, statements[0])
}

// TestViewIndexes: what can serve any row of a table, and nothing else.
func TestViewIndexes(t *testing.T) {
	b := newBase(t)
	for _, text := range []string{
		"CREATE TABLE {dbo.ix} (id INTEGER PRIMARY KEY, a nvarchar(10) NOT NULL, {b} nvarchar(10) DEFAULT ('COLLATE x, y') COLLATE NOCASE, c decimal(9, 2), UNIQUE (a))",
		"CREATE INDEX plain ON {dbo.ix} (c, b DESC)",
		"CREATE INDEX folded ON {dbo.ix} (b)",
		"CREATE INDEX otherwise ON {dbo.ix} (a COLLATE NOCASE)",
		"CREATE INDEX wrongly ON {dbo.ix} (b COLLATE BINARY)",
		"CREATE INDEX expressed ON {dbo.ix} (lower(a))",
		"CREATE INDEX filtered ON {dbo.ix} (c) WHERE c > 1",
		"CREATE TABLE {dbo.wr} (k nvarchar(10) NOT NULL, n int NOT NULL, v int, PRIMARY KEY (k, n)) WITHOUT ROWID",
		"INSERT INTO {dbo.wr} VALUES ('a', 2, 1), ('a', 1, 2), ('b', 1, 3)",
	} {
		b.Exec(t, text)
	}
	name := mapping.TableName{Schema: "dbo", Name: "ix"}
	tables := must(b.views.Tables(t.Context(), name))(t)
	table, ok := tables.Table(name)
	if !ok {
		t.Fatal("there is no table")
	}
	var got []string
	for _, index := range table.Indexes {
		text := index.Name
		for _, c := range index.Columns {
			text += " " + c.Name + map[bool]string{true: "-"}[c.Desc]
		}
		got = append(got, text)
	}
	want := []string{"PRIMARY KEY id", "folded b id", "plain c b- id", "sqlite_autoindex_dbo.ix_1 a"}
	if !slices.Equal(got, want) {
		t.Errorf("the indexes are %q, not %q", got, want)
	}
	v, tables := b.declared(t, "view: wr\nfrom: dbo.wr\nkey: [k, n]\nfields: {k: {}, n: {}, v: {}}\nfilter: [k]\nsort: [k]\n")
	page := must(tables.Page(t.Context(), must(v.Plan(t.Context(), &view.Query{Top: 5, Where: is(0, view.Equal, textValue("a"))}, []view.Window{{}}, tables))(t)))(t)
	if len(page.Rows) != 2 || page.Rows[0].Values[1].Int != 1 {
		t.Errorf("the rows of a table without row numbers: %+v", page.Rows)
	}
}

// TestViewScan: an export is of one moment, and lets the write-ahead log go when it
// ends.
func TestViewScan(t *testing.T) {
	b := newBase(t)
	b.bulk(t, 3000)
	b.Exec(t, "DELETE FROM {gateway.chain}")
	b.Exec(t, "INSERT INTO {gateway.chain} (chain, seq, head) VALUES (0, 5, '"+string(slices.Repeat([]byte("0"), 64))+"')")
	v, tables := b.declared(t, bulkView)
	searcher := tables.Searcher(v)
	var at view.Position
	n := 0
	for row, err := range searcher.Scan(t.Context(), everyone{}, "bulk", &view.Query{Select: []int{0, 1}}, func(p view.Position) { at = p }) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 10 {
			b.Exec(t, "UPDATE {dbo.bulk} SET status = 'LATE'")
			b.Exec(t, "UPDATE {gateway.chain} SET seq = 6")
			if busy := b.checkpoint(t); busy != 1 {
				t.Errorf("the log was written back under a reader: %d", busy)
			}
			t.Logf("the log has %d bytes after 3,000 rows were written under a reader", b.logSize(t))
		}
		if row.Values[1].Text == "LATE" {
			t.Fatalf("row %d is newer than the position", n)
		}
	}
	if n != 3000 || at[0] != 5 {
		t.Errorf("%d rows at %v", n, at)
	}
	if busy := b.checkpoint(t); busy != 0 || b.logSize(t) != 0 {
		t.Errorf("the log is held after the end: %d, %d bytes", busy, b.logSize(t))
	}
}

type everyone struct{}

func (everyone) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// checkpoint writes the log back and empties it; it returns 1 when somebody reads.
func (b *base) checkpoint(t testing.TB) (busy int) {
	t.Helper()
	conn, err := b.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	var log, done int
	if err := conn.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil {
		t.Fatal(err)
	}
	return busy
}

func (b *base) logSize(t testing.TB) int64 {
	t.Helper()
	about, err := os.Stat(b.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return about.Size()
}

// TestViewTrouble: what cannot be answered now is unavailable, and a client that is
// gone holds nothing up.
func TestViewTrouble(t *testing.T) {
	b := newBase(t)
	b.bulk(t, 1000)
	v, tables := b.declared(t, bulkView)
	searcher := tables.Searcher(v)
	q := &view.Query{Where: is(1, view.Equal, textValue("OPEN"))}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := searcher.Search(gone, everyone{}, "bulk", q); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("of a client that is gone: %v", err)
	}
	for _, err := range searcher.Scan(gone, everyone{}, "bulk", &view.Query{}, nil) {
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("an export of a client that is gone: %v", err)
		}
	}
	b.Exec(t, "DROP INDEX {ix_bulk_status_no}")
	b.Exec(t, "DROP INDEX {ix_bulk_status}")
	if _, err := searcher.Search(t.Context(), everyone{}, "bulk", q); fault.KindOf(err) != fault.Unavailable || fault.Of(err).Code != fault.CodeSchema {
		t.Errorf("without the index: %v", err)
	}
	none, err := sqlite.OpenViews(sqlite.Config{Path: config.Path(filepath.Join(t.TempDir(), "none", "at all.db"))}, sqlview.Options{Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if _, err := none.Tables(t.Context(), v.Table); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("of a database that is not there: %v", err)
	}
}
