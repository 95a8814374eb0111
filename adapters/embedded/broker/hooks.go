package broker

// RefuseConnections makes the broker hang up on every new connection until it
// is called with false. Connections that are open stay.
func (b *Broker) RefuseConnections(refuse bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusing = refuse
}

// DropConnections cuts every open connection without a word, as a dying host does.
func (b *Broker) DropConnections() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut()
}

// Freeze stops reading and writing, heartbeats included, until it is called
// with false: connections stay open and answer nothing.
func (b *Broker) Freeze(frozen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frozen = frozen
	b.changed.Broadcast()
}

// Block acts as RabbitMQ under a memory or disk alarm: whoever publishes is
// told connection.blocked with the reason and is read no further. An empty
// reason clears the alarm.
func (b *Broker) Block(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarm = reason
	b.changed.Broadcast()
}

// HoldConfirms keeps publisher confirms back until it is called with false, as a
// broker does that waits for its disk. A channel that closes meanwhile loses its.
func (b *Broker) HoldConfirms(hold bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = hold
	for c := range b.conns {
		for _, ch := range c.channels {
			ch.sendVerdicts()
		}
	}
}

// Connections is how many clients are connected.
func (b *Broker) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// Depth is how many messages wait in a queue, without those in a consumer's
// hands; -1 when there is no such queue.
func (b *Broker) Depth(queue string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[queue]; q != nil {
		return len(q.ready)
	}
	return -1
}

// Held is how many messages a queue has, with those in a consumer's hands; -1 when
// there is no such queue.
func (b *Broker) Held(queue string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[queue]
	if q == nil {
		return -1
	}
	n := len(q.ready)
	for c := range b.conns {
		for _, ch := range c.channels {
			for _, u := range ch.unacked {
				if u.queue == q {
					n++
				}
			}
		}
	}
	return n
}

// cut needs b.mu.
func (b *Broker) cut() {
	for c := range b.conns {
		c.abort()
	}
	b.changed.Broadcast()
}
