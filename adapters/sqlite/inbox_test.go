package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestInbox: several processes claim in one file, in transactions that commit, are
// rolled back, or undo a part; claims are removed; processes begin anew. No claim is
// ever stored twice, and none that is stored is taken for new, however many of them
// the index has.
func TestInbox(t *testing.T) {
	t.Parallel()
	file := migrated(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &inboxes{rt: rt, path: filepath.Join(t.TempDir(), "g.db"), stored: map[int]bool{}}
		m.open(file, 3)
		defer m.close()
		rt.Repeat(map[string]func(*rapid.T){
			"claim together": func(*rapid.T) { m.together() },
			"claim apart":    func(*rapid.T) { m.apart() },
			"remove":         func(*rapid.T) { m.remove() },
			"begin anew":     func(*rapid.T) { m.again() },
			"":               func(*rapid.T) { m.check() },
		})
	})
}

// inboxes are processes with one file, and what it should have: claims by number.
type inboxes struct {
	rt        *rapid.T
	path      string
	processes []*dialect
	stored    map[int]bool
}

func (m *inboxes) must(err error) {
	if err != nil {
		m.rt.Fatal(err)
	}
}

// migrated is a file with the tables of the ledger.
func migrated(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "g.db")
	s, err := Open(t.Context(), Config{Path: config.Path(path)}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (m *inboxes) open(file []byte, n int) {
	m.must(os.WriteFile(m.path, file, 0o600))
	for range n {
		m.processes = append(m.processes, m.process())
	}
}

func (m *inboxes) process() *dialect {
	d, err := open(context.Background(), Config{Path: config.Path(m.path)}.withDefaults(), slog.New(slog.DiscardHandler))
	m.must(err)
	c := <-d.turn
	c.inbox.after = 5
	full := rapid.SampledFrom([]int{4, 10, filterFull}).Draw(m.rt, "filter")
	c.inbox.filter.full, c.inbox.filter.most = full, full
	d.turn <- c
	return d
}

func (m *inboxes) close() {
	for _, d := range m.processes {
		m.must(d.Close())
	}
}

// session is a turn on the writer of one of the processes.
func (m *inboxes) session() *session {
	d := rapid.SampledFrom(m.processes).Draw(m.rt, "process")
	s, err := d.Session(context.Background(), 0)
	m.must(err)
	m.must(s.Begin(context.Background()))
	return s.(*session)
}

// claimOf is one of few, so that they meet; some differ only behind their prefix.
func claimOf(n int) (d gateway.Digest) {
	binary.BigEndian.PutUint64(d[:], uint64(n%13)*0x9E3779B97F4A7C15)
	d[31] = byte(n)
	return d
}

func itemOf(n int) *sqlstore.Item {
	return &sqlstore.Item{Claim: claimOf(n), Entry: &gateway.Entry{Message: &gateway.Message{ID: gateway.ID(uuid.Must(uuid.NewV7()))}}}
}

const claimsDrawn = 60

func (m *inboxes) end(s *session, stored map[int]bool) {
	switch rapid.SampledFrom([]string{"commits", "commits", "fails", "is rolled back"}).Draw(m.rt, "end") {
	case "commits":
		m.must(s.Commit(context.Background()))
		m.stored = stored
	case "fails": // when all of it was written
		m.must(s.inbox.settle(s.connection))
	}
	s.Release(nil)
}

func copied(m map[int]bool) map[int]bool {
	out := map[int]bool{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (m *inboxes) together() {
	drawn := rapid.SliceOfNDistinct(rapid.IntRange(0, claimsDrawn-1), 1, 6, rapid.ID[int]).Draw(m.rt, "claims")
	s, stored := m.session(), copied(m.stored)
	var items, fresh []*sqlstore.Item
	for _, n := range drawn {
		items = append(items, itemOf(n))
	}
	known, err := s.inbox.known(s.connection, items)
	m.must(err)
	for i, n := range drawn {
		if known[items[i].Claim] != stored[n] {
			m.rt.Fatalf("claim %d is known: %v, want %v", n, known[items[i].Claim], stored[n])
		}
		if !stored[n] {
			fresh = append(fresh, items[i])
			stored[n] = true
		}
	}
	m.must(s.inbox.enter(s.connection, fresh))
	if len(fresh) > 0 && rapid.Bool().Draw(m.rt, "refuse one") {
		id := fresh[0].Message().ID
		m.must(s.do(unclaimText, id[:]))
		for n := range stored {
			if claimOf(n) == fresh[0].Claim {
				delete(stored, n)
			}
		}
	}
	m.end(s, stored)
}

func (m *inboxes) apart() {
	drawn := rapid.SliceOfN(rapid.IntRange(0, claimsDrawn-1), 1, 6).Draw(m.rt, "claims")
	s, stored := m.session(), copied(m.stored)
	for _, n := range drawn {
		m.must(s.do("SAVEPOINT message"))
		s.inbox.alone = true
		_, known, err := s.inbox.find(s.connection, claimOf(n))
		m.must(err)
		if known != stored[n] {
			m.rt.Fatalf("claim %d is known: %v, want %v", n, known, stored[n])
		}
		if !known {
			m.must(s.inbox.enter(s.connection, []*sqlstore.Item{itemOf(n)}))
		}
		if rapid.Bool().Draw(m.rt, "undo") {
			m.must(s.do("ROLLBACK TO message"))
		} else {
			stored[n] = true
		}
		m.must(s.do("RELEASE message"))
	}
	m.end(s, stored)
}

// remove is what retention does.
func (m *inboxes) remove() {
	n := rapid.IntRange(0, claimsDrawn-1).Draw(m.rt, "claim")
	s, stored := m.session(), copied(m.stored)
	claim := claimOf(n)
	m.must(s.do(`DELETE FROM "gateway.inbox" WHERE claim = ?1`, claim[:]))
	delete(stored, n)
	m.end(s, stored)
}

func (m *inboxes) again() {
	i := rapid.IntRange(0, len(m.processes)-1).Draw(m.rt, "process")
	m.must(m.processes[i].Close())
	m.processes[i] = m.process()
}

func (m *inboxes) check() {
	var rows, claims, astray, outside, noted int
	m.must(m.processes[0].admin.QueryRow(`SELECT count(*), count(DISTINCT claim),
		(SELECT count(*) FROM "gateway.claimed" AS c WHERE NOT EXISTS (SELECT 1 FROM "gateway.inbox" AS i WHERE i.id = c.id AND substr(i.claim, 1, 8) = c.prefix)),
		(SELECT count(*) FROM "gateway.inbox" AS i WHERE i.id <= (SELECT upto FROM "gateway.entered") AND NOT EXISTS (SELECT 1 FROM "gateway.claimed" AS c WHERE c.id = i.id)),
		(SELECT count(*) FROM "gateway.unentered" AS u WHERE u.id <= (SELECT upto FROM "gateway.entered") OR EXISTS (SELECT 1 FROM "gateway.inbox" AS i WHERE i.id = u.id))
		FROM "gateway.inbox"`).Scan(&rows, &claims, &astray, &outside, &noted))
	if rows != len(m.stored) || claims != rows || astray != 0 || outside != 0 || noted != 0 {
		m.rt.Fatalf("%d rows of %d claims, want %d; %d entries lead nowhere, %d rows lack theirs; %d are noted for nothing", rows, claims, len(m.stored), astray, outside, noted)
	}
}

// TestOldClaimsLeaveNoNotes: a gateway that never has enough claims to enter them does
// not keep notes of those that retention has removed.
func TestOldClaimsLeaveNoNotes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "g.db")
	if err := os.WriteFile(path, migrated(t), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := range 20 {
		claim, id := claimOf(n), uuid.Must(uuid.NewV7())
		run(t, db, `INSERT INTO "gateway.inbox" (claim, body, message_id) VALUES (?, ?, ?)`, claim[:], claim[:], id[:])
	}
	notes := func() (n, upto int) {
		row := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM "gateway.unentered"), upto FROM "gateway.entered"`)
		if err := row.Scan(&n, &upto); err != nil {
			t.Fatal(err)
		}
		return n, upto
	}
	run(t, db, `DELETE FROM "gateway.inbox" WHERE id IN (4, 12)`) // an operator's
	if n, upto := notes(); n != 2 || upto != 0 {
		t.Errorf("%d notes and all entered up to %d, want 2 and 0", n, upto)
	}
	run(t, db, `DELETE FROM "gateway.inbox" WHERE id <= 10`) // the oldest
	if n, upto := notes(); n != 1 || upto != 10 {
		t.Errorf("%d notes and all entered up to %d, want 1 and 10", n, upto)
	}
}

// TestGrowthMigrates: what is known and what waits when the migration comes is known,
// and waits, after it; whatever of it the index has.
func TestGrowthMigrates(t *testing.T) {
	t.Parallel()
	t.Run("without an index", func(t *testing.T) { growthMigrates(t, "00010", "") })
	t.Run("with an index of some", func(t *testing.T) {
		growthMigrates(t, "00015", `INSERT INTO "gateway.claimed" (prefix, id) SELECT substr(claim, 1, 8), id FROM "gateway.inbox" WHERE id <= 30;
			UPDATE "gateway.entered" SET upto = 20`)
	})
}

// growthMigrates fills a file that lacks a migration and those after it.
func growthMigrates(t *testing.T, lacks, index string) {
	path := filepath.Join(t.TempDir(), "g.db")
	d, err := open(t.Context(), Config{Path: config.Path(path)}.withDefaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	before := sqlstore.New(d, sqlstore.Options{Migrations: migrationsBefore(t, lacks), Now: time.Now})
	if _, err := before.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	const rows = 50
	for n := range rows {
		claim, id := claimOf(n), uuid.Must(uuid.NewV7())
		run(t, d.admin, `INSERT INTO "gateway.inbox" (claim, body, message_id) VALUES (?, ?, ?)`, claim[:], claim[:], id[:])
		run(t, d.admin, `INSERT INTO "gateway.outbox" (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			VALUES ('events', ?, ?, ?, ?, ?, 'r', 't', 'c', 'co', 'tp', 7, ?)`, n%2, n+1, fmt.Sprintf("wire-%d", n), id[:], fmt.Sprint("key-", n%3), claim[:])
	}
	run(t, d.admin, `INSERT INTO "gateway.shard" (channel, shard, next_seq) VALUES ('events', 0, ?1), ('events', 1, ?1)`, rows)
	run(t, d.admin, index)
	kept := func() (text string) {
		row := d.admin.QueryRowContext(t.Context(), `SELECT (SELECT group_concat(hex(claim) || hex(body) || hex(message_id)) FROM (SELECT * FROM "gateway.inbox" ORDER BY message_id)) ||
			(SELECT group_concat(channel || shard || '/' || seq || wire_id || hex(message_id) || ordering_key || routing_key || type || content_type || correlation || traceparent || created_at || hex(body))
			FROM (SELECT * FROM "gateway.outbox" ORDER BY channel, shard, seq))`)
		if err := row.Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := kept()
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}

	s, err := Open(t.Context(), Config{Path: config.Path(path)}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if applied, err := s.Up(t.Context(), nil); err != nil || len(applied) == 0 {
		t.Fatal(applied, err)
	}
	if d, err = open(t.Context(), Config{Path: config.Path(path)}.withDefaults(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := kept(); got != want || len(want) < rows*100 {
		t.Errorf("after the migration:\n%.2000s\nbefore it:\n%.2000s", got, want)
	}
	gone := claimOf(25) // which the index may have, above the mark
	run(t, d.admin, `DELETE FROM "gateway.inbox" WHERE claim = ?`, gone[:])
	for shard := range 2 {
		page, err := s.Pending(t.Context(), "events", shard, 0, 2*rows)
		if err != nil || len(page.Deliveries) != rows/2 {
			t.Errorf("%d wait in shard %d: %v", len(page.Deliveries), shard, err)
		}
	}
	ss, err := d.Session(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ss.Release(nil)
	if err := ss.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // before the filter has read the index, and after it
		for n := range 2 * rows {
			item := itemOf(n)
			known, err := ss.(*session).inbox.known(ss.(*session).connection, []*sqlstore.Item{item})
			if err != nil || known[item.Claim] != (n < rows && n != 25) {
				t.Errorf("claim %d is known: %v, %v", n, known[item.Claim], err)
			}
		}
	}
	if b := ss.(*session).inbox; !b.filter.whole {
		t.Error("the filter is not whole")
	}
}

func run(t *testing.T, db *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatal(err)
	}
}

// migrationsBefore are the migrations with lower numbers.
func migrationsBefore(t *testing.T, number string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() >= number {
			continue
		}
		data, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	return files
}
