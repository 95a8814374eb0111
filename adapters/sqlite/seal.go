package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The statements of the ledger. They are constants, so that a lane prepares
// them once.
const (
	knownText = `SELECT i.message_id, i.body, coalesce(m.outcome, ''), r.body FROM "gateway.inbox" AS i
		LEFT JOIN "gateway.message" AS m ON m.id = i.message_id
		LEFT JOIN "gateway.reply" AS r ON r.message_id = i.message_id
		WHERE i.claim = ?1`
	claimText   = `INSERT INTO "gateway.inbox" (claim, body, message_id) VALUES (?1, ?2, ?3) ON CONFLICT (claim) DO NOTHING`
	messageText = `INSERT INTO "gateway.message" (id, received_at, route, endpoint, mapping, contract, principal, sender, "identity", body,
		content_type, ordering_key, traceparent, correlation, outcome, replay_of)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`
	payloadText  = `INSERT INTO "gateway.payload" (message_id, packing, body) VALUES (?1, ?2, ?3)`
	keyText      = `INSERT OR IGNORE INTO "gateway.message_key" (value, message_id, name) VALUES (?1, ?2, ?3)`
	replyText    = `INSERT INTO "gateway.reply" (message_id, body) VALUES (?1, ?2)`
	numberText   = `UPDATE "gateway.shard" SET next_seq = next_seq + ?3 WHERE channel = ?1 AND shard = ?2 RETURNING next_seq`
	deliveryText = `INSERT INTO "gateway.delivery" (message_id, ordinal, channel, shard, seq, wire_id, routing_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`
	outboxText   = `INSERT INTO "gateway.outbox" (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type,
		correlation, traceparent, created_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`
	followText = `UPDATE "gateway.chain" SET seq = seq + 1 WHERE chain = ?1 RETURNING seq, head`
	batchText  = `INSERT INTO "gateway.audit" (chain, seq, at, kind, content, previous, hash) VALUES (?1, ?2, ?3, 'batch', ?4, ?5, ?6)`
	headText   = `UPDATE "gateway.chain" SET head = ?2 WHERE chain = ?1`
)

// claim enters an item in the inbox, or settles one that the inbox knows.
func claim(s *session, it *sqlstore.Item) (known bool, err error) {
	m := it.Message()
	done, err := s.exec(context.Background(), claimText, it.Claim[:], m.Body[:], m.ID[:])
	if err != nil {
		return false, err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return false, err
	}
	row, found, err := s.row(knownText, it.Claim[:])
	if err != nil {
		return false, err
	}
	if !found {
		return false, errUnclaimed
	}
	reply, _ := row[3].([]byte)
	it.Known(gateway.ID(row[0].([]byte)), gateway.Digest(row[1].([]byte)), row[2] == gateway.Superseded.String(), reply)
	return true, nil
}

var errUnclaimed = errors.New("the inbox neither took a claim nor has it")

// seal writes the ledger and the outbox of what an attempt stores.
func seal(s *session, items []*sqlstore.Item) error {
	for _, it := range items {
		if !it.Sealable() {
			continue
		}
		if err := record(s, it); err != nil {
			return err
		}
	}
	if err := enqueue(s, items); err != nil {
		return err
	}
	return chain(s, items)
}

// lane is the only one.
const lane = 0

// chain appends what the transaction took to the audit trail.
func chain(s *session, items []*sqlstore.Item) error {
	e := gateway.AuditEntry{Chain: gateway.LaneChain(lane), Kind: gateway.AuditBatch, Content: sqlstore.Batch(items)}
	if len(e.Content) == 0 {
		return nil
	}
	row, found, err := s.row(followText, e.Chain)
	if err != nil {
		return err
	}
	if !found {
		return sqlstore.UnknownChain(e.Chain)
	}
	e.Seq = row[0].(int64)
	if err := e.Previous.UnmarshalText([]byte(row[1].(string))); err != nil {
		return err
	}
	e.At = items[0].Now()
	e.Hash = e.Link()
	if err := s.do(batchText, e.Chain, e.Seq, e.At.UnixMilli(), e.Content, e.Previous.String(), e.Hash.String()); err != nil {
		return err
	}
	return s.do(headText, e.Chain, e.Hash.String())
}

func record(s *session, it *sqlstore.Item) error {
	l := &it.Ledger
	m := it.Message()
	err := s.do(messageText, m.ID[:], m.ReceivedAt.UnixMilli(), l.Route, l.Endpoint, l.Mapping, m.Contract[:], l.Principal, l.Sender, l.Identity,
		m.Body[:], l.ContentType, l.OrderingKey, l.TraceParent, l.Correlation, it.Outcome.Status.String(), l.ReplayOf)
	if err != nil {
		return err
	}
	if err := contents(s, it); err != nil || it.Reply == nil {
		return err
	}
	return s.do(replyText, m.ID[:], it.KeptReply())
}

// contents writes the payload and the business keys.
func contents(s *session, it *sqlstore.Item) error {
	m := it.Message()
	if err := s.do(payloadText, m.ID[:], int(it.Packing), notNull(it.Payload)); err != nil {
		return err
	}
	for _, k := range it.Ledger.Keys {
		if err := s.do(keyText, k.Value, m.ID[:], k.Name); err != nil {
			return err
		}
	}
	return nil
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
	for len(all) > 0 {
		first := all[0]
		n := slices.IndexFunc(all, func(q queued) bool {
			return q.Publication.Channel != first.Publication.Channel || q.Shard != first.Shard
		})
		if n < 0 {
			n = len(all)
		}
		if err := number(s, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func number(s *session, batch []queued) error {
	channel, shard := batch[0].Publication.Channel, batch[0].Shard
	row, found, err := s.row(numberText, channel, shard, len(batch))
	if err != nil {
		return err
	}
	if !found {
		return sqlstore.UnknownShard(channel, shard)
	}
	next := row[0].(int64)
	for i, q := range batch {
		if err := q.insert(s, next-int64(len(batch)-i)); err != nil {
			return err
		}
	}
	return nil
}

func (q queued) insert(s *session, seq int64) error {
	l, p, id := &q.item.Ledger, q.Publication, q.item.Message().ID
	err := s.do(deliveryText, id[:], q.Ordinal, p.Channel, q.Shard, seq, q.WireID, p.RoutingKey)
	if err != nil {
		return err
	}
	return s.do(outboxText, p.Channel, q.Shard, seq, q.WireID, id[:], l.OrderingKey, p.RoutingKey, p.Type, p.ContentType,
		l.Correlation, l.TraceParent, q.item.Now().UnixMilli(), notNull(p.Body))
}
