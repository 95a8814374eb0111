package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestAsleep: a message that waits behind nobody, because the one before it left
// at the very moment when it came, is found before long.
func TestAsleep(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "g.db")
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: config.Path(path)}, func() time.Time { return now }, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	due := func(want int) {
		t.Helper()
		found, err := s.Due(t.Context(), now, 10, nil)
		if err != nil || len(found) != want {
			t.Fatalf("%d are due, want %d: %v", len(found), want, err)
		}
	}
	due(0)
	w, err := s.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	e := gatewaytest.OrderEntry("PO-1", 1)
	e.Hold = &gateway.Hold{State: gateway.Waiting, Until: now.Add(time.Hour)} // without Next, as behind another
	e.Changes, e.Render = nil, nil
	if out, err := w.Commit(t.Context(), 0, []*gateway.Entry{e}); err != nil || out[0].Status != gateway.Waiting {
		t.Fatalf("%v, %v", out, err)
	}
	due(0)
	now = now.Add(time.Minute)
	due(1)
}
