package mappingtest

import (
	"fmt"
	"slices"
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

// newColumn draws a column's type; some columns are of a code page.
func (v *inventor) newColumn(name string) (c Column, kind string) {
	c = Column{Name: name, Null: v.chance(85), Default: v.chance(15)}
	c.Native, kind = v.native()
	if strings.HasPrefix(c.Native, "varchar") || strings.HasPrefix(c.Native, "char") {
		c.Charset = v.of(charsets...)
	}
	return c, kind
}

// rule is a row rule on its way into the file.
type rule struct {
	name     string
	scope    int // what its expressions begin at
	each     string
	table    *Table
	above    *rule  // whose row it belongs to; nil at the top
	source   string // of one of several rules for a table: the constant that tells its rows apart
	columns  []string
	more     []string // further keys of the rule
	children []*rule
}

// mapping invents tables and what fills them.
func (v *inventor) mapping() {
	v.foreign()
	var rows []*rule
	if v.chance(40) { // a row beside the others, which they can refer to
		v.side = v.row(&rule{name: "side"})
		rows = append(rows, v.side)
	}
	head := v.row(&rule{name: "head"})
	rows = append(rows, head)
	if v.chance(60) {
		v.lines(head)
	}
	if v.chance(30) {
		rows = append(rows, v.node())
	}
	for _, t := range v.tables {
		v.made.Tables = append(v.made.Tables, *t)
	}
	var b strings.Builder
	b.WriteString("mapping: p\ncontract: t/t.wsdl#Post\nnamespaces: {t: 'urn:t'}\nidentity: none\nrows:\n")
	for _, r := range rows {
		r.write(&b, "  ")
	}
	v.made.YAML = b.String()
}

// lines makes the rules for what repeats: several tables for one element, and
// one table for several elements, among them.
func (v *inventor) lines(head *rule) {
	several := v.chance(25)
	line := &rule{name: "line", scope: 1, each: "t:line", above: head}
	if several {
		line.source = "L"
	}
	v.row(line)
	if v.chance(60) {
		v.row(&rule{name: "part", scope: 2, each: "t:part", above: line})
	}
	if v.chance(25) {
		v.row(&rule{name: "copy", scope: 1, each: "t:line", above: head})
	}
	if several {
		v.row(&rule{name: "extra", scope: 3, each: "t:extra", above: head, source: "E", table: line.table})
	}
}

func (v *inventor) newTable(name string) *Table {
	t := &Table{Schema: "dbo", Name: name}
	v.tables = append(v.tables, t)
	return t
}

// row makes a rule's table, unless it has one, and fills its columns.
func (v *inventor) row(r *rule) *rule {
	fresh := r.table == nil
	if fresh {
		r.table = v.newTable(r.name)
		v.shape(r)
	}
	t := r.table
	for i := range t.Columns {
		if c := &t.Columns[i]; c.fill == "" && r.source == "" && (c.Null || c.Default) && v.chance(5) && !slices.Contains(t.Key, c.Name) {
			continue
		} else if c.Name != t.Drawn {
			r.columns = append(r.columns, c.Name+": "+v.filled(c, r))
		}
	}
	v.manner(r)
	if r.above != nil {
		r.above.children = append(r.above.children, r)
	}
	return r
}

// shape declares the columns and keys of a rule's table.
func (v *inventor) shape(r *rule) {
	t := r.table
	add := func(c Column, fill string) {
		c.fill = fill
		t.Columns = append(t.Columns, c)
	}
	add(Column{Name: "no", Native: "int"}, "no")
	t.Key = []string{"no"}
	if r.above != nil {
		t.Key = []string{"above", "no"}
		t.Refers = append(t.Refers, Reference{"above", r.above.table.Name})
		add(Column{Name: "above", Native: "bigint"}, "above")
	}
	if r.source != "" {
		t.Key = append(t.Key, "source")
		add(Column{Name: "source", Native: "nchar(1)"}, "source")
	}
	if r.scope == 0 && v.chance(30) {
		t.Key = append(t.Key, "code")
		add(Column{Name: "code", Native: v.of("nvarchar(1000)", "nvarchar(850)", "varchar(2000)", "nvarchar(30)", "nvarchar(450)")}, "code")
	}
	for i := range 1 + v.pick(4) {
		c, kind := v.newColumn(fmt.Sprintf("c%d", i))
		add(c, kind)
		t.Columns[len(t.Columns)-1].fill = ""
		t.Columns[len(t.Columns)-1].kind = kind
	}
	if v.side != nil && v.chance(25) {
		t.Refers = append(t.Refers, Reference{"beside", v.side.table.Name})
		add(Column{Name: "beside", Native: "bigint", Null: true}, "beside")
	}
	if r.name == "side" {
		add(Column{Name: "label", Native: v.of("nvarchar(20)", "nvarchar(1000)", "nvarchar(850)", "nvarchar(450)")}, "label")
	}
	if v.chance(20) {
		wide := Column{Name: "wide", Native: v.of("nvarchar(900)", "nvarchar(100)", "varchar(3000)", "varbinary(2000)"), Null: true}
		if v.chance(50) {
			t.Unique = []string{"wide", "c0"}
		} else {
			t.Index = []string{"wide"}
		}
		add(wide, "wide")
	}
	t.Clustered = v.chance(40)
	if t.Unique == nil && v.chance(10) {
		t.Drawn, t.Key, t.Clustered = "seq", nil, false
		add(Column{Name: "seq", Native: v.of("bigint", "bigint", "int")}, "seq")
		v.made.Sequences = []string{"numbers"}
	}
}

// filled is what a column is filled with: those of keys have expressions of their
// own.
func (v *inventor) filled(c *Column, r *rule) string {
	switch c.fill {
	case "no":
		return "'@no'"
	case "above":
		return "$" + r.above.name + "/id"
	case "beside":
		return "$side/id"
	case "source":
		return "{value: " + r.source + "}"
	case "code":
		if v.side != nil && v.chance(35) { // a key that is copied
			return "$side/label"
		}
		return quoted("concat('', " + v.path("string", r.scope) + ")")
	case "label":
		return quoted("concat('', " + v.path("string", r.scope) + ")")
	case "wide":
		if v.side != nil && v.chance(25) {
			return "$side/label"
		}
		return quoted(v.path(map[bool]string{true: "binary", false: "string"}[strings.HasPrefix(c.Native, "varb")], r.scope))
	}
	return v.column(c, r)
}

// manner adds the choices of a row: conditions, versions, what becomes of stored
// rows.
func (v *inventor) manner(r *rule) {
	t := r.table
	add := func(format string, args ...any) { r.more = append(r.more, fmt.Sprintf(format, args...)) }
	if t.Drawn != "" {
		add("sequence: {column: %s, name: dbo.numbers}", t.Drawn)
	} else {
		add("match: [%s]", strings.Join(t.Key, ", "))
		if v.chance(20) {
			add("on_match: %s", v.of("keep", "fail"))
		}
	}
	if r.above != nil && t.Drawn == "" && r.source == "" && v.chance(20) {
		add("absent: %s", v.of("delete", "delete_all"))
	}
	if r.each != "" && v.chance(20) || r.name == "side" && v.chance(25) {
		add("when: %s", quoted(v.expression("boolean", r.scope)))
	}
	if r.scope == 0 && t.Drawn == "" && r.name != "node" && v.chance(20) {
		t.Columns = append(t.Columns, Column{Name: "ver", Native: v.of("int", "smallint", "bigint"), Null: v.chance(50), fill: "ver"})
		add("version: {column: ver, from: %s}", quoted(v.path("integer", r.scope)))
	}
}

// node is the rule for rows that refer to one another, by a key of the message.
func (v *inventor) node() *rule {
	r := &rule{name: "node", scope: 4, each: "t:node", table: v.newTable("node")}
	t := r.table
	t.Key = []string{"code"}
	t.Refers = []Reference{{"parent", "node"}}
	t.Columns = []Column{
		{Name: "code", Native: v.of("nvarchar(40)", "varchar(10)", "nvarchar(1000)")},
		{Name: "parent", Native: "bigint", Null: v.chance(90)},
	}
	r.columns = []string{"code: '@code'", "parent: {lookup: dbo.node, where: {code: '@parent'}, column: id, not_found: " + v.of("reject", "null", "null", "not_yet") + "}"}
	c, kind := v.newColumn("c0")
	c.kind = kind
	t.Columns = append(t.Columns, c)
	r.columns = append(r.columns, "c0: "+v.column(&c, r))
	r.more = []string{"match: [code]"}
	return r
}

// write puts the rule into the file.
func (r *rule) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s- table: dbo.%s\n%s  as: %s\n", indent, r.table.Name, indent, r.name)
	if r.each != "" {
		fmt.Fprintf(b, "%s  each: %s\n", indent, r.each)
	}
	for _, more := range r.more {
		fmt.Fprintf(b, "%s  %s\n", indent, more)
	}
	fmt.Fprintf(b, "%s  columns:\n", indent)
	for _, c := range r.columns {
		fmt.Fprintf(b, "%s    %s\n", indent, c)
	}
	if len(r.children) > 0 {
		fmt.Fprintf(b, "%s  children:\n", indent)
		for _, child := range r.children {
			child.write(b, indent+"    ")
		}
	}
}
