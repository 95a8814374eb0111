package gateway

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What the core asks of the outside world. The adapters implement these; the
// fakes of gatewaytest do too, and both pass its suites.

// Store keeps everything that must outlive the process. It is safe for
// concurrent use.
type Store interface {
	// Writer compiles the statements of one mapping and checks them against the
	// tables as they are. Faults of the mapping are *fault.Error with a Detail
	// each; an unreachable database is fault.Unavailable.
	Writer(ctx context.Context, m *mapping.Mapping) (Writer, error)
	// Lanes is how many batches may be committed at the same time, at least 1.
	Lanes() int
	Outbox
	Ledger
}

// Writer commits entries of one mapping.
type Writer interface {
	// Mapping returns the mapping as checked against the tables: its Apply
	// refuses what a column would refuse.
	Mapping() *mapping.Checked
	// Commit stores the entries in one transaction: inbox, rows, ledger and
	// outbox, or nothing. It returns one outcome for each entry, in order. An
	// error says that nothing is known to be stored (fault.Unavailable: try the
	// same entries again; the inbox answers for what was stored after all).
	// Calls with different lanes run concurrently; calls with one lane do not.
	Commit(ctx context.Context, lane int, entries []*Entry) ([]Outcome, error)
}

// Lease is the right to relay one shard of one channel until its holder fails
// to renew it. Fence rises with every new holder.
type Lease struct {
	Channel string
	Shard   int
	Owner   string
	Fence   int64
}

// Outbox is what waits for the channels.
type Outbox interface {
	// Acquire takes or renews the lease of a shard for ttl; a ttl of zero gives
	// it back. ok is false while another owner holds it.
	Acquire(ctx context.Context, channel string, shard int, owner string, ttl time.Duration) (l Lease, ok bool, err error)
	// Pending returns up to limit deliveries after seq, in sequence.
	Pending(ctx context.Context, channel string, shard int, after int64, limit int) ([]Delivery, error)
	// Confirm records that the deliveries were taken by the channel and removes
	// them, unless the lease was lost (ErrLeaseLost). They are the caller's
	// window: any subset of what Pending returned.
	Confirm(ctx context.Context, l Lease, seqs []int64) error
	// Park moves a delivery out of the way with its reason, and with it every
	// waiting delivery of the same ordering key.
	Park(ctx context.Context, l Lease, seq int64, code, reason string, attempts int) error
	// Shards is how many shards each channel has.
	Shards() int
}

// Ledger records and tells what happened.
type Ledger interface {
	Refuse(ctx context.Context, refusals []Refusal) error
	Messages(ctx context.Context, q Query) ([]Summary, error)
	// Message returns one message with its history, or fault.NotFound.
	Message(ctx context.Context, id ID) (*Record, error)
	// Ping answers whether the store can be used now.
	Ping(ctx context.Context) error
}

// Query selects messages of the ledger; zero fields do not restrict.
type Query struct {
	Route    string
	Sender   string
	Key      string // a business key's value, whatever its name
	Identity string
	Since    time.Time
	Until    time.Time
	Outcome  string // stored, superseded, refused, …
	Limit    int    // zero: 50
	Before   ID     // page on: only messages older than this one
}

// Summary is one line of a message list: a message or a refusal.
type Summary struct {
	ID         ID            `json:"id"`
	ReceivedAt time.Time     `json:"received_at"`
	Route      string        `json:"route"`
	Principal  string        `json:"principal"`
	Sender     string        `json:"sender"`
	Identity   string        `json:"identity"`
	Outcome    string        `json:"outcome"`
	Keys       []mapping.Key `json:"keys"`
	Code       string        `json:"code,omitempty"`
	Reason     string        `json:"reason,omitempty"`
}

// Record is everything the ledger holds of one message.
type Record struct {
	Summary
	Endpoint    string           `json:"endpoint"`
	Mapping     string           `json:"mapping"`
	Contract    string           `json:"contract"`
	TraceParent string           `json:"traceparent,omitempty"`
	ContentType string           `json:"content_type"`
	Payload     []byte           `json:"payload,omitempty"`
	Reply       []byte           `json:"reply,omitempty"`
	Deliveries  []DeliveryRecord `json:"deliveries"`
}

// DeliveryRecord tells how far one delivery has come.
type DeliveryRecord struct {
	Channel     string    `json:"channel"`
	Shard       int       `json:"shard"`
	Seq         int64     `json:"seq"`
	WireID      string    `json:"wire_id"`
	RoutingKey  string    `json:"routing_key"`
	State       string    `json:"state"`                 // waiting, confirmed, parked
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"` // when State is confirmed
	Reason      string    `json:"reason,omitempty"`      // when State is parked
}

// Directory proves who somebody is.
type Directory interface {
	// Authenticate checks a user name and password. A refused login is
	// fault.Unauthenticated, whatever the reason; a directory that cannot
	// answer is fault.Unavailable.
	Authenticate(ctx context.Context, username, password string) (*Identity, error)
}

// Identity is what a directory knows of a user. It is immutable.
type Identity struct {
	// DN is the normalised distinguished name of the entry found, never the name as typed.
	DN string
	// Login is the entry's own login attribute.
	Login string
	// Groups are the normalised distinguished names of all groups, nested ones
	// included; GroupNames their short names, in the same order.
	Groups     []string
	GroupNames []string
	// At is when the directory said so.
	At time.Time
}

// Publisher hands deliveries of one channel to the outside.
type Publisher interface {
	// Publish sends the deliveries in order and waits until each is confirmed,
	// refused or unknown. The result has one error for each: nil only after the
	// broker took responsibility for it; fault.Invalid when this delivery can
	// never be taken; fault.Unavailable otherwise, including an unknown fate.
	// It returns when ctx ends.
	Publish(ctx context.Context, deliveries []Delivery) []error
}
