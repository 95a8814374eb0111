package gateway

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// numbered is a delivery of the key with a number.
func numbered(seq int64, key string) Delivery {
	return Delivery{Channel: "events", Seq: seq, WireID: fmt.Sprint(seq), OrderingKey: key, Body: []byte("body")}
}

// taken empties the line and returns the numbers in the order in which they went.
func (l *line) taken() (seqs []int64) {
	for d := l.take(); d != nil; d = l.take() {
		seqs = append(seqs, d.Seq)
		l.settle(d)
	}
	return seqs
}

const most = 100

func TestHandOver(t *testing.T) {
	give := func(l *line, seqs ...int64) (taken []bool) {
		for _, seq := range seqs {
			d := numbered(seq, "k")
			taken = append(taken, l.hand(&d, most))
		}
		return taken
	}
	read := func(l *line, whole bool, seqs ...int64) (gap bool) {
		l.begin()
		return add(l, whole, seqs...)
	}
	for name, tt := range map[string]struct {
		do   func(l *line) []bool
		took []bool
		want []int64
	}{
		"nothing is known":      {func(l *line) []bool { return give(l, 1, 2) }, []bool{false, false}, nil},
		"what follows":          {func(l *line) []bool { read(l, true, 3); return give(l, 4, 5) }, []bool{true, true}, []int64{3, 4, 5}},
		"what a page had":       {func(l *line) []bool { read(l, true, 3, 4); return give(l, 4, 5) }, []bool{true, true}, []int64{3, 4, 5}},
		"not what leaves a gap": {func(l *line) []bool { read(l, true, 3); return give(l, 5) }, []bool{false}, []int64{3}},
		"a gap that is filled":  {func(l *line) []bool { read(l, true, 3); return give(l, 6, 5, 4) }, []bool{false, false, true}, []int64{3, 4, 5, 6}},
		"a gap that is read":    {func(l *line) []bool { read(l, true, 3); g := give(l, 6); read(l, true, 4, 5); return g }, []bool{false}, []int64{3, 4, 5, 6}},
		"a page is not all":     {func(l *line) []bool { read(l, false, 3); return give(l, 4) }, []bool{false}, []int64{3}},
		"after nothing more":    {func(l *line) []bool { read(l, true, 3); read(l, true); return give(l, 4) }, []bool{true}, []int64{3, 4}},
		"after nothing at all":  {func(l *line) []bool { read(l, true); return give(l, 4) }, []bool{false}, nil},
		"behind what is parked": {func(l *line) []bool {
			l.begin()
			p := Page{Deliveries: []Delivery{numbered(3, "k")}, Blocked: true}
			l.add(p.Deliveries)
			l.learned(&p, true)
			return append(give(l, 4), read(l, true), give(l, 5)[0])
		}, []bool{false, false, false}, []int64{3}},
		"shut, and nothing more":    {func(l *line) []bool { read(l, true, 3); l.close(); read(l, true); return give(l, 4) }, []bool{false}, []int64{3}},
		"after it was shut":         {func(l *line) []bool { read(l, true, 3); l.close(); return give(l, 4) }, []bool{false}, []int64{3}},
		"after it was emptied":      {func(l *line) []bool { read(l, true, 3); l.empty(); return give(l, 4) }, []bool{false}, nil},
		"while a page is read":      {func(l *line) []bool { l.begin(); g := give(l, 4, 5, 6); add(l, true, 3, 4); return g }, []bool{true, true, true}, []int64{3, 4, 5, 6}},
		"while not all is read":     {func(l *line) []bool { l.begin(); g := give(l, 9); add(l, false, 3, 4); return g }, []bool{true}, []int64{3, 4}},
		"shut while a page is read": {func(l *line) []bool { l.begin(); l.close(); add(l, true, 3); return give(l, 4) }, []bool{false}, []int64{3}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(time.Now)
			if got := tt.do(l); !slices.Equal(got, tt.took) {
				t.Errorf("taken: %v, want %v", got, tt.took)
			}
			if got := l.taken(); !slices.Equal(got, tt.want) {
				t.Errorf("went: %v, want %v", got, tt.want)
			}
		})
	}
}

// add ends the reading of a page.
func add(l *line, whole bool, seqs ...int64) (gap bool) {
	var p Page
	for _, seq := range seqs {
		p.Deliveries = append(p.Deliveries, numbered(seq, "k"))
	}
	l.add(p.Deliveries)
	return l.learned(&p, whole)
}

// Whatever is handed over while a page is read, and is not known afterwards, is said
// to be missing.
func TestHandOverTellsOfGaps(t *testing.T) {
	for _, whole := range []bool{true, false} {
		l := newLine(time.Now)
		l.begin()
		d := numbered(9, "k")
		l.hand(&d, most)
		if !add(l, whole, 3) {
			t.Errorf("whole %v: nothing is missing", whole)
		}
	}
}

