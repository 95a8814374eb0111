package live

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// TestStream: what is committed is told in its order, as it is then; what is written
// several times may be told once.
func TestStream(t *testing.T) {
	w := newWorld(1)
	w.commit(1, 1, "OLD")
	s := follow(t, w)
	l := listen(t, s, Request{})
	w.commit(1, 2, "NEW", 3, "NEW")
	l.hears("row 2 NEW", "row 3 NEW")
	w.other(1)
	w.commit(1, 1, "")
	w.commit(1, 3, "DONE")
	l.hears("gone 1", "row 3 DONE")

	everything := listen(t, s, Request{Beginning: true})
	everything.hears("row 2 NEW", "gone 1", "row 3 DONE")
}

// TestResume: whoever comes back hears what came behind the last event that he had,
// wherever that was in a transaction, and nothing again.
func TestResume(t *testing.T) {
	w := newWorld(1, 2)
	s := follow(t, w)
	start := listen(t, s, Request{}).last
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		var rows []any
		for k := range 1 + random.IntN(4) {
			rows = append(rows, 10*i+k, "S")
		}
		w.commit(1+random.IntN(2), rows...)
	}
	whole := listen(t, s, Request{Last: start})
	ids, all := []string{start}, []string(nil)
	for len(all) < len(w.rows) {
		for _, e := range whole.take() {
			all, ids = append(all, told(e)), append(ids, e.ID)
		}
	}
	for i := range ids[:len(ids)-1] {
		// Chains have no order among each other: what is behind an id is the same set.
		l := listen(t, s, Request{Last: ids[i]})
		want := map[string]bool{}
		for _, a := range all[i:] {
			want[a] = true
		}
		for len(want) > 0 {
			for _, e := range l.take() {
				if !want[told(e)] {
					t.Fatalf("behind event %d: %q once more, or never there", i, told(e))
				}
				delete(want, told(e))
			}
		}
		l.Close()
	}
}

// TestSight: whoever sees some rows hears of those, and of one that leaves his sight
// when the stream has shown it; of the others he hears nothing.
func TestSight(t *testing.T) {
	w := newWorld(1)
	s := follow(t, w)
	some := listen(t, s, Request{Who: seer("MINE")})
	open := listen(t, s, Request{Query: &view.Query{Where: status("OPEN")}})
	w.commit(1, 1, "MINE", 2, "OPEN", 3, "HERS", 9, "MINE")
	some.hears("row 1 MINE", "row 9 MINE")
	open.hears("gone 1", "row 2 OPEN", "gone 3", "gone 9")
	w.commit(1, 1, "HERS", 2, "", 3, "", 8, "MINE")
	some.hears("gone 1", "row 8 MINE")
	open.hears("gone 1", "gone 2", "gone 3", "gone 8")
}

