package gateway

import (
	"context"
	"slices"
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
	// Schema takes a picture of the tables that the mappings depend on, with as few
	// questions as it can. An unreachable database is fault.Unavailable.
	Schema(ctx context.Context, mappings ...*mapping.Mapping) (mapping.Schema, error)
	// Lanes is how many batches may be committed at the same time, at least 1.
	Lanes() int
	Outbox
	Ledger
	Lot
	Jobs
	Suspects
	Archive
	Eraser
	AuditTrail
	Quotas
	Attached
}

// Writer commits entries of one mapping.
type Writer interface {
	// Mapping returns the mapping as checked against the tables: its Apply
	// refuses what a column would refuse.
	Mapping() *mapping.Checked
	// Commit stores the entries in one transaction: inbox, rows, ledger and
	// outbox, or nothing. It returns one outcome for each entry, in order. An
	// error says that nothing is known to be stored (fault.Unavailable: try the
	// same entries again; the inbox answers for what was stored after all). It is
	// CodeDrift when the tables are not those that the writer was made for: another
	// one has to be.
	// Calls with different lanes run concurrently; calls with one lane do not.
	Commit(ctx context.Context, lane int, entries []*Entry) ([]Outcome, error)
}

// Preparer is a Writer that can do part of Commit's work beforehand: where messages
// are prepared in parallel, instead of in a lane.
type Preparer interface {
	// Prepare makes Entry.Prepared of the entry's message and of nothing else: the
	// rest of the entry may come later. Commit does it for the entries that come
	// without. It does not block and is safe for concurrent use.
	Prepare(e *Entry)
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
	Pending(ctx context.Context, channel string, shard int, after int64, limit int) (Page, error)
	// Confirm records that the deliveries were taken by the channel and removes
	// them, parked or not, unless the lease was lost (ErrLeaseLost). They are the
	// caller's window: any subset of what Pending returned, or Commit.
	Confirm(ctx context.Context, l Lease, seqs []int64) error
	// Park moves a delivery out of the way with its reason. What waits after it
	// under its ordering key is moved with it, or is not Pending as long as it is parked.
	Park(ctx context.Context, l Lease, seq int64, code, reason string, attempts int) error
	// Skip parks a delivery alone: those of its key that wait after it go on.
	Skip(ctx context.Context, l Lease, seq int64, code, reason string, attempts int) error
	// Responded records what the other side answered to attempts of deliveries, in
	// order; of each delivery the last answer is kept, and how many there were. It
	// is called before Confirm and Park, unless the lease was lost (ErrLeaseLost).
	Responded(ctx context.Context, l Lease, responses []Response) error
	// Shards is how many shards each channel has.
	Shards() int
}

// Page is what waits for a channel, as one reading of a shard finds it. But for
// Deliveries it means nothing when there are none.
type Page struct {
	Deliveries []Delivery
	// Releases counts how often parked deliveries of the shard were put back in
	// line: once it has changed there may be some before those asked for.
	Releases int64
	// Blocked reports that a parked delivery of the shard holds back those behind it.
	Blocked bool
}

// Poster is a Store that takes what goes to a channel beside the commits: the
// answer to a message that was stored before, or that was refused, for an address
// of its own.
type Poster interface {
	// OpenChannel makes sure that deliveries of a channel can be stored which no
	// mapping publishes to.
	OpenChannel(ctx context.Context, channel string) error
	// Post stores one delivery in a transaction of its own. While one of the same
	// wire id waits already nothing is stored, and posted is false.
	Post(ctx context.Context, p *Posting) (posted bool, err error)
}

// Posting is a delivery to be posted.
type Posting struct {
	MessageID   ID // of the stored message, or of the refusal
	OrderingKey string
	Correlation string
	TraceParent string
	// Refusal, unless nil, is stored with it: what it is the answer to.
	Refusal *Refusal
	mapping.Publication
}

