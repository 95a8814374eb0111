package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// settle remembers what was confirmed, which is out of the line already, and
// parks what the channel keeps refusing. The error is the store's, or that of a
// channel which has no circuit to wait at.
func (c *carrier) settle(ctx context.Context, window []Delivery, results []error) (err error) {
	now, confirmed, delay := c.now(), c.metrics.delivered.WithLabelValues(c.name, "confirmed"), c.metrics.delay.WithLabelValues(c.name)
	for i := range window {
		d := &window[i]
		switch failure := results[i]; {
		case failure == nil:
			confirmed.Inc()
			delay.Observe(now.Sub(d.CreatedAt).Seconds())
			c.taken = append(c.taken, d.Seq)
		case fault.Of(failure).Code == fault.CodeNotTaken:
			c.count("delayed")
			err = errors.Join(err, c.delayed(ctx, d, fault.Of(failure)))
		case fault.KindOf(failure).Retryable():
			c.count("failed")
			err = errors.Join(err, c.failed(failure))
		default:
			c.count("refused")
			err = errors.Join(err, c.refused(ctx, d, fault.Of(failure)))
		}
	}
	return err
}

// failed leaves the pause to the circuit, where there is one.
func (c *carrier) failed(failure error) error {
	if c.policy().Circuit == 0 {
		return failure
	}
	c.stale.Store(true) // before the next attempt an operator may have parked some of it
	return nil
}

// record writes down what the channel answered and confirmed. Until that has
// succeeded it is kept; it is forgotten with the lease. What was asked for in vain is
// asked for again before anything else is, in the same words: the store may have heard
// it.
func (c *carrier) record(ctx context.Context) error {
	err := c.recordResponses(ctx)
	for err == nil && len(c.taken) > 0 {
		c.asked = cmp.Or(c.asked, len(c.taken))
		if err = c.outbox.Confirm(ctx, c.lease, c.taken[:c.asked]); err == nil {
			c.taken, c.asked = slices.Delete(c.taken, 0, c.asked), 0
			failpoint.Hit("relay-confirmed")
		}
	}
	return err
}

func (c *carrier) recordResponses(ctx context.Context) error {
	if len(c.responses) == 0 {
		return nil
	}
	if err := c.outbox.Responded(ctx, c.lease, c.responses); err != nil {
		return err
	}
	c.responses = nil
	failpoint.Hit("relay-responded")
	return nil
}

// delayed counts an attempt of a delivery that failed alone. Its key waits for
// the next one, and nobody else. It is parked when that has gone on for too long
// while the channel took others.
func (c *carrier) delayed(ctx context.Context, d *Delivery, f *fault.Error) error {
	now, p := c.now(), c.policy()
	a := c.line.attempted(d.Seq)
	a.count++
	if a.first.IsZero() {
		a.first = now
	}
	if now.Sub(a.first) >= p.For && c.gate.closed() {
		return c.park(ctx, d, f, a.count)
	}
	a.next = now.Add(max(backoff(p.First, p.Longest, a.count), min(f.RetryAfter, maxRetryAfter)))
	c.line.rest(d, a)
	return nil
}

// refused counts an attempt of a delivery that the channel cannot take, and
// parks it after the last.
func (c *carrier) refused(ctx context.Context, d *Delivery, f *fault.Error) error {
	p := c.policy()
	a := c.line.attempted(d.Seq)
	a.count++
	a.refused++
	if a.refused >= p.Attempts {
		return c.park(ctx, d, f, a.count)
	}
	a.next = c.now().Add(backoff(p.First, p.Longest, a.refused))
	c.line.rest(d, a)
	return nil
}

// park takes a delivery out of the way, with its key's successors or without.
func (c *carrier) park(ctx context.Context, d *Delivery, f *fault.Error, attempts int) error {
	// What the other side said last goes into the ledger before the delivery is
	// out of sight.
	if err := c.recordResponses(ctx); err != nil {
		return err
	}
	skip := c.policy().Skip
	park := c.outbox.Park
	if skip {
		park = c.outbox.Skip
	}
	c.line.close() // what is committed from now on may be behind it
	if err := park(ctx, c.lease, d.Seq, string(f.Code), truncate(f.Message, maxReason), attempts); err != nil {
		return err
	}
	failpoint.Hit("park-committed")
	c.count("parked")
	if skip {
		c.line.settle(d)
	} else {
		c.line.drop(d)
	}
	c.log.ErrorContext(ctx, "delivery parked", "message", d.MessageID, "wire_id", d.WireID, "code", string(f.Code), "reason", f.Message, "attempts", attempts)
	return nil
}
