package live

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// DefaultPoll is how often the log is looked at for what other processes have stored.
const DefaultPoll = 250 * time.Millisecond

const (
	// pageEntries is how many entries are read at once: each may have the rows of a
	// whole batch.
	pageEntries = 16
	// keptEntries and keptChanges bound what is remembered of a chain.
	keptEntries = 4096
	keptChanges = 16384
	readTimeout = 10 * time.Second
)

// Everything is the subject of those who want to hear of every entry.
const Everything = ""

// Hub follows the log for all streams of a process: one reader, which rests while
// nobody listens. It is safe for concurrent use.
type Hub struct {
	log     gateway.ChangeLog
	poll    time.Duration
	metrics *Metrics
	logger  *slog.Logger
	wake    chan struct{} // capacity 1

	mu     sync.Mutex
	chains map[int]*chain    // nil while nobody listens
	topics map[string]*topic // those that somebody listens to, by subject
	round  uint64            // counts up when anything new is found
	away   bool              // the log cannot be read
	ended  bool
}

// chain is the end of a chain as far as it is remembered.
type chain struct {
	last    int64                 // its last entry that is known
	entries []gateway.ChangeEntry // the last ones, ending with last
	changes int                   // in entries
}

// topic is a subject that somebody listens to.
type topic struct {
	listeners int
	changed   chan struct{} // closed at the next change
	// quiet is, for each chain, the place behind which nothing of the subject is known
	// to have been written.
	quiet map[int]int64
}

// NewHub returns a hub on a log; poll of 0 means DefaultPoll.
func NewHub(log gateway.ChangeLog, poll time.Duration, metrics *Metrics, logger *slog.Logger) *Hub {
	if poll == 0 {
		poll = DefaultPoll
	}
	return &Hub{log: log, poll: poll, metrics: metrics, logger: logger, wake: make(chan struct{}, 1), topics: map[string]*topic{}}
}

// Wake has the log looked at now: this process has committed something. It never
// waits.
func (h *Hub) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run follows the log until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	for {
		var tick <-chan time.Time
		var timer *time.Timer
		if h.listening() {
			timer = time.NewTimer(h.poll)
			tick = timer.C
		}
		select {
		case <-h.wake:
		case <-tick:
		case <-ctx.Done():
			h.end()
			return
		}
		if timer != nil {
			timer.Stop()
		}
		if h.listening() {
			h.look(ctx)
		}
	}
}

func (h *Hub) listening() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics) > 0
}

// end wakes everybody who listens: nothing more comes.
func (h *Hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for _, t := range h.topics {
		t.broadcast()
	}
}

// look reads what is new.
func (h *Hub) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err := h.advance(ctx)
	h.mu.Lock()
	before := h.away
	h.away = err != nil
	h.mu.Unlock()
	switch {
	case err != nil && ctx.Err() == nil && !before:
		h.logger.WarnContext(ctx, "log of changes not read; streams wait", "error", err)
	case err == nil && before:
		h.logger.InfoContext(ctx, "log of changes read again")
	}
}

// advance reads the log to its end.
func (h *Hub) advance(ctx context.Context) error {
	heads, err := h.log.ChangeHeads(ctx)
	if err != nil {
		return err
	}
	h.begin(heads)
	for _, number := range slices.Sorted(maps.Keys(heads)) {
		for {
			after := h.lastOf(number)
			if after >= heads[number] {
				break
			}
			page, err := h.log.ChangeEntries(ctx, number, after, pageEntries)
			if err != nil {
				return fmt.Errorf("chain %d behind %d: %w", number, after, err)
			}
			if len(page) == 0 {
				return fmt.Errorf("chain %d has nothing behind %d, though it goes to %d", number, after, heads[number])
			}
			h.append(number, page)
		}
	}
	return nil
}

// begin takes the heads for where the hub begins, when it has been at rest.
func (h *Hub) begin(heads map[int]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.chains == nil {
		h.chains = map[int]*chain{}
		for number, head := range heads {
			h.chains[number] = &chain{last: head}
		}
		for _, t := range h.topics {
			t.quiet = maps.Clone(heads)
			t.broadcast() // what they came behind may be before that
		}
	}
	for number := range heads {
		if h.chains[number] == nil { // a lane that nobody had used
			h.chains[number] = &chain{}
		}
	}
}

