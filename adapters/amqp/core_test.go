package amqp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// fakeCore takes messages as the gateway does: prepared in parallel, committed
// by lanes in the order of Submit, nothing of a run after a failure. The
// message's type is its ordering key.
type fakeCore struct {
	lanes [4]chan *fakeTicket
	work  sync.WaitGroup

	// Hooks; nil does nothing. They are called from many goroutines.
	onPrepare func(a *gateway.Arrival)
	onCommit  func(a *gateway.Arrival) error // an error is an outage
	onAlone   func(a *gateway.Arrival) error
	answer    func(a *gateway.Arrival, r *gateway.Receipt)

	mu       sync.Mutex
	notReady error
	arrivals []*gateway.Arrival // committed, in order, repeats included
	broken   map[*gateway.Source]bool
	alone    []string // message ids of TakeAlone
	begun    int      // tickets
	ended    int
	most     int // most tickets at once
	polls    int // calls of Ready
}

func newCore(t testing.TB) *fakeCore {
	c := &fakeCore{broken: map[*gateway.Source]bool{}}
	for i := range c.lanes {
		c.lanes[i] = make(chan *fakeTicket, 64)
		c.work.Go(func() {
			for ticket := range c.lanes[i] {
				ticket.commit()
			}
		})
	}
	t.Cleanup(func() {
		for _, lane := range c.lanes {
			close(lane)
		}
		c.work.Wait()
		if c.begun != c.ended {
			t.Errorf("%d tickets were begun, %d ended", c.begun, c.ended)
		}
	})
	return c
}

var errAway = fault.New(fault.CodeStoreUnavailable, "")

func (c *fakeCore) Prepare(_ context.Context, a *gateway.Arrival) amqp.Ticket {
	if c.onPrepare != nil {
		c.onPrepare(a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun++
	c.most = max(c.most, c.begun-c.ended)
	return &fakeTicket{core: c, arrival: a, settled: make(chan struct{})}
}

func (c *fakeCore) TakeAlone(_ context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	c.mu.Lock()
	alone := c.begun == c.ended
	c.alone = append(c.alone, a.MessageID)
	c.mu.Unlock()
	if !alone {
		panic("a suspect was not alone")
	}
	if c.onAlone != nil {
		if err := c.onAlone(a); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrivals = append(c.arrivals, a)
	return c.receipt(a), nil
}

func (c *fakeCore) Ready(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polls++
	return c.notReady
}

func (c *fakeCore) setReady(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notReady = err
}

func (c *fakeCore) receipt(a *gateway.Arrival) *gateway.Receipt {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(a.MessageID))
	r := &gateway.Receipt{ID: id, MessageID: id, Status: gateway.Stored}
	if c.answer != nil {
		c.answer(a, r)
	}
	return r
}

// ids are the message ids that were committed, in order, repeats included.
func (c *fakeCore) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]string, len(c.arrivals))
	for i, a := range c.arrivals {
		out[i] = a.MessageID
	}
	return out
}

// taken is how often each message was committed.
func (c *fakeCore) taken() map[string]int {
	out := map[string]int{}
	for _, id := range c.ids() {
		out[id]++
	}
	return out
}

func (c *fakeCore) aloneIDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.alone...)
}

// inOrder fails unless the first commits of each key come in the order of its
// numbers.
func (c *fakeCore) inOrder(t *testing.T) {
	t.Helper()
	last, seen := map[string]int{}, map[string]bool{}
	for _, id := range c.ids() {
		var key string
		var n int
		if _, err := fmt.Sscanf(id, "%4s %d", &key, &n); err != nil {
			t.Fatalf("message id %q: %v", id, err)
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		if n < last[key] {
			t.Fatalf("%q was committed after number %d of its key", id, last[key])
		}
		last[key] = n
	}
}

type fakeTicket struct {
	core    *fakeCore
	arrival *gateway.Arrival
	source  *gateway.Source
	settled chan struct{}
	receipt *gateway.Receipt
	err     error
	asked   bool
}

func (k *fakeTicket) Submit(ctx context.Context, s *gateway.Source) {
	k.source = s
	var lane int
	for _, c := range k.arrival.Properties["type"] {
		lane += int(c)
	}
	select {
	case k.core.lanes[lane%len(k.core.lanes)] <- k:
	case <-ctx.Done():
		k.settle(errAway)
	}
}

func (k *fakeTicket) commit() {
	c := k.core
	c.mu.Lock()
	broken := c.broken[k.source]
	c.mu.Unlock()
	if broken {
		k.settle(errAway)
		return
	}
	if c.onCommit != nil {
		if err := c.onCommit(k.arrival); err != nil {
			c.mu.Lock()
			c.broken[k.source] = true
			c.mu.Unlock()
			k.settle(err)
			return
		}
	}
	c.mu.Lock()
	c.arrivals = append(c.arrivals, k.arrival)
	k.receipt = c.receipt(k.arrival)
	c.mu.Unlock()
	k.settle(nil)
}

func (k *fakeTicket) settle(err error) {
	k.err = err
	k.core.mu.Lock()
	k.core.ended++
	k.core.mu.Unlock()
	close(k.settled)
}

func (k *fakeTicket) Settled() <-chan struct{} { return k.settled }
func (k *fakeTicket) Drop()                    { k.settle(errAway) }

func (k *fakeTicket) Result() (*gateway.Receipt, error) {
	if k.asked {
		panic("Result was called twice")
	}
	k.asked = true
	return k.receipt, k.err
}

// gate holds whoever waits at it, until it is opened, at the latest by the end of
// the test.
type gate struct {
	open func()
	wait chan struct{}
}

func newGate(t *testing.T) *gate {
	wait := make(chan struct{})
	g := &gate{open: sync.OnceFunc(func() { close(wait) }), wait: wait}
	t.Cleanup(g.open)
	return g
}

// jitter makes messages settle in any order but that of their key.
func jitter(*gateway.Arrival) error {
	if n := rand.IntN(20); n == 0 {
		time.Sleep(time.Millisecond)
	}
	return nil
}
