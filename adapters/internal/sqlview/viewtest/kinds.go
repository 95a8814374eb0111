package viewtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// kind is a type with values in its order.
type kind struct {
	native string
	kind   mapping.ColumnKind
	values []string
	// between are values that the column cannot have, with their places among
	// those that it can: 0.5 lies behind the first of them.
	between map[string]float64
	equal   bool // only equality and paging are compared: each database has its own order
}

var kinds = []kind{
	{native: "int", kind: mapping.IntegerColumn, values: []string{"-2147483648", "-1", "0", "7", "2147483647"}, between: map[string]float64{"-3000000000": -1, "3000000000": 5}},
	{native: "bigint", kind: mapping.IntegerColumn, values: []string{"-9223372036854775808", "0", "9007199254740993", "9223372036854775807"}},
	{native: "tinyint", kind: mapping.IntegerColumn, values: []string{"0", "3", "255"}, between: map[string]float64{"-1": -1, "256": 3}},
	{native: "smallint", kind: mapping.IntegerColumn, values: []string{"-32768", "10", "32767"}},
	{native: "decimal(19,4)", kind: mapping.DecimalColumn, values: []string{"-100000000000.5000", "-2.0000", "0.0001", "10.0000", "9.9999"},
		between: map[string]float64{"0.00005": 1.5, "-0.00001": 1.5, "99999999999999999999": 5, "-99999999999999999999": -1}},
	{native: "decimal(9,0)", kind: mapping.DecimalColumn, values: []string{"-3", "2", "10", "100"}, between: map[string]float64{"2.5": 1.5, "-2.5": 0.5}},
	{native: "money", kind: mapping.DecimalColumn, values: []string{"-12.3400", "0.0000", "3.5000", "12.3400"}},
	{native: "bit", kind: mapping.BoolColumn, values: []string{"0", "1"}},
	{native: "date", kind: mapping.DateColumn, values: []string{"0001-01-01", "1999-12-31", "2026-02-28", "9999-12-31"}},
	{native: "datetime2(3)", kind: mapping.DateTimeColumn, values: []string{"0001-01-01T00:00:00", "2026-03-01T09:30:00", "2026-03-01T09:30:00.005", "2026-03-01T09:30:00.05"},
		between: map[string]float64{"2026-03-01T09:30:00.0049": 1.5, "2026-03-01T09:30:00.0055": 2.5}},
	{native: "datetime2(7)", kind: mapping.DateTimeColumn, values: []string{"2026-03-01T09:30:00", "2026-03-01T09:30:00.0000001", "2026-03-01T09:30:01"}},
	{native: "datetime2(0)", kind: mapping.DateTimeColumn, values: []string{"2026-03-01T09:30:00", "2026-03-01T09:30:01"}, between: map[string]float64{"2026-03-01T09:30:00.5": 0.5}},
	{native: "datetime", kind: mapping.DateTimeColumn, values: []string{"1753-01-01T00:00:00", "2026-03-01T09:30:00.003", "2026-03-01T09:30:00.007", "2026-03-01T09:30:00.01"},
		between: map[string]float64{"2026-03-01T09:30:00.004": 1.5, "2026-03-01T09:30:00.009": 2.5}},
	{native: "smalldatetime", kind: mapping.DateTimeColumn, values: []string{"1900-01-01T00:00:00", "2026-03-01T09:30:00", "2026-03-01T09:31:00"},
		between: map[string]float64{"2026-03-01T09:30:40": 1.5, "1800-01-01T00:00:00": -1, "2100-01-01T00:00:00": 3}},
	{native: "datetimeoffset(3)", kind: mapping.DateTimeColumn, values: []string{"2026-03-01T09:30:00", "2026-03-01T09:30:00.005", "2026-03-01T10:30:00"}},
	{native: "time(3)", kind: mapping.TimeColumn, values: []string{"00:00:00.000", "09:30:00.000", "09:30:00.500", "23:59:59.999"}, between: map[string]float64{"09:30:00.5001": 2.5}},
	{native: "float", kind: mapping.FloatColumn, values: []string{"-1.5e+300", "-0.1", "0", "0.1", "2.5", "1e+300"}},
	{native: "real", kind: mapping.FloatColumn, values: []string{"-2.5", "0", "0.5", "1024"}},
	{native: "nvarchar(40)", kind: mapping.StringColumn, values: []string{"a", "a b", "ab", "abc", "b'); DROP TABLE x; --", "c%", "d", "ж", "中文"}},
	{native: "varchar(40)", kind: mapping.StringColumn, values: []string{"a", "ab", "b", "c"}},
	{native: "nchar(6)", kind: mapping.StringColumn, values: []string{"a", "ab", "abcdef"}},
	{native: "uniqueidentifier", kind: mapping.StringColumn, equal: true, values: []string{"01020304-0506-0708-090A-0B0C0D0E0F10", "6F9619FF-8B86-D011-B42D-00C04FC964FF", "FF000000-0000-0000-0000-000000000001"}},
	{native: "varbinary(20)", kind: mapping.BytesColumn, values: []string{"", "00", "00ff", "ff"}},
	{native: "binary(4)", kind: mapping.BytesColumn, values: []string{"00000000", "00000001", "ffffffff"}},
}

