package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/outbound"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// channelSection is one outbound door: exactly one of amqp, http, soap and replies
// is set, and beside it stands how it is served.
type channelSection struct {
	AMQP *amqp.Channel  `yaml:"amqp"` // an exchange that is published to
	HTTP *outbound.HTTP `yaml:"http"` // a URL that deliveries are sent to
	SOAP *outbound.SOAP `yaml:"soap"` // an operation of a partner's contract that is called
	// Replies are addresses that senders may name for their answers.
	Replies *outbound.Replies `yaml:"replies"`
	// Retry says when deliveries are tried again, and when they are parked.
	Retry channelRetrySection `yaml:"retry"`
	// DemandsCause: a message may publish here only when its sender has a grant for
	// it: {role: …, may: cause, on: channel/<name>}. Default: whoever may send may
	// have published what the route publishes.
	DemandsCause bool `yaml:"demands_cause"`
	// Window is how many deliveries of a shard are published to an exchange before
	// the first of them is confirmed. Default: relay.window.
	Window count `yaml:"window"`
	// Concurrency is how many requests of this process are under way at once, over
	// HTTP. Default: 4.
	Concurrency count `yaml:"concurrency"`
	// Rate is how many deliveries this process sends at most, as in 50/s; several
	// processes each have it. Default: no limit.
	Rate config.Rate `yaml:"rate"`
	// Circuit is how many failures in a row open the circuit, over HTTP: from then
	// on one delivery at a time is tried, until one is answered. Default: 5.
	Circuit count `yaml:"circuit"`
	// OnParked says what becomes of the deliveries behind a parked one of their
	// ordering key: hold, which parks them with it, or skip, which sends them
	// without it. Default: hold.
	OnParked string `yaml:"on_parked"`
}

// channelRetrySection says when a delivery is tried again.
type channelRetrySection struct {
	// First and Longest bound the pauses, which double from one to the other.
	// Default: 200ms and 30s.
	First   time.Duration `yaml:"first"`
	Longest time.Duration `yaml:"longest"`
	// Attempts is how often a delivery that is refused for good is tried before it
	// is parked. Default: relay.max_attempts for an exchange, to which a queue may
	// yet be bound; 1 over HTTP.
	Attempts count `yaml:"attempts"`
	// For is how long a delivery that fails alone is tried, over HTTP, before it is
	// parked. An outage of the partner parks nothing, however long. Default: 24h.
	For time.Duration `yaml:"for"`
}

// count is a number of which zero says nothing.
type count int

// What may become of deliveries behind a parked one.
const (
	holdBehind = "hold"
	skipParked = "skip"
)

const defaultCircuit = 5

// overHTTP reports whether the channel makes requests of its own.
func (c channelSection) overHTTP() bool { return c.AMQP == nil }

// Effective returns the section with the defaults filled in that are its own.
func (c channelSection) Effective() channelSection {
	c.OnParked = cmp.Or(c.OnParked, holdBehind)
	if c.overHTTP() {
		c.Concurrency = cmp.Or(c.Concurrency, count(outbound.DefaultConcurrency))
		c.Circuit = cmp.Or(c.Circuit, count(defaultCircuit))
		c.Retry.Attempts = cmp.Or(c.Retry.Attempts, count(1))
		c.Retry.For = cmp.Or(c.Retry.For, 24*time.Hour)
	}
	return c
}

// words tell where the channel leads.
func (c channelSection) words() string {
	switch {
	case c.AMQP != nil:
		return "amqp, exchange " + c.AMQP.Exchange
	case c.HTTP != nil:
		e := c.HTTP.Effective()
		return "http, " + e.Method + " " + e.URL
	case c.Replies != nil:
		return "replies to " + strings.Join(c.Replies.Addresses, ", ")
	}
	return "soap, " + filepath.Base(string(c.SOAP.Contract))
}

