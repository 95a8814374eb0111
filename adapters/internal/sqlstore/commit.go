package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// attempts is how often a batch is tried while errors look transient.
const attempts = 3

// firstPause is the longest pause before the second attempt; each further one
// may be four times as long.
const firstPause = 50 * time.Millisecond

// writer implements gateway.Writer.
type writer struct {
	store   *Store
	plan    *Plan
	program atomic.Pointer[Program] // written anew when only the tables' stamps differ
	mapping *mapping.Checked
}

// Writer compiles the statements of one mapping and checks it against the
// tables as they are.
func (s *Store) Writer(ctx context.Context, m *mapping.Mapping) (gateway.Writer, error) {
	w, err := s.compile(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := s.openLanes(ctx, w.plan); err != nil {
		return nil, err
	}
	return w, nil
}

// compile writes nothing.
func (s *Store) compile(ctx context.Context, m *mapping.Mapping) (*writer, error) {
	shot, err := s.snapshot(ctx, m)
	if err != nil {
		return nil, err
	}
	checked, err := m.Check(schema{shot, s.dialect})
	if err != nil {
		return nil, err
	}
	plan, err := newPlan(m, shot)
	if err != nil {
		return nil, err
	}
	program, err := s.dialect.Compile(plan)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, plan: plan, mapping: checked}
	w.program.Store(&program)
	return w, nil
}

// openLanes is openShards for a plan that nobody uses yet, and gives a number to
// what its mapping's configuration notes.
func (s *Store) openLanes(ctx context.Context, p *Plan) error {
	err := s.write(ctx, func(q Querier) (err error) {
		p.Noting, err = s.noting(ctx, q, p.Mapping.Noting)
		return err
	})
	if err != nil {
		return s.fail("numbering what is noted", err)
	}
	return s.openShards(ctx, p.Mapping.Channels)
}

// openShards makes sure that the shards of the channels have a number to draw,
// and the chains of the lanes a head to follow, so that no commit has to.
func (s *Store) openShards(ctx context.Context, channels []string) error {
	err := s.write(ctx, func(q Querier) error {
		for _, channel := range channels {
			for shard := range s.shards {
				if _, err := q.ExecContext(ctx, s.text.openShard, channel, shard); err != nil {
					return err
				}
			}
		}
		return s.openChains(ctx, q)
	})
	return s.fail("opening the shards", err)
}

// Mapping returns the mapping as checked against the tables.
func (w *writer) Mapping() *mapping.Checked { return w.mapping }

// Prepare implements gateway.Preparer.
func (w *writer) Prepare(e *gateway.Entry) { e.Prepared = w.store.prepared(e.Message) }

// Commit stores the entries in one transaction, in order.
//
// A batch that fails as a whole is tried again when the error looks transient
// or another gateway claimed one of its messages meanwhile, and halved when the
// database refuses a value nobody foresaw, until the culprit is alone.
func (w *writer) Commit(ctx context.Context, lane int, entries []*gateway.Entry) ([]gateway.Outcome, error) {
	cells := w.store.slab()
	defer w.store.slabs.Put(cells)
	defer cells.empty()
	items := w.prepare(entries, cells)
	if err := w.write(ctx, lane, items); err != nil {
		return nil, w.store.fail("storing a batch", err)
	}
	outcomes := make([]gateway.Outcome, len(items))
	for i, it := range items {
		if it.follows != nil {
			it.follow()
		}
		outcomes[i] = it.Outcome
		outcomes[i].Deliveries = it.handed()
	}
	return outcomes, nil
}

// write settles all items but those that follow others.
func (w *writer) write(ctx context.Context, lane int, items []*Item) error {
	began := time.Now()
	w.store.errands.begin()
	defer func() { w.store.errands.end(len(items), time.Since(began)) }()
	for _, batch := range w.batches(leaders(items)) {
		if err := w.settle(ctx, lane, batch); err != nil {
			return err
		}
	}
	return nil
}

// batches is one batch, unless the plan cannot write messages together.
func (w *writer) batches(items []*Item) [][]*Item {
	if !w.plan.Alone {
		return [][]*Item{items}
	}
	out := make([][]*Item, len(items))
	for i := range items {
		out[i] = items[i : i+1]
	}
	return out
}

// prepare makes the items; of those with one claim the first leads, of those
// that release one held message, and of the deliveries of one message. An item
// that is only held claims nothing.
func (w *writer) prepare(entries []*gateway.Entry, cells *slab) []*Item {
	items := make([]*Item, len(entries))
	first := make(map[gateway.Digest]*Item, len(entries))
	var released map[gateway.ID]*Item
	for i, e := range entries {
		it := w.store.newItem(w.plan, e, cells)
		items[i] = it
		if !it.Only() {
			it.follows = lead(first, it.Claim, it)
		}
		if e.Release != nil && it.follows == nil {
			if released == nil {
				released = map[gateway.ID]*Item{}
			}
			it.follows = lead(released, e.Release.ID, it)
		}
		if e.Message.Redelivered && it.follows == nil {
			it.follows = delivered(items[:i], e.Message.Origin)
		}
	}
	return items
}

