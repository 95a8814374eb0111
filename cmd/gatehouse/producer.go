package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	amqp091 "github.com/rabbitmq/amqp091-go"
)

// producer puts messages on queues and takes their replies, as a sender of the
// sample does.
type producer struct {
	conn    *amqp091.Connection
	channel *amqp091.Channel
	user    string
	reply   string // its own queue
	replies <-chan amqp091.Delivery
	returns <-chan amqp091.Return // what no queue wanted
}

// newProducer logs in at the broker of a URL as user.
func newProducer(url, user, password string) (*producer, error) {
	conn, err := amqp091.DialConfig(url, amqp091.Config{SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: user, Password: password}}})
	if err != nil {
		return nil, err
	}
	p := &producer{conn: conn, user: user}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return p, nil
}

func (p *producer) open() (err error) {
	if p.channel, err = p.conn.Channel(); err != nil {
		return err
	}
	if err = p.channel.Confirm(false); err != nil {
		return err
	}
	p.returns = p.channel.NotifyReturn(make(chan amqp091.Return, 16))
	q, err := p.channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return err
	}
	p.reply = q.Name
	p.replies, err = p.channel.Consume(q.Name, "", true, true, false, false, nil)
	return err
}

func (p *producer) close() error { return p.conn.Close() }

// publish puts a message on a queue and returns when the broker has it.
func (p *producer) publish(ctx context.Context, queue string, m amqp091.Publishing) error {
	m.UserId, m.DeliveryMode = p.user, amqp091.Persistent
	confirm, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	if err != nil {
		return err
	}
	if acked, err := confirm.WaitContext(ctx); err != nil || !acked {
		return errors.Join(fmt.Errorf("the broker did not take the message for %s", queue), err)
	}
	select {
	case <-p.returns: // it comes before the confirm
		return fmt.Errorf("there is no queue %s", queue)
	default:
		return nil
	}
}

// ask publishes a message and waits for its reply.
func (p *producer) ask(ctx context.Context, queue string, m amqp091.Publishing) (amqp091.Delivery, error) {
	m.ReplyTo, m.CorrelationId = p.reply, cmp.Or(m.CorrelationId, uuid.NewString())
	if err := p.publish(ctx, queue, m); err != nil {
		return amqp091.Delivery{}, err
	}
	for {
		select {
		case d, open := <-p.replies:
			if !open {
				return d, errors.New("the broker ended the connection")
			}
			if d.CorrelationId == m.CorrelationId {
				return d, nil
			}
		case <-ctx.Done():
			return amqp091.Delivery{}, fmt.Errorf("no reply: %w", ctx.Err())
		}
	}
}

// replyText renders a reply as the files of the cases hold it: the outcome, the
// code of the fault if there is one, the fault of the contract if it is one,
// with its reason, and the body.
func replyText(d amqp091.Delivery) string {
	outcome, code := outcomeOf(d)
	line := strings.TrimSpace(outcome + " " + code)
	if name, _ := d.Headers["gatehouse-fault"].(string); name != "" {
		reason, _ := d.Headers["gatehouse-reason"].(string)
		line += "\n" + strings.TrimSuffix(name+": "+reason, ": ")
	}
	return fmt.Sprintf("%s\n%s\n", line, masked(d.Body))
}

// outcomeOf reads the headers of a reply.
func outcomeOf(d amqp091.Delivery) (outcome, code string) {
	outcome, _ = d.Headers["gatehouse-outcome"].(string)
	code, _ = d.Headers["gatehouse-code"].(string)
	return outcome, code
}

// contentTypeOf goes by the first character that is no white space.
func contentTypeOf(body []byte) string {
	if strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		return "application/json"
	}
	return "application/xml"
}

// queueCall is one message for a queue.
type queueCall struct {
	queue, id, contentType, user, password string
	noReply                                bool
}

func (q queueCall) call(ctx context.Context, out io.Writer, url, file string) (err error) {
	body, err := readInput(file)
	if err != nil {
		return err
	}
	p, err := newProducer(url, q.user, q.password)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	m := amqp091.Publishing{MessageId: q.id, ContentType: cmp.Or(q.contentType, contentTypeOf(body)), Timestamp: time.Now(), Body: body}
	if q.noReply {
		return p.publish(ctx, q.queue, m)
	}
	d, err := p.ask(ctx, q.queue, m)
	if err != nil {
		return err
	}
	outcome, code := outcomeOf(d)
	fmt.Fprintf(out, "%s\n%s\n", outcome, d.Body)
	if code != "" {
		return fmt.Errorf("the message is %s: %s", outcome, code)
	}
	return nil
}
