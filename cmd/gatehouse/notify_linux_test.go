package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager is systemd's end of the notification socket.
type manager struct {
	*net.UnixConn
	path string
}

func listenAsManager(t *testing.T) manager {
	t.Helper()
	path := filepath.Join(publicDir(t, 0o755), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		err = os.Chmod(path, 0o777) // as systemd's is
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return manager{conn, path}
}

// next waits for the next datagram and wants it to match.
func (m manager) next(t *testing.T, pattern string) {
	t.Helper()
	if err := m.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := m.Read(buffer)
	if err != nil {
		t.Fatalf("waiting for %s: %v", pattern, err)
	}
	if !regexp.MustCompile(`\A` + pattern + `\z`).Match(buffer[:n]) {
		t.Fatalf("the manager was told %q, want %s", buffer[:n], pattern)
	}
}

func TestNotify(t *testing.T) {
	m := listenAsManager(t)
	told := serviceManager{m.path}
	if err := told.ready("serving\nwell"); err != nil {
		t.Error(err)
	}
	m.next(t, `READY=1\nSTATUS=serving well`)
	if err := told.reloading(); err != nil {
		t.Error(err)
	}
	m.next(t, `RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+`)
	if err := told.stopping(); err != nil {
		t.Error(err)
	}
	m.next(t, `STOPPING=1\nSTATUS=draining`)
}

// TestNotifyAbstract speaks to a socket that is no file, as systemd has them in
// some settings.
func TestNotifyAbstract(t *testing.T) {
	name := "@gatehouse-" + filepath.Base(t.TempDir()) + strings.ReplaceAll(t.TempDir(), "/", "-")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := (serviceManager{name}).stopping(); err != nil {
		t.Error(err)
	}
	manager{conn, name}.next(t, `STOPPING=1\nSTATUS=draining`)
}

func TestNotifyNobody(t *testing.T) {
	for _, say := range []func(serviceManager) error{
		serviceManager.reloading, serviceManager.stopping,
		func(m serviceManager) error { return m.ready("serving") },
	} {
		if err := say(serviceManager{}); err != nil {
			t.Errorf("without a manager: %v", err)
		}
		if err := say(serviceManager{filepath.Join(t.TempDir(), "nobody")}); err == nil {
			t.Error("a manager that is gone goes unnoticed")
		}
	}
}

// TestServeNotifies follows a process through its life as systemd does.
func TestServeNotifies(t *testing.T) {
	m, run := listenAsManager(t), newPlainRun(t)
	cmd := exec.Command("gatehouse", "serve", "-c", run.file, "--log-level", "error")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	m.next(t, `READY=1\nSTATUS=serving configuration [0-9a-f]+`)
	if got := run.order(t).status; got != 200 {
		t.Errorf("once it is ready an order is answered with %d", got)
	}
	signalAndFollow(t, cmd.Process.Pid, m)
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// signalAndFollow has a process reload, then reload what is wrong, then end.
func signalAndFollow(t *testing.T, pid int, m manager) {
	t.Helper()
	for range 2 {
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		m.next(t, `RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+`)
		m.next(t, `READY=1\nSTATUS=serving configuration [0-9a-f]+`)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.next(t, `STOPPING=1\nSTATUS=draining`)
}
