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

// abbreviated reports whether steps begin with // and what it leads to.
func (c *compiler) abbreviated(steps []step) bool {
	s := &steps[0]
	return s.axis == descendantOrSelfAxis && s.kind == "node()" && len(s.predicates) == 0 && len(steps) > 1
}

// lookAhead is // (§3.3.5): of all nodes below, and this one, only those that
// have what the next step asks for.
func (c *compiler) lookAhead(w **walk, t *Type, s, next *step) bool {
	switch next.axis {
	case childAxis, attributeAxis, selfAxis, descendantAxis, descendantOrSelfAxis:
	default:
		c.later(next, "// before "+axisName(next.axis)+"; name what it begins at")
		return false
	}
	if next.expr != nil {
		c.later(next, "// before an expression; name what it begins at")
		return false
	}
	test, ok := c.nodeTest(next)
	if next.kind == "text()" {
		test, ok = nodeTest{}, true
	}
	if !ok {
		return false
	}
	h := &hop{axis: descendantOrSelfAxis}
	starts, below := kinsfolk(t.Shape, true)
	family, r := seek(starts, below, func(m *Shape) bool { return m.has(next, test) }, true)
	if starts == nil || r.shape == nil {
		c.fail(next, "%s", c.absent(t.Shape, next, below))
		return false
	}
	h.family = family
	t.Shape, t.Min, t.Max = r.shape, timesLeast(t.Min, r.min), times(t.Max, r.max)
	if r.max != 1 {
		t.Min = min(t.Min, 1)
	}
	c.jump(w, h)
	return true
}

// absent explains that nothing is to be found below a shape.
func (c *compiler) absent(from *Shape, next *step, below []*kin) string {
	if below == nil && from.content() != nil && len(from.offspring()) > 0 {
		return "the contract declares too many elements below " + c.scope.name(from) + "; name the way"
	}
	if next.axis == childAxis && next.kind != "text()" {
		s := *next
		s.axis = descendantAxis
		return c.nothing(&s, from, below)
	}
	what := next.String()
	if next.axis == attributeAxis {
		what = "@" + what
	}
	var locals []string
	for _, m := range append(below, &kin{shape: from}) {
		for _, name := range c.scope.attributes(m.shape) {
			locals = append(locals, strings.TrimPrefix(name, "@"))
		}
	}
	return c.scope.name(from) + " and what is below it has no " + what + didYouMean("@", next.name, locals)
}

