package xpath

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// format-date, format-time, format-dateTime (XPath and XQuery Functions 3.1
// §9.8) and format-number (§4.7). Names are English; there are no other
// calendars and no other decimal formats.

// marker is one component of a picture of a moment, or text between them.
type marker struct {
	text      string // literal; when component is 0
	component byte
	style     string // the first presentation modifier
	least     int    // of the width; 0: as the style has it
	most      int
}

// components are those that a picture may name, by class.
const (
	dateComponents = "YMDdFWw"
	timeComponents = "HhPmsf"
	zoneComponents = "Zz"
)

// readPicture takes a picture apart. It returns a complaint, or "".
func readPicture(s string, class Class) ([]marker, string) {
	allowed := zoneComponents
	if class != Time {
		allowed += dateComponents
	}
	if class != Date {
		allowed += timeComponents
	}
	var out []marker
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "[[") || strings.HasPrefix(s[i:], "]]"):
			text.WriteByte(s[i])
			i++
		case s[i] == ']':
			return nil, "the picture has a ] that closes nothing; write ]] for itself"
		case s[i] != '[':
			text.WriteByte(s[i])
		default:
			end := strings.IndexByte(s[i:], ']')
			if end < 0 {
				return nil, "the picture has a [ that is not closed"
			}
			m, complaint := readMarker(s[i+1:i+end], allowed)
			if complaint != "" {
				return nil, complaint
			}
			out = append(out, marker{text: text.String()}, m)
			text.Reset()
			i += end
		}
	}
	return append(out, marker{text: text.String()}), ""
}

