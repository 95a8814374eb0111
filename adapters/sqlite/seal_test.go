package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/mappings"
)

// TestChainIsSharedByProcesses: a writer whose idea of the chain's end is an old one,
// or is of a transaction that came to nothing, goes on from where the chain ends.
func TestChainIsSharedByProcesses(t *testing.T) {
	business, err := fs.Sub(mappings.FS, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	path := config.Path(filepath.Join(t.TempDir(), "gatehouse.db"))
	var stores []*Store
	var writers []gateway.Writer
	for range 2 {
		s, err := Open(t.Context(), Config{Path: path}, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if len(stores) == 0 {
			if _, err := s.Up(t.Context(), business); err != nil {
				t.Fatal(err)
			}
		}
		w, err := s.Writer(t.Context(), gatewaytest.OrderMapping())
		if err != nil {
			t.Fatal(err)
		}
		stores, writers = append(stores, s), append(writers, w)
	}
	n := int64(0)
	for i, turn := range []int{0, 0, 1, 0, 1, 1, 0} {
		out, err := writers[turn].Commit(t.Context(), 0, []*gateway.Entry{gatewaytest.OrderEntry(fmt.Sprintf("PO-%d", i), 1)})
		if err != nil || out[0].Status != gateway.Stored {
			t.Fatal(err, out)
		}
		n++
		if i%3 == 2 {
			undone(t, writers[turn])
		}
	}
	all, err := stores[0].AuditEntries(t.Context(), gateway.LaneChain(0), 0, 100)
	if err != nil || int64(len(all)) != n {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	var before gateway.Digest
	for i, e := range all {
		if e.Seq != int64(i+1) || e.Previous != before || e.Hash != e.Link() {
			t.Errorf("entry %d: %+v does not follow %s", i, e, before)
		}
		before = e.Hash
	}
	heads, err := stores[0].AuditHeads(t.Context())
	if last := (gateway.AuditHead{Chain: gateway.LaneChain(0), Seq: n, Hash: before}); err != nil || len(heads) == 0 || heads[len(heads)-1] != last {
		t.Errorf("the heads are %v, want the last %v: %v", heads, last, err)
	}
}

// undone commits a message whose transaction fails after it has moved the chain.
func undone(t *testing.T, w gateway.Writer) {
	t.Helper()
	defer func() { chained = chain }()
	chained = func(s *session, items []*sqlstore.Item) error {
		return errors.Join(chain(s, items), errors.New("torn"))
	}
	if out, err := w.Commit(t.Context(), 0, []*gateway.Entry{gatewaytest.OrderEntry("PO-undone", 1)}); err == nil && out[0].Status == gateway.Stored {
		t.Error("it was stored nevertheless")
	}
}
