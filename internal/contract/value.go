package contract

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// Check reports in which way a lexical value is not one of the type, or "" when
// it is: a phrase that continues "the value …". White space is handled as the
// type says (XSD 1.0 part 2 §4.3.6).
//
// It knows everything about a value but its surroundings: QName prefixes, ID
// and IDREF are checked for form only.
func (s *Simple) Check(v string) string {
	return s.check(s.normalize(v))
}

// normalize applies the whiteSpace facet.
func (s *Simple) normalize(v string) string {
	switch s.WhiteSpace {
	case "collapse":
		return collapse(v)
	case "replace":
		if strings.ContainsAny(v, "\t\n\r") {
			return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(v)
		}
	}
	return v
}

// collapse trims XML white space and makes each run of it one blank.
func collapse(v string) string {
	if collapsed(v) {
		return v
	}
	return strings.Join(strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }), " ")
}

// collapsed reports whether there is nothing to collapse.
func collapsed(v string) bool {
	blank := true // a blank may not stand here
	for i := range len(v) {
		switch v[i] {
		case '\t', '\n', '\r':
			return false
		case ' ':
			if blank {
				return false
			}
			blank = true
		default:
			blank = false
		}
	}
	return !blank || v == ""
}

// notEnumerated is the reason where a value is none of an enumeration.
const notEnumerated = "is not one of the values allowed"

// check judges a value whose white space is normalised.
func (s *Simple) check(v string) string {
	reason := ""
	switch s.Variety {
	case List:
		reason = s.checkList(v)
	case Union:
		reason = s.checkUnion(v)
	default:
		reason = s.checkAtomic(v)
	}
	if reason != "" {
		return reason
	}
	if len(s.Enumeration) > 0 && !s.enumerated(v) {
		return notEnumerated
	}
	if s.patterns != nil && !s.patterns.match(v) {
		return "does not match the pattern"
	}
	return ""
}

func (s *Simple) checkList(v string) string {
	items := strings.Fields(v)
	for _, item := range items {
		if reason := s.Item.Check(item); reason != "" {
			return fmt.Sprintf("has an item %q that %s", shorten(item), reason)
		}
	}
	return s.checkLength(len(items), "item")
}

func (s *Simple) checkUnion(v string) string {
	for _, m := range s.Members {
		if m.Check(v) == "" {
			return ""
		}
	}
	if len(s.Members) == 0 {
		return ""
	}
	return "is of none of the types allowed"
}

func (s *Simple) checkAtomic(v string) string {
	if s.Builtin == "ENTITY" {
		return "is an entity's name, which needs a DOCTYPE, and a message has none"
	}
	if reason := checkForm(s, v); reason != "" {
		return reason
	}
	switch s.Primitive {
	case "decimal":
		return s.checkDecimal(v)
	case "string", "anyURI":
		return s.checkLength(utf8.RuneCountInString(v), "character")
	case "hexBinary":
		return s.checkLength(len(v)/2, "byte")
	case "base64Binary":
		n, _ := base64Length(v)
		return s.checkLength(n, "byte")
	}
	return s.checkBounds(v)
}

func (s *Simple) checkLength(n int, unit string) string {
	switch {
	case s.Length != nil && n != *s.Length:
		return fmt.Sprintf("has %s instead of %d", count(n, unit), *s.Length)
	case s.MinLength != nil && n < *s.MinLength && n == 0:
		return "is empty"
	case s.MinLength != nil && n < *s.MinLength:
		return fmt.Sprintf("has %s, fewer than %d", count(n, unit), *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		return fmt.Sprintf("has %s, more than %d", count(n, unit), *s.MaxLength)
	}
	return ""
}

func count(n int, unit string) string {
	return plural.Of(n, unit, unit+"s")
}

// enumerated compares in the value space for numbers, lexically otherwise.
func (s *Simple) enumerated(v string) bool {
	if slices.ContainsFunc(s.Enumeration, func(e string) bool { return s.normalize(e) == v }) {
		return true
	}
	switch s.Primitive {
	case "decimal", "float", "double", "dateTime", "date", "time", "boolean", "duration":
		return slices.ContainsFunc(s.Enumeration, func(e string) bool {
			c, ok := compareValues(s.Primitive, v, collapse(e))
			return ok && c == 0
		})
	}
	return s.Variety != Atomic && s.Primitive == "" && slices.ContainsFunc(s.Enumeration, func(e string) bool {
		return collapse(e) == v
	})
}

func (s *Simple) checkDecimal(v string) string {
	d := parseDecimal(v)
	if s.Builtin != "decimal" && strings.ContainsRune(v, '.') {
		return "is not a whole number"
	}
	if s.FractionDigits != nil && len(d.fraction) > *s.FractionDigits {
		return fmt.Sprintf("has %s after the point, more than %d", count(len(d.fraction), "digit"), *s.FractionDigits)
	}
	if s.TotalDigits != nil && len(d.whole)+len(d.fraction) > *s.TotalDigits {
		return fmt.Sprintf("has %s, more than %d", count(len(d.whole)+len(d.fraction), "digit"), *s.TotalDigits)
	}
	return s.checkBounds(v)
}

func (s *Simple) checkBounds(v string) string {
	for _, b := range s.bounds() {
		c, ok := compareValues(s.Primitive, v, collapse(b.limit))
		if ok && (c == incomparable || !b.allows(c)) {
			return fmt.Sprintf("is not %s %s", b.word, collapse(b.limit))
		}
	}
	return ""
}

// bound is one of the four range facets.
type bound struct {
	limit  string
	word   string
	allows func(compared int) bool
}

func (s *Simple) bounds() []bound {
	var out []bound
	add := func(limit *string, word string, allows func(int) bool) {
		if limit != nil {
			out = append(out, bound{*limit, word, allows})
		}
	}
	add(s.MinInclusive, "at least", func(c int) bool { return c >= 0 })
	add(s.MinExclusive, "more than", func(c int) bool { return c > 0 })
	add(s.MaxInclusive, "at most", func(c int) bool { return c <= 0 })
	add(s.MaxExclusive, "less than", func(c int) bool { return c < 0 })
	return out
}

// base64Length returns the number of octets a base64Binary value holds.
func base64Length(v string) (int, bool) {
	v = strings.ReplaceAll(v, " ", "")
	if len(v)%4 != 0 {
		return 0, false
	}
	out, err := base64.StdEncoding.Strict().DecodeString(v)
	return len(out), err == nil
}

// shorten cuts a value for a message.
func shorten(v string) string {
	const most = 60
	if utf8.RuneCountInString(v) <= most {
		return v
	}
	return string([]rune(v)[:most]) + "…"
}
