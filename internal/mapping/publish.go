package mapping

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// publication is a compiled entry of publish.
type publication struct {
	channel string
	event   string
	when    *xpath.Program
	key     []keyPart
	format  format
	body    *jsonNode
	element *xmlNode
	source  string
	node    *config.Node
}

type format uint8

const (
	formatJSON format = iota
	formatOriginal
	formatXML
)

// keyPart is a piece of a routing key: text or a program.
type keyPart struct {
	text string
	from *xpath.Program
}

func (k *compiler) publish() {
	scope := k.stored()
	for _, p := range k.file.Publish {
		if p == nil || p.node == nil {
			continue
		}
		compiled := &publication{channel: p.Channel.text, event: p.Type.text, source: p.node.Source(), node: p.node}
		if compiled.event == "" {
			compiled.event = k.mapping.Name
		}
		compiled.when = k.condition(p.When, scope)
		compiled.key = k.routingKey(p, scope)
		if op := k.file.calls[p.Channel.text]; op != nil {
			k.call(p, compiled, op, scope)
		} else {
			k.body(p, compiled, scope)
		}
		k.mapping.publications = append(k.mapping.publications, compiled)
		if !slices.Contains(k.mapping.Channels, p.Channel.text) {
			k.mapping.Channels = append(k.mapping.Channels, p.Channel.text)
		}
	}
}

// stored is the scope after the rows are written: their columns have values.
func (k *compiler) stored() *xpath.Scope {
	scope := k.scope()
	for name, row := range k.rows {
		one, maybe := row.single(nil)
		if !one {
			scope.Variables[name] = &xpath.Variable{Refuse: fmt.Sprintf("a message may make several rows $%s, so that their columns cannot be named here", name)}
			continue
		}
		t := xpath.Type{Min: 1, Max: 1}
		if maybe {
			t.Min = 0
		}
		scope.Variables[name] = &xpath.Variable{Field: func(column string) (xpath.Field, []string, bool) {
			return xpath.Field{Slot: storedFacts + k.returned(row.index, column), Type: t}, nil, true
		}}
	}
	return scope
}

// returned is the place of a stored value among Mapping.Returns.
func (k *compiler) returned(step int, column string) int {
	r := Return{step, column}
	i := slices.Index(k.mapping.Returns, r)
	if i < 0 {
		i = len(k.mapping.Returns)
		k.mapping.Returns = append(k.mapping.Returns, r)
	}
	return i
}

func (k *compiler) routingKey(p *publishRule, scope *xpath.Scope) []keyPart {
	if p.RoutingKey == nil {
		return nil
	}
	var parts []keyPart
	for _, part := range p.RoutingKey.parts {
		compiled := keyPart{text: part.text}
		if part.from != nil {
			if compiled.from = k.one(part.from, scope); compiled.from == nil {
				continue
			}
			if compiled.from.Type().Optional() {
				k.faults = append(k.faults, part.from.fault(&xpath.Fault{Message: part.from.Source + " may be absent; a routing key needs all its parts: use if (…) then … else"}))
			}
		}
		parts = append(parts, compiled)
	}
	return parts
}

func (k *compiler) body(p *publishRule, into *publication, scope *xpath.Scope) {
	into.format = format(k.choose(p.Format, "json", "original", "xml"))
	switch {
	case into.format != formatXML && p.Element.node != nil:
		k.fail(p.Element.node, "element: goes with format: xml")
	case into.format == formatOriginal && p.Body != nil:
		k.fail(p.Body.node, "format: original publishes the payload; it takes no body")
	case into.format == formatOriginal:
	case p.Body == nil:
		k.fail(p.node, "the key \"body\" is missing; format: original publishes the payload as it came")
	case into.format == formatXML:
		into.element = k.element(p, scope)
	default:
		into.body = k.json(p.Body, scope)
	}
}

// jsonNode is a compiled piece of a JSON body.
type jsonNode struct {
	key      []byte // "name": with its quotes and colon; nil outside of objects
	when     *xpath.Program
	each     *xpath.Program
	value    *xpath.Program
	repeats  bool   // value: any number of items, an array
	constant []byte // JSON text
	fields   []*jsonNode
	items    []*jsonNode
}

// json compiles a template, or returns nil after a fault.
func (k *compiler) json(t *template, scope *xpath.Scope) *jsonNode {
	n := &jsonNode{when: k.condition(t.when, scope)}
	if t.each != nil {
		if n.each, scope = k.through(t.each, scope); n.each == nil {
			return nil
		}
	}
	switch {
	case t.from != nil:
		n.value = k.values(t.from, scope)
		n.repeats = n.value != nil && n.value.Type().Repeats()
	case t.constant != nil:
		cell, _ := k.literal(t.constant, Untyped)
		n.constant = appendCell(nil, cell)
	case t.items != nil:
		n.items = []*jsonNode{}
		for _, item := range t.items {
			n.items = append(n.items, k.json(item, scope))
		}
	default:
		n.fields = []*jsonNode{}
		for _, f := range t.fields {
			if field := k.json(f.template, scope); field != nil {
				field.key = append(appendQuoted(nil, f.name), ':')
				n.fields = append(n.fields, field)
			}
		}
	}
	return n
}

// through compiles $each: the path and the scope of what stands in it.
func (k *compiler) through(e *expression, scope *xpath.Scope) (*xpath.Program, *xpath.Scope) {
	p := k.program(e, scope)
	if p == nil {
		return nil, scope
	}
	if !p.Walks() {
		k.fail(e.node, "expected a path to elements")
		return nil, scope
	}
	inner := *scope
	inner.Context = p.Type().Shape
	return p, &inner
}

func appendCell(dst []byte, c Cell) []byte {
	if c.Kind == NullCell {
		return append(dst, "null"...)
	}
	return appendJSON(dst, c.Value)
}

// answer compiles the reply.
func (k *compiler) answer() {
	op, reply := k.mapping.Operation, k.file.Reply
	switch {
	case reply == nil && (op.Output == nil || op.Output.Element == nil):
	case reply == nil:
		k.fail(k.file.Contract.node, "the operation %s answers with %s, and the mapping has no reply:", op.Name, op.Output.Element.Name.Local)
	case op.Output == nil:
		k.fail(reply.node, "the operation %s is one-way; it has no reply", op.Name)
	case op.Output.Element == nil:
		k.fail(reply.node, "the operation %s answers with an empty Body; it has no reply", op.Name)
	default:
		scope := k.stored()
		if k.mapping.split != nil {
			scope = k.whole()
		}
		k.mapping.reply = k.xml(op.Output.Element, reply, scope)
	}
}
