package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// simple reports how a simple type differs, facet by facet.
func (c *comparison) simple(old, new *contract.Simple) []finding {
	if old == new {
		return nil
	}
	gone, come := refusals(old, new), refusals(new, old)
	var out []finding
	for _, facet := range facetsOf(gone, come) {
		f := c.facet(facet, old, new)
		if r := reasonFor(gone, facet); r != nil {
			f.refuses, f.refused = r.verdict, r.example
		}
		if r := reasonFor(come, facet); r != nil {
			f.admits, f.admitted = r.verdict, r.example
		}
		out = append(out, f)
	}
	if len(out) == 0 && old.WhiteSpace != new.WhiteSpace && old.Variety == new.Variety {
		f := c.facet(facetWhiteSpace, old, new)
		f.look = true
		out = append(out, f)
	}
	if len(out) == 0 && old.Primitive != new.Primitive && old.Variety == contract.Atomic && new.Variety == contract.Atomic {
		f := c.facet(facetType, old, new)
		f.look = true
		out = append(out, f)
	}
	return out
}

func facetsOf(lists ...[]refusal) []string {
	var out []string
	for _, list := range lists {
		for _, r := range list {
			if !slices.Contains(out, r.facet) {
				out = append(out, r.facet)
			}
		}
	}
	return out
}

func reasonFor(list []refusal, facet string) *refusal {
	i := slices.IndexFunc(list, func(r refusal) bool { return r.facet == facet })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// facet writes what has changed about a facet.
func (c *comparison) facet(name string, old, new *contract.Simple) finding {
	f := finding{kind: "facet-" + name}
	switch name {
	case facetType:
		f.kind, f.was, f.is = "type-changed", c.describe(old), c.describe(new)
		f.what = "the type of the value has changed"
	case facetWhiteSpace:
		f.was, f.is = old.WhiteSpace, new.WhiteSpace
		f.what = "white space in the value is treated in another way"
	case facetEnum:
		c.enumeration(&f, old, new)
	case facetLength:
		f.was, f.is = lengthText(old), lengthText(new)
		f.what = "the length allowed has changed"
	case facetLower:
		f.was, f.is, f.what = endText(old, false), endText(new, false), "the lowest value allowed has changed"
	case facetUpper:
		f.was, f.is, f.what = endText(old, true), endText(new, true), "the highest value allowed has changed"
	case facetTotal:
		f.was, f.is, f.what = digitText(old.TotalDigits), digitText(new.TotalDigits), "the number of digits allowed has changed"
	case facetFraction:
		f.was, f.is, f.what = digitText(old.FractionDigits), digitText(new.FractionDigits), "the number of digits allowed after the point has changed"
	case facetPattern:
		f.was, f.is, f.what = patternText(old), patternText(new), "the pattern has changed"
		if f.was == "" {
			f.what = "a pattern has come"
		}
		if f.is == "" {
			f.what = "the pattern is gone"
		}
	}
	return f
}

// enumeration says which values came and went.
func (c *comparison) enumeration(f *finding, old, new *contract.Simple) {
	f.was, f.is = listText(old.Enumeration), listText(new.Enumeration)
	switch {
	case len(old.Enumeration) == 0:
		f.kind, f.what = "enumeration-added", "only listed values are allowed now"
		f.was = c.describe(old)
		return
	case len(new.Enumeration) == 0:
		f.kind, f.what = "enumeration-dropped", "values are no longer a list"
		f.is = c.describe(new)
		return
	}
	gone, come := without(old.Enumeration, new), without(new.Enumeration, old)
	switch {
	case len(come) == 0 && len(gone) > 0:
		f.kind, f.what = "value-removed", fmt.Sprintf("%s %s no longer allowed", listed(gone), is(gone))
	case len(gone) == 0 && len(come) > 0:
		f.kind, f.what = "value-added", fmt.Sprintf("%s %s allowed too", listed(come), is(come))
	case len(gone) > 0:
		f.kind, f.what = "values-changed", fmt.Sprintf("%s %s no longer allowed, %s %s", listed(gone), is(gone), listed(come), is(come))
	default:
		f.what = "the listed values are written in another way"
	}
}

func is(words []string) string {
	if len(words) == 1 {
		return "is"
	}
	return "are"
}

func without(values []string, s *contract.Simple) []string {
	return slices.DeleteFunc(slices.Clone(values), taker(s))
}

func listText(values []string) string {
	const most = 20
	if len(values) > most {
		return fmt.Sprintf("%s and %d more", listed(values[:8]), len(values)-8)
	}
	return strings.Join(values, ", ")
}

// describe names a simple type and says what it takes.
func (c *comparison) describe(s *contract.Simple) string {
	if s.Name.Local == "" {
		return s.Describe()
	}
	if s.Name.Space == xsd {
		return c.names.text(s.Name)
	}
	return c.names.text(s.Name) + " (" + s.Describe() + ")"
}

func lengthText(s *contract.Simple) string {
	unit := "characters"
	switch {
	case s.Variety == contract.List:
		unit = "items"
	case s.Primitive == "hexBinary" || s.Primitive == "base64Binary":
		unit = "bytes"
	}
	span := lengths(s)
	if span == (span0) {
		return span.String()
	}
	return span.String() + " " + unit
}

var span0 = span{0, -1}

func digitText(n *int) string {
	if n == nil {
		return "no limit"
	}
	return fmt.Sprintf("at most %d", *n)
}
