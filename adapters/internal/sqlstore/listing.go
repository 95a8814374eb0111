package sqlstore

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	summaryColumns = `id, received_at, route, principal, sender, "identity", outcome`
	heldColumns    = `id, received_at, route, principal, sender, "identity", state, code, reason`
	refusalColumns = `id, at, route, principal, code, reason, endpoint`
)

// listing is one query of the ledger, newest first. Whatever narrows it down,
// an index leads to the rows in their order, so that a page costs the same
// however many messages there are.
type listing struct {
	columns, from string
	id            string // the column that orders it
	terms         []string
	args          []any
}

// add appends a term in which ? stands for the argument.
func (l *listing) add(term string, arg any) {
	l.args = append(l.args, arg)
	l.terms = append(l.terms, strings.ReplaceAll(term, "?", fmt.Sprintf("@p%d", len(l.args))))
}

func (l *listing) text(term, value string) {
	if value != "" {
		l.add(term, value)
	}
}

// where is the clause of the terms.
func (l *listing) where() string {
	if len(l.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(l.terms, " AND ")
}

// among appends a term that the column is one of some values.
func (l *listing) among(column string, values []string, length int) {
	places := make([]string, len(values))
	for i, v := range values {
		l.args = append(l.args, clip(v, length))
		places[i] = fmt.Sprintf("@p%d", len(l.args))
	}
	if len(values) == 0 {
		l.terms = append(l.terms, "1 = 0")
		return
	}
	l.terms = append(l.terms, column+" IN ("+strings.Join(places, ", ")+")")
}

// statement is the listing's text; the limit is its last argument.
func (l *listing) statement() string {
	where := l.where()
	p := fmt.Sprintf("@p%d", len(l.args)+1)
	return "SELECT {top " + p + "} " + l.columns + " FROM " + l.from + where + " ORDER BY " + l.id + " DESC {limit " + p + "}"
}

// clockDrift is how far the time in an identifier may be from the time beside it:
// both are taken in one breath, but the clock may be set in between.
const clockDrift = time.Minute

// span narrows a listing to a time and to what comes before an identifier.
// Identifiers rise with time, so they lead to it.
func (l *listing) span(column string, q gateway.Query, parameter func(time.Time) any) {
	if !q.Since.IsZero() {
		l.add(column+" >= ?", parameter(q.Since))
		l.add(l.id+" >= ?", firstID(q.Since.Add(-clockDrift)))
	}
	if !q.Until.IsZero() {
		l.add(column+" < ?", parameter(q.Until))
		l.add(l.id+" < ?", firstID(q.Until.Add(clockDrift)))
	}
	if q.Before != (gateway.ID{}) {
		l.add(l.id+" < ?", q.Before[:])
	}
	l.text("route = ?", q.Route)
	if len(q.Codes) == 1 {
		l.text("code = ?", clip(q.Codes[0], 16))
	}
}

// firstID is not above any identifier made at t or later: one of version 7
// begins with 48 bits of milliseconds (RFC 9562 §5.7).
func firstID(t time.Time) []byte {
	ms := min(max(t.UnixMilli(), 0), 1<<48-1)
	return append(binary.BigEndian.AppendUint64(nil, uint64(ms)<<16), make([]byte, 8)...)
}

// messagesOf begins a listing of a table of messages.
func messagesOf(columns, table string, q gateway.Query, parameter func(time.Time) any) *listing {
	l := &listing{columns: columns, from: table, id: "id"}
	if q.Key != "" {
		// A value under two names is one message.
		l.from, l.id = "{message_key} AS k INNER JOIN "+table+" AS m ON m.id = k.message_id", "k.message_id"
		l.add(`k.value = ? AND NOT EXISTS (SELECT 1 FROM {message_key} AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name)`, clip(q.Key, 200))
	}
	l.span("received_at", q, parameter)
	l.text("sender = ?", clip(q.Sender, 400))
	l.text(`"identity" = ?`, clip(q.Identity, 400))
	return l
}

// heldListing lists what is held or was. The state is one of a handful of words
// of ours, and stands in the text.
func heldListing(q gateway.Query, parameter func(time.Time) any) *listing {
	l := messagesOf(heldColumns, "{held}", q, parameter)
	if q.Outcome != "" {
		l.terms = append(l.terms, "state = '"+q.Outcome+"'")
	}
	return l
}

func messageListing(q gateway.Query, parameter func(time.Time) any) *listing {
	l := messagesOf(summaryColumns, "{message}", q, parameter)
	l.text("outcome = ?", q.Outcome)
	if q.Outcome != "" && q.Outcome != gateway.Stored.String() {
		l.terms = append(l.terms, "outcome <> 'stored'") // what the index of the rare ones is limited to
	}
	return l
}

func refusalListing(q gateway.Query, parameter func(time.Time) any) *listing {
	l := &listing{columns: refusalColumns, from: "{refusal}", id: "id"}
	l.span("at", q, parameter)
	return l
}
