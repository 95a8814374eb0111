package sqlstore

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// Datum is a value as a column takes it, before the dialect writes it down. The
// zero Datum is NULL.
type Datum struct {
	Kind    mapping.ColumnKind
	Present bool
	Text    string       // StringColumn, TimeColumn
	Int     int64        // IntegerColumn; 0 or 1 for BoolColumn
	Number  *apd.Decimal // DecimalColumn, with exactly the column's scale
	Float   float64      // FloatColumn
	Instant time.Time    // DateTimeColumn in UTC, DateColumn
	Bytes   []byte       // BytesColumn
}

// misfit says why a value does not fit its column.
type misfit struct{ message, found, expected string }

func (m *misfit) Error() string { return m.message }

func unfit(found, expected string) error {
	return &misfit{"the value does not fit the column", found, expected}
}

// digits is enough for every decimal that a database keeps, and for telling
// that a longer one does not fit.
const digits = 200

// newDatum turns a mapped value into what the column takes. A value that the
// column would refuse, cut or round is an error: the mapping has refused it
// before, unless the table changed meanwhile.
func newDatum(v mapping.Value, c *mapping.ColumnType) (Datum, error) {
	d := Datum{Kind: c.Kind, Present: true}
	var err error
	switch c.Kind {
	case mapping.StringColumn:
		d.Text, err = textOf(v), nil
		if err = checkLength(d.Text, c); err != nil {
			return Datum{}, err
		}
	case mapping.IntegerColumn:
		d.Int, err = integerOf(v, c)
	case mapping.DecimalColumn:
		d.Number, err = decimalOf(v, c)
	case mapping.BoolColumn:
		d.Int, err = boolOf(v)
	case mapping.DateTimeColumn, mapping.DateColumn:
		d.Instant, err = instantOf(v, c)
	case mapping.TimeColumn:
		d.Text = textOf(v)
	case mapping.FloatColumn:
		d.Float, err = floatOf(v)
	case mapping.BytesColumn:
		d.Bytes, err = bytesOf(v, c)
	}
	return d, err
}

// textOf writes a value as XPath's string() does; the lexical form as received
// wins where it was kept.
func textOf(v mapping.Value) string {
	switch {
	case v.Text != "" && v.Class != mapping.Binary:
		return v.Text
	case v.Number != nil:
		return v.Number.Text('f')
	}
	switch v.Class {
	case mapping.Boolean:
		return strconv.FormatBool(v.Bool)
	case mapping.Double:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case mapping.DateTime:
		return v.Instant().Format(time.RFC3339Nano)
	case mapping.Date:
		return v.Instant().Format(time.DateOnly)
	case mapping.Binary:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.Text
}

func checkLength(s string, c *mapping.ColumnType) error {
	if c.Length == 0 || len(s) <= c.Length && (c.Unicode || c.Charset == "utf-8") {
		return nil
	}
	n := len(s)
	switch {
	case c.Unicode:
		n = utf16Len(s)
	case c.Charset != "utf-8":
		n = utf8.RuneCountInString(s)
	}
	if n > c.Length {
		return unfit(fmt.Sprintf("%d characters", n), fmt.Sprintf("at most %d", c.Length))
	}
	return nil
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

func numberOf(v mapping.Value) (*apd.Decimal, error) {
	switch {
	case v.Number != nil:
		return v.Number, nil
	case v.Class == mapping.Boolean && v.Bool:
		return apd.New(1, 0), nil
	case v.Class == mapping.Boolean:
		return apd.New(0, 0), nil
	case v.Class == mapping.Double:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return nil, unfit(textOf(v), "a finite number")
		}
		return new(apd.Decimal).SetFloat64(v.Float)
	}
	d, _, err := apd.NewFromString(strings.TrimSpace(v.Text))
	if err != nil || d.Form != apd.Finite {
		return nil, unfit(strconv.Quote(v.Text), "a number")
	}
	return d, nil
}

func integerOf(v mapping.Value, c *mapping.ColumnType) (int64, error) {
	n, err := numberOf(v)
	if err != nil {
		return 0, err
	}
	scaled, err := rescale(n, 0)
	if err != nil {
		return 0, err
	}
	i, err := scaled.Int64()
	if err != nil || i < c.Min || i > c.Max {
		return 0, unfit(clip(n.Text('f'), 60), fmt.Sprintf("%d to %d", c.Min, c.Max))
	}
	return i, nil
}

func decimalOf(v mapping.Value, c *mapping.ColumnType) (*apd.Decimal, error) {
	n, err := numberOf(v)
	if err != nil {
		return nil, err
	}
	scaled, err := rescale(n, c.Scale)
	if err != nil {
		return nil, err
	}
	if scaled.NumDigits() > int64(c.Precision) && !scaled.IsZero() {
		return nil, unfit(clip(n.Text('f'), 60), fmt.Sprintf("%s, %d of them after the point", plural.Of(c.Precision, "digit", "digits"), c.Scale))
	}
	return scaled, nil
}

// rescale gives a number exactly scale digits after the point, or fails when
// that would change it.
func rescale(n *apd.Decimal, scale int) (*apd.Decimal, error) {
	if n.Exponent == int32(-scale) {
		return n, nil
	}
	ctx := apd.Context{Precision: digits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent}
	var out apd.Decimal
	cond, err := ctx.Quantize(&out, n, int32(-scale))
	if err != nil || cond.Inexact() || out.Form != apd.Finite {
		return nil, unfit("a number with more digits", plural.Of(scale, "digit", "digits")+" after the point")
	}
	return &out, nil
}

func boolOf(v mapping.Value) (int64, error) {
	if v.Class == mapping.Boolean {
		if v.Bool {
			return 1, nil
		}
		return 0, nil
	}
	switch strings.TrimSpace(textOf(v)) {
	case "true", "1":
		return 1, nil
	case "false", "0":
		return 0, nil
	}
	return 0, unfit(strconv.Quote(clip(textOf(v), 60)), "true or false")
}

// instantOf cuts what the column does not keep. An instant with a zone becomes
// UTC; one without is taken as it is.
func instantOf(v mapping.Value, c *mapping.ColumnType) (time.Time, error) {
	t := v.Instant()
	if v.Class != mapping.DateTime && v.Class != mapping.Date {
		var err error
		if t, err = parseInstant(strings.TrimSpace(v.Text)); err != nil {
			return time.Time{}, err
		}
	}
	if c.Kind == mapping.DateColumn {
		y, m, d := t.Date()
		return inRange(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), c)
	}
	t = t.UTC() // NoZone is an offset of zero: its clock stays
	unit := time.Second
	for range min(c.Scale, 9) {
		unit /= 10
	}
	return inRange(t.Truncate(unit), c)
}

