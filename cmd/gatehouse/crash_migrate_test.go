package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse/mappings"
)

// replicas is how many gateways a deployment starts at once, each of which
// migrates first.
const replicas = 8

// migrating is an empty database and a project with migrations for it.
type migrating struct {
	t            *testing.T
	binary, file string
	data         string        // SQLite's file
	server       *sqlServerLab // nil for SQLite
}

// onEveryStore runs a test with SQLite, and with the server of
// GATEHOUSE_TEST_SQLSERVER where there is one.
func onEveryStore(t *testing.T, test func(t *testing.T, fresh func() *migrating)) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	t.Run("sqlite", func(t *testing.T) {
		test(t, func() *migrating { return newMigrating(t, binary, "sqlite") })
	})
	t.Run("sqlserver", func(t *testing.T) {
		if os.Getenv("GATEHOUSE_TEST_SQLSERVER") == "" {
			t.Skip("set GATEHOUSE_TEST_SQLSERVER to the sqlserver:// URL of a server")
		}
		test(t, func() *migrating { return newMigrating(t, binary, "sqlserver") })
	})
}

// migratingProject is what a configuration has to hold before it can be migrated.
const migratingProject = `literal_secrets: true
store: %s
directory: {urls: ["ldaps://directory.invalid"], user_search: {base_dn: "dc=corp,dc=example"}, group_search: {base_dn: "dc=corp,dc=example"}}
contracts: [wsdl/orders/orders.wsdl]
routes: [{route: submit-order, mapping: mappings/submit-order.yaml, from: [{soap: orders/OrderService.SubmitOrder}]}]
listen: {public: {address: "127.0.0.1:0"}}
`

