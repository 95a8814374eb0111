package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// streamed is one event of a stream.
type streamed struct{ id, name, data string }

// takeEvents reads the events of a stream until it ends, or take wants no more.
func takeEvents(body io.Reader, take func(streamed) bool) {
	var e streamed
	r := bufio.NewReader(body)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return // what was half sent is no event
		}
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if !take(e) {
				return
			}
			e = streamed{}
		}
	}
}

// stream opens a stream behind an event.
func (p *attacked) stream(t *testing.T, query, last string) (*http.Response, <-chan streamed) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/api/orders/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("erp.alice", "erp.alice-secret")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		return res, nil
	}
	events := make(chan streamed, 1000)
	go func() {
		defer close(events)
		takeEvents(res.Body, func(e streamed) bool {
			events <- e
			return true
		})
	}()
	return res, events
}

// TestStreamGap takes `live: true` out and puts it in again, and stores orders in between
// and by a gateway that does not have it: nobody goes on over what was not noted as if
// there was nothing.
func TestStreamGap(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program; run without -short")
	}
	p := startAttacked(t)
	file := p.dir + "/mappings/views/orders.yaml"
	declared, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	deaf := []byte(strings.Replace(string(declared), "live: true\n", "", 1))
	next := func(events <-chan streamed) streamed {
		t.Helper()
		for {
			select {
			case e, more := <-events:
				if !more {
					t.Fatal("the stream has ended without a word")
				}
				if e.name != "" { // not a place alone
					return e
				}
			case <-time.After(patience):
				t.Fatal("nothing is told")
			}
		}
	}
	n := 0
	store := func(p *attacked) {
		t.Helper()
		n++
		if status, answer := p.send(p.order(t, fmt.Sprint("GAP-", n))); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	row := func(e streamed) string {
		t.Helper()
		if e.name != "row" || !strings.Contains(e.data, fmt.Sprintf(`"GAP-%d"`, n)) {
			t.Fatalf("told %+v, and order %d was stored", e, n)
		}
		return e.id
	}
	_, events := p.stream(t, "", "")
	store(p)
	before := row(next(events))

	// Out, and in again.
	reload := func(src []byte, want int) {
		t.Helper()
		if err := os.WriteFile(file, src, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(p.pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			res, _ := p.stream(t, "", "")
			res.Body.Close()
			if res.StatusCode == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("after the reload: %d", res.StatusCode)
			}
		}
	}
	gone := func(last string) {
		t.Helper()
		res, _ := p.stream(t, "", last)
		answer, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusGone || !strings.Contains(string(answer), "GH-7023") {
			t.Errorf("over the gap: %d %s, %v", res.StatusCode, answer, err)
		}
	}
	reload(deaf, http.StatusNotFound)
	if e := next(events); e.name != "end" || !strings.Contains(e.data, "GH-7021") {
		t.Errorf("after live was taken out: %+v", e)
	}
	store(p)
	reload(declared, http.StatusOK)
	gone(before)
	_, events = p.stream(t, "?from=beginning", "")
	store(p)
	behind := row(next(events)) // nothing of what nobody noted, and nothing from before
	gone(before)
	_, again := p.stream(t, "", behind)
	store(p)
	row(next(again))
	row(next(events))

	// Another gateway on the database, which does not have the view as live.
	other := p.beside(t, deaf)
	store(other)
	if e := next(events); e.name != "end" || !strings.Contains(e.data, "GH-7023") {
		t.Errorf("after another gateway stored an order that nobody notes: %+v", e)
	}
	gone(behind)
	_, events = p.stream(t, "", "")
	store(p)
	row(next(events))
}

