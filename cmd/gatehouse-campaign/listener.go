package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// listener is whom events and replies are for: it notes them all in the order in
// which the broker took them. When the broker ends it, it begins again.
type listener struct {
	history *history
	url     string
	queues  []string
	seen    chan order    // orders that were just announced; what nobody takes at once is dropped
	ended   chan error    // one for each queue
	over    chan struct{} // closed when nobody listens any more
}

func (b *broker) listen(h *history) *listener {
	l := &listener{history: h, url: b.url, queues: []string{b.heard, b.answers}, seen: make(chan order, 64), ended: make(chan error, 2), over: make(chan struct{})}
	go func() { l.ended <- l.hearAll(b.heard, l.event) }()
	go func() { l.ended <- l.hearAll(b.answers, l.answer) }()
	return l
}

// errUnheard is why a queue has to be consumed anew.
var errUnheard = errors.New("the broker ended the listener")

// hearAll has every message of a queue noted, and returns after the last word.
func (l *listener) hearAll(queue string, note func(*amqp091.Delivery) error) error {
	for {
		err := l.hear(queue, note)
		if !errors.Is(err, errUnheard) {
			return err
		}
		select {
		case <-l.over:
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (l *listener) hear(queue string, note func(*amqp091.Delivery) error) error {
	conn, err := amqp091.Dial(l.url)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnheard, err)
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err == nil {
		err = channel.Qos(300, 0, false)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errUnheard, err)
	}
	in, err := channel.Consume(queue, "", false, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnheard, err)
	}
	for {
		select {
		case d, open := <-in:
			if !open {
				return errUnheard
			}
			if d.Type == lastWord {
				return d.Ack(false)
			}
			if err := note(&d); err != nil {
				return fmt.Errorf("listening: %w", err)
			}
			if d.Ack(false) != nil {
				return errUnheard // it comes again
			}
		case <-l.over:
			return errUnheard
		}
	}
}

// event notes the event of an order or of an item; others are about products.
func (l *listener) event(d *amqp091.Delivery) error {
	switch d.Type {
	case "order.accepted":
	case "item.stored":
		number, err := itemOf(d.Body)
		l.history.item(number, d.MessageId)
		return err
	default:
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
	channel, err := b.line()
	if err != nil {
		return fmt.Errorf("ending the listener: %w", err)
	}
	last := amqp091.Publishing{Type: lastWord}
	for _, queue := range l.queues {
		if err := channel.PublishWithContext(ctx, "", queue, false, false, last); err != nil {
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
