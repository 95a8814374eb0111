package gateway

import (
	"context"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What others than the gateway write is found by a column whose value the database
// makes anew with each write of a row, in ascending order: a rowversion. Numbers are
// drawn before transactions end, so one that ends later may have the smaller one; the
// database knows the first number that is still on its way, and nothing behind it is
// looked at before its time.

// OthersChain is the chain of the entries under which is noted what others have
// written. It is not a lane's, of which there are never so many.
const OthersChain = 1_000_000

// The words of such an entry: who has made it, and what for.
const (
	AuditLook = "rowversion"
	AuditSeen = "seen"
)

// Watched is a live table in which is looked for what others write.
type Watched struct {
	Table mapping.LiveTable     // Version is the column
	Index string                // one that begins with the column
	Key   []mapping.ColumnModel // the columns of Table.Key, in its order
}

// Seen is a row with the number of its last write.
type Seen struct {
	Key     string
	Version int64
}

// Look is what a look at a table has found.
type Look struct {
	// Below is the first number that may still be on its way: of every smaller one it
	// is decided whether it is there. Last is the last one that was drawn.
	Below, Last int64
	// Rows are all rows whose number is behind the place that was asked for and not
	// behind UpTo, which is before Below, in the order of their numbers.
	Rows []Seen
	UpTo int64
	More bool // there may be some behind UpTo
}

// Sighting goes on with what is noted of a table, from a place to another one.
type Sighting struct {
	Subject  string
	Noting   []string // what the configuration notes; see mapping.Mapping.Noting
	From, To int64
	First    bool // nothing was noted before, and From means nothing
	Rows     []Seen
	// Lost says that there may be others, which nobody can find any more.
	Lost bool
}

// Others finds and notes what others have written. It is safe for concurrent use.
type Others interface {
	// Look returns rows behind a place, about as many as limit.
	Look(ctx context.Context, w Watched, after int64, limit int) (Look, error)
	// Sighted returns up to where is noted what others have written; known is false
	// when nothing was noted yet.
	Sighted(ctx context.Context, subject string) (version int64, known bool, err error)
	// NoteSeen notes rows under the next entry of OthersChain, in one transaction with
	// the new place. Those that the gateway has written itself are left out; without
	// any there is no entry. went is false when the place is not From any more:
	// another process has gone on.
	NoteSeen(ctx context.Context, s Sighting) (went bool, noted int, err error)
	// Acquire is that of Outbox.
	Acquire(ctx context.Context, channel string, shard int, owner string, ttl time.Duration) (l Lease, ok bool, err error)
}
