// Package sqlstore is what the SQL stores share: the order of things in a
// Commit, the ledger, the outbox, leases, migrations and the picture of the
// business tables that mappings are checked against.
//
// It refuses to know any SQL dialect beyond the few words that Dialect
// translates, and any driver at all. How rows are claimed, resolved and written
// is each dialect's own Program: SQL Server works on whole batches, SQLite row
// by row.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Querier is what statements are sent to: a pool, a connection or a transaction.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Session is one connection that nobody else uses until Release.
type Session interface {
	Querier
	// Begin starts a transaction that may write.
	Begin(ctx context.Context) error
	Commit(ctx context.Context) error
	// Rollback undoes what Begin started; without a transaction it does nothing.
	Rollback()
	// Release rolls back what was not committed and gives the connection back;
	// err is the first error that happened on it, after which a dialect may
	// prefer a new connection.
	Release(err error)
}

// Program is a mapping's plan in the statements of one dialect. It holds no
// state of its own and serves every lane.
type Program interface {
	// Run does one attempt: it commits the items in one transaction, those that
	// are held among them, and sets their outcomes; or it returns an error and
	// nothing was stored, as far as is known. When it sets an item aside
	// (Item.SetAside), it has rolled back and the rest wants another attempt.
	Run(ctx context.Context, s Session, items []*Item) error
}

// Class says what an error of the driver means for a batch.
type Class uint8

// The classes. The zero Class is a defect of ours or of the server.
const (
	Broken      Class = iota // neither the message's fault nor likely to pass
	Unavailable              // network, login, disk full, read-only: later is fine
	Transient                // deadlock, lock timeout: the same batch again
	Raced                    // another transaction stored the same key meanwhile
	Constraint               // the database refuses a value of some message
	Missing                  // a table or column is not there: migrations are pending
	Drifted                  // a table is not as it was when the statements were written
)

// Dialect is what differs between the databases.
type Dialect interface {
	// Lanes is how many transactions may write at the same time.
	Lanes() int
	// Session returns a connection for one lane, or for AnyLane.
	Session(ctx context.Context, lane int) (Session, error)
	// Reader returns where to read without disturbing writers.
	Reader() Querier
	// Text translates a statement: {table} for a table of the ledger, @p1 for
	// a parameter, {top @p1} and {limit @p1}, {now @p1}, {later @p1 @p2} for
	// an instant and the one so many milliseconds after it, {each @p1} for the
	// numbers of a JSON array, {names @p1} for its texts, {list @p1} for a table of
	// them with their places n, {bytes @p1} for what a Document spells in
	// hexadecimal digits, {ids @p1} for the identifiers of a JSON array, in
	// hexadecimal text, {lock} for a row that is going to be written, {rows} for
	// rows that are removed without keeping others from their neighbours,
	// {exists name} for the number of ledger tables of that name.
	Text(statement string) string
	// Time makes a parameter of an instant; ScanTime a destination for one.
	Time(t time.Time) any
	ScanTime(t *time.Time) sql.Scanner
	// Document makes a parameter of a JSON text of any length.
	Document(text string) any
	Classify(err error) Class
	// Introspect describes the tables that exist among names.
	Introspect(ctx context.Context, q Querier, names []mapping.TableName) ([]*Table, error)
	// Sequences returns those of names that numbers can be drawn from.
	Sequences(ctx context.Context, q Querier, names []mapping.TableName) ([]mapping.TableName, error)
	// Build writes an alteration of a table, which is nil for a sequence: a
	// statement when exact, else words; nothing where it cannot be.
	Build(t *Table, a mapping.Alteration) (text string, exact bool)
	Compile(p *Plan) (Program, error)
	// Exclude keeps other processes from migrating until release is called.
	Exclude(ctx context.Context) (release func() error, err error)
	// VersionTable creates the table of applied migrations, if need be.
	VersionTable() []string
	// Pool is the connections that migrations run on.
	Pool() *sql.DB
	// Grants is the script that lets a login run the gateway.
	Grants(login string, schemas []string) string
	// Diagnose names what endangers the promises: settings of the database,
	// rights and indexes that the uses lack. Each line says what is wrong, why it
	// matters and what mends it.
	Diagnose(ctx context.Context, uses []Use) ([]string, error)
	Close() error
}

// AnyLane asks for a connection that belongs to no lane.
const AnyLane = -1

// DefaultShards is how many shards a channel has unless configured otherwise.
const DefaultShards = 4

// Options are the choices that both dialects take.
type Options struct {
	Shards     int // shards of each channel; 0 means DefaultShards
	Epoch      int // part of every wire id; raised after the database was restored to an earlier point
	Migrations fs.FS
	Now        func() time.Time
	Log        *slog.Logger
}

