package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ledger is a contract with one element of every kind of value.
const ledgerWSDL = `<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<wsdl:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:element name="Trace"><xs:complexType><xs:sequence><xs:element name="Hop" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="Post"><xs:complexType><xs:sequence>
    <xs:element name="text" type="xs:string" minOccurs="0" nillable="true"/>
    <xs:element name="token" type="xs:token" minOccurs="0"/>
    <xs:element name="kind" type="xs:string" default="plain" minOccurs="0"/>
    <xs:element name="whole" type="xs:integer" minOccurs="0"/>
    <xs:element name="exact" type="xs:decimal" minOccurs="0"/>
    <xs:element name="approx" type="xs:double" minOccurs="0"/>
    <xs:element name="flag" type="xs:boolean" minOccurs="0"/>
    <xs:element name="at" type="xs:dateTime" minOccurs="0"/>
    <xs:element name="on" type="xs:date" minOccurs="0"/>
    <xs:element name="time" type="xs:time" minOccurs="0"/>
    <xs:element name="data" type="xs:base64Binary" minOccurs="0"/>
    <xs:element name="hex" type="xs:hexBinary" minOccurs="0"/>
    <xs:element name="words" minOccurs="0"><xs:simpleType><xs:list itemType="xs:string"/></xs:simpleType></xs:element>
    <xs:element name="any" type="xs:anyType" minOccurs="0"/>
    <xs:element name="tag" type="xs:string" nillable="true" minOccurs="0" maxOccurs="unbounded"/>
    <xs:element name="part" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:element name="name" type="xs:string"/></xs:sequence><xs:attribute name="unit" type="xs:string" default="EA"/></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="PostResponse"><xs:complexType><xs:sequence>
    <xs:element name="id" type="xs:long"/>
    <xs:element name="note" type="xs:string" nillable="true"/>
    <xs:element name="tag" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
    <xs:element name="part" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="name" type="xs:string"/></xs:sequence><xs:attribute name="unit" type="xs:string" use="required"/></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema></wsdl:types>
<wsdl:message name="in"><wsdl:part name="p" element="t:Post"/></wsdl:message>
<wsdl:message name="trace"><wsdl:part name="p" element="t:Trace"/></wsdl:message>
<wsdl:message name="out"><wsdl:part name="p" element="t:PostResponse"/></wsdl:message>
<wsdl:portType name="P"><wsdl:operation name="Post"><wsdl:input message="t:in"/><wsdl:output message="t:out"/></wsdl:operation></wsdl:portType>
<wsdl:binding name="B" type="t:P"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<wsdl:operation name="Post"><soap:operation soapAction="post"/><wsdl:input><soap:header message="t:trace" part="p" use="literal"/><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation></wsdl:binding>
<wsdl:service name="S"><wsdl:port name="P" binding="t:B"><soap:address location="http://localhost/"/></wsdl:port></wsdl:service>
</wsdl:definitions>`

