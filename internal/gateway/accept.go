package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Accept takes one message from a synchronous door to its answer: Prepare, in
// parallel with others, then Commit, in a lane. A nil error means that the message's effects
// are committed, now or by an earlier equal message. Every error is a
// *fault.Error. When ctx ends, Accept stops waiting for the commit, with
// fault.Unavailable; the message goes its way nevertheless, and a repeat of it
// finds its reply.
func (g *Gateway) Accept(ctx context.Context, a *Arrival) (*Receipt, error) {
	p := g.begin(a)
	defer p.end()

	err := g.admit()
	if err == nil {
		defer g.inFlight.Done()
		// Senders of one-way messages hang up as soon as they have written theirs.
		err = g.prepare(context.WithoutCancel(ctx), p)
	}
	if p.query != nil {
		if err == nil {
			err = g.ask(ctx, p)
		}
		return &p.receipt, g.asked(ctx, p, err)
	}
	if err == nil && p.split {
		return &p.receipt, g.acceptParts(ctx, p)
	}
	if err == nil {
		err = g.commit(ctx, p)
	}
	if g.drifted(p.writer, err) {
		err = g.again(ctx, p, err)
	}
	if err == nil {
		err = g.replyElsewhere(ctx, p)
	}
	return &p.receipt, g.faultElsewhere(ctx, p, g.conclude(ctx, p, err))
}

// begin starts a passage on the generation of the moment.
func (g *Gateway) begin(a *Arrival) *passage {
	p := newPassage(a, g.now())
	p.generation = g.hold()
	return p
}

func newPassage(a *Arrival, now time.Time) *passage {
	now = now.UTC().Truncate(time.Millisecond)
	p := &passage{arrival: a, now: now, at: now, xml: a.Body}
	p.receipt.Format = a.Format
	p.receipt.ID = a.ID
	if a.ID == (ID{}) {
		p.receipt.ID = uuid.Must(uuid.NewV7())
	}
	if !a.received.IsZero() {
		p.at = a.received
	}
	return p
}

// stage is one step of Prepare.
type stage = func(context.Context, *passage) error

// prepare does everything that needs no database; nothing but the directory is
// asked.
func (g *Gateway) prepare(ctx context.Context, p *passage) error {
	if err := p.through(ctx, g.stages(p.arrival)); err != nil {
		return p.declared(p.located(err))
	}
	return nil
}

