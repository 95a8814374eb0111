package sqlserver_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore/sqltest"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/mappings"
)

// dsnVariable names a server on which the test may create and drop a database
// of its own, as a URL: sqlserver://user:password@host:port?database=master.
const dsnVariable = "GATEHOUSE_TEST_SQLSERVER"

// patience is the time limit of requests where it is not what a test is about: a
// busy machine is no fault.
const patience = 5 * time.Minute

func business(t testing.TB) fs.FS {
	t.Helper()
	files, err := fs.Sub(mappings.FS, "migrations/sqlserver")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// createDatabase makes an empty database and returns its DSN.
func createDatabase(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(dsnVariable)
	if dsn == "" {
		t.Skip("set " + dsnVariable + " to the DSN of a server")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%s is not a URL", dsnVariable)
	}
	admin, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	name := "gatehouse_test_" + strings.ToLower(rand.Text()[:10])
	// The server makes one at a time and refuses another meanwhile (error 1807), which
	// those of other packages' tests may be.
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Logf("dropping %s: %v", name, err)
		}
	})
	q := u.Query()
	q.Set("database", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func openStore(t testing.TB, dsn string) *sqlserver.Store {
	t.Helper()
	s, err := sqlserver.Open(t.Context(), sqlserver.Config{DSN: config.NewSecret(dsn), RequestTimeout: patience}, time.Now, logger(t))
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

// emptied is every table that tests write, children first.
var emptied = strings.Fields(`gateway.job_item gateway.job gateway.outbox gateway.delivery gateway.parked gateway.discarded gateway.relayed gateway.lease gateway.shard gateway.refusal gateway.reply
	gateway.audit gateway.chain gateway.noted gateway.sighting gateway.own_version gateway.change gateway.change_removed gateway.sealing_key gateway.response gateway.attachment gateway.held gateway.attempt gateway.suspect gateway.message_key gateway.payload gateway.message gateway.inbox
	sales.shipment_line sales.shipment sales.order_line_feature sales.order_line sales.sales_order crm.customer`)

func TestStore(t *testing.T) {
	dsn := createDatabase(t)
	store, others := openStore(t, dsn), &processes{dsn: dsn} // for all, because new connections are slow to make
	if _, err := store.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	gatewaytest.TestStore(t, func(t testing.TB) (gateway.Store, gatewaytest.Probe) {
		p := &probe{Probe: &sqltest.Probe{DB: db, Quote: "$1", Identity: "bigint IDENTITY(1,1) NOT NULL PRIMARY KEY"}, others: others}
		for _, table := range emptied {
			p.Exec(t, "DELETE FROM "+table)
		}
		for _, s := range append(others.stores, store) {
			s.Reread()
		}
		t.Cleanup(func() { p.dropTriggers(t) })
		return store, p
	})
	for _, s := range others.stores {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// processes are other gateways on the database, opened when the first test asks for
// them. Lanes are those of one process, so no two of a test are the same.
type processes struct {
	dsn    string
	stores []*sqlserver.Store
}

func (o *processes) nth(t testing.TB, n int) *sqlserver.Store {
	for len(o.stores) <= n {
		s, err := sqlserver.Open(t.Context(), sqlserver.Config{DSN: config.NewSecret(o.dsn), RequestTimeout: patience}, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		o.stores = append(o.stores, s)
	}
	return o.stores[n]
}

// probe looks into the database on connections of its own.
type probe struct {
	*sqltest.Probe
	others   *processes
	asked    int // how many of them this test has
	triggers []string
}

func (p *probe) Another(t testing.TB) gateway.Store {
	p.asked++
	return p.others.nth(t, p.asked-1)
}

func (p *probe) Sequence(t testing.TB, name string) {
	p.Exec(t, "CREATE SEQUENCE "+name+" AS bigint START WITH 1")
	t.Cleanup(func() { p.Exec(t, "DROP SEQUENCE "+name) })
}

func (p *probe) ForbidUpdates(t testing.TB, schema, table string) {
	name := fmt.Sprintf("%s.forbid_%s", schema, table)
	p.Exec(t, fmt.Sprintf(`CREATE TRIGGER %s ON %s.%s AFTER UPDATE AS
BEGIN
  IF EXISTS (SELECT 1 FROM inserted) THROW 50001, 'updates are forbidden', 1;
END`, name, schema, table))
	p.triggers = append(p.triggers, name)
}

func (p *probe) dropTriggers(t testing.TB) {
	for _, name := range p.triggers {
		p.Exec(t, "DROP TRIGGER "+name)
	}
}
