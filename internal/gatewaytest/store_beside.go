package gatewaytest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// keepsBeside: what a mapping reads beside the payload is kept with a stored
// message, byte for byte, and goes with the payload; a message without it, one that
// is held and one from before have nothing.
func (s *storeSuite) keepsBeside(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	long := `{"blocks":"` + strings.Repeat("<Trace>ünü</Trace>", 2000) + `"}`
	var batch []*gateway.Entry
	kept := []string{`{"message_id":"ä"}`, "", long}
	for i, beside := range kept {
		no := fmt.Sprint("PO-", i)
		e := born(p.entry(no, simple(no)), longAgo.Add(time.Duration(i)*time.Millisecond))
		if beside != "" {
			e.Message.Beside = []byte(beside)
		}
		batch = append(batch, e)
	}
	for i, out := range s.commit(w, 0, batch...) {
		if r := s.record(out.MessageID); out.Status != gateway.Stored || string(r.Beside) != kept[i] {
			t.Errorf("%v with %d bytes beside it, want %d", out.Status, len(r.Beside), len(kept[i]))
		}
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.payload} WHERE beside IS NULL`, "1")

	held := only(async(p.entry("PO-8", simple("PO-8"))))
	held.Message.Beside = []byte(long)
	waits := s.one(w, held, gateway.Parked).MessageID
	if r := s.record(waits); r.Beside != nil {
		t.Errorf("a held message has %d bytes beside it, which are its properties already", len(r.Beside))
	}
	// As a node of the version before writes it.
	s.probe.Exec(t, `UPDATE {gateway.payload} SET beside = NULL WHERE packing = 0`)
	if r := s.record(batch[0].Message.ID); r.Beside != nil || len(r.Payload) == 0 {
		t.Errorf("a message from before: %q", r.Beside)
	}
	s.confirmAll()
	if _, err := s.store.Purge(t.Context(), gateway.Portion{Of: gateway.StockPayloads, Before: time.Now(), Limit: 10}); err != nil {
		t.Fatal(err)
	}
	if r := s.record(batch[2].Message.ID); r.Beside != nil || r.PayloadGone != gateway.PayloadRemoved {
		t.Errorf("%d bytes outlived their payload (%s)", len(r.Beside), r.PayloadGone)
	}
}
