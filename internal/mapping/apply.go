package mapping

import (
	"errors"
	"fmt"
	"time"

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
	a := &applier{mapping: m, out: &Changeset{Rows: make([][]Row, len(m.Tables))}, current: make([]int, len(m.Tables))}
	facts := facts{mapping: m, in: in}
	a.frame = xpath.Frame{Item: in.Payload, Nodes: []document.Node{headerSlot: in.Header}, Facts: &facts, Watch: m.watch}
	a.name(in)
	if err := m.reject(in); err != nil {
		return a.named(), err
	}
	a.steps(m.top, -1)
	if err := a.fault(); err != nil {
		if a.code == fault.CodeUnknownYet {
			return a.named(), err
		}
		return nil, err
	}
	return a.out, nil
}

// named is the Changeset without its rows.
func (a *applier) named() *Changeset {
	return &Changeset{Identity: a.out.Identity, OrderingKey: a.out.OrderingKey, Keys: a.out.Keys}
}

// facts answers xpath.Facts from an Input and, when rendering, stored values.
type facts struct {
	mapping *Mapping
	in      *Input
	stored  []Value
	found   *fault.Error // what a declared fault answers; nil elsewhere
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
	frame   xpath.Frame
	out     *Changeset
	// current is, for each step, the index of the row made last below the
	// current parents; -1 for none.
	current []int
	stubs   map[string]int // the rows that look-ups have made, by step and key
	cells   []Cell
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
	v, _, err := p.One(&a.frame)
	if err != nil {
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
		a.row(i, parent)
		return
	}
	var room [16]document.Node
	nodes, _, err := p.each.Elements(&a.frame, room[:0])
	if err != nil {
		a.failed(p.each, err, a.mapping.Tables[i].Name.String())
	}
	a.reserve(i, len(nodes))
	outer := a.frame.Item
	for _, n := range nodes {
		a.frame.Item = n
		a.row(i, parent)
	}
	a.frame.Item = outer
}

// reserve makes room for the rows of a step.
func (a *applier) reserve(i, rows int) {
	have := a.out.Rows[i]
	if cap(have)-len(have) >= rows {
		return
	}
	grown := make([]Row, len(have), 2*len(have)+rows)
	copy(grown, have)
	a.out.Rows[i] = grown
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
	at := a.place(i)
	row := Row{Parent: parent, Cells: a.take(len(p.columns)), Path: at.Path, Line: at.Line, Column: at.Column}
	for c := range p.columns {
		a.cell(i, c, &row.Cells[c])
	}
	a.current[i] = len(a.out.Rows[i])
	a.out.Rows[i] = append(a.out.Rows[i], row)
	a.steps(p.children, a.current[i])
}

// place is where complaints about a row point to: the element it is made from,
// or, when what may be missing is the row itself, what its key is taken from.
func (a *applier) place(step int) xpath.Place {
	t := &a.mapping.Tables[step]
	if t.OnMissing != Insert {
		for _, c := range t.Match {
			if at, ok := a.locate(step, c); ok {
				return at
			}
		}
	}
	line, column := a.frame.Item.Position()
	return xpath.Place{Path: a.frame.Item.Path(), Line: line, Column: column}
}

// locate finds what a column is taken from, unless that is no part of the message.
func (a *applier) locate(step, column int) (xpath.Place, bool) {
	p := &a.mapping.programs[step].columns[column]
	switch {
	case p.value != nil:
		return p.value.Locate(&a.frame), true
	case len(p.keys) > 0:
		return p.keys[0].Locate(&a.frame), true
	}
	return xpath.Place{}, false
}

// take cuts cells off a slab: a message has many.
func (a *applier) take(n int) []Cell {
	if len(a.cells) < n {
		a.cells = make([]Cell, max(n, 64))
	}
	cells := a.cells[:n:n]
	a.cells = a.cells[n:]
	return cells
}

func (a *applier) cell(step, column int, into *Cell) {
	p := &a.mapping.programs[step].columns[column]
	switch p.form {
	case valueForm:
		a.value(step, column, into)
	case constantForm:
		if *into = p.constant; into.Kind == ValueCell {
			a.fit(step, column, into)
		}
	case referenceForm:
		if row := a.current[p.step]; row >= 0 {
			into.Kind, into.Row = Reference, row
		}
	case lookupForm:
		a.keys(step, column, into)
	case codeForm:
		a.coded(step, column, into)
	case drawnForm:
		into.Kind = DrawnCell
	case stubForm:
		a.stub(step, column, into)
	}
	if into.Kind == AbsentCell && a.mapping.Tables[step].Columns[column].AbsentNull {
		into.Kind = NullCell
	}
}

func (a *applier) value(step, column int, into *Cell) {
	p := &a.mapping.programs[step].columns[column]
	v, presence, err := p.value.One(&a.frame)
	switch {
	case err != nil:
		a.failedColumn(step, column, err)
		return
	case presence == xpath.Nil:
		into.Kind = NullCell
		return
	case presence == xpath.Present:
	case p.fallback != nil:
		v = *p.fallback
	default:
		return
	}
	if p.zone != nil {
		if v, err = inZone(v, p.zone); err != nil {
			a.failedColumn(step, column, err)
			return
		}
	}
	into.Kind, into.Value = ValueCell, v
	a.fit(step, column, into)
}

