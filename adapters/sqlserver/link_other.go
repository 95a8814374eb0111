//go:build !unix

package sqlserver

import (
	"errors"
	"net"
	"os"
	"time"
)

// glance is how long quiet looks, where a socket cannot be peeked into.
const glance = time.Millisecond

// quiet reports whether there is nothing to read, not even an end.
func quiet(conn net.Conn) bool {
	if err := conn.SetReadDeadline(time.Now().Add(glance)); err != nil {
		return false
	}
	var b [1]byte
	_, err := conn.Read(b[:])
	return errors.Is(err, os.ErrDeadlineExceeded)
}
