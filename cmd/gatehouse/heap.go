package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// heapFloor is how far the heap grows, in bytes, before it is collected. A gateway
// keeps a few megabytes and makes its messages' garbage many times a second: with
// Go's own rule, to collect when the heap has doubled, it collects all the time,
// and what pools hold for the next message is gone with it.
const heapFloor = 64 << 20

// Go's own percentage, and the most that a small heap is given.
const (
	usualPercent = 100
	mostPercent  = 1600
)

// keepHeapFloor lets the heap grow to heapFloor; past that Go's own rule holds, so
// that a large heap takes no more than it would. It looks after every collection.
// Whoever sets GOGC has decided otherwise. A memory limit (GOMEMLIMIT) holds in
// either case.
func keepHeapFloor() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	floor := new(floor)
	before := debug.SetGCPercent(percentFor(liveHeap()))
	floor.watch()
	return func() {
		floor.mu.Lock()
		defer floor.mu.Unlock()
		floor.stopped = true
		debug.SetGCPercent(before)
	}
}

// A floor is kept until it is stopped. The lock keeps a collection that ends
// meanwhile from setting its percentage after the one from before is back.
type floor struct {
	mu      sync.Mutex
	stopped bool
}

// percentFor is how many percent of what lives may be added to it.
func percentFor(live uint64) int {
	if live == 0 || live >= heapFloor {
		return usualPercent
	}
	return int(min(max((heapFloor-live)*100/live, usualPercent), mostPercent))
}

// watch sets the percentage anew after every collection: each ends the life of an
// object that nobody refers to.
func (f *floor) watch() {
	type sentinel struct{ _ *byte } // with a pointer: others may share their memory with what lives
	runtime.SetFinalizer(new(sentinel), func(*sentinel) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.stopped {
			return
		}
		debug.SetGCPercent(percentFor(liveHeap()))
		f.watch()
	})
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
