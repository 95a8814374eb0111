package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFence plays acts on several gateways, which take their time: of three ends in a
// row there is always a fence that was put after the first and passed before the last,
// or a message could be in hand at all three and be taken for poison.
func TestFence(t *testing.T) {
	for _, gateways := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(gateways), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { fenced(t, gateways) })
		})
	}
}

func fenced(t *testing.T, gateways int) {
	f := newFence(nil)
	var mu sync.Mutex // guards ends
	var ends []time.Time
	var put, passed []time.Time // under f.mu
	var all sync.WaitGroup
	for n := range gateways {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(gateways), uint64(n)))
			for range 100 {
				err := f.admit(func() error {
					put = append(put, time.Now())
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					passed = append(passed, time.Now())
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				time.Sleep(time.Duration(random.IntN(4000)) * time.Millisecond)
				mu.Lock()
				ends = append(ends, time.Now())
				mu.Unlock()
				f.over()
			}
		})
	}
	all.Wait()
	slices.SortFunc(ends, time.Time.Compare)
	for i := range len(ends) - 2 {
		first, third := ends[i], ends[i+2]
		if !slices.ContainsFunc(put, func(at time.Time) bool {
			return !at.Before(first) && !passed[slices.Index(put, at)].After(third)
		}) {
			t.Fatalf("ends %d to %d have no fence between them", i+1, i+3)
		}
	}
}
