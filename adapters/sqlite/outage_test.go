package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestUnmigrated: a file without tables is told apart from one that is down.
func TestUnmigrated(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "g.db"))
	if err := s.Ping(t.Context()); fault.Of(err).Code != fault.CodeSchema {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.Writer(t.Context(), gatewaytest.OrderMapping()); fault.Of(err).Code != fault.CodeSchema {
		t.Errorf("writer: %v", err)
	}
}

// TestLocked: while another process writes for longer than the timeout the
// store is unavailable, and afterwards it works again.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.db")
	const timeout = 200 * time.Millisecond
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: config.Path(path), BusyTimeout: timeout}, time.Now, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	other, err := newProbe(t, path).DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	entry := []*gateway.Entry{gatewaytest.OrderEntry("PO-1", 1)}
	start := time.Now()
	var wg sync.WaitGroup
	for range 20 { // the relays and the lane wait in one queue, and not one after the other
		wg.Go(func() {
			if _, err := w.Commit(t.Context(), 0, entry); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("commit while locked: %v", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 10*timeout {
		t.Errorf("giving up took %s", took)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("reading waits for writers: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	out, err := w.Commit(t.Context(), 0, entry)
	if err != nil || out[0].Status != gateway.Stored {
		t.Errorf("commit after the lock: %v, %v", out, err)
	}
}

// TestEndingContext: at whatever moment the context of a commit ends, nothing
// is stored by halves and the writer goes on working.
func TestEndingContext(t *testing.T) {
	store, probe := openStore(t)
	w, err := store.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	const tries = 300
	for i := range tries {
		entries := []*gateway.Entry{gatewaytest.OrderEntry(fmt.Sprint("PO-", i), 1)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Microsecond)
		_, err := w.Commit(ctx, 0, entries)
		cancel()
		if err != nil && fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("commit %d: %v", i, err)
		}
		if out, err := w.Commit(t.Context(), 0, entries); err != nil || out[0].Status > gateway.Duplicate {
			t.Fatalf("commit %d again: %v, %v", i, out, err)
		}
	}
	for _, table := range []string{"gateway.message", "gateway.inbox", "gateway.outbox", "sales.sales_order", "sales.order_line"} {
		if n := probe.Query(t, "SELECT COUNT(*) FROM {"+table+"}")[0][0]; n != fmt.Sprint(tries) {
			t.Errorf("%s has %s rows, want %d", table, n, tries)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	if err := (sqlite.Config{Readers: -1, BusyTimeout: -1}).Validate(); err == nil {
		t.Error("a broken configuration is taken")
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: "/nonexistent/folder/g.db"}, time.Now, logger(t)); err == nil {
		t.Error("a file in no folder is opened")
	}
}

// TestWriterFaults: every fault of a mapping against the tables is reported.
func TestWriterFaults(t *testing.T) {
	store, _ := openStore(t)
	m := gatewaytest.OrderMapping()
	m.Tables[0].Columns[1].Name = "no_such_column" // and then the one it was is not written
	m.Tables[1].Match = []int{2}
	m.Tables[2].Columns[2].Lookup.Where = []string{"name"}
	m.Tables[3].Name.Name = "no_such_table"
	_, err := store.Writer(t.Context(), m)
	f := fault.Of(err)
	if f.Code != fault.CodeSchema || len(f.Details) != 5 {
		t.Errorf("%d faults, want 5: %v", len(f.Details), err)
	}
}
