package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// slowWriter stores nothing: it remembers the batches it was given, and answers
// when its gate lets it.
type slowWriter struct {
	gate   chan struct{} // nil: answer at once
	answer func(batch int, entries []*Entry) ([]Outcome, error)

	mu      sync.Mutex
	batches [][]string // identities, by batch
}

func (w *slowWriter) Mapping() *mapping.Checked { return nil }

func (w *slowWriter) Commit(_ context.Context, _ int, entries []*Entry) ([]Outcome, error) {
	var names []string
	for _, e := range entries {
		names = append(names, e.Message.Identity)
	}
	w.mu.Lock()
	w.batches = append(w.batches, names)
	n := len(w.batches)
	w.mu.Unlock()
	if w.gate != nil {
		<-w.gate
	}
	if w.answer != nil {
		return w.answer(n, entries)
	}
	return outcomes(entries, Stored), nil
}

func outcomes(entries []*Entry, s Status) []Outcome {
	out := make([]Outcome, len(entries))
	for i, e := range entries {
		out[i] = Outcome{Status: s, MessageID: e.Message.ID}
	}
	return out
}

func lanesOf(t *testing.T, n int) *lanes {
	metrics := NewMetrics(prometheus.NewRegistry())
	return newLanes(n, metrics, newOutage(metrics, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil))), func([]Outcome) {})
}

func entryFor(identity, key string, done *atomic.Int32) *Entry {
	return &Entry{
		Message: &Message{ID: uuid.New(), Identity: identity, OrderingKey: key},
		Done:    func() { done.Add(1) },
		Size:    100,
	}
}

func TestLaneBatchesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{gate: make(chan struct{})}
		bound := &boundWriter{Writer: w}
		ls := lanesOf(t, 1)
		ls.run(t.Context())
		var done atomic.Int32
		var callers sync.WaitGroup
		send := func(i int) {
			callers.Go(func() {
				out, err := ls.commit(t.Context(), bound, entryFor(fmt.Sprint(i), fmt.Sprint(i), &done))
				if err != nil || out.Status != Stored {
					t.Errorf("entry %d: %v, %v", i, out.Status, err)
				}
			})
			synctest.Wait()
		}
		for i := range 201 {
			send(i)
		}
		close(w.gate)
		callers.Wait()
		ls.close()
		sizes := []int{}
		for _, b := range w.batches {
			sizes = append(sizes, len(b))
		}
		if want := []int{1, 128, 72}; !slices.Equal(sizes, want) {
			t.Errorf("batch sizes %v, want %v: the first at once, then what waited", sizes, want)
		}
		if done.Load() != 201 {
			t.Errorf("Done called %d times, want 201", done.Load())
		}
	})
}

func TestLaneKeepsOrderOfAKeyAcrossMappings(t *testing.T) {
	l := &lane{metrics: NewMetrics(prometheus.NewRegistry()), wake: make(chan struct{}, 1)}
	submit, cancel := &boundWriter{}, &boundWriter{}
	var done atomic.Int32
	for _, e := range []struct {
		w       *boundWriter
		id, key string
	}{
		{submit, "s1", "A"}, {cancel, "c1", "A"}, {submit, "s2", "A"}, {submit, "s3", "B"}, {cancel, "c2", "C"}, {submit, "s4", "C"}, {submit, "s5", "D"},
	} {
		if err := l.push(&job{writer: e.w, entry: entryFor(e.id, e.key, &done)}); err != nil {
			t.Fatal(err)
		}
	}
	var got [][]string
	for {
		batch, _ := l.take()
		if len(batch) == 0 {
			break
		}
		var ids []string
		for _, j := range batch {
			ids = append(ids, j.entry.Message.Identity)
		}
		got = append(got, ids)
	}
	want := [][]string{{"s1", "s3", "s5"}, {"c1", "c2"}, {"s2", "s4"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("batches %v, want %v", got, want)
	}
}

func TestLaneRetriesDeferredFirst(t *testing.T) {
	var done atomic.Int32
	w := &slowWriter{gate: make(chan struct{}, 10)}
	w.answer = func(batch int, entries []*Entry) ([]Outcome, error) {
		out := outcomes(entries, Stored)
		if batch == 2 {
			out[1].Status = Deferred
		}
		return out, nil
	}
	synctest.Test(t, func(t *testing.T) {
		w.gate = make(chan struct{}, 10)
		bound := &boundWriter{Writer: w}
		ls := lanesOf(t, 1)
		ls.run(t.Context())
		var callers sync.WaitGroup
		for _, id := range []string{"first", "a", "b", "c"} {
			callers.Go(func() {
				if _, err := ls.commit(t.Context(), bound, entryFor(id, id, &done)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for range 3 {
			w.gate <- struct{}{}
		}
		callers.Wait()
		ls.close()
	})
	want := [][]string{{"first"}, {"a", "b", "c"}, {"b"}}
	if fmt.Sprint(w.batches) != fmt.Sprint(want) {
		t.Errorf("batches %v, want %v", w.batches, want)
	}
	if done.Load() != 4 {
		t.Errorf("Done called %d times, want once for each of 4 entries", done.Load())
	}
}

func TestLaneCallerLeavesBatchStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{gate: make(chan struct{})}
		ls := lanesOf(t, 1)
		ls.run(t.Context())
		var done atomic.Int32
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := ls.commit(ctx, &boundWriter{Writer: w}, entryFor("x", "x", &done))
		if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, errCallerLeft) {
			t.Errorf("caller got %v", err)
		}
		if done.Load() != 0 {
			t.Error("the entry was given up while the store still used it")
		}
		close(w.gate)
		ls.close()
		if done.Load() != 1 {
			t.Errorf("Done called %d times", done.Load())
		}
	})
}

func TestLaneStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{answer: func(int, []*Entry) ([]Outcome, error) {
			return nil, fault.New(fault.CodeStoreUnavailable, "")
		}}
		ls := lanesOf(t, 2)
		ls.run(t.Context())
		var done atomic.Int32
		_, err := ls.commit(t.Context(), &boundWriter{Writer: w}, entryFor("x", "x", &done))
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		ls.close()
		_, err = ls.commit(t.Context(), &boundWriter{Writer: w}, entryFor("y", "y", &done))
		if got := fault.Of(err).Code; got != fault.CodeDraining {
			t.Errorf("after close: %v, want %v", got, fault.CodeDraining)
		}
		if done.Load() != 2 {
			t.Errorf("Done called %d times, want 2", done.Load())
		}
	})
}

