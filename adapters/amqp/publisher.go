package amqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Publisher publishes the deliveries of one channel. It implements
// gateway.Publisher and is safe for concurrent use: calls share up to
// Config.PublishConnections connections, each of which serves one call at a
// time. It connects when it is first used, and again after every trouble.
type Publisher struct {
	sender  *sender
	name    string
	channel Channel
	outage  outage
}

// Publisher makes the publisher of the channel called name. Close it.
func (c *Client) Publisher(name string, channel Channel) *Publisher {
	return &Publisher{
		sender: c.sender("gatehouse publisher "+name, channel.Exchange, c.config.PublishConnections, c.metrics.channel(name)),
		name:   name, channel: channel,
		outage: outage{log: c.log.With("channel", name), clock: c.clock},
	}
}

// Publish sends the deliveries in order and returns one result for each, nil
// only for what the broker has acknowledged and not returned. Faults are
// CodeUnroutable (no queue wanted it), CodeNotPublishable (the broker refuses
// this one for what it is) and CodeChannelUnavailable (anything else: not taken,
// or unknown; publish it again with the same WireID). It returns when ctx ends.
//
// A result other than CodeChannelUnavailable does not depend on the other
// deliveries of the call.
func (p *Publisher) Publish(ctx context.Context, deliveries []gateway.Delivery) []error {
	messages := make([]outgoing, len(deliveries))
	for i := range deliveries {
		messages[i] = p.outgoing(&deliveries[i])
	}
	results := p.sender.send(ctx, messages)
	if !p.ended(ctx) {
		p.outage.observe(results)
	}
	return results
}

func (p *Publisher) outgoing(d *gateway.Delivery) outgoing {
	return outgoing{
		exchange: p.channel.Exchange, key: d.RoutingKey, mandatory: p.channel.mandatory(),
		message: publishing(d, p.channel.persistent()), delivery: d,
	}
}

// Stream publishes the deliveries that next gives, each as soon as fewer than
// Config.PublishWindow of the stream are unconfirmed, and tells settled what
// became of each, as Publish does. It implements gateway.Streamer, and uses one
// connection until it returns.
func (p *Publisher) Stream(ctx context.Context, next func() *gateway.Delivery, settled func(*gateway.Delivery, error)) {
	seen := false        // a result that says how the channel fares
	var free []*outgoing // settled, to be used again
	_ = p.sender.stream(ctx, func() *outgoing {
		d := next()
		if d == nil {
			return nil
		}
		o := &outgoing{}
		if n := len(free); n > 0 {
			o, free = free[n-1], free[:n-1]
		}
		*o = p.outgoing(d)
		return o
	}, func(o *outgoing, err error) {
		if (err != nil || !seen) && !p.ended(ctx) {
			p.outage.observe([]error{err})
			seen = true
		}
		d := o.delivery
		*o = outgoing{}
		free = append(free, o)
		settled(d, err)
	}) // whoever was taken from next has heard of the error
}

// ended reports whether the results say more of the caller, or of Close, than of
// the channel.
func (p *Publisher) ended(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.Canceled) || p.sender.life.Err() != nil
}

// State says whether the last deliveries found the broker, and if not since when
// and why. A channel to which nothing is sent counts as working.
func (p *Publisher) State() State { return p.outage.current() }

// Close lets calls under way finish until ctx ends, and then ends them. It
// returns when nothing of the publisher runs any more: nil, or that it had to
// cut calls short. Later calls of Publish answer CodeChannelUnavailable.
func (p *Publisher) Close(ctx context.Context) error {
	if err := p.sender.close(ctx); err != nil {
		return fmt.Errorf("publisher %s: %w", p.name, err)
	}
	return nil
}
