package contract

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// valuePlan is a simple type as the recogniser judges its values. What it takes is
// a value of the type; what it does not take may be one.
type valuePlan struct {
	form       func(v string) bool // the lexical form of the built-in type; nil: any
	collapses  bool
	replaces   bool
	shortest   int
	longest    int
	size       func(v string) int
	number     *numberPlan // of decimals
	enumerated []string    // nil: anything
	patterns   []*regexp.Regexp
	item       *valuePlan // of lists
	members    []*valuePlan
}

// numberPlan is what a decimal must keep.
type numberPlan struct {
	digits      int // at most
	fraction    int
	bounds      []wholeBound
	furtherFrom []bound // bounds that are no whole numbers
}

// wholeBound is a range facet whose limit is a whole number.
type wholeBound struct {
	limit  int64
	allows func(compared int) bool
}

// maxNested is how deep unions and lists stand within each other.
const maxNested = 3

// newValuePlan returns nil where nothing of the type is recognised.
func newValuePlan(s *Simple) *valuePlan { return nestedPlan(s, 0) }

func nestedPlan(s *Simple, depth int) *valuePlan {
	if s == nil || depth > maxNested || len(s.Members) > 16 {
		return nil
	}
	p := &valuePlan{collapses: s.WhiteSpace == "collapse", replaces: s.WhiteSpace == "replace", longest: math.MaxInt}
	switch s.Variety {
	case List:
		if p.item = nestedPlan(s.Item, depth+1); p.item == nil {
			return nil
		}
		p.collapses, p.size = true, countItems
	case Union:
		for _, m := range s.Members {
			if one := nestedPlan(m, depth+1); one != nil {
				p.members = append(p.members, one)
			}
		}
		if len(p.members) == 0 || len(s.Patterns) > 0 {
			return nil
		}
	default:
		if !p.atomic(s) {
			return nil
		}
	}
	if !p.lengths(s) || !p.patterned(s.Patterns) {
		return nil
	}
	for _, e := range s.Enumeration {
		p.enumerated = append(p.enumerated, s.normalize(e))
	}
	return p
}

// atomic takes over what a built-in type and its bounds demand.
func (p *valuePlan) atomic(s *Simple) bool {
	bounds := s.bounds()
	if s.Primitive == "decimal" {
		return p.decimal(s, bounds)
	}
	if len(bounds) > 0 {
		return false
	}
	form, ok := plainForms[s.Builtin]
	p.form = form
	p.size = sizes[s.Primitive]
	return ok
}

// lengths takes over the length facets, if the type's values have a length that
// is known.
func (p *valuePlan) lengths(s *Simple) bool {
	if s.Length == nil && s.MinLength == nil && s.MaxLength == nil {
		p.size = nil
		return true
	}
	if s.MinLength != nil {
		p.shortest = *s.MinLength
	}
	if s.MaxLength != nil {
		p.longest = *s.MaxLength
	}
	if s.Length != nil {
		p.shortest, p.longest = max(p.shortest, *s.Length), min(p.longest, *s.Length)
	}
	return p.size != nil
}

func (p *valuePlan) patterned(steps [][]string) bool {
	for _, alternatives := range steps {
		compiled := plainPattern(alternatives)
		if compiled == nil {
			return false
		}
		p.patterns = append(p.patterns, compiled)
	}
	return true
}

// decimal takes over the facets of a number.
func (p *valuePlan) decimal(s *Simple, bounds []bound) bool {
	n := &numberPlan{digits: maxPlainDigits, fraction: maxPlainDigits}
	if s.TotalDigits != nil {
		n.digits = min(n.digits, *s.TotalDigits)
	}
	if s.FractionDigits != nil {
		n.fraction = *s.FractionDigits
	}
	for _, b := range bounds {
		limit, ok := plainNumber(collapse(b.limit))
		if !ok {
			return false
		}
		if w, err := strconv.ParseInt(limit.sign()+limit.whole, 10, 64); err == nil && limit.fraction == "" {
			n.bounds = append(n.bounds, wholeBound{w, b.allows})
			continue
		}
		n.furtherFrom = append(n.furtherFrom, b)
	}
	p.number = n
	return true
}

