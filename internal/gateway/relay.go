package gateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// ErrLeaseLost says that another owner relays the shard by now.
var ErrLeaseLost = errors.New("lease lost")

// RelayConfig tunes the relay; the zero value works.
type RelayConfig struct {
	Window   int           // deliveries published at once per shard; 0 means 100
	Poll     time.Duration // how often an idle shard is looked at; 0 means 1 s
	LeaseTTL time.Duration // how long a lease outlives its last renewal; 0 means 15 s
	// MaxAttempts is how often a delivery that the channel refuses is tried
	// before it is parked with its key's successors; 0 means 5.
	MaxAttempts int
	MinBackoff  time.Duration // first pause after a failure; 0 means 200 ms
	MaxBackoff  time.Duration // longest pause; 0 means 30 s
}

// Effective returns the settings with every default filled in.
func (c RelayConfig) Effective() RelayConfig { return c.withDefaults() }

func (c RelayConfig) withDefaults() RelayConfig {
	c.Window = orDefault(c.Window, 100)
	c.Poll = orDefault(c.Poll, time.Second)
	c.LeaseTTL = orDefault(c.LeaseTTL, 15*time.Second)
	c.MaxAttempts = orDefault(c.MaxAttempts, 5)
	c.MinBackoff = orDefault(c.MinBackoff, 200*time.Millisecond)
	c.MaxBackoff = orDefault(c.MaxBackoff, 30*time.Second)
	return c
}

// maxBacklog is how many windows of one shard are kept in memory.
const maxBacklog = 20

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// relay carries the outbox to the channels: one carrier for each shard of each
// channel, so that a dead channel holds no other.
type relay struct {
	config  RelayConfig
	metrics *Metrics
	tracer  trace.Tracer
	outbox  Outbox
	owner   string
	now     func() time.Time
	log     *slog.Logger
	done    sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context       // set while running
	carriers map[string][]*carrier // by channel
	stopped  bool
}

func newRelay(config Config, outbox Outbox, channels []Channel, now func() time.Time, log *slog.Logger) *relay {
	r := &relay{
		config: config.Relay.withDefaults(), metrics: config.Metrics, tracer: config.Tracer,
		outbox: outbox, owner: uuid.NewString(), now: now, log: log, carriers: map[string][]*carrier{},
	}
	r.update(channels)
	return r
}

// update makes channels the ones that are carried: new ones begin, others go on
// with their new publisher, and those that are gone end and give their leases
// back; what waits for them stays in the outbox.
func (r *relay) update(channels []Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[string]bool{}
	for _, ch := range channels {
		wanted[ch.Name] = true
		if existing := r.carriers[ch.Name]; existing != nil {
			for _, c := range existing {
				c.publisher.Store(&ch.Publisher)
			}
			continue
		}
		r.carriers[ch.Name] = r.begin(ch)
	}
	for name, carriers := range r.carriers {
		if wanted[name] {
			continue
		}
		delete(r.carriers, name)
		for _, c := range carriers {
			close(c.stopping)
		}
	}
}

// begin makes the carriers of a channel, and starts them when the relay runs.
func (r *relay) begin(ch Channel) []*carrier {
	var carriers []*carrier
	for shard := range r.outbox.Shards() {
		c := &carrier{
			config:   r.config,
			metrics:  r.metrics,
			tracer:   r.tracer,
			outbox:   r.outbox,
			channel:  ch.Name,
			shard:    shard,
			owner:    r.owner,
			now:      r.now,
			log:      r.log.With("channel", ch.Name, "shard", shard),
			wake:     make(chan struct{}, 1),
			stopping: make(chan struct{}),
			attempts: map[int64]attempt{},
		}
		c.publisher.Store(&ch.Publisher)
		carriers = append(carriers, c)
	}
	if r.ctx != nil && !r.stopped {
		r.start(carriers)
	}
	return carriers
}

func (r *relay) start(carriers []*carrier) {
	ctx := r.ctx
	for _, c := range carriers {
		r.done.Go(func() { c.run(ctx) })
	}
}

// wake tells the carriers of channels that something was committed for them.
func (r *relay) wake(channels []string) {
	if len(channels) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range channels {
		for _, c := range r.carriers[name] {
			select {
			case c.wake <- struct{}{}:
			default:
			}
		}
	}
}

// reread has every carrier look anew at what waits: an operator has parked some of
// it, or put some back in line. What is being published is not called back. In
// other processes it takes until their next look, which a failure or the next
// renewal of the lease brings.
func (r *relay) reread() {
	r.mu.Lock()
	names := slices.Collect(maps.Keys(r.carriers))
	for _, carriers := range r.carriers {
		for _, c := range carriers {
			c.stale.Store(true)
		}
	}
	r.mu.Unlock()
	r.wake(names)
}

// run carries until drain has been called or ctx ends.
func (r *relay) run(ctx context.Context) {
	r.mu.Lock()
	r.ctx = ctx
	for _, carriers := range r.carriers {
		r.start(carriers)
	}
	r.mu.Unlock()
	r.done.Wait()
}

