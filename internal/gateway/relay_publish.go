package gateway

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// publish stops before the lease could have passed to another owner.
func (c *carrier) publish(ctx context.Context, window []Delivery) []error {
	left := c.config.LeaseTTL - c.config.LeaseTTL/5 - c.now().Sub(c.renewed)
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	end := c.trace(ctx, window)
	results := (*c.publisher.Load()).Publish(ctx, window)
	end(results)
	return results
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
		_, spans[i] = c.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "publish "+c.channel,
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(attribute.String("gatehouse.channel", c.channel), attribute.String("gatehouse.message", d.MessageID.String()), attribute.String("messaging.message.id", d.WireID)))
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

// settle records what was confirmed and parks what the channel keeps refusing.
func (c *carrier) settle(ctx context.Context, window []Delivery, results []error) (more bool, err error) {
	for i, d := range window {
		switch failure := results[i]; {
		case failure == nil:
			c.count("confirmed")
			c.metrics.delay.WithLabelValues(c.channel).Observe(c.now().Sub(d.CreatedAt).Seconds())
			c.taken = append(c.taken, d.Seq)
			delete(c.attempts, d.Seq)
		case fault.KindOf(failure).Retryable():
			c.count("failed")
			err = failure
		default:
			c.count("refused")
			err = errors.Join(err, c.refused(ctx, d, failure))
		}
	}
	c.drop(func(d Delivery) bool {
		_, found := slices.BinarySearch(c.taken, d.Seq)
		return found
	})
	return err == nil, errors.Join(err, c.record(ctx))
}

// record writes down what the channel confirmed. Until that has succeeded the
// sequence numbers are kept; they are forgotten with the lease.
func (c *carrier) record(ctx context.Context) error {
	if len(c.taken) == 0 {
		return nil
	}
	if err := c.outbox.Confirm(ctx, c.lease, c.taken); err != nil {
		if errors.Is(err, ErrLeaseLost) {
			c.forget()
		}
		return err
	}
	c.taken = c.taken[:0]
	failpoint.Hit("relay-confirmed")
	return nil
}

// refused counts an attempt of a delivery that the channel cannot take, and
// parks it after the last.
func (c *carrier) refused(ctx context.Context, d Delivery, failure error) error {
	a := c.attempts[d.Seq]
	a.count++
	if a.count < c.config.MaxAttempts {
		a.next = c.now().Add(backoff(c.config.MinBackoff, c.config.MaxBackoff, a.count))
		c.attempts[d.Seq] = a
		return nil
	}
	f := fault.Of(failure)
	if err := c.outbox.Park(ctx, c.lease, d.Seq, string(f.Code), truncate(f.Message, maxReason), a.count); err != nil {
		return err
	}
	c.count("parked")
	delete(c.attempts, d.Seq)
	c.drop(func(other Delivery) bool { return other.OrderingKey == d.OrderingKey })
	c.log.ErrorContext(ctx, "delivery parked", "message", d.MessageID, "wire_id", d.WireID, "code", string(f.Code), "reason", f.Message)
	return nil
}
