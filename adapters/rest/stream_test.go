package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/adapters/internal/sse"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/live"
)

// logbook is a log of one chain. It is safe for concurrent use.
type logbook struct {
	mu      sync.Mutex
	entries []gateway.ChangeEntry
	begin   int64
}

// write notes rows under the next entry.
func (l *logbook) write(subject string, rows ...int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := gateway.ChangeEntry{Chain: 1, Seq: int64(len(l.entries) + 1), At: time.Now()}
	for _, no := range rows {
		e.Changes = append(e.Changes, gateway.WrittenRow{Subject: subject, Key: strconv.Itoa(no)})
	}
	l.entries = append(l.entries, e)
}

func (l *logbook) ChangeHeads(context.Context) (map[int]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[int]int64{1: int64(len(l.entries))}, nil
}

func (l *logbook) ChangeBegin(context.Context) (map[int]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[int]int64{1: l.begin}, nil
}

func (l *logbook) ChangeNoted(context.Context, string) (map[int]int64, error) { return nil, nil }

func (l *logbook) ChangeEntries(_ context.Context, _ int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.entries[after:]
	return rest[:min(limit, len(rest))], nil
}

// crowd are people who are found again by their DN, until they are struck off.
type crowd struct {
	people
	mu     sync.Mutex
	struck bool
}

func (c *crowd) Known(ctx context.Context, dn string) (*gateway.Operator, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.struck {
		return nil, fault.New(fault.CodeUnauthenticated, "")
	}
	return c.Asker(ctx, gateway.Proof{Basic: &gateway.Credentials{Username: strings.TrimPrefix(dn, "cn=")}})
}

// broadcast is a stand with a stream of its view.
type broadcast struct {
	*stand
	server  *httptest.Server
	log     *logbook
	crowd   *crowd
	streams *Streams
	subject string
}

func newBroadcast(t *testing.T) *broadcast {
	b := &broadcast{stand: newStand(t, SearchConfig{}), log: &logbook{}}
	b.shelf.view.Live = true
	b.subject = live.Subject(b.shelf.view)
	read := []gateway.Verb{gateway.Read}
	b.crowd = &crowd{people: people{
		"alice": {Role: "reader", May: read, On: "view/*", Classes: []string{"personal"}},
		"bob":   {Role: "reader", May: read, On: "view/orders", Columns: []string{"no", "amount", "at"}},
		"eve":   nil,
	}}
	metrics, log := live.NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(t.Output(), nil))
	hub := live.NewHub(b.log, time.Millisecond, metrics, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		hub.Run(t.Context())
	}()
	b.streams = NewStreams(StreamConfig{}, b.crowd, b.shelf, live.NewStreams(hub, testKeys{}), metrics, log)
	b.resources = append([]Resource{b.streams}, b.resources...)
	b.server = httptest.NewServer(b.Handler)
	t.Cleanup(func() {
		b.server.CloseClientConnections()
		b.server.Close()
		<-done
	})
	return b
}

// listen opens a stream.
func (b *broadcast) listen(user, query, last string) (*http.Response, *bufio.Scanner) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), "GET", b.server.URL+"/api/orders/stream?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.SetBasicAuth(user, "secret")
	r.Header.Set("Last-Event-ID", last)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { answer.Body.Close() })
	return answer, bufio.NewScanner(answer.Body)
}

// event is the next event's name, data and id.
func event(lines *bufio.Scanner) (name, data, id string) {
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			id = value
		case "":
			if data != "" {
				return name, data, id
			}
		}
	}
	return "", "", ""
}