// lastOf is the last entry of a chain that is known; when the last listener has left,
// there is none that is wanted.
func (h *Hub) lastOf(number int) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.chains[number]; c != nil {
		return c.last
	}
	return math.MaxInt64
}

// append remembers a page and wakes those whom it is about.
func (h *Hub) append(number int, page []gateway.ChangeEntry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.chains[number]
	if c == nil || c.last+1 != page[0].Seq { // everybody has left meanwhile
		return
	}
	h.round++
	about := map[*topic]bool{}
	for _, e := range page {
		c.add(e)
		for subject, t := range h.topics {
			if subject == Everything || e.Noting.Lacks(subject) {
				t.quiet[number] = e.Seq
				about[t] = true
			}
		}
		for _, change := range e.Changes {
			if t := h.topics[change.Subject]; t != nil {
				t.quiet[number] = e.Seq
				about[t] = true
			}
		}
	}
	c.trim()
	for t := range about {
		t.broadcast()
	}
	h.metrics.lag(time.Since(page[len(page)-1].At))
}

func (c *chain) add(e gateway.ChangeEntry) {
	c.entries = append(c.entries, e)
	c.changes += len(e.Changes)
	c.last = e.Seq
}

func (c *chain) trim() {
	n := 0
	for len(c.entries)-n > keptEntries || c.changes > keptChanges && n < len(c.entries)-1 {
		c.changes -= len(c.entries[n].Changes)
		n++
	}
	if n > 0 {
		c.entries = slices.Delete(c.entries, 0, n)
	}
}

func (t *topic) broadcast() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// listen counts a listener in; leave counts him out.
func (h *Hub) listen(subject string) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[subject]
	if t == nil {
		t = &topic{changed: make(chan struct{}), quiet: map[int]int64{}}
		for number, c := range h.chains {
			t.quiet[number] = c.last
		}
		h.topics[subject] = t
	}
	t.listeners++
	h.Wake()
	return sync.OnceFunc(func() { h.leave(subject, t) })
}

func (h *Hub) leave(subject string, t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.listeners--; t.listeners == 0 {
		delete(h.topics, subject)
	}
	if len(h.topics) == 0 {
		h.chains = nil
	}
}

// changed returns what is closed when something of a subject, which somebody listens
// to, has been written or the hub has ended.
func (h *Hub) changed(subject string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[subject].changed
}

// errEnded says that the hub does not follow the log any more.
var errEnded = fmt.Errorf("the log is not followed any more")

// behind returns the first entries behind a place, of one chain, among which there may
// be changes of a subject; round says when they were known. Where there is none, the
// place is moved on to where the log is known to end. Entries that are not remembered
// are read.
func (h *Hub) behind(ctx context.Context, subject string, at view.Position) (entries []gateway.ChangeEntry, round uint64, err error) {
	number, after, entries, round, err := h.known(subject, at)
	if err != nil || number < 0 || entries != nil {
		return entries, round, err
	}
	entries, err = h.log.ChangeEntries(ctx, number, after, pageEntries)
	return entries, 0, err
}

// known is behind as far as entries are remembered; number is the chain that has to be
// read, or -1.
func (h *Hub) known(subject string, at view.Position) (number int, after int64, entries []gateway.ChangeEntry, round uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return -1, 0, nil, 0, errEnded
	}
	t := h.topics[subject]
	for _, number := range slices.Sorted(maps.Keys(h.chains)) {
		c, after := h.chains[number], at[number]
		switch {
		case after >= c.last:
		case after >= t.quiet[number]:
			at[number] = c.last
		default:
			first := c.last - int64(len(c.entries)) // the entry before the first one remembered
			if after < first {
				return number, after, nil, 0, nil
			}
			rest := c.entries[after-first:]
			return number, after, slices.Clone(rest[:min(len(rest), pageEntries)]), h.round, nil
		}
	}
	return -1, 0, nil, 0, nil
}
