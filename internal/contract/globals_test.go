package contract

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestGlobals lists the declarations of all schemas in the order of their names.
func TestGlobals(t *testing.T) {
	const text = `<xs:schema xmlns:xs="` + nsXSD + `" xmlns:PRE="urn:t" targetNamespace="urn:t" blockDefault="extension" elementFormDefault="qualified">
	  <xs:element name="b" block="#all"><xs:complexType><xs:sequence><xs:element name="c" maxOccurs="9"><xs:complexType><xs:attribute name="id"/></xs:complexType></xs:element></xs:sequence></xs:complexType>
	    <xs:unique name="ids"><xs:selector xpath="PRE:c | child::PRE:c"/><xs:field xpath="@id"/></xs:unique></xs:element>
	  <xs:element name="a" type="PRE:T"/>
	  <xs:complexType name="T"><xs:anyAttribute namespace="##other" processContents="skip"/></xs:complexType>
	  <xs:complexType name="S"><xs:complexContent><xs:extension base="PRE:T"><xs:anyAttribute namespace="urn:x"/></xs:extension></xs:complexContent></xs:complexType>
	</xs:schema>`
	c, err := Load(fstest.MapFS{"a.xsd": {Data: []byte(text)}}, "a.xsd")
	if err != nil {
		t.Fatal(err)
	}
	elements, types := slices.Collect(c.Elements()), slices.Collect(c.Types())
	if len(elements) != 2 || elements[0].Name.Local != "a" || elements[1].Name.Local != "b" || len(types) != 2 || types[0].Name.Local != "S" {
		t.Fatalf("elements %v, types %v", elements, types)
	}
}
