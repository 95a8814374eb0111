package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// refusal is a reason why one simple type refuses what another takes.
type refusal struct {
	facet   string
	verdict verdict
	example string // a value taken by the one and not by the other
}

// The facets by which types are told apart; each is one change at most.
const (
	facetType       = "type"
	facetWhiteSpace = "whiteSpace"
	facetEnum       = "enumeration"
	facetLength     = "length"
	facetLower      = "minimum"
	facetUpper      = "maximum"
	facetTotal      = "totalDigits"
	facetFraction   = "fractionDigits"
	facetPattern    = "pattern"
)

// maxTypeDepth bounds lists of unions of lists, which real types have none of.
const maxTypeDepth = 16

// refusals returns why to refuses values that from takes; none when every value
// of from, as it may be written, is one of to. A reason that is no more than
// possible is maybe.
func refusals(from, to *contract.Simple) []refusal { return refusalsAt(from, to, 0) }

func refusalsAt(from, to *contract.Simple, depth int) []refusal {
	if from == to || takesAnything(to, depth) {
		return nil
	}
	if depth > maxTypeDepth {
		return []refusal{{facet: facetType, verdict: maybe}}
	}
	var out []refusal
	if values, finite := valuesOf(from); finite {
		out = refusedValues(from, to, values)
	} else {
		out = refusedKinds(from, to, depth)
	}
	return exemplified(from, to, out)
}

// exemplified looks for a value that shows what is refused: it makes sure of
// what is only possible. Where patterns cut from down, a facet alone is no proof.
func exemplified(from, to *contract.Simple, out []refusal) []refusal {
	if len(out) == 0 {
		return nil
	}
	example := witness(from, to)
	for i := range out {
		r := &out[i]
		if r.example == "" {
			r.example = example
		}
		switch {
		case r.verdict == maybe && r.example != "":
			r.verdict = yes
		case r.verdict == yes && r.example == "" && len(from.Patterns) > 0 && r.facet != facetPattern && r.facet != facetEnum:
			r.verdict = maybe
		}
	}
	return out
}

func unknown(facet string) []refusal { return []refusal{{facet: facet, verdict: maybe}} }

func refused(facet string) []refusal { return []refusal{{facet: facet, verdict: yes}} }

// takesAnything reports whether every text is a value of s.
func takesAnything(s *contract.Simple, depth int) bool {
	if len(s.Enumeration) > 0 || len(s.Patterns) > 0 || depth > maxTypeDepth {
		return false
	}
	switch s.Variety {
	case contract.List:
		return s.Length == nil && (s.MinLength == nil || *s.MinLength == 0) && s.MaxLength == nil && takesAnything(s.Item, depth+1)
	case contract.Union:
		return len(s.Members) == 0 || slices.ContainsFunc(s.Members, func(m *contract.Simple) bool { return takesAnything(m, depth+1) })
	}
	return plainText(s.Builtin) && s.Length == nil && (s.MinLength == nil || *s.MinLength == 0) && s.MaxLength == nil
}

// plainText reports whether a built-in type takes any text by itself: white
// space is normalised, not refused (XSD 1.0 part 2 §4.3.6).
func plainText(builtin string) bool {
	return slices.Contains([]string{"anySimpleType", "string", "normalizedString", "token"}, builtin)
}

// valuesOf returns the values of a type that has a known few.
func valuesOf(s *contract.Simple) ([]string, bool) {
	values := s.Enumeration
	if len(values) == 0 && s.Variety == contract.Atomic && s.Primitive == "boolean" {
		values = []string{"true", "false", "1", "0"}
	}
	if len(values) == 0 {
		return nil, false
	}
	takes := taker(s)
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !takes(v) }), true
}

// taker tells whether a type takes a value. It finds a value among thousands
// that are listed at once.
func taker(s *contract.Simple) func(v string) bool {
	const few = 32
	if len(s.Enumeration) < few {
		return func(v string) bool { return s.Check(v) == "" }
	}
	listed := map[string]bool{}
	for _, v := range s.Enumeration {
		listed[v] = true
	}
	other := *s
	other.Enumeration = nil
	return func(v string) bool {
		if listed[v] {
			return other.Check(v) == ""
		}
		return s.Check(v) == ""
	}
}

// refusedValues judges a type of a known few values one by one.
func refusedValues(from, to *contract.Simple, values []string) []refusal {
	facet := facetType
	switch {
	case len(to.Enumeration) > 0:
		facet = facetEnum
	case len(from.Enumeration) > 0 && !slices.EqualFunc(from.Patterns, to.Patterns, slices.Equal):
		facet = facetPattern
	}
	takes := taker(to)
	for _, v := range values {
		if !takes(v) {
			return []refusal{{facet, yes, v}}
		}
	}
	if weaker(to, from) && len(values) > 0 {
		return []refusal{{facetWhiteSpace, yes, " " + values[0] + " "}}
	}
	return otherForms(from, to, values)
}

