package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
)

// nodeTest is a test of a name (§3.3.2.2).
type nodeTest struct {
	name               contract.Name
	anySpace, anyLocal bool
}

func (t nodeTest) accepts(n contract.Name) bool {
	return (t.anySpace || t.name.Space == n.Space) && (t.anyLocal || t.name.Local == n.Local)
}

func (t nodeTest) shape(s *Shape) bool { return s.Element != nil && t.accepts(s.Element.Name) }

// nodeTest resolves the test of a step.
func (c *compiler) nodeTest(s *step) (nodeTest, bool) {
	switch s.kind {
	case "", "element()", "attribute()":
		name, ok := c.expand(s)
		return nodeTest{name: name, anySpace: s.name == "", anyLocal: s.name == ""}, ok
	case "*":
		t := nodeTest{anySpace: s.prefix == "", anyLocal: s.name == ""}
		if s.prefix != "" {
			name, ok := c.expand(s)
			t.name = name
			return t, ok
		}
		t.name.Local = s.name
		return t, true
	case "node()":
		return nodeTest{anySpace: true, anyLocal: true}, true
	}
	c.fail(s, "there is no %s: the tree is of elements, attributes and text", s.kind)
	return nodeTest{}, false
}

// far compiles a step that is not of a single declaration to a named child.
func (c *compiler) far(w **walk, t *Type, s *step) bool {
	test, ok := c.nodeTest(s)
	if !ok {
		return false
	}
	h := &hop{axis: s.axis}
	r, ok := c.relatives(h, t, s, test)
	if !ok {
		return false
	}
	own := Type{Shape: r.shape, Min: r.min, Max: r.max}
	if h.tests, ok = c.predicates(s.predicates, &own); !ok {
		return false
	}
	if t.Repeats() && outward(s.axis) { // several nodes have one parent
		own.Min = min(own.Min, 1)
		t.Min = min(t.Min, 1)
	}
	t.Shape, t.Min, t.Max = r.shape, timesLeast(t.Min, own.Min), times(t.Max, own.Max)
	if most := r.shape.most(); t.Max == Unbounded || most != Unbounded && most < t.Max {
		t.Max = most
	}
	c.jump(w, h)
	return true
}

// most is how many such nodes one message may have at all.
func (s *Shape) most() int {
	if s.kinds != nil {
		return Unbounded
	}
	most := 1
	for range maxDepth {
		if s.Parent == nil {
			return most
		}
		if s.Parent.kinds != nil {
			return Unbounded
		}
		r, ok := s.Parent.child(s.Element.Name)
		if !ok {
			return Unbounded
		}
		most, s = times(most, r.max), s.Parent
	}
	return Unbounded
}

// outward reports whether several nodes may reach the same one along the axis,
// or one node be reached and be gone from.
func outward(a axis) bool { return a != childAxis && a != selfAxis }

// jump makes h the last step so far.
func (c *compiler) jump(w **walk, h *hop) {
	h.from = *w
	*w = &walk{from: -1, base: h}
}

// relatives resolves an axis: what it may lead to from one node.
func (c *compiler) relatives(h *hop, t *Type, s *step, test nodeTest) (relative, bool) {
	switch h.axis {
	case selfAxis, parentAxis, ancestorAxis, ancestorOrSelfAxis:
		return c.outer(h, t, s, test)
	case childAxis, descendantAxis, descendantOrSelfAxis:
		return c.inner(h, t.Shape, s, test.shape)
	case followingSiblingAxis, precedingSiblingAxis:
		return c.siblings(h, t, s, test)
	}
	c.later(s, "the axis "+axisName(h.axis))
	return relative{}, false
}

func (c *compiler) inner(h *hop, from *Shape, s *step, hit func(*Shape) bool) (relative, bool) {
	starts, below := c.kinsfolk(from, h.axis != childAxis)
	if starts == nil {
		return relative{}, c.tooMany(s, from)
	}
	family, r := seek(starts, below, hit, h.axis == descendantOrSelfAxis)
	h.family = family
	if r.shape == nil {
		c.fail(s, "%s", c.nothing(s, from, below))
		return relative{}, false
	}
	return r, true
}

func (c *compiler) tooMany(s *step, from *Shape) bool {
	c.fail(s, "the contract declares too many elements below %s; name the way", c.scope.name(from))
	return false
}

