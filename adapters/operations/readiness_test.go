package operations

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestReadiness(t *testing.T) {
	now := noon
	var store, broker error
	asked := 0
	d := newDoor(t, Config{})
	d.Readiness = NewReadiness(func() []Probe {
		return []Probe{
			Ping("store", true, func(context.Context) error { asked++; return store }),
			Ping("broker", false, func(context.Context) error { return broker }),
			{Name: "queue in.orders", Ask: func(context.Context) (time.Time, error) { return noon.Add(-time.Hour), nil }},
		}
	}, func() time.Time { return now })

	var got struct {
		Status string
		Checks []Check
	}
	look := func(status int, word string) {
		t.Helper()
		d.as("", http.MethodGet, "/readyz", "").wants(status, "").into(&got)
		if got.Status != word || len(got.Checks) != 3 {
			t.Errorf("got %+v, want %s", got, word)
		}
	}
	look(http.StatusOK, statusReady)
	if !got.Checks[0].Ready || got.Checks[0].Since != noon || got.Checks[2].Since != noon.Add(-time.Hour) {
		t.Errorf("got %+v", got.Checks)
	}

	store = fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("hunter2"))
	look(http.StatusOK, statusReady) // the answer of a moment ago
	if asked != 1 {
		t.Errorf("asked %d times within a second", asked)
	}
	now = noon.Add(2 * time.Second)
	look(http.StatusServiceUnavailable, statusNotReady)
	if c := got.Checks[0]; c.Ready || c.Since != now || c.Reason == "" || strings.Contains(c.Reason, "hunter2") {
		t.Errorf("got %+v", c)
	}

	began := now
	now, broker = now.Add(time.Minute), errors.New("dial: hunter2")
	look(http.StatusServiceUnavailable, statusNotReady)
	if got.Checks[0].Since != began || got.Checks[1].Since != now || strings.Contains(got.Checks[1].Reason, "hunter2") {
		t.Errorf("got %+v", got.Checks)
	}

	now, store = now.Add(time.Minute), nil
	look(http.StatusOK, statusDegraded) // messages are taken without the broker
	if got.Checks[0].Since != now {
		t.Errorf("got %+v", got.Checks)
	}
}

// A probe that hangs is given up with its context, and holds up nobody for longer.
func TestProbesEnd(t *testing.T) {
	r := NewReadiness(func() []Probe {
		return []Probe{Ping("hung", true, func(ctx context.Context) error {
			<-ctx.Done()
			return fault.New(fault.CodeDirectoryUnavailable, "").Because(ctx.Err())
		})}
	}, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the caller is gone: the next one wants the answer all the same
	if checks := r.Check(ctx); len(checks) != 1 || checks[0].Ready {
		t.Errorf("got %+v", checks)
	}
}