// delivered returns the item that is an earlier delivery of the same message, or
// nil.
func delivered(items []*Item, origin gateway.Digest) *Item {
	for _, it := range items {
		if origin != (gateway.Digest{}) && it.Message().Origin == origin {
			return it
		}
	}
	return nil
}

// lead returns the first item of a key, or nil for the first one itself.
func lead[K comparable](first map[K]*Item, key K, it *Item) *Item {
	if earlier, ok := first[key]; ok {
		return earlier
	}
	first[key] = it
	return nil
}

func leaders(items []*Item) []*Item {
	out := make([]*Item, 0, len(items))
	for _, it := range items {
		if it.follows == nil {
			out = append(out, it)
		}
	}
	return out
}

// follow takes the outcome of a repeat within the batch from the message that it
// repeats, or leaves it to a later batch.
func (it *Item) follow() {
	lead := it.follows
	same := lead.Message().Body == it.Message().Body
	inInbox := lead.Outcome.Status <= gateway.Superseded // stored, duplicate, superseded: its body is the stored one
	switch {
	case it.Entry.Release != nil || !(inInbox && same) && (it.UsesLot() || lead.UsesLot()):
		it.Defer() // what is held, or closed, is each message's own
	case lead.Outcome.Status == gateway.Stored && same:
		it.Outcome = gateway.Outcome{Status: gateway.Duplicate, MessageID: lead.Outcome.MessageID, Reply: lead.Outcome.Reply}
	case same:
		it.Outcome = lead.Outcome
	case inInbox:
		it.Outcome = gateway.Outcome{Status: gateway.Conflict, MessageID: lead.Outcome.MessageID, Err: fault.New(fault.CodeKeyReused, "")}
	default:
		it.Defer() // the inbox decides, once the first one is out of the way
	}
}

// settle gives every item an outcome, or returns the error that keeps it from
// doing so.
func (w *writer) settle(ctx context.Context, lane int, items []*Item) error {
	for try := 1; ; {
		items = open(items)
		if len(items) == 0 {
			return nil
		}
		err := w.attempt(ctx, lane, items)
		if err == nil {
			if !slices.ContainsFunc(items, (*Item).unsettled) {
				return nil
			}
			continue // some were set aside: the rest goes again
		}
		class := w.store.dialect.Classify(err)
		switch {
		case class == Constraint:
			return w.split(ctx, lane, items, err)
		case class == Missing, class == Drifted, class == Broken:
			if err := w.renew(ctx, class, try, err); err != nil {
				return err
			}
		case class != Transient && class != Raced:
			return err
		case try == attempts:
			return w.exhausted(ctx, lane, items, class, err)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
		try++
	}
}

// exhausted decides after the last attempt: a key that keeps colliding is a
// value the database refuses; everything else is an outage.
func (w *writer) exhausted(ctx context.Context, lane int, items []*Item, class Class, err error) error {
	if class == Raced {
		return w.split(ctx, lane, items, err)
	}
	return err
}

// unsettled reports whether the attempt found out about the item too late, and so
// has come to nothing.
func (it *Item) unsettled() bool { return it.aside || it.moved }

// open leaves out what needs no further attempt.
func open(items []*Item) []*Item {
	out := items[:0:0]
	for _, it := range items {
		if !it.aside {
			out = append(out, it)
		}
	}
	return out
}

func (w *writer) attempt(ctx context.Context, lane int, items []*Item) (err error) {
	var beside *Beside
	if w.store.dialect.Lanes() == 1 {
		beside = &Beside{store: w.store}
		defer beside.settle()
	}
	for _, it := range items {
		it.Reset()
		it.beside = beside
	}
	session, err := w.store.dialect.Session(ctx, lane)
	if err != nil {
		return err
	}
	defer func() { session.Release(err) }()
	return (*w.program.Load()).Run(ctx, session, items)
}

// split halves a batch in which the database refuses something, and refuses or
// holds the message that is left alone with the error.
func (w *writer) split(ctx context.Context, lane int, items []*Item, cause error) error {
	if len(items) == 1 {
		if _, err := w.sameTables(ctx, cause); err != nil {
			return err
		}
		items[0].SetAside(fault.New(fault.CodeConstraint, "").Because(cause))
		return w.settle(ctx, lane, items)
	}
	half := len(items) / 2
	return errors.Join(w.settle(ctx, lane, items[:half]), w.settle(ctx, lane, items[half:]))
}

// pause waits a random time, longer with every try, so that colliding gateways
// part.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(firstPause << (2 * (try - 1))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
