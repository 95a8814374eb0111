package xpath

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Class is the static type of an expression's items.
type Class uint8

// The classes. Integer is a decimal whose exponent is zero; it is kept apart so
// that JSON, SQL and arithmetic may treat it as whole.
const (
	Untyped  Class = iota // nothing is known before the message: xs:untypedAtomic
	String                // xs:string and all derived from it, xs:anyURI, xs:QName
	Boolean               // xs:boolean
	Integer               // xs:integer and all derived from it
	Decimal               // xs:decimal
	Double                // xs:double and xs:float
	DateTime              // xs:dateTime
	Date                  // xs:date
	Time                  // xs:time
	Binary                // xs:base64Binary and xs:hexBinary

	DayTimeDuration   // xs:dayTimeDuration
	YearMonthDuration // xs:yearMonthDuration
)

var classNames = [...]string{"untypedAtomic", "string", "boolean", "integer", "decimal", "double", "dateTime", "date", "time", "base64Binary", "dayTimeDuration", "yearMonthDuration"}

// String returns the class's name as XPath writes it.
func (c Class) String() string { return "xs:" + classNames[c] }

// Numeric reports whether the class is one of xs:integer, xs:decimal and xs:double.
func (c Class) Numeric() bool { return c == Integer || c == Decimal || c == Double }

// textual reports whether the class compares and concatenates as a string.
func (c Class) textual() bool { return c == String || c == Untyped }

// Value is one atomic value (XPath Data Model 3.1 §2.7): a small union, to be
// treated as immutable. The zero Value is the empty string of class Untyped.
// Its Text may share memory with the message it was read from. It is kept small,
// since a message has one for each column of each row.
type Value struct {
	Class Class
	Bool  bool
	// Text is the value of String, Untyped and Time, and the octets of Binary; for
	// the rest it is empty or the lexical form as received.
	Text    string
	Number  *apd.Decimal // Integer, Decimal
	Float   float64      // Double
	instant *time.Time   // DateTime, Date
}

// Instant is the value of DateTime and Date; without a zone its Location is
// NoZone.
func (v *Value) Instant() time.Time {
	if v.instant == nil {
		return time.Time{}
	}
	return *v.instant
}

// Bytes is the value of Binary: not to be written to.
func (v *Value) Bytes() []byte { return unsafe.Slice(unsafe.StringData(v.Text), len(v.Text)) }

// span is the value of DayTimeDuration in nanoseconds, and of YearMonthDuration
// in months.
func (v *Value) span() int64 { return int64(math.Float64bits(v.Float)) }

// NoZone is the location of a dateTime or date that names no zone and to
// which the mapping gave none. Comparisons read it as UTC.
var NoZone = time.FixedZone("", 0)

// Text makes a value of class String.
func Text(s string) Value { return Value{Class: String, Text: s} }

// Read makes a value from its lexical form: a constant. It returns a complaint,
// or "".
func Read(lexical string, class Class) (Value, string) { return read(&Frame{}, lexical, class) }

// Bool makes a value of class Boolean.
func Bool(b bool) Value { return Value{Class: Boolean, Bool: b} }

// Int makes a value of class Integer.
func Int(n int64) Value { return Value{Class: Integer, Number: apd.New(n, 0)} }

// Moment makes a value of class DateTime.
func Moment(t time.Time) Value { return Value{Class: DateTime, instant: &t} }

// Day makes a value of class Date.
func Day(t time.Time) Value { return Value{Class: Date, instant: &t} }

// Octets makes a value of class Binary, which shares memory with b.
func Octets(b []byte) Value {
	return Value{Class: Binary, Text: unsafe.String(unsafe.SliceData(b), len(b))}
}

// lasting makes a value of a duration's class.
func lasting(c Class, n int64) Value { return Value{Class: c, Float: math.Float64frombits(uint64(n))} }

// Lexical returns the value as xs:string casts it: the canonical form (XPath
// and XQuery Functions 3.1 §19.1.1).
func (v Value) Lexical() string {
	if v.Class.textual() || v.Class == Time {
		return v.Text
	}
	return string(v.AppendLexical(nil))
}

// AppendLexical appends what Lexical returns.
func (v Value) AppendLexical(dst []byte) []byte {
	switch v.Class {
	case Boolean:
		return strconv.AppendBool(dst, v.Bool)
	case Integer, Decimal:
		return appendDecimal(dst, v.Number)
	case Double:
		return appendDouble(dst, v.Float)
	case DateTime:
		return appendZone(appendClock(appendDay(dst, v.Instant()), v.Instant()), v.Instant())
	case Date:
		return appendZone(appendDay(dst, v.Instant()), v.Instant())
	case DayTimeDuration, YearMonthDuration:
		return appendDuration(dst, v)
	case Binary:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	default:
		return append(dst, v.Text...)
	}
}

// appendDouble follows XPath and XQuery Functions 3.1 §19.1.2.
func appendDouble(dst []byte, f float64) []byte {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "INF"...)
	case math.IsInf(f, -1):
		return append(dst, "-INF"...)
	case a == 0 || a >= 1e-6 && a < 1e6:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return appendScientific(dst, f)
}

func appendScientific(dst []byte, f float64) []byte {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}
