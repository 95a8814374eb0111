package broker

import (
	"fmt"
	"reflect"
	"slices"
)

// comparedArgs are the queue arguments that a second declaration must repeat,
// in the order in which RabbitMQ compares them. It ignores all others.
var comparedArgs = []string{
	"x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy",
	"x-max-length", "x-max-length-bytes", "x-max-priority", "x-overflow", "x-queue-mode",
	"x-single-active-consumer", "x-queue-type", "x-quorum-initial-group-size", "x-delivery-limit",
}

// streamArgs are refused for every other type of queue, but only when the queue
// is to be made: they are not among those compared.
var streamArgs = []string{"x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size"}

// inequivalent says, in RabbitMQ's words, in what a declaration differs from
// the queue that is there, or returns nil.
func (q *queue) inequivalent(wanted *queue) error {
	for _, p := range []struct {
		name          string
		wanted, found bool
	}{{"durable", wanted.durable, q.durable}, {"auto_delete", wanted.autoDelete, q.autoDelete}, {"exclusive", wanted.owner != nil, q.owner != nil}} {
		if p.wanted != p.found {
			return q.differs(p.name, fmt.Sprintf("'%v'", p.wanted), fmt.Sprintf("'%v'", p.found))
		}
	}
	for _, name := range comparedArgs {
		found, have := q.args[name]
		want, given := wanted.args[name]
		switch {
		case !have && !given || have && given && sameArg(want, found):
		case have && given:
			return q.differs(name, fmt.Sprintf("'%v'", want), fmt.Sprintf("'%v'", found))
		default:
			return q.differs(name, describeArg(want, given), describeArg(found, have))
		}
	}
	return nil
}

func (q *queue) differs(arg, wanted, found string) error {
	return soft(406, "PRECONDITION_FAILED - inequivalent arg '%s' for queue '%s' in vhost '/': received %s but current is %s", arg, q.name, wanted, found)
}

func describeArg(v any, given bool) string {
	if !given {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, argType(v))
}

// sameArg makes equal numbers of different widths equal.
func sameArg(a, b any) bool {
	m, ok := integer(a)
	n, also := integer(b)
	if ok && also {
		return m == n
	}
	return reflect.DeepEqual(a, b)
}

// argType is RabbitMQ's name of a field type.
func argType(v any) string {
	switch v.(type) {
	case string:
		return "longstr"
	case bool:
		return "bool"
	case int8:
		return "byte"
	case int16:
		return "short"
	case int32:
		return "signedint"
	case int64:
		return "long"
	case table:
		return "table"
	case []any:
		return "array"
	}
	return "other"
}

// refused says why a queue with these arguments cannot be made, or returns nil.
func (q *queue) refused() error {
	kind, typed := q.text("x-queue-type")
	if _, given := q.args["x-queue-type"]; given && !(typed && slices.Contains([]string{"classic", "quorum"}, kind)) {
		return q.invalid("x-queue-type", fmt.Sprintf(": \"unsupported queue type '%v'\"", q.args["x-queue-type"]))
	}
	if v, given := q.args["x-single-active-consumer"]; given && argType(v) != "bool" {
		return q.invalid("x-single-active-consumer", fmt.Sprintf(": {unacceptable_type,%s}", argType(v)))
	}
	for _, name := range streamArgs {
		if _, given := q.args[name]; given {
			return q.invalid(name, " of queue type rabbit_classic_queue")
		}
	}
	return nil
}

func (q *queue) invalid(arg, why string) error {
	return soft(406, "PRECONDITION_FAILED - invalid arg '%s' for queue '%s' in vhost '/'%s", arg, q.name, why)
}
