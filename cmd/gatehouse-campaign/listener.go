package main

import (
	"context"
	"errors"
	"fmt"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// listener is whom events and replies are for: it notes them all in the order in
// which the broker took them.
type listener struct {
	history *history
	conn    *amqp091.Connection
	queues  []string
	seen    chan order // orders that were just announced; what nobody takes at once is dropped
	ended   chan error // one for each queue
}

func (b *broker) listen(h *history) (*listener, error) {
	conn, err := amqp091.Dial(b.url)
	if err != nil {
		return nil, fmt.Errorf("connecting the listener: %w", err)
	}
	l := &listener{history: h, conn: conn, queues: []string{b.heard, b.answers}, seen: make(chan order, 64), ended: make(chan error, 2)}
	if err := errors.Join(l.consume(b.heard, l.event), l.consume(b.answers, l.answer)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

// consume has every message of a queue noted.
func (l *listener) consume(queue string, note func(*amqp091.Delivery) error) error {
	channel, err := l.conn.Channel()
	if err != nil {
		return err
	}
	if err := channel.Qos(300, 0, false); err != nil {
		return err
	}
	in, err := channel.Consume(queue, "", false, true, false, false, nil)
	if err == nil {
		go func() { l.ended <- hear(in, note) }()
	}
	return err
}

// hear returns after the last word.
func hear(in <-chan amqp091.Delivery, note func(*amqp091.Delivery) error) error {
	for d := range in {
		if d.Type == lastWord {
			return d.Ack(false)
		}
		if err := errors.Join(note(&d), d.Ack(false)); err != nil {
			return fmt.Errorf("listening: %w", err)
		}
	}
	return errors.New("the broker ended the listener")
}

// event notes an order's event; others are about products.
func (l *listener) event(d *amqp091.Delivery) error {
	if d.Type != "order.accepted" {
		return nil
	}
	o, err := orderOf(d.Body)
	if err == nil && l.history.arrive(arrival{MessageID: d.MessageId, order: o}) {
		l.show(o)
	}
	return err
}

// answer notes a reply to a message of the queue.
func (l *listener) answer(d *amqp091.Delivery) error {
	r := reply{form: d.ContentType, body: string(d.Body)}
	switch d.Headers["gatehouse-outcome"] {
	case "waiting", "parked":
		r.form = held
	}
	l.history.reply(d.CorrelationId, r)
	return nil
}

func (l *listener) show(o order) {
	select {
	case l.seen <- o:
	default:
	}
}

// finish ends the listener when it has heard everything that was published
// before: the last message of each queue is the campaign's own.
func (l *listener) finish(ctx context.Context, b *broker) error {
	last := amqp091.Publishing{Type: lastWord}
	for _, queue := range l.queues {
		if err := b.channel.PublishWithContext(ctx, "", queue, false, false, last); err != nil {
			return fmt.Errorf("ending the listener: %w", err)
		}
	}
	var faults []error
	for range l.queues {
		select {
		case err := <-l.ended:
			faults = append(faults, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(faults...)
}

// lastWord is the type of the message after which nothing comes.
const lastWord = "campaign.over"
