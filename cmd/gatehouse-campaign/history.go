package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// history is what senders and listener were told, in the order they were told.
// It is safe for concurrent use.
type history struct {
	mu           sync.Mutex
	attempted    map[string]order           // by identity: may have reached the gateway
	acknowledged map[string]bool            // by identity: positively answered, by gateway or broker
	replies      map[string]map[reply]int   // by identity: every different reply, and how often
	asked        map[string]bool            // identities of messages to the queue that want a reply
	called       []arrival                  // what the partner took, in order
	tried        map[batch]bool             // batches that may have reached the gateway
	batchReplies map[batch]map[string]int   // by batch: every different reply, and how often
	items        map[string]map[string]bool // ids of events by the number of the item
	refusals     []string                   // answers that were no promise to try again
	arrivals     []arrival                  // events, in order of receipt
	announced    map[string]bool            // identities of arrivals
	cuts         []string                   // requests that got half an answer, or none
	moved        time.Time                  // when anything was last noted
	changed      chan struct{}              // closed at the next arrival
}

// arrival is one event, as often as it came.
type arrival struct {
	MessageID string
	order
}

func newHistory() *history {
	return &history{
		attempted: map[string]order{}, acknowledged: map[string]bool{}, replies: map[string]map[reply]int{}, asked: map[string]bool{},
		tried: map[batch]bool{}, batchReplies: map[batch]map[string]int{}, items: map[string]map[string]bool{}, announced: map[string]bool{}, moved: time.Now(), changed: make(chan struct{}),
	}
}

// attempt notes an order that is about to be sent.
func (h *history) attempt(o order) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempted[o.Identity] = o
}

// acknowledge notes that the broker has taken an order for good.
func (h *history) acknowledge(o order) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acknowledged[o.Identity] = true
	h.moved = time.Now()
}

// reply is what the gateway answered to a message: a SOAP envelope, or a payload
// in the form that the message to the queue had.
type reply struct{ form, body string }

// ask notes that a message to the queue wants a reply.
func (h *history) ask(o order) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[o.Identity] = true
}

// reply notes a positive answer of the gateway.
func (h *history) reply(identity string, r reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acknowledged[identity] = true
	if h.replies[identity] == nil {
		h.replies[identity] = map[reply]int{}
	}
	h.replies[identity][r]++
	h.moved = time.Now()
}

// refuse notes an answer that should not have been given.
func (h *history) refuse(o order, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusals = append(h.refusals, o.Identity+": "+answer)
}

// cut notes a request that was neither refused nor answered in full.
func (h *history) cut(o order, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cuts = append(h.cuts, o.Identity+": "+err.Error())
}

// arrive notes an event, and reports whether it is the first about its order.
func (h *history) arrive(a arrival) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.announced[a.Identity]
	h.arrivals = append(h.arrivals, a)
	h.announced[a.Identity] = true
	h.moved = time.Now()
	close(h.changed)
	h.changed = make(chan struct{})
	return first
}

// call notes what the partner took.
func (h *history) call(a arrival) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.called = append(h.called, a)
	h.moved = time.Now()
}

// try notes a batch that is about to be sent.
func (h *history) try(b batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried[b] = true
}

// batchReply notes a positive answer to a batch.
func (h *history) batchReply(b batch, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.batchReplies[b] == nil {
		h.batchReplies[b] = map[string]int{}
	}
	h.batchReplies[b][answer]++
	h.moved = time.Now()
}

// item notes the event about one item of a batch.
func (h *history) item(number, messageID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.items[number] == nil {
		h.items[number] = map[string]bool{}
	}
	h.items[number][messageID] = true
	h.moved = time.Now()
}

// reached waits until so many orders were announced; false: ctx ended before.
func (h *history) reached(ctx context.Context, goal int) bool {
	for {
		n, news := h.progress()
		if n >= goal {
			return ctx.Err() == nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false
		}
	}
}

// progress is how many orders were announced, and what is closed when there may
// be more.
func (h *history) progress() (int, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.announced), h.changed
}

// heard reports whether an order was announced, and returns what is closed when
// that may have changed.
func (h *history) heard(o order) (bool, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.announced[o.Identity], h.changed
}

// missing is how many orders that were acknowledged were not announced yet, but
// for those that are to be parked, and since when nothing was noted.
func (h *history) missing(parked map[string]string) (int, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for identity := range h.acknowledged {
		if !h.announced[identity] && parked[identity] == "" {
			n++
		}
	}
	return n, h.moved
}

// account is a copy for the checker.
func (h *history) account() account {
	h.mu.Lock()
	defer h.mu.Unlock()
	return account{
		attempted: maps.Clone(h.attempted), acknowledged: maps.Clone(h.acknowledged), replies: maps.Clone(h.replies), asked: maps.Clone(h.asked),
		called: slices.Clone(h.called), tried: maps.Clone(h.tried), batchReplies: maps.Clone(h.batchReplies), items: maps.Clone(h.items),
		refusals: slices.Clone(h.refusals), arrivals: slices.Clone(h.arrivals), cuts: slices.Clone(h.cuts),
	}
}
