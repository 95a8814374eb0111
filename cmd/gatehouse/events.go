package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// events is the demo's own consumer: a queue bound to everything that the
// sample publishes.
type events struct {
	conn *amqp091.Connection
	in   <-chan amqp091.Delivery
	kept []event
}

type event struct {
	RoutingKey, Type, Correlation, Trace, Body string
	complete                                   bool // has message id, timestamp and a persistent mode
}

// String renders the event as events.txt holds it.
func (e event) String() string {
	headers := ""
	if !e.complete {
		headers = " without message id, timestamp or persistence"
	}
	if e.Trace != "" {
		headers += " traceparent=" + e.Trace
	}
	return fmt.Sprintf("%s type=%s correlation=%s%s\n%s\n", e.RoutingKey, e.Type, e.Correlation, headers, e.Body)
}

// listenEvents declares exchanges, and a queue of its own bound to all of them,
// on the broker at url, and consumes.
func listenEvents(ctx context.Context, url string, exchanges ...string) (*events, error) {
	queues := make([]string, len(sampleQueues))
	for i, queue := range sampleQueues {
		queues[i] = queue + strings.TrimPrefix(exchanges[0], "orders")
	}
	return listenTo(ctx, url, exchanges[0]+"-events", exchanges, queues)
}

// listenTo does the same with any exchanges, and declares the queues that the
// gateway consumes.
func listenTo(ctx context.Context, url, queue string, exchanges, queues []string) (*events, error) {
	conn, err := amqp091.Dial(url)
	if err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := declareTopology(ch, queue, exchanges, queues); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	in, err := ch.ConsumeWithContext(ctx, queue, "", true, false, false, false, nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &events{conn: conn, in: in}, nil
}

// sampleQueues are what the sample's routes consume.
var sampleQueues = []string{"in.orders", "in.prices"}

// sampleQueueArguments are what the gateway wants of a queue whose messages have
// an order.
var sampleQueueArguments = amqp091.Table{"x-queue-type": "quorum", "x-single-active-consumer": true}

func declareTopology(ch *amqp091.Channel, queue string, exchanges, queues []string) error {
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return err
	}
	for _, queue := range queues {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, sampleQueueArguments); err != nil {
			return err
		}
	}
	for _, exchange := range exchanges {
		err := errors.Join(
			ch.ExchangeDeclare(exchange, amqp091.ExchangeTopic, true, false, false, false, nil),
			ch.QueueBind(queue, "#", exchange, false, nil),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *events) close() error { return e.conn.Close() }

// next waits for an event, for at most timeout unless that is zero.
func (e *events) next(ctx context.Context, timeout time.Duration) (event, error) {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case d, open := <-e.in:
		if !open {
			return event{}, errors.New("the embedded broker ended the consumer")
		}
		return eventOf(d), nil
	case <-late:
		return event{}, fmt.Errorf("no event came within %v", timeout)
	case <-ctx.Done():
		return event{}, ctx.Err()
	}
}

func eventOf(d amqp091.Delivery) event {
	trace, _ := d.Headers["traceparent"].(string)
	return event{
		Trace:       trace,
		RoutingKey:  d.RoutingKey,
		Type:        d.Type,
		Correlation: d.CorrelationId,
		Body:        string(d.Body),
		complete:    d.MessageId != "" && !d.Timestamp.IsZero() && d.DeliveryMode == amqp091.Persistent,
	}
}

// all takes every event that has come and renders them, sorted by correlation
// and routing key: shards publish side by side.
func (e *events) all(ctx context.Context) (string, error) {
	for len(e.in) > 0 {
		one, err := e.next(ctx, 0)
		if err != nil {
			return "", err
		}
		e.kept = append(e.kept, one)
	}
	slices.SortStableFunc(e.kept, func(a, b event) int {
		return strings.Compare(a.Correlation+" "+a.RoutingKey, b.Correlation+" "+b.RoutingKey)
	})
	var b strings.Builder
	for _, one := range e.kept {
		b.WriteString(one.String())
	}
	return b.String(), nil
}
