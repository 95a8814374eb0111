package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// moving is a database that cannot be read at one position, as SQL Server without
// SNAPSHOT isolation cannot.
type moving struct{ *views }

func (m moving) Frozen(context.Context) (sqlstore.Querier, view.Position, func() error, bool, error) {
	return m.reader, view.Position{}, func() error { return nil }, false, nil
}

type seesOpen struct{ rows []view.Expr }

func (s seesOpen) Sight(string) ([]view.Window, error) { return []view.Window{{Rows: s.rows}}, nil }

// TestScanWhileRowsMove: rows whose fields change while they are read would be left
// out, or come again, in the order of an index that has the fields. None does.
func TestScanWhileRowsMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "moving.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	exec("PRAGMA journal_mode = WAL")
	exec(`CREATE TABLE "dbo.job" (no nvarchar(9) NOT NULL PRIMARY KEY, status nvarchar(9) NOT NULL, rank int NOT NULL)`)
	exec(`CREATE INDEX "dbo.ix" ON "dbo.job" (status, rank, no)`)
	const all = 1800 // more than three pages
	exec(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO "dbo.job" SELECT printf('%%05d', i), 'OPEN', i FROM n`, all-1))
	pool, err := pool((&dialect{path: path}).dsn("_query_only", "1"), 2)
	if err != nil {
		t.Fatal(err)
	}
	source := sqlview.New(moving{&views{dialect: &dialect{path: path}, reader: newReader(pool)}}, sqlview.Options{Log: slog.New(slog.DiscardHandler)})
	defer source.Close()
	tables, err := source.Tables(t.Context(), mapping.TableName{Schema: "dbo", Name: "job"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := view.Parse("job.yaml", []byte("view: job\nfrom: dbo.job\nkey: [no]\nfields: {no: {}, status: {}, rank: {}}\nfilter: [status]\n"))
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := view.Check(d, tables, tables)
	if err != nil {
		t.Fatal(err)
	}
	open := view.In{Field: 1, Values: []view.Value{{Kind: mapping.StringColumn, Present: true, Text: "OPEN"}}}
	seen := map[string]int{}
	n := 0
	for row, err := range tables.Searcher(v).Scan(t.Context(), seesOpen{[]view.Expr{open}}, "job", &view.Query{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		seen[row.Values[0].Text]++
		if n++; n == 600 { // the later rows go before the page, the earlier ones behind it
			exec(fmt.Sprintf(`UPDATE "dbo.job" SET rank = %d - rank`, all))
		}
	}
	if n != all || len(seen) != all {
		t.Errorf("%d rows, of which %d differ, of %d", n, len(seen), all)
	}
	for _, err := range tables.Searcher(v).Scan(t.Context(), seesOpen{}, "job", &view.Query{Where: open}, nil) {
		if f := fault.Of(err); err == nil || f.Code != fault.CodeUnserved || !strings.Contains(f.Message, "(\"status\", \"no\")") || !strings.HasSuffix(f.Message, "does not allow SNAPSHOT isolation") {
			t.Errorf("a condition that is served in another order: %v", err)
		}
	}
}
