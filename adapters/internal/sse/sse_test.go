package sse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// board is a source that tells what is put on it. It is safe for concurrent use.
type board struct {
	mu      sync.Mutex
	events  []Event
	changed chan struct{}
	next    error
	check   error
	asked   chan bool
	closed  int
}

func newBoard() *board { return &board{changed: make(chan struct{}), asked: make(chan bool, 100)} }

func (b *board) put(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) tell(n int, data string) {
	b.put(func() {
		for range n {
			b.events = append(b.events, Event{Name: "row", ID: fmt.Sprint(len(b.events) + 1), Data: []byte(data)})
		}
	})
}

func (b *board) Close() { b.put(func() { b.closed++ }) }

// reader is one stream of the board.
type reader struct {
	*board
	at int
}

func (r *reader) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *reader) Next(context.Context) ([]Event, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		return nil, false, r.next
	}
	first := min(r.at, len(r.events))
	out := r.events[first:min(len(r.events), first+10)]
	r.at += len(out)
	return out, len(out) > 0, nil
}

func (r *reader) ID() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.at), nil
}

func (r *reader) Check(_ context.Context, ask bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked <- ask
	return r.check
}

// hall is a server of streams of one board.
type hall struct {
	*httptest.Server
	*board
	door *Door
	t    *testing.T
	ends chan string
}

func newHall(t *testing.T, c Config, h2 bool) *hall {
	h := &hall{board: newBoard(), door: NewDoor(c), t: t, ends: make(chan string, 5000)}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open := func(context.Context) (Source, error) {
			at := 0
			if _, err := fmt.Sscan(LastID(r), &at); err != nil && LastID(r) != "" {
				return nil, fault.New(fault.CodeStreamID, "")
			}
			return &reader{h.board, at}, nil
		}
		if err := h.door.Serve(w, r, r.Header.Get("User"), open, Watch{Closed: func(reason string) { h.ends <- reason }}); err != nil {
			http.Error(w, string(fault.Of(err).Code), 400)
		}
	}))
	// The limits that a server has for requests that are answered at once.
	h.Config.ReadTimeout, h.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	if h2 {
		h.EnableHTTP2 = true
		h.StartTLS()
	} else {
		h.Start()
	}
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Server.Close()
	})
	return h
}

// listener reads a stream.
type listener struct {
	*bufio.Scanner
	*http.Response
	t    *testing.T
	last string
}

func (h *hall) listen(last string) *listener {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", h.URL, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	answer, err := h.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { answer.Body.Close() })
	return &listener{bufio.NewScanner(answer.Body), answer, h.t, ""}
}

// event reads the next event, as its name and data; at the end of the stream it is
// empty.
func (l *listener) event() string {
	var name, data string
	for l.Scan() {
		line := l.Text()
		switch field, value, _ := strings.Cut(line, ": "); {
		case line == "" && data != "":
			return name + " " + data
		case line == "":
		case field == "id":
			l.last = value
		case field == "event":
			name = value
		case field == "data":
			data = value
		}
	}
	return ""
}

// TestServe: over both versions of HTTP a listener gets what is told at once, longer
// than a server's limits of time, and goes on behind the last event that he had.
func TestServe(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprint("h2=", h2), func(t *testing.T) {
			h := newHall(t, Config{Heartbeat: 100 * time.Millisecond}, h2)
			l := h.listen("")
			if (l.ProtoMajor == 2) != h2 || l.StatusCode != 200 || l.Header.Get("Content-Type") != MediaType || l.Header.Get("X-Accel-Buffering") != "no" || l.Header.Get("Content-Encoding") != "" {
				t.Fatalf("HTTP/%d %d %v", l.ProtoMajor, l.StatusCode, l.Header)
			}
			for beats := 0; beats < 6 && l.Scan(); { // twice as long as the server's limits
				if l.Text() == ":" {
					beats++
				}
			}
			h.tell(25, "{}")
			for i := range 25 {
				if got := l.event(); got != "row {}" || l.last != fmt.Sprint(i+1) {
					t.Fatalf("event %d is %q, id %q", i, got, l.last)
				}
			}
			again := h.listen("23")
			if first := again.event(); first != "row {}" || again.last != "24" {
				t.Errorf("behind 23 comes %q, %s", first, again.last)
			}
			l.Body.Close()
			if reason := <-h.ends; reason != Left {
				t.Errorf("ended for %q", reason)
			}
		})
	}
}

// TestHeartbeatMovesOn: while nothing is told the place goes on with the heartbeat.
func TestHeartbeatMovesOn(t *testing.T) {
	h := newHall(t, Config{Heartbeat: 10 * time.Millisecond}, false)
	l := h.listen("7") // of a board that has nothing
	for l.Scan() {
		if l.Text() == "id: 7" {
			return
		}
	}
	t.Error("the place is not told")
}

