package odata

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Format writes a value that is not null as text, as a literal has it without quotes.
func Format(v view.Value) string {
	switch v.Kind {
	case mapping.IntegerColumn:
		return strconv.FormatInt(v.Int, 10)
	case mapping.BoolColumn:
		return strconv.FormatBool(v.Int != 0)
	case mapping.FloatColumn:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case mapping.DateTimeColumn:
		return v.Instant.UTC().Format(time.RFC3339Nano)
	case mapping.DateColumn:
		return v.Instant.UTC().Format(time.DateOnly)
	case mapping.BytesColumn:
		return encodeBytes(v.Bytes)
	}
	return v.Text
}

// AppendJSON writes a value of a type in JSON (OData JSON Format §7.1). Whole numbers
// and decimals have all their digits; wide says that those that a double does not
// hold are to be strings (IEEE754Compatible, §3.2).
func AppendJSON(out []byte, v view.Value, t *mapping.ColumnType, wide bool) []byte {
	if !v.Present {
		return append(out, "null"...)
	}
	switch v.Kind {
	case mapping.BoolColumn:
		return strconv.AppendBool(out, v.Int != 0)
	case mapping.IntegerColumn, mapping.DecimalColumn:
		if wide && Wide(t) {
			return AppendString(out, Format(v))
		}
		return append(out, Format(v)...)
	case mapping.FloatColumn:
		return appendFloat(out, v.Float)
	case mapping.DateTimeColumn:
		return AppendString(out, v.Instant.UTC().Format(instantLayout(t)))
	}
	return AppendString(out, Format(v))
}

// Wide reports whether a type has numbers that a double does not hold exactly: those
// that OData calls Int64 and Decimal.
func Wide(t *mapping.ColumnType) bool {
	return t.Kind == mapping.DecimalColumn || t.Kind == mapping.IntegerColumn && (t.Max > math.MaxInt32 || t.Min < math.MinInt32)
}

// appendFloat writes what is no number in JSON as OData does (§7.1).
func appendFloat(out []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(out, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(out, `"INF"`...)
	case math.IsInf(f, -1):
		return append(out, `"-INF"`...)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// instantLayout has as many digits as the type keeps.
func instantLayout(t *mapping.ColumnType) string {
	layout := "2006-01-02T15:04:05"
	if t.Scale > 0 {
		layout += "." + "000000000"[:min(t.Scale, 9)]
	}
	return layout + "Z07:00"
}

// AppendString writes a text in JSON. What HTML would mind stays as it is: nobody
// puts it into a page.
func AppendString(out []byte, s string) []byte {
	if plain(s) {
		return append(append(append(out, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plain reports whether a text is written in JSON as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7F || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
