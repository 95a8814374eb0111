package sqlstore

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Item is one entry on its way through the attempts of a batch.
type Item struct {
	Entry   *gateway.Entry
	Claim   gateway.Digest // what the inbox knows the message by
	Rows    [][]Row        // for each step of the plan
	Packing Packing
	Payload []byte
	Beside  []byte // what is kept beside it, as it is stored; nil for nothing
	Ledger  Entry

	// What an attempt finds out; reset before each.
	Outcome    gateway.Outcome
	Stored     []mapping.Value // for each of Mapping.Returns
	Reply      []byte
	Deliveries []Delivery
	Changes    []Change // what it has written of live tables

	store   *Store
	plan    *Plan
	known   bool          // the inbox had it already
	hold    *gateway.Hold // how it is held, when it is
	moved   bool          // found out too late: the next attempt only holds it
	only    *gateway.Hold // nothing is tried: it is held like this
	why     error         // why nothing is tried
	aside   bool          // settled for good: no further attempt takes it
	follows *Item         // an earlier item of the batch that decides about this one
	line    gateway.ID    // of its line in the history
	unheld  bool          // this attempt has removed its waiting row

	rehearsal *Rehearsal // it is only tried
	beside    *Beside    // what its batch does on the way
}

// Row is one row to be written.
type Row struct {
	Source *mapping.Row
	Cells  []Cell
}

// Cell is the content of one column, as the column takes it.
type Cell struct {
	Kind mapping.CellKind
	Left bool // a KeysCell that found nothing and leaves its column alone
	Data Datum
	Row  int     // of a Reference; of a KeysCell that found a row of its own step in the message, one more
	Keys []Datum // of a KeysCell
}

// Absent reports whether the cell leaves its column alone.
func (cell *Cell) Absent() bool { return cell.Kind == mapping.AbsentCell || cell.Left }

// Delivery is one publication of an item, ready for the outbox but for its number.
type Delivery struct {
	Ordinal     int
	Shard       int
	Seq         int64     // its number, where the program knows it; else zero
	CreatedAt   time.Time // as it is stored, where the program knows the number
	WireID      string
	Publication *mapping.Publication
}

// Message returns the message of the item.
func (it *Item) Message() *gateway.Message { return it.Entry.Message }

// Reset forgets what an earlier attempt found out; a program that begins its
// transaction anew asks for it, too.
func (it *Item) Reset() {
	it.Outcome, it.Stored, it.Reply, it.Deliveries, it.Changes = gateway.Outcome{}, nil, nil, nil, nil
	it.known, it.hold, it.moved, it.unheld = false, nil, false, false
}

// Known settles the item as a repeat of a message stored before.
func (it *Item) Known(first gateway.ID, body gateway.Digest, superseded bool, reply []byte) {
	it.known = true
	switch {
	case body != it.Message().Body:
		reused := fault.New(fault.CodeKeyReused, "")
		if !it.keep(reused) {
			it.Outcome = gateway.Outcome{Status: gateway.Conflict, MessageID: first, Err: reused}
		}
	case superseded:
		it.Outcome = gateway.Outcome{Status: gateway.Superseded, MessageID: first}
	default:
		whole, err := unpackText(reply)
		if err != nil {
			it.refuse(fault.New(fault.CodeInternal, "").Because(err))
			return
		}
		it.Outcome = gateway.Outcome{Status: gateway.Duplicate, MessageID: first, Reply: whole}
	}
}

// Refuse settles the item: no row of it is written. It is held instead of
// refused when its entry says so.
func (it *Item) Refuse(err error) {
	if !it.keep(err) {
		it.refuse(err)
	}
}

func (it *Item) refuse(err error) {
	it.Outcome = gateway.Outcome{Status: gateway.Refused, MessageID: it.Message().ID, Err: err}
}

