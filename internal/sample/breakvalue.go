package sample

import (
	"iter"
	"math/big"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/pattern"
)

// wrong is a value that breaks one facet of its type.
type wrong struct{ kind, value string }

// systematicOf yields a type's plain values, and what its patterns make.
func (v *valuer) systematicOf(s *contract.Simple, h hint) iter.Seq[string] {
	if v.languages == nil {
		v.languages = map[*contract.Simple]*pattern.Language{}
	}
	return chain(v.systematic(s, h), v.solved(s, h), slices.Values(s.Enumeration))
}

// breaks yields values that break one facet each; valid is a value of the type.
func breaks(s *contract.Simple, valid string) iter.Seq[wrong] {
	return func(yield func(wrong) bool) {
		try := func(kind string, relaxed *contract.Simple, seq iter.Seq[string]) bool {
			n := 0
			for c := range seq {
				if n++; n > maxTries {
					break
				}
				if s.Check(c) != "" && (relaxed == nil || relaxed.Check(c) == "") && !yield(wrong{kind, c}) {
					return false
				}
			}
			return true
		}
		for _, f := range facetsOf(s) {
			if !try(f.kind, f.without(s), f.values(s, valid)) {
				return
			}
		}
	}
}

// facet is a way to break a type: the values that may, and the type without it.
type facet struct {
	kind   string
	drop   func(*contract.Simple) // nil: the form itself
	values func(s *contract.Simple, valid string) iter.Seq[string]
}

// without is the type without the facet; nil where its form is what is broken.
func (f facet) without(s *contract.Simple) *contract.Simple {
	if f.drop == nil {
		return nil
	}
	out := &contract.Simple{Name: s.Name, Variety: s.Variety, Primitive: s.Primitive, Builtin: s.Builtin, Item: s.Item,
		Members: s.Members, WhiteSpace: s.WhiteSpace}
	if len(s.Patterns) > 0 {
		out = copyOf(s) // with its patterns, whose check is kept with the type
	}
	out.Length, out.MinLength, out.MaxLength = s.Length, s.MinLength, s.MaxLength
	out.TotalDigits, out.FractionDigits = s.TotalDigits, s.FractionDigits
	out.MinInclusive, out.MaxInclusive, out.MinExclusive, out.MaxExclusive = s.MinInclusive, s.MaxInclusive, s.MinExclusive, s.MaxExclusive
	out.Enumeration = s.Enumeration
	f.drop(out)
	return out
}

func copyOf(s *contract.Simple) *contract.Simple {
	c := *s
	return &c
}

// facetsOf lists the ways to break a type.
func facetsOf(s *contract.Simple) []facet {
	out := []facet{{"form", nil, malformed}}
	add := func(present bool, kind string, drop func(*contract.Simple), values func(*contract.Simple, string) iter.Seq[string]) {
		if present {
			out = append(out, facet{kind, drop, values})
		}
	}
	add(len(s.Enumeration) > 0, "enumeration", func(s *contract.Simple) { s.Enumeration = nil }, unlisted)
	add(s.Length != nil, "length", func(s *contract.Simple) { s.Length = nil }, ofLength(func(s *contract.Simple) []int { return []int{*s.Length + 1, *s.Length - 1} }))
	add(s.MinLength != nil, "minLength", func(s *contract.Simple) { s.MinLength = nil }, ofLength(func(s *contract.Simple) []int { return []int{*s.MinLength - 1, 0} }))
	add(s.MaxLength != nil, "maxLength", func(s *contract.Simple) { s.MaxLength = nil }, ofLength(func(s *contract.Simple) []int { return []int{*s.MaxLength + 1, *s.MaxLength + 2, *s.MaxLength + 10} }))
	add(s.MinInclusive != nil, "minInclusive", func(s *contract.Simple) { s.MinInclusive = nil }, beside(func(s *contract.Simple) *string { return s.MinInclusive }, -1))
	add(s.MaxInclusive != nil, "maxInclusive", func(s *contract.Simple) { s.MaxInclusive = nil }, beside(func(s *contract.Simple) *string { return s.MaxInclusive }, 1))
	add(s.MinExclusive != nil, "minExclusive", func(s *contract.Simple) { s.MinExclusive = nil }, beside(func(s *contract.Simple) *string { return s.MinExclusive }, 0))
	add(s.MaxExclusive != nil, "maxExclusive", func(s *contract.Simple) { s.MaxExclusive = nil }, beside(func(s *contract.Simple) *string { return s.MaxExclusive }, 0))
	add(s.TotalDigits != nil, "totalDigits", func(s *contract.Simple) { s.TotalDigits = nil }, moreDigits)
	add(s.FractionDigits != nil && s.Builtin == "decimal", "fractionDigits", func(s *contract.Simple) { s.FractionDigits = nil }, moreFraction)
	add(len(s.Patterns) > 0, "pattern", nil, mismatched)
	add(s.WhiteSpace == "preserve", "whiteSpace", nil, func(_ *contract.Simple, valid string) iter.Seq[string] {
		return slices.Values([]string{" " + valid, valid + "\n", valid + " "})
	})
	return out
}

