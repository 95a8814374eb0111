package gatewaytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	heldRows = `SELECT "identity", state, code, attempts FROM {gateway.held} ORDER BY id`
	history  = `SELECT what, done_by, code FROM {gateway.attempt} ORDER BY id`
	payloads = `SELECT COUNT(*) FROM {gateway.payload}`
	inbox    = `SELECT COUNT(*) FROM {gateway.inbox}`
)

// missing is a product that is not there until arrives has been called.
const missing = "LATE-1"

func (s *storeSuite) arrives(t *testing.T) {
	t.Cleanup(func() {
		for _, table := range []string{"sales.order_line_feature", "sales.order_line"} {
			s.probe.Exec(t, `DELETE FROM {`+table+`}`)
		}
		s.probe.Exec(t, `DELETE FROM {catalog.product} WHERE sku = '`+missing+`'`)
	})
	s.probe.Exec(t, `INSERT INTO {catalog.product} (sku, name, unit) VALUES ('`+missing+`', 'Late', 'EA')`)
}

// retryIn is when a waiting message of the suite is tried again.
const retryIn = time.Minute

// keepAll is how the suite's asynchronous door keeps what the store refuses.
func keepAll(attempt int) func(error) *gateway.Hold {
	return func(refusal error) *gateway.Hold {
		now := time.Now()
		f := fault.Of(refusal)
		switch {
		case f == nil:
			return &gateway.Hold{State: gateway.Waiting, Attempts: attempt, Next: now, Until: now.Add(time.Hour)}
		case f.Kind() == fault.NotYet:
			return &gateway.Hold{State: gateway.Waiting, Code: string(f.Code), Reason: f.Message, Attempts: attempt + 1, Next: now.Add(retryIn), Until: now.Add(time.Hour)}
		}
		return &gateway.Hold{State: gateway.Parked, Code: string(f.Code), Reason: f.Message, Attempts: attempt + 1}
	}
}

// async makes an entry one of an asynchronous door.
func async(e *gateway.Entry) *gateway.Entry {
	m := e.Message
	m.Endpoint, m.Login = "amqp:in.orders", "erp.alice"
	m.Origin = digest(m.Identity + " " + string(m.Body[:]))
	m.Properties = map[string]string{"message-id": m.Identity, "x-note": "Ü'\"; {message} @p1 \\"}
	e.Keep = keepAll(0)
	return e
}

// only makes an entry one that could not be prepared: it is parked as it is.
func only(e *gateway.Entry) *gateway.Entry {
	e.Hold = &gateway.Hold{State: gateway.Parked, Code: "GH-3001", Reason: "the message breaks its contract", Attempts: 1}
	e.Keep, e.Changes, e.Render = nil, nil, nil
	return e
}

func simple(no string) order {
	return order{no: no, customer: "C-" + no, name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}}}
}

// late is an order of something that is not stored yet.
func late(no string) order {
	return order{no: no, customer: "C-" + no, name: "Acme", lines: []line{{no: 1, sku: missing}}}
}

// retry is the gateway's own next attempt of a held message, prepared anew.
func retry(h *gateway.Held, e *gateway.Entry) *gateway.Entry {
	async(e)
	e.Message.ID = h.Message.ID
	e.Release = &gateway.Release{ID: h.Message.ID}
	e.Keep = keepAll(h.Hold.Attempts)
	return e
}

// replay is an operator's attempt of a held message.
func replay(id gateway.ID, e *gateway.Entry) *gateway.Entry {
	async(e)
	e.Keep = nil
	e.Message.ReplayOf = id
	e.Release = &gateway.Release{ID: id, By: "cn=olga", Reason: "mended"}
	return e
}

func (s *storeSuite) held(id gateway.ID) *gateway.Held {
	s.t.Helper()
	h, err := s.store.Held(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("held: %v", err)
	}
	return h
}

// due returns the ids of what is due in d from now.
func (s *storeSuite) due(d time.Duration) []gateway.ID {
	s.t.Helper()
	found, err := s.store.Due(s.t.Context(), time.Now().Add(d), 100, nil)
	if err != nil {
		s.t.Fatalf("due: %v", err)
	}
	var ids []gateway.ID
	for _, h := range found {
		ids = append(ids, h.Message.ID)
	}
	return ids
}

func (s *storeSuite) isDue(d time.Duration, want ...gateway.ID) {
	s.t.Helper()
	if got := s.due(d); !slices.Equal(got, want) {
		s.t.Errorf("due in %s: %v, want %v", d, got, want)
	}
}

