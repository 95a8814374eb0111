// Package sqlite is the embedded store: one file, nothing to install. It keeps
// the same promises as the SQL Server store and passes the same suite; it
// serves the demo, tests and small sites.
//
// There is one writer: a connection that every transaction takes its turn on,
// with BEGIN IMMEDIATE, write-ahead logging and synchronous=FULL, so that what
// was committed survives a power failure. Readers have connections of their own
// and never wait for it. A batch is one transaction. Its messages are
// written together, in statements of many rows (group); when they meet each other or
// one is refused late, one after the other with a savepoint for each.
//
// Business tables are named "schema.table", dot included, in the one file:
// databases that are attached do not commit as one in WAL mode. Their columns
// are declared with SQL Server's types, which SQLite keeps but does not
// enforce: decimals are kept as integers scaled by the declared fraction
// digits, datetimes as text YYYY-MM-DD HH:MM:SS.mmm in UTC. The package refuses
// to know what the rows mean.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"time"

	"modernc.org/sqlite"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements gateway.Store.
type Store = sqlstore.Store

// Migration is one migration file and what became of it.
type Migration = sqlstore.Migration

// Config is the store section of a configuration with driver sqlite.
type Config struct {
	Driver string      `yaml:"driver"` // sqlite
	Path   config.Path `yaml:"path"`   // the database file; created when it does not exist
	// Readers is how many connections read at the same time; 0 means one for
	// each processor, at least 2.
	Readers int `yaml:"readers"`
	// BusyTimeout is how long to wait for another process that writes to the
	// file; 0 means 5 s.
	BusyTimeout time.Duration `yaml:"busy_timeout"`
	Shards      int           `yaml:"shards"` // shards of each channel; 0 means 4; never lowered while deliveries wait
	// Epoch is part of every wire id. Raise it after the file was restored from
	// a backup.
	Epoch int `yaml:"epoch"`
}

// Validate reports every fault of the section at once.
func (c Config) Validate() error {
	var faults []error
	if c.Path == "" {
		faults = append(faults, errors.New("path: the database file is missing"))
	}
	for name, n := range map[string]int{"readers": c.Readers, "shards": c.Shards, "epoch": c.Epoch} {
		if n < 0 {
			faults = append(faults, fmt.Errorf("%s: %d is negative", name, n))
		}
	}
	if c.BusyTimeout < 0 {
		faults = append(faults, fmt.Errorf("busy_timeout: %s is negative", c.BusyTimeout))
	}
	return errors.Join(faults...)
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config {
	c = c.withDefaults()
	c.Shards = cmp.Or(c.Shards, sqlstore.DefaultShards)
	return c
}

func (c Config) withDefaults() Config {
	if c.Readers == 0 {
		c.Readers = max(2, runtime.NumCPU())
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	return c
}

// Open opens the database file, creating it when it does not exist. It applies
// no migrations: see Store.Up. The context bounds the opening only.
func Open(ctx context.Context, c Config, now func() time.Time, log *slog.Logger) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	d, err := open(ctx, c.withDefaults(), log)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return sqlstore.New(d, sqlstore.Options{Shards: c.Shards, Epoch: c.Epoch, Migrations: files, Now: now, Log: log}), nil
}

func open(ctx context.Context, c Config, log *slog.Logger) (*dialect, error) {
	d := &dialect{path: string(c.Path), busy: c.BusyTimeout, turn: make(chan *connection, 1)}
	var faults [4]error
	var readers, copier *sql.DB
	// What a savepoint may have to undo goes to a temporary file unless it is
	// kept in memory; it is nothing that a crash needs. The cache is 16 MiB.
	d.writer, faults[0] = pool(d.dsn("_pragma", "temp_store(memory)", "cache_size(-16384)", "wal_autocheckpoint("+strconv.Itoa(longLog)+")"), 1)
	d.admin, faults[1] = pool(d.dsn("_txlock", "immediate"), 0)
	readers, faults[2] = pool(d.dsn("_query_only", "1"), c.Readers)
	copier, faults[3] = pool(d.dsn("_txlock", "deferred"), 1)
	if err := errors.Join(faults[:]...); err != nil {
		return nil, err
	}
	d.reader = newReader(readers)
	d.checkpoints = newCheckpointer(copier, log)
	d.turn <- &connection{pool: d.writer, inbox: newInbox(), checkpoints: d.checkpoints}
	// The first connection switches the file to WAL.
	if err := errors.Join(d.create(ctx), d.writer.PingContext(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", c.Path, err), d.Close())
	}
	return d, nil
}

// pageSize is what new files have. A delivery of one or two kilobytes fits into a
// page with others; where it does not, every comparison with it reads another
// page: relaying took half as much again of the processor with 4096. Files that
// exist keep theirs.
const pageSize = 8192

// create makes the file when it is not there yet: SQLite itself would let every
// user of the machine read it, and the files beside it, which take its mode.
func (d *dialect) create(ctx context.Context) error {
	file, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	about, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil || about.Size() > 0 {
		return err
	}
	return d.layOut(ctx)
}

// layOut writes the header of an empty file: no setting of a connection comes
// early enough to choose the size of its pages.
func (d *dialect) layOut(ctx context.Context) error {
	plain := &url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath()}
	db, err := pool(plain.String()+"?_busy_timeout="+strconv.FormatInt(d.busy.Milliseconds(), 10), 1)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA page_size = "+strconv.Itoa(pageSize)+"; PRAGMA journal_mode = WAL")
	return errors.Join(err, db.Close())
}

// pool makes a pool that keeps size connections open; with 0 it keeps none.
func pool(dsn string, size int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(max(1, size))
	db.SetMaxIdleConns(size)
	return db, nil
}

// dsn names the file with the settings that every connection needs, and some
// values of one more.
func (d *dialect) dsn(key string, values ...string) string {
	q := url.Values{}
	q.Set("_busy_timeout", strconv.FormatInt(d.busy.Milliseconds(), 10))
	q.Set("_journal_mode", "WAL")
	q.Set("_synchronous", "FULL")
	q.Set("_foreign_keys", "on")
	q.Set("_dqs", "0")
	q[key] = values
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.path}).EscapedPath(), RawQuery: q.Encode()}).String()
}
