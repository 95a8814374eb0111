package sample

import "slices"

// focusSize is how many elements a message may have to be broken as a whole. A
// larger one is cut down to what is around the broken place: judging thousands
// of large messages takes minutes.
const focusSize = 100

// focus returns the message that is broken at n, and what became of n in it.
func (b *breaker) focus(msg *Message, n *node) (*Message, *node) {
	size := 0
	for _, root := range msg.roots() {
		root.walk(func(*node) { size++ })
	}
	if size <= focusSize {
		return msg, n
	}
	parent := n
	if n.parent != nil {
		parent = n.parent
	}
	if b.focused.parent != parent {
		b.focused = cut(msg, parent)
		if details, err := b.judge(b.target, b.focused.msg); err != nil || len(details) > 0 {
			b.focused.msg = nil
		}
	}
	if b.focused.msg == nil {
		return msg, n
	}
	return b.focused.msg, b.focused.became[n]
}

// cutting is a message cut down to one element with its children.
type cutting struct {
	parent *node
	msg    *Message
	became map[*node]*node
}

// cut leaves everything out that may be left out, but for the children of one
// element, what they must have, and the way to it.
func cut(msg *Message, parent *node) cutting {
	c := cutting{parent: parent, became: map[*node]*node{}}
	var way []*node
	for n := parent; n != nil; n = n.parent {
		way = append(way, n)
	}
	out := *msg
	out.headers = nil
	for _, h := range msg.headers {
		out.headers = append(out.headers, c.copy(h, way))
	}
	if msg.payload != nil {
		out.payload = c.copy(msg.payload, way)
	}
	out.reconnect()
	c.msg = &out
	return c
}

func (c *cutting) copy(n *node, way []*node) *node {
	one := *n
	c.became[n] = &one
	one.attrs, one.kids, one.needs = nil, nil, slices.Clone(n.needs)
	near := n == c.parent || n.parent == c.parent
	for _, a := range n.attrs {
		if near || a.decl == nil || a.decl.Required {
			one.attrs = append(one.attrs, a)
		}
	}
	for _, k := range n.kids {
		if n == c.parent || slices.Contains(way, k) || k.via == nil || k.via.Min > 0 {
			kid := c.copy(k, way)
			kid.parent = &one
			one.kids = append(one.kids, kid)
		}
	}
	return &one
}
