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
// inbox, look-ups, business tables by depth of their foreign keys and then by
// name, rows by key, shards ascending. The package refuses to know what the
// rows mean.
//
// Quirks it works around:
//   - A statement error may leave the next call on its connection hanging
//     (go-mssqldb #407): after any error the connection is dropped.
//   - A server that accepts TCP and then stays silent hangs Connect and reads
//     for ever: the dialer gives every read and write a deadline.
//   - After the server restarted, each idle connection fails once with a bare
//     EOF: a batch is then tried again on a new one.
//   - Byte slices of up to 8,000 bytes are declared varbinary(n): shorter ones
//     are padded, and read by offset and length.
package sqlserver

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements gateway.Store.
type Store = sqlstore.Store

// Migration is one migration file and what became of it.
type Migration = sqlstore.Migration

// Config is the store section of a configuration with driver sqlserver.
type Config struct {
	Driver string `yaml:"driver"` // sqlserver
	// DSN is a connection string or URL as go-mssqldb takes it; it holds a
	// password, so dsn_file is the usual way.
	DSN config.Secret `yaml:"dsn"`
	// Lanes is how many batches are committed at the same time, each on its own
	// connection; 0 means 4.
	Lanes          int           `yaml:"lanes"`
	Shards         int           `yaml:"shards"`          // shards of each channel; 0 means 4; never lowered while deliveries wait
	ConnectTimeout time.Duration `yaml:"connect_timeout"` // for dialling, TLS and login together; 0 means 5 s
	RequestTimeout time.Duration `yaml:"request_timeout"` // how long the server may stay silent; 0 means 30 s
	// Epoch is part of every wire id. Raise it after the database was restored
	// to an earlier point in time.
	Epoch int `yaml:"epoch"`
}

// Validate reports every fault of the section at once. It never repeats the DSN.
func (c Config) Validate() error {
	var faults []error
	if c.DSN.IsZero() {
		faults = append(faults, errors.New("dsn: the connection string is missing"))
	} else if _, err := msdsn.Parse(c.DSN.Reveal()); err != nil {
		faults = append(faults, errors.New("dsn: not a connection string of SQL Server"))
	}
	for name, n := range map[string]int{"lanes": c.Lanes, "shards": c.Shards, "epoch": c.Epoch} {
		if n < 0 {
			faults = append(faults, fmt.Errorf("%s: %d is negative", name, n))
		}
	}
	for name, d := range map[string]time.Duration{"connect_timeout": c.ConnectTimeout, "request_timeout": c.RequestTimeout} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("%s: %s is negative", name, d))
		}
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Lanes == 0 {
		c.Lanes = 4
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 30 * time.Second
	}
	return c
}

// Open makes a store. It connects when it is first used, so a server that is
// down does not keep the gateway from starting; and it applies no migrations:
// see Store.Up.
func Open(_ context.Context, c Config, now func() time.Time, log *slog.Logger) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c = c.withDefaults()
	params, err := msdsn.Parse(c.DSN.Reveal())
	if err != nil {
		return nil, errors.New("store: dsn: not a connection string of SQL Server")
	}
	params.ConnTimeout = 0 // the dialer's deadlines do better
	inner := mssql.NewConnectorConfig(params)
	inner.Dialer = dialer{silence: c.RequestTimeout}
	db := sql.OpenDB(&connector{Connector: inner, timeout: c.ConnectTimeout})
	// Lanes keep their connections; the rest is for relays and the ledger.
	db.SetMaxOpenConns(2*c.Lanes + 8)
	db.SetMaxIdleConns(c.Lanes + 4) // a new connection costs about 200 ms
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	d := &dialect{db: db, lanes: make([]lane, c.Lanes)}
	return sqlstore.New(d, sqlstore.Options{Shards: c.Shards, Epoch: c.Epoch, Migrations: files, Now: now, Log: log}), nil
}
