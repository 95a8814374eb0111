package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

func leaf(name, text string) Content { return Content{Name: name, Text: &text} }

func TestAppendReply(t *testing.T) {
	reply := sample(t).Element(orders("SubmitOrderResponse"))
	tests := []struct {
		name    string
		content []Content
		want    string
		faults  []string
	}{
		{"in another order", []Content{leaf("Status", "ACCEPTED"), leaf("OrderNumber", "<PO & 1>"), leaf("OrderId", "42")},
			`<ns1:SubmitOrderResponse xmlns:ns1="urn:gatehouse:samples:orders:1"><ns1:OrderId>42</ns1:OrderId><ns1:OrderNumber>&lt;PO &amp; 1&gt;</ns1:OrderNumber><ns1:Status>ACCEPTED</ns1:Status></ns1:SubmitOrderResponse>`, nil},
		{"by Clark names", []Content{leaf("{urn:gatehouse:samples:orders:1}OrderId", "1"), leaf("OrderNumber", "x"), leaf("Status", "PENDING"), leaf("Lines", "3")},
			`<ns1:SubmitOrderResponse xmlns:ns1="urn:gatehouse:samples:orders:1"><ns1:OrderId>1</ns1:OrderId><ns1:OrderNumber>x</ns1:OrderNumber><ns1:Status>PENDING</ns1:Status><ns1:Lines>3</ns1:Lines></ns1:SubmitOrderResponse>`, nil},
		{"nothing", nil, "", []string{
			"/SubmitOrderResponse/OrderId: a required element is missing; expected a whole number, from -9223372036854775808 to 9223372036854775807",
			"/SubmitOrderResponse/OrderNumber: a required element is missing; expected text of 1 to 20 characters",
			"/SubmitOrderResponse/Status: a required element is missing; expected one of ACCEPTED, PENDING"}},
		{"everything wrong", []Content{leaf("OrderId", "x"), leaf("OrderNumbr", "1"), leaf("OrderNumber", ""), {Name: "Status"}, leaf("Lines", "1"), leaf("Lines", "2")}, "", []string{
			"/SubmitOrderResponse/OrderNumbr: the contract has no such child element; expected the elements OrderId, OrderNumber, Status, Lines",
			`/SubmitOrderResponse/OrderId: the value is not a number; found "x"; expected a whole number, from -9223372036854775808 to 9223372036854775807`,
			`/SubmitOrderResponse/OrderNumber: the value is empty; found ""; expected text of 1 to 20 characters`,
			"/SubmitOrderResponse/Status: the element has no value; expected one of ACCEPTED, PENDING",
			"/SubmitOrderResponse/Lines: the element occurs more often than the contract allows"}},
		{"nil and nested", []Content{{Name: "OrderId", Nil: true}, {Name: "OrderNumber", Children: []Content{leaf("a", "b")}}, leaf("Status", "PENDING")}, "", []string{
			"/SubmitOrderResponse/OrderId: the element may not be nil",
			"/SubmitOrderResponse/OrderNumber: the element takes no child elements; found a; expected text of 1 to 20 characters"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkWritten(t, reply, Content{Children: tt.content}, tt.want, tt.faults)
		})
	}
}