// beside starts another gateway on the same database, with another view of orders.
func (p *attacked) beside(t *testing.T, orders []byte) *attacked {
	t.Helper()
	text, err := os.ReadFile(p.file())
	if err != nil {
		t.Fatal(err)
	}
	other := &attacked{crashRun: &crashRun{t: t, dir: p.dir, binary: p.binary, lab: &lab{addresses: map[string]string{}}}}
	for _, name := range []string{"gateway", "operations"} {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		other.lab.addresses[name] = address
		text = []byte(strings.ReplaceAll(string(text), p.lab.addresses[name], address))
	}
	other.base = "http://" + other.lab.addresses["gateway"]
	text = []byte(strings.Replace(string(text), "mappings/views/orders.yaml", "mappings/views/other_orders.yaml", 1))
	err = errors.Join(os.WriteFile(p.dir+"/mappings/views/other_orders.yaml", orders, 0o644), os.WriteFile(p.dir+"/other.yaml", text, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(p.binary, "serve", "-c", p.dir+"/other.yaml", "--log-level", "error")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other gateway: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	other.awaitServing(ctx)
	return other
}

// TestSlowListener stops reading until it is cut, and comes back with the id of the last
// event it has read, while orders are stored all the time: it has heard of each order
// once.
func TestSlowListener(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program; run without -short")
	}
	const rounds = 2
	p := startAttacked(t, "streams: {patience: 500ms, heartbeat: 200ms}")
	stop, stored := make(chan struct{}), make(chan int, 1)
	go func() { // as fast as they are taken
		n := 0
		for {
			select {
			case <-stop:
				stored <- n
				return
			default:
			}
			if status, answer := p.send(p.longOrder(t, fmt.Sprint("SLOW-", n))); status != 200 {
				t.Errorf("%d %s", status, answer)
				stored <- n
				return
			}
			n++
		}
	}()
	heard, last := map[string]int{}, ""
	take := func(e streamed) {
		if e.id != "" {
			last = e.id
		}
		if e.name == "row" {
			no, _, _ := strings.Cut(strings.TrimPrefix(e.data, `{"order_no":"`), `"`)
			heard[no]++
		}
	}
	for round := range rounds {
		conn := p.dial(t, last)
		// A few events are taken, then nothing, until the gateway does not wait any more.
		n := 0
		takeEvents(conn, func(e streamed) bool {
			take(e)
			n++
			return n < 5
		})
		for deadline := time.Now().Add(patience); p.cut(t) <= round; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("who takes nothing is not cut")
			}
		}
		t.Logf("cut after %d orders were heard of", len(heard))
		conn.Close()
	}
	close(stop)
	n := <-stored
	t.Logf("%d orders are stored", n)
	res, events := p.stream(t, "?$expand=lines", last)
	if events == nil {
		t.Fatalf("back with the last id: %d", res.StatusCode)
	}
	for len(heard) < n {
		select {
		case e := <-events:
			take(e)
		case <-time.After(patience):
			t.Fatalf("heard of %d orders of %d", len(heard), n)
		}
	}
	for i := range n {
		if no := fmt.Sprint("SLOW-", i); heard[no] != 1 {
			t.Errorf("%s was told %d times", no, heard[no])
		}
	}
}

// dial opens a stream whose listener's side of the connection has little room.
func (p *attacked) dial(t *testing.T, last string) io.ReadCloser {
	t.Helper()
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		}), err)
	}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/api/orders/stream?$expand=lines", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("erp.alice", "erp.alice-secret")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, ReadBufferSize: 4096}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d", res.StatusCode)
	}
	return res.Body
}

// cut is how many streams the gateway has cut.
func (p *attacked) cut(t *testing.T) int {
	t.Helper()
	return p.metric(t, `gatehouse_stream_ends_total{reason="cut",view="orders"}`)
}

// metric is the value of a metric, by its name and labels as they are written; 0 while
// there is none.
func (p *attacked) metric(t *testing.T, name string) (n int) {
	t.Helper()
	res, err := http.Get("http://" + p.lab.addresses["operations"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			if _, err := fmt.Sscan(value, &n); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// longOrder is an order whose event takes room.
func (p *attacked) longOrder(t testing.TB, no string) attack {
	const line = `<o:Line no="1">`
	body := p.order(t, no).body()
	from, to := strings.Index(body, line), strings.Index(body, "</o:Lines>")
	text := strings.Replace(body[from:to], "<o:Sku>BOLT-M8</o:Sku>", "<o:Sku>BOLT-M8</o:Sku><o:Description>"+strings.Repeat("long and narrow ", 6)+"</o:Description>", 1)
	var lines strings.Builder
	for i := range 60 {
		lines.WriteString(strings.Replace(text, line, fmt.Sprintf(`<o:Line no="%d">`, i+1), 1))
	}
	return attack{body: func() string { return body[:from] + lines.String() + body[to:] }}
}
