package gateway

import (
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestNonces(t *testing.T) {
	n := newNonces()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	until := now.Add(5 * time.Minute)
	for _, c := range []struct {
		user, nonce string
		at          time.Duration
		want        nonceUse
	}{
		{"a", "1", 0, nonceFresh},
		{"a", "1", 0, nonceUsed},
		{"b", "1", 0, nonceFresh},
		{"a", "2", 0, nonceFresh},
		{"a", "1", 5*time.Minute - 1, nonceUsed},
		{"a", "1", 5*time.Minute + nonceSpan, nonceFresh}, // by then its Created is refused
	} {
		if got := n.use(c.user, c.nonce, now.Add(c.at), until.Add(c.at)); got != c.want {
			t.Errorf("%s %s after %v: %v, want %v", c.user, c.nonce, c.at, got, c.want)
		}
	}
	if n.total != 1 || len(n.perUser) != 1 || len(n.slots) != 1 {
		t.Errorf("what is too old is kept: %d of %v in %d slots", n.total, n.perUser, len(n.slots))
	}
}

// TestNoncesAreBounded fills the memory: new ones are turned away, none is
// forgotten, and one user leaves room for others.
func TestNoncesAreBounded(t *testing.T) {
	n := newNonces()
	n.max, n.maxOfOne = 10, 6
	now := time.Now()
	fill := func(user string, want int) {
		t.Helper()
		taken := 0
		for i := range 20 {
			if n.use(user, strconv.Itoa(i), now, now.Add(time.Minute)) == nonceFresh {
				taken++
			}
		}
		if taken != want {
			t.Errorf("%d nonces of %s are taken, want %d", taken, user, want)
		}
	}
	fill("a", 6)
	fill("b", 4)
	if n.use("a", "0", now, now.Add(time.Minute)) != nonceUsed {
		t.Error("a nonce was forgotten before its time")
	}
	now = now.Add(2 * time.Minute)
	fill("b", 6)
}

// TestNonceOnceAtATime: of the same token many times at once one gets through.
func TestNonceOnceAtATime(t *testing.T) {
	n := newNonces()
	now := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for range 50 {
		all.Go(func() {
			if n.use("a", "1", now, now.Add(time.Minute)) == nonceFresh {
				mu.Lock()
				fresh++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if fresh != 1 {
		t.Errorf("%d got through", fresh)
	}
}
