// Package mappingtest invents contracts, tables, mappings and messages, and
// knows by itself what SQL Server's columns take: the oracle that mappings which
// were checked are held against. It does not read what package mapping decides
// about columns, and it knows no database.
package mappingtest

import (
	"fmt"
	"strings"
)

// Pick draws a number from 0 to n-1.
type Pick func(n int) int

// Case is one contract with a mapping and the tables that it writes. Whether the
// mapping fits them is for its check to say.
type Case struct {
	WSDL      string   // stands as t/t.wsdl; its operation is Post
	YAML      string   // the mapping file, p.yaml
	Codes     []string // the files of code sets
	Tables    []Table  // what one refers to stands before it
	Sequences []string // of the schema dbo; each once

	leaves []leaf
}

// Table is a table of the business database. It has a bigint column id that the
// database draws, and a unique index on Key.
type Table struct {
	Schema, Name string
	Columns      []Column // without id
	Key          []string // none where Drawn is known instead
	Unique       []string // another unique index, for the check alone; or empty
	Clustered    bool     // Key is the clustered index, which has less room
	Index        []string // an index that is not unique; or empty
	Drawn        string   // the column that a sequence fills, with a unique index of its own; or empty
	Refers       []Reference
	// Seeds are rows that are there before any message, in the forms of Holds;
	// such a table is only read, but for what look-ups insert.
	Seeds []map[string]string
	Dated bool // a seed is valid from since to till
}

// Reference is a foreign key to the id of a table.
type Reference struct{ Column, Table string }

// Column is one column as SQL Server declares it.
type Column struct {
	Name    string
	Native  string // such as nvarchar(20)
	Charset string // of char and varchar: an IANA name; empty means ASCII
	Null    bool
	Default bool // it has one, whatever it is

	kind string // the primitive that fills it mostly
	fill string // of a column with a purpose of its own: which
}

// leaf is a place of the contract that holds a value.
type leaf struct {
	name  string // local name of the element or attribute
	path  string // from the scope's element
	scope int    // 0: the message, and so on as in enclosing
	kind  string // the primitive type
	attr  bool
	maybe bool // absent or nil
}

type inventor struct {
	pick   Pick
	made   Case
	schema strings.Builder
	count  int

	tables, refs []*Table // all, and those that are only read
	sets         []codeSet
	side         *rule
}

// enclosing is the scope that each one stands in: the message, its lines, their
// parts, what else repeats in the message, and elements that refer to each other.
var enclosing = []int{-1, 0, 1, 0, 0}

func (v *inventor) chance(percent int) bool { return v.pick(100) < percent }

func (v *inventor) of(words ...string) string { return words[v.pick(len(words))] }

// Invent makes a case.
func Invent(pick Pick) *Case {
	v := &inventor{pick: pick}
	v.contract()
	v.mapping()
	return &v.made
}

// contract writes a message of lines of parts, with leaves on every level.
func (v *inventor) contract() {
	part := v.structure(2, "")
	line := v.structure(1, fmt.Sprintf(`<xs:element name="part" minOccurs="0" maxOccurs="unbounded"%s>%s</xs:element>`, v.nillable(20), part))
	v.made.leaves = append(v.made.leaves, leaf{name: "bin", path: "t:bin", kind: "binary"})
	extra := v.structure(3, "")
	repeated := `<xs:element name="%s" minOccurs="0" maxOccurs="unbounded">%s</xs:element>`
	post := v.structure(0, `<xs:element name="bin" type="xs:base64Binary"/>`+fmt.Sprintf(repeated, "line", line)+fmt.Sprintf(repeated, "extra", extra)+fmt.Sprintf(repeated, "node", v.family()))
	v.made.WSDL = strings.NewReplacer("POST", post, "TYPES", v.schema.String()).Replace(skeleton)
}

func (v *inventor) nillable(percent int) string {
	if v.chance(percent) {
		return ` nillable="true"`
	}
	return ""
}

