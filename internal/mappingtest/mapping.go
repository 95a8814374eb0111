package mappingtest

import (
	"fmt"
	"strings"
)

// natives are the types of columns, by what they are mostly filled from.
var natives = []struct{ native, kind string }{
	{"nvarchar(%n)", "string"}, {"nvarchar(%n)", "string"}, {"nvarchar(max)", "string"}, {"varchar(%n)", "string"}, {"varchar(max)", "string"}, {"char(%n)", "string"}, {"nchar(%n)", "string"}, {"sysname", "string"}, {"uniqueidentifier", "string"},
	{"tinyint", "integer"}, {"smallint", "integer"}, {"int", "integer"}, {"bigint", "integer"},
	{"decimal(%p)", "decimal"}, {"decimal(%p)", "decimal"}, {"money", "decimal"}, {"smallmoney", "decimal"},
	{"float", "double"}, {"real", "double"}, {"bit", "boolean"},
	{"datetime2(%s)", "dateTime"}, {"datetime2(%s)", "dateTime"}, {"datetime", "dateTime"}, {"smalldatetime", "dateTime"}, {"datetimeoffset(%s)", "dateTime"},
	{"date", "date"}, {"time(%s)", "time"}, {"varbinary(%n)", "binary"}, {"varbinary(max)", "binary"}, {"binary(%n)", "binary"},
}

var charsets = []string{"", "windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-874", "utf-8"}

func (v *inventor) native() (native, kind string) {
	n := natives[v.pick(len(natives))]
	precision := 1 + v.pick(18)
	return strings.NewReplacer("%n", fmt.Sprint(1+v.pick(40)), "%p", fmt.Sprintf("%d,%d", precision, v.pick(precision+1)), "%s", fmt.Sprint(v.pick(8))).Replace(n.native), n.kind
}

// mapping invents tables and what fills them.
func (v *inventor) mapping() {
	var b strings.Builder
	b.WriteString("mapping: p\ncontract: t/t.wsdl#Post\nnamespaces: {t: 'urn:t'}\nidentity: none\nrows:\n")
	v.row(&b, 0, "  ", "head", "")
	v.made.YAML = b.String()
}

var rowNames = []string{"head", "line", "part"}

// row writes the rule for one level and what stands below it.
func (v *inventor) row(b *strings.Builder, scope int, indent, name, parent string) {
	t := Table{Schema: "dbo", Name: name, Key: []string{"no"}, Columns: []Column{{Name: "no", Native: "int"}}}
	columns := []string{"no: '@no'"}
	if parent != "" {
		t.Parent, t.Key = "above", []string{"above", "no"}
		t.Columns = append(t.Columns, Column{Name: "above", Native: "bigint"})
		columns = append(columns, "above: $"+parent+"/id")
	}
	if scope == 0 && v.chance(30) {
		t.Columns = append(t.Columns, Column{Name: "code", Native: v.of("nvarchar(1000)", "nvarchar(850)", "varchar(2000)", "nvarchar(30)")})
		t.Key = append(t.Key, "code")
		columns = append(columns, "code: "+quoted("concat('', "+v.path("string", scope)+")"))
	}
	for i := range 1 + v.pick(4) {
		c := Column{Name: fmt.Sprintf("c%d", i), Null: v.chance(75), Default: v.chance(15)}
		var kind string
		c.Native, kind = v.native()
		if strings.HasPrefix(c.Native, "varchar") || strings.HasPrefix(c.Native, "char") {
			c.Charset = v.of(charsets...)
		}
		t.Columns = append(t.Columns, c)
		if (c.Null || c.Default) && v.chance(5) {
			continue
		}
		columns = append(columns, c.Name+": "+v.column(kind, scope, &t, parent))
	}
	if v.chance(20) {
		wide := Column{Name: "wide", Native: v.of("nvarchar(900)", "nvarchar(100)", "varchar(3000)", "varbinary(2000)"), Null: true}
		t.Columns, t.Unique = append(t.Columns, wide), []string{"wide", "c0"}
		columns = append(columns, "wide: "+quoted(v.path(map[bool]string{true: "binary", false: "string"}[strings.HasPrefix(wide.Native, "varb")], scope)))
	}
	v.made.Tables = append(v.made.Tables, t)
	fmt.Fprintf(b, "%s- table: dbo.%s\n%s  as: %s\n%s  match: [%s]\n", indent, name, indent, name, indent, strings.Join(t.Key, ", "))
	if scope > 0 {
		fmt.Fprintf(b, "%s  each: t:%s\n", indent, name)
	}
	fmt.Fprintf(b, "%s  columns:\n", indent)
	for _, c := range columns {
		fmt.Fprintf(b, "%s    %s\n", indent, c)
	}
	if scope < 2 && v.chance(60) {
		fmt.Fprintf(b, "%s  children:\n", indent)
		v.row(b, scope+1, indent+"    ", rowNames[scope+1], name)
	}
}

// column is what one column is filled with.
func (v *inventor) column(kind string, scope int, t *Table, parent string) string {
	if v.chance(4) {
		kind = v.of("string", "integer", "decimal", "double", "boolean", "dateTime", "date", "time", "binary")
	}
	switch p := v.pick(100); {
	case p < 3:
		return "{value: " + v.of("5", "1.50", "007", "true", "null", "'x'", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'") + "}"
	case p < 10 && parent != "":
		above := v.made.Tables[len(v.made.Tables)-1]
		return "$" + parent + "/" + above.Columns[v.pick(len(above.Columns))].Name
	}
	from := quoted(v.expression(kind, scope))
	switch p := v.pick(100); {
	case p < 15:
		return "{from: " + from + ", default: " + v.fallback(kind) + "}"
	case p < 35:
		return "{from: " + from + ", absent: null}"
	case p < 50 && kind == "dateTime":
		return "{from: " + from + ", zone: " + v.of("UTC", "Europe/Helsinki", "America/New_York") + "}"
	}
	return from
}

func (v *inventor) fallback(kind string) string {
	switch kind {
	case "integer":
		return v.of("0", "7", "70000")
	case "decimal":
		return v.of("0", "1.50", "0.001")
	case "double":
		return v.of("0", "0.1", "1e300")
	case "boolean":
		return "true"
	case "dateTime":
		return v.of("'2026-03-16T12:30:00Z'", "'2026-03-16T12:30:00.1234567'")
	case "date":
		return "'2026-03-16'"
	case "time":
		return v.of("'12:00:00'", "'24:00:00Z'")
	case "binary":
		return "aGk="
	}
	return v.of("x", "x", "x", "'007'", "'\u0141'", "''", "6F9619FF-8B86-D011-B42D-00C04FC964FF")
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// path finds a leaf of a primitive within reach, or returns a constant.
func (v *inventor) path(kind string, scope int) string {
	var known []string
	for _, l := range v.made.leaves {
		if l.kind == kind && l.scope <= scope {
			known = append(known, strings.Repeat("../", scope-l.scope)+l.path)
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
	"time": {"xs:time('23:59:59.5')"}, "binary": {"t:bin"}, "list": {"'a b'"}, "union": {"'u'"}, "other": {"'o'"},
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
			p("integer")+" idiv 7", "count(t:line)", "xs:integer("+p("double")+")", "year-from-dateTime("+p("dateTime")+")", "sum(("+p("integer")+", "+p("integer")+"))", "round("+p("decimal")+")")
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
