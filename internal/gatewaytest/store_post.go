package gatewaytest

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const replies = "replies"

// posts: what goes to a channel beside the commits has its number and its row of
// the ledger like any other delivery, waits once, and can be parked and released;
// with a refusal it is stored together, and goes with it.
func (s *storeSuite) posts(t *testing.T) {
	ctx := t.Context()
	store, able := s.store.(gateway.Poster)
	if !able {
		t.Fatal("the store posts nothing")
	}
	id := s.one(s.writer(newPlan()), newPlan().entry("PO-1", simple("PO-1")), gateway.Stored).MessageID
	posting := func(of gateway.ID, key, wire string) *gateway.Posting {
		return &gateway.Posting{MessageID: of, OrderingKey: key, Correlation: "urn:1", Publication: mapping.Publication{
			Channel: replies, RoutingKey: "https://erp.example/", Type: "urn:act", ContentType: "text/xml", Body: []byte("<e/>"), WireID: fmt.Sprintf("%032s", wire)}}
	}
	if _, err := store.Post(ctx, posting(id, "k", "a")); err == nil {
		t.Error("a channel took a delivery before it was opened")
	}
	for range 2 {
		if err := store.OpenChannel(ctx, replies); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		wire string
		want bool
	}{{"a", true}, {"a", false}, {"b", true}} {
		if posted, err := store.Post(ctx, posting(id, "k", tt.wire)); err != nil || posted != tt.want {
			t.Fatalf("%s: posted %v, %v", tt.wire, posted, err)
		}
	}
	shard := -1
	var waiting []gateway.Delivery
	for i := range s.store.Shards() {
		if found, err := s.store.Pending(ctx, replies, i, 0, 10); err != nil {
			t.Fatal(err)
		} else if len(found.Deliveries) > 0 {
			shard, waiting = i, found.Deliveries
		}
	}
	if len(waiting) != 2 || waiting[0].Seq != 1 || waiting[1].Seq != 2 || string(waiting[0].Body) != "<e/>" || waiting[0].RoutingKey != "https://erp.example/" ||
		waiting[0].Type != "urn:act" || waiting[0].MessageID != id || waiting[0].OrderingKey != "k" || waiting[0].Correlation != "urn:1" || waiting[1].WireID[31] != 'b' {
		t.Fatalf("%+v", waiting)
	}
	l, ok, err := s.store.Acquire(ctx, replies, shard, "a", time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.store.Confirm(ctx, l, []int64{1}); err != nil {
		t.Fatal(err)
	}
	if r := s.record(id); len(r.Deliveries) != 3 || r.Deliveries[1].State != "confirmed" || r.Deliveries[2].State != "waiting" {
		t.Errorf("the ledger tells %+v", r.Deliveries)
	}
	// Taken, it may be asked for again.
	if posted, err := store.Post(ctx, posting(id, "k", "a")); err != nil || !posted {
		t.Fatalf("posted %v, %v", posted, err)
	}

	at := longAgo
	refused := posting(BornAt(at), "k", "c")
	refused.Refusal = &gateway.Refusal{ID: refused.MessageID, At: at, Route: "submit-order", Code: "GH-3001", Reason: "bad", Count: 1}
	if posted, err := store.Post(ctx, refused); err != nil || !posted {
		t.Fatalf("posted %v, %v", posted, err)
	}
	if err := s.store.Park(ctx, l, 4, "GH-6003", "no", 1); err != nil {
		t.Fatal(err)
	}
	if r := s.record(refused.MessageID); r.Outcome != "refused" || r.Code != "GH-3001" || len(r.Deliveries) != 1 || r.Deliveries[0].State != "parked" {
		t.Errorf("the refusal: %+v", r)
	}
	old := gateway.Portion{Of: gateway.StockRefusals, Before: at.Add(time.Hour)}
	if rows, err := Drain(t, s.store, old); err != nil || rows["refusal"] != 0 {
		t.Errorf("what is parked went: %v, %v", rows, err)
	}
	if n, err := s.store.ReleaseDeliveries(ctx, refused.MessageID, gateway.Act{By: "cn=olga", Reason: "mended"}); err != nil || n != 1 {
		t.Fatalf("released %d: %v", n, err)
	}
	if err := s.store.Confirm(ctx, l, []int64{2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if r := s.record(refused.MessageID); len(r.History) != 1 || r.History[0].What != "released" {
		t.Errorf("history %+v", r.History)
	}
	if rows, err := Drain(t, s.store, old); err != nil || rows["refusal"] != 1 || rows["delivery"] != 1 || rows["attempt"] != 1 {
		t.Errorf("removed %v, %v", rows, err)
	}
	if _, err := s.store.Message(ctx, refused.MessageID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the refusal is still there: %v", err)
	}
}
