//go:build crash

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// trigger is read once, at the first failpoint that is reached.
var trigger = sync.OnceValue(func() *bomb {
	return newBomb(os.Getenv("GATEHOUSE_CRASH_AT"), os.Getenv("GATEHOUSE_CRASH_WHEN"))
})

// bomb is where and when the process dies. It is safe for concurrent use.
type bomb struct {
	name, value string       // no value: any
	left        atomic.Int64 // how often it has to be reached
	file        string       // that has to be there; empty: none
	armed       atomic.Bool  // it is there
}

func newBomb(at, when string) *bomb {
	b := &bomb{name: at, file: when}
	if name, value, found := strings.Cut(at, "="); found {
		b.name, b.value = name, value
	}
	name, count, _ := strings.Cut(b.name, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	b.name = name
	b.left.Store(n)
	return b
}

// goesOff counts that the failpoint was reached, and reports whether that was
// the last time.
func (b *bomb) goesOff(name, value string) bool {
	return b.name == name && (b.value == "" || b.value == value) && b.live() && b.left.Add(-1) <= 0
}

// live reports whether it is time to count.
func (b *bomb) live() bool {
	if b.file == "" || b.armed.Load() {
		return true
	}
	_, err := os.Stat(b.file)
	b.armed.Store(err == nil)
	return err == nil
}

// Hit kills the process, without any cleaning up, when the environment says
// that it dies at this failpoint.
func Hit(name string) {
	if trigger().goesOff(name, "") {
		die()
	}
}

// HitFor is Hit at a place that is passed with a value: a message's identity,
// for one that kills whoever handles it.
func HitFor(name, value string) {
	if trigger().goesOff(name, value) {
		die()
	}
}

// die ends the process as a power failure would: nothing deferred runs, no
// buffer is flushed.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		os.Exit(137)
	}
	select {}
}