// ten is a batch of which three are to be held: one unseen, one for the odd
// order it has, one for a look-up.
func ten(p *plan, prefix string, odd order) []*gateway.Entry {
	var batch []*gateway.Entry
	for i := range 10 {
		no := fmt.Sprintf("%s-%d", prefix, i)
		o := simple(no)
		switch i {
		case 4:
			o = odd
		case 7:
			o = late(no)
		}
		e := async(p.entry(no, o))
		if i == 2 {
			only(e)
		}
		batch = append(batch, e)
	}
	return batch
}

// heldTogether: what is held becomes visible at the same moment as what is
// stored; a value that the database refuses is held, too.
func (s *storeSuite) heldTogether(t *testing.T) {
	p := newPlan(failOrder)
	w := s.writer(p)
	s.one(w, p.entry("m0", simple("PO-0")), gateway.Stored)
	const rounds = 10
	for round := range rounds {
		prefix := fmt.Sprint("T", round)
		done := make(chan []gateway.Outcome, 1)
		go func() { done <- s.commit(w, 0, ten(p, prefix, simple("PO-0"))...) }()
		before, after := fmt.Sprintf("%d %d", 1+7*round, 3*round), fmt.Sprintf("%d %d", 8+7*round, 3+3*round)
		var out []gateway.Outcome
		for out == nil {
			select {
			case out = <-done:
			default:
			}
			row := strings.Join(s.probe.Query(t, `SELECT (SELECT COUNT(*) FROM {gateway.message}), (SELECT COUNT(*) FROM {gateway.held})`)[0], " ")
			if row != before && row != after {
				t.Fatalf("stored and held %q, want %q and then %q", row, before, after)
			}
		}
		s.checkTen(out, fault.CodeExists)
	}
	s.rows(waiting, fmt.Sprint(1+7*rounds))
	s.rows(inbox, fmt.Sprint(1+7*rounds))
	s.rows(payloads, fmt.Sprint(1+10*rounds))
	s.rows(`SELECT COUNT(*) FROM {crm.customer}`, fmt.Sprint(1+7*rounds))

	refused := order{no: "PO-X", customer: "C-X", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8", quantity: "0"}}}
	s.checkTen(s.commit(w, 0, ten(p, "C", refused)...), fault.CodeConstraint)
	s.rows(inbox, fmt.Sprint(8+7*rounds))
}

func (s *storeSuite) checkTen(out []gateway.Outcome, odd fault.Code) {
	s.t.Helper()
	for i, o := range out {
		switch i {
		case 2:
			s.status(o, gateway.Parked)
		case 4:
			s.status(o, gateway.Parked)
			s.code(o.Err, odd)
		case 7:
			s.status(o, gateway.Parked)
			s.code(o.Err, fault.CodeLookup)
		default:
			s.status(o, gateway.Stored)
		}
	}
}

// heldForAll: whatever the store refuses a message for is asked of Keep, and the
// ledger shows what was kept.
func (s *storeSuite) heldForAll(t *testing.T) {
	p := newPlan(failOrder)
	w := s.writer(p)
	s.one(w, p.entry("stored", simple("PO-0")), gateway.Stored)
	twice := order{no: "PO-2", customer: "C-2", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}, {no: 1, sku: "BOLT-M8"}}}
	wide := simple(strings.Repeat("x", 21))
	unanswerable := async(p.entry("reply", simple("PO-5")))
	unanswerable.Render = func([]value) (*rendered, error) { return nil, fault.New(fault.CodeReplyContract, "") }
	for _, tt := range []struct {
		entry *gateway.Entry
		code  fault.Code
	}{
		{async(p.entry("exists", simple("PO-0"))), fault.CodeExists},
		{async(p.entry("twice", twice)), fault.CodeMapping},
		{async(p.entry("wide", wide)), fault.CodeNarrowing},
		{async(p.entry("stored", simple("PO-4"))), fault.CodeKeyReused},
		{unanswerable, fault.CodeReplyContract},
	} {
		neighbour := async(p.entry("with "+string(tt.code), simple("N-"+string(tt.code))))
		out := s.commit(w, 0, tt.entry, neighbour)
		s.status(out[0], gateway.Parked)
		s.code(out[0].Err, tt.code)
		s.status(out[1], gateway.Stored)
		if out[0].MessageID != tt.entry.Message.ID || out[0].Reply != nil || out[0].Channels != nil {
			t.Errorf("%s: outcome %+v", tt.code, out[0])
		}
		s.checkHeld(tt.entry, tt.code)
	}
	s.rows(messages, "6")
	s.rows(waiting, "6")
}

