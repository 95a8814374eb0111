package sample

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// particle makes a particle as often as the mode has it.
func (b *builder) particle(n *node, p *contract.Particle) error {
	if b.steps++; b.steps > hardSteps {
		return impossible(n, "", "its content model is too large to go through")
	}
	times := b.times(p)
	if times > 1 {
		b.repeats++
		defer func() { b.repeats-- }()
	}
	for k := range times {
		if err := b.once(n, p, k); err != nil {
			return err
		}
	}
	return nil
}

// times says how often a particle occurs here.
func (b *builder) times(p *contract.Particle) int {
	if b.costs.once(p) >= never || b.lean > 0 || b.o.Mode == Minimal || b.size > softSize {
		return p.Min
	}
	if p.Kind == contract.AnyParticle && (b.o.Declared || !b.f.wild) {
		return p.Min
	}
	most := 1
	switch {
	case b.random():
		most = p.Min + b.rand.IntN(3)
		if b.chance(8) {
			most += 3
		}
	case p.Kind == contract.Choice && p.Max != 1:
		most = len(p.Particles)
	case b.f.once:
		if p.Kind == contract.ElementParticle && identified(p.Element.Type) {
			most = 2
		}
	case p.Max != 1 && b.repeats < 2 && p.Kind != contract.AnyParticle:
		most = 2
	}
	if p.Max != contract.Unbounded {
		most = min(most, p.Max)
	}
	return max(most, p.Min)
}

// identified reports whether an element of the type has an xs:ID.
func identified(t *contract.Type) bool {
	return slices.ContainsFunc(t.Attributes, func(a *contract.Attribute) bool { return a.Type.Builtin == "ID" })
}

// once makes the k-th occurrence of a particle.
func (b *builder) once(n *node, p *contract.Particle, k int) error {
	switch p.Kind {
	case contract.ElementParticle:
		child, err := b.element(n, p.Element, false)
		if err != nil {
			return err
		}
		child.via = p
		n.kids = append(n.kids, child)
		return nil
	case contract.AnyParticle:
		return b.wildcard(n, p)
	case contract.Choice:
		if q := b.branch(p, k); q != nil {
			return b.particle(n, q)
		}
		return nil
	}
	parts := p.Particles
	if p.Kind == contract.All && b.random() {
		parts = make([]*contract.Particle, len(p.Particles))
		for i, from := range b.rand.Perm(len(parts)) {
			parts[i] = p.Particles[from]
		}
	}
	for _, q := range parts {
		if err := b.particle(n, q); err != nil {
			return err
		}
	}
	return nil
}

// branch picks the branch of a choice for its k-th occurrence.
func (b *builder) branch(p *contract.Particle, k int) *contract.Particle {
	var fit []*contract.Particle
	for _, q := range p.Particles {
		if b.costs.particle(q) < never {
			fit = append(fit, q)
		}
	}
	b.choices = append(b.choices, p)
	if i, said := b.f.prefer[p]; said && b.costs.particle(p.Particles[i]) < never {
		return p.Particles[i]
	}
	switch {
	case len(fit) == 0:
		return nil
	case b.random():
		return fit[b.rand.IntN(len(fit))]
	case b.full():
		return b.rich(fit, k)
	}
	best := fit[0]
	for _, q := range fit[1:] {
		if b.costs.particle(q) < b.costs.particle(best) {
			best = q
		}
	}
	return best
}

// rich picks the k-th branch, passing over those that would come out empty.
func (b *builder) rich(fit []*contract.Particle, k int) *contract.Particle {
	for i := range fit {
		q := fit[(k+i)%len(fit)]
		if b.costs.once(q) < never && (q.Kind != contract.AnyParticle || !b.o.Declared && b.f.wild) {
			return q
		}
	}
	return fit[k%len(fit)]
}

// wildcard makes an element that a wildcard takes.
func (b *builder) wildcard(n *node, p *contract.Particle) error {
	w := p.Any
	el := b.costs.declared(w)
	if w.Process == "strict" || el != nil && b.chance(2) {
		b.lean++
		child, err := b.element(n, el, true)
		b.lean--
		if err != nil {
			return err
		}
		child.via = p
		n.kids = append(n.kids, child)
		return nil
	}
	b.size++
	n.kids = append(n.kids, &node{name: contract.Name{Space: freeSpace(w), Local: freeName}, parent: n, via: p, text: "anything"})
	return nil
}

// freeName is what elements are called that no schema declares.
const freeName = "Anything"

const freeNamespace = "urn:example:anything"

// freeSpace is a namespace that a wildcard takes, one that no schema is for
// where it may be.
func freeSpace(w *contract.Wildcard) string {
	if w.Allows(freeNamespace) {
		return freeNamespace
	}
	return w.Namespaces[0]
}
