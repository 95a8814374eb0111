package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// flow is one turn of a carrier at a channel that streams: deliveries are published
// while those before them are confirmed, recorded and read. The channel's
// goroutine calls next and settled; the carrier's own reads ahead, records, and
// parks.
type flow struct {
	carrier *carrier
	policy  Policy
	ctx     context.Context // as long as the lease is held
	news    chan struct{}   // there is something for the carrier to do

	mu         sync.Mutex
	settledOf  []Delivery // what is settled and not seen to, with its results
	results    []error
	seen       []Delivery           // what was seen to last; its place is used again
	spans      map[int64]trace.Span // of what is out, by seq
	until      time.Time            // when the turn is over; zero: it has not begun
	left       int                  // how many more may go in it
	out        int                  // published and not settled
	unrecorded int                  // published and not recorded, out included
	halted     bool                 // nothing more goes in this turn
}

// A turn ends after so many windows, or so much time: shards share the
// connections of a channel, and what operators have done is seen between turns.
const (
	turnWindows = 20
	turnTime    = 250 * time.Millisecond
)

// readAhead is how many windows are kept ready while deliveries flow.
const readAhead = 4

// Confirmed deliveries are recorded when there are so many windows of them, or when
// the first has waited for so long: the fewer transactions, the more the channel and
// those who store get of the machine.
const (
	recordWindows = 2
	recordAfter   = 50 * time.Millisecond
)

// rouseAfter is how often the line is asked for deliveries whose pause is over.
const rouseAfter = 10 * time.Millisecond

// flow publishes what is in the line and what is read meanwhile, until nothing is
// ready, something failed, or its turn is over.
func (c *carrier) flow(ctx context.Context, channel Streamer, p Policy) (more bool, err error) {
	if ready, _ := c.line.counts(); ready == 0 {
		return false, nil
	}
	failpoint.Hit("relay-read")
	held, done := c.whileHeld(ctx)
	done = sync.OnceFunc(done)
	defer done()
	f := &flow{carrier: c, policy: p, ctx: held, news: make(chan struct{}, 1), left: turnWindows * p.Window, spans: map[int64]trace.Span{}}
	streamed := make(chan struct{})
	go func() {
		defer close(streamed)
		channel.Stream(held, f.next, f.settled)
	}()
	err = f.attend(ctx, streamed)
	if errors.Is(err, ErrLeaseLost) {
		done() // what is unconfirmed is the next owner's
	}
	<-streamed
	done()
	return true, errors.Join(err, f.tend(ctx), c.record(ctx))
}

// attend does the carrier's part until the stream has ended, or the store or the
// channel fails: then nothing more goes.
func (f *flow) attend(ctx context.Context, streamed <-chan struct{}) error {
	record, rouse := time.NewTicker(recordAfter), time.NewTicker(rouseAfter)
	defer record.Stop()
	defer rouse.Stop()
	for {
		due := false
		select {
		case <-streamed:
			return nil
		case <-f.news:
		case <-f.carrier.wake:
			if f.carrier.missed.Swap(false) {
				f.carrier.exhausted.Store(false)
			}
		case <-rouse.C:
			f.carrier.line.rouse()
		case <-record.C:
			due = true
		}
		if err := f.advance(ctx, due); err != nil {
			f.halt()
			return err
		}
	}
}

// advance sees to what is settled, reads on, and records when that is worth it or
// due. Reading comes first: the channel must not wait for the disk.
func (f *flow) advance(ctx context.Context, due bool) error {
	c := f.carrier
	if err := f.tend(ctx); err != nil {
		return err
	}
	for c.hungry(f.policy, readAhead*f.policy.Window) && !c.stale.Load() {
		released, err := c.read(ctx, f.policy)
		if err != nil {
			return err
		}
		if released {
			c.stale.Store(true)
		}
	}
	if n := len(c.taken); n >= recordWindows*f.policy.Window || due && n > 0 {
		if err := c.record(ctx); err != nil {
			return err
		}
		f.mu.Lock()
		f.unrecorded -= n
		f.mu.Unlock()
	}
	return nil
}

// tend settles what the channel has answered.
func (f *flow) tend(ctx context.Context) error {
	f.mu.Lock()
	window, results := f.settledOf, f.results
	if len(window) == 0 {
		f.mu.Unlock()
		return nil
	}
	f.settledOf, f.results = f.seen[:0], nil
	f.mu.Unlock()
	failpoint.Hit("relay-published")
	before := len(f.carrier.taken)
	err := f.carrier.settle(ctx, window, results)
	failed := len(window) - (len(f.carrier.taken) - before)
	clear(window)
	f.mu.Lock()
	f.unrecorded -= failed
	f.seen = window
	f.mu.Unlock()
	return err
}

// next gives the channel the next delivery; nil: there is none for the moment, or
// nothing more goes in this turn.
func (f *flow) next() *Delivery {
	c := f.carrier
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over() || f.out >= f.policy.Window || f.unrecorded >= f.policy.unrecorded() {
		return nil
	}
	if c.hungry(f.policy, readAhead/2*f.policy.Window) {
		f.tell()
	}
	d := c.line.take()
	if d == nil {
		return nil
	}
	f.left--
	f.out++
	f.unrecorded++
	if span := c.trace(f.ctx, d); span != nil {
		f.spans[d.Seq] = span
	}
	return d
}

// over reports whether the turn has ended. It begins when the channel asks for the
// first delivery: until then others may have had the connection.
func (f *flow) over() bool {
	now := f.carrier.now()
	if f.until.IsZero() {
		f.until = now.Add(turnTime)
	}
	return f.halted || f.left == 0 || now.After(f.until) || f.carrier.stale.Load()
}

// settled notes what became of a delivery. A confirmed one makes room for the next
// of its key at once; after a failure of the channel nothing more goes.
func (f *flow) settled(d *Delivery, err error) {
	if err == nil {
		f.carrier.line.settle(d)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out--
	f.settledOf, f.results = append(f.settledOf, *d), append(f.results, err)
	if span := f.spans[d.Seq]; span != nil {
		endSpan(span, err)
		delete(f.spans, d.Seq)
	}
	if err != nil && fault.KindOf(err).Retryable() && fault.Of(err).Code != fault.CodeNotTaken {
		f.halted = true
	}
	if err != nil || len(f.results) >= f.policy.Window/2 {
		f.tell()
	}
}

func (f *flow) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

func (f *flow) halt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halted = true
}
