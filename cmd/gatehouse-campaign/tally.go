package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally counts the violence that was done. It is safe for concurrent use.
type tally struct {
	mu      sync.Mutex
	points  map[string]int // crashes by failpoint
	random  int
	spared  int // killed after their failpoint was not reached
	stops   int
	slowest time.Duration // of the stops
	freezes int
	handed  int // of the freezes, those during which others went on
	cuts    int
	brokers int // kills of the broker
	mute    int // connections given up because the broker owed an answer
	storms  int
	lapses  int // of leases that could not be renewed in time
}

func (t *tally) reached(crashAt string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	point, _, _ := strings.Cut(crashAt, ":")
	t.points[point]++
}

func (t *tally) killed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.random++
}

func (t *tally) missed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spared++
}

func (t *tally) stopped(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops++
	t.slowest = max(t.slowest, took)
}

func (t *tally) thawed(othersWentOn bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.freezes++
	if othersWentOn {
		t.handed++
	}
}

func (t *tally) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cuts++
}

func (t *tally) felled() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.brokers++
}

func (t *tally) muted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mute++
}

func (t *tally) stormed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.storms++
}

func (t *tally) crashes() int {
	n := t.random + t.spared
	for _, count := range t.points {
		n += count
	}
	return n
}

// String is the line that says where processes died.
func (t *tally) String() string {
	out := fmt.Sprintf("died at random %d, past their failpoint %d", t.random, t.spared)
	for _, point := range slices.Sorted(maps.Keys(t.points)) {
		out += fmt.Sprintf(", %s %d", point, t.points[point])
	}
	return out + fmt.Sprintf("; connections cut %d, broker killed %d, mute %d, storms %d, leases lapsed %d", t.cuts, t.brokers, t.mute, t.storms, t.lapses)
}
