package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	embedded "github.com/gatehouse/gatehouse/adapters/embedded/broker"
)

// swallower stands before a broker and swallows some of its answers: the
// connection lives on, and they never come.
type swallower struct {
	listener net.Listener
	target   string
	method   uint32 // that is swallowed: class and number, AMQP 0-9-1 §1.2
	left     atomic.Int32
	running  sync.WaitGroup
}

func newSwallower(t *testing.T, target string, method uint32) *swallower {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &swallower{listener: listener, target: target, method: method}
	s.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { s.carry(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.running.Wait()
	})
	return s
}

func (s *swallower) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", s.target)
	if err != nil {
		return
	}
	s.running.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	for {
		frame := make([]byte, 7)
		if _, err := io.ReadFull(server, frame); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(frame[3:])+1)
		if _, err := io.ReadFull(server, rest); err != nil {
			return
		}
		const aMethod = 1
		if frame[0] == aMethod && binary.BigEndian.Uint32(rest) == s.method && s.left.Add(-1) >= 0 {
			continue
		}
		if _, err := client.Write(append(frame, rest...)); err != nil {
			return
		}
	}
}

// TestMuteBroker: whatever the broker owes an answer to is asked again, over
// another connection.
func TestMuteBroker(t *testing.T) {
	for name, method := range map[string]uint32{"a consumer": 60<<16 | 21, "a publication": 60<<16 | 80, "a look at a queue": 50<<16 | 11} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, h := behind(t, method, 2)
			l := b.listen(h)
			defer close(l.over)
			p, err := newProducer(b, h, (&settings{}).chance(1))
			if err != nil {
				t.Fatal(err)
			}
			o := newOrder("S0", 1)
			p.publish(t.Context(), o)
			if err := p.close(); err != nil || !h.account().acknowledged[o.Identity] {
				t.Errorf("publishing: %v, acknowledged %v", err, h.account().acknowledged)
			}
			insist(t, "a look", func() error { _, err := b.waiting(); return err })
			insist(t, "the last words", func() error {
				err := l.finish(t.Context(), 10*time.Second)
				if errors.Is(err, errMute) {
					return err
				}
				if err != nil {
					t.Fatal(err)
				}
				return nil
			})
			b.tally.mu.Lock()
			defer b.tally.mu.Unlock()
			if b.tally.mute == 0 {
				t.Error("nothing was owed")
			}
		})
	}
}

// TestDeafClient: a client that waits on when its connection is gone is left alone.
func TestDeafClient(t *testing.T) {
	b, _ := behind(t, 0, 0)
	over := make(chan struct{})
	defer close(over)
	err := b.ask(func(*amqp091.Channel) error { <-over; return nil })
	if !errors.Is(err, errMute) || !strings.Contains(err.Error(), "the client waits on") || b.tally.mute != 1 {
		t.Errorf("%v, mute %d", err, b.tally.mute)
	}
	insist(t, "a look", func() error { _, err := b.waiting(); return err })
}

// insist repeats what fails because the broker owed an answer.
func insist(t *testing.T, what string, do func() error) {
	t.Helper()
	var err error
	for range 5 {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// behind is a broker with the campaign's queues, some of whose next answers never
// come.
func behind(t *testing.T, method uint32, times int32) (*broker, *history) {
	t.Helper()
	server, err := embedded.Listen(embedded.Config{Login: embedded.Users(map[string]string{"gatehouse": "secret"})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s := newSwallower(t, server.Addr(), method)
	b, err := openBroker("amqp://gatehouse:secret@"+s.listener.Addr().String(), "mute", "quorum", &tally{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.hangUp)
	b.patience, b.wire.patience = 300*time.Millisecond, 300*time.Millisecond
	s.left.Store(times)
	return b, newHistory()
}
