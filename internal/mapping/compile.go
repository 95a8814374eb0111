package mapping

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Compile resolves a file against its contract and the code sets that it names.
// The error is a config.Faults with everything that they do not allow.
func Compile(f *File, c *contract.Contract, sets ...*CodeSet) (*Mapping, error) {
	m := &Mapping{Name: f.Mapping.text, Strict: f.Strict, Refers: f.Refers, Version: versionOf(f, sets), File: f.Path, Contract: c, places: map[*xpath.Program]config.Fault{}}
	k := &compiler{file: f, mapping: m, sets: sets, rows: map[string]*rowScope{}}
	if k.operation(); len(k.faults) == 0 {
		k.compile()
	}
	if err := append(k.strangers(), k.faults...).Err(); err != nil {
		return nil, err
	}
	return m, nil
}

type compiler struct {
	file    *File
	mapping *Mapping
	faults  config.Faults
	sets    []*CodeSet
	order   []*rowScope          // by index of the step
	rows    map[string]*rowScope // by the name given with as
	asks    bool                 // it is a query that is compiled, and no mapping
}

func (k *compiler) fail(n *config.Node, format string, args ...any) {
	k.faults = append(k.faults, n.Fault(format, args...))
}

func (k *compiler) warn(n *config.Node, format string, args ...any) {
	k.mapping.Warnings = append(k.mapping.Warnings, n.Fault(format, args...))
}

// operation finds the service and operation that the mapping is for.
func (k *compiler) operation() {
	name, node := k.file.OperationName(), k.file.Contract.node
	var known []string
	for _, s := range k.mapping.Contract.Services {
		for _, op := range s.Operations {
			known = append(known, op.Name)
			if op.Name != name {
				continue
			}
			if other := k.mapping.Operation; other != nil {
				k.fail(node, "the services %s and %s both have an operation %s", k.mapping.Service.Name, s.Name, name)
			}
			k.mapping.Service, k.mapping.Operation = s, op
		}
	}
	op := k.mapping.Operation
	switch {
	case op == nil:
		k.fail(node, "the contract %s has no operation %s%s", k.mapping.Contract.Path, name, didYouMean(name, known))
	case op.Input == nil || op.Input.Element == nil || op.Input.Element.Type == nil:
		k.fail(node, "the operation %s takes no message that can be mapped", name)
	}
}

func didYouMean(word string, known []string) string {
	if near := config.Nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(known) > 0 && len(known) <= 8 {
		return "; there are " + strings.Join(known, ", ")
	}
	return ""
}

func (k *compiler) compile() {
	if k.split(); len(k.faults) > 0 {
		return // what stands in a part that does not exist is not judged
	}
	root := k.scope()
	k.identity(root)
	k.keys(root)
	k.mapping.top = k.table(k.file.Rows, nil, root)
	k.publish()
	k.around()
	k.answer()
	k.answers()
}

// scope is the static context outside of rows: the payload element, or the part
// that a message was split into.
func (k *compiler) scope() *xpath.Scope {
	scope := k.payload()
	if k.mapping.split != nil {
		scope.Context = k.mapping.split.shape
		scope.Variables["part"] = &xpath.Variable{Field: partField}
	}
	return scope
}

// payload is the static context of the whole message.
func (k *compiler) payload() *xpath.Scope {
	op := k.mapping.Operation
	return &xpath.Scope{
		Context:    &xpath.Shape{Element: op.Input.Element},
		Namespaces: k.file.Namespaces,
		Variables: map[string]*xpath.Variable{
			"header":     {Shape: &xpath.Shape{Blocks: op.Input.Blocks()}, Slot: headerSlot},
			"properties": {Field: k.property},
			"principal":  {Field: record("login", loginFact, "dn", dnFact, "partner", partnerFact)},
			"message":    {Field: k.message},
		},
	}
}

// The places in xpath.Frame.Nodes.
const (
	headerSlot = iota // the SOAP Header
	pageSlot          // the page that a query's reply is made of
)

// The slots of facts. Properties and stored values follow from their bases.
const (
	loginFact = iota
	dnFact
	partnerFact
	idFact
	receivedFact
	messageIDFact
	propertyFacts
	storedFacts = 1 << 16
)

var oneString = xpath.Type{Class: String, Min: 1, Max: 1}

// record makes a variable of named strings.
func record(pairs ...any) func(string) (xpath.Field, []string, bool) {
	slots := map[string]int{}
	for i := 0; i < len(pairs); i += 2 {
		slots[pairs[i].(string)] = pairs[i+1].(int)
	}
	names := slices.Sorted(maps.Keys(slots))
	return func(name string) (xpath.Field, []string, bool) {
		slot, ok := slots[name]
		return xpath.Field{Slot: slot, Type: oneString}, names, ok
	}
}

