package sqlite_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
)

// base implements viewtest.Base on a file of its own.
type base struct {
	db    *sql.DB
	path  string
	views *sqlview.Database
}

func newBase(t testing.TB) *base {
	t.Helper()
	path := filepath.Join(t.TempDir(), "views.db")
	if _, err := openFile(t, path).Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=5000&_synchronous=OFF")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	views, err := sqlite.OpenViews(sqlite.Config{Path: config.Path(path)}, sqlview.Options{Timeout: time.Minute, Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := views.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &base{db, path, views}
}

func (b *base) Views() *sqlview.Database { return b.views }
func (b *base) IgnoresCase() bool        { return false }
func (b *base) Takes(string) bool        { return true }
func (b *base) Queries() int             { return 400 }

var braced = regexp.MustCompile(`\{([^}]+)\}`)

func (b *base) Exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := b.db.Exec(braced.ReplaceAllString(statement, `"$1"`)); err != nil {
		t.Fatalf("%s: %v", statement[:min(200, len(statement))], err)
	}
}

func (b *base) Literal(declared, text string) string {
	name, _, scale := native(declared)
	switch name {
	case "int", "bigint", "tinyint", "smallint", "bit", "float", "real":
		return text
	case "decimal", "money":
		return strings.Replace(text, ".", "", 1)
	case "varbinary", "binary":
		return "x'" + text + "'"
	case "datetime", "datetime2", "datetimeoffset", "smalldatetime":
		_, digits, _ := strings.Cut(strings.TrimSuffix(declared, ")"), "(")
		n := map[string]int{"": 0, "0": 0, "3": 3, "7": 7}[digits]
		if name == "datetime" {
			n = 3
		}
		whole, fraction, _ := strings.Cut(strings.Replace(text, "T", " ", 1), ".")
		if n > 0 {
			whole += "." + (fraction + "0000000")[:n]
		}
		return "'" + whole + "'"
	}
	_ = scale
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func TestViewKinds(t *testing.T) { viewtest.TestKinds(t, newBase(t)) }

func TestViewShop(t *testing.T) { viewtest.TestShop(t, newBase(t)) }

func TestViewWhole(t *testing.T) {
	viewtest.TestWhole(t, newBase(t), func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE l (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM l WHERE n < %d) INSERT INTO {dbo.wl} (order_id, line_no) SELECT 1, n FROM l", n)
	})
}

func timeOf(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }
