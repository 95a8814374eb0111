package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// dialect implements sqlstore.Dialect.
type dialect struct {
	path   string
	busy   time.Duration
	writer *sql.DB          // one connection
	reader *reader          // the others
	admin  *sql.DB          // what migrations use; connected only meanwhile
	turn   chan *connection // holds the writer while nobody uses it

	checkpoints *checkpointer
}

// Lanes is one: SQLite has one writer.
func (d *dialect) Lanes() int { return 1 }

// Reader returns connections that only read.
func (d *dialect) Reader() sqlstore.Querier { return d.reader }

// Pool returns connections for migrations, which the writer's turns do not hold up.
func (d *dialect) Pool() *sql.DB { return d.admin }

// Close ends all connections.
func (d *dialect) Close() error {
	var unused error
	select {
	case c := <-d.turn:
		unused = c.close()
	default: // in use: its transaction fails with the pool
	}
	return errors.Join(unused, d.checkpoints.close(), d.admin.Close(), d.reader.Close(), d.writer.Close())
}

// bound begins a parameter. The sign changes nothing but this: SQLite plans a
// statement for the small numbers that are bound, and for the number behind LIMIT, and
// would parse and plan it anew when another one is (a shard's, or at every call).
const bound = "+?"

var parameter = regexp.MustCompile(`@p(\d+)`)

// Text translates a statement of the shared package.
func (d *dialect) Text(statement string) string { return text(statement) }

func text(statement string) string {
	s := sqlstore.Expand(statement, func(name string, args []string) string {
		switch name {
		case "bytes":
			return "unhex(" + args[0] + ")"
		case "top", "lock", "rows":
			return ""
		case "limit":
			return "LIMIT " + args[0]
		case "now":
			return args[0]
		case "later":
			return "(" + args[0] + " + " + args[1] + ")"
		case "each", "names":
			return "(SELECT value FROM json_each(" + args[0] + "))"
		case "list":
			return "(SELECT key AS n, value AS item FROM json_each(" + args[0] + "))"
		case "ids":
			return "(SELECT unhex(value) FROM json_each(" + args[0] + "))"
		case "hashes":
			return "(SELECT unhex(value) FROM json_each(" + args[0] + "))"
		case "exists":
			return `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'gateway.` + args[0] + `'`
		}
		return `"gateway.` + name + `"`
	})
	return parameter.ReplaceAllString(s, bound+"$1")
}

// Time makes a parameter: milliseconds since 1970.
func (d *dialect) Time(t time.Time) any { return t.UnixMilli() }

// ScanTime reads milliseconds since 1970; NULL leaves the time zero.
func (d *dialect) ScanTime(t *time.Time) sql.Scanner { return (*instant)(t) }

type instant time.Time

// Scan implements sql.Scanner.
func (i *instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return nil
	case int64:
		*i = instant(time.UnixMilli(v).UTC())
		return nil
	}
	return fmt.Errorf("a time of the ledger is %T", src)
}

// Document makes a parameter of a JSON text.
func (d *dialect) Document(text string) any { return text }

// Classify judges an error by SQLite's primary result code.
func (d *dialect) Classify(err error) sqlstore.Class { return classify(err) }

func classify(err error) sqlstore.Class {
	if errors.Is(err, sqlstore.ErrDrifted) {
		return sqlstore.Drifted
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return sqlstore.Unavailable
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return sqlstore.Broken
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return sqlstore.Constraint
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL:
		return sqlstore.Unavailable
	}
	if strings.Contains(e.Error(), "no such table") || strings.Contains(e.Error(), "no such column") {
		return sqlstore.Missing
	}
	return sqlstore.Broken
}

func isUnique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// Exclude keeps other processes from migrating by an exclusive transaction on a
// file beside the database; the system releases it when the process dies.
func (d *dialect) Exclude(ctx context.Context) (func() error, error) {
	beside := &dialect{path: d.path + ".migrating", busy: time.Minute}
	db, err := pool(beside.dsn("_txlock", "exclusive"), 1)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// VersionTable creates the table of applied migrations.
func (d *dialect) VersionTable() []string {
	return []string{text(`CREATE TABLE IF NOT EXISTS {migration} (
		name TEXT NOT NULL,
		version INTEGER NOT NULL,
		checksum TEXT NOT NULL,
		applied_at INTEGER NOT NULL,
		PRIMARY KEY (name, version)
	) STRICT, WITHOUT ROWID`)}
}

// Grants says that there is nothing to grant.
func (d *dialect) Grants(string, []string) string {
	return "-- SQLite has no logins: the process needs to read and write the file and its folder.\n"
}