// takes reports whether v is surely a value of the type. White space is handled
// as the type says.
func (p *valuePlan) takes(v string) bool {
	if p == nil {
		return false
	}
	switch {
	case p.collapses:
		v = collapse(v)
	case p.replaces && strings.ContainsAny(v, "\t\n\r"):
		return false
	}
	switch {
	case p.item != nil:
		if !p.takesItems(v) {
			return false
		}
	case p.members != nil:
		if !collapsed(v) || !slices.ContainsFunc(p.members, func(m *valuePlan) bool { return m.takes(v) }) {
			return false
		}
	case p.number != nil:
		if !p.number.takes(v) {
			return false
		}
	case p.form != nil && !p.form(v):
		return false
	}
	if p.size != nil {
		if n := p.size(v); n < p.shortest || n > p.longest {
			return false
		}
	}
	if p.enumerated != nil && !slices.Contains(p.enumerated, v) {
		return false
	}
	for _, pattern := range p.patterns {
		if !pattern.MatchString(v) {
			return false
		}
	}
	return true
}

func (p *valuePlan) takesItems(v string) bool {
	for item := range strings.SplitSeq(v, " ") {
		if v != "" && !p.item.takes(item) {
			return false
		}
	}
	return true
}

func countItems(v string) int {
	if v == "" {
		return 0
	}
	return strings.Count(v, " ") + 1
}

// maxPlainDigits is how long a number is that is looked at here.
const maxPlainDigits = 30

// numeral is a decimal in its parts, as it is written.
type numeral struct {
	negative        bool
	whole, fraction string
}

func (n numeral) sign() string {
	if n.negative {
		return "-"
	}
	return ""
}

// plainNumber reads a decimal of at most maxPlainDigits (XSD 1.0 part 2 §3.2.3).
func plainNumber(v string) (n numeral, ok bool) {
	if v != "" && (v[0] == '-' || v[0] == '+') {
		n.negative = v[0] == '-'
		v = v[1:]
	}
	n.whole = v
	if point := strings.IndexByte(v, '.'); point >= 0 {
		n.whole, n.fraction = v[:point], v[point+1:]
		if n.fraction == "" {
			return n, false
		}
	}
	return n, n.whole != "" && len(v) <= maxPlainDigits && digits(n.whole) && digits(n.fraction)
}

func digits(v string) bool {
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	return true
}

// takes counts digits as they are written, zeros too, which is no fewer than count
// (§4.3.11).
func (p *numberPlan) takes(v string) bool {
	n, ok := plainNumber(v)
	if !ok || len(n.fraction) > p.fraction || len(n.whole)+len(n.fraction) > p.digits {
		return false
	}
	if len(p.bounds) > 0 {
		w, err := strconv.ParseInt(n.whole, 10, 64)
		if err != nil {
			return false
		}
		for _, b := range p.bounds {
			if !b.allows(n.compare(w, b.limit)) {
				return false
			}
		}
	}
	for _, b := range p.furtherFrom {
		if c, ok := compareValues("decimal", v, collapse(b.limit)); !ok || c == incomparable || !b.allows(c) {
			return false
		}
	}
	return true
}

// compare compares with a whole number; whole is the number without its fraction
// and sign.
func (n numeral) compare(whole, limit int64) int {
	aside := 0 // where its fraction takes the number
	if strings.Trim(n.fraction, "0") != "" {
		aside = 1
	}
	if n.negative {
		whole, aside = -whole, -aside
	}
	return cmp.Or(cmp.Compare(whole, limit), aside)
}

// sizes count what the length facets of a primitive type count.
var sizes = map[string]func(string) int{
	"string":       utf8.RuneCountInString,
	"hexBinary":    func(v string) int { return len(v) / 2 },
	"base64Binary": func(v string) int { return len(v)/4*3 - strings.Count(v, "=") },
}

