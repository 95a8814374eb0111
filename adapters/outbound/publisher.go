package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// caller is what differs between the channels of this package.
type caller interface {
	// request makes the request of one attempt; an error is one of this delivery.
	request(ctx context.Context, d *gateway.Delivery) (*http.Request, error)
	judge(a *answered) verdict
}

// DefaultConcurrency is how many requests of a channel are under way at once,
// unless configured otherwise.
const DefaultConcurrency = 4

// Publisher calls one partner. It implements gateway.Correspondent and is safe
// for concurrent use: calls share the channel's concurrency.
type Publisher struct {
	name    string
	caller  caller
	client  *http.Client
	timeout time.Duration
	slots   chan struct{}
	now     func() time.Time

	life context.Context
	end  context.CancelFunc

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

// NewHTTP makes the publisher of the HTTP channel called name, with so many
// requests under way at once; zero means DefaultConcurrency. Close it.
func NewHTTP(name string, c HTTP, concurrency int, now func() time.Time) (*Publisher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t, err := parseTemplate(c.URL)
	if err != nil {
		return nil, err
	}
	c = c.Effective()
	return newPublisher(name, c.Connection, &poster{c, t}, concurrency, now)
}

func newPublisher(name string, c Connection, how caller, concurrency int, now func() time.Time) (*Publisher, error) {
	if concurrency <= 0 {
		concurrency = DefaultConcurrency
	}
	client, err := c.client(concurrency)
	if err != nil {
		return nil, err
	}
	p := &Publisher{name: name, caller: how, client: client, timeout: c.withDefaults().Timeout, slots: make(chan struct{}, concurrency), now: now}
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

// Publish is Correspond without the answers.
func (p *Publisher) Publish(ctx context.Context, deliveries []gateway.Delivery) []error {
	results, _ := p.Correspond(ctx, deliveries)
	return results
}

// Correspond makes one attempt for each delivery and returns one result for each,
// nil only when the partner has said that it has taken it. Those of one ordering
// key are sent in order, and none behind one that was not taken. It returns when
// ctx ends.
func (p *Publisher) Correspond(ctx context.Context, deliveries []gateway.Delivery) ([]error, []*gateway.Response) {
	w := &window{publisher: p, deliveries: deliveries, results: make([]error, len(deliveries)), responses: make([]*gateway.Response, len(deliveries))}
	if !p.enter() {
		w.fail(errors.New("the publisher is closed"))
		return w.results, w.responses
	}
	defer p.active.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	w.run(ctx)
	return w.results, w.responses
}

func (p *Publisher) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.active.Add(1)
	}
	return !p.closed
}

// Close lets calls under way finish until ctx ends, and then ends them. It
// returns when nothing of the publisher runs any more: nil, or that it had to
// cut calls short. Later calls answer fault.CodeChannelUnavailable.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		p.active.Wait()
	}()
	var err error
	select {
	case <-finished:
	case <-ctx.Done():
		err = fmt.Errorf("publisher %s: %w", p.name, ctx.Err())
	}
	p.end()
	<-finished
	p.client.CloseIdleConnections()
	return err
}

// window is one call of Correspond. Each of its queues holds the deliveries of one
// ordering key.
type window struct {
	publisher  *Publisher
	deliveries []gateway.Delivery
	results    []error
	responses  []*gateway.Response
}

func (w *window) fail(cause error) {
	for i := range w.results {
		w.results[i] = fault.New(fault.CodeChannelUnavailable, "").Because(cause)
	}
}

// queues are the deliveries by shard and key, in the order of the first of each.
func (w *window) queues() [][]int {
	type key struct {
		shard int
		key   string
	}
	at := map[key]int{}
	var out [][]int
	for i, d := range w.deliveries {
		k := key{d.Shard, d.OrderingKey}
		n, known := at[k]
		if !known {
			n = len(out)
			at[k] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

func (w *window) run(ctx context.Context) {
	queues := make(chan []int)
	var workers sync.WaitGroup
	found := w.queues()
	for range min(len(found), cap(w.publisher.slots)) {
		workers.Go(func() {
			for queue := range queues {
				w.carry(ctx, queue)
			}
		})
	}
	for _, queue := range found {
		queues <- queue
	}
	close(queues)
	workers.Wait()
}

// carry sends the deliveries of one key until one is not taken.
func (w *window) carry(ctx context.Context, queue []int) {
	for n, i := range queue {
		w.responses[i], w.results[i] = w.publisher.call(ctx, &w.deliveries[i])
		if w.results[i] == nil {
			continue
		}
		for _, behind := range queue[n+1:] {
			w.results[behind] = fault.New(fault.CodeNotTaken, "an earlier delivery of its key was not taken")
		}
		return
	}
}

// call waits for its turn and makes one attempt.
func (p *Publisher) call(ctx context.Context, d *gateway.Delivery) (*gateway.Response, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.CodeChannelUnavailable, "").Because(err)
	}
	return p.attempt(ctx, d)
}
