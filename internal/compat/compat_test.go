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

// wsdlText is a contract whose one operation takes element In and answers with
// Out, or with fault Broken.
const wsdlText = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:test" xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test">
 <w:types><xs:schema targetNamespace="urn:test" elementFormDefault="qualified">
 %s
 </xs:schema></w:types>
 <w:message name="in"><w:part name="p" element="t:In"/></w:message>
 <w:message name="out"><w:part name="p" element="t:Out"/></w:message>
 <w:message name="broken"><w:part name="p" element="t:Broken"/></w:message>
 <w:portType name="P"><w:operation name="Do"><w:input message="t:in"/><w:output message="t:out"/><w:fault name="broken" message="t:broken"/></w:operation></w:portType>
 <w:binding name="B" type="t:P"><s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <w:operation name="Do"><s:operation soapAction="urn:do"/><w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output>
  <w:fault name="broken"><s:fault name="broken" use="literal"/></w:fault></w:operation></w:binding>
 <w:service name="S"><w:port name="Port" binding="t:B"><s:address location="http://localhost/"/></w:port></w:service>
</w:definitions>`

// service loads a contract of schema components.
func service(t testing.TB, schema string) *contract.Contract {
	t.Helper()
	return load(t, fmt.Sprintf(wsdlText, schema))
}

func load(t testing.TB, text string) *contract.Contract {
	t.Helper()
	c, err := contract.Load(fstest.MapFS{"a.wsdl": {Data: []byte(text)}}, "a.wsdl")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// sent puts type T into the input, received into the output.
func sent(schema string) string {
	return `<xs:element name="In" type="t:T"/><xs:element name="Out" type="xs:string"/><xs:element name="Broken" type="xs:string"/>` + schema
}

func received(schema string) string {
	return `<xs:element name="In" type="xs:string"/><xs:element name="Out" type="t:T"/><xs:element name="Broken" type="xs:string"/>` + schema
}

// brief writes a report as lines of class, kind and path.
func brief(r *compat.Report) []string {
	var out []string
	for _, c := range r.Changes {
		line := string(c.Class) + " " + c.Kind
		if c.Path != "" {
			line += " " + c.Path
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// sorted brings the parts of a list into the order of brief.
func sorted(list string) string {
	parts := strings.Split(list, "; ")
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// complexT is type T with a content model and attributes.
func complexT(content string) string {
	return `<xs:complexType name="T">` + content + `</xs:complexType>`
}

func sequenceT(particles string) string {
	return complexT(`<xs:sequence>` + particles + `</xs:sequence>`)
}

// simpleT is type T as a restriction.
func simpleT(base, facets string) string {
	return `<xs:simpleType name="T"><xs:restriction base="xs:` + base + `">` + facets + `</xs:restriction></xs:simpleType>`
}

func element(name, rest string) string { return `<xs:element name="` + name + `" ` + rest + `/>` }

const (
	text   = `type="xs:string"`
	option = `type="xs:string" minOccurs="0"`
	many   = `type="xs:string" minOccurs="0" maxOccurs="unbounded"`
)

// TestChanges makes one change of each kind, both ways, to what is sent and to
// what is received.
func TestChanges(t *testing.T) {
	ab := element("a", text) + element("b", text)
	base := `<xs:complexType name="B"><xs:sequence><xs:element name="x" type="xs:int"/></xs:sequence></xs:complexType>`
	derived := func(name, more string) string {
		return `<xs:complexType name="` + name + `"><xs:complexContent><xs:extension base="t:B"><xs:sequence>` + more + `</xs:sequence></xs:extension></xs:complexContent></xs:complexType>`
	}
	enum := func(values ...string) string {
		out := ""
		for _, v := range values {
			out += `<xs:enumeration value="` + v + `"/>`
		}
		return simpleT("token", out)
	}
	tests := []struct {
		name, old, new string
		// what is said of old → new and of new → old, for a message that is sent
		// and for one that is received
		sent, sentBack, received, receivedBack string
	}{
		{"required element", sequenceT(element("a", text)), sequenceT(ab),
			"breaking element-required /IN/test:b", "breaking element-removed /IN/test:b",
			"breaking element-required /IN/test:b", "breaking element-removed /IN/test:b"},
		{"optional element", sequenceT(element("a", text)), sequenceT(element("a", text) + element("b", option)),
			"harmless element-added /IN/test:b", "breaking element-removed /IN/test:b",
			"breaking element-added /IN/test:b", "harmless element-removed /IN/test:b"},
		{"from optional to required", sequenceT(element("a", option)), sequenceT(element("a", text)),
			"breaking element-required /IN/test:a", "harmless element-optional /IN/test:a",
			"harmless element-required /IN/test:a", "breaking element-optional /IN/test:a"},
		{"fewer times", sequenceT(element("a", many)), sequenceT(element("a", option)),
			"breaking cardinality-narrowed /IN/test:a", "harmless cardinality-widened /IN/test:a",
			"harmless cardinality-narrowed /IN/test:a", "breaking cardinality-widened /IN/test:a"},
		{"large counters", sequenceT(element("a", `type="xs:string" maxOccurs="100000"`)), sequenceT(element("a", `type="xs:string" maxOccurs="99999"`)),
			"breaking cardinality-narrowed /IN/test:a", "harmless cardinality-widened /IN/test:a",
			"harmless cardinality-narrowed /IN/test:a", "breaking cardinality-widened /IN/test:a"},
		{"renamed element", sequenceT(ab), sequenceT(element("a", text) + element("c", text)),
			"breaking element-required /IN/test:c; breaking element-removed /IN/test:b", "breaking element-required /IN/test:b; breaking element-removed /IN/test:c",
			"breaking element-required /IN/test:c; breaking element-removed /IN/test:b", "breaking element-required /IN/test:b; breaking element-removed /IN/test:c"},
		{"moved element", sequenceT(ab + element("c", text)), sequenceT(element("c", text) + ab),
			"breaking element-moved /IN/test:c", "breaking element-moved /IN/test:c", "breaking element-moved /IN/test:c", "breaking element-moved /IN/test:c"},
		{"form", sequenceT(element("a", text)), sequenceT(element("a", text+` form="unqualified"`)),
			"breaking element-namespace /IN/a", "breaking element-namespace /IN/test:a", "breaking element-namespace /IN/a", "breaking element-namespace /IN/test:a"},
		{"choice to sequence", complexT(`<xs:choice>` + ab + `</xs:choice>`), sequenceT(ab),
			"breaking element-required /IN/test:a; breaking element-required /IN/test:b; harmless content-model /IN", "breaking content-model /IN; harmless element-optional /IN/test:a; harmless element-optional /IN/test:b",
			"breaking content-model /IN; harmless element-required /IN/test:a; harmless element-required /IN/test:b", "breaking element-optional /IN/test:a; breaking element-optional /IN/test:b; harmless content-model /IN"},
		{"sequence to all", sequenceT(ab), complexT(`<xs:all>` + ab + `</xs:all>`),
			"harmless content-model /IN", "breaking content-model /IN", "breaking content-model /IN", "harmless content-model /IN"},
		{"another alternative", complexT(`<xs:choice>` + element("a", text) + `</xs:choice>`), complexT(`<xs:choice>` + ab + `</xs:choice>`),
			"harmless element-added /IN/test:b; harmless element-optional /IN/test:a", "breaking element-removed /IN/test:b; breaking element-required /IN/test:a",
			"breaking element-added /IN/test:b; breaking element-optional /IN/test:a", "harmless element-removed /IN/test:b; harmless element-required /IN/test:a"},
		{"nillable", sequenceT(element("a", text)), sequenceT(element("a", text+` nillable="true"`)),
			"harmless nillable-added /IN/test:a", "breaking nillable-removed /IN/test:a", "breaking nillable-added /IN/test:a", "harmless nillable-removed /IN/test:a"},
		{"fixed", sequenceT(element("a", text)), sequenceT(element("a", text+` fixed="1"`)),
			"breaking fixed-added /IN/test:a", "harmless fixed-removed /IN/test:a", "harmless fixed-added /IN/test:a", "breaking fixed-removed /IN/test:a"},
		{"fixed in another form", sequenceT(element("a", `type="xs:int" fixed="1"`)), sequenceT(element("a", `type="xs:int" fixed="01"`)), "", "", "", ""},
		{"default", sequenceT(element("a", text+` default="1"`)), sequenceT(element("a", text+` default="2"`)),
			"notice default-changed /IN/test:a", "notice default-changed /IN/test:a", "notice default-changed /IN/test:a", "notice default-changed /IN/test:a"},
		{"a default that made empty elements valid", sequenceT(element("a", `type="xs:int" default="1"`)), sequenceT(element("a", `type="xs:int"`)),
			"breaking default-removed /IN/test:a", "notice default-added /IN/test:a", "notice default-removed /IN/test:a", "breaking default-added /IN/test:a"},
		{"required attribute", complexT(``), complexT(`<xs:attribute name="k" use="required"/>`),
			"breaking attribute-required /IN/@k", "breaking attribute-removed /IN/@k", "breaking attribute-required /IN/@k", "breaking attribute-removed /IN/@k"},
		{"optional attribute", complexT(``), complexT(`<xs:attribute name="k"/>`),
			"harmless attribute-added /IN/@k", "breaking attribute-removed /IN/@k", "breaking attribute-added /IN/@k", "harmless attribute-removed /IN/@k"},
		{"attribute's use", complexT(`<xs:attribute name="k"/>`), complexT(`<xs:attribute name="k" use="required"/>`),
			"breaking attribute-required /IN/@k", "harmless attribute-optional /IN/@k", "harmless attribute-required /IN/@k", "breaking attribute-optional /IN/@k"},
		{"attribute's type", complexT(`<xs:attribute name="k" type="xs:int"/>`), complexT(`<xs:attribute name="k" type="xs:short"/>`),
			"breaking facet-maximum /IN/@k; breaking facet-minimum /IN/@k", "harmless facet-maximum /IN/@k; harmless facet-minimum /IN/@k",
			"harmless facet-maximum /IN/@k; harmless facet-minimum /IN/@k", "breaking facet-maximum /IN/@k; breaking facet-minimum /IN/@k"},
		{"attribute's form", complexT(`<xs:attribute name="k"/>`), complexT(`<xs:attribute name="k" form="qualified"/>`),
			"breaking attribute-namespace /IN/@test:k", "breaking attribute-namespace /IN/@k", "breaking attribute-namespace /IN/@test:k", "breaking attribute-namespace /IN/@k"},
		{"attribute fixed", complexT(`<xs:attribute name="k" type="xs:string"/>`), complexT(`<xs:attribute name="k" type="xs:string" fixed="1"/>`),
			"breaking fixed-added /IN/@k", "harmless fixed-removed /IN/@k", "harmless fixed-added /IN/@k", "breaking fixed-removed /IN/@k"},
		{"attribute's default", complexT(`<xs:attribute name="k" type="xs:string" default="1"/>`), complexT(`<xs:attribute name="k" type="xs:string"/>`),
			"notice default-removed /IN/@k", "notice default-added /IN/@k", "notice default-removed /IN/@k", "notice default-added /IN/@k"},
		{"attribute wildcard", complexT(`<xs:anyAttribute namespace="##other" processContents="lax"/>`), complexT(``),
			"breaking attribute-wildcard /IN", "harmless attribute-wildcard /IN", "harmless attribute-wildcard /IN", "breaking attribute-wildcard /IN"},
		{"attribute wildcard's namespaces", complexT(`<xs:anyAttribute namespace="urn:a urn:b"/>`), complexT(`<xs:anyAttribute namespace="urn:b"/>`),
			"breaking attribute-wildcard /IN", "harmless attribute-wildcard /IN", "harmless attribute-wildcard /IN", "breaking attribute-wildcard /IN"},
		{"value of an enumeration", enum("A", "B"), enum("A", "B", "C"),
			"harmless value-added /IN", "breaking value-removed /IN", "breaking value-added /IN", "harmless value-removed /IN"},
		{"enumeration", simpleT("token", ""), enum("A"),
			"breaking enumeration-added /IN", "harmless enumeration-dropped /IN", "harmless enumeration-added /IN", "breaking enumeration-dropped /IN"},
		{"length", simpleT("string", `<xs:maxLength value="10"/>`), simpleT("string", `<xs:maxLength value="20"/>`),
			"harmless facet-length /IN", "breaking facet-length /IN", "breaking facet-length /IN", "harmless facet-length /IN"},
		{"least length", simpleT("string", ``), simpleT("string", `<xs:minLength value="1"/>`),
			"breaking facet-length /IN", "harmless facet-length /IN", "harmless facet-length /IN", "breaking facet-length /IN"},
		{"length written in another way", simpleT("string", `<xs:length value="3"/>`), simpleT("string", `<xs:minLength value="3"/><xs:maxLength value="3"/>`), "", "", "", ""},
		{"lower end", simpleT("decimal", `<xs:minInclusive value="0"/>`), simpleT("decimal", `<xs:minExclusive value="0"/>`),
			"breaking facet-minimum /IN", "harmless facet-minimum /IN", "harmless facet-minimum /IN", "breaking facet-minimum /IN"},
		{"the same end of whole numbers", simpleT("int", `<xs:minExclusive value="0"/>`), simpleT("int", `<xs:minInclusive value="1"/>`), "", "", "", ""},
		{"upper end of dates", simpleT("date", `<xs:maxInclusive value="2030-01-01"/>`), simpleT("date", `<xs:maxInclusive value="2029-01-01"/>`),
			"breaking facet-maximum /IN", "harmless facet-maximum /IN", "harmless facet-maximum /IN", "breaking facet-maximum /IN"},
		{"digits", simpleT("decimal", `<xs:totalDigits value="5"/>`), simpleT("decimal", `<xs:totalDigits value="4"/>`),
			"breaking facet-totalDigits /IN", "harmless facet-totalDigits /IN", "harmless facet-totalDigits /IN", "breaking facet-totalDigits /IN"},
		{"digits after the point", simpleT("decimal", `<xs:fractionDigits value="2"/>`), simpleT("decimal", `<xs:fractionDigits value="4"/>`),
			"harmless facet-fractionDigits /IN", "breaking facet-fractionDigits /IN", "breaking facet-fractionDigits /IN", "harmless facet-fractionDigits /IN"},
		{"digits that say what the range says", simpleT("int", `<xs:minInclusive value="-99"/><xs:maxInclusive value="99"/>`), simpleT("int", `<xs:totalDigits value="2"/>`), "", "", "", ""},
		{"pattern", simpleT("string", `<xs:pattern value="[A-Z]+"/>`), simpleT("string", `<xs:pattern value="[A-Z]{2}"/>`),
			"breaking facet-pattern /IN", "breaking facet-pattern /IN", "breaking facet-pattern /IN", "breaking facet-pattern /IN"},
		{"another pattern besides", simpleT("string", `<xs:pattern value="[A-Z]+"/>`), simpleT("string", `<xs:pattern value="[A-Z]+"/><xs:pattern value="[0-9]+"/>`),
			"harmless facet-pattern /IN", "breaking facet-pattern /IN", "breaking facet-pattern /IN", "harmless facet-pattern /IN"},
		{"no pattern", simpleT("string", `<xs:pattern value="[A-Z]+"/>`), simpleT("string", ``),
			"harmless facet-pattern /IN", "breaking facet-pattern /IN", "breaking facet-pattern /IN", "harmless facet-pattern /IN"},
		{"type", simpleT("string", ``), simpleT("dateTime", ``),
			"breaking type-changed /IN", "harmless type-changed /IN", "harmless type-changed /IN", "breaking type-changed /IN"},
		{"numbers", simpleT("decimal", ``), simpleT("integer", ``),
			"breaking type-changed /IN", "harmless type-changed /IN", "harmless type-changed /IN", "breaking type-changed /IN"},
		{"white space", simpleT("string", ``), simpleT("token", ``), "notice facet-whiteSpace /IN", "notice facet-whiteSpace /IN", "notice facet-whiteSpace /IN", "notice facet-whiteSpace /IN"},
		{"union", `<xs:simpleType name="T"><xs:union memberTypes="xs:int xs:date"/></xs:simpleType>`, `<xs:simpleType name="T"><xs:union memberTypes="xs:int"/></xs:simpleType>`,
			"breaking type-changed /IN", "harmless type-changed /IN", "harmless type-changed /IN", "breaking type-changed /IN"},
		{"list", `<xs:simpleType name="T"><xs:list itemType="xs:int"/></xs:simpleType>`, simpleT("int", ""),
			"breaking type-changed /IN", "harmless type-changed /IN", "harmless type-changed /IN", "breaking type-changed /IN"},
		{"text instead of elements", simpleT("string", ""), sequenceT(ab),
			"breaking content-kind-changed /IN", "breaking content-kind-changed /IN", "breaking content-kind-changed /IN", "breaking content-kind-changed /IN"},
		{"mixed", complexT(`<xs:sequence>` + ab + `</xs:sequence>`), `<xs:complexType name="T" mixed="true"><xs:sequence>` + ab + `</xs:sequence></xs:complexType>`,
			"harmless mixed-added /IN", "breaking mixed-removed /IN", "breaking mixed-added /IN", "harmless mixed-removed /IN"},
		{"wildcard", sequenceT(element("a", text) + `<xs:any namespace="urn:a urn:b" processContents="lax"/>`), sequenceT(element("a", text) + `<xs:any namespace="urn:a" processContents="lax"/>`),
			"breaking wildcard-narrowed /IN", "harmless wildcard-widened /IN", "harmless wildcard-narrowed /IN", "breaking wildcard-widened /IN"},
		{"wildcard that looks closer", sequenceT(`<xs:any processContents="skip"/>`), sequenceT(`<xs:any processContents="strict"/>`),
			"breaking wildcard-process /IN", "harmless wildcard-process /IN", "harmless wildcard-process /IN", "breaking wildcard-process /IN"},
		{"element that a wildcard takes", sequenceT(element("a", option)), sequenceT(`<xs:any namespace="##targetNamespace" minOccurs="0" processContents="lax"/>`),
			"harmless element-removed /IN/test:a; harmless element-undeclared /IN/test:a; harmless wildcard-widened /IN", "breaking wildcard-declared /IN/test:a; breaking wildcard-narrowed /IN; harmless element-added /IN/test:a",
			"breaking element-undeclared /IN/test:a; breaking wildcard-widened /IN; harmless element-removed /IN/test:a", "harmless element-added /IN/test:a; harmless wildcard-declared /IN/test:a; harmless wildcard-narrowed /IN"},
		{"type that xsi:type may name", base + sequenceT(element("b", `type="t:B"`)) + derived("D", element("d", text)), base + sequenceT(element("b", `type="t:B"`)),
			"breaking derived-removed /IN/test:b", "harmless derived-added /IN/test:b", "harmless derived-removed /IN/test:b", "breaking derived-added /IN/test:b"},
		{"in a derived type", base + sequenceT(element("b", `type="t:B"`)) + derived("D", element("d", text)), base + sequenceT(element("b", `type="t:B"`)) + derived("D", element("d", option)),
			"harmless element-optional /IN/test:b[@xsi:type='test:D']/test:d", "breaking element-required /IN/test:b[@xsi:type='test:D']/test:d",
			"breaking element-optional /IN/test:b[@xsi:type='test:D']/test:d", "harmless element-required /IN/test:b[@xsi:type='test:D']/test:d"},
		{"renamed type", base + sequenceT(element("b", `type="t:B"`)), strings.ReplaceAll(base, `name="B"`, `name="C"`) + sequenceT(element("b", `type="t:C"`)),
			"notice type-renamed /IN/test:b", "notice type-renamed /IN/test:b", "harmless type-renamed /IN/test:b", "harmless type-renamed /IN/test:b"},
		{"abstract type", base + sequenceT(element("b", `type="t:B"`)) + derived("D", ""), strings.Replace(base, `name="B"`, `name="B" abstract="true"`, 1) + sequenceT(element("b", `type="t:B"`)) + derived("D", ""),
			"breaking type-abstract /IN/test:b", "harmless type-concrete /IN/test:b", "harmless type-abstract /IN/test:b", "breaking type-concrete /IN/test:b"},
		{"substitution group", element("h", text) + element("s", text+` substitutionGroup="t:h"`) + sequenceT(`<xs:element ref="t:h"/>`), element("h", text) + sequenceT(`<xs:element ref="t:h"/>`),
			"breaking substitute-removed /IN/test:h", "harmless substitute-added /IN/test:h", "harmless substitute-removed /IN/test:h", "breaking substitute-added /IN/test:h"},
		{"block", base + sequenceT(element("b", `type="t:B"`)) + derived("D", ""), base + sequenceT(element("b", `type="t:B" block="extension"`)) + derived("D", ""),
			"breaking block-changed /IN/test:b", "harmless block-changed /IN/test:b", "harmless block-changed /IN/test:b", "breaking block-changed /IN/test:b"},
		{"identity constraint", sequenceT(`<xs:element name="a"><xs:complexType><xs:sequence>` + element("i", many) + `</xs:sequence></xs:complexType></xs:element>`),
			sequenceT(`<xs:element name="a"><xs:complexType><xs:sequence>` + element("i", many) + `</xs:sequence></xs:complexType><xs:unique name="u"><xs:selector xpath="t:i"/><xs:field xpath="."/></xs:unique></xs:element>`),
			"breaking identity-added /IN/test:a", "harmless identity-removed /IN/test:a", "harmless identity-added /IN/test:a", "breaking identity-removed /IN/test:a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, one := range []struct {
				what     string
				around   func(string) string
				old, new string
				want     string
			}{
				{"sent", sent, tt.old, tt.new, tt.sent}, {"sent, back", sent, tt.new, tt.old, tt.sentBack},
				{"received", received, tt.old, tt.new, tt.received}, {"received, back", received, tt.new, tt.old, tt.receivedBack},
			} {
				r := compat.Compare(service(t, one.around(one.old)), service(t, one.around(one.new)))
				in := "test:In"
				if strings.HasPrefix(one.what, "received") {
					in = "test:Out"
				}
				want := strings.ReplaceAll(one.want, "IN", in)
				if got := strings.Join(brief(r), "; "); got != sorted(want) {
					t.Errorf("%s:\n got %s\nwant %s", one.what, got, want)
				}
				for _, c := range r.Changes {
					if c.What == "" || c.Why == "" || len(c.Users) != 1 || c.Users[0].Operation != "Do" {
						t.Errorf("%s: %+v", one.what, c)
					}
				}
			}
			for _, schema := range []string{tt.old, tt.new} {
				c := service(t, sent(schema))
				if reason := c.Services[0].Degraded(); reason != "" {
					t.Errorf("the schema is invalid: %s", reason)
				}
				if r := compat.Compare(c, service(t, sent(schema))); len(r.Changes) > 0 {
					t.Errorf("against itself: %q", brief(r))
				}
			}
		})
	}
}

// TestShared: a type that changes once is one change, with its users.
func TestShared(t *testing.T) {
	schema := `<xs:element name="In"><xs:complexType><xs:sequence><xs:element name="a" type="t:T"/><xs:element name="b" type="t:T"/><xs:element name="c" type="t:Deep"/></xs:sequence></xs:complexType></xs:element>
	  <xs:element name="Out" type="t:Deep"/><xs:element name="Broken" type="t:T"/>
	  <xs:complexType name="Deep"><xs:sequence><xs:element name="deep" type="t:Deep" minOccurs="0"/><xs:element name="t" type="t:T"/></xs:sequence></xs:complexType>`
	r := compat.Compare(service(t, schema+simpleT("string", `<xs:maxLength value="9"/>`)), service(t, schema+simpleT("string", `<xs:maxLength value="8"/>`)))
	if want := []string{"breaking facet-length /test:In/test:a", "harmless facet-length /test:Broken"}; !slices.Equal(brief(r), want) && len(r.Changes) != 2 {
		t.Fatalf("got %q, want %q", brief(r), want)
	}
	in, out := r.Changes[0], r.Changes[1]
	if in.Type != "test:T" || in.Direction != compat.Sent || in.Was != "at most 9 characters" || in.Is != "at most 8 characters" || len([]rune(in.Example)) != 9 {
		t.Errorf("%+v", in)
	}
	if want := []compat.User{{"S", "Do", "output"}, {"S", "Do", "fault broken"}}; out.Direction != compat.Received || !slices.Equal(out.Users, want) {
		t.Errorf("%+v", out)
	}
	if in.Old.Line == 0 || in.Old.File != "a.wsdl" || in.New.Line == 0 {
		t.Errorf("positions %v, %v", in.Old, in.New)
	}
}
