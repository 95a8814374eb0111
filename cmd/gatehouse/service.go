package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// service is the process in service: core, doors, and the configuration that
// runs now.
type service struct {
	*running
	core       *gateway.Gateway
	public     *soap.Server
	operations *operations.Server // nil: there is no such door
	exports    *rest.Exports
	consumers  *consumers
	streaming  *streaming
	feeds      []*feed.Feed
	heap       *floor
	manager    serviceManager
	stopping   context.Context // ends when the process is told to stop

	reloading sync.Mutex // one at a time

	mu     sync.Mutex // guards what follows, and running.assembly, which changes under reloading too
	since  time.Time
	reload *operations.Reload
}

// open opens the listeners, so that a taken port is known before anything runs.
func (s *service) open(ctx context.Context) error {
	p := s.project
	blobs, err := p.openAttachments()
	if err != nil {
		return err
	}
	core := gateway.Config{Relay: p.Relay.config(), Drift: gateway.DriftConfig{Poll: p.Drift.Poll}, Metrics: s.watch.core, Tracer: s.watch.tracer(),
		Envelope: p.SOAP.Envelope(), Bounds: p.SOAP.Bounds()}
	if blobs != nil {
		core.Blobs = blobs
	}
	s.streaming = s.openStreams()
	if err := s.openFeeds(); err != nil {
		return err
	}
	core.Committed = s.streaming.committed
	s.watch.unfitViews(func() int { return len(s.assemblyNow().searches.unfitViews()) })
	s.core = gateway.New(core, s.store, s.generation, time.Now, s.log)
	if s.exports, err = rest.NewExports(p.Exports, s.core, currentSearches{s}, s.watch.exports, time.Now, s.log); err != nil {
		return err
	}
	secure, err := p.Listen.Public.TLS.of("public", s.log)
	if err != nil {
		return err
	}
	listener, err := soap.Listen(ctx, p.Listen.Public.Address)
	if err != nil {
		return err
	}
	handler := soap.NewHandler(p.SOAP, s.core, s.log)
	handler.CountRefusals(func(code fault.Code) { s.watch.core.TurnedAway("soap", code) })
	if blobs != nil {
		handler.KeepAttachments(spool{blobs})
	}
	s.public = soap.NewServer(p.SOAP, listener, secure, s.publicDoors(handler), s.log)
	s.public.CountUnread(s.watch.unread.Inc)
	if err := s.openOperations(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	return nil
}

func (s *service) openOperations(ctx context.Context) error {
	if s.project.Listen.Operations == nil {
		return nil
	}
	section := s.project.Listen.Operations.Effective()
	secure, err := section.TLS.of("operations", s.log)
	if err != nil {
		return err
	}
	listener, err := operations.Listen(ctx, section.Address)
	if err != nil {
		return err
	}
	handler := operations.NewHandler(section.Config, operations.Parts{
		Core:          s.core,
		Ledger:        s.store,
		Configuration: s,
		Broker:        s,
		Readiness:     operations.NewReadiness(s.probes, time.Now),
		Metrics:       s.watch.registry,
		Log:           s.log,
	})
	s.operations = operations.NewServer(section.Config, listener, secure, handler, s.log)
	return nil
}

// run joins doors and core. On the way out the order is the other way round:
// the doors of senders close first and finish what they took, then the core
// drains, and the door of operators is the last that closes.
func (s *service) run(ctx context.Context, ready func(net.Addr)) error {
	s.stopping = ctx
	core, stopCore := begin(ctx, s.core.Run)
	s.consumers = &consumers{core: coreOf{s.core}, log: s.log, ctx: ctx, running: map[string]*consuming{}}
	s.consumers.begin(s.assembly)
	operated, stopOperations := begin(ctx, s.runOperations)
	followed, stopFollowing := begin(ctx, s.follow)
	defer context.AfterFunc(ctx, s.streaming.drain)()
	reloads := s.reloadOnSignal(ctx)

	s.announce(ctx)
	if ready != nil {
		ready(s.public.Address())
	}
	defer context.AfterFunc(ctx, func() { s.told(s.manager.stopping()) })()
	err := s.public.Run(ctx)
	<-reloads
	s.consumers.wait()
	stopFollowing()
	err = errors.Join(err, <-followed)
	stopCore()
	err = errors.Join(err, <-core)
	stopOperations()
	err = errors.Join(err, <-operated)
	s.log.InfoContext(ctx, "stopped")
	return err
}

// begin runs something that outlives ctx until it is stopped.
func begin(ctx context.Context, run func(context.Context) error) (ended <-chan error, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return done, stop
}

func (s *service) runOperations(ctx context.Context) error {
	if s.operations == nil {
		return nil
	}
	return s.operations.Run(ctx)
}

// announce tells who wants to know that the gateway serves. An operator may ask
// for a reload already.
func (s *service) announce(ctx context.Context) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	attrs := []any{"address", s.public.Address().String(), "version", version, "configuration", s.generation.Version}
	if s.operations != nil {
		attrs = append(attrs, "operations", s.operations.Address().String())
	}
	s.log.InfoContext(ctx, "serving", attrs...)
	s.watch.configuration(s.generation.Version)
	s.told(s.manager.ready("serving configuration " + s.generation.Version))
}

