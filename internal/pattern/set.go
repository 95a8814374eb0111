package pattern

import (
	"slices"
	"unicode"
)

// interval is a run of code points, both ends included.
type interval struct{ lo, hi rune }

// set is a set of code points: intervals in order that neither touch nor
// overlap.
type set []interval

// xmlChars are the characters that an XML 1.0 document may hold (§2.2).
var xmlChars = set{{'\t', '\n'}, {'\r', '\r'}, {' ', 0xD7FF}, {0xE000, 0xFFFD}, {0x10000, 0x10FFFF}}

func setOf(chars string) set {
	var out set
	for _, r := range chars {
		out = append(out, interval{r, r})
	}
	return out.normal()
}

// normal sorts the intervals and joins those that touch.
func (s set) normal() set {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b interval) int { return int(a.lo) - int(b.lo) })
	var out set
	for _, i := range s {
		if i.lo > i.hi {
			continue
		}
		if n := len(out); n > 0 && i.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, i.hi)
			continue
		}
		out = append(out, i)
	}
	return out
}

func (s set) union(o set) set { return append(slices.Clone(s), o...).normal() }

// not is the complement within the characters of XML.
func (s set) not() set { return xmlChars.minus(s) }

func (s set) minus(o set) set {
	var out set
	for _, i := range s {
		lo := i.lo
		for _, cut := range o {
			if cut.hi < lo {
				continue
			}
			if cut.lo > i.hi {
				break
			}
			if cut.lo > lo {
				out = append(out, interval{lo, cut.lo - 1})
			}
			lo = cut.hi + 1
		}
		if lo <= i.hi {
			out = append(out, interval{lo, i.hi})
		}
	}
	return out
}

func (s set) and(o set) set { return s.minus(s.minus(o)) }

func (s set) has(r rune) bool {
	i, found := slices.BinarySearchFunc(s, r, func(i interval, r rune) int {
		switch {
		case i.hi < r:
			return -1
		case i.lo > r:
			return 1
		}
		return 0
	})
	return found && s[i].lo <= r
}

func (s set) size() int {
	n := 0
	for _, i := range s {
		n += int(i.hi-i.lo) + 1
	}
	return n
}

// at returns the k-th character of the set.
func (s set) at(k int) rune {
	for _, i := range s {
		if n := int(i.hi-i.lo) + 1; k < n {
			return i.lo + rune(k)
		} else {
			k -= n
		}
	}
	return s[0].lo
}

// tableSet turns a table of Unicode into a set of XML's characters.
func tableSet(tables ...*unicode.RangeTable) set {
	var out set
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, interval{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, interval{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out.normal().and(xmlChars)
}
