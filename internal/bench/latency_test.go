package bench

import (
	"math"
	"testing"
	"time"
)

// TestPercentiles are those of the numbers from 1 to 10,000 ms, within a thousandth.
func TestPercentiles(t *testing.T) {
	l := NewLatencies()
	for i := range 10000 {
		l.Record(time.Duration(i+1) * time.Millisecond)
	}
	got := l.Percentiles()
	for what, pair := range map[string][2]float64{
		"p50": {got.P50, 5}, "p90": {got.P90, 9}, "p99": {got.P99, 9.9}, "p99.9": {got.P999, 9.99}, "max": {got.Max, 10}, "mean": {got.Mean, 5.0005},
	} {
		if math.Abs(pair[0]-pair[1])/pair[1] > 0.001 {
			t.Errorf("%s is %v, not %v", what, pair[0], pair[1])
		}
	}
	if got.Count != 10000 {
		t.Errorf("counted %d", got.Count)
	}
}

// TestPercentilesAtTheEnds keeps what is out of range, and has nothing of nothing.
func TestPercentilesAtTheEnds(t *testing.T) {
	l := NewLatencies()
	if got := l.Percentiles(); got != (Percentiles{}) {
		t.Errorf("nothing: %+v", got)
	}
	for _, d := range []time.Duration{-time.Second, 0, 48 * time.Hour} {
		l.Record(d)
	}
	if got := l.Percentiles(); got.Count != 3 || got.P50 > 0.00001 || math.Abs(got.Max-3600) > 4 {
		t.Errorf("%+v", got)
	}
}
