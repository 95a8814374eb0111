package xpath

import "slices"

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
		if test, ok := c.nodeTest(&first); !ok {
			return nil, false
		} else if !test.shape(outermost) {
			c.fail(&first, "the payload element is %s, never %s", c.scope.name(outermost), &first)
			return nil, false
		}
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
