package amqp

import (
	"errors"
	"strings"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// reply returns what the broker itself has said, if it has.
func reply(err error) (*driver.Error, bool) {
	e, ok := errors.AsType[*driver.Error](err)
	return e, ok && e.Server
}

// blamesMessage tells whether the broker closed the channel over the content or
// the routing key of one message: too large (406 in RabbitMQ, 311 in the
// specification), a property it does not accept (406), or a topic this user may
// not write to (403).
func blamesMessage(err error) bool {
	e, ok := reply(err)
	if !ok {
		return false
	}
	switch e.Code {
	case driver.PreconditionFailed, driver.ContentTooLarge:
		return true
	case driver.AccessRefused:
		return strings.Contains(e.Reason, "access to topic")
	}
	return false
}

// unavailable is the fault of a message whose fate is unknown or that was not
// sent. Where an operator can mend it, the sentence says how.
func (o *outgoing) unavailable(cause error) error {
	e, ok := reply(cause)
	switch {
	case ok && e.Code == driver.NotFound:
		return fault.New(fault.CodeChannelUnavailable,
			"the exchange %q does not exist on the broker; create it, or correct the channel's exchange", o.exchange).Because(cause)
	case ok && e.Code == driver.AccessRefused:
		return fault.New(fault.CodeChannelUnavailable,
			"the broker does not let this user write to the exchange %q; grant it, or correct the user", o.exchange).Because(cause)
	}
	return fault.New(fault.CodeChannelUnavailable, "").Because(cause)
}

func unpublishable(cause error) error {
	f := fault.New(fault.CodeNotPublishable, "").Because(cause)
	if e, ok := reply(cause); ok {
		return f.With(fault.Detail{Message: e.Reason})
	}
	return f
}

func (o *outgoing) unroutable(why string) error {
	return fault.New(fault.CodeUnroutable, "the exchange %q has no queue bound for the routing key %q", o.exchange, o.key).
		With(fault.Detail{Message: "the broker returned it: " + why})
}

// isReply reports whether the broker has answered with that code.
func isReply(err error, code int) bool {
	e, ok := reply(err)
	return ok && e.Code == code
}
