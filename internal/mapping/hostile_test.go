package mapping_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestHostileColumns: what a column of SQL Server would refuse, cut, round or
// replace is refused before the commit; what it takes is written in its form.
// TestLimits has the simpler ones.
func TestHostileColumns(t *testing.T) {
	clock := func(scale int) mapping.ColumnType { return mapping.ColumnType{Kind: mapping.TimeColumn, Scale: scale} }
	moments := func(scale int, grain time.Duration) mapping.ColumnType {
		return mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: scale, Grain: grain}
	}
	float := func(bits int) mapping.ColumnType {
		return mapping.ColumnType{Kind: mapping.FloatColumn, Precision: bits}
	}
	uuid := mapping.ColumnType{Kind: mapping.StringColumn, Length: 36, UUID: true}
	binary := mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2, Fixed: true}
	last := moments(7, 0)
	last.Latest = time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)
	ticks := time.Second / 300
	const id = "6F9619FF-8b86-d011-b42d-00c04fc964ff"
	const noUUID = "! a UUID such as 6f9619ff-8b86-d011-b42d-00c04fc964ff"
	at := func(value string) string { return "<t:at>" + value + "</t:at>" }
	for _, tt := range []struct {
		name       string
		column     mapping.ColumnType
		expr, body string
		want       string // the value, or what the column expects
	}{
		{"digit bomb", decimal(38, 10), "t:exact", "<t:exact>" + strings.Repeat("9", 100) + "</t:exact>", "! at most 38 digits, 10 of them after the point"},
		{"digits after the point", decimal(38, 10), "t:exact", "<t:exact>0." + strings.Repeat("0", 98) + "1</t:exact>", "! at most 38 digits, 10 of them after the point"},
		{"product of bombs", decimal(38, 0), "t:exact * t:exact", "<t:exact>" + strings.Repeat("9", 100) + "</t:exact>", "! at most 38 digits, 0 of them after the point"},
		{"negative zero", decimal(3, 2), "t:exact", "<t:exact>-0.000</t:exact>", "0"},
		{"surrogate pair cut in two", text(1), "t:text", "<t:text>\U0001D11E</t:text>", "! at most 1 UTF-16 unit"},
		{"half of a text", text(3), "substring(t:text, 1, 2)", "<t:text>\U0001D11E\U0001D11E</t:text>", "! at most 3 UTF-16 units"},
		{"combining", text(1), "t:text", "<t:text>e\u0301</t:text>", "! at most 1 UTF-16 unit"},
		{"joined emoji", text(4), "t:text", "<t:text>\U0001F468\u200d\U0001F469</t:text>", "! at most 4 UTF-16 units"},
		{"trailing spaces", text(3), "t:text", "<t:text>ab  </t:text>", "! at most 3 UTF-16 units"},
		{"replacement character", coded(3, "windows-1253"), "t:text", "<t:text>\ufffd</t:text>", "! only characters of the code page windows-1253"},
		{"decomposed in a code page", coded(3, "windows-1252"), "t:text", "<t:text>e\u0301</t:text>", "! only characters of the code page windows-1252"},
		{"four bytes of UTF-8", coded(3, "utf-8"), "t:text", "<t:text>\U0001D11E</t:text>", "! at most 3 bytes"},
		{"an unknown code page", coded(9, "klingon-1"), "t:text", "<t:text>\u00e9</t:text>", "! only characters of the code page us-ascii"},
		{"UUID", uuid, "t:text", "<t:text>" + id + "</t:text>", id},
		{"no UUID", uuid, "t:text", "<t:text>hello</t:text>", noUUID},
		{"UUID in braces", uuid, "t:text", "<t:text>{" + id + "}</t:text>", noUUID},
		{"UUID and more", uuid, "t:text", "<t:text>" + id + " or so</t:text>", noUUID},
		{"UUID without its places", uuid, "t:text", "<t:text>6F9619FF8-b86-d011-b42d-00c04fc964ff</t:text>", noUUID},
		{"empty UUID", uuid, "t:text", "<t:text/>", noUUID},
		{"time with a zone", clock(7), "t:time", "<t:time>12:00:00.5+02:00</t:time>", "12:00:00.5"},
		{"midnight", clock(7), "t:time", "<t:time>24:00:00Z</t:time>", "00:00:00"},
		{"time cut", clock(3), "t:time", "<t:time>23:59:59.9999999</t:time>", "23:59:59.999"},
		{"time cut to seconds", clock(0), "t:time", "<t:time>23:59:59.9999999-05:00</t:time>", "23:59:59"},
		{"datetime2 before its first", moments(7, 0), "{from: t:at, zone: UTC}", at("0001-01-01T00:00:00+01:00"), "! a time from 0001 to 9999"},
		{"datetime2 after its last", moments(7, 0), "{from: t:at, zone: UTC}", at("9999-12-31T24:00:00"), "! a time from 0001 to 9999"},
		{"far future", moments(7, 0), "{from: t:at, zone: UTC}", at("12026-01-01T00:00:00"), "! a time from 0001 to 9999"},
		{"before Christ", moments(7, 0), "{from: t:at, zone: UTC}", at("-0044-03-15T12:00:00"), "! a time from 0001 to 9999"},
		{"datetime in its 300ths", moments(3, ticks), "{from: t:at, zone: UTC}", at("9999-12-31T23:59:59.999Z"), "9999-12-31T23:59:59.997Z"},
		{"datetime in its 300ths", moments(3, ticks), "{from: t:at, zone: UTC}", at("2026-01-01T00:00:00.0069Z"), "2026-01-01T00:00:00.003Z"},
		{"last of datetime2", last, "{from: t:at, zone: UTC}", at("9999-12-31T23:59:59.999999999Z"), "9999-12-31T23:59:59.9999999Z"},
		{"datetime in its 300ths", moments(3, ticks), "{from: t:at, zone: UTC}", at("2026-01-01T00:00:00.002Z"), "2026-01-01T00:00:00Z"},
		{"seconds of smalldatetime", moments(0, time.Minute), "{from: t:at, zone: UTC}", at("2026-01-01T12:30:30Z"), "! a time of whole minutes"},
		{"fraction in smalldatetime", moments(0, time.Minute), "{from: t:at, zone: UTC}", at("2026-01-01T12:30:00.9Z"), "2026-01-01T12:30:00Z"},
		{"real too large", float(24), "t:approx", "<t:approx>3.5e38</t:approx>", "! a finite number"},
		{"real too small", float(24), "t:approx", "<t:approx>1e-40</t:approx>", "! zero, or a number not nearer to it than 1.18e-38"},
		{"float too small", float(53), "t:approx", "<t:approx>-4.9e-324</t:approx>", "! zero, or a number not nearer to it than 2.23e-308"},
		{"smallest", float(53), "t:approx", "<t:approx>2.2250738585072014e-308</t:approx>", "2.2250738585072014E-308"},
		{"whole number in a float", float(53), "t:whole", "<t:whole>9007199254740993</t:whole>", "! a whole number from -9007199254740992 to 9007199254740992, which a float keeps exactly"},
		{"whole number in a real", float(24), "t:whole", "<t:whole>16777217</t:whole>", "! a whole number from -16777216 to 16777216, which a float keeps exactly"},
		{"whole number in a float", float(53), "t:whole", "<t:whole>-9007199254740992</t:whole>", "-9007199254740992"},
		{"bytes that would be filled up", binary, "t:hex", "<t:hex>01</t:hex>", "! exactly 2 bytes"},
		{"bytes", binary, "t:hex", "<t:hex>0102</t:hex>", "AQI="},
		{"constant in its canonical form", text(1), "{value: 007}", "", "7"},
		{"from a property, NUL", text(9), "$properties/nul", "", "! text in UTF-8 without the character NUL"},
		{"from a property, no UTF-8", text(9), "$properties/latin", "", "! text in UTF-8 without the character NUL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.column.Nullable = true
			c, err := valued(t, "a: "+tt.expr, "").Check(one(tt.column))
			if err != nil {
				t.Fatal(err)
			}
			in := input(t, post(tt.body))
			in.Properties = map[string]string{"nul": "a\x00b", "latin": "a\xe9"}
			cs, err := c.Apply(in)
			var got string
			switch f := fault.Of(err); {
			case err == nil:
				got = cell(cs.Rows[0][0].Cells[0])
			case f.Code != fault.CodeNarrowing || fault.KindOf(err) != fault.Invalid:
				t.Fatal(err)
			default:
				got = "! " + f.Details[0].Expected
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Every failure says where the rule stands, where the value stands, the value
// and what it was for.
func TestFailuresNameEverything(t *testing.T) {
	wide := tables{
		{Schema: "dbo", Name: "t"}: {Name: mapping.TableName{Schema: "dbo", Name: "t"}, Columns: []mapping.ColumnModel{column("a", nullable(text(3))), column("b", nullable(bigint))}},
		{Schema: "dbo", Name: "u"}: {Name: mapping.TableName{Schema: "dbo", Name: "u"}, Columns: []mapping.ColumnModel{column("id", bigint), column("k", text(2))}, Unique: [][]string{{"k"}}},
	}
	const zero, whole = "<t:whole>0</t:whole>", "/t:Post/t:whole"
	for _, tt := range []struct{ name, columns, rest, body, source, path, found, to string }{
		{"narrowing", "a: t:text", "", "<t:text>four</t:text>", "v.yaml:8:10", "/t:Post/t:text", "four", "dbo.t.a"},
		{"narrowing, long form", "a: {from: t:text, absent: null}", "", "<t:text>four</t:text>", "v.yaml:8:17", "/t:Post/t:text", "four", "dbo.t.a"},
		{"narrowing of an attribute", "a: t:part/@unit", "", "<t:part unit='KILO'><t:name>n</t:name></t:part>", "v.yaml:8:10", "/t:Post/t:part/@unit", "KILO", "dbo.t.a"},
		{"evaluation", "b: xs:integer(t:text)", "", "<t:text>x</t:text>", "v.yaml:8:10", "/t:Post/t:text", "x", "dbo.t.b"},
		{"division", "b: 1 idiv t:whole", "", zero, "v.yaml:8:10", whole, "1 idiv 0", "dbo.t.b"},
		{"look-up key", "b: {lookup: dbo.u, where: {k: t:text}, column: id}", "", "<t:text>abc</t:text>", "v.yaml:8:10", "/t:Post/t:text", "abc", "dbo.t.b"},
		{"key of a look-up cannot be made", "b: {lookup: dbo.u, where: {k: string(1 idiv t:whole)}, column: id}", "", zero, "v.yaml:8:10", whole, "1 idiv 0", "dbo.t.b"},
		{"condition of a row", "a: t:token", "  - table: dbo.t\n    when: 1 idiv t:whole = 1\n    columns: {a: t:token}", zero, "v.yaml:10:11", whole, "1 idiv 0", "dbo.t"},
		{"identity", "a: t:token", "identity: string(1 idiv t:whole)", zero, "v.yaml:9:11", whole, "1 idiv 0", "identity"},
		{"identity too long", "b: t:whole", "identity: t:token", "<t:token>" + strings.Repeat("k", 401) + "</t:token>", "v.yaml:9:11", "/t:Post/t:token", "401 characters", "identity"},
		{"ordering key", "a: t:text", "ordering_key: string(1 idiv t:whole)", zero, "v.yaml:9:15", whole, "1 idiv 0", "ordering_key"},
		{"business key", "a: t:text", "business_keys: {k: string(1 idiv t:whole)}", zero, "v.yaml:9:20", whole, "1 idiv 0", "business_keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := valued(t, tt.columns, tt.rest).Check(wide)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Apply(input(t, post(tt.body)))
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v", err)
			}
			d := fault.Of(err).Details[0]
			got := []string{d.Source, d.Path, d.Found, d.Target}
			if want := []string{tt.source, tt.path, tt.found, tt.to}; fmt.Sprint(got) != fmt.Sprint(want) || d.Line != 1 || d.Column != 79 {
				t.Errorf("got %q at %d:%d, want %q", got, d.Line, d.Column, want)
			}
		})
	}
}

var place = regexp.MustCompile(`^v\.yaml:\d+:\d+$`)

// Publications and the reply are rendered when the rows are there; their
// failures tell as much.
func TestRenderingFailuresNameEverything(t *testing.T) {
	for _, tt := range []struct{ name, rest, to string }{
		{"condition", "publish:\n  - {channel: c, when: 1 idiv t:whole = 1, body: {a: 1}}", "c"},
		{"routing key", "publish:\n  - {channel: c, routing_key: 'x.{1 idiv sum(t:whole)}', body: {a: 1}}", "c"},
		{"field", "publish:\n  - {channel: c, body: {a: {b: 1 idiv t:whole}}}", "c"},
		{"condition of a field", "publish:\n  - {channel: c, body: {a: {$when: 1 idiv t:whole = 1, b: 1}}}", "c"},
		{"reply", "reply: {id: '1 idiv sum(t:whole)', note: '''n'''}", "reply"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := valued(t, "a: t:text", tt.rest).Render(input(t, post("<t:whole>0</t:whole>")), nil)
			if fault.Of(err) == nil || len(fault.Of(err).Details) == 0 {
				t.Fatalf("got %v", err)
			}
			d := fault.Of(err).Details[0]
			if !place.MatchString(d.Source) || d.Path != "/t:Post/t:whole" || d.Line != 1 || d.Column != 79 || d.Found != "1 idiv 0" || d.Target != tt.to {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// An index takes a key only so long, whichever unique index it is; a value that
// would make a longer one is refused.
func TestKeysOfEveryIndex(t *testing.T) {
	m := &mapping.TableModel{Name: mapping.TableName{Schema: "dbo", Name: "t"}, KeyBytes: 1700,
		Columns: []mapping.ColumnModel{column("a", nullable(text(1000))), column("b", nullable(bigint))}, Unique: [][]string{{"b", "a"}}}
	c, err := valued(t, "a: t:text\nb: t:whole", "").Check(tables{m.Name: m})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Narrowings[len(c.Narrowings)-1].String(); got != "v.yaml:8:10: t:text -> dbo.t.a: an index key takes 845 UTF-16 units" {
		t.Errorf("got %s", got)
	}
	for n, want := range map[int]fault.Code{845: "", 846: fault.CodeNarrowing} {
		_, err := c.Apply(input(t, post("<t:text>"+strings.Repeat("k", n)+"</t:text><t:whole>"+fmt.Sprint(int64(math.MaxInt64))+"</t:whole>")))
		var got fault.Code
		if err != nil {
			got = fault.Of(err).Code
		}
		if got != want {
			t.Errorf("%d characters: got %q, want %q", n, got, want)
		}
	}
}
