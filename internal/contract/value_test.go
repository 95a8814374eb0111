package contract

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jacoelho/xsd"

	"github.com/gatehouse/gatehouse/internal/document"
)

// lexicals are values tried against every type below.
var lexicals = []string{
	"", " ", "a", "A", "ab", "abc", "abcdefghijk", "a b", " a  b ", "a\tb", "ä", "a:b", ":a", "-a", "1a", "_x", "x.y-z·",
	"0", "00", "-0", "+0", "1", "+1", "-1", "01", "1.", ".5", "-.5", "5.", ".", "+", "-", "+-1", "1.0", "1.50", "1.234", "1.2345", "999.99", "1000", "1e3", "1E-3", "INF", "-INF", "+INF", "NaN", "inf",
	"127", "128", "-128", "-129", "255", "256", "2147483647", "2147483648", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
	"true", "false", "TRUE", "2", "yes",
	"2026-03-02T09:30:00", "2026-03-02T09:30:00Z", "2026-03-02T09:30:00.123456789Z", "2026-03-02T09:30:00+02:00", "2026-03-02T24:00:00", "2026-03-02T24:00:01", "2026-02-29T00:00:00", "2024-02-29T00:00:00", "2026-13-01T00:00:00", "2026-03-02T09:30", "2026-03-02 09:30:00", "0000-01-01T00:00:00", "-0044-03-15T12:00:00", "12026-03-02T09:30:00", "02026-03-02T09:30:00", "2026-03-02T09:30:60", "2026-03-02T09:30:00+14:00", "2026-03-02T09:30:00+14:01", "2026-03-02T09:30:00.",
	"2026-03-02", "2026-03-02Z", "2026-3-2", "2026-02-30", "1900-02-29", "2000-02-29",
	"09:30:00", "09:30:00.5Z", "24:00:00", "25:00:00", "9:30:00",
	"P1D", "P", "PT", "P1DT2H", "-P1Y2M3DT4H5M6.7S", "P1DT", "1D", "P-1D", "PT1.S",
	"2026", "202", "2026-03", "2026-13", "--03", "--03-16", "--02-30", "---16", "---32", "--13", "--03--", "2026Z", "-0001",
	"-0.5", "-0.0", "0.5", "-1.5",
	"0A", "0a1", "zz", "YWJj", "YWI=", "YQ==", "YR==", "YWJ=", "YQ=", "YW Jj", "YWJj YWJj", "====", "Y===",
	"http://example.com/a b", "http://[::1]/", "urn:x", "%zz", "a%20b",
	"en", "en-GB", "e1", "toolonglanguage",
	"DRAFT", "SUBMITTED", " DRAFT ", "draft", "EUR", "EURO", "eur", "FI", "1 2 3", "1 x", "1 2 3 4",
}

