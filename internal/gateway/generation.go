package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Parts is what a Generation is made of.
type Parts struct {
	// Version is a short hash over everything the generation was made from.
	Version   string
	Contracts []*contract.Contract
	Access    *Access
	Directory Directory
	WaysIn    WaysIn
	Census    Census // nil: groups are not looked into
	Channels  []Channel
	Views     []string // by name
	Queries   []*QueryRoute
	Retention Retention
	// Retire, when set, is called once when another generation runs and no
	// message is on its way on this one: it closes what nobody else uses.
	Retire func()
}

// Generation is a compiled, immutable snapshot of all configuration; to
// administrators, a configuration version. A message finishes on the one it
// started on.
type Generation struct {
	Parts
	routes  map[string]*Route       // by endpoint
	queries map[string]*QueryRoute  // by endpoint
	replies map[string]replyAddress // by comparable address

	mu      sync.Mutex
	users   int
	retired bool
}

// join counts a message in; false when the generation is retired.
func (g *Generation) join() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retired && g.users == 0 {
		return false
	}
	g.users++
	return true
}

// letGo counts a message out; the last one out of a retired generation closes it.
func (g *Generation) letGo() {
	g.mu.Lock()
	g.users--
	last := g.retired && g.users == 0
	g.mu.Unlock()
	if last {
		g.close()
	}
}

// retire closes the generation as soon as nobody uses it.
func (g *Generation) retire() {
	g.mu.Lock()
	g.retired = true
	idle := g.users == 0
	g.mu.Unlock()
	if idle {
		g.close()
	}
}

func (g *Generation) close() {
	if g.Retire != nil {
		go g.Retire() // publishers wait for what they have in flight
	}
}

// Channel is an outbound door.
type Channel struct {
	Name      string
	Publisher Publisher
	Policy    Policy
	// Replies are the addresses that senders may name for their answers, as they
	// are listed: those who may cause something on the channel. Nil for a channel
	// that mappings publish to.
	Replies []string
	// DemandsCause has a message published there only when its sender may cause that.
	DemandsCause bool
}

// Route is what humans name and own: endpoints → mapping → rows, publications,
// reply.
type Route struct {
	Name      string
	Endpoints []string // soap:<system>/<service>.<operation>, amqp:<queue>, …
	Mapping   *mapping.Mapping
	Retry     Retry // of messages of asynchronous doors
	Retention RouteRetention
	// DemandsKey has every message without an envelope whose sender waits name
	// itself in its transport.
	DemandsKey bool

	store   Store
	writer  atomic.Pointer[boundWriter]
	stopped atomic.Pointer[Stopped] // nil: it writes
	flight  singleflight.Group
}

// boundWriter is a Writer together with the mapping as checked against the
// tables that the writer writes.
type boundWriter struct {
	Writer
	mapping *mapping.Checked
	stale   atomic.Bool // a commit found other tables
}

// NewGeneration puts a generation together. An endpoint may belong to one route only.
func NewGeneration(parts Parts, routes []*Route) (*Generation, error) {
	g := &Generation{Parts: parts, routes: map[string]*Route{}}
	if err := g.listReplies(); err != nil {
		return nil, err
	}
	for _, r := range routes {
		for _, e := range r.Endpoints {
			if other, taken := g.routes[e]; taken {
				return nil, fmt.Errorf("endpoint %s: taken by route %q and by route %q", e, other.Name, r.Name)
			}
			g.routes[e] = r
		}
	}
	return g, g.listQueries()
}

// NewRoute returns a route that stores through store.
func NewRoute(name string, endpoints []string, m *mapping.Mapping, store Store) *Route {
	return &Route{Name: name, Endpoints: endpoints, Mapping: m, store: store}
}

// entryFor is how a Rehearser is given an entry that is prepared already.
func (*boundWriter) entryFor(e *Entry) func(*mapping.Checked) (*Entry, error) {
	return func(*mapping.Checked) (*Entry, error) { return e, nil }
}

// bindTimeout bounds how long a route may take to look at the database's tables.
const bindTimeout = 30 * time.Second

// Bind compiles the route's statements against the tables as they are. It is
// called at start, and again by the next message when the database could not
// be asked then; once it succeeded it costs nothing. From then on the tables are
// watched; see drift.
func (r *Route) Bind(ctx context.Context) error {
	_, err := r.bound(ctx)
	return err
}

func (r *Route) bound(ctx context.Context) (*boundWriter, error) {
	if s := r.stopped.Load(); s != nil {
		return nil, s.fault
	}
	if w := r.writer.Load(); w != nil {
		return w, nil
	}
	// The caller's context ends its waiting; the work serves everyone who waits.
	done := r.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bindTimeout)
		defer cancel()
		b, err := r.open(ctx)
		if err != nil {
			return nil, err
		}
		r.writer.CompareAndSwap(nil, b) // the tables may have been looked at meanwhile
		return r.writer.Load(), nil
	})
	select {
	case res := <-done:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*boundWriter), nil
	case <-ctx.Done():
		return nil, fault.New(fault.CodeStoreUnavailable, "").Because(ctx.Err())
	}
}

// open compiles the route's statements.
func (r *Route) open(ctx context.Context) (*boundWriter, error) {
	w, err := r.store.Writer(ctx, r.Mapping)
	if err != nil {
		return nil, err
	}
	return &boundWriter{Writer: w, mapping: w.Mapping()}, nil
}

// route finds the route of an operation at an endpoint.
func (g *Generation) route(endpoint string, op *contract.Operation) (*Route, error) {
	r := g.routes[endpoint+"."+op.Name]
	if r == nil {
		return nil, fault.New(fault.CodeUnknownOperation, "the operation %s is part of the contract, but no route takes it here", op.Name)
	}
	return r, nil
}

// Entrance is an endpoint as its door publishes it.
type Entrance struct {
	Endpoint   string
	Route      string
	Mapping    *mapping.Mapping // which knows contract, service and operation
	Ways       []WayIn
	DemandsKey bool
}

// entrance is nil where no route takes messages.
func (g *Generation) entrance(endpoint string) *Entrance {
	r := g.routes[endpoint]
	if r == nil {
		return nil
	}
	return &Entrance{Endpoint: endpoint, Route: r.Name, Mapping: r.Mapping, Ways: g.WaysIn.At(endpoint), DemandsKey: r.DemandsKey}
}

// entrances lists those of a kind of door, by name.
func (g *Generation) entrances(door string) []*Entrance {
	var out []*Entrance
	for _, endpoint := range slices.Sorted(maps.Keys(g.routes)) {
		if strings.HasPrefix(endpoint, door+":") {
			out = append(out, g.entrance(endpoint))
		}
	}
	return out
}

// Routes returns every route once, in no particular order.
func (g *Generation) Routes() []*Route {
	seen := map[*Route]bool{}
	var out []*Route
	for _, r := range g.routes {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// named returns the route of a name, or nil.
func (g *Generation) named(name string) *Route {
	for _, r := range g.routes {
		if r.Name == name {
			return r
		}
	}
	return nil
}
