package sqlite

import (
	"context"
	"database/sql"
	"sync"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// reader are the connections that only read, with the statements that come again
// and again prepared: a relay reads the outbox with one after every window, and
// preparing it took as long as running it. It is safe for concurrent use.
type reader struct {
	*sql.DB
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

// maxRead bounds the statements kept. A listing has one text for each set of its
// filters; past the bound they are prepared each time.
const maxRead = 50

var _ sqlstore.Querier = (*reader)(nil)

func newReader(db *sql.DB) *reader { return &reader{DB: db, prepared: map[string]*sql.Stmt{}} }

// statement returns the prepared form of a text, or nil for one too many.
func (r *reader) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.Lock()
	s := r.prepared[text]
	full := len(r.prepared) >= maxRead
	r.mu.Unlock()
	if s != nil || full {
		return s, nil
	}
	fresh, err := r.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.prepared[text]; s != nil { // somebody else was faster
		return s, fresh.Close()
	}
	r.prepared[text] = fresh
	return fresh, nil
}

// QueryContext implements sqlstore.Querier.
func (r *reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := r.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return r.DB.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements sqlstore.Querier.
func (r *reader) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := r.statement(ctx, query)
	if err != nil || s == nil {
		return r.DB.QueryRowContext(ctx, query, args...) // which fails as the other did
	}
	return s.QueryRowContext(ctx, args...)
}

// Close closes the statements, then the connections.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.prepared {
		_ = s.Close() // with the connections they are gone anyway
	}
	clear(r.prepared)
	return r.DB.Close()
}
