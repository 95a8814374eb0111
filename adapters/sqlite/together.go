package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// group writes messages together: step by step, the rows of all of them in
// statements of many rows, without savepoints. That takes less than half of what
// one message after the other does, as long as no message meets another one and
// none is refused once something was written. Whatever else turns up ends the
// group with errApart: the transaction is rolled back, and the same messages are
// written one after the other.
//
// The result is that of one after the other. Rows that messages share (shared) are
// found and written in the order of the messages; in every other step no two
// messages may have the same row.
type group struct {
	program *program
	session *session
	works   []*work // of the messages that are still on their way
	found   lookups
	queue   queue
}

// errApart ends a group that has to be written message by message.
var errApart = errors.New("the messages cannot be written together")

// queue are the rows of one step that wait to be inserted.
type queue struct {
	args    []any
	rows    []*written
	keys    map[string]bool // of the rows that were queued in this step
	touched map[int64]*work // the stored rows that were found in this step, by rowid
	key     []byte          // the text of the key last asked for
}

// groupable reports whether a plan's messages can be written together at all. A
// row that has to be read back when it is inserted is inserted alone, and so is
// seen by the next message: that is all right only where rows are shared. With a
// trigger nobody knows what an INSERT of many rows comes to.
func (p *program) groupable() bool {
	seen := map[mapping.TableName]bool{}
	for i, s := range p.plan.Steps {
		t := &p.steps[i]
		steady := func(l lookup) bool { return l.text == "" || l.steady }
		if seen[s.Name] || len(s.Own) > 0 || len(s.Model.Triggers) > 0 || !every(t.lookups, steady) || t.returning && len(s.Match) > 0 && !shared(s) {
			return false
		}
		seen[s.Name] = true
	}
	return !p.plan.Alone
}

func every[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(t T) bool { return !holds(t) })
}

// shared reports whether messages may have the same row of a step: nothing below it
// is deleted, and its being there is no fault.
func shared(s *sqlstore.Step) bool { return !s.Shared && s.OnMatch != mapping.Fail }

// together reports whether a batch may be written together: what the lot decides
// about, and rehearsals, go alone.
func (p *program) together(items []*sqlstore.Item) bool {
	return p.group && sqlstore.RehearsalOf(items) == nil && every(items, func(it *sqlstore.Item) bool {
		return !it.Only() && it.Entry.Release == nil && !it.Message().Redelivered
	})
}

// writeTogether claims, resolves, writes and renders all items; while replies are made
// it writes what the ledger takes of them otherwise.
func (p *program) writeTogether(ctx context.Context, s *session, items []*sqlstore.Item) error {
	g := &group{program: p, session: s, found: lookups{}, queue: queue{args: s.fresh()}}
	defer func() { s.keep(g.queue.args) }()
	fresh, err := g.claim(items)
	if err != nil {
		return err
	}
	if err := g.held(fresh); err != nil {
		return err
	}
	if err := g.resolve(fresh); err != nil {
		return err
	}
	for _, step := range p.plan.Order {
		if err := g.step(ctx, step); err != nil {
			return err
		}
	}
	for _, w := range g.works {
		if w.stale {
			w.item.Supersede()
		}
		failpoint.Hit("commit-written")
		w.noted()
	}
	s.keep(g.queue.args)
	g.queue.args = nil
	ledger := recordOf(s, sealable(items))
	rendered := g.render()
	err = ledger.write(s)
	if !rendered() {
		err = cmp.Or(err, errApart)
	}
	return err
}

// renderEach is how many messages are worth a goroutine.
const renderEach = 8

