package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// QueryRoute is a route that stores nothing: its requests are answered from a view.
type QueryRoute struct {
	Name      string
	Endpoints []string // soap:<system>/<service>.<operation>
	Answerer  Answerer
}

// Answerer answers the requests of one operation. It is safe for concurrent use.
type Answerer interface {
	// ViewName is the view that it asks.
	ViewName() string
	// Answer answers a request: with the reply, and how many rows it has. When ctx ends,
	// so does the search.
	Answer(ctx context.Context, who Asker, in *mapping.Input) (reply []byte, rows int, err error)
	// Declares reports whether it answers anything with a fault of the contract, and
	// Declare makes that of a fault: see mapping.Mapping.
	Declares() bool
	Declare(in *mapping.Input, f *fault.Error) *fault.Error
	// Searched counts an answer, or what was refused in its place.
	Searched(err error, rows int, took time.Duration)
}

// Asker is somebody who asks a query.
type Asker struct {
	DN string
	// Viewer is he as views know somebody; find returns a view by name, or nil.
	Viewer func(find func(name string) *view.View) view.Viewer
}

// queried returns the query that an operation at an endpoint is, or nil.
func (g *Generation) queried(endpoint, operation string) *QueryRoute {
	return g.queries[endpoint+"."+operation]
}

// listQueries puts queries beside the routes. An endpoint may belong to one only.
func (g *Generation) listQueries() error {
	g.queries = map[string]*QueryRoute{}
	for _, q := range g.Queries {
		for _, e := range q.Endpoints {
			if g.routes[e] != nil || g.queries[e] != nil {
				return fmt.Errorf("endpoint %s: taken by query %q and by another route", e, q.Name)
			}
			g.queries[e] = q
		}
	}
	return nil
}

// mayAsk decides whether the sender may ask: who may read the view. That the route is
// there is no grant. The refusal names the view, for whoever is to grant it.
func (g *Gateway) mayAsk(_ context.Context, p *passage) error {
	var err error
	p.principal, err = p.generation.Access.Authorize(p.identity, Read, OnView(p.query.Answerer.ViewName()))
	return err
}

// alone refuses attachments: a query has nothing to keep them with.
func (g *Gateway) alone(_ context.Context, p *passage) error {
	if len(p.arrival.Attachments) > 0 {
		return fault.New(fault.CodeMediaType, "the operation %s is a query, which takes no attachments", p.receipt.Operation.Name)
	}
	return nil
}

// here refuses to answer elsewhere than on the connection: what goes elsewhere goes by
// the outbox, and of a query nothing is kept.
func (g *Gateway) here(_ context.Context, p *passage) error {
	a := &p.receipt.Head.Addressing
	for _, address := range [...]string{a.ReplyTo, a.FaultTo} {
		switch address {
		case "", envelope.AddressAnonymous, envelope.AddressNone:
		default:
			return fault.New(fault.CodeAddressing, "the operation %s is a query, and answered on the connection only", p.receipt.Operation.Name)
		}
	}
	return nil
}

// ask answers a query. When ctx ends, the search does.
func (g *Gateway) ask(ctx context.Context, p *passage) error {
	who := Asker{DN: p.identity.DN, Viewer: func(find func(string) *view.View) view.Viewer {
		return p.generation.Access.Viewer(p.identity, find)
	}}
	var err error
	p.receipt.Reply, p.rows, err = p.query.Answerer.Answer(ctx, who, &p.input)
	if err != nil {
		return p.declared(p.located(err))
	}
	return nil
}

// asked is where a query's journey ends: one log line, and the metrics of searches.
func (g *Gateway) asked(ctx context.Context, p *passage, err error) error {
	f := fault.Of(err)
	if f != nil && f.Kind() == fault.Unavailable {
		p.pass.back()
	}
	took := g.now().Sub(p.now)
	p.query.Answerer.Searched(err, p.rows, took)
	attrs := append(g.attrs(p), "view", p.query.Answerer.ViewName())
	if f == nil {
		p.endSpan("answered", nil)
		g.log.InfoContext(ctx, "query answered", append(attrs, "rows", p.rows)...)
		return nil
	}
	p.endSpan(f.Kind().String(), f)
	g.config.Metrics.refusals.WithLabelValues(p.arrival.door(), p.query.Name, string(f.Code)).Inc()
	attrs = append(attrs, "outcome", f.Kind().String(), "reference", p.receipt.ID)
	g.log.Log(ctx, level(f), "query refused", append(attrs, reasons(f)...)...)
	return f
}