// valued compiles a mapping of dbo.t with these lines of columns and the rest
// of the file after it.
func valued(t *testing.T, columns, rest string) *mapping.Mapping {
	t.Helper()
	src := "mapping: v\ncontract: t/t.wsdl#Post\nnamespaces: {t: 'urn:t'}\nrows:\n  - table: dbo.t\n    as: t\n    columns:\n"
	for line := range strings.Lines(columns) {
		src += "      " + line
	}
	if !strings.Contains(rest, "reply:") {
		rest += "\nreply: {id: 1, note: '''n'''}\n"
	}
	f, err := mapping.Parse("v.yaml", []byte(src+"\n"+rest))
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(fstest.MapFS{"t/t.wsdl": {Data: []byte(ledgerWSDL)}}, "t/t.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func post(body string) string {
	return `<t:Post xmlns:t="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` + body + `</t:Post>`
}

// cells applies and renders the cells of the first row, or the fault.
func cells(m *mapping.Mapping, in *mapping.Input) string {
	cs, err := m.Apply(in)
	if err != nil {
		return complaints(err)
	}
	if len(cs.Rows[0]) == 0 {
		return "no row"
	}
	var texts []string
	for _, c := range cs.Rows[0][0].Cells {
		texts = append(texts, cell(c))
	}
	return strings.Join(texts, " ")
}

func complaints(err error) string {
	f := fault.Of(err)
	lines := []string{string(f.Code)}
	for _, d := range f.Details {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// Absent, empty and nil are three values (docs/mapping.md has the table).
func TestAbsentEmptyNil(t *testing.T) {
	for _, tt := range []struct{ columns, body, want string }{
		{"a: t:text", "", "-"},
		{"a: t:text", "<t:text/>", ""},
		{"a: t:text", `<t:text xsi:nil="true"/>`, "NULL"},
		{"a: t:text", `<t:text xsi:nil="false">x</t:text>`, "x"},
		{"a: {from: t:text, absent: null}", "", "NULL"},
		{"a: {from: t:text, absent: null}", "<t:text/>", ""},
		{"a: {from: t:text, default: d}", "", "d"},
		{"a: {from: t:text, default: d}", "<t:text/>", ""},
		{"a: {from: t:text, default: d}", `<t:text xsi:nil="1"/>`, "NULL"},
		{"a: upper-case(t:text)", "", ""},
		{"a: t:exact * 2", "", "-"},
		{"a: if (t:whole) then t:text else ()", `<t:text xsi:nil="true"/><t:whole>1</t:whole>`, "-"},
		{"a: if (t:text) then t:text else 'x'", `<t:text xsi:nil="true"/>`, "-"},
		{"a: (t:text | t:token)[1]", `<t:text xsi:nil="true"/>`, "NULL"},
		{"a: (t:text | t:token)[1]", `<t:token> b </t:token>`, "b"},
		{"a: .//t:name", `<t:part><t:name>n</t:name></t:part>`, "n"},
		{"a: .//t:name", ``, "-"},
		{"a: /t:Post/t:part/@*", `<t:part><t:name>n</t:name></t:part>`, "EA"},
		{"a: t:text/text()", "<t:text/>", "-"},
		{"a: {value: null}", "", "NULL"},
		{"a: {value: 007}", "", "7"},
		{"a: {value: '007'}", "", "007"},
		{"a: {$value: 1.50}", "", "1.5"},
		{"a: {value: true}", "", "true"},
		{"a: {lookup: dbo.x, where: {k: t:token}, column: id}", "", "-"},
		{"a: {lookup: dbo.x, where: {k: t:token}, column: id}", "<t:token> a </t:token>", "?a"},
		{"a: {lookup: dbo.x, where: {k: t:token, l: t:whole}, column: id}", "<t:token>a</t:token><t:whole>1</t:whole>", "?a+1"},
		{"a: {lookup: dbo.x, where: {k: t:text}, column: id}", `<t:text xsi:nil="true"/>`, "NULL"},
		{"a: if (t:whole) then t:whole else ()", "", "-"},
		// XSD 1.0 part 1 §3.2.1, §3.3.1: what the contract gives when nothing is there.
		{"a: t:kind", "<t:kind/>", "plain"},
		{"a: t:part/@unit", "<t:part><t:name>n</t:name></t:part>", "EA"},
		{"a: t:part/@unit", "", "-"},
	} {
		t.Run(tt.columns+tt.body, func(t *testing.T) {
			if got := cells(valued(t, tt.columns, ""), input(t, post(tt.body))); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTypedValues(t *testing.T) {
	for _, tt := range []struct{ column, body, want string }{
		{"t:token", "<t:token>\n a  b\t</t:token>", "a b"},
		{"t:text", "<t:text> a  b </t:text>", " a  b "},
		{"t:whole", "<t:whole> +0012 </t:whole>", "12"},
		{"t:exact", "<t:exact>-0.500</t:exact>", "-0.5"},
		{"t:exact", "<t:exact>-0.0</t:exact>", "0"},
		{"t:exact", "<t:exact>.5</t:exact>", "0.5"},
		{"t:exact", "<t:exact>" + strings.Repeat("9", 100) + "</t:exact>", strings.Repeat("9", 100)},
		{"t:approx", "<t:approx>1e-7</t:approx>", "1.0E-7"},
		{"t:approx", "<t:approx>-INF</t:approx>", "-INF"},
		{"t:flag", "<t:flag>1</t:flag>", "true"},
		{"t:at", "<t:at>-0044-03-15T24:00:00-05:00</t:at>", "-0044-03-16T00:00:00-05:00"},
		{"t:at", "<t:at>12026-03-15T00:00:00Z</t:at>", "12026-03-15T00:00:00Z"},
		{"t:on", "<t:on>2024-02-29+13:00</t:on>", "2024-02-29+13:00"},
		{"t:time", "<t:time>23:59:59.5Z</t:time>", "23:59:59.5Z"},
		{"t:data", "<t:data>aGk=</t:data>", "aGk="},
		{"t:hex", "<t:hex>6869</t:hex>", "aGk="},
		{"string(t:words)", "<t:words>a b</t:words>", "a b"},
		{"t:any", "<t:any>a<x>b</x></t:any>", "ab"},
		{"$principal/login || '/' || $principal/partner", "", "erp.alice/erp"},
		{"$message/receivedAt", "", "2026-03-16T10:00:01Z"},
		{"$message/messageId", "", "-"},
		{"$properties/x-source", "", "q"},
		{"$properties/none", "", "-"},
		{"{from: t:at, zone: Europe/Helsinki}", "<t:at>2026-07-01T12:00:00</t:at>", "2026-07-01T12:00:00+03:00"},
		{"{from: t:at, zone: Europe/Helsinki}", "<t:at>2026-07-01T12:00:00Z</t:at>", "2026-07-01T12:00:00Z"},
		{"{from: t:at, zone: Europe/Helsinki}", "<t:at>2026-10-25T03:30:00</t:at>", "2026-10-25T03:30:00+03:00"}, // twice: the first
	} {
		t.Run(tt.column+tt.body, func(t *testing.T) {
			in := input(t, post(tt.body))
			in.Properties = map[string]string{"x-source": "q"}
			if got := cells(valued(t, "a: "+tt.column, ""), in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHostileValues(t *testing.T) {
	for _, tt := range []struct{ column, body, want string }{
		{"t:exact", "<t:exact>" + strings.Repeat("9", 101) + "</t:exact>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:exact: the value is longer than 100 digits; found 101 characters; for dbo.t.a"},
		{"t:exact", "<t:exact>1e5</t:exact>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:exact: the value is not a decimal number; found 1e5; for dbo.t.a"},
		{"t:whole", "<t:whole>--1</t:whole>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:whole: the value is not a whole number; found --1; for dbo.t.a"},
		{"t:at", "<t:at>2026-02-30T00:00:00Z</t:at>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:at: the value is not a dateTime; found 2026-02-30T00:00:00Z; for dbo.t.a"},
		{"t:at", "<t:at>2026-02-03T00:00:00.1234567891Z</t:at>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:at: the value has more than nine fractional digits of a second; found 2026-02-03T00:00:00.1234567891Z; for dbo.t.a"},
		{"{from: t:at, zone: Europe/Helsinki}", "<t:at>2026-03-29T03:30:00</t:at>", "GH-4001\nv.yaml:8:17: line 1, column 79: /t:Post/t:at: the value did not exist in Europe/Helsinki: the clocks went forward; found 2026-03-29T03:30:00; for dbo.t.a"},
		{"t:data", "<t:data>a</t:data>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:data: the value is not base64; found a; for dbo.t.a"},
		{"1 div t:whole", "<t:whole>0</t:whole>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:whole: division by zero; found 1 div 0; for dbo.t.a"},
		{"xs:integer(t:text)", "<t:text>12a</t:text>", "GH-4001\nv.yaml:8:10: line 1, column 79: /t:Post/t:text: the value is not a whole number; found 12a; for dbo.t.a"},
	} {
		t.Run(tt.column+tt.body[:min(len(tt.body), 30)], func(t *testing.T) {
			if got := cells(valued(t, "a: "+tt.column, ""), input(t, post(tt.body))); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	m := valued(t, "a: xs:integer(t:text)\nb: xs:date(t:text)\nc: t:exact", "")
	_, err := m.Apply(input(t, post("<t:text>x</t:text><t:exact>y</t:exact>")))
	if got := len(fault.Of(err).Details); got != 3 {
		t.Errorf("%d details: %v", got, err)
	}
	var b strings.Builder
	for range 60 {
		b.WriteString("<t:tag>x</t:tag>")
	}
	m = valued(t, "a: t:text", "  - table: dbo.u\n    each: t:tag\n    columns: {a: xs:integer(.)}")
	_, err = m.Apply(input(t, post(b.String())))
	if f := fault.Of(err); len(f.Details) != 50 || f.More != 10 {
		t.Errorf("%d details and %d more", len(f.Details), f.More)
	}
}

func TestIdentity(t *testing.T) {
	named := valued(t, "a: t:text", "identity: t:token")
	for _, tt := range []struct{ name, body, want string }{
		{"present", "<t:token>k</t:token>", "k"},
		{"longest", "<t:token>" + strings.Repeat("k", 400) + "</t:token>", strings.Repeat("k", 400)},
		{"longer", "<t:token>" + strings.Repeat("\U0001F600", 200) + "k</t:token>", "GH-4002\nv.yaml:9:11: line 1, column 79: /t:Post/t:token: t:token: the identity is longer than 400 UTF-16 units; found 201 characters; for identity"},
		{"absent", "", "GH-4003\nv.yaml:9:11: line 1, column 1: /t:Post: t:token: the identity is absent or empty; for identity"},
		{"empty", "<t:token> </t:token>", "GH-4003\nv.yaml:9:11: line 1, column 79: /t:Post/t:token: t:token: the identity is absent or empty; for identity"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cs, err := named.Apply(input(t, post(tt.body)))
			got := ""
			if err != nil {
				got = complaints(err)
			} else {
				got = cs.Identity
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	in := input(t, post(""))
	in.Message.MessageID = "urn:uuid:1"
	if cs, err := valued(t, "a: t:text", "").Apply(in); err != nil || cs.Identity != "urn:uuid:1" {
		t.Errorf("default identity %q, %v", cs.Identity, err)
	}
	if cs, err := valued(t, "a: t:text", "identity: none").Apply(in); err != nil || cs.Identity != "" {
		t.Errorf("identity none %q, %v", cs.Identity, err)
	}
}

func TestWarnings(t *testing.T) {
	m := valued(t, "a: t:at\nb: {from: t:text, default: ''}\nc: {from: string(t:text), absent: null}\nd: $message/receivedAt", "publish:\n  - {channel: c, when: t:token != 'x', body: {a: 1}}")
	var got []string
	for _, w := range m.Warnings {
		got = append(got, w.Error())
	}
	want := []string{
		"v.yaml:1:10: mapping: without identity: a repeat is known by wsa:MessageID or the AMQP message-id alone, and stored again when it has none; say identity: none to mean that",
		"v.yaml:8:10: rows[0].columns.a: the dateTime may come without a zone and is then taken as UTC; say zone:",
		"v.yaml:10:10: rows[0].columns.c: absent: null has no effect: the source is always there",
		"v.yaml:13:32: publish[0].when: != is false when an operand is absent; where that is not meant, write not(… = …)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRowsWithConditions(t *testing.T) {
	m := valued(t, "a: t:text", `    when: t:flag
    children:
      - table: dbo.u
        as: u
        each: t:part
        columns: {t: $t/id, name: t:name}
      - table: dbo.w
        when: t:part
        columns: {u: $u/id}
business_keys: {tags: t:tag}
ordering_key: t:token
`)
	for _, tt := range []struct{ body, want string }{
		{"", ""},
		{"<t:flag>false</t:flag>", "dbo.t <-1 a=-\n"}, // a path is true when it is there (XPath 3.1 §2.4.3)
		{"<t:flag>true</t:flag><t:part><t:name>n</t:name></t:part>", "dbo.t <-1 a=-\ndbo.u <0 t=#0 name=n\ndbo.w <0 u=#0\n"},
	} {
		cs, err := m.Apply(input(t, post(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		if got := dump(m, cs); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.body, got, tt.want)
		}
	}
	cs, err := m.Apply(input(t, post("<t:tag>a</t:tag><t:tag>b</t:tag>")))
	if err != nil || fmt.Sprint(cs.Keys) != "[{tags a} {tags b}]" {
		t.Errorf("keys %v, %v", cs.Keys, err)
	}
}

// A path of several declarations may be gone through: each row reads what its
// element is declared to have.
func TestRowsOfSeveralDeclarations(t *testing.T) {
	m := valued(t, "a: count(.//*)", `    children:
      - table: dbo.u
        each: t:tag | .//t:name | t:token
        columns: {t: $t/id, kind: local-name(), text: string(), above: string(ancestor::t:part/@unit)}
`)
	cs, err := m.Apply(input(t, post(`<t:token> k </t:token><t:tag>a</t:tag><t:tag xsi:nil="true"/><t:part><t:name>n</t:name></t:part>`)))
	if err != nil {
		t.Fatal(err)
	}
	want := "dbo.t <-1 a=5\ndbo.u <0 t=#0 kind=token text= k  above=\ndbo.u <0 t=#0 kind=tag text=a above=\n" +
		"dbo.u <0 t=#0 kind=tag text= above=\ndbo.u <0 t=#0 kind=name text=n above=EA\n"
	if got := dump(m, cs); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHeaderBlocks(t *testing.T) {
	m := valued(t, "a: $header/t:Trace/t:Hop", "")
	if got := fmt.Sprint(m.Headers); got != "[{urn:t}Trace]" {
		t.Errorf("headers %s", got)
	}
	tree, err := document.Read([]byte(`<E xmlns:t="urn:t"><Header><t:Trace><t:Hop>h</t:Hop></t:Trace></Header><Body><t:Post/></Body></E>`))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	header := tree.Root().FirstChild()
	if got := cells(m, &mapping.Input{Header: header, Payload: header.NextSibling().FirstChild()}); got != "h" {
		t.Errorf("got %q", got)
	}
	if got := cells(m, &mapping.Input{Payload: header.NextSibling().FirstChild()}); got != "-" {
		t.Errorf("without a header: got %q", got)
	}
}

// JSON is typed by the contract, not by what a message happens to hold.
func TestJSON(t *testing.T) {
	for _, tt := range []struct{ template, body, want string }{
		{"{a: t:text}", "", `{}`},
		{"{a: t:text}", "<t:text/>", `{"a":""}`},
		{"{a: t:text}", `<t:text xsi:nil="true"/>`, `{"a":null}`},
		{"{a: t:tag}", "", `{"a":[]}`},
		{"{a: t:tag}", "<t:tag>x</t:tag>", `{"a":["x"]}`},
		{"{a: t:tag}", `<t:tag>x</t:tag><t:tag xsi:nil="1"/>`, `{"a":["x",null]}`},
		{"{a: t:whole, b: t:exact, c: t:flag}", "<t:whole>0012</t:whole><t:exact>100000000000000000000.10</t:exact><t:flag>1</t:flag>", `{"a":12,"b":100000000000000000000.1,"c":true}`},
		{"{a: t:approx}", "<t:approx>1.5E300</t:approx>", `{"a":1.5E300}`},
		{"{a: t:approx}", "<t:approx>NaN</t:approx>", `{"a":"NaN"}`},
		{"{a: t:at, b: t:on}", "<t:at>2026-01-01T00:00:00.100</t:at><t:on>2026-01-01Z</t:on>", `{"a":"2026-01-01T00:00:00.1","b":"2026-01-01Z"}`},
		{"{a: t:text}", "<t:text>\"\\&#10;&#9;&#13;\u2028</t:text>", `{"a":"\"\\\n\t\r` + "\u2028" + `"}`},
		{"{a: {b: t:text}}", "", `{"a":{}}`},
		{"{a: {$when: t:flag, b: t:text}, c: 1}", "", `{"c":1}`},
		{"{a: ['t:text', 1, {$value: x}]}", "", `{"a":[1,"x"]}`},
		{"{a: {$each: t:part, n: t:name, u: '@unit'}}", "<t:part unit='KG'><t:name>n</t:name></t:part>", `{"a":[{"n":"n","u":"KG"}]}`},
		{"{a: {$value: null}, b: {$value: 1.10}, c: {$value: 'true'}}", "", `{"a":null,"b":1.1,"c":"true"}`},
		{"{id: $t/id, none: $t/note}", "", `{"id":7}`},
	} {
		t.Run(tt.template+tt.body, func(t *testing.T) {
			m := valued(t, "a: t:text", "publish:\n  - {channel: c, body: "+tt.template+"}")
			out, err := m.Render(input(t, post(tt.body)), []mapping.Value{{Class: mapping.Integer, Number: number(7)}, {}})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(out.Publications[0].Body); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPublishFormats(t *testing.T) {
	m := valued(t, "a: t:text", `publish:
  - {channel: c, format: original, routing_key: '{{x}}.{t:token || "}"}.{if (t:whole) then t:whole else 0}'}
  - {channel: c, when: t:whole > 1, format: original}
  - channel: d
    format: xml
    element: t:PostResponse
    body: {part: {name: string(t:kind), "@unit": '''KG''', $when: t:kind}, id: 5, note: {$value: null}, tag: t:token}
`)
	m2 := strings.Join(m.Channels, ",")
	if m2 != "c,d" {
		t.Errorf("channels %s", m2)
	}
	out, err := m.Render(input(t, post("<t:token>k</t:token><t:kind>z</t:kind><t:whole>1</t:whole><t:tag>a</t:tag><t:tag>b</t:tag>")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Publications) != 2 {
		t.Fatalf("%d publications", len(out.Publications))
	}
	if p := out.Publications[0]; p.RoutingKey != "{x}.k}.1" || !strings.HasPrefix(string(p.Body), "<t:Post ") || p.ContentType != "application/xml" || p.Type != "v" {
		t.Errorf("original: %+v %s", p, p.Body)
	}
	want := `<ns1:PostResponse xmlns:ns1="urn:t"><ns1:id>5</ns1:id><ns1:note xmlns:ns2="http://www.w3.org/2001/XMLSchema-instance" ns2:nil="true"/>` +
		`<ns1:tag>k</ns1:tag><ns1:part unit="KG"><ns1:name>z</ns1:name></ns1:part></ns1:PostResponse>`
	if got := string(out.Publications[1].Body); got != want {
		t.Errorf("xml:\n%s\nwant\n%s", got, want)
	}
}

func TestRenderFaults(t *testing.T) {
	long := "<t:token>" + strings.Repeat("k", 300) + "</t:token><t:whole>0</t:whole>"
	for _, tt := range []struct{ publish, want string }{
		{"{channel: c, body: {a: 1}, routing_key: '{string(t:token)}'}", "GH-4001\nv.yaml:10:5: the routing key is longer than 255 bytes; for c"},
		{"{channel: c, body: {a: 1 div t:whole}}", "GH-4001\nv.yaml:10:28: line 1, column 398: /t:Post/t:whole: 1 div t:whole: division by zero; found 1 div 0; for c"},
		{"{channel: c, when: 1 div t:whole = 1, body: {a: 1}}", "GH-4001\nv.yaml:10:24: line 1, column 398: /t:Post/t:whole: 1 div t:whole = 1: division by zero; found 1 div 0; for c"},
	} {
		m := valued(t, "a: t:text", "publish:\n  - "+tt.publish)
		_, err := m.Render(input(t, post(long)), nil)
		if got := complaints(err); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
	m := valued(t, "a: t:text", "reply: {id: 99999999999999999999, note: '''x'''}")
	if _, err := m.Render(input(t, post("")), nil); fault.Of(err).Code != fault.CodeReplyContract {
		t.Errorf("got %v", err)
	}
}
