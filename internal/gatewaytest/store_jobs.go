package gatewaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// parkedFor parks a message with a code and a reason.
func (s *storeSuite) parkedFor(w gateway.Writer, p *plan, identity, code, reason string) gateway.ID {
	s.t.Helper()
	e := only(async(p.entry(identity, simple(identity))))
	e.Hold.Code, e.Hold.Reason = code, reason
	return s.one(w, e, gateway.Parked).MessageID
}

func (s *storeSuite) groups(sel gateway.Selection) (out []string) {
	s.t.Helper()
	found, err := s.store.Groups(s.t.Context(), sel)
	if err != nil {
		s.t.Fatalf("groups: %v", err)
	}
	for _, g := range found {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s%s %s %s: %d+%d", g.Route, g.Channel, g.Code, g.Cause, g.Count, g.Behind)))
	}
	return out
}

func (s *storeSuite) grouped(name string, sel gateway.Selection, want ...string) {
	s.t.Helper()
	if got := s.groups(sel); !slices.Equal(got, want) {
		s.t.Errorf("%s: groups %q, want %q", name, got, want)
	}
}

// groupsByCause: what is parked is counted by what its reasons have in common,
// whatever narrows it down; what waits or is closed is not.
func (s *storeSuite) groupsByCause(t *testing.T) {
	ctx := t.Context()
	p := newPlan(waitForProduct)
	w := s.writer(p)
	s.grouped("nothing", gateway.Selection{})
	start := time.Now().Add(-time.Second)
	var lookup []gateway.ID
	for i, sku := range []string{"A", "B", "C"} {
		reason := fmt.Sprintf("something it refers to is not stored\nm.yaml:41:7: line %d, column 9: /o:Order/o:Lines/o:Line[%d]: nothing in catalog.product has this sku; found sku = %q; for sales.order_line.product_id", i+3, i+1, sku)
		lookup = append(lookup, s.parkedFor(w, p, "PO-"+sku, "GH-5004", reason))
	}
	s.parkedFor(w, p, "PO-D", "GH-2002", "carol may not send on route/submit-order")
	s.parkedFor(w, p, "PO-E", "GH-2002", "carol may not send on route/submit-order")
	gone := s.parkedFor(w, p, "PO-F", "GH-2002", "carol may not send on route/submit-order")
	if err := s.store.DiscardMessage(ctx, gone, olga); err != nil {
		t.Fatal(err)
	}
	other := only(async(p.entry("PO-G", simple("PO-G"))))
	other.Message.Route = "another"
	s.one(w, other, gateway.Parked)
	waits := s.one(w, async(p.entry("PO-H", late("PO-H"))), gateway.Waiting).MessageID

	const (
		lookups   = "submit-order GH-5004 something it refers to is not stored: m.yaml:41:7: /o:Order/o:Lines/o:Line: nothing in catalog.product has this sku; for sales.order_line.product_id: 3+0"
		forbidden = "submit-order GH-2002 carol may not send on route/submit-order: 2+0"
		another   = "another GH-3001 the message breaks its contract: 1+0"
	)
	s.grouped("all", gateway.Selection{}, lookups, forbidden, another)
	s.grouped("route", gateway.Selection{Route: "another"}, another)
	s.grouped("routes", gateway.Selection{Routes: []string{"another", "third"}}, another)
	s.grouped("no routes", gateway.Selection{Routes: []string{}})
	s.grouped("code", gateway.Selection{Codes: []string{"GH-2002"}}, forbidden)
	s.grouped("codes", gateway.Selection{Codes: []string{"GH-3001", "GH-2002"}}, forbidden, another)
	s.grouped("cause", gateway.Selection{Cause: "the message breaks its contract"}, another)
	s.grouped("key", gateway.Selection{Key: "C-PO-D"}, "submit-order GH-2002 carol may not send on route/submit-order: 1+0")
	s.grouped("identity", gateway.Selection{Identity: "PO-D"}, "submit-order GH-2002 carol may not send on route/submit-order: 1+0")
	s.grouped("since", gateway.Selection{Since: start}, lookups, forbidden, another)
	s.grouped("until", gateway.Selection{Until: start})
	s.grouped("hostile", gateway.Selection{Route: "' OR 1 = 1 --", Routes: []string{"'"}, Codes: []string{"'", "{message}"}})

	found, err := s.store.Groups(ctx, gateway.Selection{Codes: []string{"GH-5004"}})
	if err != nil || found[0].Example != lookup[0] || found[0].ExampleRoute != "submit-order" || found[0].First.Before(start) || found[0].Last.Before(found[0].First) {
		t.Errorf("the example: %+v, %v", found, err)
	}
	// An operator's own reason is one, too; a reason that the message has stays.
	if err := s.store.ParkMessage(ctx, waits, olga); err != nil {
		t.Fatal(err)
	}
	if got := s.groups(gateway.Selection{Codes: []string{"GH-5007"}}); len(got) != 1 || strings.Contains(got[0], olga.Reason) {
		t.Errorf("parked by an operator: %q", got)
	}
	// A list goes by the same codes.
	for _, codes := range [][]string{{"GH-2002"}, {"GH-3001", "GH-2002"}} {
		list, err := s.store.Messages(ctx, gateway.Query{Outcome: "parked", Codes: codes, Limit: 2})
		if err != nil || len(list) != 2 || !slices.Contains(codes, list[1].Code) {
			t.Errorf("parked with %v: %+v, %v", codes, list, err)
		}
	}
	if list, err := s.store.Messages(ctx, gateway.Query{Codes: []string{"GH-2002"}}); err != nil || len(list) != 3 {
		t.Errorf("all with a code: %+v, %v", list, err)
	}
}

