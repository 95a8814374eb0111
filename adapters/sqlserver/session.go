package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// lane keeps its connection between batches. Only one batch at a time uses it.
type lane struct {
	conn *sql.Conn
	n    int
}

// kept returns the lane's connection, unless its server has left it.
func (l *lane) kept() *sql.Conn {
	if l.conn == nil || l.conn.Raw(living) == nil {
		return l.conn
	}
	l.conn.Close() // Raw has dropped it from the pool
	l.conn = nil
	return nil
}

func living(dc any) error {
	if c, ok := dc.(*conn); ok && !c.alive() {
		return driver.ErrBadConn
	}
	return nil
}

// session is a connection for one batch or one small transaction.
type session struct {
	conn *sql.Conn
	tx   *sql.Tx
	lane *lane             // nil for a connection of the pool
	gone []sqlstore.Change // the rows of live tables that the transaction has deleted
}

// Session returns the lane's own connection, or one of the pool.
func (d *dialect) Session(ctx context.Context, n int) (sqlstore.Session, error) {
	s := &session{}
	if n != sqlstore.AnyLane {
		s.lane = &d.lanes[n]
		s.lane.n = n
		s.conn = s.lane.kept()
	}
	if s.conn != nil {
		return s, nil
	}
	var err error
	if s.conn, err = d.db.Conn(ctx); err != nil {
		return nil, err
	}
	if s.lane != nil {
		s.lane.conn = s.conn
	}
	return s, nil
}

// Release keeps a lane's connection for its next batch, unless something went
// wrong on it: then it is dropped, for its state is unknown.
func (s *session) Release(err error) {
	if err != nil {
		// Before the rollback, which would be one more call on a connection that
		// may hang: the server undoes what its client has left.
		s.conn.Raw(func(dc any) error {
			dc.(driver.Conn).Close()
			return nil
		})
	}
	s.Rollback()
	if err == nil && s.lane != nil {
		return
	}
	if err != nil {
		s.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	s.conn.Close()
	if s.lane != nil {
		s.lane.conn = nil
	}
}

// Begin starts a transaction.
func (s *session) Begin(ctx context.Context) (err error) {
	s.tx, err = s.conn.BeginTx(ctx, nil)
	return err
}

// Commit ends the transaction.
func (s *session) Commit(context.Context) error {
	tx := s.tx
	s.tx = nil
	if tx == nil {
		return errors.New("commit without a transaction")
	}
	return tx.Commit()
}

// Rollback undoes the transaction, if there is one.
func (s *session) Rollback() {
	if s.tx == nil {
		return
	}
	s.tx.Rollback() // an error means that the connection is gone, and the transaction with it
	s.tx = nil
}

// number is the lane's, or 0.
func (s *session) number() int {
	if s.lane == nil {
		return 0
	}
	return s.lane.n
}

func (s *session) querier() sqlstore.Querier {
	if s.tx != nil {
		return s.tx
	}
	return s.conn
}

// ExecContext implements sqlstore.Querier.
func (s *session) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.querier().ExecContext(ctx, query, args...)
}

// QueryContext implements sqlstore.Querier.
func (s *session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.querier().QueryContext(ctx, query, args...)
}

// QueryRowContext implements sqlstore.Querier.
func (s *session) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return s.querier().QueryRowContext(ctx, query, args...)
}
