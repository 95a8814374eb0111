package view_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

func TestParseValue(t *testing.T) {
	for _, tt := range []struct {
		kind       mapping.ColumnKind
		text, want string // want is the text of the value, or empty where it is none
	}{
		{mapping.StringColumn, "x", "x"}, {mapping.StringColumn, "\xff", ""},
		{mapping.DecimalColumn, "1", "1.00"}, {mapping.DecimalColumn, "-001.50", "-1.50"}, {mapping.DecimalColumn, "-0", "0.00"},
		{mapping.DecimalColumn, "1.230", "1.23"}, {mapping.DecimalColumn, "1.234", ""}, {mapping.DecimalColumn, ".5", ""},
		{mapping.DecimalColumn, "5.", ""}, {mapping.DecimalColumn, "1e9", ""}, {mapping.DecimalColumn, "+1", ""}, {mapping.DecimalColumn, "--1", ""},
		{mapping.TimeColumn, "09:05:06.1", "09:05:06.10"}, {mapping.TimeColumn, "09:05:06.123", ""}, {mapping.TimeColumn, "25:00:00", ""},
	} {
		v, err := view.ParseValue(mapping.ColumnType{Kind: tt.kind, Scale: 2}, tt.text)
		if v.Text != tt.want || (err == nil) != v.Present || v.Present != (tt.want != "") {
			t.Errorf("%s %q is %+v, %v; want %q", tt.kind, tt.text, v, err, tt.want)
		}
	}
	for text, want := range map[string]bool{"7": true, "0": false, "101": false, "x": false, "99999999999999999999": false} {
		if _, err := view.ParseValue(mapping.ColumnType{Kind: mapping.IntegerColumn, Min: 1, Max: 100}, text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for kind, text := range map[mapping.ColumnKind]string{mapping.BoolColumn: "yes", mapping.DateColumn: "2026-02-30", mapping.DateTimeColumn: "2026-02-01",
		mapping.FloatColumn: "NaN", mapping.BytesColumn: "00"} {
		if v, err := view.ParseValue(mapping.ColumnType{Kind: kind}, text); err == nil || v.Present {
			t.Errorf("%s %q: %+v", kind, text, v)
		}
	}
}

func TestDecimalsCompare(t *testing.T) {
	list := []string{"-100.00", "-20.50", "-20.05", "0.00", "0.01", "2.00", "2.10", "10.00"}
	for i, a := range list {
		for j, b := range list {
			one, other := view.Value{Kind: mapping.DecimalColumn, Present: true, Text: a}, view.Value{Kind: mapping.DecimalColumn, Present: true, Text: b}
			if got := one.Compare(other); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}
