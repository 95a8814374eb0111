package broker_test

import (
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
)

// TestInequivalentArguments tells a second declaration what differs, in the
// words of RabbitMQ 3.10.
func TestInequivalentArguments(t *testing.T) {
	args := amqp.Table{"x-queue-type": "quorum", "x-single-active-consumer": true, "x-delivery-limit": int32(5), "x-dead-letter-exchange": "d'l x"}
	with := func(change func(amqp.Table)) amqp.Table {
		out := amqp.Table{}
		for k, v := range args {
			out[k] = v
		}
		change(out)
		return out
	}
	for name, test := range map[string]struct {
		args    amqp.Table
		durable bool
		want    string
	}{
		"the same":           {with(func(a amqp.Table) { a["x-delivery-limit"] = int64(5) }), true, ""},
		"ignored":            {with(func(a amqp.Table) { a["x-max-age"] = "never" }), true, ""},
		"not given":          {with(func(a amqp.Table) { delete(a, "x-delivery-limit") }), true, "inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'"},
		"not there":          {with(func(a amqp.Table) { a["x-max-length"] = int64(7) }), true, "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '7' of type 'long' but current is none"},
		"another":            {with(func(a amqp.Table) { a["x-queue-type"] = "classic" }), true, "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'"},
		"quotes in it":       {with(func(a amqp.Table) { delete(a, "x-dead-letter-exchange") }), true, "current is the value 'd'l x' of type 'longstr'"},
		"durable":            {args, false, "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"},
		"durable goes first": {nil, false, "'durable'"},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, start(t, broker.Config{}))
			c.queue("q", args)
			_, err := c.QueueDeclare("q", test.durable, false, false, false, test.args)
			if test.want == "" && err != nil || test.want != "" && (code(err) != 406 || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestInvalidArguments never makes a queue that RabbitMQ would refuse.
func TestInvalidArguments(t *testing.T) {
	for name, args := range map[string]amqp.Table{
		"type":            {"x-queue-type": "odd"},
		"single":          {"x-single-active-consumer": "yes"},
		"only of streams": {"x-queue-type": "quorum", "x-max-age": "never"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, broker.Config{})
			c := open(t, b)
			_, err := c.QueueDeclare("q", true, false, false, false, args)
			if code(err) != 406 || !strings.Contains(err.Error(), "invalid arg") || b.Depth("q") != -1 {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestConfigurePermission(t *testing.T) {
	b := start(t, broker.Config{Configure: func(user, queue string) bool { return user == "admin" && queue == "q" }})
	channel(t, dial(t, b, "admin", "x")).queue("q", nil)
	conn := dial(t, b, "reader", "x")
	if _, err := channel(t, conn).QueueDeclare("q", true, false, false, false, nil); code(err) != 403 {
		t.Errorf("declaring without the right: %v", err)
	}
	if _, err := channel(t, conn).QueueDeclarePassive("q", true, false, false, false, nil); err != nil {
		t.Errorf("looking needs no right: %v", err)
	}
}

// TestDirectReply answers a client that has no queue, under the name that the
// broker has put in the place of the pseudo-queue's.
func TestDirectReply(t *testing.T) {
	b := start(t, broker.Config{})
	client, server := open(t, b), open(t, b)
	server.queue("rpc", nil)
	replies, err := client.Consume("amq.rabbitmq.reply-to", "mine", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Publish("", "rpc", false, false, amqp.Publishing{ReplyTo: "amq.rabbitmq.reply-to", Body: []byte("ask")}); err != nil {
		t.Fatal(err)
	}
	asked, err := server.Consume("rpc", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	to := next(t, asked).ReplyTo
	if !strings.HasPrefix(to, "amq.rabbitmq.reply-to.") {
		t.Fatalf("reply-to is %q", to)
	}
	server.publish("", to+"x", "astray")
	server.publish("", to, "answer")
	if d := next(t, replies); string(d.Body) != "answer" || d.ConsumerTag != "mine" {
		t.Errorf("got %s for %s", d.Body, d.ConsumerTag)
	}
	returned := server.NotifyReturn(make(chan amqp.Return, 2))
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Publish("", to, true, false, amqp.Publishing{}); err != nil {
		t.Fatal(err)
	}
	if r := <-returned; r.ReplyCode != 312 {
		t.Errorf("a reply to nobody was returned with %d", r.ReplyCode)
	}
}

func TestDirectReplyErrors(t *testing.T) {
	for name, do := range map[string]func(c client) error{
		"with acknowledgements": func(c client) error {
			_, err := c.Consume("amq.rabbitmq.reply-to", "", false, false, false, false, nil)
			return err
		},
		"twice": func(c client) error {
			if _, err := c.Consume("amq.rabbitmq.reply-to", "a", true, false, false, false, nil); err != nil {
				return err
			}
			_, err := c.Consume("amq.rabbitmq.reply-to", "b", true, false, false, false, nil)
			return err
		},
		"without a consumer": func(c client) error {
			if err := c.Publish("", "q", false, false, amqp.Publishing{ReplyTo: "amq.rabbitmq.reply-to"}); err != nil {
				return err
			}
			return closing(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(open(t, start(t, broker.Config{}))); code(err) != 406 {
				t.Errorf("error %v, want 406", err)
			}
		})
	}
}
