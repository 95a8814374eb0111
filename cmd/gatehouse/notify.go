package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// notifyTimeout bounds each word to the service manager: it never holds the gateway.
const notifyTimeout = time.Second

// serviceManager is what started this process and wants to know how it fares:
// systemd, spoken to as sd_notify(3) has it. Where there is none, as in a
// container or a terminal, the zero value says nothing and returns no error.
// Its methods may be called by several goroutines at once.
type serviceManager struct{ socket string }

// newServiceManager finds the manager in the environment.
func newServiceManager() serviceManager { return serviceManager{os.Getenv("NOTIFY_SOCKET")} }

// ready says that the gateway serves, at the start and again after each
// reload, also after one that kept the old configuration. The status is one
// line for `systemctl status`.
func (m serviceManager) ready(status string) error {
	return m.tell("READY=1", "STATUS="+strings.ReplaceAll(status, "\n", " "))
}

// reloading says that a reload has begun; ready ends it.
func (m serviceManager) reloading() error {
	now, err := monotonic()
	if err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return m.tell("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Microseconds()))
}

// stopping says that the gateway drains and will end.
func (m serviceManager) stopping() error { return m.tell("STOPPING=1", "STATUS=draining") }

// tell sends assignments in one datagram. A leading @ names an abstract socket,
// as the net package has it too.
func (m serviceManager) tell(assignments ...string) error {
	if m.socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}
