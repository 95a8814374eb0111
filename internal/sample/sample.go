// Package sample makes messages of a contract: the smallest that it takes, one
// with everything in it, others by chance, and those that break it in one way
// each. All follow from the type model alone; the same question has the same
// answer.
//
// Nothing leaves the package that the contract's validator has not judged: what
// is called valid has been validated, what is called broken has been refused.
// Where the model does not say all (identity constraints, what a schema blocks)
// that is what keeps a sample from being wrong; then there is an error instead.
//
// The package knows nothing of files, ports and mappings.
package sample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// Mode says how much of what a contract allows a sample has.
type Mode uint8

// The modes.
const (
	// Minimal has what must be there, by the shortest way through every choice.
	Minimal Mode = iota
	// Full has every element and attribute that may be there, what repeats twice,
	// the first branch of a choice, or one after the other where it repeats.
	Full
	// Random has anything that is valid, by the seed.
	Random
)

// Options say what sample is wanted. The zero value is a minimal one.
type Options struct {
	Mode Mode
	Seed uint64 // of Random: the same seed makes the same message
	// Declared leaves out what the contract allows without naming it, which has no
	// JSON twin.
	Declared bool
}

// Direction names one of an operation's messages: the request, unless Reply is
// set or Fault names a declared fault.
type Direction struct {
	Reply bool
	Fault string
}

// Maker makes the messages of one service. It is immutable and safe for
// concurrent use.
type Maker struct {
	contract *contract.Contract
	service  *contract.Service
	// globals are what a strict wildcard may be filled with.
	globals []*contract.Element
}

// New returns the maker for a service of c.
func New(c *contract.Contract, s *contract.Service) *Maker {
	return &Maker{contract: c, service: s, globals: slices.Collect(c.Elements())}
}

// Impossible says that no sample can be made, where and why.
type Impossible struct {
	Path   string // of element names, from the message's root
	Reason string
}

// Error renders path and reason.
func (e *Impossible) Error() string {
	return fmt.Sprintf("no valid sample of %s: %s", e.Path, e.Reason)
}

// Message makes one message. The error is an *Impossible where the contract
// cannot be satisfied or what satisfies it was not found; of another type where
// there is no such message.
//
// For a service that is degraded nobody can judge the message: it is made by the
// type model all the same.
func (m *Maker) Message(op *contract.Operation, d Direction, o Options) (*Message, error) {
	t, err := targetOf(op, d)
	if err != nil {
		return nil, err
	}
	return m.make(t, o, nil, false)
}

// branches are choices that are made in another way than the mode has it: the
// branch to take, by its place.
type branches map[*contract.Particle]int

// make tries what the mode offers until the validator agrees.
func (m *Maker) make(t *target, o Options, prefer branches, once bool) (*Message, error) {
	known := newBarren()
	var last *Impossible
	for _, f := range attempts(o) {
		f.prefer, f.once = prefer, once
		msg, err := m.attempt(t, o, f, known)
		if err != nil {
			return nil, err
		}
		if last, err = m.verify(t, msg); last == nil || err != nil {
			return msg, err
		}
		if f.last {
			known.refuse(msg, last)
		}
	}
	return nil, last
}

// target is what is made: the element in the Body and the header blocks.
type target struct {
	op      *contract.Operation
	element *contract.Element
	headers []*contract.Element
	kind    bodyKind
	// gathered says that the element's children stand in the Body in its place.
	gathered bool
}

func targetOf(op *contract.Operation, d Direction) (*target, error) {
	if op.Unsupported != "" {
		return nil, fmt.Errorf("operation %s is not served: %s", op.Name, op.Unsupported)
	}
	switch {
	case d.Fault != "":
		return faultOf(op, d.Fault)
	case d.Reply && op.OneWay():
		return nil, fmt.Errorf("operation %s is one-way: it has no reply", op.Name)
	case d.Reply:
		return &target{op: op, element: op.Output.Element, headers: op.Output.Blocks(), kind: replyBody, gathered: op.Output.Gathered}, nil
	case op.Input == nil || op.Input.Element == nil:
		return nil, fmt.Errorf("operation %s has no input element", op.Name)
	}
	return &target{op: op, element: op.Input.Element, headers: op.Input.Blocks(), gathered: op.Input.Gathered}, nil
}

func faultOf(op *contract.Operation, name string) (*target, error) {
	var names []string
	for _, f := range op.Faults {
		if f.Name == name {
			return &target{op: op, element: f.Element, kind: faultBody}, nil
		}
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("operation %s declares no fault", op.Name)
	}
	return nil, fmt.Errorf("operation %s has no fault %q; it has %s", op.Name, name, strings.Join(names, ", "))
}

// features are what a random sample may make use of although the type model does
// not know everything about it.
type features struct {
	odd         bool // characters and forms that few send
	derived     bool // xsi:type
	substitutes bool
	wild        bool // elements that a wildcard takes
	// last gives up what the validator refuses in spite of the type model.
	last   bool
	turn   uint64
	prefer branches
	// once fills each complex type once only and repeats nothing but what has an
	// xs:ID: all that can be broken, in few elements.
	once bool
}

// attempts lists what to try in turn until the validator agrees.
func attempts(o Options) []features {
	wild := !o.Declared
	out := []features{{}}
	switch o.Mode {
	case Full:
		out = []features{{wild: wild}, {}}
	case Random:
		out = []features{
			{odd: true, derived: true, substitutes: true, wild: wild},
			{derived: true, substitutes: true, wild: wild, turn: 1},
			{odd: true, substitutes: true, wild: wild, turn: 2},
			{odd: true, turn: 3},
		}
	}
	for turn := range uint64(6) {
		out = append(out, features{last: true, turn: turn + 4})
	}
	return out
}

// attempt makes a message, learning on the way which types have no values.
func (m *Maker) attempt(t *target, o Options, f features, known *barren) (*Message, error) {
	for {
		b := newBuilder(m, o, f, known)
		msg, err := b.message(t)
		if err == nil || !b.learnt {
			return msg, err
		}
	}
}
