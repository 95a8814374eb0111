package gateway

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Config is the core's own settings; the zero value works.
type Config struct {
	// Envelope and Bounds are those of messages in an envelope: of its head, and of
	// all of it where that is to be narrower than what the validator takes.
	Envelope envelope.Limits
	Bounds   document.Bounds
	// MaxFaults is how many faults of one message are reported; 0 means 50.
	MaxFaults int
	Relay     RelayConfig
	Drift     DriftConfig
	Metrics   *Metrics     // nil: nobody looks
	Tracer    trace.Tracer // nil: nothing is traced
	Blobs     Blobs        // nil: no attachments are kept
	// Committed, when set, is called after each batch that has been stored; it must not
	// wait.
	Committed func()
}

func (c Config) withDefaults() Config {
	c.MaxFaults = orDefault(c.MaxFaults, 50)
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	return c
}

// largeBody is the size, in bytes, past which envelopes are validated no more
// than one for each processor at once.
const largeBody = 256 << 10

// Gateway joins store, directory and channels. It is safe for concurrent use.
type Gateway struct {
	config     Config
	store      Store
	rehearser  Rehearser // nil: the store cannot tell what a message would change
	poster     Poster    // nil: the store takes no deliveries beside the commits
	generation atomic.Pointer[Generation]
	lanes      *lanes
	relay      *relay
	drift      *drift
	refusals   *refusals
	nonces     *nonces
	limits     *limits
	processors chan struct{} // one place for each large message that is validated
	jobs       chan struct{} // has one when a job was begun or turned; capacity 1
	now        func() time.Time
	log        *slog.Logger

	outage      *outage  // of the store
	repliesOpen sync.Map // string: channels of replies that the store takes deliveries of

	suspects sync.Mutex          // guards survived, and the notes in the store
	survived map[Digest]struct{} // suspects that were tried, and of which the store could not be told

	mu       sync.Mutex
	draining bool
	inFlight sync.WaitGroup
}

// New returns a Gateway that begins with generation. now is its clock.
func New(config Config, store Store, generation *Generation, now func() time.Time, log *slog.Logger) *Gateway {
	config = config.withDefaults()
	outage := newOutage(config.Metrics, now, log)
	rehearser, _ := store.(Rehearser)
	poster, _ := store.(Poster)
	seen := observedStore{store, outage}
	g := &Gateway{
		config:     config,
		store:      seen,
		rehearser:  rehearser,
		poster:     poster,
		outage:     outage,
		survived:   map[Digest]struct{}{},
		relay:      newRelay(config, seen, generation.Channels, now, log),
		refusals:   newRefusals(store, now, log),
		nonces:     newNonces(),
		limits:     newLimits(seen, config.Metrics, now),
		processors: make(chan struct{}, runtime.GOMAXPROCS(0)),
		jobs:       make(chan struct{}, 1),
		now:        now,
		log:        log,
	}
	g.lanes = newLanes(store.Lanes(), config.Metrics, outage, g.committed)
	g.drift = newDrift(g, config.Drift)
	g.limits.update(generation.Access)
	g.generation.Store(generation)
	return g
}

// committed tells of a batch, while its entries are still there.
func (g *Gateway) committed(outcomes []Outcome) {
	g.relay.committed(outcomes)
	if g.config.Committed != nil {
		g.config.Committed()
	}
}

// Contracts returns the contracts of the running generation.
func (g *Gateway) Contracts() []*contract.Contract { return g.generation.Load().Contracts }

// Entrance returns an endpoint that messages are taken at now, or nil.
func (g *Gateway) Entrance(endpoint string) *Entrance { return g.generation.Load().entrance(endpoint) }

// Entrances lists the endpoints of a kind of door, such as rest, by name, and the
// configuration that has them.
func (g *Gateway) Entrances(door string) (all []*Entrance, version string) {
	now := g.generation.Load()
	return now.entrances(door), now.Version
}

