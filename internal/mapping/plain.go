package mapping

import (
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
)

// What most messages are made of is seen to fit without big numbers, and without
// a value being handed to and fro. What is not seen here, limit.fits decides: a
// value fits plainly only where that returns it as it is.

// hasASCII reports whether a code page has all of ASCII but NUL.
func (l *limit) hasASCII() bool {
	for r := rune(1); r < utf8.RuneSelf; r++ {
		if !l.encodes(r) {
			return false
		}
	}
	return true
}

func plainString(l *limit, v *Value) bool {
	if v.Class != String && v.Class != Untyped || l.column.UUID {
		return false
	}
	s := v.Text
	if n := l.column.Length; n > 0 && len(s) > n { // in bytes, which are never fewer
		return false
	}
	for i := range len(s) {
		if c := s[i]; c == 0 || c >= utf8.RuneSelf {
			return c != 0 && l.utf8 && strings.IndexByte(s[i:], 0) < 0 && utf8.ValidString(s[i:])
		}
	}
	return l.utf8 || l.ascii
}

func plainInteger(l *limit, v *Value) bool {
	d := v.Number
	if d.Form != apd.Finite || d.Exponent != 0 || !d.Coeff.IsInt64() {
		return false
	}
	n := d.Coeff.Int64()
	if d.Negative {
		n = -n
	}
	return n >= l.column.Min && n <= l.column.Max
}

// powers are those of ten that a uint64 holds.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

func plainDecimal(l *limit, v *Value) bool {
	d, c := v.Number, &l.column
	scale := -int(d.Exponent)
	if d.Form != apd.Finite || scale < 0 || scale > c.Scale || c.Scale > c.Precision || !d.Coeff.IsUint64() {
		return false
	}
	digits := c.Precision - c.Scale + scale
	return digits >= len(powers) || d.Coeff.Uint64() < powers[digits]
}
