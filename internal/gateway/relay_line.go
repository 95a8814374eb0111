package gateway

import (
	"container/heap"
	"sync"
	"time"
)

// line is what a carrier has read and not settled yet, by ordering key: of each
// key at most one delivery is out of it at a time, the first. It remembers the
// attempts of those that failed, too. It is safe for concurrent use.
//
// What this process commits is handed to it beside what is read (relay_hand.go).
type line struct {
	now func() time.Time

	mu       sync.Mutex
	keys     map[string]*queue
	ready    heads    // whose first delivery may go
	resting  []*queue // whose first delivery waits for its next attempt
	size     int
	last     int64             // the highest number read
	attempts map[int64]attempt // of deliveries that were refused or failed alone, by seq

	open    bool                // everything up to last is known, and nothing holds back what follows
	reading bool                // a page is being read
	early   map[int64]*Delivery // handed over before those in front of them
}

// queue is what waits under one ordering key.
type queue struct {
	waiting []*Delivery // the first one may be out
	out     bool
}

// attempt remembers a delivery that was refused or failed alone; it is forgotten
// with the lease, and whoever holds the next one tries again from one.
type attempt struct {
	count   int
	refused int
	first   time.Time
	next    time.Time
}

func newLine(now func() time.Time) *line {
	return &line{now: now, keys: map[string]*queue{}, attempts: map[int64]attempt{}}
}

// add puts deliveries behind those that are there, which have lower numbers.
func (l *line) add(deliveries []Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range deliveries { // each on its own: a late one must not keep its whole page
		l.append(&d)
	}
}

func (l *line) append(d *Delivery) {
	l.last = d.Seq
	l.size++
	q := l.keys[d.OrderingKey]
	if q == nil {
		q = &queue{}
		l.keys[d.OrderingKey] = q
	}
	q.waiting = append(q.waiting, d)
	if len(q.waiting) == 1 {
		l.place(q)
	}
}

// place makes the first delivery of a queue ready, now or after its pause.
func (l *line) place(q *queue) {
	if a, failed := l.attempts[q.waiting[0].Seq]; failed && l.now().Before(a.next) {
		l.resting = append(l.resting, q)
		return
	}
	heap.Push(&l.ready, q)
}

// take takes the earliest delivery that is ready out of the line; nil: there is
// none. It has to be settled, moved to the end of its pause, or put back.
func (l *line) take() *Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ready) == 0 {
		return nil
	}
	q := heap.Pop(&l.ready).(*queue)
	q.out = true
	return q.waiting[0]
}

// back puts a delivery back that was taken.
func (l *line) back(d *Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.outside(d); q != nil {
		q.out = false
		l.place(q)
	}
}

// outside returns the queue that a delivery was taken of, unless the line was
// emptied meanwhile.
func (l *line) outside(d *Delivery) *queue {
	if q := l.keys[d.OrderingKey]; q != nil && q.out && q.waiting[0].Seq == d.Seq {
		return q
	}
	return nil
}

// settle removes a delivery that was taken; the next one of its key is ready.
func (l *line) settle(d *Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.attempts, d.Seq)
	q := l.outside(d)
	if q == nil {
		return
	}
	q.out = false
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	l.size--
	if len(q.waiting) == 0 {
		delete(l.keys, d.OrderingKey)
		return
	}
	l.place(q)
}

// drop removes a delivery that was taken, with all of its key.
func (l *line) drop(d *Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.attempts, d.Seq)
	if q := l.outside(d); q != nil {
		l.size -= len(q.waiting)
		delete(l.keys, d.OrderingKey)
	}
}

// attempted returns what is known of earlier attempts.
func (l *line) attempted(seq int64) attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.attempts[seq]
}

// rest remembers an attempt of a delivery that was taken, which waits for the
// next one.
func (l *line) rest(d *Delivery, a attempt) {
	l.mu.Lock()
	l.attempts[d.Seq] = a
	l.mu.Unlock()
	l.back(d)
}

// rouse makes those ready whose pause is over.
func (l *line) rouse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	resting := l.resting
	l.resting = nil
	for _, q := range resting {
		l.place(q)
	}
}

// counts tells how many deliveries are ready, and how many there are.
func (l *line) counts() (ready, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ready), l.size
}

// empty forgets the deliveries, to read them anew.
func (l *line) empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.keys)
	l.ready, l.resting, l.size, l.last = nil, nil, 0, 0
	l.shut()
}

// forget forgets everything.
func (l *line) forget() {
	l.empty()
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.attempts)
}

// heads is a heap of queues, the earliest first delivery first.
type heads []*queue

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return h[i].waiting[0].Seq < h[j].waiting[0].Seq }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(q any)        { *h = append(*h, q.(*queue)) }

func (h *heads) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
