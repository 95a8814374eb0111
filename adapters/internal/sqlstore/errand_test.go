package sqlstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// oneWriter is a dialect with one session, which notes what happens on it.
type oneWriter struct {
	Dialect
	turn   chan struct{}
	log    []string
	commit error
}

func newOneWriter() *oneWriter {
	d := &oneWriter{turn: make(chan struct{}, 1)}
	d.turn <- struct{}{}
	return d
}

type oneSession struct {
	Querier
	*oneWriter
	begun bool
}

func (d *oneWriter) Lanes() int           { return 1 }
func (d *oneWriter) Classify(error) Class { return Broken }
func (d *oneWriter) Session(ctx context.Context, _ int) (Session, error) {
	select {
	case <-d.turn:
		return &oneSession{oneWriter: d}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *oneSession) Begin(context.Context) error {
	s.begun, s.log = true, append(s.log, "begin")
	return nil
}

func (s *oneSession) Commit(context.Context) error {
	s.begun, s.log = false, append(s.log, "commit")
	return s.commit
}

func (s *oneSession) Rollback() {
	if s.begun {
		s.begun, s.log = false, append(s.log, "rollback")
	}
}

func (s *oneSession) Release(error) {
	s.Rollback()
	s.turn <- struct{}{}
}

// errandsWhileBusy has several write while somebody else has the writer, and
// returns what each came to.
func errandsWhileBusy(t *testing.T, d *oneWriter, fns ...func(q Querier) error) []error {
	t.Helper()
	s := &Store{dialect: d}
	out := make([]error, len(fns))
	synctest.Test(t, func(t *testing.T) {
		d.turn = make(chan struct{}, 1) // of this bubble
		var writing sync.WaitGroup
		for i, fn := range fns {
			writing.Go(func() { out[i] = s.write(t.Context(), fn) })
			synctest.Wait() // in this order
		}
		d.turn <- struct{}{}
		writing.Wait()
	})
	return out
}

// TestErrandsShare: what waits for the one writer is done in one transaction.
func TestErrandsShare(t *testing.T) {
	d := newOneWriter()
	note := func(what string) func(Querier) error {
		return func(Querier) error { d.log = append(d.log, what); return nil }
	}
	errs := errandsWhileBusy(t, d, note("a"), note("b"), note("c"))
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if want := []string{"begin", "a", "b", "c", "commit"}; !slices.Equal(d.log, want) {
		t.Errorf("%v", d.log)
	}
}

// TestErrandsFail: whoever fails does so alone; the others are done, each by
// itself.
func TestErrandsFail(t *testing.T) {
	d := newOneWriter()
	failed := errors.New("no")
	ok := func(Querier) error { d.log = append(d.log, "ok"); return nil }
	errs := errandsWhileBusy(t, d, ok, func(Querier) error { return failed }, ok)
	if errs[0] != nil || !errors.Is(errs[1], failed) || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	want := []string{"begin", "ok", "rollback", "begin", "ok", "commit", "begin", "rollback", "begin", "ok", "commit"}
	if !slices.Equal(d.log, want) {
		t.Errorf("%v", d.log)
	}
}

// TestErrandsCommit: of a commit that fails nobody knows what came of it, so that
// nothing is done again.
func TestErrandsCommit(t *testing.T) {
	d := newOneWriter()
	d.commit = errors.New("the disk")
	ran := 0
	fn := func(Querier) error { ran++; return nil }
	for _, err := range errandsWhileBusy(t, d, fn, fn) {
		if !errors.Is(err, d.commit) {
			t.Error(err)
		}
	}
	if ran != 2 {
		t.Errorf("done %d times", ran)
	}
}

// TestErrandLeaves: who no longer waits takes his errand with him; the others'
// are done.
func TestErrandLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newOneWriter()
		<-d.turn
		s := &Store{dialect: d}
		ctx, leave := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() {
			left <- s.write(ctx, func(Querier) error { d.log = append(d.log, "left"); return nil })
		}()
		go func() {
			stayed <- s.write(t.Context(), func(Querier) error { d.log = append(d.log, "stayed"); return nil })
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		d.turn <- struct{}{}
		if err := <-stayed; err != nil {
			t.Error(err)
		}
		if want := []string{"begin", "stayed", "commit"}; !slices.Equal(d.log, want) {
			t.Errorf("%v", d.log)
		}
	})
}

// TestErrandsMany loses none, however many come at once.
func TestErrandsMany(t *testing.T) {
	d := newOneWriter()
	s := &Store{dialect: d}
	var writing sync.WaitGroup
	sum := 0 // written by whoever has the writer
	for range 50 {
		writing.Go(func() {
			for range 100 {
				if err := s.write(t.Context(), func(Querier) error { sum++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if sum != 5000 {
		t.Errorf("%d of 5000 were done", sum)
	}
}