// checkHeld: the lot and the ledger have everything of the message.
func (s *storeSuite) checkHeld(e *gateway.Entry, code fault.Code) {
	s.t.Helper()
	want, h := *e.Message, s.held(e.Message.ID)
	got := h.Message
	if got.ReceivedAt.Sub(want.ReceivedAt).Abs() > time.Millisecond || !maps.Equal(got.Properties, want.Properties) || !slices.Equal(got.Keys, want.Keys) || string(got.Payload) != string(want.Payload) {
		s.t.Errorf("%s: held %+v, want %+v", code, got, want)
	}
	got.ReceivedAt, got.Properties, got.Keys, got.Payload = time.Time{}, nil, nil, nil
	want.ReceivedAt, want.Properties, want.Keys, want.Payload = time.Time{}, nil, nil, nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: held\n%+v, want\n%+v", code, got, want)
	}
	if h.Hold.State != gateway.Parked || h.Hold.Code != string(code) || h.Hold.Reason == "" || h.Hold.Attempts != 1 || !h.Hold.Next.IsZero() || !h.Hold.Until.IsZero() || h.Closed != "" {
		s.t.Errorf("%s: hold %+v, closed %q", code, h.Hold, h.Closed)
	}
	r := s.record(want.ID)
	if r.Outcome != "parked" || r.Code != string(code) || r.Reason == "" || string(r.Payload) != string(e.Message.Payload) || len(r.Keys) != 2 || len(r.Deliveries) != 0 ||
		len(r.History) != 1 || r.History[0].What != "parked" || r.History[0].Code != string(code) || time.Since(r.History[0].At).Abs() > time.Hour {
		s.t.Errorf("%s: record %+v", code, r)
	}
}

// notKept: what Keep declines is refused as ever, and nothing of it is written.
func (s *storeSuite) notKept(t *testing.T) {
	p := newPlan(failOrder)
	w := s.writer(p)
	s.one(w, p.entry("m0", simple("PO-0")), gateway.Stored)
	decline := func(identity string, o order) *gateway.Entry {
		e := async(p.entry(identity, o))
		e.Keep = func(error) *gateway.Hold { return nil }
		return e
	}
	out := s.commit(w, 0,
		decline("m1", late("PO-1")),
		decline("m2", simple("PO-0")),
		decline("m0", simple("PO-3")),
		p.entry("m4", late("PO-4")),
		decline("m5", simple("PO-5")))
	for i, want := range []gateway.Status{gateway.Refused, gateway.Refused, gateway.Conflict, gateway.Refused, gateway.Stored} {
		s.status(out[i], want)
	}
	s.code(out[1].Err, fault.CodeExists)
	s.rows(heldRows)
	s.rows(history)
	s.rows(payloads, "2")
}

// claimsNothing: a corrected message may use the identity of a held one; the
// held one then meets another body.
func (s *storeSuite) claimsNothing(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	bad := async(p.entry("m1", late("PO-1")))
	s.one(w, bad, gateway.Parked)
	s.rows(inbox, "0")
	s.one(w, async(p.entry("m1", simple("PO-1"))), gateway.Stored)
	s.one(w, async(p.entry("m1", simple("PO-1"))), gateway.Duplicate)
	again := s.one(w, async(p.entry("m1", late("PO-1"))), gateway.Parked)
	s.code(again.Err, fault.CodeKeyReused)
	s.rows(heldRows, "m1 parked GH-5004 1", "m1 parked GH-5002 1")
}

// heldRepeats: of one identity in a batch each message is held, or refused, in
// its own right.
func (s *storeSuite) heldRepeats(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	call := p.entry("m1", late("PO-1"))
	out := s.all(w, async(p.entry("m1", late("PO-1"))), call, async(p.entry("m1", late("PO-1"))))
	s.status(out[0], gateway.Parked)
	s.status(out[1], gateway.Refused)
	s.status(out[2], gateway.Parked)
	s.rows(heldRows, "m1 parked GH-5004 1", "m1 parked GH-5004 1")

	out = s.all(w, async(p.entry("m2", simple("PO-2"))), async(p.entry("m2", simple("PO-2"))), async(p.entry("m2", simple("PO-3"))))
	s.status(out[0], gateway.Stored)
	s.status(out[1], gateway.Duplicate)
	s.status(out[2], gateway.Parked)
	s.code(out[2].Err, fault.CodeKeyReused)
}

