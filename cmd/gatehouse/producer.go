package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"

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
}

// newProducer logs in at the broker of url, host:port, as user.
func newProducer(address, user, password string) (*producer, error) {
	conn, err := amqp091.DialConfig("amqp://"+address, amqp091.Config{SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: user, Password: password}}})
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
	return nil
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
// code of the fault if there is one, and the body.
func replyText(d amqp091.Delivery) string {
	outcome, _ := d.Headers["gatehouse-outcome"].(string)
	if code, _ := d.Headers["gatehouse-code"].(string); code != "" {
		outcome += " " + code
	}
	return fmt.Sprintf("%s\n%s\n", outcome, masked(d.Body))
}

// contentTypeOf goes by a file's name.
func contentTypeOf(extension string) string {
	if extension == ".json" {
		return "application/json"
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/xml"
}
