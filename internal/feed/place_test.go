package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// shelf is a place as object stores are one: puts, conditions, no renaming. What it is
// asked goes through before, which may do anything in between, and say how it ends.
type shelf struct {
	files  map[string][]byte
	before func(call string) outcome
}

// outcome is what becomes of a call.
type outcome int

const (
	works outcome = iota
	fails         // nothing is done, and the answer is an error
	lost          // it is done, and the answer is an error; what is read is of some time ago
)

var errCut = fault.New(fault.CodeFeedUnavailable, "cut")

func newShelf() *shelf { return &shelf{files: map[string][]byte{}} }

func (s *shelf) ask(call string) outcome {
	if s.before == nil {
		return works
	}
	return s.before(call)
}

func (s *shelf) String() string { return "shelf" }

func (s *shelf) Prepare(context.Context) error {
	if s.ask("prepare") == fails {
		return errCut
	}
	return nil
}

func (s *shelf) Read(_ context.Context, name string, _ int64) ([]byte, string, error) {
	content, there := s.files[name]
	how := s.ask("read")
	if how == fails {
		return nil, "", errCut
	}
	if how == works { // else the answer is of some time ago
		content, there = s.files[name]
	}
	if !there {
		return nil, "", fs.ErrNotExist
	}
	return content, versionOf(content), nil
}

func (s *shelf) Replace(_ context.Context, name string, content []byte, version string) (string, error) {
	how := s.ask("replace")
	there := ""
	if content, ok := s.files[name]; ok {
		there = versionOf(content)
	}
	if how == fails {
		return "", errCut
	}
	if there != version {
		return "", ErrReplaced
	}
	s.files[name] = slices.Clone(content)
	if how == lost {
		return "", errCut
	}
	return versionOf(content), nil
}

func (s *shelf) Draft(context.Context, string) (Draft, error) {
	if s.ask("draft") == fails {
		return nil, errCut
	}
	return &shelved{shelf: s}, nil
}

func (s *shelf) Names(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names := slices.Sorted(maps.Keys(s.files))
		switch s.ask("names") {
		case fails:
			yield("", errCut)
			return
		case works: // else the answer is of some time ago
			names = slices.Sorted(maps.Keys(s.files))
		}
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

func (s *shelf) Remove(_ context.Context, name string) error {
	how := s.ask("remove")
	if how == fails {
		return errCut
	}
	delete(s.files, name)
	if how == lost {
		return errCut
	}
	return nil
}

type shelved struct {
	bytes.Buffer
	shelf *shelf
}

func (d *shelved) Keep(_ context.Context, name string) error {
	how := d.shelf.ask("keep")
	if how == fails {
		return errCut
	}
	if _, there := d.shelf.files[name]; there {
		return fmt.Errorf("the name %s is used twice", name)
	}
	d.shelf.files[name] = slices.Clone(d.Bytes())
	if how == lost {
		return errCut
	}
	return nil
}

func (d *shelved) Discard() error { return nil }

// sound says what is wrong with a feed: what its manifest lists is there, whole, and each
// stretch of the log is in it once. With alone, nothing else is there.
func sound(files map[string][]byte, m *Manifest, alone bool) error {
	position, listed := "", map[string]bool{ManifestName: true}
	for i, f := range m.Files {
		content, there := files[f.Name]
		sum := sha256.Sum256(content)
		if !there || hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(content)) != f.Bytes {
			return fmt.Errorf("%s is listed, and there: %v", f.Name, there)
		}
		if listed[f.Name] || f.Snapshot != (i == 0) || i > 0 && f.From != position && !gap(m, i) {
			return fmt.Errorf("file %d, %s, is of %q to %q behind %q", i, f.Name, f.From, f.To, position)
		}
		position, listed[f.Name] = f.To, true
	}
	for name := range files {
		if alone && !listed[name] {
			return fmt.Errorf("%s is there and not listed", name)
		}
	}
	return nil
}

// gap reports whether what lies between two files changed nothing of the view: then the
// manifest alone went on.
func gap(m *Manifest, i int) bool {
	before, _ := export.ParsePosition(m.Files[i-1].To)
	from, _ := export.ParsePosition(m.Files[i].From)
	for chain, seq := range before {
		if from[chain] < seq {
			return false
		}
	}
	return true
}

