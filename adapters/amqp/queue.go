package amqp

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// The queue arguments that the gateway cares about. All others are learnt and
// left alone.
const (
	argType   = "x-queue-type"
	argSingle = "x-single-active-consumer"
	argLimit  = "x-delivery-limit"
)

// declaredLimit is the delivery limit of queues that the gateway makes: high,
// because it finds the message that kills processes by itself, and every restart
// of a broker counts for all messages in hand.
const declaredLimit = 1000

// settings are a queue's properties and arguments as far as they could be found
// out. A policy's are not among them: no client can see those.
type settings struct {
	durable, autoDelete bool
	args                driver.Table
}

// arguments are what the endpoint's queue is made with.
func (e Endpoint) arguments() driver.Table {
	args := driver.Table{argType: e.QueueType}
	if e.single() {
		args[argSingle] = true
	}
	return args
}

// errUnverifiable says that the broker does not tell how a queue is made.
var errUnverifiable = errors.New("the queue's arguments cannot be verified")

// verify finds the endpoint's queue and holds its arguments against what the
// endpoint needs. It changes nothing on the broker, unless the queue is missing
// and declare is set. errUnverifiable comes with the reason.
func (c *connection) verify(e Endpoint, declare bool) (settings, error) {
	_, err := c.ready(e.Queue)
	if isReply(err, driver.NotFound) && declare {
		err = c.makeQueue(e)
	}
	switch {
	case isReply(err, driver.NotFound):
		return settings{}, missingQueue(e, err)
	case err != nil:
		return settings{}, fmt.Errorf("looking for the queue %q: %w", e.Queue, err)
	}
	found, err := c.examine(e)
	if isReply(err, driver.NotFound) {
		return found, missingQueue(e, err)
	}
	if err != nil {
		return found, err
	}
	return found, found.suit(e)
}

func missingQueue(e Endpoint, cause error) error {
	return fault.New(fault.CodeChannelUnavailable, "the queue %q does not exist on the broker; create it durable with %s, or correct the route's queue", e.Queue, e.wanted()).Because(cause)
}

// wanted are the endpoint's arguments in words.
func (e Endpoint) wanted() string {
	args := e.arguments()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		out = append(out, fmt.Sprintf("%s=%v", name, args[name]))
	}
	return strings.Join(out, ", ")
}

// ready looks for a queue, and tells how many of its messages wait for a consumer.
func (c *connection) ready(name string) (messages int, err error) {
	err = c.briefly(func(ch *driver.Channel) error {
		q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		messages = q.Messages
		return err
	})
	return messages, err
}

func (c *connection) makeQueue(e Endpoint) error {
	args := e.arguments()
	if e.QueueType == quorum {
		args[argLimit] = int64(declaredLimit)
	}
	return c.briefly(func(ch *driver.Channel) error {
		_, err := ch.QueueDeclare(e.Queue, true, false, false, false, args)
		return err
	})
}

// briefly uses a channel of its own: what the broker refuses closes it.
func (c *connection) briefly(use func(*driver.Channel) error) error {
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	if err := use(ch); err != nil {
		return err
	}
	return ch.Close()
}

// maxArguments bounds how many arguments of one queue are learnt.
const maxArguments = 40

// examine learns how a queue that exists is made: it declares it again, and the
// broker answers with the first difference between that and the queue (406),
// until there is none.
//
// Declaring could make the queue, should it vanish in this moment. So every
// declaration has an argument that only streams know: RabbitMQ leaves it out of
// the comparison, and refuses to make a queue with it.
func (c *connection) examine(e Endpoint) (settings, error) {
	found := settings{durable: true, args: e.arguments()}
	for range maxArguments {
		err := c.briefly(func(ch *driver.Channel) error {
			args := maps.Clone(found.args)
			args["x-max-age"] = "never made"
			_, err := ch.QueueDeclare(e.Queue, found.durable, found.autoDelete, false, false, args)
			return err
		})
		if err == nil {
			return found, nil
		}
		if err := found.learn(err); err != nil {
			return found, err
		}
	}
	return found, fmt.Errorf("%w: it has too many", errUnverifiable)
}

// difference reads RabbitMQ's words about a declaration that differs from the
// queue. The name of the queue may hold anything, and so may a value.
var difference = regexp.MustCompile(`(?s)inequivalent arg '([^']+)' for queue '.*': received (.*) but current is (.*)$`)

var typedValue = regexp.MustCompile(`(?s)^the value '(.*)' of type '([a-z]+)'$`)

