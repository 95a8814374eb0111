package live

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// DefaultLook is how often tables are looked at for what others have written.
const DefaultLook = time.Second

const (
	// seenAtOnce is how many rows are noted under one entry, about.
	seenAtOnce = 1000
	// lookLease is how long the right to look at a table outlives its process; it is
	// asked for three times as often.
	lookLease = 15 * time.Second
	// heldUpAfter is how long a transaction that does not end may keep everything back
	// before somebody is told.
	heldUpAfter = time.Minute
	lookTimeout = 30 * time.Second
)

// WatchedTables are the tables to be looked at, and what the configuration notes.
type WatchedTables func(ctx context.Context) (tables []gateway.Watched, noting []string, err error)

// Others looks for what others than the gateway have written in tables with a
// rowversion, and notes it in the log, so that streams and feeds take it for what it
// is. Of several processes one looks at a table: whoever holds its lease. Should two do
// so for a moment, one of them goes on from a place and the other finds that it is
// another one. One goroutine uses it.
type Others struct {
	log    gateway.Others
	tables WatchedTables
	every  time.Duration
	owner  string
	noted  func() // something was: whoever follows the log should look
	now    func() time.Time
	logger *slog.Logger

	watches map[string]*watch // by subject
	failing bool
}

// watch is a table that is looked at.
type watch struct {
	asked  time.Time // for the lease
	held   bool
	fence  int64 // of the lease: another one says that somebody else has had it
	begun  bool  // stored is known
	stored int64 // up to where is noted what was written, as the database has it
	at     int64 // there is nothing to be noted up to here

	below  int64 // the first number on its way, as it was
	since  time.Time
	warned bool
}

// NewOthers returns what looks at tables; every of 0 means DefaultLook.
func NewOthers(log gateway.Others, tables WatchedTables, every time.Duration, owner string, noted func(), now func() time.Time, logger *slog.Logger) *Others {
	return &Others{log: log, tables: tables, every: cmp.Or(every, DefaultLook), owner: owner, noted: noted, now: now, logger: logger, watches: map[string]*watch{}}
}