func checkWritten(t *testing.T, el *Element, v Content, want string, faults []string) {
	t.Helper()
	got, err := AppendElement([]byte("before"), el, v)
	var said []string
	if f := fault.Of(err); f != nil {
		if f.Code != fault.CodeReplyContract {
			t.Errorf("code %s", f.Code)
		}
		for _, d := range f.Details {
			said = append(said, d.String())
		}
	}
	if string(got) != "before"+want {
		t.Errorf("got  %s\nwant before%s", got, want)
	}
	if !slices.Equal(said, faults) {
		t.Errorf("faults\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(faults, "\n"))
	}
}

// rich has what a reply seldom needs: other namespaces, unqualified children,
// attributes of each form, choices, repetition, nil, substitution, mixed text.
const rich = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:u="urn:u" targetNamespace="urn:t">
<xs:import namespace="urn:u" schemaLocation="u.xsd"/>
<xs:import namespace="http://www.w3.org/XML/1998/namespace"/>
<xs:element name="R"><xs:complexType><xs:sequence>
  <xs:element name="plain" type="xs:int" minOccurs="0"/>
  <xs:element ref="u:Far" minOccurs="0" maxOccurs="unbounded"/>
  <xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:choice>
  <xs:sequence minOccurs="0" maxOccurs="unbounded"><xs:element name="k" type="xs:string"/><xs:element name="v" nillable="true" type="xs:string"/></xs:sequence>
  <xs:element ref="t:Head" minOccurs="0"/>
  <xs:element name="mixed" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="i" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="pair" minOccurs="0"><xs:complexType><xs:choice><xs:sequence><xs:element name="x" type="xs:int"/><xs:element name="y" type="xs:int"/></xs:sequence><xs:element name="z" type="xs:int"/></xs:choice></xs:complexType></xs:element>
</xs:sequence><xs:attribute name="n" type="xs:int"/><xs:attribute name="f" type="xs:string" fixed="yes" use="required"/><xs:attribute ref="xml:lang"/><xs:attribute ref="u:q"/></xs:complexType></xs:element>
<xs:element name="Head" type="xs:int" abstract="true"/><xs:element name="Tail" type="xs:int" substitutionGroup="t:Head"/>
</xs:schema>`

const richOther = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:u" elementFormDefault="qualified"><xs:element name="Far"><xs:complexType><xs:sequence><xs:element name="near" type="xs:string"/></xs:sequence></xs:complexType></xs:element><xs:attribute name="q" type="xs:string"/></xs:schema>`

func richElement(t testing.TB) *Element {
	c, err := Load(fstest.MapFS{"t.xsd": {Data: []byte(rich)}, "u.xsd": {Data: []byte(richOther)}}, "t.xsd")
	if err != nil {
		t.Fatal(err)
	}
	return c.Element(Name{Space: "urn:t", Local: "R"})
}

func TestAppendRich(t *testing.T) {
	r := richElement(t)
	text := func(s string) *string { return &s }
	tests := []struct {
		name   string
		v      Content
		want   string
		faults []string
	}{
		{"fixed attribute added", Content{}, `<ns1:R xmlns:ns1="urn:t" f="yes"/>`, nil},
		{"attributes", Content{Attrs: map[string]string{"n": "1", "lang": `"en"`, "{urn:u}q": "<"}}, "", []string{`/R/@lang: the value is of none of the types allowed; found ""en""; expected a language tag such as en-GB, or an empty value`}},
		{"attribute forms", Content{Attrs: map[string]string{"n": "1", "lang": "en", "q": `<"`}}, `<ns1:R xmlns:ns1="urn:t" xmlns:ns2="urn:u" n="1" f="yes" xml:lang="en" ns2:q="&lt;&#34;"/>`, nil},
		{"unknown attribute", Content{Attrs: map[string]string{"m": "1", "f": "no"}}, "", []string{`/R/@f: the value is not the fixed one; found "no"; expected "yes"`, "/R/@m: the contract has no such attribute; expected n, f, lang, q"}},
		{"other namespace", Content{Children: []Content{{Name: "Far", Children: []Content{leaf("near", "1")}}, leaf("plain", "1")}},
			`<ns1:R xmlns:ns1="urn:t" f="yes"><plain>1</plain><ns2:Far xmlns:ns2="urn:u"><ns2:near>1</ns2:near></ns2:Far></ns1:R>`, nil},
		{"repeated choice keeps its order", Content{Children: []Content{leaf("b", "1"), leaf("a", "2"), leaf("b", "3")}},
			`<ns1:R xmlns:ns1="urn:t" f="yes"><b>1</b><a>2</a><b>3</b></ns1:R>`, nil},
		{"repeated sequence", Content{Children: []Content{leaf("k", "1"), leaf("k", "2"), leaf("v", "x"), {Name: "v", Nil: true}}},
			`<ns1:R xmlns:ns1="urn:t" f="yes"><k>1</k><v>x</v><k>2</k><v xmlns:ns2="http://www.w3.org/2001/XMLSchema-instance" ns2:nil="true"/></ns1:R>`, nil},
		{"incomplete sequence", Content{Children: []Content{leaf("k", "1")}}, "", []string{"/R/v: a required element is missing; expected text"}},
		{"substitute", Content{Children: []Content{leaf("Tail", "1")}}, `<ns1:R xmlns:ns1="urn:t" f="yes"><ns1:Tail>1</ns1:Tail></ns1:R>`, nil},
		{"abstract", Content{Children: []Content{leaf("Head", "1")}}, "", []string{"/R/Head: the element or its type is abstract and cannot be written"}},
		{"mixed", Content{Children: []Content{{Name: "mixed", Text: text("t"), Children: []Content{leaf("i", "1")}}}}, `<ns1:R xmlns:ns1="urn:t" f="yes"><mixed>t<i>1</i></mixed></ns1:R>`, nil},
		{"text in element content", Content{Text: text("t")}, "", []string{`/R: the element takes no text; found "t"; expected the elements plain, Far, a, b, k, v, Head, mixed, pair`}},
		{"choice of groups", Content{Children: []Content{{Name: "pair", Children: []Content{leaf("y", "2"), leaf("x", "1")}}}}, `<ns1:R xmlns:ns1="urn:t" f="yes"><pair><x>1</x><y>2</y></pair></ns1:R>`, nil},
		{"both alternatives", Content{Children: []Content{{Name: "pair", Children: []Content{leaf("x", "1"), leaf("y", "2"), leaf("z", "3")}}}}, "", []string{"/R/pair/z: the element occurs more often than the contract allows"}},
		{"no alternative", Content{Children: []Content{{Name: "pair"}}}, "", []string{"/R/pair: a required element is missing; expected one of x, z"}},
		{"control characters", Content{Children: []Content{leaf("k", "a\x00\x1fb"), leaf("v", "\xff")}}, `<ns1:R xmlns:ns1="urn:t" f="yes"><k>a` + "\uFFFD\uFFFD" + `b</k><v>` + "\uFFFD" + `</v></ns1:R>`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkWritten(t, r, tt.v, tt.want, tt.faults) })
	}
}

