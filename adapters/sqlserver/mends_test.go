package sqlserver_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/wsdl"
)

const mended = `mapping: mended
contract: wsdl/orders/orders.wsdl#SubmitOrder
namespaces: {o: urn:gatehouse:samples:orders:1}
identity: o:Header/o:MessageId
rows:
  - table: dbo.mended
    match: [order_no]
    columns:
      order_no: o:Order/o:OrderNumber
      name: o:Order/o:Customer/o:Name
      at: {from: o:Order/o:OrderedAt, zone: UTC}
      currency: o:Order/o:Currency
      note: o:Order/o:Note
reply: {OrderId: 1, OrderNumber: o:Order/o:OrderNumber, Status: {$value: ACCEPTED}}
`

// TestMends: the server takes what is proposed, and nothing is left to be told of.
func TestMends(t *testing.T) {
	dsn := createDatabase(t)
	store := openStore(t, dsn)
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	emulated := emulated(t, db)
	run := func(statement string) {
		t.Helper()
		if emulated { // it alters no NULL, and does not want to hear of it
			statement = regexp.MustCompile(`(ALTER COLUMN .*?)( COLLATE \w+)?( NOT)? NULL$`).ReplaceAllString(statement, "$1")
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("CREATE TABLE dbo.mended (order_no nvarchar(30) NOT NULL, name nvarchar(5) NOT NULL, at datetime NOT NULL, note nvarchar(9) NOT NULL DEFAULT '', vat nvarchar(5) NOT NULL)")
	if emulated {
		run("ALTER TABLE dbo.mended DROP COLUMN vat")
	}
	loaded, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	file, err := mapping.Parse("mended.yaml", []byte(mended))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(file, loaded)
	if err != nil {
		t.Fatal(err)
	}
	examine := func() *mapping.Examination {
		t.Helper()
		found, err := store.Examine(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := examine()
	applied := 0
	apply := func(target, what string, mends []mapping.Mend) {
		t.Helper()
		for _, mend := range mends {
			if mend.In == mapping.InDatabase {
				t.Logf("%s: %s: %s", target, what, mend.Text)
				run(mend.Text)
				applied++
				return
			}
		}
		t.Errorf("%s: %s: nothing mends it", target, what)
	}
	for _, n := range found.Narrowings {
		apply(n.Target, n.Reason, n.Mends)
	}
	for _, c := range found.Complaints {
		apply(c.Target, c.Message, c.Mends)
	}
	if applied < 5 {
		t.Errorf("%d mends were applied", applied)
	}
	left := examine()
	var lines []string
	for _, c := range left.Complaints {
		lines = append(lines, c.Detail.String())
	}
	for _, n := range left.Narrowings {
		lines = append(lines, n.String())
	}
	if len(lines) > 0 {
		t.Errorf("left:\n%s", strings.Join(lines, "\n"))
	}
}