// Lot keeps what asynchronous doors took and the gateway could not store: the
// messages that wait for another attempt, and the parking lot.
type Lot interface {
	// Due returns up to limit waiting messages, oldest first, whose next attempt
	// is due, and of each route and ordering key only the oldest. When there are
	// more, those that have been due longest are among them. Business keys are
	// left out, and so are the messages of the routes in except.
	Due(ctx context.Context, now time.Time, limit int, except []string) ([]Held, error)
	// Held returns one message that is held or was, or fault.NotFound.
	Held(ctx context.Context, id ID) (*Held, error)
	// ParkMessage moves a waiting message to the parking lot, DiscardMessage
	// closes a held one for good; both write down who did it. fault.Conflict
	// says that the message is not in a state for it.
	ParkMessage(ctx context.Context, id ID, act Act) error
	DiscardMessage(ctx context.Context, id ID, act Act) error
	// ParkDeliveries takes the waiting deliveries of a message out of the way,
	// each with its key's successors; ReleaseDeliveries puts its parked ones back
	// in line, under their old numbers and wire ids, with what is parked behind
	// them; DiscardDeliveries gives its parked ones up and releases what is
	// parked behind them. Each returns how many deliveries of the message it
	// touched, and writes down who did it when there were any. fault.NotFound says
	// that the message is not stored, fault.Conflict that its deliveries are
	// parked behind another message's, which it names.
	ParkDeliveries(ctx context.Context, id ID, act Act) (int, error)
	ReleaseDeliveries(ctx context.Context, id ID, act Act) (int, error)
	DiscardDeliveries(ctx context.Context, id ID, act Act) (int, error)
	// Note adds a line to a message's history.
	Note(ctx context.Context, id ID, a Attempt) error
	// Holding counts what is held: waiting and parked messages by route, waiting
	// and parked deliveries by channel.
	Holding(ctx context.Context) (Holding, error)
}

// Suspects counts how often the process died over a message. It is asked only
// about messages that were redelivered after a process ended without a word.
type Suspects interface {
	// Try notes durably that a message is going to be tried alone, and returns
	// how often that was noted before without a Tried.
	Try(ctx context.Context, origin Digest) (before int, err error)
	// Tried forgets it.
	Tried(ctx context.Context, origin Digest) error
}

// Held is a message as the lot keeps it.
type Held struct {
	Message     Message // Payload is filled by Lot.Held and Lot.Due
	PayloadGone bool    // it is not kept any more
	Hold        Hold
	// Closed is empty while the message is held: else replayed or discarded, By
	// whom.
	Closed string
	By     string
}

// Act is what an operator does, and why.
type Act struct {
	By     string // a directory entry's DN, or local:<user>@<host>
	Reason string
}

// Attempt is one line of a message's history.
type Attempt struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // attempted (without a code: it succeeded), waiting, parked, replayed, corrected, repeated, released, discarded, erased
	By     string    `json:"by,omitempty"`
	Code   string    `json:"code,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// Holding counts what waits and what is parked.
type Holding struct {
	Waiting, Parked map[string]int // messages, by route
	Outbox, Stuck   map[string]int // deliveries, by channel: waiting, parked
}

// Ledger records and tells what happened.
type Ledger interface {
	// Refuse writes refusals; of one that the ledger has, it raises the count.
	Refuse(ctx context.Context, refusals []Refusal) error
	Messages(ctx context.Context, q Query) ([]Summary, error)
	// Message returns one message with its history, or fault.NotFound.
	Message(ctx context.Context, id ID) (*Record, error)
	// Usage counts the messages stored since a time, by route and sender's entry, the
	// most frequent first, limit at most.
	Usage(ctx context.Context, since time.Time, limit int) ([]Usage, error)
	// Ping answers whether the store can be used now.
	Ping(ctx context.Context) error
}

// Usage is how much somebody has sent to a route.
type Usage struct {
	Route     string    `json:"route"`
	Principal string    `json:"principal"` // an entry's DN
	Messages  int64     `json:"messages"`
	Last      time.Time `json:"last"`
}

// Query selects messages of the ledger; zero fields do not restrict.
type Query struct {
	Route    string
	Sender   string
	Key      string // a business key's value, whatever its name
	Identity string
	Since    time.Time
	Until    time.Time
	Outcome  string   // stored, superseded, refused, parked, waiting, replayed, discarded
	Codes    []string // of what was refused or is kept: one of these
	Limit    int      // zero: 50
	Before   ID       // page on: only messages older than this one
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
	Endpoint    string `json:"endpoint"`
	Mapping     string `json:"mapping"`
	Contract    string `json:"contract"`
	TraceParent string `json:"traceparent,omitempty"`
	Correlation string `json:"correlation,omitempty"`
	ContentType string `json:"content_type"`
	Payload     []byte `json:"payload,omitempty"`
	Beside      []byte `json:"-"` // Message.Beside of a stored message; nil when it is not kept
	// Attachments are kept beside the payload, and as long.
	Attachments []AttachmentRecord `json:"attachments,omitempty"`
	// PayloadGone says that the payload is not kept any more, and why; empty while
	// it is. The store says removed or erased, Retention.Tell when.
	PayloadGone string           `json:"payload_gone,omitempty"`
	Reply       []byte           `json:"reply,omitempty"`
	Deliveries  []DeliveryRecord `json:"deliveries"`
	History     []Attempt        `json:"history,omitempty"`
	ReplayOf    string           `json:"replay_of,omitempty"`
}

// Discloses reports whether the record shows what somebody sent or was answered:
// who is shown that has read the message.
func (r *Record) Discloses() bool {
	return len(r.Payload) > 0 || len(r.Reply) > 0 || slices.ContainsFunc(r.Deliveries, func(d DeliveryRecord) bool { return d.Response != nil })
}

// DeliveryRecord tells how far one delivery has come.
type DeliveryRecord struct {
	Channel     string    `json:"channel"`
	Shard       int       `json:"shard"`
	Seq         int64     `json:"seq"`
	WireID      string    `json:"wire_id"`
	RoutingKey  string    `json:"routing_key"`
	State       string    `json:"state"`                 // waiting, confirmed, parked, discarded
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"` // when State is confirmed
	Reason      string    `json:"reason,omitempty"`      // when State is parked
	// Response is the last answer of a channel whose other side answers; nil for
	// others, and before the first.
	Response *ResponseRecord `json:"response,omitempty"`
}