// learn takes over the difference that the broker has named.
func (s *settings) learn(err error) error {
	e, said := reply(err)
	if !said {
		return err
	}
	m := difference.FindStringSubmatch(e.Reason)
	switch {
	case e.Code == driver.AccessRefused:
		return fmt.Errorf("%w: this user may not declare it (no configure permission)", errUnverifiable)
	case e.Code == driver.PreconditionFailed && strings.Contains(e.Reason, "invalid arg"):
		return &driver.Error{Code: driver.NotFound, Reason: "the queue has just been deleted", Server: true}
	case e.Code != driver.PreconditionFailed || m == nil:
		return fmt.Errorf("%w: %w", errUnverifiable, err)
	}
	return s.set(m[1], m[3])
}

func (s *settings) set(name, current string) error {
	switch name {
	case "durable":
		s.durable = !s.durable
		return nil
	case "auto_delete":
		s.autoDelete = !s.autoDelete
		return nil
	case "exclusive":
		return fmt.Errorf("%w: it is exclusive", errUnverifiable)
	}
	if current == "none" {
		delete(s.args, name)
		return nil
	}
	value, ok := s.value(name, current)
	if !ok || s.args[name] == value {
		return fmt.Errorf("%w: its argument %s is %s", errUnverifiable, name, current)
	}
	s.args[name] = value
	return nil
}

// value reads what a queue's argument is. Without its type, which is when both
// sides have the argument, it has the type of the one that was sent.
func (s *settings) value(name, current string) (any, bool) {
	text, kind := strings.Trim(current, "'"), ""
	if m := typedValue.FindStringSubmatch(current); m != nil {
		text, kind = m[1], m[2]
	}
	if kind == "" {
		kind = "longstr"
		if _, is := s.args[name].(bool); is {
			kind = "bool"
		}
	}
	switch kind {
	case "longstr":
		return text, true
	case "bool":
		return text == "true", true
	case "byte", "short", "signedint", "long", "unsignedbyte", "unsignedshort", "unsignedint":
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	return nil, false
}

// suit holds what was found against what the endpoint needs, and reports every
// difference at once.
func (s settings) suit(e Endpoint) error {
	var details []fault.Detail
	differs := func(what string, found, expected any) {
		details = append(details, fault.Detail{Message: "queue " + e.Queue + ": " + what, Found: fmt.Sprint(found), Expected: fmt.Sprint(expected)})
	}
	if !s.durable {
		differs("durable", false, true)
	}
	if s.autoDelete {
		differs("auto_delete", true, false)
	}
	if kind := s.queueType(); kind != e.QueueType {
		differs(argType, kind, e.QueueType)
	}
	if single, _ := s.args[argSingle].(bool); e.single() && !single {
		differs(argSingle, single, true)
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeChannelUnavailable,
		"the queue %q is not made as the route needs it; arguments cannot be changed: make it anew (move its messages first, such as with a shovel), or correct queue_type and single_active_consumer of the route", e.Queue).With(details...)
}

// queueType is what the queue is; without the argument it is a classic one.
func (s settings) queueType() string {
	if kind, ok := s.args[argType].(string); ok {
		return kind
	}
	return classic
}

// lowLimit is a delivery limit that a few restarts of a broker use up.
const lowLimit = 100

// hints are what an administrator should look at though the queue can be used.
func (s settings) hints() (out []string) {
	if s.args == nil { // it is not there
		return nil
	}
	has := func(name string) bool { _, ok := s.args[name]; return ok }
	limit, limited := s.args[argLimit].(int64)
	deadLetters := has("x-dead-letter-exchange")
	if s.queueType() == quorum && !deadLetters {
		out = append(out, "no x-dead-letter-exchange: a message over the delivery limit (20 by default since RabbitMQ 4) is dropped by the broker")
	}
	if limited && limit >= 0 && limit < lowLimit {
		out = append(out, fmt.Sprintf("x-delivery-limit is %d: every end of a gateway or broker counts for all messages in hand; set it to %d or more", limit, declaredLimit))
	}
	if (has("x-max-length") || has("x-max-length-bytes")) && !strings.HasPrefix(fmt.Sprint(s.args["x-overflow"]), "reject-publish") {
		out = append(out, "a length limit without x-overflow=reject-publish: when the queue is full the broker drops its oldest messages")
	}
	if deadLetters && s.queueType() == quorum && s.args["x-dead-letter-strategy"] != "at-least-once" {
		out = append(out, "x-dead-letter-strategy is not at-least-once: dead letters may get lost on their way")
	}
	if has("x-message-ttl") {
		out = append(out, "x-message-ttl: messages that wait too long are removed by the broker, unprocessed")
	}
	if has("x-expires") {
		out = append(out, "x-expires: the queue is deleted with its messages when no gateway has consumed it for a while")
	}
	return out
}
