package gateway

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// The stages of messages that come without an envelope.

// find takes the route that the endpoint belongs to.
func (g *Gateway) find(_ context.Context, p *passage) error {
	p.route = p.generation.routes[p.arrival.Endpoint]
	if r := p.arrival.repeats; p.route == nil && r != nil {
		p.route = p.generation.named(r.of.Route) // by another door, by now
	}
	if p.route == nil && p.arrival.Waits {
		return fault.New(fault.CodeNoEndpoint, "")
	}
	if p.route == nil {
		// The configuration was changed under the door; it is about to close.
		return fault.New(fault.CodeDraining, "nothing takes messages of %s any more", p.arrival.Endpoint)
	}
	p.receipt.Operation = p.route.Mapping.Operation
	return nil
}

// begun begins the span of a message that has no envelope to look into.
func (g *Gateway) begun(ctx context.Context, p *passage) error {
	g.startSpan(ctx, p)
	return nil
}

// admissible passes on what the door itself found wrong.
func (g *Gateway) admissible(_ context.Context, p *passage) error {
	if p.arrival.Refusal != nil {
		return p.arrival.Refusal
	}
	p.reattach()
	return p.repeatable()
}

// identify looks the sender up whom the broker, or the configuration, vouches for.
func (g *Gateway) identify(ctx context.Context, p *passage) (err error) {
	if p.arrival.repeats != nil {
		p.identity, err = g.entryOf(ctx, p)
		return err
	}
	if p.arrival.Sender == "" {
		return fault.New(fault.CodeUnauthenticated, "the message names no sender: the broker sets user-id for those who publish with it")
	}
	p.identity, err = p.generation.Directory.Lookup(ctx, p.arrival.Sender)
	return err
}

// convert makes XML of the payload.
func (g *Gateway) convert(_ context.Context, p *passage) error {
	failpoint.HitFor("prepare", p.arrival.MessageID)
	if p.arrival.Format != JSON {
		return nil
	}
	defer g.processor(len(p.arrival.Body))()
	twin, err := p.route.Mapping.Service.FromJSON(p.receipt.Operation, p.arrival.Body, g.config.MaxFaults)
	if err != nil {
		return err
	}
	p.origin, p.xml = twin, twin.XML
	return nil
}

// validatePayload holds the payload element against the contract.
func (g *Gateway) validatePayload(_ context.Context, p *passage) error {
	if p.tree = p.route.Mapping.Service.RecognisePayload(p.receipt.Operation, p.xml); p.tree != nil {
		return nil
	}
	defer g.processor(len(p.xml))()
	return verdict(p.route.Mapping.Service.ValidatePayloadWith(p.receipt.Operation, p.xml, p.attached(), g.config.MaxFaults))
}

// processor takes one of the places in which large messages are validated, and
// returns how to give it back.
func (g *Gateway) processor(size int) (release func()) {
	if size <= largeBody {
		return func() {}
	}
	g.processors <- struct{}{}
	return func() { <-g.processors }
}

// verdict makes a fault of what a validation has found.
func verdict(details []fault.Detail, more int, err error) error {
	if err != nil || len(details) == 0 {
		return err
	}
	f := fault.New(fault.CodeInvalid, "").With(details...)
	f.More = more
	return f
}

// origin is the form in which a message came, where that is not the XML that is
// validated and read.
type origin interface {
	// Locate translates a detail about that XML into one about what came.
	Locate(fault.Detail) fault.Detail
}

// located translates the details of a fault into the bytes that the sender wrote.
func (p *passage) located(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Details) == 0 || p.origin == nil && p.arrival.Places == nil {
		return err
	}
	c := *f
	c.Details = make([]fault.Detail, len(f.Details))
	for i, d := range f.Details {
		if p.origin != nil {
			d = p.origin.Locate(d)
		}
		d.Column = p.arrival.Places.Column(d.Line, d.Column)
		c.Details[i] = d
	}
	return &c
}

// keptProperties are those that the message cannot be mapped or answered
// without; others are not kept, since nobody knows what is in them.
func (p *passage) keptProperties() map[string]string {
	if !p.arrival.Asynchronous() {
		return nil
	}
	kept := map[string]string{}
	keep := func(name string) {
		if v, ok := p.arrival.Properties[name]; ok {
			kept[name] = v
		}
	}
	for _, name := range p.writer.mapping.Properties {
		keep(name)
	}
	keep(propertyMessageID)
	keep(propertyCorrelation)
	if p.arrival.part != nil {
		kept[propertyPart] = p.arrival.part.String()
	}
	return kept
}

// The properties that name a message in its transport.
const (
	propertyMessageID   = "message-id"
	propertyCorrelation = "correlation-id"
	propertyTimestamp   = "timestamp"
)

// transient reports whether a property differs at each sending of one message.
func transient(property string) bool {
	return property == propertyMessageID || property == propertyTimestamp
}

// key is what the sender gave for a message without an envelope to be known by; a
// part's place in it tells more.
func (p *passage) key() string {
	if !p.arrival.Waits || p.arrival.part != nil {
		return ""
	}
	return p.arrival.MessageID
}

// demandKey refuses a message without a key where the route wants one.
func (g *Gateway) demandKey(_ context.Context, p *passage) error {
	if p.route.DemandsKey && p.key() == "" {
		return fault.New(fault.CodeIdentity, "this route takes messages with an Idempotency-Key alone")
	}
	return nil
}

// keyed refuses a key that is not the identity that the message itself has: by one
// of the two it would be a repeat, and by the other another message.
func (g *Gateway) keyed(_ context.Context, p *passage) error {
	if p.split || p.key() == "" || !p.writer.mapping.HasIdentity || p.changes.Identity == p.key() {
		return nil
	}
	return fault.New(fault.CodeIdentity, "the messages of this route name themselves, and this one has another name than its Idempotency-Key: send the same, or no key").
		With(fault.Detail{Message: "the Idempotency-Key is not what the message calls itself", Found: strconv.Quote(p.key()), Expected: strconv.Quote(p.changes.Identity)})
}

// guarded runs prepare and turns a panic into an internal fault, so that one
// message that nobody foresaw is kept and its neighbours go on.
func (g *Gateway) guarded(ctx context.Context, p *passage) (err error) {
	defer func() {
		if v := recover(); v != nil {
			g.log.ErrorContext(ctx, "preparing a message panicked", "endpoint", p.arrival.Endpoint, "message", p.receipt.ID, "panic", v, "stack", string(debug.Stack()))
			err = fault.New(fault.CodeInternal, "").Because(fmt.Errorf("panic: %v", v))
		}
	}()
	return g.prepare(ctx, p)
}
