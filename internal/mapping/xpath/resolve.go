package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// walk compiles steps from the context item, a variable, or another walk.
func (c *compiler) walk(n *path, base *walk) code {
	w := &walk{from: -1, plain: true}
	shape, count := c.scope.Context, Type{Min: 1, Max: 1}
	switch from := n.from.(type) {
	case *variable:
		v := c.scope.Variables[from.name]
		if b := v.bound; b != nil {
			w.base, w.plain, shape, count = localNodes(b.slot), false, b.t.Shape, b.t
			break
		}
		w.from, shape = v.Slot, v.Shape
		c.block(v, n.steps)
	default:
		if base != nil {
			w.base, w.plain, shape, count = base, false, base.t.Shape, base.t
		}
	}
	switch {
	case shape == nil && c.scope.value != nil:
		return c.fail(n, "the context item is a value here; it has nothing below it")
	case shape == nil:
		return c.fail(n, "there is no context item here; begin with a variable")
	}
	count.Shape = shape
	for i := range n.steps {
		s := &n.steps[i]
		if w.attr != nil {
			return c.fail(s, "an attribute has nothing below it")
		}
		if !c.step(w, &count, s) {
			return nil
		}
	}
	if w.attr != nil {
		return c.attributeFilter(&n.steps[len(n.steps)-1], c.finish(w, count))
	}
	return c.finish(w, count)
}

// attributeFilter is a predicate on an attribute: its context item is the value.
func (c *compiler) attributeFilter(s *step, base code) code {
	if len(s.predicates) == 0 {
		return base
	}
	return c.sifted(&filter{at: s.at, predicates: s.predicates}, base)
}

// block notes the child of a container that a path begins with.
func (c *compiler) block(v *Variable, steps []step) {
	if v.Shape.Blocks == nil || len(steps) == 0 || steps[0].axis != childAxis || steps[0].kind != "" {
		return
	}
	if name, ok := c.expand(&steps[0]); ok {
		c.program.Blocks = append(c.program.Blocks, name)
	}
}

func (c *compiler) finish(w *walk, t Type) code {
	w.t = t
	w.plain = w.plain && !t.Repeats()
	w.t.Class, _ = t.Shape.class()
	if t.Shape.Element != nil || t.Shape.Attribute != nil {
		w.atom = newAtom(t.Shape, w.t.Class)
	}
	if _, local := w.base.(localNodes); local { // the item at fault, rather than all that were gone through
		c.program.paths = slices.Insert(c.program.paths, 0, w)
	} else if c.inside == 0 {
		c.program.paths = append(c.program.paths, w)
	}
	return w
}

func (c *compiler) step(w *walk, t *Type, s *step) bool {
	if s.kind != "" && s.kind != "node()" || s.kind == "node()" && s.axis == childAxis {
		c.later(s, "the test "+s.kind)
		return false
	}
	name, ok := c.expand(s)
	if !ok {
		return false
	}
	switch s.axis {
	case childAxis:
		return c.childStep(w, t, s, name)
	case attributeAxis:
		return c.attributeStep(w, t, s, name)
	case selfAxis, parentAxis:
		return c.stay(w, t, s, name)
	}
	what := "the axis " + axisName(s.axis)
	if s.axis == descendantOrSelfAxis && s.kind == "node()" {
		what = `"//"; name every element on the way`
	}
	c.later(s, what)
	return false
}

func axisName(a axis) string {
	for name, axis := range axes {
		if axis == a {
			return name
		}
	}
	return ""
}

func (c *compiler) expand(s *step) (contract.Name, bool) {
	if s.prefix == "" {
		return contract.Name{Local: s.name}, true
	}
	space, ok := c.scope.Namespaces[s.prefix]
	if !ok {
		var known []string
		for p := range c.scope.Namespaces {
			known = append(known, p)
		}
		c.fail(s, "the prefix %q is not among the mapping's namespaces%s", s.prefix, didYouMean("", s.prefix, known))
		return contract.Name{}, false
	}
	return contract.Name{Space: space, Local: s.name}, true
}

func (c *compiler) childStep(w *walk, t *Type, s *step, name contract.Name) bool {
	r, ok := t.Shape.child(name)
	if !ok {
		c.fail(s, "%s", c.scope.unknown(t.Shape, display(s.prefix, s.name), false))
		return false
	}
	return c.add(w, t, r, s, move{axis: childAxis, name: name, named: true})
}