// through takes the message through stages, up to the first that refuses it.
func (p *passage) through(ctx context.Context, stages []stage) error {
	for _, step := range stages {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// stages lists what a message goes through. A message of a queue has no envelope
// to peek at and nobody who waits: its route is found first, so that it can be
// kept whatever is wrong with it. One without an envelope whose sender waits names
// its route by where it came.
func (g *Gateway) stages(a *Arrival) []stage {
	switch {
	case a.Asynchronous():
		return []stage{g.find, g.bind, g.admissible, g.identify, g.authorize, g.limit, g.convert, g.validatePayload, g.read, g.apply, g.keep}
	case !a.enveloped():
		return []stage{g.begun, g.find, g.authenticate, g.authorize, g.demandKey, g.limit, g.bind, g.convert, g.validatePayload, g.read, g.apply, g.keyed, g.keep}
	}
	return []stage{g.peek, g.manifest, g.route, g.onward}
}

// onward takes an enveloped message on, whose route is known: into the store, or as a
// query as far as it can be asked.
func (g *Gateway) onward(ctx context.Context, p *passage) error {
	if p.query != nil {
		return p.through(ctx, []stage{g.authenticate, g.mayAsk, g.limit, g.here, g.alone, g.bounded, g.normalise, g.validate, g.read})
	}
	return p.through(ctx, []stage{g.authenticate, g.authorize, g.limit, g.address, g.bind, g.unpack, g.bounded, g.normalise, g.validate, g.attach, g.read, g.apply, g.keep})
}

// passage is one message on its way.
type passage struct {
	arrival    *Arrival
	now        time.Time // when the passage began
	at         time.Time // when the message was received: earlier, for another attempt
	generation *Generation
	receipt    Receipt

	route     *Route
	query     *QueryRoute // instead of a route
	writer    *boundWriter
	identity  *Identity
	ways      string // by which the identity was proved
	principal *Principal
	pass      *pass // nil: nothing limits the sender
	span      trace.Span
	xml       []byte       // what is validated and read: an envelope, or of an asynchronous door the payload
	replyTo   *destination // nil: on the connection, or nowhere
	faultTo   *destination
	ordering  string // key of the prepared message, where its answer may be posted
	origin    origin // nil unless it came in another form than that
	tree      *document.Tree
	input     mapping.Input
	changes   *mapping.Changeset

	main *Attachment   // the message itself, where the envelope lists it
	kept []*Attachment // by reference

	rows int // of the answer to a query

	split bool     // it is no message, but those in parts
	parts []*piece // in document order
}

// end gives back what the passage holds.
func (p *passage) end() {
	p.pass.leave()
	p.release()
	p.generation.letGo()
}

// release gives back the tree, and those of the parts.
func (p *passage) release() {
	for _, q := range p.parts {
		q.release()
	}
	p.close()
}

// close gives back the tree alone.
func (p *passage) close() {
	if p.tree != nil {
		p.tree.Release()
		p.tree = nil
	}
}

// peek looks strictly at the envelope up to the Body's first child. Nothing
// from it is mapped.
func (g *Gateway) peek(ctx context.Context, p *passage) error {
	defer g.startSpan(ctx, p)
	limits := g.config.Envelope
	limits.Understands, limits.Listed = p.arrival.understands, p.generation.listed
	head, err := envelope.Peek(p.arrival.Body, limits)
	p.receipt.Head = head
	if p.arrival.Check != nil {
		if unsuited := p.arrival.Check(head); unsuited != nil {
			return unsuited
		}
	}
	return err
}

// named is what the message's route is called; empty while it is not known.
func (p *passage) named() string {
	switch {
	case p.route != nil:
		return p.route.Name
	case p.query != nil:
		return p.query.Name
	}
	return ""
}

// route finds operation and route.
func (g *Gateway) route(ctx context.Context, p *passage) error {
	if err := g.dispatch(ctx, p); err != nil {
		return err
	}
	if p.query = p.generation.queried(p.arrival.Endpoint, p.receipt.Operation.Name); p.query != nil {
		return nil
	}
	var err error
	p.route, err = p.generation.route(p.arrival.Endpoint, p.receipt.Operation)
	return err
}

// dispatch finds the operation by the name of the Body's first child, and by the
// action only where operations share that. Else the action, in HTTP or in
// WS-Addressing, is a hint that must not name another operation (WS-I Basic
// Profile 1.2 R1127).
func (g *Gateway) dispatch(_ context.Context, p *passage) error {
	head := p.receipt.Head
	op, err := p.arrival.Service.Dispatch(head.Operation, p.arrival.Action, head.Addressing.Action)
	if err != nil {
		return err
	}
	p.receipt.Operation = op
	for _, action := range [...]string{p.arrival.Action, head.Addressing.Action} {
		if other := otherOwner(p.arrival.Service, action, op); other != nil {
			return fault.New(fault.CodeAction, "the action %q belongs to the operation %s, but the body holds %s", action, other.Name, op.Name)
		}
	}
	return nil
}

// otherOwner returns an operation that an action belongs to, when it does not
// belong to op as well: contracts may give all operations one action.
func otherOwner(s *contract.Service, action string, op *contract.Operation) *contract.Operation {
	if action == "" || op.Owns(action) {
		return nil
	}
	if i := slices.IndexFunc(s.Operations, func(o *contract.Operation) bool { return o.Owns(action) }); i >= 0 {
		return s.Operations[i]
	}
	return nil
}

// authorize decides whether the sender may send to the route.
func (g *Gateway) authorize(_ context.Context, p *passage) error {
	var err error
	p.principal, err = p.generation.Access.Authorize(p.identity, Send, "route/"+p.route.Name)
	return err
}

// bind makes sure that the route's statements are compiled against the tables.
func (g *Gateway) bind(ctx context.Context, p *passage) error {
	var err error
	p.writer, err = p.route.bound(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		_ = g.outage.during(ctx, func() error { return err })
	}
	if fault.Of(err).Code == fault.CodeSchema {
		return g.stop(ctx, p.route, err).fault
	}
	return err
}

// bounded refuses a message whose structure is past what is configured.
func (g *Gateway) bounded(_ context.Context, p *passage) error {
	err := g.config.Bounds.Check(p.xml)
	if s, ok := errors.AsType[*document.SyntaxError](err); ok && s.Reason == document.Limit {
		return fault.New(fault.CodeTooLarge, "").With(fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column})
	}
	if err != nil {
		return malformed(err)
	}
	return nil
}

// normalise brings a message in SOAP encoding into the literal form that the
// contract's schemas describe. Other messages are in it already.
func (g *Gateway) normalise(_ context.Context, p *passage) error {
	if !encoded.Takes(p.receipt.Operation) {
		return nil
	}
	defer g.processor(len(p.arrival.Body))()
	literal, err := encoded.Normalise(p.arrival.Service, p.receipt.Operation, p.arrival.Body, g.config.MaxFaults)
	if err != nil {
		return err
	}
	p.become(literal, literal.XML)
	return nil
}

// validate holds the whole envelope against the contract. A plain one that is valid
// is read with that. Large ones wait for a processor: more of them at once would take
// as long and as many times the memory, up to a tree for each that is to be explained.
func (g *Gateway) validate(_ context.Context, p *passage) error {
	if p.tree = p.arrival.Service.Recognise(p.receipt.Operation, p.xml); p.tree != nil {
		return nil
	}
	defer g.processor(len(p.xml))()
	return verdict(p.arrival.Service.ValidateWith(p.receipt.Operation, p.xml, p.attached(), g.config.MaxFaults))
}

// read builds the document tree, from the same bytes that were validated.
func (g *Gateway) read(ctx context.Context, p *passage) error {
	if err := p.gather(); err != nil {
		return err
	}
	return g.open(ctx, p)
}

// open reads the document and puts what else a mapping may know beside it.
func (g *Gateway) open(_ context.Context, p *passage) error {
	text, kept := p.xml, p.arrival.framedBody()
	if kept != nil {
		text, p.origin = kept.text, kept
		p.close()
	}
	if p.tree == nil { // or it was read when it was validated
		var err error
		if p.tree, err = document.Read(text); err != nil {
			return fault.New(fault.CodeInternal, "").Because(err) // the validator accepted these bytes
		}
	}
	p.input = mapping.Input{
		Payload:    p.tree.Root(),
		Properties: p.arrival.Properties,
		Principal:  mapping.Principal{Login: p.principal.Login, DN: p.principal.DN, Partner: p.principal.Partner},
		Message:    mapping.MessageFacts{ID: p.receipt.ID.String(), ReceivedAt: p.at, MessageID: p.messageID()},
	}
	if p.arrival.enveloped() || kept != nil {
		p.input.Header, p.input.Payload = envelope.Parts(p.tree)
	}
	return nil
}

// gather puts the parts of a message that stand in the Body themselves into one
// element.
func (p *passage) gather() error {
	if !p.arrival.enveloped() {
		return nil
	}
	gathered, err := p.receipt.Operation.Input.Gather(p.xml)
	if err != nil {
		return fault.New(fault.CodeInternal, "").Because(err)
	}
	if gathered != nil {
		p.become(gathered, gathered.Envelope)
	}
	return nil
}

// messageID is what the sender named the message in its transport.
func (p *passage) messageID() string {
	if !p.arrival.enveloped() {
		return p.arrival.MessageID
	}
	head := p.receipt.Head
	return cmp.Or(head.Addressing.MessageID, head.MessageID, p.arrival.MessageID)
}

// queue is what the sender named the line in which its messages stand.
func (p *passage) queue() string {
	if !p.arrival.enveloped() {
		return ""
	}
	return cmp.Or(p.receipt.Head.Queue, p.arrival.Queue)
}

// apply maps the document to rows, keys and identity.
func (g *Gateway) apply(ctx context.Context, p *passage) error {
	if p.writer.mapping.Splits() {
		return g.split(ctx, p)
	}
	var err error
	if p.changes, err = p.writer.mapping.Apply(&p.input); err != nil {
		return err
	}
	return p.keepsIdentity()
}

// commit hands the message to its lane and waits for the outcome.
func (g *Gateway) commit(ctx context.Context, p *passage) error {
	_, span := g.config.Tracer.Start(trace.ContextWithSpan(ctx, p.span), "commit")
	out, err := g.lanes.commit(ctx, p.writer, p.entry())
	span.End()
	if err != nil {
		return err
	}
	p.receipt.Status, p.receipt.MessageID, p.receipt.Reply = out.Status, out.MessageID, out.Reply
	if answer := p.receipt.Operation.Output; out.Status == Duplicate && out.Reply == nil && out.Err == nil && answer != nil && answer.Element != nil {
		return fault.New(fault.CodeReplyGone, "") // the claim outlived it: somebody erased it
	}
	return out.Err
}

func (p *passage) entry() *Entry {
	m := p.message()
	if p.replyTo != nil || p.faultTo != nil {
		p.ordering = strings.Clone(m.OrderingKey)
	}
	// The caller may leave before the lane is done, so the tree changes hands.
	tree, changes, input, writer := p.tree, p.changes, p.input, p.writer
	p.tree = nil
	e := &Entry{
		Message: m,
		Changes: changes,
		Render: p.rendering(p.permitting(func(stored []mapping.Value) (*mapping.Rendered, error) {
			return writer.mapping.Render(&input, stored)
		})),
		Answer: p.answer,
		Done: func() {
			changes.Release()
			tree.Release()
		},
		Size: len(m.Payload) + 512,
	}
	if w, ok := writer.Writer.(Preparer); ok {
		w.Prepare(e)
	}
	return e
}

func (p *passage) message() *Message {
	m := p.facts()
	m.Identity = cmp.Or(p.changes.Identity, p.key(), p.takesOver(m).String())
	m.OrderingKey = cmp.Or(p.changes.OrderingKey, p.queue(), m.Identity)
	m.Correlation = cmp.Or(p.messageID(), m.Identity)
	m.Keys = p.keys()
	m.Body = p.digest()
	m.Beside = p.beside()
	if p.arrival.repeats != nil {
		return p.asRepeat(m)
	}
	if p.arrival.Asynchronous() {
		m.Correlation = cmp.Or(p.arrival.Correlation, m.Correlation)
		return m
	}
	m.Endpoint = p.arrival.endpoint(p.receipt.Operation)
	m.Payload = document.AppendStandalone(nil, p.input.Payload)
	return m
}

// facts is what is known of the message as soon as its route is.
func (p *passage) facts() *Message {
	m := &Message{
		ID:          p.receipt.ID,
		ReceivedAt:  p.at,
		Route:       p.route.Name,
		Endpoint:    p.arrival.Endpoint,
		Mapping:     p.writer.mapping.Name + "@" + p.writer.mapping.Version,
		Contract:    p.writer.mapping.Contract.Hash,
		ContentType: p.arrival.kept(),
		Payload:     p.arrival.Body,
		TraceParent: p.traceParent(),
		Login:       p.arrival.Sender,
		Origin:      p.arrival.Origin,
		Redelivered: p.arrival.Redelivered,
		Properties:  p.keptProperties(),
		Attachments: p.kept,
	}
	if p.principal != nil {
		m.Principal, m.Sender = p.principal.DN, p.principal.Sender
	}
	if r := p.arrival.release; r != nil && p.replayed() {
		m.ReplayOf = r.ID
	}
	return m
}
