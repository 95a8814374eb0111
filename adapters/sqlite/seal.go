package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The statements of the ledger. They are constants, so that a lane prepares
// them once.
const (
	numberText = `UPDATE "gateway.shard" SET next_seq = next_seq + ?3 WHERE channel = ?1 AND shard = +?2 RETURNING next_seq`
	headText   = `SELECT seq, head, noting FROM "gateway.chain" WHERE chain = +?1`
	followText = `UPDATE "gateway.chain" SET seq = ?2, head = ?3, noting = ?6 WHERE chain = +?1 AND seq = ?4 AND head = ?5 AND noting = ?7`
	turnText   = `INSERT INTO "gateway.noted" (chain, seq, noting) VALUES (?1, ?2, ?3)`
	batchText  = `INSERT INTO "gateway.audit" (chain, seq, at, kind, content, previous, hash) VALUES (?1, ?2, ?3, 'batch', ?4, ?5, ?6)`
)

// Those that take the rows of a whole batch. Whoever sees one fail rolls the
// transaction back; so nothing has to be undone by the statement itself, and SQLite
// keeps no copies of the pages that it changes (OR FAIL).
var (
	messages = newBulk(`INSERT OR FAIL INTO "gateway.message" (id, received_at, route, endpoint, mapping, contract, principal, sender, "identity", body,
		content_type, ordering_key, traceparent, correlation, outcome, replay_of)`, values(16), "")
	payloads    = newBulk(`INSERT OR FAIL INTO "gateway.payload" (message_id, packing, body, beside)`, values(4), "")
	keys        = newBulk(`INSERT OR IGNORE INTO "gateway.message_key" (value, message_id, name)`, values(3), "")
	attachments = newBulk(`INSERT OR FAIL INTO "gateway.attachment" (message_id, part, content_id, media_type, size, sha256)`, values(6), "")
	replies     = newBulk(`INSERT OR FAIL INTO "gateway.reply" (message_id, body)`, values(2), "")
	deliveries  = newBulk(`INSERT OR FAIL INTO "gateway.delivery" (message_id, ordinal, channel, shard, seq, wire_id, routing_key)`, values(7), "")
	changes     = newBulk(`INSERT OR FAIL INTO "gateway.change" (chain, seq, n, message_id, subject, row_key)`, values(6), "")
	outbox      = newBulk(`INSERT OR FAIL INTO "gateway.outbox" (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type,
		correlation, traceparent, created_at, body)`, values(13), "")
)

// seal writes the ledger and the outbox of what an attempt stores.
func seal(s *session, items []*sqlstore.Item) error {
	if err := recordOf(s, sealable(items)).write(s); err != nil {
		return err
	}
	return conclude(s, items)
}

// conclude writes what depends on replies and publications, and the chain.
func conclude(s *session, items []*sqlstore.Item) error {
	if err := answer(s, sealable(items)); err != nil {
		return err
	}
	if err := enqueue(s, items); err != nil {
		return err
	}
	return chained(s, items)
}

func sealable(items []*sqlstore.Item) []*sqlstore.Item {
	stored := make([]*sqlstore.Item, 0, len(items))
	for _, it := range items {
		if it.Sealable() {
			stored = append(stored, it)
		}
	}
	return stored
}

// lane is the only one.
const lane = 0

// chained is chain; a benchmark leaves it out.
var chained = chain

// link is the last entry of the lane's chain, and what was noted of what its
// transaction wrote, as far as this writer knows.
type link struct {
	seq    int64
	hash   gateway.Digest
	noting int
}

// chain appends what the transaction took to the audit trail.
func chain(s *session, items []*sqlstore.Item) error {
	e := gateway.AuditEntry{Chain: gateway.LaneChain(lane), Kind: gateway.AuditBatch, At: items[0].Now(), Content: sqlstore.Batch(items)}
	if len(e.Content) == 0 {
		return nil
	}
	failpoint.Hit("commit-chaining")
	noting := items[0].Noting()
	before, follows, err := s.follow(&e, noting)
	if err == nil && !follows { // another process went on, or the last transaction came to nothing
		if err = s.readHead(e.Chain); err == nil {
			before, follows, err = s.follow(&e, noting)
		}
	}
	if err != nil {
		return err
	}
	if !follows {
		return sqlstore.UnknownChain(e.Chain)
	}
	if noting != before {
		if err := s.do(turnText, e.Chain, e.Seq, noting); err != nil {
			return err
		}
	}
	if err := s.do(batchText, e.Chain, e.Seq, e.At.UnixMilli(), e.Content, e.Previous.String(), e.Hash.String()); err != nil {
		return err
	}
	failpoint.Hit("commit-chained")
	return note(s, &e, items)
}