// policy is how the relay serves the channel.
func (c channelSection) policy() gateway.Policy {
	e := c.Effective()
	p := gateway.Policy{
		Window: int(e.Window), Attempts: int(e.Retry.Attempts), First: e.Retry.First, Longest: e.Retry.Longest, For: e.Retry.For,
		Rate: float64(e.Rate), Circuit: int(e.Circuit), Skip: e.OnParked == skipParked,
	}
	if c.overHTTP() {
		p.Window = int(e.Concurrency)
	}
	return p
}

// validate reports every fault of the section at once. Each begins with the key
// it is about.
func (c channelSection) validate() error {
	var faults []error
	kinds := 0
	within := func(kind string, err error) {
		kinds++
		for one := range joined(err) {
			faults = append(faults, fmt.Errorf("%s.%w", kind, one))
		}
	}
	if c.AMQP != nil {
		within("amqp", c.AMQP.Validate())
	}
	if c.HTTP != nil {
		within("http", c.HTTP.Validate())
	}
	if c.SOAP != nil {
		within("soap", c.SOAP.Validate())
	}
	if c.Replies != nil {
		within("replies", c.Replies.Validate())
	}
	if kinds != 1 {
		return errors.New("a channel is one of amqp:, http:, soap: and replies:")
	}
	return errors.Join(append(faults, c.validatePolicy())...)
}

func (c channelSection) validatePolicy() error {
	var faults []error
	fail := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	r := c.Retry
	fail(r.First < 0, "retry.first: %v is negative", r.First)
	fail(r.Longest < 0, "retry.longest: %v is negative", r.Longest)
	fail(r.For < 0, "retry.for: %v is negative", r.For)
	fail(r.Attempts < 0, "retry.attempts: %d is negative", r.Attempts)
	fail(r.First > 0 && r.Longest > 0 && r.First > r.Longest, "retry.first: %v is longer than longest", r.First)
	fail(c.Window < 0 || c.Window > 10_000, "window: %d is not between 0 and 10000", c.Window)
	fail(c.Concurrency < 0 || c.Concurrency > 1000, "concurrency: %d is not between 0 and 1000", c.Concurrency)
	fail(c.Circuit < 0, "circuit: %d is negative", c.Circuit)
	fail(c.OnParked != "" && c.OnParked != holdBehind && c.OnParked != skipParked, "on_parked: %q, expected hold or skip", c.OnParked)
	if c.overHTTP() {
		fail(c.Window > 0, "window: is for exchanges; over HTTP it is concurrency")
	} else {
		fail(c.Concurrency > 0, "concurrency: is for requests over HTTP; of an exchange it is window")
		fail(c.Circuit > 0, "circuit: is for requests over HTTP; the connection to the broker is one already")
		fail(r.For > 0, "retry.for: is for requests over HTTP")
	}
	return errors.Join(faults...)
}

// rehearse has cases publish to an exchange what would go to a partner: nobody
// outside is called. What is published stays typed by the partner's contract.
func (c *channelSection) rehearse(name string) {
	if c.AMQP == nil {
		c.AMQP, c.HTTP, c.Replies = &amqp.Channel{Exchange: "channel " + name}, nil, nil
		c.Concurrency, c.Circuit = 0, 0
	}
}

// partners loads the contracts that SOAP channels call, each once. One that does
// not load leaves out its channels, and the routes that publish to them; a
// channel that does not fit its contract is a fault of the configuration.
func (p *project) partners(c *compiled, note reader, served map[string]*contract.Contract) (map[string]*outbound.Partner, error) {
	var faults config.Faults
	found := map[string]*outbound.Partner{}
	loaded := map[string]*contract.Contract{}
	for _, ch := range p.Channels {
		if ch.Value.SOAP == nil {
			continue
		}
		found[ch.Name] = nil
		section, file := ch.node.Get("soap"), ch.Value.SOAP.File()
		in := cmp.Or(served[file], loaded[file])
		if in == nil {
			if note(file, section.Get("contract")) == nil {
				continue
			}
			var err error
			if in, err = p.loadContract(file); err != nil {
				c.broken = append(c.broken, err)
				continue
			}
			loaded[file] = in
		}
		partner, err := ch.Value.SOAP.Find(in)
		if err != nil {
			faults.Add(located(section, err))
			continue
		}
		found[ch.Name] = partner
	}
	return found, faults.Err()
}

