package gateway

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestStoreUpTellsTheMoment: the metric is down with the first failure, stays down as
// long as one failure follows another, whatever is answered between them, and is up
// soon after the last one; the log waits, and has one line for each edge.
func TestStoreUpTellsTheMoment(t *testing.T) {
	now := time.Now()
	var log strings.Builder
	m := NewMetrics(prometheus.NewRegistry())
	o := newOutage(m, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	away := fault.New(fault.CodeStoreUnavailable, "")
	expect := func(what string, up float64, begins, ends int) {
		t.Helper()
		if got := testutil.ToFloat64(m.storeUp); got != up {
			t.Errorf("%s: gatehouse_store_up %v, want %v", what, got, up)
		}
		if b, e := strings.Count(log.String(), "store unavailable"), strings.Count(log.String(), "store available again"); b != begins || e != ends {
			t.Errorf("%s: %d lines that it went, %d that it came back", what, b, e)
		}
	}
	ask := func(err error) { _ = o.during(t.Context(), func() error { return err }) }
	ask(nil)
	expect("at first", 1, 0, 0)
	for range 20 { // half of it fails
		ask(nil)
		ask(away)
		expect("while a part fails", 0, 1, 0)
		now = now.Add(time.Second)
	}
	old := o.ask() // before it came back, answered late
	now = now.Add(moment - time.Second)
	ask(nil)
	expect("a moment later", 1, 1, 0)
	now = now.Add(time.Second)
	o.answered(t.Context(), old, away)
	expect("a late failure", 0, 1, 0)
	now = now.Add(moment)
	ask(nil)
	expect("a moment after that", 1, 1, 0)
	now = now.Add(calm)
	ask(nil)
	expect("in the end", 1, 1, 1)
}
