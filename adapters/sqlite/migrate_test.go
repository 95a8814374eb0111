package sqlite_test

import (
	"flag"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestModels(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "g.db"))
	if _, err := s.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	gatewaytest.TestModels(t, s, "../internal/sqlstore/testdata/models.txt", *update)
}

// TestKeyOfSeveralColumns: only a primary key of one INTEGER column is a number
// that SQLite draws.
func TestKeyOfSeveralColumns(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "g.db"))
	script := fstest.MapFS{"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE \"a.b\" (x INTEGER NOT NULL, y INTEGER NOT NULL, PRIMARY KEY (x, y));\n")}}
	if _, err := s.Up(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	models, err := s.Models(t.Context(), []mapping.TableName{{Schema: "a", Name: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range models[0].Columns {
		if c.Identity || c.Nullable {
			t.Errorf("%+v", c)
		}
	}
}

// TestMigrateTwice: several processes at once apply each migration once.
func TestMigrateTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.db")
	const processes = 4
	applied := make([][]sqlite.Migration, processes)
	var wg sync.WaitGroup
	for i := range processes {
		s := openFile(t, path)
		wg.Go(func() {
			var err error
			if applied[i], err = s.Up(t.Context(), business(t)); err != nil {
				t.Errorf("up: %v", err)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, a := range applied {
		total += len(a)
	}
	status, err := openFile(t, path).Status(t.Context(), business(t))
	if err != nil || total != len(status) {
		t.Fatalf("%d applied, %d known: %v", total, len(status), err)
	}
	for _, m := range status {
		if m.Pending() || m.Drift != "" || len(m.Checksum) != 64 || m.File == "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestMigrateRefusesDrift(t *testing.T) {
	script := func(s string) fstest.MapFS {
		return fstest.MapFS{"00001_a.sql": &fstest.MapFile{Data: []byte("-- +goose Up\n" + s)}}
	}
	s := openFile(t, filepath.Join(t.TempDir(), "g.db"))
	first := script("CREATE TABLE a (id INTEGER);")
	status, err := s.Status(t.Context(), first)
	if err != nil || !status[len(status)-1].Pending() {
		t.Fatalf("before: %v, %v", status, err)
	}
	if _, err := s.Up(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	changed := script("CREATE TABLE a (id INTEGER, more TEXT);")
	if _, err := s.Up(t.Context(), changed); fault.Of(err).Code != fault.CodeSchema || !strings.Contains(err.Error(), "changed") {
		t.Errorf("a changed file: %v", err)
	}
	other := fstest.MapFS{"00002_b.sql": first["00001_a.sql"]}
	if _, err := s.Up(t.Context(), other); fault.Of(err).Code != fault.CodeSchema {
		t.Errorf("a missing file: %v", err)
	}
	if status, err = s.Status(t.Context(), changed); err != nil || status[len(status)-1].Drift == "" {
		t.Errorf("status tells no drift: %+v, %v", status, err)
	}
}

// TestMigrateFails: a file that fails leaves nothing of itself, and what was
// applied before it stays.
func TestMigrateFails(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "g.db"))
	broken := fstest.MapFS{
		"00001_a.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE a (id INTEGER);")},
		"00002_b.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE b (id INTEGER);\nCREATE TABLE a (id INTEGER);")},
	}
	if _, err := s.Up(t.Context(), broken); err == nil {
		t.Fatal("a broken migration was applied")
	}
	status, err := s.Status(t.Context(), broken)
	if err != nil || status[len(status)-2].Pending() || !status[len(status)-1].Pending() {
		t.Errorf("%+v, %v", status, err)
	}
	broken["00002_b.sql"].Data = []byte("-- +goose Up\nCREATE TABLE b (id INTEGER);")
	if _, err := s.Up(t.Context(), broken); err != nil {
		t.Errorf("the mended migration: %v", err)
	}
}