// plainForms are the lexical forms of built-in types, or a part of them that is
// easily told (XSD 1.0 part 2 §3.2, §3.3). A type that is not there is the
// engine's.
var plainForms = map[string]func(string) bool{
	"anySimpleType":    nil,
	"string":           nil,
	"normalizedString": nil,
	"token":            nil,
	"language":         regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,8}$`).MatchString,
	"NMTOKEN":          regexp.MustCompile(`^[A-Za-z0-9._:-]+$`).MatchString,
	"Name":             regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]*$`).MatchString,
	"NCName":           regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]*$`).MatchString,
	"boolean":          func(v string) bool { return v == "true" || v == "false" || v == "1" || v == "0" },
	"float":            plainFloat,
	"double":           plainFloat,
	"dateTime":         func(v string) bool { return len(v) > 10 && v[10] == 'T' && isDay(v[:10]) && isTimeOfDay(v[11:]) },
	"date":             func(v string) bool { return len(v) >= 10 && isDay(v[:10]) && isZone(v[10:]) },
	"time":             isTimeOfDay,
	"anyURI":           regexp.MustCompile(`^(https?://[a-z0-9]+([.-][a-z0-9]+)*(/[A-Za-z0-9_-]+)*/?|urn:[a-z0-9]{2,32}(:[A-Za-z0-9._-]+)+)$`).MatchString,
	"hexBinary":        func(v string) bool { return len(v)%2 == 0 && strings.Trim(v, "0123456789abcdefABCDEF") == "" },
	"base64Binary":     isPlainBase64,
}

func plainFloat(v string) bool {
	n, ok := plainNumber(v)
	return ok && len(n.whole)+len(n.fraction) <= 15
}

// isDay reports whether v is a day of a year with four digits, without a zone.
func isDay(v string) bool {
	if v[4] != '-' || v[7] != '-' {
		return false
	}
	year, month, day := digitsOf(v[:4]), digitsOf(v[5:7]), digitsOf(v[8:10])
	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

// isTimeOfDay reports whether v is a time of the day that is no leap second and
// not its end, with a zone or without.
func isTimeOfDay(v string) bool {
	if len(v) < 8 || v[2] != ':' || v[5] != ':' {
		return false
	}
	hour, minute, second := digitsOf(v[:2]), digitsOf(v[3:5]), digitsOf(v[6:8])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return false
	}
	if v = v[8:]; v != "" && v[0] == '.' {
		rest := strings.TrimLeft(v[1:], "0123456789")
		if n := len(v) - 1 - len(rest); n < 1 || n > 9 {
			return false
		}
		v = rest
	}
	return isZone(v)
}

func isZone(v string) bool {
	if v == "" || v == "Z" {
		return true
	}
	if len(v) != 6 || v[0] != '+' && v[0] != '-' || v[3] != ':' {
		return false
	}
	hour, minute := digitsOf(v[1:3]), digitsOf(v[4:])
	return hour >= 0 && hour <= 13 && minute >= 0 && minute <= 59
}

// digitsOf reads a few digits; anything else is -1.
func digitsOf(v string) int {
	n := 0
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return -1
		}
		n = 10*n + int(v[i]-'0')
	}
	return n
}

// isPlainBase64 reports whether v is base64 without white space, whose unused bits
// are zero (XSD 1.0 part 2 §3.2.16).
func isPlainBase64(v string) bool {
	if len(v)%4 != 0 {
		return false
	}
	text := strings.TrimRight(v, "=")
	for i := range len(text) {
		if !isBase64[text[i]] {
			return false
		}
	}
	switch len(v) - len(text) {
	case 0:
		return true
	case 1:
		return strings.IndexByte("AEIMQUYcgkosw048", text[len(text)-1]) >= 0
	case 2:
		return strings.IndexByte("AQgw", text[len(text)-1]) >= 0
	}
	return false
}

var isBase64 = func() (out [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		out[c] = true
	}
	return out
}()
