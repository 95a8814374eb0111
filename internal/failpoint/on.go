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
var trigger = sync.OnceValue(func() *countdown {
	name, count, _ := strings.Cut(os.Getenv("GATEHOUSE_CRASH_AT"), ":")
	c := &countdown{name: name}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	c.left.Store(n)
	return c
})

type countdown struct {
	name string
	left atomic.Int64
}

// Hit kills the process, without any cleaning up, when the environment says
// that it dies at this failpoint.
func Hit(name string) {
	c := trigger()
	if c.name != name || c.left.Add(-1) > 0 {
		return
	}
	die()
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
