package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// combination is union, intersect and except of paths (§3.4.3): nodes in
// document order, each once.
type combination struct {
	t           Type
	op          string
	left, right *walk
}

// combination compiles a set operator. The result is for its values, or to be
// counted: nothing can be below two kinds of element.
func (c *compiler) combination(n *binary) code {
	left, right := c.nodes(n.left, n.op), c.nodes(n.right, n.op)
	if left == nil || right == nil {
		return nil
	}
	a, b := left.t, right.t
	t := Type{Shape: a.either(b), Max: a.Max}
	if n.op == "union" || n.op == "|" {
		t.Min, t.Max = max(a.Min, b.Min), plus(a.Max, b.Max)
	} else {
		t.Shape = a.Shape
	}
	if left.elements() && right.elements() {
		return c.finish(&walk{from: -1, base: &joined{n.op, left, right}}, t)
	}
	if !c.bothValued(n, left, right) {
		return nil
	}
	class, ok := common(a, b)
	if !ok {
		return c.fail(n, "the operands are %s and %s; make them one type", a.Class, b.Class)
	}
	t.Class = class
	if t.Nillable() {
		t.Min, t.present = 0, true
	}
	return &combination{t, n.op, left, right}
}

func (c *compiler) bothValued(n *binary, left, right code) bool {
	first := c.valued(n.left, left)
	return c.valued(n.right, right) && first
}

// nodes compiles an operand that must be a path.
func (c *compiler) nodes(n node, of string) *walk {
	k := c.compile(n)
	if k == nil {
		return nil
	}
	w, ok := k.(*walk)
	if !ok || w.text || w.wild != nil || !w.t.Shape.elements() && w.attr == nil {
		c.fail(n, "%s takes paths, and this is no path", of)
		return nil
	}
	return w
}

func (u *combination) typ() Type { return u.t }

// member is a node with the path that it came by.
type member struct {
	document.Node
	by *walk
}

func (w *walk) members(f *Frame) ([]member, error) {
	nodes, err := w.collect(f, nil)
	var out []member
	for _, n := range nodes {
		if w.carries(n) > 0 {
			out = append(out, member{n, w})
		}
	}
	return out, err
}

// same reports whether two members are one node: the same element, or the same
// attribute of it.
func (m member) same(o member) bool {
	if m.Node != o.Node || (m.by.attr == nil) != (o.by.attr == nil) {
		return false
	}
	return m.by.attr == nil || *m.by.attr == *o.by.attr
}

func (u *combination) members(f *Frame) ([]member, error) {
	left, err := u.left.members(f)
	if err != nil {
		return nil, err
	}
	right, err := u.right.members(f)
	if err != nil {
		return nil, err
	}
	among := func(m member, others []member) bool {
		// Both sides are in document order.
		i, _ := slices.BinarySearchFunc(others, m, func(a, b member) int { return a.Order(b.Node) })
		for ; i < len(others) && others[i].Node == m.Node; i++ {
			if others[i].same(m) {
				return true
			}
		}
		return false
	}
	switch u.op {
	case "intersect":
		return slices.DeleteFunc(left, func(m member) bool { return !among(m, right) }), nil
	case "except":
		return slices.DeleteFunc(left, func(m member) bool { return among(m, right) }), nil
	}
	fresh := slices.DeleteFunc(slices.Clone(right), func(m member) bool { return among(m, left) })
	merged := append(left, fresh...)
	slices.SortStableFunc(merged, func(a, b member) int { return a.Order(b.Node) })
	return merged, nil
}

func (u *combination) all(f *Frame, dst []Value) ([]Value, error) {
	members, err := u.members(f)
	if err != nil {
		return dst, err
	}
	for _, m := range members {
		v, presence, err := m.by.value(f, m.Node)
		if err != nil {
			return dst, err
		}
		if presence == Present {
			dst = append(dst, widened(v, u.t.Class))
		}
	}
	return dst, nil
}

func (u *combination) one(f *Frame) (Value, Presence, error) {
	values, err := u.all(f, nil)
	if err != nil || len(values) == 0 {
		return Value{}, Absent, err
	}
	return values[0], Present, nil
}

func (u *combination) count(f *Frame) (int, error) {
	members, err := u.members(f)
	return len(members), err
}

// joined is a set operator on elements.
type joined struct {
	op          string
	left, right collector
}

func (j *joined) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	left, err := j.left.collect(f, nil)
	if err != nil {
		return dst, err
	}
	right, err := j.right.collect(f, nil)
	if err != nil {
		return dst, err
	}
	if j.op == "union" || j.op == "|" {
		start := len(dst)
		return inOrder(append(append(dst, left...), right...), start), nil
	}
	for _, n := range left {
		if _, both := slices.BinarySearchFunc(right, n, document.Node.Order); both == (j.op == "intersect") {
			dst = append(dst, n)
		}
	}
	return dst, nil
}
