package gatewaytest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// withAttachments gives an entry two attachments, of which every message has the
// first.
func withAttachments(e *gateway.Entry, name string) *gateway.Entry {
	e.Message.Attachments = []*gateway.Attachment{
		{Part: 1, ContentID: "logo@x", MediaType: "image/png", Size: 3, Hash: digest("logo")},
		{Part: 3, ContentID: strings.Repeat("ä", 600), MediaType: `text/plain; name="` + strings.Repeat("n", 300) + `"`, Size: 1 << 40, Hash: digest(name)},
	}
	return e
}

// attaches: what a message was sent with is told with it, is referred to as long
// as its payload is kept, and no longer.
func (s *storeSuite) attaches(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	var stored []gateway.Outcome
	for i := range 3 {
		no := fmt.Sprint("PO-", i)
		stored = append(stored, s.one(w, of(withAttachments(born(p.entry(no, simple(no)), longAgo.Add(time.Duration(i)*time.Millisecond)), no)), gateway.Stored))
	}
	s.confirmAll()
	s.one(w, withAttachments(p.entry("PO-1", simple("PO-1")), "a repeat"), gateway.Duplicate)

	logo := digest("logo")
	got := s.record(stored[1].MessageID).Attachments
	if len(got) != 2 || got[0] != (gateway.AttachmentRecord{Part: 1, ContentID: "logo@x", MediaType: "image/png", Size: 3, SHA256: hex.EncodeToString(logo[:])}) ||
		got[1].Part != 3 || got[1].Size != 1<<40 || !strings.HasPrefix(got[1].ContentID, "ää") {
		t.Errorf("attachments are %+v", got)
	}
	s.referred("logo", "PO-0", "PO-1", "PO-2")
	s.purges(gateway.Portion{Of: gateway.StockPayloads, Before: longAgo.Add(time.Millisecond)}, "attachment=2 payload=1")
	s.referred("logo", "PO-1", "PO-2")
	s.erase(stored[1].MessageID)
	s.referred("logo", "PO-2")
	s.purges(gateway.Portion{Of: gateway.StockLedger, Route: s.record(stored[2].MessageID).Route, Before: time.Now()},
		"attachment=2 attempt=1 delivery=3 inbox=3 message=3 message_key=4 payload=1 reply=2")
	s.referred()
}

// referred checks which of the suite's blobs some message refers to.
func (s *storeSuite) referred(want ...string) {
	s.t.Helper()
	all := []string{"logo", "PO-0", "PO-1", "PO-2", "a repeat", "nothing"}
	var hashes []gateway.Digest
	for _, name := range all {
		hashes = append(hashes, digest(name))
	}
	found, err := s.store.Attached(s.t.Context(), hashes)
	if err != nil {
		s.t.Fatalf("attached: %v", err)
	}
	var got []string
	for i, h := range hashes {
		if found[h] {
			got = append(got, all[i])
		}
	}
	if !slices.Equal(got, want) || len(found) != len(want) {
		s.t.Errorf("%v are referred to, want %v", got, want)
	}
	if found, err := s.store.Attached(s.t.Context(), nil); err != nil || len(found) > 0 {
		s.t.Errorf("of nothing, %v are referred to: %v", found, err)
	}
}
