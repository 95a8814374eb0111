package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLiveCrash kills the gateway between the steps of a commit while somebody listens
// to the stream of orders, who comes back with the id of the last event each time: of
// every order that is stored he has heard, and no event came twice.
func TestLiveCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range []string{"commit-written", "commit-chained", "live-noted", "commit-sealed", "commit-done"} {
		for _, count := range []string{":1", ":2", ":3"} {
			t.Run(point+count, func(t *testing.T) {
				t.Parallel()
				run := newCrashRun(t, binary)
				ctx, stop := context.WithCancel(t.Context())
				l := &crashListener{heard: map[string]bool{}, ids: map[string]bool{}, twice: map[string]bool{}}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for ctx.Err() == nil {
						l.listen(ctx, run.base)
					}
				}()
				// Whoever listens without an id begins now, so he is let in before the orders.
				supervised, kill := context.WithCancel(ctx)
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					run.supervise(supervised, "nowhere")
				}()
				l.await(t, func() bool { return l.last != "" })
				kill()
				<-gone
				run.play(point + count)
				// What was stored last may not have been told by the gateway that has ended.
				last, end := context.WithCancel(ctx)
				over := make(chan struct{})
				go func() {
					defer close(over)
					run.supervise(last, "nowhere")
				}()
				l.await(t, func() bool { return len(l.heard) >= crashMessages })
				stop()
				<-ended
				end()
				<-over
				l.check(t)
			})
		}
	}
}

// crashListener takes the events of streams, one after the other.
type crashListener struct {
	mu         sync.Mutex
	last       string
	heard      map[string]bool // orders
	ids, twice map[string]bool // of events
}

// listen takes one stream until it ends.
func (l *crashListener) listen(ctx context.Context, base string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/orders/stream?$select=order_no", nil)
	if err != nil {
		panic(err) // the address is the test's own
	}
	r.SetBasicAuth("erp.alice", "erp.alice-secret")
	if l.last != "" {
		r.Header.Set("Last-Event-ID", l.last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		select { // there is nobody there yet
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		return
	}
	defer answer.Body.Close()
	id, data, name := "", "", ""
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			l.take(id, name, data)
			data, name = "", ""
		}
	}
}

func (l *crashListener) take(id, name, data string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = id
	if name != "row" {
		return
	}
	var row struct {
		No string `json:"order_no"`
	}
	if err := json.Unmarshal([]byte(data), &row); err != nil {
		row.No = err.Error()
	}
	if l.ids[id] {
		l.twice[id] = true
	}
	l.ids[id], l.heard[row.No] = true, true
}

// await waits until something is so.
func (l *crashListener) await(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		l.mu.Lock()
		ok := so()
		l.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("heard of %d orders, at %q", len(l.heard), l.last)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (l *crashListener) check(t *testing.T) {
	t.Helper()
	for i := range crashMessages {
		if !l.heard[crashOrder(i)] {
			t.Errorf("%s was not told", crashOrder(i))
		}
	}
	if len(l.twice) > 0 {
		t.Errorf("%d events came twice", len(l.twice))
	}
	if others := len(l.heard) - crashMessages; others != 0 {
		t.Errorf("%d other orders were told", others)
	}
}
