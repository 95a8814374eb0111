package mapping_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// builder is a schema that knows how to change itself: an alteration's text is the
// alteration.
type builder struct{ tables }

func (b builder) Build(a mapping.Alteration) (string, bool) {
	text, _ := json.Marshal(a)
	return string(text), true
}

// altered is the schema with an alteration done.
func (b builder) altered(t *testing.T, text string) builder {
	t.Helper()
	var a mapping.Alteration
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	out := builder{maps.Clone(b.tables)}
	if a.Sequence {
		out.tables[a.Table] = &mapping.TableModel{Name: a.Table, Sequence: true}
		return out
	}
	model := *out.tables[a.Table]
	out.tables[a.Table] = &model
	switch {
	case len(a.Unique) > 0:
		model.Unique = append(slices.Clip(model.Unique), a.Unique)
	case a.New:
		model.Columns = append(slices.Clip(model.Columns), *a.Column)
	default:
		model.Columns = slices.Clone(model.Columns)
		i := slices.IndexFunc(model.Columns, func(c mapping.ColumnModel) bool { return c.Name == a.Column.Name })
		model.Columns[i] = *a.Column
	}
	return out
}

// against is everything that an examination has against a mapping.
func against(e *mapping.Examination) []string {
	var out []string
	for _, c := range e.Complaints {
		out = append(out, c.Target+": "+c.Message)
	}
	for _, n := range e.Narrowings {
		out = append(out, n.Target+": "+n.Reason)
	}
	return out
}

// mendsOf lists the mends of each complaint and narrowing, in the order of against.
func mendsOf(e *mapping.Examination) [][]mapping.Mend {
	var out [][]mapping.Mend
	for _, c := range e.Complaints {
		out = append(out, c.Mends)
	}
	for _, n := range e.Narrowings {
		out = append(out, n.Mends)
	}
	return out
}