// told logs that the service manager could not be told something.
func (s *service) told(err error) {
	if err != nil {
		s.log.Warn("service manager not told", "error", err)
	}
}

// probes lists what the service depends on now.
func (s *service) probes() []operations.Probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	probes := []operations.Probe{
		operations.Ping("process", true, s.ending),
		operations.Ping("store", true, s.store.Ping),
		operations.Ping("directory", true, s.directory.Ping),
	}
	states := s.consumers.states()
	for name, p := range s.publishers {
		if p, ok := p.(*amqp.Publisher); ok {
			states["channel "+name] = p.State()
		}
	}
	for _, c := range s.core.Channels() {
		states["channel "+c.Name] = amqp.State{Up: c.Up, Since: c.Since, Reason: c.Reason}
	}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		probes = append(probes, probeOf(name, states[name]))
	}
	for _, r := range s.core.Stopped() {
		probes = append(probes, stoppedProbe(r))
	}
	for _, f := range s.feeds {
		probes = append(probes, feedProbe(f))
	}
	unfit := s.assembly.searches.unfitViews()
	for _, name := range slices.Sorted(maps.Keys(unfit)) {
		probes = append(probes, unfitProbe(s.project.declared(name), unfit[name]))
	}
	return probes
}

// unfitProbe is a probe of a view or a report that does not fit its tables: there is one
// as long as that is so. Messages are taken without it.
func unfitProbe(d *declared, since time.Time) operations.Probe {
	name := d.kind() + " " + d.Name
	return operations.Probe{Name: name, Ask: func(context.Context) (time.Time, error) {
		return since, fault.New(fault.CodeSchema, "the %s does not fit the database's tables; the log has why", name)
	}}
}

// stoppedProbe is a probe of a route that writes nothing: there is one as long as
// that is so. What does not fit is for operators who say who they are.
func stoppedProbe(r gateway.Stopped) operations.Probe {
	return operations.Probe{Name: "route " + r.Route, Ask: func(context.Context) (time.Time, error) {
		return r.Since, fault.New(fault.CodeDrift, "the database's tables have changed, and the mapping does not fit them any more; `gatehouse config show` has what")
	}}
}

// probeOf is a probe of what knows its state already.
func probeOf(name string, s amqp.State) operations.Probe {
	return operations.Probe{Name: name, Ask: func(context.Context) (time.Time, error) {
		if s.Up {
			return s.Since, nil
		}
		return s.Since, fault.New(fault.CodeChannelUnavailable, "%s", s.Reason)
	}}
}

// ending answers that the process has been told to stop, once it has.
func (s *service) ending(context.Context) error {
	if s.stopping.Err() != nil {
		return fault.New(fault.CodeDraining, "")
	}
	return nil
}

// Running implements operations.Configuration.
func (s *service) Running() operations.Running {
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Running{
		Version: s.generation.Version, Since: s.since, File: s.project.file, Binary: version,
		Reload: s.reload, Stopped: stoppedRoutes(s.core.Stopped()), Effective: s.project.effective(),
	}
}

func stoppedRoutes(stopped []gateway.Stopped) []operations.Stopped {
	var out []operations.Stopped
	for _, s := range stopped {
		one := operations.Stopped{Route: s.Route, Since: s.Since}
		for _, d := range s.Complaints {
			one.Faults = append(one.Faults, d.String())
		}
		for _, c := range s.Changes {
			one.Changes = append(one.Changes, c.String())
		}
		out = append(out, one)
	}
	return out
}

// reloadOnSignal reloads at every SIGHUP until ctx ends; then what it returns is
// closed.
func (s *service) reloadOnSignal(ctx context.Context) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				_ = s.Reload(ctx, gateway.Act{By: "signal"}) // it has told the log
			case <-ctx.Done():
				return
			}
		}
	}()
	return ended
}

// Reload implements operations.Configuration: it reads the configuration again
// and has messages that come from now on processed by it. Whatever is wrong with
// it, nothing has changed then.
func (s *service) Reload(ctx context.Context, act gateway.Act) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.told(s.manager.reloading())
	err := s.core.Audited(ctx, "reload", gateway.OnConfiguration, act)
	if err == nil {
		err = s.replace(ctx)
	}
	record := &operations.Reload{At: time.Now(), By: act.By, Loaded: err == nil}
	if err != nil {
		record.Faults = operations.Faults(err)
		s.log.ErrorContext(ctx, "configuration not loaded; the running one goes on", "user", act.By, "configuration", s.generation.Version, "error", err)
	} else {
		s.log.InfoContext(ctx, "configuration loaded", "user", act.By, "reason", act.Reason, "configuration", s.generation.Version)
	}
	s.mu.Lock()
	s.reload = record
	s.mu.Unlock()
	s.told(s.manager.ready(fmt.Sprintf("serving configuration %s", s.generation.Version)))
	return err
}
