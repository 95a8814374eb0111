package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// retentionSection says how long the gateway's own tables keep what nobody works
// on any more. What waits, what is parked and what a channel has not confirmed
// stays as long as it takes.
type retentionSection struct {
	// Inbox is how long a repeat is recognised and gets the first reply; 30d. It
	// has to exceed the longest time after which a sender sends something again.
	Inbox period `yaml:"inbox"`
	// Payloads is how long messages are kept whole; 90d.
	Payloads period `yaml:"payloads"`
	// Ledger is how long messages, keys, deliveries and history are found; 365d.
	Ledger period `yaml:"ledger"`
	// Refusals is how long it is known who was turned away; 30d.
	Refusals period `yaml:"refusals"`
	// Closed is how long a message of the parking lot is kept after it was replayed
	// or discarded, and a job after it has ended; 90d.
	Closed period `yaml:"closed"`
	// Suspects is how long a note is kept about a message over which a process
	// ended; 30d.
	Suspects period `yaml:"suspects"`
	// Audit is how long the audit trail's batches are kept; as long as messages are
	// found. What operators did is kept forever.
	Audit period `yaml:"audit"`
	// Changes is how long a stream of a live view can be resumed; 7d.
	Changes period        `yaml:"changes"`
	Every   time.Duration `yaml:"every"` // how often old rows are looked for; 1h
}

// routeRetentionSection is what one route keeps for another time.
type routeRetentionSection struct {
	Inbox    period `yaml:"inbox"`    // how long a repeat is recognised; as retention.inbox
	Payloads period `yaml:"payloads"` // how long messages are kept whole; as retention.payloads
	Ledger   period `yaml:"ledger"`   // how long messages are found; as retention.ledger
}

// period is how long something is kept: a duration, a number of days such as
// 30d, or forever. Zero means that it is not set.
type period time.Duration

const forever = "forever"

// UnmarshalText reads 30d, 12h or forever.
func (p *period) UnmarshalText(text []byte) error {
	s := string(text)
	if s == forever {
		*p = period(gateway.Forever)
		return nil
	}
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || days == 0 || days > math.MaxInt64/uint64(24*time.Hour) {
			return fmt.Errorf("%q is no number of days such as 30d", s)
		}
		*p = period(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time such as 30d, 12h or %s", s, forever)
	}
	*p = period(d)
	return nil
}

// MarshalText writes what UnmarshalText reads; nothing of what is not set.
func (p period) MarshalText() ([]byte, error) { return []byte(p.text()), nil }

func (p period) text() string {
	const day = 24 * time.Hour
	switch d := time.Duration(p); {
	case d == 0:
		return ""
	case d == gateway.Forever:
		return forever
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	default:
		return durationText(d)
	}
}

func (s retentionSection) config() gateway.Retention {
	return gateway.Retention{
		Inbox: time.Duration(s.Inbox), Payloads: time.Duration(s.Payloads), Ledger: time.Duration(s.Ledger),
		Refusals: time.Duration(s.Refusals), Closed: time.Duration(s.Closed), Suspects: time.Duration(s.Suspects), Audit: time.Duration(s.Audit), Changes: time.Duration(s.Changes), Every: s.Every,
	}
}

// Effective returns the section with every default filled in.
func (s retentionSection) Effective() retentionSection {
	r := s.config().Effective()
	return retentionSection{
		Inbox: period(r.Inbox), Payloads: period(r.Payloads), Ledger: period(r.Ledger),
		Refusals: period(r.Refusals), Closed: period(r.Closed), Suspects: period(r.Suspects), Audit: period(r.Audit), Changes: period(r.Changes), Every: r.Every,
	}
}

func (s routeRetentionSection) config() gateway.RouteRetention {
	return gateway.RouteRetention{Inbox: time.Duration(s.Inbox), Payloads: time.Duration(s.Payloads), Ledger: time.Duration(s.Ledger)}
}

// retentionOf is what a route keeps for another time than the others.
func (p *project) retentionOf(route string) gateway.RouteRetention {
	for _, r := range p.Routes {
		if r.Route == route {
			return r.Retention.config()
		}
	}
	return gateway.RouteRetention{}
}

// checkRetention finds times that contradict each other.
func (p *project) checkRetention(faults *config.Faults) {
	section := p.root.Get("retention")
	if p.Retention.Every < 0 {
		faults.Add(section.Get("every").Fault("%s is negative", p.Retention.Every))
	}
	all := p.Retention.config()
	contradictions(all.Of(gateway.RouteRetention{}), 0, section, p.root, faults)
	for _, r := range p.Routes {
		var waits time.Duration
		if r.asynchronous() {
			waits = gateway.Retry{For: r.retry().For}.Effective().For
		}
		own := r.node.Get("retention")
		if own == nil && waits <= all.Of(gateway.RouteRetention{}).Inbox {
			continue // said already, if anything
		}
		contradictions(all.Of(r.Retention.config()), waits, own, r.node, faults)
	}
}

// contradictions judges what is kept of one route, or of all, whose messages wait
// so long for what they refer to. The section says it, or else what is around it.
func contradictions(r gateway.RouteRetention, waits time.Duration, section, around *config.Node, faults *config.Faults) {
	say := func(key, format string, args ...any) {
		at := around
		if section != nil {
			at = section
		}
		if n := section.Get(key); n != nil {
			at = n
		}
		faults.Add(at.Fault(format, args...))
	}
	ledger := gateway.KeepText(r.Ledger)
	if r.Payloads > r.Ledger {
		say("payloads", "payloads are kept longer (%s) than the messages they belong to (ledger: %s)", gateway.KeepText(r.Payloads), ledger)
	}
	if r.Inbox > r.Ledger {
		say("inbox", "a repeat is to be recognised longer (inbox: %s) than its first message is known (ledger: %s)", gateway.KeepText(r.Inbox), ledger)
	}
	if waits > r.Inbox {
		say("inbox", "a message may wait longer (retry.for: %s) than its repeat is recognised (inbox: %s); it could be stored twice", gateway.KeepText(waits), gateway.KeepText(r.Inbox))
	}
}
