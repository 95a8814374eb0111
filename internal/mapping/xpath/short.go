package xpath

import (
	"math"
	"math/bits"

	"github.com/cockroachdb/apd/v3"
)

// short is the decimal number n × 10^-scale. Quantities and prices fit, and what
// fits is calculated with as whole numbers; everything else as apd.Decimal.
// Results have the scale that the general operators give them.
type short struct {
	n     int64
	scale int32
}

// quick is code of at most one number, evaluated as short; it may evaluate to
// Absent or Present. ok is false where the general way has to be gone: for
// numbers that do not fit, and for every fault.
type quick func(f *Frame) (s short, presence Presence, ok bool)

// maxShort is how many digits a short number is read from.
const maxShort = 18

// scanShort reads what scan reads, when it is short and without white space.
func scanShort(s string, whole bool) (short, bool) {
	if s == "" {
		return short{}, false
	}
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > maxShort {
		return short{}, false
	}
	var r short
	point := -1
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		switch {
		case d <= 9:
			r.n = r.n*10 + int64(d)
		case s[i] == '.' && point < 0 && !whole:
			point = i
		default:
			return short{}, false
		}
	}
	if point >= 0 {
		if len(s) == 1 {
			return short{}, false
		}
		r.scale = int32(len(s) - point - 1)
	}
	if negative {
		r.n = -r.n
	}
	return r, true
}

// decimal is the number as everybody else takes it.
func (s short) decimal(f *Frame) *apd.Decimal {
	d := f.decimal()
	d.Exponent = -s.scale
	if s.n < 0 {
		d.Negative = true
		d.Coeff.SetUint64(uint64(-s.n))
	} else {
		d.Coeff.SetUint64(uint64(s.n))
	}
	return d
}

// shortOf is a decimal as short, if it fits.
func shortOf(d *apd.Decimal) (short, bool) {
	if d.Form != apd.Finite || d.Exponent > 0 || d.Exponent < -maxShort || !d.Coeff.IsInt64() {
		return short{}, false
	}
	s := short{d.Coeff.Int64(), -d.Exponent}
	if d.Negative {
		s.n = -s.n
	}
	return s, true
}

// powers are those of ten that fit.
var powers = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// at gives the number a larger scale.
func (s short) at(scale int32) (short, bool) {
	by := scale - s.scale
	if by == 0 {
		return s, true
	}
	if int(by) >= len(powers) {
		return short{}, false
	}
	n, ok := product(s.n, powers[by])
	return short{n, scale}, ok
}

func product(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(low), true
	}
	return int64(low), true
}

// magnitude is |n|; n is never the least int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// aligned puts two numbers on one scale.
func aligned(a, b short) (short, short, bool) {
	var ok1, ok2 bool
	scale := max(a.scale, b.scale)
	a, ok1 = a.at(scale)
	b, ok2 = b.at(scale)
	return a, b, ok1 && ok2
}

// shortOperators are those of decimalOperators that keep numbers short.
var shortOperators = map[string]func(a, b short) (short, bool){
	"+": plusShort,
	"-": func(a, b short) (short, bool) { return plusShort(a, short{-b.n, b.scale}) },
	"*": func(a, b short) (short, bool) {
		n, ok := product(a.n, b.n)
		return short{n, a.scale + b.scale}, ok && a.scale+b.scale <= 2*maxShort
	},
}

func plusShort(a, b short) (short, bool) {
	a, b, ok := aligned(a, b)
	sum := a.n + b.n
	return short{sum, a.scale}, ok && (sum > a.n) == (b.n > 0) && sum != math.MinInt64
}

// maxQuick is how deep expressions are evaluated as short: where that comes to
// nothing, each part is tried again.
const maxQuick = 4

// quickly is code as quick, or nil.
func quickly(k code) (q quick, depth int) {
	switch k := k.(type) {
	case *walk:
		if k.isStraight() && (k.atom.class == Integer || k.atom.class == Decimal) {
			return k.short, 0
		}
	case *presentOnly:
		return quickly(k.walk)
	case *scalar:
		if k.depth < maxQuick {
			return k.quick, k.depth
		}
	}
	return nil, 0
}

// calculatesShort has an arithmetic operator try short numbers first.
func (s *scalar) calculatesShort(op string, left, right code) *scalar {
	apply := shortOperators[op]
	x, depth := quickly(left)
	y, other := quickly(right)
	if apply == nil || x == nil || y == nil {
		return s
	}
	s.depth = max(depth, other) + 1
	s.quick = func(f *Frame) (short, Presence, bool) {
		a, p, ok := x(f)
		if !ok || p != Present {
			return short{}, p, ok
		}
		b, p, ok := y(f)
		if !ok || p != Present {
			return short{}, p, ok
		}
		s, ok := apply(a, b)
		return s, Present, ok
	}
	return s
}

// roundsShort has a function of rounding try short numbers first.
func (s *scalar) roundsShort(name string, k code, places int32) *scalar {
	x, depth := quickly(k)
	if x == nil || places < 0 {
		return s
	}
	s.depth = depth + 1
	s.quick = func(f *Frame) (short, Presence, bool) {
		s, p, ok := x(f)
		if !ok || p != Present {
			return short{}, p, ok
		}
		s, ok = roundShort(name, s, places)
		return s, Present, ok
	}
	return s
}

func roundShort(name string, s short, places int32) (short, bool) {
	switch {
	case name == "abs":
		return short{int64(magnitude(s.n)), s.scale}, true
	case s.scale <= places:
		return s, true
	case int(s.scale-places) >= len(powers):
		return short{}, false
	}
	unit := powers[s.scale-places]
	whole, rest := s.n/unit, s.n%unit
	if rest < 0 { // towards minus infinity, so that what is left over is positive
		whole, rest = whole-1, rest+unit
	}
	switch half := unit - rest; {
	case name == "floor":
	case name == "ceiling":
		whole += min(rest, 1)
	case rest > half, rest == half && (name == "round" || whole&1 != 0):
		whole++
	}
	return short{whole, places}, true
}