func inRange(t time.Time, c *mapping.ColumnType) (time.Time, error) {
	if !c.Earliest.IsZero() && t.Before(c.Earliest) || !c.Latest.IsZero() && t.After(c.Latest) {
		return time.Time{}, unfit(t.Format(time.RFC3339), fmt.Sprintf("%s to %s", c.Earliest.Format(time.DateOnly), c.Latest.Format(time.DateOnly)))
	}
	return t, nil
}

func parseInstant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, unfit(strconv.Quote(clip(s, 60)), "a date or time")
}

func floatOf(v mapping.Value) (float64, error) {
	if v.Class == mapping.Double {
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return 0, unfit(textOf(v), "a finite number")
		}
		return v.Float, nil
	}
	n, err := numberOf(v)
	if err != nil {
		return 0, err
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return 0, unfit(clip(n.String(), 60), "a number in the range of a float")
	}
	return f, nil
}

func bytesOf(v mapping.Value, c *mapping.ColumnType) ([]byte, error) {
	b := v.Bytes()
	if v.Class != mapping.Binary {
		b = []byte(textOf(v))
	}
	if c.Length > 0 && len(b) > c.Length {
		return nil, unfit(fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("at most %d", c.Length))
	}
	return b, nil
}

// Value is what was stored, as an expression of the mapping sees it.
func (d Datum) Value() mapping.Value {
	if !d.Present {
		return mapping.Value{}
	}
	switch d.Kind {
	case mapping.IntegerColumn:
		return mapping.Value{Class: mapping.Integer, Number: apd.New(d.Int, 0)}
	case mapping.DecimalColumn:
		return mapping.Value{Class: mapping.Decimal, Number: d.Number}
	case mapping.BoolColumn:
		return mapping.Value{Class: mapping.Boolean, Bool: d.Int != 0}
	case mapping.DateTimeColumn:
		return mapping.Moment(d.Instant)
	case mapping.DateColumn:
		return mapping.Day(d.Instant.In(mapping.NoZone))
	case mapping.TimeColumn:
		return mapping.Value{Class: mapping.Time, Text: d.Text}
	case mapping.FloatColumn:
		return mapping.Value{Class: mapping.Double, Float: d.Float}
	case mapping.BytesColumn:
		return mapping.Octets(d.Bytes)
	}
	return mapping.Value{Class: mapping.String, Text: d.Text}
}

// clip cuts s after n characters of UTF-16, never inside one.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i, r := range s {
		if r > 0xFFFF {
			n--
		}
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