// TestMends: every mend that is proposed does away with what it is proposed for,
// unless it says that it mends a part.
func TestMends(t *testing.T) {
	yes := func(c mapping.ColumnType) mapping.ColumnType { c.Nullable = true; return c }
	kind := func(k mapping.ColumnKind) mapping.ColumnType { return yes(mapping.ColumnType{Kind: k}) }
	small := mapping.ColumnType{Kind: mapping.DateTimeColumn, Grain: 60e9, Nullable: true}
	for _, tt := range []struct {
		expr   string
		column mapping.ColumnType
		want   []string // mends of the mapping, and how many of the database
	}{
		{"t:text", yes(text(3)), []string{"a: {from: t:text, truncate: true}", "1"}},
		{"{from: t:text, default: 'it''s'}", text(4), []string{"a: '(t:text, ''it''''s'')[1]'", "1"}},
		{"t:text", yes(ascii(3)), []string{"a: {from: t:text, truncate: true} (part)", "1"}},
		{"t:text", yes(coded(0, "windows-1252")), []string{"1"}},
		{"t:text", yes(coded(10, "utf-8")), []string{"a: {from: t:text, truncate: true}", "1"}},
		{"t:text", mapping.ColumnType{Kind: mapping.StringColumn, UUID: true, Nullable: true, Length: 36}, []string{"1"}},
		{"t:hex", mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2, Nullable: true}, []string{"a: {from: t:hex, truncate: true}", "1"}},
		{"t:hex", mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2, Fixed: true, Nullable: true}, []string{"1"}},
		{"t:exact", yes(text(4)), []string{"1"}},
		{"t:flag", yes(text(4)), []string{"1"}},
		{"t:exact", yes(decimal(5, 2)), []string{"a: 'round-half-to-even(t:exact, 2)' (part)"}},
		{"t:exact * 2", yes(decimal(5, 2)), []string{"a: 'round-half-to-even(t:exact * 2, 2)' (part)"}},
		{"t:whole", yes(integer), nil},
		{"string-length(t:text)", yes(mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 255}), nil},
		{"t:at", small, []string{"1"}},
		{"t:approx", kind(mapping.FloatColumn), nil},

		{"t:text", text(0), []string{"a: '(t:text, '''')[1]'", "1"}},
		{"{from: t:text, absent: null}", text(0), []string{"a: '(t:text, '''')[1]'", "1"}},
		{"t:part/t:name", text(0), []string{"a: {from: t:part/t:name, default: ''}", "1"}},
		{"{from: t:part/t:name, absent: null}", text(0), []string{"a: {from: t:part/t:name, default: ''}", "1"}},
		{"t:part/t:name", mapping.ColumnType{Kind: mapping.StringColumn, UUID: true, Length: 36}, []string{"a: {from: t:part/t:name, default: '00000000-0000-0000-0000-000000000000'}", "1"}},
		{"t:whole", bigint, []string{"a: {from: t:whole, default: 0}", "1"}},
		{"t:flag", mapping.ColumnType{Kind: mapping.BoolColumn}, []string{"a: {from: t:flag, default: false}", "1"}},
		{"{from: t:at, zone: Europe/Helsinki}", moment, []string{"a: {from: t:at, zone: Europe/Helsinki, default: '1970-01-01T00:00:00Z'}", "1"}},
		{"t:on", day, []string{"a: {from: t:on, default: '1970-01-01'}", "1"}},
		{"t:time", mapping.ColumnType{Kind: mapping.TimeColumn}, []string{"a: {from: t:time, default: '00:00:00'}", "1"}},
		{"t:tag[1]", text(0), []string{"a: '(t:tag[1], '''')[1]'", "1"}},
		{"{from: t:exact, default: 1000}", decimal(5, 2), []string{"a: {from: t:exact, default: 0}"}},
		{"{lookup: dbo.u, where: {k: t:part/t:name}, column: v, not_found: null}", text(9), []string{"a: {lookup: dbo.u, where: {k: t:part/t:name}, column: v, not_found: reject}", "1"}},

		{"t:at", kind(mapping.DateColumn), []string{"a: xs:date(t:at)"}},
		{"t:text", yes(integer), []string{"a: xs:integer(t:text)"}},
		{"t:exact", yes(integer), []string{"a: xs:integer(t:exact)"}},
		{"{from: t:on, absent: null}", yes(moment), []string{"a: {from: xs:dateTime(t:on), absent: null}"}},
		{"t:data", yes(text(5)), []string{"a: string(t:data)"}},
		{"t:text", kind(mapping.BytesColumn), nil},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			schema := builder{one(tt.column)}
			u := mapping.TableName{Schema: "dbo", Name: "u"}
			schema.tables[u] = &mapping.TableModel{Name: u, Columns: []mapping.ColumnModel{column("k", text(0)), column("v", text(9))}, Unique: [][]string{{"k"}}}
			found := valued(t, "a: "+tt.expr, "").Examine(schema)
			all, mends := against(found), mendsOf(found)
			if len(all) == 0 {
				t.Fatal("nothing is wrong")
			}
			var got []string
			built := 0
			for _, m := range mends[0] {
				var next *mapping.Examination
				if m.In == mapping.InDatabase {
					built++
					next = valued(t, "a: "+tt.expr, "").Examine(schema.altered(t, m.Text))
				} else {
					line := m.Text
					if m.Part {
						line += " (part)"
					}
					got = append(got, line)
					next = valued(t, m.Text, "").Examine(schema)
				}
				if gone := !slices.Contains(against(next), all[0]); !gone {
					t.Errorf("%s does not mend %q: %q", m, all[0], against(next))
				}
				rest := slices.DeleteFunc(against(next), func(s string) bool { return slices.Contains(all[1:], s) })
				if left := len(rest) > 0; left != m.Part && found.Complaints == nil {
					t.Errorf("%s mends a part: %v; left is %q", m, m.Part, rest)
				}
			}
			if built > 0 {
				got = append(got, strings.Repeat("I", built-1)+"1")
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q is mended by\n%q, want\n%q", all[0], got, tt.want)
			}
		})
	}
}

