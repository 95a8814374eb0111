package gateway

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gathered has one message and then sixteen committed, which takes 4 ms each time,
// sends the sixteen again as long after their answers as told (negative: never), and
// returns the sizes of the first three batches and when the third was begun.
func gathered(t *testing.T, again func(i int) time.Duration) (sizes []int, third time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := &slowWriter{}
		w.answer = func(n int, entries []*Entry) ([]Outcome, error) {
			if n == 3 {
				third = time.Since(begin)
			}
			<-time.After(4 * time.Millisecond)
			return outcomes(entries, Stored), nil
		}
		bound := &boundWriter{Writer: w}
		ls := lanesOf(t, 1)
		ls.run(t.Context())
		var done atomic.Int32
		var callers sync.WaitGroup
		send := func(name string) {
			if _, err := ls.commit(t.Context(), bound, entryFor(name, name, &done)); err != nil {
				t.Error(name, err)
			}
		}
		callers.Go(func() { send("first") })
		synctest.Wait()
		for i := range 16 {
			callers.Go(func() {
				send(fmt.Sprint(i))
				if d := again(i); d >= 0 {
					<-time.After(d)
					send(fmt.Sprint(i, " again"))
				}
			})
		}
		callers.Wait()
		ls.close()
		for _, b := range w.batches[:min(3, len(w.batches))] {
			sizes = append(sizes, len(b))
		}
	})
	return sizes, third
}

// TestLaneGathers: after a batch the lane waits for most of those who send again.
// It began the first message at once, and the sixteen as soon as that was done.
func TestLaneGathers(t *testing.T) {
	sizes, third := gathered(t, func(i int) time.Duration {
		return []time.Duration{0, 500 * time.Microsecond, time.Millisecond, 10 * time.Millisecond}[i/4]
	})
	if want := []int{1, 16, 12}; !slices.Equal(sizes, want) || third != 9*time.Millisecond {
		t.Errorf("batches of %v, the third after %v: want %v after 9 ms", sizes, third, want)
	}
}

// TestLaneGathersInTime: for those who do not come it waits half of what a commit
// takes, and no longer.
func TestLaneGathersInTime(t *testing.T) {
	sizes, third := gathered(t, func(i int) time.Duration {
		if i < 4 {
			return 0
		}
		return -1
	})
	if want := []int{1, 16, 4}; !slices.Equal(sizes, want) || third != 10*time.Millisecond {
		t.Errorf("batches of %v, the third after %v: want %v after 10 ms", sizes, third, want)
	}
}

// TestLaneGathersNobody: where few are on their way the next one is begun at once.
func TestLaneGathersNobody(t *testing.T) {
	l := &lane{last: 7, took: time.Second, wake: make(chan struct{}, 1)}
	if n := l.goal(); n != 0 {
		t.Errorf("it waits for %d", n)
	}
	l.last = 300
	if n := l.goal(); n != maxBatch {
		t.Errorf("it waits for %d, more than it takes", n)
	}
}

// TestLaneGathersHalf: of many senders half are prepared while the others are committed;
// of few most are waited for.
func TestLaneGathersHalf(t *testing.T) {
	for expected, want := range map[int]int{8: 6, 16: 12, 40: 30, 43: 32, 64: 32, 65: 32, 100: 50} {
		l := &lane{last: expected - 3, queue: make([]*job, 3)}
		if n := l.goal(); n != want {
			t.Errorf("of %d it waits for %d, want %d", expected, n, want)
		}
	}
}
