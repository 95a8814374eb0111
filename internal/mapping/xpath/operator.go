package xpath

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

func (c *compiler) binary(n *binary) code {
	switch n.op {
	case "or", "and":
		return c.logic(n)
	case "||":
		return c.concatenation(n)
	case "+", "-", "*", "div", "idiv", "mod":
		return c.arithmetic(n)
	case "=", "!=", "<", "<=", ">", ">=":
		return c.general(n)
	case "eq", "ne", "lt", "le", "gt", "ge":
		return c.valueComparison(n)
	case "to":
		return c.span(n)
	case "!":
		return c.mapped(n)
	case "|", "union", "intersect", "except":
		return c.combination(n)
	case "is", "<<", ">>":
		return c.nodeComparison(n)
	}
	return c.later(n, "the operator "+n.op)
}

// logic is and, or (§3.8): the right operand is looked at only when it matters.
func (c *compiler) logic(n *binary) code {
	left, right := c.test(n.left), c.test(n.right)
	if left == nil || right == nil {
		return nil
	}
	decides := n.op == "or"
	return condition(func(f *Frame) (bool, error) {
		ok, err := left(f)
		if err == nil && ok != decides {
			ok, err = right(f)
		}
		return ok, err
	})
}

// concatenation is || (§3.6): an absent operand is the empty string.
func (c *compiler) concatenation(n *binary) code {
	left, right := c.operand(n.left, "||"), c.operand(n.right, "||")
	if left == nil || right == nil {
		return nil
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		a, _, err := left.one(f)
		if err != nil {
			return Value{}, false, err
		}
		b, _, err := right.one(f)
		if err != nil {
			return Value{}, false, err
		}
		joined := a.Lexical() + b.Lexical()
		return Text(joined), true, f.written(len(joined))
	}}
}

func (c *compiler) unary(n *unary) code {
	k := c.number(n.operand, "the sign")
	if k == nil {
		return nil
	}
	t := k.typ()
	t.Shape = nil
	return c.each1(t, k, func(f *Frame, v Value) (Value, string) {
		switch {
		case !n.negative:
			return v, ""
		case v.Class == Double:
			return Value{Class: Double, Float: -v.Float}, ""
		}
		d := f.decimal()
		exact.Neg(d, v.Number)
		return Value{Class: v.Class, Number: d}, ""
	})
}

// number compiles an operand of arithmetic.
func (c *compiler) number(n node, of string) code {
	k := c.operand(n, of)
	if k == nil {
		return nil
	}
	return c.numeric(n, k, of)
}

func (c *compiler) numeric(n node, k code, of string) code {
	switch t := k.typ(); {
	case t.never() || t.Class.Numeric():
		return k
	case t.Class == Untyped:
		return c.fail(n, "%s needs a number, and this has no type; convert it with xs:decimal()", of)
	case t.Class == String && of == "+":
		return c.fail(n, "+ needs a number, not %s; texts are joined with ||", t)
	default:
		return c.fail(n, "%s needs a number, not %s", of, t)
	}
}

// arithmetic is §3.5: an absent operand makes the result absent.
func (c *compiler) arithmetic(n *binary) code {
	left, right := c.quantity(n.left, n.op), c.quantity(n.right, n.op)
	if left == nil || right == nil {
		return nil
	}
	a, b := left.typ(), right.typ()
	if a.Class >= DateTime && !a.never() || b.Class >= DateTime && !b.never() {
		return c.reckoning(n, left, right)
	}
	t := Type{Class: resultClass(n.op, a.Class, b.Class), Min: min(a.Min, b.Min), Max: min(a.Max, b.Max)}
	apply := decimalOperators[n.op]
	s := &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		x, p, err := left.one(f)
		if err != nil || p != Present {
			return Value{}, false, err
		}
		y, p, err := right.one(f)
		if err != nil || p != Present {
			return Value{}, false, err
		}
		v, complaint := calculate(f, n.op, apply, t.Class, x, y)
		if complaint != "" {
			return Value{}, false, &Error{complaint, x.Lexical() + " " + n.op + " " + y.Lexical()}
		}
		return v, true, nil
	}}
	return s.calculatesShort(n.op, left, right)
}

