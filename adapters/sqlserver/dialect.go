package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// dialect implements sqlstore.Dialect.
type dialect struct {
	db    *sql.DB
	lanes []lane
}

// Lanes is how many batches commit at the same time.
func (d *dialect) Lanes() int { return len(d.lanes) }

// Reader returns the pool: with row versioning, readers wait for nobody.
func (d *dialect) Reader() sqlstore.Querier { return d.db }

// Pool returns the pool.
func (d *dialect) Pool() *sql.DB { return d.db }

// Close ends all connections.
func (d *dialect) Close() error {
	for i := range d.lanes {
		if c := d.lanes[i].conn; c != nil {
			c.Close()
		}
	}
	return d.db.Close()
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

// Classify judges an error by the server's number, or by the network's.
func (d *dialect) Classify(err error) sqlstore.Class { return classify(err) }

// The server's error numbers that decide what becomes of a batch.
var (
	transientNumbers  = []int32{1204, 1205, 1222, 3960, 41302, 41305, 41325, 41839}
	racedNumbers      = []int32{2601, 2627}
	constraintNumbers = []int32{220, 232, 241, 242, 245, 515, 517, 547, 2628, 3609, 8114, 8115, 8152, 8169, 13609}
	missingNumbers    = []int32{207, 208, 2812, 15151}
	downNumbers       = []int32{20, 64, 121, 233, 596, 601, 701, 802, 823, 824, 825, 845, 904, 911, 916, 921, 922, 924, 926, 927, 942, 945, 976, 978, 979, 982, 983,
		1105, 1785, 3906, 3908, 4060, 4064, 4221, 6005, 8645, 8651, 9001, 9002, 10053, 10054, 10060, 10922, 10928, 10929, 10930, 10936, 11001,
		17142, 17197, 18401, 18451, 18452, 18456, 18461, 18470, 18486, 18487, 18488, 40143, 40197, 40501, 40540, 40544, 40545, 40549, 40550, 40551, 40552, 40553,
		40613, 40627, 49918, 49919, 49920}
)

func classOf(number int32) (sqlstore.Class, bool) {
	for class, numbers := range map[sqlstore.Class][]int32{
		sqlstore.Transient:   transientNumbers,
		sqlstore.Raced:       racedNumbers,
		sqlstore.Constraint:  constraintNumbers,
		sqlstore.Missing:     missingNumbers,
		sqlstore.Unavailable: downNumbers,
	} {
		for _, n := range numbers {
			if n == number {
				return class, true
			}
		}
	}
	return sqlstore.Broken, number >= 50000 // raised by a trigger of the tables' owner
}

func classify(err error) sqlstore.Class {
	if e, ok := errors.AsType[mssql.Error](err); ok {
		class, known := classOf(e.Number)
		if class == sqlstore.Broken && known {
			return sqlstore.Constraint
		}
		return class
	}
	switch op, _ := errors.AsType[*net.OpError](err); {
	case op != nil && op.Op == "dial":
		return sqlstore.Unavailable
	case op != nil && op.Timeout():
		return sqlstore.Unavailable
	case op != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn), errors.Is(err, net.ErrClosed):
		return sqlstore.Transient
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, sql.ErrConnDone) {
		return sqlstore.Unavailable
	}
	return sqlstore.Broken
}

// Exclude keeps other processes from migrating with an application lock of a
// session, which the server releases when the session dies.
func (d *dialect) Exclude(ctx context.Context) (func() error, error) {
	conn, err := d.db.Conn(ctx)
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

// Diagnose names settings of the database that endanger what was promised.
func (d *dialect) Diagnose(ctx context.Context) ([]string, error) {
	var durability, isolation sql.NullString
	err := d.db.QueryRowContext(ctx, `SELECT delayed_durability_desc, CASE WHEN is_read_committed_snapshot_on = 1 THEN 'on' ELSE 'off' END
		FROM sys.databases WHERE name = DB_NAME()`).Scan(&durability, &isolation)
	if err != nil {
		return nil, err
	}
	var out []string
	if durability.Valid && durability.String != "DISABLED" {
		out = append(out, "DELAYED_DURABILITY is "+durability.String+": acknowledged messages can be lost; ALTER DATABASE CURRENT SET DELAYED_DURABILITY = DISABLED")
	}
	if isolation.String != "on" {
		out = append(out, "READ_COMMITTED_SNAPSHOT is off: readers and lanes wait for each other; ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON")
	}
	return out, nil
}