// TestRefusedStreams: what cannot be had is told by codes of its own.
func TestRefusedStreams(t *testing.T) {
	w := newWorld(1)
	for i := range 5 {
		w.commit(1, i, "S")
	}
	s := follow(t, w)
	first := listen(t, s, Request{Beginning: true})
	first.hears("row 0 S", "row 1 S", "row 2 S", "row 3 S", "row 4 S")
	id := first.last
	open := func(r Request) fault.Code {
		if r.Query == nil {
			r.Query = &view.Query{}
		}
		r.Search = w
		st, err := s.Open(t.Context(), r)
		if err != nil {
			return fault.Of(err).Code
		}
		st.Close()
		return ""
	}
	again := Request{View: "orders", Principal: "cn=me", Who: seer(""), Last: id}
	for _, tt := range []struct {
		name string
		r    Request
		want fault.Code
	}{
		{"not granted", Request{View: "orders", Who: seer("nobody")}, fault.CodeForbidden},
		{"not granted, and not there", Request{View: "other", Who: seer("")}, fault.CodeForbidden},
		{"an order", Request{View: "orders", Who: seer(""), Query: &view.Query{Order: []view.Order{{Field: 0}}}}, fault.CodeQuery},
		{"an id made up", Request{View: "orders", Who: seer(""), Last: "AQAAAAc"}, fault.CodeStreamID},
		{"another's id", Request{View: "orders", Who: seer(""), Last: id, Principal: "cn=you"}, fault.CodeStreamID},
		{"one's own", again, ""},
	} {
		if got := open(tt.r); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	w.commit(1, 7, "S")
	w.mu.Lock()
	w.begin[1] = 6
	w.mu.Unlock()
	if got := open(again); got != fault.CodeStreamGone {
		t.Errorf("an id from too long ago: %q", got)
	}
	w.mu.Lock()
	w.begin[1], w.entries[1] = 0, w.entries[1][:2]
	w.mu.Unlock()
	if got := open(again); got != fault.CodeStreamGone {
		t.Errorf("an id of a log that was set back: %q", got)
	}
}

// TestUnnoted: what was written by a gateway that does not note the view's rows is a
// gap, which ends a stream and over which none goes on.
func TestUnnoted(t *testing.T) {
	w := newWorld(1, 2)
	s := follow(t, w)
	l := listen(t, s, Request{})
	w.commit(1, 1, "S")
	l.hears("row 1 S")
	before := l.last
	w.deaf(2)
	for changed := l.Changed(); ; changed = l.Changed() {
		_, moved, err := l.Next(t.Context())
		if err != nil {
			if got := fault.Of(err).Code; got != fault.CodeStreamGone {
				t.Fatalf("the stream ends with %s", got)
			}
			break
		}
		if !moved {
			<-changed
		}
	}
	open := func(r Request) (*Stream, error) {
		r.View, r.Principal, r.Who, r.Search, r.Query = "orders", "cn=me", seer(""), w, &view.Query{}
		return s.Open(t.Context(), r)
	}
	w.commit(2, 2, "S")
	if _, err := open(Request{Last: before}); fault.Of(err).Code != fault.CodeStreamGone || !strings.Contains(err.Error(), "as live") {
		t.Errorf("over the gap: %v", err)
	}
	listen(t, s, Request{Beginning: true}).hears("row 1 S", "row 2 S") // of the other chain all is noted
	behind := listen(t, s, Request{})
	w.commit(2, 3, "S")
	listen(t, s, Request{Last: behind.last}).hears("row 3 S")
}

// TestPermit: a stream shows what its listener may see now, and ends when that is
// nothing.
func TestPermit(t *testing.T) {
	w := newWorld(1)
	s := follow(t, w)
	l := listen(t, s, Request{})
	w.commit(1, 1, "MINE")
	l.hears("row 1 MINE")
	if err := l.Permit(t.Context(), seer("MINE"), w); err != nil {
		t.Fatal(err)
	}
	w.commit(1, 2, "HERS", 3, "MINE")
	l.hears("row 3 MINE")
	if err := l.Permit(t.Context(), seer("nobody"), w); fault.Of(err).Code != fault.CodeForbidden {
		t.Errorf("nobody may go on: %v", err)
	}
}

// TestManyShareReads: however many listen alike, the log is read once and each row
// once; while nobody listens, nothing is read.
func TestManyShareReads(t *testing.T) {
	w := newWorld(1)
	s := follow(t, w)
	var all []*listener
	for range 50 {
		all = append(all, listen(t, s, Request{}))
	}
	w.commit(1, 0, "S")
	for _, l := range all { // whoever begins before the hub follows reads for himself
		l.hears("row 0 S")
	}
	w.mu.Lock()
	w.reads, w.asked = 0, 0
	w.mu.Unlock()
	for i := range 20 {
		w.commit(1, i, "S")
		for _, l := range all {
			l.hears(fmt.Sprintf("row %d S", i))
		}
	}
	w.mu.Lock()
	if w.reads > 20 || w.asked > 20 {
		t.Errorf("20 changes took %d reads of the log and %d of rows", w.reads, w.asked)
	}
	w.mu.Unlock()
	for _, l := range all {
		l.Close()
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.hub.chains != nil || len(s.hub.topics) != 0 {
		t.Error("the hub follows though nobody listens")
	}
}

// TestIdleStreams: a thousand streams that nothing is told cost little, and no
// goroutine.
func TestIdleStreams(t *testing.T) {
	w := newWorld(1, 2, 3, 4)
	s := follow(t, w)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	all := make([]*listener, 1000)
	for i := range all {
		all[i] = listen(t, s, Request{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / 1000; each > 8<<10 {
		t.Errorf("a stream takes %d bytes", each)
	} else {
		t.Logf("a stream takes %d bytes", each)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, after %d", n, goroutines)
	}
	runtime.KeepAlive(all)
}
