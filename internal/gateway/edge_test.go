package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
	out  io.Writer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(b)
	return j.out.Write(b)
}

// edges are how often the log says that the store went, and that it came back.
func (j *journal) edges() (down, up int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), "store unavailable"), strings.Count(j.text.String(), "store available again")
}

// TestOneLineForEachEdge: while one lane's commits time out and another's do not,
// that is one outage, with one line where it begins and one where it ends.
func TestOneLineForEachEdge(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	step := func() { mu.Lock(); defer mu.Unlock(); now = now.Add(time.Second) }
	log := &journal{out: t.Output()}
	b := newBenchAt(t, gateway.Config{}, clock, slog.New(slog.NewTextHandler(log, nil)))

	lane := -1 // of the last commit
	b.store.commit = func(n int) error { lane = n; return nil }
	sent := 0
	send := func(number string) error {
		sent++
		body := bytes.ReplaceAll(sample(t, "order-full.xml"), []byte("erp-0002"), fmt.Appendf(nil, "erp-e%d", sent))
		body = bytes.ReplaceAll(body, []byte("PO-1002"), []byte(number))
		_, err := b.Accept(t.Context(), b.arrival(body, "erp.alice", "erp.alice-secret"))
		return err
	}
	orders := [2]string{} // by lane
	for i := 0; orders[0] == "" || orders[1] == ""; i++ {
		number := fmt.Sprintf("PO-%d", 5000+i)
		if err := send(number); err != nil {
			t.Fatal(err)
		}
		orders[lane] = number
	}

	b.store.commit = func(n int) error {
		if n == 1 {
			return fault.New(fault.CodeStoreUnavailable, "")
		}
		return nil
	}
	for range 60 {
		for n, want := range []bool{true, false} {
			if err := send(orders[n]); err == nil != want {
				t.Fatalf("lane %d: %v", n, err)
			}
		}
		step()
	}
	if down, up := log.edges(); down != 1 || up != 0 {
		t.Errorf("while one lane is sick: %d lines say that the store went, %d that it came back", down, up)
	}
	b.store.commit = nil
	for range 60 {
		for _, number := range orders {
			if err := send(number); err != nil {
				t.Fatal(err)
			}
		}
		step()
	}
	if down, up := log.edges(); down != 1 || up != 1 {
		t.Errorf("afterwards: %d lines say that the store went, %d that it came back", down, up)
	}
}
