package gateway

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// subjects is a store of one subject's messages.
type subjects struct {
	*idleStore
	records  []*Record
	mentions []Mention
	done     []string
	conflict bool
}

func (s *subjects) Audit(context.Context, string, string, Act) error { return nil }

func (s *subjects) Subject(_ context.Context, _ mapping.Key, after ID, limit int) (out []ID, _ error) {
	for _, r := range s.records {
		if slices.Compare(r.ID[:], after[:]) > 0 && len(out) < limit {
			out = append(out, r.ID)
		}
	}
	return out, nil
}

func (s *subjects) Message(_ context.Context, id ID) (*Record, error) {
	return s.records[slices.IndexFunc(s.records, func(r *Record) bool { return r.ID == id })], nil
}

func (s *subjects) note(what string, id ID) { s.done = append(s.done, fmt.Sprint(what, " ", id[7])) }

func (s *subjects) Erase(_ context.Context, id ID, _ Act) error {
	if s.conflict {
		return fault.New(fault.CodeNotHeld, "the message is waiting")
	}
	s.note("erase", id)
	return nil
}

func (s *subjects) DiscardMessage(_ context.Context, id ID, _ Act) error {
	s.note("discard", id)
	return nil
}

func (s *subjects) DiscardDeliveries(_ context.Context, id ID, _ Act) (int, error) {
	s.note("discard deliveries", id)
	return 1, nil
}

func (s *subjects) Mentions(_ context.Context, after ID, _ int) (out []Mention, _ error) {
	for _, m := range s.mentions {
		if slices.Compare(m.ID[:], after[:]) > 0 {
			out = append(out, m)
		}
	}
	return out, nil
}

func (s *subjects) ClearRefusals(_ context.Context, ids []ID) error {
	for _, id := range ids {
		s.note("clear", id)
	}
	return nil
}

func recordOf(n int, outcome string, deliveries ...string) *Record {
	r := &Record{Summary: Summary{ID: idAt(n), Route: "orders", Outcome: outcome}, Payload: []byte("<o/>"), Reply: []byte("<r/>")}
	for _, state := range deliveries {
		r.Deliveries = append(r.Deliveries, DeliveryRecord{Channel: "events", State: state, WireID: "w", RoutingKey: "4711"})
	}
	return r
}

// TestErase: what is settled is erased, what waits is left, what is parked is
// given up first when that is wanted; what somebody may not erase is left, too.
func TestErase(t *testing.T) {
	g, idle := idleGateway(t)
	s := &subjects{idleStore: idle, records: []*Record{
		recordOf(1, "stored", "confirmed", "discarded"), recordOf(2, "stored", "waiting", "parked"), recordOf(3, "parked"), recordOf(4, "waiting"),
		recordOf(5, "stored", "parked"), recordOf(6, "discarded"), recordOf(7, "stored"),
	}, mentions: []Mention{{idAt(8), "orders", "found 4711; expected a number"}, {idAt(9), "orders", "found 47110 and x4711"}, {idAt(10), "secret", "4711"}}}
	s.records[6].Route = "secret"
	g.store = s
	what := Erasure{Key: mapping.Key{Name: "customer", Value: "4711"}, DryRun: true, Allowed: func(route string) error {
		if route == "secret" {
			return fault.New(fault.CodeForbidden, "not yours")
		}
		return nil
	}}
	run := func(open, refusals int, done ...string) *Erased {
		t.Helper()
		s.done = nil
		report, err := g.Erase(t.Context(), what, Act{By: "cn=olga", Reason: "asked"})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Messages) != 7 || report.Open() != open || report.Refusals != refusals || len(report.Remains) == 0 || report.Next != (ID{}) {
			t.Errorf("%d open, %d refusals: %+v", report.Open(), report.Refusals, report)
		}
		if !slices.Equal(s.done, done) {
			t.Errorf("did %q, want %q", s.done, done)
		}
		return report
	}
	run(5, 1)
	what.DryRun = false
	report := run(5, 1, "erase 1", "erase 6", "clear 8")
	if p := report.Messages[0].Published; len(p) != 1 || p[0].WireID != "w" || p[0].RoutingKey != "" {
		t.Errorf("published %+v", p)
	}
	if m := report.Messages[6]; m.Open != "not yours" || m.Payload != 0 || !m.ReceivedAt.IsZero() {
		t.Errorf("what is not his is told: %+v", m)
	}
	what.IncludeParked = true
	run(3, 1, "erase 1", "discard 3", "erase 3", "discard deliveries 5", "erase 5", "erase 6", "clear 8")
	s.conflict = true
	what.IncludeParked, what.Key.Value = false, "471" // too short to be looked for
	run(7, 0)
}

// TestEraseInParts: a large erasure says where it goes on.
func TestEraseInParts(t *testing.T) {
	g, idle := idleGateway(t)
	s := &subjects{idleStore: idle}
	for n := range erasurePart + 1 {
		s.records = append(s.records, recordOf(n+1, "stored"))
	}
	g.store = s
	what := Erasure{Key: mapping.Key{Name: "customer", Value: "4711"}}
	first, err := g.Erase(t.Context(), what, Act{})
	if err != nil || len(first.Messages) != erasurePart || first.Next != idAt(erasurePart) || first.Remains != nil {
		t.Fatalf("%d messages, next %v: %v", len(first.Messages), first.Next, err)
	}
	what.After = first.Next
	last, err := g.Erase(t.Context(), what, Act{})
	if err != nil || len(last.Messages) != 1 || last.Next != (ID{}) || last.Remains == nil {
		t.Fatalf("%+v, %v", last, err)
	}
}

func TestMentioned(t *testing.T) {
	for text, want := range map[string]bool{
		"found 4711": true, `"4711"`: true, "4711": true, "47110": false, "x4711, 4711.": true, "ä4711": false, "": false, "471 1": false, "47114711": false,
	} {
		if got := names(text, "4711"); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
