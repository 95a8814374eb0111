package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
)

// start runs a broker until the end of the test, and fails the test when
// goroutines of it are left then.
func start(t testing.TB, conf broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Listen(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		buf := make([]byte, 1<<20)
		if stacks := string(buf[:runtime.Stack(buf, true)]); strings.Contains(stacks, "broker.(*") {
			t.Errorf("goroutines left after Close:\n%s", stacks)
		}
	})
	return b
}

func dial(t testing.TB, b *broker.Broker, user, password string) *amqp.Connection {
	t.Helper()
	u := url.URL{Scheme: "amqp", User: url.UserPassword(user, password), Host: b.Addr()}
	conn, err := amqp.Dial(u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// client is a channel whose calls fail the test.
type client struct {
	*amqp.Channel
	t testing.TB
}

func open(t testing.TB, b *broker.Broker) client {
	t.Helper()
	return channel(t, dial(t, b, "guest", "guest"))
}

func channel(t testing.TB, conn *amqp.Connection) client {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return client{ch, t}
}

func (c client) queue(name string, args amqp.Table) {
	c.t.Helper()
	if _, err := c.QueueDeclare(name, true, false, false, false, args); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) exchange(name, kind string) {
	c.t.Helper()
	if err := c.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) bind(queue, key, exchange string, args amqp.Table) {
	c.t.Helper()
	if err := c.QueueBind(queue, key, exchange, false, args); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) publish(exchange, key string, bodies ...string) {
	c.t.Helper()
	for _, body := range bodies {
		if err := c.Publish(exchange, key, false, false, amqp.Publishing{Body: []byte(body)}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// bodies takes everything out of a queue.
func (c client) bodies(queue string) []string {
	c.t.Helper()
	var out []string
	for {
		m, ok, err := c.Get(queue, true)
		if err != nil {
			c.t.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, string(m.Body))
	}
}

func (c client) want(queue string, want ...string) {
	c.t.Helper()
	if got := c.bodies(queue); fmt.Sprint(got) != fmt.Sprint(want) {
		c.t.Errorf("queue %s holds %q, want %q", queue, got, want)
	}
}

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10s in vain for %s", what)
		}
		runtime.Gosched()
	}
}

func next(t testing.TB, deliveries <-chan amqp.Delivery) amqp.Delivery {
	t.Helper()
	select {
	case d, open := <-deliveries:
		if !open {
			t.Fatal("the consumer was cancelled")
		}
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("waited 10s in vain for a delivery")
	}
	return amqp.Delivery{}
}

func code(err error) int {
	if e, ok := errors.AsType[*amqp.Error](err); ok {
		return e.Code
	}
	return 0
}

func TestRouting(t *testing.T) {
	headers := func(t amqp.Table) amqp.Publishing { return amqp.Publishing{Headers: t} }
	for name, test := range map[string]struct {
		kind, binding string
		args          amqp.Table
		key           string
		message       amqp.Publishing
		routed        bool
	}{
		"direct":               {"direct", "a", nil, "a", amqp.Publishing{}, true},
		"direct other":         {"direct", "a", nil, "b", amqp.Publishing{}, false},
		"fanout":               {"fanout", "", nil, "anything", amqp.Publishing{}, true},
		"topic star":           {"topic", "a.*.c", nil, "a.b.c", amqp.Publishing{}, true},
		"topic star short":     {"topic", "a.*", nil, "a", amqp.Publishing{}, false},
		"topic star long":      {"topic", "a.*", nil, "a.b.c", amqp.Publishing{}, false},
		"topic hash":           {"topic", "a.#", nil, "a.b.c", amqp.Publishing{}, true},
		"topic hash nothing":   {"topic", "a.#", nil, "a", amqp.Publishing{}, true},
		"topic hash middle":    {"topic", "#.c.#", nil, "a.b.c.d", amqp.Publishing{}, true},
		"topic hash miss":      {"topic", "#.x", nil, "a.b", amqp.Publishing{}, false},
		"headers all":          {"headers", "", amqp.Table{"x-match": "all", "a": "1", "b": "2"}, "", headers(amqp.Table{"a": "1", "b": "2", "c": "3"}), true},
		"headers all missing":  {"headers", "", amqp.Table{"x-match": "all", "a": "1", "b": "2"}, "", headers(amqp.Table{"a": "1"}), false},
		"headers any":          {"headers", "", amqp.Table{"x-match": "any", "a": "1", "b": "2"}, "", headers(amqp.Table{"b": "2"}), true},
		"headers any none":     {"headers", "", amqp.Table{"x-match": "any", "a": "1"}, "", headers(amqp.Table{"a": "2"}), false},
		"headers other number": {"headers", "", amqp.Table{"a": int32(1)}, "", headers(amqp.Table{"a": "1"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, start(t, broker.Config{}))
			c.exchange("x", test.kind)
			c.queue("q", nil)
			c.bind("q", test.binding, "x", test.args)
			if err := c.Publish("x", test.key, false, false, test.message); err != nil {
				t.Fatal(err)
			}
			if got := len(c.bodies("q")) == 1; got != test.routed {
				t.Errorf("routed: %v, want %v", got, test.routed)
			}
		})
	}
}

// TestExchangeToExchange goes through two exchanges, in a circle, and arrives once.
func TestExchangeToExchange(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.exchange("a", "fanout")
	c.exchange("b", "topic")
	c.queue("q", nil)
	for _, bind := range [][2]string{{"b", "a"}, {"a", "b"}} {
		if err := c.ExchangeBind(bind[0], "#", bind[1], false, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.bind("q", "k", "b", nil)
	c.bind("q", "#", "b", nil)
	c.publish("a", "k", "once")
	c.want("q", "once")
	if err := c.ExchangeUnbind("b", "#", "a", false, nil); err != nil {
		t.Fatal(err)
	}
	c.publish("a", "k", "never")
	c.want("q")
}

func TestConfirmsAndReturns(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("full", amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
	if err := c.Confirm(false); err != nil {
		t.Fatal(err)
	}
	returns := c.NotifyReturn(make(chan amqp.Return, 10))
	for i, test := range []struct {
		key       string
		mandatory bool
		ack       bool
		returned  bool
	}{
		{"full", true, true, false},
		{"full", true, false, false},
		{"nowhere", false, true, false},
		{"nowhere", true, true, true},
	} {
		confirm, err := c.PublishWithDeferredConfirm("", test.key, test.mandatory, false, amqp.Publishing{MessageId: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if got := confirm.Wait(); got != test.ack {
			t.Errorf("message %d: acknowledged %v, want %v", i, got, test.ack)
		}
		select {
		case r := <-returns:
			if !test.returned || r.MessageId != fmt.Sprint(i) || r.ReplyCode != 312 {
				t.Errorf("message %d: returned %+v", i, r)
			}
		default:
			if test.returned {
				t.Errorf("message %d: the return does not precede the acknowledgement", i)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	durable := func(c client, args amqp.Table) error {
		_, err := c.QueueDeclare("q", true, false, false, false, args)
		return err
	}
	publish := func(c client, key string, immediate bool, m amqp.Publishing) error {
		if err := c.Publish("", key, false, immediate, m); err != nil {
			return err
		}
		return closing(c)
	}
	for name, test := range map[string]struct {
		do   func(c client) error
		code int
	}{
		"missing exchange": {func(c client) error { return c.ExchangeDeclarePassive("no", "topic", true, false, false, false, nil) }, 404},
		"missing queue": {func(c client) error {
			_, err := c.QueueDeclarePassive("no", true, false, false, false, nil)
			return err
		}, 404},
		"other kind":      {func(c client) error { return c.ExchangeDeclare("amq.topic", "direct", true, false, false, false, nil) }, 406},
		"unknown kind":    {func(c client) error { return c.ExchangeDeclare("x", "odd", true, false, false, false, nil) }, 503},
		"other arguments": {func(c client) error { return durable(c, amqp.Table{"x-max-length": 1}) }, 406},
		"bind to nothing": {func(c client) error { return c.QueueBind("q", "", "no", false, nil) }, 404},
		"unknown tag": {func(c client) error {
			c.Ack(7, false)
			return closing(c)
		}, 406},
		"publish to nothing": {func(c client) error {
			c.publish("no", "k", "x")
			return closing(c)
		}, 404},
		"somebody else's id": {func(c client) error { return publish(c, "q", false, amqp.Publishing{UserId: "mallory"}) }, 406},
		"too large":          {func(c client) error { return publish(c, "q", false, amqp.Publishing{Body: make([]byte, 1001)}) }, 406},
		"immediate":          {func(c client) error { return publish(c, "q", true, amqp.Publishing{}) }, 540},
		"exclusive consumer": {func(c client) error {
			c.Consume("q", "a", false, true, false, false, nil)
			_, err := c.Consume("q", "b", false, false, false, false, nil)
			return err
		}, 403},
		"queue not empty": {func(c client) error {
			c.publish("", "q", "x")
			_, err := c.QueueDelete("q", false, true, false)
			return err
		}, 406},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, start(t, broker.Config{MaxMessageSize: 1000}))
			c.queue("q", nil)
			if err := test.do(c); code(err) != test.code {
				t.Errorf("error %v, want code %d", err, test.code)
			}
		})
	}
}

// closing waits for the error that closes the channel.
func closing(c client) error {
	select {
	case err := <-c.NotifyClose(make(chan *amqp.Error, 1)):
		return err
	case <-time.After(10 * time.Second):
		return nil
	}
}

// TestChannelErrorSparesConnection goes on with another channel, and with the
// same number.
func TestChannelErrorSparesConnection(t *testing.T) {
	b := start(t, broker.Config{})
	conn := dial(t, b, "guest", "guest")
	for range 3 {
		c := channel(t, conn)
		if _, err := c.QueueDeclarePassive("no", true, false, false, false, nil); code(err) != 404 {
			t.Fatalf("error %v", err)
		}
	}
	channel(t, conn).queue("q", nil)
}

func TestUsers(t *testing.T) {
	b := start(t, broker.Config{Login: broker.Users(map[string]string{"erp": "right", "": ""})})
	dial(t, b, "erp", "right")
	for _, login := range [][2]string{{"erp", "wrong"}, {"erp", ""}, {"nobody", "right"}, {"erp\x00erp", "right"}} {
		u := url.URL{Scheme: "amqp", User: url.UserPassword(login[0], login[1]), Host: b.Addr()}
		if _, err := amqp.Dial(u.String()); code(err) != 403 {
			t.Errorf("%q: error %v, want 403", login, err)
		}
	}
	if _, err := amqp.Dial("amqp://erp:right@" + b.Addr() + "/other"); code(err) != 530 {
		t.Errorf("another virtual host: %v", err)
	}
}

func TestUserIDIsChecked(t *testing.T) {
	b := start(t, broker.Config{})
	c := channel(t, dial(t, b, "erp", "x"))
	c.queue("q", nil)
	c.Publish("", "q", false, false, amqp.Publishing{UserId: "erp"})
	m, ok, err := c.Get("q", true)
	if err != nil || !ok || m.UserId != "erp" {
		t.Errorf("message %+v, error %v", m, err)
	}
}

// TestPropertiesSurvive sends every property and field type there and back.
func TestPropertiesSurvive(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("q", nil)
	at := time.Unix(1_700_000_000, 0).UTC()
	sent := amqp.Publishing{
		ContentType: "application/xml", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 4, CorrelationId: "c", ReplyTo: "r",
		Expiration: "100000", MessageId: "m", Timestamp: at, Type: "t", UserId: "guest", AppId: "a",
		Headers: amqp.Table{
			"bool": true, "int8": int8(-1), "byte": byte(1), "int16": int16(-2), "int32": int32(-3), "int64": int64(-4),
			"float": float32(1.5), "double": 2.5, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "text": "ä", "bytes": []byte{0, 1},
			"time": at, "nil": nil, "table": amqp.Table{"in": amqp.Table{"deep": int32(1)}}, "list": []any{"a", int32(1), amqp.Table{}},
		},
		Body: bytes.Repeat([]byte("0123456789"), 40_000), // several frames
	}
	if err := c.Publish("", "q", false, false, sent); err != nil {
		t.Fatal(err)
	}
	m, _, err := c.Get("q", true)
	if err != nil {
		t.Fatal(err)
	}
	got := amqp.Publishing{
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, DeliveryMode: m.DeliveryMode, Priority: m.Priority,
		CorrelationId: m.CorrelationId, ReplyTo: m.ReplyTo, Expiration: m.Expiration, MessageId: m.MessageId,
		Timestamp: m.Timestamp.UTC(), Type: m.Type, UserId: m.UserId, AppId: m.AppId,
	}
	sentHeaders, sentBody := sent.Headers, sent.Body
	sent.Headers, sent.Body = nil, nil
	m.Headers["time"] = m.Headers["time"].(time.Time).UTC()
	if fmt.Sprint(got) != fmt.Sprint(sent) || fmt.Sprint(m.Headers) != fmt.Sprint(sentHeaders) || !bytes.Equal(m.Body, sentBody) {
		t.Errorf("arrived %+v %v, sent %+v %v", got, m.Headers, sent, sentHeaders)
	}
}
