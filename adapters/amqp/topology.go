package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Check connects to every URL and looks for every channel's exchange, by the
// channel's name, and for every queue, without changing anything. The fault has
// a detail for each URL that cannot be used, each exchange that is missing and
// each queue that is missing or not made as its route needs it. hints are what
// an administrator should look at though it works; they come with a fault, too.
func (c *Client) Check(ctx context.Context, channels map[string]Channel, queues []Endpoint) (hints []string, err error) {
	var details []fault.Detail
	looked := false
	for _, url := range c.config.URLs {
		conn, err := c.dial(ctx, url, "gatehouse check")
		if err != nil {
			details = append(details, fault.Detail{Message: fmt.Sprintf("%s: %v", url, err)})
			continue
		}
		if !looked {
			f := findings{declare: c.config.Declare}
			c.findExchanges(ctx, conn, channels, &f)
			c.findQueues(ctx, conn, queues, &f)
			details, hints = append(details, f.faults...), f.hints
			looked = true
		}
		conn.hangUp()
	}
	if details == nil {
		return hints, nil
	}
	sentence := "the broker lacks something that channels or routes need"
	if !looked {
		sentence = "the broker cannot be reached"
	}
	return hints, fault.New(fault.CodeChannelUnavailable, "%s", sentence).With(details...)
}

// findings are what a look at the broker has found.
type findings struct {
	declare bool // what is missing will be made
	faults  []fault.Detail
	hints   []string
}

func (f *findings) fault(format string, args ...any) {
	f.faults = append(f.faults, fault.Detail{Message: fmt.Sprintf(format, args...)})
}

func (f *findings) hint(format string, args ...any) {
	f.hints = append(f.hints, fmt.Sprintf(format, args...))
}

// findExchanges looks for the exchanges, each on a channel of its own: a missing
// one closes it.
func (c *Client) findExchanges(ctx context.Context, conn *connection, channels map[string]Channel, f *findings) {
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		exchange := channels[name].Exchange
		err := c.within(ctx, conn, func() error { return conn.passive(exchange) })
		switch {
		case err == nil:
		case isReply(err, driver.NotFound) && f.declare:
			f.hint("channel %s: the exchange %q does not exist yet; it is made when it is needed", name, exchange)
		case isReply(err, driver.NotFound):
			f.fault("channel %s: the exchange %q does not exist", name, exchange)
		default:
			f.fault("channel %s: looking for the exchange %q: %v", name, exchange, err)
		}
	}
}

// findQueues looks for the queues, and at how they are made.
func (c *Client) findQueues(ctx context.Context, conn *connection, queues []Endpoint, f *findings) {
	for _, e := range queues {
		e = e.withDefaults()
		var found settings
		err := c.within(ctx, conn, func() (err error) {
			found, err = conn.verify(e, false)
			return err
		})
		unfit, known := errors.AsType[*fault.Error](err)
		switch {
		case errors.Is(err, errUnverifiable):
			f.hint("queue %s: %v", e.Queue, err)
			continue
		case isReply(err, driver.NotFound) && f.declare:
			f.hint("queue %s: does not exist yet; it is made when it is needed", e.Queue)
			continue
		case known:
			f.fault("%s", unfit.Message)
			f.faults = append(f.faults, unfit.Details...)
		case err != nil:
			f.fault("%v", err)
		}
		for _, hint := range found.hints() {
			f.hint("queue %s: %s", e.Queue, hint)
		}
	}
}

func (c *connection) passive(exchange string) error {
	return c.briefly(func(ch *driver.Channel) error {
		// The kind is not compared by a passive declaration.
		return ch.ExchangeDeclarePassive(exchange, driver.ExchangeTopic, true, false, false, false, nil)
	})
}

// ensureExchange makes the exchange when it is missing. One that is there may be
// of any kind.
func (c *connection) ensureExchange(exchange string) error {
	err := c.passive(exchange)
	if !isReply(err, driver.NotFound) {
		return err
	}
	return c.briefly(func(ch *driver.Channel) error {
		return ch.ExchangeDeclare(exchange, driver.ExchangeTopic, true, false, false, false, nil)
	})
}

// Topology is what Declare creates. Everything in it is durable.
type Topology struct {
	Exchanges []Exchange
	Queues    []Queue
	Bindings  []Binding
}

// Exchange has a name and a kind: direct, topic, fanout or headers.
type Exchange struct{ Name, Kind string }

// Queue has a name and arguments such as x-queue-type.
type Queue struct {
	Name string
	Args map[string]any
}

// Binding leads from an exchange to a queue.
type Binding struct{ Exchange, Queue, Key string }

// Declare creates exchanges, queues and bindings that are not there. It is for
// the demo: a gateway in service finds its topology, or says what is missing.
func (c *Client) Declare(ctx context.Context, t Topology) error {
	conn, err := c.connect(ctx, "gatehouse declare")
	if err != nil {
		return fault.New(fault.CodeChannelUnavailable, "").Because(err)
	}
	defer conn.hangUp()
	err = c.within(ctx, conn, func() error {
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		return t.declare(ch)
	})
	if err != nil {
		return fault.New(fault.CodeChannelUnavailable, "the broker refuses the topology").Because(err)
	}
	return nil
}

func (t Topology) declare(ch *driver.Channel) error {
	for _, x := range t.Exchanges {
		if err := ch.ExchangeDeclare(x.Name, x.Kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("exchange %q: %w", x.Name, err)
		}
	}
	for _, q := range t.Queues {
		if _, err := ch.QueueDeclare(q.Name, true, false, false, false, driver.Table(q.Args)); err != nil {
			return fmt.Errorf("queue %q: %w", q.Name, err)
		}
	}
	for _, b := range t.Bindings {
		if err := ch.QueueBind(b.Queue, b.Key, b.Exchange, false, nil); err != nil {
			return fmt.Errorf("binding of %q to %q: %w", b.Queue, b.Exchange, err)
		}
	}
	return nil
}