// ResponseRecord is the last answer to a delivery, and how many there were.
type ResponseRecord struct {
	Attempts int       `json:"attempts"`
	FirstAt  time.Time `json:"first_at"`
	Response
}

// Directory proves who somebody is.
type Directory interface {
	// Authenticate checks a user name and password. A refused login is
	// fault.Unauthenticated, whatever the reason; a directory that cannot
	// answer is fault.Unavailable.
	Authenticate(ctx context.Context, username, password string) (*Identity, error)
	// Lookup finds a user whom somebody else vouches for. A login that is
	// unknown, or may not be used, is fault.Unauthenticated; a directory that
	// cannot answer is fault.Unavailable.
	Lookup(ctx context.Context, username string) (*Identity, error)
	// Ping answers whether the directory can be asked now.
	Ping(ctx context.Context) error
}

// Identity is what a directory knows of a user. It is immutable.
type Identity struct {
	// DN is the normalised distinguished name of the entry found, never the name as typed.
	DN string
	// ID tells the entry from a later one of the same name; empty where the directory
	// keeps no such attribute.
	ID string
	// Login is the entry's own login attribute.
	Login string
	// Groups are the normalised distinguished names of all groups, nested ones
	// included; GroupNames their short names, in the same order.
	Groups     []string
	GroupNames []string
	// GroupSIDs are the security identifiers of the groups, in any order; empty
	// where the directory has none.
	GroupSIDs []string
	// Attributes are those of the entry that the configuration lists for grants on
	// views, by name in small letters; values in any order.
	Attributes map[string][]string
	// State is what the entry tells of its account that a login by password may fail
	// of, in words, though nothing refused it here; empty: nothing. It decides nothing.
	State string
	// At is when the directory said so.
	At time.Time
	// Stale says that it could not be asked again, though it was time to.
	Stale bool
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

// Streamer is a Publisher that takes one delivery while those before it are
// still unconfirmed, without an end of a window to wait for.
type Streamer interface {
	Publisher
	// Stream publishes the deliveries that next gives, in order, until next gives
	// nil and nothing is unconfirmed, or the channel fails, or ctx ends. It calls
	// settled once for each delivery, with a result as of Publish, and then asks
	// next again. It calls both one after the other, never at the same time, and
	// not after it has returned. A channel that cannot be reached fails the first
	// delivery of next.
	Stream(ctx context.Context, next func() *Delivery, settled func(d *Delivery, err error))
}

// Correspondent is a Publisher whose other side answers each delivery with more
// than yes or no.
type Correspondent interface {
	Publisher
	// Correspond is Publish; responses has one for each delivery, nil for those that
	// did not go out.
	Correspond(ctx context.Context, deliveries []Delivery) (results []error, responses []*Response)
}

// MaxResponse is how many bytes of an answer are kept.
const MaxResponse = 64 << 10

// Response is what the other side of a channel said to one attempt of a delivery.
type Response struct {
	Seq       int64         `json:"-"` // Seq and MessageID are the delivery's; the relay fills them in
	MessageID ID            `json:"-"`
	At        time.Time     `json:"at"` // when the attempt ended, UTC
	Took      time.Duration `json:"took_ns"`
	Status    int           `json:"status,omitempty"` // of HTTP; 0 when none came
	// ContentType is cut to 255 characters.
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"` // at most MaxResponse bytes
	Cut         bool   `json:"cut,omitempty"`  // there was more
	// Code is why the delivery was not taken, empty when it was: then Reason is a
	// warning, or empty.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}
