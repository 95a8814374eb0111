package soap

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// stopHandshakes has the kernel drop what would begin a new connection to the
// listener, so that those which have begun can be served to the last before it
// is closed. The caller's system tries again and is then refused, or finds who
// listens next.
func stopHandshakes(listener net.Listener) error {
	tcp, ok := listener.(syscall.Conn)
	if !ok {
		return errors.New("the listener is no socket")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	const tcpFlags, syn, ack = 13, 0x02, 0x10 // offset in the TCP header, and two of the flags (RFC 9293 §3.1)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: tcpFlags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},          // drop
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff}, // keep whole
	}
	var attached error
	err = raw.Control(func(fd uintptr) {
		attached = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	if err = errors.Join(err, attached); err != nil {
		return fmt.Errorf("stopping new connections: %w", err)
	}
	return nil
}
