package main

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// eventsOf takes the events of a stream as "name data", and closes when it ends.
func eventsOf(res *http.Response) <-chan string {
	out := make(chan string, 100)
	go func() {
		defer close(out)
		name := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
			case "event":
				name = value
			case "data":
				out <- name + " " + value
			}
		}
	}()
	return out
}

// TestStreamReload changes the configuration under streams that are open: a stream ends,
// with the reason, when its view is another one, when the grant is withdrawn and when the
// view is gone. Whoever comes back is told the view as it is then.
func TestStreamReload(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program; run without -short")
	}
	p := startAttacked(t)
	configured, err := os.ReadFile(p.file())
	if err != nil {
		t.Fatal(err)
	}
	declared, err := os.ReadFile(p.dir + "/mappings/views/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	reload := func(file, old, with string, from []byte) {
		t.Helper()
		text := strings.Replace(string(from), old, with, 1)
		if old != "" && text == string(from) {
			t.Fatalf("%q is not in %s", old, file)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(p.pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	listen := func() <-chan string {
		t.Helper()
		for deadline := time.Now().Add(patience); ; { // until the reload is through
			res, err := p.alice(t.Context(), "/api/orders/stream")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { res.Body.Close() })
			if res.StatusCode == 200 {
				return eventsOf(res)
			}
			if time.Now().After(deadline) {
				t.Fatalf("no stream: %d", res.StatusCode)
			}
		}
	}
	next := func(events <-chan string) string {
		t.Helper()
		select {
		case e := <-events:
			return e
		case <-time.After(patience):
			t.Fatal("nothing is told")
		}
		return ""
	}
	n := 0
	store := func() {
		t.Helper()
		n++
		if status, answer := p.send(p.order(t, "RELOAD-"+strings.Repeat("I", n))); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	view := p.dir + "/mappings/views/orders.yaml"
	events := listen()
	store()
	if e := next(events); !strings.HasPrefix(e, "row ") || !strings.Contains(e, `"country"`) {
		t.Fatalf("told %s", e)
	}
	reload(view, "  country: {column: customer.country}\n", "", declared)
	if e := next(events); !strings.HasPrefix(e, "end ") || !strings.Contains(e, "GH-9002") {
		t.Errorf("after the view is another one: %s", e)
	}
	events = listen()
	store()
	if e := next(events); !strings.HasPrefix(e, "row ") || strings.Contains(e, `"country"`) {
		t.Errorf("after a field is gone: %s", e)
	}
	reload(p.file(), "  - {role: erp-sender, may: read, on: view/order*}\n", "", configured)
	if e := next(events); !strings.HasPrefix(e, "end ") || !strings.Contains(e, "GH-2002") {
		t.Errorf("after the grant is withdrawn: %s", e)
	}
	if e, more := <-events; more {
		t.Errorf("and then %s", e)
	}
	reload(p.file(), "", "", configured)
	events = listen()
	text := strings.NewReplacer("  - mappings/views/orders.yaml\n", "", "  - mappings/views/order_months.yaml\n", "").Replace(string(configured))
	head, rest, _ := strings.Cut(text, "  - route: get-order-status") // and with it what asks it
	_, tail, _ := strings.Cut(rest, "  - route: upsert-customer")
	reload(p.file(), "", "", []byte(head+"  - route: upsert-customer"+tail))
	if e := next(events); !strings.HasPrefix(e, "end ") {
		t.Errorf("after the view is gone: %s", e)
	}
}
