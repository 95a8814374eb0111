package compat

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// covers proves inclusion by the shape of two content models alone, which is
// quick where little has changed and does not mind large counters. That it finds
// no proof means nothing. What was met is only complete when it does.
func (a *alphabet) covers(from, to *contract.Particle, out *inclusion) bool {
	s := &shapes{alphabet: a, known: map[particlePair]bool{}, effort: maxEffort}
	if from == nil {
		return s.optional(to)
	}
	if to == nil || !s.covers(from, to) {
		return false
	}
	s.meet(from, to, out, map[particlePair]bool{})
	return true
}

type particlePair struct{ from, to *contract.Particle }

// shapes compares content models particle by particle, each pair once.
type shapes struct {
	*alphabet
	known  map[particlePair]bool
	nulls  map[*contract.Particle]bool
	effort int
}

func (s *shapes) covers(from, to *contract.Particle) bool {
	key := particlePair{from, to}
	if have, done := s.known[key]; done {
		return have
	}
	if s.effort--; s.effort < 0 {
		return false
	}
	ok := s.repeats(from, to) && s.once(from, to)
	s.known[key] = ok
	return ok
}

// repeats compares how often two particles occur.
func (s *shapes) repeats(from, to *contract.Particle) bool {
	most := to.Max == contract.Unbounded || from.Max != contract.Unbounded && from.Max <= to.Max
	return most && (from.Min >= to.Min || s.optional(to))
}

func (s *shapes) once(from, to *contract.Particle) bool {
	if from.Kind != to.Kind {
		return false
	}
	switch from.Kind {
	case contract.ElementParticle:
		return s.subset(leaf{element: from.Element}, leaf{element: to.Element})
	case contract.AnyParticle:
		return s.subset(leaf{any: from.Any}, leaf{any: to.Any})
	}
	_, ok := s.match(from, to)
	return ok
}

func (s *shapes) subset(from, to leaf) bool {
	taken := s.of(to)
	s.effort -= len(taken)
	for _, letter := range s.of(from) {
		if !slices.Contains(taken, letter) {
			return false
		}
	}
	return true
}

// match finds for each part of from the part of to that covers it.
func (s *shapes) match(from, to *contract.Particle) ([]particlePair, bool) {
	var out []particlePair
	at := 0
	used := make([]bool, len(to.Particles))
	for _, p := range from.Particles {
		i := -1
		for j := at; j < len(to.Particles) && i < 0; j++ {
			switch q := to.Particles[j]; {
			case used[j]:
			case s.covers(p, q):
				i = j
			case from.Kind == contract.Sequence && !s.optional(q):
				return nil, false
			}
		}
		if i < 0 {
			return nil, false
		}
		out = append(out, particlePair{p, to.Particles[i]})
		switch from.Kind {
		case contract.Sequence:
			at = i + 1
		case contract.All:
			used[i] = true
		}
	}
	switch from.Kind {
	case contract.Sequence:
		return out, s.allOptional(to.Particles[at:], nil)
	case contract.All:
		return out, s.allOptional(to.Particles, used)
	}
	return out, true
}

func (s *shapes) allOptional(parts []*contract.Particle, except []bool) bool {
	for i, q := range parts {
		if (except == nil || !except[i]) && !s.optional(q) {
			return false
		}
	}
	return true
}

// optional reports whether a particle may be left out.
func (s *shapes) optional(p *contract.Particle) bool {
	if p == nil || p.Min == 0 {
		return true
	}
	if have, done := s.nulls[p]; done {
		return have
	}
	out := false
	switch p.Kind {
	case contract.Sequence, contract.All:
		out = s.allOptional(p.Particles, nil)
	case contract.Choice:
		out = slices.ContainsFunc(p.Particles, s.optional)
	}
	if s.nulls == nil {
		s.nulls = map[*contract.Particle]bool{}
	}
	s.nulls[p] = out
	return out
}

// meet collects the children that the proof holds against each other.
func (s *shapes) meet(from, to *contract.Particle, out *inclusion, done map[particlePair]bool) {
	key := particlePair{from, to}
	if done[key] {
		return
	}
	done[key] = true
	switch from.Kind {
	case contract.ElementParticle, contract.AnyParticle:
		a, b := leaf{from.Element, from.Any}, leaf{to.Element, to.Any}
		for _, letter := range s.of(a) {
			out.met[met{a, b, letter}] = true
		}
	default:
		pairs, _ := s.match(from, to)
		for _, p := range pairs {
			s.meet(p.from, p.to, out, done)
		}
	}
}
