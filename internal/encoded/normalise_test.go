package encoded

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// load makes a contract of one rpc/encoded operation, book in urn:stock, from
// types and parts.
func load(t testing.TB, types, parts string) (*contract.Service, *contract.Operation) {
	t.Helper()
	const encodedBody = `<soap:body use="encoded" namespace="urn:stock" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/>`
	wsdl := `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:w="urn:stock" xmlns:t="urn:t" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" targetNamespace="urn:stock">
<types><xs:schema targetNamespace="urn:t"><xs:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/>` + types + `</xs:schema></types>
<message name="In">` + parts + `</message><message name="Out">` + parts + `</message><message name="H"><part name="session" element="t:Session"/></message>
<portType name="P"><operation name="book"><input message="w:In"/><output message="w:Out"/></operation></portType>
<binding name="B" type="w:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
<operation name="book"><soap:operation soapAction=""/><input>` + encodedBody + `<soap:header message="w:H" part="session" use="encoded"/></input><output>` + encodedBody + `</output></operation></binding>
<service name="S"><port name="P" binding="w:B"><soap:address location="http://host/"/></port></service></definitions>`
	c, err := contract.Load(fstest.MapFS{"s/s.wsdl": {Data: []byte(wsdl)}}, "s/s.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Service("S")
	if s.Degraded() != "" || s.Operations[0].Unsupported != "" {
		t.Fatal(s.Degraded(), s.Operations[0].Unsupported)
	}
	return s, s.Operations[0]
}

const stockTypes = `
<xs:element name="Session"><xs:complexType><xs:sequence><xs:element name="id" type="xs:string"/><xs:element name="who" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
<xs:complexType name="Place"><xs:all><xs:element name="site" type="xs:string"/><xs:element name="bin" type="xs:string" minOccurs="0"/><xs:element name="note" type="xs:string" nillable="true"/></xs:all></xs:complexType>
<xs:complexType name="Move"><xs:sequence><xs:element name="sku" type="enc:string"/><xs:element name="quantity" type="xs:decimal"/><xs:element name="at" type="t:Stand"/><xs:element name="tags" type="t:Strings" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:simpleType name="Colour"><xs:restriction base="xs:string"><xs:enumeration value="red"/></xs:restriction></xs:simpleType>
<xs:complexType name="Stand"><xs:sequence><xs:element name="site" type="xs:string"/><xs:element name="bin" type="xs:string" minOccurs="0"/><xs:element name="note" type="xs:string" nillable="true"/></xs:sequence></xs:complexType>
<xs:complexType name="Berth"><xs:complexContent><xs:extension base="t:Stand"><xs:sequence><xs:element name="gate" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Node"><xs:sequence><xs:element name="name" type="xs:string"/><xs:element name="next" type="t:Node" minOccurs="0"/><xs:element name="other" type="t:Node" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="Tagged"><xs:sequence><xs:element name="v" type="xs:string"/></xs:sequence><xs:attribute name="id" type="xs:string"/></xs:complexType>
<xs:complexType name="Moves"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="t:Move[]"/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="Stands"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="t:Stand[]"/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="Strings"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="xs:string[]"/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="Lists"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="xs:string[][]"/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="Table"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="xs:int[,]"/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="Named"><xs:complexContent><xs:restriction base="enc:Array"><xs:sequence><xs:element name="entry" type="xs:int" maxOccurs="unbounded"/></xs:sequence></xs:restriction></xs:complexContent></xs:complexType>
`

const (
	env11 = `xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="http://schemas.xmlsoap.org/soap/encoding/" xmlns:w="urn:stock" xmlns:t="urn:t"`
	env12 = `xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="http://www.w3.org/2003/05/soap-encoding" xmlns:w="urn:stock" xmlns:t="urn:t"`
)

// message puts parts of the wrapper, and what stands behind it, into an envelope.
func message(ns, parts, behind string) string {
	return `<e:Envelope ` + ns + `><e:Body><w:book>` + parts + `</w:book>` + behind + `</e:Body></e:Envelope>`
}

// literal returns the message of a literal envelope, canonical and without its
// namespace declarations.
func literal(t testing.TB, xml []byte) string {
	t.Helper()
	tree, err := document.Read(xml)
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	defer tree.Release()
	space := tree.Root().Name().Space
	return canonical(tree.Root().Child(document.Name{Space: space, Local: "Body"}).FirstChild())
}

func canonical(n document.Node) string {
	return string(document.AppendCanonical(nil, n))
}

func canonicalOf(t testing.TB, xml string) string {
	t.Helper()
	tree, err := document.Read([]byte(xml))
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	defer tree.Release()
	return canonical(tree.Root())
}

func TestNormalise(t *testing.T) {
	tests := []struct {
		name, part, in, want string
		behind, behind12     string // the wrapper
		in12                 string // empty: the same with SOAP 1.2
	}{
		{name: "simple", part: "xs:string", in: `<p i:type="x:string"> a &lt; b </p>`, want: `<p> a &lt; b </p>`},
		{name: "nothing said", part: "t:Stand", in: `<p><site>H</site><note/></p>`, want: `<p><site>H</site><note/></p>`},
		{name: "twin", part: "xs:string", in: `<p i:type="c:string">a</p>`, want: `<p>a</p>`},
		{name: "twin declared", part: "enc:string", in: `<p i:type="x:string">a</p>`, want: `<p>a</p>`},
		{name: "twin of both", part: "enc:int", in: `<p i:type="c:int">1</p>`, want: `<p>1</p>`},
		{name: "draft", part: "xs:dateTime", in: `<p xmlns:x="http://www.w3.org/1999/XMLSchema" xmlns:i="http://www.w3.org/1999/XMLSchema-instance" i:type="x:timeInstant">2026-03-02T09:30:00Z</p>`, want: `<p>2026-03-02T09:30:00Z</p>`},
		{name: "draft of 2000", part: "xs:anyURI", in: `<p xmlns:x="http://www.w3.org/2000/10/XMLSchema" xmlns:i="http://www.w3.org/2000/10/XMLSchema-instance" i:type="x:uriReference">urn:a</p>`, want: `<p>urn:a</p>`},
		{name: "guessed", part: "xs:decimal", in: `<p i:type="x:float">12.50</p>`, want: `<p>12.50</p>`},
		{name: "guessed closely", part: "xs:decimal", in: `<p i:type="x:int">12</p>`, want: `<p>12</p>`},
		{name: "derived simple", part: "xs:string", in: `<p i:type="t:Colour">red</p>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t" i:type="t:Colour">red</p>`},
		{name: "any simple", part: "xs:anySimpleType", in: `<p i:type="x:int">1</p>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:int">1</p>`},
		{name: "derived", part: "t:Stand", in: `<p i:type="t:Berth"><gate>4</gate><note/><site>H</site></p>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t" i:type="t:Berth"><site>H</site><note/><gate>4</gate></p>`},
		{name: "any order", part: "t:Move", in: `<p><at><note>n</note><site>H</site></at><quantity>1</quantity><sku>A</sku></p>`, want: `<p><sku>A</sku><quantity>1</quantity><at><site>H</site><note>n</note></at></p>`},
		{name: "nil", part: "t:Stand", in: `<p><site>H</site><note i:nil="1"/></p>`, want: `<p><site>H</site><note xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></p>`},
		{name: "null", part: "t:Stand", in: `<p xmlns:n="http://www.w3.org/1999/XMLSchema-instance"><site>H</site><note n:null="1"/></p>`, want: `<p><site>H</site><note xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></p>`},
		{name: "not nil", part: "t:Stand", in: `<p><site i:nil="false">H</site><note i:nil="0">n</note></p>`, want: `<p><site>H</site><note>n</note></p>`},
		{name: "nil that may be left out", part: "t:Stand", in: `<p><site>H</site><bin i:type="x:string" i:nil="true"/><note/></p>`, want: `<p><site>H</site><note/></p>`},
		{name: "nil part", part: "t:Stand", in: `<p i:nil="true"/>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>`},
		{name: "default namespace", part: "t:Stand", in: `<p xmlns="urn:stock"><note/><site>H</site></p>`, want: `<p><site>H</site><note/></p>`},
		{name: "qualified by the wrapper", part: "t:Stand", in: `<w:p><w:note/><w:site>H</w:site></w:p>`, want: `<p><site>H</site><note/></p>`},
		{name: "qualified by the type", part: "t:Stand", in: `<p><t:note/><t:site>H</t:site></p>`, want: `<p><site>H</site><note/></p>`},
		{name: "encodingStyle", part: "xs:string", in: `<p e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">a</p>`, want: `<p>a</p>`},
		{name: "inner id", part: "t:Node", in: `<p id="a"><name>1</name><next id="b"><name>2</name></next><other href="#b"/></p>`, want: `<p><name>1</name><next><name>2</name></next><other><name>2</name></other></p>`},
		{name: "attribute of the contract", part: "t:Tagged", in: `<p id="mine"><v>a</v></p>`, want: `<p id="mine"><v>a</v></p>`},
		{name: "array", part: "t:Strings", in: `<p i:type="c:Array" c:arrayType="x:string[2]"><any>a</any><any>b</any></p>`, in12: `<p i:type="c:Array" c:itemType="x:string" c:arraySize="2"><any>a</any><any>b</any></p>`, want: `<p><item>a</item><item>b</item></p>`},
		{name: "array of its own type", part: "t:Strings", in: `<p i:type="t:Strings"><item i:type="x:string">a</item></p>`, want: `<p><item>a</item></p>`},
		{name: "array without a size", part: "t:Strings", in: `<p c:arrayType="x:string[]"><item>a</item></p>`, in12: `<p c:itemType="x:string" c:arraySize="*"><item>a</item></p>`, want: `<p><item>a</item></p>`},
		{name: "array of anything", part: "t:Strings", in: `<p c:arrayType="x:anyType[1]"><item i:type="x:string">a</item></p>`, want: `<p><item>a</item></p>`},
		{name: "array of structs", part: "t:Stands", in: `<p c:arrayType="c:Struct[1]"><item i:type="c:Struct"><note/><site>H</site></item></p>`, want: `<p><item><site>H</site><note/></item></p>`},
		{name: "array of derived members", part: "t:Stands", in: `<p c:arrayType="t:Berth[1]"><item><gate>1</gate><site>H</site><note/></item></p>`, in12: `<p c:itemType="t:Berth" c:arraySize="1"><item><gate>1</gate><site>H</site><note/></item></p>`, want: `<p><item xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t" i:type="t:Berth"><site>H</site><note/><gate>1</gate></item></p>`},
		{name: "array whose members are named", part: "t:Named", in: `<p><item>1</item><p>2</p></p>`, want: `<p><entry>1</entry><entry>2</entry></p>`},
		{name: "empty array", part: "t:Strings", in: `<p c:arrayType="x:string[0]"/>`, want: `<p/>`},
		{name: "nil array", part: "t:Move", in: `<p><sku>A</sku><quantity>1</quantity><at><site>H</site><note/></at><tags i:type="c:Array" i:nil="true"/></p>`, want: `<p><sku>A</sku><quantity>1</quantity><at><site>H</site><note/></at></p>`},
		{name: "array of nil", part: "t:Strings", in: `<p><item i:nil="true"/></p>`, want: `<p><item xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></p>`},
		{name: "nested array", part: "t:Lists", in: `<p i:type="c:Array" c:arrayType="x:string[][2]"><item i:type="c:Array" c:arrayType="x:string[2]"><item>a</item><item>b</item></item><item c:arrayType="x:string[0]"/></p>`,
			in12: `<p c:itemType="c:Array" c:arraySize="2"><item c:itemType="x:string" c:arraySize="2"><item>a</item><item>b</item></item><item c:itemType="x:string" c:arraySize="0"/></p>`, want: `<p><item><item>a</item><item>b</item></item><item/></p>`},
		{name: "table", part: "t:Table", in: `<p i:type="c:Array" c:arrayType="x:int[2,3]"><i>1</i><i>2</i><i>3</i><i c:position="[1,0]">4</i><i>5</i><i c:position="[1, 2]">6</i></p>`,
			in12: `<p c:itemType="x:int" c:arraySize="2 3"><i>1</i><i>2</i><i>3</i><i>4</i><i>5</i><i>6</i></p>`, want: `<p><item><item>1</item><item>2</item><item>3</item></item><item><item>4</item><item>5</item><item>6</item></item></p>`},
		{name: "empty table", part: "t:Table", in: `<p c:arrayType="x:int[0,3]"/>`, in12: `<p c:itemType="x:int" c:arraySize="0 3"/>`, want: `<p/>`},
		{name: "offset of nothing", part: "t:Strings", in: `<p c:arrayType="x:string[1]" c:offset="[0]"><item c:position="[0]">a</item></p>`, want: `<p><item>a</item></p>`, in12: `<p c:itemType="x:string"><item>a</item></p>`},
		{name: "anything: a value", part: "xs:anyType", in: `<p i:type="x:int">1</p>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:int">1</p>`},
		{name: "anything: of a type", part: "xs:anyType", in: `<p i:type="t:Stand"><note/><site>H</site></p>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t" i:type="t:Stand"><site>H</site><note/></p>`},
		{name: "anything: an array", part: "xs:anyType", in: `<p i:type="c:Array" c:arrayType="x:ur-type[2]"><item i:type="c:int">1</item><other>b</other></p>`, in12: `<p i:type="c:Array" c:itemType="x:anyType" c:arraySize="2"><item i:type="x:int">1</item><other>b</other></p>`,
			want: `<p><item xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:int">1</item><other>b</other></p>`},
		{name: "anything: a typed array", part: "xs:anyType", in: `<p c:arrayType="x:int[1]"><item>1</item></p>`, in12: `<p c:itemType="x:int"><item>1</item></p>`, want: `<p><item xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:int">1</item></p>`},
		{name: "anything: a map", part: "xs:anyType", in: `<p xmlns:m="http://xml.apache.org/xml-soap" i:type="m:Map"><item><key i:type="x:string">k</key><value>v</value></item></p>`,
			want: `<p><item><key xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" i:type="x:string">k</key><value>v</value></item></p>`},
		{name: "anything: references within", part: "xs:anyType", in: `<p><a id="1"><b>x</b></a><c href="#1"/></p>`, want: `<p><a><b>x</b></a><c><b>x</b></c></p>`},
		{name: "qualified name", part: "xs:QName", in: `<p xmlns:z="urn:z">z:a</p>`, want: `<p xmlns:q1="urn:z">q1:a</p>`},
		{name: "qualified name by the default namespace", part: "xs:QName", in: `<w:p xmlns="urn:z">a</w:p>`, want: `<p xmlns:q1="urn:z">q1:a</p>`},
		{name: "qualified name elsewhere", part: "xs:QName", in: `<p href="#q"/>`, behind: `<m id="q" xmlns:z="urn:z">z:a</m>`, want: `<p xmlns:q1="urn:z">q1:a</p>`},
		{name: "independent", part: "t:Move", in: `<p href="#m"/>`, behind: `<multiRef id="m" c:root="0" i:type="t:Move"><quantity href="#q"/><at href="#a"/><sku i:type="c:string">A</sku></multiRef><multiRef id="a" i:type="t:Stand"><site>H</site><note/></multiRef><multiRef id="q" i:type="c:decimal">3</multiRef>`,
			behind12: `<multiRef c:id="m" i:type="t:Move"><quantity c:ref="q"/><at c:ref="#a"/><sku i:type="x:string">A</sku></multiRef><multiRef id="a" i:type="t:Stand"><site>H</site><note/></multiRef><multiRef c:id="q">3</multiRef>`,
			want:     `<p><sku>A</sku><quantity>3</quantity><at><site>H</site><note/></at></p>`},
		{name: "type said by the accessor", part: "t:Stand", in: `<p href="#m" i:type="t:Berth"/>`, behind: `<m id="m"><gate>1</gate><site>H</site><note/></m>`, want: `<p xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t" i:type="t:Berth"><site>H</site><note/><gate>1</gate></p>`},
		{name: "reference to nil that may be left out", part: "t:Stand", in: `<p><site>H</site><note/><bin href="#n"/></p>`, behind: `<m id="n" i:nil="true"/>`, want: `<p><site>H</site><note/></p>`},
		{name: "a class of Perl", part: "t:Stand", in: `<p xmlns:n="http://namespaces.soaplite.com/perl" i:type="n:Stand"><site>H</site><note/></p>`, want: `<p><site>H</site><note/></p>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, op := load(t, stockTypes, `<part name="p" type="`+tt.part+`"/>`)
			want := canonicalOf(t, `<w:book xmlns:w="urn:stock">`+tt.want+`</w:book>`)
			in12, behind12 := tt.in12, tt.behind12
			if in12 == "" {
				in12 = tt.in
			}
			if behind12 == "" {
				behind12 = tt.behind
			}
			for _, src := range []string{message(env11, tt.in, tt.behind), message(env12, in12, behind12)} {
				d, err := Normalise(s, op, []byte(src), 0)
				if err != nil {
					t.Fatalf("%v\n%s", err, src)
				}
				if got := literal(t, d.XML); got != want {
					t.Errorf("of %s\ngot  %s\nwant %s", src, got, want)
				}
				if details, _, err := s.Validate(d.XML, 0); err != nil || len(details) > 0 {
					t.Errorf("not valid: %v %v\n%s", details, err, d.XML)
				}
				stays(t, s, op, d.XML)
			}
		})
	}
}

// stays checks that what is normalised is so.
func stays(t *testing.T, s *contract.Service, op *contract.Operation, xml []byte) {
	t.Helper()
	again, err := Normalise(s, op, xml, 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	if string(again.XML) != string(xml) {
		t.Errorf("again\n%s\n%s", xml, again.XML)
	}
}

// detailsOf returns the details of a refusal.
func detailsOf(t *testing.T, err error, code fault.Code) []fault.Detail {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	return f.Details
}

func TestNormaliseRefuses(t *testing.T) {
	tests := []struct{ name, part, in, behind, at, says string }{
		{"dangling", "xs:string", `<p href="#x"/>`, "", `<p href`, "no element has the id"},
		{"outside", "xs:string", `<p href="http://host/x"/>`, "", `<p href`, "leads out of the message"},
		{"an attachment", "xs:string", `<p href="cid:x"/>`, "", `<p href`, "leads out of the message"},
		{"an empty reference", "xs:string", `<p href=""/>`, "", `<p href`, "leads out of the message"},
		{"with content", "xs:string", `<p href="#x">a</p>`, `<m id="x">a</m>`, `<p href`, "has content of its own"},
		{"itself", "t:Node", `<p id="a"><name>1</name><next href="#a"/></p>`, "", `<next`, "leads back"},
		{"a cycle", "t:Node", `<p href="#a"/>`, `<m id="a"><name>1</name><next href="#b"/></m><m id="b"><name>1</name><next href="#a"/></m>`, `<next href="#a"`, "leads back"},
		{"references to references", "xs:string", `<p href="#a"/>`, `<m id="a" href="#b"/><m id="b" href="#a"/>`, `<p href`, "from one reference to the next"},
		{"two equal ids", "xs:string", `<p href="#a"/>`, `<m id="a">1</m><n id="a">2</n>`, `<n id`, "another element has this id"},
		{"left over", "xs:string", `<p>a</p>`, `<m id="a">1</m>`, `<m id`, "nothing in the message refers"},
		{"two messages", "xs:string", `<p>a</p>`, `<w:book><p>b</p></w:book>`, `<w:book><p>b`, "nothing in the message refers"},
		{"two roots", "xs:string", `<p href="#a"/>`, `<m id="a" c:root="1">1</m>`, `<m id`, "more than one root"},
		{"unbound type", "xs:string", `<p i:type="z:string">a</p>`, "", `<p i`, "prefix is declared"},
		{"no name of a type", "xs:string", `<p i:type="">a</p>`, "", `<p i`, "prefix is declared"},
		{"unknown type", "xs:string", `<p i:type="x:strong">a</p>`, "", `<p i`, "does not name a type"},
		{"another type", "t:Stand", `<p i:type="t:Node"><name/></p>`, "", `<p i`, "does not name a type"},
		{"a struct for a value", "xs:string", `<p i:type="c:Struct"/>`, "", `<p i`, "does not name a type"},
		{"a map for a struct", "t:Stand", `<p xmlns:m="http://xml.apache.org/xml-soap" i:type="m:Map"/>`, "", `<p x`, "does not name a type"},
		{"an array for a struct", "t:Stand", `<p i:type="c:Array"/>`, "", `<p i`, "does not name a type"},
		{"an array of it", "t:Stand", `<p c:arrayType="t:Stand[1]"><item/></p>`, "", `<p c`, "the contract has none"},
		{"octets for text", "xs:string", `<p i:type="x:base64Binary">Quk=</p>`, "", `<p i`, "does not name a type"},
		{"text for octets", "xs:base64Binary", `<p i:type="x:string">Quk=</p>`, "", `<p i`, "does not name a type"},
		{"members of another type", "t:Stands", `<p c:arrayType="t:Node[1]"><item><name/></item></p>`, "", `<item>`, "its members are of a type"},
		{"too few members", "t:Strings", `<p c:arrayType="x:string[3]"><item/></p>`, "", `<p c`, "another number of members"},
		{"too many members", "t:Strings", `<p c:arrayType="x:string[1]"><item/><item/></p>`, "", `<p c`, "another number of members"},
		{"many members", "t:Strings", `<p c:arrayType="x:string[99999999999]"><item/></p>`, "", `<p c`, "arrayType is not"},
		{"so many members", "t:Table", `<p c:arrayType="x:string[4294967295,4294967295]"><item/></p>`, "", `<p c`, "another number of members"},
		{"a negative number of members", "t:Strings", `<p c:arrayType="x:string[-1]"/>`, "", `<p c`, "arrayType is not"},
		{"unclosed", "t:Strings", `<p c:arrayType="x:string[1"><item/></p>`, "", `<p c`, "arrayType is not"},
		{"no brackets", "t:Strings", `<p c:arrayType="x:string"><item/></p>`, "", `<p c`, "arrayType is not"},
		{"sizes of inner arrays", "t:Lists", `<p c:arrayType="x:string[1][1]"><item/></p>`, "", `<p c`, "arrayType is not"},
		{"many dimensions", "t:Table", `<p c:arrayType="x:int[1,1,1,1,1,1,1,1,1]"><item/></p>`, "", `<p c`, "arrayType is not"},
		{"flat table", "t:Table", `<p c:arrayType="x:int[1]"><item>1</item></p>`, "", `<p c`, "another number of dimensions"},
		{"table without sizes", "t:Table", `<p c:arrayType="x:int[,]"><item>1</item></p>`, "", `<p c`, "how large"},
		{"partial", "t:Strings", `<p c:arrayType="x:string[2]" c:offset="[1]"><item>1</item></p>`, "", `<p c`, "only a part"},
		{"sparse", "t:Strings", `<p c:arrayType="x:string[9]"><item c:position="[2]">1</item></p>`, "", `<item`, "left out"},
		{"text in a struct", "t:Stand", `<p>x<site>H</site><note/></p>`, "", `<p>`, "between the parts"},
		{"text in an array", "t:Strings", `<p>x<item>H</item></p>`, "", `<p>`, "between the members"},
		{"a foreign style", "xs:string", `<p e:encodingStyle="urn:other">x</p>`, "", `<p e`, "encodingStyle is not known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, op := load(t, stockTypes, `<part name="p" type="`+tt.part+`"/>`)
			src := strings.Replace(message(env11, "\n"+tt.in, "\r\n"+tt.behind), "<e:Body>", "<e:Body>\n\n", 1)
			_, err := Normalise(s, op, []byte(src), 0)
			details := detailsOf(t, err, fault.CodeInvalid)
			d := details[0]
			if !strings.Contains(d.Message, tt.says) {
				t.Errorf("%v", err)
			}
			at := strings.Index(src, tt.at)
			line, column := positionIn(src, at)
			if d.Line != line || d.Column != column || !strings.HasPrefix(d.Path, "/e:Envelope/e:Body/") {
				t.Errorf("%v, want line %d, column %d", d, line, column)
			}
		})
	}
}

func positionIn(src string, at int) (line, column int) {
	before := strings.ReplaceAll(src[:at], "\r\n", "\n")
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndex(before, "\n")
}

// TestCredentials: what is cut before anything is kept cannot be referred to.
func TestCredentials(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="p" type="xs:string"/>`)
	const token = `<s:Security xmlns:s="` + envelope.NamespaceSecurity + `"><s:UsernameToken id="t"><s:Password id="pw">secret</s:Password></s:UsernameToken></s:Security>`
	for _, header := range []string{token, token + token, token + `<other id="o"/>`} {
		src := strings.Replace(message(env11, `<p href="#pw"/>`, ""), "<e:Body>", "<e:Header>"+header+"</e:Header><e:Body>", 1)
		_, err := Normalise(s, op, []byte(src), 0)
		if d := detailsOf(t, err, fault.CodeInvalid)[0]; !strings.Contains(d.Message, "no element has the id") {
			t.Errorf("%v", d)
		}
	}
}
