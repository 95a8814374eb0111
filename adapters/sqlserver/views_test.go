package sqlserver_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
)

// base implements viewtest.Base on a database of its own.
type base struct {
	dsn      string
	db       *sql.DB
	views    *sqlview.Database
	emulated bool
}

func newBase(t *testing.T) *base {
	t.Helper()
	dsn := createDatabase(t)
	if _, err := openStore(t, dsn).Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	views, err := sqlserver.OpenViews(sqlserver.Config{DSN: config.NewSecret(dsn)}, time.Now, sqlview.Options{Timeout: patience, Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := views.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &base{dsn, db, views, emulated(t, db)}
}

func (b *base) Views() *sqlview.Database { return b.views }
func (b *base) IgnoresCase() bool        { return true }

func (b *base) Queries() int { return 8 } // each takes long on a busy server

// Takes: Babelfish keeps microseconds, not tenths of them.
func (b *base) Takes(native string) bool { return !b.emulated || native != "datetime2(7)" }

var braced = regexp.MustCompile(`\{([^}]+)\}`)

func (b *base) Exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := b.db.Exec(braced.ReplaceAllString(statement, "$1")); err != nil {
		t.Fatalf("%s: %v", statement[:min(200, len(statement))], err)
	}
}

func (b *base) Literal(declared, text string) string {
	switch name, _, _ := strings.Cut(declared, "("); name {
	case "int", "bigint", "tinyint", "smallint", "bit", "float", "real", "decimal", "money":
		return text
	case "varbinary", "binary":
		return "0x" + text
	case "datetimeoffset":
		return "'" + text + "+00:00'"
	case "varchar", "char":
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return "N'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func TestViewKinds(t *testing.T) { viewtest.TestKinds(t, newBase(t)) }

func TestViewShop(t *testing.T) { viewtest.TestShop(t, newBase(t)) }

func TestReports(t *testing.T) { viewtest.TestReports(t, newBase(t)) }
