package main

import (
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

type seesAll struct{}

func (seesAll) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// TestViewsFollowTheTables changes the tables under views that are in use: what does
// not fit is unavailable, in words without the database's own, the other views go on,
// and what is mended is answered again.
func TestViewsFollowTheTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drift.db")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE "s.a" (id INTEGER PRIMARY KEY, no nvarchar(20) NOT NULL UNIQUE, status nvarchar(20) NOT NULL, note nvarchar(20))`)
	run(`CREATE TABLE "s.b" (id INTEGER PRIMARY KEY, no nvarchar(20) NOT NULL UNIQUE)`)
	run(`CREATE INDEX by_status ON "s.a" (status, no)`)
	run(`INSERT INTO "s.a" VALUES (1, 'x', 'NEW', 'n')`)
	run(`INSERT INTO "s.b" VALUES (1, 'y')`)
	p := &project{}
	for _, text := range []string{
		"view: a\nfrom: s.a\nkey: [no]\nfields: {no: {}, status: {}, note: {}}\nfilter: [status]\n",
		"view: b\nfrom: s.b\nkey: [no]\nfields: {no: {}}\n",
	} {
		d, err := view.Parse("view.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p.views = append(p.views, &declared{d, []byte(text)})
	}
	p.Drift.Poll = time.Hour // what a search finds out does not wait for it
	views, err := sqlite.OpenViews(sqlite.Config{Path: config.Path(path)}, sqlite.ViewOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer views.Close()
	var log strings.Builder
	s := &searches{project: p, database: views, log: slog.New(slog.NewTextHandler(&log, nil))}
	ask := func(name string) error {
		searcher, _, err := s.open(t.Context())
		if err != nil {
			return err
		}
		v, err := searcher.View(name)
		if err != nil {
			return err
		}
		q := &view.Query{}
		if f, err := v.Field("status"); err == nil {
			q.Where = view.Compare{Field: f, Op: view.Equal, Value: view.Value{Kind: v.Fields[f].Type.Kind, Present: true, Text: "NEW"}}
		}
		page, err := searcher.Search(t.Context(), seesAll{}, name, q)
		if err == nil && len(page.Rows) != 1 {
			t.Fatalf("%s: %d rows", name, len(page.Rows))
		}
		return err
	}
	until := func(what string, name string, good func(error) bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			err := ask(name)
			if good(err) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %s: %v", what, name, err)
			}
		}
	}
	fits := func(err error) bool { return err == nil }
	unfit := func(err error) bool {
		if err == nil {
			return false
		}
		f := fault.Of(err)
		if f.Code != fault.CodeSchema || strings.Contains(f.Message, "by_status") || strings.Contains(f.Message, "SELECT") || strings.Contains(f.Message, "no such") {
			t.Fatalf("%s: %s", f.Code, f.Message)
		}
		return strings.Contains(f.Message, "view a")
	}
	until("at first", "a", fits)
	for _, change := range []struct{ what, breaks, mends string }{
		{"an index is gone", `DROP INDEX by_status`, `CREATE INDEX by_status ON "s.a" (status, no)`},
		{"a column is gone", `ALTER TABLE "s.a" DROP COLUMN note`, `ALTER TABLE "s.a" ADD COLUMN note nvarchar(20)`},
		{"the table is gone", `ALTER TABLE "s.a" RENAME TO "s.c"`, `ALTER TABLE "s.c" RENAME TO "s.a"`},
	} {
		run(change.breaks)
		until(change.what, "a", unfit)
		until(change.what, "b", fits)
		run(change.mends)
		s.mu.Lock()
		s.looked = time.Time{} // the time has come to look again
		s.mu.Unlock()
		until(change.what+", and back", "a", fits)
	}
	if text := log.String(); strings.Count(text, "level=ERROR") != 3 || !strings.Contains(text, "by_status") && !strings.Contains(text, "CREATE INDEX") {
		t.Errorf("the log has %s", text)
	}
}