// Store implements gateway.Store on a Dialect. It is safe for concurrent use.
type Store struct {
	dialect    Dialect
	shards     int
	epoch      int
	migrations fs.FS
	now        func() time.Time
	log        *slog.Logger
	text       statements
	packer     packer
	slabs      sync.Pool // of *slab
	errands    errands
	notings    notings
	floors     floors
	swept      atomic.Pointer[time.Time] // when Due last looked for messages that wait behind nobody
}

// New makes a store; it does not touch the database.
func New(d Dialect, o Options) *Store {
	if o.Shards == 0 {
		o.Shards = DefaultShards
	}
	return &Store{
		dialect:    d,
		shards:     o.Shards,
		epoch:      o.Epoch,
		migrations: o.Migrations,
		now:        o.Now,
		log:        o.Log,
		text:       translate(d.Text),
	}
}

// Lanes is how many batches may be committed at the same time.
func (s *Store) Lanes() int { return s.dialect.Lanes() }

// Shards is how many shards each channel has.
func (s *Store) Shards() int { return s.shards }

// Close ends all connections; commits under way fail.
func (s *Store) Close() error { return s.dialect.Close() }

// Ping answers whether the store can be used now: the database is reached and
// has the gateway's tables.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	err := s.dialect.Reader().QueryRowContext(ctx, s.text.ping).Scan(&n)
	return s.fail("asking the database", err)
}

// Check names what endangers the store's promises: settings of the database,
// and rights and indexes that the mappings lack. Each line says what is wrong,
// why it matters and what mends it. An error says that the database could not be
// asked.
func (s *Store) Check(ctx context.Context, mappings []*mapping.Mapping) ([]string, error) {
	warnings, err := s.dialect.Diagnose(ctx, usesOf(mappings))
	return warnings, s.fail("looking at the database's settings", err)
}

// write runs fn in a transaction, alone or together with others'. What fails with an error that looks
// transient is run again from the start, as often as a batch is: fn forgets what
// an earlier run of it found out. An error of the commit itself is not, for the
// transaction may have come about.
func (s *Store) write(ctx context.Context, fn func(q Querier) error) error {
	for try := 1; ; try++ {
		committing, err := s.transact(ctx, fn)
		if err == nil || committing || try == attempts || !s.passes(err) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// transact shares the transaction with others where all have to wait for one
// writer.
func (s *Store) transact(ctx context.Context, fn func(q Querier) error) (committing bool, err error) {
	if s.dialect.Lanes() == 1 {
		return s.share(ctx, fn)
	}
	return s.writeOnce(ctx, fn)
}

// passes reports whether the same statements may well succeed at once.
func (s *Store) passes(err error) bool {
	class := s.dialect.Classify(err)
	return class == Transient || class == Raced
}

func (s *Store) writeOnce(ctx context.Context, fn func(q Querier) error) (committing bool, err error) {
	session, err := s.dialect.Session(ctx, AnyLane)
	if err != nil {
		return false, err
	}
	defer func() { session.Release(err) }()
	if err := session.Begin(ctx); err != nil {
		return false, err
	}
	if err := fn(session); err != nil {
		return false, err // Release rolls back
	}
	return true, session.Commit(ctx)
}

// affected is how many rows a statement changed.
func affected(done sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// fail makes a fault of a driver's error, saying what was being done.
func (s *Store) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	class := s.dialect.Classify(err)
	out := Fail(class, doing, err)
	if _, act := errors.AsType[*unaudited](err); act {
		f, ok := errors.AsType[*fault.Error](out)
		if class == Raced || ok && f.Code == fault.CodeInternal { // its chain is locked: nobody else has put an entry there who may
			return fault.New(fault.CodeAudit, "").Because(&operationError{doing, err})
		}
	}
	return out
}

// Fail makes a fault of a driver's error of a class, saying what was being done.
func Fail(class Class, doing string, err error) error {
	cause := &operationError{doing, err}
	switch class {
	case Unavailable, Transient, Raced:
		return fault.New(fault.CodeStoreUnavailable, "").Because(cause)
	case Missing:
		return fault.New(fault.CodeSchema, "").Because(cause)
	case Drifted:
		return drifted(cause)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.CodeStoreUnavailable, "").Because(cause)
	}
	return fault.New(fault.CodeInternal, "").Because(cause)
}

// operationError says what was being done when a driver's error came.
type operationError struct {
	doing string
	err   error
}

func (e *operationError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *operationError) Unwrap() error { return e.err }
