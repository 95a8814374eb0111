package contract

import (
	"slices"
	"testing"
	"testing/fstest"
)

// TestGlobals: what the comparison of contracts needs beyond paths.
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
	a, b := elements[0], elements[1]
	if !slices.Equal(a.Block, []string{"extension"}) || !slices.Equal(b.Block, []string{"#all"}) {
		t.Errorf("block %q, %q", a.Block, b.Block)
	}
	if want := []string{"unique, ids, selector {urn:t}c|child::{urn:t}c, field @id"}; !slices.Equal(b.Identity, want) || a.Identity != nil {
		t.Errorf("identity %q, want %q", b.Identity, want)
	}
	wild := types[0].AnyAttributes
	if len(wild) != 2 || !wild[0].Not || wild[0].Process != "skip" || !wild[1].Allows("urn:x") || wild[1].Allows("urn:t") {
		t.Errorf("wildcards %v", wild)
	}
}
