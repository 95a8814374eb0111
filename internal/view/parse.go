package view

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ParseValue reads a value of a column's type from text: numbers in plain digits,
// true or false, days and moments as in RFC 3339, times as hh:mm:ss. A number with
// more digits after the point than the column has is none of its values.
func ParseValue(t mapping.ColumnType, text string) (Value, error) {
	v := Value{Kind: t.Kind, Present: true}
	ok := false
	switch t.Kind {
	case mapping.StringColumn:
		v.Text, ok = text, utf8.ValidString(text)
	case mapping.IntegerColumn:
		i, err := strconv.ParseInt(text, 10, 64)
		v.Int, ok = i, err == nil && (t.Min == 0 && t.Max == 0 || i >= t.Min && i <= t.Max)
	case mapping.DecimalColumn:
		v.Text, ok = scaled(text, t.Scale)
	case mapping.BoolColumn:
		if text == "true" {
			v.Int = 1
		}
		ok = text == "true" || text == "false"
	case mapping.DateTimeColumn:
		at, err := time.Parse(time.RFC3339Nano, text)
		v.Instant, ok = at.UTC(), err == nil
	case mapping.DateColumn:
		day, err := time.Parse(time.DateOnly, text)
		v.Instant, ok = day, err == nil
	case mapping.TimeColumn:
		v.Text, ok = clock(text, t.Scale)
	case mapping.FloatColumn:
		f, err := strconv.ParseFloat(text, 64)
		v.Float, ok = f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	}
	if !ok {
		return Null, fmt.Errorf("%q is no %s", text, t.Kind)
	}
	return v, nil
}

// maxDigits is how long a number may be.
const maxDigits = 100

// scaled writes a decimal with so many digits after the point.
func scaled(text string, scale int) (string, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, part, dot := strings.Cut(digits, ".")
	if whole == "" || dot && part == "" || len(digits) > maxDigits || strings.Trim(whole+part, "0123456789") != "" {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	part = strings.TrimRight(part, "0")
	if len(part) > scale {
		return "", false
	}
	if part += strings.Repeat("0", scale-len(part)); scale > 0 {
		whole += "." + part
	}
	if negative && !zero(whole) {
		whole = "-" + whole
	}
	return whole, true
}

// clock writes a time of day with so many digits of a second.
func clock(text string, scale int) (string, bool) {
	at, err := time.Parse("15:04:05.999999999", text)
	if err != nil {
		return "", false
	}
	layout := "15:04:05"
	if scale > 0 {
		layout += "." + strings.Repeat("0", scale)
	}
	out := at.Format(layout)
	same, err := time.Parse("15:04:05.999999999", out)
	return out, err == nil && same.Equal(at)
}
