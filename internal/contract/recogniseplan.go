package contract

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// plan is a type as the recogniser follows it. It is made when first needed,
// belongs to the type and is not changed.
type plan struct {
	unsure     bool // nothing of the type is recognised
	attributes []attributePlan
	required   int
	value      *valuePlan // of simple content, nil elsewhere
	// states are the automaton of the content model: the first is before all
	// children, each other one after an element particle. None: no children.
	states []state
	// all are the members of an all group, which there is no automaton of;
	// demanded are those that must be there, as bits, unless absent says that the
	// whole group may be left out.
	all      []*Element
	demanded uint64
	absent   bool
}

type attributePlan struct {
	name     Name
	value    *valuePlan
	fixed    *string
	required bool
}

// state is where the content stands after an element.
type state struct {
	element  *Element
	min, max int // how often in a row; max may be Unbounded
	last     bool
	next     []int // states, in the order of the content model
	names    []Name
}

// plan returns the type's plan. It is safe for concurrent use.
func (t *Type) plan() *plan {
	if p := t.planned.Load(); p != nil {
		return p
	}
	p := newPlan(t)
	t.planned.Store(p)
	return p
}

func newPlan(t *Type) *plan {
	p := &plan{}
	for _, a := range t.Attributes {
		one := attributePlan{name: a.Name, value: newValuePlan(a.Type), fixed: a.Fixed, required: a.Required}
		p.attributes = append(p.attributes, one)
		if a.Required {
			p.required++
		}
	}
	switch {
	case t.Array != nil:
		p.unsure = true
	case t.Simple != nil:
		p.value = newValuePlan(t.Simple)
		p.unsure = p.value == nil
	case t.Content == nil || isEmptyGroup(t.Content):
		p.unsure = t.Mixed
	case t.Content.Kind == All:
		p.unsure = !p.inAnyOrder(t.Content)
	default:
		p.states = automaton(t.Content)
		p.unsure = p.states == nil
	}
	return p
}

// isEmptyGroup reports whether the content is none at all, where white space may
// not stand either (XSD 1.0 part 1 §3.4.2).
func isEmptyGroup(p *Particle) bool {
	return p.Max == 0 || p.Kind != ElementParticle && p.Kind != AnyParticle && len(p.Particles) == 0
}

// attribute returns what is known of an attribute, or nil.
func (p *plan) attribute(name Name) *attributePlan {
	for i := range p.attributes {
		if p.attributes[i].name == name {
			return &p.attributes[i]
		}
	}
	return nil
}

// inAnyOrder takes over an all group, unless it has what only the engine knows.
func (p *plan) inAnyOrder(group *Particle) bool {
	if len(group.Particles) > 64 || group.Max != 1 {
		return false
	}
	for i, m := range group.Particles {
		if m.Kind != ElementParticle || m.Max != 1 {
			return false
		}
		p.all = append(p.all, m.Element)
		if m.Min > 0 {
			p.demanded |= 1 << i
		}
	}
	p.absent = group.Min == 0
	return true
}

// member is the place of a child in the all group, or -1.
func (p *plan) member(n document.Node) int {
	return slices.IndexFunc(p.all, func(el *Element) bool { return n.Is(el.Name) })
}

// to is the state after one more child, or -1. count is how often the state's own
// element has come in a row.
func (s *state) to(child document.Node, count int) int {
	for i, name := range s.names {
		if !child.Is(name) {
			continue
		}
		next := s.next[i]
		if own := i == 0 && s.max != 1; own && s.max != Unbounded && count >= s.max || !own && count < s.min {
			return -1
		}
		return next
	}
	return -1
}

// What bounds the automaton of one type: a content model that needs more is the
// engine's.
const (
	maxStates = 512
	maxVisits = 1 << 12 // looked at, those of repeated groups again and again
)

// automaton compiles a content model by its positions (Glushkov's construction).
// The engine has refused models that are not deterministic (XSD 1.0 part 1
// §3.8.6), so that the name of a child says which position comes next; where two
// positions of one name may follow, there is no automaton, and nil is returned.
//
// What is left out of a model makes it take less, never more: so a wildcard that
// need not come is passed over, and so are substitutes.
func automaton(p *Particle) []state {
	b := &builderOfStates{states: []state{{max: 1}}}
	all, ok := b.particle(p)
	if !ok {
		return nil
	}
	b.link(0, all.first)
	for _, i := range all.last {
		b.states[i].last = true
	}
	b.states[0].last = all.optional
	for i := range b.states {
		if !b.states[i].settle(b.states, i) {
			return nil
		}
	}
	return b.states
}