// rowsAt are the rows that whoever loads the feed has in the end.
func rowsIn(s *shop, m *Manifest) int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Rows
	}
	return n
}

// stage runs two processes that write one feed, a step of one or the other at a time.
type stage struct {
	t      *testing.T
	r      *rand.Rand
	shop   *shop
	files  map[string][]byte
	events chan string            // who has come to its next call, or to the end of its round
	resume map[string]chan string // what a process waits for that is in the middle of a call
	calls  map[string]string      // which call that is
	passed map[string]int         // how often the other one made a step during a call
	feeds  map[string]*Feed
	// trouble is how likely a call fails, or its answer is lost.
	trouble float64
}

func newStage(t *testing.T, seed uint64) *stage {
	s := &stage{t: t, r: rand.New(rand.NewPCG(7, seed)), shop: newShop(), files: map[string][]byte{}, events: make(chan string),
		resume: map[string]chan string{}, calls: map[string]string{}, passed: map[string]int{}, feeds: map[string]*Feed{}}
	s.shop.put(1, "new", 1, 2, 3)
	for _, owner := range []string{"one", "two"} {
		s.feeds[owner] = s.process(owner)
	}
	return s
}

// process is a process that has just been started.
func (s *stage) process(owner string) *Feed {
	place := &shelf{files: s.files}
	place.before = func(call string) outcome {
		resume := make(chan string)
		s.resume[owner], s.calls[owner] = resume, call
		s.events <- owner
		if <-resume == "die" {
			runtime.Goexit()
		}
		if s.r.Float64() < s.trouble {
			return outcome(1 + s.r.IntN(2))
		}
		return works
	}
	f := s.shop.feedAt(s.t, place, owner)
	f.log = slog.New(slog.DiscardHandler)
	return f
}

// step has a process go to its next call.
func (s *stage) step(owner string) {
	resume, within := s.resume[owner]
	for other, call := range s.calls {
		if other != owner && s.resume[other] != nil {
			s.passed[call]++
		}
	}
	switch {
	case !within:
		f := s.feeds[owner]
		go func() {
			defer func() { s.events <- "end " + owner }()
			_, _ = f.Round(s.t.Context()) // what it says is for its log
		}()
	case s.trouble > 0 && s.r.IntN(50) == 0:
		s.feeds[owner] = s.process(owner)
		resume <- "die"
	default:
		resume <- "go"
	}
	who := <-s.events
	if who == "end "+owner {
		delete(s.resume, owner)
	}
}