// TestViewStream holds that an event has the row as a search gives it to the same user,
// and that a stream goes on where it ended.
func TestViewStream(t *testing.T) {
	b := newBroadcast(t)
	b.crowd.people["carol"] = b.crowd.people["alice"]
	for user, query := range map[string]string{"alice": "$expand=lines", "bob": "", "carol": "$select=no"} {
		answer, lines := b.listen(user, query, "")
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != sse.MediaType {
			t.Fatalf("%s: %d %v", user, answer.StatusCode, answer.Header)
		}
		b.log.write("other", 1)
		b.log.write(b.subject, 3, 99)
		want := strings.TrimSpace(b.ask(user, "GET", "orders/3?"+query).Body.String())
		name, data, id := event(lines)
		if name != "row" || data != want {
			t.Errorf("%s: %s %s, want %s", user, name, data, want)
		}
		if name, data, _ := event(lines); name != "gone" || data != `{"no":99}` {
			t.Errorf("%s: %s %s", user, name, data)
		}
		answer.Body.Close()
		_, lines = b.listen(user, query, id) // in the middle of what came together
		if name, data, _ := event(lines); name != "gone" || data != `{"no":99}` {
			t.Errorf("%s goes on with %s %s", user, name, data)
		}
	}
}

// TestViewStreamRefused holds what a stream cannot be asked for, and how that is told.
func TestViewStreamRefused(t *testing.T) {
	b := newBroadcast(t)
	_, lines := b.listen("alice", "", "")
	b.log.write(b.subject, 1)
	_, _, id := event(lines)
	b.log.mu.Lock()
	b.log.begin = 1
	b.log.mu.Unlock()
	b.log.write(b.subject, 1)
	for _, tt := range []struct {
		user, query, last string
		status            int
		code              fault.Code
	}{
		{"eve", "", "", 403, fault.CodeForbidden},
		{"nobody", "", "", 401, fault.CodeUnauthenticated},
		{"alice", "$orderby=no", "", 400, fault.CodeQuery},
		{"alice", "$top=5", "", 400, fault.CodeQuery},
		{"alice", "$filter=nothing eq 1", "", 400, fault.CodeQuery},
		{"bob", "$select=customer", "", 400, fault.CodeQuery},
		{"alice", "from=yesterday", "", 400, fault.CodeQuery},
		{"alice", "", "AAAA", 400, fault.CodeStreamID},
		{"bob", "", id, 400, fault.CodeStreamID},
		{"alice", "lastEventId=AAAA", "", 400, fault.CodeStreamID},
	} {
		answer, _ := b.listen(tt.user, strings.ReplaceAll(tt.query, " ", "%20"), tt.last)
		var p Problem
		if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || answer.StatusCode != tt.status || p.Code != tt.code {
			t.Errorf("%+v: %d %s, %v", tt, answer.StatusCode, p.Code, err)
		}
	}
	b.log.mu.Lock()
	b.log.begin = 2
	b.log.mu.Unlock()
	if answer, _ := b.listen("alice", "", id); answer.StatusCode != http.StatusGone {
		t.Errorf("what is not kept: %d", answer.StatusCode)
	}
	if got := b.ask("alice", "POST", "orders/stream").Code; got != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got)
	}
	for _, method := range []string{"HEAD", "POST", "DELETE"} {
		hidden, unknown := b.ask("eve", method, "orders/stream"), b.ask("eve", method, "nosuch/stream")
		if hidden.Code != unknown.Code || hidden.Header().Get("Allow") != unknown.Header().Get("Allow") {
			t.Errorf("%s of what may not be read: %d %q, and of nothing: %d", method, hidden.Code, hidden.Header().Get("Allow"), unknown.Code)
		}
	}
	b.shelf.view.Live = false
	if answer, _ := b.listen("alice", "", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a view that is not live: %d", answer.StatusCode)
	}
}

// TestViewStreamEnds holds that a reload has everybody looked at, and that whoever may
// not listen any more is told so.
func TestViewStreamEnds(t *testing.T) {
	b := newBroadcast(t)
	_, lines := b.listen("alice", "", "")
	b.streams.Reloaded()
	b.log.write(b.subject, 4)
	if name, _, _ := event(lines); name != "row" {
		t.Errorf("after a reload that changes nothing: %s", name)
	}
	b.crowd.mu.Lock()
	b.crowd.struck = true
	b.crowd.mu.Unlock()
	b.streams.Reloaded()
	if name, data, _ := event(lines); name != "end" || !strings.Contains(data, string(fault.CodeUnauthenticated)) {
		t.Errorf("whoever is struck off is told %s %s", name, data)
	}
	if lines.Scan() {
		t.Errorf("and then %q", lines.Text())
	}
}
