package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// DriftConfig says how the tables under the routes are watched; the zero value
// works.
type DriftConfig struct {
	Poll time.Duration // how often the tables are looked at; 0 means 1 min
}

// Effective returns the settings with every default filled in.
func (c DriftConfig) Effective() DriftConfig { return c.withDefaults() }

func (c DriftConfig) withDefaults() DriftConfig {
	c.Poll = orDefault(c.Poll, time.Minute)
	return c
}

const (
	// stoppedPoll is how often the tables are looked at, at least, while a route
	// is stopped: somebody is mending them.
	stoppedPoll = 5 * time.Second
	// toldChanges is how many changes one line of the log tells.
	toldChanges = 20
)

// Stopped is a route that writes nothing: the tables have changed, and its mapping
// does not fit them any more. Its messages are refused as unavailable until it
// does again.
type Stopped struct {
	Route string
	Since time.Time
	// Complaints say what does not fit, Changes what was changed as far as that is
	// known. They name tables: for operators only.
	Complaints []fault.Detail
	Changes    []mapping.Change

	tables mapping.Schema // as they were when it was found out; nil: nobody knows
	fault  *fault.Error   // what senders are told
}

// drift watches the tables under the routes. One goroutine does all the looking:
// with one question about all tables, now and then, and whenever a commit finds
// out that its statements were written for other tables.
type drift struct {
	gateway *Gateway
	poll    time.Duration
	wake    chan struct{} // capacity 1
	failed  bool          // the last look

	mu      sync.Mutex
	waiting []chan struct{} // closed when a look is over that began later
	ended   bool
}

func newDrift(g *Gateway, c DriftConfig) *drift {
	return &drift{gateway: g, poll: c.withDefaults().Poll, wake: make(chan struct{}, 1)}
}

// run looks until ctx ends.
func (d *drift) run(ctx context.Context) {
	defer d.end()
	for {
		timer := time.NewTimer(d.pause())
		select {
		case <-timer.C:
		case <-d.wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
		waiting := d.take()
		d.look(ctx)
		for _, w := range waiting {
			close(w)
		}
	}
}

// pause is the time between two looks, some more or less, so that several
// processes do not look at the same moment.
func (d *drift) pause() time.Duration {
	every := d.poll
	if len(d.gateway.Stopped()) > 0 {
		every = min(every, stoppedPoll)
	}
	return every - every/10 + rand.N(every/5+1)
}

// take returns those who wait: the look that begins now is theirs.
func (d *drift) take() []chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := d.waiting
	d.waiting = nil
	return waiting
}

// end lets everybody go who waits, and who comes later.
func (d *drift) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, w := range d.waiting {
		close(w)
	}
	d.waiting = nil
}

// nudge has the tables looked at soon.
func (d *drift) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// ask waits until the tables have been looked at by a look that began after the
// call, or until ctx ends.
func (d *drift) ask(ctx context.Context) error {
	done := make(chan struct{})
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return fault.New(fault.CodeDraining, "")
	}
	d.waiting = append(d.waiting, done)
	d.mu.Unlock()
	d.nudge()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look compares the tables with those that the routes were bound to, and binds
// anew what has others now.
func (d *drift) look(ctx context.Context) {
	g := d.gateway
	ctx, cancel := context.WithTimeout(ctx, bindTimeout)
	defer cancel()
	generation := g.hold()
	defer generation.letGo()
	routes := watched(generation)
	if len(routes) == 0 {
		return
	}
	mappings := make([]*mapping.Mapping, len(routes))
	for i, r := range routes {
		mappings[i] = r.Mapping
	}
	tables, err := g.store.Schema(ctx, mappings...)
	if err != nil {
		d.fail(ctx, err)
		return
	}
	d.seen()
	found := &finding{gateway: g}
	for _, r := range routes {
		found.route(ctx, r, tables)
	}
	found.tell(ctx)
	g.config.Metrics.looked(len(found.changes) > 0, g.Stopped())
}

// watched are the routes whose tables have been looked at before, by name.
func watched(g *Generation) []*Route {
	routes := slices.DeleteFunc(g.Routes(), func(r *Route) bool { return r.writer.Load() == nil && r.stopped.Load() == nil })
	slices.SortFunc(routes, func(a, b *Route) int { return cmp.Compare(a.Name, b.Name) })
	return routes
}

// fail notes that the tables could not be looked at: that says nothing of them.
func (d *drift) fail(ctx context.Context, err error) {
	g := d.gateway
	g.config.Metrics.looks.WithLabelValues("failed").Inc()
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if !d.failed && fault.Of(err).Code != fault.CodeStoreUnavailable {
		g.log.WarnContext(ctx, "the tables cannot be looked at", "error", err)
	}
	d.failed = true
}

func (d *drift) seen() { d.failed = false }

// finding is what one look has found.
type finding struct {
	gateway          *Gateway
	changes          []string
	routes           []string // that they touch
	stopped, resumed []*Stopped
}

