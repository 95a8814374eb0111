package compat

import (
	"math/big"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// limit is one end of a range of values.
type limit struct {
	value     string
	exclusive bool
}

// bounds are the range facets that a type has.
func bounds(s *contract.Simple) []limit {
	var out []limit
	for _, upper := range []bool{false, true} {
		if l, ok := end(s, upper); ok {
			out = append(out, l)
		}
	}
	return out
}

// end is the lower or upper end of a type's range.
func end(s *contract.Simple, upper bool) (limit, bool) {
	inclusive, exclusive := s.MinInclusive, s.MinExclusive
	if upper {
		inclusive, exclusive = s.MaxInclusive, s.MaxExclusive
	}
	switch {
	case inclusive != nil:
		return limit{trim(*inclusive), false}, true
	case exclusive != nil:
		return limit{trim(*exclusive), true}, true
	}
	return limit{}, false
}

func trim(v string) string { return strings.Trim(v, " \t\r\n") }

// refusedRanges compares ranges and numbers of digits of types of one primitive.
func refusedRanges(from, to *contract.Simple) []refusal {
	if to.Primitive == "decimal" {
		return refusedNumbers(from, to)
	}
	var out []refusal
	for _, upper := range []bool{false, true} {
		want, bounded := end(to, upper)
		if !bounded {
			continue
		}
		have, ok := end(from, upper)
		v := yes
		if ok {
			v = outside(to.Primitive, have, want, upper)
		}
		if v != no {
			out = append(out, refusal{facet: endFacet(upper), verdict: v})
		}
	}
	return out
}

func endFacet(upper bool) string {
	if upper {
		return facetUpper
	}
	return facetLower
}

// outside reports whether a range that ends at have goes past want. The order of
// values is the contract's own: a type of that one bound is asked.
func outside(primitive string, have, want limit, upper bool) verdict {
	if have.value == want.value {
		if want.exclusive && !have.exclusive {
			return yes
		}
		return no
	}
	if !slices.Contains([]string{"dateTime", "date", "time", "float", "double"}, primitive) {
		return maybe
	}
	inside := func(exclusive bool) bool {
		s := contract.Simple{Primitive: primitive, Builtin: primitive, WhiteSpace: "collapse"}
		switch {
		case upper && exclusive:
			s.MaxExclusive = &want.value
		case upper:
			s.MaxInclusive = &want.value
		case exclusive:
			s.MinExclusive = &want.value
		default:
			s.MinInclusive = &want.value
		}
		return s.Check(have.value) == ""
	}
	if inside(want.exclusive && !have.exclusive) {
		return no
	}
	return yes
}

// maxDigits bounds the numbers that are reckoned with; longer facets are
// compared as they are written.
const maxDigits = 1000

// refusedNumbers compares decimals: by range, by digits, and by what the one
// says about the other.
func refusedNumbers(from, to *contract.Simple) []refusal {
	var out []refusal
	for _, upper := range []bool{false, true} {
		if v := pastEnd(from, to, upper); v != no {
			out = append(out, refusal{facet: endFacet(upper), verdict: v})
		}
	}
	if to.FractionDigits != nil && (from.FractionDigits == nil || *from.FractionDigits > *to.FractionDigits) {
		out = append(out, refusal{facet: facetFraction, verdict: yes})
	}
	if to.TotalDigits != nil {
		if n, known := digits(from); !known || n > *to.TotalDigits {
			out = append(out, refusal{facet: facetTotal, verdict: yes})
		}
	}
	return out
}

// pastEnd reports whether values of from lie past an end of to.
func pastEnd(from, to *contract.Simple, upper bool) verdict {
	text, bounded := end(to, upper)
	if !bounded {
		return no
	}
	other, both := end(from, upper)
	if both && other == text {
		return no
	}
	want, readable := numberEnd(to, upper)
	have, ok := reach(from, upper)
	switch {
	case !readable || both && !ok: // a number of thousands of digits
		return maybe
	case !ok || past(have, want, upper):
		return yes
	}
	return no
}

// number is an end of a range of decimals.
type number struct {
	at        *big.Rat
	exclusive bool
}

func past(have, want number, upper bool) bool {
	c := have.at.Cmp(want.at)
	if !upper {
		c = -c
	}
	return c > 0 || c == 0 && want.exclusive && !have.exclusive
}

// numberEnd is an end as a number; the ends of whole numbers are inclusive.
func numberEnd(s *contract.Simple, upper bool) (number, bool) {
	l, ok := end(s, upper)
	if !ok || len(l.value) > maxDigits || strings.ContainsAny(l.value, "eE/_xX") {
		return number{}, false
	}
	r, ok := new(big.Rat).SetString(strings.TrimSuffix(strings.TrimPrefix(l.value, "+"), "."))
	if !ok {
		return number{}, false
	}
	if whole(s) && l.exclusive && r.IsInt() {
		step := big.NewRat(1, 1)
		if upper {
			step.Neg(step)
		}
		return number{r.Add(r, step), false}, true
	}
	return number{r, l.exclusive}, true
}

func whole(s *contract.Simple) bool { return s.FractionDigits != nil && *s.FractionDigits == 0 }

// reach is how far a type's values go, by its range or by its digits.
func reach(s *contract.Simple, upper bool) (number, bool) {
	out, ok := numberEnd(s, upper)
	if s.TotalDigits == nil || *s.TotalDigits > maxDigits {
		return out, ok
	}
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(*s.TotalDigits)), nil)
	byDigits := number{new(big.Rat).SetInt(most.Sub(most, big.NewInt(1))), false}
	if !upper {
		byDigits.at.Neg(byDigits.at)
	}
	if !ok || past(out, byDigits, upper) {
		return byDigits, true
	}
	return out, true
}

// digits is the most digits that a value may have.
func digits(s *contract.Simple) (int, bool) {
	most, known := maxDigits+1, false
	if s.TotalDigits != nil {
		most, known = *s.TotalDigits, true
	}
	low, bounded := numberEnd(s, false)
	high, bounded2 := numberEnd(s, true)
	if !bounded || !bounded2 || s.FractionDigits == nil {
		return most, known
	}
	before := max(wholeDigits(low.at), wholeDigits(high.at))
	return min(most, before+*s.FractionDigits), true
}

// wholeDigits counts the digits before the point.
func wholeDigits(r *big.Rat) int {
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if n.Sign() == 0 {
		return 0
	}
	return len(n.Abs(n).String())
}

// endText writes an end of a range.
func endText(s *contract.Simple, upper bool) string {
	l, ok := end(s, upper)
	switch {
	case !ok:
		return "no limit"
	case l.exclusive && upper:
		return "less than " + l.value
	case l.exclusive:
		return "more than " + l.value
	case upper:
		return "at most " + l.value
	}
	return "at least " + l.value
}
