package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// What is kept for a time goes in portions. A portion is chosen by a reader, so
// that nobody who writes waits meanwhile, and removed by a transaction of a few
// statements that name the rows by their keys. Between the two nothing can have
// changed that matters: a message's deliveries are written by its own commit
// only, so one that nothing is held of any more, and whose deliveries are
// settled, stays so; and what was held and is closed is never opened again.

// maxRows is how many rows of one table a statement removes: SQL Server locks
// them one by one up to about 5,000, and past that the whole table.
const maxRows = 2000

// aged is a message that is old enough to go.
type aged struct {
	id    gateway.ID
	route string
	stays bool // something of it waits or is parked
	rows  int  // how many rows of one table it has, at most
}

// LedgerRoutes lists the routes that the ledger has messages of. It goes from
// one to the next in the index, however many messages each has.
func (s *Store) LedgerRoutes(ctx context.Context) ([]string, error) {
	var out []string
	for last := ""; ; out = append(out, last) {
		err := s.dialect.Reader().QueryRowContext(ctx, s.text.nextRoute, last).Scan(&last)
		if err == sql.ErrNoRows {
			return out, nil
		}
		if err != nil {
			return nil, s.fail("listing the ledger's routes", err)
		}
	}
}

// Purge removes a portion in one transaction.
func (s *Store) Purge(ctx context.Context, p gateway.Portion) (gateway.Purged, error) {
	p.Limit = min(p.Limit, maxRows)
	doing := "removing what is old"
	switch p.Of {
	case gateway.StockSuspects:
		return s.purgeRows(ctx, doing, p, "suspect", s.text.purgeSuspects, s.dialect.Time(p.Before))
	case gateway.StockJobs:
		return s.purgeJob(ctx, doing, p)
	case gateway.StockRelayed:
		return s.purgeRelayed(ctx, doing, p)
	case gateway.StockAudit:
		return s.purgeAudit(ctx, doing, p)
	case gateway.StockChanges:
		return s.purgeChanges(ctx, doing, p)
	}
	return s.purgeMessages(ctx, doing, p)
}

// purgeRows removes the oldest rows that belong to no message.
func (s *Store) purgeRows(ctx context.Context, doing string, p gateway.Portion, table, statement string, before any) (gateway.Purged, error) {
	out := gateway.Purged{Rows: map[string]int64{}}
	err := s.hold(ctx, &out, func(q Querier) error {
		n, err := affected(q.ExecContext(ctx, statement, before, p.Limit))
		out.Rows[table] = n
		return err
	})
	out.More = out.Rows[table] == int64(p.Limit)
	return out, s.fail(doing, err)
}

// purgeJob removes the oldest job that has ended, or a part of what it was about.
func (s *Store) purgeJob(ctx context.Context, doing string, p gateway.Portion) (gateway.Purged, error) {
	out := gateway.Purged{Rows: map[string]int64{}}
	var job gateway.ID
	err := s.dialect.Reader().QueryRowContext(ctx, s.text.endedJob, s.dialect.Time(p.Before)).Scan(scanID(&job))
	switch {
	case err == sql.ErrNoRows:
		return out, nil
	case err != nil:
		return out, s.fail(doing, err)
	}
	err = s.hold(ctx, &out, func(q Querier) error {
		items, err := affected(q.ExecContext(ctx, s.text.removeItems, job[:], p.Limit))
		out.Rows["job_item"] = items
		if err != nil || items == int64(p.Limit) {
			return err
		}
		out.Rows["job"], err = affected(q.ExecContext(ctx, s.text.removeJob, job[:]))
		return err
	})
	out.More = true
	return out, s.fail(doing, err)
}

// hold runs fn in a transaction and measures how long that takes.
func (s *Store) hold(ctx context.Context, out *gateway.Purged, fn func(q Querier) error) error {
	var began time.Time
	err := s.write(ctx, func(q Querier) error {
		began = time.Now()
		return fn(q)
	})
	if !began.IsZero() {
		out.Held = time.Since(began)
	}
	return err
}

