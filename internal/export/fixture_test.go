package export

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// sample is a table with a column of every kind.
func sample() *Table {
	null := func(t mapping.ColumnType) mapping.ColumnType {
		t.Nullable = true
		return t
	}
	return &Table{Name: "orders", Columns: []Column{
		{"no", mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt32, Max: math.MaxInt32}},
		{"total", mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64}},
		{"customer", null(mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true})},
		{"price", mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 9, Scale: 2}},
		{"amount", mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 18, Scale: 4}},
		{"mass", null(mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 38, Scale: 6})},
		{"at", mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 3}},
		{"due", null(mapping.ColumnType{Kind: mapping.DateColumn})},
		{"clock", mapping.ColumnType{Kind: mapping.TimeColumn, Scale: 3}},
		{"paid", mapping.ColumnType{Kind: mapping.BoolColumn}},
		{"weight", mapping.ColumnType{Kind: mapping.FloatColumn}},
		{"digest", mapping.ColumnType{Kind: mapping.BytesColumn}},
	}}
}

// nasty are texts that files trip over.
var nasty = []string{
	"", "plain", "=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "'", "'=1", "＝1", `"quoted", and; more|tab` + "\t", "two\r\nlines\rand\nmore",
	" blanks ", "&<>]]>", "_x000D_", "_x_x000D__", "nul \x00 bell \x07 esc \x1b", "\uFFFE\uFFFF", "äö€𝄞", "null", "0012", "1e5", "TRUE", "2026-03-02",
	"# comment", "\uFEFFmark", "\u2028separator", `back\slash`,
}

var decimals = []string{"0", "1", "-1", "12345678901234567890123456789012.123456", "-99999999999999999999999999999999.999999", "0.000001", "-0.000001", "123456789.123456"}

var days = []string{"2026-03-02", "1900-03-01", "1900-02-28", "1899-12-31", "0001-01-01", "9999-12-31", "1970-01-01", "1969-12-31"}

func whole(n int64) view.Value {
	return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: n}
}

func textual(kind mapping.ColumnKind, s string) view.Value {
	return view.Value{Kind: kind, Present: true, Text: s}
}

// scaled writes a decimal with all digits of its scale, as a store gives it.
func scaled(s string, scale int) string {
	w, f, _ := strings.Cut(s, ".")
	return w + "." + f + strings.Repeat("0", scale-len(f))
}

// sampleRow is the row of a number: the first ones have everything that is hard, later
// ones what a table usually has.
func sampleRow(n int) view.Row {
	pick := func(list []string) string { return list[n%len(list)] }
	day, err := time.Parse(time.DateOnly, pick(days))
	if err != nil {
		panic(err)
	}
	v := []view.Value{
		whole(int64(n)),
		whole([]int64{0, math.MaxInt64, math.MinInt64, exactWhole, exactWhole + 1, -exactWhole, 7, -7}[n%8]),
		textual(mapping.StringColumn, pick(nasty)+strings.Repeat("x", n%7)),
		textual(mapping.DecimalColumn, fmt.Sprintf("%d.%02d", n%1000-500, n%100)),
		textual(mapping.DecimalColumn, fmt.Sprintf("%d.%04d", int64(n)*997, n%10_000)),
		textual(mapping.DecimalColumn, scaled(pick(decimals), 6)),
		{Kind: mapping.DateTimeColumn, Present: true, Instant: day.Add(time.Duration(n%86_400_000) * time.Millisecond)},
		{Kind: mapping.DateColumn, Present: true, Instant: day},
		textual(mapping.TimeColumn, fmt.Sprintf("%02d:%02d:%02d.%03d", n%24, n%60, n%60, n%1000)),
		{Kind: mapping.BoolColumn, Present: true, Int: int64(n % 2)},
		{Kind: mapping.FloatColumn, Present: true, Float: []float64{0, 1.5, -0.1, 1e300, math.Inf(1), 5e-324, 123456.789}[n%7]},
		{Kind: mapping.BytesColumn, Present: true, Bytes: []byte{byte(n), 0xFB, 0xFF}},
	}
	for _, i := range []int{2, 5, 7} {
		if n%11 == i {
			v[i] = view.Null
		}
	}
	return view.Row{Values: v}
}

// sampleRows are the rows of a scan.
func sampleRows(n int) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		for i := range n {
			if r := sampleRow(i); !yield(&r, nil) {
				return
			}
		}
	}
}

// plain are the texts of a row's values, for a reader to be compared with, written
// without the code under test: with so many digits of a second at least.
func plain(t *Table, r *view.Row, digits int) []any {
	out := make([]any, len(r.Values))
	for i, v := range r.Values {
		if !v.Present {
			continue
		}
		switch v.Kind {
		case mapping.IntegerColumn:
			out[i] = fmt.Sprint(v.Int)
		case mapping.BoolColumn:
			out[i] = fmt.Sprint(v.Int == 1)
		case mapping.FloatColumn:
			out[i] = strings.Replace(fmt.Sprint(v.Float), "+Inf", "INF", 1)
		case mapping.DateColumn:
			out[i] = v.Instant.Format("2006-01-02")
		case mapping.DateTimeColumn:
			out[i] = v.Instant.Format("2006-01-02T15:04:05." + strings.Repeat("0", digits) + "Z")
		case mapping.TimeColumn:
			out[i] = v.Text + strings.Repeat("0", digits-3)
		case mapping.BytesColumn:
			out[i] = base64.RawURLEncoding.EncodeToString(v.Bytes)
		default:
			out[i] = v.Text
		}
	}
	return out
}

func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

var testHead = &Head{View: "orders", Query: "$filter=paid eq true", Position: view.Position{1: 4, 0: 17}, At: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
