package xpath

import (
	"slices"
	"strings"

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
	return c.onward(n, w, count)
}

// onward compiles the steps of a path from where w has come to.
func (c *compiler) onward(n *path, w *walk, count Type) code {
	for i := range n.steps {
		s := &n.steps[i]
		switch {
		case count.Shape.Blocks != nil && (s.axis != childAxis || s.kind != "" || s.expr != nil):
			return c.fail(s, "name a header block first, as in $header/p:Block")
		case w.leaf():
			return c.fail(s, "%s has nothing below it", leafName(w))
		case s.expr != nil:
			if k := c.expression(&w, &count, s); k == nil || i == len(n.steps)-1 {
				return k
			} else if next, ok := k.(*walk); !ok || !next.elements() {
				return c.fail(&n.steps[i+1], "a value has nothing below it")
			}
		case c.abbreviated(n.steps[i:]):
			if !c.lookAhead(&w, &count, s, &n.steps[i+1]) {
				return nil
			}
		case !c.step(&w, &count, s):
			return nil
		}
	}
	k := c.finish(w, count)
	if w.leaf() {
		return c.leafFilter(&n.steps[len(n.steps)-1], w)
	}
	return k
}

func leafName(w *walk) string {
	if w.text {
		return "text"
	}
	return "an attribute"
}

// expression compiles a step that is no axis step (§3.3.1): as the simple map
// does, or, where it is a path, to nodes in document order.
func (c *compiler) expression(w **walk, t *Type, s *step) code {
	leave := c.focus(t.Shape)
	k := c.compile(s.expr)
	leave()
	if k == nil {
		return nil
	}
	inner, ok := k.(*walk)
	if !ok {
		if k = c.atomized(s.expr, k); k == nil {
			return nil
		}
		outer := c.finish(*w, *t)
		return forEachElement(outer.(*walk), *t, k)
	}
	next := *inner
	next.from, next.base, next.moves = -1, &through{*w, inner}, nil
	own := inner.t
	if t.Repeats() {
		own.Min = min(own.Min, 1)
		t.Min = min(t.Min, 1)
	}
	t.Shape, t.Min, t.Max = own.Shape, timesLeast(t.Min, own.Min), times(t.Max, own.Max)
	*w = &next
	return c.finish(*w, *t)
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
	c.uses(Use{Shape: t.Shape})
	w.plain = w.plain && !t.Repeats()
	w.t.Class, _ = t.Shape.class()
	w.atom, w.kinds = readers(t.Shape, w.t.Class)
	if _, local := w.base.(localNodes); local { // the item at fault, rather than all that were gone through
		c.program.paths = slices.Insert(c.program.paths, 0, w)
	} else if c.inside == 0 {
		c.program.paths = append(c.program.paths, w)
	}
	return w
}

// readers are how nodes of a shape become values: all alike, or one by one.
func readers(s *Shape, class Class) (atom, []kindOf) {
	if s.Element == nil && s.Attribute == nil && s.kinds == nil {
		return atom{class: class}, nil
	}
	var kinds []kindOf
	differ := false
	for _, m := range s.members() {
		kinds = append(kinds, kindOf{m, newAtom(m, class)})
		differ = differ || !kinds[0].atom.equal(kinds[len(kinds)-1].atom)
	}
	if !differ {
		return kinds[0].atom, nil
	}
	return kinds[0].atom, kinds
}

func (c *compiler) step(w **walk, t *Type, s *step) bool {
	single := t.Shape.kinds == nil
	switch {
	case s.kind == "text()" && s.axis == childAxis:
		return c.textStep(*w, t, s)
	case s.axis == attributeAxis:
		return c.attributeStep(*w, t, s)
	case s.kind == "node()" && s.axis == childAxis:
		return c.contents(w, t, s)
	case s.axis == childAxis && single && (s.kind == "" || s.kind == "element()" && s.name != ""):
		return c.childStep(*w, t, s)
	case (s.axis == selfAxis || s.axis == parentAxis && !t.Repeats()) && single && s.kind != "*":
		return c.stay(w, t, s)
	}
	if s.kind == "node()" && s.axis != ancestorAxis && s.axis != ancestorOrSelfAxis && s.axis != selfAxis && s.axis != parentAxis {
		c.later(s, "node() along this axis; write * for the elements")
		return false
	}
	return c.far(w, t, s)
}

// contents is the test node() on children: elements or text, not both.
func (c *compiler) contents(w **walk, t *Type, s *step) bool {
	for _, m := range t.Shape.members() {
		if m.hasText() && len(m.offspring()) > 0 {
			c.later(s, "node() of mixed content; write * for the elements, text() for the text")
			return false
		}
	}
	if t.Shape.members()[0].hasText() {
		return c.textStep(*w, t, s)
	}
	return c.far(w, t, s)
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

func (c *compiler) childStep(w *walk, t *Type, s *step) bool {
	name, ok := c.expand(s)
	if !ok {
		return false
	}
	r, ok := t.Shape.child(name)
	if !ok {
		message := c.scope.unknown(t.Shape, display(s.prefix, s.name), false)
		if !strings.Contains(message, "did you mean") {
			message += c.scope.astray(t.Shape, name)
		}
		c.fail(s, "%s", message)
		return false
	}
	return c.add(w, t, r, s, move{axis: childAxis, name: name, named: true})
}

// stay compiles self and parent steps.
func (c *compiler) stay(w **walk, t *Type, s *step) bool {
	shape := t.Shape
	if s.axis == parentAxis {
		if shape = shape.Parent; shape != nil && shape.kinds != nil {
			return c.far(w, t, s)
		}
	}
	name, ok := c.expand(s)
	if !ok {
		return false
	}
	if shape == nil || shape.Element == nil {
		c.fail(s, "%s has no parent here; it is the payload element or a header block", c.scope.name(t.Shape))
		return false
	}
	named := s.name != ""
	if named && shape.Element.Name != name {
		c.fail(s, "the %s here is %s, never %s", axisName(s.axis), c.scope.name(shape), display(s.prefix, s.name))
		return false
	}
	return c.add(*w, t, relative{shape, 1, 1}, s, move{axis: s.axis, name: name, named: named})
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

// filter compiles (path)[…]: positions count over the whole path.
func (c *compiler) filter(n *filter) code {
	base := c.compile(n.base)
	if base == nil {
		return nil
	}
	w, ok := base.(*walk)
	if !ok || w.leaf() {
		return c.sifted(n, base)
	}
	t := w.t
	tests, ok := c.predicates(n.predicates, &t)
	if !ok {
		return nil
	}
	sifted := &walk{t: t, from: w.from, base: &sieve{w, tests}, atom: w.atom, kinds: w.kinds}
	if c.inside == 0 {
		c.program.paths = append(c.program.paths, sifted)
	}
	return sifted
}
