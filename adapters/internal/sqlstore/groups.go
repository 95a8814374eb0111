package sqlstore

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Groups tells what is parked, by cause, the largest groups first.
func (s *Store) Groups(ctx context.Context, sel gateway.Selection) ([]gateway.ParkedGroup, error) {
	if sel.Channel != "" {
		groups, err := s.deliveryGroups(ctx, sel)
		return groups, s.fail("grouping parked deliveries", err)
	}
	groups, err := s.messageGroups(ctx, sel)
	return groups, s.fail("grouping parked messages", err)
}

// parkedMessages begins a listing of the messages that a selection means.
func parkedMessages(sel gateway.Selection, parameter func(time.Time) any) *listing {
	q := gateway.Query{Route: sel.Route, Sender: sel.Sender, Key: sel.Key, Identity: sel.Identity, Outcome: Parked}
	l := heldListing(q, parameter)
	l.narrow("route", sel)
	// Identifiers tell the time, and are in the index that is counted by.
	if !sel.Since.IsZero() {
		l.add(l.id+" >= ?", firstID(sel.Since))
	}
	if !sel.Until.IsZero() {
		l.add(l.id+" < ?", firstID(sel.Until))
	}
	return l
}

// narrow adds what a selection says beside a query.
func (l *listing) narrow(route string, sel gateway.Selection) {
	if sel.Routes != nil {
		l.among(route, sel.Routes, 128)
	}
	if len(sel.Codes) > 0 {
		l.among("code", sel.Codes, 16)
	}
	l.text("cause = ?", clip(sel.Cause, 200))
}

// groupsOfMessages counts by the index of causes; of each group the same index
// leads to its first and its last message.
func groupsOfMessages(l *listing) string {
	one := func(order string) string {
		l := *l
		l.terms = append(append([]string{}, l.terms...), "route = g.route", "code = g.code", "cause = g.cause")
		return "(SELECT {top 1} " + l.id + " FROM " + l.from + l.where() + " ORDER BY " + l.id + order + " {limit 1})"
	}
	return "SELECT g.route, g.code, g.cause, g.n, " + one("") + ", " + one(" DESC") + " FROM (SELECT {top 200} route, code, cause, COUNT(*) AS n FROM " +
		l.from + l.where() + " GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause {limit 200}) AS g"
}

func (s *Store) messageGroups(ctx context.Context, sel gateway.Selection) ([]gateway.ParkedGroup, error) {
	l := parkedMessages(sel, s.dialect.Time)
	rows, err := s.dialect.Reader().QueryContext(ctx, s.dialect.Text(groupsOfMessages(l)), l.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []gateway.ParkedGroup{}
	for rows.Next() {
		var (
			g    gateway.ParkedGroup
			last gateway.ID
		)
		if err := rows.Scan(&g.Route, &g.Code, &g.Cause, &g.Count, scanOptionalID(&g.Example), scanOptionalID(&last)); err != nil {
			return nil, err
		}
		g.First, g.Last, g.ExampleRoute, g.Mender = timeOf(g.Example), timeOf(last), g.Route, gateway.MenderOf(g.Code)
		out = append(out, g)
	}
	return out, rows.Err()
}

// timeOf is when an identifier of version 7 was made (RFC 9562 §5.7).
func timeOf(id gateway.ID) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// parkedDeliveries begins a listing of the deliveries that a selection means:
// with heads, only those that are parked for themselves.
func parkedDeliveries(sel gateway.Selection, heads bool, parameter func(time.Time) any) *listing {
	l := &listing{from: "{parked} AS p", id: "p.message_id"}
	if sel.Routes != nil || sel.Route != "" || sel.Sender != "" || sel.Identity != "" || sel.Key != "" {
		l.from += " INNER JOIN {message} AS m ON m.id = p.message_id"
	}
	if sel.Channel != gateway.AnyChannel {
		l.add("channel = ?", clip(sel.Channel, 128))
	}
	l.narrow("m.route", sel)
	l.text("m.route = ?", clip(sel.Route, 128))
	l.text("m.sender = ?", clip(sel.Sender, 400))
	l.text(`m."identity" = ?`, clip(sel.Identity, 400))
	if sel.Key != "" {
		l.add("EXISTS (SELECT 1 FROM {message_key} AS k WHERE k.value = ? AND k.message_id = p.message_id)", clip(sel.Key, 200))
	}
	if !sel.Since.IsZero() {
		l.add("parked_at >= ?", parameter(sel.Since))
	}
	if !sel.Until.IsZero() {
		l.add("parked_at < ?", parameter(sel.Until))
	}
	if heads {
		l.terms = append(l.terms, "behind IS NULL")
	}
	return l
}

// groupsOfDeliveries counts by the index of causes, and tells of each group the
// message whose delivery was parked first.
func groupsOfDeliveries(l *listing) string {
	example := `(SELECT {top 1} e.message_id FROM {parked} AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at {limit 1})`
	return `SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, ` + example + ` FROM (
		SELECT {top 200} channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM ` + l.from + l.where() + ` GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause {limit 200}) AS g`
}

func (s *Store) deliveryGroups(ctx context.Context, sel gateway.Selection) ([]gateway.ParkedGroup, error) {
	l := parkedDeliveries(sel, false, s.dialect.Time)
	rows, err := s.dialect.Reader().QueryContext(ctx, s.dialect.Text(groupsOfDeliveries(l)), l.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []gateway.ParkedGroup{}
	for rows.Next() {
		var g gateway.ParkedGroup
		err := rows.Scan(&g.Channel, &g.Code, &g.Cause, &g.Count, &g.Behind, s.dialect.ScanTime(&g.First), s.dialect.ScanTime(&g.Last), scanOptionalID(&g.Example))
		if err != nil {
			return nil, err
		}
		g.Mender = gateway.MenderOf(g.Code)
		out = append(out, g)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range out {
		if err := absentIsFine(s.dialect.Reader().QueryRowContext(ctx, s.text.routeOf, out[i].Example[:]).Scan(&out[i].ExampleRoute)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// selections has one statement for each way to narrow the parking lot down, for
// tests that look at all of them.
func selections() map[string]string {
	at := time.Unix(1, 0)
	same := func(t time.Time) any { return t }
	out := map[string]string{}
	for name, sel := range map[string]gateway.Selection{
		"all": {}, "route": {Route: "r"}, "routes": {Routes: []string{"r", "s"}}, "no routes": {Routes: []string{}}, "code": {Codes: []string{"c"}},
		"codes": {Codes: []string{"c", "d"}}, "cause": {Route: "r", Codes: []string{"c"}, Cause: "w"}, "key": {Key: "k"}, "span": {Since: at, Until: at},
		"sender": {Sender: "s"}, "identity": {Identity: "i"},
	} {
		out["groups: "+name] = groupsOfMessages(parkedMessages(sel, same))
		out["items: "+name] = itemsOf(parkedMessages(sel, same))
		sel.Channel = "x"
		out["delivery groups: "+name] = groupsOfDeliveries(parkedDeliveries(sel, false, same))
		out["delivery items: "+name] = itemsOf(parkedDeliveries(sel, true, same))
	}
	out["delivery groups: any channel"] = groupsOfDeliveries(parkedDeliveries(gateway.Selection{Channel: gateway.AnyChannel}, false, same))
	return out
}
