package broker_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
)

func TestOverflowDropsHead(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("dead", nil)
	c.queue("q", amqp.Table{"x-max-length": int32(2), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	c.publish("", "q", "1", "2", "3", "4")
	c.want("q", "3", "4")
	c.want("dead", "1", "2")
}

func TestTimeToLive(t *testing.T) {
	for name, test := range map[string]struct {
		queue      amqp.Table
		expiration string
	}{
		"of the queue":   {amqp.Table{"x-message-ttl": int32(1)}, ""},
		"of the message": {amqp.Table{}, "1"},
		"the shorter":    {amqp.Table{"x-message-ttl": int32(60_000)}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, broker.Config{})
			c := open(t, b)
			c.queue("dead", nil)
			test.queue["x-dead-letter-exchange"], test.queue["x-dead-letter-routing-key"] = "", "dead"
			c.queue("q", test.queue)
			if err := c.Publish("", "q", false, false, amqp.Publishing{Expiration: test.expiration}); err != nil {
				t.Fatal(err)
			}
			await(t, "the message to die", func() bool { return b.Depth("dead") == 1 })
			m, _, err := c.Get("dead", true)
			if err != nil || m.Expiration != "" || death(m, 0)["reason"] != "expired" || m.Headers["x-first-death-queue"] != "q" {
				t.Errorf("dead letter %+v, error %v", m, err)
			}
		})
	}
}

func death(m amqp.Delivery, i int) amqp.Table {
	deaths, _ := m.Headers["x-death"].([]any)
	if i >= len(deaths) {
		return nil
	}
	t, _ := deaths[i].(amqp.Table)
	return t
}

