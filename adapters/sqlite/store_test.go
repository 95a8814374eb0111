package sqlite_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore/sqltest"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/mappings"
)

func business(t testing.TB) fs.FS {
	t.Helper()
	files, err := fs.Sub(mappings.FS, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func openFile(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: config.Path(path)}, time.Now, logger(t))
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

func openStore(t testing.TB) (gateway.Store, gatewaytest.Probe) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate house?#%.db")
	s := openFile(t, path)
	if _, err := s.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	return s, newProbe(t, path)
}

func TestStore(t *testing.T) { gatewaytest.TestStore(t, openStore) }

// probe looks into the file on a connection of its own.
type probe struct {
	*sqltest.Probe
	path string
}

func newProbe(t testing.TB, path string) *probe {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &probe{&sqltest.Probe{DB: db, Quote: `"$1"`, Identity: "INTEGER PRIMARY KEY AUTOINCREMENT"}, path}
}

func (p *probe) Another(t testing.TB) gateway.Store { return openFile(t, p.path) }

// Sequence has nothing to make: counters are the gateway's own.
func (p *probe) Sequence(testing.TB, string) {}

func (p *probe) ForbidUpdates(t testing.TB, schema, table string) {
	p.Exec(t, fmt.Sprintf(`CREATE TRIGGER "forbid_%[1]s_%[2]s" BEFORE UPDATE ON {%[1]s.%[2]s} BEGIN SELECT RAISE(ABORT, 'updates are forbidden'); END`, schema, table))
}

func TestTogether(t *testing.T) { gatewaytest.TestTogether(t, openStore, 10) }
