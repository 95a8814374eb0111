package amqp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The headers of a reply.
const (
	headerOutcome = "gatehouse-outcome" // stored, duplicate, superseded, waiting or parked
	headerCode    = "gatehouse-code"    // of the fault, for a message that is kept
	headerStored  = "gatehouse-message" // the ledger's message
	headerFault   = "gatehouse-fault"   // the contract's fault that the body is
	headerReason  = "gatehouse-reason"  // what the mapping says with it
)

// directReply begins the names by which RabbitMQ reaches clients that have no
// queue for their replies. They are no queues: a mandatory message is returned
// though it was delivered.
const directReply = "amq.rabbitmq.reply-to."

// replyTimeout bounds how long acknowledgements wait for replies.
const replyTimeout = 5 * time.Second

// replier answers messages that name a reply-to, over a connection of its own:
// a broker that blocks publishers must not keep acknowledgements back.
type replier struct {
	sender  *sender
	metrics queueMetrics
	outage  outage
	clock   Clock
	log     *slog.Logger
}

func (c *Client) replier(queue string, metrics queueMetrics, log *slog.Logger) *replier {
	name := "replies of " + queue
	return &replier{
		sender:  c.sender("gatehouse "+name, "", 1, c.metrics.channel(name)),
		metrics: metrics,
		outage:  outage{log: c.log.With("channel", name), clock: c.clock},
		clock:   c.clock, log: log,
	}
}

// send answers those of the messages that ask for it, and returns when the
// broker has taken the replies or will not in time: a reply that was lost is
// sent again when the message is.
func (r *replier) send(ctx context.Context, settled []*entry) {
	var replies []outgoing
	for _, e := range settled {
		if e.delivery.ReplyTo != "" {
			replies = append(replies, r.reply(e))
		}
	}
	if replies == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	results := r.sender.send(ctx, replies)
	for i, err := range results {
		r.judge(ctx, &replies[i], err)
	}
	r.outage.observe(results)
}

// judge counts what became of a reply. Whoever asked may have left: that is no
// trouble of ours.
func (r *replier) judge(ctx context.Context, o *outgoing, err error) {
	switch f := fault.Of(err); {
	case f == nil:
		r.metrics.replied.Inc()
	case f.Code == fault.CodeUnroutable:
		r.metrics.unroutable.Inc()
		r.log.DebugContext(ctx, "nobody takes the reply", "reply_to", o.key, "correlation", o.message.CorrelationId)
	default:
		r.metrics.unreplied.Inc()
		if f.Code != fault.CodeChannelUnavailable { // that one has its own line, once for all
			r.log.WarnContext(ctx, "reply not sent", "reply_to", o.key, "code", string(f.Code), "reason", f.Message, "error", f.Cause)
		}
	}
}

// reply makes the reply to a message: the same at every repeat.
func (r *replier) reply(e *entry) outgoing {
	d := &e.delivery
	answer, err := e.receipt.Answer()
	if err != nil {
		answer = gateway.Answer{Code: string(fault.CodeInternal)}
		r.log.Error("making a reply", "message", e.receipt.MessageID, "error", err)
	}
	m := driver.Publishing{
		MessageId:     replyID(e),
		CorrelationId: d.CorrelationId,
		Type:          "reply",
		AppId:         appID,
		Timestamp:     r.clock.Now(),
		ContentType:   answer.ContentType,
		DeliveryMode:  d.DeliveryMode, // who asks persistently wants to be answered so
		Body:          answer.Body,
		Headers: driver.Table{
			headerOutcome: e.receipt.Status.String(),
			headerStored:  e.receipt.MessageID.String(),
		},
	}
	if m.CorrelationId == "" {
		m.CorrelationId = d.MessageId
	}
	for name, value := range map[string]string{
		headerCode: answer.Code, headerFault: answer.Fault, headerReason: answer.Reason, headerTraceParent: e.arrival.TraceParent,
	} {
		if value != "" {
			m.Headers[name] = value
		}
	}
	return outgoing{key: d.ReplyTo, mandatory: !strings.HasPrefix(d.ReplyTo, directReply), message: m}
}

func replyID(e *entry) string {
	h := sha256.New()
	h.Write(e.arrival.Origin[:])
	h.Write([]byte(e.delivery.ReplyTo + "\x00" + e.delivery.CorrelationId))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