// Version returns the version of the running generation.
func (g *Gateway) Version() string { return g.generation.Load().Version }

// hold returns the running generation, counted in; letGo counts out.
func (g *Gateway) hold() *Generation {
	for {
		// It may be replaced, and retired, between the two steps.
		if current := g.generation.Load(); current.join() {
			return current
		}
	}
}

// Reload has every message that comes from now on processed by next. Those on
// their way finish on the generation they started on, which is retired then. It
// must not be called concurrently.
func (g *Gateway) Reload(next *Generation) {
	old := g.generation.Swap(next)
	g.relay.update(next.Channels)
	g.limits.update(next.Access)
	g.drift.nudge()
	old.retire()
}

// Channels tells how the channels fare that have a circuit, by name. Those that
// have none know their state themselves.
func (g *Gateway) Channels() []ChannelState { return g.relay.states() }

// Ready answers whether messages can be taken now: store and directory are there.
func (g *Gateway) Ready(ctx context.Context) error {
	generation := g.hold()
	defer generation.letGo()
	err := errors.Join(g.store.Ping(ctx), generation.Directory.Ping(ctx))
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		err = errors.Join(fault.New(fault.CodeDraining, ""), err)
	}
	return err
}

// Run carries messages until ctx ends, then drains: new messages are turned
// away, those in flight get their answers, what is committed is relayed as far
// as the channels take it within some seconds, and refusals are written. Doors should have
// stopped listening before ctx ends; those that have not are answered with
// fault.Unavailable. A Gateway runs once.
func (g *Gateway) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.lanes.run(work)

	var background sync.WaitGroup
	background.Go(func() { g.refusals.run(work) })
	background.Go(func() { g.relay.run(work) })
	background.Go(func() { g.look(work) })
	background.Go(func() { g.drift.run(work) })
	retrying, stopRetrying := context.WithCancel(work)
	defer stopRetrying()
	var retries sync.WaitGroup
	retries.Go(func() { (&retrier{gateway: g, owner: uuid.NewString()}).run(retrying) })
	retries.Go(func() { newPurger(g, uuid.NewString()).run(retrying) })
	retries.Go(func() { newForeman(g).run(retrying) })

	<-ctx.Done()
	stopRetrying()
	retries.Wait()
	g.drain()
	g.settleQuotas(ctx)
	g.relay.drain()
	stop()
	background.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// lookInterval is how often what is held is counted, and lookTimeout how long
// that may take.
const (
	lookInterval = 15 * time.Second
	lookTimeout  = 10 * time.Second
)

// look counts what is held, tells the age of what is kept, and clears what notes
// are left, until ctx ends.
func (g *Gateway) look(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		counting, cancel := context.WithTimeout(ctx, lookTimeout)
		// A store that is away has a metric and a line of the log of its own.
		if h, err := g.store.Holding(counting); err == nil {
			g.config.Metrics.holding(h)
		}
		if oldest, err := g.store.Oldest(counting); err == nil {
			g.config.Metrics.ages(g.now(), oldest)
		}
		g.forgetSurvived(counting)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// settleTimeout bounds giving back at the end what is not used of quotas.
const settleTimeout = 5 * time.Second

// settleQuotas gives back what is not used of quotas. What cannot be given back is
// not sent by anybody today.
func (g *Gateway) settleQuotas(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := g.limits.settle(ctx); err != nil {
		g.log.WarnContext(ctx, "unused quotas not given back", "error", err)
	}
}

// drain refuses new messages and waits for those in flight.
func (g *Gateway) drain() {
	g.mu.Lock()
	g.draining = true
	g.mu.Unlock()
	g.inFlight.Wait()
	g.lanes.close()
}

// admit counts a message in, unless the gateway drains.
func (g *Gateway) admit() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return fault.New(fault.CodeDraining, "")
	}
	g.inFlight.Add(1)
	return nil
}
