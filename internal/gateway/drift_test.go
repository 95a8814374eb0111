package gateway_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// picture is a schema of one table with one column, declared in some way.
type picture struct{ declared string }

// Table implements mapping.Schema.
func (p *picture) Table(name mapping.TableName) (*mapping.TableModel, bool) {
	if name.Name != "sales_order" {
		return nil, false
	}
	return &mapping.TableModel{Name: name, Columns: []mapping.ColumnModel{{Name: "note", Declared: p.declared}}}, true
}

// change alters the tables; misfit is what mappings are told then, or nil.
func (s *memoryStore) change(declared string, misfit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables, s.misfit = &picture{declared}, misfit
}

// counted returns how often the tables were looked at and writers made.
func (s *memoryStore) counted() (looks, writers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks, s.writers
}

var misfits = fault.New(fault.CodeSchema, "").With(fault.Detail{Message: "the table has no column note", Target: "sales.sales_order.note"})

// driftBench is a gateway on tables; slow means that it looks only when it is asked to.
func driftBench(t *testing.T, poll time.Duration) *bench {
	t.Helper()
	b := newBenchWith(t, gateway.Config{Drift: gateway.DriftConfig{Poll: poll}})
	b.store.change("nvarchar(40)", nil)
	return b
}

const slow = time.Hour

