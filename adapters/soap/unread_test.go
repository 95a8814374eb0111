package soap

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestUnread counts what net/http turns away before a handler is called, once for
// each connection, and nothing else.
func TestUnread(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d\r\n", len(envelope11))
	kept := strings.Replace(post(servicePath, length, envelope11), "Connection: close\r\n", "", 1)
	for _, tt := range []struct {
		name, bytes string
		statuses    []string // of the answers, until the server hangs up
		unread      int64
	}{
		{"nothing", "", nil, 0},
		{"a request", post(servicePath, length, envelope11), []string{"200"}, 0},
		{"two requests", kept + post(servicePath, length, envelope11), []string{"200", "200"}, 0},
		{"refused by the handler", post(servicePath, "Content-Length: 99999999999\r\n", ""), []string{"413"}, 0},
		{"huge headers", post(servicePath, "X-Pad: "+strings.Repeat("x", 200<<10)+"\r\n", ""), []string{"431"}, 1},
		{"slow headers", "POST " + servicePath + " HTTP/1.1\r\nHost: gw\r\n", nil, 1},
		{"huge headers of a second request", kept + post(servicePath, "X-Pad: "+strings.Repeat("x", 200<<10)+"\r\n", ""), []string{"200", "431"}, 1},
		{"no HTTP", "EHLO gw\r\n\r\n", []string{"400"}, 1},
		{"two lengths", post(servicePath, length+"Content-Length: 5\r\n", ""), []string{"400"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var unread atomic.Int64
			settings := Config{HeaderTimeout: 200 * time.Millisecond, IdleTimeout: 200 * time.Millisecond}
			url := serveCounting(t, settings, NewHandler(settings, newFakeCore(), testLog(t)), func() { unread.Add(1) })
			conn := dial(t, url)
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.bytes); err != nil {
				t.Fatal(err)
			}
			answers := bufio.NewReader(conn)
			for i, want := range tt.statuses {
				answer, err := http.ReadResponse(answers, nil)
				if err != nil || !strings.HasPrefix(answer.Status, want) {
					t.Fatalf("answer %d: %v, %v, want %s", i, answer, err, want)
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					t.Fatal(err)
				}
			}
			// It is counted before the connection is closed, or right after.
			if _, err := io.Copy(io.Discard, answers); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatal(err)
			}
			for end := time.Now().Add(10 * time.Second); unread.Load() < tt.unread && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if n := unread.Load(); n != tt.unread {
				t.Errorf("%d are counted, want %d", n, tt.unread)
			}
		})
	}
}
