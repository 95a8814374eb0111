package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// failpoints are where the gateway can be made to die, by door: those that need
// messages of the queue, and those that every message comes by. A test holds
// them against the gateway's source. After purge= stands the table of which rows
// were just removed.
var failpoints = map[string][]string{
	"": {"commit-begun", "commit-claimed", "commit-written", "commit-rendered", "commit-chaining", "commit-chained", "commit-sealed", "commit-done",
		"relay-read", "relay-published", "relay-responded", "relay-removed", "relay-confirmed", "purge=inbox", "purge=payload", "purge=message"},
	"amqp": {"consume-prepared", "consume-committed", "consume-replied", "consume-acknowledged", "alone-noted", "alone-settled",
		"commit-held", "retry-read", "retry-settled"},
}

// act is one piece of violence against one process.
type act struct {
	kind    kind
	crashAt string  // failpoint:count, for kind crash
	when    float64 // how much of the act's share of messages is through, for all other kinds
}

type kind int

const (
	crash  kind = iota // it dies at a failpoint, or is killed when that is not reached
	kill               // it is killed
	halt               // it is told to stop
	frozen             // it is frozen, and later continued
)

// plan lays out a campaign's violence, as its seed has it.
func (s *settings) plan() []act {
	random := s.chance(1)
	points := failpoints[""]
	if s.through("amqp") {
		points = append(points[:len(points):len(points)], failpoints["amqp"]...)
	}
	var acts []act
	for i := range s.crashes {
		point, most := points[i%len(points)], 5
		if strings.HasPrefix(point, "retry-") || strings.HasPrefix(point, "alone-") || strings.HasPrefix(point, "consume-") || point == "commit-held" {
			most = 2 // few messages, or batches, come by there
		}
		a := act{kind: crash, crashAt: fmt.Sprintf("%s:%d", point, 1+random.IntN(most)), when: random.Float64()}
		if strings.Contains(point, "=") {
			a.crashAt = point // the first time
		}
		if random.Float64() < s.random {
			a = act{kind: kill, when: random.Float64()}
		}
		acts = append(acts, a)
	}
	for range s.stops {
		acts = append(acts, act{kind: halt, when: random.Float64() / 2}) // the other half is the load
	}
	for range s.freezes {
		acts = append(acts, act{kind: frozen, when: random.Float64() / 4})
	}
	random.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	// Messages are taken alone when somebody died over them just before: never
	// after a fence, which comes before every second act.
	for i := 0; i+1 < len(acts); i += 2 {
		if strings.HasPrefix(acts[i].crashAt, "alone-") {
			acts[i], acts[i+1] = acts[i+1], acts[i]
		}
	}
	if s.poison {
		for range poisonCrashes {
			acts = append(acts, act{kind: crash, crashAt: poisoned})
		}
	}
	return acts
}

// poisonCrashes is on which of its crashes a poison message is parked.
const poisonCrashes = 3

// poisoned is where a process dies that prepares the poison message.
const poisoned = "prepare=" + poison

