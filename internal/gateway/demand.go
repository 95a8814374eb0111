package gateway

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// permitted passes on what a message publishes, unless it goes to a channel that
// demands a grant which its sender does not have: then nothing of it is stored.
func (p *passage) permitted(out *mapping.Rendered, err error) (*mapping.Rendered, error) {
	if err != nil {
		return nil, err
	}
	for i := range out.Publications {
		if name := out.Publications[i].Channel; p.generation.demandsCause(name) {
			if _, err := p.generation.Access.Authorize(p.identity, Cause, OnChannel(name)); err != nil {
				f := *fault.Of(err)
				f.Message = p.identity.Login + " may not cause what this message publishes on " + OnChannel(name)
				return nil, &f
			}
		}
	}
	return out, nil
}

// demandsCause reports whether what is published to a channel takes a grant.
func (g *Generation) demandsCause(channel string) bool {
	return slices.ContainsFunc(g.Channels, func(c Channel) bool { return c.Name == channel && c.DemandsCause })
}