// TestKinds asks for every kind of column with every operator, in both directions,
// page by page.
func TestKinds(t *testing.T, b Base) {
	for n := range kinds {
		k := &kinds[n]
		if !b.Takes(k.native) {
			continue
		}
		slices.SortFunc(k.values, func(x, y string) int { return order(t, k, x, y) })
		t.Run(k.native, func(t *testing.T) { testKind(t, b, k, "k"+strconv.Itoa(n)) })
	}
}

// order compares numbers as numbers; the other values are in their order above.
func order(t *testing.T, k *kind, x, y string) int {
	if k.kind != mapping.DecimalColumn {
		return slices.Index(k.values, x) - slices.Index(k.values, y)
	}
	a, errA := strconv.ParseFloat(x, 64)
	b, errB := strconv.ParseFloat(y, 64)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return map[bool]int{true: -1, false: 1}[a < b]
}

func testKind(t *testing.T, b Base, k *kind, name string) {
	b.Exec(t, "CREATE TABLE {dbo."+name+"} (id bigint NOT NULL, val "+k.native+" NULL, CONSTRAINT pk_"+name+" PRIMARY KEY (id))")
	filter, sort, looks := "", "", ""
	if k.kind != mapping.BytesColumn {
		b.Exec(t, "CREATE INDEX ix_"+name+" ON {dbo."+name+"} (val, id)")
		filter, sort, looks = ", val", ", val", "looks_at: 10000\n"
	}
	rows := rowsOf(k)
	var lines [][]string
	for _, at := range rand.New(rand.NewPCG(1, 2)).Perm(len(rows)) {
		r := rows[at]
		text := "NULL"
		if r.rank >= 0 {
			text = k.values[r.rank]
		}
		lines = append(lines, []string{strconv.Itoa(r.id), text})
	}
	insert(t, b, "dbo."+name, []string{"bigint", k.native}, []string{"id", "val"}, lines)
	s, _ := open(t, b, "view: "+name+"\nfrom: dbo."+name+"\nkey: [id]\n"+looks+"fields: {id: {}, val: {}}\nfilter: [id"+filter+"]\nsort: [id"+sort+"]\n")
	read, _ := pages(t, s, everybody{}, name, view.Query{Top: 4})
	for i, r := range read {
		want := view.Null
		if rows[i].rank >= 0 {
			want = value(t, k.kind, k.values[rows[i].rank])
		}
		if told(r.Values[0]) != strconv.Itoa(rows[i].id) || told(r.Values[1]) != told(want) {
			t.Errorf("row %d is %s, not %d %s", i, tellRow(&r), rows[i].id, told(want))
		}
	}
	if len(read) != len(rows) {
		t.Errorf("%d rows of %d", len(read), len(rows))
	}
	if k.kind == mapping.BytesColumn {
		return
	}
	for text, e := range k.conditions(t) {
		for _, desc := range []bool{false, true} {
			k.ask(t, s, name, text, e, desc, rows)
		}
	}
}

