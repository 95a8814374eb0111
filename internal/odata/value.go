package odata

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// value is what a literal is as a value of a field. below says that the field has no
// such value, because its values have fewer digits, and that v is the next one below;
// so an order of rows can be told exactly. A literal outside the field's range, and one
// of another type, is a complaint.
func (b *binder) value(field int, l Literal) (v view.Value, below, ok bool) {
	t := &b.view.Fields[field].Type
	if l.Kind == String && t.Kind == mapping.StringColumn && !t.UUID && !b.encodes(t, l) {
		return v, false, false
	}
	v, below, problem := ValueOf(t, l)
	if problem != "" {
		b.complain(l.At, found(l), Describe(t), "%s", problem)
		return v, false, false
	}
	return v, below, true
}

// encodes complains about text with characters that the field's code page lacks.
func (b *binder) encodes(t *mapping.ColumnType, l Literal) bool {
	if r, foreign := t.Foreign(l.Text); foreign {
		b.complain(l.At, quoted(string(r)), Describe(t), "no value of the field has this character")
		return false
	}
	return true
}

// ValueOf is what a literal is as a value of a type, or the problem with it: see value.
func ValueOf(t *mapping.ColumnType, l Literal) (v view.Value, below bool, problem string) {
	kinds, ok := takes[t.Kind]
	if t.UUID {
		kinds = []Kind{GUID, String}
	}
	v = view.Value{Kind: t.Kind, Present: true}
	if !ok || !containsKind(kinds, l.Kind) {
		return v, false, mismatch(t, l)
	}
	switch t.Kind {
	case mapping.StringColumn:
		return textValue(t, v, l)
	case mapping.IntegerColumn, mapping.DecimalColumn:
		return exact(t, v, l.Text)
	case mapping.FloatColumn:
		v.Float, problem = float(l.Text)
	case mapping.BoolColumn:
		if l.Text == "true" {
			v.Int = 1
		}
	case mapping.DateColumn:
		return day(t, v, l.Text)
	case mapping.DateTimeColumn:
		return moment(t, v, l.Text)
	case mapping.TimeColumn:
		return clock(t, v, l.Text)
	case mapping.BytesColumn:
		v.Bytes, problem = bytesOf(l.Text)
	}
	return v, false, problem
}

// takes are the literals that can be values of a kind.
var takes = map[mapping.ColumnKind][]Kind{
	mapping.StringColumn:   {String},
	mapping.BytesColumn:    {Binary},
	mapping.IntegerColumn:  {Number},
	mapping.DecimalColumn:  {Number},
	mapping.FloatColumn:    {Number},
	mapping.BoolColumn:     {Bool},
	mapping.DateTimeColumn: {DateTime},
	mapping.DateColumn:     {Date},
	mapping.TimeColumn:     {TimeOfDay},
}

func containsKind(kinds []Kind, k Kind) bool {
	for _, is := range kinds {
		if is == k {
			return true
		}
	}
	return false
}

// mismatch says that a literal is of another type, and how it would be written.
func mismatch(t *mapping.ColumnType, l Literal) string {
	message := fmt.Sprintf("the field is %s, and this is %s", plainKind(t), kindNames[l.Kind])
	switch {
	case t.Kind == mapping.DateTimeColumn && l.Kind == Date:
		return message + "; write " + l.Text + "T00:00:00Z"
	case t.Kind == mapping.StringColumn && !t.UUID:
		return message + "; a text stands in single quotes"
	case l.Kind == String && t.Kind == mapping.BytesColumn:
		return message + "; write binary'…' in base64url"
	case l.Kind == String:
		return message + "; leave the quotes out"
	}
	return message
}

func textValue(t *mapping.ColumnType, v view.Value, l Literal) (view.Value, bool, string) {
	v.Text = l.Text
	if t.UUID {
		if !isGUID(l.Text) {
			return v, false, "no UUID"
		}
		v.Text = strings.ToLower(l.Text)
	}
	return v, false, ""
}

// maxDigits bounds numbers before they are made: one of a short text can be huge.
const maxDigits = 100

// exact reads a number for a field of whole numbers or decimals.
func exact(t *mapping.ColumnType, v view.Value, text string) (view.Value, bool, string) {
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite || d.NumDigits() > maxDigits || d.Exponent > maxDigits || d.Exponent < -maxDigits {
		return v, false, fmt.Sprintf("a number of more than %d digits", maxDigits)
	}
	scale := 0
	if t.Kind == mapping.DecimalColumn {
		scale = t.Scale
	}
	below := apd.Context{Precision: 3 * maxDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundFloor}
	var floor apd.Decimal
	cond, err := below.Quantize(&floor, d, int32(-scale))
	if err != nil {
		return v, false, "no number that the field can have"
	}
	floor.Negative = floor.Negative && !floor.IsZero()
	if t.Kind == mapping.DecimalColumn {
		if !floor.IsZero() && floor.NumDigits() > int64(t.Precision) {
			return v, false, "outside the field's range"
		}
		v.Text = floor.Text('f')
		return v, cond.Inexact(), ""
	}
	if v.Int, err = floor.Int64(); err != nil || v.Int < t.Min || v.Int > t.Max {
		return v, false, "outside the field's range"
	}
	return v, cond.Inexact(), ""
}

func float(text string) (float64, string) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, "outside the field's range"
	}
	return f, ""
}

func bytesOf(text string) ([]byte, string) {
	out, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, "no base64url"
	}
	return out, ""
}

func day(t *mapping.ColumnType, v view.Value, text string) (view.Value, bool, string) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return v, false, "no such day"
	}
	v.Instant = at
	return v, false, outside(t, at)
}

// moment reads a date with a time. Its zone has to be there: without one nobody knows
// when it was.
func moment(t *mapping.ColumnType, v view.Value, text string) (view.Value, bool, string) {
	text = strings.ToUpper(text)
	layout := "2006-01-02T15:04:05.999999999Z07:00"
	if len(text) > 16 && text[16] != ':' {
		layout = "2006-01-02T15:04Z07:00" // seconds can be left out (ABNF: dateTimeOffsetValue)
	}
	at, err := time.Parse(layout, text)
	if err != nil {
		if _, zoneless := time.Parse("2006-01-02T15:04:05.999999999", text); zoneless == nil {
			return v, false, "has no zone: it ends in Z, or in +02:00 with the plus written %2B"
		}
		return v, false, "no date with a time"
	}
	at = at.UTC()
	v.Instant = at
	if t.Grain == 0 {
		v.Instant = at.Truncate(grain(t.Scale))
	}
	return v, !v.Instant.Equal(at), outside(t, v.Instant)
}

// grain is how fine a time with so many digits is.
func grain(scale int) time.Duration {
	return time.Duration(math.Pow10(9 - min(max(scale, 0), 9)))
}

func outside(t *mapping.ColumnType, at time.Time) string {
	if !t.Earliest.IsZero() && at.Before(t.Earliest) || !t.Latest.IsZero() && at.After(t.Latest) {
		return "outside the field's range"
	}
	return ""
}

func clock(t *mapping.ColumnType, v view.Value, text string) (view.Value, bool, string) {
	if len(text) == 5 {
		text += ":00"
	}
	at, err := time.Parse("15:04:05.999999999", text)
	if err != nil {
		return v, false, "no time of day"
	}
	cut := at.Truncate(grain(t.Scale))
	layout := "15:04:05"
	if t.Scale > 0 {
		layout += "." + strings.Repeat("0", min(t.Scale, 9))
	}
	v.Text = cut.Format(layout)
	return v, !cut.Equal(at), ""
}
