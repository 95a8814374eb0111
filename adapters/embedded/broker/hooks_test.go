package broker_test

import (
	"context"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
)

func TestHooks(t *testing.T) {
	b := start(t, broker.Config{})
	conn := dial(t, b, "guest", "guest")
	c := channel(t, conn)
	c.queue("q", nil)
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	b.Block("memory")
	c.publish("", "q", "late")
	if got := <-blocked; !got.Active || got.Reason != "memory" {
		t.Errorf("blocked: %+v", got)
	}
	if n := b.Depth("q"); n != 0 {
		t.Errorf("%d messages got past the alarm", n)
	}
	b.Block("")
	if got := <-blocked; got.Active {
		t.Errorf("unblocked: %+v", got)
	}
	await(t, "the message", func() bool { return b.Depth("q") == 1 })

	b.RefuseConnections(true)
	if _, err := amqp.Dial(b.URL()); err == nil {
		t.Error("a refused connection was opened")
	}
	b.RefuseConnections(false)
	b.DropConnections()
	if err := <-conn.NotifyClose(make(chan *amqp.Error, 1)); err == nil && !conn.IsClosed() {
		t.Error("the connection survived")
	}
	await(t, "the broker to forget it", func() bool { return b.Connections() == 0 })
	if n := b.Depth("q"); n != 1 {
		t.Errorf("%d messages after the cut, want 1", n)
	}
	if n := b.Depth("no such queue"); n != -1 {
		t.Errorf("depth of no queue: %d", n)
	}
	if n := b.Held("no such queue"); n != -1 {
		t.Errorf("no queue holds %d", n)
	}
}

// TestHeld counts a message until its acknowledgement has come, and again when the
// connection that has it in hand is cut.
func TestHeld(t *testing.T) {
	b := start(t, broker.Config{})
	c := channel(t, dial(t, b, "guest", "guest"))
	c.queue("q", nil)
	c.queue("other", nil)
	c.publish("", "q", "first")
	c.publish("", "q", "second")
	await(t, "the messages", func() bool { return b.Held("q") == 2 })
	deliveries, err := c.Consume("q", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := <-deliveries
	await(t, "both to be in hand", func() bool { return b.Depth("q") == 0 })
	if n := b.Held("q"); n != 2 {
		t.Errorf("%d are held in hand, want 2", n)
	}
	if err := first.Ack(false); err != nil {
		t.Fatal(err)
	}
	await(t, "the acknowledgement", func() bool { return b.Held("q") == 1 })
	b.DropConnections()
	await(t, "the rest to be back", func() bool { return b.Depth("q") == 1 })
	if q, other := b.Held("q"), b.Held("other"); q != 1 || other != 0 {
		t.Errorf("%d and %d are held after the cut, want 1 and 0", q, other)
	}
}

func TestFreeze(t *testing.T) {
	b := start(t, broker.Config{})
	c := open(t, b)
	c.queue("q", nil)
	b.Freeze(true)
	answer := make(chan error, 1)
	go func() { answer <- c.QueueBind("q", "k", "amq.topic", false, nil) }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	select {
	case err := <-answer:
		t.Errorf("a frozen broker answered: %v", err)
	case <-ctx.Done():
	}
	b.Freeze(false)
	if err := <-answer; err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

// TestCloseWhileBusy closes under load, frozen and blocked: start's clean-up
// finds what is left.
func TestCloseWhileBusy(t *testing.T) {
	for name, hook := range map[string]func(*broker.Broker){
		"load":    func(*broker.Broker) {},
		"frozen":  func(b *broker.Broker) { b.Freeze(true) },
		"blocked": func(b *broker.Broker) { b.Block("disk") },
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, broker.Config{})
			c := open(t, b)
			c.queue("q", amqp.Table{"x-message-ttl": int32(60_000)})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for c.Publish("", "q", false, false, amqp.Publishing{Body: make([]byte, 1000)}) == nil {
				}
			}()
			await(t, "messages", func() bool { return b.Depth("q") > 10 })
			hook(b)
			b.Close()
			<-ended
		})
	}
}

// TestGarbage sends what is no AMQP, at every stage: the broker hangs up and
// serves others.
func TestGarbage(t *testing.T) {
	b := start(t, broker.Config{})
	header := "AMQP\x00\x00\x09\x01"
	for name, bytes := range map[string]string{
		"nothing": "", "http": "GET / HTTP/1.1\r\n\r\n", "other version": "AMQP\x00\x01\x00\x00",
		"huge frame": header + "\x01\x00\x00\xff\xff\xff\xff", "no end": header + "\x01\x00\x00\x00\x00\x00\x04abcd\x00",
		"wrong method": header + "\x01\x00\x00\x00\x00\x00\x04\x00\x3c\x00\x28\xce", "short arguments": header + "\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0b\xce",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write([]byte(bytes))
			conn.(*net.TCPConn).CloseWrite()
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			buf := make([]byte, 4096)
			for err == nil {
				_, err = conn.Read(buf)
			}
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Error("the broker did not hang up")
			}
		})
	}
	open(t, b).queue("q", nil)
}
