package contract

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestSchemaBounds loads what is built to be large: each ends, with a contract, a
// degraded one or a fault, in a time that grows with the size of the files.
func TestSchemaBounds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		body  string // of the schema
		files fstest.MapFS
		want  string // the fault, or why it is degraded; empty: neither
	}{
		{"a fan of files", numbered(10_000, `<xs:include schemaLocation="f%[1]d.xsd"/>`), files(10_000, `<xs:element name="e%[1]d" type="xs:int"/>`), "more than 4096 files"},
		{"a fan of namespaces", numbered(2000, `<xs:import namespace="urn:n%[1]d" schemaLocation="n%[1]d.xsd"/>`), namespaces(2000, ``), ""},
		{"a ring of files", `<xs:include schemaLocation="f0.xsd"/>`, ring(4000), ""},
		{"a chameleon in many namespaces", numbered(1000, `<xs:import namespace="urn:n%[1]d" schemaLocation="n%[1]d.xsd"/>`), with(namespaces(1000, `<xs:include schemaLocation="c.xsd"/>`),
			"c.xsd", `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">`+numbered(3000, `<xs:element name="e%[1]d" type="xs:int"/>`)+`</xs:schema>`), "the schemas come to more than"},
		{"an enumeration", `<xs:simpleType name="E"><xs:restriction base="xs:string">` + numbered(100_000, `<xs:enumeration value="value %[1]d"/>`) + `</xs:restriction></xs:simpleType>`, nil, ""},
		{"a chain of extensions", `<xs:complexType name="T0"/>` + numbered(2000, `<xs:complexType name="T%[2]d"><xs:complexContent><xs:extension base="t:T%[1]d"><xs:sequence><xs:element name="e%[1]d" type="xs:int"/></xs:sequence><xs:attribute name="a%[1]d"/></xs:extension></xs:complexContent></xs:complexType>`), nil, "what the types inherit comes to more than"},
		{"a chain of substitution groups", `<xs:element name="h0"/>` + numbered(3000, `<xs:element name="h%[2]d" substitutionGroup="t:h%[1]d"/>`), nil, "what the types inherit comes to more than"},
		{"a chain of patterns", `<xs:simpleType name="P0"><xs:restriction base="xs:string"/></xs:simpleType>` + numbered(3000, `<xs:simpleType name="P%[2]d"><xs:restriction base="t:P%[1]d"><xs:pattern value="a*"/></xs:restriction></xs:simpleType>`), nil, "what the types inherit comes to more than"},
		{"a chain of groups", `<xs:group name="G0"><xs:sequence><xs:element name="g0"/></xs:sequence></xs:group>` + numbered(2000, `<xs:group name="G%[2]d"><xs:sequence><xs:group ref="t:G%[1]d"/><xs:element name="g%[2]d"/></xs:sequence></xs:group><xs:complexType name="C%[1]d"><xs:group ref="t:G%[1]d"/></xs:complexType>`), nil, "what the types inherit comes to more than"},
		{"a wide sequence", `<xs:complexType name="W"><xs:sequence>` + numbered(60_000, `<xs:element name="e%[1]d" type="xs:int"/>`) + `</xs:sequence></xs:complexType>`, nil, "content model DFA state limit exceeded"},
		{"a wide choice", `<xs:complexType name="W"><xs:choice>` + numbered(60_000, `<xs:element name="e%[1]d" type="xs:int"/>`) + `</xs:choice></xs:complexType>`, nil, "limit"},
		{"many attributes", `<xs:complexType name="W">` + numbered(60_000, `<xs:attribute name="a%[1]d" type="xs:int"/>`) + `</xs:complexType>`, nil, ""},
		{"a tower of empty groups", `<xs:group name="E0"><xs:sequence/></xs:group>` + numbered(40, `<xs:group name="E%[2]d"><xs:sequence><xs:group ref="t:E%[1]d"/><xs:group ref="t:E%[1]d"/></xs:sequence></xs:group>`) + `<xs:complexType name="W"><xs:group ref="t:E40"/></xs:complexType>`, nil, "with its groups written out"},
		{"a tower of unions", `<xs:simpleType name="U0"><xs:restriction base="xs:int"/></xs:simpleType>` + numbered(40, `<xs:simpleType name="U%[2]d"><xs:union memberTypes="t:U%[1]d t:U%[1]d"/></xs:simpleType>`), nil, ""},
		{"a ring of types", numbered(200, `<xs:complexType name="D%[1]d"><xs:sequence><xs:element name="d" type="t:D%[2]d"/></xs:sequence></xs:complexType>`) + `<xs:complexType name="D200"><xs:sequence><xs:element name="d" type="t:D0" minOccurs="0"/></xs:sequence></xs:complexType>`, nil, ""},
		{"many redefinitions", numbered(200, `<xs:redefine schemaLocation="r.xsd"><xs:simpleType name="S%[1]d"><xs:restriction base="t:S%[1]d"/></xs:simpleType></xs:redefine>`), with(nil, "r.xsd", inSchema(numbered(20_000, `<xs:simpleType name="S%[1]d"><xs:restriction base="xs:string"/></xs:simpleType>`))), ""},
		{"too many redefinitions", numbered(300, `<xs:redefine schemaLocation="r.xsd"/>`), with(nil, "r.xsd", inSchema("")), "more than 256 redefinitions"},
		{"one component again and again", strings.Repeat(`<xs:element name="same" type="xs:int"/>`, 50_000), nil, ""},
		{"many slips", `<xs:complexType name="W"><xs:choice>` + numbered(3000, `text<xs:element name="e%[1]d" type="xs:int"/>`) + `</xs:choice></xs:complexType>`, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := with(tt.files, "main.wsdl", oneOperation(inSchema(tt.body+`<xs:element name="Go" type="xs:string"/>`)))
			start := time.Now()
			c, err := Load(all, "sys/main.wsdl")
			took := time.Since(start)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = c.Services[0].Degraded()
			}
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %.300q", got)
			}
			if strings.Count(got, "\n") > 10 {
				t.Errorf("%d lines are said of it", strings.Count(got, "\n"))
			}
			if took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// numbered repeats a text with the numbers of the round and the next one.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, numbers(format, i)...)
	}
	return b.String()
}

func inSchema(body string) string {
	return `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">` + body + `</xs:schema>`
}

func with(in fstest.MapFS, name, text string) fstest.MapFS {
	if in == nil {
		in = fstest.MapFS{}
	}
	in["sys/"+name] = &fstest.MapFile{Data: []byte(text)}
	return in
}

func files(n int, format string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := range n {
		with(out, fmt.Sprintf("f%d.xsd", i), inSchema(fmt.Sprintf(format, i)))
	}
	return out
}

func namespaces(n int, body string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := range n {
		with(out, fmt.Sprintf("n%d.xsd", i), fmt.Sprintf(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:n%d">%s</xs:schema>`, i, body))
	}
	return out
}

func ring(n int) fstest.MapFS {
	out := fstest.MapFS{}
	for i := range n {
		with(out, fmt.Sprintf("f%d.xsd", i), inSchema(fmt.Sprintf(`<xs:include schemaLocation="f%d.xsd"/>`, (i+1)%n)))
	}
	return out
}

func numbers(format string, i int) []any {
	if strings.Contains(format, "%[2]") {
		return []any{i, i + 1}
	}
	return []any{i}
}
