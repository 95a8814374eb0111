package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// limit is what one column takes of a value. Its zero value takes everything.
type limit struct {
	// fits returns the value as the column gets it, or what the column expects.
	fits func(l *limit, v Value) (Value, string)
	// plainly reports, of most values that fit as they are, that they do; it knows
	// nothing of the others. nil: of none.
	plainly func(l *limit, v *Value) bool
	column  ColumnType
	// charset is the code page of a string column; nil for Unicode, utf-8, and
	// for what is not known, which takes ASCII only.
	charset *charmap.Charmap
	utf8    bool
	cuts    bool    // truncate: what is too long is cut
	keys    []limit // of a look-up: of the columns that its keys are compared with
	ascii   bool    // of a code page: it has all of ASCII
}

func newLimit(col *ColumnModel) limit {
	l := limit{column: col.ColumnType}
	switch col.Kind {
	case StringColumn:
		l.fits, l.plainly = fitString, plainString
		l.utf8 = col.Unicode || col.Charset == "utf-8"
		if e, err := ianaindex.IANA.Encoding(col.Charset); err == nil && !l.utf8 {
			l.charset, _ = e.(*charmap.Charmap)
		}
		l.ascii = l.hasASCII()
	case BytesColumn:
		l.fits = fitBytes
	case IntegerColumn:
		l.fits, l.plainly = fitInteger, plainInteger
	case DecimalColumn:
		l.fits, l.plainly = fitDecimal, plainDecimal
	case DateTimeColumn:
		l.fits = fitMoment
	case DateColumn:
		l.fits = fitDay
	case TimeColumn:
		l.fits = fitClock
	case FloatColumn:
		l.fits = fitFloat
	default:
		l.fits = func(_ *limit, v Value) (Value, string) { return v, "" }
		l.plainly = func(*limit, *Value) bool { return true }
	}
	return l
}

// misfit says why a column can never take values of a class, and how to mend it.
func misfit(c Class, col *ColumnModel) string {
	takes := map[ColumnKind][]Class{
		StringColumn:   {String, Untyped, Boolean, Integer, Decimal, Double, DateTime, Date, Time},
		BytesColumn:    {Binary},
		IntegerColumn:  {Integer},
		DecimalColumn:  {Integer, Decimal},
		BoolColumn:     {Boolean},
		DateTimeColumn: {DateTime},
		DateColumn:     {Date},
		TimeColumn:     {Time},
		FloatColumn:    {Double, Integer},
	}[col.Kind]
	for _, t := range takes {
		if t == c {
			return ""
		}
	}
	message := fmt.Sprintf("the column is %s and the value is %s", col.Kind, c)
	if c == Binary || col.Kind == BytesColumn {
		return message
	}
	return message + "; convert it with " + takes[len(takes)-1].String() + "(…)"
}

// fitString counts as the column counts: UTF-16 units, or bytes of the code page.
func fitString(l *limit, v Value) (Value, string) {
	if v.Class != String && v.Class != Untyped {
		v = xpath.Text(v.Lexical())
	}
	switch {
	case l.column.UUID:
		return v, when(!isUUID(v.Text), "a UUID such as 6f9619ff-8b86-d011-b42d-00c04fc964ff")
	case strings.IndexByte(v.Text, 0) >= 0 || !utf8.ValidString(v.Text):
		return v, "text in UTF-8 without the character NUL"
	}
	if l.utf8 {
		if n := l.column.Length; n == 0 || len(v.Text) <= n || l.column.Unicode && utf16Length(v.Text) <= n {
			return v, ""
		}
		if l.cuts {
			return xpath.Text(l.cut(v.Text)), ""
		}
		return v, "at most " + some(l.column.Length, units(&l.column))
	}
	n := 0
	for _, r := range v.Text {
		n++
		if !l.encodes(r) {
			return v, "only characters of the code page " + l.codePage()
		}
	}
	if l.column.Length > 0 && n > l.column.Length {
		if l.cuts {
			return xpath.Text(l.cut(v.Text)), ""
		}
		return v, "at most " + some(l.column.Length, units(&l.column))
	}
	return v, ""
}

