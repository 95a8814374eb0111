package xpath

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// spacing is the whiteSpace facet (XSD 1.0 part 2 §4.3.6).
type spacing uint8

const (
	preserves spacing = iota
	replaces
	collapses
)

func spacingOf(facet string) spacing {
	switch facet {
	case "preserve", "":
		return preserves
	case "replace":
		return replaces
	}
	return collapses
}

// atom turns the text of a node into its typed value.
type atom struct {
	class    Class
	space    spacing
	hex      bool
	nillable bool
	fallback *string // the contract's default or fixed value
}

func newAtom(s *Shape, class Class) atom {
	a := atom{class: class, fallback: s.fallback()}
	if s.Element != nil {
		a.nillable = s.Element.Nillable
	}
	if simple := s.simple(); simple != nil {
		a.space, a.hex = spacingOf(simple.WhiteSpace), simple.Primitive == "hexBinary"
	}
	return a
}

func (a *atom) value(f *Frame, raw string) (Value, string) {
	if a.class == String || a.class == Untyped {
		return Value{Class: a.class, Text: whiteSpace(raw, a.space)}, ""
	}
	raw = trim(raw)
	if a.hex {
		b, err := hex.DecodeString(raw)
		return Octets(b), when(err != nil, "is not hexadecimal")
	}
	return read(f, raw, a.class)
}

// whiteSpace applies the facet; most values need nothing.
func whiteSpace(s string, facet spacing) string {
	switch {
	case facet == preserves || !untidy(s):
		return s
	case facet == replaces:
		return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(s)
	}
	return collapse(s)
}

// untidy reports whether normalising white space may change s.
func untidy(s string) bool {
	space := true
	for i := range len(s) {
		switch c := s[i]; {
		case c > ' ':
			space = false
		case c != ' ' || space:
			return true
		default:
			space = true
		}
	}
	return space && s != ""
}

// collapse trims and makes every run of XML white space one space.
func collapse(s string) string {
	return strings.Join(strings.FieldsFunc(s, isSpace), " ")
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func trim(s string) string { return strings.TrimFunc(s, isSpace) }

func when(fails bool, complaint string) string {
	if fails {
		return complaint
	}
	return ""
}

// read makes a value of a class from its lexical form (XPath and XQuery
// Functions 3.1 §19.2). It returns a complaint, or "".
func read(f *Frame, s string, to Class) (Value, string) {
	v := Value{Class: to, Text: s}
	complaint := ""
	switch to {
	case Integer, Decimal:
		v.Number = f.decimal()
		complaint = scan(v.Number, s, to == Integer)
	case Double:
		v.Float, complaint = scanDouble(s)
	case Boolean:
		v.Bool = s == "true" || s == "1"
		complaint = when(!v.Bool && s != "false" && s != "0", "is not a boolean")
	case DateTime:
		v.instant = f.moment()
		*v.instant, complaint = scanMoment(s)
	case Date:
		v.instant = f.moment()
		*v.instant, complaint = scanDate(s)
	case Time:
		complaint = scanTime(s)
	case DayTimeDuration, YearMonthDuration:
		var n int64
		n, complaint = scanDuration(s, to)
		v = lasting(to, n)
	case Binary:
		if strings.HasPrefix(s, "cid:") {
			return Value{}, "is a reference to an attachment, as the mapping wants it; read it with string()"
		}
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.FieldsFunc(s, isSpace), ""))
		return Octets(b), when(err != nil, "is not base64")
	}
	return v, complaint
}

// castable reports whether values of one class can be cast to another at all
// (§19.1).
func castable(from, to Class) bool {
	switch {
	case from == to || from.textual() || to.textual():
		return true
	case to.Numeric() || to == Boolean:
		return from.Numeric() || from == Boolean
	case to == DateTime || to == Date:
		return from == DateTime || from == Date
	case to == Time:
		return from == DateTime
	}
	return false
}

// cast converts a value (§19). It returns a complaint, or "".
func cast(f *Frame, v Value, to Class) (Value, string) {
	switch {
	case v.Class == to:
		return v, ""
	case to.textual():
		return Value{Class: to, Text: v.Lexical()}, ""
	case v.Class.textual():
		return read(f, trim(v.Text), to)
	case to == Boolean:
		return Bool(truth(v)), ""
	case to == Double:
		return Value{Class: Double, Float: asFloat(v)}, ""
	case to == Integer || to == Decimal:
		return toDecimal(f, v, to)
	}
	return toMoment(v, to)
}

func toDecimal(f *Frame, v Value, to Class) (Value, string) {
	d := f.decimal()
	switch {
	case v.Class == Boolean && v.Bool:
		d.SetInt64(1)
	case v.Class == Double:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) || math.Abs(v.Float) >= 1e100 {
			return v, "is no decimal number"
		}
		if _, err := d.SetFloat64(v.Float); err != nil {
			return v, "is no decimal number"
		}
	case v.Number != nil:
		d = v.Number
	}
	if to == Integer && d.Exponent != 0 {
		result := f.decimal()
		whole(result, d, apd.RoundDown)
		d = result
	}
	return Value{Class: to, Number: d}, ""
}

func toMoment(v Value, to Class) (Value, string) {
	switch to {
	case DateTime:
		return Value{Class: DateTime, instant: v.instant}, ""
	case Date:
		t := v.Instant()
		y, m, d := t.Date()
		return Day(time.Date(y, m, d, 0, 0, 0, 0, t.Location())), ""
	case Time:
		return Value{Class: Time, Text: string(appendZone(appendClock(nil, v.Instant()), v.Instant())[1:])}, ""
	}
	return v, "cannot be converted"
}

func asFloat(v Value) float64 {
	switch {
	case v.Class == Double:
		return v.Float
	case v.Number != nil:
		return float(v.Number)
	case v.Bool:
		return 1
	}
	return 0
}

// truth is the effective boolean value of one atomic value (XPath 3.1 §2.4.3).
func truth(v Value) bool {
	switch v.Class {
	case Boolean:
		return v.Bool
	case Integer, Decimal:
		return !v.Number.IsZero()
	case Double:
		return v.Float != 0 && !math.IsNaN(v.Float)
	}
	return v.Text != ""
}
