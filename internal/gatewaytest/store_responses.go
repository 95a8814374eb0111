package gatewaytest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// skipping: a delivery that is skipped is parked alone; those of its key go on,
// later ones too, and an operator may put it back in line.
func (s *storeSuite) skipping(t *testing.T) {
	shard := s.fill(3, "k")
	l := s.acquire(shard, "a", time.Minute)
	id := s.pending(shard, 0, 1)[0].MessageID
	for range 2 {
		if err := s.store.Skip(t.Context(), l, 1, "GH-6003", "no", 5); err != nil {
			t.Fatal(err)
		}
	}
	s.onlyKey(shard, "k", 2)
	p := newPlan()
	e := p.entry("later", order{no: "later", customer: "later", name: "A"})
	e.Message.OrderingKey = "k"
	s.one(s.writer(p), e, gateway.Stored)
	s.onlyKey(shard, "k", 3)
	s.rows(`SELECT seq, behind, attempts, holds FROM {gateway.parked}`, "1 NULL 5 0")
	if d := s.record(id).Deliveries[0]; d.State != "parked" || d.Reason != "no" {
		t.Errorf("the skipped delivery: %+v", d)
	}
	if n, err := s.store.ReleaseDeliveries(t.Context(), id, gateway.Act{By: "local:op"}); err != nil || n != 1 {
		t.Fatalf("released %d: %v", n, err)
	}
	s.onlyKey(shard, "k", 4)
	other := l
	other.Fence--
	if err := s.store.Skip(t.Context(), other, 1, "GH-6003", "no", 5); !errors.Is(err, gateway.ErrLeaseLost) {
		t.Errorf("skipping with an old fence: %v", err)
	}
}

// responses: of each delivery the last answer is kept, with how many there were.
func (s *storeSuite) responses(t *testing.T) {
	shard := s.fill(2, "k")
	l := s.acquire(shard, "a", time.Minute)
	all := s.pending(shard, 0, 10)
	at := time.Date(2026, 3, 29, 1, 30, 0, 5e6, time.UTC)
	answer := func(i int, after time.Duration, status int, body string) gateway.Response {
		return gateway.Response{Seq: all[i].Seq, MessageID: all[i].MessageID, At: at.Add(after), Took: 1234 * time.Millisecond, Status: status,
			ContentType: "text/plain; charset=utf-8", Body: []byte(body)}
	}
	refused := answer(0, 0, 503, "later")
	refused.Code, refused.Reason = "GH-6004", "HTTP 503"
	long := strings.Repeat("ünü ", gateway.MaxResponse/6)
	if err := s.store.Responded(t.Context(), l, []gateway.Response{refused, answer(1, 0, 204, "")}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Responded(t.Context(), l, []gateway.Response{answer(0, time.Second, 200, long)}); err != nil {
		t.Fatal(err)
	}
	r := s.record(all[0].MessageID).Deliveries[0].Response
	switch {
	case r == nil:
		t.Fatal("the answer is not in the ledger")
	case r.Attempts != 2 || !r.FirstAt.Equal(at) || !r.At.Equal(at.Add(time.Second)) || r.Took != 1234*time.Millisecond:
		t.Errorf("attempts and times: %+v", r)
	case r.Status != 200 || r.Code != "" || r.Reason != "" || r.ContentType != "text/plain; charset=utf-8" || r.Cut || string(r.Body) != long:
		t.Errorf("the last answer: status %d, code %q, %q, cut %v, %d bytes", r.Status, r.Code, r.ContentType, r.Cut, len(r.Body))
	}
	if r := s.record(all[1].MessageID).Deliveries[0].Response; r == nil || r.Attempts != 1 || r.Status != 204 || len(r.Body) != 0 {
		t.Errorf("an empty answer: %+v", r)
	}
	huge := answer(1, 0, 200, "")
	huge.Body, huge.ContentType, huge.Took = bytes.Repeat([]byte{0xff, 0}, gateway.MaxResponse), strings.Repeat("ö", 400), 1000*time.Hour
	if err := s.store.Responded(t.Context(), l, []gateway.Response{huge}); err != nil {
		t.Fatal(err)
	}
	if r := s.record(all[1].MessageID).Deliveries[0].Response; len(r.Body) != gateway.MaxResponse || !r.Cut || r.Took != time.Hour {
		t.Errorf("a huge answer: %d bytes, cut %v, took %v", len(r.Body), r.Cut, r.Took)
	}
	other := l
	other.Fence--
	if err := s.store.Responded(t.Context(), other, []gateway.Response{refused}); !errors.Is(err, gateway.ErrLeaseLost) {
		t.Errorf("recording with an old fence: %v", err)
	}
}