// follow moves the chain's head to the entry, if the chain ends with what this writer
// has appended last. That is mostly so, and spares reading it; the database decides.
// before is what was noted of the entry before.
func (c *connection) follow(e *gateway.AuditEntry, noting int) (before int, follows bool, err error) {
	before = c.last.noting
	e.Seq, e.Previous = c.last.seq+1, c.last.hash
	e.Hash = e.Link()
	done, err := c.exec(context.Background(), followText, e.Chain, e.Seq, e.Hash.String(), c.last.seq, c.last.hash.String(), noting, before)
	if err != nil {
		return before, false, err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 1 {
		c.last = link{e.Seq, e.Hash, noting}
	}
	return before, n == 1, err
}

// readHead reads where the chain ends.
func (c *connection) readHead(chain int) error {
	row, found, err := c.row(headText, chain)
	if err != nil {
		return err
	}
	if !found {
		return sqlstore.UnknownChain(chain)
	}
	c.last.seq, c.last.noting = row[0].(int64), int(row[2].(int64))
	return c.last.hash.UnmarshalText([]byte(row[1].(string)))
}

// table writes the rows of a batch into one table: add makes the arguments of them.
func (c *connection) table(rows *bulk, add func(args []any) []any) error {
	args := add(c.fresh())
	_, _, err := rows.run(c, args)
	c.keep(args)
	return err
}

// record is what the ledger takes of messages, whatever they are answered: the rows of
// each table, as the arguments of its statement.
type record struct {
	args  []any
	parts []part
}

// part are the rows of one table.
type part struct {
	rows *bulk
	end  int // in the arguments
}

// add makes the rows of a table: row appends those of one message.
func (r *record) add(rows *bulk, items []*sqlstore.Item, row func(args []any, it *sqlstore.Item) []any) {
	for _, it := range items {
		r.args = row(r.args, it)
	}
	r.parts = append(r.parts, part{rows, len(r.args)})
}

// write inserts the rows and gives the list of arguments back.
func (r *record) write(s *session) error {
	defer s.keep(r.args)
	begin := 0
	for _, p := range r.parts {
		if _, _, err := p.rows.run(s.connection, r.args[begin:p.end]); err != nil {
			return err
		}
		begin = p.end
	}
	return nil
}

// recordOf gathers messages, their contents and what they were sent with. From then on
// it looks at the items no more: others may make replies of them.
func recordOf(s *session, items []*sqlstore.Item) *record {
	r := &record{args: s.fresh()}
	r.add(messages, items, func(args []any, it *sqlstore.Item) []any {
		l, m := &it.Ledger, it.Message()
		return append(args, m.ID[:], m.ReceivedAt.UnixMilli(), l.Route, l.Endpoint, l.Mapping, m.Contract[:], l.Principal, l.Sender, l.Identity,
			m.Body[:], l.ContentType, l.OrderingKey, l.TraceParent, l.Correlation, it.Outcome.Status.String(), l.ReplayOf)
	})
	r.contents(items)
	r.add(attachments, items, func(args []any, it *sqlstore.Item) []any {
		m := it.Message()
		for _, a := range m.Attachments {
			args = append(args, m.ID[:], a.Part, sqlstore.Short(a.ContentID, sqlstore.MaxContentID), sqlstore.Short(a.MediaType, sqlstore.MaxMediaType), a.Size, a.Hash[:])
		}
		return args
	})
	return r
}

// contents adds payloads and business keys.
func (r *record) contents(items []*sqlstore.Item) {
	r.add(payloads, items, func(args []any, it *sqlstore.Item) []any {
		return append(args, it.Message().ID[:], int64(it.Packing), notNull(it.Payload), it.KeptBeside())
	})
	r.add(keys, items, func(args []any, it *sqlstore.Item) []any {
		id := it.Message().ID[:]
		for _, k := range it.Ledger.Keys {
			args = append(args, k.Value, id, k.Name)
		}
		return args
	})
}

// contents writes the payload and the business keys of a message.
func contents(s *session, it *sqlstore.Item) error {
	r := &record{args: s.fresh()}
	r.contents([]*sqlstore.Item{it})
	return r.write(s)
}

// answer writes what the messages are answered.
func answer(s *session, items []*sqlstore.Item) error {
	return s.table(replies, func(args []any) []any {
		for _, it := range items {
			if it.Reply != nil {
				args = append(args, it.Message().ID[:], it.KeptReply())
			}
		}
		return args
	})
}

// notNull makes an empty blob of nothing, where NULL is not allowed.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// queued is one delivery with the item it belongs to.
type queued struct {
	item *sqlstore.Item
	*sqlstore.Delivery
}

// enqueue draws the shards' numbers last, shard by shard in ascending order, and
// fills the outbox.
func enqueue(s *session, items []*sqlstore.Item) error {
	var all []queued
	for _, it := range items {
		for i := range it.Deliveries {
			all = append(all, queued{it, &it.Deliveries[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b queued) int {
		return cmp.Or(cmp.Compare(a.Publication.Channel, b.Publication.Channel), cmp.Compare(a.Shard, b.Shard))
	})
	for rest := all; len(rest) > 0; {
		first := rest[0]
		n := slices.IndexFunc(rest, func(q queued) bool {
			return q.Publication.Channel != first.Publication.Channel || q.Shard != first.Shard
		})
		if n < 0 {
			n = len(rest)
		}
		if err := number(s, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return deliver(s, all)
}

// number draws the numbers of one shard's deliveries.
func number(s *session, batch []queued) error {
	channel, shard := batch[0].Publication.Channel, batch[0].Shard
	row, found, err := s.row(numberText, channel, shard, len(batch))
	if err != nil {
		return err
	}
	if !found {
		return sqlstore.UnknownShard(channel, shard)
	}
	first := row[0].(int64) - int64(len(batch))
	for i := range batch {
		batch[i].Seq, batch[i].CreatedAt = first+int64(i), batch[i].item.Now().Truncate(time.Millisecond)
	}
	return nil
}

// deliver writes deliveries, those of all shards together.
func deliver(s *session, all []queued) error {
	err := s.table(deliveries, func(args []any) []any {
		for _, q := range all {
			p := q.Publication
			args = append(args, q.item.Message().ID[:], q.Ordinal, p.Channel, q.Shard, q.Seq, q.WireID, p.RoutingKey)
		}
		return args
	})
	if err != nil {
		return err
	}
	return s.table(outbox, func(args []any) []any {
		for _, q := range all {
			l, p := &q.item.Ledger, q.Publication
			args = append(args, p.Channel, q.Shard, q.Seq, q.WireID, q.item.Message().ID[:], l.OrderingKey, p.RoutingKey, p.Type, p.ContentType,
				l.Correlation, l.TraceParent, q.CreatedAt.UnixMilli(), notNull(p.Body))
		}
		return args
	})
}
