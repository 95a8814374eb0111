package main

import (
	"errors"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// partnerSection is what is said of a counterpart besides which roles belong to it.
type partnerSection struct {
	// Limits bound what all roles of the partner send together.
	Limits limitSection `yaml:"limits"`
}

// limitSection bounds what a role or a partner sends. What comes too fast over SOAP
// is refused, with when to come again; a queue is consumed more slowly.
type limitSection struct {
	// Rate is how many messages one process takes, as in 50/s or 1000/h. Several
	// gateways each take as many. Default: no limit.
	Rate config.Rate `yaml:"rate"`
	// Burst is how many messages may come at once after a pause. Default: what rate
	// gives in a second, at least 1.
	Burst count `yaml:"burst"`
	// Concurrent is how many messages one process has under way at once whose senders
	// wait. Default: no limit.
	Concurrent count `yaml:"concurrent"`
	// PerDay is how many messages all gateways on the store take in a day, which
	// begins at midnight UTC. Default: no limit.
	PerDay count `yaml:"per_day"`
	// BytesPerDay is how many bytes of payload those may have. Default: no limit.
	BytesPerDay config.ByteSize `yaml:"bytes_per_day"`
}

func (s limitSection) config() gateway.Limits {
	return gateway.Limits{Rate: float64(s.Rate), Burst: int(s.Burst), Concurrent: int(s.Concurrent), PerDay: int64(s.PerDay), BytesPerDay: int64(s.BytesPerDay)}
}

func (s limitSection) validate() error {
	var faults []error
	for _, n := range []struct {
		key   string
		value count
	}{{"burst", s.Burst}, {"concurrent", s.Concurrent}, {"per_day", s.PerDay}} {
		if n.value < 0 {
			faults = append(faults, errors.New(n.key+": a negative value"))
		}
	}
	if s.Burst > 0 && s.Rate == 0 {
		faults = append(faults, errors.New("burst: there is no rate that it could interrupt"))
	}
	return errors.Join(faults...)
}

// maxScope is how many characters of a name of a role or partner with limits are
// kept with what they have used.
const maxScope = 180

// checkLimits finds what is wrong with limits, and partners that no role belongs to.
func (p *project) checkLimits(faults *config.Faults) {
	check := func(name string, n *config.Node, l limitSection) {
		faults.Add(located(n.Get("limits"), l.validate()))
		if l.config().Any() && len([]rune(name)) > maxScope {
			faults.Add(n.Fault("a name with limits has at most %d characters", maxScope))
		}
	}
	partners := map[string]bool{}
	var names []string
	for _, r := range p.Roles {
		check(r.Name, r.node, r.Value.Limits)
		if r.Value.Partner != "" && !partners[r.Value.Partner] {
			partners[r.Value.Partner] = true
			names = append(names, r.Value.Partner)
		}
	}
	for _, partner := range p.Partners {
		check(partner.Name, partner.node, partner.Value.Limits)
		if !partners[partner.Name] {
			faults.Add(partner.node.Fault("no role belongs to a partner %q%s", partner.Name, didYouMean(partner.Name, names)))
		}
	}
}

// partnerLimits are the limits of partners, by name.
func (p *project) partnerLimits() map[string]gateway.Limits {
	out := map[string]gateway.Limits{}
	for _, partner := range p.Partners {
		out[partner.Name] = partner.Value.Limits.config()
	}
	return out
}
