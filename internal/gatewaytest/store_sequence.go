package gatewaytest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// call adds the rows of a call and its topics to an entry.
func (p *plan) call(e *gateway.Entry, note string, topics ...string) *gateway.Entry {
	drawn := mapping.Cell{Kind: mapping.DrawnCell}
	rows := []mapping.Row{}
	for _, topic := range topics {
		rows = append(rows, mapping.Row{Parent: 0, Origin: mapping.At("/o:Topic", 0, 0), Cells: []mapping.Cell{refers(0), text(topic)}})
	}
	e.Changes.Rows = append(e.Changes.Rows, []mapping.Row{{Parent: -1, Origin: mapping.At("/o:Call", 0, 0), Cells: []mapping.Cell{refers(0), text(note), drawn}}}, rows)
	return e
}

// sequences: rows without a natural key get numbers that their children and the
// reply know, never one twice, also of two processes.
func (s *storeSuite) sequences(t *testing.T) {
	s.probe.Sequence(t, "crm.call_id")
	s.table("crm.call", `id bigint NOT NULL PRIMARY KEY, customer_id bigint NOT NULL, note nvarchar(20) NULL`)
	s.table("crm.call_topic", `call_id bigint NOT NULL REFERENCES {crm.call} (id), topic nvarchar(20) NOT NULL CHECK (topic <> 'bad')`)
	const topics = `SELECT c.note, t.topic FROM {crm.call} AS c INNER JOIN {crm.call_topic} AS t ON t.call_id = c.id ORDER BY c.note, t.topic`
	p := newPlan(calls, replyNamesCall)
	o := func(no string) order { return order{no: no, customer: "C-1", name: "A"} }
	w := s.writer(p)
	out := s.commit(w, 0,
		p.call(p.entry("m1", o("PO-1")), "first", "a", "b"),
		p.call(p.entry("m2", o("PO-2")), "second", "c"),
		p.call(p.entry("m3", o("PO-3")), "third", "bad"),
		p.call(p.entry("m4", o("PO-4")), "fourth"))
	for i, want := range []gateway.Status{gateway.Stored, gateway.Stored, gateway.Refused, gateway.Stored} {
		s.status(out[i], want)
	}
	s.code(out[2].Err, fault.CodeConstraint)
	s.rows(topics, "first a", "first b", "second c")
	for i, note := range map[int]string{0: "first", 1: "second", 3: "fourth"} {
		id := s.probe.Query(t, `SELECT id FROM {crm.call} WHERE note = '`+note+`'`)[0][0]
		if want := "<reply>" + id + "</reply>"; string(out[i].Reply) != want {
			t.Errorf("reply %q, want %q", out[i].Reply, want)
		}
	}
	// The number of what was deleted does not come back.
	last := s.probe.Query(t, `SELECT MAX(id) FROM {crm.call}`)[0][0]
	s.probe.Exec(t, `DELETE FROM {crm.call} WHERE id = `+last)
	s.one(w, p.call(p.entry("m5", o("PO-5")), "fifth"), gateway.Stored)
	if again := s.probe.Query(t, `SELECT id FROM {crm.call} WHERE note = 'fifth'`)[0][0]; again == last {
		t.Errorf("the number %s was given twice", again)
	}

	var wg sync.WaitGroup
	for i, store := range []gateway.Store{s.store, s.probe.Another(t)} {
		w, err := store.Writer(t.Context(), p.Mapping)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			var entries []*gateway.Entry
			for n := range 20 {
				no := fmt.Sprintf("PO-%d-%d", i, n)
				entries = append(entries, p.call(p.entry(no, order{no: no, customer: no, name: "A"}), no, no))
			}
			if out, err := w.Commit(t.Context(), 0, entries); err != nil || slices.ContainsFunc(out, func(o gateway.Outcome) bool { return o.Status != gateway.Stored }) {
				t.Errorf("commit: %v, %v", err, out)
			}
		})
	}
	wg.Wait()
	s.rows(`SELECT COUNT(*) FROM {crm.call} AS c INNER JOIN {crm.call_topic} AS t ON t.call_id = c.id WHERE c.note = t.topic`, "40")
}