// TestRejectedIsCounted sends a message round through a dead letter queue.
func TestRejectedIsCounted(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.exchange("dlx", "fanout")
	c.queue("q", amqp.Table{"x-dead-letter-exchange": "dlx"})
	c.bind("q", "", "dlx", nil)
	c.publish("", "q", "poison")
	for round := range 3 {
		m, ok, err := c.Get("q", false)
		if err != nil || !ok {
			t.Fatalf("round %d: %v %v", round, ok, err)
		}
		if round > 0 && death(m, 0)["count"] != int64(round) {
			t.Errorf("round %d: x-death %v", round, m.Headers["x-death"])
		}
		if err := m.Reject(false); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDeliveryLimit(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("dead", nil)
	c.queue("q", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(2), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	c.publish("", "q", "poison")
	for attempt := range 3 {
		m, ok, err := c.Get("q", false)
		if err != nil || !ok || m.Headers["x-delivery-count"] != int64(attempt) || m.Redelivered != (attempt > 0) {
			t.Fatalf("attempt %d: %+v %v %v", attempt, m, ok, err)
		}
		if err := m.Nack(false, true); err != nil {
			t.Fatal(err)
		}
	}
	c.want("q")
	c.want("dead", "poison")
}

// TestRequeueKeepsPlace gives two messages back: they come again first, in order.
func TestRequeueKeepsPlace(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("q", nil)
	c.publish("", "q", "1", "2", "3")
	for range 2 {
		if _, ok, err := c.Get("q", false); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if err := c.Nack(0, true, true); err != nil {
		t.Fatal(err)
	}
	c.want("q", "1", "2", "3")
}

func TestPrefetch(t *testing.T) {
	b := start(t, broker.Config{})
	c := open(t, b)
	c.queue("q", nil)
	if err := c.Qos(2, 0, false); err != nil {
		t.Fatal(err)
	}
	deliveries, err := c.Consume("q", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.publish("", "q", "1", "2", "3", "4", "5")
	first, second := next(t, deliveries), next(t, deliveries)
	if string(first.Body)+string(second.Body) != "12" {
		t.Errorf("got %s and %s", first.Body, second.Body)
	}
	await(t, "the others to wait", func() bool { return b.Depth("q") == 3 })
	if err := c.Ack(second.DeliveryTag, true); err != nil {
		t.Fatal(err)
	}
	if third := next(t, deliveries); string(third.Body) != "3" || third.Redelivered {
		t.Errorf("third: %+v", third)
	}
}

// TestTurns shares a queue between two consumers.
func TestTurns(t *testing.T) {
	b := start(t, broker.Config{})
	c := open(t, b)
	c.queue("q", nil)
	one, _ := c.Consume("q", "one", true, false, false, false, nil)
	two, err := c.Consume("q", "two", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.publish("", "q", "1", "2", "3", "4")
	got := fmt.Sprintf("%s%s %s%s", next(t, one).Body, next(t, one).Body, next(t, two).Body, next(t, two).Body)
	if got != "13 24" {
		t.Errorf("shared as %s", got)
	}
}

// TestSingleActiveConsumer lets the second consumer wait until the first has
// gone, and gives it what that one held, in order.
func TestSingleActiveConsumer(t *testing.T) {
	b := start(t, broker.Config{})
	first, second := open(t, b), open(t, b)
	first.queue("q", amqp.Table{"x-single-active-consumer": true})
	if err := first.Qos(2, 0, false); err != nil {
		t.Fatal(err)
	}
	active, err := first.Consume("q", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := second.Consume("q", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.publish("", "q", "1", "2", "3")
	for _, want := range []string{"1", "2"} {
		if got := next(t, active); string(got.Body) != want {
			t.Errorf("active got %s, want %s", got.Body, want)
		}
	}
	select {
	case d := <-waiting:
		t.Fatalf("the waiting consumer got %s", d.Body)
	default:
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second.publish("", "q", "4")
	for _, want := range []string{"1", "2", "3", "4"} {
		if got := next(t, waiting); string(got.Body) != want || got.Redelivered != (want < "3") {
			t.Errorf("successor got %s (redelivered %v), want %s", got.Body, got.Redelivered, want)
		}
	}
}

// TestDeletedQueueCancels tells the consumers; their channel lives on.
func TestDeletedQueueCancels(t *testing.T) {
	b := start(t, broker.Config{})
	c, other := open(t, b), open(t, b)
	c.queue("q", nil)
	cancelled := c.NotifyCancel(make(chan string, 1))
	if _, err := c.Consume("q", "tag", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := other.QueueDelete("q", false, false, false); err != nil {
		t.Fatal(err)
	}
	if tag := <-cancelled; tag != "tag" {
		t.Errorf("cancelled %q", tag)
	}
	c.queue("q", nil)
}

func TestQueueLifetimes(t *testing.T) {
	b := start(t, broker.Config{})
	owner, other := dial(t, b, "a", "a"), dial(t, b, "b", "b")
	c := channel(t, owner)
	if _, err := c.QueueDeclare("mine", false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := channel(t, other).QueueDeclarePassive("mine", false, false, true, false, nil); code(err) != 405 {
		t.Errorf("another connection's exclusive queue: %v", err)
	}
	if _, err := c.QueueDeclare("brief", false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Consume("brief", "last", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Cancel("last", false); err != nil {
		t.Fatal(err)
	}
	if n := b.Depth("brief"); n != -1 {
		t.Errorf("an auto-delete queue outlived its last consumer: depth %d", n)
	}
	owner.Close()
	await(t, "the exclusive queue to go", func() bool { return b.Depth("mine") == -1 })
}

func TestTransaction(t *testing.T) {
	c := open(t, start(t, broker.Config{}))
	c.queue("q", nil)
	if err := c.Tx(); err != nil {
		t.Fatal(err)
	}
	c.publish("", "q", "rolled back")
	if err := c.TxRollback(); err != nil {
		t.Fatal(err)
	}
	c.publish("", "q", "committed")
	if got := c.bodies("q"); got != nil {
		t.Errorf("visible before the commit: %q", got)
	}
	if err := c.TxCommit(); err != nil {
		t.Fatal(err)
	}
	c.want("q", "committed")
}
