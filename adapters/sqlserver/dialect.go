package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// dialect implements sqlstore.Dialect.
type dialect struct {
	config Config // with its defaults
	now    func() time.Time
	db     *sql.DB
	admin  *sql.DB // what migrations use: its requests may take long
	lanes  []lane
	// versions are serverVersions; a stand-in for SQL Server has others.
	versions versions
}

// Lanes is how many batches commit at the same time.
func (d *dialect) Lanes() int { return len(d.lanes) }

// Reader returns the pool: with row versioning, readers wait for nobody.
func (d *dialect) Reader() sqlstore.Querier { return d.db }

// Pool returns connections for migrations.
func (d *dialect) Pool() *sql.DB { return d.admin }

// Close ends all connections.
func (d *dialect) Close() error {
	for i := range d.lanes {
		if c := d.lanes[i].conn; c != nil {
			c.Close()
		}
	}
	return errors.Join(d.admin.Close(), d.db.Close())
}

// Text translates a statement of the shared package.
func (d *dialect) Text(statement string) string { return text(statement) }

func text(statement string) string {
	return sqlstore.Expand(statement, func(name string, args []string) string {
		switch name {
		case "top":
			return "TOP (" + args[0] + ")"
		case "limit":
			return ""
		case "now":
			return "SYSUTCDATETIME()"
		case "later":
			return "DATEADD(millisecond, " + args[1] + ", SYSUTCDATETIME())"
		case "each":
			return "(SELECT CONVERT(bigint, value) FROM OPENJSON(" + args[0] + "))"
		case "names":
			return "(SELECT j.name COLLATE Latin1_General_BIN2 FROM OPENJSON(" + args[0] + ") WITH (name nvarchar(400) '$') AS j)"
		case "list":
			return "(SELECT CONVERT(int, e.[key]) AS n, e.value AS item FROM OPENJSON(" + args[0] + ") AS e)"
		case "bytes": // as a byte slice each length would have a plan of its own
			return "CONVERT(varbinary(max), " + args[0] + ", 2)"
		case "ids":
			return "(SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(" + args[0] + ") WITH (id char(32) '$') AS j)"
		case "hashes":
			return "(SELECT CONVERT(binary(32), j.hash, 2) FROM OPENJSON(" + args[0] + ") WITH (hash char(64) '$') AS j)"
		case "rows":
			return "WITH (ROWLOCK)"
		case "lock":
			return "WITH (UPDLOCK, SERIALIZABLE)"
		case "exists":
			return "SELECT COUNT(*) FROM sys.tables AS t INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = 'gateway' AND t.name = '" + args[0] + "'"
		}
		return "gateway." + name
	})
}

// Time makes a parameter: a datetime2 in UTC. A time.Time would travel as a
// datetimeoffset and keep its local clock when converted.
func (d *dialect) Time(t time.Time) any { return civil.DateTimeOf(t.UTC().Truncate(time.Millisecond)) }

// ScanTime reads a datetime2; NULL leaves the time zero.
func (d *dialect) ScanTime(t *time.Time) sql.Scanner { return (*instant)(t) }

type instant time.Time

// Scan implements sql.Scanner.
func (i *instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return nil
	case time.Time:
		*i = instant(v.UTC())
		return nil
	}
	return fmt.Errorf("a time of the ledger is %T", src)
}

// Document makes a parameter of a JSON text: nvarchar(max), whatever its length.
func (d *dialect) Document(text string) any { return mssql.NVarCharMax(text) }

// Exclude keeps other processes from migrating with an application lock of a
// session, which the server releases when the session dies.
func (d *dialect) Exclude(ctx context.Context) (func() error, error) {
	conn, err := d.admin.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var result int
	const lock = `DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'gateway.migration', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 60000; SELECT @r`
	if err := conn.QueryRowContext(ctx, lock).Scan(&result); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if result < 0 {
		return nil, errors.Join(fmt.Errorf("another process has been migrating for a minute: sp_getapplock answered %d", result), conn.Close())
	}
	return func() error {
		const unlock = `EXEC sp_releaseapplock @Resource = 'gateway.migration', @LockOwner = 'Session'`
		_, err := conn.ExecContext(context.WithoutCancel(ctx), unlock)
		return errors.Join(err, conn.Close())
	}, nil
}

// VersionTable creates the gateway's schema and the table of applied migrations.
func (d *dialect) VersionTable() []string {
	return []string{
		`IF SCHEMA_ID('gateway') IS NULL EXEC('CREATE SCHEMA gateway')`,
		`IF OBJECT_ID('gateway.migration') IS NULL
CREATE TABLE gateway.migration (
  name varchar(32) NOT NULL,
  version bigint NOT NULL,
  checksum char(64) NOT NULL,
  applied_at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_migration PRIMARY KEY (name, version)
)`,
	}
}

// Grants is the script for the running login: rows only.
func (d *dialect) Grants(login string, schemas []string) string {
	var b strings.Builder
	user := bracket(login)
	fmt.Fprintf(&b, "-- Run in the gateway's database. The login reads and writes rows and changes no table.\n")
	fmt.Fprintf(&b, "IF USER_ID(N%s) IS NULL CREATE USER %s FOR LOGIN %s;\n", literal(login), user, user)
	for _, s := range append([]string{"gateway"}, schemas...) {
		fmt.Fprintf(&b, "GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::%s TO %s;\n", bracket(s), user)
	}
	fmt.Fprintf(&b, "DENY INSERT, UPDATE, DELETE ON OBJECT::gateway.migration TO %s;\n", user)
	fmt.Fprintf(&b, "GRANT VIEW DEFINITION TO %s; -- the tables are compared with the mappings at start\n", user)
	return b.String()
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
