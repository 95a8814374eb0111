package contract

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// forms are the lexical spaces of the built-in types that a regular expression
// describes (XSD 1.0 part 2 §3.2, §3.3), with the words for a value outside.
var forms = map[string]form{
	"boolean":      {regexp.MustCompile(`^(true|false|1|0)$`), "is not true, false, 1 or 0"},
	"float":        {regexp.MustCompile(`^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN)$`), "is not a number"},
	"duration":     {regexp.MustCompile(`^-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$`), "is not a duration such as P1DT2H"},
	"gYearMonth":   {regexp.MustCompile(`^-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])` + zone + `$`), "is not a month such as 2026-03"},
	"gYear":        {regexp.MustCompile(`^-?([1-9][0-9]{3,}|0[0-9]{3})` + zone + `$`), "is not a year such as 2026"},
	"gMonthDay":    {regexp.MustCompile(`^--(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` + zone + `$`), "is not a day such as --03-16"},
	"gDay":         {regexp.MustCompile(`^---(0[1-9]|[12][0-9]|3[01])` + zone + `$`), "is not a day such as ---16"},
	"gMonth":       {regexp.MustCompile(`^--(0[1-9]|1[0-2])` + zone + `$`), "is not a month such as --03"},
	"hexBinary":    {regexp.MustCompile(`^([0-9A-Fa-f]{2})*$`), "is not pairs of hexadecimal digits"},
	"QName":        {regexp.MustCompile(`^(` + ncName + `:)?` + ncName + `$`), "is not a qualified name"},
	"NOTATION":     {regexp.MustCompile(`^(` + ncName + `:)?` + ncName + `$`), "is not a qualified name"},
	"language":     {regexp.MustCompile(`^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`), "is not a language tag"},
	"NMTOKEN":      {regexp.MustCompile(`^[` + nameChars + `:]+$`), "is not a name token"},
	"Name":         {regexp.MustCompile(`^[` + nameStart + `:][` + nameChars + `:]*$`), "is not a name"},
	"NCName":       {regexp.MustCompile(`^` + ncName + `$`), "is not a name without a colon"},
	"base64Binary": {regexp.MustCompile(`^[A-Za-z0-9+/= ]*$`), "is not base64"},
	"anyURI":       {regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:` + uriChar + `|([^:/?#` + notInURI + `]|` + escaped + `)*([/?#]` + uriChar + `)?)$`), "is not a URI"},
}

const (
	zone      = `(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?`
	nameStart = `\p{L}\p{Nl}_`
	nameChars = nameStart + `\p{Nd}\p{Mn}\p{Mc}\p{Lm}.\-·`
	notInURI  = `<>"{}|\\^%` + "`"
	escaped   = `%[0-9A-Fa-f]{2}`
	uriChar   = `([^` + notInURI + `]|` + escaped + `)*`
	ncName    = `[` + nameStart + `][` + nameChars + `]*`
)

type form struct {
	pattern *regexp.Regexp
	words   string
}

// formOf names the form that a built-in type's values have.
var formOf = map[string]string{
	"double": "float", "ID": "NCName", "IDREF": "NCName", "ENTITY": "NCName",
}

// checkForm checks the lexical form that the built-in types demand.
func checkForm(s *Simple, v string) string {
	for _, name := range []string{s.Builtin, s.Primitive} {
		if other, ok := formOf[name]; ok {
			name = other
		}
		if f, ok := forms[name]; ok && !f.pattern.MatchString(v) {
			return f.words
		}
	}
	switch s.Primitive {
	case "decimal":
		if !isDecimal(v) {
			return noDecimal(v)
		}
	case "dateTime", "date", "time":
		if _, ok := parseMoment(s.Primitive, v); !ok {
			return noMoment(s.Primitive, v)
		}
	case "base64Binary":
		if _, ok := base64Length(v); !ok {
			return "is not base64"
		}
	case "gMonthDay":
		if integer(v[5:7]) > daysIn(2000, integer(v[2:4])) {
			return forms["gMonthDay"].words
		}
	case "duration":
		if v == "P" || v == "-P" || strings.HasSuffix(v, "P") || strings.HasSuffix(v, "T") {
			return forms["duration"].words
		}
	}
	return ""
}

// noMoment is the reason where a value is no dateTime, date or time.
func noMoment(primitive, v string) string {
	m := momentForm[primitive].FindStringSubmatch(v)
	if m != nil && m[1] != "" && !calendar(m[1], integer(m[1]), integer(m[2]), integer(m[3])) {
		return "is not a day of the calendar"
	}
	return momentWords[primitive]
}

var momentWords = map[string]string{
	"dateTime": "is not a date and time such as 2026-03-02T09:30:00Z",
	"date":     "is not a date such as 2026-03-16",
	"time":     "is not a time such as 09:30:00",
}

// noDecimal is the reason where a value is no decimal; the commonest has a name.
func noDecimal(v string) string {
	if strings.Count(v, ",") == 1 && isDecimal(strings.Replace(v, ",", ".", 1)) {
		return "is not a number: its decimal sign must be a point"
	}
	return "is not a number"
}

// isDecimal reports whether v is digits with at most one point and a sign.
func isDecimal(v string) bool {
	if v != "" && (v[0] == '+' || v[0] == '-') {
		v = v[1:]
	}
	digits, points := 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case c == '.':
			points++
		case c >= '0' && c <= '9':
			digits++
		default:
			return false
		}
	}
	return digits > 0 && points < 2
}

// decimal is a number by its digits: no leading zeros before and no trailing
// zeros after the point. Comparing digits costs what reading them costs, however
// many there are.
type decimal struct {
	negative        bool
	whole, fraction string
}

func parseDecimal(v string) decimal {
	d := decimal{negative: strings.HasPrefix(v, "-")}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(v, "+-"), ".")
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d
}

