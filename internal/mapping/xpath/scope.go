package xpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Scope is the static context of an expression (XPath 3.1 §2.1.1).
type Scope struct {
	Context    *Shape            // of the context item
	Namespaces map[string]string // prefix to namespace; the empty prefix is never used for elements
	Variables  map[string]*Variable

	value *bound // the context item where it is no node
}

// Variable is what a name with a dollar stands for. Exactly one of Shape,
// Field and Refuse is set.
type Variable struct {
	// Shape makes it a node, found in Frame.Nodes at Slot.
	Shape *Shape
	Slot  int
	// Field makes it a record of atomic values, each written $variable/name. It
	// returns the names there are when it does not know one; nil when any would do.
	Field func(name string) (f Field, known []string, ok bool)
	// Refuse says why the variable cannot stand in this expression.
	Refuse string

	bound *bound // by the expression itself
}

// Field is one value of a record: Facts finds it by its slot.
type Field struct {
	Slot int
	Type Type
}

// Facts holds the values of records.
type Facts interface {
	Fact(slot int) (Value, bool)
}

// Frame is the dynamic context (XPath 3.1 §2.1.2). It serves one goroutine.
type Frame struct {
	Item  document.Node   // the context item
	Nodes []document.Node // by Variable.Slot
	Facts Facts
	Watch Watch // nil: nobody looks

	position, last int
	locals         []local // by slot: what the expression's own variables stand for
	effort         int     // turns of loops so far
	slab           []apd.Decimal
	drawn          int // the size of the last slab
	moments        []time.Time
}

// decimal returns a zero decimal that nobody else has. They are drawn from
// slabs, since a message has many.
func (f *Frame) decimal() *apd.Decimal {
	if len(f.slab) == 0 {
		f.drawn = min(max(2*f.drawn, 16), 256)
		f.slab = make([]apd.Decimal, f.drawn)
	}
	d := &f.slab[0]
	f.slab = f.slab[1:]
	return d
}

// moment returns room for a moment that nobody else has.
func (f *Frame) moment() *time.Time {
	if len(f.moments) == 0 {
		f.moments = make([]time.Time, 8)
	}
	t := &f.moments[0]
	f.moments = f.moments[1:]
	return t
}

// Presence tells absent, nil and present apart: three values, not two.
type Presence uint8

// The presences of an expression of at most one item.
const (
	Absent  Presence = iota // no item
	Nil                     // one element that is xsi:nil
	Present                 // a value, which may be the empty string
)

// Error is a fault of evaluating an expression for one message.
type Error struct {
	Message string
	Value   string // what could not be used, or empty
}

// Error returns message and value.
func (e *Error) Error() string {
	if e.Value == "" {
		return e.Message
	}
	return e.Message + ": " + e.Value
}
