package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// MaxParts is how many messages one message may be split into.
const MaxParts = 10_000

// ArrivalKey is the business key that every part of a split message has: the id
// of the message it came with.
const ArrivalKey = "arrival"

// splitProgram is a compiled split.
type splitProgram struct {
	path   *xpath.Program
	shape  *xpath.Shape // of a part
	around []xpath.Use  // what the rules may read outside of a part
}

// split compiles the path to the parts. What it means must not depend on how many
// there are: a part that is tried again stands alone.
func (k *compiler) split() {
	e := k.file.Split
	if e == nil {
		return
	}
	scope := k.payload()
	for name := range scope.Variables {
		scope.Variables[name] = &xpath.Variable{Refuse: "the parts are found in the payload alone; there is no $" + name + " here"}
	}
	p := k.program(e, scope)
	if p == nil {
		return
	}
	t := p.Type()
	switch {
	case !p.Walks():
		k.fail(e.node, "expected a path to elements")
	case p.Positional:
		k.fail(e.node, "the parts of a message cannot be told by position: one that is tried again stands alone")
	case !t.Repeats():
		k.fail(e.node, "a message has no more than one %s; split needs a path that may occur several times", e.Source)
	case t.Shape.Demands() > 1:
		k.fail(e.node, "the contract demands at least %d on the way to %s; a part that is tried again stands alone, and would break it", t.Shape.Demands(), e.Source)
	default:
		k.mapping.split = &splitProgram{path: p, shape: t.Shape}
	}
}

