package mappingtest

import (
	"fmt"
	"strings"
)

// column is what one column is filled with.
func (v *inventor) column(c *Column, r *rule) string {
	kind := c.kind
	if v.chance(4) {
		kind = v.of("string", "integer", "decimal", "double", "boolean", "dateTime", "date", "time", "binary")
	}
	switch p := v.pick(100); {
	case p < 3:
		return "{value: " + v.of("5", "1.50", "007", "true", "null", "'x'", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'") + "}"
	case p < 10 && r.above != nil:
		return v.referred(c, r, r.above)
	case p < 14 && v.side != nil && r != v.side:
		return v.referred(c, r, v.side)
	case p < 30 && len(v.refs) > 0:
		return v.lookup(c, r)
	case p < 42 && len(v.sets) > 0:
		return v.codeSet(c, r)
	}
	from := quoted(v.expression(kind, r.scope))
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

// referred is a column of another row, mostly one of the same type.
func (v *inventor) referred(c *Column, r, to *rule) string {
	columns := to.table.Columns
	for range 3 {
		from := columns[v.pick(len(columns))]
		if from.kind == c.kind || v.chance(10) {
			if r.source == "" && c.fill == "" && v.chance(50) {
				c.Native, c.Charset, c.Null = from.Native, from.Charset, true
			}
			return "$" + to.name + "/" + from.Name
		}
	}
	return quoted(v.path(c.kind, r.scope))
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

// foreignKeys are what tables that are only read are looked up by, with values
// that messages happen to have.
var foreignKeys = []struct {
	native, kind string
	seeds        []string
}{
	{"nvarchar(40)", "string", []string{"x", "AB", "007", "a b"}},
	{"varchar(10)", "string", []string{"x", "ABC-123", "BB"}},
	{"int", "integer", []string{"0", "7", "127"}},
	{"bigint", "integer", []string{"1", "255", "2147483647"}},
	{"date", "date", []string{"2026-01-01", "2024-02-29"}},
}

// foreignValues are what is taken of them.
var foreignValues = []struct {
	native, kind string
	seeds        []string
}{
	{"nvarchar(20)", "string", []string{"meant", "\u0141"}},
	{"varchar(5)", "string", []string{"m", "other"}},
	{"int", "integer", []string{"-5", "70000"}},
	{"smallint", "integer", []string{"12", "-300"}},
	{"decimal(9,2)", "decimal", []string{"1.50", "-1000000.25"}},
	{"varbinary(8)", "binary", []string{"00ff", "6869"}},
	{"date", "date", []string{"2026-01-01", "0001-01-01"}},
}

// codeSet is a code set of a file.
type codeSet struct {
	name, kind string
	dated      bool
}

// foreign makes the tables and code sets that are only read.
func (v *inventor) foreign() {
	for i := range v.pick(3) {
		t := v.newTable(fmt.Sprintf("ref%d", i))
		v.refs = append(v.refs, t)
		key, value := foreignKeys[v.pick(len(foreignKeys))], foreignValues[v.pick(len(foreignValues))]
		t.Key = []string{"k"}
		t.Columns = []Column{{Name: "k", Native: key.native, kind: key.kind}, {Name: "v", Native: value.native, kind: value.kind, Null: v.chance(30)}}
		pair, dated := v.chance(25), v.chance(35)
		if pair {
			t.Key = []string{"k", "j"}
			t.Columns = append(t.Columns, Column{Name: "j", Native: "int", kind: "integer"})
		}
		if dated {
			t.Dated = true
			t.Columns = append(t.Columns, Column{Name: "since", Native: "date", Null: true}, Column{Name: "till", Native: "date", Null: true})
		}
		for n, k := range key.seeds {
			seed := map[string]string{"k": k, "v": value.seeds[n%len(value.seeds)]}
			if t.Columns[1].Null && n == 1 {
				seed["v"] = "NULL"
			}
			if pair {
				seed["j"] = v.of("0", "1", "7")
			}
			if dated {
				seed["since"], seed["till"] = v.of("NULL", "2020-01-01", "2030-01-01"), v.of("NULL", "2025-12-31", "9999-12-31")
				if seed["till"] == "2025-12-31" && seed["since"] == "2030-01-01" {
					seed["till"] = "NULL"
				}
			}
			t.Seeds = append(t.Seeds, seed)
		}
	}
	for i := range v.pick(3) {
		v.sets = append(v.sets, v.codes(fmt.Sprintf("set%d", i)))
	}
}

// lookup takes a value of a table that is only read, by a look-up or as the
// meaning of a code.
func (v *inventor) lookup(c *Column, r *rule) string {
	t := v.refs[v.pick(len(v.refs))]
	if r.source == "" && v.chance(80) { // else hardly any fits
		c.Native, c.kind = t.Columns[1].Native, t.Columns[1].kind
		if t.Columns[1].Null {
			c.Null = true
		}
	}
	if len(t.Key) == 1 && v.chance(35) {
		return v.codeTable(t, r)
	}
	where := "k: " + quoted(v.path(t.Columns[0].kind, r.scope))
	if len(t.Key) > 1 {
		where += ", j: " + quoted(v.path("integer", r.scope))
	}
	missing := v.of("reject", "null", "null", "not_yet", "insert", "insert")
	if missing == "insert" {
		missing += ", insert: {v: " + v.of("{value: 5}", "{value: x}", quoted(v.path(t.Columns[1].kind, r.scope)), quoted(v.path(t.Columns[1].kind, r.scope))) + "}"
	}
	return fmt.Sprintf("{lookup: dbo.%s, where: {%s}, column: v, not_found: %s}", t.Name, where, missing)
}

// codeTable takes the meaning of a code from a table.
func (v *inventor) codeTable(t *Table, r *rule) string {
	table, at := "table: dbo."+t.Name+", code: k, value: v", ""
	if t.Dated {
		table, at = table+", valid_from: since"+v.of("", ", valid_to: till", ", valid_to: till"), ", at: xs:date($message/receivedAt)"
	}
	return fmt.Sprintf("{code_set: {%s}, from: %s%s, unknown: %s}", table, quoted(v.path(t.Columns[0].kind, r.scope)), at, v.unknown(t.Columns[1].kind))
}

func (v *inventor) unknown(kind string) string {
	return v.of("reject", "null", "not_yet", "keep", "{value: "+map[string]string{"string": "u", "integer": "3", "decimal": "0.5", "binary": "aGk=", "date": "'2026-01-01'"}[kind]+"}")
}

// codes writes the file of a code set.
func (v *inventor) codes(name string) codeSet {
	s := codeSet{name: name, kind: v.of("string", "string", "integer", "decimal"), dated: v.chance(30)}
	var b strings.Builder
	fmt.Fprintf(&b, "code_set: %s\nowner: the test\ncodes:\n", name)
	for n, code := range []string{"x", "AB", "a b", "007", "b"}[:2+v.pick(4)] {
		value := map[string][]string{"string": {"m", "'\u0141'", "other", "'1'"}, "integer": {"1", "-2", "70000", "255"}, "decimal": {"0.5", "1.25", "100000.0", "-1.5"}}[s.kind][n%4]
		fmt.Fprintf(&b, "  - {code: %q, value: %s", code, value)
		if s.dated {
			b.WriteString(v.of("", ", valid_from: 2020-01-01", ", valid_to: 2020-01-01", ", valid_from: 2020-01-01, valid_to: 2030-12-31"))
		}
		b.WriteString("}\n")
	}
	if s.dated {
		b.WriteString("  - {code: dated, value: " + map[string]string{"string": "d", "integer": "4", "decimal": "4.5"}[s.kind] + ", valid_from: 2020-01-01}\n")
	}
	v.made.Codes = append(v.made.Codes, b.String())
	return s
}

// codeSet takes the meaning of a code from a file.
func (v *inventor) codeSet(c *Column, r *rule) string {
	s := v.sets[v.pick(len(v.sets))]
	for _, other := range v.sets {
		if other.kind == c.kind {
			s = other
		}
	}
	at := ""
	if s.dated || v.chance(10) {
		at = ", at: " + v.of("$message/receivedAt", quoted(v.path("date", r.scope)))
	}
	return fmt.Sprintf("{code_set: %s, from: %s%s, unknown: %s%s}", s.name, quoted(v.path(v.of("string", "string", "integer"), r.scope)), at, v.unknown(s.kind), v.of("", "", ", absent: null"))
}
