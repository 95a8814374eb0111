package sqlite_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestNothingNeededIsPurged invents ledgers: messages of two routes arrive over
// months, are repeated, confirmed, parked, released, given up, held and erased,
// in any order, and now and then everything that is old is purged. Whatever
// happens, a repeat inside its time gets its first reply, what waits keeps all
// that it needs, what was confirmed is known to be, and nothing that may go stays.
func TestNothingNeededIsPurged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.db")
	store := openFile(t, path)
	if _, err := store.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	w, err := store.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	p := newProbe(t, path)
	p.Exec(t, `PRAGMA synchronous = OFF`)
	purges, repeats, removed := 0, 0, int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range strings.Fields("outbox delivery parked discarded relayed refusal reply held attempt message_key payload message inbox") {
			p.Exec(t, "DELETE FROM {gateway."+table+"}")
		}
		m := &ledgerModel{t: t, rt: rt, store: store, writer: w, probe: p, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), first: map[string]*known{}}
		m.keep = map[string]gateway.RouteRetention{"a": m.invent(), "b": m.invent()}
		rt.Repeat(map[string]func(*rapid.T){
			"arrive": m.arrive, "arrive too": m.arrive, "repeat": m.repeat, "confirm": m.confirm, "act": m.act, "hold": m.hold, "erase": m.erase,
			"pass time": m.pass, "purge": m.purge,
		})
		m.purge(rt)
		purges, repeats, removed = purges+m.purges, repeats+m.repeats, removed+m.removed
	})
	t.Logf("%d purges removed %d rows; %d repeats", purges, removed, repeats)
	if !t.Failed() && (removed == 0 || repeats == 0) {
		t.Error("nothing was removed, or nothing repeated: the test tells nothing")
	}
}

// known is a message of the model, by its identity.
type known struct {
	id     gateway.ID
	route  string
	at     time.Time
	reply  string
	erased bool
}

type ledgerModel struct {
	t      *testing.T
	rt     *rapid.T
	store  gateway.Store
	writer gateway.Writer
	probe  *probe
	now    time.Time
	keep   map[string]gateway.RouteRetention
	first  map[string]*known // the message that the inbox knows an identity by, as far as it was ever told
	all    []*known
	held   []gateway.ID

	purges, repeats int
	removed         int64
}

const step = 24 * time.Hour

// invent makes a policy without contradictions.
func (m *ledgerModel) invent() gateway.RouteRetention {
	days := func(least, most int, what string) time.Duration {
		return time.Duration(rapid.IntRange(least, most).Draw(m.rt, what)) * step
	}
	r := gateway.RouteRetention{Ledger: days(2, 40, "ledger")}
	r.Inbox, r.Payloads = days(1, int(r.Ledger/step), "inbox"), days(1, int(r.Ledger/step), "payloads")
	return r
}

func (m *ledgerModel) commit(e *gateway.Entry) gateway.Outcome {
	out, err := m.writer.Commit(m.t.Context(), 0, []*gateway.Entry{e})
	if err != nil {
		m.rt.Fatal(err)
	}
	return out[0]
}

// entry is a message of an identity, always the same but for its id.
func (m *ledgerModel) entry(identity string) *gateway.Entry {
	e := gatewaytest.OrderEntry(identity, 1)
	e.Message.ID, e.Message.ReceivedAt = gatewaytest.BornAt(m.now), m.now
	e.Message.Route = identity[:1]
	e.Message.OrderingKey = "key " + identity[len(identity)-1:]
	return e
}

func (m *ledgerModel) arrive(rt *rapid.T) {
	m.send(fmt.Sprintf("%s-%d", rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "route"), len(m.all)))
}

func (m *ledgerModel) repeat(rt *rapid.T) {
	if len(m.all) == 0 {
		rt.Skip("nothing came yet")
	}
	k := rapid.SampledFrom(m.all).Draw(rt, "message")
	for identity, first := range m.first {
		if first == k {
			m.send(identity)
			return
		}
	}
}

// send has a message arrive. If its first one is inside its time it is a repeat;
// if it is outside, that is for the purge to say.
func (m *ledgerModel) send(identity string) {
	o := m.commit(m.entry(identity))
	k := m.first[identity]
	switch {
	case k == nil && o.Status != gateway.Stored:
		m.rt.Fatalf("%s is new and %s", identity, o.Status)
	case k != nil && o.Status == gateway.Duplicate:
		m.repeats++
		if o.MessageID != k.id || string(o.Reply) != k.reply {
			m.rt.Fatalf("the repeat of %s got %q of %s, want %q of %s", identity, o.Reply, o.MessageID, k.reply, k.id)
		}
	case k != nil && !k.at.Before(m.now.Add(-m.keep[k.route].Inbox)):
		m.rt.Fatalf("the repeat of %s after %s is %s", identity, m.now.Sub(k.at), o.Status)
	}
	if o.Status == gateway.Stored {
		k := &known{id: o.MessageID, route: identity[:1], at: m.now, reply: string(o.Reply)}
		m.first[identity] = k
		m.all = append(m.all, k)
	}
}