// SetAside refuses the item for good: an attempt that found this out after
// having written rolls back, and the next one goes without the item, or does
// nothing with it but to hold it.
func (it *Item) SetAside(err error) {
	if it.only == nil && it.keep(err) {
		it.only, it.why, it.moved = it.hold, err, true
		return
	}
	it.refuse(err)
	it.aside = true
}

// Supersede settles the item as older than what is stored.
func (it *Item) Supersede() {
	it.Outcome = gateway.Outcome{Status: gateway.Superseded, MessageID: it.Message().ID}
}

// Defer settles the item: it is to be committed again in a later batch.
func (it *Item) Defer() {
	it.Outcome = gateway.Outcome{Status: gateway.Deferred, MessageID: it.Message().ID}
}

// Going reports whether the item is on its way to be stored.
func (it *Item) Going() bool { return it.Outcome.Status == gateway.Stored }

// Render makes reply and deliveries from Stored. When that fails the item is
// refused, and Render reports false.
func (it *Item) Render() bool {
	rendered, err := it.Entry.Render(it.Stored)
	if err != nil {
		it.Refuse(fault.Of(err))
		return false
	}
	m := it.Message()
	for _, p := range rendered.Publications {
		if p.WireID == "" && !slices.Contains(it.plan.Mapping.Channels, p.Channel) {
			it.Refuse(fault.New(fault.CodeInternal, "").Because(unknownChannel(p.Channel)))
			return false
		}
	}
	it.Reply = rendered.Reply
	it.Deliveries = make([]Delivery, len(rendered.Publications))
	it.Outcome = gateway.Outcome{Status: gateway.Stored, MessageID: m.ID, Reply: rendered.Reply}
	for i := range rendered.Publications {
		p := &rendered.Publications[i]
		it.Deliveries[i] = Delivery{
			Ordinal:     i,
			Shard:       shardOf(m.OrderingKey, it.store.shards),
			WireID:      cmp.Or(p.WireID, wireID(m, p.Channel, i, it.store.epoch)),
			Publication: p,
		}
		if !slices.Contains(it.Outcome.Channels, p.Channel) {
			it.Outcome.Channels = append(it.Outcome.Channels, p.Channel)
		}
	}
	return true
}

// handed is what the outbox has of the item, once its transaction is committed; nil
// when the numbers are not known.
func (it *Item) handed() []gateway.Delivery {
	if it.Outcome.Status != gateway.Stored || it.follows != nil || len(it.Deliveries) == 0 {
		return nil
	}
	out := make([]gateway.Delivery, len(it.Deliveries))
	l := &it.Ledger
	for i := range it.Deliveries {
		d := &it.Deliveries[i]
		if d.Seq == 0 {
			return nil
		}
		p := d.Publication
		out[i] = gateway.Delivery{
			Channel: p.Channel, Shard: d.Shard, Seq: d.Seq, WireID: d.WireID, MessageID: it.Message().ID, OrderingKey: l.OrderingKey,
			RoutingKey: p.RoutingKey, Type: p.Type, ContentType: p.ContentType, Correlation: l.Correlation, TraceParent: l.TraceParent,
			CreatedAt: d.CreatedAt, Body: p.Body,
		}
	}
	return out
}

// shardOf keeps everything of one ordering key in one shard.
func shardOf(key string, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % uint32(shards))
}

