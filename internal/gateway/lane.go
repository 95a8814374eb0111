package gateway

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"time"

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
// ordering key always take the same lane and keep their order. It takes what waits, so
// latency stays low when idle and batches grow under load; while senders answer a
// batch with their next messages it waits for many of them (gather).
type lanes struct {
	each []*lane
	done sync.WaitGroup
}

type lane struct {
	number    int
	metrics   *Metrics
	outage    *outage
	committed func([]Outcome) // hears of every batch, while its entries are still there
	wake      chan struct{}   // capacity 1

	mu     sync.Mutex
	queue  []*job
	bytes  int // of queue
	closed bool
	room   chan struct{} // closed when the queue got shorter; nil while nobody waits

	// Of the batch before; they belong to the lane's goroutine.
	took time.Duration
	last int // messages
}

// job is an entry waiting for its outcome.
type job struct {
	writer *boundWriter
	entry  *Entry
	source *Source              // of a run whose order counts; else nil
	settle func(Outcome, error) // called once, by the lane: it must not wait
}

type result struct {
	outcome Outcome
	err     error
}

// errCallerLeft is the cause when a caller stopped waiting for a message whose
// fate is then open: it is neither accepted nor refused.
var errCallerLeft = errors.New("caller left")

func newLanes(n int, metrics *Metrics, outage *outage, committed func([]Outcome)) *lanes {
	ls := &lanes{}
	for i := range n {
		ls.each = append(ls.each, &lane{number: i, metrics: metrics, outage: outage, committed: committed, wake: make(chan struct{}, 1)})
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

// queued reports whether more entries than n wait for their commit in some lane.
func (ls *lanes) queued(n int) bool {
	return slices.ContainsFunc(ls.each, func(l *lane) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.queue) > n
	})
}

// commit queues an entry and waits for its outcome, or for ctx.
func (ls *lanes) commit(ctx context.Context, w *boundWriter, e *Entry) (Outcome, error) {
	done := make(chan result, 1)
	j := &job{writer: w, entry: e, settle: func(o Outcome, err error) { done <- result{o, err} }}
	if err := ls.laneOf(e.Message.OrderingKey).push(j); err != nil {
		e.Done()
		return Outcome{}, err
	}
	select {
	case r := <-done:
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
	l.metrics.queued.Inc()
	l.signal()
	return nil
}

// pushWhenRoom waits while the lane is full, or until ctx ends.
func (l *lane) pushWhenRoom(ctx context.Context, j *job) error {
	for {
		room := l.roomAhead()
		err := l.push(j)
		if err == nil || fault.Of(err).Code != fault.CodeBusy {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return err
		}
	}
}

// roomAhead returns what is closed when the queue next gets shorter.
func (l *lane) roomAhead() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.room == nil {
		l.room = make(chan struct{})
	}
	return l.room
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// A commit costs as much as some thirty messages in it, whatever it holds: pages that
// are written and a disk that is waited for. Senders that wait for their answers come
// back after each; without a pause every lane would take a few of them, and then the
// few that had come meanwhile.
const (
	// gatherEnough is how many bear the cost of a commit: up to here three quarters of
	// those that were on their way when a batch was done are waited for. Of more than
	// that it is half: the others are prepared while these are committed, and a lane
	// that took most of them would leave the other processors without work.
	gatherEnough = 32
	// gatherFrom is how many must be on their way for that: fewer wait for nobody.
	gatherFrom = 8
	// gatherMost bounds the wait; half of what the last commit took does, too.
	gatherMost = 5 * time.Millisecond
)

// gather waits until most of those, or half of many, are there again that were on their
// way when the last batch was done: its own messages, and what waited then.
func (l *lane) gather() {
	goal := l.goal()
	ready := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.closed || len(l.queue) >= goal || l.bytes >= maxBatchBytes
	}
	if goal == 0 || ready() {
		return
	}
	timer := time.NewTimer(min(l.took/2, gatherMost))
	defer timer.Stop()
	for {
		select {
		case <-l.wake:
			if ready() {
				return
			}
		case <-timer.C:
			return
		}
	}
}

// goal is how many to wait for; 0: none.
func (l *lane) goal() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	expected := l.last + len(l.queue)
	if expected < gatherFrom {
		return 0
	}
	return min(max(expected/2, min(expected*3/4, gatherEnough)), maxBatch)
}

func (l *lane) run(ctx context.Context) {
	for {
		l.gather()
		batch, closed := l.take()
		switch {
		case len(batch) > 0:
			began := time.Now()
			l.commit(ctx, batch)
			l.took, l.last = time.Since(began), len(batch)
		case closed:
			return
		default:
			<-l.wake
			l.last = 0 // whoever comes now was not waited for
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
		if j.single() {
			if skipped == nil {
				skipped = map[string]bool{}
			}
			skipped[key] = true
		}
		batch = append(batch, j)
		bytes += j.entry.Size
	}
	l.queue = rest
	l.bytes -= bytes
	l.metrics.queued.Sub(float64(len(batch)))
	if l.room != nil && len(batch) > 0 {
		close(l.room)
		l.room = nil
	}
	return batch, l.closed
}

// single reports whether the next entry of the key has to see what became of
// this one: it may have to wait behind it.
func (j *job) single() bool { return j.entry.Keep != nil && j.writer.mapping.Waits }

func (l *lane) commit(ctx context.Context, batch []*job) {
	batch = unbroken(batch)
	if len(batch) == 0 {
		return
	}
	entries := make([]*Entry, len(batch))
	for i, j := range batch {
		entries[i] = j.entry
	}
	began := time.Now()
	outcomes, err := observed(ctx, l.outage, func() ([]Outcome, error) { return batch[0].writer.Commit(ctx, l.number, entries) })
	l.metrics.commit(len(batch), time.Since(began), err)
	if err == nil && len(outcomes) != len(batch) {
		err = fault.New(fault.CodeInternal, "")
	}
	if err == nil {
		l.committed(outcomes)
	}
	var deferred []*job
	for i, j := range batch {
		switch {
		case err != nil:
			j.breakOff(fault.Of(err))
		case outcomes[i].Status == Deferred:
			deferred = append(deferred, j)
		case j.source != nil && outcomes[i].Status == Refused && fault.KindOf(outcomes[i].Err).Retryable():
			j.breakOff(outcomes[i].Err)
		default:
			j.finish(outcomes[i], nil)
		}
	}
	l.requeue(deferred)
}

// errBroken is the cause for messages behind one that could not be committed.
var errBroken = errors.New("an earlier message of the run could not be committed")

// unbroken leaves out, and settles, what follows a failure of its run.
func unbroken(batch []*job) []*job {
	kept := batch[:0:0]
	for _, j := range batch {
		if j.source != nil && j.source.broken.Load() {
			j.finish(Outcome{}, fault.New(fault.CodeStoreUnavailable, "").Because(errBroken))
			continue
		}
		kept = append(kept, j)
	}
	return kept
}

// breakOff ends the job, and the run it belongs to.
func (j *job) breakOff(err error) {
	if j.source != nil {
		j.source.broken.Store(true)
	}
	j.finish(Outcome{}, err)
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
	l.metrics.queued.Add(float64(len(jobs)))
	for _, j := range jobs {
		l.bytes += j.entry.Size
	}
}

func (j *job) finish(o Outcome, err error) {
	if err == nil && j.entry.Answer != nil {
		o.Err = j.entry.Answer(o)
	}
	j.entry.Done()
	j.settle(o, err)
}
