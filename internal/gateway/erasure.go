package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Eraser takes what is known of somebody out of the ledger. Business tables are
// not its affair.
type Eraser interface {
	// Subject lists up to limit messages behind after that have a business key,
	// oldest first, those that are held or were among them. It and after are the
	// only order: a message that comes meanwhile is behind.
	Subject(ctx context.Context, key mapping.Key, after ID, limit int) ([]ID, error)
	// Erase removes payload, reply, keys, identity, texts of the history and
	// routing keys of a message, and writes down who did so and why, in one
	// transaction. The message itself stays, with its outcome and its claim: a
	// repeat is known and not stored again. fault.Conflict says that the message
	// is held or a delivery of it is not settled; fault.NotFound that there is no
	// such message.
	Erase(ctx context.Context, id ID, act Act) error
	// Mentions returns the reasons of refusals behind after, oldest first, and
	// ClearRefusals replaces those of a list.
	Mentions(ctx context.Context, after ID, limit int) ([]Mention, error)
	ClearRefusals(ctx context.Context, ids []ID) error
}

// Mention is what a refusal says.
type Mention struct {
	ID     ID
	Route  string
	Reason string
}

// Erasure is what somebody wants to have erased.
type Erasure struct {
	Key mapping.Key `json:"key"`
	// After begins behind a message: a large erasure is asked for in parts.
	After ID `json:"after,omitzero"`
	// DryRun only tells what would be done.
	DryRun bool `json:"dry_run,omitempty"`
	// IncludeParked gives up what is parked of the messages, and erases it too.
	IncludeParked bool `json:"include_parked,omitempty"`
	// Allowed says why messages of a route are not the operator's to erase; nil
	// allows all. It is the core's to ask, not part of what a report tells.
	Allowed func(route string) error `json:"-"`
}

// Erased is what an erasure came to. Whatever the names say, nothing was changed
// when DryRun is set.
type Erased struct {
	Erasure
	At time.Time `json:"at"`
	By string    `json:"by"`
	// Messages are those that the key has led to. Once one is erased, the key
	// leads there no more.
	Messages []ErasedMessage `json:"messages"`
	// Refusals counts the refusals whose reason named the value and was cleared.
	Refusals int `json:"refusals"`
	// Remains says what an erasure leaves, and why.
	Remains []string `json:"remains"`
	// Next is set when there may be more: the erasure goes on with it as After.
	Next ID `json:"next,omitzero"`
}

// Open counts the messages that were not erased.
func (e *Erased) Open() int {
	n := 0
	for _, m := range e.Messages {
		if m.Open != "" {
			n++
		}
	}
	return n
}

// ErasedMessage is what was, or would be, erased of one message.
type ErasedMessage struct {
	ID         ID        `json:"id"`
	ReceivedAt time.Time `json:"received_at,omitzero"`
	Route      string    `json:"route"`
	Outcome    string    `json:"outcome,omitempty"`
	// Open says why the message was not erased; empty when it was.
	Open string `json:"open,omitempty"`
	// Payload and Reply are sizes in bytes, Keys and History numbers of entries.
	Payload int `json:"payload"`
	Reply   int `json:"reply"`
	Keys    int `json:"keys"`
	History int `json:"history"`
	// Published is what left the house before, and cannot be called back.
	Published []DeliveryRecord `json:"published"`
	// Tables are the business tables that the route's mapping writes. Their rows
	// are the owner's to erase.
	Tables []string `json:"tables"`
}

const (
	// erasurePart is how many messages are erased in one call, and mentionPart how
	// many refusals are read at once.
	erasurePart = 200
	mentionPart = 2000
	// mentionLength is how long a value is at least, in bytes, for refusals to be
	// searched for it: a short one is a word of any sentence.
	mentionLength = 4
)

// Erase takes the next messages of a business key out of the ledger, each in a
// transaction of its own, so that it can be repeated whatever happens in
// between. What is still in progress is left, and the report says so.
func (g *Gateway) Erase(ctx context.Context, what Erasure, act Act) (*Erased, error) {
	out, err := g.erase(ctx, what, act)
	g.config.Metrics.act("erase", err)
	attrs := []any{"act", "erase", "user", act.By, "dry_run", what.DryRun}
	if err != nil {
		f := fault.Of(err)
		g.log.InfoContext(ctx, "operator's act refused", append(attrs, reasons(f)...)...)
		return nil, f
	}
	// The key is what is to be forgotten, so the log does not learn it.
	g.log.InfoContext(ctx, "operator acted", append(attrs, "outcome", PayloadErased, "messages", len(out.Messages)-out.Open(), "open", out.Open(), "refusals", out.Refusals)...)
	return out, nil
}

func (g *Gateway) erase(ctx context.Context, what Erasure, act Act) (*Erased, error) {
	out := &Erased{Erasure: what, At: g.now().UTC(), By: act.By, Messages: []ErasedMessage{}}
	ids, err := g.store.Subject(ctx, what.Key, what.After, erasurePart)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		m, err := g.eraseOne(ctx, id, what, act)
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, *m)
	}
	if len(ids) == erasurePart {
		out.Next = ids[len(ids)-1]
		return out, nil
	}
	if out.Refusals, err = g.eraseMentions(ctx, what, act); err != nil {
		return nil, err
	}
	out.Remains = remains(what)
	return out, nil
}

