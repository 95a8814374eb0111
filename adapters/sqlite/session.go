package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// connection is the writer with its prepared statements. Only the holder of the
// turn uses it.
//
// A message takes some twenty statements of microseconds each, and what
// database/sql does around every one of them costs more than they do. So the
// writer's own statements go to the driver's connection directly (sql.Conn.Raw),
// and so does what the shared package executes; its queries go through
// database/sql.
type connection struct {
	pool     *sql.DB
	conn     *sql.Conn
	direct   driver.Conn // while inside of raw
	prepared map[string]statement
	begun    bool
	patient  int64 // SQLite's busy_timeout now, in milliseconds
	inbox    *inbox
	last     link // of the audit trail; a guess, which the database confirms

	checkpoints *checkpointer
	copied      int // pages written when the last checkpoint was asked for

	args []driver.NamedValue // of the statement being run
	read []driver.Value      // the row last read
	list []any               // see fresh
	key  []any               // of the row last looked for
}

// statement is what the driver prepares.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxPrepared bounds the statements kept: each mapping has a few dozen, and
// those of a mapping that was replaced are not used again.
const maxPrepared = 1000

// session is one turn on the writer.
type session struct {
	*connection
	turn chan<- *connection
}

// Session waits for the writer's turn. While another process holds the file, all
// who wait for their turn wait for that too: the time counts once.
func (d *dialect) Session(ctx context.Context, _ int) (sqlstore.Session, error) {
	start := time.Now()
	select {
	case c := <-d.turn:
		err := c.connect(ctx)
		if err == nil {
			err = c.patience(d.busy, time.Since(start))
		}
		if err != nil {
			d.turn <- c
			return nil, err
		}
		return &session{c, d.turn}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// patience sets how long to wait for another process, after having waited.
func (c *connection) patience(busy, waited time.Duration) error {
	left := max(0, busy-waited).Milliseconds()
	if waited < busy/10 {
		left = busy.Milliseconds()
	}
	if left == c.patient {
		return nil
	}
	c.patient = left
	_, err := c.conn.ExecContext(context.Background(), "PRAGMA busy_timeout = "+strconv.FormatInt(left, 10))
	return err
}

func (c *connection) connect(ctx context.Context) (err error) {
	if c.conn != nil {
		return nil
	}
	c.prepared, c.patient = map[string]statement{}, -1
	c.conn, err = c.pool.Conn(ctx)
	return err
}

// raw runs fn with the driver's connection at hand.
func (c *connection) raw(fn func() error) error {
	if c.direct != nil {
		return fn()
	}
	return c.conn.Raw(func(dc any) error {
		c.direct = dc.(driver.Conn)
		defer func() { c.direct = nil }()
		return fn()
	})
}

// forget closes the prepared statements.
func (c *connection) forget() {
	for _, s := range c.prepared {
		s.Close()
	}
	clear(c.prepared)
}

func (c *connection) close() error {
	if c.conn == nil {
		return nil
	}
	c.forget()
	err := c.conn.Close()
	c.conn = nil
	return err
}

// abandon ends the driver's connection too, instead of giving it back to the
// pool in a state that nobody knows.
func (c *connection) abandon() {
	c.forget()
	c.conn.Raw(func(any) error { return driver.ErrBadConn })
	c.conn = nil
}

// Release passes the turn on; the connection stays open, with its statements.
func (s *session) Release(error) {
	s.Rollback()
	s.turn <- s.connection
}

// Begin takes SQLite's write lock, so that nothing fails half way for want of it.
func (c *connection) Begin(ctx context.Context) error {
	c.inbox.begin()
	// Set before: a context that ends at the wrong moment makes an error of a
	// statement that has taken effect.
	c.begun = true
	_, err := c.exec(ctx, "BEGIN IMMEDIATE")
	return err
}

// Commit makes the transaction last.
func (c *connection) Commit(context.Context) error {
	if err := c.inbox.settle(c); err != nil {
		return err
	}
	// A commit is not given up half way: its outcome would be unknown for no gain.
	if _, err := c.exec(context.Background(), "COMMIT"); err != nil {
		return err
	}
	c.begun = false
	c.inbox.committed()
	c.grown()
	return nil
}

// Rollback undoes what Begin started.
func (c *connection) Rollback() {
	if !c.begun {
		return
	}
	c.begun = false
	_, err := c.exec(context.Background(), "ROLLBACK")
	// SQLite rolls back by itself on errors such as a full disk, and then has no
	// transaction; whatever else it is, a new connection starts clean.
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		c.abandon()
	}
}

// prepare returns the prepared form of a text.
func (c *connection) prepare(text string) (statement, error) {
	if s, ok := c.prepared[text]; ok {
		return s, nil
	}
	if len(c.prepared) == maxPrepared {
		c.forget()
	}
	prepared, err := c.direct.Prepare(text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, fmt.Errorf("the driver's statement is %T", prepared)
	}
	c.prepared[text] = s
	return s, nil
}

// bind gathers arguments in the types that drivers take.
func (c *connection) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = int64(n)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// maxList is how many arguments a list may hold that is kept for the next batch.
const maxList = 1 << 16

// fresh returns an empty list for the arguments of a batch's rows. Whoever is done
// with it gives it back (keep), with everything past its end cleared; meanwhile
// others get lists of their own.
func (c *connection) fresh() []any {
	list := c.list
	c.list = nil
	return list[:0]
}

// keep takes a list back, and forgets what it holds.
func (c *connection) keep(list []any) {
	if cap(list) > maxList || cap(list) < cap(c.list) {
		return
	}
	clear(list)
	c.list = list[:0]
}

// exec runs a statement. A context that can end costs a goroutine for each one,
// so only those that may have to wait are given it.
func (c *connection) exec(ctx context.Context, text string, args ...any) (done driver.Result, err error) {
	bound := c.bind(args)
	err = c.raw(func() error {
		s, err := c.prepare(text)
		if err == nil {
			done, err = s.ExecContext(ctx, bound)
		}
		return err
	})
	return done, err
}

// do runs a statement of an open transaction.
func (c *connection) do(text string, args ...any) error {
	_, err := c.exec(context.Background(), text, args...)
	return err
}

// row runs a query of an open transaction that yields one row or none. The row
// is valid until the next one is read.
func (c *connection) row(text string, args ...any) (row []driver.Value, found bool, err error) {
	err = c.rows(text, func(r []driver.Value) bool {
		row, found = r, true
		return false
	}, args...)
	return row, found, err
}

// rows runs a query of an open transaction, row by row until next wants no more.
func (c *connection) rows(text string, next func(row []driver.Value) bool, args ...any) error {
	bound := c.bind(args)
	return c.raw(func() error {
		s, err := c.prepare(text)
		if err != nil {
			return err
		}
		rows, err := s.QueryContext(context.Background(), bound)
		if err != nil {
			return err
		}
		if err := c.each(rows, next); err != nil {
			rows.Close()
			return err
		}
		return rows.Close()
	})
}

func (c *connection) each(rows driver.Rows, next func(row []driver.Value) bool) error {
	n := len(rows.Columns())
	for len(c.read) < n {
		c.read = append(c.read, nil)
	}
	for {
		err := rows.Next(c.read[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil || !next(c.read[:n]) {
			return err
		}
	}
}

// ExecContext implements sqlstore.Querier. What a relay does after every window
// is prepared once, as what messages need is.
func (c *connection) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	plain := make([]any, len(args))
	for i, a := range args {
		var err error
		if plain[i], err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return c.exec(ctx, query, plain...)
}

// QueryContext implements sqlstore.Querier.
func (c *connection) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext implements sqlstore.Querier.
func (c *connection) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(ctx, query, args...)
}
