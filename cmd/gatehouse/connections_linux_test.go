package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestManyConnections has 1,000 callers send 100 KB each at the same time, most of
// it white space, over connections of their own: none is refused, and the process
// stays below 256 MB.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand connections take a while; run without -short")
	}
	const callers, size, most = 1000, 100 << 10, 256 << 20
	p := startAttacked(t)
	order, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		t.Fatal(err)
	}
	order = bytes.Replace(order, []byte("<o:Lines>"), []byte("<o:Lines>"+strings.Repeat(" ", size-len(order))), 1)
	p.resetPeak(t)
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		answers = map[int]int{}
		last    string
	)
	for i := range callers {
		body := strings.NewReplacer("erp-0001", fmt.Sprint("many-", i), "PO-1001", fmt.Sprint("MC-", i)).Replace(string(order))
		all.Go(func() {
			status, answer := p.send(attack{body: func() string { return body }})
			mu.Lock()
			defer mu.Unlock()
			answers[status]++
			if status != 200 {
				last = answer
			}
		})
	}
	all.Wait()
	if answers[200] != callers {
		t.Errorf("answers by status: %v; %.500s", answers, last)
	}
	peak := p.memory(t, "VmHWM")
	t.Logf("%d MB at most", peak>>20)
	if peak > most {
		t.Errorf("%d MB were resident", peak>>20)
	}
}
