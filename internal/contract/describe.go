package contract

import (
	"fmt"
	"strings"
)

// maxListed is how many values or names a message lists.
const maxListed = 12

// Describe says in words which values the type takes: one of DRAFT, SUBMITTED;
// text of 1 to 20 characters; a decimal more than 0 with at most 3 digits after
// the point.
func (s *Simple) Describe() string {
	switch {
	case len(s.Enumeration) == 1 && s.Enumeration[0] == "":
		return "an empty value"
	case len(s.Enumeration) == 1:
		return s.Enumeration[0]
	case len(s.Enumeration) > 0:
		return "one of " + listed(s.Enumeration)
	case s.Variety == List:
		return "a list, each item " + s.Item.Describe() + s.lengthWords("item")
	case s.Variety == Union:
		return s.describeUnion()
	}
	return s.noun() + s.facetWords()
}

func (s *Simple) describeUnion() string {
	words := make([]string, len(s.Members))
	for i, m := range s.Members {
		words[i] = m.Describe()
	}
	return strings.Join(words, ", or ")
}

func listed(values []string) string {
	if len(values) > maxListed {
		return fmt.Sprintf("%s and %d more", strings.Join(values[:maxListed], ", "), len(values)-maxListed)
	}
	return strings.Join(values, ", ")
}

var nouns = map[string]string{
	"string": "text", "boolean": "true or false", "decimal": "a decimal", "float": "a number", "double": "a number",
	"dateTime": "a date and time such as 2026-03-02T09:30:00Z", "date": "a date such as 2026-03-16",
	"time": "a time such as 09:30:00", "duration": "a duration such as P1DT2H", "gYear": "a year such as 2026",
	"gYearMonth": "a month such as 2026-03", "gMonth": "a month such as --03", "gDay": "a day such as ---16",
	"gMonthDay": "a day such as --03-16", "hexBinary": "hexadecimal digits", "base64Binary": "base64",
	"anyURI": "a URI", "QName": "a qualified name", "NOTATION": "a notation",
	"language": "a language tag such as en-GB", "NMTOKEN": "a name token", "Name": "a name", "NCName": "a name without a colon",
	"ID": "an id unique in the message", "IDREF": "the id of another element", "ENTITY": "an entity's name",
}

func (s *Simple) noun() string {
	if n, ok := nouns[s.Builtin]; ok {
		return n
	}
	if s.Primitive == "decimal" {
		return "a whole number"
	}
	if n, ok := nouns[s.Primitive]; ok {
		return n
	}
	return "any value"
}

func (s *Simple) facetWords() string {
	words := s.rangeWords()
	if s.TotalDigits != nil {
		words = append(words, "at most "+count(*s.TotalDigits, "digit"))
	}
	switch {
	case s.FractionDigits == nil || *s.FractionDigits == 0:
	case s.TotalDigits != nil:
		words = append(words, fmt.Sprintf("at most %d of them after the point", *s.FractionDigits))
	default:
		words = append(words, "at most "+count(*s.FractionDigits, "digit")+" after the point")
	}
	for _, step := range s.Patterns {
		words = append(words, "matching "+strings.Join(step, " or "))
	}
	out := s.lengthWords(s.lengthUnit())
	switch {
	case len(words) == 0:
		return out
	case out == "" && strings.HasPrefix(words[0], "matching"):
		return " " + strings.Join(words, ", ")
	}
	return out + ", " + strings.Join(words, ", ")
}

func (s *Simple) rangeWords() []string {
	if s.MinInclusive != nil && s.MaxInclusive != nil {
		return []string{"from " + collapse(*s.MinInclusive) + " to " + collapse(*s.MaxInclusive)}
	}
	var words []string
	for _, b := range s.bounds() {
		words = append(words, b.word+" "+collapse(b.limit))
	}
	return words
}

func (s *Simple) lengthUnit() string {
	if s.Primitive == "hexBinary" || s.Primitive == "base64Binary" {
		return "byte"
	}
	return "character"
}

func (s *Simple) lengthWords(unit string) string {
	switch {
	case s.Length != nil:
		return " of " + count(*s.Length, unit)
	case s.MinLength != nil && s.MaxLength != nil:
		return fmt.Sprintf(" of %d to %s", *s.MinLength, count(*s.MaxLength, unit))
	case s.MaxLength != nil:
		return " of at most " + count(*s.MaxLength, unit)
	case s.MinLength != nil && s.Variety == Atomic:
		return " of at least " + count(*s.MinLength, unit)
	}
	return ""
}
