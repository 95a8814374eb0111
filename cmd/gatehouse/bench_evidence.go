package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/bench"
)

// benchEvidence is what was found, and where.
type benchEvidence struct{ *bench.Evidence }

// what names what was looked at.
func (e benchEvidence) what() string {
	tables := []string{"gateway.message", "inbox", "payload", "reply", "delivery", "relayed", "held"}
	for _, t := range e.Tables {
		tables = append(tables, t.Name)
	}
	return strings.Join(tables, ", ")
}

// The statements that find what the ledger has of messages.
const (
	messagesQuery = `SELECT m."identity",
		(SELECT count(*) FROM {gateway.inbox} i WHERE i.message_id = m.id), (SELECT count(*) FROM {gateway.payload} p WHERE p.message_id = m.id),
		(SELECT count(*) FROM {gateway.reply} r WHERE r.message_id = m.id), (SELECT count(*) FROM {gateway.delivery} d WHERE d.message_id = m.id)
		FROM {gateway.message} m WHERE m."identity" IN (?)`
	identitiesQuery = `SELECT "identity" FROM {gateway.message} WHERE "identity" IN (?)`
	heldQuery       = `SELECT correlation, state, code, reason FROM {gateway.held} WHERE correlation IN (?)`
)

// unsettled are those of the numbers, in order, that are neither stored nor parked.
func (l *benchLook) unsettled(ctx context.Context, t *benchTarget, numbers []int) ([]int, error) {
	settled := map[int]bool{}
	err := l.named(ctx, identitiesQuery, numbers, t.identity, func(n int, _ []string) { settled[n] = true })
	if err != nil || len(settled) == len(numbers) {
		return nil, err
	}
	err = l.named(ctx, heldQuery, numbers, t.correlation, func(n int, fields []string) {
		if fields[0] != "waiting" {
			settled[n] = true
		}
	})
	var left []int
	for _, n := range numbers {
		if !settled[n] {
			left = append(left, n)
		}
	}
	return left, err
}

func (t *benchTarget) identity(n int) any    { return t.messages.identity(n) }
func (t *benchTarget) correlation(n int) any { return correlationOf(n, t.messages.identity(n)) }

// evidence reads what is stored of the messages up to number, and what shards
// have drawn since before.
func (l *benchLook) evidence(ctx context.Context, t *benchTarget, messages int, before shardNumbers) (benchEvidence, error) {
	checks := t.messages.checks()
	e := benchEvidence{&bench.Evidence{
		Stored: make([]bench.Stored, messages), Deliveries: t.messages.deliveries(), Replies: !t.oneWay(),
	}}
	for _, c := range checks {
		e.Tables = append(e.Tables, bench.Table{Name: c.name, Want: c.want})
	}
	for i := range e.Stored {
		e.Stored[i].Rows = make([]int, len(checks))
	}
	for from := 0; from < messages; from += chunk {
		var numbers []int
		for n := from; n < min(from+chunk, messages); n++ {
			numbers = append(numbers, n)
		}
		if err := l.chunk(ctx, t, e, checks, numbers); err != nil {
			return e, err
		}
	}
	var err error
	if e.Shards, err = l.drawn(ctx, before); err != nil {
		return e, err
	}
	e.Damage, err = l.damage(ctx)
	return e, err
}

// chunk reads what is stored of a few messages.
func (l *benchLook) chunk(ctx context.Context, t *benchTarget, e benchEvidence, checks []tableCheck, numbers []int) error {
	err := l.named(ctx, messagesQuery, numbers, t.identity, func(n int, fields []string) {
		s := &e.Stored[n]
		s.Messages++
		s.Claims += counted(fields[0])
		s.Payloads += counted(fields[1])
		s.Replies += counted(fields[2])
		s.Deliveries += counted(fields[3])
	})
	if err != nil {
		return err
	}
	err = l.named(ctx, heldQuery, numbers, t.correlation, func(n int, fields []string) {
		s := &e.Stored[n]
		if fields[0] == "waiting" {
			s.Waiting++
		} else {
			s.Parked++
		}
		s.Reason = fields[1] + " " + fields[2]
	})
	for i, c := range checks {
		if err != nil {
			return err
		}
		err = l.named(ctx, c.query, numbers, c.key, func(n int, fields []string) { e.Stored[n].Rows[i] += counted(fields[0]) })
	}
	return err
}

// drawn reads what became of the numbers that shards have drawn since before.
func (l *benchLook) drawn(ctx context.Context, before shardNumbers) (out []bench.Shard, err error) {
	now, err := l.shards(ctx)
	if err != nil {
		return nil, err
	}
	for name, next := range now {
		first, begun := before[name]
		if first == next {
			continue
		}
		if !begun {
			first = firstNumber
		}
		s := bench.Shard{Channel: name.channel, Shard: name.shard, Drawn: next - first}
		for query, to := range map[string]*int64{
			`SELECT count(*) FROM {gateway.delivery} WHERE channel = $1 AND shard = $2 AND seq >= $3 AND seq < $4 `:            &s.Found,
			`SELECT count(DISTINCT seq) FROM {gateway.delivery} WHERE channel = $1 AND shard = $2 AND seq >= $3 AND seq < $4 `: &s.Numbers,
			`SELECT count(*) FROM {gateway.outbox} WHERE channel = $1 AND shard = $2 AND seq >= $3 AND seq < $4 `:              &s.Left,
			`SELECT count(*) FROM {gateway.parked} WHERE channel = $1 AND shard = $2 AND seq >= $3 AND seq < $4 `:              &s.Parked,
			`SELECT sum(CASE WHEN last_seq < $4 THEN last_seq ELSE $4 - 1 END - CASE WHEN first_seq > $3 THEN first_seq ELSE $3 END + 1)
				FROM {gateway.relayed} WHERE channel = $1 AND shard = $2 AND last_seq >= $3 AND first_seq < $4 `: &s.Confirmed,
		} {
			if *to, err = l.count(ctx, query, name.channel, name.shard, first, next); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// firstNumber is the first that a shard draws.
const firstNumber = 1

// damage is what SQLite says of its file. Servers look after theirs.
func (l *benchLook) damage(ctx context.Context) (said []string, err error) {
	if l.sqlserver {
		return nil, nil
	}
	note := func(fields []string) {
		if fields[0] != "ok" {
			said = append(said, fields[0])
		}
	}
	if err := l.each(ctx, `PRAGMA integrity_check`, nil, note); err != nil {
		return nil, err
	}
	err = l.each(ctx, `SELECT "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check`, nil, note)
	if err != nil {
		return nil, fmt.Errorf("looking for broken references: %w", err)
	}
	return said, nil
}