func TestLaneBoundsItsQueue(t *testing.T) {
	l := &lane{metrics: NewMetrics(prometheus.NewRegistry()), wake: make(chan struct{}, 1)}
	var done atomic.Int32
	for i := range maxQueue {
		if err := l.push(&job{writer: &boundWriter{}, entry: entryFor(fmt.Sprint(i), "", &done)}); err != nil {
			t.Fatal(err)
		}
	}
	err := l.push(&job{writer: &boundWriter{}, entry: entryFor("one too many", "", &done)})
	if got := fault.Of(err); got == nil || got.Code != fault.CodeBusy {
		t.Errorf("got %v, want %s", err, fault.CodeBusy)
	}
}

// TestLaneBoundsItsBytes: callers that leave do not make the queue larger, and
// what is taken makes room again.
func TestLaneBoundsItsBytes(t *testing.T) {
	l := &lane{metrics: NewMetrics(prometheus.NewRegistry()), wake: make(chan struct{}, 1)}
	var done atomic.Int32
	push := func(size int) error {
		e := entryFor("", "", &done)
		e.Size = size
		return l.push(&job{writer: &boundWriter{}, entry: e})
	}
	if err := push(2 * maxQueueBytes); err != nil {
		t.Fatalf("larger than the bound, alone: %v", err)
	}
	if got := fault.Of(push(1)); got == nil || got.Code != fault.CodeBusy {
		t.Errorf("past the bound: got %v, want %s", got, fault.CodeBusy)
	}
	batch, _ := l.take()
	l.requeue(batch)
	if got := fault.Of(push(1)); got == nil || got.Code != fault.CodeBusy {
		t.Errorf("after it was put back: got %v, want %s", got, fault.CodeBusy)
	}
	l.take()
	if err := push(maxQueueBytes); err != nil {
		t.Errorf("into an empty queue: %v", err)
	}
}

// TestLargeWaitForAProcessor: large messages are looked at one per processor.
func TestLargeWaitForAProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gateway{processors: make(chan struct{}, 1)}
		g.processors <- struct{}{} // somebody else's
		looked := make(chan error, 1)
		go func() {
			looked <- g.validate(t.Context(), &passage{arrival: &Arrival{Service: &contract.Service{}}, xml: bytes.Repeat([]byte("<"), 600_000)})
		}()
		synctest.Wait()
		if len(looked) != 0 {
			t.Fatal("it did not wait")
		}
		<-g.processors
		if err := <-looked; fault.KindOf(err) != fault.TooLarge {
			t.Errorf("got %v", err)
		}
		if len(g.processors) != 0 {
			t.Error("the processor was not given back")
		}
	})
}

func TestLaneBatchBytes(t *testing.T) {
	l := &lane{metrics: NewMetrics(prometheus.NewRegistry()), wake: make(chan struct{}, 1)}
	var done atomic.Int32
	w := &boundWriter{}
	for i := range 3 {
		e := entryFor(fmt.Sprint(i), fmt.Sprint(i), &done)
		e.Size = maxBatchBytes / 2
		if i == 2 {
			e.Size = 4 * maxBatchBytes // larger than any batch: goes alone
		}
		if err := l.push(&job{writer: w, entry: e}); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := l.take()
	second, _ := l.take()
	if len(first) != 2 || len(second) != 1 {
		t.Errorf("batches of %d and %d, want 2 and 1", len(first), len(second))
	}
}
