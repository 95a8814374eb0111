package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// recorder is a driver of one connection that notes what is asked of it.
type recorder struct{ calls []string }

func (r *recorder) note(call string) error {
	r.calls = append(r.calls, call)
	return nil
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return r, r.note("connect") }
func (r *recorder) Driver() driver.Driver                        { return nil }
func (r *recorder) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("refused") }
func (r *recorder) Begin() (driver.Tx, error)                    { return r, r.note("begin") }
func (r *recorder) Commit() error                                { return r.note("commit") }
func (r *recorder) Rollback() error                              { return r.note("rollback") }
func (r *recorder) Close() error                                 { return r.note("close") }

// TestDropAfterError: a connection on which a statement failed may hang at its
// next call (go-mssqldb #407), so there is none, not even the rollback.
func TestDropAfterError(t *testing.T) {
	r := &recorder{}
	d := &dialect{db: sql.OpenDB(r), lanes: make([]lane, 1)}
	s, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = s.ExecContext(t.Context(), "INSERT")
	s.Release(err)
	if i := slices.Index(r.calls, "close"); i < 0 || slices.Contains(r.calls[:i], "rollback") || d.lanes[0].conn != nil {
		t.Errorf("after the error: %v", r.calls)
	}
}

// TestSilence: a message that the answer does not tell of is not taken for stored.
func TestSilence(t *testing.T) {
	a := newAnswer(&sqlstore.Plan{}, []*sqlstore.Item{{}, {}})
	a.states[0] = going
	if _, err := a.settle(); err == nil {
		t.Error("a message without an answer counts as stored")
	}
}
