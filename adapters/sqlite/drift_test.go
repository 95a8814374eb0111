package sqlite_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestTablesDrift: the declared type of a column, which SQLite does not enforce, is
// changed where it keeps it; its version goes up with the next ALTER TABLE.
func TestTablesDrift(t *testing.T) {
	rewrite := func(from, to string) string {
		return `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '` + from + `', '` + to + `') WHERE name = 'crm.customer'; PRAGMA writable_schema = RESET;
CREATE TABLE bump (a INT); DROP TABLE bump`
	}
	store, probe := openStore(t)
	gatewaytest.TestDrift(t, store, probe, gatewaytest.Alterations{
		Same:    `CREATE TABLE other (a INT)`,
		Narrow:  rewrite("name NVARCHAR(120)", "name NVARCHAR(3)"),
		Widen:   rewrite("name NVARCHAR(3)", "name NVARCHAR(120)"),
		Drop:    `ALTER TABLE {crm.customer} RENAME COLUMN email TO mail`,
		Restore: `ALTER TABLE {crm.customer} RENAME COLUMN mail TO email`,
		Forbid:  `CREATE TRIGGER forbid BEFORE INSERT ON {crm.customer} WHEN NEW.name <> 'Ann' BEGIN SELECT RAISE(ABORT, 'only Ann'); END`,
	})
}