// cut is as much of a text as the column takes, whole characters all of them.
func (l *limit) cut(s string) string {
	room := l.column.Length
	for i, r := range s {
		switch {
		case !l.utf8: // the characters of a code page are a byte each
			room--
		case l.column.Unicode:
			room -= utf16.RuneLen(r)
		default:
			room -= utf8.RuneLen(r)
		}
		if room < 0 {
			return s[:i]
		}
	}
	return s
}

// isUUID takes the one form of RFC 9562 §4.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c < '0' || c > '9' && c < 'A' || c > 'F' && c < 'a' || c > 'f':
			return false
		}
	}
	return true
}

func when(fails bool, expected string) string {
	if fails {
		return expected
	}
	return ""
}

func (l *limit) encodes(r rune) bool {
	if l.charset == nil {
		return r < utf8.RuneSelf
	}
	_, ok := l.charset.EncodeRune(r)
	return ok
}

// Foreign returns the first character of a text that no value of a string column has,
// because its code page lacks it.
func (t ColumnType) Foreign(text string) (r rune, found bool) {
	l := newLimit(&ColumnModel{ColumnType: t})
	if t.Kind != StringColumn || l.utf8 {
		return 0, false
	}
	for _, r := range text {
		if !l.encodes(r) {
			return r, true
		}
	}
	return 0, false
}

func (l *limit) codePage() string {
	if l.charset == nil {
		return "us-ascii"
	}
	return l.column.Charset
}

func units(t *ColumnType) string {
	if t.Unicode {
		return "UTF-16 units"
	}
	return "bytes"
}

// some is n of the units.
func some(n int, units string) string {
	return plural.Of(n, strings.TrimSuffix(units, "s"), units)
}

func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

func fitBytes(l *limit, v Value) (Value, string) {
	n := l.column.Length
	switch {
	case l.column.Fixed && len(v.Text) != n:
		return v, "exactly " + some(n, "bytes")
	case n > 0 && len(v.Text) > n && l.cuts:
		v.Text = v.Text[:n]
		return v, ""
	case n > 0 && len(v.Text) > n:
		return v, "at most " + some(n, "bytes")
	}
	return v, ""
}

func fitInteger(l *limit, v Value) (Value, string) {
	n, err := v.Number.Int64()
	if err != nil || n < l.column.Min || n > l.column.Max {
		return v, fmt.Sprintf("a whole number from %d to %d", l.column.Min, l.column.Max)
	}
	return v, ""
}

// fitDecimal takes a value only when no digit of it is lost.
func fitDecimal(l *limit, v Value) (Value, string) {
	d := v.Number
	if -int(d.Exponent) > l.column.Scale {
		d = trimmed(d)
	}
	scale := max(0, -int(d.Exponent))
	whole := int(d.NumDigits()) + int(d.Exponent)
	if !d.IsZero() && (scale > l.column.Scale || whole > l.column.Precision-l.column.Scale) {
		return v, fmt.Sprintf("at most %s, %d of them after the point", some(l.column.Precision, "digits"), l.column.Scale)
	}
	return v, ""
}

// trimmed is d without trailing zeros.
func trimmed(d *apd.Decimal) *apd.Decimal {
	var r apd.Decimal
	r.Reduce(d)
	return &r
}

// fitFloat takes the nearest number of what is approximate anyway, but a whole
// number only when it is kept exactly. SQL Server knows no NaN, no infinity and
// nothing between zero and the least normal number.
func fitFloat(l *limit, v Value) (Value, string) {
	if v.Class == Integer {
		if most := exactInteger(&l.column); v.Number.Cmp(apd.New(-most, 0)) < 0 || v.Number.Cmp(apd.New(most, 0)) > 0 {
			return v, fmt.Sprintf("a whole number from %d to %d, which a float keeps exactly", -most, most)
		}
		return v, ""
	}
	f, least := v.Float, 0x1p-1022
	if short(&l.column) {
		f, least = float64(float32(f)), 0x1p-126
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return v, "a finite number"
	case v.Float != 0 && math.Abs(f) < least:
		return v, "zero, or a number not nearer to it than " + strconv.FormatFloat(least, 'g', 3, 64)
	}
	return v, ""
}

