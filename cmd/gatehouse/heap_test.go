package main

import (
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 100, 1 << 10: 1600, 4 << 20: 1500, 8 << 20: 700, 16 << 20: 300, 32 << 20: 100, 48 << 20: 100, 64 << 20: 100, 1 << 40: 100,
	} {
		if got := percentFor(live); got != want {
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
	stop := keepHeapFloor()
	kept := collections(500)
	again := collections(500)
	stop()
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
	stop := keepHeapFloor()
	runtime.GC()
	if percent := debug.SetGCPercent(told); percent != told {
		t.Errorf("the percentage is %d, not the %d that GOGC says", percent, told)
	}
	stop()
	if percent := debug.SetGCPercent(told); percent != told {
		t.Errorf("the percentage is %d after all, not %d", percent, told)
	}
}