func (d decimal) compare(o decimal) int {
	if d.negative != o.negative {
		if d.negative {
			return -1
		}
		return 1
	}
	c := cmp.Or(cmp.Compare(len(d.whole), len(o.whole)), strings.Compare(d.whole, o.whole), strings.Compare(d.fraction, o.fraction))
	if d.negative {
		return -c
	}
	return c
}

// compareValues compares two valid values of a primitive type; ok is false where
// it cannot tell, as for durations in months and days.
func compareValues(primitive, a, b string) (c int, ok bool) {
	switch primitive {
	case "decimal":
		return parseDecimal(a).compare(parseDecimal(b)), true
	case "float", "double":
		return compareFloats(a, b)
	case "dateTime", "date", "time":
		x, okx := parseMoment(primitive, a)
		y, oky := parseMoment(primitive, b)
		return compareMoments(x, y), okx && oky
	case "gYear", "gYearMonth", "gMonth", "gDay", "gMonthDay":
		return strings.Compare(a, b), len(a) == len(b) && !strings.HasPrefix(a, "-0") && !strings.ContainsAny(a+b, "Z+:")
	case "boolean":
		truth := map[string]int{"true": 1, "1": 1}
		return truth[a] - truth[b], true
	}
	return 0, false
}

func compareFloats(a, b string) (int, bool) {
	x, errx := strconv.ParseFloat(strings.Replace(a, "INF", "Inf", 1), 64)
	y, erry := strconv.ParseFloat(strings.Replace(b, "INF", "Inf", 1), 64)
	if errx != nil && !math.IsInf(x, 0) || erry != nil && !math.IsInf(y, 0) {
		return 0, false
	}
	return cmp.Compare(x, y), true
}

// moment is a dateTime, date or time, in UTC where it has a zone: days since a
// fixed one, and what of the day has passed.
type moment struct {
	days  int
	clock time.Duration
	zoned bool
}

// incomparable is what comparing gives for a moment without a zone that is
// within fourteen hours of one with a zone (XSD 1.0 part 2 §3.2.7.4).
const incomparable = 2