// TestTwoWriters has two processes write one feed of a bucket, a step of one or the other
// at a time. Each loses its lease anywhere, and notices only when it asks; calls fail,
// answers are lost, processes are killed. At no time does the manifest list what is not
// there, and in the end nothing else is.
func TestTwoWriters(t *testing.T) {
	passed := map[string]int{}
	for seed := range uint64(200) {
		s := newStage(t, seed)
		s.passed, s.trouble = passed, 0.04
		owner := "one"
		for range 150 {
			if s.r.IntN(4) == 0 {
				s.shop.put(1+s.r.IntN(2), "paid", int64(s.r.IntN(5)))
			}
			if s.r.IntN(4) == 0 {
				s.shop.holder = "" // a lease has run out
			}
			if s.r.IntN(5) == 0 { // often enough the other one comes far
				owner = map[string]string{"one": "two", "two": "one"}[owner]
			}
			s.step(owner)
			if err := soundNow(s.files, false); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for _, owner := range []string{"one", "two"} {
			for s.resume[owner] != nil {
				s.step(owner)
			}
		}
		s.shop.holder = ""
		s.shop.put(1, "done", 1)
		last := s.shop.feedAt(t, &shelf{files: s.files}, "three")
		last.log = slog.New(slog.DiscardHandler)
		if _, err := last.Once(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := soundNow(s.files, true); err != nil {
			t.Fatalf("seed %d: in the end: %v", seed, err)
		}
		if m, _, _ := readManifest(t.Context(), &shelf{files: s.files}); m.Position != head(s.shop) {
			t.Fatalf("seed %d: %+v, and the log is at %s", seed, m, head(s.shop))
		}
	}
	for _, call := range []string{"prepare", "read", "draft", "keep", "replace", "names", "remove"} {
		if passed[call] < 10 {
			t.Errorf("nobody overtook %s: %v", call, passed)
		}
	}
}

// until has a process go on to the next time that it makes a call, or to the end of its
// round.
func (s *stage) until(owner, call string) {
	s.t.Helper()
	for n := 0; n < 100; n++ {
		s.step(owner)
		if s.resume[owner] == nil || s.calls[owner] == call {
			return
		}
	}
	s.t.Fatalf("%s never comes to %q", owner, call)
}

// TestLateWriter holds that a writer whose lease another has by now does no harm when it
// goes on without having noticed.
func TestLateWriter(t *testing.T) {
	t.Run("removing", func(t *testing.T) { // what the other has brought and not listed yet
		s := newStage(t, 1)
		s.until("one", "names")
		s.shop.put(1, "sent", 2)
		s.shop.holder = ""
		s.until("two", "replace")
		s.until("one", "draft")
		s.until("two", "")
		s.until("one", "")
		if err := soundNow(s.files, false); err != nil || s.listed() != 2 {
			t.Errorf("%v, %d files", err, s.listed())
		}
	})
	t.Run("listing", func(t *testing.T) { // what the other has removed
		s := newStage(t, 1)
		s.until("one", "read")
		s.shop.holder = ""
		s.until("two", "names")
		s.shop.put(1, "sent", 2)
		s.until("one", "replace")
		s.until("two", "draft")
		s.until("one", "")
		if err := soundNow(s.files, true); err != nil || s.listed() != 1 {
			t.Errorf("%v, %d files", err, s.listed())
		}
		s.until("two", "")
		if err := soundNow(s.files, true); err != nil || s.listed() != 2 {
			t.Errorf("%v, %d files", err, s.listed())
		}
	})
	t.Run("replacing", func(t *testing.T) { // the manifest that the other has replaced
		s := newStage(t, 1)
		s.until("one", "replace")
		s.shop.holder = ""
		s.until("two", "")
		s.until("one", "")
		if err := soundNow(s.files, false); err != nil || s.listed() != 1 {
			t.Errorf("%v, %d files", err, s.listed())
		}
	})
}

// listed is how many files are listed.
func (s *stage) listed() int {
	s.t.Helper()
	m, _, err := readManifest(s.t.Context(), &shelf{files: s.files})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(m.Files)
}

func soundNow(files map[string][]byte, alone bool) error {
	m, _, err := readManifest(context.Background(), &shelf{files: files})
	if err != nil || m == nil {
		return err
	}
	return sound(files, m, alone)
}

func head(s *shop) string {
	p := map[int]int64{0: 3}
	for chain, entries := range s.log {
		p[chain] = int64(len(entries))
	}
	return export.PositionText(p)
}

// TestLostAnswer holds that a manifest whose replacing was not confirmed is found again,
// and nothing is written twice.
func TestLostAnswer(t *testing.T) {
	s, place := newShop(), newShelf()
	s.put(1, "new", 1, 2)
	place.before = func(call string) outcome {
		if call == "replace" {
			return lost
		}
		return works
	}
	if n, err := s.feedAt(t, place, "one").Once(t.Context()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	m, _, err := readManifest(t.Context(), place)
	if err != nil || len(m.Files) != 1 || rowsIn(s, m) != 2 || m.Writer != 1 || fenceOf(m.Files[0].Name) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := sound(place.files, m, true); err != nil {
		t.Error(err)
	}
}

// TestContested holds that whoever writes a feed without its lease is told of, and not
// overwritten.
func TestContested(t *testing.T) {
	s, place := newShop(), newShelf()
	s.put(1, "new", 1)
	f := s.feedAt(t, place, "one")
	if _, err := f.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	theirs := bytes.Replace(place.files[ManifestName], []byte(`"writer": 1`), []byte(`"writer": 9`), 1)
	place.before = func(call string) outcome {
		if call == "replace" {
			place.files[ManifestName] = theirs
		}
		return works
	}
	s.put(1, "sent", 1)
	for _, want := range []string{"somebody without the lease", "written by holder 9"} {
		_, err := f.Round(t.Context())
		if fault.Of(err).Code != fault.CodeFeedContent || !strings.Contains(err.Error(), want) || !ofPlace(err) {
			t.Error(err)
		}
	}
	if !bytes.Equal(place.files[ManifestName], theirs) {
		t.Error("it was overwritten")
	}
	place.files[ManifestName] = []byte("{")
	if _, err := f.Round(t.Context()); fault.Of(err).Code != fault.CodeFeedContent {
		t.Error(err)
	}
}

// TestOutage holds that an outage has a line where it begins and one where it ends, is
// tried again ever more seldom, is counted, and leaves the lease to others.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, place := newShop(), newShelf()
		s.put(1, "new", 1)
		tries, out := 0, true
		place.before = func(call string) outcome {
			if call == "prepare" && out {
				tries++
				return fails
			}
			return works
		}
		var lines bytes.Buffer
		f := s.feedAt(t, place, "one")
		f.log = slog.New(slog.NewTextHandler(&lines, nil))
		registry := prometheus.NewRegistry()
		f.metrics = NewMetrics(registry)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if st := f.State(); st.Up || st.Code != fault.CodeFeedUnavailable || s.holder != "" {
			t.Errorf("%+v, %q holds the lease", st, s.holder)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tries < 12 || tries > 18 { // 1, 2, 4, … 32 s, and then each minute
			t.Errorf("%d tries in ten minutes", tries)
		}
		out = false
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := f.State(); !st.Up || len(place.files) != 2 {
			t.Errorf("%+v, %d files", st, len(place.files))
		}
		cancel()
		<-done
		if got := lines.String(); strings.Count(got, "level=WARN") != 1 || strings.Count(got, "feed gone on with again") != 1 || !strings.Contains(got, "code=GH-7041") {
			t.Error(got)
		}
		for name, want := range map[string]float64{"gatehouse_feed_up": 1, "gatehouse_feed_files_total": 1, "gatehouse_feed_rows_total": 1, "gatehouse_feed_failures_total": float64(tries)} {
			if got := gathered(t, registry, name); got != want {
				t.Errorf("%s %v, want %v", name, got, want)
			}
		}
		if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
	})
}

func gathered(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue() + f.Metric[0].GetCounter().GetValue()
		}
	}
	t.Errorf("there is no %s", name)
	return 0
}

