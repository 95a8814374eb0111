package contract

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// readTree reads a document for a test.
func readTree(t testing.TB, src string) *document.Tree {
	t.Helper()
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Release)
	return tree
}

// TestAppendJSONOrder is the golden order.
func TestAppendJSONOrder(t *testing.T) {
	el := sample(t).Element(orders("SubmitOrder"))
	var want bytes.Buffer
	if err := json.Compact(&want, jsonOrder(t, "order.json")); err != nil {
		t.Fatal(err)
	}
	// Written by hand, a single feature stands for itself.
	golden := strings.Replace(want.String(), `"Feature":{"@name":"colour","$value":"grey"}`, `"Feature":[{"@name":"colour","$value":"grey"}]`, 1)
	got, err := AppendJSON(nil, el, readTree(t, string(xmlOrder(t))).Root())
	if err != nil || string(got) != golden {
		t.Errorf("error %v, got\n%s\nwant\n%s", err, got, golden)
	}
}

// TestAppendJSONForms: what senders write in XML, and the JSON of it.
func TestAppendJSONForms(t *testing.T) {
	_, op := twinsService(t)
	for _, tt := range []struct{ name, xml, want string }{
		{"numbers in forms that JSON has not", `<decimal>+1</decimal><decimal> 1 </decimal><decimal>.5</decimal><decimal>1.</decimal><decimal>01</decimal><decimal></decimal><double>1E+5</double>`,
			`{"decimal":["+1"," 1 ",".5","1.","01",""],"double":1E+5}`},
		{"numbers that are none", `<double>NaN</double>`, `{"double":"NaN"}`},
		{"references and CDATA", `<string>a&amp;<![CDATA[<b>]]>&#10;&#x1F600;&quot;\</string>`, `{"string":"a&<b>\n😀\"\\"}`},
		{"control characters that XML has", `<string>` + "\u007F\u0085" + `</string>`, `{"string":"` + "\u007F\u0085" + `"}`},
		{"comments and white space", `<!-- a --> <plain>1</plain> <?b c?>`, `{"plain":1}`},
		{"hints", `<plain i:schemaLocation="urn:t t.xsd">1</plain>`, `{"plain":1}`},
		{"nil", `<decimal i:nil="true"/><decimal i:nil="1"/><decimal i:nil="false">1</decimal>`, `{"decimal":[null,{"@xsi:nil":"1"},{"@xsi:nil":false,"$value":1}]}`},
		{"nil with attributes", `<measure unit="m" i:nil="true"/>`, `{"measure":{"@unit":"m","@xsi:nil":true}}`},
		{"qualified names", `<qname> t:x </qname><qname>y</qname><u:code xmlns="urn:d">z</u:code>`, `{"qname":["{urn:t}x","{}y"],"code":["{urn:d}z"]}`},
		{"repeated groups", `<k>1</k><v>2</v><k>3</k><v>4</v>`, `{"k":["1","3"],"v":["2","4"]}`},
		{"xs:all in another order", `<all><b>1</b><a>2</a></all>`, `{"all":{"b":1,"a":2}}`},
		{"mixed, empty", `<mixed/>`, `{"mixed":""}`},
		{"mixed with white space", `<mixed> <i>1</i> </mixed>`, `{"mixed":{"i":["1"]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendJSON(nil, op.Input.Element, readTree(t, goElement(tt.xml)).Root())
			if err != nil || string(got) != tt.want {
				t.Errorf("error %v, got\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}

func goElement(content string) string {
	return `<t:Go xmlns:t="urn:t" xmlns:u="urn:u" xmlns:i="` + nsXSI + `">` + content + `</t:Go>`
}

// TestAppendJSONRefuses: what has no twin is refused, all of it, never left out.
func TestAppendJSONRefuses(t *testing.T) {
	_, op := twinsService(t)
	for _, tt := range []struct {
		name, xml string
		want      []string
	}{
		{"element for a wildcard", `<open><u:other/></open>`, []string{"/t:Go/open/u:other: the contract does not name this element here, so that it cannot be told in JSON; found {urn:u}other"}},
		{"attribute for a wildcard", `<open other="1"/>`, []string{"/t:Go/open: the contract does not name this attribute, so that it cannot be told in JSON; found other"}},
		{"element of any type", `<anything><i/></anything>`, []string{"/t:Go/anything/i: the contract does not name this element here, so that it cannot be told in JSON; found i"}},
		{"text between elements", `<mixed>a<i>1</i></mixed>`, []string{"/t:Go/mixed: text between elements cannot be told in JSON"}},
		{"several", `<plain>1</plain><open a="1" b="2"/><tree><x/></tree>`, []string{
			"/t:Go/open: the contract does not name this attribute, so that it cannot be told in JSON; found a",
			"/t:Go/open: the contract does not name this attribute, so that it cannot be told in JSON; found b",
			"/t:Go/tree/x: the contract does not name this element here, so that it cannot be told in JSON; found x"}},
		{"order of a repeated choice", `<a>1</a><b>2</b><a>3</a>`, []string{"/t:Go: the order of the child elements cannot be told in JSON"}},
		{"gap in a repeated sequence", `<k>1</k><k>2</k><v>3</v>`, []string{"/t:Go: the order of the child elements cannot be told in JSON"}},
		{"order of substitutes", `<t:Tail>1</t:Tail><t:Tip>2</t:Tip><t:Tail>3</t:Tail>`, []string{"/t:Go: the order of the child elements cannot be told in JSON"}},
		{"unknown type", `<base i:type="t:Tree"/>`, []string{`/t:Go/base: xsi:type names a type that cannot be told in JSON; found "t:Tree"`}},
		{"type for any type", `<anything xmlns:xs="http://www.w3.org/2001/XMLSchema" i:type="xs:int">1</anything>`, []string{`/t:Go/anything: xsi:type names a type that cannot be told in JSON; found "xs:int"`}},
		{"list of qualified names", `<names>t:a u:b</names>`, []string{`/t:Go/names: qualified names among other values cannot be told in JSON; found "t:a u:b"`}},
		{"element in a value", `<plain><x/></plain>`, []string{"/t:Go/plain/x: the contract has no element here; found <x>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendJSON([]byte("before"), op.Input.Element, readTree(t, goElement(tt.xml)).Root())
			f := fault.Of(err)
			if f == nil || f.Code != fault.CodeReplyContract || string(got) != "before" {
				t.Fatalf("error %v, got %s", err, got)
			}
			var said []string
			for _, d := range f.Details {
				if d.Line != 1 || d.Column < 1 {
					t.Errorf("%v has no place", d)
				}
				d.Line = 0
				said = append(said, d.String())
			}
			if !slices.Equal(said, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestAppendJSONSubstitute: the element may be one that stands for el.
func TestAppendJSONSubstitute(t *testing.T) {
	s := everyKindService(t, heads)
	got, err := AppendJSON(nil, s.OperationNamed("Go").Input.Element, readTree(t, `<GoOn xmlns="urn:t">1</GoOn>`).Root())
	if err != nil || string(got) != "1" {
		t.Errorf("error %v, got %s", err, got)
	}
}
