package main

import (
	"context"
	"iter"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/gatehouse/gatehouse/internal/view"
)

// heapFloor is how far the heap grows, in bytes, before it is collected. A gateway
// keeps a few megabytes and makes its messages' garbage many times a second: with
// Go's own rule, to collect when the heap has doubled, it collects all the time,
// and what pools hold for the next message is gone with it.
const heapFloor = 64 << 20

// scanFloor is what holds instead while all rows of a view are read: an export makes its
// garbage in one place after the other, and has nothing in pools. What it writes should
// take the memory of some rows.
const scanFloor = 32 << 20

// longScan is from how many rows on a scan counts as one.
const longScan = 5000

// Go's own percentage, and the most that a small heap is given.
const (
	usualPercent = 100
	mostPercent  = 1600
)

// keepHeapFloor lets the heap grow to heapFloor; past that Go's own rule holds, so
// that a large heap takes no more than it would. It looks after every collection,
// until the floor is given up. Whoever sets GOGC has decided otherwise. A memory limit
// (GOMEMLIMIT) holds in either case.
func keepHeapFloor() *floor {
	f := new(floor)
	if os.Getenv("GOGC") != "" {
		f.stopped = true
		return f
	}
	f.before = debug.SetGCPercent(percentFor(liveHeap(), heapFloor))
	f.watch()
	return f
}

// A floor is kept until it is given up. The lock keeps a collection that ends
// meanwhile from setting its percentage after the one from before is back.
type floor struct {
	before  int
	mu      sync.Mutex
	stopped bool
	scans   int // that are under way
}

// giveUp has Go's own rule hold again.
func (f *floor) giveUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped {
		f.stopped = true
		debug.SetGCPercent(f.before)
	}
}

// percentFor is how many percent of what lives may be added to it.
func percentFor(live, floor uint64) int {
	if live == 0 || live >= floor {
		return usualPercent
	}
	return int(min(max((floor-live)*100/live, usualPercent), mostPercent))
}

// watch sets the percentage anew after every collection: each ends the life of an
// object that nobody refers to.
func (f *floor) watch() {
	type sentinel struct{ _ *byte } // with a pointer: others may share their memory with what lives
	runtime.SetFinalizer(new(sentinel), func(*sentinel) {
		if f.set(0) {
			f.watch()
		}
	})
}

// set sets the percentage, with so many more scans under way than before.
func (f *floor) set(more int) (kept bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scans += more
	if f.stopped {
		return false
	}
	height := uint64(heapFloor)
	if f.scans > 0 {
		height = scanFloor
	}
	debug.SetGCPercent(percentFor(liveHeap(), height))
	return true
}

// sparing reads all rows with less memory: the floor is lower while a long scan is under
// way. It is a view.Searcher.
type sparing struct {
	view.Searcher
	floor *floor
}

// Scan implements view.Searcher.
func (s sparing) Scan(ctx context.Context, who view.Viewer, name string, q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
	rows := s.Searcher.Scan(ctx, who, name, q, at)
	return func(yield func(*view.Row, error) bool) {
		n := 0
		for row, err := range rows {
			if n++; n == longScan {
				s.floor.set(1)
				defer s.floor.set(-1)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// liveHeap is what the last collection has found alive, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
