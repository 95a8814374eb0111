package amqp_test

import (
	"strings"
	"testing"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// asking is a client that sends requests and takes the replies.
type asking struct {
	channel *driver.Channel
	replies <-chan driver.Delivery
	to      string
}

// asks makes a client with a queue for replies, or with the pseudo-queue for
// direct ones.
func (r *rig) asks(t *testing.T, direct bool) *asking {
	t.Helper()
	conn, err := driver.Dial(r.server.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{channel: ch, to: "amq.rabbitmq.reply-to"}
	if !direct {
		q, err := ch.QueueDeclare("", false, true, true, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.to = q.Name
	}
	if a.replies, err = ch.Consume(a.to, "", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *asking) ask(t *testing.T, queue string, m driver.Publishing) {
	t.Helper()
	m.ReplyTo = a.to
	if err := a.channel.Publish("", queue, false, false, m); err != nil {
		t.Fatal(err)
	}
}

func (a *asking) reply(t *testing.T) driver.Delivery {
	t.Helper()
	select {
	case d := <-a.replies:
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("no reply")
		return driver.Delivery{}
	}
}

// TestReply answers after the commit, to a queue and directly, with the same id
// when the request comes again.
func TestReply(t *testing.T) {
	for name, direct := range map[string]bool{"queue": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			everyBroker(t, ordered, func(t *testing.T, r *rig) {
				core := newCore(t)
				core.answer = func(a *gateway.Arrival, receipt *gateway.Receipt) {
					receipt.Reply = []byte("<accepted/>")
				}
				c := r.consume(t, core, nil)
				client := r.asks(t, direct)
				request := driver.Publishing{MessageId: "key1 1", CorrelationId: "ask-7", ContentType: "application/xml", Body: []byte("<o/>"), Headers: driver.Table{"traceparent": "00-a-b-01"}}
				client.ask(t, r.queue, request)
				client.ask(t, r.queue, request)
				first, second := client.reply(t), client.reply(t)
				if first.CorrelationId != "ask-7" || first.ContentType != "application/xml" || string(first.Body) != "<accepted/>" || first.AppId != "gatehouse" {
					t.Errorf("reply %+v", first)
				}
				if first.Headers["gatehouse-outcome"] != "stored" || first.Headers["gatehouse-message"] != core.receipt(core.arrivals[0]).MessageID.String() || first.Headers["traceparent"] != "00-a-b-01" {
					t.Errorf("headers %v", first.Headers)
				}
				if _, has := first.Headers["gatehouse-code"]; has {
					t.Errorf("a code without a fault: %v", first.Headers)
				}
				if first.MessageId == "" || first.MessageId != second.MessageId {
					t.Errorf("message ids %q and %q", first.MessageId, second.MessageId)
				}
				r.empty(t, c)
				if n := r.measured(t, "replies_total"); n != 2 {
					t.Errorf("replies_total is %v", n)
				}
			})
		})
	}
}

// TestReplyOfParked is a problem document, and correlates by the message-id when
// there is nothing else.
func TestReplyOfParked(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	core.answer = func(_ *gateway.Arrival, receipt *gateway.Receipt) {
		receipt.Status, receipt.Fault = gateway.Parked, fault.New(fault.CodeInvalid, "")
	}
	c := r.consume(t, core, nil)
	client := r.asks(t, false)
	client.ask(t, r.queue, driver.Publishing{MessageId: "key1 1", Body: []byte("<o/>")})
	d := client.reply(t)
	if d.CorrelationId != "key1 1" || d.ContentType != "application/problem+json" || !strings.Contains(string(d.Body), "GH-3001") {
		t.Errorf("reply %+v %s", d, d.Body)
	}
	if d.Headers["gatehouse-outcome"] != "parked" || d.Headers["gatehouse-code"] != "GH-3001" {
		t.Errorf("headers %v", d.Headers)
	}
	r.empty(t, c)
}

// TestReplyOfDeclared is the contract's fault, which the headers name.
func TestReplyOfDeclared(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	declared := &mapping.Declared{Fault: &contract.FaultMessage{Name: "OrderFault"}, Reason: "no äÖ", Detail: []byte("<fault/>")}
	core.answer = func(_ *gateway.Arrival, receipt *gateway.Receipt) {
		receipt.Status, receipt.Fault = gateway.Parked, fault.New(fault.CodeRejected, "").Because(declared)
	}
	c := r.consume(t, core, nil)
	client := r.asks(t, false)
	client.ask(t, r.queue, driver.Publishing{MessageId: "key1 1", Body: []byte("<o/>")})
	d := client.reply(t)
	if d.ContentType != "application/xml" || string(d.Body) != "<fault/>" {
		t.Errorf("reply %+v %s", d, d.Body)
	}
	for name, want := range map[string]string{"outcome": "parked", "code": "GH-4007", "fault": "OrderFault", "reason": "no äÖ"} {
		if got := d.Headers["gatehouse-"+name]; got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	r.empty(t, c)
}

// TestNobodyTakesTheReply acknowledges all the same.
func TestNobodyTakesTheReply(t *testing.T) {
	everyBroker(t, ordered, func(t *testing.T, r *rig) {
		core := newCore(t)
		c := r.consume(t, core, nil)
		messages := numbered(2, 20)
		for i := range messages {
			messages[i].ReplyTo = "gatehouse.test.left"
		}
		messages[7].ReplyTo = "amq.rabbitmq.reply-to.nobody"
		r.put(t, messages...)
		allTaken(t, core, messages)
		r.empty(t, c)
		if n := r.measured(t, "settled_total"); n != 40 {
			t.Errorf("settled_total is %v", n)
		}
	})
}

// TestReplyWhileBlocked acknowledges though replies cannot be sent; that is
// logged once when it begins and once when it ends.
func TestReplyWhileBlocked(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	conf := r.config()
	conf.ConfirmTimeout, conf.Heartbeat = 200*time.Millisecond, time.Minute
	core := newCore(t)
	client := r.asks(t, false)
	messages := numbered(2, 30)
	for i := range messages {
		messages[i].ReplyTo = client.to
	}
	r.put(t, messages...)
	b.Block("disk full")
	c := r.consumeWith(t, r.client(t, conf, amqp.SystemClock{}), core, nil)
	await(t, "everything to be acknowledged", func() bool { return r.measured(t, "acknowledged_total") == 60 })
	b.Block("")
	r.put(t, driver.Publishing{MessageId: "key5 1", ReplyTo: client.to, CorrelationId: "after", Body: []byte("<o/>")})
	for client.reply(t).CorrelationId != "after" {
	}
	r.empty(t, c)
	for _, line := range []string{"channel unavailable", "channel available again"} {
		if n := r.log.has(line, "replies of"); n != 1 {
			t.Errorf("%d lines %q", n, line)
		}
	}
	if n := r.measured(t, "blocked"); n != 0 {
		t.Errorf("blocked is %v in the end", n)
	}
}
