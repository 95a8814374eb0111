package mappingtest

import "strings"

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// path finds a leaf of a primitive within reach, or returns a constant.
func (v *inventor) path(kind string, scope int) string {
	var known []string
	for at, up := scope, ""; at >= 0; at, up = enclosing[at], up+"../" {
		for _, l := range v.made.leaves {
			if l.kind == kind && l.scope == at {
				known = append(known, up+l.path)
			}
		}
	}
	if len(known) == 0 {
		return constants[kind][v.pick(len(constants[kind]))]
	}
	return v.of(known...)
}

var constants = map[string][]string{
	"string": {"'x'", "'\u0141'", "$message/id"}, "integer": {"7", "string-length('abc')"}, "decimal": {"1.5", "1 div 3"}, "double": {"1.5e0", "1e0 div 0"},
	"boolean": {"true()"}, "dateTime": {"$message/receivedAt", "xs:dateTime('2026-03-16T12:30:00.1239999')"}, "date": {"xs:date('2026-03-16')"},
	"time": {"xs:time('23:59:59.5')"}, "binary": {"/t:Post/t:bin"}, "list": {"'a b'"}, "union": {"'u'"}, "other": {"'o'"},
}

// expression makes an expression that mostly yields a primitive.
func (v *inventor) expression(kind string, scope int) string {
	p := func(kind string) string { return v.path(kind, scope) }
	if v.chance(55) {
		return p(kind)
	}
	switch kind {
	case "string":
		any := p(v.of("string", "integer", "decimal", "double", "dateTime", "date", "time", "list", "union", "boolean", "other"))
		return v.of("concat("+p("string")+", '-', "+p("string")+")", "upper-case("+p("string")+")", "substring("+p("string")+", 1, 3)", "string("+any+")", any,
			"normalize-space("+p("string")+")", "if (exists("+p("string")+")) then "+p("string")+" else 'none'", "string-join(("+p("string")+", 'b'), ',')",
			"translate("+p("string")+", 'abc', 'ŁÓŹ')", "replace("+p("string")+", 'x', 'é')", "codepoints-to-string("+p("integer")+")", p("string")+" => lower-case()", "("+p("string")+")[1]")
	case "integer":
		return v.of(p("integer")+" + 1", p("integer")+" * "+p("integer"), "-("+p("integer")+")", "string-length("+p("string")+")", "xs:integer("+p("decimal")+")", "xs:integer("+p("string")+")",
			p("integer")+" idiv 7", "count(/t:Post/t:line)", "xs:integer("+p("double")+")", "year-from-dateTime("+p("dateTime")+")", "sum(("+p("integer")+", "+p("integer")+"))", "round("+p("decimal")+")")
	case "decimal":
		return v.of(p("decimal")+" * "+p("decimal"), p("decimal")+" div 3", "round-half-to-even("+p("decimal")+", 2)", "xs:decimal("+p("double")+")", "xs:decimal("+p("string")+")", p("integer")+" * 0.5",
			"avg(("+p("decimal")+", "+p("integer")+"))", "abs("+p("decimal")+")", p("integer"), "max(("+p("decimal")+", 1.0))")
	case "double":
		return v.of(p("double")+" * 2", "number("+p("string")+")", "xs:double("+p("decimal")+")", "xs:double("+p("integer")+")", p("integer"), "-("+p("double")+")")
	case "boolean":
		return v.of("exists("+p("string")+")", p("integer")+" > 1", "not("+p("boolean")+")", p("string")+" = 'x'")
	case "dateTime":
		return v.of(p("dateTime")+" + xs:dayTimeDuration('P1D')", p("dateTime")+" - xs:yearMonthDuration('P1000Y')", "dateTime("+p("date")+", "+p("time")+")", "xs:dateTime("+p("string")+")", "xs:dateTime("+p("date")+")",
			"adjust-dateTime-to-timezone("+p("dateTime")+", xs:dayTimeDuration('-PT14H'))")
	case "date":
		return v.of("xs:date("+p("dateTime")+")", p("date")+" + xs:dayTimeDuration('P1D')", "xs:date("+p("string")+")")
	case "time":
		return v.of("xs:time("+p("dateTime")+")", p("time")+" + xs:dayTimeDuration('PT1H')", "xs:time("+p("string")+")")
	}
	return p(kind)
}
