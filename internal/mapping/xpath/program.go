// Package xpath compiles expressions of an XPath 3.1 subset, statically typed
// against a contract's type model, and evaluates them over document trees.
//
// There is no XPath 1.0 compatibility mode: a number is no string, and an
// unknown name is a fault. Decimals are exact; division rounds to 34 digits,
// half to even. Where an operand has no type before the message, it is cast to
// the type of the other one, to xs:decimal rather than xs:double.
//
// The package knows neither mapping files nor rows. Section numbers in its
// comments are those of XPath 3.1 and of XPath and XQuery Functions and
// Operators 3.1.
package xpath

import (
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// Program is a compiled expression: immutable, safe for concurrent use.
type Program struct {
	Source   string
	Warnings []*Fault
	// Blocks names the children of a container that paths begin with: the
	// header blocks that are read.
	Blocks []contract.Name
	// Positional says that a predicate of its own path counts: which nodes are
	// meant depends on how many there are.
	Positional bool

	// straight is code where it is a straight path; nil elsewhere.
	straight *walk
	code     code
	tester   func(*Frame) (bool, error)
	paths    []*walk // those whose node tells where a fault came from
	lacks    string  // why its nodes have no value, or empty
	uses     []Use
	rounding *Rounding // nil: the value is not rounded
}

// Type is the static type.
func (p *Program) Type() Type { return p.code.typ() }

// Valueless says why the expression has no typed value, or is empty when it has:
// an element with child elements can be counted and walked, not stored.
func (p *Program) Valueless() string { return p.lacks }

// One evaluates an expression of at most one item. Errors are of type *Error.
func (p *Program) One(f *Frame) (Value, Presence, error) {
	v, presence, err := p.code.one(f)
	if f.Watch != nil {
		p.saw(f, seenWhether(presence == Present), err)
	}
	return v, presence, err
}

// All appends the atomized items to dst. An xsi:nil element yields no item.
func (p *Program) All(f *Frame, dst []Value) ([]Value, error) {
	before := len(dst)
	dst, err := p.code.all(f, dst)
	if f.Watch != nil {
		p.saw(f, seenWhether(len(dst) > before), err)
	}
	return dst, err
}

// Each yields the items one by one, those that are xsi:nil too.
func (p *Program) Each(f *Frame, yield func(Value, Presence)) error {
	if f.Watch == nil {
		return p.each(f, yield)
	}
	seen := SeenNothing
	err := p.each(f, func(v Value, presence Presence) {
		seen = SeenValue
		yield(v, presence)
	})
	p.saw(f, seen, err)
	return err
}

func (p *Program) each(f *Frame, yield func(Value, Presence)) error {
	if w, ok := p.code.(*walk); ok {
		return w.each(f, yield)
	}
	values, err := p.code.all(f, nil)
	for _, v := range values {
		yield(v, Present)
	}
	return err
}

// Test is the effective boolean value (§2.4.3). It panics unless Testable.
func (p *Program) Test(f *Frame) (bool, error) {
	ok, err := p.tester(f)
	if f.Watch != nil {
		seen := SeenFalse
		if ok {
			seen = SeenTrue
		}
		p.saw(f, seen, err)
	}
	return ok, err
}

// Testable reports whether the expression has an effective boolean value.
func (p *Program) Testable() bool { return p.tester != nil }

// Walks reports whether the expression is a path to elements.
func (p *Program) Walks() bool {
	w, ok := p.code.(*walk)
	return ok && w.elements()
}

// Elements appends the elements of a path to dst; ok is false when the
// expression is not a path to elements.
func (p *Program) Elements(f *Frame, dst []document.Node) (nodes []document.Node, ok bool, err error) {
	w, ok := p.code.(*walk)
	if !ok || !w.elements() {
		return dst, false, nil
	}
	before := len(dst)
	dst, err = w.collect(f, dst)
	if f.Watch != nil {
		p.saw(f, seenWhether(len(dst) > before), err)
	}
	return dst, true, err
}

// Place is where in the message a value came from.
type Place struct {
	Path         string
	Line, Column int
}

// Origin is a Place that is looked up when it is asked for: while the tree of
// its node is there, and by one goroutine at a time.
type Origin struct {
	node  document.Node
	leaf  string // what to add to the path of the node: /@name
	place *Place // of no node
}

// At is the Origin of a Place that is known.
func At(path string, line, column int) Origin { return Origin{place: &Place{path, line, column}} }

// From is the Origin of what was made from an element.
func From(n document.Node) Origin { return Origin{node: n} }

// Place looks up the place; it is the zero Place for the zero Origin.
func (o *Origin) Place() Place {
	switch {
	case o.place != nil:
		return *o.place
	case !o.node.Exists():
		return Place{}
	}
	line, column := o.node.Position()
	return Place{o.node.Path() + o.leaf, line, column}
}

// Locate finds the node that the expression read, or the nearest ancestor that
// is there; the context item when it reads none. It is slow, for complaints.
func (p *Program) Locate(f *Frame) Place {
	o := p.Origin(f)
	return o.Place()
}

// Origin finds what Locate describes.
func (p *Program) Origin(f *Frame) Origin {
	for _, w := range p.paths {
		if n := w.nearest(f); n.Exists() {
			return w.origin(n)
		}
	}
	return From(f.Item)
}

// code is one compiled part of an expression.
type code interface {
	typ() Type
	// one evaluates to at most one item; when there may be more, the first.
	one(f *Frame) (Value, Presence, error)
	all(f *Frame, dst []Value) ([]Value, error)
	// count is the number of items, before atomizing.
	count(f *Frame) (int, error)
}

// scalar is code of at most one atomic value.
type scalar struct {
	t       Type
	eval    func(f *Frame) (v Value, ok bool, err error)
	quick   quick                        // of numbers that may be short; nil elsewhere
	depth   int                          // how many of them are tried for this one
	test    func(f *Frame) (bool, error) // of conditions: the value; nil elsewhere
	literal *Value                       // of constants; nil elsewhere
}

func (s *scalar) typ() Type { return s.t }

func (s *scalar) one(f *Frame) (Value, Presence, error) {
	if s.quick != nil {
		if n, presence, ok := s.quick(f); ok {
			return s.number(f, n, presence)
		}
	}
	v, ok, err := s.eval(f)
	if !ok || err != nil {
		return Value{}, Absent, err
	}
	return v, Present, nil
}

func (s *scalar) into(f *Frame, v *Value) (Presence, error) {
	if s.quick != nil {
		if n, presence, ok := s.quick(f); ok {
			if presence == Present {
				*v = Value{Class: s.t.Class, Number: n.decimal(f)}
				return Present, nil
			}
			return Absent, nil
		}
	}
	one, ok, err := s.eval(f)
	if !ok || err != nil {
		return Absent, err
	}
	*v = one
	return Present, nil
}

func (s *scalar) number(f *Frame, n short, presence Presence) (Value, Presence, error) {
	if presence != Present {
		return Value{}, Absent, nil
	}
	return Value{Class: s.t.Class, Number: n.decimal(f)}, Present, nil
}

func (s *scalar) all(f *Frame, dst []Value) ([]Value, error) {
	v, presence, err := s.one(f)
	if presence == Present && err == nil {
		dst = append(dst, v)
	}
	return dst, err
}

func (s *scalar) count(f *Frame) (int, error) {
	_, ok, err := s.eval(f)
	if ok && err == nil {
		return 1, nil
	}
	return 0, err
}

// many is code of any number of atomic values.
type many struct {
	t    Type
	eval func(f *Frame, dst []Value) ([]Value, error)
}

func (m *many) typ() Type { return m.t }

func (m *many) all(f *Frame, dst []Value) ([]Value, error) { return m.eval(f, dst) }

func (m *many) one(f *Frame) (Value, Presence, error) {
	return first(m.eval(f, nil))
}

func (m *many) count(f *Frame) (int, error) {
	vs, err := m.eval(f, nil)
	return len(vs), err
}

// constant is code that needs no frame.
func constant(v Value) *scalar {
	s := &scalar{t: single(v.Class), literal: &v, eval: func(*Frame) (Value, bool, error) { return v, true, nil }}
	if v.Number == nil {
		return s
	}
	if n, ok := shortOf(v.Number); ok {
		s.quick = func(*Frame) (short, Presence, bool) { return n, Present, true }
	}
	return s
}

// empty is the empty sequence.
func empty() *scalar {
	return &scalar{t: Type{Class: Untyped}, eval: func(*Frame) (Value, bool, error) { return Value{}, false, nil }}
}

// branch is if-then-else.
type branch struct {
	t               Type
	test            func(*Frame) (bool, error)
	then, otherwise code
}

func (b *branch) typ() Type { return b.t }

func (b *branch) choose(f *Frame) (code, error) {
	ok, err := b.test(f)
	if ok && err == nil {
		return b.then, nil
	}
	return b.otherwise, err
}

func (b *branch) one(f *Frame) (Value, Presence, error) {
	c, err := b.choose(f)
	if err != nil {
		return Value{}, Absent, err
	}
	v, p, err := c.one(f)
	return b.widen(v), p, err
}

func (b *branch) all(f *Frame, dst []Value) ([]Value, error) {
	c, err := b.choose(f)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst, err = c.all(f, dst)
	for i := start; i < len(dst); i++ {
		dst[i] = b.widen(dst[i])
	}
	return dst, err
}

// widen makes an integer a decimal where the other branch is one.
func (b *branch) widen(v Value) Value {
	if v.Class == Integer && b.t.Class == Decimal {
		v.Class = Decimal
	}
	return v
}

func (b *branch) count(f *Frame) (int, error) {
	c, err := b.choose(f)
	if err != nil {
		return 0, err
	}
	return c.count(f)
}
