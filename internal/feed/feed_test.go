package feed

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// shop is a store with one table, whose rows change.
type shop struct {
	view   *view.View
	rows   map[int64]string
	log    map[int][]gateway.ChangeEntry
	begin  map[int]int64
	holder string
	fence  int64
	acts   []string
	deny   error
	fail   error // of a search
	now    time.Time
	during func() // a search
}

func newShop() *shop {
	v := &view.View{Name: "orders", Table: mapping.TableName{Schema: "sales", Name: "sales_order"}, Key: []int{0}, Live: true, Fields: []view.Field{
		{Name: "no", Column: "no", Join: -1, Type: mapping.ColumnType{Kind: mapping.IntegerColumn, Min: math.MinInt64, Max: math.MaxInt64}},
		{Name: "status", Column: "status", Join: -1, Type: mapping.ColumnType{Kind: mapping.StringColumn}},
		{Name: "customer", Column: "customer", Join: -1, Class: view.Personal, Type: mapping.ColumnType{Kind: mapping.StringColumn}},
	}}
	return &shop{view: v, rows: map[int64]string{}, log: map[int][]gateway.ChangeEntry{}, begin: map[int]int64{}, now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
}

// put changes rows in one transaction of a lane; an empty status takes the row away.
func (s *shop) put(chain int, status string, keys ...int64) {
	e := gateway.ChangeEntry{Chain: chain, Seq: int64(len(s.log[chain])) + 1}
	for _, k := range keys {
		e.Changes = append(e.Changes, gateway.WrittenRow{Subject: live.Subject(s.view), Key: fmt.Sprint(k)}, gateway.WrittenRow{Subject: "other(no)", Key: "1"})
		if s.rows[k] = status; status == "" {
			delete(s.rows, k)
		}
	}
	s.log[chain] = append(s.log[chain], e)
}

func (s *shop) ChangeHeads(context.Context) (map[int]int64, error) {
	out := map[int]int64{}
	for chain, entries := range s.log {
		out[chain] = int64(len(entries))
	}
	return out, nil
}

func (s *shop) ChangeBegin(context.Context) (map[int]int64, error) { return s.begin, nil }

func (s *shop) ChangeNoted(context.Context, string) (map[int]int64, error) { return nil, nil }

func (s *shop) ChangeEntries(_ context.Context, chain int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	if after < s.begin[chain] {
		return nil, gateway.ErrChangesGone
	}
	rest := s.log[chain][after:]
	return rest[:min(limit, len(rest))], nil
}

func (s *shop) Acquire(_ context.Context, channel string, shard int, owner string, ttl time.Duration) (gateway.Lease, bool, error) {
	if s.holder != "" && s.holder != owner {
		return gateway.Lease{}, false, nil
	}
	if s.holder == "" {
		s.fence++
	}
	if s.holder = owner; ttl == 0 {
		s.holder = ""
	}
	return gateway.Lease{Channel: channel, Shard: shard, Owner: owner, Fence: s.fence}, true, nil
}

func (s *shop) Audit(_ context.Context, what, target string, act gateway.Act) error {
	s.acts = append(s.acts, what+" "+target+" by "+act.By+": "+act.Reason)
	return s.deny
}

func (s *shop) View(string) (*view.View, error) { return s.view, nil }

func (s *shop) row(k int64, q *view.Query) view.Row {
	all := []view.Value{{Kind: mapping.IntegerColumn, Present: true, Int: k}, {Kind: mapping.StringColumn, Present: true, Text: s.rows[k]}, {Kind: mapping.StringColumn, Present: true, Text: "Smith"}}
	var r view.Row
	for _, i := range q.Select {
		r.Values = append(r.Values, all[i])
	}
	return r
}

func (s *shop) Search(_ context.Context, _ view.Viewer, _ string, q *view.Query) (*view.Page, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	if s.during != nil {
		s.during()
	}
	page := &view.Page{}
	if _, there := s.rows[q.Key[0].Int]; there {
		page.Rows = []view.Row{s.row(q.Key[0].Int, q)}
	}
	return page, nil
}

func (s *shop) Scan(_ context.Context, _ view.Viewer, _ string, q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		if s.fail != nil {
			yield(nil, s.fail)
			return
		}
		p := view.Position{0: 3} // the chain of acts is in a position too
		for chain, entries := range s.log {
			p[chain] = int64(len(entries))
		}
		at(p)
		for _, k := range slices.Sorted(maps.Keys(s.rows)) {
			if r := s.row(k, q); !yield(&r, nil) {
				return
			}
		}
	}
}

