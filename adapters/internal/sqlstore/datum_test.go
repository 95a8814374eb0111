package sqlstore

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

func dec(t *testing.T, s string) mapping.Value {
	t.Helper()
	d, _, err := apd.NewFromString(s)
	if err != nil {
		t.Fatal(err)
	}
	return mapping.Value{Class: mapping.Decimal, Number: d}
}

func TestNewDatum(t *testing.T) {
	text := func(s string) mapping.Value { return mapping.Value{Class: mapping.String, Text: s} }
	float := func(f float64) mapping.Value { return mapping.Value{Class: mapping.Double, Float: f} }
	tests := []struct {
		column string
		value  mapping.Value
		want   string // empty: refused
	}{
		{"nvarchar(3)", text("abc"), "abc"},
		{"nvarchar(3)", text("abcd"), ""},
		{"nvarchar(3)", text("a😀"), "a😀"},
		{"nvarchar(3)", text("aa😀"), ""},
		{"nvarchar(max)", text(strings.Repeat("x", 100000)), strings.Repeat("x", 100000)},
		{"int", dec(t, "2147483647"), "2147483647"},
		{"int", dec(t, "2147483648"), ""},
		{"tinyint", dec(t, "-1"), ""},
		{"bigint", dec(t, "-9223372036854775808"), "-9223372036854775808"},
		{"bigint", dec(t, "9223372036854775808"), ""},
		{"int", dec(t, "1.50"), ""},
		{"int", dec(t, "1.00"), "1"},
		{"int", dec(t, "1e9"), "1000000000"},
		{"int", text("12"), "12"},
		{"int", text("twelve"), ""},
		{"decimal(12,3)", dec(t, "999999999.999"), "999999999.999"},
		{"decimal(12,3)", dec(t, "1000000000"), ""},
		{"decimal(12,3)", dec(t, "0.0001"), ""},
		{"decimal(12,3)", dec(t, "-1.5"), "-1.500"},
		{"decimal(12,3)", dec(t, "1e400"), ""},
		{"decimal(12,3)", dec(t, "0e400"), "0.000"},
		{"decimal(12,3)", float(math.Inf(1)), ""},
		{"float", float(math.NaN()), ""},
		{"bit", mapping.Value{Class: mapping.Boolean, Bool: true}, "true"},
		{"bit", text("maybe"), ""},
		{"varbinary(2)", mapping.Octets([]byte{1, 2, 3}), ""},
		{"datetime2(3)", mapping.Moment(time.Date(2026, 1, 1, 1, 0, 0, 999999999, time.FixedZone("", 7200))), "2025-12-31T23:00:00.999Z"},
		{"datetime", mapping.Moment(time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)), ""},
		{"date", mapping.Day(time.Date(2026, 2, 28, 0, 0, 0, 0, time.FixedZone("", 7200))), "2026-02-28"},
		{"date", text("2026-02-30"), ""},
	}
	for _, tt := range tests {
		typ, err := ParseType(tt.column, "")
		if err != nil {
			t.Fatal(err)
		}
		d, err := newDatum(tt.value, &typ)
		if tt.want == "" {
			if _, ok := errors.AsType[*misfit](err); !ok {
				t.Errorf("%s takes %.40q", tt.column, textOf(tt.value))
			}
			continue
		}
		if got := textOf(d.Value()); err != nil || got != tt.want {
			t.Errorf("%s: %.40q became %.40q, want %.40q; %v", tt.column, textOf(tt.value), got, tt.want, err)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"nvarchar(40)", "decimal(12, 3)", "varchar(max)", "int", "decimal(", "(((", "time(-1)", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := ParseType(s, "")
		if err == nil && int(typ.Kind) > int(mapping.FloatColumn) {
			t.Errorf("%q is of kind %d", s, typ.Kind)
		}
	})
}

func TestWindows(t *testing.T) {
	got := windows([]int64{5, 1, 2, 3, 3, 9})
	want := []window{{1, 3}, {5, 5}, {9, 9}}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestHashedTellsPartsApart(t *testing.T) {
	if hashed("a", "bc") == hashed("ab", "c") || hashed("a", "") == hashed("a") {
		t.Error("different parts have one hash")
	}
}

func TestPack(t *testing.T) {
	var p packer
	noise := make([]byte, 1000)
	for i := range noise {
		noise[i] = byte(i * i * 7919 >> 3)
	}
	for _, src := range [][]byte{nil, []byte("short"), []byte(strings.Repeat("long ", 1000)), noise} {
		packing, packed := p.pack(src)
		back, err := unpack(packing, packed)
		if err != nil || string(back) != string(src) {
			t.Errorf("%d bytes came back as %d: %v", len(src), len(back), err)
		}
		if len(packed) > len(src) {
			t.Errorf("%d bytes grew to %d", len(src), len(packed))
		}
	}
	if _, err := unpack(9, nil); err == nil {
		t.Error("an unknown packing is taken")
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aä😀b", 4, "aä😀"}, {"aä😀b", 3, "aä"}, {"", 0, ""}} {
		if got := clip(tt.s, tt.n); got != tt.want {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}
