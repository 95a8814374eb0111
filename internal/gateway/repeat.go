package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Entries is a Directory that also finds users by the name of their entry.
type Entries interface {
	// Entry is Lookup by the normalised distinguished name that an Identity had.
	Entry(ctx context.Context, dn string) (*Identity, error)
}

// repetition says that an arrival is a stored message that is processed again.
type repetition struct {
	of       *Record
	identity string // of the new message
	beside   *beside
}

// A message that is stored has had its effect. To process it again is another
// act of somebody else, so it has an identity of its own, made of the first one's
// and of what the operator has looked at: the inbox takes that once, however often
// the act is sent.

// seenForm is the form of Differences.Seen: what makes the act one of its own, and
// a digest of the differences.
var seenForm = regexp.MustCompile(`^[0-9a-f]{16}-[0-9a-f]{32}$`)

// Rehearse tells what it would change to process a stored message again, and
// gives it a name, which Repeat wants to hear. Nothing is changed; but rows are
// shown, so it is an act of somebody.
func (g *Gateway) Rehearse(ctx context.Context, id ID, act Act) (*Differences, error) {
	r, err := g.stored(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := g.Audited(ctx, "rehearse", id.String(), act); err != nil {
		return nil, err
	}
	var nonce [8]byte
	rand.Read(nonce[:]) // it never fails
	return g.rehearse(ctx, r, hex.EncodeToString(nonce[:]))
}

// Repeat processes a stored message again: on the configuration that runs now,
// for its sender, who is looked up and authorised anew; its events are published
// anew, under wire ids of their own. seen is Differences.Seen: when the act would
// change anything else than that, by now, the error is fault.Conflict. The same
// seen is stored once.
func (g *Gateway) Repeat(ctx context.Context, id ID, seen string, act Act) (*Effect, error) {
	e := &Effect{Message: id}
	err := g.repeat(ctx, id, seen, act, e)
	return g.acted(ctx, "repeat", act, e, err)
}

func (g *Gateway) repeat(ctx context.Context, id ID, seen string, act Act, e *Effect) error {
	r, err := g.stored(ctx, id)
	if err != nil {
		return err
	}
	nonce, _, _ := strings.Cut(seen, "-")
	if !seenForm.MatchString(seen) {
		return fault.New(fault.CodeRequest, "%q names no differences that were looked at", truncate(seen, 40))
	}
	d, err := g.rehearse(ctx, r, nonce)
	if err != nil {
		return err
	}
	first := d.status != Duplicate // else the answer to an earlier act was lost
	if first && d.Seen != seen {
		return fault.New(fault.CodeSeen, "")
	}
	if first {
		if err := g.audited(ctx, "repeat", id.String(), act); err != nil {
			return err
		}
		note := Attempt{At: g.now().UTC(), What: "repeated", By: act.By, Reason: act.Reason}
		if err := g.store.Note(ctx, id, note); err != nil {
			return err
		}
	}
	arrival, err := g.repeated(r, nonce, act.By)
	if err != nil {
		return err
	}
	receipt, err := g.process(ctx, arrival)
	if err != nil {
		return errors.Join(err, g.noteRefusal(ctx, id, act, fault.Of(err)))
	}
	e.Outcome, e.Stored = receipt.Status.String(), receipt.MessageID
	if !first {
		return nil
	}
	return g.store.Note(ctx, id, Attempt{At: g.now().UTC(), What: "repeated", By: act.By, Reason: e.Outcome + " as " + e.Stored.String()})
}

// stored returns the record of a message that is stored, with its payload.
func (g *Gateway) stored(ctx context.Context, id ID) (*Record, error) {
	r, err := g.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	switch r.Outcome {
	case Stored.String(), Superseded.String():
	default:
		return nil, fault.New(fault.CodeNotStored, "the message is %s: only a stored one can be repeated", r.Outcome)
	}
	if err := r.Whole(); err != nil {
		return nil, err
	}
	if len(r.Payload) == 0 {
		return nil, fault.New(fault.CodeIncomplete, "").Because(errNoPayload)
	}
	return r, nil
}

// again is the arrival of a stored message that is processed again.
func (r *Record) again(nonce, by string) (*Arrival, error) {
	kept, err := r.readBeside()
	if err != nil {
		return nil, err
	}
	a := &Arrival{
		Endpoint:    r.Endpoint,
		Format:      XML,
		Body:        r.Payload,
		Remote:      by,
		MessageID:   r.Identity,
		Correlation: r.Correlation,
		ContentType: r.ContentType,
		Properties:  map[string]string{propertyMessageID: r.Identity, propertyCorrelation: r.Correlation},
		repeats:     &repetition{of: r, identity: repeatedIdentity(r.ID, nonce), beside: kept},
		part:        r.partOf(),
	}
	if r.ContentType == contentJSON {
		a.Format = JSON
	}
	if kept != nil {
		a.MessageID = kept.MessageID
		maps.Copy(a.Properties, kept.Properties)
		for _, name := range kept.Names {
			if _, sent := kept.Properties[name]; !sent {
				delete(a.Properties, name)
			}
		}
	}
	return a, nil
}

// repeatedIdentity is one that no sender can choose by accident, and short enough
// to be kept whole.
func repeatedIdentity(of ID, nonce string) string {
	return "repeat of " + of.String() + " " + nonce
}

// rehearse prepares the message as Repeat would and has the store tell.
func (g *Gateway) rehearse(ctx context.Context, r *Record, nonce string) (*Differences, error) {
	if g.rehearser == nil {
		return nil, fault.New(fault.CodeIncomplete, "this store cannot tell what a message would change")
	}
	arrival, err := g.repeated(r, nonce, "")
	if err != nil {
		return nil, err
	}
	p := g.begin(arrival)
	defer p.end()
	if err := g.admit(); err != nil {
		return nil, err
	}
	defer g.inFlight.Done()
	g.startSpan(ctx, p)
	defer p.endSpan("rehearsed", nil)
	if err := g.guarded(ctx, p); err != nil {
		return nil, err
	}
	entry := p.entry()
	defer entry.Done()
	rehearsed := *entry
	rehearsed.Done = func() {} // its rows are looked at afterwards
	found, err := g.rehearser.Rehearse(ctx, p.route.Mapping, p.writer.entryFor(&rehearsed))
	if err != nil {
		return nil, err
	}
	if found.Outcome.Err != nil {
		return nil, found.Outcome.Err
	}
	d := newDifferences(p.writer.mapping.Mapping, entry.Changes, found)
	d.Message = r.ID
	d.Seen = nonce + "-" + d.digest(entry.Message.Mapping)
	return d, nil
}

// repeatable refuses what the ledger does not hold all of.
func (p *passage) repeatable() error {
	if p.arrival.repeats == nil {
		return nil
	}
	lacking := p.arrival.repeats.beside.lacks(p.writer.mapping.Mapping, p.arrival.Properties)
	if lacking == nil {
		return nil
	}
	return fault.New(fault.CodeIncomplete, "the mapping reads %s, which the ledger does not hold of this message", strings.Join(lacking, ", "))
}

// entryOf finds the sender of a stored message by the name that the ledger has.
func (g *Gateway) entryOf(ctx context.Context, p *passage) (*Identity, error) {
	directory, able := p.generation.Directory.(Entries)
	if !able {
		return nil, fault.New(fault.CodeIncomplete, "this directory finds nobody by the name of an entry")
	}
	return directory.Entry(ctx, p.arrival.repeats.of.Principal)
}

// asRepeat makes the new message of a stored one.
func (p *passage) asRepeat(m *Message) *Message {
	r := p.arrival.repeats
	m.Identity = r.identity
	m.OrderingKey = cmp.Or(p.changes.OrderingKey, r.of.Identity)
	m.Correlation = cmp.Or(r.of.Correlation, r.of.Identity)
	m.ReplayOf = r.of.ID
	return m
}

// digest is over what was stored before and what would become of it; what would
// be stored follows from the message and the mapping. Numbers that the database
// draws differ each time, and are not in it.
func (d *Differences) digest(mapping string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %d\n", mapping, d.Outcome, d.MoreDeleted)
	for _, r := range d.Rows {
		fmt.Fprintf(h, "%q %q\n", r.Table, r.Effect)
		for _, c := range r.stored {
			fmt.Fprintf(h, "%q %s\n", c.Name, quoted(storedText(c.Value)))
		}
	}
	for _, r := range d.Deleted {
		fmt.Fprintf(h, "deleted %q\n", r.Table)
		for _, c := range r.Columns {
			fmt.Fprintf(h, "%q %s\n", c.Name, quoted(c.Before))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func quoted(s *string) string {
	if s == nil {
		return "NULL"
	}
	return strconv.Quote(*s)
}
