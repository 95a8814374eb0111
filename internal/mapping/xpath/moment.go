package xpath

import (
	"strconv"
	"time"
)

// The lexical forms of dates and times (XSD 1.0 part 2 §3.2.7 to §3.2.9). A
// year has at least four digits and may be negative; the year 0000 is refused.

// scanMoment reads an xs:dateTime.
func scanMoment(s string) (time.Time, string) {
	const complaint = "is not a dateTime"
	day, rest, ok := scanDay(s)
	if !ok || rest == "" || rest[0] != 'T' {
		return time.Time{}, complaint
	}
	clock, rest, ok := scanClock(rest[1:])
	if !ok {
		return time.Time{}, complaint
	}
	zone, ok := scanZone(rest)
	if !ok {
		return time.Time{}, complaint
	}
	if clock.nanos < 0 {
		return time.Time{}, "has more than nine fractional digits of a second"
	}
	return time.Date(day.year, day.month, day.day, clock.hour, clock.minute, clock.second, clock.nanos, zone), ""
}

// scanDate reads an xs:date.
func scanDate(s string) (time.Time, string) {
	day, rest, ok := scanDay(s)
	if !ok {
		return time.Time{}, "is not a date"
	}
	zone, ok := scanZone(rest)
	if !ok {
		return time.Time{}, "is not a date"
	}
	return time.Date(day.year, day.month, day.day, 0, 0, 0, 0, zone), ""
}

// scanTime checks an xs:time.
func scanTime(s string) string {
	_, rest, ok := scanClock(s)
	if ok {
		_, ok = scanZone(rest)
	}
	if !ok {
		return "is not a time"
	}
	return ""
}

type calendarDay struct {
	year  int
	month time.Month
	day   int
}

func scanDay(s string) (d calendarDay, rest string, ok bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	n := run(s)
	if n < 4 || n > 9 || n > 4 && s[0] == '0' || len(s) < n+6 || s[n] != '-' || s[n+3] != '-' {
		return d, "", false
	}
	month, ok1 := two(s[n+1:])
	day, ok2 := two(s[n+4:])
	d = calendarDay{int(digits(s[:n])), time.Month(month), day}
	if d.year == 0 || !ok1 || !ok2 || month < 1 || month > 12 || day < 1 || day > daysIn(d.year, d.month) {
		return d, "", false
	}
	if negative {
		d.year = 1 - d.year // there is no year 0000: -0001 is astronomical 0
	}
	return d, s[n+6:], true
}

func daysIn(year int, m time.Month) int {
	switch m {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// clock is a time of day; nanos is -1 when nine digits do not hold the fraction.
type clock struct{ hour, minute, second, nanos int }

func scanClock(s string) (c clock, rest string, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return c, "", false
	}
	var ok1, ok2, ok3 bool
	c.hour, ok1 = two(s)
	c.minute, ok2 = two(s[3:])
	c.second, ok3 = two(s[6:])
	c.nanos, rest, ok = scanFraction(s[8:])
	end := c.hour == 24 && c.minute == 0 && c.second == 0 && c.nanos == 0
	if !ok || !ok1 || !ok2 || !ok3 || c.hour > 23 && !end || c.minute > 59 || c.second > 59 {
		return c, "", false
	}
	return c, rest, true
}

func scanFraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	n := run(s[1:])
	if n == 0 {
		return 0, "", false
	}
	for i := 1; i <= n; i++ {
		d := int(s[i] - '0')
		switch {
		case i <= 9:
			nanos = nanos*10 + d
		case d != 0:
			return -1, s[n+1:], true
		}
	}
	for i := n; i < 9; i++ {
		nanos *= 10
	}
	return nanos, s[n+1:], true
}

func scanZone(s string) (*time.Location, bool) {
	switch {
	case s == "":
		return NoZone, true
	case s == "Z" || s == "+00:00" || s == "-00:00":
		return time.UTC, true
	case len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':':
		return nil, false
	}
	hour, ok1 := two(s[1:])
	minute, ok2 := two(s[4:])
	if !ok1 || !ok2 || minute > 59 || hour*60+minute > 14*60 {
		return nil, false
	}
	seconds := hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// run counts the digits that s begins with.
func run(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

func two(s string) (int, bool) {
	if len(s) < 2 || run(s[:2]) != 2 {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

func appendDay(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year <= 0 {
		dst, year = append(dst, '-'), 1-year
	}
	for bound := 1000; bound > year && bound > 1; bound /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	dst = append2(append(dst, '-'), int(month))
	return append2(append(dst, '-'), day)
}

func appendClock(dst []byte, t time.Time) []byte {
	dst = append2(append(dst, 'T'), t.Hour())
	dst = append2(append(dst, ':'), t.Minute())
	dst = append2(append(dst, ':'), t.Second())
	if t.Nanosecond() == 0 {
		return dst
	}
	dst = t.AppendFormat(dst, ".000000000")
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendZone writes nothing for a moment without a zone.
func appendZone(dst []byte, t time.Time) []byte {
	if t.Location() == NoZone {
		return dst
	}
	_, offset := t.Zone()
	if offset == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = append2(append(dst, sign), offset/3600)
	return append2(append(dst, ':'), offset/60%60)
}

func append2(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}
