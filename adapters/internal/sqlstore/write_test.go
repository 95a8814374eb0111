package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"testing"
)

var errDeadlock = errors.New("deadlock")

// faulty is a dialect whose sessions fail as a test says.
type faulty struct {
	Dialect
	begins, commits, released int
	commit                    error
}

type faultySession struct {
	Querier
	*faulty
}

func (f *faulty) Session(context.Context, int) (Session, error) { return faultySession{nil, f}, nil }
func (f *faulty) Lanes() int                                    { return 1 }
func (f *faulty) Classify(err error) Class {
	if errors.Is(err, errDeadlock) {
		return Transient
	}
	return Broken
}

func (s faultySession) Begin(context.Context) error  { s.begins++; return nil }
func (s faultySession) Commit(context.Context) error { s.commits++; return s.commit }
func (s faultySession) Rollback()                    {}
func (s faultySession) Release(error)                { s.released++ }

// TestWriteAgain: what a deadlock ends is done again, a bounded number of times,
// and never after its commit was sent.
func TestWriteAgain(t *testing.T) {
	for _, tt := range []struct {
		name         string
		errs         []error // of fn, one after the other; then none
		commit, want error
		runs         int
	}{
		{"at once", nil, nil, nil, 1},
		{"second time", []error{errDeadlock}, nil, nil, 2},
		{"never", []error{errDeadlock, errDeadlock, errDeadlock, errDeadlock}, nil, errDeadlock, attempts},
		{"another error", []error{sql.ErrNoRows}, nil, sql.ErrNoRows, 1},
		{"commit", nil, errDeadlock, errDeadlock, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &faulty{commit: tt.commit}
			s := &Store{dialect: d}
			runs := 0
			err := s.write(t.Context(), func(Querier) error {
				runs++
				if runs <= len(tt.errs) {
					return tt.errs[runs-1]
				}
				return nil
			})
			if !errors.Is(err, tt.want) || runs != tt.runs || d.released != runs || d.begins != runs {
				t.Errorf("error %v after %d runs, %d transactions, %d released; want %v after %d", err, runs, d.begins, d.released, tt.want, tt.runs)
			}
		})
	}
}
