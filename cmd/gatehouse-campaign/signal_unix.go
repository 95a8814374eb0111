//go:build unix

package main

import (
	"os"
	"syscall"
)

// freeze and thaw stop a process in its tracks and let it go on.
var freeze, thaw os.Signal = syscall.SIGSTOP, syscall.SIGCONT
