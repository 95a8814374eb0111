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

	postShard, postSeq, postWaiting, postDelivery, postOutbox string

	takeLease, openLease, readLease, holdLease string
	standing, pending                          string
	confirm, confirmRun, relayed               string
	readParked, parkOne, parkBehind, unqueue   string
	skipOne, unqueueOne                        string
	respondAgain, respondFirst                 string
	refuse                                     string
	message, payload, reply, keys, deliveries  string
	refusal, recount                           string

	due, asleep, wake, held, heldState, heldRecord     string
	parkMessage, discardMessage, exists, note, history string
	countWaiting, countParked, countOutbox, countStuck string

	standsOf, waitingOf, parkedOf, parkedAmong               string
	lockLease, released, discardOne                          string
	requeueOne, requeueBehind, unparkOne, unparkBehind       string
	suspectAgain, suspectFirst, suspectTries, suspectCleared string

	nextRoute                                                                      string
	agedInbox, agedPayloads, agedLedger, agedRefusals, agedReplayed, agedDiscarded string
	agedDiscards, agedRelayed, lastRelayed                                         string
	oldestClaim, oldestPayload, oldestMessage, oldestRefusal                       string
	removeInbox, removeReply, removePayload, removeKeys                            string
	removeAttempts, removeDeliveries, removeMessages, removeHeld, removeResponses  string
	removeRefusals                                                                 string
	removeAttachments, attachments, attached                                       string
	subject, lockHeld, unsettled, mentions                                         string
	eraseHeld, eraseMessage, eraseDeliveries, eraseHistory, eraseRefusals          string
	removeDiscard, removeRelayed, removeSomeAttempts, purgeSuspects                string
	startJob, job, jobs, jobsOf, jobItems, countItems, routeOf                     string
	settleItem, nextItem, settleJob, turnJob, reopen                               string
	endedJob, removeItems, removeJob                                               string

	openChain, lockChain, chainHead, moveHead, chainHeads, appendAct                    string
	auditEntries, lastAudit, auditStored, auditHeld, auditPayloads                      string
	auditActs, auditCount, auditRepeat, eraseReasons, agedAudit, removeAudit, nextChain string
	chainSeqs, changes, entriesOf, keptFrom, keptSince, agedChanges, removeChanges      string
	forgetChanges, forgetFirst                                                          string
	notings, addNoting, turnsAmong, turnsBefore, removeTurns, turnChain, addTurn        string
	sighted, beginSighting, goOn, ownVersions, passVersions, noteSeen                   string
	sealingKeys, addSealingKey, removeSealingKeys                                       string
	openQuota, holdQuota, quota, drawQuota, oldQuotas                                   string
	usage                                                                               string

	versionTable, applied, record, unrecord string
}

const outboxColumns = `channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body`

const jobColumns = `id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position`

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

// unsettled says that a delivery of the message x waits or is parked.
func unsettled(x string) string {
	const place = `.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq`
	return `EXISTS (SELECT 1 FROM {delivery} AS d WHERE d.message_id = ` + x + `
		AND (EXISTS (SELECT 1 FROM {outbox} AS o WHERE o` + place + `) OR EXISTS (SELECT 1 FROM {parked} AS o WHERE o` + place + `)))`
}

// extent is how many rows the message x has in the table it has most of them in.
func extent(x string) string {
	count := func(table string) string {
		return `(SELECT COUNT(*) FROM {` + table + `} AS c WHERE c.message_id = ` + x + `)`
	}
	return count("message_key") + " + " + count("attempt") + " + " + count("delivery") + " + " + count("attachment")
}

// agedHeld are the messages that were held and are closed in one way, with no
// line of their history after @p2.
func agedHeld(state string) string {
	return `SELECT {top @p3} h.id, h.route, CASE WHEN EXISTS (SELECT 1 FROM {attempt} AS a WHERE a.message_id = h.id AND a.id >= @p2) THEN 1 ELSE 0 END, ` + extent("h.id") + `
		FROM {held} AS h WHERE h.state = '` + state + `' AND h.id > @p1 AND h.id < @p2 ORDER BY h.id {limit @p3}`
}

