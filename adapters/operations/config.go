package operations

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config is the door's own part of the listen.operations section. Every zero
// value means its default.
type Config struct {
	// AllowPlaintextPasswords takes passwords without TLS from everywhere.
	// Default: only from the loopback interface, and through no proxy.
	AllowPlaintextPasswords bool `yaml:"allow_plaintext_passwords"`
	// MaxConcurrent is how many API requests are worked on at once; more are
	// told to come again (503). Default: 32.
	MaxConcurrent int `yaml:"max_concurrent"`
	// RequestTimeout bounds the work on one API request, a replay included.
	// Default: 1m.
	RequestTimeout time.Duration `yaml:"request_timeout"`
	// SessionTime is how long a login is good that saves typing the password with every
	// command; it ends earlier with the process. Default: 1h, at most 12h.
	SessionTime time.Duration `yaml:"session_time"`
	// DrainTimeout bounds the wait for requests in flight at the end. Default: 10s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

const (
	maxBody       = 64 << 10
	maxCorrected  = 24 << 20 // a payload of 16 MiB in base64
	maxHeader     = 64 << 10
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxSession    = 12 * time.Hour
)

// Validate reports every fault of the section at once.
func (c Config) Validate() error {
	var faults []error
	for _, n := range []struct {
		key   string
		value int64
		shown any
	}{
		{"max_concurrent", int64(c.MaxConcurrent), c.MaxConcurrent},
		{"request_timeout", int64(c.RequestTimeout), c.RequestTimeout},
		{"drain_timeout", int64(c.DrainTimeout), c.DrainTimeout},
		{"session_time", int64(c.SessionTime), c.SessionTime},
	} {
		if n.value < 0 {
			faults = append(faults, fmt.Errorf("%s: %v is negative", n.key, n.shown))
		}
	}
	if c.SessionTime > maxSession {
		faults = append(faults, fmt.Errorf("session_time: %v is more than %v", c.SessionTime, maxSession))
	}
	return errors.Join(faults...)
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config {
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 32)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, time.Minute)
	c.SessionTime = cmp.Or(c.SessionTime, time.Hour)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 10*time.Second)
	return c
}