// called are the operations that channels call, by channel.
func called(partners map[string]*outbound.Partner) map[string]*contract.Operation {
	out := map[string]*contract.Operation{}
	for name, partner := range partners {
		if partner != nil {
			out[name] = partner.Operation
		}
	}
	return out
}

// callable reports whether each channel that the mapping publishes to has its
// contract, where it needs one.
func callable(file *mapping.File, partners map[string]*outbound.Partner) bool {
	return !slices.ContainsFunc(file.Channels(), func(name string) bool {
		partner, calls := partners[name]
		return calls && partner == nil
	})
}

// publisher is what carries a channel's deliveries, and is closed at the end.
type publisher interface {
	gateway.Publisher
	Close(ctx context.Context) error
}

// connectChannels makes the publishers, but for those that the assembly before
// has already.
func (a *assembly) connectChannels(earlier *assembly) error {
	var faults []error
	for _, ch := range a.project.Channels {
		before, _ := earlier.project.Channels.get(ch.Name)
		if p := earlier.publishers[ch.Name]; p != nil && a.sameChannel(earlier, ch.Name, before, ch.Value) {
			a.publishers[ch.Name] = p
			continue
		}
		p, err := a.publisherOf(ch.Name, ch.Value)
		if err != nil {
			faults = append(faults, fmt.Errorf("channel %s: %w", ch.Name, err))
		}
		if err == nil && p != nil {
			a.publishers[ch.Name] = p
		}
	}
	return errors.Join(faults...)
}

// sameChannel reports whether a publisher can go on. The relay's policy is no
// reason to make another; that of a contract is its hash.
func (a *assembly) sameChannel(earlier *assembly, name string, before, now channelSection) bool {
	if now.AMQP != nil {
		return a.broker == earlier.broker && reflect.DeepEqual(before.AMQP, now.AMQP)
	}
	if !reflect.DeepEqual(before.HTTP, now.HTTP) || !reflect.DeepEqual(before.SOAP, now.SOAP) || !reflect.DeepEqual(before.Replies, now.Replies) || before.Concurrency != now.Concurrency || before.AMQP != nil {
		return false
	}
	if now.SOAP == nil {
		return true
	}
	old, fresh := earlier.compiled.partners[name], a.compiled.partners[name]
	return old != nil && fresh != nil && old.Contract.Hash == fresh.Contract.Hash
}

// publisherOf is nil where a broken contract leaves the channel out: what waits
// for it waits on.
func (a *assembly) publisherOf(name string, c channelSection) (publisher, error) {
	switch {
	case c.AMQP != nil:
		return a.broker.Publisher(name, *c.AMQP), nil
	case c.HTTP != nil:
		return outbound.NewHTTP(name, *c.HTTP, int(c.Concurrency), time.Now)
	case c.Replies != nil:
		return outbound.NewReplies(name, *c.Replies, int(c.Concurrency), time.Now)
	case a.compiled.partners[name] == nil:
		return nil, nil
	}
	return outbound.NewSOAP(name, *c.SOAP, a.compiled.partners[name], int(c.Concurrency), time.Now)
}

// checkPartners looks whether the partners of the channels over HTTP are there, without
// a request.
func (r *running) checkPartners(ctx context.Context, report *checkReport) error {
	var faults []error
	for _, ch := range r.project.Channels {
		var (
			found string
			err   error
		)
		switch c := ch.Value; {
		case c.HTTP != nil:
			found, err = c.HTTP.Reach(ctx)
		case c.Replies != nil:
			found, err = c.Replies.Reach(ctx)
		case c.SOAP != nil && r.compiled.partners[ch.Name] != nil:
			found, err = c.SOAP.Reach(ctx, r.compiled.partners[ch.Name])
		default:
			continue
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("channel %s: %w", ch.Name, err))
			continue
		}
		report.servers(&report.Partners, "channel", ch.Name+": "+found)
	}
	return errors.Join(faults...)
}
