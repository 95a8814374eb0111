package amqp_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// BenchmarkPublish publishes windows of 100 deliveries of 1 KiB to the embedded
// broker; one operation is one delivery.
func BenchmarkPublish(b *testing.B) {
	for _, window := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			_, s := startBroker(b, broker.Config{})
			benchmarkPublish(b, s, window)
		})
	}
}

// BenchmarkPublishRabbitMQ does the same against a RabbitMQ.
func BenchmarkPublishRabbitMQ(b *testing.B) {
	s := realBroker(b)
	for _, window := range []int{1, 100} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) { benchmarkPublish(b, s, window) })
	}
}

func benchmarkPublish(b *testing.B, s server, window int) {
	conf := amqp.Config{
		URLs: []string{"amqp://" + s.address}, Username: s.user, Password: config.NewSecret(s.password),
		PublishWindow: window, ConfirmTimeout: time.Minute,
	}
	c := newClient(b, conf, b.Output())
	name := "gatehouse.bench." + b.Name()
	err := c.Declare(b.Context(), amqp.Topology{
		Exchanges: []amqp.Exchange{{Name: name, Kind: "topic"}},
		Queues:    []amqp.Queue{{Name: name, Args: map[string]any{"x-max-length": int32(1000)}}},
		Bindings:  []amqp.Binding{{Exchange: name, Queue: name, Key: "#"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	p := c.Publisher("bench", amqp.Channel{Exchange: name})
	defer p.Close(b.Context())
	sent := gatewaytest.Deliveries(max(100, window), routable)
	for i := range sent {
		sent[i].Body = make([]byte, 1024)
	}
	b.ReportAllocs()
	for done := 0; b.Loop(); done++ {
		if done%len(sent) != 0 {
			continue // one call of Publish counts as len(sent) operations
		}
		for _, err := range p.Publish(b.Context(), sent) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkConsume takes messages of 1 KiB from a queue, bare with one
// acknowledgement for each sixty-four, and through a consumer to a core that
// does nothing; one operation is one message.
func BenchmarkConsume(b *testing.B) {
	servers := map[string]func(*testing.B) server{
		"embedded": func(b *testing.B) server { _, s := startBroker(b, broker.Config{}); return s },
		"rabbitmq": func(b *testing.B) server { return realBroker(b) },
	}
	ways := map[string]func(b *testing.B, s server, queue string){"bare": consumeBare, "consumer": consumeAll}
	for _, where := range []string{"embedded", "rabbitmq"} {
		for _, how := range []string{"bare", "consumer"} {
			b.Run(where+"/"+how, func(b *testing.B) {
				s := servers[where](b)
				queue := fillQueue(b, s, b.N)
				b.ReportAllocs()
				b.ResetTimer()
				ways[how](b, s, queue)
			})
		}
	}
}

// fillQueue makes a queue with n messages.
func fillQueue(b *testing.B, s server, n int) string {
	conn, err := driver.Dial(s.url())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	name := "gatehouse.bench." + rand.Text()
	if err == nil {
		_, err = ch.QueueDeclare(name, true, false, false, false, ordered)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ch.QueueDelete(name, false, false, false) })
	body := append([]byte("<o>"), make([]byte, 1021)...)
	var last *driver.DeferredConfirmation
	for i := range n {
		last, err = ch.PublishWithDeferredConfirm("", name, false, false, driver.Publishing{
			MessageId: fmt.Sprint(i), ContentType: "application/xml", DeliveryMode: driver.Persistent, Body: body,
		})
		if err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			last.Wait()
		}
	}
	last.Wait()
	return name
}

func consumeBare(b *testing.B, s server, queue string) {
	conn, err := driver.Dial(s.url())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Qos(256, 0, false)
	}
	if err != nil {
		b.Fatal(err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	for n := 1; n <= b.N; n++ {
		d := <-deliveries
		if n%64 == 0 || n == b.N {
			if err := d.Ack(true); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// instantCore commits at once.
type instantCore struct{ left chan struct{} }

type instantTicket struct {
	core    instantCore
	settled chan struct{}
}

func (c instantCore) Prepare(context.Context, *gateway.Arrival) amqp.Ticket {
	return &instantTicket{core: c, settled: make(chan struct{})}
}

func (c instantCore) TakeAlone(context.Context, *gateway.Arrival) (*gateway.Receipt, error) {
	c.left <- struct{}{}
	return &gateway.Receipt{}, nil
}

func (c instantCore) Ready(context.Context) error { return nil }

func (k *instantTicket) Submit(context.Context, *gateway.Source) { close(k.settled) }
func (k *instantTicket) Settled() <-chan struct{}                { return k.settled }
func (k *instantTicket) Drop()                                   { close(k.settled) }

func (k *instantTicket) Result() (*gateway.Receipt, error) {
	k.core.left <- struct{}{}
	return &gateway.Receipt{}, nil
}

func consumeAll(b *testing.B, s server, queue string) {
	conf := amqp.Config{URLs: []string{"amqp://" + s.address}, Username: s.user, Password: config.NewSecret(s.password)}
	core := instantCore{make(chan struct{}, b.N)}
	c := newClient(b, conf, b.Output()).Consumer(amqp.Endpoint{Queue: queue, Sender: amqp.Sender{Fixed: "erp"}}, core)
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for range b.N {
		<-core.left
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