func compareMoments(a, b moment) int {
	switch {
	case a.zoned == b.zoned:
		return a.order(b)
	case b.zoned:
		return -compareMoments(b, a)
	}
	earliest, latest := b.shifted(-14*time.Hour), b.shifted(14*time.Hour)
	switch {
	case a.order(earliest) < 0:
		return -1
	case a.order(latest) > 0:
		return 1
	}
	return incomparable
}

func (m moment) order(o moment) int {
	return cmp.Or(cmp.Compare(m.days, o.days), cmp.Compare(m.clock, o.clock))
}

func (m moment) shifted(by time.Duration) moment {
	const day = 24 * time.Hour
	m.clock += by
	for ; m.clock < 0; m.clock += day {
		m.days--
	}
	for ; m.clock >= day; m.clock -= day {
		m.days++
	}
	return m
}

var momentForm = map[string]*regexp.Regexp{
	"dateTime": regexp.MustCompile(`^(-?[0-9]{4,})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(` + zone + `)$`),
	"date":     regexp.MustCompile(`^(-?[0-9]{4,})-([0-9]{2})-([0-9]{2})()()()()(` + zone + `)$`),
	"time":     regexp.MustCompile(`^()()()([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(` + zone + `)$`),
}

// maxYear keeps a count of days in an int. The engine takes years past it; no
// message has one.
const maxYear = 1 << 40

// parseMoment reads a dateTime, date or time (XSD 1.0 part 2 §3.2.7 to §3.2.9).
func parseMoment(primitive, v string) (moment, bool) {
	m := momentForm[primitive].FindStringSubmatch(v)
	if m == nil {
		return moment{}, false
	}
	year, month, day := 2000, 1, 1
	if m[1] != "" {
		year, month, day = integer(m[1]), integer(m[2]), integer(m[3])
		if !calendar(m[1], year, month, day) {
			return moment{}, false
		}
	}
	clock, ok := clockOf(m)
	if !ok {
		return moment{}, false
	}
	out := moment{days: daysSince(year, month, day), clock: clock, zoned: m[8] != ""}
	return out.shifted(-offset(m[8])), true
}

func integer(v string) int {
	i, err := strconv.Atoi(v)
	if v != "" && err != nil {
		return maxYear + 1
	}
	return i
}

func calendar(lexical string, year, month, day int) bool {
	digits := strings.TrimLeft(lexical, "-")
	if year == 0 || max(year, -year) > maxYear || len(digits) > 4 && digits[0] == '0' {
		return false
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

// clockOf reads hours, minutes, seconds and fraction; 24:00:00 is the end of
// the day.
func clockOf(m []string) (time.Duration, bool) {
	hour, minute, second := integer(m[4]), integer(m[5]), integer(m[6])
	midnight := hour == 24 && minute == 0 && second == 0 && strings.Trim(m[7], ".0") == ""
	if hour > 23 && !midnight || minute > 59 || second > 59 {
		return 0, false
	}
	whole := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	return whole + nanoseconds(m[7]), true
}

// daysSince counts the days from 1 March of year 0 of the Gregorian calendar,
// proleptic, in which year -1 is followed by year 1.
func daysSince(year, month, day int) int {
	if year < 0 {
		year++
	}
	shifted := (month + 9) % 12 // March is 0: the leap day is the year's last
	if shifted >= 10 {
		year--
	}
	days := 365*year + floorDivide(year, 4) - floorDivide(year, 100) + floorDivide(year, 400)
	return days + (153*shifted+2)/5 + day - 1
}

func floorDivide(a, b int) int {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func nanoseconds(fraction string) time.Duration {
	if len(fraction) < 2 {
		return 0
	}
	return time.Duration(integer((fraction[1:] + "000000000")[:9]))
}

func offset(zone string) time.Duration {
	if len(zone) != 6 {
		return 0
	}
	d := time.Duration(integer(zone[1:3]))*time.Hour + time.Duration(integer(zone[4:6]))*time.Minute
	if zone[0] == '-' {
		return -d
	}
	return d
}
