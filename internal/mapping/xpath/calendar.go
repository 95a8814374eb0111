package xpath

import (
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// The functions on dates, times and durations (XPath and XQuery Functions 3.1
// §8.3, §9.2 to §9.6).

// part is one part of a moment or duration that a function extracts.
var parts = map[string]func(f *Frame, v Value) (Value, bool){
	"year":    func(f *Frame, v Value) (Value, bool) { return f.integer(int64(calendarYear(v.Instant()))), true },
	"month":   func(f *Frame, v Value) (Value, bool) { return f.integer(int64(v.Instant().Month())), true },
	"day":     func(f *Frame, v Value) (Value, bool) { return f.integer(int64(v.Instant().Day())), true },
	"hours":   func(f *Frame, v Value) (Value, bool) { return f.integer(int64(instant(v).Hour())), true },
	"minutes": func(f *Frame, v Value) (Value, bool) { return f.integer(int64(instant(v).Minute())), true },
	"seconds": func(f *Frame, v Value) (Value, bool) {
		return f.seconds(int64(instant(v).Second())*1e9 + int64(instant(v).Nanosecond())), true
	},
	"timezone": func(_ *Frame, v Value) (Value, bool) { return zoneOf(instant(v)) },
}

// durationParts are those of a duration; a negative one has negative parts.
var durationParts = map[string]func(f *Frame, v Value) Value{
	"years":   func(f *Frame, v Value) Value { return f.integer(v.span() / 12) },
	"months":  func(f *Frame, v Value) Value { return f.integer(v.span() % 12) },
	"days":    func(f *Frame, v Value) Value { return f.integer(v.span() / (24 * int64(time.Hour))) },
	"hours":   func(f *Frame, v Value) Value { return f.integer(v.span() / int64(time.Hour) % 24) },
	"minutes": func(f *Frame, v Value) Value { return f.integer(v.span() / int64(time.Minute) % 60) },
	"seconds": func(f *Frame, v Value) Value { return f.seconds(v.span() % int64(time.Minute)) },
}

// seconds is a decimal of nanoseconds.
func (f *Frame) seconds(nanos int64) Value {
	d := f.decimal()
	d.SetFinite(nanos, -9)
	d.Reduce(d)
	if d.Exponent > 0 {
		scaled(d, d, 0, apd.RoundDown)
	}
	return Value{Class: Decimal, Number: d}
}

// calendarYear has no year 0: what is before year 1 is -1.
func calendarYear(t time.Time) int {
	if y := t.Year(); y > 0 {
		return y
	}
	return t.Year() - 1
}

func instant(v Value) time.Time {
	if v.Class == Time {
		return timeOfDay(v.Text)
	}
	return v.Instant()
}

// zoneOf is absent where the moment names no zone.
func zoneOf(t time.Time) (Value, bool) {
	if t.Location() == NoZone {
		return Value{}, false
	}
	_, offset := t.Zone()
	return lasting(DayTimeDuration, int64(offset)*int64(time.Second)), true
}

// extraction is year-from-date and its kin: "part-from-type".
func extraction(name string) (function, bool) {
	what, from, ok := strings.Cut(name, "-from-")
	if !ok {
		return function{}, false
	}
	of, known := map[string]Class{"dateTime": DateTime, "date": Date, "time": Time}[from]
	calendar := what == "year" || what == "month" || what == "day"
	switch _, is := parts[what]; {
	case from == "duration":
		_, is := durationParts[what]
		return function{1, 1, func(c *compiler, n *call) code { return c.durationPart(n, what) }}, is
	case !known || !is || of == Date && !calendar && what != "timezone" || of == Time && calendar:
		return function{}, false
	}
	return function{1, 1, func(c *compiler, n *call) code { return c.momentPart(n, what, of) }}, true
}

// momentOf compiles an argument of one temporal class.
func (c *compiler) momentOf(n *call, i int, class Class) code {
	k := c.operand(n.args[i], n.name)
	if k == nil {
		return nil
	}
	if t := k.typ(); !t.never() && t.Class != class {
		return c.fail(n.args[i], "%s takes %s, not %s", n.name, class, t)
	}
	return k
}

func (c *compiler) momentPart(n *call, what string, of Class) code {
	k := c.momentOf(n, 0, of)
	if k == nil {
		return nil
	}
	t := Type{Class: Integer, Min: min(k.typ().Min, 1), Max: 1}
	switch what {
	case "seconds":
		t.Class = Decimal
	case "timezone":
		t.Class, t.Min = DayTimeDuration, 0
	}
	get := parts[what]
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present {
			return Value{}, false, err
		}
		r, ok := get(f, v)
		return r, ok, nil
	}}
}

