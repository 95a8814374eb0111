package gateway

import "time"

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
	c.Window = orDefault(c.Window, 100)
	c.Poll = orDefault(c.Poll, time.Second)
	c.LeaseTTL = orDefault(c.LeaseTTL, 15*time.Second)
	c.MaxAttempts = orDefault(c.MaxAttempts, 5)
	c.MinBackoff = orDefault(c.MinBackoff, 200*time.Millisecond)
	c.MaxBackoff = orDefault(c.MaxBackoff, 30*time.Second)
	return c
}

// maxBacklog is how many windows of one shard are kept in memory.
const maxBacklog = 20

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