// quantity compiles an operand that is a number, a moment or a duration.
func (c *compiler) quantity(n node, of string) code {
	k := c.operand(n, of)
	if k == nil {
		return nil
	}
	if t := k.typ(); t.never() || t.Class.moment() || t.Class.duration() {
		return k
	}
	return c.numeric(n, k, of)
}

// reckoning is arithmetic with moments and durations.
func (c *compiler) reckoning(n *binary, left, right code) code {
	a, b := left.typ(), right.typ()
	class, ok := temporal(n.op, a.Class, b.Class)
	if !ok && !a.never() && !b.never() {
		return c.fail(n, "there is no %s of %s and %s", n.op, a.Class, b.Class)
	}
	t := Type{Class: class, Min: min(a.Min, b.Min), Max: min(a.Max, b.Max)}
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		x, y, ok, err := both(f, left, right)
		if err != nil || !ok {
			return Value{}, false, err
		}
		v, complaint := reckon(f, n.op, x, y)
		if complaint != "" {
			return Value{}, false, &Error{complaint, x.Lexical() + " " + n.op + " " + y.Lexical()}
		}
		return v, true, nil
	}}
}

// resultClass is the type table of §B.2.
func resultClass(op string, a, b Class) Class {
	switch {
	case op == "idiv":
		return Integer
	case a == Double || b == Double:
		return Double
	case a == Integer && b == Integer && op != "div":
		return Integer
	}
	return Decimal
}

func calculate(f *Frame, op string, apply decimalOperator, class Class, x, y Value) (Value, string) {
	if x.Class == Double || y.Class == Double {
		return calculateDouble(f, op, asFloat(x), asFloat(y))
	}
	d := f.decimal()
	if complaint := apply(d, x.Number, y.Number); complaint != "" {
		return Value{}, complaint
	}
	if d.NumDigits() > resultDigits || d.Exponent < -resultDigits {
		return Value{}, "the result is longer than 250 digits"
	}
	return Value{Class: class, Number: d}, ""
}

// decimalOperator sets d to x op y, or complains.
type decimalOperator func(d, x, y *apd.Decimal) string

// decimalOperators follow XPath and XQuery Functions 3.1 §4.2.
var decimalOperators = map[string]decimalOperator{
	"+":    func(d, x, y *apd.Decimal) string { return outcome(exact.Add(d, x, y)) },
	"-":    func(d, x, y *apd.Decimal) string { return outcome(exact.Sub(d, x, y)) },
	"*":    func(d, x, y *apd.Decimal) string { return outcome(exact.Mul(d, x, y)) },
	"div":  divide,
	"idiv": func(d, x, y *apd.Decimal) string { return integral(d, x, y, wide.QuoInteger) },
	"mod":  func(d, x, y *apd.Decimal) string { return integral(d, x, y, wide.Rem) },
}

func outcome(_ apd.Condition, err error) string {
	if err != nil {
		return "cannot be calculated"
	}
	return ""
}

func divide(d, x, y *apd.Decimal) string {
	if y.IsZero() {
		return "division by zero"
	}
	complaint := outcome(quotient.Quo(d, x, y))
	if complaint == "" && d.Exponent > 0 {
		scaled(d, d, 0, apd.RoundDown)
	}
	return complaint
}

func integral(d, x, y *apd.Decimal, op func(d, x, y *apd.Decimal) (apd.Condition, error)) string {
	if y.IsZero() {
		return "division by zero"
	}
	complaint := outcome(op(d, x, y))
	if complaint == "" && d.Exponent > 0 {
		scaled(d, d, 0, apd.RoundDown)
	}
	return complaint
}

