package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	benchChannel = "events"
	benchShards  = 4
	benchWindow  = 100
	benchBody    = 1024
)

// BenchmarkRelay carries deliveries of 1 KiB from an outbox in SQLite to an
// exchange, and in turn with it publishes as many of the same messages, properties and
// headers included, from a bare publisher: one connection, a hundred unconfirmed at a
// time, persistent, mandatory. The heap has the gateway's floor for both. One operation is one delivery, so that -benchtime 100000x is a run;
// it is cut into turns, and the metrics are medians over them: each rate in
// deliveries a second, the processor time of this process in microseconds a
// delivery, and the relay's share of the bare publisher's rate. The embedded
// broker is part of this process, RabbitMQ (GATEHOUSE_TEST_AMQP) is not.
func BenchmarkRelay(b *testing.B) {
	for _, where := range []string{"embedded", "rabbitmq"} {
		for _, keys := range []int{0, 4000, 8} {
			name := fmt.Sprintf("%s/keys=%d", where, keys)
			if keys == 0 {
				name = where + "/distinct"
			}
			b.Run(name, func(b *testing.B) {
				r := newRelayBench(b, where)
				r.compare(b, keys)
			})
		}
	}
}

// relayBench is an outbox in a file of its own, and a broker with an exchange and
// one queue.
type relayBench struct {
	store    *sqlite.Store
	raw      *sql.DB // the same file
	client   *amqp.Client
	url      string
	exchange string
	queue    string
	admin    *amqp091.Channel
	next     [benchShards]int64 // the last number given, by shard
}

func newRelayBench(b *testing.B, where string) *relayBench {
	name := "gatehouse.bench." + rand.Text()
	b.Cleanup(keepHeapFloor().giveUp)
	r := &relayBench{url: brokerURL(b, where), exchange: name, queue: name}
	file := filepath.Join(b.TempDir(), "relay.db")
	var err error
	if r.store, err = sqlite.Open(b.Context(), sqlite.Config{Driver: "sqlite", Path: config.Path(file), Shards: benchShards}, time.Now, slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.store.Close() })
	if _, err := r.store.Up(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	if r.raw, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.raw.Close() })
	r.connect(b)
	return r
}

// brokerURL starts an embedded broker, or finds the real one.
func brokerURL(b *testing.B, where string) string {
	if where == "rabbitmq" {
		text := os.Getenv("GATEHOUSE_TEST_AMQP")
		if text == "" {
			b.Skip("set GATEHOUSE_TEST_AMQP to the URL of a RabbitMQ, or run under testdata/servers/run.sh")
		}
		return text
	}
	embedded, err := broker.Listen(broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { embedded.Close() })
	return "amqp://guest:guest@" + embedded.Addr()
}

