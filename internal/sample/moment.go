package sample

import (
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// timeline counts the values of a date or time type: in years, months, days or
// seconds.
type timeline struct {
	layout string // of the time package
	unit   func(time.Time) int64
	at     func(int64) time.Time
}

var timelines = map[string]timeline{
	"dateTime":   {"2006-01-02T15:04:05", time.Time.Unix, seconds},
	"date":       {"2006-01-02", days, func(n int64) time.Time { return seconds(n * 86400) }},
	"time":       {"15:04:05", secondOfDay, seconds},
	"gYear":      {"2006", func(t time.Time) int64 { return int64(t.Year()) }, func(n int64) time.Time { return date(int(n), 1, 1) }},
	"gYearMonth": {"2006-01", months, func(n int64) time.Time { return date(0, int(n)+1, 1) }},
	"gMonth":     {"--01", func(t time.Time) int64 { return int64(t.Month()) }, func(n int64) time.Time { return date(2000, int(n), 1) }},
	"gDay":       {"---02", func(t time.Time) int64 { return int64(t.Day()) }, func(n int64) time.Time { return date(2000, 1, int(n)) }},
	"gMonthDay":  {"--01-02", func(t time.Time) int64 { return int64(t.YearDay()) }, func(n int64) time.Time { return date(2000, 1, int(n)) }},
}

func date(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}
func seconds(n int64) time.Time         { return time.Unix(n, 0).UTC() }
func days(t time.Time) int64            { return t.Unix() / 86400 }
func secondOfDay(t time.Time) int64     { return int64(t.Hour()*3600 + t.Minute()*60 + t.Second()) }
func months(t time.Time) int64          { return int64(t.Year())*12 + int64(t.Month()) - 1 }
func (l timeline) write(n int64) string { return l.at(n).Format(l.layout) }

// reach is how far each line goes where the type sets no limit.
var reach = map[string][2]string{
	"dateTime": {"0001-01-01T00:00:00", "9999-12-31T23:59:59"}, "date": {"0001-01-01", "9999-12-31"}, "time": {"00:00:00", "23:59:59"},
	"gYear": {"0001", "9999"}, "gYearMonth": {"0001-01", "9999-12"}, "gMonth": {"--01", "--12"}, "gDay": {"---01", "---31"}, "gMonthDay": {"--01-01", "--12-31"},
}

// plausible moments, by type.
var usual = map[string]string{
	"dateTime": "2026-03-02T09:30:00", "date": "2026-03-16", "time": "09:30:00", "gYear": "2026", "gYearMonth": "2026-03",
	"gMonth": "--03", "gDay": "---16", "gMonthDay": "--03-16",
}

// period is what lies within a type's limits on its timeline.
type period struct {
	timeline
	lo, hi int64
	zone   string // of the limits
}

var zoned = regexp.MustCompile(`(Z|[+-][0-9]{2}:[0-9]{2})$`)

// read places a lexical value on the line; whole is false where it lies between
// two places.
func (l timeline) read(primitive, v string) (at int64, zone string, whole, ok bool) {
	v = strings.TrimSpace(v)
	if primitive == "dateTime" || primitive == "time" || len(v) > len(usual[primitive]) {
		zone = zoned.FindString(v)
	}
	v = strings.TrimSuffix(v, zone)
	v, fraction, _ := strings.Cut(v, ".")
	t, err := time.Parse(l.layout, v)
	if primitive == "gMonthDay" {
		t, err = time.Parse("2006"+l.layout, "2000"+v)
	}
	return l.unit(t), zone, strings.Trim(fraction, "0") == "", err == nil
}

// periodOf reckons the limits of a type; ok is false where they cannot be read or
// nothing lies between.
func periodOf(s *contract.Simple) (p period, ok bool) {
	p.timeline = timelines[s.Primitive]
	p.lo, _, _, _ = p.read(s.Primitive, reach[s.Primitive][0])
	p.hi, _, _, _ = p.read(s.Primitive, reach[s.Primitive][1])
	for _, b := range []struct {
		limit         *string
		below, within bool
	}{{s.MinInclusive, true, true}, {s.MinExclusive, true, false}, {s.MaxInclusive, false, true}, {s.MaxExclusive, false, false}} {
		if b.limit == nil {
			continue
		}
		at, zone, whole, good := p.read(s.Primitive, *b.limit)
		if !good {
			return p, false
		}
		p.zone = zone
		switch {
		case b.below && !(b.within && whole):
			p.lo = max(p.lo, at+1)
		case b.below:
			p.lo = max(p.lo, at)
		case whole && !b.within:
			p.hi = min(p.hi, at-1)
		default:
			p.hi = min(p.hi, at)
		}
	}
	return p, p.lo <= p.hi
}

// moments yields plausible values, another for each index, and the limits.
func moments(s *contract.Simple, h hint) iter.Seq[string] {
	return func(yield func(string) bool) {
		if p, ok := periodOf(s); ok {
			at, _, _, _ := p.read(s.Primitive, usual[s.Primitive])
			at = min(max(at, p.lo), p.hi)
			zone := p.zone
			if s.Primitive == "dateTime" && !limited(s) {
				zone = "Z"
			}
			for _, n := range []int64{at + int64(h.index), at - int64(h.index), at, p.lo, p.hi} {
				if n >= p.lo && n <= p.hi && (!yield(p.write(n)+zone) || zone == "Z" && !yield(p.write(n))) {
					return
				}
			}
		}
		for _, limit := range []*string{s.MinInclusive, s.MaxInclusive} {
			if limit != nil && !yield(strings.TrimSpace(*limit)) {
				return
			}
		}
	}
}

func limited(s *contract.Simple) bool {
	return s.MinInclusive != nil || s.MinExclusive != nil || s.MaxInclusive != nil || s.MaxExclusive != nil
}

// anyMoment picks a time within the limits, by chance with a zone and a fraction
// where the type has no limits to get past.
func (v *valuer) anyMoment(s *contract.Simple) string {
	p, ok := periodOf(s)
	if !ok {
		return usual[s.Primitive]
	}
	n := p.lo
	switch v.rand.IntN(6) {
	case 0:
	case 1:
		n = p.hi
	default:
		if width := uint64(p.hi - p.lo); width < math.MaxInt64 {
			n += v.rand.Int64N(int64(width) + 1)
		}
	}
	out := p.write(n)
	if limited(s) {
		return out + p.zone
	}
	if v.odd && strings.HasSuffix(p.layout, "05") && v.rand.IntN(3) == 0 {
		out += []string{".5", ".250", ".123456"}[v.rand.IntN(3)]
	}
	return out + []string{"", "", "Z", "+02:00", "-05:30"}[v.rand.IntN(5)]
}

func durations(s *contract.Simple, h hint) iter.Seq[string] {
	out := []string{fmt.Sprintf("P%dD", h.index+1), "P1DT2H", "PT30M", "P1Y", "PT0S", "-P1D", "P100Y"}
	for _, limit := range []*string{s.MinInclusive, s.MaxInclusive} {
		if limit != nil {
			out = append(out, strings.TrimSpace(*limit))
		}
	}
	if limited(s) { // how durations compare only the validator knows: limits are the safest
		slices.Reverse(out)
	}
	return slices.Values(out)
}

func (v *valuer) anyDuration() string {
	return []string{"P1D", "P1DT2H", "PT30M", "P2Y6M", "PT0S", "-P1D", "PT1.5S", "P0Y1M2DT3H4M5S"}[v.rand.IntN(8)]
}