func TestPause(t *testing.T) {
	for _, c := range []struct {
		tries       int
		every, want time.Duration
	}{{1, time.Hour, time.Second}, {3, time.Hour, 4 * time.Second}, {99, time.Hour, longestPause}, {1, time.Millisecond, time.Second}, {9, time.Minute, time.Minute}} {
		if got := pause(c.tries, c.every); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestDirectory holds what is particular to a directory.
func TestDirectory(t *testing.T) {
	d := NewDirectory(filepath.Join(t.TempDir(), "a", "b"))
	if _, _, err := d.Read(t.Context(), "x", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := d.Draft(t.Context(), "x"); err == nil {
		t.Error("a draft where nothing is")
	}
	if err := d.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, err := d.Replace(t.Context(), "x", []byte("one"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Replace(t.Context(), "x", []byte("two"), ""); !errors.Is(err, ErrReplaced) {
		t.Error(err)
	}
	if _, err := d.Replace(t.Context(), "x", []byte("two"), one); err != nil {
		t.Error(err)
	}
	if _, err := d.Replace(t.Context(), "x", []byte("three"), one); !errors.Is(err, ErrReplaced) {
		t.Error(err)
	}
	if _, _, err := d.Read(t.Context(), "x", 2); fault.Of(err).Code != fault.CodeFeedContent {
		t.Error(err)
	}
	if err := d.Remove(t.Context(), "y"); err != nil {
		t.Error(err)
	}
	for name, err := range d.Names(t.Context()) {
		if name != "x" || err != nil {
			t.Error(name, err)
		}
	}
	if err := NewDirectory("/dev/null/x").Prepare(t.Context()); fault.Of(err).Code != fault.CodeFeedUnavailable {
		t.Error(err)
	}
}

// TestLeft holds which names are taken for leftovers.
func TestLeft(t *testing.T) {
	listed := map[string]bool{"part-listed.parquet": true}
	for name, want := range map[string]bool{
		"part-listed.parquet": false, "part-start-000000000004.parquet": true, ".part-w5-0011aaff-1.writing": true, ".part-w6-0011aaff-1.writing": false,
		"part-000000000001-000000000002-w5-0011aaff.parquet": true, "part-000000000001-000000000002-w6-0011aaff.parquet": false,
		"manifest.json": false, "other.parquet": false, "part-x/y.txt": false, "": false,
	} {
		if got := left(name, listed, 5); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
