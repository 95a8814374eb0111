package odata

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// Node is a condition as it is written: And, Or, Not, Compare, In, Call or Flag.
// Every At is a byte of the option's decoded value.
type Node interface {
	// print writes the node so that it parses back as the same one.
	print(b *strings.Builder)
}

// Name is the name of a field.
type Name struct {
	At   int
	Text string
}

// Kind is what a literal is (URL Conventions §5.1.1.14).
type Kind uint8

// The kinds of literal.
const (
	Null Kind = iota
	Bool
	Number
	String
	Date
	DateTime
	TimeOfDay
	GUID
	Binary
	Alias // stands for a literal that another option has
)

var kindNames = [...]string{"null", "a boolean", "a number", "a text", "a date", "a date with a time", "a time", "a GUID", "bytes", "an alias"}

// Literal is a value as it is written; of a String and of Binary Text has what is
// between the quotes.
type Literal struct {
	At   int
	Kind Kind
	Text string
}

type (
	// And holds where all of its parts do, which are two at least.
	And struct{ Of []Node }
	// Or holds where any of its parts does, which are two at least.
	Or struct{ Of []Node }
	// Not is a negation.
	Not struct {
		At int
		Of Node
	}
	// Compare compares a field with a literal.
	Compare struct {
		At    int // of the operator
		Field Name
		Op    view.Operator
		Value Literal
	}
	// In holds where a field has one of the values.
	In struct {
		Field  Name
		Values []Literal
	}
	// Call is startswith or contains.
	Call struct {
		At       int
		Function string
		Field    Name
		Text     Literal
	}
	// Flag is a field of the kind bool that stands for itself.
	Flag struct{ Field Name }
)

// operators are the words for comparisons, and their opposites.
var operators = []struct {
	word     string
	op       view.Operator
	turned   view.Operator // with the sides exchanged
	opposite view.Operator
}{
	view.Equal:          {"eq", view.Equal, view.Equal, view.NotEqual},
	view.NotEqual:       {"ne", view.NotEqual, view.NotEqual, view.Equal},
	view.Greater:        {"gt", view.Greater, view.Less, view.LessOrEqual},
	view.GreaterOrEqual: {"ge", view.GreaterOrEqual, view.LessOrEqual, view.Less},
	view.Less:           {"lt", view.Less, view.Greater, view.GreaterOrEqual},
	view.LessOrEqual:    {"le", view.LessOrEqual, view.GreaterOrEqual, view.Greater},
}

// Print writes a condition in its normal form.
func Print(n Node) string {
	var b strings.Builder
	n.print(&b)
	return b.String()
}

func (n And) print(b *strings.Builder) {
	for i, of := range n.Of {
		if i > 0 {
			b.WriteString(" and ")
		}
		switch of.(type) {
		case And, Or:
			inside(b, of)
		default:
			of.print(b)
		}
	}
}

func (n Or) print(b *strings.Builder) {
	for i, of := range n.Of {
		if i > 0 {
			b.WriteString(" or ")
		}
		if _, or := of.(Or); or {
			inside(b, of)
			continue
		}
		of.print(b)
	}
}

func inside(b *strings.Builder, n Node) {
	b.WriteByte('(')
	n.print(b)
	b.WriteByte(')')
}

func (n Not) print(b *strings.Builder) {
	b.WriteString("not ")
	inside(b, n.Of)
}

func (n Compare) print(b *strings.Builder) {
	b.WriteString(n.Field.Text + " " + operators[n.Op].word + " ")
	n.Value.print(b)
}

func (n In) print(b *strings.Builder) {
	b.WriteString(n.Field.Text + " in (")
	for i, v := range n.Values {
		if i > 0 {
			b.WriteByte(',')
		}
		v.print(b)
	}
	b.WriteByte(')')
}

func (n Call) print(b *strings.Builder) {
	b.WriteString(n.Function + "(" + n.Field.Text + ",")
	n.Text.print(b)
	b.WriteByte(')')
}

func (n Flag) print(b *strings.Builder) { b.WriteString(n.Field.Text) }

func (l Literal) print(b *strings.Builder) {
	switch l.Kind {
	case String, Binary:
		if l.Kind == Binary {
			b.WriteString("binary")
		}
		b.WriteByte('\'')
		b.WriteString(strings.ReplaceAll(l.Text, "'", "''"))
		b.WriteByte('\'')
	default:
		b.WriteString(l.Text)
	}
}
