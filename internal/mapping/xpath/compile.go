package xpath

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Compile resolves the expression in a scope. It returns every fault it finds;
// with any, the program is nil.
func (e *Expr) Compile(scope *Scope) (*Program, []*Fault) {
	c := &compiler{scope: scope, program: &Program{Source: e.Source}}
	code := c.compile(e.root)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	c.program.code = code
	if w, ok := code.(*walk); ok && w.isStraight() {
		c.program.straight = w
	}
	c.program.tester = tester(code)
	c.program.lacks = c.lacks(code.typ())
	if c.last != nil && node(c.last.call) == e.root {
		c.program.rounding = c.last
	}
	return c.program, nil
}

type compiler struct {
	scope   *Scope
	program *Program
	faults  []*Fault
	inside  int // how many predicates, or right sides of "!", are around
	kinship int // declarations gone through so far
	locals  int // how many slots the variables in scope take
	last    *Rounding
}

// fail records a fault and returns no code.
func (c *compiler) fail(n node, format string, args ...any) code {
	c.faults = append(c.faults, &Fault{n.offset(), fmt.Sprintf(format, args...)})
	return nil
}

func (c *compiler) warn(n node, format string, args ...any) {
	c.program.Warnings = append(c.program.Warnings, &Fault{n.offset(), fmt.Sprintf(format, args...)})
}

func (c *compiler) later(n node, what string) code {
	return c.fail(n, "not supported yet: %s", what)
}

// compile returns nil after a fault.
func (c *compiler) compile(n node) code {
	switch n := n.(type) {
	case *literal:
		return c.literal(n)
	case *variable:
		return c.variable(n)
	case *sequence:
		return c.sequence(n)
	case *call:
		return c.call(n)
	case *binary:
		return c.binary(n)
	case *unary:
		return c.unary(n)
	case *conditional:
		return c.conditional(n)
	case *loop:
		return c.loop(n)
	case *conversion:
		return c.conversion(n)
	case *current:
		return c.current(n)
	case *path:
		return c.path(n)
	case *filter:
		return c.filter(n)
	}
	return c.fail(n, "this cannot be compiled")
}

func (c *compiler) literal(n *literal) code {
	if n.kind == stringToken {
		return constant(Text(n.text))
	}
	class := Integer
	switch {
	case strings.ContainsAny(n.text, "eE"):
		class = Double
	case strings.Contains(n.text, "."):
		class = Decimal
	}
	v, complaint := read(&Frame{}, n.text, class)
	if complaint != "" {
		return c.fail(n, "the number %s", complaint)
	}
	return constant(v)
}

func (c *compiler) lookup(n *variable) *Variable {
	v, ok := c.scope.Variables[n.name]
	if !ok {
		names := make([]string, 0, len(c.scope.Variables))
		for name := range c.scope.Variables {
			names = append(names, name)
		}
		if row, column, dotted := strings.Cut(n.name, "."); dotted && c.scope.Variables[row] != nil {
			c.fail(n, "there is no variable $%s; did you mean $%s/%s?", n.name, row, column)
			return nil
		}
		c.fail(n, "there is no variable $%s%s", n.name, didYouMean("$", n.name, names))
		return nil
	}
	if v.Refuse != "" {
		c.fail(n, "%s", v.Refuse)
		return nil
	}
	return v
}

func didYouMean(before, word string, names []string) string {
	if near := config.Nearest(word, names); near != "" {
		return "; did you mean " + before + near + "?"
	}
	return ""
}

func (c *compiler) variable(n *variable) code {
	v := c.lookup(n)
	switch {
	case v == nil:
		return nil
	case v.Field != nil:
		return c.fail(n, "$%s has several values; name one, as in $%s/name", n.name, n.name)
	case v.bound != nil:
		return c.local(v.bound)
	}
	return c.walk(&path{at: n.at, from: n}, nil)
}

// current is the context item (§3.1.4).
func (c *compiler) current(n node) code {
	if c.scope.value != nil {
		return c.local(c.scope.value)
	}
	return c.walk(&path{at: at(n.offset())}, nil)
}