func (c *compiler) durationPart(n *call, what string) code {
	k := c.operand(n.args[0], n.name)
	if k == nil {
		return nil
	}
	class := DayTimeDuration
	if what == "years" || what == "months" {
		class = YearMonthDuration
	}
	if t := k.typ(); !t.never() && t.Class != class {
		return c.fail(n.args[0], "%s takes %s, not %s", n.name, class, t)
	}
	t := Type{Class: Integer, Min: k.typ().Min, Max: 1}
	if what == "seconds" {
		t.Class = Decimal
	}
	get := durationParts[what]
	return c.each1(t, k, func(f *Frame, v Value) (Value, string) { return get(f, v), "" })
}

// adjusted is adjust-dateTime-to-timezone and its kin (§9.6). The zone must be
// said: there is no implicit one. () takes it away.
func (c *compiler) adjusted(n *call) code {
	class := map[string]Class{"adjust-dateTime-to-timezone": DateTime, "adjust-date-to-timezone": Date, "adjust-time-to-timezone": Time}[n.name]
	k, zone := c.momentOf(n, 0, class), c.momentOf(n, 1, DayTimeDuration)
	if k == nil || zone == nil {
		return nil
	}
	return &scalar{t: Type{Class: class, Min: k.typ().Min, Max: 1}, eval: func(f *Frame) (Value, bool, error) {
		v, p, err := k.one(f)
		if err != nil || p != Present {
			return Value{}, false, err
		}
		z, p, err := zone.one(f)
		if err != nil {
			return Value{}, false, err
		}
		to := NoZone
		if p == Present {
			minutes := z.span() / int64(time.Minute)
			if z.span()%int64(time.Minute) != 0 || minutes > 14*60 || minutes < -14*60 {
				return Value{}, false, &Error{"a zone is whole minutes, 14 hours at most", z.Lexical()}
			}
			to = time.UTC
			if minutes != 0 {
				to = time.FixedZone("", int(minutes)*60)
			}
		}
		return inZone(v, to), true, nil
	}}
}

// inZone keeps the instant, or the reading of the clock where one of the two has
// no zone.
func inZone(v Value, to *time.Location) Value {
	t := instant(v)
	if t.Location() == NoZone || to == NoZone {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), to)
	} else {
		t = t.In(to)
	}
	r, _ := toMoment(Moment(t), v.Class)
	return r
}

// dateTime joins a date and a time (§9.3): a zone of one is that of the result.
func (c *compiler) dateTime(n *call) code {
	day, clock := c.momentOf(n, 0, Date), c.momentOf(n, 1, Time)
	if day == nil || clock == nil {
		return nil
	}
	t := Type{Class: DateTime, Min: min(day.typ().Min, clock.typ().Min), Max: 1}
	return &scalar{t: t, eval: func(f *Frame) (Value, bool, error) {
		d, c, ok, err := both(f, day, clock)
		if err != nil || !ok {
			return Value{}, false, err
		}
		at := timeOfDay(c.Text)
		zone, other := d.Instant().Location(), at.Location()
		if zone == NoZone {
			zone = other
		} else if _, a := d.Instant().Zone(); other != NoZone {
			if _, b := at.Zone(); a != b {
				return Value{}, false, &Error{"date and time are in different zones", d.Lexical() + " " + c.Text}
			}
		}
		hour := at.Hour()
		if strings.HasPrefix(c.Text, "24") {
			hour = 0
		}
		y, m, dd := d.Instant().Date()
		return Moment(time.Date(y, m, dd, hour, at.Minute(), at.Second(), at.Nanosecond(), zone)), true, nil
	}}
}