// TestEnds: why a stream ends is told.
func TestEnds(t *testing.T) {
	h := newHall(t, Config{Recheck: 20 * time.Millisecond}, false)
	l := h.listen("")
	if !<-h.asked {
		t.Error("the directory is not asked")
	}
	h.put(func() { h.check = fault.New(fault.CodeForbidden, "not any more") })
	if got := l.event(); !strings.HasPrefix(got, `end {"code":"`+string(fault.CodeForbidden)) || l.event() != "" {
		t.Errorf("who may not hear more is told %q", got)
	}

	h = newHall(t, Config{}, false)
	l = h.listen("")
	h.door.Reloaded()
	if <-h.asked {
		t.Error("a reload asks the directory")
	}
	h.put(func() { h.next = fault.New(fault.CodeStreamGone, "") })
	if got := l.event(); !strings.HasPrefix(got, `end {"code":"`+string(fault.CodeStreamGone)) {
		t.Errorf("what is not kept is told as %q", got)
	}

	h = newHall(t, Config{}, false)
	l = h.listen("")
	drained := make(chan struct{})
	go func() {
		h.door.Drain(t.Context())
		close(drained)
	}()
	if got := l.event(); !strings.HasPrefix(got, `closing {"code":"`+string(fault.CodeDraining)) {
		t.Errorf("a drain is told as %q", got)
	}
	<-drained
	if late := h.listen(""); late.StatusCode != 400 {
		t.Errorf("a stream begins while the gateway drains: %d", late.StatusCode)
	}
}

// TestUnavailable: what cannot be read is no end.
func TestUnavailable(t *testing.T) {
	h := newHall(t, Config{}, false)
	h.next = fault.New(fault.CodeStoreUnavailable, "")
	l := h.listen("")
	h.put(func() { h.next = nil })
	h.tell(1, "{}")
	if got := l.event(); got != "row {}" {
		t.Errorf("told %q", got)
	}
}

// TestSlow: a listener who takes nothing is cut, and holds up nobody.
func TestSlow(t *testing.T) {
	h := newHall(t, Config{Patience: 3 * time.Second}, false)
	slow, err := net.Dial("tcp", h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	io.WriteString(slow, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	l := h.listen("")
	go h.tell(2000, strings.Repeat("x", 20_000)) // more than the sockets take
	for range 2000 {
		if got := l.event(); !strings.HasPrefix(got, "row ") {
			t.Fatalf("the other one got %q", got[:min(20, len(got))])
		}
	}
	if reason := <-h.ends; reason != Cut {
		t.Errorf("ended for %q", reason)
	}
}

// TestLimits: nobody has more streams than he may, and a place that is free is given.
func TestLimits(t *testing.T) {
	h := newHall(t, Config{PerPrincipal: 2, PerProcess: 3}, false)
	get := func(user string) (int, func()) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User", user)
		answer, err := h.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, func() { answer.Body.Close() }
	}
	_, leave := get("a")
	for _, tt := range []struct {
		user string
		want int
	}{{"a", 200}, {"a", 400}, {"b", 200}, {"c", 400}} {
		if status, _ := get(tt.user); status != tt.want {
			t.Errorf("%s: %d, want %d", tt.user, status, tt.want)
		}
	}
	leave()
	<-h.ends
	if status, _ := get("c"); status != 200 {
		t.Errorf("a free place is not given: %d", status)
	}
}

// TestThousandIdle: a thousand streams over HTTP that nothing is told cost less than
// 64 MB of the server, with the stacks of their goroutines. The clients are of this
// process too, so that it is their sockets alone that are held open here.
func TestThousandIdle(t *testing.T) {
	const n = 1000
	h := newHall(t, Config{PerPrincipal: n}, false)
	memory := func() (uint64, int) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()
	}
	before, goroutines := memory()
	for range n {
		c, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		head := make([]byte, 64)
		if _, err := io.ReadFull(c, head); err != nil || !strings.HasPrefix(string(head), "HTTP/1.1 200") {
			t.Fatalf("%q, %v", head, err)
		}
	}
	after, running := memory()
	t.Logf("%d bytes and %.1f goroutines for each stream", (after-before)/n, float64(running-goroutines)/n)
	if after-before > 64<<20 {
		t.Errorf("%d streams take %d bytes", n, after-before)
	}
	if running-goroutines > 2*n+10 {
		t.Errorf("%d streams take %d goroutines", n, running-goroutines)
	}
}