func translate(text func(string) string) statements {
	oldest := func(table, id string) string {
		return text(`SELECT {top 1} ` + id + ` FROM {` + table + `} WHERE ` + id + ` > @p1 ORDER BY ` + id + ` {limit 1}`)
	}
	remove := func(table, id string) string {
		return text(`DELETE FROM {` + table + `} {rows} WHERE ` + id + ` IN {ids @p1}`)
	}
	return statements{
		subject: text(`SELECT {top @p4} k.message_id FROM {message_key} AS k WHERE k.value = @p1 AND k.message_id > @p2 AND k.name = @p3
			ORDER BY k.message_id {limit @p4}`),
		lockHeld:        text(`UPDATE {held} SET attempts = attempts WHERE id = @p1`),
		unsettled:       text(`SELECT COUNT(*) FROM {message} AS m WHERE m.id = @p1 AND ` + unsettled("m.id")),
		mentions:        text(`SELECT {top @p2} id, route, reason FROM {refusal} WHERE id > @p1 ORDER BY id {limit @p2}`),
		eraseHeld:       text(`UPDATE {held} SET "identity" = '', ordering_key = '', correlation = '', properties = '{}', reason = '', login = '' WHERE id = @p1`),
		eraseMessage:    text(`UPDATE {message} SET "identity" = '', ordering_key = '', correlation = '' WHERE id = @p1`),
		eraseDeliveries: text(`UPDATE {delivery} SET routing_key = '' WHERE message_id = @p1`),
		eraseHistory:    text(`UPDATE {attempt} SET reason = '' WHERE message_id = @p1`),
		eraseRefusals:   text(`UPDATE {refusal} SET reason = @p2 WHERE id IN {ids @p1}`),

		nextRoute: text(`SELECT {top 1} route FROM {message} WHERE route > @p1 ORDER BY route {limit 1}`),
		agedInbox: text(`SELECT {top @p3} i.message_id, coalesce(m.route, ''), CASE WHEN ` + unsettled("i.message_id") + ` THEN 1 ELSE 0 END, 1
			FROM {inbox} AS i LEFT JOIN {message} AS m ON m.id = i.message_id
			WHERE i.message_id > @p1 AND i.message_id < @p2 ORDER BY i.message_id {limit @p3}`),
		agedPayloads: text(`SELECT {top @p3} p.message_id, coalesce(m.route, ''), CASE WHEN m.id IS NULL OR ` + unsettled("p.message_id") + ` THEN 1 ELSE 0 END,
			(SELECT COUNT(*) FROM {attachment} AS a WHERE a.message_id = p.message_id)
			FROM {payload} AS p LEFT JOIN {message} AS m ON m.id = p.message_id
			WHERE p.message_id > @p1 AND p.message_id < @p2 ORDER BY p.message_id {limit @p3}`),
		agedLedger: text(`SELECT {top @p3} m.id, m.route, CASE WHEN ` + unsettled("m.id") + ` THEN 1 ELSE 0 END, ` + extent("m.id") + `
			FROM {message} AS m WHERE m.route = @p4 AND m.id > @p1 AND m.id < @p2 ORDER BY m.id {limit @p3}`),
		agedRefusals: text(`SELECT {top @p3} r.id, r.route, CASE WHEN ` + unsettled("r.id") + ` THEN 1 ELSE 0 END, 1
			FROM {refusal} AS r WHERE r.id > @p1 AND r.id < @p2 ORDER BY r.id {limit @p3}`),
		agedReplayed:  text(agedHeld(Replayed)),
		agedDiscarded: text(agedHeld(Discarded)),
		agedDiscards: text(`SELECT g.channel, g.shard, g.seq FROM {delivery} AS d
			INNER JOIN {discarded} AS g ON g.channel = d.channel AND g.shard = d.shard AND g.seq = d.seq WHERE d.message_id IN {ids @p1}`),
		agedRelayed: text(`SELECT {top @p5} first_seq, CASE WHEN confirmed_at < @p4 THEN 1 ELSE 0 END FROM {relayed}
			WHERE channel = @p1 AND shard = @p2 AND first_seq < @p3 ORDER BY first_seq {limit @p5}`),
		lastRelayed: text(`SELECT s.channel, s.shard, (SELECT {top 1} r.first_seq FROM {relayed} AS r WHERE r.channel = s.channel AND r.shard = s.shard
			ORDER BY r.first_seq DESC {limit 1}) FROM {shard} AS s WHERE EXISTS (SELECT 1 FROM {relayed} AS r WHERE r.channel = s.channel AND r.shard = s.shard)`),
		oldestClaim:       oldest("inbox", "message_id"),
		oldestPayload:     oldest("payload", "message_id"),
		oldestMessage:     oldest("message", "id"),
		oldestRefusal:     oldest("refusal", "id"),
		removeInbox:       remove("inbox", "message_id"),
		removeReply:       remove("reply", "message_id"),
		removePayload:     remove("payload", "message_id"),
		removeKeys:        remove("message_key", "message_id"),
		removeAttempts:    remove("attempt", "message_id"),
		removeDeliveries:  remove("delivery", "message_id"),
		removeResponses:   remove("response", "message_id"),
		removeAttachments: remove("attachment", "message_id"),
		attachments:       text(`SELECT part, content_id, media_type, size, sha256 FROM {attachment} WHERE message_id = @p1 ORDER BY part`),
		attached:          text(`SELECT DISTINCT sha256 FROM {attachment} WHERE sha256 IN {hashes @p1}`),
		removeMessages:    remove("message", "id"),
		removeHeld:        remove("held", "id"),
		removeRefusals:    remove("refusal", "id"),
		removeSomeAttempts: text(`DELETE FROM {attempt} {rows} WHERE message_id = @p1
			AND id IN (SELECT {top @p2} a.id FROM {attempt} AS a WHERE a.message_id = @p1 ORDER BY a.id {limit @p2})`),
		removeDiscard: text(`DELETE FROM {discarded} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		removeRelayed: text(`DELETE FROM {relayed} {rows} WHERE channel = @p1 AND shard = @p2 AND first_seq IN {each @p3}`),
		purgeSuspects: text(`DELETE FROM {suspect} {rows} WHERE origin IN (SELECT {top @p2} s.origin FROM {suspect} AS s WHERE s.at < @p1 ORDER BY s.at {limit @p2})`),

		endedJob: text(`SELECT {top 1} id FROM {job} WHERE state IN ('done', 'cancelled') AND changed_at < @p1 ORDER BY state, id {limit 1}`),
		removeItems: text(`DELETE FROM {job_item} {rows} WHERE job_id = @p1
			AND message_id IN (SELECT {top @p2} i.message_id FROM {job_item} AS i WHERE i.job_id = @p1 ORDER BY i.message_id {limit @p2})`),
		removeJob: text(`DELETE FROM {job} WHERE id = @p1`),

		ping: text(`SELECT COUNT(*) FROM {lease} WHERE fence < 0`),

		openShard: text(`INSERT INTO {shard} (channel, shard, next_seq)
			SELECT @p1, @p2, 1 WHERE NOT EXISTS (SELECT 1 FROM {shard} {lock} WHERE channel = @p1 AND shard = @p2)`),

		postShard: text(`UPDATE {shard} SET next_seq = next_seq + @p3 WHERE channel = @p1 AND shard = @p2`),
		postSeq:   text(`SELECT next_seq FROM {shard} WHERE channel = @p1 AND shard = @p2`),
		postWaiting: text(`SELECT COUNT(*) FROM {delivery} AS d INNER JOIN {outbox} AS o ON o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.wire_id = @p3`),
		postDelivery: text(`INSERT INTO {delivery} (message_id, ordinal, channel, shard, seq, wire_id, routing_key)
			SELECT @p1, coalesce(MAX(d.ordinal), -1) + 1, @p2, @p3, @p4, @p5, @p6 FROM {delivery} AS d WHERE d.message_id = @p1`),
		postOutbox: text(`INSERT INTO {outbox} (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, {bytes @p13})`),

		takeLease: text(`UPDATE {lease} SET fence = fence + CASE WHEN owner = @p3 AND until > {now @p4} THEN 0 ELSE 1 END,
			owner = @p3, until = {later @p4 @p5}
			WHERE channel = @p1 AND shard = @p2 AND (owner = @p3 OR until <= {now @p4})`),
		openLease: text(`INSERT INTO {lease} (channel, shard, owner, until, fence)
			SELECT @p1, @p2, @p3, {later @p4 @p5}, 1
			WHERE NOT EXISTS (SELECT 1 FROM {lease} {lock} WHERE channel = @p1 AND shard = @p2)`),
		readLease: text(`SELECT fence FROM {lease} WHERE channel = @p1 AND shard = @p2 AND owner = @p3`),
		holdLease: text(`UPDATE {lease} SET fence = fence WHERE channel = @p1 AND shard = @p2 AND owner = @p3 AND fence = @p4`),

		standing: text(`SELECT next_seq, releases FROM {shard} WHERE channel = @p1 AND shard = @p2`),
		pending: text(`SELECT {top @p4} ` + outboxColumns + `,
			(SELECT s.releases FROM {shard} AS s WHERE s.channel = @p1 AND s.shard = @p2),
			CASE WHEN EXISTS (SELECT 1 FROM {parked} AS p WHERE p.channel = @p1 AND p.shard = @p2 AND p.holds = 1) THEN 1 ELSE 0 END FROM {outbox} AS o
			WHERE o.channel = @p1 AND o.shard = @p2 AND o.seq > @p3
			AND NOT EXISTS (SELECT 1 FROM {parked} AS p WHERE p.channel = o.channel AND p.shard = o.shard AND p.ordering_key = o.ordering_key AND p.seq < o.seq AND p.holds = 1)
			ORDER BY o.seq {limit @p4}`),
		confirm:    text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq IN {each @p3}`),
		confirmRun: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq BETWEEN @p3 AND @p4`),
		relayed: text(`INSERT INTO {relayed} (channel, shard, first_seq, last_seq, confirmed_at, fence)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6
			WHERE NOT EXISTS (SELECT 1 FROM {relayed} {lock} WHERE channel = @p1 AND shard = @p2 AND first_seq = @p3)`),

		readParked: text(`SELECT ordering_key FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		parkOne: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at, cause)
			SELECT ` + outboxColumns + `, NULL, @p4, @p5, @p6, @p7, @p8 FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		// From an ordering key to its deliveries it is two steps, because SQLite would
		// rather read the whole shard than leave its primary key.
		parkBehind: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at, cause)
			SELECT ` + outboxColumns + `, @p3, @p4, @p5, 0, @p6, @p8 FROM {outbox}
			WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT {top @p9} k.seq FROM {outbox} AS k
				WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p7 AND k.seq > @p3 ORDER BY k.seq {limit @p9})`),
		unqueue: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT k.seq FROM {parked} AS k
			WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p3 AND k.seq >= @p4)`),

		skipOne: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at, holds)
			SELECT ` + outboxColumns + `, NULL, @p4, @p5, @p6, @p7, 0 FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		unqueueOne: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),

		respondAgain: text(`UPDATE {response} SET attempts = attempts + 1, at = @p5, took = @p6, status = @p7, content_type = @p8, code = @p9, reason = @p10,
			cut = @p11, packing = @p12, body = {bytes @p13}
			WHERE message_id = @p1 AND channel = @p2 AND shard = @p3 AND seq = @p4`),
		respondFirst: text(`INSERT INTO {response} (message_id, channel, shard, seq, attempts, first_at, at, took, status, content_type, code, reason, cut, packing, body)
			SELECT @p1, @p2, @p3, @p4, 1, @p5, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, {bytes @p13}
			WHERE NOT EXISTS (SELECT 1 FROM {response} {lock} WHERE message_id = @p1 AND channel = @p2 AND shard = @p3 AND seq = @p4)`),

		refuse: text(`INSERT INTO {refusal} (id, at, endpoint, route, principal, code, reason, remote, times)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9
			WHERE NOT EXISTS (SELECT 1 FROM {refusal} {lock} WHERE id = @p1)`),
		recount: text(`UPDATE {refusal} SET times = @p2 WHERE id = @p1 AND times < @p2`),

		message: text(`SELECT ` + summaryColumns + `, endpoint, mapping, contract, traceparent, correlation, content_type, replay_of FROM {message} WHERE id = @p1`),
		payload: text(`SELECT packing, body, beside FROM {payload} WHERE message_id = @p1`),
		reply:   text(`SELECT body FROM {reply} WHERE message_id = @p1`),
		keys:    text(`SELECT name, value FROM {message_key} WHERE message_id = @p1 ORDER BY name, value`),
		deliveries: text(`SELECT d.channel, d.shard, d.seq, d.wire_id, d.routing_key, p.reason, g.discarded_by,
			(SELECT {top 1} CASE WHEN r.last_seq >= d.seq THEN r.confirmed_at END FROM {relayed} AS r
				WHERE r.channel = d.channel AND r.shard = d.shard AND r.first_seq <= d.seq ORDER BY r.first_seq DESC {limit 1}),
			a.attempts, a.first_at, a.at, a.took, a.status, a.content_type, a.code, a.reason, a.cut, a.packing, a.body
			FROM {delivery} AS d LEFT JOIN {parked} AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			LEFT JOIN {discarded} AS g ON g.channel = d.channel AND g.shard = d.shard AND g.seq = d.seq
			LEFT JOIN {response} AS a ON a.message_id = d.message_id AND a.channel = d.channel AND a.shard = d.shard AND a.seq = d.seq
			WHERE d.message_id = @p1 ORDER BY d.ordinal`),
		refusal: text(`SELECT ` + refusalColumns + ` FROM {refusal} WHERE id = @p1`),

		due: text(`SELECT {top @p2} ` + whole + ` WHERE h.state = 'waiting' AND h.next_at <= @p1 AND h.route NOT IN {names @p3} AND ` + first + `
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

		openChain: text(`INSERT INTO {chain} (chain, seq, head) SELECT @p1, 0, @p2
			WHERE NOT EXISTS (SELECT 1 FROM {chain} {lock} WHERE chain = @p1)`),
		lockChain:  text(`UPDATE {chain} SET seq = seq + 1 WHERE chain = @p1`),
		chainHead:  text(`SELECT seq, head FROM {chain} WHERE chain = @p1`),
		moveHead:   text(`UPDATE {chain} SET head = @p2 WHERE chain = @p1`),
		chainHeads: text(`SELECT chain, seq, head FROM {chain} ORDER BY chain`),
		appendAct: text(`INSERT INTO {audit} (chain, seq, at, kind, done_by, what, target, reason, content, previous, hash)
			VALUES (@p1, @p2, @p3, 'act', @p4, @p5, @p6, @p7, {bytes @p8}, @p9, @p10)`),
		auditEntries: text(`SELECT {top @p3} chain, seq, at, kind, done_by, what, target, reason, content, previous, hash FROM {audit}
			WHERE chain = @p1 AND seq > @p2 ORDER BY seq {limit @p3}`),
		lastAudit:     text(`SELECT {top 1} seq FROM {audit} WHERE chain = @p1 ORDER BY seq DESC {limit 1}`),
		auditStored:   text(`SELECT id, route, endpoint, mapping, principal, sender, "identity", contract, body, received_at, outcome, replay_of FROM {message} WHERE id IN {ids @p1}`),
		auditHeld:     text(`SELECT id, route, endpoint, mapping, principal, sender, "identity", contract, body, received_at FROM {held} WHERE id IN {ids @p1}`),
		auditPayloads: text(`SELECT message_id, packing, body FROM {payload} WHERE message_id IN {ids @p1}`),
		auditActs:     text(`SELECT COUNT(*) FROM {audit} WHERE target = @p1 AND what = @p2`),
		auditRepeat:   text(`SELECT {top 1} at FROM {attempt} WHERE message_id = @p1 AND what = 'attempted' AND reason LIKE @p2 ORDER BY id {limit 1}`),
		auditCount:    text(`SELECT COUNT(*) FROM {message} WHERE id >= @p1 AND id < @p2`),
		eraseReasons:  text(`UPDATE {audit} SET reason = '' WHERE target = @p1`),
		nextChain:     text(`SELECT {top 1} chain FROM {audit} WHERE chain > @p1 ORDER BY chain {limit 1}`),
		agedAudit:     text(`SELECT {top @p3} seq, hash, CASE WHEN at < @p2 THEN 1 ELSE 0 END FROM {audit} WHERE chain = @p1 ORDER BY seq {limit @p3}`),
		removeAudit:   text(`DELETE FROM {audit} WHERE chain = @p1 AND seq <= @p2`),

		chainSeqs: text(`SELECT chain, seq FROM {chain} ORDER BY chain`),
		entriesOf: text(`SELECT {top @p3} seq, at FROM {audit} WHERE chain = @p1 AND seq > @p2 ORDER BY seq {limit @p3}`),
		changes:   text(`SELECT seq, subject, row_key FROM {change} WHERE chain = @p1 AND seq > @p2 AND seq <= @p3 ORDER BY seq, n`),
		keptFrom:  text(`SELECT chain, seq FROM {change_removed}`),
		keptSince: text(`SELECT {top 1} seq FROM {audit} WHERE chain = @p1 ORDER BY seq {limit 1}`),
		agedChanges: text(`SELECT {top @p3} a.seq, CASE WHEN a.at < @p4 THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM {change} AS c WHERE c.chain = a.chain AND c.seq = a.seq)
			FROM {audit} AS a WHERE a.chain = @p1 AND a.seq > @p2 ORDER BY a.seq {limit @p3}`),
		removeChanges: text(`DELETE FROM {change} {rows} WHERE chain = @p1 AND seq <= @p2`),
		forgetChanges: text(`UPDATE {change_removed} SET seq = @p2 WHERE chain = @p1 AND seq < @p2`),
		forgetFirst: text(`INSERT INTO {change_removed} (chain, seq)
			SELECT @p1, @p2 WHERE NOT EXISTS (SELECT 1 FROM {change_removed} {lock} WHERE chain = @p1)`),

		notings:   text(`SELECT id, subjects FROM {noting}`),
		addNoting: text(`INSERT INTO {noting} (id, subjects) VALUES (@p1, @p2)`),
		turnsAmong: text(`SELECT n.seq, n.noting FROM {noted} AS n WHERE n.chain = @p1 AND n.seq <= @p3
			AND n.seq >= coalesce((SELECT MAX(o.seq) FROM {noted} AS o WHERE o.chain = @p1 AND o.seq <= @p2), 0) ORDER BY n.seq`),
		turnsBefore: text(`SELECT {top @p3} seq, noting FROM {noted} WHERE chain = @p1 AND seq <= @p2 ORDER BY seq DESC {limit @p3}`),
		removeTurns: text(`DELETE FROM {noted} WHERE chain = @p1 AND seq < (SELECT MAX(o.seq) FROM {noted} AS o WHERE o.chain = @p1 AND o.seq <= @p2)`),
		turnChain:   text(`UPDATE {chain} SET noting = @p2 WHERE chain = @p1 AND noting <> @p2`),
		addTurn:     text(`INSERT INTO {noted} (chain, seq, noting) VALUES (@p1, @p2, @p3)`),

		sighted: text(`SELECT version FROM {sighting} WHERE subject = @p1`),
		beginSighting: text(`INSERT INTO {sighting} (subject, version)
			SELECT @p1, @p2 WHERE NOT EXISTS (SELECT 1 FROM {sighting} {lock} WHERE subject = @p1)`),
		goOn:         text(`UPDATE {sighting} SET version = @p2 WHERE subject = @p1 AND version = @p3`),
		ownVersions:  text(`SELECT version, row_hash FROM {own_version} WHERE subject = @p1 AND version > @p2 AND version <= @p3`),
		passVersions: text(`DELETE FROM {own_version} {rows} WHERE subject = @p1 AND version <= @p2`),
		noteSeen: text(`INSERT INTO {change} (chain, seq, n, message_id, subject, row_key)
			SELECT @p1, @p2, j.n, NULL, @p3, j.item FROM {list @p4} AS j`),

		sealingKeys: text(`SELECT id, secret, created_at FROM {sealing_key} ORDER BY id DESC`),
		addSealingKey: text(`INSERT INTO {sealing_key} (id, secret, created_at)
			SELECT coalesce((SELECT MAX(k.id) FROM {sealing_key} AS k), 0) + 1, @p1, @p2
			WHERE NOT EXISTS (SELECT 1 FROM {sealing_key} {lock} WHERE created_at > @p3)`),
		removeSealingKeys: text(`DELETE FROM {sealing_key} WHERE created_at < @p1 AND id < (SELECT MAX(k.id) FROM {sealing_key} AS k)`),

		openQuota: text(`INSERT INTO {quota} (scope, unit, day, drawn)
			SELECT @p1, @p2, @p3, 0 WHERE NOT EXISTS (SELECT 1 FROM {quota} {lock} WHERE scope = @p1 AND unit = @p2 AND day = @p3)`),
		holdQuota: text(`UPDATE {quota} SET drawn = drawn WHERE scope = @p1 AND unit = @p2 AND day = @p3`),
		quota:     text(`SELECT drawn FROM {quota} WHERE scope = @p1 AND unit = @p2 AND day = @p3`),
		drawQuota: text(`UPDATE {quota} SET drawn = drawn + @p4 WHERE scope = @p1 AND unit = @p2 AND day = @p3`),
		oldQuotas: text(`DELETE FROM {quota} WHERE day < @p1`),
		usage: text(`SELECT {top @p3} m.principal, COUNT(*), MAX(m.received_at) FROM {message} AS m WHERE m.route = @p1 AND m.id >= @p2
			GROUP BY m.principal ORDER BY COUNT(*) DESC, m.principal {limit @p3}`),

		versionTable: text(`{exists migration}`),
		applied:      text(`SELECT version, checksum, applied_at FROM {migration} WHERE name = @p1 ORDER BY version DESC`),
		record:       text(`INSERT INTO {migration} (name, version, checksum, applied_at) VALUES (@p1, @p2, @p3, @p4)`),
		unrecord:     text(`DELETE FROM {migration} WHERE name = @p1 AND version = @p2`),
	}
}
