package gateway

import (
	"cmp"
	"time"
)

// RelayConfig tunes the relay; the zero value works.
type RelayConfig struct {
	Window   int           // deliveries published at once per shard; 0 means 100
	Poll     time.Duration // how often an idle shard is looked at; 0 means 1 s
	LeaseTTL time.Duration // how long a lease outlives its last renewal; 0 means 15 s
	// MaxAttempts is how often a delivery that the channel refuses is tried
	// before it is parked with its key's successors; 0 means 5.
	MaxAttempts int
	MinBackoff  time.Duration // first pause after a failure; 0 means 200 ms
	MaxBackoff  time.Duration // longest pause; 0 means 30 s
}

// Effective returns the settings with every default filled in.
func (c RelayConfig) Effective() RelayConfig { return c.withDefaults() }

func (c RelayConfig) withDefaults() RelayConfig {
	c.Window = cmp.Or(c.Window, 100)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.LeaseTTL = cmp.Or(c.LeaseTTL, 15*time.Second)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, 5)
	c.MinBackoff = cmp.Or(c.MinBackoff, 200*time.Millisecond)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 30*time.Second)
	return c
}

// Policy is how one channel is served. A zero field is the relay's own setting,
// where there is one.
type Policy struct {
	// Window is how many deliveries of a shard are published at once.
	Window int
	// Attempts is how often a delivery that the channel refuses for good is tried
	// before it is parked.
	Attempts int
	// First and Longest bound the pauses: after a failure of the channel, of one
	// delivery, and between the looks at a channel whose circuit is open.
	First, Longest time.Duration
	// For is how long a delivery that fails alone (fault.CodeNotTaken) is tried,
	// counted from its first failure, before it is parked; zero means 24 hours. While
	// the circuit is open nothing is parked for its age.
	For time.Duration
	// Rate is how many deliveries a second this process publishes at most; zero is
	// no limit. What was saved up in a second of rest may go at once.
	Rate float64
	// Circuit is how many failures in a row open the circuit: from then on one
	// delivery at a time is tried, until one is answered. Zero: there is none.
	Circuit int
	// Skip lets the deliveries behind a parked one of their key go on, out of
	// order. Without it they are parked with it.
	Skip bool
}

func (p Policy) withDefaults(c RelayConfig) Policy {
	p.Window = cmp.Or(p.Window, c.Window)
	p.Attempts = cmp.Or(p.Attempts, c.MaxAttempts)
	p.First = cmp.Or(p.First, c.MinBackoff)
	p.Longest = max(p.First, cmp.Or(p.Longest, c.MaxBackoff))
	p.For = cmp.Or(p.For, 24*time.Hour)
	return p
}

// flows reports whether deliveries may follow one another without a window's end:
// neither a quota nor a circuit counts them.
func (p Policy) flows() bool { return p.Rate <= 0 && p.Circuit == 0 }

// unrecorded is how many deliveries of a shard may be published and not yet
// recorded, those that are unconfirmed included. It bounds what a crash repeats.
func (p Policy) unrecorded() int { return 4 * p.Window }

// maxBacklog is how many windows of one shard are kept in memory, and
// minBacklog how many deliveries are, however small the window.
const (
	maxBacklog = 20
	minBacklog = 500
)

// ahead is how many deliveries of a shard are kept in memory that wait for nothing
// but the channel.
func (p Policy) ahead() int { return (readAhead + 2) * p.Window }

func (p Policy) backlog() int { return max(minBacklog, maxBacklog*p.Window) }

func orDefault[T comparable](v, def T) T { return cmp.Or(v, def) }
