package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

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
	heard, answers  string        // the queues of the listener
	patience        time.Duration // with the broker's answers
	tally           *tally
	wire            *wire
	channel         *amqp091.Channel // for one user at a time; line has it open
}

// line opens the connection again when the broker has ended it.
func (b *broker) line() (*amqp091.Channel, error) {
	if b.channel != nil && !b.channel.IsClosed() {
		return b.channel, nil
	}
	if b.wire != nil {
		b.wire.hangUp()
	}
	var err error
	if b.wire, err = b.dial(); err != nil {
		return nil, err
	}
	b.channel, err = b.wire.open(func(channel *amqp091.Channel) error { return channel.Confirm(false) })
	return b.channel, err
}

// ask has do use the channel, for as long as the broker may take for an answer.
func (b *broker) ask(do func(*amqp091.Channel) error) error {
	channel, err := b.line()
	if err != nil {
		return err
	}
	return b.wire.ask(func() error { return do(channel) })
}

// openBroker makes queues and exchange under names that begin with prefix.
func openBroker(address, prefix, queueType string, t *tally) (*broker, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("-amqp: %w", err)
	}
	password, _ := u.User.Password()
	b := &broker{url: address, patience: patienceOfAsking, tally: t, login: u.User.Username(), password: password, server: (&url.URL{Scheme: u.Scheme, Host: "HOST", Path: u.Path}).String(), host: u.Host,
		queue: prefix + ".in", exchange: prefix + ".events", heard: prefix + ".heard", answers: prefix + ".answers"}
	if _, err := b.line(); err != nil {
		return nil, err
	}
	if err := b.ask(func(channel *amqp091.Channel) error { return b.declare(channel, queueType) }); err != nil {
		return nil, errors.Join(err, b.remove())
	}
	return b, nil
}

// declare makes a queue that serves one consumer at a time, without which no
// order is promised, and whose messages are never given up: each kill counts as
// a delivery for all of them that were in hand.
func (b *broker) declare(channel *amqp091.Channel, queueType string) error {
	in := amqp091.Table{"x-queue-type": queueType, "x-single-active-consumer": true}
	if queueType == "quorum" {
		in["x-delivery-limit"] = 1_000_000
	}
	_, first := channel.QueueDeclare(b.queue, true, false, false, false, in)
	_, second := channel.QueueDeclare(b.heard, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	_, third := channel.QueueDeclare(b.answers, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	return errors.Join(
		first, second, third,
		channel.ExchangeDeclare(b.exchange, amqp091.ExchangeTopic, true, false, false, false, nil),
		channel.QueueBind(b.heard, "#", b.exchange, false, nil),
	)
}

// answering returns errMute when one of the queues owes an answer. A queue that
// refuses has answered.
func (b *broker) answering() error {
	for _, queue := range []string{b.queue, b.heard, b.answers} {
		w, err := b.dial()
		if err != nil {
			return err
		}
		_, err = w.open(func(channel *amqp091.Channel) error {
			if err := channel.Qos(1, 0, false); err != nil {
				return err
			}
			_, err := channel.Consume(queue, "", false, false, false, false, nil)
			return err
		})
		w.hangUp()
		if errors.Is(err, errMute) {
			return fmt.Errorf("%s: %w", queue, err)
		}
	}
	return nil
}

// waiting is how many messages nobody has in hand yet.
func (b *broker) waiting() (int, error) {
	n := 0
	err := b.ask(func(channel *amqp091.Channel) error {
		q, err := channel.QueueDeclarePassive(b.queue, true, false, false, false, nil)
		n = q.Messages
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// remains takes what is left in the queue when no gateway runs any more. It has
// to consume: quorum queues with a single active consumer know no basic.get.
func (b *broker) remains(ctx context.Context) (left []string, err error) {
	n, err := b.waiting()
	if err != nil || n == 0 {
		return nil, err
	}
	var in <-chan amqp091.Delivery
	err = b.ask(func(channel *amqp091.Channel) (err error) {
		in, err = channel.Consume(b.queue, "", true, false, false, false, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	for len(left) < n {
		select {
		case d, open := <-in:
			if !open {
				return left, errors.New("the broker ended the look at what is left in the queue")
			}
			left = append(left, d.MessageId)
		case <-time.After(b.patience):
			return left, fmt.Errorf("of %d messages in the queue the broker hands out %d", n, len(left))
		case <-ctx.Done():
			return left, ctx.Err()
		}
	}
	return left, nil
}

// say publishes to a queue, and returns when the broker has it.
func (b *broker) say(ctx context.Context, queue string, m amqp091.Publishing) error {
	return b.ask(func(channel *amqp091.Channel) error {
		confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, m)
		if err != nil {
			return err
		}
		if taken, err := confirm.WaitContext(ctx); err != nil || !taken {
			return errors.Join(errors.New("the broker does not take it"), err)
		}
		return nil
	})
}

// remove leaves nothing behind.
func (b *broker) remove() error {
	defer b.hangUp()
	return b.ask(func(channel *amqp091.Channel) error {
		_, first := channel.QueueDelete(b.queue, false, false, false)
		_, second := channel.QueueDelete(b.heard, false, false, false)
		_, third := channel.QueueDelete(b.answers, false, false, false)
		return errors.Join(first, second, third, channel.ExchangeDelete(b.exchange, false, false))
	})
}

func (b *broker) hangUp() {
	if b.wire != nil {
		b.wire.hangUp()
	}
}