// send sends a sample as its usual sender.
func (b *bench) send(t *testing.T, name string) (*gateway.Receipt, error) {
	t.Helper()
	return b.Accept(t.Context(), b.arrival(sample(t, name), "erp.alice", "erp.alice-secret"))
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

// TestTablesChangeAndStillFit: the message that comes first goes again, on the new
// tables, and its sender notices nothing.
func TestTablesChangeAndStillFit(t *testing.T) {
	b := driftBench(t, slow)
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Fatal(err)
	}
	b.store.change("nvarchar(60)", nil)
	if _, err := b.send(t, "order-full.xml"); err != nil {
		t.Fatal(err)
	}
	if looks, writers := b.store.counted(); looks != 1 || writers != 2 {
		t.Errorf("%d looks, %d writers", looks, writers)
	}
	if n := len(b.store.entries); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// TestRouteStops until its mapping fits again.
func TestRouteStops(t *testing.T) {
	b := driftBench(t, 5*time.Millisecond)
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Fatal(err)
	}
	began := time.Now().UTC().Truncate(time.Millisecond)
	b.store.change("", misfits)
	for range 3 {
		_, err := b.send(t, "order-full.xml")
		if f := fault.Of(err); f == nil || f.Code != fault.CodeDrift || f.Kind() != fault.Unavailable || len(f.Details) > 0 {
			t.Fatalf("got %v", err)
		}
	}
	stopped := b.Stopped()
	if len(stopped) != 1 || stopped[0].Route != "submit-order" || stopped[0].Since.Before(began) || len(stopped[0].Complaints) != 1 || len(stopped[0].Changes) != 1 {
		t.Fatalf("got %+v", stopped)
	}

	// Another change that does not help, and one that does.
	b.store.change("int", misfits)
	until(t, "the second change", func() bool { return len(b.Stopped()[0].Changes) == 2 })
	if again := b.Stopped()[0]; again.Since != stopped[0].Since {
		t.Errorf("stopped since %v, then since %v", stopped[0].Since, again.Since)
	}
	b.store.change("nvarchar(40)", nil)
	until(t, "the route", func() bool { return len(b.Stopped()) == 0 })
	if _, err := b.send(t, "order-full.xml"); err != nil {
		t.Error(err)
	}
	if n := len(b.store.entries); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// TestStoppedRouteIsNotRetried: what waits for it is left out when others' messages
// are due.
func TestStoppedRouteIsNotRetried(t *testing.T) {
	left := make(chan string, 1)
	store := func(s *memoryStore) {
		s.due = func(except []string) {
			select {
			case left <- fmt.Sprint(except):
			default:
			}
		}
	}
	b := newBenchOf(t, store, gateway.Config{Drift: gateway.DriftConfig{Poll: 5 * time.Millisecond}, Relay: gateway.RelayConfig{Poll: time.Millisecond}}, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	b.store.change("nvarchar(40)", nil)
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Fatal(err)
	}
	until(t, "nothing to be left out", func() bool { return <-left == "[]" })
	b.store.change("", misfits)
	until(t, "the route to be left out", func() bool { return <-left == "[submit-order]" })
	b.store.change("nvarchar(40)", nil)
	until(t, "the route to be back", func() bool { return <-left == "[]" })
}

// TestOneLookForMany: whoever finds other tables waits for the same look, and the
// statements are written once.
func TestOneLookForMany(t *testing.T) {
	b := driftBench(t, slow)
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Fatal(err)
	}
	b.store.change("nvarchar(60)", nil)
	const senders = 64
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	for i := range senders {
		wg.Go(func() {
			body := bytes.ReplaceAll(sample(t, "order-full.xml"), []byte("erp-0002"), fmt.Appendf(nil, "erp-%d", i))
			if _, err := b.Accept(t.Context(), b.arrival(body, "erp.alice", "erp.alice-secret")); err != nil {
				mu.Lock()
				failed[err.Error()]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	if looks, writers := b.store.counted(); writers != 2 || looks > senders/2 {
		t.Errorf("%d looks, %d writers", looks, writers)
	}
}

// TestOutageIsNoDrift: what cannot be looked at has not changed.
func TestOutageIsNoDrift(t *testing.T) {
	b := driftBench(t, time.Millisecond)
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Fatal(err)
	}
	b.store.mu.Lock()
	b.store.unasked = fault.New(fault.CodeStoreUnavailable, "")
	b.store.mu.Unlock()
	before, _ := b.store.counted()
	until(t, "five looks", func() bool { looks, _ := b.store.counted(); return looks >= before+5 })
	if stopped := b.Stopped(); len(stopped) > 0 {
		t.Errorf("stopped: %+v", stopped)
	}
	if _, err := b.send(t, "order-full.xml"); err != nil {
		t.Error(err)
	}
	b.store.change("nvarchar(60)", nil)
	_, err := b.send(t, "order-revision-2.xml")
	if f := fault.Of(err); f == nil || f.Code != fault.CodeDrift {
		t.Errorf("got %v", err)
	}
	b.store.mu.Lock()
	b.store.unasked = nil
	b.store.mu.Unlock()
	if _, err := b.send(t, "order-revision-2.xml"); err != nil {
		t.Error(err)
	}
}

// TestNeverBound: a route whose tables do not fit when the database comes back.
func TestNeverBound(t *testing.T) {
	b := driftBench(t, 5*time.Millisecond)
	b.store.change("", misfits)
	for range 2 {
		_, err := b.send(t, "order-minimal.xml")
		if f := fault.Of(err); f == nil || f.Code != fault.CodeDrift || len(f.Details) > 0 {
			t.Fatalf("got %v", err)
		}
	}
	b.store.change("nvarchar(40)", nil)
	until(t, "the route", func() bool { return len(b.Stopped()) == 0 })
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Error(err)
	}
}

// TestQueueWaitsForTables: nothing of a queue is parked because of the tables.
func TestQueueWaitsForTables(t *testing.T) {
	b := driftBench(t, 5*time.Millisecond)
	if _, err := b.take(t, queued(payload(t), "erp.alice")); err != nil {
		t.Fatal(err)
	}
	b.store.change("", misfits)
	for range 2 { // at the commit, then before it
		_, err := b.take(t, queued(payload(t), "erp.alice"))
		if f := fault.Of(err); f == nil || f.Code != fault.CodeDrift {
			t.Fatalf("got %v", err)
		}
		until(t, "the stop", func() bool { return len(b.Stopped()) == 1 })
	}
	if len(b.store.holds) > 0 {
		t.Errorf("held: %+v", b.store.holds)
	}
	b.store.change("nvarchar(40)", nil)
	until(t, "the route", func() bool { return len(b.Stopped()) == 0 })
	if _, err := b.take(t, queued(payload(t), "erp.alice")); err != nil {
		t.Error(err)
	}
}

// TestReloadEndsStops: a new generation is bound by itself.
func TestReloadEndsStops(t *testing.T) {
	b := driftBench(t, 5*time.Millisecond)
	b.store.change("", misfits)
	if _, err := b.send(t, "order-minimal.xml"); err == nil {
		t.Fatal("accepted")
	}
	b.store.change("nvarchar(40)", nil)
	b.Reload(b.generation(t))
	if _, err := b.send(t, "order-minimal.xml"); err != nil {
		t.Error(err)
	}
	if stopped := b.Stopped(); len(stopped) > 0 {
		t.Errorf("stopped: %+v", stopped)
	}
}
