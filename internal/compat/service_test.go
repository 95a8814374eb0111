package compat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/compat"
	"github.com/gatehouse/gatehouse/internal/contract"
)

const plainSchema = `<xs:element name="In" type="xs:string"/><xs:element name="Out" type="xs:string"/><xs:element name="Broken" type="xs:string"/>`

// TestServices changes what a WSDL says around its schemas.
func TestServices(t *testing.T) {
	const soap12 = `<w:binding name="B12" type="t:P"><s12:binding xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
	  <w:operation name="Do"><s12:operation xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" soapAction="urn:do"/><w:input><s12:body xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" use="literal"/></w:input><w:output><s12:body xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" use="literal"/></w:output></w:operation></w:binding><w:service name="S">
	  <w:port name="Port12" binding="t:B12"><s12:address xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" location="http://localhost/12"/></w:port>`
	tests := []struct {
		name     string
		from, to string // what is replaced in the WSDL
		want     string
		back     string
	}{
		{"soapAction", `soapAction="urn:do"`, `soapAction="urn:did"`, "breaking action-changed", "breaking action-changed"},
		{"address", `http://localhost/`, `http://elsewhere/`, "notice address-changed", "notice address-changed"},
		{"port's name", `<w:port name="Port"`, `<w:port name="Port1"`, "notice port-renamed", "notice port-renamed"},
		{"port", `<w:service name="S">`, `<w:service name="S"><w:port name="Port2" binding="t:B"><s:address location="http://localhost/2"/></w:port>`,
			"harmless port-added", "breaking port-removed"},
		{"SOAP version", `<w:service name="S">`, soap12, "harmless port-added; harmless soap-version-added", "breaking port-removed; breaking soap-version-removed"},
		{"service's name", `<w:service name="S">`, `<w:service name="T">`, "breaking service-renamed", "breaking service-renamed"},
		{"service", `<w:service name="S">`, `<w:service name="T"><w:port name="T" binding="t:B"><s:address location="http://localhost/t"/></w:port></w:service><w:service name="S">`,
			"harmless service-added", "breaking service-removed"},
		{"operation", `<w:operation name="Do"><w:input message="t:in"/>`, `<w:operation name="More"><w:input message="t:out"/></w:operation><w:operation name="Do"><w:input message="t:in"/>`,
			"harmless operation-added", "breaking operation-removed"},
		{"answer", `<w:input message="t:in"/><w:output message="t:out"/>`, `<w:input message="t:in"/>`, "breaking one-way; notice wsa", "breaking answered; notice wsa"},
		{"fault", `<w:fault name="broken" message="t:broken"/>`, ``, "harmless fault-removed", "breaking fault-added"},
		{"fault's name", `<w:fault name="broken" message="t:broken"/>`, `<w:fault name="fault" message="t:broken"/>`, "", ""},
		{"element of the message", `<w:part name="p" element="t:In"/>`, `<w:part name="p" element="t:Broken"/>`, "breaking message-element /test:Broken; notice style", "breaking message-element /test:In; notice style"},
		{"style", `<s:binding style="document"`, `<s:binding style="rpc"`, "style", "style"},
		{"header", `<w:input><s:body use="literal"/>`, `<w:input><s:header message="t:broken" part="p" use="literal"/><s:body use="literal"/>`,
			"notice header-added /test:Broken", "notice header-removed /test:Broken"},
		{"degraded", `<xs:element name="In" type="xs:string"/>`, `<xs:element name="In" type="xs:string"/><xs:attributeGroup name="bad"><xs:attribute ref="t:nowhere"/></xs:attributeGroup>`,
			"notice degraded", "notice checked"},
	}
	more := func(text string) string { // the binding of an operation that some have
		return strings.Replace(text, `<w:operation name="Do"><s:operation`, `<w:operation name="More"><s:operation soapAction="urn:more"/><w:input><s:body use="literal"/></w:input></w:operation><w:operation name="Do"><s:operation`, 1)
	}
	base := fmt.Sprintf(wsdlText, plainSchema)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(base, tt.from) {
				t.Fatalf("%q is not there", tt.from)
			}
			changed := strings.Replace(base, tt.from, tt.to, 1)
			if tt.name == "operation" {
				changed = more(changed)
			}
			for _, one := range []struct{ old, new, want string }{{base, changed, tt.want}, {changed, base, tt.back}} {
				r := compat.Compare(load(t, one.old), load(t, one.new))
				got := strings.Join(brief(r), "; ")
				if strings.HasSuffix(one.want, "wsa") || strings.Contains(one.want, "style") { // the heart of it
					heart, _, _ := strings.Cut(one.want, ";")
					if !strings.Contains(got, heart) || !r.Breaks() {
						t.Errorf("got %s, want %s", got, heart)
					}
					continue
				}
				if got != sorted(one.want) {
					t.Errorf("got %s, want %s", got, one.want)
				}
			}
		})
	}
}

