package mapping

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHours: times of one message that are read with a period in mind are read as
// each of them alone.
func TestHours(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Helsinki", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Antarctica/Troll", "Australia/Lord_Howe", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	h := hours{}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(-70_000_000_000, 250_000_000_000).Draw(t, "any time"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		if rapid.IntRange(0, 3).Draw(t, "how") > 0 { // near a change
			at = time.Unix(rapid.Int64Range(-2_000_000_000, 4_000_000_000).Draw(t, "time"), 0)
			if _, end := at.In(zone).ZoneBounds(); !end.IsZero() {
				_, offset := at.In(zone).Zone()
				at = end.Add(time.Duration(offset)*time.Second + time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "minutes"))*time.Minute)
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			h.reads(t, at, zone)
			at = at.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "hours")) * time.Hour)
		}
	})
	// Both outcomes, before and behind each other, whatever was drawn.
	h, helsinki := hours{}, zones[1]
	for _, hour := range []int{1, 3, 2, 3, 4, 3, 5} {
		at := time.Date(2024, time.March, 31, hour, 30, 0, 0, time.UTC)
		if read := h.reads(t, at, helsinki); read != (hour != 3) {
			t.Errorf("half past %d is read: %v; on that day 3 o'clock was 4", hour, read)
		}
	}
}

// reads reports whether the wall clock of a zone ever showed a time, on which both
// ways have to agree.
func (h *hours) reads(t rapid.TB, at time.Time, zone *time.Location) bool {
	v := Moment(at.In(NoZone))
	got, err := h.inZone(v, zone)
	want, wantErr := inZone(v, zone)
	switch {
	case (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error():
		t.Fatalf("%s in %s: %v, want %v", v.Lexical(), zone, err, wantErr)
	case err == nil && (!got.Instant().Equal(want.Instant()) || got.Lexical() != want.Lexical() || got.Instant().Location() != zone):
		t.Fatalf("%s in %s: %s, want %s", v.Lexical(), zone, got.Lexical(), want.Lexical())
	}
	return err == nil
}