func calculateDouble(f *Frame, op string, x, y float64) (Value, string) {
	r := math.NaN()
	switch op {
	case "+":
		r = x + y
	case "-":
		r = x - y
	case "*":
		r = x * y
	case "div":
		r = x / y
	case "mod":
		r = math.Mod(x, y)
	case "idiv":
		return toDecimal(f, Value{Class: Double, Float: math.Trunc(x / y)}, Integer)
	}
	return Value{Class: Double, Float: r}, ""
}

// relation is how two values compare.
type relation int

const (
	less      relation = -1
	equal     relation = 0
	greater   relation = 1
	unordered relation = 2 // NaN, or values that no type unites
)

// holds reports whether an operator accepts a relation.
func holds(op string, r relation) bool {
	switch op {
	case "=", "eq":
		return r == equal
	case "!=", "ne":
		return r != equal
	case "<", "lt":
		return r == less
	case "<=", "le":
		return r == less || r == equal
	case ">", "gt":
		return r == greater
	}
	return r == greater || r == equal
}

// comparable reports whether values of the classes can be compared (§B.2).
func comparable(a, b Class) bool {
	return a == b || a.Numeric() && b.Numeric() || a.textual() && b.textual() || a == Untyped || b == Untyped
}

// order compares two values; an untyped one is read as the other's class.
func order(f *Frame, a, b Value) relation {
	if a.Class == Untyped && !b.Class.textual() {
		return orderCast(f, a, b, b.Class, false)
	}
	if b.Class == Untyped && !a.Class.textual() {
		return orderCast(f, b, a, a.Class, true)
	}
	switch {
	case a.Class.textual() && b.Class.textual():
		return relation(strings.Compare(a.Text, b.Text))
	case a.Class == Double || b.Class == Double:
		return orderFloats(asFloat(a), asFloat(b))
	case a.Number != nil && b.Number != nil:
		return relation(a.Number.Cmp(b.Number))
	case a.Class != b.Class:
		return unordered
	}
	return orderSame(a, b)
}

func orderCast(f *Frame, untyped, other Value, class Class, swapped bool) relation {
	v, complaint := read(f, trim(untyped.Text), class)
	switch {
	case complaint != "":
		return unordered
	case swapped:
		return order(f, other, v)
	}
	return order(f, v, other)
}

func orderSame(a, b Value) relation {
	switch a.Class {
	case Boolean:
		return relation(cmp.Compare(asFloat(a), asFloat(b)))
	case Time:
		return relation(timeOfDay(a.Text).Compare(timeOfDay(b.Text)))
	case Binary:
		return relation(strings.Compare(a.Text, b.Text))
	case DayTimeDuration, YearMonthDuration:
		return relation(cmp.Compare(a.span(), b.span()))
	}
	return relation(a.Instant().Compare(b.Instant()))
}

// timeOfDay puts an xs:time on the reference date (§9.4.18).
func timeOfDay(s string) time.Time {
	t, _ := scanMoment("1972-12-31T" + s)
	return t
}

func orderFloats(a, b float64) relation {
	if math.IsNaN(a) || math.IsNaN(b) {
		return unordered
	}
	return relation(cmp.Compare(a, b))
}

// pair compiles both sides of a comparison and checks that they can meet.
func (c *compiler) pair(n *binary, compile func(node) code) (left, right code) {
	left, right = c.atomized(n.left, compile(n.left)), c.atomized(n.right, compile(n.right))
	if left == nil || right == nil {
		return nil, nil
	}
	a, b := left.typ(), right.typ()
	if !a.never() && !b.never() && !comparable(a.Class, b.Class) {
		c.fail(n, "%s cannot be compared with %s; convert one of them%s", a.Class, b.Class, conversionHint(a.Class, b.Class))
		return nil, nil
	}
	left, right = typedAs(left, b), typedAs(right, a)
	c.warnEnumeration(n.right, a, n.left, n.right)
	c.warnEnumeration(n.left, b, n.right, n.left)
	return left, right
}

