package mappingtest

import (
	"fmt"
	"strings"
)

// builtin lists the built-in types that leaves are made of, by their primitive.
var builtin = map[string][]string{
	"string":   {"string", "string", "token", "normalizedString", "NMTOKEN", "language", "anyURI"},
	"integer":  {"integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "unsignedInt", "unsignedLong", "unsignedByte", "negativeInteger"},
	"decimal":  {"decimal"},
	"double":   {"double", "float"},
	"boolean":  {"boolean"},
	"dateTime": {"dateTime"},
	"date":     {"date"},
	"time":     {"time"},
	"binary":   {"base64Binary", "hexBinary"},
	"other":    {"gYear", "duration", "QName"},
}

// kinds is how often each primitive comes.
var kinds = []string{"string", "string", "string", "string", "integer", "integer", "integer", "decimal", "decimal", "double", "boolean", "dateTime", "dateTime", "date", "time", "binary", "other", "list", "union"}

// simple names a simple type and its primitive; one with facets is declared.
func (v *inventor) simple() (kind, declared string) {
	kind = v.of(kinds...)
	switch kind {
	case "list":
		return kind, v.declare(`<xs:list itemType="xs:` + v.of("string", "int", "decimal") + `"/>`)
	case "union":
		return kind, v.declare(`<xs:union memberTypes="xs:` + v.of("int", "date") + ` xs:` + v.of("string", "decimal") + `"/>`)
	}
	base := v.of(builtin[kind]...)
	facets := v.facets(kind, base)
	if facets == "" {
		return kind, "xs:" + base
	}
	return kind, v.declare(`<xs:restriction base="xs:` + base + `">` + facets + `</xs:restriction>`)
}

func (v *inventor) declare(content string) string {
	v.count++
	name := fmt.Sprintf("T%d", v.count)
	fmt.Fprintf(&v.schema, "<xs:simpleType name=\"%s\">%s</xs:simpleType>\n", name, content)
	return "t:" + name
}

func (v *inventor) facets(kind, base string) string {
	if v.chance(40) {
		return ""
	}
	facet := func(name string, value any) string { return fmt.Sprintf(`<xs:%s value="%v"/>`, name, value) }
	switch kind {
	case "string":
		switch v.pick(5) {
		case 0:
			return facet("maxLength", 1+v.pick(40))
		case 1:
			return facet("minLength", v.pick(3)) + facet("maxLength", 3+v.pick(20))
		case 2:
			if base != "string" && base != "token" {
				return ""
			}
			return facet("pattern", v.of("[A-Z]{2,3}-[0-9]+", "[A-Z]{1,4}", `\d{3}`, ".{0,5}", `\p{L}{1,3}`, "[^a]{0,4}"))
		case 3:
			if base != "string" && base != "token" {
				return ""
			}
			return strings.Join([]string{facet("enumeration", "A"), facet("enumeration", v.of("BB", "Łódź", "a b")), facet("enumeration", "CCCCCC")}, "")
		}
		return facet("maxLength", 200)
	case "integer":
		switch {
		case strings.HasPrefix(base, "neg"):
			return facet("minInclusive", -1-v.pick(300))
		case v.chance(50):
			return facet("maxInclusive", []int{9, 100, 127}[v.pick(3)])
		}
		return facet("totalDigits", 1+v.pick(3))
	case "decimal":
		digits := 1 + v.pick(20)
		switch v.pick(3) {
		case 0:
			return facet("totalDigits", digits) + facet("fractionDigits", v.pick(digits+1))
		case 1:
			return facet("fractionDigits", v.pick(5))
		}
		return facet("minInclusive", "0") + facet("maxExclusive", "1000")
	case "dateTime":
		return facet("minInclusive", "1950-01-01T00:00:00Z")
	case "date":
		return facet("maxInclusive", "2100-01-01")
	case "binary":
		return facet("maxLength", 1+v.pick(20))
	}
	return ""
}
