package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Arrival is one message at a door, before anything is known of it.
type Arrival struct {
	Endpoint    string // without the operation: soap:orders/OrderService
	Service     *contract.Service
	Body        []byte       // the envelope in UTF-8, whole; not modified, but read until the lane is done with it
	Basic       *Credentials // what HTTP Basic said, or nil
	Remote      string       // peer address, for the refusal's record
	TraceParent string       // W3C Trace Context, or empty
	// Action is the SOAPAction or action parameter as sent, unquoted; a hint only.
	Action string
	// Check, when set, is the door's own judgement of the envelope's head, such
	// as whether it suits the transport. It is called once, after the peek, also
	// when that failed, with what it learned; an error ends the message.
	Check func(*envelope.Head) error
}

// Credentials are a user name and a password in clear.
type Credentials struct{ Username, Password string }

// Receipt is what a door needs for its answer. Fields are set as far as the
// message came, also when Accept returns an error.
type Receipt struct {
	ID        ID // of this call: the message's when it is stored, the refusal's when it is turned away
	Head      *envelope.Head
	Operation *contract.Operation
	Status    Status
	MessageID ID     // the stored message; the first one's for a Duplicate
	Reply     []byte // the reply payload; nil for a one-way operation
}

// Accept takes one message from a door to its answer: Prepare, in parallel with
// others, then Commit, in a lane. A nil error means that the message's effects
// are committed, now or by an earlier equal message. Every error is a
// *fault.Error. When ctx ends, Accept stops waiting for the commit, with
// fault.Unavailable; the message goes its way nevertheless, and a repeat of it
// finds its reply.
func (g *Gateway) Accept(ctx context.Context, a *Arrival) (*Receipt, error) {
	p := &passage{arrival: a, at: g.now().UTC().Truncate(time.Millisecond), generation: g.generation.Load()}
	p.receipt.ID = uuid.Must(uuid.NewV7())
	defer p.release()

	err := g.admit()
	if err == nil {
		defer g.inFlight.Done()
		// Senders of one-way messages hang up as soon as they have written theirs.
		err = g.prepare(context.WithoutCancel(ctx), p)
	}
	if err == nil {
		err = g.commit(ctx, p)
	}
	return &p.receipt, g.conclude(ctx, p, err)
}