// newMigrating has the sample's migrations, and some that leave a row.
func newMigrating(t *testing.T, binary, driver string) *migrating {
	t.Helper()
	dir := t.TempDir()
	m := &migrating{t: t, binary: binary, file: filepath.Join(dir, "gatehouse.yaml"), data: filepath.Join(dir, "gatehouse.db")}
	store := "{driver: sqlite, path: gatehouse.db, migrations: mappings/migrations/sqlite}"
	if driver == "sqlserver" {
		var err error
		if m.server, err = newSQLServerLab(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.server.close)
		store = fmt.Sprintf("{driver: sqlserver, dsn: %q, migrations: mappings/migrations/sqlserver}", m.server.dsn)
	}
	migrations := filepath.Join(dir, "mappings/migrations", driver)
	errs := []error{
		copyMissing(filepath.Join(dir, "mappings"), mappings.FS),
		os.WriteFile(m.file, fmt.Appendf(nil, migratingProject, store), 0o600),
	}
	for i := range 3 {
		text := fmt.Sprintf("-- +goose Up\nCREATE TABLE %[1]s (id INTEGER NOT NULL);\nINSERT INTO %[1]s (id) VALUES (%[2]d);\n-- +goose Down\nDROP TABLE %[1]s;\n", m.table(i), i)
		errs = append(errs, os.WriteFile(filepath.Join(migrations, fmt.Sprintf("%05d_more.sql", 90+i)), []byte(text), 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return m
}

// table is the i-th of those that get a row.
func (m *migrating) table(i int) string {
	if m.server == nil {
		return fmt.Sprintf(`"sales.more_%d"`, i)
	}
	return fmt.Sprintf("sales.more_%d", i)
}

// up migrates with a process that may die on the way.
func (m *migrating) up(crashAt string) (string, error) {
	cmd := exec.Command(m.binary, "migrate", "up", "-c", m.file)
	cmd.Env = append(os.Environ(), "GATEHOUSE_CRASH_AT="+crashAt)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// status lists all migrations, as set/version, and how many of them are applied.
func (m *migrating) status() (all []string, applied int) {
	m.t.Helper()
	out, err := exec.Command(m.binary, "migrate", "status", "--json", "-c", m.file).CombinedOutput()
	if err != nil {
		m.t.Fatalf("status: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var one struct {
			Set       string `json:"set"`
			Version   int64  `json:"version"`
			AppliedAt string `json:"applied_at"`
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			m.t.Fatalf("status: %v\n%s", err, out)
		}
		all = append(all, fmt.Sprintf("%s/%d", one.Set, one.Version))
		if one.AppliedAt != "" {
			applied++
		}
	}
	return all, applied
}

// picture is everything that migrations make: tables, columns, indexes, and the
// rows that tell how often it was made.
func (m *migrating) picture() string {
	m.t.Helper()
	queries := []string{`SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name`}
	if m.server != nil {
		queries = []string{
			`SELECT table_schema, table_name, column_name, data_type, is_nullable FROM INFORMATION_SCHEMA.COLUMNS ORDER BY table_schema, table_name, ordinal_position`,
			`SELECT o.name, i.name FROM sys.indexes i JOIN sys.objects o ON o.object_id = i.object_id WHERE o.type = 'U' AND i.name IS NOT NULL ORDER BY o.name, i.name`,
		}
	}
	var out []string
	for _, q := range queries {
		out = append(out, m.query(q))
	}
	return strings.Join(out, "\n")
}

func (m *migrating) query(query string) string {
	m.t.Helper()
	var text string
	var err error
	if m.server != nil {
		text, err = queryRows(m.server.db, query)
	} else {
		text, err = queryText(m.data, query)
	}
	if err != nil {
		m.t.Fatalf("%s: %v", query, err)
	}
	return strings.TrimSpace(text)
}

// isWhole checks that every migration was applied once.
func (m *migrating) isWhole(like string) {
	m.t.Helper()
	if all, applied := m.status(); applied != len(all) {
		m.t.Errorf("%d of %d migrations are applied", applied, len(all))
	}
	for i := range 3 {
		if n := m.query("SELECT count(*) FROM " + m.table(i)); n != "1" {
			m.t.Errorf("%s has %s rows, want 1", m.table(i), n)
		}
	}
	if got := m.picture(); got != like {
		m.t.Errorf("the tables are\n%s\nwant\n%s", got, like)
	}
}

// TestMigrateReplicas: of several processes that migrate at once, all end well and
// each migration is applied by one.
func TestMigrateReplicas(t *testing.T) {
	onEveryStore(t, func(t *testing.T, fresh func() *migrating) {
		one := fresh()
		if out, err := one.up("nowhere"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		m := fresh()
		said := make([]string, replicas)
		var all sync.WaitGroup
		for i := range replicas {
			all.Go(func() {
				var err error
				if said[i], err = m.up("nowhere"); err != nil {
					t.Errorf("a replica: %v\n%s", err, said[i])
				}
			})
		}
		all.Wait()
		known, _ := m.status()
		var applied []string
		for line := range strings.Lines(strings.Join(said, "")) {
			if strings.HasPrefix(line, "applied ") {
				applied = append(applied, line)
			}
		}
		slices.Sort(applied)
		if len(applied) != len(known) || len(slices.Compact(applied)) != len(known) {
			t.Errorf("%d replicas applied\n%swant each of %v once", replicas, strings.Join(applied, ""), known)
		}
		m.isWhole(one.picture())
	})
}

// TestMigrateCrash kills a process in the middle of each migration, before and
// after it is written down: there is nothing of it, and the next process goes on
// from there.
func TestMigrateCrash(t *testing.T) {
	onEveryStore(t, func(t *testing.T, fresh func() *migrating) {
		one, m := fresh(), fresh()
		if out, err := one.up("nowhere"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		all, _ := one.status()
		kills := 0
		for i, name := range all {
			var before string
			for _, point := range []string{"migrate=", "migrated="} {
				out, err := m.up(point + name)
				if died, ok := errors.AsType[*exec.ExitError](err); !ok || !strings.Contains(died.Error(), "killed") {
					t.Fatalf("%s%s: the process did not die: %v\n%s", point, name, err, out)
				}
				kills++
				if _, applied := m.status(); applied != i {
					t.Errorf("%s%s: %d migrations are applied, want %d", point, name, applied, i)
				}
				switch after := m.picture(); before {
				case "", after:
					before = after
				default:
					t.Errorf("%s%s left\n%s\nof what was\n%s", point, name, after, before)
				}
			}
		}
		if out, err := m.up("nowhere"); err != nil || strings.Count(out, "applied ") != 1 {
			t.Errorf("the last process: %v\n%s", err, out)
		}
		m.isWhole(one.picture())
		if kills < 20 {
			t.Errorf("only %d kills", kills)
		}
		t.Logf("%d kills in %d migrations", kills, len(all))
	})
}
