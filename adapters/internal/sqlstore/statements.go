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

	versionTable, applied, record, unrecord string
}

const outboxColumns = `channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body`

// seqsOfKey leads from an ordering key to its deliveries in two steps, because
// SQLite would rather read the whole shard than leave its primary key.
const seqsOfKey = `(SELECT k.seq FROM {outbox} AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key =`

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

		pending: text(`SELECT {top @p4} ` + outboxColumns + ` FROM {outbox} AS o
			WHERE o.channel = @p1 AND o.shard = @p2 AND o.seq > @p3
			AND NOT EXISTS (SELECT 1 FROM {parked} AS p WHERE p.channel = o.channel AND p.shard = o.shard AND p.ordering_key = o.ordering_key)
			ORDER BY o.seq {limit @p4}`),
		confirm: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq IN {each @p3}`),
		relayed: text(`INSERT INTO {relayed} (channel, shard, first_seq, last_seq, confirmed_at, fence)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6
			WHERE NOT EXISTS (SELECT 1 FROM {relayed} {lock} WHERE channel = @p1 AND shard = @p2 AND first_seq = @p3)`),

		readParked: text(`SELECT ordering_key FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		parkOne: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at)
			SELECT ` + outboxColumns + `, NULL, @p4, @p5, @p6, @p7 FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq = @p3`),
		parkBehind: text(`INSERT INTO {parked} (` + outboxColumns + `, behind, code, reason, attempts, parked_at)
			SELECT ` + outboxColumns + `, @p3, @p4, @p5, 0, @p6 FROM {outbox}
			WHERE channel = @p1 AND shard = @p2 AND seq <> @p3 AND seq IN ` + seqsOfKey + ` @p7)`),
		unqueue: text(`DELETE FROM {outbox} WHERE channel = @p1 AND shard = @p2 AND seq IN ` + seqsOfKey + ` @p3)`),

		refuse: text(`INSERT INTO {refusal} (id, at, endpoint, route, principal, code, reason, remote, times)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9)`),

		message: text(`SELECT ` + summaryColumns + `, endpoint, mapping, contract, traceparent, content_type FROM {message} WHERE id = @p1`),
		payload: text(`SELECT packing, body FROM {payload} WHERE message_id = @p1`),
		reply:   text(`SELECT body FROM {reply} WHERE message_id = @p1`),
		keys:    text(`SELECT name, value FROM {message_key} WHERE message_id = @p1 ORDER BY name, value`),
		deliveries: text(`SELECT d.channel, d.shard, d.seq, d.wire_id, d.routing_key, p.reason,
			(SELECT {top 1} CASE WHEN r.last_seq >= d.seq THEN r.confirmed_at END FROM {relayed} AS r
				WHERE r.channel = d.channel AND r.shard = d.shard AND r.first_seq <= d.seq ORDER BY r.first_seq DESC {limit 1})
			FROM {delivery} AS d LEFT JOIN {parked} AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			WHERE d.message_id = @p1 ORDER BY d.ordinal`),
		refusal: text(`SELECT ` + refusalColumns + ` FROM {refusal} WHERE id = @p1`),

		versionTable: text(`{exists migration}`),
		applied:      text(`SELECT version, checksum, applied_at FROM {migration} WHERE name = @p1 ORDER BY version DESC`),
		record:       text(`INSERT INTO {migration} (name, version, checksum, applied_at) VALUES (@p1, @p2, @p3, @p4)`),
		unrecord:     text(`DELETE FROM {migration} WHERE name = @p1 AND version = @p2`),
	}
}
