package amqp

import (
	"context"
	"net"
	"sync"
	"time"
)

// link is a socket whose writes end: a broker that reads no further must not
// hold a writer for ever.
//
// The library writes to it after every message. Whoever sends many in a row has
// it gather them, since a system call for each costs more than all the rest of
// publishing, on both sides.
type link struct {
	net.Conn
	writeTimeout time.Duration

	mu        sync.Mutex
	gathering bool
	gathered  []byte
}

// maxGathered is how many bytes go out at once at the latest: the broker is to have
// something to do while the next ones are made.
const maxGathered = 32 << 10

func dialLink(ctx context.Context, network, address string, writeTimeout time.Duration) (*link, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &link{Conn: conn, writeTimeout: writeTimeout}, nil
}

// Write sets a new deadline for every write. While the link gathers it may keep
// the bytes back until flush is called.
func (l *link) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gathering {
		return l.write(b)
	}
	l.gathered = append(l.gathered, b...)
	if len(l.gathered) < maxGathered {
		return len(b), nil
	}
	if err := l.out(); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (l *link) write(b []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(l.writeTimeout)); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

// out writes what was gathered.
func (l *link) out() error {
	if len(l.gathered) == 0 {
		return nil
	}
	_, err := l.write(l.gathered)
	l.gathered = l.gathered[:0]
	return err
}

// gather has the link keep back what is written until flush. Nobody may wait for
// anything in between: heartbeats are kept back, too.
func (l *link) gather() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering = true
}

// flush writes what was kept back, and ends the gathering.
func (l *link) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering = false
	return l.out()
}

// abort closes the socket without a word; whatever uses it ends.
func (l *link) abort() { l.Conn.Close() }