// settle puts the state's own element first, where it may come again, and looks
// for names that would lead to two states.
func (s *state) settle(states []state, self int) bool {
	if s.max != 1 {
		i := slices.Index(s.next, self)
		switch {
		case i >= 0 && (s.max != Unbounded || s.min > 1):
			return false // counted, and in a group that repeats
		case i >= 0:
			s.next = slices.Delete(s.next, i, i+1)
		}
		s.next = slices.Insert(s.next, 0, self)
	}
	for _, n := range s.next {
		name := states[n].element.Name
		if slices.Contains(s.names, name) {
			return false
		}
		s.names = append(s.names, name)
	}
	return true
}

// builderOfStates makes positions of particles.
type builderOfStates struct {
	states []state
	steps  int
}

// part is what a particle begins and ends with; optional: it may be left out.
type part struct {
	first, last []int
	optional    bool
}

func (b *builderOfStates) link(from int, to []int) {
	s := &b.states[from]
	for _, n := range to {
		if !slices.Contains(s.next, n) {
			s.next = append(s.next, n)
		}
	}
}

// particle adds the positions of a particle as often as it may occur. ok is false
// for what cannot be left out and is not known.
func (b *builderOfStates) particle(p *Particle) (part, bool) {
	b.steps++
	switch {
	case b.steps > maxVisits:
		return part{}, false
	case p.Max == 0:
		return part{optional: true}, true
	case p.Kind == ElementParticle:
		return b.element(p)
	case p.Max == 1 || p.Max == Unbounded && p.Min <= 1:
		one, ok := b.once(p)
		if !ok {
			return part{optional: true}, p.Min == 0
		}
		if p.Max == Unbounded {
			b.join(one.last, one.first)
		}
		one.optional = one.optional || p.Min == 0
		return one, true
	}
	return b.times(p)
}

// times writes a group that occurs a number of times one after the other: those
// that need not come within each other, or a name would lead to each of them.
func (b *builderOfStates) times(p *Particle) (part, bool) {
	most := p.Max
	if most == Unbounded {
		most = p.Min
	}
	all := part{optional: true}
	for i := most - 1; i >= 0; i-- {
		one, ok := b.once(p)
		if !ok {
			return part{optional: true}, p.Min == 0
		}
		if p.Max == Unbounded && i == most-1 {
			b.join(one.last, one.first)
		}
		all = b.then(one, all)
		all.optional = all.optional || i >= p.Min
	}
	return all, true
}

func (b *builderOfStates) join(last, first []int) {
	for _, i := range last {
		b.link(i, first)
	}
}

// then is one part after another.
func (b *builderOfStates) then(a, next part) part {
	b.join(a.last, next.first)
	out := part{first: a.first, last: next.last, optional: a.optional && next.optional}
	if a.optional {
		out.first = slices.Concat(a.first, next.first)
	}
	if next.optional {
		out.last = slices.Concat(a.last, next.last)
	}
	return out
}

func (b *builderOfStates) element(p *Particle) (part, bool) {
	if len(b.states) >= maxStates {
		return part{}, false
	}
	at := len(b.states)
	b.states = append(b.states, state{element: p.Element, min: max(p.Min, 1), max: p.Max})
	return part{first: []int{at}, last: []int{at}, optional: p.Min == 0}, true
}

// once adds a group's positions.
func (b *builderOfStates) once(p *Particle) (part, bool) {
	if b.steps++; b.steps > maxVisits {
		return part{}, false
	}
	switch p.Kind {
	case Sequence:
		all := part{optional: true}
		for _, q := range p.Particles {
			one, ok := b.particle(q)
			if !ok {
				return part{}, false
			}
			all = b.then(all, one)
		}
		return all, true
	case Choice:
		var all part
		known := false
		for _, q := range p.Particles {
			one, ok := b.particle(q)
			if !ok {
				continue
			}
			known = true
			all = part{slices.Concat(all.first, one.first), slices.Concat(all.last, one.last), all.optional || one.optional}
		}
		return all, known
	}
	return part{}, false
}