// TestAppendSampleMessages takes the sample messages apart, mixes their
// children up, writes them anew and validates them.
func TestAppendSampleMessages(t *testing.T) {
	s := sample(t).Services[0]
	for _, name := range []string{"order-minimal.xml", "order-full.xml", "shipment.xml"} {
		t.Run(name, func(t *testing.T) {
			src := envelope(t, name)
			tree, err := document.Read(src)
			if err != nil {
				t.Fatal(err)
			}
			payload := tree.Root().Child(Name{Space: nsEnv11, Local: "Body"}).FirstChild()
			out, err := AppendElement([]byte(`<e:Envelope xmlns:e="`+nsEnv12+`"><e:Body>`), s.Operation(payload.Name()).Input.Element, contentOf(payload))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, "</e:Body></e:Envelope>"...)
			if details, _, err := s.Validate(out, 0); err != nil || len(details) > 0 {
				t.Errorf("error %v\n%s\n%s", err, lines(details), out)
			}
		})
	}
}

// contentOf is an element with its children sorted by name, backwards.
func contentOf(n document.Node) Content {
	v := Content{Name: n.Name().Local, Attrs: map[string]string{}}
	for name, value := range n.Attrs() {
		v.Attrs[name.Local] = value
	}
	for c := range n.Children() {
		v.Children = append(v.Children, contentOf(c))
	}
	if len(v.Children) == 0 {
		text := n.Text()
		v.Text = &text
	}
	slices.SortStableFunc(v.Children, func(a, b Content) int { return strings.Compare(b.Name, a.Name) })
	return v
}

