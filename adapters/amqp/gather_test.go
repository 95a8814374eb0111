package amqp

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// written is a socket that counts what is written to it.
type written struct {
	net.Conn
	writes int
	bytes.Buffer
	fails error
}

func (w *written) Write(b []byte) (int, error) {
	if w.fails != nil {
		return 0, w.fails
	}
	w.writes++
	return w.Buffer.Write(b)
}

func (w *written) Read(b []byte) (int, error)       { return w.Buffer.Read(b) }
func (w *written) SetWriteDeadline(time.Time) error { return nil }

// A link that gathers writes everything once, in order, and what comes later at once.
func TestLinkGathers(t *testing.T) {
	to := &written{}
	l := &link{Conn: to}
	say := func(text string) {
		if n, err := io.WriteString(l, text); n != len(text) || err != nil {
			t.Fatalf("%d bytes were written: %v", n, err)
		}
	}
	say("a")
	l.gather()
	say("b")
	l.gather()
	say("c")
	if to.writes != 1 {
		t.Errorf("%d writes before the flush, want the first", to.writes)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	say("d")
	if got := to.String(); got != "abcd" || to.writes != 3 {
		t.Errorf("%q in %d writes", got, to.writes)
	}
	if err := l.flush(); err != nil || to.writes != 3 {
		t.Errorf("a flush of nothing: %d writes, %v", to.writes, err)
	}
}

// It keeps back no more than its bound, and tells who flushes what failed.
func TestLinkGathersOnlySoMuch(t *testing.T) {
	to := &written{}
	l := &link{Conn: to}
	l.gather()
	part := make([]byte, 1000)
	for range 100 {
		if _, err := l.Write(part); err != nil {
			t.Fatal(err)
		}
		if len(l.gathered) >= maxGathered {
			t.Fatalf("%d bytes are kept back", len(l.gathered))
		}
	}
	if to.writes == 0 || to.writes > 100*len(part)/maxGathered+1 {
		t.Errorf("%d writes", to.writes)
	}
	to.fails = io.ErrClosedPipe
	if _, err := l.Write(part); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != io.ErrClosedPipe {
		t.Errorf("the flush says %v", err)
	}
}
