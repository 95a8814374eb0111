package xpath

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Inside reports whether every such node is one of ctx, or stands in one: it was
// reached from there and never left it.
func (s *Shape) Inside(ctx *Shape) bool {
	within := ctx.members()
	known := map[*Shape]bool{}
	queue := slices.Clone(s.members())
	for i := 0; i < len(queue); i++ {
		m := queue[i]
		switch {
		case known[m] || m == ctx || slices.Contains(within, m):
			continue
		case m.Parent == nil:
			return false
		}
		known[m] = true
		queue = append(queue, m.Parent.members()...)
	}
	return true
}

// InHeader reports whether such a node is a header block, or stands in one.
func (s *Shape) InHeader() bool {
	for _, m := range ancestors(s.members()) {
		if m.Blocks != nil || m.Parent != nil && m.Parent.Blocks != nil {
			return true
		}
	}
	return false
}

// AppendRead appends what u reads of one element, in a form that differs where it
// does: that it is there, its value, or one of its attributes. It appends nothing
// when u is not about such an element.
func (u Use) AppendRead(dst []byte, n document.Node) []byte {
	if u.Shape == nil {
		return dst
	}
	for _, m := range u.Shape.members() {
		owner := m
		if m.Element == nil {
			owner = m.Parent
		}
		if owner == nil || !owner.elements() || !owner.describes(n) {
			continue
		}
		switch {
		case m.Attribute != nil:
			if v, ok := n.Attr(m.Attribute.Name); ok {
				dst = appendRead(dst, m.Attribute.Name.String(), v)
			}
		case m.text:
			dst = appendRead(dst, "", n.OwnText())
		case u.Whole || m.simple() != nil:
			dst = appendRead(dst, n.Name().String(), n.Text())
			if n.Nil() {
				dst = append(dst, " nil"...)
			}
		default:
			dst = appendRead(dst, n.Name().String(), "")
		}
	}
	return dst
}

func appendRead(dst []byte, name, value string) []byte {
	return fmt.Appendf(dst, "\n%q=%q", name, value)
}

// Demands is how many of one kind the contract demands at least where such a node
// stands, or something around it: of the nodes or of their ancestors, whichever
// are more, one by one below their parents.
func (s *Shape) Demands() int {
	most := 0
	for _, m := range ancestors(s.members()) {
		if m.Element == nil || m.Parent == nil {
			continue
		}
		if r, ok := m.Parent.child(m.Element.Name); ok {
			most = max(most, r.min)
		}
	}
	return most
}

// Path names the node by the local names on the way to it, from below the payload
// element: Header/BatchId, Line/@no. Of several ways it is one.
func (s *Shape) Path() string {
	var steps []string
	for range maxDepth {
		s = s.members()[0]
		switch {
		case s.text:
			steps = append(steps, "text()")
		case s.Attribute != nil:
			steps = append(steps, "@"+s.Attribute.Name.Local)
		case s.Element != nil && s.Parent != nil:
			steps = append(steps, s.Element.Name.Local)
		}
		if s.Parent == nil {
			break
		}
		s = s.Parent
	}
	slices.Reverse(steps)
	return strings.Join(steps, "/")
}
