package contract

import (
	"cmp"
	"strings"
	"testing"
	"testing/fstest"
)

// everyKind is a contract with what the sample has not: one child of the Body
// for each kind of content.
const everyKind = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:element name="Go"><xs:complexType><xs:choice>
  <xs:element name="choice"><xs:complexType><xs:choice><xs:element name="a" type="xs:int"/><xs:sequence><xs:element name="b" type="xs:int"/><xs:element name="c" type="xs:int"/></xs:sequence></xs:choice></xs:complexType></xs:element>
  <xs:element name="all"><xs:complexType><xs:all><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/><xs:element name="c" type="xs:int" minOccurs="0"/></xs:all></xs:complexType></xs:element>
  <xs:element name="twice"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int" minOccurs="2" maxOccurs="3"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="strict"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="strict"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="other"><xs:complexType><xs:sequence><xs:any namespace="##other" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="head"><xs:complexType><xs:sequence><xs:element ref="t:Head"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="base" type="t:Base"/>
  <xs:element name="animal" type="t:Animal"/>
  <xs:element name="nillable" type="xs:int" nillable="true"/>
  <xs:element name="fixed" type="xs:string" fixed="yes"/>
  <xs:element name="default" type="xs:int" default="1"/>
  <xs:element name="mixed"><xs:complexType mixed="true"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="empty"><xs:complexType/></xs:element>
  <xs:element name="list"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>
  <xs:element name="open"><xs:complexType><xs:anyAttribute/></xs:complexType></xs:element>
  <xs:element name="keyed"><xs:complexType><xs:sequence><xs:element name="k" type="xs:int" maxOccurs="9"/></xs:sequence></xs:complexType><xs:unique name="u"><xs:selector xpath="t:k"/><xs:field xpath="."/></xs:unique></xs:element>
  <xs:element name="ids"><xs:complexType><xs:sequence><xs:element name="i" maxOccurs="9"><xs:complexType><xs:attribute name="id" type="xs:ID"/><xs:attribute name="to" type="xs:IDREF"/></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
</xs:choice></xs:complexType></xs:element>
<xs:complexType name="Base"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="Wider"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Animal" abstract="true"/><xs:complexType name="Dog"><xs:complexContent><xs:extension base="t:Animal"/></xs:complexContent></xs:complexType>
<xs:element name="Head" type="xs:int" abstract="true"/><xs:element name="Tail" type="xs:int" substitutionGroup="t:Head"/>
<xs:element name="Session" type="xs:int"/>
</xs:schema></w:types>
<w:message name="In"><w:part name="p" element="t:Go"/></w:message>
<w:portType name="P"><w:operation name="Go"><w:input message="t:In"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding/><w:operation name="Go"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://h/"/></w:port></w:service></w:definitions>`

func everyKindService(t testing.TB, wsdl string) *Service {
	t.Helper()
	return everyKindContract(t, wsdl).Services[0]
}