func (c *compiler) attributeStep(w *walk, t *Type, s *step, name contract.Name) bool {
	r, ok := t.Shape.attribute(name)
	if !ok {
		c.fail(s, "%s", c.scope.unknown(t.Shape, display(s.prefix, s.name), true))
		return false
	}
	w.attr, w.label = &name, display(s.prefix, s.name)
	t.Shape, t.Min = r.shape, t.Min*r.min
	return true
}

// stay compiles self and parent steps.
func (c *compiler) stay(w *walk, t *Type, s *step, name contract.Name) bool {
	shape := t.Shape
	if s.axis == parentAxis {
		if t.Repeats() {
			c.later(s, "the parents of a path that repeats")
			return false
		}
		shape = shape.Parent
	}
	if shape == nil || shape.Element == nil {
		c.fail(s, "%s has no parent here; it is the payload element or a header block", c.scope.name(t.Shape))
		return false
	}
	named := s.kind == ""
	if named && shape.Element.Name != name {
		c.fail(s, "the %s here is %s, never %s", axisName(s.axis), c.scope.name(shape), display(s.prefix, s.name))
		return false
	}
	return c.add(w, t, relative{shape, 1, 1}, s, move{axis: s.axis, name: name, named: named})
}

func times(a, b int) int {
	if a == 0 || b == 0 {
		return 0
	}
	if a == Unbounded || b == Unbounded || a > countable/b {
		return Unbounded
	}
	return a * b
}

// countable bounds a cardinality; more is Unbounded.
const countable = 1 << 31

// least multiplies lower bounds. What is too large to be met stays what it is.
func timesLeast(a, b int) int {
	if b > 0 && a > countable/b {
		return countable
	}
	return a * b
}

// add appends a step, whose predicates count for each node it starts from.
func (c *compiler) add(w *walk, t *Type, r relative, s *step, m move) bool {
	own := Type{Shape: r.shape, Min: r.min, Max: r.max}
	tests, ok := c.predicates(s.predicates, &own)
	if !ok {
		return false
	}
	t.Shape, t.Min, t.Max = r.shape, timesLeast(t.Min, own.Min), times(t.Max, own.Max)
	m.tests = tests
	w.plain = w.plain && len(tests) == 0
	w.moves = append(w.moves, m)
	return true
}

// predicates compiles predicates in the scope of the step's node and narrows
// the cardinality.
func (c *compiler) predicates(nodes []node, t *Type) ([]predicate, bool) {
	if len(nodes) == 0 {
		return nil, true
	}
	leave := c.focus(t.Shape)
	defer leave()
	return c.judgements(nodes, t)
}

func (c *compiler) predicate(n node, t *Type) (predicate, bool) {
	code := c.compile(n)
	if code == nil {
		return predicate{}, false
	}
	ct := code.typ()
	if l, ok := n.(*literal); ok && ct.Class == Integer && len(l.text) < 9 {
		index := int(digits(l.text))
		if index == 0 {
			c.fail(n, "positions begin at 1")
			return predicate{}, false
		}
		t.Min, t.Max = atLeast(t.Min, index), min(max(t.Max, -t.Max), 1)
		return predicate{index: index}, true
	}
	t.Min = 0
	if ct.Class.Numeric() && ct.Shape == nil {
		if t.Max != 0 && isFixed(n) {
			t.Max = 1
		}
		return predicate{position: code}, true
	}
	test := tester(code)
	if test == nil {
		c.fail(n, "%s is neither a position nor true or false", ct)
		return predicate{}, false
	}
	return predicate{test: test}, true
}

// isFixed reports whether a numeric predicate, such as last() - 1, is the same
// for all items: one position.
func isFixed(n node) bool {
	switch n := n.(type) {
	case *literal, *variable:
		return true
	case *call:
		return n.name == "last"
	case *unary:
		return isFixed(n.operand)
	case *binary:
		return isFixed(n.left) && isFixed(n.right)
	}
	return false
}

func atLeast(least, index int) int {
	if least >= index {
		return 1
	}
	return 0
}

// filter compiles (path)[…]: positions count over the whole path.
func (c *compiler) filter(n *filter) code {
	base := c.compile(n.base)
	if base == nil {
		return nil
	}
	w, ok := base.(*walk)
	if !ok || w.attr != nil {
		return c.sifted(n, base)
	}
	t := w.t
	tests, ok := c.predicates(n.predicates, &t)
	if !ok {
		return nil
	}
	sifted := &walk{t: t, from: w.from, base: &sieve{w, tests}, atom: w.atom}
	if c.inside == 0 {
		c.program.paths = append(c.program.paths, sifted)
	}
	return sifted
}
