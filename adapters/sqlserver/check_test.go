package sqlserver_test

import (
	"database/sql"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// pruning is the order mapping with lines that are deleted when a message no
// longer has them.
func pruning() *mapping.Mapping {
	m := gatewaytest.OrderMapping()
	i := slices.IndexFunc(m.Tables, func(t mapping.Table) bool { return t.Name.Name == "order_line" })
	m.Tables[i].Absent = mapping.DeleteAbsent
	return m
}

// TestCheck: what a database lacks for the mappings is told with its place, and
// the script of `migrate grants` gives the running login what it needs.
func TestCheck(t *testing.T) {
	dsn := createDatabase(t)
	owner := openStore(t, dsn)
	if _, err := owner.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	run := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	run("CREATE TABLE sales.claim (id int NOT NULL PRIMARY KEY, line_id bigint NOT NULL REFERENCES sales.order_line (id))")
	mappings := []*mapping.Mapping{pruning()}
	lines := check(t, owner, mappings)
	expect(t, lines, "no index of sales.claim begins with line_id: whenever rows of sales.order_line are deleted", true)
	expect(t, lines, "no index of sales.order_line", false) // its key begins with the order's id
	expect(t, lines, "could not be looked at", false)
	expect(t, lines, "crm.customer.customer_no", true) // the server's default collation ignores case
	expect(t, lines, "controls the whole database", true)
	expect(t, lines, "may not INSERT", false)

	login, password := "gatehouse_test_"+strings.ToLower(t.Name()), "Low-1-Right!"
	run("CREATE LOGIN "+login+" WITH PASSWORD = '"+password+"'", "CREATE USER "+login+" FOR LOGIN "+login)
	t.Cleanup(func() { db.Exec("DROP USER " + login); db.Exec("DROP LOGIN " + login) })
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(login, password)
	low, err := sqlserver.Open(t.Context(), sqlserver.Config{DSN: config.NewSecret(u.String())}, time.Now, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer low.Close()
	run("GRANT SELECT ON OBJECT::crm.customer TO " + login)
	lines = check(t, low, mappings)
	expect(t, lines, "may not INSERT and UPDATE in crm.customer", true)
	expect(t, lines, "may not SELECT, INSERT, UPDATE and DELETE in gateway.message, ", true)
	expect(t, lines, "no index of sales.order_line ", false) // it cannot see
	expect(t, lines, "controls the whole database", false)

	granted := 0
	for statement := range strings.SplitSeq(owner.Grants(login, []string{"catalog", "crm", "sales"}), ";\n") {
		_, err := db.ExecContext(t.Context(), statement)
		if err == nil {
			granted++
			continue
		}
		t.Logf("%s: %v", statement, err) // not every server knows every right
	}
	if granted < 5 {
		t.Errorf("the server took %d statements of the script", granted)
	}
	lines = check(t, low, mappings)
	expect(t, lines, "may not SELECT", false)
	expect(t, lines, "may not INSERT", false)
	if _, err := low.Writer(t.Context(), pruning()); err != nil {
		t.Errorf("with the script's rights: %v", err)
	}
}

func check(t *testing.T, s *sqlserver.Store, mappings []*mapping.Mapping) []string {
	t.Helper()
	lines, err := s.Check(t.Context(), mappings)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		t.Log(line)
	}
	return lines
}

func expect(t *testing.T, lines []string, text string, want bool) {
	t.Helper()
	if got := slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) }); got != want {
		t.Errorf("%q is told: %v, want %v", text, got, want)
	}
}
