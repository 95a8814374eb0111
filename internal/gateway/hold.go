package gateway

import (
	"bytes"
	"cmp"
	"context"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Retry is how long a message of an asynchronous door waits for what it refers
// to; the zero value works.
type Retry struct {
	For     time.Duration // how long until it is parked; 0 means 24 h, less than 0 parks at once
	First   time.Duration // pause before the second attempt; 0 means 1 s
	Longest time.Duration // longest pause; 0 means 5 min
}

// Effective returns the settings with every default filled in.
func (r Retry) Effective() Retry { return r.withDefaults() }

func (r Retry) withDefaults() Retry {
	r.For = orDefault(r.For, 24*time.Hour)
	r.First = orDefault(r.First, time.Second)
	r.Longest = orDefault(r.Longest, 5*time.Minute)
	return r
}

// maxHoldReason is how many characters of a held message's reason are kept.
const maxHoldReason = 4000

// keep decides what becomes of a message that is refused, when nobody waits for
// an answer: it is parked, or waits for another attempt; nil means that it can
// only be tried again as a whole, because a server is away. Without a refusal
// the message waits behind another of its key.
func (p *passage) keep(refusal error) *Hold {
	retry := p.route.Retry.withDefaults()
	until := p.at.Add(max(0, retry.For))
	if refusal == nil {
		return &Hold{State: Waiting, Reason: "waits behind an earlier message of its key", Attempts: p.arrival.attempt, Next: p.at, Until: until}
	}
	f := fault.Of(refusal)
	h := &Hold{State: Parked, Code: string(f.Code), Reason: reasonOf(f), Attempts: p.arrival.attempt + 1}
	switch {
	case f.Kind() == fault.NotYet:
		next := p.now.Add(backoff(retry.First, retry.Longest, h.Attempts))
		if next.Before(until) {
			h.State, h.Next, h.Until = Waiting, next, until
		}
	case f.Kind().Retryable():
		return nil
	}
	return h
}

// reasonOf is the public sentence with its details.
func reasonOf(f *fault.Error) string {
	text := f.Message
	if d := mapping.DeclaredOf(f); d != nil && d.Reason != "" {
		text += "\n" + d.Reason
	}
	for _, d := range f.Details {
		text += "\n" + d.String()
	}
	return truncate(text, maxHoldReason)
}

// heldEntry is the message as it is kept when it could not even be prepared.
func (p *passage) heldEntry(h *Hold) *Entry {
	m := p.facts()
	m.Identity = cmp.Or(p.arrival.place(p.arrival.MessageID), m.ID.String())
	m.OrderingKey = m.Identity
	if p.changes != nil {
		m.Identity, m.OrderingKey = cmp.Or(p.changes.Identity, m.Identity), cmp.Or(p.changes.OrderingKey, m.OrderingKey)
	}
	m.Keys = p.keys()
	m.Correlation = cmp.Or(p.arrival.Correlation, m.Identity)
	m.Payload = withoutCredentials(p.arrival.Format, m.Payload)
	return &Entry{Message: m, Hold: h, Release: p.arrival.release, Done: func() {}, Size: len(m.Payload) + 512}
}

// withoutCredentials is what may be kept of a payload that nobody could read: a
// SOAP envelope, which does not belong into a queue of payloads, may carry a
// password in its header.
func withoutCredentials(format Format, body []byte) []byte {
	if format == JSON || !bytes.Contains(body, []byte("Envelope")) {
		return body
	}
	tree, err := document.Read(body)
	if err != nil {
		return []byte("<!-- not kept: a broken SOAP envelope may hold a password -->")
	}
	defer tree.Release()
	if tree.Root().Name().Local != "Envelope" {
		return body
	}
	_, payload := envelope.Parts(tree)
	if !payload.Exists() {
		return []byte("<!-- not kept: a SOAP envelope without a Body -->")
	}
	return document.AppendStandalone(nil, payload)
}

// retrier takes the messages that wait for another attempt, when it is due. One
// process does so for all: it holds a lease like a shard's, for as long, and looks
// as often.
type retrier struct {
	gateway *Gateway
	owner   string
}

const (
	retryLease = "gateway.retry" // in the place of a channel's name
	retryBatch = 128
)

// run takes due messages until ctx ends.
func (r *retrier) run(ctx context.Context) {
	tick := time.NewTicker(r.gateway.relay.config.Poll)
	defer tick.Stop()
	defer r.release(ctx)
	for {
		for r.round(ctx) {
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// round makes one attempt at each message that is due. more says that there may
// be others.
func (r *retrier) round(ctx context.Context) (more bool) {
	g := r.gateway
	if _, held, err := g.store.Acquire(ctx, retryLease, 0, r.owner, g.relay.config.LeaseTTL); err != nil || !held {
		return false
	}
	due, err := g.store.Due(ctx, g.now().UTC(), retryBatch, g.stoppedRoutes())
	if err != nil {
		return false
	}
	if len(due) > 0 {
		failpoint.Hit("retry-read")
	}
	tickets := make([]*Ticket, 0, len(due))
	for i := range due {
		t := g.Prepare(ctx, retryOf(&due[i]))
		t.Submit(ctx, new(Source)) // each has a key of its own
		tickets = append(tickets, t)
	}
	stored := false
	for _, t := range tickets {
		<-t.Settled()
		receipt, err := t.Result()
		stored = stored || err == nil && receipt.Status != Waiting
	}
	if stored {
		failpoint.Hit("retry-settled")
	}
	return stored && ctx.Err() == nil // what waited behind one of them is due by now
}

func (r *retrier) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.gateway.relay.config.LeaseTTL/3)
	defer cancel()
	if _, _, err := r.gateway.store.Acquire(ctx, retryLease, 0, r.owner, 0); err != nil {
		r.gateway.log.WarnContext(ctx, "lease not given back", "lease", retryLease, "error", err)
	}
}

// retryOf is the arrival of a message that waits.
func retryOf(h *Held) *Arrival {
	a := arrivalOf(h)
	a.ID = h.Message.ID
	a.release = &Release{ID: h.Message.ID}
	a.attempt = h.Hold.Attempts
	a.received = h.Message.ReceivedAt
	return a
}

// arrivalOf is a held message as its door once handed it over.
func arrivalOf(h *Held) *Arrival {
	m := &h.Message
	a := &Arrival{
		Endpoint:    m.Endpoint,
		Format:      XML,
		Body:        m.Payload,
		TraceParent: m.TraceParent,
		Sender:      m.Login,
		MessageID:   m.Properties[propertyMessageID],
		Correlation: m.Properties[propertyCorrelation],
		ContentType: m.ContentType,
		Properties:  m.Properties,
		Origin:      m.Origin,
		part:        parsePart(m.Properties[propertyPart]),
	}
	switch m.ContentType {
	case contentJSON:
		a.Format = JSON
	case contentXML:
	default:
		a.Refusal = fault.New(fault.CodeMediaType, "the payload is %s, which this endpoint does not take", m.ContentType)
	}
	return a
}
