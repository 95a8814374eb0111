package sqlview

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// onGrid turns a comparison with a value into one with a value that the column can
// have and that means the same: with more digits than the column keeps, a value lies
// between two of the column's, and the database would round it to one of them. A
// *Never error says where the value lies when that cannot be.
func onGrid(c *Column, op view.Operator, v view.Value) (view.Value, view.Operator, error) {
	if v.Kind != c.Kind {
		return v, op, fmt.Errorf("a %s is compared with the %s column %s", v.Kind, c.Kind, c.Name)
	}
	down, exact, err := floor(c, v)
	if err != nil || exact {
		return down, op, err
	}
	switch op {
	case view.Greater, view.GreaterOrEqual:
		return down, view.Greater, nil
	case view.Less, view.LessOrEqual:
		return down, view.LessOrEqual, nil
	}
	return v, op, &Never{}
}

// floor is the greatest value of the column's grid that is not greater than v.
func floor(c *Column, v view.Value) (down view.Value, exact bool, err error) {
	switch c.Kind {
	case mapping.IntegerColumn:
		return v, true, beyond(v.Int < c.Min, v.Int > c.Max)
	case mapping.DecimalColumn:
		return floorDecimal(c, v)
	case mapping.DateTimeColumn, mapping.DateColumn:
		return floorInstant(c, v)
	case mapping.TimeColumn:
		return floorTime(c, v)
	case mapping.FloatColumn:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return v, true, unusable(c)
		}
	case mapping.StringColumn:
		return v, true, textFits(c, v.Text)
	}
	return v, true, nil
}

func beyond(below, above bool) error {
	if below || above {
		return &Never{Below: below, Above: above}
	}
	return nil
}

// unusable says that a value cannot be compared with a column at all.
func unusable(c *Column) error {
	return fault.New(fault.CodeQuery, "%s cannot be compared with this value", c.Name)
}

// textFits refuses what no text column takes.
func textFits(c *Column, s string) error {
	switch {
	case strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s):
		return unusable(c)
	case c.UUID && !isUUID(s):
		return &Never{}
	}
	return nil
}

// isUUID takes the one form of RFC 9562 §4.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// unlike is a column without what a part of its texts has not to be.
func unlike(c *Column) *Column {
	out := *c
	out.UUID = false
	return &out
}

func floorDecimal(c *Column, v view.Value) (view.Value, bool, error) {
	if len(v.Text) > 200 {
		return v, true, unusable(c)
	}
	d, _, err := apd.NewFromString(v.Text)
	if err != nil || d.Form != apd.Finite || d.Exponent > 200 {
		return v, true, unusable(c)
	}
	ctx := apd.Context{Precision: 800, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundFloor}
	var down apd.Decimal
	cond, err := ctx.Quantize(&down, d, int32(-c.Scale))
	if err != nil {
		return v, true, unusable(c)
	}
	if !down.IsZero() && down.NumDigits() > int64(c.Precision) {
		return v, true, beyond(d.Negative, !d.Negative)
	}
	if down.IsZero() {
		down.Negative = false
	}
	v.Text = down.Text('f')
	return v, !cond.Inexact(), nil
}

func floorInstant(c *Column, v view.Value) (view.Value, bool, error) {
	at := v.Instant.UTC()
	if !c.Earliest.IsZero() && at.Before(c.Earliest) {
		return v, true, &Never{Below: true}
	}
	if !c.Latest.IsZero() && at.After(c.Latest.Add(unit(&c.ColumnType))) {
		return v, true, &Never{Above: true}
	}
	down := at.Truncate(unit(&c.ColumnType))
	switch {
	case c.Kind == mapping.DateColumn:
		down = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	case c.Grain > 0 && c.Grain < time.Second: // 300ths are told as .000, .003 and .007
		down = at.Truncate(10 * time.Millisecond)
		for _, step := range []time.Duration{7 * time.Millisecond, 3 * time.Millisecond} {
			if at.Sub(down) >= step {
				down = down.Add(step)
				break
			}
		}
	}
	v.Instant = down
	return v, down.Equal(at), nil
}

// unit is what a date or a datetime counts in.
func unit(t *mapping.ColumnType) time.Duration {
	if t.Kind == mapping.DateColumn {
		return 24 * time.Hour
	}
	if t.Grain >= time.Minute {
		return t.Grain
	}
	unit := time.Second
	for range min(t.Scale, 9) {
		unit /= 10
	}
	return unit
}

// floorTime cuts digits that the column does not keep.
func floorTime(c *Column, v view.Value) (view.Value, bool, error) {
	whole, fraction, _ := strings.Cut(v.Text, ".")
	if _, err := time.Parse(time.TimeOnly, whole); err != nil || strings.Trim(fraction, "0123456789") != "" {
		return v, true, unusable(c)
	}
	if len(fraction) <= c.Scale {
		return v, true, nil
	}
	lost := strings.Trim(fraction[c.Scale:], "0")
	v.Text = whole
	if c.Scale > 0 {
		v.Text += "." + fraction[:c.Scale]
	}
	return v, lost == "", nil
}