// A line that is full takes nothing more, and nothing behind that either.
func TestHandOverIsBounded(t *testing.T) {
	l := newLine(time.Now)
	l.begin()
	add(l, true, 1)
	for seq := range int64(most) + 10 {
		d := numbered(seq+2, "k")
		if got := l.hand(&d, most); got != (seq+2 <= most) {
			t.Errorf("delivery %d was taken: %v", d.Seq, got)
		}
	}
	l = newLine(time.Now)
	l.begin()
	for seq := range int64(3 * maxEarly) {
		d := numbered(2*seq+9, "k")
		l.hand(&d, 1<<20)
		if len(l.early) > maxEarly {
			t.Fatalf("%d are early", len(l.early))
		}
	}
}

// What was handed over stays what it was when its memory is used again.
func TestHandOverKeepsACopy(t *testing.T) {
	l := newLine(time.Now)
	l.begin()
	add(l, true, 1)
	d := numbered(2, "k")
	l.hand(&d, most)
	copy(d.Body, "gone")
	l.settle(l.take())
	if got := string(l.take().Body); got != "body" {
		t.Errorf("the body is %q", got)
	}
}

// read is how many pages were read.
func (o *memoryOutbox) read() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pages
}

func (o *memoryOutbox) hasParked() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.parked) > 0
}

// commit puts deliveries into the outbox and hands them over, as a lane does.
func (o *memoryOutbox) commit(r *relay, keys ...string) {
	var out Outcome
	for _, key := range keys {
		o.put(key, 1)
		o.mu.Lock()
		out.Deliveries = append(out.Deliveries, o.rows[len(o.rows)-1])
		o.mu.Unlock()
	}
	out.Channels = []string{"events"}
	r.committed([]Outcome{out})
}

// What this process commits is published without being read, in the order of its
// key, and recorded as ever.
func TestCommittedIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &recorder{}
		o.put("A", 1) // so that the line learns where it stands
		r := startRelay(t, o, streaming{p})
		synctest.Wait()
		o.put("A", 1)
		r.wake([]string{"events"})
		synctest.Wait()
		before := o.read()
		var want []string
		for i := range 300 {
			o.commit(r, "A", "B")
			want = append(want, fmt.Sprint(2*i+3), fmt.Sprint(2*i+4))
			synctest.Wait()
		}
		if n := o.read() - before; n > 0 {
			t.Errorf("%d pages were read", n)
		}
		if got := p.wires(t); !slices.Equal(got[2:], want) {
			t.Errorf("took %v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if o.left() != 0 {
			t.Errorf("%d are left", o.left())
		}
		r.drain()
	})
}

// Others commit, too: what they have put before ours goes before it.
func TestCommittedByOthersComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, newConfirming()
		r := startRelay(t, o, p)
		n := 0
		for range 50 {
			o.commit(r, "A")
			o.put("A", 1) // by another process, which wakes nobody here
			n += 2
			if n%10 == 0 {
				synctest.Wait()
			}
		}
		for range n {
			select {
			case p.confirm <- 1:
			case <-time.After(2 * time.Second):
			}
		}
		synctest.Wait()
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint(i+1))
		}
		if got := p.wires(t); !slices.Equal(got, want) {
			t.Errorf("took %v", got)
		}
		r.drain()
	})
}

// What is committed behind a parked delivery of its key stays behind it, whoever has
// parked that.
func TestCommittedBehindTheParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &recorder{}
		p.refuse = func(d Delivery) error {
			if d.WireID == "2" {
				return fault.New(fault.CodeUnroutable, "")
			}
			return nil
		}
		r := startRelay(t, o, streaming{p})
		c := r.carriers["events"][0]
		o.put("A", 1)
		r.wake([]string{"events"})
		synctest.Wait()
		if !c.line.isOpen() {
			t.Fatal("the line is not open")
		}
		o.commit(r, "bad")
		for !o.hasParked() {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		for range 20 {
			o.commit(r, "A", "bad")
			synctest.Wait()
			if c.line.isOpen() {
				t.Fatal("the line is open though something is parked")
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		r.drain()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, d := range p.took {
			if d.OrderingKey == "bad" {
				t.Errorf("%s went past what is parked", d.WireID)
			}
		}
		if n := len(p.took); n != 21 {
			t.Errorf("took %d", n)
		}
	})
}

// No more than a window is out, whatever a channel asks for.
func TestFlowGivesNoMoreThanAWindow(t *testing.T) {
	o, p := &memoryOutbox{}, &recorder{}
	for i := range 50 {
		o.put(string(rune('A'+i)), 1)
	}
	c := newRelay(Config{Relay: RelayConfig{Window: 4}}.withDefaults(), o, []Channel{{Name: "events", Publisher: p}}, time.Now, slog.New(slog.DiscardHandler)).carriers["events"][0]
	c.line.add(o.rows)
	f := &flow{carrier: c, policy: *c.policy(), ctx: t.Context(), news: make(chan struct{}, 1), left: 1000}
	var out []*Delivery
	for d := f.next(); d != nil; d = f.next() {
		out = append(out, d)
	}
	if len(out) != 4 {
		t.Fatalf("%d are out, want a window of four", len(out))
	}
	f.settled(out[0], nil)
	if f.next() == nil || f.next() != nil {
		t.Error("one that is settled makes room for one")
	}
}
