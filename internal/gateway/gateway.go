package gateway

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Config is the core's own settings; the zero value works.
type Config struct {
	Envelope envelope.Limits
	// MaxFaults is how many faults of one message are reported; 0 means 50.
	MaxFaults int
	Relay     RelayConfig
}

// largeBody is the size, in bytes, past which envelopes are validated no more
// than one for each processor at once.
const largeBody = 256 << 10

// Gateway joins store, directory and channels. It is safe for concurrent use.
type Gateway struct {
	config     Config
	store      Store
	directory  Directory
	generation atomic.Pointer[Generation]
	lanes      *lanes
	relay      *relay
	refusals   *refusals
	processors chan struct{} // one place for each large message that is validated
	now        func() time.Time
	log        *slog.Logger

	storeDown atomic.Bool // an outage of the store has been logged and not its end

	mu       sync.Mutex
	draining bool
	inFlight sync.WaitGroup
}

// New returns a Gateway that begins with generation. now is its clock.
func New(config Config, store Store, directory Directory, generation *Generation, now func() time.Time, log *slog.Logger) *Gateway {
	if config.MaxFaults == 0 {
		config.MaxFaults = 50
	}
	g := &Gateway{
		config:     config,
		store:      store,
		directory:  directory,
		lanes:      newLanes(store.Lanes()),
		relay:      newRelay(config.Relay, store, generation.Channels, now, log),
		refusals:   newRefusals(store, log),
		processors: make(chan struct{}, runtime.GOMAXPROCS(0)),
		now:        now,
		log:        log,
	}
	g.generation.Store(generation)
	return g
}

// Contracts returns the contracts of the running generation.
func (g *Gateway) Contracts() []*contract.Contract { return g.generation.Load().Contracts }

// Run carries messages until ctx ends, then drains: new messages are turned
// away, those in flight get their answers, what is committed is relayed as far
// as the channels take it at once, and refusals are written. Doors should have
// stopped listening before ctx ends; those that have not are answered with
// fault.Unavailable. A Gateway runs once.
func (g *Gateway) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.lanes.run(work)

	var background sync.WaitGroup
	background.Go(func() { g.refusals.run(work) })
	background.Go(func() { g.relay.run(work) })

	<-ctx.Done()
	g.drain()
	g.relay.drain()
	stop()
	background.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
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
