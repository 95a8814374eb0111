package sqlite

import (
	"context"
	"database/sql"
	"log/slog"

	"modernc.org/sqlite"
)

// A checkpoint copies what the write-ahead log has into the file and waits for the
// disk twice. SQLite does that within the commit that has made the log long enough,
// while the lane and all who wait for it stand still. So it is done beside the writer,
// which may go on meanwhile.
//
// What is lasting does not change: a commit still waits until the log is on the disk.
// But the log begins anew only when all of it has been copied and nothing was added,
// which hardly happens beside a writer that is always busy. So the writer copies the
// little that is left when the log has become long.
const (
	// checkpointPages is how many pages are written between two checkpoints; SQLite's
	// own number.
	checkpointPages = 1000
	// longLog is at how many pages in the log the writer lends a hand.
	longLog = 8 * checkpointPages
)

// checkpointer copies the log into the file when the writer has written enough.
type checkpointer struct {
	db   *sql.DB
	log  *slog.Logger
	due  chan struct{} // capacity 1
	quit context.CancelFunc
	done chan struct{} // closed when it has ended
}

func newCheckpointer(db *sql.DB, log *slog.Logger) *checkpointer {
	ctx, quit := context.WithCancel(context.Background())
	k := &checkpointer{db: db, log: log, due: make(chan struct{}, 1), quit: quit, done: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *checkpointer) run(ctx context.Context) {
	defer close(k.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.due:
		}
		// It waits for nobody: of what somebody still reads the past, and while another
		// process copies, the rest is left to the next one.
		if _, err := k.db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil && ctx.Err() == nil {
			k.log.Warn("the write-ahead log was not copied into the database file", "error", err)
		}
	}
}

// ask has it begin, if it has not been asked yet.
func (k *checkpointer) ask() {
	select {
	case k.due <- struct{}{}:
	default:
	}
}

// close ends it; what it is about is given up.
func (k *checkpointer) close() error {
	k.quit()
	<-k.done
	return k.db.Close()
}

// grown asks for a checkpoint when the writer has written enough since the last one.
// Where the driver does not tell how much that is, the writer does them all itself,
// later.
func (c *connection) grown() {
	pages := c.copied
	_ = c.raw(func() error { // of a connection that is broken the next transaction hears
		if counters, ok := c.direct.(sqlite.DBStatus); ok {
			pages, _, _ = counters.Status(sqlite.DBStatusCacheWrite, false)
		}
		return nil
	})
	// A connection that is new counts anew.
	if pages-c.copied >= checkpointPages || pages < c.copied {
		c.copied = pages
		c.checkpoints.ask()
	}
}