// hashed is the SHA-256 of parts, each preceded by its length, so that no two
// lists of parts have the same bytes.
func hashed(parts ...string) gateway.Digest {
	size := 0
	for _, p := range parts {
		size += 8 + len(p)
	}
	buf := make([]byte, 0, size)
	for _, p := range parts {
		buf = binary.BigEndian.AppendUint64(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	return sha256.Sum256(buf)
}

func claimOf(m *gateway.Message) gateway.Digest { return hashed(m.Route, m.Sender, m.Identity) }

// wireID names a delivery on the wire. It depends on nothing that differs
// between attempts, so that a consumer recognises a repeat.
func wireID(m *gateway.Message, channel string, ordinal, epoch int) string {
	d := hashed(m.Route, m.Sender, m.Identity, channel, strconv.Itoa(ordinal), strconv.Itoa(epoch))
	return hex.EncodeToString(d[:16])
}

// prepared is what takes time to make of a message and nothing but the message. The
// rows are not in it: they would weigh several times the payload while they wait.
type prepared struct {
	claim   gateway.Digest
	packing Packing
	payload []byte
	beside  []byte
}

func (s *Store) prepared(m *gateway.Message) *prepared {
	p := &prepared{claim: claimOf(m)}
	p.packing, p.payload = s.packer.pack(m.Payload)
	if m.Beside != nil {
		_, p.beside = s.packer.pack(m.Beside)
	}
	return p
}

// newItem makes the item of an entry; one whose values do not fit is refused for
// good, or only held. Its cells are taken from cells.
func (s *Store) newItem(p *Plan, e *gateway.Entry, cells *slab) *Item {
	ready, ok := e.Prepared.(*prepared)
	if !ok {
		ready = s.prepared(e.Message)
	}
	it := &Item{Entry: e, Claim: ready.claim, Packing: ready.packing, Payload: ready.payload, Beside: ready.beside, Ledger: entryOf(e.Message), store: s, plan: p, only: e.Hold}
	if it.Only() {
		return it
	}
	var details []fault.Detail
	it.Rows = make([][]Row, len(p.Steps))
	for i, step := range p.Steps {
		it.Rows[i], details = rowsOf(step, e.Changes.Rows[i], cells, details)
	}
	if details != nil {
		it.SetAside(fault.New(fault.CodeNarrowing, "").With(details...))
	}
	return it
}

func rowsOf(s *Step, source []mapping.Row, from *slab, details []fault.Detail) ([]Row, []fault.Detail) {
	rows := make([]Row, len(source))
	cells := from.take(len(source) * len(s.Columns))
	for r := range source {
		row := &source[r]
		rows[r] = Row{Source: row, Cells: cells[r*len(s.Columns) : (r+1)*len(s.Columns)]}
		for c := range s.Columns {
			if err := rows[r].Cells[c].fill(&s.Columns[c], &row.Cells[c]); err != nil {
				details = append(details, Complaint(s, row, c, err))
			}
		}
	}
	return rows, details
}

// fill makes a cell, which is empty, of what the mapping has made.
func (cell *Cell) fill(c *Column, source *mapping.Cell) error {
	cell.Kind, cell.Row = source.Kind, source.Row
	var err error
	switch source.Kind {
	case mapping.ValueCell:
		cell.Data, err = newDatum(source.Value, &c.Model.ColumnType)
	case mapping.KeysCell:
		cell.Keys, err = keysOf(c.Found, source.Keys)
	case mapping.AbsentCell:
		if c.AbsentNull {
			cell.Kind = mapping.NullCell
		}
	}
	if c.Key && (cell.Kind == mapping.AbsentCell || cell.Kind == mapping.NullCell) {
		return &misfit{message: "a row is found by this column, so it cannot be absent"}
	}
	return err
}

func keysOf(t *LookupTarget, source []mapping.Value) ([]Datum, error) {
	keys, columns := make([]Datum, len(source)), t.Keys()
	for i, v := range source {
		var err error
		if keys[i], err = newDatum(v, &columns[i].Model.ColumnType); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Complaint locates what is wrong with one cell; column -1 means the whole row.
func Complaint(s *Step, row *mapping.Row, column int, err error) fault.Detail {
	at := row.Origin.Place()
	d := fault.Detail{Message: err.Error(), Path: at.Path, Line: at.Line, Column: at.Column, Source: s.Source, Target: s.Name.String()}
	if m, ok := err.(*misfit); ok {
		d.Found, d.Expected = m.found, m.expected
	}
	if column >= 0 {
		d.Source = s.Columns[column].Source
		d.Target += "." + s.Columns[column].Name
	}
	return d
}
