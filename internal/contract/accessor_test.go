package contract

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestArrange(t *testing.T) {
	c, err := Load(fstest.MapFS{"a.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="u" xmlns="u">
<xs:complexType name="S"><xs:sequence><xs:element name="a"/><xs:choice><xs:element name="b"/><xs:element name="c" maxOccurs="2"/></xs:choice><xs:element name="d" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="A"><xs:all><xs:element name="a"/><xs:element name="b"/></xs:all></xs:complexType>
<xs:complexType name="R"><xs:sequence maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b"/></xs:sequence></xs:complexType>
<xs:complexType name="C"><xs:choice maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b"/></xs:choice></xs:complexType>
</xs:schema>`)}}, "a.xsd")
	if err != nil {
		t.Fatal(err)
	}
	var o Ordering
	for _, tt := range []struct{ typ, given, want string }{
		{"S", "d b a", "a b d"}, {"S", "d c a c", "a c c d"}, {"S", "", ""}, {"S", "a a b", "a b a"},
		{"A", "b a", "a b"}, {"R", "b b a a", "a b a b"}, {"R", "a b a b", "a b a b"}, {"C", "b a b", "b a b"},
	} {
		typ := c.Type(Name{Space: "u", Local: tt.typ})
		var children []*Element
		for name := range strings.FieldsSeq(tt.given) {
			children = append(children, typ.Accessor(Name{Space: "other", Local: name}))
		}
		order, ok := o.Arrange(typ, children)
		var got []string
		for _, at := range order {
			got = append(got, children[at].Name.Local)
		}
		if !ok || strings.Join(got, " ") != tt.want {
			t.Errorf("%s of %s: %q, %v", tt.given, tt.typ, got, ok)
		}
		if slices.Sort(order); len(slices.Compact(order)) != len(children) {
			t.Errorf("%s of %s: no permutation", tt.given, tt.typ)
		}
	}
	if typ := c.Type(Name{Space: "u", Local: "S"}); typ.Accessor(Name{Local: "x"}) != nil {
		t.Error("an accessor that is not there")
	}
}
