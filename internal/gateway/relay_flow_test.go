package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// confirming is a Streamer that confirms when it is told to, and notes how many
// deliveries of a key were unconfirmed at once.
type confirming struct {
	recorder
	confirm chan int // so many of those that are out

	mu    sync.Mutex
	most  map[string]int
	ended int // streams whose context ended
}

func (p *confirming) Stream(ctx context.Context, next func() *Delivery, settled func(*Delivery, error)) {
	var out []*Delivery
	for {
		for d := next(); d != nil; d = next() {
			out = append(out, d)
			p.note(out)
		}
		if len(out) == 0 {
			return
		}
		select {
		case n := <-p.confirm:
			for range min(n, len(out)) {
				settled(out[0], p.Publish(ctx, []Delivery{*out[0]})[0])
				out = out[1:]
			}
		case <-ctx.Done():
			p.mu.Lock()
			p.ended++
			p.mu.Unlock()
			for _, d := range out {
				settled(d, fault.New(fault.CodeChannelUnavailable, "").Because(ctx.Err()))
			}
			return
		}
	}
}

func (p *confirming) note(out []*Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := map[string]int{}
	for _, d := range out {
		of[d.OrderingKey]++
		p.most[d.OrderingKey] = max(p.most[d.OrderingKey], of[d.OrderingKey])
	}
}

func newConfirming() *confirming {
	return &confirming{confirm: make(chan int), most: map[string]int{}}
}

// Deliveries follow one another without the end of a window, one of each key at a
// time, and are recorded many at a time.
func TestFlowKeepsOneOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, newConfirming()
		for range 20 {
			for _, key := range []string{"A", "B", "C", "D", "E", "F"} {
				o.put(key, 1)
			}
		}
		r := startRelay(t, o, p)
		for o.left() > 0 {
			select {
			case p.confirm <- 1:
			case <-time.After(time.Second):
			}
		}
		if got := p.wires(t); len(got) != 120 {
			t.Errorf("took %d, want 120 once", len(got))
		}
		for key, n := range p.most {
			if n > 1 {
				t.Errorf("%d deliveries of %s were unconfirmed at once", n, key)
			}
		}
		if o.confirms > 60 {
			t.Errorf("120 deliveries were recorded in %d transactions", o.confirms)
		}
		r.drain()
	})
}

// What is published and not recorded is bounded, however long the store is away and
// however much was read ahead while the channel was slow.
func TestFlowBoundsWhatACrashRepeats(t *testing.T) {
	const bound = 4 * 4 // four windows of four
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, newConfirming()
		for i := range 200 {
			o.put(string(rune('A'+i)), 1)
		}
		slow := &slowOutbox{memoryOutbox: o, recording: make(chan struct{})}
		r := startRelay(t, slow, p)
		line := r.carriers["events"][0].line
		ready := 0
		for range 20 { // the channel confirms nothing, and the carrier reads on
			time.Sleep(rouseAfter)
			synctest.Wait()
			ready, _ = line.counts()
		}
		if ready < bound {
			t.Fatalf("%d are read ahead: no more than the bound could be published", ready)
		}
		confirms := func() {
			for range 200 {
				select {
				case p.confirm <- 1:
				case <-time.After(time.Second):
				}
			}
			synctest.Wait()
		}
		confirms()
		if n := len(p.wires(t)); n != bound {
			t.Errorf("%d were published and not recorded, want %d", n, bound)
		}
		close(slow.recording)
		confirms()
		if n := len(p.wires(t)); n != 200 || o.left() != 0 {
			t.Errorf("took %d, %d left", n, o.left())
		}
		r.drain()
	})
}

