package document

import (
	"errors"
	"strings"
	"testing"
)

// TestBounds: what is past a bound is refused at its place, and what is at it is
// not; digits are those of numbers.
func TestBounds(t *testing.T) {
	nine, ten := strings.Repeat("7", 9), strings.Repeat("7", 10)
	for _, c := range []struct {
		name   string
		bounds Bounds
		src    string
		want   string // empty: taken
	}{
		{"none", Bounds{}, "<a", ""},
		{"elements", Bounds{Elements: 3}, "<a><b/><c/></a>", ""},
		{"too many elements", Bounds{Elements: 2}, "<a><b/>\n<c/></a>", "more than 2 elements"},
		{"depth", Bounds{Depth: 2}, "<a><b/></a>", ""},
		{"too deep", Bounds{Depth: 1}, "<a>\n<b/></a>", "deep"},
		{"attributes", Bounds{Attributes: 2}, "<a xmlns:p='u' b='1'/>", ""},
		{"too many attributes", Bounds{Attributes: 1}, "<a xmlns:p='u' b='1'/>", "attributes"},
		{"digits", Bounds{Digits: 9}, "<a b='" + nine + "'> -" + nine[:4] + "." + nine[4:] + "\n</a>", ""},
		{"too many digits", Bounds{Digits: 9}, "<a>\n<b>" + ten + "</b></a>", "a number of more than 9 digits"},
		{"too many digits after the point", Bounds{Digits: 9}, "<a>0." + nine + "</a>", "a number of more than 9 digits"},
		{"too many digits in an attribute", Bounds{Digits: 9}, "<a b='+" + ten + "'/>", "an attribute with a number"},
		{"too many digits with an exponent", Bounds{Digits: 9}, "<a>1e" + ten + "</a>", "a number of more than 9 digits"},
		{"too many digits in a section", Bounds{Digits: 9}, "<a><![CDATA[" + ten + "]]></a>", "a number of more than 9 digits"},
		{"digits in a text", Bounds{Digits: 9}, "<a>No. " + ten + "</a>", ""},
		{"no XML", Bounds{Elements: 9}, "<a>", "ends"},
	} {
		err := c.bounds.Check([]byte(c.src))
		switch s, _ := errors.AsType[*SyntaxError](err); {
		case c.want == "" && err != nil || c.want != "" && (s == nil || !strings.Contains(s.Message, c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case s != nil && s.Reason == Limit == (c.name == "no XML"):
			t.Errorf("%s: %v", c.name, s.Reason)
		case s != nil && strings.Contains(c.src, "\n") && s.Line != 2:
			t.Errorf("%s: line %d", c.name, s.Line)
		}
	}
}