// short reports a float of 32 bits.
func short(t *ColumnType) bool { return t.Precision > 0 && t.Precision <= 24 }

// exactInteger is up to where a float has every whole number.
func exactInteger(t *ColumnType) int64 {
	if short(t) {
		return 1 << 24
	}
	return 1 << 53
}

// narrows says in which way the contract allows more than a column takes. A
// fraction of a second that is cut, years outside 1 to 9999, and characters
// beyond the basic plane that count two are enforced without being told.
func narrows(c Class, p *xpath.Program, col *ColumnModel) string {
	simple := p.Type().Simple()
	switch col.Kind {
	case StringColumn:
		return narrowsString(c, simple, col)
	case BytesColumn:
		if col.Fixed && (simple == nil || simple.Length == nil || *simple.Length != col.Length) {
			return "any length meets exactly " + some(col.Length, "bytes")
		}
		return tooLong(simple, col.Length, "bytes")
	case IntegerColumn:
		return narrowsInteger(simple, col)
	case DecimalColumn:
		if r := p.Rounding(); r != nil && r.Places <= col.Scale {
			return narrowsRounded(r, col)
		}
		return narrowsDecimal(c, simple, col)
	case DateTimeColumn, DateColumn:
		if col.Grain >= time.Minute {
			return "any second meets whole minutes from " + bound(col.Earliest, "0001", time.DateOnly) + " to " + bound(col.Latest, "9999", time.DateOnly)
		}
		if col.Earliest.Year() > 1 || !col.Latest.IsZero() && col.Latest.Year() < 9999 {
			return "any year meets " + bound(col.Earliest, "0001", time.DateOnly) + " to " + bound(col.Latest, "9999", time.DateOnly)
		}
	case FloatColumn:
		if c == Double {
			return "NaN and INF meet finite numbers"
		}
		most := exactInteger(&col.ColumnType)
		whole := *col
		whole.Min, whole.Max = -most, most
		return narrowsInteger(simple, &whole)
	}
	return ""
}

func narrowsString(c Class, simple *contract.Simple, col *ColumnModel) string {
	if col.UUID {
		return "any text meets a UUID"
	}
	if c == String || c == Untyped {
		if reason := tooLong(simple, col.Length, units(&col.ColumnType)); reason != "" {
			return reason
		}
		return narrowsCharacters(simple, col)
	}
	if most := lexicalLength(c); col.Length > 0 && (most == 0 || most > col.Length) {
		return fmt.Sprintf("%s as text meets %s", c, some(col.Length, units(&col.ColumnType)))
	}
	return ""
}

// narrowsCharacters says where characters have no place in a code page, or take
// several bytes of UTF-8.
func narrowsCharacters(simple *contract.Simple, col *ColumnModel) string {
	l := newLimit(col)
	switch {
	case col.Unicode || l.utf8 && col.Length == 0:
		return ""
	case simple != nil && len(simple.Enumeration) > 0:
		for _, e := range simple.Enumeration {
			if _, expected := l.fits(&l, xpath.Text(e)); expected != "" {
				return strconv.Quote(e) + " meets " + expected
			}
		}
		return ""
	case !l.utf8:
		return "any character meets the code page " + l.codePage()
	case longest(simple)*utf8.UTFMax > col.Length:
		return fmt.Sprintf("length %d meets %s, and a character takes up to 4", longest(simple), some(col.Length, "bytes"))
	}
	return ""
}

// lexicalLength is the longest canonical form of a class; 0 for no limit.
func lexicalLength(c Class) int {
	if c == Boolean {
		return 5
	}
	return 0
}

func tooLong(simple *contract.Simple, length int, units string) string {
	most := longest(simple)
	switch {
	case length == 0 || most >= 0 && most <= length:
		return ""
	case most < 0:
		return "any length meets " + some(length, units)
	}
	return fmt.Sprintf("length %d meets %s", most, some(length, units))
}