func (s *Store) purgeMessages(ctx context.Context, doing string, p gateway.Portion) (gateway.Purged, error) {
	found, err := s.aged(ctx, p)
	if err != nil {
		return gateway.Purged{}, s.fail(doing, err)
	}
	out := gateway.Purged{Rows: map[string]int64{}, Next: p.After, More: len(found) == p.Limit}
	var going []gateway.ID
	rows, long := 0, int64(0)
	for _, m := range found {
		if m.stays || p.Spare != nil && p.Spare(m.route) {
			out.Next = m.id
			continue
		}
		if rows += max(1, m.rows); rows > maxRows && len(going) > 0 {
			out.More = true
			break
		}
		out.Next = m.id
		going = append(going, m.id)
	}
	if len(going) == 0 {
		return out, nil
	}
	if rows > maxRows && len(going) == 1 {
		if long, err = s.shorten(ctx, going[0]); err != nil {
			return out, s.fail(doing, err)
		}
	}
	err = s.hold(ctx, &out, func(q Querier) error {
		clear(out.Rows)
		if err := s.remove(ctx, q, p.Of, going, out.Rows); err != nil {
			return err
		}
		return s.auditRemoval(ctx, q, p, out.Rows)
	})
	out.Rows["attempt"] += long
	return out, s.fail(doing, err)
}

// shorten removes a long history, such as one of a message that waited for weeks,
// part by part. The message itself is about to go.
func (s *Store) shorten(ctx context.Context, id gateway.ID) (removed int64, err error) {
	for {
		var n int64
		err := s.write(ctx, func(q Querier) (err error) {
			n, err = affected(q.ExecContext(ctx, s.text.removeSomeAttempts, id[:], maxRows))
			return err
		})
		removed += n
		if err != nil || n < maxRows {
			return removed, err
		}
	}
}

