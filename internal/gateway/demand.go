package gateway

import (
	"errors"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// permitting has a message that publishes to a channel which demands a grant refused
// when its sender does not have it: then nothing of it is stored. What belongs to no
// generation is refused outright, since nobody can tell what it may cause.
func (p *passage) permitting(render func([]mapping.Value) (*mapping.Rendered, error)) func([]mapping.Value) (*mapping.Rendered, error) {
	generation, who := p.generation, p.identity
	switch {
	case generation == nil:
		return func([]mapping.Value) (*mapping.Rendered, error) {
			return nil, fault.New(fault.CodeInternal, "").Because(errors.New("a message without a configuration version"))
		}
	case !slices.ContainsFunc(generation.Channels, func(c Channel) bool { return c.DemandsCause }):
		return render
	}
	return func(stored []mapping.Value) (*mapping.Rendered, error) {
		out, err := render(stored)
		if err != nil {
			return nil, err
		}
		return out, generation.mayCause(who, out.Publications)
	}
}

// mayCause returns nil, or that somebody may not cause one of the publications.
func (g *Generation) mayCause(who *Identity, publications []mapping.Publication) error {
	for i := range publications {
		name := publications[i].Channel
		if !g.demandsCause(name) {
			continue
		}
		if _, err := g.Access.Authorize(who, Cause, OnChannel(name)); err != nil {
			f := *fault.Of(err)
			f.Message = who.Login + " may not cause what this message publishes on " + OnChannel(name)
			return &f
		}
	}
	return nil
}

// demandsCause reports whether what is published to a channel takes a grant.
func (g *Generation) demandsCause(channel string) bool {
	return slices.ContainsFunc(g.Channels, func(c Channel) bool { return c.Name == channel && c.DemandsCause })
}
