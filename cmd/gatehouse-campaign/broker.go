package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// broker is the campaign's part of a real one: a queue that the gateway
// consumes, an exchange that it publishes to, a queue that hears everything, and
// one for replies.
type broker struct {
	url             string // with credentials
	server          string // without, and with HOST in place of its address
	host            string // and port
	login, password string
	queue, exchange string
	heard, answers  string // the queues of the listener
	conn            *amqp091.Connection
	channel         *amqp091.Channel // for one user at a time; line has it open
}

// line opens the connection again when the broker has ended it.
func (b *broker) line() (*amqp091.Channel, error) {
	if b.channel != nil && !b.channel.IsClosed() {
		return b.channel, nil
	}
	if b.conn != nil {
		b.conn.Close()
	}
	conn, err := amqp091.Dial(b.url)
	if err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	b.conn = conn
	b.channel, err = conn.Channel()
	return b.channel, err
}

// openBroker makes queues and exchange under names that begin with prefix.
func openBroker(address, prefix, queueType string) (*broker, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("-amqp: %w", err)
	}
	password, _ := u.User.Password()
	b := &broker{url: address, login: u.User.Username(), password: password, server: (&url.URL{Scheme: u.Scheme, Host: "HOST", Path: u.Path}).String(), host: u.Host,
		queue: prefix + ".in", exchange: prefix + ".events", heard: prefix + ".heard", answers: prefix + ".answers"}
	if _, err := b.line(); err != nil {
		return nil, err
	}
	if err := b.declare(queueType); err != nil {
		return nil, errors.Join(err, b.remove())
	}
	return b, nil
}

// declare makes a queue that serves one consumer at a time, without which no
// order is promised, and whose messages are never given up: each kill counts as
// a delivery for all of them that were in hand.
func (b *broker) declare(queueType string) error {
	in := amqp091.Table{"x-queue-type": queueType, "x-single-active-consumer": true}
	if queueType == "quorum" {
		in["x-delivery-limit"] = 1_000_000
	}
	_, first := b.channel.QueueDeclare(b.queue, true, false, false, false, in)
	_, second := b.channel.QueueDeclare(b.heard, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	_, third := b.channel.QueueDeclare(b.answers, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	return errors.Join(
		first, second, third,
		b.channel.ExchangeDeclare(b.exchange, amqp091.ExchangeTopic, true, false, false, false, nil),
		b.channel.QueueBind(b.heard, "#", b.exchange, false, nil),
	)
}

// waiting is how many messages nobody has in hand yet.
func (b *broker) waiting() (int, error) {
	channel, err := b.line()
	if err != nil {
		return 0, err
	}
	q, err := channel.QueueDeclarePassive(b.queue, true, false, false, false, nil)
	return q.Messages, err
}

// remains takes what is left in the queue when no gateway runs any more. It has
// to consume: quorum queues with a single active consumer know no basic.get.
func (b *broker) remains(ctx context.Context) (left []string, err error) {
	n, err := b.waiting()
	if err != nil || n == 0 {
		return nil, err
	}
	in, err := b.channel.ConsumeWithContext(ctx, b.queue, "", true, false, false, false, nil)
	for err == nil && len(left) < n {
		select {
		case d, open := <-in:
			if !open {
				return left, errors.New("the broker ended the look at what is left in the queue")
			}
			left = append(left, d.MessageId)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return left, err
}

// remove leaves nothing behind.
func (b *broker) remove() error {
	channel, err := b.line()
	if err != nil {
		return err
	}
	_, first := channel.QueueDelete(b.queue, false, false, false)
	_, second := channel.QueueDelete(b.heard, false, false, false)
	_, third := channel.QueueDelete(b.answers, false, false, false)
	return errors.Join(first, second, third, channel.ExchangeDelete(b.exchange, false, false), b.conn.Close())
}
