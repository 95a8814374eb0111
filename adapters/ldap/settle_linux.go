package ldap

import (
	"syscall"
	"time"
)

// doze sleeps for d to within some ten microseconds. It blocks a thread of the
// process for so long.
func doze(d time.Duration) {
	left := syscall.NsecToTimespec(max(d, 0).Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR { // by a signal
	}
}