// Run looks until ctx ends. What fails is tried again.
func (o *Others) Run(ctx context.Context) {
	defer o.release(ctx)
	for {
		o.tell(ctx, o.Round(ctx))
		timer := time.NewTimer(o.every)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// tell logs the edges of an outage.
func (o *Others) tell(ctx context.Context, err error) {
	switch {
	case err != nil && ctx.Err() == nil && !o.failing:
		o.logger.WarnContext(ctx, "tables not looked at for what others have written; it is tried again", "error", err)
		o.failing = true
	case err == nil && o.failing:
		o.logger.InfoContext(ctx, "tables looked at again for what others have written")
		o.failing = false
	}
}

// Round looks at every table once.
func (o *Others) Round(ctx context.Context) error {
	tables, noting, err := o.tables(ctx)
	if err != nil {
		return err
	}
	var faults []error
	wanted := map[string]bool{}
	for _, t := range tables {
		subject := t.Table.Subject()
		if wanted[subject] {
			continue // two views of one table
		}
		wanted[subject] = true
		if o.watches[subject] == nil {
			o.watches[subject] = &watch{}
		}
		if err := o.look(ctx, o.watches[subject], t, noting); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", t.Table.Table, err))
		}
	}
	for subject, w := range o.watches {
		if !wanted[subject] {
			o.giveBack(ctx, subject, w)
			delete(o.watches, subject)
		}
	}
	return errors.Join(faults...)
}

// look notes what has been written in a table, if this process may.
func (o *Others) look(ctx context.Context, w *watch, t gateway.Watched, noting []string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	subject := t.Table.Subject()
	if err := o.hold(ctx, w, subject); err != nil || !w.held {
		return err
	}
	if !w.begun {
		known, err := o.begin(ctx, w, t, noting)
		if err != nil || !known {
			return err
		}
	}
	for {
		found, err := o.log.Look(ctx, t, w.at, seenAtOnce)
		if err != nil {
			return err
		}
		o.heldUp(ctx, w, t, found)
		next := gateway.Sighting{Subject: subject, Noting: noting, From: w.stored, To: max(w.at, found.UpTo), Rows: found.Rows}
		switch {
		case found.Last < w.at:
			// Such numbers were never drawn here: the rows are those of another database.
			next.To, next.Rows, next.Lost = found.Below-1, nil, true
			o.logger.WarnContext(ctx, "rowversions begin anew; what others have written cannot be told from here on back", "table", t.Table.Table.String(), "noted", w.at, "last", found.Last)
		case len(found.Rows) == 0:
			if w.at = next.To; found.More {
				continue // they have been written again meanwhile
			}
			return nil
		}
		went, err := o.note(ctx, w, next)
		if err != nil || !went || !found.More || next.Lost {
			return err
		}
		if err := o.hold(ctx, w, subject); err != nil || !w.held {
			return err
		}
	}
}

// begin finds out up to where is noted what was written. In a table that nobody has
// looked at what is there already is not told.
func (o *Others) begin(ctx context.Context, w *watch, t gateway.Watched, noting []string) (known bool, err error) {
	if w.stored, known, err = o.log.Sighted(ctx, t.Table.Subject()); err != nil {
		return false, err
	}
	if !known {
		found, err := o.log.Look(ctx, t, math.MaxInt64, 1)
		if err != nil {
			return false, err
		}
		return o.note(ctx, w, gateway.Sighting{Subject: t.Table.Subject(), Noting: noting, To: found.Below - 1, First: true})
	}
	w.begun, w.at = true, w.stored
	return true, nil
}

// note goes on to another place; went is false when another process has done so.
func (o *Others) note(ctx context.Context, w *watch, s gateway.Sighting) (went bool, err error) {
	went, noted, err := o.log.NoteSeen(ctx, s)
	if err != nil || !went {
		w.begun = false // it may have come about
		return false, err
	}
	w.begun, w.stored, w.at = true, s.To, s.To
	if noted > 0 || s.Lost {
		o.noted()
	}
	return true, nil
}

// heldUp tells somebody that a transaction which does not end keeps back everything
// that is written after it began.
func (o *Others) heldUp(ctx context.Context, w *watch, t gateway.Watched, found gateway.Look) {
	now := o.now()
	if found.Below != w.below || found.Below > found.Last {
		if w.warned {
			o.logger.InfoContext(ctx, "what others write is told again", "table", t.Table.Table.String())
		}
		w.below, w.since, w.warned = found.Below, now, false
		return
	}
	if !w.warned && now.Sub(w.since) >= heldUpAfter {
		w.warned = true
		o.logger.WarnContext(ctx, "a transaction that does not end keeps back what others have written since", "table", t.Table.Table.String(), "rowversion", found.Below, "since", w.since)
	}
}

// hold asks for the lease when it is time.
func (o *Others) hold(ctx context.Context, w *watch, subject string) error {
	now := o.now()
	if !w.asked.IsZero() && now.Sub(w.asked) < lookLease/3 {
		return nil
	}
	w.held = false
	lease, held, err := o.log.Acquire(ctx, leaseOf(subject), 0, o.owner, lookLease)
	if err != nil {
		w.asked = time.Time{}
		return err
	}
	w.asked, w.held = now, held
	if held && lease.Fence != w.fence {
		w.fence, w.begun = lease.Fence, false // another process may have gone on
	}
	return nil
}

// leaseOf stands in the place of a channel's name.
func leaseOf(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "gateway.others." + hex.EncodeToString(sum[:8])
}

// release gives all leases back.
func (o *Others) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLease/3)
	defer cancel()
	for subject, w := range o.watches {
		o.giveBack(ctx, subject, w)
	}
}

func (o *Others) giveBack(ctx context.Context, subject string, w *watch) {
	if !w.held {
		return
	}
	w.held = false
	if _, _, err := o.log.Acquire(ctx, leaseOf(subject), 0, o.owner, 0); err != nil {
		o.logger.WarnContext(ctx, "lease not given back", "lease", leaseOf(subject), "error", err)
	}
}