// ranked is a row of whose value the place is known; -1 is null.
type ranked struct{ id, rank int }

func rowsOf(k *kind) []ranked {
	var out []ranked
	for id := range 2 * (len(k.values) + 1) {
		out = append(out, ranked{id + 1, id%(len(k.values)+1) - 1})
	}
	return out
}

// condition is an expression and which rows it wants, by rank.
type condition struct {
	expr  view.Expr
	wants func(rank int) bool
}

func (k *kind) conditions(t *testing.T) map[string]condition {
	out := map[string]condition{
		"":                 {nil, func(int) bool { return true }},
		"val is null":      {view.IsNull{Field: 1}, func(rank int) bool { return rank < 0 }},
		"not val is null":  {view.Not{Of: view.IsNull{Field: 1}}, func(rank int) bool { return rank >= 0 }},
		"val in 0, last":   {view.In{Field: 1, Values: []view.Value{value(t, k.kind, k.values[0]), value(t, k.kind, k.values[len(k.values)-1])}}, func(rank int) bool { return rank == 0 || rank == len(k.values)-1 }},
		"not val in first": {view.Not{Of: view.In{Field: 1, Values: []view.Value{value(t, k.kind, k.values[0])}}}, func(rank int) bool { return rank > 0 }},
	}
	add := func(text string, place float64) {
		for op := view.Equal; op <= view.LessOrEqual; op++ {
			if k.equal && op > view.NotEqual {
				continue
			}
			e := view.Compare{Field: 1, Op: op, Value: value(t, k.kind, text)}
			wants := func(rank int) bool { return rank >= 0 && holds(op, float64(rank)-place) }
			out[fmt.Sprintf("val %d %s", op, text)] = condition{e, wants}
			out[fmt.Sprintf("not val %d %s", op, text)] = condition{view.Not{Of: e}, func(rank int) bool { return rank >= 0 && !holds(op, float64(rank)-place) }}
			if op == view.Less {
				out["null or less "+text] = condition{view.Or{e, view.IsNull{Field: 1}}, func(rank int) bool { return rank < 0 || wants(rank) }}
			}
		}
	}
	for i, text := range k.values {
		add(text, float64(i))
	}
	for text, place := range k.between {
		add(text, place)
	}
	return out
}

func holds(op view.Operator, difference float64) bool {
	switch op {
	case view.Equal:
		return difference == 0
	case view.NotEqual:
		return difference != 0
	case view.Greater:
		return difference > 0
	case view.GreaterOrEqual:
		return difference >= 0
	case view.Less:
		return difference < 0
	}
	return difference <= 0
}

func (k *kind) ask(t *testing.T, s view.Searcher, name, text string, c condition, desc bool, rows []ranked) {
	t.Helper()
	got, _ := pages(t, s, everybody{}, name, view.Query{Where: c.expr, Order: []view.Order{{Field: 1, Desc: desc}}, Top: 5, Select: []int{0, 1}})
	var ids, want []string
	for _, r := range got {
		ids = append(ids, told(r.Values[0]))
	}
	wanted := slices.DeleteFunc(slices.Clone(rows), func(r ranked) bool { return !c.wants(r.rank) })
	slices.SortFunc(wanted, func(a, b ranked) int {
		d := a.rank - b.rank
		if d == 0 {
			d = a.id - b.id
		}
		if desc {
			d = -d
		}
		return d
	})
	for _, r := range wanted {
		want = append(want, strconv.Itoa(r.id))
	}
	if k.equal {
		slices.Sort(ids)
		slices.Sort(want)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("%s (falling: %v): %s, not %s", text, desc, strings.Join(ids, " "), strings.Join(want, " "))
	}
}
