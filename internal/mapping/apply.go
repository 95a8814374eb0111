package mapping

import (
	"fmt"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// maxDetails is how many faults of one message are told.
const maxDetails = 50

// maxFound is the longest value that a fault shows.
const maxFound = 64

// Apply makes the rows, keys and identity of one message. It does not keep in,
// but the values share memory with the message. Errors are *fault.Error:
// CodeMapping, CodeNarrowing, CodeIdentity, CodeUnknownCode or CodeUnknownYet,
// with a detail for each fault; or CodeRejected, whose cause is a Declared, when
// a rule of faults: refuses the message. Those rules come first. A message that
// waits keeps its place in its key, and one that is refused by a rule is found by
// its keys: with CodeUnknownYet and CodeRejected identity, keys and ordering key
// are returned beside the error.
func (m *Mapping) Apply(in *Input) (*Changeset, error) {
	a := newApplier(m, in)
	defer a.end()
	a.name(in)
	if err := m.reject(&a.frame); err != nil {
		return a.named(), err
	}
	a.steps(m.top, -1)
	err := a.fault()
	switch {
	case err == nil:
		return a.out, nil
	case a.code == fault.CodeUnknownYet:
		return a.named(), err
	}
	a.out.Release()
	return nil, err
}

func newApplier(m *Mapping, in *Input) *applier {
	a := appliers.Get().(*applier)
	a.mapping, a.limits, a.arena = m, m.limits, arenas.Get().(*arena)
	a.out = &Changeset{Rows: make([][]Row, len(m.Tables)), arena: a.arena}
	a.facts = facts{mapping: m, in: in}
	a.roots[headerSlot] = in.Header
	a.frame = xpath.Frame{Item: in.item(), Nodes: a.roots[:], Facts: &a.facts, Watch: m.watch, Room: &a.arena.room}
	if a.current = a.room[:]; len(m.Tables) > len(a.room) {
		a.current = make([]int, len(m.Tables))
	}
	return a
}

// appliers keeps them for reuse; it holds no state between messages.
var appliers = sync.Pool{New: func() any { return new(applier) }}

func (a *applier) end() {
	*a = applier{hours: a.hours}
	appliers.Put(a)
}

// named is the Changeset without its rows.
func (a *applier) named() *Changeset {
	a.out.Release()
	return &Changeset{Identity: a.out.Identity, OrderingKey: a.out.OrderingKey, Keys: a.out.Keys}
}

// facts answers xpath.Facts from an Input and, when rendering, stored values.
type facts struct {
	mapping *Mapping
	in      *Input
	stored  []Value
	found   *fault.Error // what a declared fault answers; nil elsewhere
	tally   Tally        // of the reply to a message that was split
}

// Fact returns the value of a slot.
func (f *facts) Fact(slot int) (Value, bool) {
	switch slot {
	case loginFact:
		return xpath.Text(f.in.Principal.Login), true
	case dnFact:
		return xpath.Text(f.in.Principal.DN), true
	case partnerFact:
		return xpath.Text(f.in.Principal.Partner), true
	case idFact:
		return xpath.Text(f.in.Message.ID), true
	case receivedFact:
		return xpath.Moment(f.in.Message.ReceivedAt.UTC()), true
	case messageIDFact:
		return xpath.Text(f.in.Message.MessageID), f.in.Message.MessageID != ""
	}
	if slot >= splitFacts {
		return f.splitFact(slot)
	}
	if slot >= faultCodeFact {
		return f.foundFact(slot)
	}
	if slot < storedFacts {
		text, ok := f.in.Properties[f.mapping.Properties[slot-propertyFacts]]
		return xpath.Text(text), ok
	}
	return f.storedValue(slot - storedFacts)
}

func (f *facts) storedValue(i int) (Value, bool) {
	if i >= len(f.stored) {
		return Value{}, false
	}
	v := f.stored[i]
	return v, v.Class != Untyped || v.Text != ""
}

// applier makes one Changeset. After a fault it goes on, to find the others.
type applier struct {
	mapping *Mapping
	limits  [][]limit // of the mapping; nil for none
	facts   facts
	roots   [headerSlot + 1]document.Node
	frame   xpath.Frame
	out     *Changeset
	// current is, for each step, the index of the row made last below the
	// current parents; -1 for none.
	current []int
	room    [8]int
	arena   *arena
	hours   hours          // also of messages before: it is of no message
	stubs   map[string]int // the rows that look-ups have made, by step and key
	code    fault.Code
	details []fault.Detail
	more    int
}

// maxIdentity is how much the ledger compares of an identity, in UTF-16 units:
// of two longer ones the second could be taken for the first.
const maxIdentity = 400

// name finds identity, ordering key and business keys.
func (a *applier) name(in *Input) {
	m := a.mapping
	if !m.anonymous {
		a.out.Identity = in.Message.MessageID
		if in.Part.Exists() && !m.HasIdentity {
			a.placed(in)
		}
	}
	if m.HasIdentity {
		a.out.Identity = a.text(m.identity, "identity")
		switch {
		case a.out.Identity == "":
			a.refuse(fault.CodeIdentity, a.unidentified(m.identity, "", "the identity is absent or empty"))
		case utf16Length(a.out.Identity) > maxIdentity:
			a.refuse(fault.CodeNarrowing, a.unidentified(m.identity, a.out.Identity, fmt.Sprintf("the identity is longer than %d UTF-16 units", maxIdentity)))
		}
	}
	if m.ordering != nil {
		a.out.OrderingKey = a.text(m.ordering, "ordering_key")
	}
	if len(m.keys) > 0 {
		a.out.Keys = make([]Key, 0, len(m.keys))
	}
	for i := range m.keys {
		a.key(&m.keys[i])
	}
}

// unidentified is what is wrong with the identity.
func (a *applier) unidentified(p *xpath.Program, found, message string) fault.Detail {
	d := a.detail(p, message)
	d.Found, d.Target = shown(found), "identity"
	return d
}

func (a *applier) key(k *keyProgram) {
	if !k.value.Type().Repeats() {
		if text := a.text(k.value, "business_keys"); text != "" {
			a.out.Keys = append(a.out.Keys, Key{k.name, text})
		}
		return
	}
	values, err := k.value.All(&a.frame, nil)
	if err != nil {
		a.failed(k.value, err, "business_keys")
	}
	for _, v := range values {
		a.out.Keys = append(a.out.Keys, Key{k.name, v.Lexical()})
	}
}

// text evaluates to a string, which is empty when absent.
func (a *applier) text(p *xpath.Program, what string) string {
	var v Value
	if _, err := p.Into(&a.frame, &v); err != nil {
		a.failed(p, err, what)
	}
	return v.Lexical()
}

// steps makes the rows of steps that belong to one parent row.
func (a *applier) steps(indexes []int, parent int) {
	for _, i := range indexes {
		a.step(i, parent)
	}
}

func (a *applier) step(i, parent int) {
	p := &a.mapping.programs[i]
	a.current[i] = -1
	for _, below := range p.below {
		a.current[below] = -1
	}
	if p.each == nil {
		a.reserve(i, 1)
		a.row(i, parent)
		return
	}
	before := len(a.arena.nodes)
	nodes, _, err := p.each.Elements(&a.frame, a.arena.nodes)
	a.arena.nodes = nodes
	if err != nil {
		a.failed(p.each, err, a.mapping.Tables[i].Name.String())
	}
	a.reserve(i, len(nodes)-before)
	outer := a.frame.Item
	for _, n := range nodes[before:] {
		a.frame.Item = n
		a.row(i, parent)
	}
	clear(a.arena.nodes[before:])
	a.frame.Item, a.arena.nodes = outer, a.arena.nodes[:before]
}

// reserve makes room for the rows of a step.
func (a *applier) reserve(i, rows int) {
	p := &a.mapping.programs[i]
	a.arena.cells.Reserve(rows * len(p.columns))
	a.arena.keyed.Reserve(rows * p.keys)
	have := a.out.Rows[i]
	if cap(have)-len(have) < rows {
		grown := a.arena.rows.Take(2*len(have) + rows)
		a.out.Rows[i] = grown[:copy(grown, have)]
	}
}

func (a *applier) row(i, parent int) {
	p := &a.mapping.programs[i]
	if p.when != nil {
		ok, err := p.when.Test(&a.frame)
		if err != nil {
			a.failed(p.when, err, a.mapping.Tables[i].Name.String())
		}
		if !ok {
			return
		}
	}
	cells := a.arena.cells.Take(len(p.columns))
	for c := range cells {
		a.cell(i, c, &p.columns[c], &cells[c])
	}
	a.current[i] = len(a.out.Rows[i])
	rows := append(a.out.Rows[i], Row{}) // there is room: see reserve
	made := &rows[len(rows)-1]
	made.Parent, made.Cells, made.Origin = parent, cells, a.origin(i)
	a.out.Rows[i] = rows
	a.steps(p.children, a.current[i])
}

// origin is where complaints about a row point to: the element it is made from,
// or, when what may be missing is the row itself, what its key is taken from.
func (a *applier) origin(step int) Origin {
	t := &a.mapping.Tables[step]
	if t.OnMissing != Insert {
		for _, c := range t.Match {
			if at, ok := a.locate(step, c); ok {
				return at
			}
		}
	}
	return xpath.From(a.frame.Item)
}

// locate finds what a column is taken from, unless that is no part of the message.
func (a *applier) locate(step, column int) (Origin, bool) {
	p := &a.mapping.programs[step].columns[column]
	switch {
	case p.value != nil:
		return p.value.Origin(&a.frame), true
	case len(p.keys) > 0:
		return p.keys[0].Origin(&a.frame), true
	}
	return Origin{}, false
}