// has reports whether a step leads anywhere from a shape.
func (s *Shape) has(next *step, test nodeTest) bool {
	switch {
	case next.kind == "text()":
		return s.hasText()
	case next.axis == attributeAxis:
		t := s.content()
		return t != nil && slices.ContainsFunc(t.Attributes, func(a *contract.Attribute) bool { return test.accepts(a.Name) })
	case next.axis == selfAxis:
		return test.shape(s)
	case next.axis == descendantOrSelfAxis || next.axis == descendantAxis:
		return true
	}
	return slices.ContainsFunc(s.offspring(), func(c contract.Child) bool { return test.accepts(c.Element.Name) })
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

// leafFilter is a predicate on attributes or text: its context item is the value,
// and it counts for each element.
func (c *compiler) leafFilter(s *step, w *walk) code {
	if len(s.predicates) == 0 {
		return w
	}
	if c.atomized(s, w) == nil {
		return nil
	}
	own := w.t
	own.Min, own.Max = 0, w.most
	slot, leave := c.focusValue(own)
	tests, ok := c.judgements(s.predicates, &own)
	leave()
	if !ok {
		return nil
	}
	t := w.t
	t.Min = 0
	if w.most != 1 {
		t.Max = times(w.owners, own.Max)
	}
	return &leaves{t, w, slot, tests}
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
		return atom{class: class, space: "preserve"}, nil
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

// hasText reports whether text may stand directly in the element.
func (s *Shape) hasText() bool {
	t := s.content()
	return s.simple() != nil && s.Attribute == nil || t != nil && (t.Mixed || t.Base == nil && t.Content == nil && t.Name.Local == "anyType")
}

// textStep ends a path at the text of its elements: one node where there are no
// child elements.
func (c *compiler) textStep(w *walk, t *Type, s *step) bool {
	var texts []*Shape
	most := 1
	for _, m := range t.Shape.members() {
		if !m.hasText() {
			continue
		}
		texts = append(texts, &Shape{text: true, Parent: m})
		if m.simple() == nil {
			most = Unbounded
		}
	}
	if texts == nil {
		c.fail(s, "%s has no text of its own", c.scope.name(t.Shape))
		return false
	}
	w.text, w.label = true, "text()"
	c.toLeaf(w, t, relative{united(texts), 0, most})
	return true
}

// toLeaf makes attributes or text the end of a path.
func (c *compiler) toLeaf(w *walk, t *Type, r relative) {
	w.most, w.owners = r.max, t.Max
	t.Shape, t.Min, t.Max = r.shape, timesLeast(t.Min, r.min), times(t.Max, r.max)
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
		c.fail(s, "%s", c.scope.unknown(t.Shape, display(s.prefix, s.name), false))
		return false
	}
	return c.add(w, t, r, s, move{axis: childAxis, name: name, named: true})
}

func (c *compiler) attributeStep(w *walk, t *Type, s *step) bool {
	if s.kind != "" && s.name == "" || s.kind == "*" {
		return c.wildAttributes(w, t, s)
	}
	name, ok := c.expand(s)
	if !ok {
		return false
	}
	r, ok := t.Shape.attribute(name)
	if !ok {
		c.fail(s, "%s", c.scope.unknown(t.Shape, display(s.prefix, s.name), true))
		return false
	}
	w.attr, w.label = &name, display(s.prefix, s.name)
	c.toLeaf(w, t, r)
	return true
}

// wildAttributes is @* and its like: the attributes that the contract declares.
func (c *compiler) wildAttributes(w *walk, t *Type, s *step) bool {
	test, ok := c.nodeTest(s)
	if !ok {
		return false
	}
	r := relative{}
	var shapes []*Shape
	for _, m := range t.Shape.members() {
		own := 0
		if content := m.content(); content != nil {
			for _, a := range content.Attributes {
				if test.accepts(a.Name) {
					shapes = append(shapes, &Shape{Attribute: a, Parent: m})
					own++
				}
			}
		}
		r.max = max(r.max, own)
	}
	if r.shape = united(shapes); r.shape == nil {
		c.fail(s, "%s has no attribute %s%s", c.scope.name(t.Shape), s, didYouMean("@", s.name, c.scope.attributes(t.Shape)))
		return false
	}
	for _, m := range r.shape.members() {
		if !slices.Contains(w.wild, m.Attribute.Name) {
			w.wild = append(w.wild, m.Attribute.Name)
		}
	}
	w.label = "*"
	c.toLeaf(w, t, r)
	return true
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

// rooted compiles a path from the root: the document whose one element is the
// payload element.
func (c *compiler) rooted(n *path) code {
	if c.scope.Context == nil {
		return c.fail(n, "the context item is a value here; it is in no document")
	}
	outermost := topOf(c.scope.Context)
	if outermost == nil || outermost.Element == nil {
		return c.fail(n, "there is no root here; begin with a variable")
	}
	if len(n.steps) == 0 {
		return c.fail(n, "the document has no value; name the payload element, as in /%s", c.scope.name(outermost))
	}
	w := &walk{from: -1, base: top{outermost.Element.Name}}
	t := Type{Min: 1, Max: 1, Shape: outermost}
	rest, ok := c.fromDocument(n, outermost)
	if !ok {
		return nil
	}
	return c.onward(&path{at: n.at, steps: rest}, w, t)
}

// fromDocument turns the first steps of a path from the document into steps from
// the payload element.
func (c *compiler) fromDocument(n *path, outermost *Shape) ([]step, bool) {
	first := n.steps[0]
	if first.expr != nil || first.axis != childAxis && first.axis != descendantAxis && first.axis != descendantOrSelfAxis {
		c.fail(&first, "only %s is below the document", c.scope.name(outermost))
		return nil, false
	}
	steps := slices.Clone(n.steps)
	switch {
	case first.axis == childAxis:
		steps[0].axis = selfAxis
	case first.axis == descendantAxis:
		steps[0].axis = descendantOrSelfAxis
	case len(steps) > 1 && c.abbreviated(steps) && (steps[1].axis == childAxis || steps[1].axis == descendantAxis) && steps[1].kind != "text()":
		return c.belowDocument(steps, outermost)
	}
	return steps, true
}

// belowDocument is // at the beginning: the payload element may be meant too.
func (c *compiler) belowDocument(steps []step, outermost *Shape) ([]step, bool) {
	test, ok := c.nodeTest(&steps[1])
	if !ok || !test.shape(outermost) {
		return steps, ok
	}
	if slices.ContainsFunc(steps[1].predicates, counts) {
		c.later(&steps[1], "positions among what may be the payload element; put the path in parentheses")
		return nil, false
	}
	steps = steps[1:]
	steps[0].axis = descendantOrSelfAxis
	return steps, true
}

// counts reports whether a predicate may be about a position.
func counts(n node) bool {
	switch n := n.(type) {
	case *literal, *variable, *unary:
		return true
	case *call:
		return n.name != "not" && n.name != "exists" && n.name != "empty" && n.name != "contains" && n.name != "starts-with"
	case *binary:
		return n.op != "and" && n.op != "or" && n.op != "=" && n.op != "!=" || counts(n.left) || counts(n.right)
	case *path:
		return false
	}
	return true
}

// topOf is the outermost shape around s.
func topOf(s *Shape) *Shape {
	for _, m := range ancestors(s.members()) {
		if m.Parent == nil {
			return m
		}
	}
	return nil
}