// restrictions are simple types beyond the built-in ones.
const restrictions = `
<xs:simpleType name="enum"><xs:restriction base="xs:token"><xs:enumeration value="DRAFT"/><xs:enumeration value="SUBMITTED"/></xs:restriction></xs:simpleType>
<xs:simpleType name="enumString"><xs:restriction base="xs:string"><xs:enumeration value="DRAFT"/></xs:restriction></xs:simpleType>
<xs:simpleType name="enumDecimal"><xs:restriction base="xs:decimal"><xs:enumeration value="1.50"/><xs:enumeration value="0"/></xs:restriction></xs:simpleType>
<xs:simpleType name="pattern"><xs:restriction base="xs:token"><xs:pattern value="[A-Z]{3}"/><xs:pattern value="[a-z]"/></xs:restriction></xs:simpleType>
<xs:simpleType name="patternTwice"><xs:restriction base="pattern"><xs:pattern value="E.*"/></xs:restriction></xs:simpleType>
<xs:simpleType name="subtraction"><xs:restriction base="xs:string"><xs:pattern value="[a-z-[aeiou]]+"/></xs:restriction></xs:simpleType>
<xs:simpleType name="initial"><xs:restriction base="xs:string"><xs:pattern value="\i\c*"/></xs:restriction></xs:simpleType>
<xs:simpleType name="length"><xs:restriction base="xs:string"><xs:length value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="lengths"><xs:restriction base="xs:token"><xs:minLength value="1"/><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
<xs:simpleType name="preserved"><xs:restriction base="xs:string"><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
<xs:simpleType name="collapsed"><xs:restriction base="xs:string"><xs:whiteSpace value="collapse"/><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
<xs:simpleType name="digits"><xs:restriction base="xs:decimal"><xs:totalDigits value="4"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="range"><xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:maxInclusive value="999.99"/></xs:restriction></xs:simpleType>
<xs:simpleType name="narrowed"><xs:restriction base="range"><xs:minInclusive value="1.00"/><xs:maxExclusive value="128"/></xs:restriction></xs:simpleType>
<xs:simpleType name="below"><xs:restriction base="xs:decimal"><xs:minInclusive value="-1"/><xs:maxExclusive value="0"/></xs:restriction></xs:simpleType>
<xs:simpleType name="floatRange"><xs:restriction base="xs:double"><xs:minInclusive value="0"/><xs:maxExclusive value="INF"/></xs:restriction></xs:simpleType>
<xs:simpleType name="dateRange"><xs:restriction base="xs:date"><xs:minInclusive value="2024-01-01"/><xs:maxInclusive value="2026-03-02"/></xs:restriction></xs:simpleType>
<xs:simpleType name="momentRange"><xs:restriction base="xs:dateTime"><xs:minInclusive value="2026-03-02T07:30:00Z"/></xs:restriction></xs:simpleType>
<xs:simpleType name="hexLength"><xs:restriction base="xs:hexBinary"><xs:length value="1"/></xs:restriction></xs:simpleType>
<xs:simpleType name="base64Length"><xs:restriction base="xs:base64Binary"><xs:maxLength value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="list"><xs:list itemType="xs:int"/></xs:simpleType>
<xs:simpleType name="shortList"><xs:restriction base="list"><xs:maxLength value="3"/><xs:minLength value="1"/></xs:restriction></xs:simpleType>
<xs:simpleType name="union"><xs:union memberTypes="xs:int xs:boolean"/></xs:simpleType>
<xs:simpleType name="unionInner"><xs:union memberTypes="enum"><xs:simpleType><xs:restriction base="xs:int"><xs:maxInclusive value="9"/></xs:restriction></xs:simpleType></xs:union></xs:simpleType>
<xs:simpleType name="nonEmptyToken"><xs:restriction base="xs:token"><xs:minLength value="1"/></xs:restriction></xs:simpleType>
`

// TestCheckAgreesWithEngine tries every value against every type in both: our
// own check explains and guards replies, the engine decides.
func TestCheckAgreesWithEngine(t *testing.T) {
	types := simpleTypes(t)
	tried, refused := 0, 0
	for _, typ := range types {
		engine := engineFor(t, typ.name)
		for _, v := range lexicals {
			doc := append(document.AppendText([]byte("<v>"), v), "</v>"...)
			ours, theirs := typ.simple.Check(v), engine.Validate(bytes.NewReader(doc))
			if (ours == "") != (theirs == nil) {
				t.Errorf("%s %q: ours %q, the engine's %v", typ.name, v, ours, theirs)
			}
			tried++
			if theirs != nil {
				refused++
			}
		}
	}
	if refused == 0 || refused == tried {
		t.Fatalf("%d of %d values refused: the comparison compares nothing", refused, tried)
	}
}

type namedSimple struct {
	name   string
	simple *Simple
}

func schemaOf(root string) string {
	return `<xs:schema xmlns:xs="` + nsXSD + `">` + restrictions + `<xs:element name="v" type="` + root + `"/></xs:schema>`
}

