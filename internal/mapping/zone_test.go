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
	var read, refused int
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
			v := Moment(at.In(NoZone))
			got, err := h.inZone(v, zone)
			want, wantErr := inZone(v, zone)
			switch {
			case (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error():
				t.Fatalf("%s in %s: %v, want %v", v.Lexical(), zone, err, wantErr)
			case err != nil:
				refused++
			case !got.Instant().Equal(want.Instant()) || got.Lexical() != want.Lexical() || got.Instant().Location() != zone:
				t.Fatalf("%s in %s: %s, want %s", v.Lexical(), zone, got.Lexical(), want.Lexical())
			default:
				read++
			}
			at = at.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "hours")) * time.Hour)
		}
	})
	t.Logf("%d read, %d refused", read, refused)
	if read == 0 || refused == 0 {
		t.Error("some kinds of outcome never came")
	}
}
