package mapping

import (
	"errors"
	"math"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// The content types of publications.
const (
	contentJSON = "application/json"
	contentXML  = "application/xml"
)

// maxFirstBody is how much room a body is given before it needs it.
const maxFirstBody = 1 << 16

// maxRoutingKey is the longest routing key, in bytes (AMQP 0-9-1 §3.1, shortstr).
const maxRoutingKey = 255

// Render makes the reply and the publications of a message from the stored
// values that Returns names, in that order; of a part of a split message the
// publications alone. Errors are *fault.Error.
func (m *Mapping) Render(in *Input, stored []Value) (*Rendered, error) {
	r := renderers.Get().(*renderer)
	defer r.end()
	r.begin(facts{mapping: m, in: in, stored: stored}, "reply")
	out := &Rendered{}
	var err error
	if m.reply != nil && m.split == nil {
		if out.Reply, err = r.xml(nil, m.reply); err != nil {
			return nil, err
		}
	}
	for _, p := range m.publications {
		r.target = p.channel
		if err := r.publish(out, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type renderer struct {
	mapping *Mapping
	facts   facts
	roots   [pageSlot + 1]document.Node
	frame   xpath.Frame
	target  string // what is being written: reply, or a channel
	// room is of the values, and nodes what $each goes through. Both are used
	// again for other messages: what is written is bytes.
	room  xpath.Room
	nodes []document.Node
}

// renderers keeps them for reuse; it holds no state between messages.
var renderers = sync.Pool{New: func() any { return new(renderer) }}

func (r *renderer) begin(f facts, target string) {
	r.mapping, r.facts, r.target = f.mapping, f, target
	r.roots[headerSlot] = f.in.Header
	r.frame = xpath.Frame{Item: f.in.item(), Nodes: r.roots[:], Facts: &r.facts, Watch: f.mapping.watch, Room: &r.room}
}

func (r *renderer) end() {
	r.room.Empty()
	r.mapping, r.facts, r.frame = nil, facts{}, xpath.Frame{}
	clear(r.roots[:])
	clear(r.nodes)
	r.nodes = r.nodes[:0]
	renderers.Put(r)
}

// each calls visit with every element of a path as the context item.
func (r *renderer) each(p *xpath.Program, visit func(i int) error) error {
	before := len(r.nodes)
	var err error
	if r.nodes, _, err = p.Elements(&r.frame, r.nodes); err != nil {
		return r.failed(p, err)
	}
	nodes, outer := r.nodes[before:], r.frame.Item
	for i := 0; i < len(nodes) && err == nil; i++ {
		r.frame.Item = nodes[i]
		err = visit(i)
	}
	clear(nodes)
	r.nodes, r.frame.Item = r.nodes[:before], outer
	return err
}

func (r *renderer) publish(out *Rendered, p *publication) error {
	if p.when != nil {
		ok, err := p.when.Test(&r.frame)
		if err != nil {
			return r.failed(p.when, err)
		}
		if !ok {
			return nil
		}
	}
	key, err := r.routingKey(p)
	if err != nil {
		return err
	}
	body, contentType, err := r.body(p)
	if err != nil {
		return err
	}
	out.Publications = append(out.Publications, Publication{Channel: p.channel, RoutingKey: key, Type: p.event, ContentType: contentType, Body: body})
	return nil
}

func (r *renderer) routingKey(p *publication) (string, error) {
	var room [64]byte
	key := room[:0]
	for i := range p.key {
		part := &p.key[i]
		key = append(key, part.text...)
		if part.from == nil {
			continue
		}
		v, _, err := part.from.One(&r.frame)
		if err != nil {
			return "", r.failed(part.from, err)
		}
		key = v.AppendLexical(key)
	}
	if len(key) > maxRoutingKey {
		d := fault.Detail{Message: "the routing key is longer than 255 bytes", Source: p.source, Target: p.channel}
		return "", fault.New(fault.CodeMapping, "").With(d)
	}
	return string(key), nil
}

func (r *renderer) body(p *publication) (body []byte, contentType string, err error) {
	switch p.format {
	case formatOriginal:
		return document.AppendStandalone(nil, r.frame.Item), contentXML, nil
	case formatXML:
		body, err = r.xml(nil, p.element)
		return body, contentXML, err
	}
	start, _, _, end := r.frame.Item.Span() // a body is seldom longer than the message
	body, _, err = r.json(make([]byte, 0, min(end-start, maxFirstBody)), p.body)
	return body, contentJSON, err
}

// failed makes a fault of an expression that cannot be evaluated.
func (r *renderer) failed(p *xpath.Program, err error) error {
	at := p.Locate(&r.frame)
	d := fault.Detail{Message: p.Source + ": " + err.Error(), Path: at.Path, Line: at.Line, Column: at.Column, Source: r.mapping.place(p), Target: r.target}
	if e, ok := errors.AsType[*xpath.Error](err); ok {
		d.Message, d.Found = p.Source+": "+e.Message, shown(e.Value)
	}
	return fault.New(fault.CodeMapping, "").With(d)
}

// json appends a node; ok is false when there is nothing to append.
func (r *renderer) json(dst []byte, n *jsonNode) (out []byte, ok bool, err error) {
	if n.when != nil {
		if ok, err := n.when.Test(&r.frame); err != nil || !ok {
			return dst, false, r.wrap(n.when, err)
		}
	}
	switch {
	case n.each != nil:
		return r.jsonEach(dst, n)
	case n.value != nil && n.repeats:
		return r.jsonArray(dst, n)
	case n.value != nil:
		var v Value
		presence, err := n.value.Into(&r.frame, &v)
		if err != nil || presence == xpath.Absent {
			return dst, false, r.wrap(n.value, err)
		}
		return appendItem(dst, v, presence), true, nil
	}
	return r.jsonContent(dst, n)
}

func (r *renderer) wrap(p *xpath.Program, err error) error {
	if err == nil {
		return nil
	}
	return r.failed(p, err)
}

// jsonContent appends what a node holds for one context item.
func (r *renderer) jsonContent(dst []byte, n *jsonNode) (out []byte, ok bool, err error) {
	switch {
	case n.constant != nil:
		return append(dst, n.constant...), true, nil
	case n.items != nil:
		return r.jsonList(dst, n.items)
	}
	dst = append(dst, '{')
	start := len(dst)
	for _, f := range n.fields {
		before := len(dst)
		if before > start {
			dst = append(dst, ',')
		}
		dst = append(dst, f.key...)
		if dst, ok, err = r.json(dst, f); err != nil {
			return dst, false, err
		}
		if !ok {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), true, nil
}

func (r *renderer) jsonList(dst []byte, items []*jsonNode) (out []byte, ok bool, err error) {
	dst = append(dst, '[')
	start := len(dst)
	for _, item := range items {
		before := len(dst)
		if before > start {
			dst = append(dst, ',')
		}
		if dst, ok, err = r.json(dst, item); err != nil {
			return dst, false, err
		}
		if !ok {
			dst = dst[:before]
		}
	}
	return append(dst, ']'), true, nil
}

func (r *renderer) jsonEach(dst []byte, n *jsonNode) (out []byte, ok bool, err error) {
	dst = append(dst, '[')
	err = r.each(n.each, func(i int) error {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		dst, _, err = r.jsonContent(dst, n)
		return err
	})
	return append(dst, ']'), err == nil, err
}

func (r *renderer) jsonArray(dst []byte, n *jsonNode) (out []byte, ok bool, err error) {
	dst = append(dst, '[')
	start := len(dst)
	err = n.value.Each(&r.frame, func(v Value, presence xpath.Presence) {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = appendItem(dst, v, presence)
	})
	return append(dst, ']'), true, r.wrap(n.value, err)
}

func appendItem(dst []byte, v Value, presence xpath.Presence) []byte {
	if presence == xpath.Nil {
		return append(dst, "null"...)
	}
	return appendJSON(dst, v)
}

// appendJSON writes a value as JSON (RFC 8259): numbers exact, everything that
// JSON has no type for as a string in its XML form. NaN and INF are strings.
func appendJSON(dst []byte, v Value) []byte {
	switch v.Class {
	case Boolean, Integer, Decimal:
		return v.AppendLexical(dst)
	case Double:
		if !math.IsNaN(v.Float) && !math.IsInf(v.Float, 0) {
			return v.AppendLexical(dst)
		}
	}
	return appendQuoted(dst, v.Lexical())
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		dst = appendEscape(dst, c)
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
