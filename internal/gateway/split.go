package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// A mapping may split a message into parts. Each part is a message of its own,
// with identity, outcome and history; what it came with, the arrival, is none. A
// part is mapped and kept as a document of its own, the payload element without
// the other parts, so that it can be tried again like any other message.

// maxAround bounds, in bytes, what surrounds the parts of one message, once for
// each part: all of it is read and kept that often.
const maxAround = 64 << 20

// partOf says which part of what a message is.
type partOf struct {
	arrival ID
	number  int // its place in the message as it came, from 1
}

// propertyPart is the property under which a held part remembers what it is a part
// of. No header of a message can be read under such a name.
const propertyPart = "part of"

// String is the form that parsePart reads.
func (m *partOf) String() string { return m.arrival.String() + "/" + strconv.Itoa(m.number) }

func parsePart(text string) *partOf {
	arrival, number, _ := strings.Cut(text, "/")
	id, err := uuid.Parse(arrival)
	n, wrong := strconv.Atoi(number)
	if err != nil || wrong != nil {
		return nil
	}
	return &partOf{id, n}
}

// partOf says which part a stored message is; nil for one that is none.
func (r *Record) partOf() *partOf {
	i := slices.IndexFunc(r.Keys, func(k mapping.Key) bool { return k.Name == mapping.ArrivalKey })
	if i < 0 {
		return nil
	}
	arrival, err := uuid.Parse(r.Keys[i].Value)
	if err != nil {
		return nil
	}
	return &partOf{arrival, numberOf(r.ID)}
}

// place adds the place of a part to the name of the message it came with.
func (a *Arrival) place(name string) string {
	if a.part == nil || name == "" {
		return name
	}
	return name + "/" + strconv.Itoa(a.part.number)
}

// keys are the business keys; those of a part lead to what it came with, too.
func (p *passage) keys() []mapping.Key {
	var keys []mapping.Key
	if p.changes != nil {
		keys = p.changes.Keys
	}
	if m := p.arrival.part; m != nil {
		keys = append(slices.Clip(keys), mapping.Key{Name: mapping.ArrivalKey, Value: m.arrival.String()})
	}
	return keys
}

// partID is the id of a part: the same however often the arrival is prepared,
// above those of the arrivals and parts before it. The time and the counter in the
// first half of an id of version 7 rise with each (RFC 9562 §5.7); the first bits
// of the second half are taken for the number.
func partID(arrival ID, number int) ID {
	id := arrival
	binary.BigEndian.PutUint16(id[8:], 0x8000|uint16(number))
	return id
}

// numberOf is the number that is in the id of a part.
func numberOf(id ID) int { return int(binary.BigEndian.Uint16(id[8:]) &^ 0x8000) }

// split prepares the parts of a message. What is wrong with one of them is no
// fault of the others.
func (g *Gateway) split(ctx context.Context, p *passage) error {
	m := p.writer.mapping
	nodes, err := m.Parts(&p.input)
	switch again := p.arrival.release; {
	case err != nil:
		return err
	case p.arrival.part != nil && len(nodes) == 1:
		return p.alone(nodes[0])
	case p.arrival.part != nil:
		d := fault.Detail{Message: fmt.Sprintf("the message is one part of another, and the mapping finds %d in it", len(nodes)), Target: "split"}
		return fault.New(fault.CodeMapping, "").With(d)
	case again != nil && !p.replayed():
		d := fault.Detail{Message: fmt.Sprintf("the mapping makes %s of what waited as one; replay it", plural.Of(len(nodes), "message", "messages")), Target: "split"}
		return fault.New(fault.CodeMapping, "").With(d)
	}
	// Reply or refuse before anything is stored.
	if _, err := m.Reply(&p.input, mapping.Tally{Count: len(nodes), Stored: len(nodes)}); err != nil {
		return err
	}
	p.split = true
	cut, err := p.cut(nodes)
	if err != nil {
		return err
	}
	for i := range nodes {
		p.parts = append(p.parts, g.part(ctx, p, cut(i), i+1))
	}
	return nil
}

// cut prepares to make a document of each part.
func (p *passage) cut(nodes []document.Node) (part func(int) *partOrigin, err error) {
	if len(nodes) == 0 {
		return nil, nil
	}
	excerpts := document.NewExcerpts(p.tree.Root(), nodes, p.unread())
	if around := excerpts.Around(); around > maxAround {
		return nil, fault.New(fault.CodeTooLarge, "the message has %s, and what surrounds them would be kept with each: %d bytes; at most %d are", plural.Of(len(nodes), "part", "parts"), around, maxAround)
	}
	mu := new(sync.Mutex)
	return func(i int) *partOrigin {
		line, column := nodes[i].Position()
		at := fault.Detail{Path: nodes[i].Path(), Line: line, Column: column}
		return &partOrigin{Excerpt: excerpts.Excerpt(i), arrival: p, mu: mu, at: at}
	}, nil
}

