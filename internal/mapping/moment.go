package mapping

import (
	"math"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// fitMoment cuts the fraction of a second to what the column keeps, towards
// the past, so that no value moves to another day. Seconds are never cut.
func fitMoment(l *limit, v Value) (Value, string) {
	c := &l.column
	switch {
	case c.Grain >= time.Minute && v.Instant().Second() != 0:
		return v, "a time of whole minutes"
	case c.Grain > 0 && c.Grain < time.Minute:
		v = xpath.Moment(ticked(v.Instant()))
	case c.Scale < 9:
		grain := int(math.Pow10(9 - c.Scale))
		if cut := v.Instant().Nanosecond() % grain; cut > 0 {
			v = xpath.Moment(v.Instant().Add(-time.Duration(cut)))
		}
	}
	t := v.Instant().UTC()
	if !c.Earliest.IsZero() && t.Before(c.Earliest) || !c.Latest.IsZero() && t.After(c.Latest) || t.Year() < 1 || t.Year() > 9999 {
		return v, "a time from " + bound(c.Earliest, "0001", time.RFC3339) + " to " + bound(c.Latest, "9999", time.RFC3339)
	}
	return v, ""
}

func bound(t time.Time, otherwise, layout string) string {
	if t.IsZero() {
		return otherwise
	}
	return t.Format(layout)
}

// fitDay takes the day as written, whatever its zone.
func fitDay(l *limit, v Value) (Value, string) {
	y, m, d := v.Instant().Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	c := &l.column
	if !c.Earliest.IsZero() && t.Before(c.Earliest) || !c.Latest.IsZero() && t.After(c.Latest) || y < 1 || y > 9999 {
		return v, "a day from " + bound(c.Earliest, "0001", time.DateOnly) + " to " + bound(c.Latest, "9999", time.DateOnly)
	}
	return v, ""
}

// ticked is the last moment, not after t, that SQL Server's datetime keeps: it
// counts 300ths of a second, and calls them 0, 3 and 7 milliseconds.
func ticked(t time.Time) time.Time {
	nanos := t.Nanosecond()
	millis := nanos / int(time.Millisecond)
	tick := millis - millis%10
	switch last := millis % 10; {
	case last >= 7:
		tick += 7
	case last >= 3:
		tick += 3
	}
	return t.Add(-time.Duration(nanos - tick*int(time.Millisecond)))
}

// fitClock takes the time of day as written, whatever its zone, for a column has
// none. 24:00:00 is the first moment of a day (XSD 1.0 part 2 §3.2.8).
func fitClock(l *limit, v Value) (Value, string) {
	s := v.Text
	if i := strings.IndexAny(s, "Z+-"); i >= 0 {
		s = s[:i]
	}
	if rest, ok := strings.CutPrefix(s, "24:"); ok {
		s = "00:" + rest
	}
	if whole, fraction, ok := strings.Cut(s, "."); ok {
		s = whole
		if fraction = fraction[:min(len(fraction), l.column.Scale)]; fraction != "" {
			s += "." + fraction
		}
	}
	v.Text = s
	return v, ""
}
