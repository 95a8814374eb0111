package gatewaytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// LiveTables are the orders with what is shown below them, by their numbers; the
// lines by the numbers that the database draws; and the customers.
func LiveTables() []mapping.LiveTable {
	name := func(schema, table string) mapping.TableName { return mapping.TableName{Schema: schema, Name: table} }
	return []mapping.LiveTable{
		mapping.NewLiveTable(name("sales", "sales_order"), []string{"order_no"}, name("sales", "order_line"), name("sales", "order_line_feature")),
		mapping.NewLiveTable(name("sales", "order_line"), []string{"id"}),
		mapping.NewLiveTable(name("crm", "customer"), []string{"customer_no"}),
	}
}

// LiveMapping is OrderMapping with a version guard, whose absent lines and features
// are deleted, and of whose rows it is noted which have changed.
func LiveMapping() *mapping.Mapping {
	return compiled(guarded, deleteAllLines, deleteFeatures).Living(LiveTables())
}

// changeLog is what a store has that notes changes.
type changeLog interface {
	gateway.ChangeLog
	gateway.SealingKeys
}

// heard reads all that was noted behind a place, which it moves on, as
// "table key".
func (s *storeSuite) heard(at map[int]int64) []string {
	s.t.Helper()
	log := s.store.(changeLog)
	heads, err := log.ChangeHeads(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for chain, head := range heads {
		for at[chain] < head {
			entries, err := log.ChangeEntries(s.t.Context(), chain, at[chain], 2)
			if err != nil || len(entries) == 0 {
				s.t.Fatalf("chain %d behind %d: %d entries, %v", chain, at[chain], len(entries), err)
			}
			for _, e := range entries {
				for _, c := range e.Changes {
					table, _, _ := strings.Cut(c.Subject[strings.Index(c.Subject, ".")+1:], "(")
					out = append(out, table+" "+c.Key)
				}
			}
			at[chain] = entries[len(entries)-1].Seq
		}
	}
	return out
}

// notesChanges: under the number of a transaction's entry is noted which rows of
// live tables it has changed, and nothing of those that are as they were.
func (s *storeSuite) notesChanges(t *testing.T) {
	p := &plan{LiveMapping()}
	w := s.writer(p)
	at := map[int]int64{}
	hear := func(want ...string) {
		t.Helper()
		if got := s.heard(at); !slices.Equal(got, want) {
			t.Errorf("heard of %q, want %q", got, want)
		}
	}
	id := func(no string) string {
		t.Helper()
		return s.probe.Query(t, `SELECT l.id FROM {sales.order_line} AS l INNER JOIN {sales.sales_order} AS o ON o.id = l.order_id WHERE l.line_no = `+no)[0][0]
	}
	first := line{no: 1, sku: "NUT-M8", features: []string{"a=1"}}
	o := order{no: "PO-1", customer: "C-1", name: "Acme", revision: "2", lines: []line{first, {no: 2, sku: "BOLT-M8"}}}
	s.one(w, p.entry("m1", o), gateway.Stored)
	one, two := id("1"), id("2")
	hear("customer C-1", "sales_order PO-1", "order_line "+one, "order_line "+two)

	s.one(w, p.entry("m2", o), gateway.Stored) // all as it was
	s.one(w, p.entry("m1", o), gateway.Duplicate)
	hear()

	o.name = "Acme Ltd"
	s.one(w, p.entry("m3", o), gateway.Stored)
	hear("customer C-1")

	o.lines[0].features = []string{"a=2"} // two tables below the order
	s.one(w, p.entry("m4", o), gateway.Stored)
	hear("sales_order PO-1", "order_line "+one) // what it is passed on by counts, too

	o.lines = o.lines[:1]
	s.one(w, p.entry("m5", o), gateway.Stored)
	hear("order_line "+two, "sales_order PO-1")

	o.revision, o.name = "1", "Older"
	o.lines = nil
	s.one(w, p.entry("m6", o), gateway.Superseded)
	hear("customer C-1")

	// What a batch refuses is not noted; what its messages share is noted once.
	bad := order{no: "PO-9", customer: "C-9", name: "Bad", lines: []line{{no: 1, sku: "no such"}}}
	out := s.commit(w, 0, p.entry("m7", order{no: `PO,2%`, customer: "C-2", name: "B"}), p.entry("m8", bad), p.entry("m9", order{no: "PO-3", customer: "C-2", name: "B"}))
	s.status(out[1], gateway.Refused)
	got := s.heard(at)
	slices.Sort(got)
	if want := []string{"customer C-2", `sales_order PO%2c2%25`, `sales_order PO-3`}; !slices.Equal(got, want) {
		t.Errorf("heard of %q, want %q", got, want)
	}

	// Nobody notes anything for a mapping without live tables.
	s.one(s.writer(newPlan()), newPlan().entry("m10", order{no: "PO-10", customer: "C-10", name: "A"}), gateway.Stored)
	hear()
}

// notesKept: a row that is only found has not changed, a row that is made has.
func (s *storeSuite) notesKept(t *testing.T) {
	p := &plan{compiled(keepCustomer).Living(LiveTables()[2:])}
	w := s.writer(p)
	at := map[int]int64{}
	for i, no := range []string{"PO-1", "PO-2"} {
		s.one(w, p.entry(no, order{no: no, customer: "C-1", name: no}), gateway.Stored)
		if got := s.heard(at); len(got) != 1-i {
			t.Errorf("%s: heard of %q", no, got)
		}
	}
}

// notedSince: from which entry on a table's changes are noted is known of every
// gateway's transactions, also where the configurations differ.
func (s *storeSuite) notedSince(t *testing.T) {
	chain, log, table := gateway.LaneChain(0), s.store.(changeLog), LiveTables()[2]
	since := func() int64 {
		t.Helper()
		at, err := log.ChangeNoted(t.Context(), table.Subject())
		if err != nil {
			t.Fatal(err)
		}
		return at[chain]
	}
	n := 0
	store := func(w gateway.Writer, p *plan) {
		t.Helper()
		n++
		no := fmt.Sprintf("PO-%d", n)
		s.one(w, p.entry(no, order{no: no, customer: "C-" + no, name: no}), gateway.Stored)
	}
	deaf, other, all := newPlan(), &plan{compiled().Living(LiveTables()[:2])}, &plan{compiled().Living(LiveTables())}
	there := s.probe.Another(t)
	abroad, err := there.Writer(t.Context(), other.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		w    gateway.Writer
		p    *plan
		want int64
	}{
		{s.writer(deaf), deaf, 1}, // of what is behind it, there is nothing
		{s.writer(all), all, 1},
		{s.writer(all), all, 1},
		{abroad, other, 4}, // another gateway, which notes other tables
		{s.writer(all), all, 4},
		{s.writer(deaf), deaf, 6},
		{s.writer(all), all, 6},
		{s.writer(all), all, 6},
	} {
		store(step.w, step.p)
		if got := since(); got != step.want {
			t.Errorf("after entry %d: noted behind %d, want %d", i+1, got, step.want)
		}
	}
	for after := range int64(7) { // wherever reading begins
		entries, err := log.ChangeEntries(t.Context(), chain, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if want := e.Seq == 1 || e.Seq == 4 || e.Seq == 6; e.Noting.Lacks(table.Subject()) != want {
				t.Errorf("behind %d: entry %d lacks the customers: %t", after, e.Seq, !want)
			}
		}
	}
	s.rows(`SELECT seq FROM {gateway.noted} ORDER BY seq`, "2", "4", "5", "6", "7")

	// Retention leaves the turn that the rest began with.
	s.purge(gateway.Portion{Of: gateway.StockChanges, Before: time.Now().Add(time.Hour), Limit: 100})
	s.rows(`SELECT seq FROM {gateway.noted}`, "7")
	if got := since(); got != 6 {
		t.Errorf("after retention: noted behind %d", got)
	}
	store(abroad, other)
	store(s.writer(all), all)
	if got := since(); got != 9 {
		t.Errorf("noted behind %d", got)
	}
}

// seen: what others have written is noted under entries of a chain of its own, from
// one place to the next, whoever goes on; rows are named as the gateway names its own.
func (s *storeSuite) seen(t *testing.T) {
	table := LiveTables()[0]
	subject, chain := table.Subject(), gateway.OthersChain
	here, there := s.store.(gateway.Others), s.probe.Another(t).(gateway.Others)
	log := s.store.(changeLog)
	if _, known, err := here.Sighted(t.Context(), subject); err != nil || known {
		t.Fatalf("noted before anything was: %v", err)
	}
	note := func(store gateway.Others, g gateway.Sighting, wantWent bool, wantNoted int) {
		t.Helper()
		g.Subject, g.Noting = subject, mapping.Subjects(LiveTables())
		went, noted, err := store.NoteSeen(t.Context(), g)
		if err != nil || went != wantWent || noted != wantNoted {
			t.Errorf("%+v: %t, %d noted, %v", g, went, noted, err)
		}
	}
	rows := func(keys ...string) (out []gateway.Seen) {
		for i, k := range keys {
			out = append(out, gateway.Seen{Key: k, Version: int64(100 + i)})
		}
		return out
	}
	note(here, gateway.Sighting{From: 7, To: 8}, false, 0)
	note(here, gateway.Sighting{First: true, To: 99}, true, 0)
	note(there, gateway.Sighting{First: true, To: 98}, false, 0)
	heads, err := log.ChangeHeads(t.Context())
	if _, there := heads[chain]; err != nil || there {
		t.Errorf("an entry of nothing: %v, %v", heads, err)
	}
	note(here, gateway.Sighting{From: 99, To: 102, Rows: rows("PO-1", `a%2c%22b`, "PO-1")}, true, 3)
	note(there, gateway.Sighting{From: 99, To: 102, Rows: rows("PO-1")}, false, 0)
	s.probe.Exec(t, `INSERT INTO {gateway.own_version} (subject, version, row_hash) VALUES ('`+digest(subject).String()+`', 104, '`+digest("PO-2").String()+`')`)
	note(there, gateway.Sighting{From: 102, To: 104, Rows: []gateway.Seen{{Key: "PO-2", Version: 104}}}, true, 0) // the gateway's own
	s.rows(`SELECT COUNT(*) FROM {gateway.own_version}`, "0")
	note(there, gateway.Sighting{From: 104, To: 106, Rows: []gateway.Seen{{Key: "PO-2", Version: 105}}}, true, 1)
	if at, known, err := here.Sighted(t.Context(), subject); err != nil || !known || at != 106 {
		t.Errorf("noted up to %d, %t, %v", at, known, err)
	}
	at := map[int]int64{}
	if got, want := s.heard(at), []string{"sales_order PO-1", `sales_order a%2c%22b`, "sales_order PO-2"}; !slices.Equal(got, want) || at[chain] != 2 {
		t.Errorf("heard of %q behind %v, want %q", got, at, want)
	}
	lacks := func(want int64) {
		t.Helper()
		noted, err := log.ChangeNoted(t.Context(), subject)
		if err != nil || noted[chain] != want {
			t.Errorf("noted behind %v, %v, want %d", noted, err, want)
		}
	}
	lacks(0)
	note(here, gateway.Sighting{From: 106, To: 3, Lost: true}, true, 0)
	note(here, gateway.Sighting{From: 3, To: 4, Rows: rows("PO-3")}, true, 1)
	lacks(3)
	if r := s.verify(); r.Break != nil {
		t.Errorf("the trail does not fit: %v", r.Break)
	}
}

// changesGo: old changes go in portions, and whoever was behind them is told so.
func (s *storeSuite) changesGo(t *testing.T) {
	p := &plan{LiveMapping()}
	w := s.writer(p)
	for _, no := range []string{"PO-1", "PO-2", "PO-3"} {
		s.one(w, p.entry(no, order{no: no, customer: "C-" + no, name: no}), gateway.Stored)
	}
	chain := gateway.LaneChain(0)
	log := s.store.(changeLog)
	if got := s.purge(gateway.Portion{Of: gateway.StockChanges, Before: longAgo, Limit: 3}); got != "" {
		t.Errorf("what is young goes: %s", got)
	}
	if _, err := log.ChangeEntries(t.Context(), chain, 0, 10); err != nil {
		t.Errorf("nothing is removed: %v", err)
	}
	if got := s.purge(gateway.Portion{Of: gateway.StockChanges, Before: time.Now().Add(time.Hour), Limit: 3}); got != "change=6" {
		t.Errorf("removed %s", got)
	}
	s.rows(`SELECT COUNT(*) FROM {gateway.change}`, "0")
	if _, err := log.ChangeEntries(t.Context(), chain, 2, 10); !errors.Is(err, gateway.ErrChangesGone) {
		t.Errorf("behind what was removed: %v", err)
	}
	begin, err := log.ChangeBegin(t.Context())
	if err != nil || begin[chain] != 3 {
		t.Errorf("begins at %v, %v", begin, err)
	}
	s.one(w, p.entry("PO-4", order{no: "PO-4", customer: "C-4", name: "4"}), gateway.Stored)
	if got := s.heard(begin); !slices.Equal(got, []string{"customer C-4", "sales_order PO-4"}) {
		t.Errorf("heard of %q", got)
	}

	// A gap is no skip.
	s.probe.Exec(t, `DELETE FROM {gateway.audit} WHERE seq = 4 AND chain > 0`)
	s.one(w, p.entry("PO-5", order{no: "PO-5", customer: "C-5", name: "5"}), gateway.Stored)
	if entries, err := log.ChangeEntries(t.Context(), chain, 3, 10); err == nil {
		t.Errorf("a gap is passed over: %v", entries)
	}
}

// sealingKeys: of several gateways that want a key at once, one makes it.
func (s *storeSuite) sealingKeys(t *testing.T) {
	here, there := s.store.(changeLog), s.probe.Another(t).(changeLog)
	ago := time.Now().Add(-time.Hour)
	for i, store := range []changeLog{here, there} {
		if err := store.AddSealingKey(t.Context(), [32]byte{byte(i + 1)}, ago); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := there.SealingKeys(t.Context())
	if err != nil || len(keys) != 1 || keys[0].Secret != [32]byte{1} || keys[0].At.Before(ago) {
		t.Fatalf("keys %v, %v", keys, err)
	}
	later := time.Now().Add(time.Hour)
	if err := here.AddSealingKey(t.Context(), [32]byte{3}, later); err != nil {
		t.Fatal(err)
	}
	if keys, err = there.SealingKeys(t.Context()); err != nil || len(keys) != 2 || keys[0].Secret != [32]byte{3} || keys[0].ID <= keys[1].ID {
		t.Fatalf("keys %v, %v", keys, err)
	}
	if err := here.RemoveSealingKeys(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if keys, err = there.SealingKeys(t.Context()); err != nil || len(keys) != 1 || keys[0].Secret != [32]byte{3} {
		t.Fatalf("the newest is to stay: %v, %v", keys, err)
	}
}