// alone applies the mapping to a part that was held: the message has no other.
func (p *passage) alone(part document.Node) (err error) {
	p.input.Part, p.input.Number = part, p.arrival.part.number
	if p.changes, err = p.writer.mapping.Apply(&p.input); err != nil {
		return err
	}
	return p.keepsIdentity()
}

// unread are the header blocks that the mapping does not look at.
func (p *passage) unread() []document.Node {
	var blocks []document.Node
	for b := range p.input.Header.Children() {
		if !slices.Contains(p.writer.mapping.Headers, b.Name()) {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// part prepares one part.
func (g *Gateway) part(ctx context.Context, p *passage, from *partOrigin, number int) *piece {
	q := &passage{
		arrival: p.asPart(from.Text, number), now: p.now, at: p.at, receipt: p.receipt, route: p.route, writer: p.writer,
		identity: p.identity, principal: p.principal, xml: from.Text, origin: from, kept: p.kept, generation: p.generation,
	}
	q.receipt.ID = q.arrival.ID
	if p.span != nil {
		_, q.span = g.config.Tracer.Start(trace.ContextWithSpan(ctx, p.span), "part")
	}
	err := q.readPart(p, from, number)
	return &piece{passage: q, fault: q.declared(q.located(err))}
}

// asPart is the arrival of a part: the document that is kept of it is XML, in
// whatever form the message came.
func (p *passage) asPart(document []byte, number int) *Arrival {
	a := *p.arrival
	arrival := p.receipt.ID
	if a.release != nil {
		arrival = a.release.ID // the same parts, however often it is replayed
	}
	a.ID, a.part = partID(arrival, number), &partOf{arrival, number}
	a.Body, a.Places = document, nil
	if !a.enveloped() {
		a.Format, a.ContentType = XML, contentXML
		a.Origin = originOf(a.Origin, number)
	}
	return &a
}

// originOf tells the deliveries of a part apart from those of the others.
func originOf(arrival Digest, number int) Digest {
	return sha256.Sum256(strconv.AppendInt(arrival[:], int64(number), 10))
}

// readPart builds the tree of a part and applies the mapping to it.
func (p *passage) readPart(whole *passage, from *partOrigin, number int) (err error) {
	p.tree, p.input, err = from.open(whole.writer.mapping.Mapping, &whole.input, number)
	if err != nil {
		return err
	}
	p.input.Message.ID = p.receipt.ID.String()
	p.changes, err = p.writer.mapping.Apply(&p.input)
	return err
}

// open reads the document of a part, and finds the part in it. There is a tree
// unless it cannot be read.
func (o *partOrigin) open(m *mapping.Mapping, whole *mapping.Input, number int) (*document.Tree, mapping.Input, error) {
	in := *whole
	in.Number = number
	tree, err := document.Read(o.Text)
	if err != nil {
		return nil, in, fault.New(fault.CodeInternal, "").Because(err) // it was cut out of what was read
	}
	if in.Payload = tree.Root(); whole.Payload.Parent().Exists() {
		in.Header, in.Payload = envelope.Parts(tree)
	}
	if err := m.Single(&in); err != nil {
		return tree, in, err
	}
	o.Found(in.Part)
	return tree, in, nil
}

// partOrigin relates the document of a part to the bytes that came. Parts are in
// several lanes at the same time; what they share is for one at a time.
type partOrigin struct {
	*document.Excerpt
	arrival *passage
	mu      *sync.Mutex
	at      fault.Detail // where the part is in what was read
}

// Locate implements origin.
func (o *partOrigin) Locate(d fault.Detail) fault.Detail {
	d.Path = o.Path(d.Path)
	d.Line, d.Column = o.Place(d.Line, d.Column)
	return o.outward(d)
}

// outward translates a detail about what was read into one about what came.
func (o *partOrigin) outward(d fault.Detail) fault.Detail {
	o.mu.Lock()
	defer o.mu.Unlock()
	if outer := o.arrival.origin; outer != nil {
		d = outer.Locate(d)
	}
	d.Column = o.arrival.arrival.Places.Column(d.Line, d.Column)
	return d
}

// complaint is what is wrong with a part, on one line of a fault about the whole
// message: where the part is, the code, and the first reason.
func (q *piece) complaint(err error) fault.Detail {
	f := fault.Of(err)
	d := fault.Detail{}
	if o, ok := q.origin.(*partOrigin); ok {
		d = o.outward(o.at)
	}
	d.Message = string(f.Code) + ": " + f.Message
	if declared := mapping.DeclaredOf(f); declared != nil && declared.Reason != "" {
		d.Message += ": " + declared.Reason
	} else if len(f.Details) > 0 {
		d.Message += ": " + forSender(f.Details[:1])[0].String()
	}
	return d
}