// structure is a complex type with leaves, a group of them under an element of
// its own, and what more is given.
func (v *inventor) structure(scope int, more string) string {
	var b, attributes strings.Builder
	b.WriteString("<xs:complexType><xs:sequence>")
	for range 1 + v.pick(4) {
		b.WriteString(v.element(scope, "", false, false))
	}
	if v.chance(40) {
		b.WriteString("<xs:choice>" + v.element(scope, "", true, false) + v.element(scope, "", true, false) + "</xs:choice>")
	}
	if v.chance(50) {
		maybe := v.chance(40)
		nil_ := v.nillable(25)
		fmt.Fprintf(&b, `<xs:element name="group%d" minOccurs="%d"%s><xs:complexType><xs:sequence>`, scope, zeroIf(maybe), nil_)
		absent := maybe || nil_ != ""
		inner := v.element(scope, fmt.Sprintf("t:group%d/", scope), absent, false) + v.element(scope, fmt.Sprintf("t:group%d/", scope), absent, false)
		b.WriteString(inner + "</xs:sequence></xs:complexType></xs:element>")
	}
	b.WriteString(more + "</xs:sequence>")
	for range v.pick(3) {
		attributes.WriteString(v.attribute(scope))
	}
	// Each structure has a number by which its rows can be told apart.
	attributes.WriteString(`<xs:attribute name="no" type="xs:int" use="required"/>`)
	return b.String() + attributes.String() + "</xs:complexType>"
}

// family is the type of elements that name each other by a code, often one that
// is there.
func (v *inventor) family() string {
	declared := "xs:string"
	if v.chance(60) {
		declared = v.declare(`<xs:restriction base="xs:string"><xs:enumeration value="A"/><xs:enumeration value="BB"/><xs:enumeration value="CCCCCC"/></xs:restriction>`)
	}
	for _, name := range []string{"code", "parent"} {
		v.made.leaves = append(v.made.leaves, leaf{name: name, path: "@" + name, scope: 4, kind: "string", attr: true, maybe: name == "parent"})
	}
	return `<xs:complexType><xs:attribute name="code" use="required" type="` + declared + `"/><xs:attribute name="parent" type="` + declared + `"/></xs:complexType>`
}

func zeroIf(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// element declares a leaf. One that is absent where its parent is may be absent.
func (v *inventor) element(scope int, under string, absent, _ bool) string {
	v.count++
	name := fmt.Sprintf("e%d", v.count)
	kind, declared := v.simple()
	maybe := v.chance(30)
	nil_ := v.nillable(15)
	v.made.leaves = append(v.made.leaves, leaf{name: name, path: under + "t:" + name, scope: scope, kind: kind, maybe: maybe || nil_ != "" || absent})
	return fmt.Sprintf(`<xs:element name="%s" minOccurs="%d"%s type="%s"/>`, name, zeroIf(maybe), nil_, declared)
}

func (v *inventor) attribute(scope int) string {
	v.count++
	name := fmt.Sprintf("a%d", v.count)
	kind, declared := v.simple()
	required, use := v.chance(50), "optional"
	if required {
		use = "required"
	}
	v.made.leaves = append(v.made.leaves, leaf{name: name, path: "@" + name, scope: scope, kind: kind, attr: true, maybe: !required})
	return fmt.Sprintf(`<xs:attribute name="%s" use="%s" type="%s"/>`, name, use, declared)
}

const skeleton = `<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<wsdl:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
TYPES<xs:element name="Post">POST</xs:element>
</xs:schema></wsdl:types>
<wsdl:message name="in"><wsdl:part name="p" element="t:Post"/></wsdl:message>
<wsdl:portType name="P"><wsdl:operation name="Post"><wsdl:input message="t:in"/></wsdl:operation></wsdl:portType>
<wsdl:binding name="B" type="t:P"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<wsdl:operation name="Post"><soap:operation soapAction="post"/><wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation></wsdl:binding>
<wsdl:service name="S"><wsdl:port name="P" binding="t:B"><soap:address location="http://localhost/"/></wsdl:port></wsdl:service>
</wsdl:definitions>`
