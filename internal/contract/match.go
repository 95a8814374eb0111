package contract

// matcher follows a content model child by child. It holds what may still come:
// a stack of particles, the next on top. Content models are deterministic (XSD
// 1.0 part 1 §3.8.6), so there is never more than one way on; where a schema
// breaks that rule the first way is taken.
//
// A matcher recovers: it can pass over required particles to reach a name that
// may come later, and says which it passed.
type matcher struct {
	rest  []*Particle // in reverse
	steps int         // particles looked at for one child, against models built to explode
}

// maxSteps bounds the work for one child.
const maxSteps = 1 << 20

func newMatcher(p *Particle) *matcher {
	m := &matcher{}
	if p != nil {
		m.rest = append(m.rest, p)
	}
	return m
}

// take consumes a child of that name. passed are the required particles that
// were left out to get there; ok is false, and nothing changes, where the name
// cannot come any more.
func (m *matcher) take(name Name) (particle *Particle, passed []*Particle, ok bool) {
	m.steps = 0
	if p := m.find(name, true, &passed); p != nil {
		return p, nil, true
	}
	passed = nil
	p := m.find(name, false, &passed)
	return p, passed, p != nil
}

// find looks down the stack for the particle that takes name. A strict search
// ends at the first particle that must come and does not take it.
func (m *matcher) find(name Name, strict bool, passed *[]*Particle) *Particle {
	for i := len(m.rest) - 1; i >= 0; i-- {
		top := m.rest[i]
		if hit, rest := m.enter(top, name, strict, passed); hit != nil {
			m.rest = append(m.rest[:i:i], rest...)
			return hit
		}
		if !m.optional(top) {
			if strict {
				return nil
			}
			*passed = append(*passed, top)
		}
	}
	return nil
}

// enter finds the particle within p that takes name, and what of p may still
// come after it, in reverse.
func (m *matcher) enter(p *Particle, name Name, strict bool, passed *[]*Particle) (*Particle, []*Particle) {
	if m.steps++; m.steps > maxSteps {
		return nil, nil
	}
	switch p.Kind {
	case ElementParticle:
		if p.Element.Name == name || p.Element.substitute(name) != nil {
			return p, p.again()
		}
	case AnyParticle:
		if p.Any.Allows(name.Space) {
			return p, p.again()
		}
	case Sequence:
		return m.enterSequence(p, name, strict, passed)
	case Choice:
		return m.enterChoice(p, name, strict, passed)
	case All:
		return m.enterAll(p, name, strict, passed)
	}
	return nil, nil
}

func (m *matcher) enterSequence(p *Particle, name Name, strict bool, passed *[]*Particle) (*Particle, []*Particle) {
	mark := len(*passed)
	for i, q := range p.Particles {
		hit, rest := m.enter(q, name, strict, passed)
		if hit != nil {
			out := p.again()
			for j := len(p.Particles) - 1; j > i; j-- {
				out = append(out, p.Particles[j])
			}
			return hit, append(out, rest...)
		}
		if !m.optional(q) {
			if strict {
				break
			}
			*passed = append(*passed, q)
		}
	}
	*passed = (*passed)[:mark]
	return nil, nil
}

func (m *matcher) enterChoice(p *Particle, name Name, strict bool, passed *[]*Particle) (*Particle, []*Particle) {
	for _, q := range p.Particles {
		if hit, rest := m.enter(q, name, strict, passed); hit != nil {
			return hit, append(p.again(), rest...)
		}
	}
	return nil, nil
}

// enterAll leaves the other particles of the group in any order.
func (m *matcher) enterAll(p *Particle, name Name, strict bool, passed *[]*Particle) (*Particle, []*Particle) {
	for i, q := range p.Particles {
		hit, rest := m.enter(q, name, strict, passed)
		if hit == nil {
			continue
		}
		others := &Particle{Kind: All, Min: 1, Max: 1}
		others.Particles = append(append(others.Particles, p.Particles[:i]...), p.Particles[i+1:]...)
		return hit, append([]*Particle{others}, rest...)
	}
	return nil, nil
}

// again returns what is left of p after it occurred once.
func (p *Particle) again() []*Particle {
	if p.Max == 1 {
		return nil
	}
	left := *p
	left.Min = max(p.Min-1, 0)
	if p.Max != Unbounded {
		left.Max--
	}
	return []*Particle{&left}
}

// optional reports whether p may be left out.
func (m *matcher) optional(p *Particle) bool {
	if m.steps++; m.steps > maxSteps || p.Min == 0 {
		return true
	}
	switch p.Kind {
	case Sequence, All:
		for _, q := range p.Particles {
			if !m.optional(q) {
				return false
			}
		}
		return true
	case Choice:
		for _, q := range p.Particles {
			if m.optional(q) {
				return true
			}
		}
		return len(p.Particles) == 0
	}
	return false
}

// missing returns the particles that must still come.
func (m *matcher) missing() []*Particle {
	var out []*Particle
	for i := len(m.rest) - 1; i >= 0; i-- {
		if !m.optional(m.rest[i]) {
			out = append(out, m.rest[i])
		}
	}
	return out
}

// next returns the elements that may come next, in the order of the model.
func (m *matcher) next() []*Element {
	var out []*Element
	for i := len(m.rest) - 1; i >= 0; i-- {
		out = m.first(out, m.rest[i])
		if !m.optional(m.rest[i]) {
			break
		}
	}
	return out
}

// first adds the elements that p may begin with.
func (m *matcher) first(out []*Element, p *Particle) []*Element {
	if m.steps++; m.steps > maxSteps || len(out) > 2*maxListed {
		return out
	}
	if p.Kind == ElementParticle {
		return append(out, p.Element)
	}
	for _, q := range p.Particles {
		out = m.first(out, q)
		if p.Kind == Sequence && !m.optional(q) {
			break
		}
	}
	return out
}
