package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a console's interrupts from a process.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
