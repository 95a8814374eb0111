package xpath

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// The two ordered durations (XPath Data Model 3.1 §2.7.2): a number of months,
// and a number of nanoseconds. A span of time is at most 292 years, as
// time.Duration has it.

// maxMonths bounds a duration of months to a hundred thousand years.
const maxMonths = 1_200_000

// scanDuration reads an xs:dayTimeDuration or xs:yearMonthDuration (XSD 1.1
// part 2 §3.4.26, §3.4.27). It returns a complaint, or "".
func scanDuration(s string, to Class) (int64, string) {
	rest, negative := strings.CutPrefix(s, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	complaint := "is not a duration such as P1DT2H30M"
	units := dayTimeUnits
	if to == YearMonthDuration {
		complaint, units = "is not a duration such as P1Y6M", yearMonthUnits
	}
	if !ok || rest == "" || strings.HasSuffix(rest, "T") {
		return 0, complaint
	}
	var total float64 // only to see whether it fits
	var span int64
	clock := false
	for rest != "" {
		if rest[0] == 'T' && !clock && to == DayTimeDuration {
			rest, clock = rest[1:], true
			continue
		}
		n := run(rest)
		fraction := 0
		if n < len(rest) && rest[n] == '.' {
			fraction = run(rest[n+1:]) + 1
		}
		if n == 0 || n > 12 || fraction == 1 || n+fraction >= len(rest) {
			return 0, complaint
		}
		letter := rest[n+fraction]
		for len(units) > 0 && (units[0].letter != letter || units[0].clock != clock) {
			units = units[1:]
		}
		if len(units) == 0 || fraction > 0 && letter != 'S' {
			return 0, complaint
		}
		size := units[0].size
		units = units[1:]
		count := digits(rest[:n])
		total += float64(count) * float64(size)
		span += count * size
		if fraction > 0 {
			nanos, _, _ := scanFraction(rest[n : n+fraction])
			if nanos < 0 {
				return 0, "has more than nine fractional digits of a second"
			}
			span += int64(nanos)
		}
		rest = rest[n+fraction+1:]
	}
	if total >= longest(to) {
		return 0, "is too long a duration"
	}
	if negative {
		span = -span
	}
	return span, ""
}

func longest(c Class) float64 {
	if c == YearMonthDuration {
		return maxMonths
	}
	return math.MaxInt64 - 1<<12 // float64 is coarse there
}

type durationUnit struct {
	letter byte
	clock  bool // behind the T
	size   int64
}

var (
	dayTimeUnits = []durationUnit{{'D', false, 24 * int64(time.Hour)}, {'H', true, int64(time.Hour)},
		{'M', true, int64(time.Minute)}, {'S', true, int64(time.Second)}}
	yearMonthUnits = []durationUnit{{'Y', false, 12}, {'M', false, 1}}
)

// appendDuration appends the canonical form (XPath and XQuery Functions 3.1
// §19.1.1).
func appendDuration(dst []byte, v Value) []byte {
	span := v.span()
	if span < 0 {
		dst, span = append(dst, '-'), -span
	}
	dst = append(dst, 'P')
	if v.Class == YearMonthDuration {
		dst = appendUnit(dst, span/12, 'Y')
		if span%12 > 0 || span == 0 {
			dst = append(strconv.AppendInt(dst, span%12, 10), 'M')
		}
		return dst
	}
	const day = 24 * int64(time.Hour)
	dst = appendUnit(dst, span/day, 'D')
	if span %= day; span == 0 && dst[len(dst)-1] != 'P' {
		return dst
	}
	dst = append(dst, 'T')
	dst = appendUnit(dst, span/int64(time.Hour), 'H')
	dst = appendUnit(dst, span/int64(time.Minute)%60, 'M')
	nanos := span % int64(time.Minute)
	if nanos == 0 && dst[len(dst)-1] != 'T' {
		return dst
	}
	dst = strconv.AppendInt(dst, nanos/int64(time.Second), 10)
	if nanos %= int64(time.Second); nanos > 0 {
		dst = append(dst, strings.TrimRight(fmt.Sprintf(".%09d", nanos), "0")...)
	}
	return append(dst, 'S')
}

func appendUnit(dst []byte, n int64, letter byte) []byte {
	if n == 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, n, 10), letter)
}

func (c Class) duration() bool { return c == DayTimeDuration || c == YearMonthDuration }

func (c Class) moment() bool { return c == DateTime || c == Date || c == Time }

// temporal is the class of an arithmetic expression with a moment or a duration
// in it (XPath 3.1 §B.2); false where the operator takes no such operands.
func temporal(op string, a, b Class) (Class, bool) {
	switch {
	case op == "-" && a == b && (a == DateTime || a == Date || a == Time):
		return DayTimeDuration, true
	case (op == "+" || op == "-") && a == b && a.duration():
		return a, true
	case (op == "+" || op == "-") && (a == DateTime || a == Date) && b.duration(),
		(op == "+" || op == "-") && a == Time && b == DayTimeDuration:
		return a, true
	case op == "+" && a.duration() && b.moment() && !(a == YearMonthDuration && b == Time):
		return b, true
	case (op == "*" || op == "div") && a.duration() && b.Numeric():
		return a, true
	case op == "*" && a.Numeric() && b.duration():
		return b, true
	case op == "div" && a == b && a.duration():
		return Decimal, true
	}
	return Untyped, false
}

