package sqlserver_test

import (
	"database/sql"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore/sqltest"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestTablesDrift: what the server refuses because a table was changed is nobody's fault.
func TestTablesDrift(t *testing.T) {
	dsn := createDatabase(t)
	store := openStore(t, dsn)
	if _, err := store.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	gatewaytest.TestDrift(t, store, &probe{Probe: &sqltest.Probe{DB: db, Quote: "$1"}}, gatewaytest.Alterations{
		Same:    `CREATE INDEX ix_customer_same ON {crm.customer} (name)`,
		Narrow:  `DROP INDEX ix_customer_same ON {crm.customer}; DROP INDEX ix_customer_name ON {crm.customer}; ALTER TABLE {crm.customer} ALTER COLUMN name nvarchar(3)`,
		Widen:   `ALTER TABLE {crm.customer} ALTER COLUMN name nvarchar(120)`,
		Drop:    `ALTER TABLE {crm.customer} DROP COLUMN email`,
		Restore: `ALTER TABLE {crm.customer} ADD email nvarchar(254) NULL`,
		Forbid:  `ALTER TABLE {crm.customer} ADD CONSTRAINT ck_ann CHECK (name = 'Ann')`,
	})
}