// longest is the most characters, or bytes, that a type allows; -1 for no limit.
func longest(s *contract.Simple) int {
	switch {
	case s == nil:
		return -1
	case s.Length != nil:
		return *s.Length
	case s.MaxLength != nil:
		return *s.MaxLength
	case len(s.Enumeration) > 0:
		most := 0
		for _, e := range s.Enumeration {
			most = max(most, utf8.RuneCountInString(e))
		}
		return most
	}
	return patternLength(s.Patterns)
}

func narrowsInteger(s *contract.Simple, col *ColumnModel) string {
	low, high := integerRange(s)
	if low != nil && high != nil && within(low, high, col) {
		return ""
	}
	return fmt.Sprintf("%s to %s meets %d to %d", edge(low), edge(high), col.Min, col.Max)
}

func edge(d *apd.Decimal) string {
	if d == nil {
		return "any"
	}
	return d.Text('f')
}

func within(low, high *apd.Decimal, col *ColumnModel) bool {
	return low.Cmp(apd.New(col.Min, 0)) >= 0 && high.Cmp(apd.New(col.Max, 0)) <= 0
}

// integerRange is what the facets of a whole number allow; nil for no bound.
func integerRange(s *contract.Simple) (low, high *apd.Decimal) {
	if s == nil {
		return nil, nil
	}
	low, high = facet(s.MinInclusive, s.MinExclusive, 1), facet(s.MaxInclusive, s.MaxExclusive, -1)
	if s.TotalDigits == nil || *s.TotalDigits > 100 {
		return low, high
	}
	most := apd.New(1, int32(*s.TotalDigits))
	if high == nil || high.Cmp(most) > 0 {
		high = most
	}
	if least := new(apd.Decimal).Neg(most); low == nil || low.Cmp(least) < 0 {
		low = least
	}
	return low, high
}

// facet reads a bound of a whole number; an exclusive one is moved inwards.
func facet(inclusive, exclusive *string, inwards int64) *apd.Decimal {
	text, shift := inclusive, int64(0)
	if text == nil {
		text, shift = exclusive, inwards
	}
	if text == nil {
		return nil
	}
	v, complaint := xpath.Read(*text, Decimal)
	if complaint != "" {
		return nil
	}
	d := new(apd.Decimal)
	apd.BaseContext.Add(d, v.Number, apd.New(shift, 0))
	return d
}

func narrowsDecimal(c Class, s *contract.Simple, col *ColumnModel) string {
	takes := fmt.Sprintf("decimal(%d,%d)", col.Precision, col.Scale)
	if s == nil || s.TotalDigits == nil {
		if s != nil && c == Integer && wholeFits(s, col) {
			return ""
		}
		return "any number of digits meets " + takes
	}
	fraction := *s.TotalDigits
	if s.FractionDigits != nil {
		fraction = *s.FractionDigits
	}
	if c == Integer {
		fraction = 0
	}
	if *s.TotalDigits <= col.Precision-col.Scale && fraction <= col.Scale {
		return ""
	}
	return strconv.Itoa(*s.TotalDigits) + " digits, up to " + strconv.Itoa(fraction) + " after the point, meet " + takes
}

// narrowsRounded is about the digits before the point: there are no more than
// there were in all, for a carry comes of a digit that goes.
func narrowsRounded(r *xpath.Rounding, col *ColumnModel) string {
	room := col.Precision - col.Scale
	takes := fmt.Sprintf("decimal(%d,%d)", col.Precision, col.Scale)
	switch {
	case r.Of == nil || r.Of.TotalDigits == nil:
		return "any number of digits before the point meets " + takes
	case *r.Of.TotalDigits > room:
		return strconv.Itoa(*r.Of.TotalDigits) + " digits, rounded to " + strconv.Itoa(r.Places) + " after the point, meet " + takes
	}
	return ""
}

// wholeFits reports whether an integer type's range fits before the point.
func wholeFits(s *contract.Simple, col *ColumnModel) bool {
	low, high := integerRange(s)
	if low == nil || high == nil {
		return false
	}
	digits := max(low.NumDigits(), high.NumDigits())
	return int(digits) <= col.Precision-col.Scale
}