// drain lets every carrier finish what its channel takes at once, then ends it.
func (r *relay) drain() {
	r.mu.Lock()
	r.stopped = true
	for _, carriers := range r.carriers {
		for _, c := range carriers {
			close(c.stopping)
		}
	}
	r.mu.Unlock()
	r.done.Wait()
}

// carrier relays one shard of one channel. It publishes at most one delivery of
// an ordering key at a time, so that deliveries of a key are confirmed in
// sequence and one that fails holds only its key.
type carrier struct {
	config    RelayConfig
	metrics   *Metrics
	tracer    trace.Tracer
	outbox    Outbox
	publisher atomic.Pointer[Publisher]
	channel   string
	shard     int
	owner     string
	now       func() time.Time
	log       *slog.Logger
	wake      chan struct{}
	stopping  chan struct{}

	stale    atomic.Bool // an operator may have parked some of backlog
	backlog  []Delivery  // read and not settled yet, in sequence
	releases int64       // of the shard, when backlog was read
	taken    []int64     // confirmed by the channel, not yet recorded
	lease    Lease
	renewed  time.Time // when the lease was last renewed, by our own clock
	failures int       // windows in a row that failed as a whole
	down     bool
	attempts map[int64]attempt // of deliveries the channel refused, by seq
}

// attempt remembers a refused delivery; it is forgotten with the process,
// which then tries again from one.
type attempt struct {
	count int
	next  time.Time
}

func (c *carrier) run(ctx context.Context) {
	for {
		more, err := c.round(ctx)
		stopping := c.isStopping()
		if ctx.Err() != nil || stopping && (err != nil || !more) {
			c.release(ctx)
			return
		}
		c.edge(ctx, err)
		if more && err == nil {
			continue
		}
		c.rest(ctx, err)
	}
}

// release gives the lease back, so that the next process need not wait for its
// end. Without success that is what it does.
func (c *carrier) release(ctx context.Context) {
	if c.lease.Owner == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := c.outbox.Acquire(ctx, c.channel, c.shard, c.owner, 0); err != nil {
		c.log.WarnContext(ctx, "lease not given back", "error", err)
	}
	c.forget()
}

func (c *carrier) isStopping() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}

// edge logs the beginning and the end of an outage of the store, once each; a
// channel's outage is the publisher's to log.
func (c *carrier) edge(ctx context.Context, err error) {
	store := err != nil && fault.Of(err).Code != fault.CodeChannelUnavailable
	switch {
	case err == nil && c.down:
		c.log.InfoContext(ctx, "relay resumed")
	case store && !c.down:
		c.log.WarnContext(ctx, "relay waits", "error", err)
	}
	c.down = store || c.down && err != nil
	if err != nil {
		c.failures++
	} else {
		c.failures = 0
	}
}

// rest waits for news, for the next poll, or for a failure's back-off.
func (c *carrier) rest(ctx context.Context, err error) {
	wake, pause := c.wake, c.config.Poll
	if err != nil {
		wake, pause = nil, backoff(c.config.MinBackoff, c.config.MaxBackoff, c.failures)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-c.stopping:
	case <-ctx.Done():
	}
}

// backoff doubles from shortest to longest and takes a random half of it.
func backoff(shortest, longest time.Duration, failures int) time.Duration {
	d := longest
	if failures < 20 {
		d = min(longest, shortest<<max(0, failures-1))
	}
	return d/2 + rand.N(d/2+1)
}

// round publishes one window. more says that there may be more to do at once.
func (c *carrier) round(ctx context.Context) (more bool, err error) {
	if c.stale.Swap(false) {
		c.backlog = nil
	}
	if held, err := c.hold(ctx); err != nil || !held {
		return false, err
	}
	// What the channel took while the store was away is recorded, not published again.
	if err := c.record(ctx); err != nil {
		return false, err
	}
	window, err := c.next(ctx)
	if err != nil || len(window) == 0 {
		return false, err
	}
	failpoint.Hit("relay-read")
	results := c.publish(ctx, window)
	failpoint.Hit("relay-published")
	more, err = c.settle(ctx, window, results)
	if err != nil {
		c.backlog = nil // before the next attempt an operator may have parked some of it
	}
	return more, err
}

// next returns the next window. It reads on while keys that wait for their next
// attempt leave room in it, so that they hold nobody else.
func (c *carrier) next(ctx context.Context) ([]Delivery, error) {
	for {
		window := c.window()
		if len(window) == c.config.Window || len(c.backlog) >= maxBacklog*c.config.Window {
			return window, nil
		}
		var after int64
		if n := len(c.backlog); n > 0 {
			after = c.backlog[n-1].Seq
		}
		more, releases, err := c.outbox.Pending(ctx, c.channel, c.shard, after, 2*c.config.Window)
		if err != nil || len(more) == 0 {
			return window, err
		}
		if releases != c.releases && after > 0 {
			c.backlog = nil // something was put back in line before what is known
			continue
		}
		c.backlog, c.releases = append(c.backlog, more...), releases
	}
}

