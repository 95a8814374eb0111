package config

import (
	"fmt"
	"slices"
	"sync"
)

// Kind is the shape of a node.
type Kind uint8

// The kinds. A Null node is an empty value, `~` or `null`.
const (
	Null Kind = iota
	Scalar
	List
	Map
)

var kindNames = [...]string{"nothing", "a value", "a list", "a map"}

// String returns the kind in words, with its article.
func (k Kind) String() string { return kindNames[k] }

// Type is the type of a scalar by the core schema (YAML 1.2.2 §10.3). A quoted
// or block scalar is always a String.
type Type uint8

// The types.
const (
	String Type = iota
	Int
	Float
	Bool
	NullType
)

var typeNames = [...]string{"text", "a whole number", "a number", "a boolean", "nothing"}

// String returns the type in words.
func (t Type) String() string { return typeNames[t] }

// Style is how a scalar is written.
type Style uint8

// The styles.
const (
	Plain  Style = iota
	Quoted       // in single or double quotes
	Block        // literal | or folded >
)

// Node is one value of a file, with its place. A Node is immutable, but for what
// Literals tells, and may be shared. Every method takes a nil *Node for a Null that stands nowhere.
type Node struct {
	Kind         Kind
	File         string
	Line, Column int // 1-based; columns count characters; of a block scalar: its indicator

	origin  *origin // the same for all nodes of a file
	path    string
	text    string
	style   Style
	typ     Type
	entries []Entry
	items   []*Node
}

// Entry is one key of a map with its value. Key positions are those of KeyNode.
type Entry struct {
	Key     string
	KeyNode *Node
	Value   *Node
}

func (n *Node) kind() Kind {
	if n == nil {
		return Null
	}
	return n.Kind
}

// Text is the scalar as written, without quotes and with escapes and folding
// done; empty for other kinds.
func (n *Node) Text() string {
	if n == nil || n.Kind != Scalar {
		return ""
	}
	return n.text
}

// Type is the type of a scalar; NullType for a Null; String for lists and maps.
func (n *Node) Type() Type {
	if n == nil || n.Kind == Null {
		return NullType
	}
	return n.typ
}

// Style tells how a scalar is written.
func (n *Node) Style() Style {
	if n == nil {
		return Plain
	}
	return n.style
}

// IsNull reports whether the node is missing or empty.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// Entries returns the keys of a map as written, in order.
func (n *Node) Entries() []Entry {
	if n == nil {
		return nil
	}
	return n.entries
}

// Items returns the items of a list in order.
func (n *Node) Items() []*Node {
	if n == nil {
		return nil
	}
	return n.items
}

// Get returns the value of a key of a map, or nil.
func (n *Node) Get(key string) *Node {
	for _, e := range n.Entries() {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Path names the node from the file's root: routes[2].from; empty for the root.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return n.path
}

// Source is the node's place as file:line:column.
func (n *Node) Source() string { return n.Fault("").position() }

// Fault makes a fault at the node.
func (n *Node) Fault(format string, args ...any) Fault {
	f := Fault{Message: fmt.Sprintf(format, args...)}
	if n != nil {
		f.File, f.Line, f.Column, f.Path = n.File, n.Line, n.Column, n.path
	}
	return f
}

// origin is what the nodes of one file have in common.
type origin struct {
	mu       sync.Mutex
	literals []*Node
}

func (o *origin) literal(n *Node) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.literals, n) {
		o.literals = append(o.literals, n)
	}
}

// Literals are the values of the node's file that have been decoded into a Secret and
// hold it themselves, rather than the name of a file or of an environment variable.
func (n *Node) Literals() []*Node {
	if n == nil || n.origin == nil {
		return nil
	}
	n.origin.mu.Lock()
	defer n.origin.mu.Unlock()
	return slices.Clone(n.origin.literals)
}