// The bound holds whatever is read: next gives no more, though all is confirmed.
func TestFlowGivesNoMoreThanIsRecorded(t *testing.T) {
	o, p := &memoryOutbox{}, &recorder{}
	for i := range 200 {
		o.put(string(rune('A'+i)), 1)
	}
	c := newRelay(Config{Relay: RelayConfig{Window: 4}}.withDefaults(), o, []Channel{{Name: "events", Publisher: p}}, time.Now, slog.New(slog.DiscardHandler)).carriers["events"][0]
	c.line.add(o.rows)
	f := &flow{carrier: c, policy: *c.policy(), ctx: t.Context(), news: make(chan struct{}, 1), left: 1000}
	given := 0
	for d := f.next(); d != nil; d = f.next() {
		given++
		f.settled(d, nil)
	}
	if given != 4*4 {
		t.Errorf("%d were given and none recorded, want four windows of four", given)
	}
}

// slowOutbox records when it is let.
type slowOutbox struct {
	*memoryOutbox
	recording chan struct{}
}

func (o *slowOutbox) Confirm(ctx context.Context, l Lease, seqs []int64) error {
	<-o.recording
	return o.memoryOutbox.Confirm(ctx, l, seqs)
}

// Whoever finds that his lease was lost drops everything unconfirmed: the stream
// ends, and nothing of it is recorded; the next owner publishes it.
func TestFlowEndsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, newConfirming()
		for i := range 12 {
			o.put(string(rune('A'+i)), 1)
		}
		r := startRelay(t, o, p)
		synctest.Wait()
		o.mu.Lock()
		o.owner, o.fence, o.until = "another process", o.fence+1, time.Now().Add(time.Hour)
		o.mu.Unlock()
		p.confirm <- 2 // of four that are out
		time.Sleep(time.Second)
		synctest.Wait()
		p.mu.Lock()
		ended := p.ended
		p.mu.Unlock()
		if ended != 1 || o.left() != 12 {
			t.Errorf("%d streams ended, %d left; want one and all twelve", ended, o.left())
		}
		if got := p.wires(t); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("took %v", got)
		}
		r.drain()
	})
}

// A channel that fails in the middle gets nothing more, and later what it had not
// taken, in the order of each key.
func TestFlowResumesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &memoryOutbox{}, &recorder{}
		for range 10 {
			o.put("A", 1)
			o.put("B", 1)
		}
		calls := 0
		p.refuse = func(Delivery) error {
			if calls++; calls%5 == 0 {
				return fault.New(fault.CodeChannelUnavailable, "")
			}
			return nil
		}
		r := startRelay(t, o, streaming{p})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := p.wires(t); len(got) != 20 || o.left() != 0 {
			t.Errorf("took %v, %d left", got, o.left())
		}
		r.drain()
	})
}

// unheard is an outbox whose answer is lost once.
type unheard struct {
	*memoryOutbox
	asked [][]int64
}

func (o *unheard) Confirm(ctx context.Context, l Lease, seqs []int64) error {
	o.asked = append(o.asked, slices.Clone(seqs))
	err := o.memoryOutbox.Confirm(ctx, l, seqs)
	if err == nil && len(o.asked) == 1 {
		return fault.New(fault.CodeStoreUnavailable, "")
	}
	return err
}

// Nobody knows whether what was not answered was recorded: the same is asked again, and
// what was confirmed meanwhile after it.
func TestFlowRecordsTheSameAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := &unheard{memoryOutbox: &memoryOutbox{}}, newConfirming()
		for i := range 6 {
			o.put(fmt.Sprint(i), 1)
		}
		r := startRelay(t, o, p)
		synctest.Wait()
		p.confirm <- 1
		time.Sleep(2 * recordAfter)
		p.confirm <- 4 // what is out when nobody answers
		for o.left() > 0 {
			select {
			case p.confirm <- 1:
			case <-time.After(time.Second):
			}
		}
		r.drain()
		if got := fmt.Sprint(o.asked[:3]); got != "[[1] [1] [2 3 4 5]]" {
			t.Errorf("asked %v", o.asked)
		}
		if got := p.wires(t); len(got) != 6 {
			t.Errorf("took %d, want 6 once", len(got))
		}
	})
}
