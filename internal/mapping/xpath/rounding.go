package xpath

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// rounding is abs, ceiling, floor, round and round-half-to-even.
func (c *compiler) rounding(n *call) code {
	k := c.number(n.args[0], n.name)
	if k == nil {
		return nil
	}
	places, ok := c.places(n)
	if !ok {
		return nil
	}
	t := k.typ()
	c.rounded(n, t, places)
	t.Shape = nil
	s := c.each1(t, k, func(f *Frame, v Value) (Value, string) {
		if v.Class == Double {
			return roundDouble(n.name, v, places), ""
		}
		d := f.decimal()
		roundDecimal(d, n.name, v.Number, places)
		return Value{Class: v.Class, Number: d}, ""
	})
	return s.roundsShort(n.name, k, places)
}

// Rounding says that an expression as a whole is rounded.
type Rounding struct {
	Places int              // digits kept after the point; less than 0 rounds tens and more
	Of     *contract.Simple // the type of what is rounded; nil where the contract has none

	call *call
}

// rounded keeps what the last call rounds: of the whole expression, when it is
// one, all others stand within.
func (c *compiler) rounded(n *call, t Type, places int32) {
	if n.name != "abs" && (t.Class == Decimal || t.Class == Integer) {
		c.last = &Rounding{int(places), t.Simple(), n}
	}
}

// Rounding returns how the value is rounded, or nil.
func (p *Program) Rounding() *Rounding { return p.rounding }

// places is the second argument of round: a literal, perhaps with a sign.
func (c *compiler) places(n *call) (int32, bool) {
	if len(n.args) < 2 {
		return 0, true
	}
	arg, sign := n.args[1], int32(1)
	if u, ok := arg.(*unary); ok {
		if arg = u.operand; u.negative {
			sign = -1
		}
	}
	l, ok := arg.(*literal)
	if !ok || l.kind != numberToken || run(l.text) != len(l.text) || len(l.text) > 2 {
		c.later(n.args[1], "a precision that is not a whole number of two digits at most")
		return 0, false
	}
	return sign * int32(digits(l.text)), true
}

func roundDecimal(d *apd.Decimal, name string, x *apd.Decimal, places int32) {
	switch {
	case name == "abs":
		exact.Abs(d, x)
	case -x.Exponent <= places:
		d.Set(x)
	case name == "floor":
		scaled(d, x, 0, apd.RoundFloor)
	case name == "ceiling":
		scaled(d, x, 0, apd.RoundCeiling)
	case name == "round-half-to-even":
		scaled(d, x, places, apd.RoundHalfEven)
	case x.Negative: // round: a half goes towards positive infinity
		scaled(d, x, places, apd.RoundHalfDown)
	default:
		scaled(d, x, places, apd.RoundHalfUp)
	}
	if d.IsZero() {
		d.Negative = false
	}
}

func roundDouble(name string, v Value, places int32) Value {
	shift := math.Pow10(int(places))
	switch name {
	case "abs":
		v.Float = math.Abs(v.Float)
	case "floor":
		v.Float = math.Floor(v.Float)
	case "ceiling":
		v.Float = math.Ceil(v.Float)
	case "round-half-to-even":
		v.Float = math.RoundToEven(v.Float*shift) / shift
	default:
		v.Float = math.Floor(v.Float*shift+0.5) / shift
	}
	v.Text = ""
	return v
}