// around gathers what the rules so far read outside of a part.
func (k *compiler) around() {
	s := k.mapping.split
	if s == nil {
		return
	}
	var programs []*xpath.Program
	for p := range k.mapping.places {
		if p != s.path {
			programs = append(programs, p)
		}
	}
	slices.SortFunc(programs, func(a, b *xpath.Program) int {
		x, y := k.mapping.places[a], k.mapping.places[b]
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	for _, p := range programs {
		for _, u := range p.Uses() {
			if u.Shape != nil && !u.Shape.InHeader() && !u.Shape.Inside(s.shape) {
				s.around = append(s.around, u)
			}
		}
	}
}

// whole is the scope of the reply to a message that was split: no row is its own.
func (k *compiler) whole() *xpath.Scope {
	scope := k.payload()
	for name := range k.rows {
		scope.Variables[name] = &xpath.Variable{Refuse: "$" + name + " is a row of a part, and the reply is to the whole message; $parts/count, $parts/stored and $parts/repeated tell what became of its parts"}
	}
	scope.Variables["part"] = &xpath.Variable{Refuse: "the reply is to the whole message; there is no $part in it"}
	scope.Variables["parts"] = &xpath.Variable{Field: partsField}
	return scope
}

// The slots of $part and $parts.
const (
	splitFacts = 1<<28 + iota
	countFact
	storedFact
	repeatedFact
)

var oneInteger = xpath.Type{Class: Integer, Min: 1, Max: 1}

func partField(name string) (xpath.Field, []string, bool) {
	return xpath.Field{Slot: splitFacts, Type: oneInteger}, []string{"number"}, name == "number"
}

func partsField(name string) (xpath.Field, []string, bool) {
	names := []string{"count", "stored", "repeated"}
	i := slices.Index(names, name)
	return xpath.Field{Slot: countFact + i, Type: oneInteger}, names, i >= 0
}

// splitFact is a value of $part or $parts.
func (f *facts) splitFact(slot int) (Value, bool) {
	n := map[int]int{splitFacts: f.in.Number, countFact: f.tally.Count, storedFact: f.tally.Stored, repeatedFact: f.tally.Repeated}[slot]
	return Value{Class: Integer, Number: apd.New(int64(n), 0)}, true
}

// Splits reports whether a message of the mapping is many: one for each of Parts.
func (m *Mapping) Splits() bool { return m.split != nil }

// Split is the path to the parts, as written; empty for a mapping that does not
// split.
func (m *Mapping) Split() string {
	if m.split == nil {
		return ""
	}
	return m.split.path.Source
}

// ReadsAround names what the rules read outside of a part: a part is the same again
// only while that is.
func (m *Mapping) ReadsAround() []string {
	var paths []string
	if m.split != nil {
		for _, u := range m.split.around {
			if path := u.Shape.Path(); path != "" && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// Parts returns the parts of a message in document order; there may be none.
// Errors are *fault.Error: CodeTooLarge for more than MaxParts, CodeMapping for a
// part within another, CodeIdentity when there is nothing to tell the parts of
// one message from those of another.
func (m *Mapping) Parts(in *Input) ([]document.Node, error) {
	f := facts{mapping: m, in: in}
	frame := xpath.Frame{Item: in.Payload, Facts: &f, Watch: m.watch}
	parts, _, err := m.split.path.Elements(&frame, nil)
	r := renderer{mapping: m, frame: frame, target: "split"}
	switch {
	case err != nil:
		return nil, r.failed(m.split.path, err)
	case len(parts) > MaxParts:
		return nil, fault.New(fault.CodeTooLarge, "the message has %d parts; at most %d are taken at once", len(parts), MaxParts)
	case !m.HasIdentity && !m.anonymous && in.Message.MessageID == "" && len(parts) > 0:
		d := fault.Detail{Message: "the message has no id of its own, so its parts would be stored again with every attempt", Target: "identity"}
		return nil, fault.New(fault.CodeIdentity, "").With(d)
	}
	for i := 1; i < len(parts); i++ {
		if _, _, _, end := parts[i-1].Span(); startOf(parts[i]) < end {
			line, column := parts[i].Position()
			d := fault.Detail{Message: "the element is a part of the message, and stands in another part", Path: parts[i].Path(), Line: line, Column: column, Source: m.place(m.split.path), Target: "split"}
			return nil, fault.New(fault.CodeMapping, "").With(d)
		}
	}
	return parts, nil
}

func startOf(n document.Node) int {
	start, _, _, _ := n.Span()
	return start
}

// Single finds the part of a Payload that has one, and sets in.Part. CodeMapping
// says that there is none, or several: the path to the parts depends on others.
func (m *Mapping) Single(in *Input) error {
	parts, err := m.Parts(in)
	if err != nil {
		return err
	}
	if len(parts) != 1 {
		line, column := in.Payload.Position()
		d := fault.Detail{Message: fmt.Sprintf("%s finds %d parts where one stands alone", m.split.path.Source, len(parts)), Path: in.Payload.Path(), Line: line, Column: column, Source: m.place(m.split.path), Target: "split"}
		return fault.New(fault.CodeMapping, "").With(d)
	}
	in.Part = parts[0]
	return nil
}

// placed makes the identity of a part of the message's id and its place.
func (a *applier) placed(in *Input) {
	if in.Message.MessageID == "" {
		return
	}
	a.out.Identity += "/" + strconv.Itoa(in.Number)
	if utf16Length(a.out.Identity) > maxIdentity {
		d := fault.Detail{Message: fmt.Sprintf("the message's id and the place of the part are longer than %d UTF-16 units", maxIdentity), Found: shown(a.out.Identity), Target: "identity"}
		a.refuse(fault.CodeNarrowing, d)
	}
}

// AppendAround appends what the mapping reads of a message outside of in.Part, in
// a form that differs where that does: with the part it is what two messages are
// compared by. The reply, the faults and the header blocks are left out.
func (m *Mapping) AppendAround(dst []byte, in *Input) []byte {
	if m.split == nil || len(m.split.around) == 0 {
		return dst
	}
	m.split.read(&dst, in.Payload, in.Part)
	return dst
}

// read goes through an element and all in it, but for the part.
func (s *splitProgram) read(dst *[]byte, n, part document.Node) {
	if n == part {
		return
	}
	for _, u := range s.around {
		*dst = u.AppendRead(*dst, n)
	}
	for c := range n.Children() {
		s.read(dst, c, part)
	}
}

// Tally is what became of the parts of a message that was split, when none was
// refused: those that were stored before are Repeated.
type Tally struct{ Count, Stored, Repeated int }

// Reply makes the reply to a message that was split, nil for a one-way operation.
// in is the whole message, without a Part. Errors are *fault.Error.
func (m *Mapping) Reply(in *Input, t Tally) ([]byte, error) {
	if m.reply == nil {
		return nil, nil
	}
	r := renderers.Get().(*renderer)
	defer r.end()
	r.begin(facts{mapping: m, in: in, tally: t}, "reply")
	return r.xml(nil, m.reply)
}