// hold takes or renews the lease when a third of its time has passed.
func (c *carrier) hold(ctx context.Context) (bool, error) {
	now := c.now()
	if c.lease.Owner != "" && now.Sub(c.renewed) < c.config.LeaseTTL/3 {
		return true, nil
	}
	lease, ok, err := c.outbox.Acquire(ctx, c.channel, c.shard, c.owner, c.config.LeaseTTL)
	if err != nil || !ok {
		c.forget()
		return false, err
	}
	// Another owner may have settled some of it meanwhile, or an operator put
	// something back in line before it.
	c.backlog = nil
	if lease.Fence != c.lease.Fence {
		c.taken = nil
	}
	c.lease, c.renewed = lease, now // counted from before the call: never longer than the store counts
	return true, nil
}

// window picks the first delivery of each ordering key, leaving out keys whose
// first delivery waits for its next attempt.
func (c *carrier) window() []Delivery {
	now := c.now()
	seen := make(map[string]bool, len(c.backlog))
	var window []Delivery
	for _, d := range c.backlog {
		if seen[d.OrderingKey] {
			continue
		}
		seen[d.OrderingKey] = true
		if now.Before(c.attempts[d.Seq].next) {
			continue
		}
		window = append(window, d)
		if len(window) == c.config.Window {
			break
		}
	}
	return window
}

// publish stops before the lease could have passed to another owner.
func (c *carrier) publish(ctx context.Context, window []Delivery) []error {
	left := c.config.LeaseTTL - c.config.LeaseTTL/5 - c.now().Sub(c.renewed)
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	end := c.trace(ctx, window)
	results := (*c.publisher.Load()).Publish(ctx, window)
	end(results)
	return results
}

// trace begins a span for each delivery whose message is traced, and returns how
// to end them.
func (c *carrier) trace(ctx context.Context, window []Delivery) func([]error) {
	spans := make([]trace.Span, len(window))
	for i, d := range window {
		parent, ok := parseTraceParent(d.TraceParent)
		if !ok || !parent.IsSampled() {
			continue
		}
		_, spans[i] = c.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "publish "+c.channel,
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(attribute.String("gatehouse.channel", c.channel), attribute.String("gatehouse.message", d.MessageID.String()), attribute.String("messaging.message.id", d.WireID)))
	}
	return func(results []error) {
		for i, span := range spans {
			if span == nil {
				continue
			}
			if results[i] != nil {
				span.SetStatus(codes.Error, fault.Of(results[i]).Message)
			}
			span.End()
		}
	}
}

// settle records what was confirmed and parks what the channel keeps refusing.
func (c *carrier) settle(ctx context.Context, window []Delivery, results []error) (more bool, err error) {
	for i, d := range window {
		switch failure := results[i]; {
		case failure == nil:
			c.count("confirmed")
			c.metrics.delay.WithLabelValues(c.channel).Observe(c.now().Sub(d.CreatedAt).Seconds())
			c.taken = append(c.taken, d.Seq)
			delete(c.attempts, d.Seq)
		case fault.KindOf(failure).Retryable():
			c.count("failed")
			err = failure
		default:
			c.count("refused")
			err = errors.Join(err, c.refused(ctx, d, failure))
		}
	}
	c.drop(func(d Delivery) bool {
		_, found := slices.BinarySearch(c.taken, d.Seq)
		return found
	})
	return err == nil, errors.Join(err, c.record(ctx))
}

// record writes down what the channel confirmed. Until that has succeeded the
// sequence numbers are kept; they are forgotten with the lease.
func (c *carrier) record(ctx context.Context) error {
	if len(c.taken) == 0 {
		return nil
	}
	if err := c.outbox.Confirm(ctx, c.lease, c.taken); err != nil {
		if errors.Is(err, ErrLeaseLost) {
			c.forget()
		}
		return err
	}
	c.taken = c.taken[:0]
	failpoint.Hit("relay-confirmed")
	return nil
}

// forget gives up the shard, and what was read of it.
func (c *carrier) forget() { c.lease, c.backlog, c.taken = Lease{}, nil, nil }

func (c *carrier) count(outcome string) {
	c.metrics.delivered.WithLabelValues(c.channel, outcome).Inc()
}

func (c *carrier) drop(settled func(Delivery) bool) {
	c.backlog = slices.DeleteFunc(c.backlog, settled)
}

// refused counts an attempt of a delivery that the channel cannot take, and
// parks it after the last.
func (c *carrier) refused(ctx context.Context, d Delivery, failure error) error {
	a := c.attempts[d.Seq]
	a.count++
	if a.count < c.config.MaxAttempts {
		a.next = c.now().Add(backoff(c.config.MinBackoff, c.config.MaxBackoff, a.count))
		c.attempts[d.Seq] = a
		return nil
	}
	f := fault.Of(failure)
	if err := c.outbox.Park(ctx, c.lease, d.Seq, string(f.Code), truncate(f.Message, maxReason), a.count); err != nil {
		return err
	}
	c.count("parked")
	delete(c.attempts, d.Seq)
	c.drop(func(other Delivery) bool { return other.OrderingKey == d.OrderingKey })
	c.log.ErrorContext(ctx, "delivery parked", "message", d.MessageID, "wire_id", d.WireID, "code", string(f.Code), "reason", f.Message)
	return nil
}
