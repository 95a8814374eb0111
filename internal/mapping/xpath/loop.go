package xpath

import (
	"maps"

	"github.com/gatehouse/gatehouse/internal/document"
)

// maxEffort bounds the turns of all loops that one message's expressions take: a
// mapping that multiplies the lines of a large message by themselves is told so,
// and does not stand still.
const maxEffort = 2_000_000

// maxItems bounds what one sequence of values holds.
const maxItems = 500_000

// held complains of a sequence that has grown too long.
func held(values []Value, err error) error {
	if err == nil && len(values) > maxItems {
		return &Error{Message: "a sequence of more than 500,000 values"}
	}
	return err
}

// written counts the bytes of a text that an expression makes as turns: what
// repeats a long text many times is refused before it fills the memory.
func (f *Frame) written(size int) error { return f.spend(size / 64) }

// local is what a variable of for, let, some or every stands for, or the context
// item where that is no node: elements, or values.
type local struct {
	nodes  []document.Node
	values []Value
}

// spend counts turns of a loop, items made and comparisons.
func (f *Frame) spend(turns int) error {
	if f.effort += min(turns, maxEffort+1); f.effort > maxEffort {
		return &Error{Message: "the expression takes more than two million turns"}
	}
	return nil
}

// bind sets the variable at slot, until the loop sets the next one. After an
// error in the loop it stays, so that the item at fault can be located.
func (f *Frame) bind(slot int, b local) {
	for len(f.locals) <= slot {
		f.locals = append(f.locals, local{})
	}
	f.locals[slot] = b
}

// local is what the variable at slot stands for: nothing outside of its scope,
// where Locate may ask.
func (f *Frame) local(slot int) local {
	if slot >= len(f.locals) {
		return local{}
	}
	return f.locals[slot]
}

// declare puts a variable into scope and returns its slot. The scope lasts until
// the function returned is called.
func (c *compiler) declare(name string, t Type) (slot int, leave func()) {
	outer := c.scope
	inner := *outer
	inner.Variables = maps.Clone(outer.Variables)
	if inner.Variables == nil {
		inner.Variables = map[string]*Variable{}
	}
	slot = c.locals
	inner.Variables[name] = &Variable{bound: &bound{slot, t}}
	c.scope = &inner
	c.locals++
	return slot, func() { c.scope, c.locals = outer, c.locals-1 }
}

// bound is a variable that an expression declares itself.
type bound struct {
	slot int
	t    Type // with a Shape where it stands for nodes; attributes go by their values
}

// local compiles what a bound variable stands for.
func (c *compiler) local(b *bound) code {
	if b.t.Shape.elements() {
		return c.finish(&walk{from: -1, base: localNodes(b.slot)}, b.t)
	}
	if b.t.Repeats() {
		return &many{b.t, func(f *Frame, dst []Value) ([]Value, error) {
			return append(dst, f.local(b.slot).values...), nil
		}}
	}
	return &scalar{t: b.t, eval: func(f *Frame) (Value, bool, error) {
		values := f.local(b.slot).values
		if len(values) == 0 {
			return Value{}, false, nil
		}
		return values[0], true, nil
	}}
}

// localNodes are the elements of the variable at a slot.
type localNodes int

func (l localNodes) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	return append(dst, f.local(int(l)).nodes...), nil
}

// source is an expression whose items are gone through: elements as such, all
// else as values.
type source struct {
	elements *walk
	values   code
}

// source compiles what a loop goes through. t is the type of one item.
func (c *compiler) source(n node) (s source, t Type, ok bool) {
	k := c.compile(n)
	if k == nil {
		return s, t, false
	}
	t = k.typ()
	if w, isWalk := k.(*walk); isWalk && w.elements() {
		return source{elements: w}, t, true
	}
	if k = c.atomized(n, k); k == nil {
		return s, t, false
	}
	t = k.typ()
	if t.Shape.elements() {
		t.Shape = nil
	}
	return source{values: k}, t, true
}

// items evaluates the source as a whole.
func (s source) items(f *Frame) (local, error) {
	if s.elements != nil {
		nodes, err := s.elements.collect(f, nil)
		return local{nodes: nodes}, err
	}
	values, err := s.values.all(f, nil)
	return local{values: values}, err
}

func (l local) len() int { return max(len(l.nodes), len(l.values)) }

func (l local) at(i int) local {
	if l.nodes != nil {
		return local{nodes: l.nodes[i : i+1]}
	}
	return local{values: l.values[i : i+1]}
}

// bound evaluates the items of the variable at slot, which stands for nothing
// until then.
func (s source) bound(f *Frame, slot int) (local, error) {
	f.bind(slot, local{})
	return s.items(f)
}

// each calls visit for every item, bound to slot, with its place among how many,
// until it returns false.
func (s source) each(f *Frame, slot int, visit func(i, of int) (bool, error)) error {
	items, err := s.bound(f, slot)
	if err != nil {
		return err
	}
	for i := range items.len() {
		if err := f.spend(1); err != nil {
			return err
		}
		f.bind(slot, items.at(i))
		if more, err := visit(i, items.len()); err != nil {
			return err
		} else if !more {
			break
		}
	}
	f.bind(slot, local{})
	return nil
}

