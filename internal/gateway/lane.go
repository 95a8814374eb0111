package gateway

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Limits of one batch: they bound a transaction's size and the time that its
// first message waits for its last.
const (
	maxBatch      = 128
	maxBatchBytes = 1 << 20
	// maxQueue and maxQueueBytes are how much may wait in one lane before new
	// entries are turned away as busy, so that memory stays bounded while the
	// store is slow and callers leave without their answers.
	maxQueue      = 2048
	maxQueueBytes = 32 << 20
)

// lanes commit entries in batches. A lane is one goroutine; entries of one
// ordering key always take the same lane and keep their order. A lane never
// sleeps to fill a batch: it takes what waits, so latency stays low when idle
// and batches grow under load.
type lanes struct {
	each []*lane
	done sync.WaitGroup
}

type lane struct {
	number int
	wake   chan struct{} // capacity 1

	mu     sync.Mutex
	queue  []*job
	bytes  int // of queue
	closed bool
}

// job is an entry waiting for its outcome.
type job struct {
	writer *boundWriter
	entry  *Entry
	result chan result // capacity 1: the lane never waits for the caller
}

type result struct {
	outcome Outcome
	err     error
}

// errCallerLeft is the cause when a caller stopped waiting for a message whose
// fate is then open: it is neither accepted nor refused.
var errCallerLeft = errors.New("caller left")

func newLanes(n int) *lanes {
	ls := &lanes{}
	for i := range n {
		ls.each = append(ls.each, &lane{number: i, wake: make(chan struct{}, 1)})
	}
	return ls
}

// run starts the lanes; ctx is what the store's work runs under.
func (ls *lanes) run(ctx context.Context) {
	for _, l := range ls.each {
		ls.done.Go(func() { l.run(ctx) })
	}
}

// close ends the lanes after everything that waits has its outcome.
func (ls *lanes) close() {
	for _, l := range ls.each {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.signal()
	}
	ls.done.Wait()
}

// commit queues an entry and waits for its outcome, or for ctx.
func (ls *lanes) commit(ctx context.Context, w *boundWriter, e *Entry) (Outcome, error) {
	j := &job{writer: w, entry: e, result: make(chan result, 1)}
	if err := ls.laneOf(e.Message.OrderingKey).push(j); err != nil {
		e.Done()
		return Outcome{}, err
	}
	select {
	case r := <-j.result:
		return r.outcome, r.err
	case <-ctx.Done():
		return Outcome{}, fault.New(fault.CodeStoreUnavailable, "the caller stopped waiting; the message may be stored all the same, and a repeat will tell").Because(errCallerLeft)
	}
}

func (ls *lanes) laneOf(key string) *lane {
	h := fnv.New32a()
	h.Write([]byte(key))
	return ls.each[h.Sum32()%uint32(len(ls.each))]
}

func (l *lane) push(j *job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return fault.New(fault.CodeDraining, "")
	case len(l.queue) >= maxQueue, len(l.queue) > 0 && l.bytes+j.entry.Size > maxQueueBytes:
		return fault.New(fault.CodeBusy, "")
	}
	l.queue = append(l.queue, j)
	l.bytes += j.entry.Size
	l.signal()
	return nil
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) run(ctx context.Context) {
	for {
		batch, closed := l.take()
		switch {
		case len(batch) > 0:
			l.commit(ctx, batch)
		case closed:
			return
		default:
			<-l.wake
		}
	}
}

// take removes the next batch from the queue: entries of one writer, in order.
// An entry may be taken past waiting ones of other writers, unless one of those
// has its ordering key.
func (l *lane) take() (batch []*job, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var (
		rest    []*job
		bytes   int
		skipped map[string]bool
	)
	for i, j := range l.queue {
		full := len(batch) == maxBatch || len(batch) > 0 && bytes+j.entry.Size > maxBatchBytes
		if full {
			rest = append(rest, l.queue[i:]...)
			break
		}
		key := j.entry.Message.OrderingKey
		if len(batch) > 0 && j.writer != batch[0].writer || skipped[key] {
			if skipped == nil {
				skipped = map[string]bool{}
			}
			skipped[key] = true
			rest = append(rest, j)
			continue
		}
		batch = append(batch, j)
		bytes += j.entry.Size
	}
	l.queue = rest
	l.bytes -= bytes
	return batch, l.closed
}

func (l *lane) commit(ctx context.Context, batch []*job) {
	entries := make([]*Entry, len(batch))
	for i, j := range batch {
		entries[i] = j.entry
	}
	outcomes, err := batch[0].writer.Commit(ctx, l.number, entries)
	if err == nil && len(outcomes) != len(batch) {
		err = fault.New(fault.CodeInternal, "")
	}
	var deferred []*job
	for i, j := range batch {
		switch {
		case err != nil:
			j.finish(Outcome{}, fault.Of(err))
		case outcomes[i].Status == Deferred:
			deferred = append(deferred, j)
		default:
			j.finish(outcomes[i], nil)
		}
	}
	l.requeue(deferred)
}

// requeue puts deferred entries first again. A store never defers a whole
// batch, so every round ends at least one entry.
func (l *lane) requeue(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(jobs, l.queue...)
	for _, j := range jobs {
		l.bytes += j.entry.Size
	}
}

func (j *job) finish(o Outcome, err error) {
	j.entry.Done()
	j.result <- result{o, err}
}