// typedAs reads values without a type as the type of the other operand (§3.7.1,
// §3.7.2): what cannot be read so is a fault, not merely unequal.
func typedAs(k code, other Type) code {
	t := k.typ()
	if t.Class != Untyped || t.never() || other.never() || other.Class.textual() {
		return k
	}
	to := other.Class
	if to == Integer {
		to = Decimal
	}
	t.Class, t.Shape = to, nil
	return &many{t, func(f *Frame, dst []Value) ([]Value, error) {
		start := len(dst)
		dst, err := k.all(f, dst)
		for i := start; i < len(dst) && err == nil; i++ {
			v, complaint := read(f, trim(dst[i].Text), to)
			if complaint != "" {
				err = &Error{"the value " + complaint, dst[i].Text}
			}
			dst[i] = v
		}
		return dst, err
	}}
}

func conversionHint(a, b Class) string {
	if a.textual() {
		a = b
	}
	if a == Binary {
		return ""
	}
	return ", as in " + a.String() + "(…)"
}

// warnEnumeration warns of a literal that the contract never allows.
func (c *compiler) warnEnumeration(at node, t Type, path, other node) {
	l, ok := other.(*literal)
	simple := t.Simple()
	if !ok || simple == nil || len(simple.Enumeration) == 0 || slices.Contains(simple.Enumeration, l.text) {
		return
	}
	c.warn(at, "%s is never %q; it is one of %s", c.scope.name(t.Shape), l.text, strings.Join(simple.Enumeration, ", "))
}

// general is a general comparison (§3.7.2): true when any item of the left
// meets any item of the right.
func (c *compiler) general(n *binary) code {
	left, right := c.pair(n, c.compile)
	if left == nil {
		return nil
	}
	a, b := left.typ(), right.typ()
	if n.op == "!=" && (a.Optional() || b.Optional()) {
		c.warn(n, "!= is false when an operand is absent; where that is not meant, write not(… = …)")
	}
	op := n.op
	if a.Repeats() || b.Repeats() {
		return &scalar{t: single(Boolean), eval: func(f *Frame) (Value, bool, error) { return anyMeets(f, op, left, right) }}
	}
	if w, text, ok := textTest(left, right); ok && (op == "=" || op == "!=") {
		return condition(func(f *Frame) (bool, error) {
			var v Value
			presence, err := w.into(f, &v)
			return presence == Present && (v.Text == text) == (op == "="), err
		})
	}
	return condition(func(f *Frame) (bool, error) {
		x, y, ok, err := both(f, left, right)
		return ok && holds(op, order(f, x, y)), err
	})
}

// condition is code of one boolean.
func condition(test func(*Frame) (bool, error)) *scalar {
	return &scalar{t: single(Boolean), test: test, eval: func(f *Frame) (Value, bool, error) {
		ok, err := test(f)
		return Bool(ok), true, err
	}}
}

func both(f *Frame, left, right code) (x, y Value, ok bool, err error) {
	x, p, err := left.one(f)
	if err != nil || p != Present {
		return x, y, false, err
	}
	y, p, err = right.one(f)
	return x, y, p == Present, err
}

func anyMeets(f *Frame, op string, left, right code) (Value, bool, error) {
	xs, err := left.all(f, nil)
	if err != nil {
		return Value{}, false, err
	}
	ys, err := right.all(f, nil)
	if err != nil {
		return Value{}, false, err
	}
	if err := f.spend(len(xs) * len(ys)); err != nil {
		return Value{}, false, err
	}
	for _, x := range xs {
		if slices.ContainsFunc(ys, func(y Value) bool { return holds(op, order(f, x, y)) }) {
			return Bool(true), true, nil
		}
	}
	return Bool(false), true, nil
}

// valueComparison is §3.7.1: one value each; absent when one is.
func (c *compiler) valueComparison(n *binary) code {
	left, right := c.pair(n, func(m node) code { return c.operand(m, n.op) })
	if left == nil {
		return nil
	}
	t := single(Boolean).mayBeAbsent(left.typ(), right.typ())
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		x, y, ok, err := both(f, left, right)
		return Bool(ok && holds(n.op, order(f, x, y))), ok, err
	}}
}