// fit enforces the limits of a checked mapping.
func (a *applier) fit(step, column int, into *Cell) {
	if a.mapping.limits == nil {
		return
	}
	l := &a.mapping.limits[step][column]
	if l.fits == nil {
		return
	}
	v, complaint := l.fits(l, into.Value)
	if complaint == "" {
		into.Value = v
		return
	}
	d := a.detailColumn(step, column, "the value does not fit its column")
	d.Found, d.Expected = shown(into.Value.Lexical()), complaint
	a.refuse(fault.CodeNarrowing, d)
}

// fitKey enforces the limits of the column that a look-up compares with: what
// does not fit there could be taken for something else.
func (a *applier) fitKey(step, column, i int, v Value) (Value, bool) {
	if a.mapping.limits == nil {
		return v, true
	}
	l := &a.mapping.limits[step][column]
	if i >= len(l.keys) || l.keys[i].fits == nil {
		return v, true
	}
	fitted, complaint := l.keys[i].fits(&l.keys[i], v)
	if complaint == "" {
		return fitted, true
	}
	lookup := a.mapping.Tables[step].Columns[column].Lookup
	at := a.mapping.programs[step].columns[column].keys[i].Locate(&a.frame)
	d := a.detailColumn(step, column, "the value does not fit the column "+lookup.Table.String()+"."+lookup.keys()[i]+" that it is looked up in")
	d.Path, d.Line, d.Column = at.Path, at.Line, at.Column
	d.Found, d.Expected = shown(v.Lexical()), complaint
	a.refuse(fault.CodeNarrowing, d)
	return v, false
}

func (a *applier) keys(step, column int, into *Cell) {
	p := &a.mapping.programs[step].columns[column]
	keys := make([]Value, len(p.keys))
	for i, program := range p.keys {
		v, presence, err := program.One(&a.frame)
		switch {
		case err != nil:
			a.failedColumn(step, column, err)
			return
		case presence == xpath.Nil:
			into.Kind = NullCell
			return
		case presence == xpath.Absent:
			return
		}
		keys[i] = v
	}
	for i := range keys { // once it is clear that there is a key at all
		var fits bool
		if keys[i], fits = a.fitKey(step, column, i, keys[i]); !fits {
			return
		}
	}
	into.Kind, into.Keys = KeysCell, keys
}

// inZone reads a dateTime without a zone as local time of one. A time that the
// clocks skipped is refused; of one that came twice the first is meant.
func inZone(v Value, zone *time.Location) (Value, error) {
	if v.Instant.Location() != xpath.NoZone {
		return v, nil
	}
	t := v.Instant
	local := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	if !sameClock(t, local) {
		return v, &xpath.Error{Message: "the value did not exist in " + zone.String() + ": the clocks went forward", Value: v.Lexical()}
	}
	if earlier := local.Add(-time.Hour); sameClock(t, earlier) {
		local = earlier
	}
	return xpath.Moment(local), nil
}

func sameClock(a, b time.Time) bool {
	return a.Day() == b.Day() && a.Hour() == b.Hour() && a.Minute() == b.Minute()
}

// detail places a complaint about an expression outside of columns.
func (a *applier) detail(p *xpath.Program, message string) fault.Detail {
	at := p.Locate(&a.frame)
	return fault.Detail{Message: p.Source + ": " + message, Path: at.Path, Line: at.Line, Column: at.Column, Source: a.mapping.place(p)}
}

func (a *applier) detailColumn(step, column int, message string) fault.Detail {
	c := &a.mapping.Tables[step].Columns[column]
	d := fault.Detail{Message: message, Source: c.Source, Target: a.mapping.Tables[step].Name.String() + "." + c.Name}
	at, _ := a.locate(step, column)
	d.Path, d.Line, d.Column = at.Path, at.Line, at.Column
	return d
}

func (a *applier) failed(p *xpath.Program, err error, target string) {
	d := a.detail(p, err.Error())
	if e, ok := errors.AsType[*xpath.Error](err); ok {
		d.Message, d.Found = p.Source+": "+e.Message, shown(e.Value)
	}
	d.Target = target
	a.refuse(fault.CodeMapping, d)
}

func (a *applier) failedColumn(step, column int, err error) {
	d := a.detailColumn(step, column, err.Error())
	if e, ok := errors.AsType[*xpath.Error](err); ok {
		d.Message, d.Found = e.Message, shown(e.Value)
	}
	a.refuse(fault.CodeMapping, d)
}

// shown is a value as a fault may show it: a long one is told by its length.
func shown(s string) string {
	if n := len([]rune(s)); n > maxFound {
		return fmt.Sprintf("%d characters", n)
	}
	return s
}

// refuse adds a fault. The first one decides the code, but a message waits only
// when that mends all of them.
func (a *applier) refuse(code fault.Code, d fault.Detail) {
	if a.code == "" || a.code == fault.CodeUnknownYet {
		a.code = code
	}
	if len(a.details) == maxDetails {
		a.more++
		return
	}
	a.details = append(a.details, d)
}

func (a *applier) fault() error {
	if a.code == "" {
		return nil
	}
	e := fault.New(a.code, "").With(a.details...)
	e.More = a.more
	return e
}
