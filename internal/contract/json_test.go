package contract

import (
	"cmp"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// twins is a contract with everything that an element's JSON twin has words
// for, and what it has none for.
const twins = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:u" elementFormDefault="qualified">
<xs:element name="Far"><xs:complexType><xs:sequence><xs:element name="near" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="plain" type="xs:int"/><xs:element name="code" type="xs:QName"/><xs:attribute name="n" type="xs:string"/>
</xs:schema>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:complexType name="Loose"><xs:complexContent><xs:extension base="t:Base" xmlns:t="urn:t"><xs:sequence><xs:element name="c" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType></xs:schema>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:u="urn:u" targetNamespace="urn:t">
<xs:element name="Go"><xs:complexType><xs:sequence>
  <xs:element name="plain" type="xs:int" minOccurs="0"/>
  <xs:element ref="u:plain" minOccurs="0"/>
  <xs:element ref="u:Far" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="decimal" type="xs:decimal" minOccurs="0" maxOccurs="unbounded" nillable="true"/>
  <xs:element name="double" type="xs:double" minOccurs="0"/>
  <xs:element name="boolean" type="xs:boolean" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="string" type="xs:string" minOccurs="0"/>
  <xs:element name="bytes" type="xs:base64Binary" minOccurs="0"/>
  <xs:element name="list" minOccurs="0"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>
  <xs:element name="union" minOccurs="0"><xs:simpleType><xs:union memberTypes="xs:int xs:boolean"/></xs:simpleType></xs:element>
  <xs:element name="qname" type="xs:QName" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element ref="u:code" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="names" minOccurs="0"><xs:simpleType><xs:list itemType="xs:QName"/></xs:simpleType></xs:element>
  <xs:element name="measure" minOccurs="0" nillable="true"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal"><xs:attribute name="unit" type="xs:string" use="required"/><xs:attribute name="exact" type="xs:boolean"/><xs:attribute name="kind" type="xs:QName"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
  <xs:element name="base" type="t:Base" minOccurs="0"/>
  <xs:element ref="t:Head" minOccurs="0" maxOccurs="2"/>
  <xs:choice minOccurs="0"><xs:sequence><xs:element name="x" type="xs:int"/><xs:element name="note" type="xs:string" minOccurs="0"/></xs:sequence><xs:sequence><xs:element name="y" type="xs:int"/><xs:element name="note" type="xs:string" minOccurs="0"/></xs:sequence></xs:choice>
  <xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:choice>
  <xs:sequence minOccurs="0" maxOccurs="unbounded"><xs:element name="k" type="xs:string"/><xs:element name="v" nillable="true" type="xs:string" minOccurs="0"/></xs:sequence>
  <xs:element name="empty" minOccurs="0"><xs:complexType/></xs:element>
  <xs:element name="all" minOccurs="0"><xs:complexType><xs:all><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int" minOccurs="0"/></xs:all></xs:complexType></xs:element>
  <xs:element name="mixed" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="i" type="xs:string" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="anything" minOccurs="0"/>
  <xs:element name="open" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="i" type="xs:int" minOccurs="0"/><xs:any minOccurs="0" namespace="##other" processContents="lax"/></xs:sequence><xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
  <xs:element name="tree" type="t:Tree" minOccurs="0"/>
</xs:sequence><xs:attribute name="n" type="xs:int"/><xs:attribute ref="u:n"/></xs:complexType></xs:element>
<xs:complexType name="Base"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="Wider"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Tree"><xs:sequence><xs:element name="tree" type="t:Tree" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
<xs:element name="Head" type="xs:int" abstract="true"/><xs:element name="Tail" type="xs:int" substitutionGroup="t:Head"/><xs:element name="Tip" type="xs:int" substitutionGroup="t:Head"/>
</xs:schema></w:types>
<w:message name="In"><w:part name="p" element="t:Go"/></w:message>
<w:portType name="P"><w:operation name="Go"><w:input message="t:In"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding/><w:operation name="Go"><s:operation/><w:input><s:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://h/"/></w:port></w:service></w:definitions>`

func twinsService(t testing.TB) (*Service, *Operation) {
	t.Helper()
	s := everyKindService(t, twins)
	if s.Degraded() != "" {
		t.Fatal(s.Degraded())
	}
	return s, s.OperationNamed("Go")
}

// TestTwins: JSON, the content of the root that it means, without line breaks,
// and the JSON that this is written as, where it is another.
func TestTwins(t *testing.T) {
	s, op := twinsService(t)
	tests := []struct{ name, src, xml, back string }{
		{"nothing", `{}`, ``, ``},
		{"order of the contract", `{"string":"s","plain":1}`, `<plain xmlns="">1</plain><string xmlns="">s</string>`, `{"plain":1,"string":"s"}`},
		{"other namespace", `{"Far":{"near":"x"}}`, `<Far xmlns="urn:u"><near>x</near></Far>`, `{"Far":[{"near":"x"}]}`},
		{"same local name", `{"{urn:u}plain":2,"plain":1}`, `<plain xmlns="">1</plain><plain xmlns="urn:u">2</plain>`, `{"plain":1,"{urn:u}plain":2}`},
		{"Clark notation for any", `{"{}plain":1,"{urn:u}Far":[]}`, `<plain xmlns="">1</plain>`, `{"plain":1}`},
		{"digits kept", `{"decimal":[1.50,-0,100000000000000000000000001,0.10]}`, `<decimal xmlns="">1.50</decimal><decimal xmlns="">-0</decimal><decimal xmlns="">100000000000000000000000001</decimal><decimal xmlns="">0.10</decimal>`, ``},
		{"exponents written out", `{"decimal":[1.25e2,125E-2,1e-3,-1.0e+1,0e999999999]}`, `<decimal xmlns="">125</decimal><decimal xmlns="">1.25</decimal><decimal xmlns="">0.001</decimal><decimal xmlns="">-10</decimal><decimal xmlns="">0</decimal>`, `{"decimal":[125,1.25,0.001,-10,0]}`},
		{"exponents of doubles stay", `{"double":-1.5e300}`, `<double xmlns="">-1.5e300</double>`, ``},
		{"double that is no number", `{"double":"-INF"}`, `<double xmlns="">-INF</double>`, ``},
		{"number as a string", `{"decimal":["1.5","+5","007"]}`, `<decimal xmlns="">1.5</decimal><decimal xmlns="">+5</decimal><decimal xmlns="">007</decimal>`, `{"decimal":[1.5,"+5","007"]}`},
		{"booleans", `{"boolean":[true,false,"true","1"]}`, `<boolean xmlns="">true</boolean><boolean xmlns="">false</boolean><boolean xmlns="">true</boolean><boolean xmlns="">1</boolean>`, `{"boolean":[true,false,true,"1"]}`},
		{"one of several", `{"decimal":1}`, `<decimal xmlns="">1</decimal>`, `{"decimal":[1]}`},
		{"none of several", `{"decimal":[]}`, ``, `{}`},
		{"nil", `{"decimal":[1,null]}`, `<decimal xmlns="">1</decimal><decimal xmlns="" xsi:nil="true"></decimal>`, ``},
		{"characters", `{"string":"<&>\"'\\\/\t\n\r\u00e9\ud83d\ude00]]>"}`, `<string xmlns="">&lt;&amp;&gt;"'\/&#9;&#10;&#13;é😀]]&gt;</string>`, `{"string":"<&>\"'\\/\t\n\ré😀]]>"}`},
		{"characters in an attribute", `{"measure":{"@unit":"<\"\t\n>'&","$value":1}}`, `<measure xmlns="" unit="&lt;&#34;&#9;&#10;&gt;'&amp;">1</measure>`, `{"measure":{"@unit":"<\"\t\n>'&","$value":1}}`},
		{"escaped keys", `{"pl\u0061in":1,"@\u006e":2}`, `<plain xmlns="">1</plain>`, `{"@n":2,"plain":1}`},
		{"bytes", `{"bytes":"AQID"}`, `<bytes xmlns="">AQID</bytes>`, ``},
		{"list", `{"list":"1 2 3"}`, `<list xmlns="">1 2 3</list>`, ``},
		{"union", `{"union":5}`, `<union xmlns="">5</union>`, `{"union":"5"}`},
		{"union with an exponent", `{"union":1e1}`, `<union xmlns="">10</union>`, `{"union":"10"}`},
		{"attributes", `{"@n":1,"@{urn:u}n":"x"}`, ``, ``},
		{"value with attributes", `{"measure":{"$value":1.50,"@unit":"kg","@exact":true}}`, `<measure xmlns="" unit="kg" exact="true">1.50</measure>`, `{"measure":{"@unit":"kg","@exact":true,"$value":1.50}}`},
		{"nil with attributes", `{"measure":{"@xsi:nil":true,"@unit":"kg"}}`, `<measure xmlns="" xsi:nil="true" unit="kg"></measure>`, ``},
		{"not nil", `{"decimal":{"@xsi:nil":false,"$value":1}}`, `<decimal xmlns="" xsi:nil="false">1</decimal>`, `{"decimal":[{"@xsi:nil":false,"$value":1}]}`},
		{"value as an object", `{"string":{"$value":"x"}}`, `<string xmlns="">x</string>`, `{"string":"x"}`},
		{"qualified names", `{"qname":["{urn:u}x","y"]}`, `<qname xmlns="" xmlns:p1="urn:u">p1:x</qname><qname xmlns="">y</qname>`, `{"qname":["{urn:u}x","{}y"]}`},
		{"qualified names beside a default namespace", `{"code":["y","{urn:t}x"]}`, `<e:code xmlns:e="urn:u" xmlns="">y</e:code><e:code xmlns:e="urn:u" xmlns="" xmlns:p1="urn:t">p1:x</e:code>`, `{"code":["{}y","{urn:t}x"]}`},
		{"qualified name in an attribute", `{"measure":{"@unit":"m","@kind":"{urn:t}k","$value":1}}`, `<measure xmlns="" unit="m" xmlns:p1="urn:t" kind="p1:k">1</measure>`, ``},
		{"derived type", `{"base":{"@xsi:type":"Wider","b":2,"a":1}}`, `<base xmlns="" xmlns:p1="urn:t" xsi:type="p1:Wider"><a>1</a><b>2</b></base>`, `{"base":{"@xsi:type":"Wider","a":1,"b":2}}`},
		{"derived type in no namespace", `{"base":{"@xsi:type":"{}Loose","c":2,"a":1}}`, `<base xmlns="" xsi:type="Loose"><a>1</a><c>2</c></base>`, `{"base":{"@xsi:type":"Loose","a":1,"c":2}}`},
		{"type of a value", `{"decimal":{"@xsi:type":"decimal","$value":1}}`, `<decimal xmlns="" xmlns:p1="http://www.w3.org/2001/XMLSchema" xsi:type="p1:decimal">1</decimal>`, `{"decimal":[{"@xsi:type":"decimal","$value":1}]}`},
		{"substitutes", `{"Tip":1,"Tail":2}`, `<Tip>1</Tip><Tail>2</Tail>`, `{"Tip":[1],"Tail":[2]}`},
		{"alternative, whatever comes first", `{"note":"n","y":1}`, `<y xmlns="">1</y><note xmlns="">n</note>`, `{"y":1,"note":"n"}`},
		{"repeated choice in the order of keys", `{"b":[1,2],"a":3}`, `<b xmlns="">1</b><b xmlns="">2</b><a xmlns="">3</a>`, `{"b":[1,2],"a":[3]}`},
		{"repeated sequence", `{"k":["1","2"],"v":["x",null]}`, `<k xmlns="">1</k><v xmlns="">x</v><k xmlns="">2</k><v xmlns="" xsi:nil="true"></v>`, ``},
		{"empty", `{"empty":{}}`, `<empty xmlns=""></empty>`, ``},
		{"all", `{"all":{"b":2,"a":1}}`, `<all xmlns=""><a>1</a><b>2</b></all>`, `{"all":{"a":1,"b":2}}`},
		{"mixed text", `{"mixed":" text "}`, `<mixed xmlns=""> text </mixed>`, ``},
		{"mixed elements", `{"mixed":{"i":["1","2"]}}`, `<mixed xmlns=""><i>1</i><i>2</i></mixed>`, ``},
		{"text of any type", `{"anything":"x"}`, `<anything xmlns="">x</anything>`, ``},
		{"wildcard unused", `{"open":{"i":1}}`, `<open xmlns=""><i>1</i></open>`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := s.FromJSON(op, []byte(tt.src), 0)
			if err != nil {
				t.Fatal(err)
			}
			if details, _, err := s.ValidatePayload(op, d.XML, 0); err != nil || len(details) > 0 {
				t.Errorf("error %v\n%s\n%s", err, lines(details), d.XML)
			}
			if got := rootContent(d.XML); got != tt.xml {
				t.Errorf("got  %s\nwant %s", got, tt.xml)
			}
			if got, want := backToJSON(t, op.Input.Element, d.XML), cmp.Or(tt.back, tt.src); got != want {
				t.Errorf("back it is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// rootContent is what stands within the root, without line breaks.
func rootContent(xml []byte) string {
	_, content, _ := strings.Cut(strings.ReplaceAll(string(xml), "\n", ""), ">")
	return content[:strings.LastIndex(content, "</")]
}

func backToJSON(t testing.TB, el *Element, xml []byte) string {
	t.Helper()
	tree, err := document.Read(xml)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	out, err := AppendJSON([]byte("before"), el, tree.Root())
	if err != nil {
		t.Error(err)
	}
	return strings.TrimPrefix(string(out), "before")
}

// TestTwinOfRoot: namespaces and attributes of the root, and inputs that are no
// objects.
func TestTwinOfRoot(t *testing.T) {
	twins, op := twinsService(t)
	values := everyKindService(t, heads)
	for _, tt := range []struct {
		s         *Service
		op        *Operation
		src, want string
	}{
		{twins, op, `{"@n":1,"@{urn:u}n":"x"}`, `<Go xmlns="urn:t" n="1" xmlns:p1="urn:u" p1:n="x"></Go>`},
		{twins, op, `{"plain":1,"decimal":null}`, `<Go xmlns="urn:t" xmlns:xsi="` + nsXSI + `">` + "\n" + `<plain xmlns="">1</plain>` + "\n" + `<decimal xmlns="" xsi:nil="true"></decimal></Go>`},
		{twins, op, ` { } `, `<Go xmlns="urn:t"></Go>`},
		{values, values.OperationNamed("Go"), ` 12 `, `<Go xmlns="urn:t">12</Go>`},
		{values, values.OperationNamed("Go"), `"12"`, `<Go xmlns="urn:t">12</Go>`},
	} {
		d, err := tt.s.FromJSON(tt.op, []byte(tt.src), 0)
		if err != nil || string(d.XML) != tt.want {
			t.Errorf("%s: error %v, got\n%s\nwant\n%s", tt.src, err, d.XML, tt.want)
		}
	}
}

// TestDocumentedOrder takes the example of docs/json.md at its word, and its
// faults.
func TestDocumentedOrder(t *testing.T) {
	s, op := submitOrder(t)
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	example, rest, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/json.md has no example")
	}
	d, err := s.FromJSON(op, []byte(example), 0)
	if err != nil {
		t.Fatal(err)
	}
	if details, _, err := s.ValidatePayload(op, d.XML, 0); err != nil || len(details) > 0 {
		t.Errorf("error %v\n%s", err, lines(details))
	}
	broken := strings.NewReplacer(`"Quantity": 1200, "Unit": "EA", "UnitPrice": 0.04`, `"Quantity": 0, "Unit": "EA", "UnitPrice": 0.04`, `"Country"`, `"Contry"`).Replace(example)
	_, err = s.FromJSON(op, []byte(broken), 0)
	if err == nil {
		t.Fatal("the broken example is accepted")
	}
	for _, one := range fault.Of(err).Details {
		if !strings.Contains(rest, "\n"+one.String()+"\n") {
			t.Errorf("docs/json.md does not say\n%s", one)
		}
	}
}
