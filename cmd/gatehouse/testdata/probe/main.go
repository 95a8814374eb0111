// Command probe tries what a confined process must not be able to do, and prints
// what came of each try. Tests of deploy/gatehouse.service run it, with the id of
// a process outside.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// page is enough of every kind of memory.
const page = 4096

var attempts = []struct {
	name string
	try  func() error
}{
	{"write to the system", func() error { return os.WriteFile("/usr/probe", nil, 0o600) }},
	{"write to the configuration", func() error { return os.WriteFile("/etc/gatehouse/probe", nil, 0o600) }},
	{"write to a secret", func() error { return os.WriteFile("/etc/gatehouse/secrets/sql", nil, 0o600) }},
	{"see other processes", func() error { _, err := os.Stat("/proc/" + os.Args[1]); return err }},
	{"change the kernel's settings", func() error { return os.WriteFile("/proc/sys/kernel/hostname", []byte("x"), 0) }},
	{"open a raw socket", socket(unix.AF_INET, unix.SOCK_RAW)},
	{"make itself root", func() error { return unix.Setuid(0) }},
	{"mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
	{"open a netlink socket", socket(unix.AF_NETLINK, unix.SOCK_RAW)},
	{"open a packet socket", socket(unix.AF_PACKET, unix.SOCK_DGRAM)},
	{"map memory to write and execute", func() error { return mapped(unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC) }},
	{"make memory executable", executable},
	{"make a user namespace", userNamespace},
	{"make a network namespace", func() error { return unix.Unshare(unix.CLONE_NEWNET) }},
	{"change its personality", func() error { _, _, e := unix.RawSyscall(unix.SYS_PERSONALITY, 0x0040000, 0, 0); return number(e) }},
	{"make a file that runs as its owner", setUID},
	{"use io_uring", func() error { _, _, e := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); return number(e) }},
	{"load a filter into the kernel", func() error { _, _, e := unix.RawSyscall(unix.SYS_BPF, 0, 0, 0); return number(e) }},
	{"set the clock", func() error { return unix.Settimeofday(&unix.Timeval{}) }},
}

func main() {
	if os.Args[1] == "end" {
		return
	}
	for _, a := range attempts {
		if err := a.try(); err != nil {
			fmt.Printf("%s: %v\n", a.name, err)
			continue
		}
		fmt.Printf("%s: done\n", a.name)
	}
}

func number(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func socket(family, kind int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
}

func mapped(protection int) error {
	b, err := unix.Mmap(-1, 0, page, protection, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil {
		err = unix.Munmap(b)
	}
	return err
}

func executable() error {
	b, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil // it is not this that is tried
	}
	return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
}

// userNamespace begins a process in one, as a process of several threads must.
func userNamespace() error {
	cmd := exec.Command("/proc/self/exe", "end")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	err := cmd.Run()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func setUID() error {
	const name = "/tmp/probe"
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return nil // it is not this that is tried
	}
	return unix.Chmod(name, unix.S_ISUID|0o700)
}