// loop compiles for, let, some and every (§3.8.1, §3.8.2, §3.10). Several
// bindings are loops within each other.
func (c *compiler) loop(n *loop) code {
	if len(n.bindings) > 1 {
		inner := *n
		inner.bindings = n.bindings[1:]
		n = &loop{n.at, n.word, n.bindings[:1], &inner}
	}
	b := n.bindings[0]
	s, t, ok := c.source(b.in)
	if !ok {
		return nil
	}
	item := t
	if n.word != "let" {
		item.Min, item.Max = 1, 1
	}
	slot, leave := c.declare(b.name, item)
	defer leave()
	switch n.word {
	case "some", "every":
		return c.quantified(n, s, slot)
	}
	body := c.body(n.result)
	if body == nil {
		return nil
	}
	if n.word == "let" {
		return &let{s, slot, body}
	}
	return forEach(s, slot, t, body)
}

// forEach is the values of body for every item of s.
func forEach(s source, slot int, items Type, body code) code {
	t := perItem(items, body)
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		err := s.each(f, slot, func(int, int) (more bool, err error) {
			dst, err = body.all(f, dst)
			return true, held(dst, err)
		})
		return dst, err
	}}
}

// forEachValue is forEach with the value as the context item.
func forEachValue(s source, slot int, items Type, body code) code {
	t := perItem(items, body)
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		position, last := f.position, f.last
		err := s.each(f, slot, func(i, of int) (more bool, err error) {
			f.position, f.last = i+1, of
			dst, err = body.all(f, dst)
			return true, held(dst, err)
		})
		f.position, f.last = position, last
		return dst, err
	}}
}

// perItem is the type of what a body yields for all items together.
func perItem(items Type, body code) Type {
	t := body.typ()
	return Type{Class: t.Class, Min: timesLeast(t.Min, min(items.Min, 1)), Max: times(t.Max, items.Max)}
}

func (c *compiler) quantified(n *loop, s source, slot int) code {
	test := c.test(n.result)
	if test == nil {
		return nil
	}
	decides := n.word == "some"
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		result := !decides
		err := s.each(f, slot, func(int, int) (more bool, err error) {
			ok, err := test(f)
			if err == nil && ok == decides {
				result = decides
			}
			return ok != decides, err
		})
		return Bool(result), true, err
	}}
}

// let gives a name to a whole sequence (§3.11).
type let struct {
	s    source
	slot int
	body code
}

func (l *let) typ() Type { return l.body.typ() }

func (l *let) bind(f *Frame) error {
	items, err := l.s.bound(f, l.slot)
	f.bind(l.slot, items)
	return err
}

func (l *let) one(f *Frame) (Value, Presence, error) {
	if err := l.bind(f); err != nil {
		return Value{}, Absent, err
	}
	return l.body.one(f)
}

func (l *let) all(f *Frame, dst []Value) ([]Value, error) {
	if err := l.bind(f); err != nil {
		return dst, err
	}
	return l.body.all(f, dst)
}

func (l *let) count(f *Frame) (int, error) {
	if err := l.bind(f); err != nil {
		return 0, err
	}
	return l.body.count(f)
}

// mapped is the simple map operator "!" (§3.14): the right side for every item
// of the left, as the context item.
func (c *compiler) mapped(n *binary) code {
	s, t, ok := c.source(n.left)
	if !ok {
		return nil
	}
	if s.elements == nil {
		slot, leave := c.focusValue(t)
		defer leave()
		if body := c.body(n.right); body != nil {
			return forEachValue(s, slot, t, body)
		}
		return nil
	}
	leave := c.focus(t.Shape)
	defer leave()
	body := c.body(n.right)
	if body == nil {
		return nil
	}
	return forEachElement(s.elements, t, body)
}

func (c *compiler) body(n node) code { return c.atomized(n, c.compile(n)) }

// focus makes an element the context item.
func (c *compiler) focus(s *Shape) (leave func()) {
	outer := c.scope
	inner := *outer
	inner.Context, inner.value = s, nil
	c.scope = &inner
	c.inside++
	return func() { c.scope, c.inside = outer, c.inside-1 }
}

// focusValue makes a value the context item: it has a slot, as variables do.
func (c *compiler) focusValue(t Type) (slot int, leave func()) {
	outer := c.scope
	inner := *outer
	slot = c.locals
	inner.Context, inner.value = nil, &bound{slot, Type{Class: t.Class, Min: 1, Max: 1, Shape: t.Shape}}
	c.scope = &inner
	c.locals++
	c.inside++
	return slot, func() { c.scope, c.locals, c.inside = outer, c.locals-1, c.inside-1 }
}

func forEachElement(w *walk, items Type, body code) code {
	t := perItem(items, body)
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		nodes, err := w.collect(f, nil)
		if err != nil {
			return dst, err
		}
		item, position, last := f.Item, f.position, f.last
		f.last = len(nodes)
		for i := 0; i < len(nodes) && err == nil; i++ {
			f.Item, f.position = nodes[i], i+1
			if err = f.spend(1); err == nil {
				dst, err = body.all(f, dst)
				err = held(dst, err)
			}
		}
		f.Item, f.position, f.last = item, position, last
		return dst, err
	}}
}
