package gateway

import (
	"context"
	"crypto/x509"
	"maps"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Operator is somebody whom the directory knows, with what the configuration
// that ran when he came allows him. It is immutable.
type Operator struct {
	*Identity
	access *Access
}

// NewOperator returns the operator that id is under access.
func NewOperator(id *Identity, access *Access) *Operator {
	return &Operator{Identity: id, access: access}
}

// Proof is what somebody shows at a door at which people do their work.
type Proof struct {
	Basic       *Credentials
	Bearer      string
	Certificate *x509.Certificate // whose key the connection has proved
}

// Operator finds out who somebody is. All that he shows is proved, and must be of
// one entry; a certificate counts only where operators may come by one. Who is
// refused is fault.Unauthenticated; a directory that cannot answer is
// fault.Unavailable.
func (g *Gateway) Operator(ctx context.Context, p Proof) (*Operator, error) {
	generation := g.hold()
	defer generation.letGo()
	return generation.operator(ctx, p, generation.WaysIn.operators())
}

// Asker finds out who searches, as Operator does, by the ways in that senders have
// who send no envelope.
func (g *Gateway) Asker(ctx context.Context, p Proof) (*Operator, error) {
	generation := g.hold()
	defer generation.letGo()
	return generation.operator(ctx, p, generation.WaysIn.searches())
}

// SearchWays are the ways in of searches.
func (g *Gateway) SearchWays() []WayIn { return g.generation.Load().WaysIn.searches() }

// operator finds out who shows p, by one of the ways offered.
func (g *Generation) operator(ctx context.Context, p Proof, offered []WayIn) (*Operator, error) {
	shown := p.shown(g, offered)
	if len(shown) == 0 {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	var id *Identity
	for _, c := range shown {
		if !slices.Contains(offered, c.way) {
			return nil, notOffered(c.way, offered)
		}
		next, err := c.prove(ctx)
		if err != nil {
			return nil, err
		}
		if err := sameEntry(id, next); err != nil {
			return nil, err
		}
		id = next
	}
	return NewOperator(id, g.Access), nil
}

func (p Proof) shown(g *Generation, offered []WayIn) (shown []credential) {
	if p.Bearer != "" {
		shown = append(shown, credential{WayBearer, func(ctx context.Context) (*Identity, error) {
			return g.proveBearer(ctx, p.Bearer, p.Certificate)
		}})
	}
	if p.Certificate != nil && slices.Contains(offered, WayCertificate) {
		shown = append(shown, credential{WayCertificate, func(ctx context.Context) (*Identity, error) {
			return g.WaysIn.Certificates.Holder(ctx, p.Certificate)
		}})
	}
	if p.Basic != nil {
		shown = append(shown, credential{WayBasic, func(ctx context.Context) (*Identity, error) {
			return g.Directory.Authenticate(ctx, p.Basic.Username, p.Basic.Password)
		}})
	}
	return shown
}

// Known finds the operator of an entry, whom somebody else vouches for: what the
// directory says of him now counts, not what it said when he showed his password.
func (g *Gateway) Known(ctx context.Context, dn string) (*Operator, error) {
	generation := g.hold()
	defer generation.letGo()
	directory, able := generation.Directory.(Entries)
	if !able {
		return nil, fault.New(fault.CodeSession, "this directory finds nobody by the name of an entry")
	}
	id, err := directory.Entry(ctx, dn)
	if err != nil {
		return nil, err
	}
	return NewOperator(id, generation.Access), nil
}

// May returns nil when the operator may do verb on resource, else a forbidden fault.
func (o *Operator) May(verb Verb, resource string) error {
	_, err := o.access.Authorize(o.Identity, verb, resource)
	return err
}

// MayNot is the fault that May returns to an operator without a grant, for a door that
// has found out by itself that there is none.
func (o *Operator) MayNot(verb Verb, resource string) error { return o.Identity.mayNot(verb, resource) }

// Scope returns everything on which the operator may do verb.
func (o *Operator) Scope(verb Verb) Scope { return o.access.Scope(o.Identity, verb) }

// Viewer is the operator as views know somebody; find returns a view by name, or nil.
func (o *Operator) Viewer(find func(name string) *view.View) view.Viewer {
	return o.access.Viewer(o.Identity, find)
}

// Standing tells what the operator is and may do.
func (o *Operator) Standing() *Standing { return o.access.Standing(o.Identity) }

// Explain looks a user up, whose password nobody here knows, and tells what the
// running configuration lets him do. A directory that cannot answer is
// fault.Unavailable; a user it does not know is an explanation too.
func (g *Gateway) Explain(ctx context.Context, q Question) (*Explanation, error) {
	generation := g.hold()
	defer generation.letGo()
	e, err := generation.Access.Explain(ctx, generation.Directory, generation.Census, q)
	if err != nil {
		return nil, err
	}
	e.Missing = !slices.Contains(generation.resources(), q.On)
	for i := range e.Limits {
		if err := e.Limits[i].ask(ctx, g.store, DayBegins(g.now())); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// resources lists what grants can be on in this generation.
func (g *Generation) resources() []string {
	routes, channels := map[string]bool{}, map[string]bool{}
	for _, r := range g.routes {
		routes[r.Name] = true
	}
	for _, c := range g.Channels {
		channels[c.Name] = true
	}
	return Resources(slices.Collect(maps.Keys(routes)), slices.Collect(maps.Keys(channels)), g.Views...)
}

// Aside has act use a Gateway that takes no other part in the work: nothing is
// relayed and nothing that waits is tried again, for that is the business of the
// process in service. When act returns, what it began is brought to its end. It
// is called in place of Run, once.
func (g *Gateway) Aside(ctx context.Context, act func(context.Context) error) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.lanes.run(work)
	var background sync.WaitGroup
	background.Go(func() { g.refusals.run(work) })
	err := act(ctx)
	g.drain()
	stop()
	background.Wait()
	return err
}
