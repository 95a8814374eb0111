package gateway

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ID names a message or a refusal: a UUID of version 7 (RFC 9562 §5.7), made
// in the process, so that it is known before anything is written and rises
// with time.
type ID = uuid.UUID

// Digest is a SHA-256.
type Digest [32]byte

// String is the digest in hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes what String does.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) {
		return fmt.Errorf("%q is not 64 hexadecimal digits", text)
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Message is an immutable fact: what was accepted, from whom, when.
type Message struct {
	ID         ID
	ReceivedAt time.Time // UTC, milliseconds
	Route      string
	Endpoint   string // the door it came by, e.g. soap:orders/OrderService.SubmitOrder
	Mapping    string // name@version-hash
	Contract   Digest
	Principal  string // the directory entry's identity
	Sender     string // whose identities are compared: the partner, else Principal
	// Identity is what makes a repeat a repeat; never empty (the message's own
	// id when the message has none).
	Identity string
	// Body is the digest of the canonical payload and the mapped headers.
	Body        Digest
	Payload     []byte // the payload element, UTF-8, without credentials
	ContentType string
	OrderingKey string
	Keys        []mapping.Key
	TraceParent string // W3C Trace Context traceparent, or empty
	Correlation string // what the sender correlates by: wsa:MessageID or the identity
	ReplayOf    ID     // zero unless it is a replay
	// Properties are the AMQP properties and headers that the mapping reads,
	// kept with a message that is held so that it can be mapped again.
	Properties map[string]string
	// Beside is what the mapping reads beside the payload, as a stored message
	// keeps it to be repeated; nil where the mapping reads nothing else.
	Beside []byte
	// Attachments are those that the payload refers to, and those that it does not
	// mention: not the ones that are values of it.
	Attachments []*Attachment
	// Login is the sender as the door names it, to be looked up again when a
	// held message is processed; empty for doors that see a password.
	Login string
	// Origin tells deliveries of one message by its queue apart from deliveries
	// of others: a digest of endpoint, message id and bytes. Redelivered says
	// that the queue may have handed it out before.
	Origin      Digest
	Redelivered bool
}

// Entry is a prepared message on its way into the store.
type Entry struct {
	Message *Message
	Changes *mapping.Changeset
	// Render makes reply and publications from the stored values that
	// mapping.Mapping.Returns names, in that order. It is called inside the
	// transaction, at most once per attempt, and must not block.
	Render func(stored []mapping.Value) (*mapping.Rendered, error)
	// Done is called once, when no attempt will use the entry any more.
	Done func()
	// Keep is set for messages of asynchronous doors: what the store refuses is
	// not thrown back but kept as Keep says, in the same transaction; nil has it
	// refused after all. Without a refusal it says how the message waits behind
	// another of its key. It must not block, and may be asked more than once. With
	// Hold set nothing is tried at all: the message is kept as it is, and Changes
	// and Render are nil.
	Keep func(refusal error) *Hold
	Hold *Hold
	// Answer, when set, makes the error of an outcome what the sender is told, and
	// nil where nothing is wrong for the sender. The core asks it once, before
	// Done: it may read the message, and must not block.
	Answer func(Outcome) error
	// Release is set when the message was held before.
	Release *Release
	// Size is the weight of the entry in a batch, in bytes.
	Size int
	// Prepared is for the Writer alone; nil when it prepared nothing.
	Prepared any
}

// Hold is why and how long a message is kept instead of being stored.
type Hold struct {
	State  Status // Parked or Waiting
	Code   string // fault code
	Reason string // the public sentence and details, at most 4,000 characters
	// Attempts is how often storing it has been tried by now. Next is when to
	// try again, and Until when to give up and park it; both are zero in the
	// parking lot, and the store keeps no Next of a message that waits behind
	// another: it is due once that one is out of the way.
	Attempts int
	Next     time.Time
	Until    time.Time
}

// Release names the held message that an entry is another attempt of. When the
// entry is stored, a duplicate or superseded, the held row is closed in the same
// transaction: removed when it has the entry's own id (the gateway's own retry),
// marked as replayed, by whom and why, when it has another (an operator's
// replay). A retry that is refused is held on as Keep says; a refused replay
// leaves its held message as it was. When the held message is open no more, the
// entry is a Duplicate of what was stored, Parked when an operator has parked it
// meanwhile, or else Refused with fault.CodeNotHeld: nothing is applied twice.
type Release struct {
	ID     ID
	By     string // an operator; empty for the gateway's own retry
	Reason string // the operator's
	// Corrected says that the entry's payload is the operator's, not the held one.
	Corrected bool
}

// Status is what a store made of an Entry.
type Status uint8

// The statuses. Only Stored and Duplicate are positive.
const (
	Stored     Status = iota
	Duplicate         // same identity, same body: MessageID and Reply are the first one's
	Superseded        // stored in the ledger; its rows were older than what is there
	Conflict          // same identity, other body
	Refused           // Err says why; nothing of it was written
	Deferred          // collides with an earlier entry of the batch: commit it again in a later one
	Parked            // kept for a human; Err says why
	Waiting           // kept for another attempt; Err says why, or is nil behind another message of its key
)

var statusNames = [...]string{"stored", "duplicate", "superseded", "conflict", "refused", "deferred", "parked", "waiting"}

// String returns the word used in logs and in the ledger.
func (s Status) String() string { return statusNames[s] }

// Outcome is the result of one Entry. Its zero value is no answer at all.
type Outcome struct {
	Status    Status
	MessageID ID     // the stored message: the entry's own, or the first one's for a Duplicate
	Reply     []byte // the stored reply payload
	Err       error  // set when Status is Conflict or Refused; why it is Parked or Waiting, unless that was known before
	// Channels names the channels that have new deliveries, for the relay's wake-up.
	Channels []string
	// Deliveries are those, as the outbox holds them, in the order of their
	// numbers within each shard: the relay need not read them. A Store that does
	// not know their numbers leaves them out. They are valid until the entry is
	// done with (Entry.Done).
	Deliveries []Delivery
}

// Delivery is the lasting fact of one message on one channel, as the outbox holds it.
type Delivery struct {
	Channel     string
	Shard       int
	Seq         int64  // dense and commit-ordered within channel and shard
	WireID      string // the same at every attempt; 32 hexadecimal digits
	MessageID   ID
	OrderingKey string
	RoutingKey  string
	Type        string
	ContentType string
	Correlation string
	TraceParent string
	CreatedAt   time.Time
	Body        []byte
}

// Refusal is a synchronous call that was turned away: one row, no payload.
type Refusal struct {
	ID        ID
	At        time.Time
	Endpoint  string
	Route     string // empty when none was found
	Principal string // empty when unauthenticated
	Code      string // fault code, e.g. GH-2002
	Reason    string // the public sentence and first detail, at most 1,000 characters
	Remote    string // peer address, without its port
	// Count is how many equal refusals this row stands for, at least 1.
	Count int
}
