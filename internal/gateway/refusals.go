package gateway

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	maxReason        = 1000 // characters of a refusal's reason
	refusalsPerFlush = 500
	refusalInterval  = 250 * time.Millisecond
	refusalTimeout   = 10 * time.Second
)

// The bounds of what refusals cost in a window, whoever knocks and however often.
// Besides there is one row for each fault code.
const (
	refusalWindow    = time.Minute
	rowsOfOneCaller  = 20   // of a principal, or of an address of strangers; then one for each code
	rowsOfStrangers  = 500  // of all who are not known
	rowsOfAllCallers = 5000 // of everybody
)

// refusals gathers who was turned away and writes it off the request path. In
// each window equal refusals are one row with a count, which is written when the
// first of them came and again when the window is over. A caller who is refused
// for ever new reasons is told apart by code alone after a while, and so are all
// callers when they are too many: what a window writes and what memory it takes
// is bounded, and so every refusal is counted. What a stranger says is never told
// apart: all that one address is refused for at one endpoint under one code is
// equal, and the row has the first reason.
type refusals struct {
	ledger Ledger
	log    *slog.Logger
	now    func() time.Time

	mu        sync.Mutex
	began     time.Time // of the window
	rows      map[refusalKey]*refusalRow
	callers   map[string]int // how many rows each has
	strangers int            // how many they have together
	unwritten []*refusalRow  // the store has not, or not with the whole count of a window that is over
	lost      int
	down      bool
}

type refusalKey struct{ endpoint, route, principal, code, remote, reason string }

// refusalRow is a row of the ledger. Its Count grows until its window is over.
type refusalRow struct {
	Refusal
	written int // the count that the store has
}

func newRefusals(ledger Ledger, now func() time.Time, log *slog.Logger) *refusals {
	return &refusals{ledger: ledger, log: log, now: now, rows: map[refusalKey]*refusalRow{}, callers: map[string]int{}}
}

func (r *refusals) add(one Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.began) >= refusalWindow || now.Before(r.began) {
		r.turn(now)
	}
	for _, form := range coarser(one) {
		if row := r.rows[form.key]; row != nil {
			row.Count += one.Count
			return
		}
		if r.room(form) {
			r.open(form)
			return
		}
	}
}

// refusalForm is one way to tell a refusal from others.
type refusalForm struct {
	row     Refusal
	key     refusalKey
	caller  string // empty in the form that all callers share
	summary bool   // of one code of the caller
}

// coarser lists the forms of a refusal, each of which is less particular than the
// one before it.
func coarser(one Refusal) [3]refusalForm {
	caller, reason := one.Principal, one.Reason
	if caller == "" {
		caller, reason = network(one.Remote), ""
	}
	byCode, ofAll := one, one
	byCode.Endpoint, byCode.Route = "", ""
	ofAll.Endpoint, ofAll.Route, ofAll.Principal, ofAll.Remote = "", "", "", ""
	exact := refusalKey{one.Endpoint, one.Route, one.Principal, one.Code, one.Remote, reason}
	if one.Principal == "" {
		exact.remote = caller
	} else {
		byCode.Remote = ""
	}
	return [...]refusalForm{
		{row: one, key: exact, caller: caller},
		{row: byCode, key: refusalKey{principal: one.Principal, code: one.Code, remote: caller}, caller: caller, summary: true},
		{row: ofAll, key: refusalKey{code: one.Code}},
	}
}

// room answers whether the window takes another row of this form.
func (r *refusals) room(f refusalForm) bool {
	switch {
	case f.caller == "": // as many as there are codes
		return true
	case len(r.rows) >= rowsOfAllCallers, f.row.Principal == "" && r.strangers >= rowsOfStrangers:
		return false
	}
	return f.summary || r.callers[f.caller] < rowsOfOneCaller
}

func (r *refusals) open(f refusalForm) {
	row := &refusalRow{Refusal: f.row}
	r.rows[f.key] = row
	r.unwritten = append(r.unwritten, row)
	if f.caller == "" {
		return
	}
	r.callers[f.caller]++
	if f.row.Principal == "" {
		r.strangers++
	}
}

// turn begins a window. Of the one that is over, rows are written once more whose
// count has grown; of several that the store could not take, the first are kept.
func (r *refusals) turn(now time.Time) {
	for _, row := range r.rows {
		if row.written > 0 && row.Count > row.written {
			r.unwritten = append(r.unwritten, row)
		}
	}
	if over := len(r.unwritten) - rowsOfAllCallers; over > 0 {
		for _, row := range r.unwritten[rowsOfAllCallers:] {
			r.lost += row.Count - row.written
		}
		clear(r.unwritten[rowsOfAllCallers:])
		r.unwritten = r.unwritten[:rowsOfAllCallers]
	}
	clear(r.rows)
	clear(r.callers)
	r.began, r.strangers = now, 0
}

// run flushes until ctx ends, and once more then.
func (r *refusals) run(ctx context.Context) {
	tick := time.NewTicker(refusalInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.flush(ctx, false)
		case <-ctx.Done():
			r.flush(context.WithoutCancel(ctx), true)
			return
		}
	}
}

// flush writes what is new, and the counts of a window that is over, or of all.
func (r *refusals) flush(ctx context.Context, all bool) {
	for {
		rows, batch, lost := r.take(all)
		if lost > 0 {
			r.log.WarnContext(ctx, "refusals not recorded", "count", lost)
		}
		if len(batch) == 0 || !r.write(ctx, rows, batch) {
			return
		}
		all = false
	}
}

func (r *refusals) take(all bool) (rows []*refusalRow, batch []Refusal, lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); all || now.Sub(r.began) >= refusalWindow {
		r.turn(now)
	}
	rows = r.unwritten[:min(len(r.unwritten), refusalsPerFlush)]
	for _, row := range rows {
		batch = append(batch, row.Refusal)
	}
	lost, r.lost = r.lost, 0
	return rows, batch, lost
}

// write has the store take a batch, which are rows as they were a moment ago.
func (r *refusals) write(ctx context.Context, rows []*refusalRow, batch []Refusal) bool {
	ctx, cancel := context.WithTimeout(ctx, refusalTimeout)
	defer cancel()
	err := r.ledger.Refuse(ctx, batch)
	if err != nil && !r.down {
		r.log.WarnContext(ctx, "refusals wait for the store", "error", err)
	}
	r.down = err != nil
	if err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, row := range rows {
		row.written = batch[i].Count
	}
	r.unwritten = append([]*refusalRow(nil), r.unwritten[len(rows):]...)
	return true
}

// network is the address of who may have many: of IPv6 the first 64 bits, which
// one line gets.
func network(remote string) string {
	a, err := netip.ParseAddr(remote)
	if err != nil || a.Unmap().Is4() {
		return remote
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return remote
	}
	return p.String()
}

// truncate cuts s to n characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
