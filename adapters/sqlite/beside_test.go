package sqlite

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
)

// TestBesideABatch: what asks for the writer while a batch has it is done in the
// batch's transaction, whether that is written together or one by one; both last.
func TestBesideABatch(t *testing.T) {
	for name, apart := range map[string]bool{"together": false, "apart": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { besideABatch(t, filepath.Join(dir, "gatehouse.db"), apart) })
		})
	}
}

// TestErrandLingers: between two batches an errand leaves the writer to the second
// one, and is done in its transaction. When none comes, it is done all the same.
func TestErrandLingers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "gatehouse.db")
		s := openOrders(t, path)
		defer s.Close()
		w, err := s.Writer(t.Context(), gatewaytest.OrderMapping())
		if err != nil {
			t.Fatal(err)
		}
		commit := func(prefix string, messages int) {
			t.Helper()
			batch := make([]*gateway.Entry, messages)
			for i := range batch {
				batch[i] = gatewaytest.OrderEntry(fmt.Sprint(prefix, i), 1)
			}
			render := batch[0].Render
			batch[0].Render = func(stored []mapping.Value) (*mapping.Rendered, error) {
				time.Sleep(4 * time.Millisecond) // what the next errand may wait
				return render(stored)
			}
			outcomes, err := w.Commit(t.Context(), 0, batch)
			if err != nil || outcomes[messages-1].Status != gateway.Stored {
				t.Fatal(err, outcomes)
			}
		}
		acquire := func(shard int) <-chan time.Duration {
			took, began := make(chan time.Duration, 1), time.Now()
			go func() {
				if _, held, err := s.Acquire(t.Context(), "erp-events", shard, "me", time.Hour); err != nil || !held {
					t.Error("the lease was not taken:", held, err)
				}
				took <- time.Since(began)
			}()
			synctest.Wait()
			return took
		}
		commit("PO-A", 8)
		before := walCommits(t, path)
		errand := acquire(0)
		commit("PO-B", 1)
		if took := <-errand; took != 4*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if n := walCommits(t, path) - before; n != 1 {
			t.Errorf("the errand and the batch took %d transactions", n)
		}
		if took := <-acquire(1); took != 0 {
			t.Errorf("after a batch of one it waited for another one, for %v", took)
		}
		commit("PO-C", 8)
		if took := <-acquire(2); took != 4*time.Millisecond {
			t.Errorf("without another batch it took %v", took)
		}
	})
}

// openOrders opens a file with the tables of the orders.
func openOrders(t *testing.T, path string) *Store {
	t.Helper()
	business, err := fs.Sub(mappings.FS, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{Path: config.Path(path)}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Up(t.Context(), business); err != nil {
		t.Fatal(err)
	}
	return s
}

func besideABatch(t *testing.T, path string, apart bool) {
	s := openOrders(t, path)
	defer s.Close()
	w, err := s.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	entry := gatewaytest.OrderEntry("PO-1", 3)
	entry.Message.Redelivered = apart
	rendering, gate := make(chan struct{}), make(chan struct{})
	render := entry.Render
	entry.Render = func(stored []mapping.Value) (*mapping.Rendered, error) {
		close(rendering)
		<-gate
		return render(stored)
	}
	type stored struct {
		outcomes []gateway.Outcome
		err      error
	}
	committed, leased := make(chan stored, 1), make(chan error, 1)
	go func() {
		outcomes, err := w.Commit(t.Context(), 0, []*gateway.Entry{entry})
		committed <- stored{outcomes, err}
	}()
	<-rendering // in the transaction
	before := walCommits(t, path)
	go func() {
		_, held, err := s.Acquire(t.Context(), "erp-events", 0, "me", time.Hour)
		if err == nil && !held {
			t.Error("the lease was not taken")
		}
		leased <- err
	}()
	synctest.Wait() // for the writer, both of them
	close(gate)
	if got := <-committed; got.err != nil || got.outcomes[0].Status != gateway.Stored {
		t.Fatal(got)
	}
	if err := <-leased; err != nil {
		t.Fatal(err)
	}
	if n := walCommits(t, path) - before; n != 1 {
		t.Errorf("%d transactions, want one for both", n)
	}
	if _, held, err := s.Acquire(t.Context(), "erp-events", 0, "somebody else", time.Hour); err != nil || held {
		t.Errorf("the lease does not last: %v, %v", held, err)
	}
}

// walCommits counts the transactions in the write-ahead log, which must not have begun
// anew: the frames that end one tell the size of the database in their second word.
func walCommits(t *testing.T, path string) (n int) {
	t.Helper()
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	for at := header; at+frameHeader+pageSize <= len(log); at += frameHeader + pageSize {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}
