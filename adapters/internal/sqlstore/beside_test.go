package sqlstore

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// besideBatch has fns wait for the writer while a batch has it, lets the batch do
// them beside its own, and returns what each came to.
func besideBatch(t *testing.T, d *oneWriter, fns ...func(Querier) error) []error {
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
		batch(t, d, &Beside{store: s})
		writing.Wait()
	})
	return out
}

// batch is what a program does with its errands: one that fails has it begin anew.
func batch(t *testing.T, d *oneWriter, b *Beside) {
	t.Helper()
	session := &oneSession{oneWriter: d}
	for ended := false; !ended; {
		session.Begin(t.Context())
		d.log = append(d.log, "batch")
		if !b.Do(session) {
			session.Rollback()
			continue
		}
		err := session.Commit(t.Context())
		if ended = !errors.Is(err, errDeferred); !ended {
			b.Undone()
			d.commit = nil // the next one
			continue
		}
		b.Committed(err)
	}
	session.Release(nil)
	b.settle()
}

// errDeferred is of a commit that certainly came to nothing.
var errDeferred = errors.New("a deferred constraint")

func (d *oneWriter) note(what string, err error) func(Querier) error {
	return func(Querier) error { d.log = append(d.log, what); return err }
}

func (d *oneWriter) logged(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.log, want) {
		t.Errorf("%v", d.log)
	}
}

// TestBeside: a batch does what waits for the writer in its own transaction.
func TestBeside(t *testing.T) {
	d := newOneWriter()
	if err := errors.Join(besideBatch(t, d, d.note("a", nil), d.note("b", nil))...); err != nil {
		t.Error(err)
	}
	d.logged(t, "begin", "batch", "a", "b", "commit")
}

// TestBesideFails: who fails does so alone. The batch begins anew without errands,
// and they are done after it, each by itself.
func TestBesideFails(t *testing.T) {
	d, no := newOneWriter(), errors.New("no")
	errs := besideBatch(t, d, d.note("a", nil), d.note("b", no), d.note("c", nil))
	if errs[0] != nil || !errors.Is(errs[1], no) || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	d.logged(t, "begin", "batch", "a", "b", "rollback", "begin", "batch", "commit",
		"begin", "a", "commit", "begin", "b", "rollback", "begin", "c", "commit")
}

// TestBesideUnknown: when nobody knows what came of the commit, nothing is done again.
func TestBesideUnknown(t *testing.T) {
	d := newOneWriter()
	d.commit = errors.New("the disk")
	if errs := besideBatch(t, d, d.note("a", nil)); !errors.Is(errs[0], d.commit) {
		t.Error(errs)
	}
	d.logged(t, "begin", "batch", "a", "commit")
}

// TestBesideDeferred: a commit that certainly came to nothing, because of a message of
// the batch, is no errand's concern.
func TestBesideDeferred(t *testing.T) {
	d := newOneWriter()
	d.commit = errDeferred
	if errs := besideBatch(t, d, d.note("a", nil)); errs[0] != nil {
		t.Error(errs)
	}
	d.logged(t, "begin", "batch", "a", "commit", "begin", "batch", "commit", "begin", "a", "commit")
}
