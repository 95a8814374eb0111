package gateway

import (
	"bytes"
	"strings"
)

// What this process has committed need not be read from the outbox again: the lane
// hands it to the carrier of its shard, which holds the lease or takes nothing. The
// row is committed by then, so a crash at any moment leaves what it always left.
//
// A line takes what it is handed while it is open: pages have shown everything up to
// its last delivery, and no parked one of the shard holds anything back. From then
// on numbers are dense, in the order of the commits, so that one that follows the
// last has nothing in front of it that is unknown. Whatever was parked or put back in
// line by somebody else meanwhile has been in the line, or is parked with a reading's
// knowledge; the carrier shuts the line before it parks anything itself. A number
// that does not follow waits until a page has brought those before it: other
// processes commit, too.

// maxEarly is how many deliveries wait for those before them; more are left to be
// read.
const maxEarly = 1000

// hand offers a delivery that was just committed. It reports whether the outbox need
// not be read for it. The line keeps a copy of its own.
func (l *line) hand(d *Delivery, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.open && !l.reading:
		return false
	case l.size+len(l.early) >= most:
		l.shut()
		return false
	case l.open && d.Seq <= l.last:
		return true // a page was faster
	case l.open && !l.reading && d.Seq == l.last+1:
		l.append(d.own())
		l.follow()
		return true
	}
	l.wait(d)
	return l.reading // else those before it are in the outbox, and have to be read
}

// wait keeps what is handed over too early.
func (l *line) wait(d *Delivery) {
	if len(l.early) >= maxEarly {
		l.early = nil
	}
	if l.early == nil {
		l.early = map[int64]*Delivery{}
	}
	l.early[d.Seq] = d.own()
}

// follow moves those into the line that were early and follow its last one.
func (l *line) follow() {
	for len(l.early) > 0 {
		d := l.early[l.last+1]
		if d == nil {
			return
		}
		delete(l.early, d.Seq)
		l.append(d)
	}
}

// begin begins the reading of a page, behind the number it returns.
func (l *line) begin() (after int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = true
	return l.last
}

// learned ends the reading of a page, whose deliveries were added; end says that it was
// the last one. An empty page says nothing of where the numbers stand, nor of what
// is parked: it leaves open what is open, and opens nothing. learned reports whether
// something was handed over whose predecessors are still unknown.
func (l *line) learned(p *Page, end bool) (gap bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := end && !p.Blocked
	if len(p.Deliveries) == 0 {
		whole = end && l.open
	}
	if !whole || !l.reading { // not reading: it was shut meanwhile
		gap = len(l.early) > 0 || !l.reading
		l.shut()
		return gap
	}
	l.open, l.reading = true, false
	for seq := range l.early {
		if seq <= l.last {
			delete(l.early, seq)
		}
	}
	l.follow()
	return len(l.early) > 0
}

// close has the line take nothing more that is handed over, until a page opens it.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut()
}

func (l *line) shut() { l.open, l.reading, l.early = false, false, nil }

// isOpen reports whether the line takes what it is handed.
func (l *line) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// own returns a copy that shares nothing with what a store goes on to use.
func (d *Delivery) own() *Delivery {
	o := *d
	for _, s := range []*string{&o.OrderingKey, &o.RoutingKey, &o.Type, &o.ContentType, &o.Correlation, &o.TraceParent} {
		*s = strings.Clone(*s)
	}
	o.Body = bytes.Clone(d.Body)
	return &o
}

// committed hands the deliveries of a batch to those who carry them, and wakes
// these.
func (r *relay) committed(outcomes []Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range outcomes {
		o := &outcomes[i]
		if o.Deliveries == nil {
			r.wakeAll(o.Channels)
		}
		for j := range o.Deliveries {
			d := &o.Deliveries[j]
			if carriers := r.carriers[d.Channel]; d.Shard < len(carriers) {
				carriers[d.Shard].hand(d)
			}
		}
	}
}

// hand offers a delivery to the line, and has the outbox read where that does not
// take it.
func (c *carrier) hand(d *Delivery) {
	if !c.line.hand(d, c.policy().ahead()) {
		c.missed.Store(true)
	}
	c.signal()
}

func (c *carrier) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