func (m *ledgerModel) confirm(rt *rapid.T) {
	shard := rapid.IntRange(0, m.store.Shards()-1).Draw(rt, "shard")
	l, ok, err := m.store.Acquire(m.t.Context(), "order-events", shard, "model", time.Hour)
	if err != nil || !ok {
		rt.Fatal(ok, err)
	}
	page, err := m.store.Pending(m.t.Context(), "order-events", shard, 0, 100)
	if err != nil {
		rt.Fatal(err)
	}
	var seqs []int64
	for _, d := range page.Deliveries {
		if rapid.IntRange(0, 4).Draw(rt, "taken") > 0 {
			seqs = append(seqs, d.Seq)
		}
	}
	if err := m.store.Confirm(m.t.Context(), l, seqs); err != nil {
		rt.Fatal(err)
	}
}

// act parks, releases or gives up the deliveries of some message. That there may
// be nothing to act on is no fault.
func (m *ledgerModel) act(rt *rapid.T) {
	if len(m.all) == 0 {
		rt.Skip("nothing came yet")
	}
	act := gateway.Act{By: "cn=olga", Reason: "model"}
	do := rapid.SampledFrom([]func() (int, error){
		func() (int, error) { return m.store.ParkDeliveries(m.t.Context(), m.some(rt), act) },
		func() (int, error) { return m.store.ReleaseDeliveries(m.t.Context(), m.some(rt), act) },
		func() (int, error) { return m.store.DiscardDeliveries(m.t.Context(), m.some(rt), act) },
	}).Draw(rt, "act")
	_, _ = do() // not held, or gone
}

func (m *ledgerModel) some(rt *rapid.T) gateway.ID {
	return rapid.SampledFrom(m.all).Draw(rt, "message").id
}

// hold has a message parked, or one that is parked given up.
func (m *ledgerModel) hold(rt *rapid.T) {
	if len(m.held) > 0 && rapid.Bool().Draw(rt, "discard") {
		_ = m.store.DiscardMessage(m.t.Context(), rapid.SampledFrom(m.held).Draw(rt, "held"), gateway.Act{By: "cn=olga"}) // closed already, or gone
		return
	}
	e := m.entry(fmt.Sprintf("a-held-%d", len(m.held)))
	e.Hold = &gateway.Hold{State: gateway.Parked, Code: "GH-3001", Reason: "bad"}
	e.Changes, e.Render = nil, nil
	m.held = append(m.held, m.commit(e).MessageID)
}

func (m *ledgerModel) erase(rt *rapid.T) {
	if len(m.all) == 0 {
		rt.Skip("nothing came yet")
	}
	k := rapid.SampledFrom(m.all).Draw(rt, "message")
	if m.store.Erase(m.t.Context(), k.id, gateway.Act{By: "cn=olga"}) == nil {
		k.erased, k.reply = true, ""
	}
}

func (m *ledgerModel) pass(rt *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 20*24).Draw(rt, "hours"))*time.Hour + time.Millisecond)
}

// purge does what a round does, and looks at what is left.
func (m *ledgerModel) purge(rt *rapid.T) {
	m.purges++
	limit := rapid.IntRange(1, 5).Draw(rt, "limit")
	drain := func(p gateway.Portion) {
		p.Limit = limit
		rows, err := gatewaytest.Drain(m.t, m.store, p)
		if err != nil {
			rt.Fatalf("purge of %s: %v", p.Of, err)
		}
		for _, n := range rows {
			m.removed += n
		}
	}
	for route, keep := range m.keep {
		others := func(r string) bool { return r != route }
		drain(gateway.Portion{Of: gateway.StockInbox, Before: m.now.Add(-keep.Inbox), Spare: others})
		drain(gateway.Portion{Of: gateway.StockPayloads, Before: m.now.Add(-keep.Payloads), Spare: others})
		drain(gateway.Portion{Of: gateway.StockLedger, Before: m.now.Add(-keep.Ledger), Route: route})
	}
	drain(gateway.Portion{Of: gateway.StockDiscarded, Before: time.Now().Add(time.Hour)})
	drain(gateway.Portion{Of: gateway.StockRelayed, Before: time.Now().Add(time.Hour)})
	m.none(`what waits or is parked lacks its message, payload, claim or reply`,
		`SELECT d.message_id FROM (SELECT message_id FROM {gateway.outbox} UNION SELECT message_id FROM {gateway.parked}) AS d
		LEFT JOIN {gateway.message} AS m ON m.id = d.message_id LEFT JOIN {gateway.payload} AS p ON p.message_id = d.message_id
		LEFT JOIN {gateway.inbox} AS i ON i.message_id = d.message_id LEFT JOIN {gateway.reply} AS r ON r.message_id = d.message_id
		WHERE m.id IS NULL OR p.message_id IS NULL OR i.message_id IS NULL OR r.message_id IS NULL`)
	m.none(`a held message lacks its payload, or a closed one is left`,
		`SELECT h.id FROM {gateway.held} AS h LEFT JOIN {gateway.payload} AS p ON p.message_id = h.id WHERE p.message_id IS NULL OR h.state <> 'parked'`)
	m.none(`a claim lacks its message`, `SELECT i.message_id FROM {gateway.inbox} AS i LEFT JOIN {gateway.message} AS m ON m.id = i.message_id WHERE m.id IS NULL`)
	m.none(`something is left of a message that is gone`,
		`SELECT x.message_id FROM (SELECT message_id FROM {gateway.payload} UNION ALL SELECT message_id FROM {gateway.reply} UNION ALL SELECT message_id FROM {gateway.message_key}
		UNION ALL SELECT message_id FROM {gateway.attempt} UNION ALL SELECT message_id FROM {gateway.delivery}) AS x
		WHERE x.message_id NOT IN (SELECT id FROM {gateway.message} UNION ALL SELECT id FROM {gateway.held})`)
	m.none(`a settled delivery is not known to be`,
		`SELECT d.message_id FROM {gateway.delivery} AS d WHERE NOT EXISTS (SELECT 1 FROM {gateway.outbox} AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq)
		AND NOT EXISTS (SELECT 1 FROM {gateway.parked} AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq)
		AND NOT EXISTS (SELECT 1 FROM {gateway.discarded} AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq)
		AND NOT EXISTS (SELECT 1 FROM {gateway.relayed} AS o WHERE o.channel = d.channel AND o.shard = d.shard AND d.seq BETWEEN o.first_seq AND o.last_seq)`)
	m.exact()
}

