package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// producer fills the gateway's queue, with publisher confirms. What the broker has
// not confirmed when it ends the connection is sent again on the next one, in the
// same order.
type producer struct {
	broker  *broker
	history *history

	mu      sync.Mutex // guards what follows
	conn    *amqp091.Connection
	channel *amqp091.Channel
	epoch   int // of the connection
	random  *rand.Rand
	unheard []*letter // sent and not confirmed, in order

	window  chan struct{} // what may be unconfirmed at once
	waiting sync.WaitGroup
	failed  chan error // the first thing that went wrong
}

// letter is one message to the queue.
type letter struct {
	order
	amqp091.Publishing
}

func newProducer(b *broker, h *history, random *rand.Rand) (*producer, error) {
	p := &producer{broker: b, history: h, random: random, window: make(chan struct{}, 50), failed: make(chan error, 1)}
	return p, p.connect()
}

func (p *producer) connect() error {
	conn, err := amqp091.Dial(p.broker.url)
	if err != nil {
		return fmt.Errorf("connecting a producer: %w", err)
	}
	channel, err := conn.Channel()
	if err == nil {
		err = channel.Confirm(false)
	}
	if err != nil {
		conn.Close()
		return fmt.Errorf("connecting a producer: %w", err)
	}
	p.conn, p.channel = conn, channel
	p.epoch++
	return nil
}

// publish sends an order; its confirm is noted when it comes. Now and then it is
// sent twice, as by a producer that did not hear the first confirm. What goes
// wrong is told by close.
func (p *producer) publish(ctx context.Context, o order) {
	p.mu.Lock()
	again := p.random.Float64() < 0.02
	p.mu.Unlock()
	p.once(ctx, o)
	if again {
		p.once(ctx, o)
	}
}

func (p *producer) once(ctx context.Context, o order) {
	select {
	case p.window <- struct{}{}:
	case <-ctx.Done():
		p.fail(o, ctx.Err())
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l, err := p.write(o)
	if err != nil {
		p.fail(o, err)
		<-p.window
		return
	}
	p.history.attempt(o)
	p.unheard = append(p.unheard, l)
	if p.send(ctx, l) != nil {
		p.mend(ctx)
	}
}

// write makes one of the forms that the order's message may have.
func (p *producer) write(o order) (*letter, error) {
	l := &letter{o, amqp091.Publishing{MessageId: o.Identity, UserId: p.broker.login, DeliveryMode: amqp091.Persistent, ContentType: "application/xml", Body: []byte(o.xml())}}
	if p.random.Float64() < 0.3 {
		text, err := o.json()
		if err != nil {
			return nil, err
		}
		l.ContentType, l.Body = "application/json", []byte(text)
	}
	if p.random.Float64() < 0.1 {
		l.ReplyTo, l.CorrelationId = p.broker.answers, o.Identity
		p.history.ask(o)
	}
	return l, nil
}

// send sends a letter on the connection that there is.
func (p *producer) send(ctx context.Context, l *letter) error {
	confirm, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, "", p.broker.queue, true, false, l.Publishing)
	if err != nil {
		return err
	}
	epoch := p.epoch
	p.waiting.Go(func() { p.confirmed(ctx, l, confirm, epoch) })
	return nil
}

// mend connects anew, however long that takes, and sends what is unconfirmed.
func (p *producer) mend(ctx context.Context) {
	for ctx.Err() == nil {
		p.conn.Close()
		if p.connect() != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if !slices.ContainsFunc(p.unheard, func(l *letter) bool { return p.send(ctx, l) != nil }) {
			return
		}
	}
}

func (p *producer) confirmed(ctx context.Context, l *letter, confirm *amqp091.DeferredConfirmation, epoch int) {
	acked, err := confirm.WaitContext(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.fail(l.order, err)
	case acked:
		if i := slices.Index(p.unheard, l); i >= 0 {
			p.unheard = slices.Delete(p.unheard, i, i+1)
			<-p.window
		}
		p.history.acknowledge(l.order)
	case epoch == p.epoch:
		p.mend(ctx)
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
