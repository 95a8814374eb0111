package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// producer fills the gateway's queue, with publisher confirms.
type producer struct {
	broker  *broker
	history *history
	conn    *amqp091.Connection

	mu      sync.Mutex // guards the channel and its random choices
	channel *amqp091.Channel
	random  *rand.Rand
	window  chan struct{} // what may be unconfirmed at once
	waiting sync.WaitGroup
	failed  chan error // the first thing that went wrong
}

func newProducer(b *broker, h *history, random *rand.Rand) (*producer, error) {
	conn, err := amqp091.Dial(b.url)
	if err != nil {
		return nil, fmt.Errorf("connecting a producer: %w", err)
	}
	channel, err := conn.Channel()
	if err == nil {
		err = channel.Confirm(false)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting a producer: %w", err)
	}
	return &producer{broker: b, history: h, conn: conn, channel: channel, random: random, window: make(chan struct{}, 50), failed: make(chan error, 1)}, nil
}

// publish sends an order; its confirm is noted when it comes. Now and then it is
// sent twice, as by a producer that did not hear the first confirm. What goes
// wrong is told by close.
func (p *producer) publish(ctx context.Context, o order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	times := 1
	if p.random.Float64() < 0.02 {
		times = 2
	}
	for range times {
		if err := p.once(ctx, o); err != nil {
			p.fail(o, err)
			return
		}
	}
}

func (p *producer) once(ctx context.Context, o order) error {
	message := amqp091.Publishing{MessageId: o.Identity, UserId: p.broker.login, DeliveryMode: amqp091.Persistent, ContentType: "application/xml", Body: []byte(o.xml())}
	if p.random.Float64() < 0.3 {
		text, err := o.json()
		if err != nil {
			return err
		}
		message.ContentType, message.Body = "application/json", []byte(text)
	}
	if p.random.Float64() < 0.1 {
		message.ReplyTo, message.CorrelationId = p.broker.answers, o.Identity
		p.history.ask(o)
	}
	select {
	case p.window <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.history.attempt(o)
	confirm, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, "", p.broker.queue, true, false, message)
	if err != nil {
		return err
	}
	p.waiting.Go(func() { p.confirmed(ctx, o, confirm) })
	return nil
}

func (p *producer) confirmed(ctx context.Context, o order, confirm *amqp091.DeferredConfirmation) {
	acked, err := confirm.WaitContext(ctx)
	<-p.window
	switch {
	case err != nil:
		p.fail(o, err)
	case !acked:
		p.fail(o, errors.New("the broker does not take it"))
	default:
		p.history.acknowledge(o)
	}
}

func (p *producer) fail(o order, err error) {
	select {
	case p.failed <- fmt.Errorf("publishing %s: %w", o.Identity, err):
	default: // something else went wrong before
	}
}

// close waits for the confirms that are still to come.
func (p *producer) close() error {
	p.waiting.Wait()
	p.conn.Close()
	select {
	case err := <-p.failed:
		return err
	default:
		return nil
	}
}
