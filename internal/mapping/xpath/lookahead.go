package xpath

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

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
	var test nodeTest
	if next.kind != "text()" {
		var ok bool
		if test, ok = c.nodeTest(next); !ok {
			return false
		}
	}
	h := &hop{axis: descendantOrSelfAxis}
	starts, below := c.kinsfolk(t.Shape, true)
	if starts == nil {
		return c.tooMany(next, t.Shape)
	}
	family, r := seek(starts, below, func(m *Shape) bool { return m.has(next, test) }, true)
	if r.shape == nil {
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