// aged reads the next messages of a stock that are old enough.
func (s *Store) aged(ctx context.Context, p gateway.Portion) ([]aged, error) {
	before := firstID(p.Before)
	args := []any{p.After[:], before, p.Limit}
	var statement string
	switch p.Of {
	case gateway.StockInbox:
		statement = s.text.agedInbox
	case gateway.StockPayloads:
		statement = s.text.agedPayloads
	case gateway.StockLedger:
		statement, args = s.text.agedLedger, append(args, p.Route)
	case gateway.StockRefusals:
		statement = s.text.agedRefusals
	case gateway.StockReplayed:
		statement = s.text.agedReplayed
	case gateway.StockDiscarded:
		statement = s.text.agedDiscarded
	default:
		return nil, fmt.Errorf("there is no stock %d", p.Of)
	}
	rows, err := s.dialect.Reader().QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []aged
	for rows.Next() {
		var m aged
		if err := rows.Scan(scanID(&m.id), &m.route, &m.stays, &m.rows); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// remove deletes what a stock has of the messages. Who is on record last goes
// last: whatever ends the process, the transaction is whole or not there.
func (s *Store) remove(ctx context.Context, q Querier, of gateway.Stock, ids []gateway.ID, removed map[string]int64) error {
	list := s.dialect.Document(listOf(ids))
	if of == gateway.StockLedger || of == gateway.StockRefusals {
		if err := s.removeDiscarded(ctx, q, list, removed); err != nil {
			return err
		}
	}
	for _, table := range stockTables[of] {
		n, err := affected(q.ExecContext(ctx, s.text.removed(table), list))
		if err != nil {
			return err
		}
		removed[table] += n
		failpoint.HitFor("purge", table)
	}
	return nil
}

// stockTables are what goes of a message with each stock, in the order of locks.
var stockTables = map[gateway.Stock][]string{
	gateway.StockInbox:     {"inbox", "reply"},
	gateway.StockPayloads:  {"payload", "response", "attachment"},
	gateway.StockLedger:    {"inbox", "reply", "payload", "message_key", "attempt", "response", "attachment", "delivery", "message"},
	gateway.StockRefusals:  {"attempt", "response", "delivery", "refusal"},
	gateway.StockReplayed:  {"payload", "message_key", "attempt", "held"},
	gateway.StockDiscarded: {"payload", "message_key", "attempt", "held"},
}

// removed is the statement that deletes a table's rows of a list of messages.
func (s *statements) removed(table string) string {
	return map[string]string{
		"inbox": s.removeInbox, "reply": s.removeReply, "payload": s.removePayload, "message_key": s.removeKeys, "response": s.removeResponses,
		"attempt": s.removeAttempts, "attachment": s.removeAttachments, "delivery": s.removeDeliveries, "message": s.removeMessages, "held": s.removeHeld,
		"refusal": s.removeRefusals,
	}[table]
}

// removeDiscarded deletes what is on record of deliveries that an operator gave
// up: without their messages nobody asks for them, and there are few.
func (s *Store) removeDiscarded(ctx context.Context, q Querier, list any, removed map[string]int64) error {
	gone, err := s.places(ctx, q, s.text.agedDiscards, list)
	if err != nil {
		return err
	}
	for _, p := range gone {
		if _, err := q.ExecContext(ctx, s.text.removeDiscard, p.channel, p.shard, p.seq); err != nil {
			return err
		}
		removed["discarded"]++
	}
	return nil
}

// numbered is a place in a shard.
type numbered struct {
	stand
	seq int64
}

func (s *Store) places(ctx context.Context, q Querier, statement string, args ...any) ([]numbered, error) {
	rows, err := q.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []numbered
	for rows.Next() {
		var n numbered
		if err := rows.Scan(&n.channel, &n.shard, &n.seq); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// purgeRelayed removes the windows in which no delivery is whose message the
// ledger still has: those confirmed before its oldest message came. The last one
// of each shard stays.
func (s *Store) purgeRelayed(ctx context.Context, doing string, p gateway.Portion) (out gateway.Purged, err error) {
	defer func() { err = s.fail(doing, err) }()
	oldest, err := s.Oldest(ctx)
	if err != nil {
		return out, err
	}
	if at, ok := oldest[gateway.StockLedger]; ok && at.Add(-clockDrift).Before(p.Before) {
		p.Before = at.Add(-clockDrift)
	}
	shards, err := s.places(ctx, s.dialect.Reader(), s.text.lastRelayed)
	if err != nil {
		return out, err
	}
	out.Rows = map[string]int64{"relayed": 0}
	for _, last := range shards {
		old, err := s.agedRelayed(ctx, last, p)
		if err != nil {
			return out, err
		}
		if len(old) == 0 {
			continue
		}
		list, err := json.Marshal(old)
		if err != nil {
			return out, err
		}
		err = s.hold(ctx, &out, func(q Querier) (err error) {
			out.Rows["relayed"], err = affected(q.ExecContext(ctx, s.text.removeRelayed, last.channel, last.shard, s.dialect.Document(string(list))))
			return err
		})
		out.More = true
		return out, err
	}
	return out, nil
}

// agedRelayed lists the first windows of a shard that are old. They were
// confirmed in their order, but for those that had been parked meanwhile.
func (s *Store) agedRelayed(ctx context.Context, last numbered, p gateway.Portion) ([]int64, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.agedRelayed, last.channel, last.shard, last.seq, s.dialect.Time(p.Before), p.Limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var (
			seq int64
			old bool
		)
		if err := rows.Scan(&seq, &old); err != nil {
			return nil, err
		}
		if old {
			out = append(out, seq)
		}
	}
	return out, rows.Err()
}

// Oldest tells when the oldest rows are from.
func (s *Store) Oldest(ctx context.Context) (map[gateway.Stock]time.Time, error) {
	out := map[gateway.Stock]time.Time{}
	for stock, text := range map[gateway.Stock]string{
		gateway.StockInbox: s.text.oldestClaim, gateway.StockPayloads: s.text.oldestPayload,
		gateway.StockLedger: s.text.oldestMessage, gateway.StockRefusals: s.text.oldestRefusal,
	} {
		var id gateway.ID
		err := s.dialect.Reader().QueryRowContext(ctx, text, make([]byte, len(id))).Scan(scanID(&id))
		if err == sql.ErrNoRows {
			continue
		}
		if err != nil {
			return nil, s.fail("looking for the oldest rows", err)
		}
		out[stock] = gateway.MadeAt(id)
	}
	return out, nil
}

// listOf is identifiers as a JSON array of hexadecimal text.
func listOf(ids []gateway.ID) string {
	b := make([]byte, 0, 36*len(ids)+2)
	for i, id := range ids {
		b = append(b, "[,"[min(i, 1)], '"')
		b = hex.AppendEncode(b, id[:])
		b = append(b, '"')
	}
	return string(append(b, ']'))
}