// groupsOfDeliveries: parked deliveries are counted by cause, those behind them
// apart, and a job on them has each message once.
func (s *storeSuite) groupsOfDeliveries(t *testing.T) {
	ctx := t.Context()
	p := newPlan()
	w := s.writer(p)
	for i := range 3 {
		no := fmt.Sprint("PO-", i)
		s.one(w, inKey(p.entry(no, simple(no)), "k"), gateway.Stored)
	}
	s.one(w, inKey(p.entry("PO-9", simple("PO-9")), "other"), gateway.Stored)
	any := gateway.Selection{Channel: gateway.AnyChannel}
	s.grouped("none", any)
	head := s.deliveriesOf("k")[0]
	l, ok, err := s.store.Acquire(ctx, head.Channel, head.Shard, "me", time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.store.Park(ctx, l, head.Seq, "GH-6002", "no queue is bound for order.accepted.FI", 5); err != nil {
		t.Fatal(err)
	}
	const want = "order-events GH-6002 no queue is bound for order.accepted.FI: 1+2"
	s.grouped("any", any, want)
	s.grouped("channel", gateway.Selection{Channel: "order-events", Codes: []string{"GH-6002"}}, want)
	s.grouped("another", gateway.Selection{Channel: "master-data"})
	s.grouped("routes", gateway.Selection{Channel: "order-events", Routes: []string{"submit-order"}}, want)
	s.grouped("other routes", gateway.Selection{Channel: "order-events", Routes: []string{"another"}})
	s.grouped("key", gateway.Selection{Channel: "order-events", Key: "C-PO-0"}, "order-events GH-6002 no queue is bound for order.accepted.FI: 1+0")
	found, err := s.store.Groups(ctx, any)
	if err != nil || found[0].Example != head.MessageID || found[0].ExampleRoute != "submit-order" || found[0].First.IsZero() {
		t.Errorf("the example: %+v, %v", found, err)
	}
	j := s.job(gateway.Selection{Channel: "order-events"})
	if j.Total != 1 {
		t.Errorf("a job on %d messages, want the head's", j.Total)
	}
	s.next(j, head.MessageID)
}

// job starts one.
func (s *storeSuite) job(sel gateway.Selection) *gateway.Job {
	s.t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	j := &gateway.Job{ID: newID(), Act: gateway.Replay, Selection: sel, Reason: "mended", By: "cn=olga", Login: "olga", CreatedAt: now, ChangedAt: now, Rate: 20, State: gateway.JobRunning}
	if err := s.store.StartJob(s.t.Context(), j); err != nil {
		s.t.Fatalf("starting a job: %v", err)
	}
	return j
}

// next checks the messages of a job that have their turn now.
func (s *storeSuite) next(j *gateway.Job, want ...gateway.ID) {
	s.t.Helper()
	got, err := s.store.JobItems(s.t.Context(), j.ID, 2)
	if err != nil || !slices.Equal(got, want) {
		s.t.Errorf("next are %v, want %v; %v", got, want, err)
	}
}

func (s *storeSuite) settle(j *gateway.Job, streak int, items ...gateway.JobItem) *gateway.Job {
	s.t.Helper()
	if err := s.store.SettleJob(s.t.Context(), j.ID, items, streak, "cause"); err != nil {
		s.t.Fatalf("settling: %v", err)
	}
	found, err := s.store.Job(s.t.Context(), j.ID)
	if err != nil {
		s.t.Fatalf("the job: %v", err)
	}
	return found
}

// keepsJobs: a job has the messages that were parked when it began, oldest first,
// each of them counted once, and is done with the last.
func (s *storeSuite) keepsJobs(t *testing.T) {
	ctx := t.Context()
	p := newPlan()
	w := s.writer(p)
	var ids []gateway.ID
	for i := range 4 {
		ids = append(ids, s.parkedFor(w, p, fmt.Sprint("PO-", i), "GH-2002", "carol may not"))
	}
	sel := gateway.Selection{Codes: []string{"GH-2002"}, Routes: []string{"submit-order"}, Since: time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)}
	j := s.job(sel)
	s.parkedFor(w, p, "PO-late", "GH-2002", "carol may not")
	found, err := s.store.Job(ctx, j.ID)
	if err != nil || fmt.Sprintf("%+v", *found) != fmt.Sprintf("%+v", *j) || found.Total != 4 || found.Left() != 4 {
		t.Errorf("kept %+v, want %+v; %v", found, j, err)
	}
	s.next(j, ids[0], ids[1])

	// The second is settled before the first, and once only.
	for range 2 {
		found = s.settle(j, 1, gateway.JobItem{Message: ids[1], State: gateway.ItemRefused, Code: "GH-2002"})
	}
	if found.Refused != 1 || found.Streak != 1 || found.StreakCause != "cause" || found.Left() != 3 {
		t.Errorf("after the second: %+v", found)
	}
	s.next(j, ids[0], ids[2])
	found = s.settle(j, -1, gateway.JobItem{Message: ids[0], State: gateway.ItemSucceeded}, gateway.JobItem{Message: ids[2], State: gateway.ItemGone})
	if found.Succeeded != 1 || found.Gone != 1 || found.Streak != -1 || found.State != gateway.JobRunning {
		t.Errorf("after three: %+v", found)
	}
	s.next(j, ids[3])

	// It is paused, resumed with a new streak, and over with the last.
	s.turn(j, gateway.JobPaused, "")
	s.turn(j, gateway.JobPaused, fault.CodeJobState)
	s.running(j)
	s.turn(j, gateway.JobRunning, "")
	s.running(j, j.ID)
	s.next(j, ids[1], ids[3]) // what was refused has another turn
	found = s.settle(j, 0, gateway.JobItem{Message: ids[1], State: gateway.ItemRefused, Code: "GH-2002"})
	if found.Refused != 1 || found.Left() != 1 {
		t.Errorf("resumed: %+v", found)
	}
	if found.Streak != 0 || found.Note != "note running" {
		t.Errorf("resumed: %+v", found)
	}
	found = s.settle(j, 0, gateway.JobItem{Message: ids[3], State: gateway.ItemSucceeded})
	if found.State != gateway.JobDone || found.Left() != 0 {
		t.Errorf("in the end: %+v", found)
	}
	s.next(j)
	s.running(j)
	s.turn(j, gateway.JobCancelled, fault.CodeJobState)

	// A cancelled one stays so, whatever was under way.
	k := s.job(sel)
	s.turn(k, gateway.JobCancelled, "")
	for _, id := range append(ids, s.groupExample(sel)) {
		found = s.settle(k, 0, gateway.JobItem{Message: id, State: gateway.ItemGone})
	}
	if k.Total != 5 || found.State != gateway.JobCancelled {
		t.Errorf("cancelled: %+v", found)
	}
	if all, err := s.store.Jobs(ctx, "", 10); err != nil || len(all) != 2 || all[0].ID != k.ID {
		t.Errorf("jobs %+v, %v", all, err)
	}

	// What has ended goes with its time, part by part; what has not, stays.
	open := s.job(sel)
	s.purges(gateway.Portion{Of: gateway.StockJobs, Before: time.Now().Add(-time.Hour), Limit: 3}, "")
	s.purges(gateway.Portion{Of: gateway.StockJobs, Before: time.Now().Add(time.Hour), Limit: 3}, "job=2 job_item=9")
	if all, err := s.store.Jobs(ctx, "", 10); err != nil || len(all) != 1 || all[0].ID != open.ID {
		t.Errorf("jobs that were kept: %+v, %v", all, err)
	}

	// A job on nothing is none.
	empty := &gateway.Job{ID: newID(), Act: gateway.Replay, Selection: gateway.Selection{Route: "none"}, CreatedAt: time.Now(), Rate: 1, State: gateway.JobRunning}
	s.code(s.store.StartJob(ctx, empty), fault.CodeNothing)
	if _, err := s.store.Job(ctx, empty.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a job on nothing: %v", err)
	}
	s.code(s.store.TurnJob(ctx, newID(), gateway.JobPaused, ""), fault.CodeJobNotFound)
}

