package gatewaytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const channel = "order-events"

// denseNumbers: whatever the lanes do, each shard's deliveries are numbered from
// one without a gap, and those of one key in the order of their commits.
func (s *storeSuite) denseNumbers(t *testing.T) {
	const perLane, size = 6, 8
	p := newPlan()
	w := s.writer(p)
	var wg sync.WaitGroup
	var mu sync.Mutex
	handed := map[string]gateway.Delivery{} // by shard and number
	for lane := range s.store.Lanes() {
		wg.Go(func() {
			for b := range perLane {
				var batch []*gateway.Entry
				for i := range size {
					no := fmt.Sprintf("%d-%d-%d", lane, b, i)
					e := p.entry(no, order{no: no, customer: no, name: "A"})
					e.Message.OrderingKey = fmt.Sprintf("key-%d-%d", lane, i%3)
					batch = append(batch, e)
				}
				for _, o := range s.commit(w, lane, batch...) {
					s.status(o, gateway.Stored)
					mu.Lock()
					for _, d := range o.Deliveries {
						handed[fmt.Sprint(d.Shard, d.Seq)] = d
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	total := 0
	last := map[string]string{}
	for shard := range s.store.Shards() {
		for i, d := range s.pending(shard, 0, 10000) {
			if d.Seq != int64(i+1) || d.Shard != shard || d.Channel != channel {
				t.Fatalf("shard %d: delivery %d is number %d of %s/%d", shard, i, d.Seq, d.Channel, d.Shard)
			}
			body := string(d.Body)
			if body <= last[d.OrderingKey] {
				t.Errorf("key %s: %s after %s", d.OrderingKey, body, last[d.OrderingKey])
			}
			last[d.OrderingKey] = body
			total++
			// What the relay is handed is what it would have read.
			if h, ok := handed[fmt.Sprint(shard, d.Seq)]; len(handed) > 0 && (!ok || !reflect.DeepEqual(h, d)) {
				t.Errorf("the outbox holds\n%+v, handed over was\n%+v", d, h)
			}
		}
	}
	if want := s.store.Lanes() * perLane * size; total != want {
		t.Errorf("%d deliveries wait, want %d", total, want)
	}
}

func (s *storeSuite) pending(shard int, after int64, limit int) []gateway.Delivery {
	s.t.Helper()
	d, _ := s.released(shard, after, limit)
	return d
}

// released is pending with the shard's count of releases.
func (s *storeSuite) released(shard int, after int64, limit int) ([]gateway.Delivery, int64) {
	s.t.Helper()
	page := s.page(shard, after, limit)
	return page.Deliveries, page.Releases
}

func (s *storeSuite) page(shard int, after int64, limit int) gateway.Page {
	s.t.Helper()
	page, err := s.store.Pending(s.t.Context(), channel, shard, after, limit)
	if err != nil {
		s.t.Fatalf("pending: %v", err)
	}
	return page
}

// fill stores n messages of the given ordering keys, in order, and returns the
// shard that all of them are in.
func (s *storeSuite) fill(n int, keys ...string) int {
	s.t.Helper()
	p := newPlan()
	w := s.writer(p)
	for i := range n {
		no := fmt.Sprintf("PO-%03d", i)
		e := p.entry(no, order{no: no, customer: no, name: "A"})
		e.Message.OrderingKey = keys[i%len(keys)]
		s.one(w, e, gateway.Stored)
	}
	for shard := range s.store.Shards() {
		if len(s.pending(shard, 0, n+1)) == n {
			return shard
		}
	}
	s.t.Fatalf("the keys %q are not in one shard", keys)
	return 0
}

// neighbours returns n ordering keys of one shard.
func (s *storeSuite) neighbours(n int) []string {
	p := newPlan()
	w := s.writer(p)
	byShard := map[int][]string{}
	for i := 0; ; i++ {
		key := fmt.Sprintf("probe-%d", i)
		e := p.entry(key, order{no: key, customer: key, name: "A"})
		e.Message.OrderingKey = key
		s.one(w, e, gateway.Stored)
		for shard := range s.store.Shards() {
			found := s.pending(shard, 0, 1)
			if len(found) == 0 {
				continue
			}
			l := s.acquire(shard, "prober", time.Minute)
			if err := s.store.Confirm(s.t.Context(), l, []int64{found[0].Seq}); err != nil {
				s.t.Fatalf("confirm: %v", err)
			}
			byShard[shard] = append(byShard[shard], key)
			if len(byShard[shard]) == n {
				s.probe.Exec(s.t, `DELETE FROM {gateway.lease}`)
				return byShard[shard]
			}
		}
	}
}

func (s *storeSuite) acquire(shard int, owner string, ttl time.Duration) gateway.Lease {
	s.t.Helper()
	l, ok, err := s.store.Acquire(s.t.Context(), channel, shard, owner, ttl)
	if err != nil || !ok {
		s.t.Fatalf("acquire: %v, %v", ok, err)
	}
	return l
}

func (s *storeSuite) leases(t *testing.T) {
	ctx := t.Context()
	s.fill(1, "k")
	a := s.acquire(0, "a", time.Minute)
	if renewed := s.acquire(0, "a", time.Minute); renewed.Fence != a.Fence {
		t.Errorf("renewing changed the fence from %d to %d", a.Fence, renewed.Fence)
	}
	if _, ok, err := s.store.Acquire(ctx, channel, 0, "b", time.Minute); ok || err != nil {
		t.Fatalf("b took a's lease: %v, %v", ok, err)
	}
	s.acquire(1, "b", time.Minute) // another shard is another lease

	b := s.takeOver("a", "b")
	if b.Fence <= a.Fence {
		t.Errorf("fence %d after %d", b.Fence, a.Fence)
	}
	if err := s.store.Confirm(ctx, a, []int64{1}); !errors.Is(err, gateway.ErrLeaseLost) {
		t.Errorf("confirming with a lost lease: %v", err)
	}
	if err := s.store.Park(ctx, a, 1, "GH-6003", "no", 1); !errors.Is(err, gateway.ErrLeaseLost) {
		t.Errorf("parking with a lost lease: %v", err)
	}
	// A lease that came back to its owner is another lease.
	if again := s.takeOver("b", "a"); again.Fence <= b.Fence {
		t.Errorf("fence %d after %d", again.Fence, b.Fence)
	}
	if err := s.store.Confirm(ctx, a, []int64{1}); !errors.Is(err, gateway.ErrLeaseLost) {
		t.Errorf("confirming with an earlier lease of the same owner: %v", err)
	}
	s.rows(waiting, "1")
	s.contest(t)
}

// takeOver lets the lease of shard 0 run out and pass to another owner.
func (s *storeSuite) takeOver(from, to string) (l gateway.Lease) {
	s.t.Helper()
	s.acquire(0, from, time.Millisecond)
	eventually(s.t, "the lease runs out", func() bool {
		next, ok, err := s.store.Acquire(s.t.Context(), channel, 0, to, time.Minute)
		if err != nil {
			s.t.Fatal(err)
		}
		l = next
		return ok
	})
	return l
}

// contest: of many owners at once, one gets a lease that nobody holds.
func (s *storeSuite) contest(t *testing.T) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
		n  int
	)
	for i := range 16 {
		wg.Go(func() {
			_, ok, err := s.store.Acquire(t.Context(), "contested", 0, fmt.Sprint("owner-", i), time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !fault.KindOf(err).Retryable() {
				t.Errorf("acquire: %v", err)
			}
			if ok {
				n++
			}
		})
	}
	wg.Wait()
	if n > 1 {
		t.Errorf("%d owners hold one lease", n)
	}
}

func (s *storeSuite) confirming(t *testing.T) {
	shard := s.fill(6, "k")
	all := s.pending(shard, 0, 10)
	if got := s.pending(shard, 2, 3); len(got) != 3 || got[0].Seq != 3 {
		t.Errorf("a window after 2 has %d deliveries", len(got))
	}
	checkDelivery(t, &all[0])
	l := s.acquire(shard, "a", time.Minute)
	if err := s.store.Confirm(t.Context(), l, []int64{1, 2, 5}); err != nil {
		t.Fatal(err)
	}
	var left []int64
	for _, d := range s.pending(shard, 0, 10) {
		left = append(left, d.Seq)
	}
	if !slices.Equal(left, []int64{3, 4, 6}) {
		t.Errorf("%v wait, want 3, 4 and 6", left)
	}
	for seq, want := range map[int]string{1: "confirmed", 3: "waiting", 5: "confirmed", 6: "waiting"} {
		r := s.record(all[seq-1].MessageID)
		if got := r.Deliveries[0]; got.State != want || got.ConfirmedAt.IsZero() != (want == "waiting") || got.Seq != int64(seq) {
			t.Errorf("delivery %d: %+v, want %s", seq, got, want)
		}
	}
	s.rows(`SELECT first_seq, last_seq FROM {gateway.relayed} ORDER BY first_seq`, "1 2", "5 5")
}

func checkDelivery(t *testing.T, d *gateway.Delivery) {
	t.Helper()
	if len(d.WireID) != 32 || strings.Trim(d.WireID, "0123456789abcdef") != "" {
		t.Errorf("wire id %q", d.WireID)
	}
	if d.RoutingKey != "order.accepted" || d.Type != "order" || d.ContentType != "application/json" || d.OrderingKey != "k" ||
		d.Correlation != "correlation" || d.TraceParent != traceParent || time.Since(d.CreatedAt).Abs() > time.Hour || !json.Valid(d.Body) {
		t.Errorf("the delivery lost something: %+v", d)
	}
}

func (s *storeSuite) record(id gateway.ID) *gateway.Record {
	s.t.Helper()
	r, err := s.store.Message(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("message: %v", err)
	}
	return r
}

// parking: a parked delivery takes its key's waiting successors along, holds
// those that come later, and nobody else.
func (s *storeSuite) parking(t *testing.T) {
	keys := s.neighbours(2)
	shard := s.fill(6, keys...)
	all := s.pending(shard, 0, 10)
	l := s.acquire(shard, "a", time.Minute)
	if err := s.store.Park(t.Context(), l, all[0].Seq, "GH-6003", strings.Repeat("é", 2000), 5); err != nil {
		t.Fatal(err)
	}
	s.onlyKey(shard, keys[1], 3)
	p := newPlan()
	e := p.entry("later", order{no: "later", customer: "later", name: "A"})
	e.Message.OrderingKey = keys[0]
	s.one(s.writer(p), e, gateway.Stored)
	s.onlyKey(shard, keys[1], 3)

	r := s.record(all[0].MessageID)
	if d := r.Deliveries[0]; d.State != "parked" || !strings.HasPrefix(d.Reason, "éé") {
		t.Errorf("the parked delivery: %+v", d)
	}
	if d := s.record(all[1].MessageID).Deliveries[0]; d.State != "waiting" {
		t.Errorf("another key's delivery: %+v", d)
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.parked}`, "3")
}

// unheard: when the answer to Confirm or Park was lost, the same call again
// finds its work done and changes nothing.
func (s *storeSuite) unheard(t *testing.T) {
	shard := s.fill(4, "k")
	l := s.acquire(shard, "a", time.Minute)
	for range 2 {
		if err := s.store.Confirm(t.Context(), l, []int64{1, 2}); err != nil {
			t.Fatalf("confirm: %v", err)
		}
	}
	s.rows(`SELECT first_seq, last_seq FROM {gateway.relayed}`, "1 2")
	for range 2 {
		if err := s.store.Park(t.Context(), l, 3, "GH-6003", "no", 5); err != nil {
			t.Fatalf("park: %v", err)
		}
	}
	s.rows(`SELECT seq, behind, attempts FROM {gateway.parked} ORDER BY seq`, "3 NULL 5", "4 3 0")
	s.rows(waiting, "0")
	refusal := gateway.Refusal{ID: gateway.ID{1}, At: time.Now(), Code: "GH-2001", Reason: "no", Count: 2}
	for range 2 {
		if err := s.store.Refuse(t.Context(), []gateway.Refusal{refusal}); err != nil {
			t.Fatalf("refuse: %v", err)
		}
	}
	s.rows(`SELECT code, times FROM {gateway.refusal}`, "GH-2001 2")
	for _, count := range []int{7, 5} { // counts grow: the later one may be heard first
		refusal.Count = count
		if err := s.store.Refuse(t.Context(), []gateway.Refusal{{ID: gateway.ID{byte(count)}, At: time.Now(), Code: "GH-2002", Count: 1}, refusal}); err != nil {
			t.Fatalf("refuse again: %v", err)
		}
	}
	s.rows(`SELECT code, times FROM {gateway.refusal} ORDER BY times, id`, "GH-2002 1", "GH-2002 1", "GH-2001 7")
}

func (s *storeSuite) onlyKey(shard int, key string, n int) {
	s.t.Helper()
	found := s.pending(shard, 0, 100)
	for _, d := range found {
		if d.OrderingKey != key {
			s.t.Errorf("delivery %d of key %s is not held", d.Seq, d.OrderingKey)
		}
	}
	if len(found) != n {
		s.t.Errorf("%d deliveries wait, want %d", len(found), n)
	}
}

func (s *storeSuite) ledger(t *testing.T) {
	ctx := t.Context()
	p := newPlan()
	w := s.writer(p)
	big := strings.Repeat("<padding/>", 5000)
	var ids []gateway.ID
	for _, no := range []string{"PO-1", "PO-2", "PO-3"} {
		e := p.entry("id-"+no, order{no: no, customer: "C", name: "A"})
		e.Message.Payload = []byte("<o>" + no + big + "</o>")
		ids = append(ids, s.one(w, e, gateway.Stored).MessageID)
	}
	refusal := gateway.Refusal{ID: newID(), At: time.Now(), Endpoint: "soap:x", Route: "submit-order", Principal: "jane", Code: "GH-2002", Count: 3,
		Reason: strings.Repeat("not allowed; ", 200), Remote: "192.0.2.1:5"}
	if err := s.store.Refuse(ctx, []gateway.Refusal{refusal, {ID: newID(), At: time.Now(), Code: "GH-2001"}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		query gateway.Query
		want  int
	}{
		{"all", gateway.Query{}, 5},
		{"limit", gateway.Query{Limit: 2}, 2},
		{"key", gateway.Query{Key: "PO-2"}, 1},
		{"no such key", gateway.Query{Key: "PO-"}, 0},
		{"identity", gateway.Query{Identity: "id-PO-3"}, 1},
		{"sender", gateway.Query{Sender: "partner"}, 3},
		{"route", gateway.Query{Route: "submit-order"}, 4},
		{"other route", gateway.Query{Route: "x"}, 0},
		{"refused", gateway.Query{Outcome: "refused"}, 2},
		{"stored", gateway.Query{Outcome: "stored"}, 3},
		{"since", gateway.Query{Since: time.Now().Add(time.Hour)}, 0},
		{"until", gateway.Query{Until: time.Now().Add(-time.Hour)}, 0},
		{"before", gateway.Query{Before: ids[2], Outcome: "stored"}, 2},
		{"injection", gateway.Query{Key: "' OR '1'='1"}, 0},
	} {
		got, err := s.store.Messages(ctx, tt.query)
		if err != nil || len(got) != tt.want {
			t.Errorf("%s: %d lines, want %d; %v", tt.name, len(got), tt.want, err)
		}
		if !slices.IsSortedFunc(got, func(a, b gateway.Summary) int { return slices.Compare(b.ID[:], a.ID[:]) }) {
			t.Errorf("%s: not newest first", tt.name)
		}
	}
	r := s.record(ids[0])
	if string(r.Payload) != "<o>PO-1"+big+"</o>" || !strings.HasPrefix(string(r.Reply), "<reply>") || r.Outcome != "stored" || r.Identity != "id-PO-1" ||
		len(r.Keys) != 2 || r.Keys[1].Value != "PO-1" || len(r.Contract) != 64 || len(r.Deliveries) != 1 || time.Since(r.ReceivedAt).Abs() > time.Hour {
		r.Payload = nil
		t.Errorf("the record lost something: %+v", r)
	}
	f := s.record(refusal.ID)
	if f.Outcome != "refused" || f.Code != "GH-2002" || len([]rune(f.Reason)) != 1000 || f.Payload != nil {
		t.Errorf("the refusal: %+v", f)
	}
	s.rows(`SELECT code, times FROM {gateway.refusal} ORDER BY code`, "GH-2001 1", "GH-2002 3")
	if _, err := s.store.Message(ctx, newID()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown message: %v", err)
	}
	s.unpackedSize(t, ids[0], len(big))
}

// finds: every way to narrow a list down leads to the messages it should,
// newest first, page by page.
func (s *storeSuite) finds(t *testing.T) {
	p := newPlan(guarded)
	w := s.writer(p)
	start := time.Now().Add(-time.Millisecond)
	var ids []gateway.ID
	for i, revision := range []string{"2", "3", "1"} {
		e := p.entry(fmt.Sprint("m", i), order{no: "PO-1", customer: "PO-1", name: "A", revision: revision})
		e.Message.Sender = fmt.Sprint("partner-", i)
		ids = append(ids, e.Message.ID)
		s.commit(w, 0, e)
	}
	soon := time.Now().Add(time.Second)
	for _, tt := range []struct {
		name  string
		query gateway.Query
		want  []gateway.ID
	}{
		{"a key that has two names", gateway.Query{Key: "PO-1"}, []gateway.ID{ids[2], ids[1], ids[0]}},
		{"its first page", gateway.Query{Key: "PO-1", Limit: 2}, []gateway.ID{ids[2], ids[1]}},
		{"its second page", gateway.Query{Key: "PO-1", Limit: 2, Before: ids[1]}, []gateway.ID{ids[0]}},
		{"key and sender", gateway.Query{Key: "PO-1", Sender: "partner-1"}, []gateway.ID{ids[1]}},
		{"sender", gateway.Query{Sender: "partner-2"}, []gateway.ID{ids[2]}},
		{"superseded", gateway.Query{Outcome: "superseded"}, []gateway.ID{ids[2]}},
		{"stored", gateway.Query{Outcome: "stored"}, []gateway.ID{ids[1], ids[0]}},
		{"span", gateway.Query{Since: start, Until: soon}, []gateway.ID{ids[2], ids[1], ids[0]}},
		{"span of a key", gateway.Query{Since: start, Until: soon, Key: "PO-1"}, []gateway.ID{ids[2], ids[1], ids[0]}},
		{"before the span", gateway.Query{Until: start}, nil},
	} {
		found, err := s.store.Messages(t.Context(), tt.query)
		var got []gateway.ID
		for _, m := range found {
			got = append(got, m.ID)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v; %v", tt.name, got, tt.want, err)
		}
	}
}

// unpackedSize: a payload that repeats itself is kept smaller than it is.
func (s *storeSuite) unpackedSize(t *testing.T, _ gateway.ID, size int) {
	for _, row := range s.probe.Query(t, `SELECT packing FROM {gateway.payload}`) {
		if row[0] != "1" {
			t.Errorf("a payload of %d bytes is not packed", size)
		}
	}
}