func simpleTypes(t *testing.T) []namedSimple {
	c, err := Load(fstest.MapFS{"x.xsd": {Data: []byte(schemaOf("xs:string"))}}, "x.xsd")
	if err != nil {
		t.Fatal(err)
	}
	var out []namedSimple
	for _, b := range builtins {
		switch b.name {
		case "NOTATION", "QName", "ENTITY", "ENTITIES", "IDREF", "IDREFS": // need a document around them
			continue
		}
		out = append(out, namedSimple{"xs:" + b.name, c.Type(xsdName(b.name)).Simple})
	}
	for _, part := range strings.Split(restrictions, `<xs:simpleType name="`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		out = append(out, namedSimple{name, c.Type(Name{Local: name}).Simple})
	}
	return out
}

func engineFor(t *testing.T, typ string) *xsd.Engine {
	e, err := xsd.Compile(xsd.Bytes("x.xsd", []byte(schemaOf(typ))))
	if err != nil {
		t.Fatal(typ, err)
	}
	return e
}

func TestCheckWords(t *testing.T) {
	types := map[string]*Simple{}
	for _, n := range simpleTypes(t) {
		types[n.name] = n.simple
	}
	tests := []struct{ typ, value, want, describe string }{
		{"enum", "SENT", "is not one of the values allowed", "one of DRAFT, SUBMITTED"},
		{"enumString", "", "is not one of the values allowed", "DRAFT"},
		{"pattern", "EURO", "does not match the pattern", "text matching [A-Z]{3} or [a-z]"},
		{"patternTwice", "FIN", "does not match the pattern", "text matching [A-Z]{3} or [a-z], matching E.*"},
		{"length", "a", "has 1 character instead of 2", "text of 2 characters"},
		{"lengths", "", "is empty", "text of 1 to 3 characters"},
		{"lengths", "abcd", "has 4 characters, more than 3", "text of 1 to 3 characters"},
		{"digits", "12345", "has 5 digits, more than 4", "a decimal, at most 4 digits, at most 2 of them after the point"},
		{"digits", "1.234", "has 3 digits after the point, more than 2", "a decimal, at most 4 digits, at most 2 of them after the point"},
		{"digits", "x", "is not a number", "a decimal, at most 4 digits, at most 2 of them after the point"},
		{"range", "0", "is not more than 0", "a decimal, more than 0, at most 999.99"},
		{"range", "1000", "is not at most 999.99", "a decimal, more than 0, at most 999.99"},
		{"xs:positiveInteger", "0", "is not at least 1", "a whole number, at least 1"},
		{"xs:int", "1.5", "is not a whole number", "a whole number, from -2147483648 to 2147483647"},
		{"xs:dateTime", "yesterday", "is not a date and time such as 2026-03-02T09:30:00Z", "a date and time such as 2026-03-02T09:30:00Z"},
		{"list", "1 x", `has an item "x" that is not a number`, "a list, each item a whole number, from -2147483648 to 2147483647"},
		{"union", "x", "is of none of the types allowed", "a whole number, from -2147483648 to 2147483647, or true or false"},
		{"base64Length", "YWJj", "has 3 bytes, more than 2", "base64 of at most 2 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.value, func(t *testing.T) {
			if got := types[tt.typ].Check(tt.value); got != tt.want {
				t.Errorf("Check(%q) = %q, want %q", tt.value, got, tt.want)
			}
			if got := types[tt.typ].Describe(); got != tt.describe {
				t.Errorf("Describe() = %q, want %q", got, tt.describe)
			}
		})
	}
}

// TestCheckHugeNumbers: a million digits are compared in linear time.
func TestCheckHugeNumbers(t *testing.T) {
	for _, n := range simpleTypes(t) {
		if n.name == "xs:decimal" {
			if reason := n.simple.Check(strings.Repeat("9", 1_000_000)); reason != "" {
				t.Error(reason)
			}
		}
		if n.name == "range" {
			if reason := n.simple.Check(strings.Repeat("9", 1_000_000)); reason == "" {
				t.Error("a number of a million digits is at most 999.99")
			}
		}
	}
}

func TestDescribeCutsLongLists(t *testing.T) {
	s := &Simple{}
	for i := range 20 {
		s.Enumeration = append(s.Enumeration, fmt.Sprint(i))
	}
	if got, want := s.Describe(), "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
