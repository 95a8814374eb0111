package compat

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// op is what a term does.
type op uint8

const (
	opNothing op = iota // takes no sequence at all
	opEmpty             // takes the empty sequence
	opLeaf              // one element or wildcard
	opThen              // subs[0], then subs[1]
	opOr                // any one of subs
	opAll               // all subs in any order (XSD 1.0 part 1 §3.8)
	opRepeat            // subs[0], min to max times
)

// term is a content model as an expression, or what of one is left after some
// children were seen: a state of its automaton (the partial derivatives of
// Antimirov, with counters kept as counters). Equal terms are one term.
type term struct {
	id         int
	op         op
	subs       []*term
	min, max   int // opRepeat
	leaf       leaf
	nullable   bool // takes the empty sequence
	productive bool // takes any sequence
}

// leaf is what takes one child element.
type leaf struct {
	element *contract.Element
	any     *contract.Wildcard
}

// terms makes terms of the content models of one contract.
type terms struct {
	known    map[string]*term
	particle map[*contract.Particle]*term
	leaves   map[leaf]int
	next     map[*term][]move
	nothing  *term
	empty    *term
	effort   *int // steps left for the comparison at hand
}

// move is one way on from a term: a child of the leaf, then the rest.
type move struct {
	leaf leaf
	rest *term
}

func newTerms(effort *int) *terms {
	t := &terms{known: map[string]*term{}, particle: map[*contract.Particle]*term{}, leaves: map[leaf]int{}, next: map[*term][]move{}, effort: effort}
	t.nothing = t.make(term{op: opNothing})
	t.empty = t.make(term{op: opEmpty, nullable: true, productive: true})
	return t
}

func (t *terms) make(m term) *term {
	*t.effort -= 1 + len(m.subs)
	var key strings.Builder
	fmt.Fprintf(&key, "%d %d %d", m.op, m.min, m.max)
	for _, s := range m.subs {
		fmt.Fprintf(&key, " %d", s.id)
	}
	if m.op == opLeaf {
		if _, seen := t.leaves[m.leaf]; !seen {
			t.leaves[m.leaf] = len(t.leaves)
		}
		fmt.Fprintf(&key, " leaf %d", t.leaves[m.leaf])
	}
	if have := t.known[key.String()]; have != nil {
		return have
	}
	m.id = len(t.known)
	t.known[key.String()] = &m
	return &m
}

// of is the term of a particle; nil is empty content.
func (t *terms) of(p *contract.Particle) *term {
	if p == nil {
		return t.empty
	}
	if have := t.particle[p]; have != nil {
		return have
	}
	out := t.repeat(t.once(p), p.Min, p.Max)
	t.particle[p] = out
	return out
}

func (t *terms) once(p *contract.Particle) *term {
	switch p.Kind {
	case contract.ElementParticle:
		return t.make(term{op: opLeaf, leaf: leaf{element: p.Element}, productive: takesElement(p.Element)})
	case contract.AnyParticle:
		return t.make(term{op: opLeaf, leaf: leaf{any: p.Any}, productive: p.Any.Not || len(p.Any.Namespaces) > 0})
	}
	subs := make([]*term, len(p.Particles))
	for i, q := range p.Particles {
		subs[i] = t.of(q)
	}
	switch p.Kind {
	case contract.Choice:
		return t.or(subs)
	case contract.All:
		return t.all(subs)
	}
	out := t.empty
	for i := len(subs) - 1; i >= 0; i-- {
		out = t.then(subs[i], out)
	}
	return out
}

// takesElement reports whether anything may stand for a declaration.
func takesElement(e *contract.Element) bool {
	if !e.Abstract {
		return true
	}
	for _, s := range e.Substitutes {
		if !s.Abstract {
			return true
		}
	}
	return false
}

func (t *terms) then(a, b *term) *term {
	switch {
	case a == t.nothing || b == t.nothing:
		return t.nothing
	case a == t.empty:
		return b
	case b == t.empty:
		return a
	}
	return t.make(term{op: opThen, subs: []*term{a, b}, nullable: a.nullable && b.nullable, productive: a.productive && b.productive})
}

func (t *terms) or(subs []*term) *term {
	m := term{op: opOr, subs: subs}
	for _, s := range subs {
		m.nullable, m.productive = m.nullable || s.nullable, m.productive || s.productive
	}
	switch len(subs) {
	case 0:
		return t.nothing
	case 1:
		return subs[0]
	}
	return t.make(m)
}

func (t *terms) all(subs []*term) *term {
	m := term{op: opAll, nullable: true, productive: true}
	for _, s := range subs {
		if s == t.empty {
			continue
		}
		m.subs = append(m.subs, s)
		m.nullable, m.productive = m.nullable && s.nullable, m.productive && s.productive
	}
	switch len(m.subs) {
	case 0:
		return t.empty
	case 1:
		return m.subs[0]
	}
	return t.make(m)
}

func (t *terms) repeat(s *term, least, most int) *term {
	switch {
	case most == 0 || s == t.empty:
		return t.empty
	case least == 1 && most == 1:
		return s
	case !s.productive && least == 0:
		return t.empty
	case s.nullable:
		least = 0
	}
	return t.make(term{op: opRepeat, subs: []*term{s}, min: least, max: most, nullable: least == 0, productive: s.productive})
}

// moves are the ways on from a term.
func (t *terms) moves(m *term) []move {
	if have, done := t.next[m]; done {
		return have
	}
	var out []move
	switch m.op {
	case opLeaf:
		if m.productive {
			out = []move{{m.leaf, t.empty}}
		}
	case opThen:
		for _, v := range t.moves(m.subs[0]) {
			out = append(out, move{v.leaf, t.then(v.rest, m.subs[1])})
		}
		if m.subs[0].nullable {
			out = append(out, t.moves(m.subs[1])...)
		}
	case opOr:
		for _, s := range m.subs {
			out = append(out, t.moves(s)...)
		}
	case opAll:
		for i, s := range m.subs {
			others := append(append([]*term(nil), m.subs[:i]...), m.subs[i+1:]...)
			for _, v := range t.moves(s) {
				out = append(out, move{v.leaf, t.then(v.rest, t.all(others))})
			}
		}
	case opRepeat:
		for _, v := range t.moves(m.subs[0]) {
			out = append(out, move{v.leaf, t.then(v.rest, t.fewer(m))})
		}
	}
	*t.effort -= 1 + len(out)
	t.next[m] = out
	return out
}

// fewer is a repetition after one more time.
func (t *terms) fewer(m *term) *term {
	most := m.max
	if most != contract.Unbounded {
		most--
	}
	return t.repeat(m.subs[0], max(m.min-1, 0), most)
}
