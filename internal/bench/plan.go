package bench

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Task is one message to be sent.
type Task struct {
	Number  int  // names the message: its identity and its keys follow from it
	Invalid bool // it breaks the contract, and must be refused
	// Twice says that it is sent again, as by a sender that did not hear the
	// answer: AtOnce while the first is under way, else after its answer.
	Twice, AtOnce bool
	// Reply asks for an answer where the door gives none by itself.
	Reply bool
	// Due is when it should have been sent; zero where each is sent after the one
	// before it. Waiting counts from then on: a sender that is held up by a slow
	// answer does not leave out the waiting of those behind it.
	Due time.Time
}

// Load says what is sent. Shares are between 0 and 1.
type Load struct {
	Messages   int           // 0: as many as the time allows
	Duration   time.Duration // 0: until all Messages are sent
	Rate       float64       // messages per second of all doors together; 0: as fast as answers come
	SOAPShare  float64       // of the messages, by the SOAP door; the others by AMQP
	Duplicates float64       // of the valid messages, sent again
	Invalid    float64
	Replies    float64 // of the messages to the queue, that ask for a reply
	Slack      int     // how many messages one door may be ahead of the mixture
}

// Plan hands out a load's tasks. It is safe for concurrent use.
type Plan struct {
	load  Load
	begin time.Time
	now   func() time.Time

	mu     sync.Mutex
	random *rand.Rand
	next   int // the number of the next message
	given  [Doors]int
	more   chan struct{} // closed when another task was given
	over   bool
}

// NewPlan begins a load now. The first message has the number first; choices
// follow from seed, so that the same seed makes the same messages.
func NewPlan(l Load, first int, seed uint64, now func() time.Time) *Plan {
	return &Plan{load: l, begin: now(), now: now, next: first, random: rand.New(rand.NewPCG(seed, uint64(first))), more: make(chan struct{})}
}

// Next returns the next message for a door, when it is that door's turn; false
// when there will be no more, or ctx has ended. It does not wait until the
// message is due.
func (p *Plan) Next(ctx context.Context, d Door) (Task, bool) {
	for {
		t, ok, wait := p.take(d)
		if wait == nil {
			return t, ok
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return Task{}, false
		}
		if ctx.Err() != nil {
			return Task{}, false
		}
	}
}

// take returns what to wait for when another door is behind.
func (p *Plan) take(d Door) (Task, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.given[SOAP] + p.given[AMQP]
	p.over = p.over || p.load.Messages > 0 && all >= p.load.Messages || p.ended(all)
	if p.over || p.share(d) == 0 {
		return Task{}, false, nil
	}
	if float64(p.given[d]) > p.share(d)*float64(all)+float64(p.load.Slack) {
		return Task{}, false, p.more
	}
	t := p.make(d)
	if p.load.Rate > 0 {
		t.Due = p.due(all)
	}
	p.given[d]++
	close(p.more)
	p.more = make(chan struct{})
	return t, true, nil
}

// due is when the message after all others should be sent.
func (p *Plan) due(all int) time.Time {
	return p.begin.Add(time.Duration(float64(all) / p.load.Rate * float64(time.Second)))
}

// ended reports whether the time is over; at a rate that is when the next
// message would be due after the end, however late senders are.
func (p *Plan) ended(all int) bool {
	at := p.now()
	if p.load.Rate > 0 {
		at = p.due(all)
	}
	return p.load.Duration > 0 && at.Sub(p.begin) >= p.load.Duration
}

func (p *Plan) share(d Door) float64 {
	if d == SOAP {
		return p.load.SOAPShare
	}
	return 1 - p.load.SOAPShare
}

func (p *Plan) make(d Door) Task {
	t := Task{Number: p.next, Invalid: p.random.Float64() < p.load.Invalid}
	again, atOnce, reply := p.random.Float64() < p.load.Duplicates, p.random.IntN(2) == 0, p.random.Float64() < p.load.Replies
	t.Twice = again && !t.Invalid
	t.AtOnce = t.Twice && atOnce
	t.Reply = d == AMQP && reply
	p.next++
	return t
}

// Given is how many messages of each door were handed out.
func (p *Plan) Given() [Doors]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.given
}

// End hands out no more, and lets whoever waits go.
func (p *Plan) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	close(p.more)
	p.more = make(chan struct{})
}
