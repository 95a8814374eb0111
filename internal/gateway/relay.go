package gateway

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

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
	gates    map[string]*gate      // by channel
	stopped  bool
}

func newRelay(config Config, outbox Outbox, channels []Channel, now func() time.Time, log *slog.Logger) *relay {
	r := &relay{
		config: config.Relay.withDefaults(), metrics: config.Metrics, tracer: config.Tracer,
		outbox: outbox, owner: uuid.NewString(), now: now, log: log, carriers: map[string][]*carrier{}, gates: map[string]*gate{},
	}
	r.update(channels)
	return r
}

// update makes channels the ones that are carried: new ones begin, others go on
// with their new publisher and policy, and those that are gone end and give their
// leases back; what waits for them stays in the outbox.
func (r *relay) update(channels []Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[string]bool{}
	for _, ch := range channels {
		wanted[ch.Name] = true
		ch.Policy = ch.Policy.withDefaults(r.config)
		if existing := r.carriers[ch.Name]; existing != nil {
			r.gates[ch.Name].update(ch.Policy)
			for _, c := range existing {
				c.channel.Store(&ch)
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
		delete(r.gates, name)
		r.metrics.channelUp.DeleteLabelValues(name)
		for _, c := range carriers {
			close(c.stopping)
		}
	}
}

// begin makes the carriers of a channel, and starts them when the relay runs.
func (r *relay) begin(ch Channel) []*carrier {
	g := newGate(ch.Name, r.metrics, r.now, r.log, ch.Policy)
	r.gates[ch.Name] = g
	var carriers []*carrier
	for shard := range r.outbox.Shards() {
		c := &carrier{
			config:   r.config,
			metrics:  r.metrics,
			tracer:   r.tracer,
			outbox:   r.outbox,
			name:     ch.Name,
			gate:     g,
			shard:    shard,
			owner:    r.owner,
			now:      r.now,
			log:      r.log.With("channel", ch.Name, "shard", shard),
			wake:     make(chan struct{}, 1),
			stopping: make(chan struct{}),
			line:     newLine(r.now),
		}
		c.channel.Store(&ch)
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
	r.wakeAll(channels)
}

// wakeAll is wake; r.mu is held.
func (r *relay) wakeAll(channels []string) {
	for _, name := range channels {
		for _, c := range r.carriers[name] {
			c.missed.Store(true)
			c.signal()
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

// drain lets every carrier finish what its channel takes at once, or within drainTime,
// then ends it.
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

// states tells how the channels fare that have a circuit.
func (r *relay) states() []ChannelState {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []ChannelState
	for _, name := range slices.Sorted(maps.Keys(r.gates)) {
		if s, known := r.gates[name].state(); known {
			out = append(out, s)
		}
	}
	return out
}