// Keys, sequences and columns that are not there.
func TestMendsOfTables(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right))
	orders := mapping.TableName{Schema: "sales", Name: "sales_order"}
	product := mapping.TableName{Schema: "catalog", Name: "product"}
	drop := func(t *mapping.TableModel, name string) {
		t.Columns = slices.DeleteFunc(t.Columns, func(c mapping.ColumnModel) bool { return c.Name == name })
	}
	for _, tt := range []struct {
		name  string
		spoil func(tables)
		want  string
		mends int
	}{
		{"key", func(ts tables) { ts[orders].Unique = nil }, "match needs a unique index on (order_no)", 1},
		{"filtered key", func(ts tables) {
			ts[orders].Unique = nil
			ts[orders].Unusable = []mapping.Index{{Name: "ux", Columns: []string{"order_no"}, Why: "filtered: ([order_no]<>'')"}}
		}, "match needs a unique index on (order_no); ux does not count, for it is filtered: ([order_no]<>'')", 1},
		{"disabled key of a look-up", func(ts tables) {
			ts[product].Unique = nil
			ts[product].Unusable = []mapping.Index{{Name: "ux", Columns: []string{"sku"}, Why: "disabled"}}
		}, "a look-up needs a unique index on (sku); ux does not count, for it is disabled", 1},
		{"key without a limit", func(ts tables) {
			ts[orders].Unique = nil
			ts[orders].Columns[1].Length = 0
		}, "match needs a unique index on (order_no)", 0},
		{"column", func(ts tables) { drop(ts[orders], "currency") }, "the table has no column currency", 1},
		{"needed column", func(ts tables) { ts[orders].Columns = append(ts[orders].Columns, column("vat", text(5))) },
			"the column takes no NULL, has no default, and the mapping does not write it", 1},
		{"reference", func(ts tables) { ts[orders].Columns[2].ColumnType = integer }, "crm.customer.id may hold more than this column takes: a whole number from -2147483648 to 2147483647", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			schema := builder{business()}
			tt.spoil(schema.tables)
			found := m.Examine(schema)
			if len(found.Complaints) == 0 || !strings.HasPrefix(found.Complaints[0].Message, tt.want) {
				t.Fatalf("got %+v", found.Complaints)
			}
			var built int
			for _, mend := range found.Complaints[0].Mends {
				if mend.In == mapping.InDatabase {
					built++
					if next := m.Examine(schema.altered(t, mend.Text)); len(next.Complaints) > 0 {
						t.Errorf("%s leaves %+v", mend, next.Complaints)
					}
				}
			}
			if built != tt.mends {
				t.Errorf("%d mends, want %d: %+v", built, tt.mends, found.Complaints[0].Mends)
			}
		})
	}
}

// A schema that cannot build proposes nothing of the database's.
func TestMendsWithoutABuilder(t *testing.T) {
	for _, mends := range mendsOf(valued(t, "a: t:text", "").Examine(one(nullable(text(3))))) {
		for _, m := range mends {
			if m.In != mapping.InMapping {
				t.Errorf("got %+v", m)
			}
		}
	}
}

func TestStrict(t *testing.T) {
	m := valued(t, "a: t:text", "strict: true")
	_, err := m.Check(one(nullable(text(3))))
	if f := fault.Of(err); f == nil || f.Code != fault.CodeSchema ||
		f.Details[0].String() != "v.yaml:8:10: the contract allows more than the column takes: any length meets 3 UTF-16 units; for dbo.t.a" {
		t.Errorf("got %v", err)
	}
	if _, err := m.Check(one(nullable(text(0)))); err != nil {
		t.Error(err)
	}
	m = valued(t, "a: {from: t:text, truncate: true}", "strict: true")
	if _, err := m.Check(one(nullable(text(3)))); err != nil {
		t.Errorf("what is cut is the author's choice: %v", err)
	}
}