func everyKindContract(t testing.TB, wsdl string) *Contract {
	t.Helper()
	c, err := Load(fstest.MapFS{"a.wsdl": {Data: []byte(wsdl)}}, "a.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wrapped puts a passage into the Body's element.
func wrapped(body string) []byte {
	return []byte(`<e:Envelope xmlns:e="` + nsEnv11 + `" xmlns:t="urn:t" xmlns="urn:t" xmlns:i="` + nsXSI + `"><e:Body><t:Go>` + body + `</t:Go></e:Body></e:Envelope>`)
}

// TestExplainEveryKind: want is empty for what is valid; else each fault's path
// below Go, message, found and expected.
func TestExplainEveryKind(t *testing.T) {
	s := everyKindService(t, everyKind)
	for _, tt := range everyKindTests {
		t.Run(tt.body, func(t *testing.T) {
			details, _, err := s.Validate(wrapped(tt.body), 0)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range details {
				got = append(got, strings.TrimPrefix(d.Path, "/e:Envelope/e:Body/t:Go")+": "+d.Message+"; "+cmp.Or(d.Found, "-")+"; "+cmp.Or(d.Expected, "-"))
			}
			if said := strings.Join(got, " | "); said != tt.want {
				t.Errorf("got  %s\nwant %s", said, tt.want)
			}
		})
	}
}

var everyKindTests = []struct{ body, want string }{
	{`<choice><a>1</a></choice>`, ""},
	{`<choice><b>1</b><c>1</c></choice>`, ""},
	{`<choice/>`,
		`/choice: a required element is missing; the end of choice; one of a, b`},
	{`<choice><b>1</b></choice>`,
		`/choice: a required element is missing; the end of choice; c, a whole number, from -2147483648 to 2147483647`},
	{`<choice><a>1</a><b>1</b></choice>`,
		`/choice/b: only one of a and b may stand here; <b>; one of them`},
	{`<choice><c>1</c></choice>`,
		`/choice: a required element is missing; <c>; b, a whole number, from -2147483648 to 2147483647`},
	{`<all><b>1</b><a>1</a></all>`, ""},
	{`<all><c>1</c><b>1</b><a>1</a></all>`, ""},
	{`<all><c>1</c></all>`,
		`/all: a required element is missing; the end of all; a, a whole number, from -2147483648 to 2147483647 | /all: a required element is missing; the end of all; b, a whole number, from -2147483648 to 2147483647`},
	{`<all><a>1</a><b>1</b><a>1</a></all>`,
		`/all/a[2]: the element occurs twice; <a>; c, or the end of all`},
	{`<twice><a>1</a><a>2</a></twice>`, ""},
	{`<twice><a>1</a></twice>`,
		`/twice: a required element is missing; the end of twice; a, a whole number, from -2147483648 to 2147483647`},
	{`<twice><a>1</a><a>2</a><a>3</a><a>x</a></twice>`,
		`/twice/a[4]: the element occurs more than 3 times; <a>; the end of twice | /twice/a[4]: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
	{`<strict><Tail>1</Tail></strict>`, ""},
	{`<strict><Tail>x</Tail></strict>`,
		`/strict/Tail: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
	{`<strict><Unknown/></strict>`,
		`/strict/Unknown: the contract does not declare this element; {urn:t}Unknown; an element that the contract declares`},
	{`<strict/>`,
		`/strict: a required element is missing; the end of strict; any element`},
	{`<other><x xmlns="urn:x"/></other>`, ""},
	{`<other><x/></other>`,
		`/other: a required element is missing; the end of other; any element | /other/x: the element is not known here; <x>; the end of other`},
	{`<head><Tail>1</Tail></head>`, ""},
	{`<head><Tail>x</Tail></head>`,
		`/head/Tail: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
	{`<head><Head>1</Head></head>`,
		`/head/Head: the element is abstract; Head; Tail`},
	{`<base><a>1</a></base>`, ""},
	{`<base i:type="t:Wider"><a>1</a><b>2</b></base>`, ""},
	{`<base i:type="t:Wider"><a>1</a></base>`,
		`/base: a required element is missing; the end of base; b, a whole number, from -2147483648 to 2147483647`},
	{`<base i:type="t:Dog"><a>1</a></base>`,
		`/base: xsi:type does not name a type that may stand here; "t:Dog"; {urn:t}Base, {urn:t}Wider`},
	{`<animal i:type="t:Dog"/>`, ""},
	{`<animal/>`,
		`/animal: the element's type is abstract; xsi:type must name one derived from it; animal of type {urn:t}Animal; {urn:t}Dog`},
	{`<nillable i:nil="true"/>`, ""},
	{`<nillable i:nil="1">1</nillable>`,
		`/nillable: the element is nil and is not empty; "1"; an empty element`},
	{`<nillable/>`,
		`/nillable: the value is empty; ""; a whole number, from -2147483648 to 2147483647, or xsi:nil="true" on the element`},
	{`<nillable i:nil="false">x</nillable>`,
		`/nillable: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
	{`<nillable i:nil="maybe">1</nillable>`,
		`/nillable: xsi:nil is neither true nor false; xsi:nil="maybe"; true or false`},
	{`<fixed>yes</fixed>`, ""},
	{`<fixed/>`, ""},
	{`<fixed>no</fixed>`,
		`/fixed: the value is not the fixed one; "no"; "yes"`},
	{`<default/>`, ""},
	{`<default>x</default>`,
		`/default: the value is not a number; "x"; a whole number, from -2147483648 to 2147483647`},
	{`<mixed>text <a>1</a> text</mixed>`, ""},
	{`<mixed>text</mixed>`,
		`/mixed: a required element is missing; the end of mixed; a, a whole number, from -2147483648 to 2147483647`},
	{`<empty/>`, ""},
	{`<empty> </empty>`,
		`/empty: no text is allowed here; " "; an empty element`},
	{`<empty><a/></empty>`,
		`/empty/a: no element is allowed here; <a>; an empty element`},
	{`<list>1 2  3</list>`, ""},
	{`<list>1 x</list>`,
		`/list: the value has an item "x" that is not a number; "1 x"; a list, each item a whole number, from -2147483648 to 2147483647`},
	{`<open a="1" t:b="2"/>`,
		`/open: the attribute is not known here; a; an attribute that the contract declares`},
	{`<keyed><k>1</k><k>2</k></keyed>`, ""},
	{`<keyed><k>1</k><k>01</k></keyed>`,
		`/keyed/k[2]: the element repeats a key: its value must be unique there; "01"; a value that no other k has`},
	{`<keyed><k>1</k><k>2</k><k>1</k></keyed>`,
		`/keyed/k[3]: the element repeats a key: its value must be unique there; "1"; a value that no other k has; the one at line 1, column 168 has it`},
	{`<ids><i id="a"/><i to="a"/></ids>`, ""},
	{`<ids><i id="a"/><i id="a"/></ids>`,
		`/ids/i[2]: the id is taken: it must be unique in the message; "a"; an id that no other element has; the one at line 1, column 166 has it`},
	{`<ids><i to="b"/></ids>`,
		`/ids/i: the reference leads nowhere: no element of the message has this id; "b"; the id of an element of the message`},
	{`<choice><a>1</a></choice>text`,
		`: text is not allowed between elements; "text"; the elements t:choice, t:all, t:twice, t:strict, t:other, t:head, t:base, t:animal, t:nillable, t:fixed, t:default, t:mixed and 5 more`},
}

// TestHeaderBlocks: a block that the contract declares is checked, another is
// not.
func TestHeaderBlocks(t *testing.T) {
	s := everyKindService(t, everyKind)
	for header, faults := range map[string]int{
		`<t:Session>1</t:Session>`:                   0,
		`<t:Session>x</t:Session>`:                   1,
		`<t:Unknown/><u:Session xmlns:u="urn:u"/>`:   0,
		`<t:Session>x</t:Session><t:Tail>y</t:Tail>`: 2,
	} {
		src := strings.Replace(string(wrapped(`<empty/>`)), "<e:Body>", "<e:Header>"+header+"</e:Header><e:Body>", 1)
		details, _, err := s.Validate([]byte(src), 0)
		if err != nil || len(details) != faults {
			t.Errorf("%s: error %v\n%s", header, err, lines(details))
		}
	}
}

// beyondRepair is the contract of every kind with a schema that cannot be loosened.
var beyondRepair = strings.Replace(everyKind, `<xs:complexType name="Base">`, `<xs:attributeGroup name="broken"><xs:attribute ref="t:nowhere"/></xs:attributeGroup>
<xs:complexType name="Base">`, 1)

// TestDegraded: where the schemas do not compile, the envelope and the
// operation are still checked, and broken XML is still refused.
func TestDegraded(t *testing.T) {
	s := everyKindService(t, beyondRepair)
	if want := "a.wsdl:22:34: attribute {urn:t}nowhere is not declared by any schema of the contract: add its schema, or correct the name"; s.Degraded() != want {
		t.Fatalf("degraded: %q, want %q", s.Degraded(), want)
	}
	good := string(wrapped(`<empty><not-checked/></empty>`))
	tests := []struct {
		name, from, to, want string
	}{
		{"anything in the message", "", "", ""},
		{"unknown operation", "t:Go", "t:Gone", "the service has no operation with this Body"},
		{"empty Body", `<t:Go><empty><not-checked/></empty></t:Go>`, "", "the Body is empty"},
		{"two in the Body", "</e:Body>", "<t:Go/></e:Body>", "the Body has more than one child"},
		{"no Body", "e:Body", "e:Bode", "the Envelope has no Body"},
		{"malformed", "</e:Body>", "", "error"},
		{"undeclared prefix", "<empty>", "<q:empty/><empty>", "error"},
		{"duplicate attribute", "<empty>", `<empty a="1" a="2">`, "error"},
		{"doctype", "<e:Envelope", "<!DOCTYPE a><e:Envelope", "error"},
		{"two roots", "</e:Envelope>", "</e:Envelope><a/>", "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			details, _, err := s.Validate([]byte(replaceAll(good, tt.from, tt.to)), 0)
			got := ""
			if err != nil {
				got = "error"
			} else if len(details) > 0 {
				got = details[0].Message
			}
			if got != tt.want {
				t.Errorf("got %q (%v, %v), want %q", got, details, err, tt.want)
			}
		})
	}
}

// replaceAll is strings.ReplaceAll, but that nothing is replaced by nothing.
func replaceAll(s, from, to string) string {
	if from == "" {
		return s
	}
	return strings.ReplaceAll(s, from, to)
}
