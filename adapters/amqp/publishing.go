package amqp

import (
	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The headers of every message. The W3C's own name is traceparent.
const (
	headerTraceParent = "traceparent"
	headerMessage     = "x-gatehouse-message"     // the ledger's message
	headerShard       = "x-gatehouse-shard"       // shard and seq tell a consumer what is older
	headerSeq         = "x-gatehouse-seq"         // dense within channel and shard
	headerKey         = "x-gatehouse-key"         // the ordering key, when there is one
	headerCorrelation = "x-gatehouse-correlation" // the correlation, when it does not fit into the property
)

const appID = "gatehouse"

// maxShortString is the most that a routing key or a string property can hold,
// in bytes (AMQP 0-9-1 §4.2.5.3).
const maxShortString = 255

// publishing is the delivery as a message, without its headers. The same delivery
// makes the same message at every attempt.
func publishing(d *gateway.Delivery, persistent bool) driver.Publishing {
	m := driver.Publishing{
		MessageId:    d.WireID,
		Type:         d.Type,
		Timestamp:    d.CreatedAt,
		ContentType:  d.ContentType,
		DeliveryMode: driver.Transient,
		AppId:        appID,
		Body:         d.Body,
	}
	if persistent {
		m.DeliveryMode = driver.Persistent
	}
	if len(d.Correlation) <= maxShortString {
		m.CorrelationId = d.Correlation
	}
	return m
}

// headers puts the headers of a delivery into an empty table.
func headers(d *gateway.Delivery, into driver.Table) {
	into[headerMessage] = d.MessageID.String()
	into[headerShard] = int32(d.Shard)
	into[headerSeq] = d.Seq
	if d.TraceParent != "" {
		into[headerTraceParent] = d.TraceParent
	}
	if d.OrderingKey != "" {
		into[headerKey] = d.OrderingKey
	}
	if len(d.Correlation) > maxShortString {
		into[headerCorrelation] = d.Correlation
	}
}

// unsendable says what of a message does not fit into AMQP, or nil.
func (o *outgoing) unsendable() error {
	var details []fault.Detail
	check := func(name, value string) {
		if len(value) > maxShortString {
			details = append(details, fault.Detail{Message: name + " is longer than AMQP allows", Expected: "at most 255 bytes"})
		}
	}
	check("the routing key", o.key)
	check("the message id", o.message.MessageId)
	check("the type", o.message.Type)
	check("the content type", o.message.ContentType)
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeNotPublishable, "").With(details...)
}