func (s *storeSuite) groupExample(sel gateway.Selection) gateway.ID {
	s.t.Helper()
	found, err := s.store.Groups(s.t.Context(), sel)
	if err != nil || len(found) == 0 {
		s.t.Fatalf("groups %v, %v", found, err)
	}
	return found[0].Example
}

func (s *storeSuite) turn(j *gateway.Job, state gateway.JobState, want fault.Code) {
	s.t.Helper()
	err := s.store.TurnJob(s.t.Context(), j.ID, state, "note "+string(state))
	if want != "" {
		s.code(err, want)
	} else if err != nil {
		s.t.Errorf("turning it to %s: %v", state, err)
	}
}

func (s *storeSuite) running(_ *gateway.Job, want ...gateway.ID) {
	s.t.Helper()
	found, err := s.store.Jobs(s.t.Context(), gateway.JobRunning, 10)
	var got []gateway.ID
	for _, j := range found {
		got = append(got, j.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		s.t.Errorf("running are %v, want %v; %v", got, want, err)
	}
}

// corrections: a replay with another payload says so in the history, in the
// transaction that stores it.
func (s *storeSuite) corrections(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	id := s.parkedFor(w, p, "PO-1", "GH-3001", "the message breaks its contract")
	e := replay(id, p.entry("PO-1", simple("PO-1")))
	e.Release.Corrected = true
	s.one(w, e, gateway.Stored)
	s.rows(history, "parked  GH-3001", "corrected cn=olga ")
	if h := s.held(id); h.Closed != "replayed" || string(h.Message.Payload) != "<o/>" {
		t.Errorf("the held message: %+v", h)
	}
}