// TestAppendManyIsLinear writes ten thousand repeated children.
func TestAppendManyIsLinear(t *testing.T) {
	v := Content{}
	for i := range 10_000 {
		v.Children = append(v.Children, leaf([]string{"a", "b"}[i%2], fmt.Sprint(i)))
	}
	out, err := AppendElement(nil, richElement(t), v)
	if err != nil || strings.Count(string(out), "<a>") != 5_000 {
		t.Errorf("error %v, %d bytes", err, len(out))
	}
}

func TestCheckShape(t *testing.T) {
	reply := sample(t).Element(orders("SubmitOrderResponse"))
	value := func(name string) Shape { return Shape{Name: name, Value: true} }
	full := []Shape{value("OrderId"), value("OrderNumber"), value("Status")}
	tests := []struct {
		name  string
		el    *Element
		shape Shape
		want  []string
	}{
		{"complete", reply, Shape{Children: full}, nil},
		{"optional child may be optional", reply, Shape{Children: append(slices.Clone(full), Shape{Name: "Lines", Value: true, Optional: true})}, nil},
		{"empty", reply, Shape{}, []string{
			"/SubmitOrderResponse/OrderId: a required element is missing; expected a whole number, from -9223372036854775808 to 9223372036854775807",
			"/SubmitOrderResponse/OrderNumber: a required element is missing; expected text of 1 to 20 characters",
			"/SubmitOrderResponse/Status: a required element is missing; expected one of ACCEPTED, PENDING"}},
		{"required may be missing", reply, Shape{Children: []Shape{full[0], full[1], {Name: "Status", Value: true, Optional: true}}}, []string{
			"/SubmitOrderResponse/Status: a required element may be missing; expected one of ACCEPTED, PENDING"}},
		{"repeated, unknown, no value", reply, Shape{Children: append(slices.Clone(full), Shape{Name: "Lines", Repeated: true, Value: true}, Shape{Name: "Linez"}, Shape{Name: "Status"})}, []string{
			"/SubmitOrderResponse/Lines: the element may occur more often than the contract allows; expected at most 1 time",
			"/SubmitOrderResponse/Linez: the contract has no such child element; expected the elements OrderId, OrderNumber, Status, Lines",
			"/SubmitOrderResponse/Status: the element may occur more often than the contract allows; expected at most 1 time",
			"/SubmitOrderResponse/Status: the element has no value; expected one of ACCEPTED, PENDING"}},
		{"nil, text, attribute", reply, Shape{Nil: true, Value: true, Attrs: []Shape{value("a")}, Children: full}, []string{
			"/SubmitOrderResponse: the element may not be nil",
			"/SubmitOrderResponse/@a: the contract has no such attribute; expected no attributes",
			"/SubmitOrderResponse: the element takes no text; expected the elements OrderId, OrderNumber, Status, Lines"}},
		{"half of an optional group", richElement(t), Shape{Children: []Shape{value("k")}}, []string{"/R/v: a required element is missing; expected text"}},
		{"choice: none", richElement(t), Shape{Children: []Shape{{Name: "pair"}}}, []string{"/R/pair: a required element is missing; expected one of x, z"}},
		{"choice: half of one", richElement(t), Shape{Children: []Shape{{Name: "pair", Children: []Shape{value("x")}}}}, []string{"/R/pair/y: a required element is missing; expected a whole number, from -2147483648 to 2147483647"}},
		{"choice: either", richElement(t), Shape{Children: []Shape{{Name: "pair", Children: []Shape{value("z")}}, value("Tail")}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range CheckShape(tt.el, tt.shape) {
				got = append(got, d.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
