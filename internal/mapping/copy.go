package mapping

import (
	"fmt"
	"time"
)

// exceeds says what a column takes when another one of its kind may hold values
// that it would refuse or change; else it returns nothing.
func exceeds(from, to *ColumnType) string {
	switch to.Kind {
	case StringColumn:
		return exceedsText(from, to)
	case BytesColumn:
		switch {
		case to.Fixed && !(from.Fixed && from.Length == to.Length):
			return "exactly " + some(to.Length, "bytes")
		case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
			return "at most " + some(to.Length, "bytes")
		}
	case IntegerColumn:
		return when(from.Min < to.Min || from.Max > to.Max, fmt.Sprintf("a whole number from %d to %d", to.Min, to.Max))
	case DecimalColumn:
		return when(from.Scale > to.Scale || from.Precision-from.Scale > to.Precision-to.Scale,
			fmt.Sprintf("at most %s, %d of them after the point", some(to.Precision, "digits"), to.Scale))
	case DateTimeColumn, DateColumn:
		return exceedsMoment(from, to)
	case TimeColumn:
		return when(from.Scale > to.Scale, some(to.Scale, "digits")+" after the second")
	case FloatColumn:
		return when(short(to) && !short(from), "32 bits")
	}
	return ""
}

func exceedsText(from, to *ColumnType) string {
	same := from.Unicode == to.Unicode && from.Charset == to.Charset
	switch {
	case to.UUID:
		return when(!from.UUID, "a UUID")
	case !from.UUID && !same && !to.Unicode && to.Charset != "utf-8" && (from.Unicode || from.Charset != ""):
		l := newLimit(&ColumnModel{ColumnType: *to})
		return "only characters of the code page " + l.codePage()
	}
	most := from.Length
	if to.Charset == "utf-8" && !to.Unicode && !same {
		most *= 4 // bytes of a character
	}
	return when(to.Length > 0 && (most == 0 || most > to.Length), "at most "+some(to.Length, units(to)))
}

func exceedsMoment(from, to *ColumnType) string {
	switch {
	case from.Earliest.Before(to.Earliest) || !to.Latest.IsZero() && (from.Latest.IsZero() || from.Latest.After(to.Latest)):
		return bound(to.Earliest, "0001", time.DateOnly) + " to " + bound(to.Latest, "9999", time.DateOnly)
	case to.Kind == DateTimeColumn && from.Grain != to.Grain && (to.Grain >= time.Minute || to.Grain > 0 && from.Grain < time.Minute):
		return "times of another grain"
	case to.Kind == DateTimeColumn && to.Grain == 0 && from.Grain == 0 && from.Scale > to.Scale, to.Grain == 0 && from.Grain > 0 && from.Grain < time.Minute && to.Scale < 3:
		return some(to.Scale, "digits") + " after the second"
	}
	return ""
}