// otherForms is for values that may be written in several ways, as numbers may:
// 1.0 is a value of the enumeration 1.
func otherForms(from, to *contract.Simple, values []string) []refusal {
	switch {
	case len(values) == 0 || from.Variety == contract.Atomic && (textual(from.Primitive) || from.Primitive == "boolean"):
		return nil
	case from.Primitive == to.Primitive && from.Variety == to.Variety && samePatterns(from, to) && (from.Builtin == to.Builtin || to.Builtin == to.Primitive):
		return nil
	}
	return unknown(facetType)
}

// textual reports whether values of a primitive type are the text that they are
// written as.
func textual(primitive string) bool {
	return primitive == "string" || primitive == "anyURI" || primitive == ""
}

var whiteSpaces = []string{"preserve", "replace", "collapse"}

// weaker reports whether white space that b removes counts under a.
func weaker(a, b *contract.Simple) bool {
	return slices.Index(whiteSpaces, a.WhiteSpace) < slices.Index(whiteSpaces, b.WhiteSpace)
}

func refusedKinds(from, to *contract.Simple, depth int) []refusal {
	switch {
	case from.Variety == contract.Union:
		return refusedMembers(from, to, depth)
	case to.Variety == contract.Union:
		return refusedByMembers(from, to, depth)
	case from.Variety == contract.List && to.Variety == contract.List:
		return refusedLists(from, to, depth)
	case from.Variety == contract.List:
		return refused(facetType)
	case to.Variety == contract.List:
		return refusedAsItem(from, to, depth)
	}
	return refusedAtoms(from, to)
}

// refusedMembers: what a union takes, to must take member by member.
func refusedMembers(from, to *contract.Simple, depth int) []refusal {
	if len(from.Members) == 0 {
		return unknown(facetType)
	}
	if len(to.Enumeration) > 0 {
		return refused(facetEnum)
	}
	var out []refusal
	for _, m := range from.Members {
		for _, r := range refusalsAt(m, to, depth+1) {
			r.facet = facetType
			if from.Check(r.example) != "" || to.Check(r.example) == "" {
				r.example = ""
			}
			if r.verdict == yes && len(from.Patterns) > 0 && r.example == "" {
				r.verdict = maybe
			}
			out = append(out, r)
		}
	}
	return strongest(out)
}

// refusedByMembers: one member that takes everything is enough.
func refusedByMembers(from, to *contract.Simple, depth int) []refusal {
	if len(to.Enumeration) > 0 {
		return refused(facetEnum)
	}
	own := refusedPatterns(from, to)
	if !slices.ContainsFunc(to.Members, func(m *contract.Simple) bool { return len(refusalsAt(from, m, depth+1)) == 0 }) {
		own = append(own, refusal{facet: facetType, verdict: maybe}) // several members together might
	}
	return own
}

// strongest keeps one reason of each facet.
func strongest(in []refusal) []refusal {
	var out []refusal
	for _, r := range in {
		i := slices.IndexFunc(out, func(have refusal) bool { return have.facet == r.facet })
		switch {
		case i < 0:
			out = append(out, r)
		case r.verdict > out[i].verdict:
			out[i] = r
		}
	}
	return out
}

func refusedLists(from, to *contract.Simple, depth int) []refusal {
	out := refusedLengths(from, to)
	out = append(out, refusedPatterns(from, to)...)
	if len(to.Enumeration) > 0 {
		out = append(out, refusal{facet: facetEnum, verdict: yes})
	}
	for _, r := range refusalsAt(from.Item, to.Item, depth+1) {
		if from.Check(r.example) != "" || to.Check(r.example) == "" {
			r.example = ""
		}
		out = append(out, r)
	}
	return strongest(out)
}

// refusedAsItem: an atomic value that has no white space is a list of one.
func refusedAsItem(from, to *contract.Simple, depth int) []refusal {
	one := *to
	if textual(from.Primitive) && !slices.Contains([]string{"language", "NMTOKEN", "Name", "NCName", "ID", "IDREF", "ENTITY"}, from.Builtin) || len(to.Patterns) > 0 {
		return unknown(facetType)
	}
	n := 1
	if one.Length != nil && *one.Length != n || one.MinLength != nil && *one.MinLength > n || one.MaxLength != nil && *one.MaxLength < n {
		return refused(facetLength)
	}
	if len(to.Enumeration) > 0 {
		return refused(facetEnum)
	}
	return refusalsAt(from, to.Item, depth+1)
}