// render begins to make the replies and publications of all messages, on as many
// processors as are idle: a lane is one goroutine, and this is the one part of its work
// that needs no database. What it returns makes those that nobody has begun, waits, and
// reports whether all could be made; until then nobody else looks at the items.
func (g *group) render() func() bool {
	var next atomic.Int64
	var failed atomic.Bool
	some := func() {
		for i := next.Add(1) - 1; i < int64(len(g.works)); i = next.Add(1) - 1 {
			w := g.works[i]
			if !w.item.Going() {
				continue
			}
			w.item.Stored = w.stored()
			if !w.item.Render() {
				failed.Store(true)
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(g.works)/renderEach) - 1 {
		others.Go(some)
	}
	return func() bool {
		some()
		others.Wait()
		return !failed.Load()
	}
}

// claim enters the items in the inbox, and settles those that the inbox knows.
func (g *group) claim(items []*sqlstore.Item) (fresh []*sqlstore.Item, err error) {
	inbox := g.session.inbox
	known, err := inbox.known(g.session.connection, items)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if !known[it.Claim] {
			fresh = append(fresh, it)
			continue
		}
		if err := repeat(g.session, it); err != nil {
			return nil, err
		}
		if it.UsesLot() && it.Outcome.Err != nil {
			return nil, errApart
		}
	}
	return fresh, inbox.enter(g.session.connection, fresh)
}

// held makes sure that the lot has nothing to say about any of the items: none is
// held, and none is behind a waiting message of its key.
func (g *group) held(items []*sqlstore.Item) error {
	waits := map[string]bool{} // by route
	for _, it := range items {
		if !it.UsesLot() {
			continue
		}
		id, route := it.Message().ID, it.Ledger.Route
		if _, asked := waits[route]; !asked {
			_, found, err := g.session.row(waitsText, route)
			if err != nil {
				return err
			}
			waits[route] = found
		}
		if waits[route] {
			if _, found, err := g.session.row(aheadText, route, it.Ledger.OrderingKey, id[:]); err != nil || found {
				return cmp.Or(err, errApart)
			}
		}
		if h, err := heldOf(g.session, id); err != nil || h.state != "" {
			return cmp.Or(err, errApart)
		}
	}
	return nil
}

// resolve runs the look-ups of the items and takes those out whose references are
// missing: nothing of them is written yet but their claims.
func (g *group) resolve(items []*sqlstore.Item) error {
	for _, it := range items {
		failpoint.Hit("commit-claimed")
		w := newWork(g.program, g.session, it, g.found)
		switch err := w.resolve(); {
		case err == errRefused:
			if err := g.refused(it); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			w.group = g
			g.works = append(g.works, w)
		}
	}
	return nil
}

// refused takes an item out again. One that is to wait is not for a group: those
// of its key wait behind it.
func (g *group) refused(it *sqlstore.Item) error {
	if it.Outcome.Status == gateway.Waiting {
		return errApart
	}
	id := it.Message().ID
	if err := g.session.do(unclaimText, id[:]); err != nil || !it.UsesLot() {
		return err
	}
	return settleLot(g.session, it)
}

// step writes one step of all messages.
func (g *group) step(ctx context.Context, s *sqlstore.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.queue.begin()
	for _, w := range g.works {
		if err := w.step(s); err != nil {
			if err == errRefused {
				return errApart
			}
			return err
		}
	}
	return g.flush(s)
}

// begin forgets the rows of the step before.
func (q *queue) begin() {
	if len(q.keys) > 0 {
		q.keys = nil
	}
	if len(q.touched) > 0 {
		q.touched = nil
	}
}

// seek makes the rows visible among which a key is looked for.
func (g *group) seek(s *sqlstore.Step, key []any) error {
	q := &g.queue
	if len(q.rows) == 0 || len(q.keys) == 0 {
		return nil
	}
	if q.key = appendKey(q.key[:0], key); !q.keys[string(q.key)] {
		return nil
	}
	return g.flush(s)
}

// meet notes that a message has found a stored row.
func (g *group) meet(s *sqlstore.Step, w *work, rowid int64) error {
	if shared(s) {
		return nil
	}
	if other := g.queue.touched[rowid]; other != nil && other != w {
		return errApart
	}
	if g.queue.touched == nil {
		g.queue.touched = map[int64]*work{}
	}
	g.queue.touched[rowid] = w
	return nil
}

// add queues a row, whose arguments have been added to the queue's. Where messages
// share rows its key is noted, so that the next one with the key finds it; elsewhere
// the unique index refuses the next one, and the group ends.
func (g *group) add(row *written, key []any) {
	q := &g.queue
	q.rows = append(q.rows, row)
	if key == nil {
		return
	}
	if q.keys == nil {
		q.keys = map[string]bool{}
	}
	q.key = appendKey(q.key[:0], key)
	q.keys[string(q.key)] = true
}

// flush inserts the queued rows. SQLite gives the rows of one table, which has no
// trigger, ascending numbers without a gap; it draws them at random only while
// there is a row with the largest number of all.
func (g *group) flush(s *sqlstore.Step) error {
	q := &g.queue
	if len(q.rows) == 0 {
		return nil
	}
	n := int64(len(q.rows))
	inserted, last, err := g.program.steps[s.Index].bulk.run(g.session.connection, q.args)
	switch {
	case err != nil:
		return err
	case inserted != n:
		return errApart // a constraint of the table ignores what it does not like
	}
	if len(s.Reads) > 0 {
		top, _, err := g.session.row(g.program.steps[s.Index].top)
		if err != nil {
			return err
		}
		if top[0] != driver.Value(last) {
			return errApart
		}
		for i, row := range q.rows {
			row.drawn(s, last-n+1+int64(i))
		}
	}
	clear(q.args)
	q.args, q.rows = q.args[:0], q.rows[:0]
	return nil
}

// appendKey adds a text of a key's arguments, another one for each key.
func appendKey(b []byte, key []any) []byte {
	for _, v := range key {
		switch v := v.(type) {
		case string:
			b = append(binary.AppendUvarint(append(b, 's'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...)
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		default:
			text := fmt.Sprintf("%T %v", v, v)
			b = append(binary.AppendUvarint(append(b, 'o'), uint64(len(text))), text...)
		}
	}
	return b
}