// feed returns a feed of the shop in a process of its own.
func (s *shop) feed(t *testing.T, directory, owner string) *Feed {
	return s.feedAt(t, NewDirectory(directory), owner)
}

// feedAt is feed for another kind of place.
func (s *shop) feedAt(t *testing.T, place Place, owner string) *Feed {
	return New(Config{Name: "wh", View: "orders", Every: time.Minute}, Parts{
		Place: place, Store: s, Open: func(context.Context) (view.Searcher, error) { return s, nil }, By: "feed:wh", Owner: owner,
		Now: func() time.Time { return s.now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

// goOn makes a round and holds the files against the manifest.
func (s *shop) goOn(t *testing.T, directory string, files int) *Manifest {
	t.Helper()
	n, err := s.feed(t, directory, "one").Once(t.Context())
	if err != nil || n != files {
		t.Fatalf("%d files, %v", n, err)
	}
	return whole(t, directory)
}

// whole holds the files of a directory against its manifest.
func whole(t *testing.T, directory string) *Manifest {
	t.Helper()
	m, _, err := readManifest(t.Context(), NewDirectory(directory))
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	there, err := os.ReadDir(directory)
	if err != nil || len(there) != len(m.Files)+1 {
		t.Errorf("%v of %+v, %v", there, m.Files, err)
	}
	position := ""
	for i, f := range m.Files {
		content, err := os.ReadFile(filepath.Join(directory, f.Name))
		sum := sha256.Sum256(content)
		if err != nil || int64(len(content)) != f.Bytes || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: %v", f.Name, err)
		}
		if f.Snapshot == (f.From != "") || i == 0 && !f.Snapshot {
			t.Errorf("%+v", f)
		}
		position = f.To
	}
	if position == "" {
		t.Error("the manifest is of nothing")
	}
	return m
}

func (s *shop) brief(m *Manifest) string {
	var out []string
	for _, f := range m.Files {
		out = append(out, fmt.Sprintf("%s [%s %s] %d-%d", markPattern.ReplaceAllString(f.Name, ""), f.From, f.To, f.Rows, f.Deleted))
	}
	return strings.Join(out, "\n")
}

// TestFeed holds that the files have all rows, then those that changed, each stretch of
// the log once, and the keys of those that are gone.
func TestFeed(t *testing.T) {
	s, directory := newShop(), filepath.Join(t.TempDir(), "wh")
	s.put(1, "new", 1, 2, 3)
	m := s.goOn(t, directory, 1)
	if got := s.brief(m); got != "part-start-000000000004.parquet [ 0=3,1=1] 3-0" || fmt.Sprint(m.Key) != "[no]" || fmt.Sprint(m.Schema) != "[{no integer 0 0 []} {status string 0 0 []} {_deleted boolean 0 0 []}]" {
		t.Errorf("%s\n%+v", got, m)
	}
	s.goOn(t, directory, 0)
	s.put(2, "sent", 2)
	s.put(1, "paid", 2)
	s.put(1, "", 3)
	s.put(1, "new", 4)
	m = s.goOn(t, directory, 1)
	if got := s.brief(m); !strings.HasSuffix(got, "\npart-000000000004-000000000008.parquet [0=3,1=1 0=3,1=4,2=1] 3-1") {
		t.Error(got)
	}
	s.log[2] = append(s.log[2], gateway.ChangeEntry{Chain: 2, Seq: 2}) // of another table
	if m = s.goOn(t, directory, 0); m.Position != "0=3,1=4,2=2" || len(m.Files) != 2 {
		t.Errorf("%+v", m)
	}
	if got := markPattern.ReplaceAllString(strings.Join(s.acts, "\n"), ""); !strings.HasSuffix(got, "\nexported view/orders by feed:wh: part-000000000004-000000000008.parquet: 3 rows of parquet at 0=3,1=4,2=1") {
		t.Error(got)
	}
	read(t, filepath.Join(directory, m.Files[1].Name), `{"no":"2","status":"paid","_deleted":"false"}`, `{"no":"3","status":null,"_deleted":"true"}`, `{"no":"4","status":"new","_deleted":"false"}`)
}

// read has another program read a file, whose rows may be in any order of their chains.
func read(t *testing.T, path string, want ...string) {
	t.Helper()
	if exec.CommandContext(t.Context(), "sh", "-c", "command -v node && command -v npm").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Error("CI has no nodejs and npm; testdata/servers/run.sh installs them")
		}
		t.Log("nodejs and npm are not installed: nobody reads the file")
		return
	}
	expected := filepath.Join(t.TempDir(), "expected")
	if err := os.WriteFile(expected, []byte(strings.Join(want, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./parquet_read.sh", path, expected)
	cmd.Dir = "../export/testdata"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

// TestFeedDies holds that what a process left behind which died anywhere is no part of the
// feed, and that its stretch is in the next process's file.
func TestFeedDies(t *testing.T) {
	s, directory := newShop(), t.TempDir()
	s.put(1, "new", 1, 2, 3)
	for _, name := range []string{".part-7.writing", "part-start-000000000004.parquet", "part-000000000001-000000000009.parquet", ".manifest.json.writing"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.goOn(t, directory, 1)
	s.put(1, "sent", 2)
	for _, c := range []struct {
		name string
		set  func(error)
	}{{"the store", func(err error) { s.fail = err }}, {"the record", func(err error) { s.deny = err }}} {
		c.set(fault.New(fault.CodeStoreUnavailable, ""))
		if _, err := s.feed(t, directory, "one").Once(t.Context()); err == nil {
			t.Errorf("%s is away, and nobody says so", c.name)
		}
		c.set(nil)
		if m := whole(t, directory); len(m.Files) != 1 {
			t.Errorf("%s is away: %+v", c.name, m)
		}
	}
	if m := s.goOn(t, directory, 1); m.Files[1].Rows != 1 {
		t.Errorf("%+v", m)
	}
}

// TestFeedAnew holds that a feed begins anew where it cannot go on: with other fields, or
// when the log does not go back so far.
func TestFeedAnew(t *testing.T) {
	s, directory := newShop(), t.TempDir()
	s.put(1, "new", 1, 2)
	s.goOn(t, directory, 1)
	s.put(1, "sent", 1)
	s.put(1, "sent", 2)
	s.begin[1] = 2
	if got := s.brief(s.goOn(t, directory, 1)); !strings.HasSuffix(got, "\npart-start-000000000006.parquet [ 0=3,1=3] 2-0") {
		t.Error(got)
	}
	s.view.Fields[2].Class = view.Open
	m := s.goOn(t, directory, 1)
	if got := s.brief(m); !strings.HasSuffix(got, "\npart-start-000000000006.parquet [ 0=3,1=3] 2-0") || m.Files[1].Schema == nil || m.Files[2].Schema != nil || len(m.Schema) != 4 {
		t.Errorf("%s\n%+v", got, m)
	}
	s.view.Live = false
	if _, err := s.feed(t, directory, "one").Once(t.Context()); err == nil || !strings.Contains(err.Error(), "live: true") {
		t.Error(err)
	}
}

// TestFeedElsewhere holds that one process writes.
func TestFeedElsewhere(t *testing.T) {
	s, directory := newShop(), t.TempDir()
	s.put(1, "new", 1)
	s.holder = "two"
	if _, err := s.feed(t, directory, "one").Once(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Error(err)
	}
	s.holder = ""
	f := s.feed(t, directory, "one")
	if _, err := f.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.put(1, "sent", 1)
	s.during = func() { s.now, s.fence = s.now.Add(leaseTTL), s.fence+1 } // somebody else had it in between
	if _, err := f.Round(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Error(err)
	}
	s.during = nil
	if m := whole(t, directory); len(m.Files) != 1 {
		t.Errorf("%+v", m)
	}
	if _, err := f.Once(t.Context()); err != nil || s.holder != "" {
		t.Errorf("%v, %q holds the lease", err, s.holder)
	}
	other := s.feed(t, directory, "one")
	other.config.Name = "other"
	if _, err := other.Once(t.Context()); err == nil || fault.Of(err).Code != fault.CodeFeedContent || !strings.Contains(err.Error(), `is of the feed "wh"`) {
		t.Error(err)
	}
}

// TestFeedMany holds that many changed rows are in several files.
func TestFeedMany(t *testing.T) {
	s, directory := newShop(), t.TempDir()
	s.put(1, "new", 1)
	s.goOn(t, directory, 1)
	const batch = 1000
	for n := range maxKeys/batch + 2*entriesAtOnce {
		keys := make([]int64, batch)
		for i := range keys {
			keys[i] = int64(n*batch + i)
		}
		s.put(1, "new", keys...)
	}
	m := s.goOn(t, directory, 2)
	if m.Files[1].Rows < maxKeys || m.Files[1].Rows+m.Files[2].Rows != maxKeys+2*entriesAtOnce*batch || m.Files[1].To != m.Files[2].From {
		t.Error(s.brief(m))
	}
	if _, err := export.ParsePosition(m.Position); err != nil {
		t.Error(err)
	}
}
