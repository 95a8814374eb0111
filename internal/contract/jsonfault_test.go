package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestMalformedJSON: strict to the letter of RFC 8259, with the place.
func TestMalformedJSON(t *testing.T) {
	s, op := twinsService(t)
	tests := []struct {
		name, src string
		code      fault.Code
		line, col int
		message   string
	}{
		{"empty", "", fault.CodeMalformedJSON, 1, 1, "the text ends where a value is expected"},
		{"blank", " \n\t", fault.CodeMalformedJSON, 2, 2, "the text ends where a value is expected"},
		{"XML", "<Go/>", fault.CodeMalformedJSON, 1, 1, "expected a value, found '<'"},
		{"cut in an object", `{"a":`, fault.CodeMalformedJSON, 1, 6, "the text ends where a value is expected"},
		{"cut in a string", `{"a":"b`, fault.CodeMalformedJSON, 1, 8, "the text ends within a string"},
		{"cut in an escape", `{"a":"\`, fault.CodeMalformedJSON, 1, 8, "the text ends within a string"},
		{"cut in a key", `{"a`, fault.CodeMalformedJSON, 1, 4, "the text ends within a string"},
		{"cut after a comma", `{"a":1,`, fault.CodeMalformedJSON, 1, 8, "the text ends where a key in double quotes is expected"},
		{"not closed", `{"a":1`, fault.CodeMalformedJSON, 1, 7, "the text ends where a comma or } is expected"},
		{"closed otherwise", `{"a":[1}`, fault.CodeMalformedJSON, 1, 8, "expected a comma or ], found '}'"},
		{"trailing comma", "{\"a\":1,\n}", fault.CodeMalformedJSON, 2, 1, "expected a key in double quotes, found '}'"},
		{"trailing comma in an array", `{"a":[1,]}`, fault.CodeMalformedJSON, 1, 9, "expected a value, found ']'"},
		{"no comma", `{"a":1 "b":2}`, fault.CodeMalformedJSON, 1, 8, "expected a comma or }, found '\"'"},
		{"no colon", `{"a" 1}`, fault.CodeMalformedJSON, 1, 6, "expected a colon, found '1'"},
		{"key without quotes", `{a:1}`, fault.CodeMalformedJSON, 1, 2, "expected a key in double quotes, found 'a'"},
		{"single quotes", `{"a":'b'}`, fault.CodeMalformedJSON, 1, 6, "expected a value, found '\\''"},
		{"comment", "{} // end", fault.CodeMalformedJSON, 1, 4, "nothing may follow the value"},
		{"two values", "{}\r\n{}", fault.CodeMalformedJSON, 2, 1, "nothing may follow the value"},
		{"NUL behind", "{}\x00", fault.CodeMalformedJSON, 1, 3, "nothing may follow the value"},
		{"leading zero", `{"a":01}`, fault.CodeMalformedJSON, 1, 7, "expected a comma or }, found '1'"},
		{"plus", `{"a":+1}`, fault.CodeMalformedJSON, 1, 6, "expected a value, found '+'"},
		{"point alone", `{"a":1.}`, fault.CodeMalformedJSON, 1, 8, "expected a digit after the point, found '}'"},
		{"no whole part", `{"a":.5}`, fault.CodeMalformedJSON, 1, 6, "expected a value, found '.'"},
		{"exponent alone", `{"a":1e+}`, fault.CodeMalformedJSON, 1, 9, "expected a digit of the exponent, found '}'"},
		{"minus alone", `-`, fault.CodeMalformedJSON, 1, 2, "the text ends where a value is expected"},
		{"NaN", `{"a":NaN}`, fault.CodeMalformedJSON, 1, 6, "expected a value, found 'N'"},
		{"word cut", `{"a":tru}`, fault.CodeMalformedJSON, 1, 6, "expected a value, found 't'"},
		{"word and more", `{"a":truely}`, fault.CodeMalformedJSON, 1, 10, "expected a comma or }, found 'l'"},
		{"unknown escape", `{"a":"\x41"}`, fault.CodeMalformedJSON, 1, 7, "a backslash must not stand before this character"},
		{"short escape", `{"a":"\u00g0"}`, fault.CodeMalformedJSON, 1, 7, `\u must be followed by four hexadecimal digits`},
		{"line break in a string", "{\"a\":\"x\ny\"}", fault.CodeMalformedJSON, 1, 8, "the control character U+000A must be escaped in a string"},
		{"byte order mark", "\uFEFF{}", fault.CodeMalformedJSON, 1, 1, "the text begins with a byte order mark"},
		{"UTF-16", "\xFF\xFE{\x00}\x00", fault.CodeEncoding, 1, 1, "the text is not UTF-8"},
		{"Latin-1", "{\"a\":\n\"\xE4\"}", fault.CodeEncoding, 2, 2, "the text is not UTF-8"},
		{"surrogate in UTF-8", "\"\xED\xA0\x80\"", fault.CodeEncoding, 1, 2, "the text is not UTF-8"},
		{"overlong", "\"\xC0\xAF\"", fault.CodeEncoding, 1, 2, "the text is not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.FromJSON(op, []byte(tt.src), 0)
			f := fault.Of(err)
			if f == nil || f.Code != tt.code || len(f.Details) != 1 {
				t.Fatalf("error %v, want %s with one detail", err, tt.code)
			}
			if want := (fault.Detail{Message: tt.message, Line: tt.line, Column: tt.col}); f.Details[0] != want {
				t.Errorf("got %v, want %v", f.Details[0], want)
			}
		})
	}
}

// TestNoTwin: JSON that is no twin of the element, all faults in the order of
// the text, with what the contract says about the rest.
func TestNoTwin(t *testing.T) {
	s, op := twinsService(t)
	const keys = "the keys @n, @{urn:u}n, plain, {urn:u}plain, Far, decimal, double, boolean, string, bytes, list, union and 20 more"
	tests := []struct {
		name, src string
		want      []string
	}{
		{"unknown key", `{"blain":1}`, []string{`1:2 /blain: the key is not known here; did you mean "plain"?; "blain"; ` + keys}},
		{"letter case", `{"PLAIN":1}`, []string{`1:2 /PLAIN: the key is not known here; did you mean "plain"?; "PLAIN"; ` + keys}},
		{"attribute without its sign", `{"measure":{"unit":"kg","$value":1}}`, []string{
			`1:12 /measure: a required attribute is missing; -; @unit, text`,
			`1:13 /measure/unit: the key is not known here; did you mean "@unit"?; "unit"; the keys @unit, @exact, @kind, $value`}},
		{"nothing like it", `{"base":{"a":1,"zzzzz":null}}`, []string{`1:16 /base/zzzzz: the key is not known here; "zzzzz"; the key a`}},
		{"no keys at all", `{"empty":{"":1}}`, []string{`1:11 /empty/: the key is not known here; ""; no keys`}},
		{"pointer escapes", `{"base":{"a":1,"~/~":1}}`, []string{`1:16 /base/~0~1~0: the key is not known here; "~/~"; the key a`}},
		{"the name of the element", `{"Go":{"plain":1}}`, []string{`1:2 /Go: the text is the content of Go already; it does not repeat that name; "Go"; ` + keys}},
		{"$value of an element with elements", `{"base":{"a":1,"$value":"x"}}`, []string{`1:16 /base/$value: the key is not known here; "$value"; the key a`}},
		{"namespace of another", `{"{urn:v}plain":1}`, []string{`1:2 /{urn:v}plain: the key is not known here; did you mean "{urn:u}plain"?; "{urn:v}plain"; ` + keys}},
		{"hint at a schema", `{"empty":{"@xsi:schemaLocation":"urn:t t.xsd"}}`, []string{`1:11 /empty/@xsi:schemaLocation: the key is not known here; "@xsi:schemaLocation"; no keys`}},
		{"twice", `{"plain":1,"string":"x","plain":2}`, []string{`1:25 /plain: the key occurs twice; "plain"; -`}},
		{"twice, escaped", `{"plain":1,"pl\u0061in":1}`, []string{`1:12 /plain: the key occurs twice; "plain"; -`}},
		{"twice, in Clark notation", `{"Far":[],"{urn:u}Far":{"near":""}}`, []string{`1:11 /{urn:u}Far: the key occurs twice; "{urn:u}Far"; -`}},
		{"attribute twice", `{"@n":1,"@n":1}`, []string{`1:9 /@n: the key occurs twice; "@n"; -`}},
		{"object for a value", `{"plain":{"x":1}}`, []string{`1:10 /plain: the JSON value is of the wrong kind; an object; a number: a whole number, from -2147483648 to 2147483647`}},
		{"array for one value", `{"plain":[1]}`, []string{`1:10 /plain: the JSON value is of the wrong kind; an array; a number: a whole number, from -2147483648 to 2147483647`}},
		{"array in an array", `{"decimal":[1,[2]]}`, []string{`1:15 /decimal/1: the JSON value is of the wrong kind; an array; a number: a decimal`}},
		{"value for an object", `{"base":"x"}`, []string{`1:9 /base: the JSON value is of the wrong kind; "x"; an object with the key a`}},
		{"array for the whole", `[]`, []string{`1:1 : the JSON value is of the wrong kind; an array; an object with ` + keys}},
		{"number for a string", `{"string":12}`, []string{`1:11 /string: the JSON value is of the wrong kind; the number 12; a string: text`}},
		{"boolean for a number", `{"plain":true}`, []string{`1:10 /plain: the JSON value is of the wrong kind; true; a number: a whole number, from -2147483648 to 2147483647`}},
		{"number for a boolean", `{"boolean":1}`, []string{`1:12 /boolean: the JSON value is of the wrong kind; the number 1; true or false`}},
		{"null for an attribute", `{"@n":null}`, []string{`1:7 /@n: the JSON value is of the wrong kind; null; a number: a whole number, from -2147483648 to 2147483647`}},
		{"object for an attribute", `{"@n":{}}`, []string{`1:7 /@n: the JSON value is of the wrong kind; an object; a number: a whole number, from -2147483648 to 2147483647`}},
		{"null for a text", `{"measure":{"@unit":"m","$value":null}}`, []string{`1:34 /measure/$value: the JSON value is of the wrong kind; null; a number: a decimal`}},
		{"list as an array", `{"list":[1,2]}`, []string{`1:9 /list: the JSON value is of the wrong kind; an array; a string: a list, each item a whole number, from -2147483648 to 2147483647`}},
		{"nil in words", `{"decimal":{"@xsi:nil":1}}`, []string{
			`1:24 /decimal/@xsi:nil: the JSON value is of the wrong kind; the number 1; true or false`,
		}},
		{"exponent too large", `{"decimal":[1e101,1e-101,-1E99,1e99999999999999999999]}`, []string{
			`1:13 /decimal/0: the number has more than 100 digits when it is written out; 1e101; a decimal`,
			`1:19 /decimal/1: the number has more than 100 digits when it is written out; 1e-101; a decimal`,
			`1:32 /decimal/3: the number has more than 100 digits when it is written out; 1e99999999999999999999; a decimal`}},
		{"NUL", `{"string":"ab\u0000"}`, []string{`1:14 /string: the value has a character that XML cannot hold; \u0000; -`}},
		{"not a character", "{\"string\":\"a\uFFFF\"}", []string{`1:13 /string: the value has a character that XML cannot hold; U+FFFF; -`}},
		{"not a character, escaped", `{"string":"\uFFFE"}`, []string{`1:12 /string: the value has a character that XML cannot hold; \uFFFE; -`}},
		{"backspace in an attribute", `{"@{urn:u}n":"\b"}`, []string{`1:15 /@{urn:u}n: the value has a character that XML cannot hold; \b; -`}},
		{"high surrogate", `{"string":"\ud83d"}`, []string{`1:12 /string: the value has half of a surrogate pair; \ud83d; -`}},
		{"low surrogate", `{"string":"\ude00\ud83d"}`, []string{`1:12 /string: the value has half of a surrogate pair; \ude00; -`}},
		{"two high surrogates", `{"string":"\ud83d\ud83d\ude00"}`, []string{`1:12 /string: the value has half of a surrogate pair; \ud83d; -`}},
		{"high surrogate before text", `{"string":"\ud83dx"}`, []string{`1:12 /string: the value has half of a surrogate pair; \ud83d; -`}},
		{"surrogate in a key", `{"\ud83d":1}`, []string{`1:2 /` + "\uFFFD" + `: the key is not known here; did you mean "x"?; "` + "\uFFFD" + `"; ` + keys}},
		{"surrogate in a qualified name", `{"qname":"\ud83d"}`, []string{`1:11 /qname: the value has half of a surrogate pair; \ud83d; -`}},
		{"unknown type", `{"base":{"@xsi:type":"Wide","b":1}}`, []string{`1:22 /base/@xsi:type: the type named is not one that may stand here; "Wide"; {urn:t}Base, Loose, {urn:t}Wider`}},
		{"type that is no string", `{"base":{"@xsi:type":1}}`, []string{`1:22 /base/@xsi:type: the type named is not one that may stand here; the number 1; {urn:t}Base, Loose, {urn:t}Wider`}},
		{"text beside elements", `{"mixed":{"$value":"x","i":"y"}}`, []string{`1:11 /mixed/$value: text beside child elements cannot be sent as JSON; -; -`}},
		{"number in mixed content", `{"mixed":1}`, []string{`1:10 /mixed: the JSON value is of the wrong kind; the number 1; a string, or an object with the key i`}},
		{"elements of any type", `{"anything":{"i":1}}`, []string{`1:14 /anything/i: the contract allows any element here, but those that it does not name cannot be sent as JSON; "i"; no keys`}},
		{"number of any type", `{"anything":1}`, []string{`1:13 /anything: the JSON value is of the wrong kind; the number 1; a string`}},
		{"element for a wildcard", `{"open":{"i":1,"other":2}}`, []string{`1:16 /open/other: the contract allows any element here, but those that it does not name cannot be sent as JSON; "other"; the key i`}},
		{"attribute for a wildcard", `{"open":{"@other":2}}`, []string{`1:10 /open/@other: the contract allows any attribute here, but those that it does not name cannot be sent as JSON; "@other"; the key i`}},
		{"the contract has its say too", "{\"Tail\":\"x\",\n\"plain\":[],\"base\":{\"q\":1}}", []string{
			`1:9 /Tail: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`,
			`2:9 /plain: the JSON value is of the wrong kind; an array; a number: a whole number, from -2147483648 to 2147483647`,
			`2:19 /base: a required element is missing; -; a, a whole number, from -2147483648 to 2147483647`,
			`2:20 /base/q: the key is not known here; did you mean "a"?; "q"; the key a`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.FromJSON(op, []byte(tt.src), 0)
			f := fault.Of(err)
			if f == nil || f.Code != fault.CodeInvalid || f.More != 0 {
				t.Fatalf("error %v, want %s", err, fault.CodeInvalid)
			}
			if got := told(f.Details); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// told is line:column path: message; found; expected of each.
func told(details []fault.Detail) []string {
	var out []string
	for _, d := range details {
		out = append(out, place(d)+" "+d.Path+": "+d.Message+"; "+cmp.Or(d.Found, "-")+"; "+cmp.Or(d.Expected, "-"))
	}
	return out
}

// TestLocate: what the validator finds in the XML is told in the JSON text.
func TestLocate(t *testing.T) {
	s, op := twinsService(t)
	tests := []struct {
		name, src string
		want      []string
	}{
		{"value", "{\n \"plain\": \"x\"}", []string{`2:11 /plain: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`}},
		{"item", "{\"decimal\":[1,\r\n\"x\",\r3,\n \"y\"]}", []string{`2:1 /decimal/1: the value is not a number; "x"; a decimal`, `4:2 /decimal/3: the value is not a number; "y"; a decimal`}},
		{"after other characters", `{"string":"ä😀","list":"x"}`, []string{`1:27 /list: the value has an item "x" that is not a number; "x"; a list, each item a whole number, from -2147483648 to 2147483647`}},
		{"line breaks in a text", `{"string":"a\n\r\nb","plain":"x","decimal":"y"}`, []string{`1:30 /plain: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`, `1:44 /decimal: the value is not a number; "y"; a decimal`}},
		{"attribute", `{"@n":"x"}`, []string{`1:7 /@n: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`}},
		{"value beside attributes", `{"measure":{"@unit":"m","$value":"x"}}`, []string{`1:34 /measure/$value: the value is not a number; "x"; a decimal`}},
		{"value left out", `{"measure":{"@unit":"m"}}`, []string{`1:12 /measure: the value is empty; ""; a decimal, or xsi:nil="true" on the element`}},
		{"required attribute", `{"measure":{"$value":1}}`, []string{`1:12 /measure: a required attribute is missing; -; @unit, text`}},
		{"required element at the end", `{"Far":[{"near":"1"},{}]}`, []string{`1:22 /Far/1: a required element is missing; -; near, text`}},
		{"required element before another", `{"base":{"@xsi:type":"Wider","b":1}}`, []string{`1:9 /base: a required element is missing; -; a, a whole number, from -2147483648 to 2147483647`}},
		{"null", `{"string":null}`, []string{`1:11 /string: null is not allowed here; null; text`}},
		{"null for the whole", ` null`, []string{`1:2 : null is not allowed here; null; the elements plain, {urn:u}plain, {urn:u}Far, decimal, double, boolean, string, bytes, list, union, qname, {urn:u}code and 17 more`}},
		{"nil that is not empty", `{"decimal":{"@xsi:nil":true,"$value":1}}`, []string{`1:12 /decimal: the element is nil and is not empty; "1"; an empty element`}},
		{"both alternatives", `{"x":1,"y":2}`, []string{`1:12 /y: only one of x and y may stand here; -; one of them`}},
		{"too many substitutes", `{"Tail":[1,2],"Tip":3}`, []string{`1:21 /Tip: the element is out of place; -; one of x, y, a, b, k, empty, all, mixed, anything, open, tree, or the end of Go`}},
		{"abstract", `{"Head":1}`, []string{`1:9 /Head: the element is abstract; Head; one of Tail, Tip`}},
		{"qualified name without its namespace", `{"qname":"p:x"}`, []string{`1:10 /qname: the value has a prefix that is not declared; "p:x"; a qualified name`}},
		{"qualified name that cannot be", `{"qname":"{http://www.w3.org/2000/xmlns/}x"}`, []string{`1:10 /qname: the value is not a qualified name; "{http://www.w3.org/2000/xmlns/}x"; a qualified name`}},
		{"children of mixed content", `{"mixed":{"i":["a",null,"b"]},"plain":"x"}`, []string{`1:20 /mixed/i/1: null is not allowed here; null; text`, `1:39 /plain: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := s.FromJSON(op, []byte(tt.src), 0)
			if err != nil {
				t.Fatal(err)
			}
			details, _, err := s.ValidatePayload(op, d.XML, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i := range details {
				details[i] = d.Locate(details[i])
			}
			slices.SortFunc(details, func(a, b fault.Detail) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
			if got := told(details); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"), d.XML)
			}
		})
	}
}

// TestLocateForeign: details of the mapping, whose paths may lead on to what is
// not there, and details that are not about the message.
func TestLocateForeign(t *testing.T) {
	s, op := twinsService(t)
	d, err := s.FromJSON(op, []byte(`{"@n":1,"Far":[{"near":"a"},{"near":"b"}],"measure":{"@unit":"m","$value":1}}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ d, want fault.Detail }{
		{fault.Detail{Path: "/Go/Far[2]/near", Line: 5, Column: 1}, fault.Detail{Path: "/Far/1/near", Line: 1, Column: 37}},
		{fault.Detail{Path: "/Go/Far[2]", Line: 4, Column: 1}, fault.Detail{Path: "/Far/1", Line: 1, Column: 29}},
		{fault.Detail{Path: "/Go/Far[2]/u:far[3]/@p:x", Line: 4, Column: 1}, fault.Detail{Path: "/Far/1/far/@x", Line: 1, Column: 29}},
		{fault.Detail{Path: "/Go/@p1:n", Line: 1, Column: 1}, fault.Detail{Path: "/@n", Line: 1, Column: 7}},
		{fault.Detail{Path: "/Go/measure/@exact", Line: 6, Column: 1}, fault.Detail{Path: "/measure/@exact", Line: 1, Column: 53}},
		{fault.Detail{Path: "/Go/measure", Line: 6, Column: 1, Source: "m.yaml:1:1"}, fault.Detail{Path: "/measure/$value", Line: 1, Column: 75, Source: "m.yaml:1:1"}},
		{fault.Detail{Path: "/Go", Line: 6, Column: 1}, fault.Detail{Line: 1, Column: 1}},
		{fault.Detail{Message: "past a limit", Line: 3, Column: 9}, fault.Detail{Message: "past a limit", Path: "/Far/0/near", Line: 1, Column: 24}},
		{fault.Detail{Path: "/Reply/Id"}, fault.Detail{Path: "/Reply/Id"}},
		{fault.Detail{Path: "/Go", Line: 7}, fault.Detail{Path: "/Go", Line: 7}},
	} {
		if got := d.Locate(tt.d); got != tt.want {
			t.Errorf("%v: got %+v, want %+v", tt.d, got, tt.want)
		}
	}
}

// TestFromJSONLimit: of many faults the first are told and the rest is counted,
// whoever found them.
func TestFromJSONLimit(t *testing.T) {
	s, op := twinsService(t)
	src := `{"decimal":[` + strings.Repeat(`"x",true,`, 2000) + `1]}`
	for _, limit := range []int{0, 3, 1500} {
		_, err := s.FromJSON(op, []byte(src), limit)
		f := fault.Of(err)
		if f == nil || len(f.Details) != min(cmp.Or(limit, maxDetails), maxDetails) || len(f.Details)+f.More < 2000 || len(f.Details)+f.More > 4000 {
			t.Fatalf("limit %d: %d details and %d more of 4000", limit, len(f.Details), f.More)
		}
	}
}

// TestHostileJSON: large and nested input costs little more than reading it.
func TestHostileJSON(t *testing.T) {
	const size = 10 << 20
	s, op := twinsService(t)
	orders, submit := submitOrder(t)
	fill := func(before, one, after string) string {
		return before + strings.Repeat(one, size/len(one)) + after
	}
	deep := func(n int) string { return strings.Repeat(`{"tree":`, n) + "{}" + strings.Repeat("}", n) }
	tests := []struct {
		name string
		src  string
		s    *Service
		op   *Operation
		want fault.Code // empty: it is JSON, and a twin
	}{
		{"brackets", fill("", "[", ""), s, op, fault.CodeTooLarge},
		{"braces", fill("", `{"a":`, ""), s, op, fault.CodeTooLarge},
		{"unknown keys", fill("{", `"a":1,`, `"a":1}`), s, op, fault.CodeTooLarge},
		{"fewer unknown keys", "{" + strings.Repeat(`"zzzzzzzzzzzzzzzzz":1,`, maxMarkup-10) + `"a":1}`, s, op, fault.CodeInvalid},
		{"one known key", "{" + strings.Repeat(`"plain":1,`, maxMarkup-10) + `"a":1}`, s, op, fault.CodeInvalid},
		{"long key", `{"` + strings.Repeat("a", size) + `":1}`, s, op, fault.CodeInvalid},
		{"long key of escapes", fill(`{"`, `\u0041`, `":1}`), s, op, fault.CodeInvalid},
		{"items", `{"decimal":[` + strings.Repeat("1,", maxMarkup-10) + "1]}", s, op, ""},
		{"too many items", `{"decimal":[` + strings.Repeat("1,", maxMarkup) + "1]}", s, op, fault.CodeTooLarge},
		{"wrong items", `{"decimal":[` + strings.Repeat("{},", maxMarkup-10) + "1]}", s, op, fault.CodeInvalid},
		{"alternating order", `{"b":[` + strings.Repeat("1,", maxMarkup/2-10) + `1],"a":[` + strings.Repeat("1,", maxMarkup/2-10) + "1]}", s, op, ""},
		{"long string", fill(`{"string":"`, "ab", `"}`), s, op, ""},
		{"string of what must be escaped", fill(`{"string":"`, `\n`, `"}`), s, op, ""},
		{"string of markup", fill(`{"string":"`, `<`, `"}`), s, op, ""},
		{"long number", fill(`{"decimal":`, "1", "}"), s, op, ""},
		{"long number with an exponent", fill(`{"decimal":`, "1", "e5}"), s, op, fault.CodeInvalid},
		{"long exponent", fill(`{"decimal":1e`, "1", "}"), s, op, fault.CodeInvalid},
		{"white space", fill("", " ", "{}"), s, op, ""},
		{"line breaks", fill("", "\n", `{"zz":1}`), s, op, fault.CodeInvalid},
		{"nested twins", deep(200), s, op, ""},
		{"deeper than the engine", deep(300), s, op, ""},
		{"too deep", deep(600), s, op, fault.CodeTooLarge},
		{"empty lines of an order", `{"Order":{"Lines":{"Line":[` + strings.Repeat("{},", maxMarkup-20) + "{}]}}}", orders, submit, ""},
		{"incomplete lines and an unknown key", `{"x":1,"Order":{"Lines":{"Line":[` + strings.Repeat("{},", maxMarkup-20) + "{}]}}}", orders, submit, fault.CodeInvalid},
		{"more XML than may be", `{"Far":[` + strings.Repeat(`{"near":"`+strings.Repeat("<", 190)+`"},`, 90_000) + `{}]}`, s, op, fault.CodeTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := tt.s.FromJSON(tt.op, []byte(tt.src), 50)
			took := time.Since(start)
			f := fault.Of(err)
			switch {
			case f == nil && tt.want != "", f != nil && f.Code != tt.want:
				t.Errorf("error %.500s, want %q", err, tt.want)
			case f != nil && len(f.Details) > 50:
				t.Errorf("%d details", len(f.Details))
			}
			if f != nil && len(f.Error()) > 100_000 {
				t.Errorf("the fault has %d bytes", len(f.Error()))
			}
			t.Logf("%d bytes in %v", len(tt.src), took)
			if took > time.Minute { // what grows with the square takes hours; the race detector on a busy machine half of that
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestLocateMany: a thousand details of a wide message are located as quickly
// as one.
func TestLocateMany(t *testing.T) {
	s, op := submitOrder(t)
	src := `{"Order":{"Lines":{"Line":[` + strings.Repeat(`{"@no":"x"},`, 100_000) + `{}]}}}`
	d, err := s.FromJSON(op, []byte(src), 0)
	if err != nil {
		t.Fatal(err)
	}
	details, _, err := s.ValidatePayload(op, d.XML, 0)
	if err != nil || len(details) != maxDetails {
		t.Fatalf("%d details, error %v", len(details), err)
	}
	start := time.Now()
	for i := range details {
		details[i] = d.Locate(details[i])
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if last := details[maxDetails-1]; !strings.HasPrefix(last.Path, "/Order/Lines/Line/") {
		t.Errorf("the last one is at %s", last.Path)
	}
}

// TestFromJSONConcurrently shares a service, and a document, among many.
func TestFromJSONConcurrently(t *testing.T) {
	s, op := submitOrder(t)
	good, bad := jsonOrder(t, "order.json"), []byte(`{"Header":{"MessageId":1,"x":2}}`)
	shared, err := s.FromJSON(op, []byte(`{"Header":{"SentAt":"x"}}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 16)
	for range cap(done) {
		go func() {
			for range 20 {
				if d, err := s.FromJSON(op, good, 0); err != nil || len(d.XML) < 1000 {
					done <- "a good order is refused"
					return
				}
				if _, err := s.FromJSON(op, bad, 0); fault.Of(err) == nil || len(fault.Of(err).Details) != 4 {
					done <- "a bad order has other faults: " + err.Error()
					return
				}
				if at := shared.Locate(fault.Detail{Line: 3}); at.Path != "/Header/SentAt" {
					done <- "a detail is located at " + at.Path
					return
				}
			}
			done <- ""
		}()
	}
	for range cap(done) {
		if said := <-done; said != "" {
			t.Error(said)
		}
	}
}

// TestExplosiveModel: a content model that is a tower of groups costs no more
// than the bound on the work for one message, here and in the writing of replies.
func TestExplosiveModel(t *testing.T) {
	const element = `<xs:element name="a" type="xs:int" minOccurs="0"/>`
	for _, tt := range []struct {
		name, group string // GROUP stands for the one below
		want        fault.Code
	}{
		{"sequences", `<xs:sequence>GROUPGROUP</xs:sequence>`, ""},
		{"choices", `<xs:sequence><xs:choice><xs:sequence>GROUP</xs:sequence><xs:sequence>GROUP<xs:element name="bNUMBER" type="xs:int"/></xs:sequence></xs:choice></xs:sequence>`, fault.CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			groups := `<xs:group name="g0"><xs:sequence>` + element + `</xs:sequence></xs:group>`
			for i := range 30 {
				ref := fmt.Sprintf(`<xs:group ref="t:g%d"/>`, i)
				groups += fmt.Sprintf(`<xs:group name="g%d">`, i+1) + strings.NewReplacer("GROUP", ref, "NUMBER", fmt.Sprint(i)).Replace(tt.group) + `</xs:group>`
			}
			s := everyKindService(t, strings.Replace(everyKind, `<xs:element name="Go"><xs:complexType><xs:choice>`,
				groups+`<xs:element name="Go"><xs:complexType><xs:choice><xs:element name="tower"><xs:complexType><xs:sequence><xs:group ref="t:g30"/><xs:element name="last" type="xs:int"/></xs:sequence></xs:complexType></xs:element>`, 1))
			start := time.Now()
			op := s.OperationNamed("Go")
			_, err := s.FromJSON(op, []byte(`{"tower":{"last":1,"a":[2]}}`), 0)
			if f := fault.Of(err); (f != nil || tt.want != "") && (f == nil || f.Code != tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			tower := Content{Children: []Content{{Name: "tower", Children: []Content{leaf("last", "1"), leaf("a", "2")}}}}
			if _, err := AppendElement(nil, op.Input.Element, tower); (err != nil) != (tt.want != "") {
				t.Errorf("the reply: error %v", err)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}