// conduct plays acts on one gateway, life after life, and then lets it run until
// ctx ends.
func (c *campaign) conduct(ctx context.Context, g *gateway, acts <-chan act) error {
	var p *process
	for a := range acts {
		if p == nil {
			started, err := g.start(a.crashAt)
			if err != nil {
				return err
			}
			p = started
		}
		if a.needsNews() {
			if err := p.serves(ctx, c.patience); err != nil {
				return errors.Join(err, p.abandon())
			}
		}
		c.grant(c.shareOf(a))
		err := c.spare(ctx, p)
		if err == nil {
			err = c.perform(ctx, p, a)
			c.spared()
		}
		if err != nil {
			return errors.Join(err, p.abandon())
		}
		if a.kind != frozen {
			p = nil
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	c.calm <- struct{}{}
	return c.live(ctx, g, p)
}

// needsNews reports whether an act waits for messages that come while the process
// serves: others would have taken what was granted before. At the other failpoints it
// may die of what the one before has left behind, before it serves.
func (a act) needsNews() bool {
	for _, place := range []string{"commit-", "consume-", "retry-", "purge="} {
		if a.kind == crash && strings.HasPrefix(a.crashAt, place) {
			return true
		}
	}
	return false
}

// live is a gateway's last life, which ends in an orderly way.
func (c *campaign) live(ctx context.Context, g *gateway, p *process) error {
	if p == nil {
		crashAt := ""
		if c.poison {
			crashAt = poisoned
		}
		started, err := g.start(crashAt)
		if err == nil {
			err = started.arm()
		}
		if err != nil {
			return err
		}
		p = started
	}
	select {
	case <-p.ended:
		return p.unasked()
	case <-ctx.Done():
		err := p.serves(context.WithoutCancel(ctx), c.patience)
		if err == nil {
			_, err = p.stop()
		}
		return err
	}
}

// shareOf is how many messages come before an act. While somebody is frozen the
// others need some, too.
func (c *campaign) shareOf(a act) int {
	if a.kind == frozen {
		return c.share / 2
	}
	return c.share
}

// perform does one act on a living process.
func (c *campaign) perform(ctx context.Context, p *process, a act) error {
	switch a.kind {
	case crash:
		return c.crash(ctx, p, a)
	case kill:
		return c.killAt(ctx, p, a)
	case halt:
		return c.halt(ctx, p, a)
	default:
		return c.freeze(ctx, p, a)
	}
}

// How long a failpoint may take to be reached: while messages come through, and once
// none do. Then fewer batches have done for the share of messages than it counts.
const (
	whileMoving = 10 * time.Second
	whenStill   = 2500 * time.Millisecond
)

// crash waits for the process to die at its failpoint. That may never be reached.
func (c *campaign) crash(ctx context.Context, p *process, a act) error {
	if err := p.arm(); err != nil {
		return err
	}
	moving, still := c.slow(whileMoving), c.slow(whenStill)
	if c.poison {
		moving, still = c.patience, c.patience
	}
	latest := time.After(moving)
	for waiting := true; waiting; {
		_, news := c.history.progress()
		select {
		case <-p.ended:
			if !p.killed() {
				return p.unasked()
			}
			c.tally.reached(a.crashAt)
			return nil
		case <-ctx.Done():
			return p.kill()
		case <-news:
		case <-time.After(still):
			waiting = false
		case <-latest:
			waiting = false
		}
	}
	if c.poison {
		return fmt.Errorf("nobody died of the poison message within %v", c.patience)
	}
	c.tally.missed()
	return p.kill()
}

// killAt kills the process when enough messages are through.
func (c *campaign) killAt(ctx context.Context, p *process, a act) error {
	if err := c.meanwhile(ctx, p, c.shareOf(a), a.when); err != nil {
		return err
	}
	c.tally.killed()
	return p.kill()
}

// halt tells the process to stop, under load, and holds it to its word.
func (c *campaign) halt(ctx context.Context, p *process, a act) error {
	if err := p.serves(ctx, c.patience); err != nil {
		return err
	}
	if err := c.meanwhile(ctx, p, c.shareOf(a), a.when); err != nil {
		return err
	}
	took, err := p.stop()
	c.tally.stopped(took)
	return err
}

// freeze stops the process in its tracks, with whatever it has in hand, and lets
// it go on when others have long taken over. There is one at a time, so that
// there are others.
func (c *campaign) freeze(ctx context.Context, p *process, a act) error {
	c.ice.Lock()
	defer c.ice.Unlock()
	if err := c.meanwhile(ctx, p, c.shareOf(a), a.when); err != nil {
		return err
	}
	free := c.gateways > 1 && c.tally.freezes%2 == 0
	if err := c.stopInItsTracks(ctx, p, free); err != nil {
		return err
	}
	pause(ctx, c.frozen/2) // for what was under way with others, and for leases to end
	before, _ := c.history.progress()
	c.spread(ctx, c.share-c.shareOf(a), c.frozen/2)
	after, _ := c.history.progress()
	c.tally.thawed(after > before)
	if free && after == before && ctx.Err() == nil {
		c.notes.add(stuck, "nobody took over from a frozen gateway within %v", c.frozen)
	}
	if err := p.Process.Signal(thaw); err != nil {
		return fmt.Errorf("continuing a gateway: %w", err)
	}
	return c.meanwhile(ctx, p, c.shareOf(a), 0.5)
}

// stopInItsTracks freezes the process wherever it is; or, if free, where it does
// not lock the whole database, as SQLite's writers do.
func (c *campaign) stopInItsTracks(ctx context.Context, p *process, free bool) error {
	for {
		if err := p.Process.Signal(freeze); err != nil {
			return fmt.Errorf("freezing a gateway: %w", err)
		}
		pause(ctx, 10*time.Millisecond) // its threads come to rest one by one
		if !free || ctx.Err() != nil || !c.database.locked(ctx) {
			return nil
		}
		if err := p.Process.Signal(thaw); err != nil {
			return fmt.Errorf("continuing a gateway: %w", err)
		}
		pause(ctx, 7*time.Millisecond)
	}
}

// meanwhile waits until a part of a share of messages was announced, by
// whichever gateway, for a few seconds at most. The process must live through it.
func (c *campaign) meanwhile(ctx context.Context, p *process, share int, part float64) error {
	late := time.NewTimer(c.slow(5 * time.Second))
	defer late.Stop()
	begin, _ := c.history.progress()
	goal := begin + 1 + int(part*float64(share))
	for {
		reached, news := c.history.progress()
		if reached >= goal {
			return nil
		}
		select {
		case <-news:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-p.ended:
			return p.unasked()
		}
	}
}

// slow is how long something may take that takes d on a file of one's own: a
// server is across a network, and others use it.
func (s *settings) slow(d time.Duration) time.Duration {
	if s.store == "sqlite" {
		return d
	}
	return 8 * d
}

// abandon makes sure that nothing of the process is left.
func (p *process) abandon() error {
	select {
	case <-p.ended:
		return nil
	default:
		return p.kill()
	}
}