// malformed yields values that are not of the built-in type.
func malformed(s *contract.Simple, valid string) iter.Seq[string] {
	plain := *s
	plain.Enumeration = nil
	var out []string
	switch {
	case s.Variety == contract.List:
		for item := range malformed(s.Item, "") {
			out = append(out, strings.TrimSpace(valid+" "+item))
		}
	case s.Variety == contract.Union:
		out = []string{"?", "no value", "-?-", "\u00a0"}
	case s.Primitive == "string" && s.Builtin != "string" && s.Builtin != "normalizedString" && s.Builtin != "token":
		out = []string{"not this", "1,5", "?"}
	case s.Primitive == "string":
	default:
		out = malformedOf[s.Primitive]
		if s.Primitive == "decimal" && s.Builtin != "decimal" {
			out = append([]string{"1.5"}, out...)
		}
	}
	return func(yield func(string) bool) {
		for _, c := range out {
			if reason := bare(s).Check(c); reason != "" && !yield(c) {
				return
			}
		}
	}
}

// bare is a type without its facets.
func bare(s *contract.Simple) *contract.Simple {
	return &contract.Simple{Name: s.Name, Variety: s.Variety, Primitive: s.Primitive, Builtin: s.Builtin, Item: s.Item, Members: s.Members, WhiteSpace: s.WhiteSpace}
}

var malformedOf = map[string][]string{
	"decimal": {"1,5", "abc", "1e3", ""}, "float": {"1,5", "+INF", "abc"}, "double": {"1,5", "+INF", "abc"},
	"boolean": {"yes", "TRUE", ""}, "dateTime": {"2026-03-02 09:30:00", "02.03.2026", "2026-02-30T09:30:00"}, "date": {"2026-02-30", "16.03.2026"},
	"time": {"9:30", "25:00:00"}, "duration": {"1 day", "P", "P1S"}, "gYear": {"26"}, "gYearMonth": {"2026-13"}, "gMonth": {"--13"},
	"gDay": {"---32"}, "gMonthDay": {"--02-30"}, "hexBinary": {"0", "0G"}, "base64Binary": {"A", "#"}, "anyURI": {"%", "http://a b/%zz", ":"},
	"QName": {"a:b:c", "1a", ""}, "NOTATION": {"a:b:c"},
}

// unlisted yields values beside those listed.
func unlisted(s *contract.Simple, valid string) iter.Seq[string] {
	v := &valuer{prefixes: newPrefixes(), name: contract.Name{Local: "other"}}
	plain := bare(s)
	own := []string{"OTHER", "other", strings.ToLower(valid), strings.ToUpper(valid), valid + "X", valid + "1", "-1", "999"}
	return chain(slices.Values(own), v.systematicOf(plain, hint{name: "other", index: 7}))
}

