package broker

import (
	"maps"
	"time"
)

// deadLetter publishes a message that left the queue unprocessed to the queue's
// dead letter exchange, or forgets it when there is none.
func (q *queue) deadLetter(m *message, reason string) {
	m.stopTimer()
	target, ok := q.text("x-dead-letter-exchange")
	if !ok {
		return
	}
	deaths, count := q.deaths(m, reason)
	if count > 1 && reason != "rejected" {
		return // a circle that no consumer has decided on
	}
	p := m.properties
	p.headers = maps.Clone(p.headers)
	if p.headers == nil {
		p.headers = table{}
	}
	p.headers["x-death"] = deaths
	if _, known := p.headers["x-first-death-queue"]; !known {
		p.headers["x-first-death-queue"] = q.name
		p.headers["x-first-death-reason"] = reason
		p.headers["x-first-death-exchange"] = m.exchange
	}
	p.withoutExpiration()
	key := m.key
	if own, ok := q.text("x-dead-letter-routing-key"); ok {
		key = own
	}
	// A missing exchange loses the letter, as in RabbitMQ.
	_, _ = q.broker.publish(target, key, &p, m.body)
}

// deaths is the x-death header with this death in front, and how often the
// message has died here for this reason.
func (q *queue) deaths(m *message, reason string) ([]any, int64) {
	before, _ := m.properties.headers["x-death"].([]any)
	count := int64(1)
	rest := make([]any, 0, len(before)+1)
	for _, d := range before {
		t, ok := d.(table)
		if ok && t["queue"] == q.name && t["reason"] == reason {
			n, _ := integer(t["count"])
			count = n + 1
			continue
		}
		rest = append(rest, d)
	}
	death := table{
		"count": count, "exchange": m.exchange, "queue": q.name, "reason": reason,
		"routing-keys": []any{m.key}, "time": time.Now(),
	}
	return append([]any{death}, rest...), count
}
