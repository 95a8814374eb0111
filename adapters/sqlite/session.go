package sqlite

import (
	"context"
	"database/sql"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// connection is the writer with its prepared statements. Only the holder of the
// turn uses it.
type connection struct {
	pool     *sql.DB
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	begun    bool
}

// session is one turn on the writer.
type session struct {
	*connection
	turn chan<- *connection
}

// Session waits for the writer's turn.
func (d *dialect) Session(ctx context.Context, _ int) (sqlstore.Session, error) {
	select {
	case c := <-d.turn:
		if err := c.connect(ctx); err != nil {
			d.turn <- c
			return nil, err
		}
		return &session{c, d.turn}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *connection) connect(ctx context.Context) (err error) {
	if c.conn != nil {
		return nil
	}
	c.prepared = map[string]*sql.Stmt{}
	c.conn, err = c.pool.Conn(ctx)
	return err
}

func (c *connection) close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// Release passes the turn on; the connection stays open, with its statements.
func (s *session) Release(error) {
	s.Rollback()
	s.turn <- s.connection
}

// Begin takes SQLite's write lock, so that nothing fails half way for want of it.
func (c *connection) Begin(ctx context.Context) error {
	if err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	c.begun = true
	return nil
}

// Commit makes the transaction last.
func (c *connection) Commit(ctx context.Context) error {
	// A commit is not given up half way: its outcome would be unknown for no gain.
	if err := c.exec(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return err
	}
	c.begun = false
	return nil
}

// Rollback undoes what Begin started.
func (c *connection) Rollback() {
	if !c.begun {
		return
	}
	c.begun = false
	if err := c.exec(context.Background(), "ROLLBACK"); err != nil {
		// SQLite rolls back by itself on errors such as a full disk, and then has
		// no transaction; whatever else it is, a new connection starts clean.
		c.close()
	}
}

// statement returns the prepared form of a text.
func (c *connection) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := c.prepared[text]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, text)
	if err == nil {
		c.prepared[text] = s
	}
	return s, err
}

func (c *connection) exec(ctx context.Context, text string, args ...any) error {
	s, err := c.statement(ctx, text)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx, args...)
	return err
}

// row runs a query that yields one row or none.
func (c *connection) row(ctx context.Context, text string, dest []any, args ...any) (bool, error) {
	s, err := c.statement(ctx, text)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(ctx, args...).Scan(dest...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// ExecContext implements sqlstore.Querier.
func (c *connection) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements sqlstore.Querier.
func (c *connection) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements sqlstore.Querier.
func (c *connection) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(ctx, query, args...)
}
