package mapping

import (
	"math"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// hours is a period in which the clocks of a zone are not changed: most times of
// a message are in the one that was found last.
type hours struct {
	zone     *time.Location // nil: none is known
	from, to int64          // seconds since 1970, without the days next to a change
	offset   int64          // seconds
}

// inZone reads a dateTime without a zone as local time of one.
func (h *hours) inZone(v Value, zone *time.Location) (Value, error) {
	t := v.Instant()
	if t.Location() != NoZone {
		return v, nil
	}
	clock := t.Unix()
	if h.zone != zone || clock < h.from || clock >= h.to {
		h.find(clock, zone)
	}
	if clock < h.from || clock >= h.to {
		return inZone(v, zone)
	}
	return xpath.Moment(time.Unix(clock-h.offset, int64(t.Nanosecond())).In(zone)), nil
}

// find looks for the period of a time, which leaves out two days at both ends: no
// zone is further from UTC, so that there every local time is there once.
func (h *hours) find(clock int64, zone *time.Location) {
	const margin = 2 * 24 * 60 * 60
	t := time.Unix(clock, 0).In(zone)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	*h = hours{zone: zone, from: math.MinInt64, to: math.MaxInt64, offset: int64(offset)}
	if !start.IsZero() {
		h.from = start.Unix() + margin
	}
	if !end.IsZero() {
		h.to = end.Unix() - margin
	}
}

// inZone is hours.inZone of any time. One that the clocks skipped is refused; of
// one that came twice the first is meant.
func inZone(v Value, zone *time.Location) (Value, error) {
	t := v.Instant()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	local := time.Date(year, month, day, hour, minute, second, t.Nanosecond(), zone)
	if !sameClock(t, local) {
		return v, &xpath.Error{Message: "the value did not exist in " + zone.String() + ": the clocks went forward", Value: v.Lexical()}
	}
	if earlier := local.Add(-time.Hour); sameClock(t, earlier) {
		local = earlier
	}
	return xpath.Moment(local), nil
}

// sameClock reports whether two moments, each in its zone, are of one day and
// minute.
func sameClock(a, b time.Time) bool { return minuteOf(a) == minuteOf(b) }

// minuteOf counts the minutes of a moment's own clock.
func minuteOf(t time.Time) int64 {
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	return (seconds - ((seconds%60)+60)%60) / 60
}
