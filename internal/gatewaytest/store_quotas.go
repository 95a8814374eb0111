package gatewaytest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// quotas: whatever many processes draw at the same time is drawn once, and never
// more than there is; what comes back can be drawn again; each day is one's own, and
// long past ones go.
func (s *storeSuite) quotas(t *testing.T) {
	ctx := t.Context()
	s.t.Cleanup(func() { s.probe.Exec(t, `DELETE FROM {gateway.quota}`) })
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	q := gateway.Quota{Scope: "role/erp", Unit: gateway.QuotaMessages, Day: day}
	draw := func(store gateway.Store, q gateway.Quota, want, limit int64) (int64, int64) {
		t.Helper()
		granted, drawn, err := store.Draw(ctx, q, want, limit)
		if err != nil {
			t.Fatal(err)
		}
		return granted, drawn
	}
	if granted, drawn := draw(s.store, q, 0, 100); granted != 0 || drawn != 0 {
		t.Errorf("asking first: %d of %d", granted, drawn)
	}
	stores := []gateway.Store{s.store, s.probe.Another(t)}
	var (
		mu    sync.Mutex
		total int64
		all   sync.WaitGroup
	)
	for i := range 24 {
		all.Go(func() {
			granted, _, err := stores[i%2].Draw(ctx, q, 7, 100)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += granted
		})
	}
	all.Wait()
	if total != 100 {
		t.Errorf("%d of 100 were drawn", total)
	}
	if granted, drawn := draw(s.store, q, 1, 100); granted != 0 || drawn != 100 {
		t.Errorf("past the limit: %d of %d", granted, drawn)
	}
	if granted, drawn := draw(s.store, q, 5, 90); granted != 0 || drawn != 100 {
		t.Errorf("past a limit that was lowered: %d of %d", granted, drawn)
	}
	draw(stores[1], q, -30, 0)
	if granted, drawn := draw(s.store, q, 50, 100); granted != 30 || drawn != 100 {
		t.Errorf("after 30 came back: %d of %d", granted, drawn)
	}
	bytes := q
	bytes.Unit = gateway.QuotaBytes
	if granted, _ := draw(s.store, bytes, 1<<40, 1<<50); granted != 1<<40 {
		t.Errorf("drawn are %d bytes", granted)
	}
	later := q
	later.Day = day.AddDate(0, 2, 0)
	if granted, drawn := draw(s.store, later, 10, 100); granted != 10 || drawn != 10 {
		t.Errorf("another day: %d of %d", granted, drawn)
	}
	if _, drawn := draw(s.store, q, 0, 100); drawn != 0 {
		t.Errorf("of a day two months ago %d are still counted", drawn)
	}
}

// usage: what was stored since a time, by route and sender, the most frequent first.
func (s *storeSuite) usage(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	for i, who := range []string{"uid=a,dc=corp", "uid=b,dc=corp", "uid=b,dc=corp", "uid=b,dc=corp"} {
		e := p.entry(fmt.Sprintf("u%d", i), simple(fmt.Sprintf("PO-%d", i)))
		e.Message.Principal = who
		if i == 3 {
			e.Message.Route = "another"
		}
		s.commit(w, 0, e)
	}
	usage := func(since time.Time, limit int) string {
		t.Helper()
		all, err := s.store.Usage(t.Context(), since, limit)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, u := range all {
			if u.Last.IsZero() || time.Since(u.Last) > time.Hour || u.Last.Location() != time.UTC {
				t.Errorf("last used at %v", u.Last)
			}
			text += fmt.Sprintf("%s %s %d\n", u.Route, u.Principal, u.Messages)
		}
		return text
	}
	route := "submit-order"
	if got, want := usage(time.Now().Add(-time.Hour), 10), route+" uid=b,dc=corp 2\nanother uid=b,dc=corp 1\n"+route+" uid=a,dc=corp 1\n"; got != want {
		t.Errorf("usage is\n%swant\n%s", got, want)
	}
	if got := usage(time.Now().Add(-time.Hour), 1); got != route+" uid=b,dc=corp 2\n" {
		t.Errorf("the first line is %s", got)
	}
	if got := usage(time.Now().Add(time.Hour), 10); got != "" {
		t.Errorf("usage of the future: %s", got)
	}
}
