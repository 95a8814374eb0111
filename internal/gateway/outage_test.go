package gateway

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestOutageEdges: what was asked early and fails late belongs to the outage that
// it began in, and no success ends that one before.
func TestOutageEdges(t *testing.T) {
	var log strings.Builder
	now := time.Unix(0, 0)
	o := newOutage(NewMetrics(prometheus.NewRegistry()), func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	away := fault.New(fault.CodeStoreUnavailable, "")
	at := func(second int) { now = time.Unix(int64(second), 0) }
	want := func(when string, down, up int) {
		t.Helper()
		if d, u := strings.Count(log.String(), "store unavailable"), strings.Count(log.String(), "store available again"); d != down || u != up {
			t.Fatalf("%s: %d lines say that it went, %d that it came back; want %d and %d", when, d, u, down, up)
		}
	}
	fine := func() { o.answered(t.Context(), o.ask(), nil) }

	gone, leave := context.WithCancel(t.Context())
	leave()
	o.answered(gone, o.ask(), away)
	o.answered(t.Context(), o.ask(), fault.New(fault.CodeInternal, ""))
	want("a caller left, and something else was wrong", 0, 0)

	slow := o.ask()
	o.answered(t.Context(), o.ask(), away)
	fine()
	at(9)
	fine()
	want("soon after a failure", 1, 0)
	at(25)
	fine()
	want("while something is open that was asked earlier", 1, 0)
	at(30)
	o.answered(t.Context(), slow, away)
	early := o.ask()
	at(39)
	fine()
	want("soon after a late failure", 1, 0)
	at(40)
	o.answered(t.Context(), early, nil)
	want("an answer to what was asked too early", 1, 0)
	fine()
	want("ten seconds without a failure", 1, 1)
	at(41)
	fine()
	o.answered(t.Context(), o.ask(), away)
	want("another outage", 2, 1)
	if len(o.open) > 0 {
		t.Errorf("%d questions are open", len(o.open))
	}
}
