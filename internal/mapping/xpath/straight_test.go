package xpath_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// The types whose values are read, by the name of element and attribute.
var leafTypes = map[string]string{
	"String": "string", "Token": "token", "Tabbed": "normalizedString", "Integer": "integer", "Int": "int", "Decimal": "decimal",
	"Double": "double", "Boolean": "boolean", "Date": "date", "DateTime": "dateTime", "Time": "time", "Hex": "hexBinary", "Octets": "base64Binary",
}

var leafNames = []string{"String", "Token", "Tabbed", "Integer", "Int", "Decimal", "Double", "Boolean", "Date", "DateTime", "Time", "Hex", "Octets"}

// leafScope is of an element that has all of them twice: as an element that may be
// nil, and by default is 7 or 1, and as an attribute.
func leafScope(t testing.TB) *xpath.Scope {
	t.Helper()
	var elements, attributes strings.Builder
	for _, name := range leafNames {
		fallback := ""
		if name == "Decimal" || name == "String" {
			fallback = ` default="7"`
		}
		fmt.Fprintf(&elements, `<xs:element name="%s" type="xs:%s" minOccurs="0" nillable="true"%s/>`, name, leafTypes[name], fallback)
		fmt.Fprintf(&attributes, `<xs:attribute name="%s" type="xs:%s"/>`, name, leafTypes[name])
	}
	src, rest, _ := strings.Cut(foreignWSDL, "<wsdl:types>")
	_, rest, _ = strings.Cut(rest, "</wsdl:types>")
	src += `<wsdl:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified"><xs:element name="Doc"><xs:complexType><xs:sequence>` +
		elements.String() + `</xs:sequence>` + attributes.String() + `</xs:complexType></xs:element></xs:schema></wsdl:types>` + rest
	c, err := contract.Load(fstest.MapFS{"t.wsdl": {Data: []byte(src)}}, "t.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return &xpath.Scope{
		Context:    &xpath.Shape{Element: c.Element(contract.Name{Space: "urn:t", Local: "Doc"})},
		Namespaces: map[string]string{"t": "urn:t"},
	}
}

