package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
)

// campaign is one campaign with everything it runs among.
type campaign struct {
	*settings
	out       io.Writer
	database  *database
	broker    *broker
	rabbit    *rabbit // nil when the broker is somebody else's
	directory *directory.Server
	partner   *partner
	listener  *listener
	history   *history
	budgets   map[string]*budget
	senders   *senders
	fleet     []*gateway
	tally     *tally
	ice       sync.Mutex        // held while a gateway is frozen
	fence     *fence            // nil without the queue
	share     int               // of the messages, for each act
	calm      chan struct{}     // gets one for each gateway whose violence is over
	parked    map[string]string // code by identity: what should be parked
	notes     notes             // what went wrong on the way
	temporary bool              // dir is
}

// play carries a campaign through and judges it. Without a verdict it could not
// even be set up.
func (s *settings) play(ctx context.Context, out io.Writer) (*verdict, error) {
	begin := time.Now()
	c := &campaign{settings: s, out: out, history: newHistory(), parked: map[string]string{},
		notes: notes{findings: findings{}}, tally: &tally{points: map[string]int{}}, calm: make(chan struct{}, s.gateways), budgets: map[string]*budget{}}
	v, err := c.run(ctx)
	if v != nil {
		v.took, v.dir = time.Since(begin), c.dir
	}
	return v, errors.Join(err, c.clear(v != nil && !v.wrong() && err == nil))
}

func (c *campaign) run(ctx context.Context) (*verdict, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	trouble := errors.Join(c.fight(ctx), c.fence.close(), c.listener.finish(ctx, c.patience))
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), trouble)
	}
	if trouble != nil {
		c.notes.add(aborted, "%v", trouble)
	}
	v, err := c.judge(ctx)
	if err != nil {
		err = errors.Join(trouble, err)
	}
	return v, err
}

// prepare sets everything up but the gateways.
func (c *campaign) prepare(ctx context.Context) (err error) {
	if err := c.settle(); err != nil {
		return err
	}
	name := fmt.Sprintf("campaign-%08x", uint32(time.Now().UnixNano())^uint32(os.Getpid()))
	if err := writeProject(c.dir); err != nil {
		return err
	}
	address := c.settings.broker
	if c.brokerKills > 0 {
		if c.rabbit, err = startRabbit(ctx, c.settings.rabbitmq, filepath.Join(c.dir, "rabbitmq")); err != nil {
			return err
		}
		address = c.rabbit.url
	}
	if c.broker, err = openBroker(address, name, c.queue, c.tally); err != nil {
		return err
	}
	if c.rabbit != nil {
		c.broker.hangUp()
		if err := c.rabbit.settle(ctx); err != nil {
			return err
		}
	}
	if c.directory, err = startDirectory(c.broker.login); err != nil {
		return err
	}
	if c.database, err = openDatabase(ctx, c.store, name, c.dir); err != nil {
		return err
	}
	if c.partner, err = startPartner(c.history, c.chance(900)); err != nil {
		return err
	}
	for n := range c.gateways {
		g, err := c.newGateway(n)
		if err != nil {
			return err
		}
		c.fleet = append(c.fleet, g)
	}
	if err := c.migrate(ctx, c.fleet[0].file); err != nil {
		return err
	}
	c.listener = c.broker.listen(c.history)
	return c.hire()
}

// settle finds a folder to work in.
func (c *campaign) settle() (err error) {
	if c.temporary = c.dir == ""; c.temporary {
		c.dir, err = os.MkdirTemp("", "gatehouse-campaign-")
		return err
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	return os.MkdirAll(c.dir, 0o755)
}

// hire gets senders, and their budget.
func (c *campaign) hire() error {
	c.senders = &senders{settings: c.settings, history: c.history, budgets: c.budgets, tally: c.tally}
	for _, g := range c.fleet {
		c.senders.addresses = append(c.senders.addresses, g.address)
	}
	for i, door := range c.doors {
		c.budgets[door] = newBudget(c.messages*(i+1)/len(c.doors) - c.messages*i/len(c.doors))
	}
	if !c.through("amqp") {
		return nil
	}
	for i := range producers {
		p, err := newProducer(c.broker, c.history, c.chance(400+uint64(i)))
		if err != nil {
			return err
		}
		c.senders.producers = append(c.senders.producers, p)
	}
	last, err := newProducer(c.broker, c.history, c.chance(500))
	if err != nil {
		return err
	}
	c.fence = newFence(last)
	if c.poison {
		c.parked[poison] = codePoison
		c.senders.poison = cap(c.budgets["amqp"].tokens) / (2 * producers)
	}
	return nil
}

// codePoison is the fault of a message that killed too many processes.
const codePoison = "GH-9003"

// fight runs the gateways, the violence and the senders, and returns when all is
// sent and settled and the gateways have stopped.
func (c *campaign) fight(ctx context.Context) error {
	plan := c.plan()
	acts := make(chan act, len(plan))
	for _, a := range plan {
		acts <- a
	}
	close(acts)
	c.share = max(1, c.messages/(len(plan)+1))
	if c.poison {
		c.share = c.messages // it is somewhere among all
	}

	ctx, end := context.WithCancel(ctx)
	defer end()
	group, ctx := errgroup.WithContext(ctx)
	for _, g := range c.fleet {
		group.Go(func() error { return c.conduct(ctx, g, acts) })
	}
	c.sabotage(ctx, group)
	group.Go(func() error {
		defer end()
		return c.load(ctx)
	})
	return group.Wait()
}

// load has the senders send, and waits until everything has settled after the
// last of the violence.
func (c *campaign) load(ctx context.Context) error {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- c.senders.run(sending, c.listener.seen) }()
	for range c.fleet {
		select {
		case <-c.calm:
		case <-ctx.Done():
		}
	}
	for _, b := range c.budgets {
		b.grant(c.messages)
	}
	var err error
	done := false
	c.await(ctx, "senders to be done", func() bool {
		select {
		case err = <-sent:
			done = true
		default:
		}
		return done
	})
	stop()
	if !done {
		err = <-sent
	}
	if c.fence != nil {
		c.fence.put(ctx)
	}
	c.await(ctx, "events, queue, outbox and held messages", func() bool { return c.settled(ctx) })
	return err
}

