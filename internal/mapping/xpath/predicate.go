package xpath

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
		c.counted()
		return predicate{index: index}, true
	}
	t.Min = 0
	if ct.Class.Numeric() && ct.Shape == nil {
		if t.Max != 0 && isFixed(n) {
			t.Max = 1
		}
		c.counted()
		return predicate{position: code}, true
	}
	test := tester(code)
	if test == nil {
		c.fail(n, "%s is neither a position nor true or false", ct)
		return predicate{}, false
	}
	return predicate{test: test}, true
}

// counted notes that a predicate around no other asks for a position.
func (c *compiler) counted() {
	if c.inside == 1 {
		c.program.Positional = true
	}
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