// refusedAtoms compares two atomic types facet by facet.
func refusedAtoms(from, to *contract.Simple) []refusal {
	if !formIncluded(from, to) {
		return refused(facetType)
	}
	out := refusedPatterns(from, to)
	if len(to.Enumeration) > 0 {
		out = append(out, refusal{facet: facetEnum, verdict: yes})
	}
	if len(to.Patterns) > 0 && from.WhiteSpace != to.WhiteSpace && len(out) == 0 {
		out = append(out, refusal{facet: facetWhiteSpace, verdict: maybe})
	}
	if sized(to.Primitive) {
		out = append(out, refusedWhiteSpace(from, to)...)
		out = append(out, refusedLengths(from, to)...)
	}
	if from.Primitive == to.Primitive {
		out = append(out, refusedRanges(from, to)...)
	} else if len(bounds(to)) > 0 {
		out = append(out, refusal{facet: facetType, verdict: maybe})
	}
	return strongest(out)
}

// sized reports whether the length facets bound values of a primitive type. For
// qualified names they mean nothing.
func sized(primitive string) bool {
	return slices.Contains([]string{"string", "anyURI", "hexBinary", "base64Binary"}, primitive)
}

// refusedWhiteSpace: white space that was removed and now counts may make a
// value too long; white space that is removed now may make it too short.
func refusedWhiteSpace(from, to *contract.Simple) []refusal {
	if from.WhiteSpace == to.WhiteSpace {
		return nil
	}
	limits := lengths(to)
	if weaker(to, from) && (limits.max >= 0 || !plainText(to.Builtin)) || weaker(from, to) && limits.min > 0 {
		return []refusal{{facet: facetWhiteSpace, verdict: yes}}
	}
	return nil
}

// narrower are the built-in types of text and the one that each is a part of.
var narrower = map[string]string{
	"language": "NMTOKEN", "NMTOKEN": "token", "Name": "NMTOKEN", "NCName": "Name",
	"ID": "NCName", "IDREF": "NCName", "ENTITY": "NCName",
}

// formIncluded reports whether what one built-in type takes, written in any of
// its forms, is of the other's form.
func formIncluded(from, to *contract.Simple) bool {
	if plainText(to.Builtin) {
		return true
	}
	a, b := from.Primitive, to.Primitive
	switch {
	case a == "decimal" && b == "decimal":
		return from.Builtin != "decimal" || to.Builtin == "decimal" // 1.0 is no integer
	case (a == "decimal" || a == "float" || a == "double") && (b == "float" || b == "double"):
		return true
	case a == "string" && b == "string":
		for name := from.Builtin; name != ""; name = narrower[name] {
			if name == to.Builtin {
				return true
			}
		}
		return false
	}
	return a == b
}

// refusedPatterns: every step of to's patterns must be one of from's, or have
// more alternatives. Other patterns are not compared: they may say the same, and
// nobody could tell.
func refusedPatterns(from, to *contract.Simple) []refusal {
	for _, step := range to.Patterns {
		implied := slices.ContainsFunc(from.Patterns, func(have []string) bool {
			return !slices.ContainsFunc(have, func(p string) bool { return !slices.Contains(step, p) })
		})
		if !implied {
			return refused(facetPattern)
		}
	}
	return nil
}

func samePatterns(a, b *contract.Simple) bool {
	return len(refusedPatterns(a, b)) == 0 && len(refusedPatterns(b, a)) == 0
}

// span is a range of lengths; max is -1 where there is none.
type span struct{ min, max int }

func lengths(s *contract.Simple) span {
	out := span{0, -1}
	if s.MinLength != nil {
		out.min = *s.MinLength
	}
	if s.MaxLength != nil {
		out.max = *s.MaxLength
	}
	if s.Length != nil {
		out = span{*s.Length, *s.Length}
	}
	if s.Variety == contract.Atomic && narrower[s.Builtin] != "" {
		out.min = max(out.min, 1) // names are never empty
	}
	return out
}

func (s span) String() string {
	switch {
	case s.max < 0 && s.min == 0:
		return "any length"
	case s.max < 0:
		return fmt.Sprintf("at least %d", s.min)
	case s.min == s.max:
		return fmt.Sprintf("exactly %d", s.min)
	case s.min == 0:
		return fmt.Sprintf("at most %d", s.max)
	}
	return fmt.Sprintf("%d to %d", s.min, s.max)
}

func refusedLengths(from, to *contract.Simple) []refusal {
	a, b := lengths(from), lengths(to)
	if from.Variety == contract.Atomic && from.Primitive != to.Primitive && textual(to.Primitive) {
		a = span{0, -1} // how long a number is written is nobody's to bound
		if !textual(from.Primitive) {
			a.min = 1
		}
	}
	if a.min < b.min || b.max >= 0 && (a.max < 0 || a.max > b.max) {
		return []refusal{{facet: facetLength, verdict: yes}}
	}
	return nil
}

// patternText writes the patterns of a type.
func patternText(s *contract.Simple) string {
	var steps []string
	for _, step := range s.Patterns {
		steps = append(steps, strings.Join(step, " | "))
	}
	return strings.Join(steps, " and ")
}
