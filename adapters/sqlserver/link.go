package sqlserver

import (
	"net"
	"sync"
	"time"
)

// link is a connection on which nothing lasts for ever: while it is being made
// the end of the login bounds every read and write, afterwards each request has
// to be answered, to the last byte, within a time limit. A server that falls
// silent is bounded by that, and so is one that dribbles.
type link struct {
	net.Conn
	limit time.Duration // from the first byte of a request to the last of its answer

	mu       sync.Mutex // the driver reads in a goroutine of its own
	loggedIn bool
	answered bool      // something was read since the request began
	until    time.Time // when the login, or the request under way, is over time
}

func newLink(conn net.Conn, loginEnd time.Time, limit time.Duration) *link {
	return &link{Conn: conn, limit: limit, until: loginEnd}
}

// established ends the login.
func (l *link) established() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loggedIn, l.answered = true, true
}

// deadline is when the request under way is over time. A write after an answer
// begins a new one.
func (l *link) deadline(writing bool) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if writing && l.loggedIn && l.answered {
		l.answered = false
		l.until = time.Now().Add(l.limit)
	}
	return l.until
}

// Read implements net.Conn.
func (l *link) Read(b []byte) (int, error) {
	if err := l.SetReadDeadline(l.deadline(false)); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(b)
	if n > 0 {
		l.mu.Lock()
		l.answered = true
		l.mu.Unlock()
	}
	return n, err
}

// Write implements net.Conn.
func (l *link) Write(b []byte) (int, error) {
	if err := l.SetWriteDeadline(l.deadline(true)); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

// alive reports whether the server has left the link open, which is known here
// without asking it: after a restart every idle connection has an end waiting
// to be read. An idle link has nothing else to read.
func (l *link) alive() bool { return quiet(l.Conn) }
