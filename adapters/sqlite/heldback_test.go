package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestHeldBackIsReadOnce: however much a parked delivery holds back, looking for what
// can go costs no more for it, neither where nothing else waits nor behind it.
func TestHeldBackIsReadOnce(t *testing.T) {
	few, many := heldBack(t, 20), heldBack(t, 20_000)
	shortest := func(store gateway.Store, want int) time.Duration {
		least := time.Hour
		for range 30 {
			begun := time.Now()
			page, err := store.Pending(t.Context(), "events", 0, 0, 200)
			if err != nil || len(page.Deliveries) != want {
				t.Fatalf("%d deliveries, %v", len(page.Deliveries), err)
			}
			least = min(least, time.Since(begun))
		}
		return least
	}
	for want := range 2 {
		little, much := shortest(few.store, want), shortest(many.store, want)
		t.Logf("%d can go: %v among few, %v among many", want, little, much)
		if much > 10*little { // about a thousand times as much to read
			t.Errorf("%d can go: looking takes %v among few that are held back, %v among many", want, little, much)
		}
		few.put("other", 1)
		many.put("other", 1)
	}
}

// stuckShard is a shard in which a parked delivery holds others back.
type stuckShard struct {
	t     *testing.T
	store gateway.Store
	exec  func(text string)
	last  int
}

// newStuckShard parks the first of so many deliveries of a key.
func newStuckShard(t *testing.T, n int) (*stuckShard, gateway.Lease) {
	store, probe := openStore(t)
	s := &stuckShard{t: t, store: store, exec: func(text string) { probe.Exec(t, text) }}
	s.exec(`INSERT INTO {gateway.shard} (channel, shard, next_seq) VALUES ('events', 0, 1)`)
	s.put("stuck", n)
	l, ok, err := store.Acquire(t.Context(), "events", 0, "a", time.Minute)
	if err == nil && ok {
		err = store.Park(t.Context(), l, 1, "GH-6003", "no", 1)
	}
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return s, l
}

// heldBack is a shard in which a parked delivery holds n others back.
func heldBack(t *testing.T, n int) *stuckShard {
	s, _ := newStuckShard(t, 1)
	s.put("stuck", n)
	return s
}

// put puts n deliveries of a key behind what is there.
func (s *stuckShard) put(key string, n int) {
	s.exec(fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[2]d)
		INSERT INTO {gateway.outbox} (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
		SELECT 'events', 0, %[3]d + i, printf('%%032x', %[3]d + i), randomblob(16), '%[1]s', '', '', '', '', '', 0, x'' FROM n`, key, n, s.last))
	s.last += n
	s.exec(fmt.Sprintf(`UPDATE {gateway.shard} SET next_seq = %d WHERE channel = 'events'`, s.last+1))
}

// TestParkingTakesAPart: of a long queue the first thousand are parked with a delivery
// and the others stay in the outbox. They go when it does, all in order.
func TestParkingTakesAPart(t *testing.T) {
	s, l := newStuckShard(t, 2500)
	store := s.store
	held, err := store.Holding(t.Context())
	if err != nil || held.Stuck["events"] != 1001 || held.Outbox["events"] != 1499 {
		t.Errorf("%d are parked and %d wait, %v", held.Stuck["events"], held.Outbox["events"], err)
	}
	if page, err := store.Pending(t.Context(), "events", 0, 0, 10); err != nil || len(page.Deliveries) != 0 {
		t.Errorf("%d can go, %v", len(page.Deliveries), err)
	}
	if err := store.Confirm(t.Context(), l, []int64{1}); err != nil { // it was taken after all
		t.Fatal(err)
	}
	page, err := store.Pending(t.Context(), "events", 0, 0, 3000)
	if err != nil || len(page.Deliveries) != 2499 {
		t.Fatalf("%d can go, %v", len(page.Deliveries), err)
	}
	for i, d := range page.Deliveries {
		if d.Seq != int64(i+2) {
			t.Fatalf("delivery %d stands at %d", d.Seq, i)
		}
	}
}
