package xpath

import "strings"

// The syntax tree. It holds everything the parser knows; what the compiler
// does not know yet it refuses by name.

type node interface{ offset() int }

// at is where a node begins in the expression.
type at int

func (a at) offset() int { return int(a) }

type (
	literal struct { // §3.1.1
		at
		kind tokenKind
		text string
	}
	variable struct { // §3.1.2
		at
		name string
	}
	sequence struct { // §3.4.1; no items: the empty sequence
		at
		items []node
	}
	call struct { // §3.1.5
		at
		prefix, name string
		args         []node
	}
	binary struct { // §3.4 to §3.8; op as written
		at
		op          string
		left, right node
	}
	unary struct { // §3.5
		at
		negative bool
		operand  node
	}
	conditional struct { // §3.10
		at
		test, then, otherwise node
	}
	binding struct {
		at
		name string
		in   node
	}
	loop struct { // §3.9 for, §3.11 let, §3.12 some and every
		at
		word     string
		bindings []binding
		result   node
	}
	conversion struct { // §3.13: cast as, castable as, treat as, instance of
		at
		word     string
		operand  node
		target   string
		optional bool
	}
	path struct { // §3.3; from nil: the context item
		at
		rooted bool // begins with /
		from   node
		steps  []step
	}
	filter struct { // §3.3.2: a predicate on a primary expression
		at
		base       node
		predicates []node
	}
	current struct{ at } // §3.1.4: the context item, "."
)

// axis is a direction of a step (§3.3.2.1).
type axis uint8

const (
	childAxis axis = iota
	attributeAxis
	selfAxis
	parentAxis
	descendantAxis
	descendantOrSelfAxis
	ancestorAxis
	ancestorOrSelfAxis
	followingAxis
	precedingAxis
	followingSiblingAxis
	precedingSiblingAxis
	namespaceAxis
)

var axes = map[string]axis{
	"child": childAxis, "attribute": attributeAxis, "self": selfAxis, "parent": parentAxis,
	"descendant": descendantAxis, "descendant-or-self": descendantOrSelfAxis,
	"ancestor": ancestorAxis, "ancestor-or-self": ancestorOrSelfAxis,
	"following": followingAxis, "preceding": precedingAxis,
	"following-sibling": followingSiblingAxis, "preceding-sibling": precedingSiblingAxis,
	"namespace": namespaceAxis,
}

// step is one axis step, or an expression in the place of one. The test is a
// name, or a kind: *, perhaps with a prefix or a name, text(), node() and so on.
type step struct {
	at
	axis         axis
	prefix, name string
	kind         string
	predicates   []node
	expr         node // a primary expression; the rest is then empty
}

// String renders the test as it was written.
func (s *step) String() string {
	switch {
	case s.kind == "*" && s.prefix != "":
		return s.prefix + ":*"
	case s.kind == "*" && s.name != "":
		return "*:" + s.name
	case s.kind != "" && s.name != "":
		return strings.TrimSuffix(s.kind, ")") + display(s.prefix, s.name) + ")"
	case s.kind != "":
		return s.kind
	}
	return display(s.prefix, s.name)
}

// Expr is a parsed expression, not yet resolved against anything.
type Expr struct {
	Source string
	root   node
}

// Reference reports whether the expression is nothing but $variable/name, the
// form in which one row names a column of another.
func (e *Expr) Reference() (variableName, field string, ok bool) {
	p, isPath := e.root.(*path)
	if !isPath || len(p.steps) != 1 {
		return "", "", false
	}
	v, isVariable := p.from.(*variable)
	s := p.steps[0]
	if !isVariable || s.axis != childAxis || s.prefix != "" || s.kind != "" || s.expr != nil || len(s.predicates) > 0 {
		return "", "", false
	}
	return v.name, s.name, true
}