func (k *compiler) message(name string) (xpath.Field, []string, bool) {
	switch name {
	case "id":
		return xpath.Field{Slot: idFact, Type: oneString}, nil, true
	case "receivedAt":
		return xpath.Field{Slot: receivedFact, Type: xpath.Type{Class: DateTime, Min: 1, Max: 1}}, nil, true
	case "messageId":
		k.mapping.NamedByTransport = true
		return xpath.Field{Slot: messageIDFact, Type: xpath.Type{Class: String, Max: 1}}, nil, true
	}
	return xpath.Field{}, []string{"id", "receivedAt", "messageId"}, false
}

func (k *compiler) property(name string) (xpath.Field, []string, bool) {
	i := slices.Index(k.mapping.Properties, name)
	if i < 0 {
		i = len(k.mapping.Properties)
		k.mapping.Properties = append(k.mapping.Properties, name)
	}
	return xpath.Field{Slot: propertyFacts + i, Type: xpath.Type{Class: String, Max: 1}}, nil, true
}

// program compiles an expression, or returns nil after a fault.
func (k *compiler) program(e *expression, scope *xpath.Scope) *xpath.Program {
	p, faults := e.Compile(scope)
	for _, f := range faults {
		f.Message += constantMeant(e.Source, f.Message)
		k.faults = append(k.faults, e.fault(f))
	}
	if p == nil {
		return nil
	}
	for _, name := range p.Blocks {
		if !slices.Contains(k.mapping.Headers, name) {
			k.mapping.Headers = append(k.mapping.Headers, name)
		}
	}
	k.mapping.places[p] = e.fault(&xpath.Fault{})
	for _, w := range p.Warnings {
		k.mapping.Warnings = append(k.mapping.Warnings, e.fault(w))
	}
	return p
}

func (e *expression) fault(f *xpath.Fault) config.Fault {
	return faultAt(e.node, &xpath.Fault{Offset: e.base + f.Offset, Message: f.Message})
}

// values compiles an expression whose items have typed values.
func (k *compiler) values(e *expression, scope *xpath.Scope) *xpath.Program {
	p := k.program(e, scope)
	if p == nil {
		return nil
	}
	if complaint := p.Valueless(); complaint != "" {
		k.fail(e.node, "%s", complaint)
		return nil
	}
	return p
}

// one compiles an expression of at most one value.
func (k *compiler) one(e *expression, scope *xpath.Scope) *xpath.Program {
	p := k.values(e, scope)
	if p == nil {
		return nil
	}
	if p.Type().Repeats() {
		k.fail(e.node, "%s may be there several times, and one value is needed: put the row under each:, pick one with [1], or use an aggregate such as sum or string-join", e.Source)
		return nil
	}
	return p
}

// condition compiles an expression that is true or false.
func (k *compiler) condition(e *expression, scope *xpath.Scope) *xpath.Program {
	if e == nil {
		return nil
	}
	p := k.program(e, scope)
	if p != nil && !p.Testable() {
		k.fail(e.node, "%s is neither true nor false", p.Type())
		return nil
	}
	return p
}

func (k *compiler) identity(scope *xpath.Scope) {
	id := k.file.Identity
	k.mapping.anonymous = id.none
	if id.expression == nil {
		if !id.none && k.mapping.split != nil {
			k.warn(k.file.Mapping.node, "without identity: a part is known by wsa:MessageID or the AMQP message-id and its place in the message; a message that has none is refused. Say identity: none where parts may be stored again")
		} else if !id.none {
			k.warn(k.file.Mapping.node, "without identity: a repeat is known by wsa:MessageID or the AMQP message-id alone, and stored again when it has none; say identity: none to mean that")
		}
		return
	}
	k.mapping.HasIdentity = true
	k.mapping.identity = k.one(id.expression, scope)
	if p := k.mapping.identity; p != nil && p.Type().Optional() {
		k.warn(id.node, "the identity may be absent; such a message is refused")
	}
}

// keyProgram is one business key.
type keyProgram struct {
	name  string
	value *xpath.Program
}

func (k *compiler) keys(scope *xpath.Scope) {
	for _, key := range k.file.BusinessKeys {
		if key.name == ArrivalKey && k.mapping.split != nil {
			k.fail(key.node, "the key %s is taken: parts are found under it by the message they came with", key.name)
		}
		if p := k.values(&key.expression, scope); p != nil {
			k.mapping.keys = append(k.mapping.keys, keyProgram{key.name, p})
		}
	}
	if k.file.OrderingKey != nil {
		k.mapping.ordering = k.one(k.file.OrderingKey, scope)
	}
}