// ofLength yields values of lengths that the type does not allow.
func ofLength(counts func(*contract.Simple) []int) func(*contract.Simple, string) iter.Seq[string] {
	return func(s *contract.Simple, valid string) iter.Seq[string] {
		return func(yield func(string) bool) {
			for _, n := range counts(s) {
				if n < 0 || n > 2_000_000 {
					continue
				}
				for c := range sized(s, valid, n) {
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// sized yields values of n characters, bytes or items.
func sized(s *contract.Simple, valid string, n int) iter.Seq[string] {
	if s.Variety == contract.List {
		items := strings.Fields(valid)
		if len(items) == 0 {
			return func(func(string) bool) {}
		}
		var out []string
		for i := range n {
			out = append(out, items[i%len(items)])
		}
		return slices.Values([]string{strings.Join(out, " ")})
	}
	if !countsCharacters(s) {
		return slices.Values([]string{encoded(s, slices.Repeat([]byte{'x'}, n))})
	}
	plain := slices.Values([]string{fitted(valid, "", n, n), fitted("text", "", n, n), fitted("", strings.Repeat("1", min(n, 100)), n, n)})
	if len(s.Patterns) == 0 {
		return plain
	}
	return chain(plain, func(yield func(string) bool) {
		must, err := steps(s)
		if err != nil {
			return
		}
		if l, err := pattern.Solve(append(must, pattern.Length(n, n)), nil); err == nil {
			yield(l.Shortest())
		}
	})
}

// beside yields values that lie just outside a limit: by one of the last digit,
// or the limit itself where it is excluded.
func beside(limit func(*contract.Simple) *string, by int64) func(*contract.Simple, string) iter.Seq[string] {
	return func(s *contract.Simple, valid string) iter.Seq[string] {
		text := strings.TrimSpace(*limit(s))
		var out []string
		switch line := timelines[s.Primitive]; {
		case by == 0:
			out = append(out, text)
		case s.Primitive == "decimal":
			for _, scale := range scales(s) {
				if n, exact, ok := scaled(text, scale); ok {
					if !exact && by > 0 {
						n.Add(n, big.NewInt(1))
					} else if exact {
						n.Add(n, big.NewInt(by))
					}
					out = append(out, span{scale: scale}.format(n))
				}
			}
		case s.Primitive == "float" || s.Primitive == "double":
			out = append(out, floatLimits(s)...)
			out = append(out, "-1E30", "1E30")
		case line.layout != "":
			if at, zone, _, ok := line.read(s.Primitive, text); ok {
				out = append(out, line.write(at+by)+zone, line.write(at+31*by)+zone)
			}
		default:
			out = append(out, "P1000Y", "PT0S", "-P1000Y")
		}
		return slices.Values(out)
	}
}

// moreDigits yields numbers within the limits that have too many digits.
func moreDigits(s *contract.Simple, valid string) iter.Seq[string] {
	more := strings.Repeat("1", min(*s.TotalDigits+1, maxDigits))
	out := []string{more, "-" + more}
	if s.Builtin == "decimal" {
		whole, _, _ := strings.Cut(valid, ".")
		digits := len(strings.Trim(whole, "+-0"))
		out = append(out, whole+"."+strings.Repeat("1", max(1, *s.TotalDigits+1-digits)), "0."+more)
	}
	return slices.Values(out)
}

func moreFraction(s *contract.Simple, valid string) iter.Seq[string] {
	whole, _, _ := strings.Cut(valid, ".")
	ones := strings.Repeat("1", min(*s.FractionDigits+1, maxDigits))
	return slices.Values([]string{whole + "." + ones, "0." + ones, "1." + ones, "-0." + ones})
}

// mismatched yields values that keep all but the patterns.
func mismatched(s *contract.Simple, valid string) iter.Seq[string] {
	others := bare(s)
	others.Length, others.MinLength, others.MaxLength = s.Length, s.MinLength, s.MaxLength
	others.TotalDigits, others.FractionDigits, others.Enumeration = s.TotalDigits, s.FractionDigits, s.Enumeration
	others.MinInclusive, others.MaxInclusive, others.MinExclusive, others.MaxExclusive = s.MinInclusive, s.MaxInclusive, s.MinExclusive, s.MaxExclusive
	return func(yield func(string) bool) {
		for c := range chain(twisted(valid), outside(s)) {
			if others.Check(c) == "" && !yield(c) {
				return
			}
		}
	}
}

// twisted yields a value with little changed.
func twisted(valid string) iter.Seq[string] {
	runes := []rune(valid)
	return func(yield func(string) bool) {
		for _, c := range []string{strings.ToLower(valid), strings.ToUpper(valid), valid + "x", valid + "-", valid + "0"} {
			if c != valid && !yield(c) {
				return
			}
		}
		for i := range min(len(runes), 20) {
			for _, r := range "#x1-A" {
				c := slices.Clone(runes)
				c[i] = r
				if !yield(string(c)) {
					return
				}
			}
		}
		if len(runes) > 1 {
			yield(string(runes[1:]))
		}
	}
}

// outside yields strings of the type's form and length that one of its patterns
// does not match.
func outside(s *contract.Simple) iter.Seq[string] {
	return func(yield func(string) bool) {
		all, err := steps(s)
		if err != nil {
			return
		}
		for i := range all {
			l, err := pattern.Solve(terms(s), all[i:i+1])
			if err == nil && !yield(l.Shortest()) {
				return
			}
		}
	}
}