// lexicals are texts that look like values, and some that look like none.
func lexicals() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[+-]?0{0,3}[0-9]{0,20}(\.[0-9]{0,20})?`),
		rapid.StringMatching(`[+-]?[0-9]{1,4}(\.[0-9]{1,3})?`),
		rapid.StringMatching(`-?[1-9][0-9]{17,19}`),
		rapid.StringMatching(`[0-9]{95,105}`),
		rapid.StringMatching(`[0-9]{40,60}\.[0-9]{40,60}`),
		rapid.StringMatching(`-?(0000|1582|1999|2024|20260)-(0[0-9]|1[0-3])-([0-2][0-9]|3[0-2])(T([01][0-9]|2[0-5]):[0-6]0:[0-6]0(\.[0-9]{1,11})?)?(Z|[+-](0[0-9]|14):[0-5]0)?`),
		rapid.StringMatching(`([01][0-9]|2[0-5]):[0-6]0:00(\.0)?(Z|[+-]05:30)?`),
		rapid.SampledFrom([]string{"", " ", "-", "+", ".", "-.", "--1", "1-", "1.2.3", "1e5", "1E-3", "-0", "-0.00", "+.5", "5.", "INF", "-INF", "NaN",
			"true", "false", "0", "1", "TRUE", "ab", "a  b", "0aFF", "0aF", "aGk=", "a G k =", "٣", "1 000", "1,5", "½", "\u00a01"}),
	)
}

// written writes a text as a sender might: among white space, with references,
// CDATA sections, comments and instructions anywhere.
func written(t *rapid.T, text string) string {
	var b strings.Builder
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t ", "\r\n"})
	b.WriteString(space.Draw(t, "before"))
	plain := rapid.Bool().Draw(t, "plain")
	for _, r := range text {
		switch how := rapid.IntRange(0, 20).Draw(t, "how"); {
		case plain || how < 15:
			b.WriteString(map[rune]string{'<': "&lt;", '&': "&amp;"}[r])
			if r != '<' && r != '&' {
				b.WriteRune(r)
			}
		case how < 17:
			fmt.Fprintf(&b, "&#%d;", r)
		case how == 17:
			b.WriteString("<![CDATA[" + string(r) + "]]>")
		case how == 18:
			b.WriteString("<!-- 9 -->" + fmt.Sprintf("&#x%X;", r))
		default:
			b.WriteString(fmt.Sprintf("&#%d;", r) + "<?pi 9?>")
		}
	}
	b.WriteString(space.Draw(t, "behind"))
	return b.String()
}

// leafDocument makes some of the leaves, valid or not.
func leafDocument(t *rapid.T) string {
	var elements, attributes strings.Builder
	for _, name := range leafNames {
		switch text := lexicals().Draw(t, name); rapid.IntRange(0, 9).Draw(t, "as") {
		case 0:
		case 1:
			fmt.Fprintf(&elements, `<t:%s xsi:nil=" true "/>`, name)
		case 2:
			fmt.Fprintf(&elements, `<u:%s>1</u:%[1]s><t:%[1]s/>`, name)
		case 3:
			fmt.Fprintf(&attributes, ` %s=" %s&#32;"`, name, text)
		default:
			fmt.Fprintf(&elements, `<t:%s>%s</t:%[1]s>`, name, written(t, text))
			fmt.Fprintf(&attributes, ` %s="%s"`, name, text)
		}
	}
	return `<t:Doc xmlns:t="urn:t" xmlns:u="urn:u" xmlns:xsi="` + document.NamespaceXSI + `"` + attributes.String() + `>` + elements.String() + `</t:Doc>`
}

// sum makes up a calculation, in which leaf writes the operands.
func sum(t *rapid.T, depth int) string {
	operand := func() string { return sum(t, depth-1) }
	n := rapid.IntRange(0, 11).Draw(t, "form")
	switch {
	case depth == 0 || n < 2:
		return rapid.SampledFrom([]string{"<t:Integer>", "<t:Int>", "<t:Decimal>", "<@Integer>", "<@Decimal>", "<t:Decimal>", "<2>", "<0.125>", "<t:Double>", "<999999999999999999>"}).Draw(t, "leaf")
	case n < 4:
		return "(" + operand() + " + " + operand() + ")"
	case n < 6:
		return "(" + operand() + " - " + operand() + ")"
	case n < 8:
		return "(" + operand() + " * " + operand() + ")"
	case n == 8:
		return "(-" + operand() + ")"
	case n == 9:
		return fmt.Sprintf("%s(%s)", rapid.SampledFrom([]string{"floor", "ceiling", "abs", "round"}).Draw(t, "function"), operand())
	}
	return fmt.Sprintf("%s(%s, %d)", rapid.SampledFrom([]string{"round", "round-half-to-even"}).Draw(t, "function"), operand(), rapid.IntRange(0, 5).Draw(t, "places"))
}

// TestStraight compares the common paths with the general way: a path in
// parentheses with a predicate is never read straight, nor calculated with as a
// short number.
func TestStraight(t *testing.T) {
	s := leafScope(t)
	rapid.Check(t, func(t *rapid.T) {
		straight(t, s, leafDocument(t))
	})
	// Every outcome, whatever was drawn.
	got := straight(t, s, `<t:Doc xmlns:t="urn:t" Integer="12345678901234567890" Int="12" Boolean="maybe"><t:Integer> -12345678901234567890 </t:Integer><t:Int>1.5</t:Int><t:Boolean>1</t:Boolean></t:Doc>`)
	if want := (outcomes{values: 4, long: 2, complaints: 2, nothing: 2*len(leafNames) - 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// outcomes are how many paths gave what: long values are no short numbers.
type outcomes struct{ values, long, complaints, nothing int }

// straight reads all leaves of a document in both ways.
func straight(t rapid.TB, s *xpath.Scope, src string) (o outcomes) {
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	defer tree.Release()
	for _, name := range leafNames {
		for _, path := range []string{"t:" + name, "@" + name} {
			o.count(compare(t, s, tree, src, path, "("+path+")[1]"))
		}
	}
	return o
}

func (o *outcomes) count(v xpath.Value, presence xpath.Presence, err error) {
	switch {
	case err != nil:
		o.complaints++
	case presence != xpath.Present:
		o.nothing++
	default:
		o.values++
		if v.Number != nil && v.Number.NumDigits() > 19 {
			o.long++
		}
	}
}

// TestShort compares calculations with the general way.
func TestShort(t *testing.T) {
	s := leafScope(t)
	number := rapid.OneOf(
		rapid.StringMatching(`[+-]?[0-9]{1,4}(\.[0-9]{1,4})?`),
		rapid.StringMatching(`-?[0-9]{0,2}(49|50|51|99)?[05]?\.(0|00|5|50|500|4999|5001|05)`),
		rapid.StringMatching(`-?[0-9]{8,19}(\.[0-9]{1,9})?`),
		rapid.StringMatching(`-?0{0,20}\.?0{0,20}1`),
		rapid.SampledFrom([]string{"0", "-0", "0.000", "-0.00", "9223372036854775807", "-9223372036854775808", "999999999999999999", "0.000000000000000001"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		src := `<t:Doc xmlns:t="urn:t" Integer="` + rapid.StringMatching(`-?[0-9]{1,19}`).Draw(t, "integer") + `" Decimal="` + number.Draw(t, "decimal") + `">`
		for _, name := range []string{"Integer", "Int", "Decimal", "Double"} {
			text := number.Draw(t, name)
			if strings.HasPrefix(name, "Int") {
				text, _, _ = strings.Cut(text, ".")
				text += "0"
			}
			src += fmt.Sprintf("<t:%s>%s</t:%[1]s>", name, text)
		}
		calculate(t, s, src+"</t:Doc>", sum(t, 3))
	})
	// Every outcome, whatever was drawn: the short way reaches as far as int64 does.
	src := `<t:Doc xmlns:t="urn:t" Integer="9223372036854775807" Decimal="0.000000001"><t:Integer>999999999999999999</t:Integer><t:Int>maybe</t:Int></t:Doc>`
	for expression, want := range map[string]outcomes{
		"(<@Decimal> - <2>)":                               {values: 1},
		"(<@Integer> + <@Decimal>)":                        {values: 1, long: 1},
		"(<t:Integer> * <t:Integer>)":                      {values: 1, long: 1},
		"(<@Integer> + <t:Int>)":                           {complaints: 1},
		"(<@Integer> + <t:Decimal>)":                       {nothing: 1},
		"round-half-to-even((<@Integer> * <@Decimal>), 2)": {values: 1},
	} {
		if got := calculate(t, s, src, expression); got != want {
			t.Errorf("%s: got %+v, want %+v", expression, got, want)
		}
	}
}

// calculate evaluates an expression of sum's in both ways.
func calculate(t rapid.TB, s *xpath.Scope, src, expression string) (o outcomes) {
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	defer tree.Release()
	fast := strings.NewReplacer("<", "", ">", "").Replace(expression)
	slow := strings.NewReplacer("<", "(", ">", ")[1]").Replace(expression)
	o.count(compare(t, s, tree, src, fast, slow))
	return o
}

// compare evaluates both ways: Into and One of the fast expression, One of the
// general one.
func compare(t rapid.TB, s *xpath.Scope, tree *document.Tree, src, fast, general string) (xpath.Value, xpath.Presence, error) {
	f := &xpath.Frame{Item: tree.Root()}
	p, q := compileIn(t, s, fast), compileIn(t, s, general)
	var v xpath.Value
	presence, err := p.Into(f, &v)
	one, onePresence, oneErr := p.One(f)
	want, wantPresence, wantErr := q.One(f)
	if wantPresence != xpath.Present {
		want = xpath.Value{}
	}
	if got, want := outcome(v, presence, err), outcome(one, onePresence, oneErr); got != want {
		t.Fatalf("%s: Into %s, One %s\n%s", fast, got, want, src)
	}
	if got, want := outcome(v, presence, err), outcome(want, wantPresence, wantErr); got != want {
		t.Fatalf("%s: %s, %s: %s\n%s", fast, got, general, want, src)
	}
	return v, presence, err
}

func compileIn(t rapid.TB, s *xpath.Scope, src string) *xpath.Program {
	e, fault := xpath.Parse(src)
	if fault != nil {
		t.Fatalf("%s: %d: %v", src, fault.Offset, fault)
	}
	p, faults := e.Compile(s)
	if p == nil {
		t.Fatalf("%s: %v", src, faults[0])
	}
	return p
}

// outcome is all that can be told of an evaluation. There is one zero: the sign of
// another one is not told.
func outcome(v xpath.Value, presence xpath.Presence, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	if presence != xpath.Present {
		return fmt.Sprint("presence ", presence)
	}
	out := fmt.Sprintf("%s %q %q", v.Class, v.Lexical(), v.Bytes())
	if v.Number != nil {
		out += fmt.Sprintf(" exponent %d %v", v.Number.Exponent, v.Number.Form)
	}
	if v.Class == xpath.DateTime || v.Class == xpath.Date {
		out += " " + v.Instant().Format(time.RFC3339Nano) + fmt.Sprint(v.Instant().Location() == xpath.NoZone)
	}
	return out
}
