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
	batches int           // that are being written
	soon    time.Time     // until when the next one is likely to begin
	news    chan struct{} // closed when a batch has ended; nil while nobody waits for that
}

// Under load batches follow each other, with a pause in which senders read their
// answers and write their next messages. An errand that took the writer then would have
// the disk wait on for it alone, and the next batch with it.
const (
	// busyBatch is how many messages a batch has after which another one is waited for.
	busyBatch = 8
	// pauseMost bounds how long; what the last batch took does, too.
	pauseMost = 10 * time.Millisecond
	// lingerMost bounds it all: the end of the batch that is being written, the pause,
	// and the next one.
	lingerMost = 50 * time.Millisecond
)

// begin notes that a batch is being written.
func (es *errands) begin() {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.batches++
}

// end notes that it is no longer, how many messages it had, and what it took.
func (es *errands) end(messages int, took time.Duration) {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.batches--
	es.soon = time.Time{}
	if messages >= busyBatch {
		es.soon = time.Now().Add(min(took, pauseMost))
	}
	if es.news != nil {
		close(es.news)
		es.news = nil
	}
}

// expected returns how long to wait for a batch at this moment, and what is closed
// when that has changed.
func (es *errands) expected() (wait time.Duration, news <-chan struct{}) {
	es.mu.Lock()
	defer es.mu.Unlock()
	if es.news == nil {
		es.news = make(chan struct{})
	}
	if es.batches > 0 {
		return lingerMost, es.news
	}
	return time.Until(es.soon), es.news
}

// linger waits for a batch to do the errand with its own writing, as long as one is
// written or likely to come. It reports whether that was so.
func (es *errands) linger(waiting context.Context, e *errand) (done bool) {
	latest := time.Now().Add(lingerMost)
	for {
		wait, news := es.expected()
		if wait = min(wait, time.Until(latest)); wait <= 0 {
			return false
		}
		timer := time.NewTimer(wait)
		select {
		case <-e.ended:
			timer.Stop()
			return true
		case <-waiting.Done(): // by its end, too
			timer.Stop()
			return false
		case <-timer.C: // a batch may have begun
		case <-news:
			timer.Stop()
		}
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
