package sqlite_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	_ "modernc.org/sqlite"

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
type probe struct{ db *sql.DB }

func newProbe(t testing.TB, path string) *probe {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &probe{db}
}

var tableName = regexp.MustCompile(`\{([a-z_.]+)\}`)

func (p *probe) Query(t testing.TB, query string) [][]string {
	t.Helper()
	rows, err := p.db.QueryContext(t.Context(), tableName.ReplaceAllString(query, `"$1"`))
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		dest := make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, v := range values {
			if row[i] = v.String; !v.Valid {
				row[i] = "NULL"
			}
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (p *probe) Exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := p.db.ExecContext(t.Context(), tableName.ReplaceAllString(statement, `"$1"`)); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (p *probe) ForbidUpdates(t testing.TB, schema, table string) {
	p.Exec(t, fmt.Sprintf(`CREATE TRIGGER "forbid_%[1]s_%[2]s" BEFORE UPDATE ON {%[1]s.%[2]s} BEGIN SELECT RAISE(ABORT, 'updates are forbidden'); END`, schema, table))
}