// storedInTheEnd: a message that waited for a row is stored under its own id
// once the row is there; of the waiting only its history is left.
func (s *storeSuite) storedInTheEnd(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	first := async(p.entry("m1", late("PO-1")))
	s.code(s.one(w, first, gateway.Waiting).Err, fault.CodeNotYet)
	s.isDue(0)
	s.isDue(retryIn+time.Second, first.Message.ID)

	found, err := s.store.Due(t.Context(), time.Now().Add(time.Hour), 10, nil)
	if err != nil || len(found) != 1 {
		t.Fatalf("due: %d, %v", len(found), err)
	}
	h := &found[0]
	if string(h.Message.Payload) != "<o/>" || h.Message.Login != "erp.alice" || h.Message.Origin != first.Message.Origin || h.Message.Properties["message-id"] != "m1" ||
		h.Hold.State != gateway.Waiting || h.Hold.Attempts != 1 || h.Hold.Code != string(fault.CodeNotYet) ||
		time.Until(h.Hold.Next) > retryIn || time.Until(h.Hold.Until) < 50*time.Minute {
		t.Errorf("the due message: %+v, %+v", h.Message, h.Hold)
	}

	s.arrives(t)
	o := s.one(w, retry(h, p.entry("m1", late("PO-1"))), gateway.Stored)
	if o.MessageID != first.Message.ID || o.Reply == nil || len(o.Channels) != 1 {
		t.Errorf("the retry's outcome: %+v", o)
	}
	s.rows(lines, "PO-1 1 "+missing)
	s.rows(heldRows)
	s.rows(payloads, "1")
	s.rows(`SELECT COUNT(*) FROM {gateway.message_key}`, "2")
	s.rows(waiting, "1")
	s.rows(history, "waiting  GH-5007", "attempted  ")
	r := s.record(first.Message.ID)
	if r.Outcome != "stored" || len(r.History) != 2 || string(r.Payload) != "<o/>" || len(r.Deliveries) != 1 || r.ReplayOf != "" {
		t.Errorf("the record: %+v", r)
	}
	s.one(w, async(p.entry("m1", late("PO-1"))), gateway.Duplicate)
	s.isDue(time.Hour)
}

// heldOn: a retry that is refused stays in its row, with another time or in the
// parking lot.
func (s *storeSuite) heldOn(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	first := async(p.entry("m1", late("PO-1")))
	id := first.Message.ID
	s.one(w, first, gateway.Waiting)
	s.one(w, retry(s.held(id), p.entry("m1", late("PO-1"))), gateway.Waiting)
	s.rows(heldRows, "m1 waiting GH-5007 2")

	// A retry that could not even be prepared knows less of the message.
	blind := only(retry(s.held(id), p.entry("m1", late("PO-1"))))
	blind.Message.Identity, blind.Message.OrderingKey, blind.Message.Keys = "unknown", "unknown", nil
	s.one(w, blind, gateway.Parked)
	s.rows(heldRows, "m1 parked GH-3001 1")
	s.rows(history, "waiting  GH-5007", "attempted  GH-5007", "parked  GH-3001")
	s.rows(payloads, "1")
	h := s.held(id)
	if h.Message.OrderingKey != "PO-1" || len(h.Message.Keys) != 2 || !h.Hold.Next.IsZero() {
		t.Errorf("held on: %+v, %+v", h.Message, h.Hold)
	}
	s.isDue(time.Hour)
}

// overtaken: a waiting message whose identity was stored meanwhile is a
// duplicate, and gone, or a conflict, and Keep's to decide about.
func (s *storeSuite) overtaken(t *testing.T) {
	p := newPlan(waitForProduct)
	w := s.writer(p)
	s.one(w, async(p.entry("same", late("PO-1"))), gateway.Waiting)
	s.one(w, async(p.entry("other", late("PO-2"))), gateway.Waiting)
	ids := s.due(time.Hour)
	s.arrives(t)
	call := s.one(w, p.entry("same", late("PO-1")), gateway.Stored)
	s.one(w, p.entry("other", simple("PO-2")), gateway.Stored)

	o := s.one(w, retry(s.held(ids[0]), p.entry("same", late("PO-1"))), gateway.Duplicate)
	if o.MessageID != call.MessageID || string(o.Reply) != string(call.Reply) {
		t.Errorf("the duplicate is of %s, want %s", o.MessageID, call.MessageID)
	}
	o = s.one(w, retry(s.held(ids[1]), p.entry("other", late("PO-2"))), gateway.Parked)
	s.code(o.Err, fault.CodeKeyReused)
	s.rows(heldRows, "other parked GH-5002 2")
	s.rows(payloads, "3")
	s.rows(`SELECT COUNT(*) FROM {gateway.message_key}`, "6")
	s.rows(messages, "2")
	s.isDue(time.Hour)
}
