package contract

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// modelOf loads the children of a schema with target namespace urn:t.
func modelOf(t *testing.T, attributes, children string) *Contract {
	t.Helper()
	c, err := Load(fstest.MapFS{"main.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:u="urn:u" targetNamespace="urn:t" ` +
		attributes + `>` + children + `</xs:schema>`)}}, "main.xsd")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Notes {
		t.Error("note", n)
	}
	return c
}

func inT(local string) Name { return Name{Space: "urn:t", Local: local} }

// TestBlock keeps out of substitution groups, and from xsi:type, what is blocked.
func TestBlock(t *testing.T) {
	const types = `<xs:complexType name="Base"><xs:sequence><xs:element name="a" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"/></xs:complexContent></xs:complexType>
<xs:complexType name="Less"><xs:complexContent><xs:restriction base="t:Base"/></xs:complexContent></xs:complexType>
<xs:complexType name="MoreLess"><xs:complexContent><xs:restriction base="t:More"/></xs:complexContent></xs:complexType>
<xs:element name="same" substitutionGroup="t:head"/><xs:element name="more" type="t:More" substitutionGroup="t:head"/>
<xs:element name="less" type="t:Less" substitutionGroup="t:head"/><xs:element name="moreLess" type="t:MoreLess" substitutionGroup="t:more"/>`
	for _, tt := range []struct{ schema, element, base, substitutes, derived string }{
		{"", "", "", "less more moreLess same", "Less More MoreLess"},
		{"", `block="substitution"`, "", "", "Less More MoreLess"},
		{"", `block="extension"`, "", "less same", "Less More MoreLess"},
		{"", `block="restriction"`, "", "more same", "Less More MoreLess"},
		{"", `block="#all"`, "", "", "Less More MoreLess"},
		{`blockDefault="substitution"`, "", "", "", "Less More MoreLess"},
		{`blockDefault="substitution"`, `block=""`, "", "less more moreLess same", "Less More MoreLess"},
		{"", "", `block="extension"`, "less same", "Less"},
		{"", "", `block="restriction"`, "more same", "More"},
	} {
		schema := strings.Replace(types, `name="Base"`, `name="Base" `+tt.base, 1) + `<xs:element name="head" type="t:Base" ` + tt.element + `/>`
		c := modelOf(t, tt.schema, schema)
		var substitutes, derived []string
		for _, e := range c.Element(inT("head")).Substitutes {
			substitutes = append(substitutes, e.Name.Local)
		}
		for _, d := range c.Type(inT("Base")).Derived {
			derived = append(derived, d.Name.Local)
		}
		if got := strings.Join(substitutes, " "); got != tt.substitutes {
			t.Errorf("%+v: substitutes %q", tt, got)
		}
		if got := strings.Join(derived, " "); got != tt.derived {
			t.Errorf("%+v: derived %q", tt, got)
		}
	}
}