// await waits for a condition, as long as anything moves.
func (c *campaign) await(ctx context.Context, what string, met func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		_, moved := c.history.missing(c.parked)
		if quiet := time.Since(later(begin, moved)); quiet > c.patience {
			c.notes.add(stuck, "nothing moved for %v while waiting for %s", quiet.Round(time.Second), what)
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settled reports whether nothing is on its way any more, as far as can be told
// while gateways run.
func (c *campaign) settled(ctx context.Context) bool {
	if missing, _ := c.history.missing(c.parked); missing > 0 {
		return false
	}
	queued, err := c.broker.waiting()
	if err != nil || queued > 0 {
		return false
	}
	waiting, err := c.database.waiting(ctx)
	return err == nil && waiting == 0
}

// judge reads database and broker and holds them against the history.
func (c *campaign) judge(ctx context.Context) (*verdict, error) {
	found, err := c.database.read(ctx)
	if err != nil {
		return nil, err
	}
	left, err := c.broker.remains(ctx)
	if err != nil {
		return nil, err
	}
	e := &evidence{account: c.history.account(), stored: found, queue: left, parked: c.parked}
	v := &verdict{findings: judge(e), tally: c.tally, removed: len(found.messages) - found.payloads}
	for _, h := range found.held {
		if h.state == "parked" {
			v.parked++
		}
	}
	for kind, list := range c.notes.taken() {
		v.findings[kind] = append(v.findings[kind], list...)
	}
	if told, err := c.audit(ctx); err != nil {
		v.add(damaged, "the audit trail: %v: %s", err, told)
	}
	for _, g := range c.fleet {
		n, err := g.lapses()
		if err != nil {
			return nil, err
		}
		c.tally.lapses += n
	}
	v.settle(&e.account)
	return v, nil
}

// audit has the gateway's own command verify the audit trail, now that nothing runs.
func (c *campaign) audit(ctx context.Context) ([]byte, error) {
	return exec.CommandContext(ctx, c.binary, "audit", "verify", "-c", c.fleet[0].file, "--direct").CombinedOutput()
}

// grant allows n more messages, by all doors together.
func (c *campaign) grant(n int) {
	for _, b := range c.budgets {
		b.grant(max(1, n/len(c.budgets)))
	}
}

// spread allows n more messages, bit by bit, over a time.
func (c *campaign) spread(ctx context.Context, n int, over time.Duration) {
	bits := max(1, min(40, n/len(c.budgets)))
	tick := time.NewTicker(over / time.Duration(bits))
	defer tick.Stop()
	for i := range bits {
		c.grant(n*(i+1)/bits - n*i/bits)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// clear removes what the campaign has made; of a good one also the folder, when
// it was a temporary one.
func (c *campaign) clear(good bool) error {
	var faults []error
	faults = append(faults, c.clearLinks(), c.partner.close())
	if c.listener != nil {
		close(c.listener.over)
	}
	if c.broker != nil && c.rabbit == nil {
		faults = append(faults, c.broker.remove())
	} else if c.broker != nil {
		c.broker.hangUp()
	}
	faults = append(faults, c.rabbit.stop())
	if c.database != nil {
		faults = append(faults, c.database.remove())
	}
	if c.directory != nil {
		faults = append(faults, c.directory.Close())
	}
	if good && c.temporary {
		faults = append(faults, os.RemoveAll(c.dir))
	}
	return errors.Join(faults...)
}
