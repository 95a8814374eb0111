package sqlstore

import (
	"context"
	"slices"
	"sync"
	"time"
)

// errand is a small transaction that waits for the one writer of a database: a
// relay's confirmation, an operator's act.
type errand struct {
	ctx  context.Context // of whoever waits, for the statements of fn
	fn   func(q Querier) error
	done context.CancelFunc // ends the waiting; after what follows is set

	ended      chan struct{}
	committing bool // the error is of the commit: its effect is unknown
	err        error
}

// errands are those that wait. Where there is one writer, whoever gets it does
// the errands of all who wait beside him, in one transaction: the relays of a
// channel's shards have something to confirm after each batch of messages, and a
// transaction for each would have the disk wait on as often, and the next batch with it.
type errands struct {
	mu      sync.Mutex
	waiting []*errand
	soon    time.Time // until when the next batch is likely to begin
}

// Under load batches follow each other, with a pause in which senders read their
// answers and write their next messages. An errand that took the writer then would have
// the disk wait on for it alone, and the next batch with it.
const (
	// busyBatch is how many messages a batch has after which another one is waited for.
	busyBatch = 8
	// lingerMost bounds how long; what the last batch took does, too.
	lingerMost = 10 * time.Millisecond
)

// follow notes that a batch was committed, and what it took.
func (es *errands) follow(messages int, took time.Duration) {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.soon = time.Time{}
	if messages >= busyBatch {
		es.soon = time.Now().Add(min(took, lingerMost))
	}
}

// linger waits for the next batch to take the errand with it, or at least to have
// the writer's turn, as long as one is likely to come. It reports whether the errand
// was taken and done.
func (es *errands) linger(waiting context.Context, e *errand) (done bool) {
	es.mu.Lock()
	left := time.Until(es.soon)
	es.mu.Unlock()
	if left <= 0 {
		return false
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-e.ended:
		return true
	case <-waiting.Done(): // by its end, too
		return false
	case <-timer.C:
		return false
	}
}

func (es *errands) add(e *errand) {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.waiting = append(es.waiting, e)
}

// take returns all that wait. Whoever takes an errand ends it.
func (es *errands) take() []*errand {
	es.mu.Lock()
	defer es.mu.Unlock()
	all := es.waiting
	es.waiting = nil
	return all
}

// withdraw takes back an errand that nobody has taken yet.
func (es *errands) withdraw(e *errand) bool {
	es.mu.Lock()
	defer es.mu.Unlock()
	i := slices.Index(es.waiting, e)
	if i < 0 {
		return false
	}
	es.waiting = slices.Delete(es.waiting, i, i+1)
	return true
}

func (e *errand) end(committing bool, err error) {
	e.committing, e.err = committing, err
	close(e.ended)
	e.done()
}

// share runs fn in a transaction that it may share with others who wait for the
// writer. What one of them runs into is not the others' concern.
func (s *Store) share(ctx context.Context, fn func(q Querier) error) (committing bool, err error) {
	waiting, done := context.WithCancel(ctx)
	defer done()
	e := &errand{ctx: ctx, fn: fn, done: done, ended: make(chan struct{})}
	s.errands.add(e)
	if s.errands.linger(waiting, e) {
		return e.committing, e.err
	}
	session, err := s.dialect.Session(waiting, AnyLane)
	if err != nil {
		if s.errands.withdraw(e) {
			return false, err
		}
		<-e.ended // somebody has taken it
		return e.committing, e.err
	}
	s.together(ctx, session, s.errands.take())
	<-e.ended // by now, here or elsewhere
	return e.committing, e.err
}

// together does errands on a session, which it releases: in one transaction, or,
// when anything fails before its commit, each in one of its own.
func (s *Store) together(ctx context.Context, session Session, all []*errand) {
	if len(all) == 0 {
		session.Release(nil)
		return
	}
	committing, err := inOne(ctx, session, all)
	session.Release(err)
	if err != nil && !committing && len(all) > 1 {
		for _, e := range all {
			e.end(s.writeOnce(e.ctx, e.fn))
		}
		return
	}
	for _, e := range all {
		e.end(committing, err)
	}
}

func inOne(ctx context.Context, session Session, all []*errand) (committing bool, err error) {
	if err := session.Begin(ctx); err != nil {
		return false, err
	}
	for _, e := range all {
		if err := e.fn(session); err != nil {
			return false, err // Release rolls back
		}
	}
	return true, session.Commit(ctx)
}
