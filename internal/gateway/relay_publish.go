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
func (c *carrier) publish(ctx context.Context, publisher Publisher, window []Delivery) (results []error, responses []*Response) {
	ctx, done := c.whileHeld(ctx)
	defer done()
	spans := make([]trace.Span, len(window))
	for i := range window {
		spans[i] = c.trace(ctx, &window[i])
	}
	if p, ok := publisher.(Correspondent); ok {
		results, responses = p.Correspond(ctx, window)
	} else {
		results = publisher.Publish(ctx, window)
	}
	for i, span := range spans {
		endSpan(span, results[i])
	}
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

// trace begins a span for a delivery whose message is traced; nil: it is not.
func (c *carrier) trace(ctx context.Context, d *Delivery) trace.Span {
	parent, ok := parseTraceParent(d.TraceParent)
	if !ok || !parent.IsSampled() {
		return nil
	}
	_, span := c.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "publish "+c.name,
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.String("gatehouse.channel", c.name), attribute.String("gatehouse.message", d.MessageID.String()), attribute.String("messaging.message.id", d.WireID)))
	return span
}

func endSpan(span trace.Span, failure error) {
	if span == nil {
		return
	}
	if failure != nil {
		span.SetStatus(codes.Error, fault.Of(failure).Message)
	}
	span.End()
}
