package xpath

import (
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
	Room  *Room // nil: the frame's own

	position, last int
	locals         []local // by slot: what the expression's own variables stand for
	effort         int     // turns of loops so far
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
