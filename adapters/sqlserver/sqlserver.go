// Package sqlserver is the product's store: SQL Server 2019 or later, or Azure
// SQL, through go-mssqldb.
//
// A batch is one transaction on the connection of its lane, in at most two
// statements. The first claims the messages in the inbox, resolves every
// look-up, writes the rows and returns the stored values that replies and
// events name; the second writes the ledger, draws the shards' numbers and
// fills the outbox. When nothing names a stored value the two go as one text
// that begins and commits by itself.
//
// Statements are text with parameters, one per mapping: rows travel as JSON in
// an nvarchar(max), bodies end to end in a varbinary(max), so that each text
// has one plan. There are no procedures and no DDL at run time: the login needs
// to read and write rows, nothing else. Locks are taken in one order everywhere:
// held messages that the batch releases, inbox, look-ups, business tables by
// depth of their foreign keys and then by name, rows by key, newly held messages,
// shards ascending. Only the waking of a key's next held message comes out of
// turn; should somebody have locked that one, a deadlock ends one of the two and
// its batch is tried again. The package refuses to know what the rows mean.
//
// Quirks it works around:
//   - A statement error may leave the next call on its connection hanging
//     (go-mssqldb #407): after any error the connection is dropped.
//   - A server that accepts TCP and then stays silent hangs Connect and reads
//     for ever, and names are resolved without a time limit: the gateway dials
//     by itself, and gives every read and write a deadline.
//   - After the server restarted, each idle connection fails once with a bare
//     EOF: a connection is looked at before it is used again.
//   - The driver's Close, called twice, gives one buffer to two later
//     connections: closing a connection closes its link and no more.
//   - A failover partner gets what time the first server left: each is tried by
//     itself, the one that answered last first.
//   - Byte slices of up to 8,000 bytes are declared varbinary(n): shorter ones
//     are padded, and read by offset and length.
package sqlserver

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements gateway.Store.
type Store = sqlstore.Store

// Migration is one migration file and what became of it.
type Migration = sqlstore.Migration

// Open makes a store. It connects when it is first used, so a server that is
// down does not keep the gateway from starting; and it applies no migrations:
// see Store.Up.
func Open(_ context.Context, c Config, now func() time.Time, log *slog.Logger) (*Store, error) {
	return openWith(c, serverVersions, now, log)
}

func openWith(c Config, v versions, now func() time.Time, log *slog.Logger) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c = c.withDefaults()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	d := newDialect(c, now)
	d.versions = v
	return sqlstore.New(d, sqlstore.Options{Shards: c.Shards, Epoch: c.Epoch, Migrations: files, Now: now, Log: log}), nil
}

// newDialect takes a configuration with its defaults.
func newDialect(c Config, now func() time.Time) *dialect {
	d := &dialect{config: c, now: now, lanes: make([]lane, c.Lanes)}
	d.db = sql.OpenDB(&connector{config: c, timeout: c.ConnectTimeout, limit: c.RequestTimeout})
	// Lanes keep their connections; the rest is for relays and the ledger. What
	// is open stays open for a while: a new connection costs about 200 ms, and
	// relays come in swarms.
	d.db.SetMaxOpenConns(2*c.Lanes + 8)
	d.db.SetMaxIdleConns(2*c.Lanes + 8)
	d.db.SetConnMaxIdleTime(idle)
	d.admin = sql.OpenDB(&connector{config: c, timeout: c.ConnectTimeout, limit: c.MigrationTimeout})
	d.admin.SetConnMaxIdleTime(adminIdle)
	return d
}

// How long connections outlive their use: those of the store, and those of
// migrations.
const (
	idle      = 5 * time.Minute
	adminIdle = 10 * time.Second
)