// prepare does everything that needs no database; nothing but the directory is
// asked.
func (g *Gateway) prepare(ctx context.Context, p *passage) error {
	stages := [...]func(context.Context, *passage) error{
		g.peek, g.route, g.authenticate, g.authorize, g.bind, g.validate, g.read, g.apply,
	}
	for _, stage := range stages {
		if err := stage(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// passage is one message on its way through Accept.
type passage struct {
	arrival    *Arrival
	at         time.Time
	generation *Generation
	receipt    Receipt

	route     *Route
	writer    *boundWriter
	identity  *Identity
	principal *Principal
	tree      *document.Tree
	input     mapping.Input
	changes   *mapping.Changeset
}

func (p *passage) release() {
	if p.tree != nil {
		p.tree.Release()
	}
}

// peek looks strictly at the envelope up to the Body's first child. Nothing
// from it is mapped.
func (g *Gateway) peek(_ context.Context, p *passage) error {
	limits := g.config.Envelope
	limits.Understands = p.arrival.understands
	head, err := envelope.Peek(p.arrival.Body, limits)
	p.receipt.Head = head
	if p.arrival.Check != nil {
		if unsuited := p.arrival.Check(head); unsuited != nil {
			return unsuited
		}
	}
	return err
}

// understands reports whether the contract declares the header block for the
// operation: what it declares may be marked mustUnderstand.
func (a *Arrival) understands(operation, block document.Name) bool {
	op := a.Service.Operation(operation)
	return op != nil && slices.ContainsFunc(op.Input.Headers, func(h *contract.Element) bool { return h.Name == block })
}

// route finds operation and route by the name of the Body's first child; the
// action, in HTTP or in WS-Addressing, is a hint that must not name another
// operation (WS-I Basic Profile 1.2 R1127).
func (g *Gateway) route(_ context.Context, p *passage) error {
	head := p.receipt.Head
	op := p.arrival.Service.Operation(head.Operation)
	switch {
	case op == nil && head.Operation == document.Name{}:
		return fault.New(fault.CodeUnknownOperation, "the Body is empty")
	case op == nil:
		return fault.New(fault.CodeUnknownOperation, "service %s has no operation whose message is %s", p.arrival.Service.Name, head.Operation)
	}
	p.receipt.Operation = op
	for _, action := range [...]string{p.arrival.Action, head.Addressing.Action} {
		if other := otherOwner(p.arrival.Service, action, op); other != nil {
			return fault.New(fault.CodeAction, "the action %q belongs to the operation %s, but the body holds %s", action, other.Name, op.Name)
		}
	}
	var err error
	p.route, err = p.generation.route(p.arrival.Endpoint, op)
	return err
}

// otherOwner returns an operation that an action belongs to, when it does not
// belong to op as well: contracts may give all operations one action.
func otherOwner(s *contract.Service, action string, op *contract.Operation) *contract.Operation {
	owns := func(o *contract.Operation) bool {
		return action == o.Action11 || action == o.Action12 || action == o.InputAction
	}
	if action == "" || owns(op) {
		return nil
	}
	if i := slices.IndexFunc(s.Operations, owns); i >= 0 {
		return s.Operations[i]
	}
	return nil
}

// authenticate asks the directory who the sender is.
func (g *Gateway) authenticate(ctx context.Context, p *passage) error {
	c, err := credentials(p.arrival.Basic, p.receipt.Head.Token)
	if err != nil {
		return err
	}
	p.identity, err = g.directory.Authenticate(ctx, c.Username, c.Password)
	return err
}

// credentials picks the one pair of credentials: HTTP Basic or a
// wsse:UsernameToken, or both when they say the same.
func credentials(basic *Credentials, token *envelope.UsernameToken) (Credentials, error) {
	switch {
	case basic == nil && token == nil:
		return Credentials{}, fault.New(fault.CodeUnauthenticated, "the request carries no credentials")
	case basic == nil:
		return Credentials{token.Username, token.Password}, nil
	case token != nil && *basic != (Credentials{token.Username, token.Password}):
		return Credentials{}, fault.New(fault.CodeCredentials, "HTTP Basic and the UsernameToken name different credentials")
	default:
		return *basic, nil
	}
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
	if err != nil {
		g.storeEdge(ctx, err)
	}
	return err
}

// validate holds the whole envelope against the contract. Large ones wait for
// a processor: more of them at once would take as long and as many times the
// memory, up to a tree for each that is to be explained.
func (g *Gateway) validate(_ context.Context, p *passage) error {
	if len(p.arrival.Body) > largeBody {
		g.processors <- struct{}{}
		defer func() { <-g.processors }()
	}
	details, more, err := p.arrival.Service.Validate(p.arrival.Body, g.config.MaxFaults)
	if err != nil {
		return err
	}
	if len(details) == 0 {
		return nil
	}
	f := fault.New(fault.CodeInvalid, "").With(details...)
	f.More = more
	return f
}

// read builds the document tree, from the same bytes that were validated.
func (g *Gateway) read(_ context.Context, p *passage) error {
	tree, err := document.Read(p.arrival.Body)
	if err != nil {
		return fault.New(fault.CodeInternal, "").Because(err) // the validator accepted these bytes
	}
	p.tree = tree
	header, payload := envelope.Parts(tree)
	p.input = mapping.Input{
		Payload:   payload,
		Header:    header,
		Principal: mapping.Principal{Login: p.principal.Login, DN: p.principal.DN, Partner: p.principal.Partner},
		Message: mapping.MessageFacts{
			ID:         p.receipt.ID.String(),
			ReceivedAt: p.at,
			MessageID:  p.receipt.Head.Addressing.MessageID,
		},
	}
	return nil
}

// apply maps the document to rows, keys and identity.
func (g *Gateway) apply(_ context.Context, p *passage) error {
	var err error
	p.changes, err = p.writer.mapping.Apply(&p.input)
	return err
}

// commit hands the message to its lane and waits for the outcome.
func (g *Gateway) commit(ctx context.Context, p *passage) error {
	out, err := g.lanes.commit(ctx, p.writer, p.entry())
	g.storeEdge(ctx, err)
	if err != nil {
		return err
	}
	p.receipt.Status, p.receipt.MessageID, p.receipt.Reply = out.Status, out.MessageID, out.Reply
	g.relay.wake(out.Channels)
	if out.Status == Superseded && !p.receipt.Operation.OneWay() {
		// The ledger has it, but a caller that waits must not take it for done.
		return fault.New(fault.CodeSuperseded, "")
	}
	return out.Err
}

// storeEdge logs the beginning and the end of an outage of the store, once each.
func (g *Gateway) storeEdge(ctx context.Context, err error) {
	switch {
	case err == nil && g.storeDown.CompareAndSwap(true, false):
		g.log.InfoContext(ctx, "store available again")
	case err != nil && fault.Of(err).Code == fault.CodeStoreUnavailable && !errors.Is(err, errCallerLeft) && g.storeDown.CompareAndSwap(false, true):
		g.log.WarnContext(ctx, "store unavailable", "error", err)
	}
}

func (p *passage) entry() *Entry {
	m := p.message()
	// The caller may leave before the lane is done, so the tree changes hands.
	tree, input, writer := p.tree, p.input, p.writer
	p.tree = nil
	return &Entry{
		Message: m,
		Changes: p.changes,
		Render: func(stored []mapping.Value) (*mapping.Rendered, error) {
			return writer.mapping.Render(&input, stored)
		},
		Done: tree.Release,
		Size: len(m.Payload) + 512,
	}
}

func (p *passage) message() *Message {
	m := &Message{
		ID:          p.receipt.ID,
		ReceivedAt:  p.at,
		Route:       p.route.Name,
		Endpoint:    p.arrival.Endpoint + "." + p.receipt.Operation.Name,
		Mapping:     p.writer.mapping.Name + "@" + p.writer.mapping.Version,
		Contract:    p.writer.mapping.Contract.Hash,
		Principal:   p.principal.DN,
		Sender:      p.principal.Sender,
		Identity:    p.changes.Identity,
		Body:        p.digest(),
		Payload:     document.AppendStandalone(nil, p.input.Payload),
		ContentType: "application/xml",
		OrderingKey: p.changes.OrderingKey,
		Keys:        p.changes.Keys,
		TraceParent: p.arrival.TraceParent,
		Correlation: p.receipt.Head.Addressing.MessageID,
	}
	if m.Identity == "" {
		m.Identity = m.ID.String()
	}
	if m.OrderingKey == "" {
		m.OrderingKey = m.Identity
	}
	if m.Correlation == "" {
		m.Correlation = m.Identity
	}
	if m.TraceParent == "" {
		m.TraceParent = p.receipt.Head.TraceParent
	}
	return m
}

// digest is what "the same body" is judged by: the canonical payload element
// and the header blocks that the mapping reads, not the bytes on the wire.
func (p *passage) digest() Digest {
	canonical := document.AppendCanonical(nil, p.input.Payload)
	for _, name := range p.writer.mapping.Headers {
		if block := p.input.Header.Child(name); block.Exists() {
			canonical = document.AppendCanonical(canonical, block)
		}
	}
	return sha256.Sum256(canonical)
}

// conclude is where a message's journey ends: one log line, and one refusal
// row for who was turned away.
func (g *Gateway) conclude(ctx context.Context, p *passage, err error) error {
	attrs := []any{"endpoint", p.arrival.Endpoint, "source", p.arrival.Remote, "took", g.now().Sub(p.at)}
	if p.route != nil {
		attrs = append(attrs, "route", p.route.Name)
	}
	if p.identity != nil {
		attrs = append(attrs, "user", p.identity.Login)
	}
	if err == nil {
		g.log.InfoContext(ctx, "message accepted", append(attrs, "outcome", p.receipt.Status.String(), "message", p.receipt.MessageID)...)
		return nil
	}
	f := fault.Of(err)
	if errors.Is(err, errCallerLeft) {
		g.log.InfoContext(ctx, "caller left", append(attrs, "message", p.receipt.ID)...)
		return f
	}
	attrs = append(attrs, "outcome", f.Kind().String(), "code", string(f.Code), "reference", p.receipt.ID, "reason", f.Message)
	if f.Cause != nil {
		attrs = append(attrs, "cause", f.Cause)
	}
	g.log.Log(ctx, level(f), "message refused", attrs...)
	if p.receipt.Status != Superseded { // that one is a message of the ledger
		g.refusals.add(p.refusal(f))
	}
	return f
}

// level is error only where a person must act on this message; an outage has a
// line of its own, from whoever noticed it.
func level(f *fault.Error) slog.Level {
	if f.Kind() == fault.Internal {
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (p *passage) refusal(f *fault.Error) Refusal {
	r := Refusal{ID: p.receipt.ID, At: p.at, Endpoint: p.arrival.Endpoint, Code: string(f.Code), Reason: f.Message, Remote: host(p.arrival.Remote), Count: 1}
	if len(f.Details) > 0 {
		first := f.Details[0]
		first.Found = "" // a refusal keeps nothing of the message
		r.Reason += ": " + first.String()
	}
	r.Reason = truncate(r.Reason, maxReason)
	if p.route != nil {
		r.Route = p.route.Name
	}
	if p.identity != nil {
		r.Principal = p.identity.DN
	}
	return r
}

// host leaves out the port, which differs for every connection of one peer.
func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
}
