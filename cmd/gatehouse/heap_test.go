package main

import (
	"context"
	"iter"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/gatehouse/gatehouse/internal/view"
)

func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 100, 1 << 10: 1600, 4 << 20: 1500, 8 << 20: 700, 16 << 20: 300, 32 << 20: 100, 48 << 20: 100, 64 << 20: 100, 1 << 40: 100,
	} {
		if got := percentFor(live, heapFloor); got != want {
			t.Errorf("%d bytes alive: %d %%, not %d", live, got, want)
		}
	}
}

var garbage []byte

// collections counts those while so many megabytes of garbage are made.
func collections(megabytes int) uint32 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range megabytes * 1024 {
		garbage = make([]byte, 1024)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

// TestKeepHeapFloor collects far more seldom while it is kept, again and again,
// and as before afterwards.
func TestKeepHeapFloor(t *testing.T) {
	t.Setenv("GOGC", "")
	floor := keepHeapFloor()
	kept := collections(500)
	again := collections(500)
	floor.giveUp()
	usual := collections(500)
	if kept*2 > usual || again*2 > usual || kept == 0 {
		t.Errorf("%d and %d collections with the floor, %d without", kept, again, usual)
	}
}

// TestKeepHeapFloorYields leaves the percentage to whoever has set GOGC.
func TestKeepHeapFloorYields(t *testing.T) {
	const told = 87
	defer debug.SetGCPercent(debug.SetGCPercent(told))
	t.Setenv("GOGC", strconv.Itoa(told))
	floor := keepHeapFloor()
	runtime.GC()
	if percent := debug.SetGCPercent(told); percent != told {
		t.Errorf("the percentage is %d, not the %d that GOGC says", percent, told)
	}
	floor.giveUp()
	if percent := debug.SetGCPercent(told); percent != told {
		t.Errorf("the percentage is %d after all, not %d", percent, told)
	}
}

// rows is a searcher whose views have so many.
type rows struct {
	view.Searcher
	n int
}

func (r rows) Scan(context.Context, view.Viewer, string, *view.Query, func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		for range r.n {
			if !yield(&view.Row{}, nil) {
				return
			}
		}
	}
}

// TestSparing has the floor lower while many rows are read, and as before when all
// who read have ended, also before the last row.
func TestSparing(t *testing.T) {
	t.Setenv("GOGC", "")
	floor := keepHeapFloor()
	defer floor.giveUp()
	scan := func(n int) iter.Seq2[*view.Row, error] {
		return sparing{rows{n: n}, floor}.Scan(t.Context(), nil, "", nil, nil)
	}
	for range scan(longScan - 1) {
		if floor.scans != 0 {
			t.Fatal("a few rows make the floor lower")
		}
	}
	n := 0
	for range scan(longScan) {
		if n++; n < longScan {
			continue
		}
		for range scan(longScan + 1) {
			if floor.scans == 2 {
				break
			}
		}
		if floor.scans != 1 {
			t.Errorf("%d scans, with one under way", floor.scans)
		}
	}
	if n != longScan || floor.scans != 0 {
		t.Errorf("%d scans behind the last, after %d rows", floor.scans, n)
	}
	if low, high := percentFor(10<<20, scanFloor), percentFor(10<<20, heapFloor); low >= high {
		t.Errorf("%d %% is not less than %d %%", low, high)
	}
}