func (c *compiler) path(n *path) code {
	if n.rooted {
		return c.rooted(n)
	}
	switch from := n.from.(type) {
	case nil:
		return c.walk(n, nil)
	case *variable:
		return c.variablePath(n, from)
	case *filter, *path, *current, *binary:
		base := c.compile(from)
		if base == nil {
			return nil
		}
		if w, ok := base.(*walk); ok && !w.leaf() {
			return c.walk(n, w)
		}
	}
	return c.later(n, "steps from something other than a path or a variable")
}

func (c *compiler) variablePath(n *path, from *variable) code {
	v := c.lookup(from)
	if v == nil {
		return nil
	}
	if v.bound != nil {
		return c.boundPath(n, from, v.bound)
	}
	if v.Field == nil {
		return c.walk(n, nil)
	}
	s := &n.steps[0]
	if len(n.steps) > 1 || s.axis != childAxis || s.kind != "" || s.expr != nil || len(s.predicates) > 0 {
		return c.fail(n, "$%s has plain values; write $%s/name", from.name, from.name)
	}
	f, known, ok := v.Field(display(s.prefix, s.name))
	if !ok {
		return c.fail(s, "$%s has no value %s%s", from.name, s.name, didYouMean("$"+from.name+"/", s.name, known))
	}
	c.uses(Use{Variable: from.name, Field: display(s.prefix, s.name)})
	slot := f.Slot
	return &scalar{t: f.Type, eval: func(fr *Frame) (Value, bool, error) {
		v, ok := fr.Facts.Fact(slot)
		return v, ok, nil
	}}
}

func (c *compiler) boundPath(n *path, from *variable, b *bound) code {
	if !b.t.Shape.elements() {
		return c.fail(n, "$%s is a value; it has nothing below it", from.name)
	}
	return c.walk(n, nil)
}

func (c *compiler) conditional(n *conditional) code {
	mark := len(c.program.uses)
	test := c.test(n.test)
	c.judged(mark)
	then, otherwise := c.compile(n.then), c.compile(n.otherwise)
	then, otherwise = c.atomized(n.then, then), c.atomized(n.otherwise, otherwise)
	if test == nil || then == nil || otherwise == nil {
		return nil
	}
	a, b := then.typ(), otherwise.typ()
	class, ok := common(a, b)
	if !ok {
		return c.fail(n, "the branches are %s and %s; make them one type", a, b)
	}
	if _, mayBeNil := then.(*presentOnly); guards(n.test, n.then) && !mayBeNil {
		a.Min = 1
	}
	t := Type{present: true, Shape: a.either(b), Class: class, Min: min(a.Min, b.Min), Max: more(a.Max, b.Max)}
	return &branch{t, test, then, otherwise}
}

// guards reports whether a test says that the path is there: the path itself,
// or exists() of it.
func guards(test, then node) bool {
	if c, ok := test.(*call); ok && c.name == "exists" && len(c.args) == 1 {
		test = c.args[0]
	}
	a, ok1 := test.(*path)
	b, ok2 := then.(*path)
	return ok1 && ok2 && a.from == nil && b.from == nil && a.rooted == b.rooted && slices.EqualFunc(a.steps, b.steps, sameStep)
}

func sameStep(a, b step) bool {
	return a.axis == b.axis && a.prefix == b.prefix && a.name == b.name && a.kind == b.kind && a.expr == nil && b.expr == nil && len(a.predicates)+len(b.predicates) == 0
}

// common is the class of values that may be of either type.
func common(a, b Type) (Class, bool) {
	switch {
	case a.never():
		return b.Class, true
	case b.never() || a.Class == b.Class:
		return a.Class, true
	case a.Class.textual() && b.Class.textual():
		return String, true
	case a.Class.Numeric() && b.Class.Numeric() && a.Class != Double && b.Class != Double:
		return Decimal, true
	}
	return Untyped, false
}

func more(a, b int) int {
	if a == Unbounded || b == Unbounded {
		return Unbounded
	}
	return max(a, b)
}

// test compiles a condition.
func (c *compiler) test(n node) func(*Frame) (bool, error) {
	code := c.compile(n)
	if code == nil {
		return nil
	}
	test := tester(code)
	if test == nil {
		c.fail(n, "%s is neither true nor false", code.typ())
	}
	return test
}

