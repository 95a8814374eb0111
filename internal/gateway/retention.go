package gateway

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// Forever is how long something is kept that is never removed.
const Forever time.Duration = math.MaxInt64

// Retention says how long the store keeps what nobody works on any more; the
// zero value works. What waits, what is parked and what a channel has not
// confirmed is kept as long as it takes, with its message and payload.
type Retention struct {
	// Inbox is how long a repeat is recognised, counted from the first message's
	// arrival; its reply is kept as long. 0 means 30 days.
	Inbox time.Duration
	// Payloads is how long messages are kept whole; 0 means 90 days.
	Payloads time.Duration
	// Ledger is how long messages, their keys and their deliveries are found; 0
	// means 365 days.
	Ledger time.Duration
	// Refusals is for calls that were turned away; 0 means 30 days.
	Refusals time.Duration
	// Closed is for messages that were held, counted from the last line of their
	// history, when an operator has had them processed again or given them up, and
	// for jobs that have ended; 0 means 90 days.
	Closed time.Duration
	// Suspects is for notes about messages over which a process ended; 0 means 30
	// days.
	Suspects time.Duration
	// Audit is for the batches of the audit trail; 0 means as long as messages are
	// kept in the ledger. Acts are kept forever.
	Audit time.Duration
	// Changes is how long a stream of changes can be resumed; 0 means 7 days.
	Changes time.Duration
	// Every is how often a round is made; 0 means 1 h.
	Every time.Duration
}

// RouteRetention is what one route keeps for another time than the others; 0
// means as long as they do.
type RouteRetention struct{ Inbox, Payloads, Ledger time.Duration }

const day = 24 * time.Hour

// Effective returns the settings with every default filled in.
func (r Retention) Effective() Retention {
	r.Inbox = orDefault(r.Inbox, 30*day)
	r.Payloads = orDefault(r.Payloads, 90*day)
	r.Ledger = orDefault(r.Ledger, 365*day)
	r.Refusals = orDefault(r.Refusals, 30*day)
	r.Closed = orDefault(r.Closed, 90*day)
	r.Suspects = orDefault(r.Suspects, 30*day)
	r.Changes = orDefault(r.Changes, 7*day)
	r.Every = orDefault(r.Every, time.Hour)
	return r
}

// Of is what a route keeps, with every default filled in.
func (r Retention) Of(route RouteRetention) RouteRetention {
	r = r.Effective()
	return RouteRetention{
		Inbox:    orDefault(route.Inbox, r.Inbox),
		Payloads: orDefault(route.Payloads, r.Payloads),
		Ledger:   orDefault(route.Ledger, r.Ledger),
	}
}

// Stock is one kind of rows that grow old.
type Stock uint8

// The stocks. A message's rows leave them in this order, or with the ledger's at
// the latest.
const (
	StockInbox     Stock = iota // claims, with their replies
	StockPayloads               // of stored messages
	StockLedger                 // messages with all that is left of them
	StockReplayed               // held messages that were processed again, whole
	StockDiscarded              // held messages that were given up, whole
	StockRefusals               // calls that were turned away
	StockRelayed                // confirmed windows that no delivery of the ledger is in
	StockSuspects               // notes about messages over which a process ended
	StockJobs                   // jobs that have ended, with the messages they were about
	StockAudit                  // what the audit trail has of batches
	StockChanges                // which rows were written of live tables
)

var stockNames = [...]string{"inbox", "payloads", "ledger", "replayed", "discarded", "refusals", "relayed", "suspects", "jobs", "audit", "changes"}

// String returns the word used in logs and metrics.
func (s Stock) String() string { return stockNames[s] }

// Portion is as much of a stock as is removed at once.
type Portion struct {
	Of Stock
	// Route is whose messages are removed; of StockLedger only.
	Route string
	// Spare reports whether a route's rows are left for another portion; of
	// StockInbox, StockPayloads and the held ones. Nil spares none.
	Spare func(route string) bool
	// Before is the instant before which a message must have arrived, or the row
	// have been written.
	Before time.Time
	// After is where the portion begins: behind this message. Zero begins with the
	// oldest.
	After ID
	// Limit is how many messages are looked at, and rows of a table removed.
	Limit int
}

// Purged is what a portion came to.
type Purged struct {
	Rows map[string]int64 // removed, by table
	// Next is where the next portion begins when there is More.
	Next ID
	More bool
	// Held is how long the transaction took in which rows were removed: others
	// that write may have waited for it.
	Held time.Duration
}

// Archive removes what is not needed any more. It is safe to call it from
// several processes at once: what one has removed the other finds gone.
type Archive interface {
	// LedgerRoutes lists the routes that the ledger has messages of, those of
	// earlier configurations too.
	LedgerRoutes(ctx context.Context) ([]string, error)
	// Purge removes a portion in one transaction. Whatever its Before, it leaves a
	// message alone of which something is held or a delivery not confirmed, and
	// the last confirmed window of a shard.
	Purge(ctx context.Context, p Portion) (Purged, error)
	// Oldest tells of each stock when its oldest row is from; stocks that are
	// empty, or that nobody waits for, are left out.
	Oldest(ctx context.Context) (map[Stock]time.Time, error)
}

// class are the routes that keep something equally long.
type class struct {
	keep   time.Duration
	member func(route string) bool
}

// classes parts the routes by how long they keep something. A route that is not
// configured any more keeps it as long as one that has no setting of its own.
func (g *Generation) classes(of func(RouteRetention) time.Duration) []class {
	fallback := of(g.Retention.Of(RouteRetention{}))
	own := map[string]time.Duration{}
	keeps := []time.Duration{fallback}
	for _, r := range g.Routes() {
		own[r.Name] = of(g.Retention.Of(r.Retention))
		keeps = append(keeps, own[r.Name])
	}
	slices.Sort(keeps)
	var out []class
	for _, keep := range slices.Compact(keeps) {
		if keep == Forever {
			continue
		}
		out = append(out, class{keep, func(route string) bool { return orDefault(own[route], fallback) == keep }})
	}
	return out
}

// retentionOf is a route's own settings; none where it has none, or is not
// configured any more.
func (g *Generation) retentionOf(route string) RouteRetention {
	for _, r := range g.Routes() {
		if r.Name == route {
			return r.Retention
		}
	}
	return RouteRetention{}
}

// What a store says of a payload that it does not have.
const (
	PayloadRemoved = "removed"
	PayloadErased  = "erased"
)

// Tell completes what a record says of a payload that was removed: after how
// long its route's are.
func (r Retention) Tell(record *Record, route RouteRetention) {
	if keep := r.Of(route).Payloads; record.PayloadGone == PayloadRemoved && keep != Forever {
		record.PayloadGone = "removed after " + KeepText(keep)
	}
}

// KeepText is a duration as people say it, in days where it is whole days.
func KeepText(d time.Duration) string {
	switch {
	case d == Forever:
		return "forever"
	case d%day == 0:
		return plural.Of(d/day, "day", "days")
	}
	return d.String()
}

// Message returns one message with its history, or fault.NotFound. Of a payload
// that is not kept any more it says why.
func (g *Gateway) Message(ctx context.Context, id ID) (*Record, error) {
	r, err := g.store.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	generation := g.hold()
	defer generation.letGo()
	generation.Retention.Tell(r, generation.retentionOf(r.Route))
	return r, nil
}

// Whole returns nil while the message can be processed again, else why not.
func (r *Record) Whole() error {
	if r.PayloadGone == "" {
		return nil
	}
	return fault.New(fault.CodePayloadGone, "the message's payload was %s: there is nothing left that could be processed again", r.PayloadGone)
}
