package gateway

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// publish hands a window to the channel, and stops before the lease could have
// passed to another owner. Only a Correspondent's deliveries have answers.
func (c *carrier) publish(ctx context.Context, window []Delivery) (results []error, responses []*Response) {
	ctx, done := c.whileHeld(ctx)
	defer done()
	end := c.trace(ctx, window)
	publisher := c.channel.Load().Publisher
	if p, ok := publisher.(Correspondent); ok {
		results, responses = p.Correspond(ctx, window)
	} else {
		results = publisher.Publish(ctx, window)
	}
	end(results)
	return results, responses
}

// keepResponses remembers what is to be recorded of a window.
func (c *carrier) keepResponses(window []Delivery, results []error, responses []*Response) {
	for i, a := range responses {
		if a == nil {
			continue // it never went out
		}
		c.metrics.answers.WithLabelValues(c.name, statusClass(a.Status)).Observe(a.Took.Seconds())
		kept := *a
		kept.Seq, kept.MessageID = window[i].Seq, window[i].MessageID
		if f := fault.Of(results[i]); f != nil {
			kept.Code, kept.Reason = string(f.Code), truncate(f.Message, maxReason)
		}
		c.responses = append(c.responses, kept)
	}
}

// statusClass is the label of an HTTP status.
func statusClass(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// trace begins a span for each delivery whose message is traced, and returns how
// to end them.
func (c *carrier) trace(ctx context.Context, window []Delivery) func([]error) {
	spans := make([]trace.Span, len(window))
	for i, d := range window {
		parent, ok := parseTraceParent(d.TraceParent)
		if !ok || !parent.IsSampled() {
			continue
		}
		_, spans[i] = c.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "publish "+c.name,
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(attribute.String("gatehouse.channel", c.name), attribute.String("gatehouse.message", d.MessageID.String()), attribute.String("messaging.message.id", d.WireID)))
	}
	return func(results []error) {
		for i, span := range spans {
			if span == nil {
				continue
			}
			if results[i] != nil {
				span.SetStatus(codes.Error, fault.Of(results[i]).Message)
			}
			span.End()
		}
	}
}
