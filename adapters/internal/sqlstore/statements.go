package sqlstore

import (
	"reflect"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// statements are the texts that both dialects share, translated once.
type statements struct {
	ping string

	openShard string

	takeLease, openLease, readLease, holdLease string
	pending                                    string
	confirm, relayed                           string
	readParked, parkOne, parkBehind, unqueue   string
	refuse                                     string
	message, payload, reply, keys, deliveries  string
	refusal                                    string

	due, asleep, wake, held, heldState, heldRecord     string
	parkMessage, discardMessage, exists, note, history string
	countWaiting, countParked, countOutbox, countStuck string

	standsOf, waitingOf, parkedOf, parkedAmong               string
	lockLease, released, discardOne                          string
	requeueOne, requeueBehind, unparkOne, unparkBehind       string
	suspectAgain, suspectFirst, suspectTries, suspectCleared string

	startJob, job, jobs, jobsOf, jobItems, countItems, routeOf string
	settleItem, nextItem, settleJob, turnJob, reopen           string

	versionTable, applied, record, unrecord string
}

const outboxColumns = `channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body`

const jobColumns = `id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position`

// seqsOfKey leads from an ordering key to its deliveries in two steps, because
// SQLite would rather read the whole shard than leave its primary key.
const seqsOfKey = `(SELECT k.seq FROM {outbox} AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key =`

// parkedBehind leads from a head and its ordering key to what is parked behind it.
const parkedBehind = `channel = @p1 AND shard = @p2 AND behind = @p3
	AND seq IN (SELECT k.seq FROM {parked} AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p4)`

// whole is a held message with its payload.
const whole = `h.id, h.received_at, h.route, h.endpoint, h.mapping, h.contract, h.principal, h.login, h.sender, h."identity", h.body, h.content_type,
	h.ordering_key, h.traceparent, h.correlation, h.origin, h.properties, h.state, h.code, h.reason, h.attempts, h.next_at, h.until_at, h.closed_by, p.packing, p.body
	FROM {held} AS h LEFT JOIN {payload} AS p ON p.message_id = h.id`

// first says that no message of its route and ordering key waits before h.
const first = `NOT EXISTS (SELECT 1 FROM {held} AS o WHERE o.state = 'waiting' AND o.route = h.route AND o.ordering_key = h.ordering_key AND o.id < h.id)`

// Statements returns every shared statement by name, in a dialect's words, for
// tests that look at all of them.
func Statements(text func(string) string) map[string]string {
	v := reflect.ValueOf(translate(text))
	out := map[string]string{}
	for i := range v.NumField() {
		out[v.Type().Field(i).Name] = v.Field(i).String()
	}
	for name, l := range listings() {
		out["list "+name] = text(l.statement())
	}
	for name, statement := range selections() {
		out["lot "+name] = text(statement)
	}
	return out
}

// listings has one for each way to narrow a list down.
func listings() map[string]*listing {
	at := time.Unix(1, 0)
	same := func(t time.Time) any { return t }
	out := map[string]*listing{}
	for name, q := range map[string]gateway.Query{
		"all": {}, "key": {Key: "k"}, "identity": {Identity: "i"}, "sender": {Sender: "s"}, "route": {Route: "r"},
		"span": {Since: at, Until: at}, "before": {Before: gateway.ID{1}}, "superseded": {Outcome: gateway.Superseded.String()},
		"page of a key": {Key: "k", Before: gateway.ID{1}}, "span of a route": {Route: "r", Since: at, Until: at},
	} {
		out[name] = messageListing(q, same)
		if q.Outcome != "" {
			q.Outcome = Parked
		}
		out["held: "+name] = heldListing(q, same)
		if q.Key == "" && q.Identity == "" && q.Sender == "" && q.Outcome == "" {
			out["refusals: "+name] = refusalListing(q, same)
		}
	}
	return out
}

func translate(text func(string) string) statements {
	return statements{
		ping: text(`SELECT COUNT(*) FROM {lease} WHERE fence < 0`),

		openShard: text(`INSERT INTO {shard} (channel, shard, next_seq)
			SELECT @p1, @p2, 1 WHERE NOT EXISTS (SELECT 1 FROM {shard} {lock} WHERE channel = @p1 AND shard = @p2)`),

		takeLease: text(`UPDATE {lease} SET fence = fence + CASE WHEN owner = @p3 AND until > {now @p4} THEN 0 ELSE 1 END,
			owner = @p3, until = {later @p4 @p5}
			WHERE channel = @p1 AND shard = @p2 AND (owner = @p3 OR until <= {now @p4})`),
		openLease: text(`INSERT INTO {lease} (channel, shard, owner, until, fence)
			SELECT @p1, @p2, @p3, {later @p4 @p5}, 1
			WHERE NOT EXISTS (SELECT 1 FROM {lease} {lock} WHERE channel = @p1 AND shard = @p2)`),
		readLease: text(`SELECT fence FROM {lease} WHERE channel = @p1 AND shard = @p2 AND owner = @p3`),
		holdLease: text(`UPDATE {lease} SET fence = fence WHERE channel = @p1 AND shard = @p2 AND owner = @p3 AND fence = @p4`),

		pending: text(`SELECT {top @p4} ` + outboxColumns + `,
			(SELECT s.releases FROM {shard} AS s WHERE s.channel = @p1 AND s.shard = @p2) FROM {outbox} AS o
			WHERE o.channel = @p1 AND o.shard = @p2 AND o.seq > @p3
			AND NOT EXISTS (SELECT 1 FROM {parked} AS p WHERE p.channel = o.channel AND p.shard = o.shard AND p.ordering_key = o.ordering_key AND p.seq < o.seq)
			ORDER BY o.seq {limit @p4}`),
		confirm: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq IN {each @p3}`),
		relayed: text(`INSERT INTO {relayed} (channel, shard, first_seq, last_seq, confirmed_at, fence)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6
			WHERE NOT EXISTS (SELECT 1 FROM {relayed} {lock} WHERE channel = @p1 AND shard = @p2 AND first_seq = @p3)`),

		readParked: text(`SELECT ordering_key FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		parkOne: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at, cause)
			SELECT ` + outboxColumns + `, NULL, @p4, @p5, @p6, @p7, @p8 FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		parkBehind: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at, cause)
			SELECT ` + outboxColumns + `, @p3, @p4, @p5, 0, @p6, @p8 FROM {outbox}
			WHERE channel = @p1 AND shard = @p2 AND seq > @p3 AND seq IN ` + seqsOfKey + ` @p7)`),
		unqueue: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq >= @p4 AND seq IN ` + seqsOfKey + ` @p3)`),

		refuse: text(`INSERT INTO {refusal} (id, at, endpoint, route, principal, code, reason, remote, times)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9
			WHERE NOT EXISTS (SELECT 1 FROM {refusal} {lock} WHERE id = @p1)`),

		message: text(`SELECT ` + summaryColumns + `, endpoint, mapping, contract, traceparent, correlation, content_type, replay_of FROM {message} WHERE id = @p1`),
		payload: text(`SELECT packing, body FROM {payload} WHERE message_id = @p1`),
		reply:   text(`SELECT body FROM {reply} WHERE message_id = @p1`),
		keys:    text(`SELECT name, value FROM {message_key} WHERE message_id = @p1 ORDER BY name, value`),
		deliveries: text(`SELECT d.channel, d.shard, d.seq, d.wire_id, d.routing_key, p.reason, g.discarded_by,
			(SELECT {top 1} CASE WHEN r.last_seq >= d.seq THEN r.confirmed_at END FROM {relayed} AS r
				WHERE r.channel = d.channel AND r.shard = d.shard AND r.first_seq <= d.seq ORDER BY r.first_seq DESC {limit 1})
			FROM {delivery} AS d LEFT JOIN {parked} AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			LEFT JOIN {discarded} AS g ON g.channel = d.channel AND g.shard = d.shard AND g.seq = d.seq
			WHERE d.message_id = @p1 ORDER BY d.ordinal`),
		refusal: text(`SELECT ` + refusalColumns + ` FROM {refusal} WHERE id = @p1`),

		due: text(`SELECT {top @p2} ` + whole + ` WHERE h.state = 'waiting' AND h.next_at <= @p1 AND ` + first + `
			ORDER BY h.next_at, h.id {limit @p2}`),
		asleep: text(`SELECT {top @p1} h.route, h.ordering_key FROM {held} AS h WHERE h.state = 'waiting' AND h.next_at IS NULL AND ` + first + ` {limit @p1}`),
		wake: text(`UPDATE {held} SET next_at = @p3 WHERE state = 'waiting' AND next_at IS NULL AND id = (SELECT {top 1} o.id FROM {held} AS o
			WHERE o.state = 'waiting' AND o.route = @p1 AND o.ordering_key = @p2 ORDER BY o.id {limit 1})`),
		held:       text(`SELECT ` + whole + ` WHERE h.id = @p1`),
		heldState:  text(`SELECT state, route, ordering_key FROM {held} WHERE id = @p1`),
		heldRecord: text(`SELECT ` + heldColumns + `, endpoint, mapping, contract, traceparent, correlation, content_type FROM {held} WHERE id = @p1`),
		parkMessage: text(`UPDATE {held} SET state = 'parked', next_at = NULL, until_at = NULL, reason = CASE WHEN code = '' THEN @p2 ELSE reason END,
			cause = CASE WHEN code = '' THEN @p3 ELSE cause END
			WHERE id = @p1 AND state = 'waiting'`),
		discardMessage: text(`UPDATE {held} SET state = 'discarded', next_at = NULL, until_at = NULL, closed_by = @p2
			WHERE id = @p1 AND state IN ('waiting', 'parked')`),
		exists:       text(`SELECT COUNT(*) FROM {message} WHERE id = @p1`),
		note:         text(`INSERT INTO {attempt} (message_id, id, at, what, done_by, code, reason) VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7)`),
		history:      text(`SELECT at, what, done_by, code, reason FROM {attempt} WHERE message_id = @p1 ORDER BY id`),
		countWaiting: text(`SELECT route, COUNT(*) FROM {held} WHERE state = 'waiting' GROUP BY route`),
		countParked:  text(`SELECT route, COUNT(*) FROM {held} WHERE state = 'parked' GROUP BY route`),
		countOutbox:  text(`SELECT channel, COUNT(*) FROM {outbox} GROUP BY channel`),
		countStuck:   text(`SELECT channel, COUNT(*) FROM {parked} GROUP BY channel`),

		standsOf: text(`SELECT DISTINCT channel, shard FROM {delivery} WHERE message_id = @p1 ORDER BY channel, shard`),
		waitingOf: text(`SELECT o.seq, o.ordering_key, 0, NULL FROM {delivery} AS d
			INNER JOIN {outbox} AS o ON o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.shard = @p3 ORDER BY d.ordinal`),
		parkedOf: text(`SELECT p.seq, p.ordering_key, coalesce(p.behind, 0), b.message_id FROM {delivery} AS d
			INNER JOIN {parked} AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			LEFT JOIN {parked} AS b ON b.channel = p.channel AND b.shard = p.shard AND b.seq = p.behind
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.shard = @p3 ORDER BY d.ordinal`),
		parkedAmong: text(`SELECT seq, ordering_key FROM {parked} WHERE channel = @p1 AND shard = @p2 AND seq IN {each @p3}`),
		lockLease:   text(`UPDATE {lease} SET fence = fence WHERE channel = @p1 AND shard = @p2`),
		released:    text(`UPDATE {shard} SET releases = releases + @p3 WHERE channel = @p1 AND shard = @p2`),
		discardOne:  text(`INSERT INTO {discarded} (channel, shard, seq, discarded_at, discarded_by) VALUES (@p1, @p2, @p3, @p4, @p5)`),
		requeueOne: text(`INSERT INTO {outbox} (` + outboxColumns + `)
			SELECT ` + outboxColumns + ` FROM {parked} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		requeueBehind: text(`INSERT INTO {outbox} (` + outboxColumns + `)
			SELECT ` + outboxColumns + ` FROM {parked} WHERE ` + parkedBehind),
		unparkOne:    text(`DELETE FROM {parked} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		unparkBehind: text(`DELETE FROM {parked} WHERE ` + parkedBehind),

		suspectAgain: text(`UPDATE {suspect} SET tries = tries + 1, at = @p2 WHERE origin = @p1`),
		suspectFirst: text(`INSERT INTO {suspect} (origin, tries, at)
			SELECT @p1, 1, @p2 WHERE NOT EXISTS (SELECT 1 FROM {suspect} {lock} WHERE origin = @p1)`),
		suspectTries:   text(`SELECT tries FROM {suspect} WHERE origin = @p1`),
		suspectCleared: text(`DELETE FROM {suspect} WHERE origin = @p1`),

		routeOf: text(`SELECT route FROM {message} WHERE id = @p1`),
		startJob: text(`INSERT INTO {job} (` + jobColumns + `)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p7, @p8, @p9, '', 0, 0, 0, 0, 0, '', @p10)`),
		job:        text(`SELECT ` + jobColumns + ` FROM {job} WHERE id = @p1`),
		jobs:       text(`SELECT {top @p1} ` + jobColumns + ` FROM {job} ORDER BY id DESC {limit @p1}`),
		jobsOf:     text(`SELECT {top @p2} ` + jobColumns + ` FROM {job} WHERE state = @p1 ORDER BY id DESC {limit @p2}`),
		countItems: text(`UPDATE {job} SET total = (SELECT COUNT(*) FROM {job_item} WHERE job_id = @p1) WHERE id = @p1`),
		jobItems: text(`SELECT {top @p2} i.message_id FROM {job_item} AS i WHERE i.job_id = @p1 AND i.state = 'open'
			AND i.message_id >= (SELECT j.position FROM {job} AS j WHERE j.id = @p1) ORDER BY i.message_id {limit @p2}`),
		settleItem: text(`UPDATE {job_item} SET state = @p3, code = @p4 WHERE job_id = @p1 AND message_id = @p2 AND state = 'open'`),
		nextItem: text(`SELECT {top 1} i.message_id FROM {job_item} AS i WHERE i.job_id = @p1 AND i.state = 'open'
			AND i.message_id >= (SELECT j.position FROM {job} AS j WHERE j.id = @p1) ORDER BY i.message_id {limit 1}`),
		settleJob: text(`UPDATE {job} SET succeeded = succeeded + @p2, refused = refused + @p3, gone = gone + @p4, streak = @p5, streak_cause = @p6,
			position = @p7, changed_at = @p9, state = CASE WHEN @p8 = 1 AND state <> 'cancelled' THEN 'done' ELSE state END WHERE id = @p1`),
		turnJob: text(`UPDATE {job} SET state = @p2, note = @p3, changed_at = @p4, streak = CASE WHEN @p2 = 'running' THEN 0 ELSE streak END,
			refused = CASE WHEN @p2 = 'running' THEN 0 ELSE refused END, position = CASE WHEN @p2 = 'running' THEN @p5 ELSE position END
			WHERE id = @p1 AND state <> @p2 AND state IN ('running', 'paused')`),
		reopen: text(`UPDATE {job_item} SET state = 'open', code = '' WHERE job_id = @p1 AND state = 'refused'`),

		versionTable: text(`{exists migration}`),
		applied:      text(`SELECT version, checksum, applied_at FROM {migration} WHERE name = @p1 ORDER BY version DESC`),
		record:       text(`INSERT INTO {migration} (name, version, checksum, applied_at) VALUES (@p1, @p2, @p3, @p4)`),
		unrecord:     text(`DELETE FROM {migration} WHERE name = @p1 AND version = @p2`),
	}
}
