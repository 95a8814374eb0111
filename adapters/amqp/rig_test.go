package amqp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

const (
	user     = "gatehouse"
	password = "gatehouse-secret"
	routable = "orders.new"
	nowhere  = "nowhere"
)

// server is a broker to publish to: where it listens, and who may log in.
type server struct {
	address  string
	user     string
	password string
}

func (s server) url() string {
	return (&url.URL{Scheme: "amqp", User: url.UserPassword(s.user, s.password), Host: s.address}).String()
}

func startBroker(t testing.TB, conf broker.Config) (*broker.Broker, server) {
	t.Helper()
	noLeaks(t)
	return anotherBroker(t, conf)
}

// anotherBroker starts one beside that of startBroker, which minds the leaks of both.
func anotherBroker(t testing.TB, conf broker.Config) (*broker.Broker, server) {
	t.Helper()
	conf.Login = broker.Users(map[string]string{user: password})
	b, err := broker.Listen(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, server{b.Addr(), user, password}
}

// realBroker is the one that GATEHOUSE_TEST_AMQP names.
func realBroker(t testing.TB) server {
	t.Helper()
	noLeaks(t)
	text := os.Getenv("GATEHOUSE_TEST_AMQP")
	if text == "" && os.Getenv("CI") == "true" {
		t.Fatal("GATEHOUSE_TEST_AMQP holds no URL; testdata/rabbitmq/rabbitmq.sh starts a RabbitMQ")
	}
	if text == "" {
		t.Skip("set GATEHOUSE_TEST_AMQP to the URL of a RabbitMQ, amqp://user:password@host:port")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	return server{u.Host, u.User.Username(), secret}
}

// rig is a broker with an exchange and a queue of the test's own, a proxy in
// front of it, and a way to look into the queue.
type rig struct {
	server   server
	proxy    *proxy
	exchange string
	queue    string
	admin    *driver.Channel
	log      *logBuffer
	registry *prometheus.Registry
	metrics  *amqp.Metrics
}

func newRig(t *testing.T, s server, args driver.Table) *rig {
	t.Helper()
	r := &rig{server: s, proxy: newProxy(t, s.address), exchange: "gatehouse.test." + rand.Text(), log: &logBuffer{out: t.Output()}}
	r.registry = prometheus.NewRegistry()
	r.metrics = amqp.NewMetrics(r.registry)
	r.queue = r.exchange + ".queue"
	conn, err := driver.Dial(s.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if r.admin, err = conn.Channel(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.admin.QueueDelete(r.queue, false, false, false)
		r.admin.ExchangeDelete(r.exchange, false, false)
	})
	r.declare(t, args)
	return r
}

func (r *rig) declare(t *testing.T, args driver.Table) {
	t.Helper()
	if err := r.admin.ExchangeDeclare(r.exchange, "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.admin.QueueDeclare(r.queue, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	if err := r.admin.QueueBind(r.queue, "orders.*", r.exchange, false, nil); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) config() amqp.Config {
	return amqp.Config{
		URLs: []string{r.proxy.url()}, Username: r.server.user, Password: config.NewSecret(r.server.password),
		ConnectTimeout: 5 * time.Second, Heartbeat: time.Second,
	}
}

// client makes one whose metrics and log are the rig's.
func (r *rig) client(t *testing.T, conf amqp.Config, clock amqp.Clock) *amqp.Client {
	t.Helper()
	c, err := amqp.New(conf, slog.New(slog.NewTextHandler(r.log, nil)), clock, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// measured is the sum of a metric over its labels.
func (r *rig) measured(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "gatehouse_amqp_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// publisher starts one that is closed at the end of the test.
func (r *rig) publisher(t *testing.T, conf amqp.Config) *amqp.Publisher {
	t.Helper()
	p := newClient(t, conf, r.log).Publisher("order-events", amqp.Channel{Exchange: r.exchange})
	t.Cleanup(func() { closePublisher(t, p) })
	return p
}

func newClient(t testing.TB, conf amqp.Config, log io.Writer) *amqp.Client {
	t.Helper()
	c, err := amqp.New(conf, slog.New(slog.NewTextHandler(log, nil)), amqp.SystemClock{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closePublisher(t *testing.T, p *amqp.Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Errorf("closing the publisher: %v", err)
	}
}

// receive takes n messages off the queue; each must come within ten seconds.
func (r *rig) receive(t *testing.T, n int) []gateway.Delivery {
	t.Helper()
	out := make([]gateway.Delivery, 0, n)
	for len(out) < n {
		var m driver.Delivery
		await(t, "a message in the queue", func() bool {
			got, ok, err := r.admin.Get(r.queue, true)
			if err != nil {
				t.Fatal(err)
			}
			m = got
			return ok
		})
		out = append(out, delivery(m))
	}
	return out
}

func (r *rig) rest(t *testing.T) int {
	t.Helper()
	q, err := r.admin.QueueDeclarePassive(r.queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

// delivery reads a message back into what was published.
func delivery(m driver.Delivery) gateway.Delivery {
	text := func(header string) string { s, _ := m.Headers[header].(string); return s }
	shard, _ := m.Headers["x-gatehouse-shard"].(int32)
	seq, _ := m.Headers["x-gatehouse-seq"].(int64)
	id, _ := uuid.Parse(text("x-gatehouse-message"))
	return gateway.Delivery{
		Shard: int(shard), Seq: seq, WireID: m.MessageId, MessageID: id, OrderingKey: text("x-gatehouse-key"),
		RoutingKey: m.RoutingKey, Type: m.Type, ContentType: m.ContentType, Correlation: m.CorrelationId,
		TraceParent: text("traceparent"), CreatedAt: m.Timestamp, Body: m.Body,
	}
}

func oneDelivery(routingKey string) []gateway.Delivery { return gatewaytest.Deliveries(1, routingKey) }

func conformance(t *testing.T, s func(t *testing.T) server) {
	gatewaytest.TestPublisher(t, func(t *testing.T) *gatewaytest.PublisherRig {
		r := newRig(t, s(t), nil)
		return &gatewaytest.PublisherRig{
			Publisher: r.publisher(t, r.config()), Routable: routable, Unroutable: nowhere,
			Receive: r.receive, Rest: r.rest, SetDown: r.proxy.setDown,
		}
	})
}

// await polls a condition until it holds, for at most ten seconds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited a minute in vain for %s", what)
		}
	}
}

// noLeaks fails the test when, after all its clean-ups, goroutines of the
// packages under test or of the library still run.
func noLeaks(t testing.TB) {
	t.Cleanup(func() {
		var left string
		deadline := time.Now().Add(10 * time.Second)
		for left = leftovers(); left != "" && time.Now().Before(deadline); left = leftovers() {
			runtime.Gosched()
		}
		if left != "" {
			t.Errorf("goroutines left:\n%s", left)
		}
	})
}

func leftovers() string {
	buf := make([]byte, 1<<20)
	var out []string
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "amqp091-go.") || strings.Contains(stack, "adapters/amqp.") || strings.Contains(stack, "embedded/broker.") {
			out = append(out, stack)
		}
	}
	return strings.Join(out, "\n\n")
}

// logBuffer keeps log lines and passes them on.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(b)
	return l.out.Write(b)
}

func (l *logBuffer) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buf.String()), "\n")
}