// TestSame: whatever is only written in another way is no change.
func TestSame(t *testing.T) {
	const start = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">`
	files := func(texts ...string) fstest.MapFS {
		out := fstest.MapFS{}
		for i, text := range texts {
			out[string(rune('a'+i))+".xsd"] = &fstest.MapFile{Data: []byte(text)}
		}
		return out
	}
	one := files(start + `
	 <xs:element name="a"><xs:complexType><xs:sequence>
	  <xs:element name="b" type="t:B"/><xs:element name="c" type="xs:int" minOccurs="0"/><xs:element name="d" type="t:E"/>
	  <xs:choice><xs:element name="x" type="xs:string"/><xs:element name="y" type="xs:string"/></xs:choice></xs:sequence>
	  <xs:attribute name="k" type="t:E"/><xs:attribute name="l" use="required"/><xs:anyAttribute namespace="urn:m urn:n"/></xs:complexType></xs:element>
	 <xs:complexType name="B"><xs:sequence><xs:element name="c" type="xs:int"/><xs:element ref="t:a" minOccurs="0"/></xs:sequence></xs:complexType>
	 <xs:simpleType name="E"><xs:restriction base="xs:string"><xs:enumeration value="1"/><xs:enumeration value="2"/></xs:restriction></xs:simpleType></xs:schema>`)
	variants := map[string]fstest.MapFS{
		"groups, and another order of declarations": files(start + `
		 <xs:simpleType name="E"><xs:restriction base="xs:string"><xs:enumeration value="2"/><xs:enumeration value="1"/></xs:restriction></xs:simpleType>
		 <xs:attributeGroup name="ag"><xs:attribute name="l" use="required"/><xs:attribute name="k" type="t:E"/></xs:attributeGroup>
		 <xs:group name="g"><xs:sequence><xs:element name="c" type="xs:int" minOccurs="0"/><xs:element name="d" type="t:E"/></xs:sequence></xs:group>
		 <xs:complexType name="B"><xs:sequence><xs:sequence><xs:element name="c" type="xs:int"/></xs:sequence><xs:choice minOccurs="0"><xs:element ref="t:a"/></xs:choice></xs:sequence></xs:complexType>
		 <xs:element name="a"><xs:complexType><xs:sequence><xs:element name="b" type="t:B"/><xs:group ref="t:g"/>
		  <xs:choice><xs:element name="y" type="xs:string"/><xs:element name="x" type="xs:string"/></xs:choice></xs:sequence>
		  <xs:attributeGroup ref="t:ag"/><xs:anyAttribute namespace="urn:n urn:m"/></xs:complexType></xs:element></xs:schema>`),
		"several files and other prefixes": files(`<schema xmlns="http://www.w3.org/2001/XMLSchema" xmlns:q="urn:t" targetNamespace="urn:t" elementFormDefault="qualified"><include schemaLocation="b.xsd"/>
		 <element name="a"><complexType><sequence><element name="b" type="q:B"/><element name="c" type="int" minOccurs="0" maxOccurs="1"/><element name="d" type="q:E"/>
		 <choice><element name="x" type="string"/><element name="y" type="string"/></choice></sequence><attribute name="k" type="q:E" use="optional"/><attribute name="l" use="required"/><anyAttribute namespace="urn:m urn:n"/></complexType></element></schema>`,
			`<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"  xmlns:t="urn:t" elementFormDefault="qualified">
		 <xsd:complexType name="B"><xsd:sequence><xsd:element name="c" type="xsd:int"/><xsd:element ref="t:a" minOccurs="0"/></xsd:sequence></xsd:complexType>
		 <xsd:simpleType name="E"><xsd:restriction base="xsd:string"><xsd:enumeration value="1"/><xsd:enumeration value="2"/></xsd:restriction></xsd:simpleType></xsd:schema>`),
	}
	old, err := contract.Load(one, "a.xsd")
	if err != nil || old.Degraded() != "" {
		t.Fatal(err, old)
	}
	for name, fsys := range variants {
		t.Run(name, func(t *testing.T) {
			new, err := contract.Load(fsys, "a.xsd")
			if err != nil || new.Degraded() != "" {
				t.Fatal(err, new.Degraded())
			}
			for _, r := range []*compat.Report{compat.Compare(old, new), compat.Compare(new, old)} {
				if len(r.Changes) > 0 {
					t.Errorf("%q", brief(r))
				}
			}
		})
	}
}

// TestRenamedNamespace: a namespace that is renamed is one change, whatever is
// in it, and what else has changed is found.
func TestRenamedNamespace(t *testing.T) {
	schema := complexT(`<xs:sequence>`+element("a", text)+`<xs:element name="b" type="t:U"/></xs:sequence>`) + `<xs:complexType name="U"><xs:sequence>` + element("c", text) + `</xs:sequence></xs:complexType>`
	old := fmt.Sprintf(wsdlText, sent(schema))
	new := strings.ReplaceAll(strings.Replace(old, element("c", text), element("c", text)+element("d", option), 1), `"urn:test"`, `"urn:test:2"`)
	r := compat.Compare(load(t, old), load(t, new))
	got := brief(r)
	got = slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, "action-changed") }) // wsa:Action by default
	if want := []string{"breaking namespace-changed", "harmless element-added /test:In/test:b/test:d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
