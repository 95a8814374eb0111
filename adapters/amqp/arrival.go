package amqp

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// headerDeliveryCount is how often a quorum queue has handed the message out
// before. Classic queues count nothing.
const headerDeliveryCount = "x-delivery-count"

// arrival is a message of the endpoint's queue as the core takes it. What is
// wrong with it is its Refusal: it is kept with that, and stops nobody.
func (e Endpoint) arrival(d *driver.Delivery, remote string) *gateway.Arrival {
	a := &gateway.Arrival{
		Endpoint:    e.Name(),
		Remote:      remote,
		Sender:      e.Sender.Fixed,
		MessageID:   d.MessageId,
		Correlation: d.CorrelationId,
		TraceParent: headerText(d.Headers[headerTraceParent]),
		Properties:  propertiesOf(d),
		Origin:      e.origin(d),
		Redelivered: redelivered(d),
	}
	if e.Sender.UserID {
		a.Sender = d.UserId
	}
	c := content{typ: d.ContentType, encoding: d.ContentEncoding, body: d.Body, max: int64(e.MaxMessageBytes)}
	a.Refusal = c.read()
	a.Format, a.ContentType, a.Body, a.Places = c.format, c.typ, c.body, c.places
	return a
}

// redelivered reports whether somebody had the message in hand before.
func redelivered(d *driver.Delivery) bool {
	count := headerText(d.Headers[headerDeliveryCount])
	return d.Redelivered || count != "" && count != "0"
}

// origin is the same at every delivery of a message, and of no other one that
// differs in its id or its bytes.
func (e Endpoint) origin(d *driver.Delivery) (out gateway.Digest) {
	h := sha256.New()
	var size [8]byte
	for _, part := range [][]byte{[]byte(e.Name()), []byte(d.MessageId), d.Body} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	h.Sum(out[:0])
	return out
}

// propertiesOf are the message's properties and, by their own names, those of its
// headers that are a text, a number, a boolean or a time. A header never hides a
// property.
func propertiesOf(d *driver.Delivery) map[string]string {
	out := make(map[string]string, len(d.Headers)+8)
	for name, value := range d.Headers {
		if text := headerText(value); text != "" {
			out[name] = text
		}
	}
	for _, p := range [...]struct{ name, value string }{
		{"message-id", d.MessageId},
		{"correlation-id", d.CorrelationId},
		{"type", d.Type},
		{"app-id", d.AppId},
		{"user-id", d.UserId},
		{"reply-to", d.ReplyTo},
		{"content-type", d.ContentType},
		{"content-encoding", d.ContentEncoding},
		{"routing-key", d.RoutingKey},
		{"exchange", d.Exchange},
		{"timestamp", timestamp(d.Timestamp)},
	} {
		delete(out, p.name)
		if p.value != "" {
			out[p.name] = p.value
		}
	}
	return out
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// headerText is a header's value as text; empty for tables, lists and bytes that
// are no text.
func headerText(value any) string {
	switch v := value.(type) {
	case string:
		return text(v)
	case []byte:
		return text(string(v))
	case bool:
		return strconv.FormatBool(v)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return timestamp(v)
	case int8, byte, int16, uint16, int32, uint32, int64, uint64, int:
		return fmt.Sprint(v)
	}
	return ""
}

func text(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	return s
}

// memory is a bounded set of messages that this process has had in hand and
// lived through. When they are redelivered nothing is suspected of them.
type memory struct {
	known map[gateway.Digest]bool
	order []gateway.Digest // a ring
	next  int
}

func newMemory(size int) *memory {
	return &memory{known: make(map[gateway.Digest]bool), order: make([]gateway.Digest, 0, size)}
}

func (m *memory) has(d gateway.Digest) bool { return m.known[d] }

// add forgets the oldest when there is no more room.
func (m *memory) add(d gateway.Digest) {
	if m.known[d] {
		return
	}
	m.known[d] = true
	if len(m.order) < cap(m.order) {
		m.order = append(m.order, d)
		return
	}
	delete(m.known, m.order[m.next])
	m.order[m.next] = d
	m.next = (m.next + 1) % len(m.order)
}