// nothing explains that a step cannot match.
func (c *compiler) nothing(s *step, from *Shape, below []*kin) string {
	what := "child"
	if s.axis != childAxis {
		what = "element below it that is"
	}
	message := c.scope.name(from) + " " + from.verb() + " no " + what + " " + s.String()
	if len(below) == 0 {
		return message + "; it has none at all"
	}
	var locals, names []string
	for _, k := range below {
		locals, names = append(locals, k.shape.Element.Name.Local), append(names, c.scope.name(k.shape))
	}
	near := config.Nearest(s.name, locals)
	for i, l := range locals {
		if near != "" && l == near {
			return message + "; did you mean " + names[i] + "?"
		}
	}
	return message
}

// outer resolves self, parent and ancestors. Nothing is above the payload
// element, or a header block.
func (c *compiler) outer(h *hop, t *Type, s *step, test nodeTest) (relative, bool) {
	var around []*Shape
	switch h.axis {
	case parentAxis, ancestorAxis:
		for _, m := range t.Shape.members() {
			around = m.outside(around)
		}
		around = unique(around)
	default:
		around = t.Shape.members()
	}
	if h.axis == ancestorAxis || h.axis == ancestorOrSelfAxis {
		around = ancestors(around)
	}
	var kept []*Shape
	h.names = map[contract.Name]bool{}
	for _, m := range around {
		if test.shape(m) {
			kept = append(kept, m)
			h.names[m.Element.Name] = true
		}
	}
	r := relative{shape: united(kept), max: 1}
	switch {
	case len(around) == 0:
		c.fail(s, "%s %s no parent here; it is the payload element or a header block", c.scope.name(t.Shape), t.Shape.verb())
	case r.shape == nil:
		c.fail(s, "the %s here is %s, never %s", axisName(s.axis), c.scope.name(unionOf(around)), s)
	}
	if h.axis == ancestorAxis || h.axis == ancestorOrSelfAxis {
		r.max = Unbounded
		if len(kept) == 1 && !kept[0].within(kept[0]) {
			r.max = 1
		}
	} else if len(kept) == len(around) && (h.axis == selfAxis || !t.Shape.topmost()) {
		r.min = 1
	}
	return r, r.shape != nil
}

// unique drops what came twice.
func unique(shapes []*Shape) []*Shape {
	known := map[*Shape]bool{}
	return slices.DeleteFunc(shapes, func(s *Shape) bool {
		twice := known[s]
		known[s] = true
		return twice
	})
}

// outside appends the elements that a node may be in.
func (s *Shape) outside(dst []*Shape) []*Shape {
	if s.Parent == nil {
		return dst
	}
	for _, p := range s.Parent.members() {
		if p.Element != nil {
			dst = append(dst, p)
		}
	}
	return dst
}

// ancestors adds what is around the shapes, and around that; each once.
func ancestors(shapes []*Shape) []*Shape {
	var all []*Shape
	known := map[*Shape]bool{}
	for queue := shapes; len(queue) > 0; {
		var around []*Shape
		for _, s := range queue {
			if !known[s] {
				known[s] = true
				all, around = append(all, s), s.outside(around)
			}
		}
		queue = around
	}
	return all
}

// within reports whether one such node may be in another.
func (s *Shape) within(o *Shape) bool {
	for _, a := range ancestors(s.outside(nil)) {
		if a.declaration() == o.declaration() {
			return true
		}
	}
	return false
}

// topmost reports whether a node may have nothing around it.
func (s *Shape) topmost() bool {
	for _, m := range s.members() {
		if m.Parent == nil || m.Parent.Element == nil && m.Parent.kinds == nil {
			return true
		}
	}
	return false
}

// siblings resolves following-sibling and preceding-sibling.
func (c *compiler) siblings(h *hop, t *Type, s *step, test nodeTest) (relative, bool) {
	parent := t.Shape.members()[0].Parent
	for _, m := range t.Shape.members()[1:] {
		parent = eitherOf(parent, m.Parent)
	}
	if parent == nil || !parent.elements() {
		c.fail(s, "%s %s no siblings here; it is the payload element or a header block", c.scope.name(t.Shape), t.Shape.verb())
		return relative{}, false
	}
	direct := *s
	direct.axis = childAxis
	inner := &hop{axis: childAxis}
	r, ok := c.inner(inner, parent, &direct, test.shape)
	if !ok {
		return r, false
	}
	h.family = inner.family
	if len(r.shape.members()) == 1 && r.max == 1 && r.shape.declaration() == t.Shape.declaration() {
		c.fail(s, "there is only one %s", c.scope.name(r.shape))
		return r, false
	}
	r.min = 0
	return r, true
}
