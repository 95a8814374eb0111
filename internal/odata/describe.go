package odata

import (
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// plainKind is what a type is, in a word or two.
func plainKind(t *mapping.ColumnType) string {
	if t.UUID {
		return "a UUID"
	}
	return map[mapping.ColumnKind]string{
		mapping.StringColumn: "text", mapping.BytesColumn: "bytes", mapping.IntegerColumn: "a whole number", mapping.DecimalColumn: "a decimal",
		mapping.BoolColumn: "true or false", mapping.DateTimeColumn: "a date with a time", mapping.DateColumn: "a date",
		mapping.TimeColumn: "a time of day", mapping.FloatColumn: "a floating-point number",
	}[t.Kind]
}

// Describe says what values a type has and how they are written.
func Describe(t *mapping.ColumnType) string {
	switch plain := plainKind(t); {
	case t.UUID:
		return "a UUID such as 6f9619ff-8b86-d011-b42d-00c04fc964ff"
	case t.Kind == mapping.StringColumn && !t.Unicode && t.Charset != "utf-8":
		charset := t.Charset
		if charset == "" {
			charset = "us-ascii"
		}
		return "text of the code page " + charset
	case t.Kind == mapping.IntegerColumn:
		return fmt.Sprintf("%s from %d to %d", plain, t.Min, t.Max)
	case t.Kind == mapping.DecimalColumn:
		return fmt.Sprintf("%s of %d digits, %d of them after the point", plain, t.Precision, t.Scale)
	case t.Kind == mapping.DateTimeColumn:
		return plain + " and a zone, such as 2026-03-02T09:30:00Z" + period(t, time.RFC3339)
	case t.Kind == mapping.DateColumn:
		return plain + ", such as 2026-03-02" + period(t, time.DateOnly)
	case t.Kind == mapping.TimeColumn:
		return plain + ", such as 09:30:00"
	case t.Kind == mapping.BytesColumn:
		return plain + ", such as binary'AQID'"
	default:
		return plain
	}
}

func period(t *mapping.ColumnType, layout string) string {
	s := ""
	if !t.Earliest.IsZero() {
		s += ", not before " + t.Earliest.Format(layout)
	}
	if !t.Latest.IsZero() {
		s += ", not after " + t.Latest.Format(layout)
	}
	return s
}
