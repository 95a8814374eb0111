package amqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// adoptBatch is how many messages are in hand at once.
const adoptBatch = 64

// Adopt takes up to limit messages of a dead-letter queue that belongs to nobody
// here and parks them as messages of an endpoint, each with why it was dead-lettered;
// the endpoint says who is believed to have sent them. A message is acknowledged
// when it is committed; what cannot be goes back to the queue, and the error is
// fault.Unavailable. With look nothing is parked, and everything goes back.
func (c *Client) Adopt(ctx context.Context, e Endpoint, queue string, limit int, look bool, core Core) (*gateway.Adopted, error) {
	e = e.withDefaults()
	var channel *driver.Channel
	conn, err := c.attach(ctx, "gatehouse adopts "+queue, func(conn *connection) (err error) {
		channel, err = conn.Channel()
		return err
	})
	if err != nil {
		return nil, unconnected(err)
	}
	defer conn.hangUp() // what was not acknowledged goes back
	defer context.AfterFunc(ctx, conn.link.abort)()
	a := &adopter{client: c, conn: conn, endpoint: e, queue: queue, channel: channel, core: core, remote: conn.RemoteAddr().String(), out: &gateway.Adopted{Deaths: []gateway.Death{}}}
	for a.out.Looked < limit && err == nil {
		var batch []driver.Delivery
		if batch, err = a.get(ctx, min(adoptBatch, limit-a.out.Looked)); len(batch) == 0 {
			break
		}
		if !look && err == nil {
			err = a.park(ctx, batch)
		}
	}
	if look {
		a.out.Left += a.out.Looked
	}
	return a.out, unadopted(queue, err)
}

func unadopted(queue string, err error) error {
	_, known := errors.AsType[*fault.Error](err)
	switch {
	case err == nil || known:
		return err
	case isReply(err, driver.NotFound):
		return fault.New(fault.CodeChannelUnavailable, "there is no queue %q on the broker", queue).Because(err)
	case isReply(err, driver.AccessRefused):
		return fault.New(fault.CodeChannelUnavailable, "the broker does not let this user read the queue %q", queue).Because(err)
	}
	if said, ok := reply(err); ok {
		return fault.New(fault.CodeChannelUnavailable, "the broker does not hand out the queue %q: %s", queue, said.Reason).Because(err)
	}
	return unconnected(err)
}

// adopter empties one dead-letter queue.
type adopter struct {
	client   *Client
	conn     *connection
	endpoint Endpoint
	queue    string
	channel  *driver.Channel
	core     Core
	remote   string
	out      *gateway.Adopted
}

// get takes up to n messages in hand, fewer when there are no more.
func (a *adopter) get(ctx context.Context, n int) (batch []driver.Delivery, err error) {
	for len(batch) < n {
		var d driver.Delivery
		there := false
		err := a.client.within(ctx, a.conn, func() (err error) {
			d, there, err = a.channel.Get(a.queue, false)
			return err
		})
		if err != nil {
			return nil, err
		}
		if !there {
			a.out.Left = 0
			break
		}
		batch = append(batch, d)
		a.out.Left = int(d.MessageCount)
		a.out.Looked++
		a.out.Note(deathOf(&d).Death)
	}
	return batch, nil
}

// park commits messages in their order, and acknowledges those that are.
func (a *adopter) park(ctx context.Context, batch []driver.Delivery) error {
	tickets := make([]Ticket, len(batch))
	arrivals := make([]*gateway.Arrival, len(batch))
	source := new(gateway.Source)
	for i := range batch {
		arrivals[i] = a.arrival(&batch[i])
		tickets[i] = a.core.Prepare(ctx, arrivals[i])
		tickets[i].Submit(ctx, source)
	}
	var (
		upTo    uint64
		trouble error
	)
	for i, t := range tickets {
		<-t.Settled()
		receipt, err := t.Result()
		switch {
		case trouble != nil: // those behind it go back, too: they are recognised next time
		case err != nil:
			trouble = err
		default:
			upTo = batch[i].DeliveryTag
			if receipt.MessageID == arrivals[i].ID {
				a.out.Parked++
			} else {
				a.out.Known++
			}
		}
	}
	failpoint.Hit("adopt-committed")
	if upTo > 0 {
		if err := a.channel.Ack(upTo, true); err != nil {
			return errors.Join(trouble, err)
		}
	}
	return trouble
}

// arrival is the message as its endpoint would have handed it over, with why it
// was given up.
func (a *adopter) arrival(d *driver.Delivery) *gateway.Arrival {
	last := deathOf(d)
	if last.Queue != "" { // the message as it was when it was alive
		d.Exchange, d.RoutingKey = last.exchange, last.RoutingKey
	}
	out := a.endpoint.arrival(d, a.remote)
	out.ID = uuid.Must(uuid.NewV7())
	queue, reason := last.Queue, last.Reason
	if queue == "" {
		queue = a.queue
	}
	if last.times > 1 {
		reason += fmt.Sprintf(" (%d times)", last.times)
	}
	out.DeadLettered(queue, reason)
	return out
}

// death is why one message was dead-lettered last.
type death struct {
	gateway.Death
	exchange string // that it was published to
	times    int64  // how often it died so
}

// deathOf reads why a message was dead-lettered last: RabbitMQ's x-death header,
// the latest death first.
func deathOf(d *driver.Delivery) (out death) {
	deaths, _ := d.Headers["x-death"].([]any)
	if len(deaths) == 0 {
		return out
	}
	last, _ := deaths[0].(driver.Table)
	out.Queue, out.Reason, out.exchange = headerText(last["queue"]), headerText(last["reason"]), headerText(last["exchange"])
	if keys, _ := last["routing-keys"].([]any); len(keys) > 0 {
		out.RoutingKey = headerText(keys[0])
	}
	out.times, _ = last["count"].(int64)
	return out
}