func (r *relayBench) connect(b *testing.B) {
	u, err := url.Parse(r.url)
	if err != nil {
		b.Fatal(err)
	}
	password, _ := u.User.Password()
	conf := amqp.Config{URLs: []string{"amqp://" + u.Host}, Username: u.User.Username(), Password: config.NewSecret(password)}
	if r.client, err = amqp.New(conf, slog.New(slog.NewTextHandler(b.Output(), nil)), amqp.SystemClock{}, nil); err != nil {
		b.Fatal(err)
	}
	conn, err := amqp091.Dial(r.url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	if r.admin, err = conn.Channel(); err != nil {
		b.Fatal(err)
	}
	if err := r.admin.ExchangeDeclare(r.exchange, "topic", true, false, false, false, nil); err != nil {
		b.Fatal(err)
	}
	_, err = r.admin.QueueDeclare(r.queue, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	if err == nil {
		err = r.admin.QueueBind(r.queue, "#", r.exchange, false, nil)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		r.admin.QueueDelete(r.queue, false, false, false)
		r.admin.ExchangeDelete(r.exchange, false, false)
	})
}

// fill puts n deliveries into the outbox, evenly over the shards, with keys
// ordering keys, or one for each delivery when keys is zero.
func (r *relayBench) fill(b *testing.B, n, keys int) {
	for shard := range benchShards {
		count := n / benchShards
		if shard < n%benchShards {
			count++
		}
		of := max(1, keys/benchShards)
		if keys == 0 {
			of = 1 << 40
		}
		_, err := r.raw.ExecContext(b.Context(), `INSERT INTO "gateway.shard" (channel, shard, next_seq) VALUES (?1, ?2, ?3)
			ON CONFLICT DO UPDATE SET next_seq = ?3`, benchChannel, shard, r.next[shard]+int64(count)+1)
		if err != nil {
			b.Fatal(err)
		}
		_, err = r.raw.ExecContext(b.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?4)
			INSERT INTO "gateway.outbox" (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			SELECT ?1, ?2, ?3 + i, printf('%02x%030x', ?2, ?3 + i), randomblob(16), printf('key-%d-%d', ?2, (?3 + i) % ?5), 'order.accepted', 'order', 'application/json', '', '', ?6, ?7
			FROM n WHERE ?4 > 0`, benchChannel, shard, r.next[shard], count, of, time.Now().UnixMilli(), []byte(strings.Repeat("gatehouse ", benchBody)[:benchBody]))
		if err != nil {
			b.Fatal(err)
		}
		r.next[shard] += int64(count)
	}
	if _, err := r.raw.ExecContext(b.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		b.Fatal(err)
	}
}

// countedStore tells when everything that waited is recorded as taken.
type countedStore struct {
	gateway.Store
	confirmed atomic.Int64
	calls     atomic.Int64
	watch     func(confirmed int64)
}

func (c *countedStore) Confirm(ctx context.Context, l gateway.Lease, seqs []int64) error {
	err := c.Store.Confirm(ctx, l, seqs)
	if err == nil {
		c.calls.Add(1)
		c.watch(c.confirmed.Add(int64(len(seqs))))
	}
	return err
}

// measure is what a turn took.
type measure struct {
	took time.Duration
	cpu  float64 // seconds, of this process
}

// measuring begins a measure, and returns how to end it.
func measuring() func() measure {
	runtime.GC()
	began, before := time.Now(), timesOf(os.Getpid())
	return func() measure {
		after := timesOf(os.Getpid())
		return measure{time.Since(began), after.user + after.system - before.user - before.system}
	}
}

// carry has a gateway relay what waits, and returns when all of it is recorded.
func (r *relayBench) carry(b *testing.B, n int) (m measure, store *countedStore) {
	done := make(chan struct{})
	store = &countedStore{Store: r.store}
	store.watch = func(confirmed int64) {
		if confirmed == int64(n) {
			close(done)
		}
	}
	measured := measuring()
	stop := r.relay(b, store, gateway.RelayConfig{})
	select {
	case <-done:
		m = measured()
	case <-time.After(20 * time.Minute):
		b.Errorf("%d of %d were carried", store.confirmed.Load(), n)
	}
	stop()
	return m, store
}

// relay starts a gateway that relays what waits, and returns how to stop it.
func (r *relayBench) relay(b *testing.B, store gateway.Store, config gateway.RelayConfig) (stop func()) {
	log := slog.New(slog.NewTextHandler(b.Output(), nil))
	publisher := r.client.Publisher(benchChannel, amqp.Channel{Exchange: r.exchange})
	generation, err := gateway.NewGeneration(gateway.Parts{Channels: []gateway.Channel{{Name: benchChannel, Publisher: publisher}}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	core := gateway.New(gateway.Config{Relay: config}, store, generation, time.Now, log)
	go func() { ended <- core.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := publisher.Close(context.WithoutCancel(ctx)); err != nil {
			b.Error(err)
		}
	}
}

// bare publishes n messages, with at most benchWindow of them unconfirmed.
func (r *relayBench) bare(b *testing.B, n int) {
	conn, err := amqp091.Dial(r.url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		b.Fatal(err)
	}
	returned := ch.NotifyReturn(make(chan amqp091.Return, benchWindow))
	body := []byte(strings.Repeat("gatehouse ", benchBody)[:benchBody])
	message := uuid.NewString()
	var flights []*amqp091.DeferredConfirmation
	for i := 0; i < n || len(flights) > 0; {
		if i < n && len(flights) < benchWindow {
			one, err := ch.PublishWithDeferredConfirm(r.exchange, "order.accepted", true, false, amqp091.Publishing{
				MessageId: fmt.Sprintf("%032x", i), Type: "order", Timestamp: time.Now(), AppId: "gatehouse",
				ContentType: "application/json", DeliveryMode: amqp091.Persistent, Body: body,
				Headers: amqp091.Table{
					"x-gatehouse-message": message, "x-gatehouse-shard": int32(i % benchShards), "x-gatehouse-seq": int64(i),
					"x-gatehouse-key": fmt.Sprintf("key-%d-%d", i%benchShards, i),
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			flights = append(flights, one)
			i++
			continue
		}
		if !flights[0].Wait() {
			b.Fatal("a message was not taken")
		}
		flights = flights[1:]
	}
	if len(returned) > 0 {
		b.Fatal("a message was returned")
	}
}

// arrived empties the queue, and fails when not exactly n messages were in it.
func (r *relayBench) arrived(b *testing.B, n int) {
	if got, err := r.admin.QueuePurge(r.queue, false); err != nil || got != n {
		b.Errorf("%d messages arrived, want %d: %v", got, n, err)
	}
}

const benchTurns = 3

func (r *relayBench) compare(b *testing.B, keys int) {
	n := max(1, b.N/benchTurns)
	var bare, relayed, share, cpuBare, cpuRelay, cpuShare, window []float64
	for turn := range benchTurns {
		r.fill(b, n, keys)
		var store *countedStore
		both := []func(){
			func() {
				measured := measuring()
				r.bare(b, n)
				m := measured()
				r.arrived(b, n)
				bare, cpuBare = append(bare, float64(n)/m.took.Seconds()), append(cpuBare, m.cpu/float64(n)*1e6)
			},
			func() {
				var m measure
				m, store = r.carry(b, n)
				r.arrived(b, n)
				relayed, cpuRelay = append(relayed, float64(n)/m.took.Seconds()), append(cpuRelay, m.cpu/float64(n)*1e6)
			},
		}
		if turn%2 == 1 {
			slices.Reverse(both)
		}
		for _, do := range both {
			do()
		}
		share = append(share, relayed[turn]/bare[turn])
		cpuShare = append(cpuShare, cpuRelay[turn]/cpuBare[turn])
		window = append(window, float64(n)/float64(store.calls.Load()))
	}
	b.Logf("relay/bare in turn: %.2f", share)
	b.ReportMetric(median(relayed), "relay/s")
	b.ReportMetric(median(bare), "bare/s")
	b.ReportMetric(median(share), "relay:bare")
	b.ReportMetric(median(cpuRelay), "relay-cpu-µs")
	b.ReportMetric(median(cpuBare), "bare-cpu-µs")
	b.ReportMetric(median(cpuShare), "cpu-relay:bare")
	b.ReportMetric(median(window), "deliveries/commit")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