// route binds a route anew when its tables have changed. What cannot be bound
// because the database is away stays as it is until the next look.
func (f *finding) route(ctx context.Context, r *Route, tables mapping.Schema) {
	w, was := r.writer.Load(), r.stopped.Load()
	changes, known := r.changes(tables)
	if stale := was == nil && w.stale.Load() || was != nil && !known; len(changes) == 0 && !stale {
		return
	}
	next, err := observed(ctx, f.gateway.outage, func() (*boundWriter, error) { return r.open(ctx) })
	if err != nil && fault.Of(err).Code != fault.CodeSchema {
		return
	}
	if len(changes) > 0 {
		f.touch(r, changes)
	}
	switch {
	case err != nil:
		now := newStopped(r, f.gateway.now(), fault.Of(err), changes, tables)
		if was != nil {
			now.Since, now.Changes = was.Since, append(slices.Clip(was.Changes), changes...)
		} else {
			f.stopped = append(f.stopped, now)
		}
		r.stopped.Store(now)
	default:
		r.writer.Store(next)
		if was != nil {
			r.stopped.Store(nil)
			f.resumed = append(f.resumed, was)
		}
	}
}

func newStopped(r *Route, at time.Time, err *fault.Error, changes []mapping.Change, tables mapping.Schema) *Stopped {
	return &Stopped{
		Route: r.Name, Since: at.UTC().Truncate(time.Millisecond), Complaints: err.Details, Changes: changes,
		tables: tables, fault: fault.New(fault.CodeDrift, "").Because(errors.New(complaints(err))),
	}
}

// changes compares the tables with those that the route was bound to, or stopped
// at; known says that anything is known of those.
func (r *Route) changes(tables mapping.Schema) (changes []mapping.Change, known bool) {
	before := mapping.Schema(nil)
	if s := r.stopped.Load(); s != nil {
		before = s.tables
	} else if w := r.writer.Load(); w.mapping != nil {
		before = w.mapping.Tables
	}
	if before == nil {
		return nil, false
	}
	return r.Mapping.Changes(before, tables), true
}

func (f *finding) touch(r *Route, changes []mapping.Change) {
	f.routes = append(f.routes, r.Name)
	for _, c := range changes {
		if text := c.String(); !slices.Contains(f.changes, text) {
			f.changes = append(f.changes, text)
		}
	}
}

// tell writes one line about what has changed, and one about each route that it
// stops, or that goes on.
func (f *finding) tell(ctx context.Context) {
	log := f.gateway.log
	if len(f.changes) > 0 {
		log.WarnContext(ctx, "tables have changed", "changes", few(f.changes), "routes", strings.Join(f.routes, ", "))
	}
	for _, s := range f.stopped {
		s.tell(ctx, f.gateway)
	}
	for _, s := range f.resumed {
		log.InfoContext(ctx, "route writes again", "route", s.Route, "stopped_since", s.Since)
	}
}

func (s *Stopped) tell(ctx context.Context, g *Gateway) {
	g.log.ErrorContext(ctx, "route stopped: its mapping does not fit the tables any more", "route", s.Route, "code", string(fault.CodeDrift), "reason", s.fault.Cause)
}

// complaints are the details of a fault on one line.
func complaints(err *fault.Error) string {
	lines := make([]string, len(err.Details))
	for i, d := range err.Details {
		lines[i] = d.String()
	}
	if len(lines) == 0 {
		return err.Error()
	}
	return few(lines)
}

// few joins lines, but not more than anybody reads.
func few(lines []string) string {
	if more := len(lines) - toldChanges; more > 0 {
		return strings.Join(lines[:toldChanges], "; ") + fmt.Sprintf("; and %d more", more)
	}
	return strings.Join(lines, "; ")
}

// Stopped lists the routes of the running generation that write nothing, by name.
func (g *Gateway) Stopped() []Stopped {
	var out []Stopped
	for _, r := range g.generation.Load().Routes() {
		if s := r.stopped.Load(); s != nil {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b Stopped) int { return cmp.Compare(a.Route, b.Route) })
	return out
}

// stoppedRoutes are the names of the routes that are stopped: their messages would
// be tried in vain, and be in the way of the others'.
func (g *Gateway) stoppedRoutes() (names []string) {
	for _, s := range g.Stopped() {
		names = append(names, s.Route)
	}
	return names
}

// stop stops a route that could never be bound, at the first message that needs
// it: the database was away until then.
func (g *Gateway) stop(ctx context.Context, r *Route, err error) *Stopped {
	s := newStopped(r, g.now(), fault.Of(err), nil, nil)
	if !r.stopped.CompareAndSwap(nil, s) {
		return r.stopped.Load()
	}
	s.tell(ctx, g)
	return s
}

// drifted reports whether a commit came to nothing because the tables are others
// than its statements were written for, and notes it for the next look.
func (g *Gateway) drifted(w *boundWriter, err error) bool {
	if err == nil || w == nil || fault.Of(err).Code != fault.CodeDrift {
		return false
	}
	w.stale.Store(true)
	return true
}

// watchDrift has the tables looked at when a message met others than it was
// mapped for. It comes again.
func (g *Gateway) watchDrift(w *boundWriter, err error) {
	if g.drifted(w, err) {
		g.drift.nudge()
	}
}

// again applies and commits a message whose tables have changed under it, on the
// writer that its route has now. Nothing of it was stored.
func (g *Gateway) again(ctx context.Context, p *passage, drifted error) error {
	if err := g.drift.ask(ctx); err != nil {
		return drifted
	}
	writer, err := p.route.bound(ctx)
	switch {
	case err != nil:
		return err
	case writer == p.writer:
		return drifted // the tables could not be looked at
	}
	p.writer = writer
	for _, step := range []stage{g.open, g.apply} {
		if err := step(ctx, p); err != nil {
			return p.declared(p.located(err))
		}
	}
	return g.commit(ctx, p)
}
