package sqlstore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestLinger: an errand waits for the batch that is written, through the pause after
// it, and for the next one; for nothing else, and not for ever.
func TestLinger(t *testing.T) {
	const pause = 4 * time.Millisecond
	tests := []struct {
		name  string
		batch func(es *errands, e *errand)
		done  bool
		took  time.Duration
	}{
		{"nobody writes", func(*errands, *errand) {}, false, 0},
		{"the next batch takes it", func(es *errands, e *errand) {
			es.begin()
			time.Sleep(20 * time.Millisecond)
			es.end(busyBatch, pause)
			time.Sleep(pause / 2)
			es.begin()
			time.Sleep(5 * time.Millisecond)
			e.end(true, nil)
		}, true, 27 * time.Millisecond},
		{"no other batch comes", func(es *errands, _ *errand) {
			es.begin()
			time.Sleep(20 * time.Millisecond)
			es.end(busyBatch, pause)
		}, false, 24 * time.Millisecond},
		{"a pause is short", func(es *errands, _ *errand) {
			es.begin()
			time.Sleep(20 * time.Millisecond)
			es.end(busyBatch, time.Hour)
		}, false, 20*time.Millisecond + pauseMost},
		{"nobody waits for more after a small batch", func(es *errands, _ *errand) {
			es.begin()
			time.Sleep(20 * time.Millisecond)
			es.end(1, pause)
		}, false, 20 * time.Millisecond},
		{"a batch hangs", func(es *errands, _ *errand) { es.begin() }, false, lingerMost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				waiting, done := context.WithCancel(t.Context())
				defer done()
				es, e := new(errands), &errand{done: done, ended: make(chan struct{})}
				go tt.batch(es, e)
				synctest.Wait()
				began := time.Now()
				if got := es.linger(waiting, e); got != tt.done && waiting.Err() == nil {
					t.Errorf("done is %v", got)
				}
				if took := time.Since(began); took != tt.took {
					t.Errorf("it waited for %v instead of %v", took, tt.took)
				}
			})
		})
	}
}

// TestLingerIsGivenUp: whoever stops waiting for an errand does not linger.
func TestLingerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting, done := context.WithTimeout(t.Context(), time.Millisecond)
		defer done()
		es, e := new(errands), &errand{done: done, ended: make(chan struct{})}
		es.begin()
		began := time.Now()
		if es.linger(waiting, e) || time.Since(began) != time.Millisecond {
			t.Errorf("it was done, or waited for %v", time.Since(began))
		}
	})
}