// TestAttributeWildcards takes wildcards together as XSD 1.0 part 1 §3.10.6 does.
func TestAttributeWildcards(t *testing.T) {
	c := modelOf(t, "", `<xs:attributeGroup name="other"><xs:anyAttribute namespace="##other" processContents="lax"/></xs:attributeGroup>
<xs:attributeGroup name="uv"><xs:anyAttribute namespace="urn:u urn:v"/></xs:attributeGroup>
<xs:complexType name="None"/>
<xs:complexType name="Any"><xs:anyAttribute/></xs:complexType>
<xs:complexType name="Both"><xs:attributeGroup ref="t:other"/><xs:attributeGroup ref="t:uv"/></xs:complexType>
<xs:complexType name="UV"><xs:attributeGroup ref="t:uv"/></xs:complexType>
<xs:complexType name="Wider"><xs:complexContent><xs:extension base="t:UV"><xs:anyAttribute namespace="##local ##targetNamespace" processContents="skip"/></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Widest"><xs:complexContent><xs:extension base="t:Wider"><xs:anyAttribute namespace="##other"/></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Inherited"><xs:complexContent><xs:extension base="t:UV"/></xs:complexContent></xs:complexType>
<xs:complexType name="Cut"><xs:complexContent><xs:restriction base="t:UV"/></xs:complexContent></xs:complexType>`)
	for _, tt := range []struct{ name, allowed string }{
		{"None", ""}, {"Any", "- urn:t urn:u urn:x"}, {"Both", "urn:u"}, {"UV", "urn:u"},
		{"Wider", "- urn:t urn:u"}, {"Widest", "- urn:t urn:u urn:x"}, {"Inherited", "urn:u"}, {"Cut", ""},
	} {
		var got []string
		typ := c.Type(inT(tt.name))
		for _, ns := range []string{"", "urn:t", "urn:u", "urn:x"} {
			if typ.Wildcard != nil && typ.Wildcard.Allows(ns) {
				got = append(got, strings.Replace(" "+ns, " ", "", 1))
			}
		}
		words := strings.TrimSpace(strings.Join(got, " "))
		if len(got) > 0 && got[0] == "" {
			words = "- " + words
		}
		if words != tt.allowed || typ.AnyAttr != (typ.Wildcard != nil) {
			t.Errorf("%s allows %q, want %q", tt.name, words, tt.allowed)
		}
	}
}

// TestConstraints reads identity constraints as data.
func TestConstraints(t *testing.T) {
	c := modelOf(t, `elementFormDefault="qualified"`, `<xs:element name="orders"><xs:complexType><xs:sequence><xs:any minOccurs="0" processContents="skip"/></xs:sequence></xs:complexType>
<xs:key name="k"><xs:selector xpath=" t:order | .//t:old/* "/><xs:field xpath="@no"/><xs:field xpath="t:a/child::t:b | ."/></xs:key>
<xs:keyref name="r" refer="t:k"><xs:selector xpath="./t:line"/><xs:field xpath="attribute::u:order"/><xs:field xpath="u:*"/></xs:keyref>
<xs:unique name="q"><xs:selector xpath=".//plain"/><xs:field xpath="@*"/></xs:unique></xs:element>`)
	var got strings.Builder
	for _, one := range c.Element(inT("orders")).Constraints {
		fmt.Fprintf(&got, "%d %s %s %v %v\n", one.Kind, one.Name, one.Refer, one.Selector, one.Fields)
	}
	const want = `1 {urn:t}k  [{false [{{urn:t}order false false}]} {true [{{urn:t}old false false} { true false}]}] [[{false [{no false true}]}] [{false [{{urn:t}a false false} {{urn:t}b false false}]} {false []}]]
2 {urn:t}r {urn:t}k [{false [{{urn:t}line false false}]}] [[{false [{{urn:u}order false true}]}] [{false [{{urn:u} true false}]}]]
0 {urn:t}q  [{true [{plain false false}]}] [[{false [{ true true}]}]]
`
	if got.String() != want {
		t.Errorf("got\n%s", got.String())
	}
}