// reckon calculates with moments and durations (XPath and XQuery Functions 3.1
// §8.4, §9.7). It returns a complaint, or "".
func reckon(f *Frame, op string, x, y Value) (Value, string) {
	switch {
	case x.Class.duration() && y.Class.duration() && op == "div":
		if y.span() == 0 {
			return Value{}, "division by zero"
		}
		d := f.decimal()
		complaint := divide(d, apd.New(x.span(), 0), apd.New(y.span(), 0))
		return Value{Class: Decimal, Number: d}, complaint
	case x.Class.duration() && y.Class.duration():
		return lengthened(x, y.span(), op == "-")
	case x.Class.duration() && y.Class.Numeric():
		return scaledSpan(op, x, y)
	case x.Class.Numeric():
		return scaledSpan(op, y, x)
	case x.Class.duration():
		return shifted(y, x, false)
	case y.Class.duration():
		return shifted(x, y, op == "-")
	}
	return between(x, y)
}

func lengthened(x Value, by int64, back bool) (Value, string) {
	if back {
		by = -by
	}
	sum := x.span() + by
	if (sum > x.span()) != (by > 0) && by != 0 || math.Abs(float64(sum)) >= longest(x.Class) {
		return Value{}, "the duration is too long"
	}
	return lasting(x.Class, sum), ""
}

// scaledSpan multiplies or divides a duration; months are rounded to whole ones
// (§8.4.3, §8.4.4).
func scaledSpan(op string, d, by Value) (Value, string) {
	factor := asFloat(by)
	if math.IsNaN(factor) || math.IsInf(factor, 0) && op == "*" {
		return Value{}, "a duration cannot be multiplied by " + by.Lexical()
	}
	if op == "div" {
		if factor == 0 {
			return Value{}, "division by zero"
		}
	}
	result := float64(d.span()) * factor
	if op == "div" {
		result = float64(d.span()) / factor
	}
	if math.Abs(result) >= longest(d.Class) {
		return Value{}, "the duration is too long"
	}
	if exactly, ok := exactSpan(op, d, by); ok {
		return lasting(d.Class, exactly), ""
	}
	return lasting(d.Class, int64(math.Floor(result+0.5))), ""
}

// exactSpan calculates without a double where the factor is no double.
func exactSpan(op string, d, by Value) (int64, bool) {
	if by.Number == nil {
		return 0, false
	}
	var r apd.Decimal
	x := apd.New(d.span(), 0)
	complaint := ""
	if op == "*" {
		complaint = outcome(exact.Mul(&r, x, by.Number))
	} else {
		complaint = divide(&r, x, by.Number)
	}
	if complaint != "" {
		return 0, false
	}
	mode := apd.RoundHalfUp
	if r.Negative {
		mode = apd.RoundHalfDown // a half goes towards positive infinity
	}
	scaled(&r, &r, 0, mode)
	n, err := r.Int64()
	return n, err == nil
}

// shifted adds a duration to a moment (§9.7.5 to §9.7.14): months keep the day,
// or take the last one of a shorter month.
func shifted(v, by Value, back bool) (Value, string) {
	n := by.span()
	if back {
		n = -n
	}
	if v.Class == Time {
		t := timeOfDay(v.Text).Add(time.Duration(n % int64(24*time.Hour)))
		return Value{Class: Time, Text: string(appendZone(appendClock(nil, t), t)[1:])}, ""
	}
	t := v.Instant()
	if by.Class == YearMonthDuration {
		t = addMonths(t, n)
	} else {
		t = t.Add(time.Duration(n))
	}
	if y := t.Year(); y < -999_999_999 || y > 999_999_999 {
		return Value{}, "the result is out of the calendar"
	}
	if v.Class == Date {
		y, m, d := t.Date()
		t = time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	}
	return Value{Class: v.Class, instant: &t}, ""
}

func addMonths(t time.Time, n int64) time.Time {
	months := int64(t.Year())*12 + int64(t.Month()) - 1 + n
	year, month := int(floorDiv(months, 12)), time.Month(months-floorDiv(months, 12)*12+1)
	day := min(t.Day(), daysIn(year, month))
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// between is the time from y to x (§9.7.2 to §9.7.4). Without a zone a moment is
// read as UTC, as comparisons do.
func between(x, y Value) (Value, string) {
	a, b := x.Instant(), y.Instant()
	if x.Class == Time {
		a, b = timeOfDay(x.Text), timeOfDay(y.Text)
	}
	d := a.Sub(b)
	if d == math.MaxInt64 || d == math.MinInt64 {
		return Value{}, "the duration is too long"
	}
	return lasting(DayTimeDuration, int64(d)), ""
}