// tester is the effective boolean value (§2.4.3); nil when there is none.
func tester(k code) func(*Frame) (bool, error) {
	t := k.typ()
	if t.Shape != nil || t.never() {
		return func(f *Frame) (bool, error) {
			n, err := k.count(f)
			return n > 0, err
		}
	}
	if t.Repeats() || t.Class >= DateTime {
		return nil
	}
	if s, ok := k.(*scalar); ok && s.test != nil {
		return s.test
	}
	return func(f *Frame) (bool, error) {
		v, p, err := k.one(f)
		return p == Present && truth(v), err
	}
}

// valued requires code to have a typed value.
func (c *compiler) valued(n node, k code) bool {
	complaint := c.lacks(k.typ())
	if complaint != "" {
		c.fail(n, "%s", complaint)
	}
	return complaint == ""
}

// atomized requires code to have a typed value, and lets an element that is
// xsi:nil be no value (XPath §2.4.2). It returns nil after a fault.
func (c *compiler) atomized(n node, k code) code {
	if k == nil || !c.valued(n, k) {
		return nil
	}
	if w, ok := k.(*walk); ok && w.t.Nillable() {
		return &presentOnly{w}
	}
	return k
}

// presentOnly is a path whose nodes that are xsi:nil do not count.
type presentOnly struct{ *walk }

func (p *presentOnly) typ() Type {
	t := p.t
	t.Min, t.present = 0, true
	return t
}

func (p *presentOnly) one(f *Frame) (Value, Presence, error) {
	v, presence, err := p.walk.one(f)
	if presence == Nil {
		presence = Absent
	}
	return v, presence, err
}

// lacks says why nodes of the type have no typed value.
func (c *compiler) lacks(t Type) string {
	switch {
	case t.Shape == nil:
		return ""
	case t.Shape.Blocks != nil:
		return "the header has no value of its own; name a header block"
	}
	for _, m := range t.Shape.members() {
		if _, complaint := m.class(); complaint != "" {
			return c.scope.name(m) + " " + complaint
		}
	}
	if _, complaint := t.Shape.class(); complaint != "" {
		return c.scope.name(t.Shape) + " " + complaint
	}
	return ""
}

// operand compiles what must be at most one value.
func (c *compiler) operand(n node, of string) code {
	k := c.atomized(n, c.compile(n))
	if k == nil {
		return nil
	}
	if t := k.typ(); t.Repeats() {
		return c.fail(n, "%s takes one value, and this may be several; pick one with [1] or use an aggregate such as sum or string-join", of)
	}
	return k
}

var castTargets = map[string]Class{
	"string": String, "boolean": Boolean, "integer": Integer, "decimal": Decimal, "double": Double,
	"dateTime": DateTime, "date": Date, "time": Time, "dayTimeDuration": DayTimeDuration, "yearMonthDuration": YearMonthDuration,
}

func (c *compiler) conversion(n *conversion) code {
	to, ok := castTargets[strings.TrimPrefix(n.target, "xs:")]
	if !ok || !strings.HasPrefix(n.target, "xs:") {
		return c.fail(n, "there is no type %s to cast to", n.target)
	}
	k := c.operand(n.operand, n.word)
	if k == nil {
		return nil
	}
	if n.word == "castable as" {
		return c.castable(n, k, to)
	}
	if !n.optional && k.typ().Optional() {
		return c.fail(n, "the operand may be absent; write %s?", n.target)
	}
	return c.casting(n, k, to)
}

// castable is §3.13.3: false for an absent operand, unless the type is optional.
func (c *compiler) castable(n *conversion, k code, to Class) code {
	possible := castable(k.typ().Class, to)
	return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present {
			return Bool(n.optional), true, err
		}
		if !possible {
			return Bool(false), true, nil
		}
		_, complaint := cast(f, v, to)
		return Bool(complaint == ""), true, nil
	}}
}

func (c *compiler) casting(n node, k code, to Class) code {
	from := k.typ()
	if !castable(from.Class, to) {
		return c.fail(n, "%s cannot be cast to %s", from.Class, to)
	}
	return c.each1(Type{Class: to, Min: from.Min, Max: 1}, k, func(f *Frame, v Value) (Value, string) {
		return cast(f, v, to)
	})
}

// each1 applies fn to the value of k, if there is one.
func (c *compiler) each1(t Type, k code, fn func(*Frame, Value) (Value, string)) *scalar {
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present {
			return Value{}, false, err
		}
		r, complaint := fn(f, v)
		if complaint != "" {
			return Value{}, false, &Error{"the value " + complaint, v.Lexical()}
		}
		return r, true, nil
	}}
}