// TestUnreadableConstraints notes what is beyond the XPath of schemas.
func TestUnreadableConstraints(t *testing.T) {
	for _, xpath := range []string{"", "a[1]", "x:a", "@a/b", "parent::a", "a//b", "count(a)", "/a"} {
		c, err := Load(fstest.MapFS{"main.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="e"><xs:key name="k"><xs:selector xpath="` +
			xpath + `"/><xs:field xpath="@no"/></xs:key></xs:element></xs:schema>`)}}, "main.xsd")
		if err != nil || len(c.Notes) != 1 || len(c.Element(Name{Local: "e"}).Constraints) != 0 {
			t.Errorf("%q: %v, %v", xpath, c.Notes, err)
		}
	}
}

// TestDocumentation reads documentation with markup and in several languages,
// and passes over what is for applications.
func TestDocumentation(t *testing.T) {
	for _, tt := range []struct{ annotation, want string }{
		{`<xs:documentation> One
   two. </xs:documentation><xs:appinfo>not this</xs:appinfo><xs:documentation>Three.</xs:documentation>`, "One two. Three."},
		{`<xs:documentation><p xmlns="http://www.w3.org/1999/xhtml">Fish<br/>and <b>ch</b>ips</p><p>&amp; <![CDATA[<peas>]]></p></xs:documentation>`, "Fish and chips & <peas>"},
		{`<xs:documentation xml:lang="de">Fisch</xs:documentation><xs:documentation xml:lang="en-GB">Fish</xs:documentation>`, "Fish"},
		{`<xs:documentation xml:lang="fr">Poisson</xs:documentation><xs:documentation xml:lang="de">Fisch</xs:documentation>`, "Poisson"},
		{`<xs:documentation xml:lang="fi">Kala</xs:documentation><xs:documentation>Fish</xs:documentation>`, "Fish"},
		{`<xs:documentation source="http://host/doc"/>`, ""},
		{``, ""},
	} {
		c := modelOf(t, "", `<xs:element name="e" type="xs:string"><xs:annotation>`+tt.annotation+`</xs:annotation></xs:element>`)
		if got := c.Element(inT("e")).Doc; got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.annotation, got, tt.want)
		}
	}
}

// TestFacets takes the facets of all steps of a derivation together.
func TestFacets(t *testing.T) {
	c := modelOf(t, "", `<xs:simpleType name="A"><xs:restriction base="xs:integer"><xs:minInclusive value="1"/><xs:maxInclusive value="100"/><xs:pattern value="\d+"/></xs:restriction></xs:simpleType>
<xs:simpleType name="B"><xs:restriction base="t:A"><xs:maxExclusive value="50"/><xs:totalDigits value="2"/><xs:pattern value="1.*"/><xs:pattern value="2.*"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Names"><xs:restriction base="xs:QName"><xs:enumeration value="t:a"/><xs:enumeration value="u:b"/></xs:restriction></xs:simpleType>
<xs:simpleType name="List"><xs:list itemType="t:B"/></xs:simpleType>
<xs:simpleType name="Short"><xs:restriction base="t:List"><xs:maxLength value="3"/><xs:minLength value="1"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Either"><xs:union memberTypes="t:B xs:date"><xs:simpleType><xs:restriction base="xs:token"><xs:enumeration value="never"/></xs:restriction></xs:simpleType></xs:union></xs:simpleType>
<xs:element name="e" type="t:Either" default="never"/><xs:element name="l" type="t:Short" fixed="10 20"/>`)
	b := c.Type(inT("B")).Simple
	if *b.MinInclusive != "1" || b.MaxInclusive != nil || *b.MaxExclusive != "50" || *b.TotalDigits != 2 || *b.FractionDigits != 0 ||
		fmt.Sprint(b.Patterns) != `[[\d+] [1.* 2.*]]` || b.Builtin != "integer" || b.Primitive != "decimal" || b.WhiteSpace != "collapse" {
		t.Errorf("B: %+v", b)
	}
	if got := c.Type(inT("Names")).Simple; fmt.Sprint(got.Enumeration, got.QNames) != "[t:a u:b] [{urn:t}a {urn:u}b]" {
		t.Errorf("Names: %v %v", got.Enumeration, got.QNames)
	}
	short := c.Type(inT("Short")).Simple
	if short.Variety != List || *short.MinLength != 1 || *short.MaxLength != 3 || short.Item.Name != inT("B") || short.MinInclusive != nil {
		t.Errorf("Short: %+v", short)
	}
	either := c.Type(inT("Either")).Simple
	if either.Variety != Union || len(either.Members) != 3 || either.Members[2].Enumeration[0] != "never" {
		t.Errorf("Either: %+v", either)
	}
	if e, l := c.Element(inT("e")), c.Element(inT("l")); *e.Default != "never" || e.Fixed != nil || *l.Fixed != "10 20" || l.Type.Simple.Check("10 20") != "" || l.Type.Simple.Check("10 30") == "" {
		t.Error("defaults", e, l)
	}
}