// eraseOne erases one message, unless something of it is in progress.
func (g *Gateway) eraseOne(ctx context.Context, id ID, what Erasure, act Act) (*ErasedMessage, error) {
	r, err := g.store.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	if what.Allowed != nil {
		if err := what.Allowed(r.Route); err != nil {
			return &ErasedMessage{ID: id, Route: r.Route, Open: fault.Of(err).Message}, nil
		}
	}
	m := g.traceOf(r)
	parked, waits := openOf(r)
	switch {
	case waits != "":
		m.Open = waits
	case parked != "" && !what.IncludeParked:
		m.Open = parked
	}
	if m.Open != "" || what.DryRun {
		return m, nil
	}
	if parked != "" {
		if err := g.giveUp(ctx, r, act); err != nil {
			return nil, err
		}
	}
	err = g.store.Erase(ctx, id, act)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		m.Open, err = fault.Of(err).Message, nil // something has begun since it was read
	}
	return m, err
}

// traceOf is what the ledger has of a message.
func (g *Gateway) traceOf(r *Record) *ErasedMessage {
	m := &ErasedMessage{
		ID: r.ID, ReceivedAt: r.ReceivedAt, Route: r.Route, Outcome: r.Outcome,
		Payload: len(r.Payload), Reply: len(r.Reply), Keys: len(r.Keys), History: len(r.History),
		Published: []DeliveryRecord{}, Tables: g.tablesOf(r.Route),
	}
	for _, d := range r.Deliveries {
		if d.State == "confirmed" {
			d.RoutingKey = "" // it goes with the rest
			m.Published = append(m.Published, d)
		}
	}
	return m
}

// tablesOf lists the business tables that the messages of a route are written to.
func (g *Gateway) tablesOf(route string) []string {
	generation := g.hold()
	defer generation.letGo()
	out := []string{}
	for _, r := range generation.Routes() {
		if r.Name != route || r.Mapping == nil {
			continue
		}
		for _, t := range r.Mapping.Tables {
			out = append(out, t.Name.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// openOf says what of a message is in progress: what is parked, which somebody
// may give up, and what waits, which takes its time.
func openOf(r *Record) (parked, waits string) {
	switch r.Outcome {
	case Waiting.String():
		waits = "it waits for another attempt; park it first, or wait"
	case Parked.String():
		parked = "it is parked; include parked ones to give it up, or have it processed"
	}
	for _, d := range r.Deliveries {
		switch d.State {
		case "waiting":
			waits = fmt.Sprintf("a delivery waits for the channel %s; try again when it is confirmed", d.Channel)
		case Parked.String():
			parked = fmt.Sprintf("a delivery to the channel %s is parked; include parked ones to give it up, or release it", d.Channel)
		}
	}
	return parked, waits
}

// giveUp closes what is parked of a message. What somebody else has closed
// meanwhile is closed.
func (g *Gateway) giveUp(ctx context.Context, r *Record, act Act) error {
	if r.Outcome == Parked.String() {
		err := g.store.DiscardMessage(ctx, r.ID, act)
		if err != nil && fault.KindOf(err) == fault.Conflict {
			return nil // Erase finds out what it is now
		}
		return err
	}
	_, err := g.store.DiscardDeliveries(ctx, r.ID, act)
	g.relay.reread()
	return err
}

// eraseMentions clears the reasons of refusals that name the value. Refusals have
// no keys: a caller that was turned away may have been told what it had sent.
func (g *Gateway) eraseMentions(ctx context.Context, what Erasure, act Act) (int, error) {
	if len(what.Key.Value) < mentionLength {
		return 0, nil
	}
	total := 0
	for after := (ID{}); ; {
		page, err := g.store.Mentions(ctx, after, mentionPart)
		if err != nil || len(page) == 0 {
			return total, err
		}
		after = page[len(page)-1].ID
		var found []ID
		for _, m := range page {
			if names(m.Reason, what.Key.Value) && (what.Allowed == nil || what.Allowed(m.Route) == nil) {
				found = append(found, m.ID)
			}
		}
		total += len(found)
		if len(found) == 0 || what.DryRun {
			continue
		}
		if err := g.audited(ctx, PayloadErased, "refusals", act); err != nil {
			return total, err
		}
		if err := g.store.ClearRefusals(ctx, found); err != nil {
			return total, err
		}
	}
}

// names reports whether a text has a value as a word of its own.
func names(text, value string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return false
		}
		at, end := from+i, from+i+len(value)
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		behind, _ := utf8.DecodeRuneInString(text[end:])
		if !inWord(before) && !inWord(behind) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		from = at + size
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// remains says what every erasure leaves.
func remains(what Erasure) []string {
	out := []string{
		"id, time, route, outcome, sender and principal of the messages, and the digests by which a repeat is recognised: without them it would be stored again",
		"the rows in the business tables: they are their owner's",
		"what was published: whoever consumes it has a copy",
		"the log, traces, and backups of the database, until they are removed by their own rules",
	}
	if len(what.Key.Value) < mentionLength {
		out = append(out, "reasons of refusals: a value this short is not searched for")
	}
	return out
}
