package gatewaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// subject is whose messages the suite erases.
var subject = mapping.Key{Name: "customer", Value: "4711-ÄÖ"}

// of gives an entry the subject's key, and a key that only looks like it.
func of(e *gateway.Entry) *gateway.Entry {
	e.Message.Keys = []mapping.Key{subject, {Name: "order", Value: e.Message.Identity}}
	return e
}

func (s *storeSuite) subjects(want ...gateway.ID) {
	s.t.Helper()
	var got []gateway.ID
	for after := (gateway.ID{}); ; {
		page, err := s.store.Subject(s.t.Context(), subject, after, 2)
		if err != nil {
			s.t.Fatalf("subject: %v", err)
		}
		if len(page) == 0 {
			break
		}
		got, after = append(got, page...), page[len(page)-1]
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the key leads to %v, want %v", got, want)
	}
}

func (s *storeSuite) erase(id gateway.ID) {
	s.t.Helper()
	if err := s.store.Erase(s.t.Context(), id, olga); err != nil {
		s.t.Fatalf("erase %s: %v", id, err)
	}
}

// erases: nothing in the gateway's tables names the subject any more; the message
// is still there with its outcome, and its repeat is known and stores nothing.
func (s *storeSuite) erases(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	const name = "4711-ÄÖ"
	o := order{no: name, customer: name, name: name, lines: []line{{no: 1, sku: "NUT-M8"}}}
	e := inKey(of(p.entry(name, o)), name)
	e.Message.Correlation, e.Message.Payload = name, []byte("<o>"+name+"</o>")
	e.Message.Beside = []byte(`{"message_id":"` + name + `"}`)
	stored := s.one(w, e, gateway.Stored)
	s.confirmAll()
	parked := s.one(w, only(of(async(p.entry("held "+name, o)))), gateway.Parked).MessageID
	other := s.one(w, p.entry("PO-2", simple("PO-2")), gateway.Stored).MessageID
	like := p.entry("PO-3", simple("PO-3"))
	like.Message.Keys = []mapping.Key{{Name: "order", Value: subject.Value}}
	s.one(w, like, gateway.Stored)
	s.subjects(stored.MessageID, parked)

	s.code(s.store.Erase(t.Context(), parked, olga), fault.CodeNotHeld)
	if err := s.store.DiscardMessage(t.Context(), parked, gateway.Act{By: "cn=olga", Reason: "asked by " + name}); err != nil {
		t.Fatal(err)
	}
	s.erase(stored.MessageID)
	s.subjects(parked)
	s.erase(parked)
	s.subjects()
	s.erase(parked) // once more, as after an answer that was lost

	for _, column := range []string{"message.identity", "message.correlation", "message.ordering_key", "held.identity", "held.correlation", "held.ordering_key",
		"held.properties", "held.login", "attempt.reason", "delivery.routing_key"} {
		table, name, _ := strings.Cut(column, ".")
		for _, row := range s.probe.Query(t, fmt.Sprintf(`SELECT "%s" FROM {gateway.%s}`, name, table)) {
			if strings.Contains(row[0], "4711") {
				t.Errorf("%s still says %q", column, row[0])
			}
		}
	}
	s.rows(payloads, "2") // of the others
	r := s.record(stored.MessageID)
	if r.Outcome != "stored" || r.Identity != "" || r.PayloadGone != gateway.PayloadErased || len(r.Payload)+len(r.Beside)+len(r.Reply)+len(r.Keys) > 0 || r.Sender == "" {
		t.Errorf("%+v", r)
	}
	if d := r.Deliveries; len(d) != 1 || d[0].State != "confirmed" || d[0].ConfirmedAt.IsZero() || len(d[0].WireID) != 32 {
		t.Errorf("what was published is not known any more: %+v", d)
	}
	if h := r.History; len(h) != 1 || h[0].What != "erased" || h[0].By != olga.By || h[0].Reason != olga.Reason {
		t.Errorf("history %+v", h)
	}
	if r := s.record(other); r.PayloadGone != "" || len(r.Payload) == 0 || len(r.Keys) == 0 {
		t.Errorf("another's message: %+v", r)
	}

	again := s.one(w, p.entry(name, o), gateway.Duplicate)
	if again.MessageID != stored.MessageID || again.Reply != nil {
		t.Errorf("the repeat got %q of %s", again.Reply, again.MessageID)
	}
	changed := o
	changed.name = "Other"
	s.one(w, p.entry(name, changed), gateway.Conflict)
	s.rows(messages, "3")
	s.code(s.store.Erase(t.Context(), newID(), olga), fault.CodeMessageNotFound)
}

// erasesNothingOpen: what waits for its channel, or is parked on its way there,
// is erased only once it is settled.
func (s *storeSuite) erasesNothingOpen(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	id := s.one(w, of(p.entry("PO-1", simple("PO-1"))), gateway.Stored).MessageID
	s.code(s.store.Erase(t.Context(), id, olga), fault.CodeNotHeld)
	s.acted(s.park, id, 1)
	s.code(s.store.Erase(t.Context(), id, olga), fault.CodeNotHeld)
	if r := s.record(id); len(r.Payload) == 0 || len(r.Keys) != 2 || r.Identity != "PO-1" {
		t.Errorf("something of it is gone: %+v", r)
	}
	waits := s.one(s.writer(newPlan(waitForProduct)), of(async(p.entry("PO-2", late("PO-2")))), gateway.Waiting).MessageID
	s.code(s.store.Erase(t.Context(), waits, olga), fault.CodeNotHeld)
	s.acted(s.discard, id, 1)
	s.erase(id)
	s.subjects(waits)
}

// mentions: refusals are read in pages, and cleared by their ids.
func (s *storeSuite) mentions(t *testing.T) {
	var refusals []gateway.Refusal
	for i := range 5 {
		at := longAgo.Add(time.Duration(i) * time.Second)
		refusals = append(refusals, gateway.Refusal{ID: BornAt(at), At: at, Endpoint: "soap:a", Route: "r", Code: "GH-4007", Reason: fmt.Sprint("reason ", i), Count: 1})
	}
	if err := s.store.Refuse(t.Context(), refusals); err != nil {
		t.Fatal(err)
	}
	first, err := s.store.Mentions(t.Context(), gateway.ID{}, 3)
	if err != nil || len(first) != 3 || first[2] != (gateway.Mention{ID: refusals[2].ID, Route: "r", Reason: "reason 2"}) {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := s.store.Mentions(t.Context(), first[2].ID, 3)
	if err != nil || len(rest) != 2 {
		t.Fatalf("%+v, %v", rest, err)
	}
	if err := s.store.ClearRefusals(t.Context(), []gateway.ID{refusals[1].ID, refusals[4].ID}); err != nil {
		t.Fatal(err)
	}
	s.rows(`SELECT reason FROM {gateway.refusal} ORDER BY id`, "reason 0", "erased", "reason 2", "reason 3", "erased")
}