func (m *ledgerModel) none(wrong, query string) {
	if rows := m.probe.Query(m.t, query); len(rows) > 0 {
		m.rt.Fatalf("%s: %d", wrong, len(rows))
	}
}

// exact: each table has the messages that are young enough, or open, and no others.
func (m *ledgerModel) exact() {
	open := m.ids(`SELECT message_id FROM {gateway.outbox} UNION SELECT message_id FROM {gateway.parked}`)
	for _, c := range []struct {
		table, column string
		keep          func(gateway.RouteRetention) time.Duration
	}{
		{"inbox", "message_id", func(r gateway.RouteRetention) time.Duration { return r.Inbox }},
		{"reply", "message_id", func(r gateway.RouteRetention) time.Duration { return r.Inbox }},
		{"payload", "message_id", func(r gateway.RouteRetention) time.Duration { return r.Payloads }},
		{"message", "id", func(r gateway.RouteRetention) time.Duration { return r.Ledger }},
	} {
		there := m.ids("SELECT " + c.column + " FROM {gateway." + c.table + "}")
		for _, k := range m.all {
			want := open[k.id] || !k.at.Before(m.now.Add(-c.keep(m.keep[k.route])))
			if k.erased && (c.table == "reply" || c.table == "payload") {
				want = false
			}
			if there[k.id] != want {
				m.rt.Fatalf("%s of a message of route %s after %s, open %v: there is %v, want %v", c.table, k.route, m.now.Sub(k.at), open[k.id], there[k.id], want)
			}
		}
	}
}

func (m *ledgerModel) ids(query string) map[gateway.ID]bool {
	out := map[gateway.ID]bool{}
	for _, row := range m.probe.Query(m.t, query) {
		out[gateway.ID([]byte(row[0]))] = true
	}
	return out
}

// TestBornAt: an identifier says when it was made.
func TestBornAt(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 7e6, time.UTC)
	id := gatewaytest.BornAt(at)
	if ms := int64(binary.BigEndian.Uint64(id[:8]) >> 16); ms != at.UnixMilli() || id.Version() != 7 {
		t.Errorf("%s of version %d is of %d, want %d", id, id.Version(), ms, at.UnixMilli())
	}
}

// TestLongHistory: a message that was tried ten thousand times goes, too, in
// statements of no more rows than any other.
func TestLongHistory(t *testing.T) {
	store, p := openStore(t)
	w, err := store.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	e := gatewaytest.OrderEntry("PO-1", 1)
	e.Hold = &gateway.Hold{State: gateway.Parked, Code: "GH-5007", Reason: "waited"}
	e.Changes, e.Render = nil, nil
	if _, err := w.Commit(t.Context(), 0, []*gateway.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if err := store.DiscardMessage(t.Context(), e.Message.ID, gateway.Act{By: "cn=olga", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	p.Exec(t, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9998)
		INSERT INTO {gateway.attempt} SELECT h.id, unhex(printf('%032x', i)), 0, 'attempted', '', 'GH-5007', '' FROM n, {gateway.held} AS h`)
	rows, err := gatewaytest.Drain(t, store, gateway.Portion{Of: gateway.StockDiscarded, Before: time.Now().Add(time.Hour), Limit: 1000})
	if err != nil || rows["attempt"] != 10000 || rows["held"] != 1 {
		t.Errorf("%v, %v", rows, err)
	}
}