var defaultStyles = map[byte]string{'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1",
	'H': "1", 'h': "1", 'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01"}

func readMarker(s, allowed string) (marker, string) {
	s = strings.Join(strings.FieldsFunc(s, isSpace), "")
	if s == "" || strings.IndexByte(allowed, s[0]) < 0 {
		return marker{}, fmt.Sprintf("the picture has no component [%s] here; there are %s", s, strings.Join(strings.Split(allowed, ""), " "))
	}
	m := marker{component: s[0]}
	style, width, limited := strings.Cut(s[1:], ",")
	if m.style = style; style == "" {
		m.style = defaultStyles[m.component]
	}
	named := strings.IndexByte("MFP", m.component) >= 0
	switch m.style {
	case "N", "n", "Nn":
		if !named {
			return marker{}, fmt.Sprintf("[%s] has no name", s)
		}
	case "01:01", "Z", "0":
		if strings.IndexByte(zoneComponents, m.component) < 0 {
			return marker{}, fmt.Sprintf("[%s] is no zone; %q stands with Z and z", s, m.style)
		}
	case "0101", "1", "01":
	default:
		if strings.Trim(m.style, "0") != "1" || m.style[len(m.style)-1] != '1' {
			return marker{}, fmt.Sprintf("the presentation %q of [%s] is not supported; there are 1, 01 and so on, N, n and Nn", m.style, s)
		}
	}
	if limited {
		least, most, ranged := strings.Cut(width, "-")
		if !ranged {
			most = "*"
		}
		var ok1, ok2 bool
		m.least, ok1 = widthOf(least)
		m.most, ok2 = widthOf(most)
		if !ok1 || !ok2 || m.most > 0 && m.most < m.least {
			return marker{}, fmt.Sprintf("the width of [%s] is no width such as 2 or 1-3", s)
		}
	}
	return m, ""
}

func widthOf(s string) (int, bool) {
	if s == "*" {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && n < 100
}

func (m *marker) write(out *strings.Builder, t time.Time) {
	switch m.component {
	case 0:
		out.WriteString(m.text)
	case 'Y':
		m.year(out, t)
	case 'M':
		m.nameOr(out, t.Month().String(), int(t.Month()))
	case 'F':
		m.nameOr(out, t.Weekday().String(), (int(t.Weekday())+6)%7+1)
	case 'P':
		name := "am"
		if t.Hour() >= 12 {
			name = "pm"
		}
		m.nameOr(out, name, 0)
	case 'f':
		m.fraction(out, t)
	case 'Z', 'z':
		m.zone(out, t)
	default:
		m.number(out, numberOf(m.component, t))
	}
}

func numberOf(component byte, t time.Time) int {
	switch component {
	case 'D':
		return t.Day()
	case 'd':
		return t.YearDay()
	case 'W':
		_, week := t.ISOWeek()
		return week
	case 'w':
		first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		return (t.Day()+(int(first.Weekday())+6)%7-1)/7 + 1
	case 'H':
		return t.Hour()
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'm':
		return t.Minute()
	}
	return t.Second()
}

// digits is how many digits the style asks for.
func (m *marker) digits() int { return max(len(m.style), m.least) }

func (m *marker) number(out *strings.Builder, n int) { fmt.Fprintf(out, "%0*d", m.digits(), n) }

// year keeps the last digits where the width limits them, or the style has two.
func (m *marker) year(out *strings.Builder, t time.Time) {
	year, keep := calendarYear(t), m.most
	if keep == 0 && len(m.style) > 1 && m.least == 0 {
		keep = len(m.style)
	}
	if year < 0 {
		year = -year
	}
	text := fmt.Sprintf("%0*d", m.digits(), year)
	if keep > 0 && len(text) > keep {
		text = text[len(text)-keep:]
	}
	out.WriteString(text)
}

func (m *marker) nameOr(out *strings.Builder, name string, number int) {
	switch m.style {
	case "N":
		name = strings.ToUpper(name)
	case "n":
		name = strings.ToLower(name)
	case "Nn":
		name = strings.ToUpper(name[:1]) + strings.ToLower(name[1:])
	default:
		m.number(out, number)
		return
	}
	if m.most > 0 && len(name) > m.most {
		name = name[:m.most]
	}
	out.WriteString(name)
}

// fraction writes fractional seconds: as many digits as the style or the width
// has, cut, or all that are there.
func (m *marker) fraction(out *strings.Builder, t time.Time) {
	text := fmt.Sprintf("%09d", t.Nanosecond())
	least, most := m.least, m.most
	if len(m.style) > 1 {
		least, most = len(m.style), len(m.style)
	}
	if most == 0 {
		most = 9
	}
	least = max(least, 1)
	most = max(most, least)
	if most > len(text) {
		text += strings.Repeat("0", most-len(text))
	}
	text = text[:most]
	for len(text) > least && text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	out.WriteString(text)
}

// zone writes nothing for a moment without one.
func (m *marker) zone(out *strings.Builder, t time.Time) {
	if t.Location() == NoZone {
		return
	}
	_, offset := t.Zone()
	if m.style == "Z" && offset == 0 {
		out.WriteByte('Z')
		return
	}
	if m.component == 'z' {
		out.WriteString("GMT")
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	out.WriteByte(sign)
	hours, minutes := offset/3600, offset/60%60
	switch m.style {
	case "0101":
		fmt.Fprintf(out, "%02d%02d", hours, minutes)
	case "1", "0":
		fmt.Fprintf(out, "%d", hours)
		if minutes > 0 {
			fmt.Fprintf(out, ":%02d", minutes)
		}
	case "01":
		fmt.Fprintf(out, "%02d", hours)
		if minutes > 0 {
			fmt.Fprintf(out, ":%02d", minutes)
		}
	default:
		fmt.Fprintf(out, "%02d:%02d", hours, minutes)
	}
}

// formatMoment compiles format-dateTime, format-date and format-time.
func (c *compiler) formatMoment(n *call) code {
	class := map[string]Class{"format-dateTime": DateTime, "format-date": Date, "format-time": Time}[n.name]
	k := c.momentOf(n, 0, class)
	if k == nil {
		return nil
	}
	if !isLiteral(n.args[1]) {
		return c.later(n.args[1], "a picture that is not a plain string")
	}
	markers, complaint := readPicture(n.args[1].(*literal).text, class)
	if complaint != "" {
		return c.fail(n.args[1], "%s", complaint)
	}
	return c.each1(Type{Class: String, Min: k.typ().Min, Max: 1}, k, func(_ *Frame, v Value) (Value, string) {
		var out strings.Builder
		for i := range markers {
			markers[i].write(&out, instant(v))
		}
		return Text(out.String()), ""
	})
}

// numberPicture is one sub-picture of format-number (§4.7.4).
type numberPicture struct {
	prefix, suffix string
	leastWhole     int
	groups         []int // distances of the grouping separators from the point
	leastFraction  int
	mostFraction   int
	scale          int32 // powers of ten: 2 with %, 3 with ‰
}

const activeDigits = "#0,."

// readNumberPicture takes a picture apart: one for all numbers, or one for
// positive and one for negative ones.
func readNumberPicture(s string) (positive, negative numberPicture, complaint string) {
	first, second, two := strings.Cut(s, ";")
	positive, complaint = readSubPicture(first)
	if complaint != "" {
		return positive, negative, complaint
	}
	if !two {
		negative = positive
		negative.prefix = "-" + negative.prefix
		return positive, negative, ""
	}
	negative, complaint = readSubPicture(second)
	return positive, negative, complaint
}

func readSubPicture(s string) (p numberPicture, complaint string) {
	start := strings.IndexAny(s, activeDigits)
	end := strings.LastIndexAny(s, activeDigits) + 1
	if start < 0 || !strings.ContainsAny(s, "#0") {
		return p, "the picture of a number has no digit, # or 0"
	}
	p.prefix, p.suffix = s[:start], s[end:]
	if strings.ContainsAny(p.prefix+p.suffix, "123456789") {
		return p, "the picture of a number is of # and 0, not of other digits"
	}
	for _, sign := range []struct {
		text  string
		scale int32
	}{{"%", 2}, {"‰", 3}} {
		if n := strings.Count(p.prefix+p.suffix, sign.text); n > 0 {
			if n > 1 || p.scale != 0 {
				return p, "the picture of a number has more than one % or ‰"
			}
			p.scale = sign.scale
		}
	}
	whole, fraction, _ := strings.Cut(s[start:end], ".")
	if strings.Trim(whole, "#0,") != "" || strings.Trim(fraction, "#0") != "" {
		return p, "the picture of a number is of # and 0, with one point and , before it"
	}
	plain := strings.ReplaceAll(whole, ",", "")
	if strings.Contains(plain, "0#") || strings.Contains(fraction, "#0") {
		return p, "in the picture of a number every # stands further from the point than every 0"
	}
	if strings.HasSuffix(whole, ",") || strings.Contains(whole, ",,") {
		return p, "a , of the picture of a number stands between digits"
	}
	p.leastWhole = strings.Count(plain, "0")
	p.leastFraction, p.mostFraction = strings.Count(fraction, "0"), len(fraction)
	if p.leastWhole == 0 && p.mostFraction == 0 {
		p.leastWhole = 1
	}
	for i := strings.IndexByte(whole, ','); i >= 0; {
		p.groups = append(p.groups, len(strings.ReplaceAll(whole[i:], ",", "")))
		next := strings.IndexByte(whole[i+1:], ',')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	slices.Reverse(p.groups)
	return p, ""
}

// separated reports whether a separator stands before the last n digits: at the
// places of the picture, and on and on where those are regular.
func (p *numberPicture) separated(n int) bool {
	if slices.Contains(p.groups, n) {
		return true
	}
	if len(p.groups) == 0 || n < p.groups[len(p.groups)-1] {
		return false
	}
	size := p.groups[0]
	for i, g := range p.groups {
		if g != size*(i+1) {
			return false
		}
	}
	return n%size == 0
}

// format writes the digits of a number that is not negative.
func (p *numberPicture) format(x *apd.Decimal) string {
	var d apd.Decimal
	d.Set(x)
	d.Exponent += p.scale
	scaled(&d, &d, int32(p.mostFraction), apd.RoundHalfEven)
	whole, fraction, _ := strings.Cut(d.Text('f'), ".")
	whole = strings.TrimLeft(whole, "0")
	if missing := p.leastWhole - len(whole); missing > 0 {
		whole = strings.Repeat("0", missing) + whole
	}
	fraction = strings.TrimRight(fraction, "0")
	if missing := p.leastFraction - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	var out strings.Builder
	out.WriteString(p.prefix)
	for i := range len(whole) {
		if left := len(whole) - i; i > 0 && p.separated(left) {
			out.WriteByte(',')
		}
		out.WriteByte(whole[i])
	}
	if whole == "" && fraction == "" {
		out.WriteByte('0')
	}
	if fraction != "" {
		out.WriteByte('.')
		out.WriteString(fraction)
	}
	out.WriteString(p.suffix)
	return out.String()
}

// formatNumber is §4.7.2. An absent number is NaN.
func (c *compiler) formatNumber(n *call) code {
	k := c.number(n.args[0], n.name)
	if k == nil {
		return nil
	}
	if !isLiteral(n.args[1]) {
		return c.later(n.args[1], "a picture that is not a plain string")
	}
	positive, negative, complaint := readNumberPicture(n.args[1].(*literal).text)
	if complaint != "" {
		return c.fail(n.args[1], "%s", complaint)
	}
	return &scalar{t: single(String), eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present {
			return Text("NaN"), true, err
		}
		if v.Class == Double {
			exactly, complaint := toDecimal(f, v, Decimal)
			switch {
			case math.IsNaN(v.Float):
				return Text("NaN"), true, nil
			case math.IsInf(v.Float, 1):
				return Text(positive.prefix + "Infinity" + positive.suffix), true, nil
			case math.IsInf(v.Float, -1):
				return Text(negative.prefix + "Infinity" + negative.suffix), true, nil
			case complaint != "":
				return Value{}, false, &Error{"the value " + complaint, v.Lexical()}
			}
			v = exactly
		}
		picture := &positive
		if v.Number.Negative {
			picture = &negative
		}
		var size apd.Decimal
		exact.Abs(&size, v.Number)
		return Text(picture.format(&size)), true, nil
	}}
}
