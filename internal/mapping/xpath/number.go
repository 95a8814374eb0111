package xpath

import (
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// maxDigits is how long a literal or an input number may be: a longer one is
// refused before it is parsed, so that no message buys big arithmetic.
const maxDigits = 100

// resultDigits bounds what arithmetic may grow to.
const resultDigits = 250

// exact never rounds; quotient rounds a division to 34 digits, half to even
// (IEEE 754-2008 decimal128).
var (
	exact    = apd.Context{MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
	quotient = apd.Context{Precision: 34, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
	wide     = apd.Context{Precision: 3 * resultDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
)

// scan reads the lexical form of xs:decimal, or of xs:integer when whole (XSD
// 1.0 part 2 §3.2.3, §3.3.13), into d. It returns a complaint, or "".
func scan(d *apd.Decimal, s string, whole bool) string {
	body := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		body = s[1:]
	}
	if body == "" || body == "." {
		return "is not a number"
	}
	if len(body) > maxDigits+1 {
		return "is longer than 100 digits"
	}
	point := -1
	for i := range len(body) {
		switch c := body[i]; {
		case c == '.' && point < 0 && !whole:
			point = i
		case c < '0' || c > '9':
			return notA(whole)
		}
	}
	if point < 0 && len(body) > maxDigits {
		return "is longer than 100 digits"
	}
	fill(d, body, point)
	d.Negative = s[0] == '-' && !d.IsZero()
	return ""
}

func notA(whole bool) string {
	if whole {
		return "is not a whole number"
	}
	return "is not a decimal number"
}

// fill sets d from digits with at most one point at index point.
func fill(d *apd.Decimal, body string, point int) {
	if point >= 0 {
		d.Exponent = -int32(len(body) - point - 1)
	}
	if len(body) <= 18 {
		d.Coeff.SetInt64(digits(body))
		return
	}
	if point >= 0 {
		body = body[:point] + body[point+1:]
	}
	d.Coeff.SetString(body, 10)
}

func digits(body string) int64 {
	var n int64
	for i := range len(body) {
		if body[i] != '.' {
			n = n*10 + int64(body[i]-'0')
		}
	}
	return n
}

// scanDouble reads the lexical form of xs:double (XSD 1.0 part 2 §3.2.5).
func scanDouble(s string) (float64, string) {
	switch s {
	case "INF":
		return math.Inf(1), ""
	case "-INF":
		return math.Inf(-1), ""
	case "NaN":
		return math.NaN(), ""
	}
	if len(s) > maxDigits {
		return 0, "is longer than 100 digits"
	}
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, "is not a number"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, "is not a number"
	}
	return f, ""
}

// appendDecimal writes the canonical form of xs:decimal: no exponent, no
// trailing zeros (XPath and XQuery Functions 3.1 §19.1.2.1).
func appendDecimal(dst []byte, d *apd.Decimal) []byte {
	if d.Negative && !d.IsZero() {
		dst = append(dst, '-')
	}
	var room [48]byte
	coeff := d.Coeff.Append(room[:0], 10)
	if d.Exponent >= 0 {
		return appendWhole(dst, coeff, int(d.Exponent))
	}
	scale := -int(d.Exponent)
	for scale > 0 && coeff[len(coeff)-1] == '0' && len(coeff) > 1 {
		coeff, scale = coeff[:len(coeff)-1], scale-1
	}
	if len(coeff) == 1 && coeff[0] == '0' {
		return append(dst, '0')
	}
	return appendPoint(dst, coeff, scale)
}

func appendWhole(dst, coeff []byte, zeros int) []byte {
	dst = append(dst, coeff...)
	if coeff[0] == '0' {
		return dst
	}
	for range zeros {
		dst = append(dst, '0')
	}
	return dst
}

func appendPoint(dst, coeff []byte, scale int) []byte {
	if scale == 0 {
		return append(dst, coeff...)
	}
	if whole := len(coeff) - scale; whole > 0 {
		dst = append(append(dst, coeff[:whole]...), '.')
		return append(dst, coeff[whole:]...)
	}
	dst = append(dst, "0."...)
	for range scale - len(coeff) {
		dst = append(dst, '0')
	}
	return append(dst, coeff...)
}

// whole sets d to x rounded to an integer by mode, with exponent zero.
func whole(d, x *apd.Decimal, mode apd.Rounder) {
	scaled(d, x, 0, mode)
}

// scaled sets d to x rounded to the given number of fractional digits; a
// negative number rounds before the point. Exact values come back unchanged
// but for the exponent.
func scaled(d, x *apd.Decimal, places int32, mode apd.Rounder) {
	// apd takes what has no digit near the last place for zero, whatever the mode.
	if x.NumDigits()+int64(x.Exponent)+int64(places) < 0 && !x.IsZero() && (mode == apd.RoundFloor && x.Negative || mode == apd.RoundCeiling && !x.Negative) {
		*d = apd.Decimal{Negative: x.Negative, Exponent: -places}
		d.Coeff.SetInt64(1)
		return
	}
	c := wide
	c.Rounding = mode
	c.Quantize(d, x, -places)
	if d.Exponent > 0 {
		c.Quantize(d, d, 0)
	}
}

// float returns the double nearest to d.
func float(d *apd.Decimal) float64 {
	f, err := strconv.ParseFloat(string(appendDecimal(nil, d)), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}
