package amqp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
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
