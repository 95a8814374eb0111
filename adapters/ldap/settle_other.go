//go:build !linux

package ldap

import "time"

// doze sleeps for d, as exactly as the system's timers are.
func doze(d time.Duration) { time.Sleep(d) }
