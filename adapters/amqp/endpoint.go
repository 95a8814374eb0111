package amqp

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// The types of queues that can be consumed.
const (
	quorum  = "quorum"
	classic = "classic"
)

// Endpoint is the amqp section of a route's `from`: a queue that is consumed.
type Endpoint struct {
	// Queue must exist.
	Queue string `yaml:"queue,required"`
	// Sender says who is believed to have sent a message.
	Sender Sender `yaml:"sender,required"`
	// Prefetch is how many messages are received before the first of them is
	// acknowledged. With the largest message that the broker takes it bounds
	// memory. Default: 256.
	Prefetch int `yaml:"prefetch"`
	// MaxMessageBytes is the most a message may have, before and after unpacking;
	// larger ones are parked as they came. Default: 16MiB.
	MaxMessageBytes config.ByteSize `yaml:"max_message_bytes"`
	// MaxBytesInHand bounds the messages that are worked on at once, unpacked; one
	// message is always. Default: 64MiB.
	MaxBytesInHand config.ByteSize `yaml:"max_bytes_in_hand"`
	// QueueType is what the queue has to be, quorum or classic. Default: quorum.
	QueueType string `yaml:"queue_type"`
	// SingleActiveConsumer demands that the queue serves one consumer at a time.
	// Without it messages of one key overtake each other when a gateway ends while
	// another one consumes. Default: true.
	SingleActiveConsumer *bool `yaml:"single_active_consumer"`
	// Hold is how long messages are kept in memory while database or directory
	// are away, before they are given back to the broker. Default: 10s.
	Hold time.Duration `yaml:"hold"`
	// DrainTimeout bounds how long the end waits for messages in hand. Default: 25s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// Name is the endpoint as the ledger and the log call it.
func (e Endpoint) Name() string { return "amqp:" + e.Queue }

// Sender says whom the gateway takes for the sender of a queue's messages: the
// user-id that the broker has checked, or one login for all.
type Sender struct {
	UserID bool   // the message's user-id property; a message without has no sender
	Fixed  string // a login
}

// UnmarshalNode reads `user_id` or `{fixed: login}`.
func (s *Sender) UnmarshalNode(n *config.Node) error {
	if n.Kind == config.Scalar {
		if n.Text() != "user_id" {
			return n.Fault("expected user_id or {fixed: <login>}, found %q", n.Text())
		}
		s.UserID = true
		return nil
	}
	var section struct {
		Fixed string `yaml:"fixed,required"`
	}
	err := n.Decode(&section)
	s.Fixed = section.Fixed
	return err
}

func (s Sender) validate() error {
	if s.UserID == (s.Fixed != "") {
		return errors.New("sender: expected user_id or {fixed: <login>}")
	}
	return nil
}

// Validate reports every fault of the section at once.
func (e Endpoint) Validate() error {
	return errors.Join(
		e.validateQueue(),
		e.Sender.validate(),
		within("prefetch", e.Prefetch, 0, 2000), // quorum queues take no more
		notNegative("max_message_bytes", e.MaxMessageBytes),
		notNegative("max_bytes_in_hand", e.MaxBytesInHand),
		notNegative("hold", e.Hold),
		notNegative("drain_timeout", e.DrainTimeout),
	)
}

func (e Endpoint) validateQueue() error {
	switch {
	case e.Queue == "":
		return errors.New("queue: is missing")
	case len(e.Queue) > maxShortString:
		return errors.New("queue: has more than 255 bytes")
	case e.QueueType != "" && e.QueueType != quorum && e.QueueType != classic:
		return fmt.Errorf("queue_type: %q, expected quorum or classic", e.QueueType)
	}
	return nil
}

func (e Endpoint) single() bool { return e.SingleActiveConsumer == nil || *e.SingleActiveConsumer }

// Effective returns the settings with every default filled in.
func (e Endpoint) Effective() Endpoint {
	e = e.withDefaults()
	e.SingleActiveConsumer = new(e.single())
	return e
}

func (e Endpoint) withDefaults() Endpoint {
	e.Prefetch = cmp.Or(e.Prefetch, 256)
	e.MaxMessageBytes = cmp.Or(e.MaxMessageBytes, 16<<20)
	e.MaxBytesInHand = cmp.Or(e.MaxBytesInHand, 64<<20)
	e.QueueType = cmp.Or(e.QueueType, quorum)
	e.Hold = cmp.Or(e.Hold, 10*time.Second)
	e.DrainTimeout = cmp.Or(e.DrainTimeout, 25*time.Second)
	return e
}
