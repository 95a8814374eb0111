package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/oidc"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// running is a project with its store: what every command needs that speaks to
// servers, and closes at the end.
type running struct {
	*assembly
	store store
	views *viewDatabase // what views are read from
	watch *watch        // nil outside of a service
	keys  *sealing.Ring // what tokens are sealed with; nil outside of a service
}

// assembly is a compiled project with its connections: what one generation is
// made of. What the configuration did not change is shared with the assembly
// before it.
type assembly struct {
	project    *project
	compiled   *compiled
	directory  *ldap.Directory
	tokens     *oidc.Verifier // nil: no bearer tokens are taken
	signatures *wss.Verifier  // nil: no signatures are taken
	security   map[string]gateway.Security
	broker     *amqp.Client
	publishers map[string]publisher // by channel; none where its contract is broken
	generation *gateway.Generation
	searches   *searches
	desk       *query.Desk              // where searches and queries are bounded; nil: none are answered
	next       atomic.Pointer[assembly] // what replaced it
	log        *slog.Logger
}

// assemble connects a compiled project to its servers. Servers that are away at
// the moment are no error: they heal by themselves. The caller closes what it gets.
func (p *project) assemble(ctx context.Context, log *slog.Logger, w *watch) (*running, error) {
	c, err := p.compile()
	if err != nil || len(c.contracts) == 0 {
		return nil, errors.Join(append(c.broken, err)...)
	}
	for _, fault := range c.broken {
		log.ErrorContext(ctx, "contract not served, nor its routes", "error", fault)
	}
	r := &running{watch: w}
	if r.store, err = p.Store.openExisting(ctx, log); err != nil {
		return nil, err
	}
	if r.views, err = p.Store.openViews(log); err != nil {
		return nil, errors.Join(err, r.store.Close())
	}
	before := &assembly{project: &project{}}
	if w != nil {
		r.keys = sealing.NewRing(r.store, time.Now, log)
		before.desk = p.Search.Desk(r.keys, w.searches)
	}
	if r.assembly, err = p.connect(c, r.store, before, w, log); err != nil {
		return nil, errors.Join(err, r.views.Close(), r.store.Close())
	}
	r.assembly.search(r.views)
	return r, nil
}

// close ends the connections, the store last.
func (r *running) close(ctx context.Context) error {
	return errors.Join(r.assembly.close(ctx), r.views.Close(), r.store.Close())
}

// search has the assembly's views read from a database.
func (a *assembly) search(db *viewDatabase) {
	a.searches = &searches{project: a.project, database: db, log: a.log}
}

// connect makes an assembly, sharing with an earlier one what has the same
// configuration.
func (p *project) connect(c *compiled, s store, earlier *assembly, w *watch, log *slog.Logger) (*assembly, error) {
	a := &assembly{project: p, compiled: c, publishers: map[string]publisher{}, desk: earlier.desk, log: log}
	err := errors.Join(a.connectDirectory(earlier), a.connectIssuers(earlier), a.connectBroker(earlier, w.amqpMetrics()), a.connectSignatures(), a.connectSecurity())
	if err == nil {
		err = a.connectChannels(earlier)
	}
	if err == nil {
		a.generation, err = a.generate(s)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		return nil, errors.Join(err, a.closeUnless(ctx, earlier))
	}
	return a, nil
}

func (a *assembly) connectDirectory(earlier *assembly) (err error) {
	if a.project.cast != nil {
		return nil
	}
	a.directory = earlier.directory
	if a.directory == nil || !reflect.DeepEqual(a.project.Directory, earlier.project.Directory) {
		a.directory, err = ldap.New(*a.project.Directory, a.log, time.Now)
	}
	return err
}

func (a *assembly) connectIssuers(earlier *assembly) (err error) {
	configs := a.project.Authentication.Tokens
	if len(configs) == 0 {
		return nil
	}
	a.tokens = earlier.tokens
	if a.tokens == nil || !reflect.DeepEqual(configs, earlier.project.Authentication.Tokens) {
		a.tokens, err = oidc.New(configs, a.log, time.Now)
	}
	return err
}

func (a *assembly) connectBroker(earlier *assembly, m *amqp.Metrics) (err error) {
	if a.project.Broker == nil {
		return nil
	}
	a.broker = earlier.broker
	if a.broker == nil || !reflect.DeepEqual(a.project.Broker, earlier.project.Broker) {
		if a.broker, err = amqp.New(*a.project.Broker, a.log, amqp.SystemClock{}, m); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) generate(s store) (*gateway.Generation, error) {
	var routes []*gateway.Route
	for i, section := range a.project.Routes {
		if a.compiled.mappings[i] == nil {
			continue
		}
		route := gateway.NewRoute(section.Route, section.endpoints(), a.compiled.mappings[i], s)
		route.Retry, route.DemandsKey = section.retry(), section.demandsKey()
		route.Retention = section.Retention.config()
		routes = append(routes, route)
	}
	var channels []gateway.Channel
	for _, ch := range a.project.Channels {
		if p := a.publishers[ch.Name]; p != nil {
			channel := gateway.Channel{Name: ch.Name, Publisher: p, Policy: ch.Value.policy(), DemandsCause: ch.Value.DemandsCause}
			if ch.Value.Replies != nil {
				channel.Replies = ch.Value.Replies.Addresses
			}
			channels = append(channels, channel)
		}
	}
	who := a.project.cast
	if who == nil {
		who = a.directory
	}
	var groups gateway.Census
	if a.directory != nil {
		groups = a.directory
	}
	return gateway.NewGeneration(gateway.Parts{
		Version:   a.compiled.version,
		Contracts: a.compiled.contracts,
		Access:    a.compiled.access,
		Directory: who,
		WaysIn:    a.waysIn(),
		Census:    groups,
		Channels:  channels,
		Views:     a.project.viewNames(),
		Queries:   a.queryRoutes(),
		Retention: a.project.Retention.config(),
		Retire:    a.retire,
	}, routes)
}

// retire closes what the assembly that replaced this one does not share.
func (a *assembly) retire() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := a.closeUnless(ctx, a.next.Load()); err != nil {
		a.log.WarnContext(ctx, "closing the former configuration's connections", "error", err)
	}
}

func (a *assembly) close(ctx context.Context) error { return a.closeUnless(ctx, nil) }

// closeUnless closes what other, which may be nil, does not share.
func (a *assembly) closeUnless(ctx context.Context, other *assembly) error {
	if other == nil {
		other = &assembly{}
	}
	var faults []error
	for name, p := range a.publishers {
		if p != nil && p != other.publishers[name] {
			faults = append(faults, p.Close(ctx))
		}
	}
	if a.directory != nil && a.directory != other.directory {
		faults = append(faults, a.directory.Close())
	}
	return errors.Join(faults...)
}
