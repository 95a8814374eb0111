package compat

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// maxEffort bounds the comparison of two content models. Real ones need some
// hundred steps; past it the answer is maybe.
const maxEffort = 1 << 18

// symbol is a name of a child element, or all names of a namespace that neither
// model mentions (Local is empty), or all names of all other namespaces.
type symbol = contract.Name

// elsewhere stands for the namespaces that neither model mentions. No namespace
// has a space in it.
const elsewhere = "any other namespace"

// alphabet is what the children of two content models can be told apart by. Old
// names are in it as they would be called in the new contract.
type alphabet struct {
	names      *naming
	all        []symbol
	seen       map[symbol]bool
	namespaces map[string]bool
	visited    map[*contract.Particle]bool
	letters    map[leaf][]symbol
}

func (c *comparison) alphabet(old, new *contract.Particle) *alphabet {
	a := &alphabet{names: c.names, seen: map[symbol]bool{}, namespaces: map[string]bool{"": true},
		visited: map[*contract.Particle]bool{}, letters: map[leaf][]symbol{}}
	a.collect(old)
	a.collect(new)
	for ns := range a.namespaces {
		a.add(symbol{Space: ns})
	}
	a.add(symbol{Space: elsewhere})
	slices.SortFunc(a.all, compareNames)
	return a
}

func (a *alphabet) add(s symbol) {
	if !a.seen[s] {
		a.seen[s] = true
		a.all = append(a.all, s)
	}
}

func (a *alphabet) collect(p *contract.Particle) {
	if p == nil || a.visited[p] {
		return
	}
	a.visited[p] = true
	switch p.Kind {
	case contract.ElementParticle:
		for _, e := range standIns(p.Element) {
			name := a.names.now(e.Name)
			a.namespaces[name.Space] = true
			a.add(name)
		}
	case contract.AnyParticle:
		for _, ns := range p.Any.Namespaces {
			a.namespaces[a.names.now(contract.Name{Space: ns}).Space] = true
		}
	}
	for _, q := range p.Particles {
		a.collect(q)
	}
}

// standIns are the elements that may stand for e in a message.
func standIns(e *contract.Element) []*contract.Element {
	out := []*contract.Element{e}
	if e.Abstract {
		out = nil
	}
	for _, s := range e.Substitutes {
		if !s.Abstract {
			out = append(out, s)
		}
	}
	return out
}

// of lists the symbols that a leaf takes.
func (a *alphabet) of(l leaf) []symbol {
	if have, done := a.letters[l]; done {
		return have
	}
	var out []symbol
	if l.element != nil {
		for _, e := range standIns(l.element) {
			out = append(out, a.names.now(e.Name))
		}
	} else {
		for _, s := range a.all {
			if a.allows(l.any, s.Space) {
				out = append(out, s)
			}
		}
	}
	a.letters[l] = out
	return out
}

// allows asks a wildcard of either contract for a namespace of the new one.
func (a *alphabet) allows(w *contract.Wildcard, space string) bool {
	return w.Not != slices.ContainsFunc(w.Namespaces, func(ns string) bool {
		return a.names.now(contract.Name{Space: ns}).Space == space
	})
}

// met is a child that two content models take in the same place.
type met struct {
	from, to leaf
	symbol   symbol
}

// inclusion is the outcome of asking whether one content model takes everything
// that another does.
type inclusion struct {
	refused verdict  // whether something is refused
	example []symbol // a sequence that is: all but the last are taken
	ends    bool     // what is refused is that nothing follows the example
	next    []symbol // what might have followed instead
	met     map[met]bool
}

// include asks whether to takes every sequence that from takes. It walks both
// automata at once, the one of to over sets of states.
func (a *alphabet) include(from, to *contract.Particle) *inclusion {
	out := &inclusion{met: map[met]bool{}}
	if a.covers(from, to, out) {
		return out
	}
	clear(out.met)
	effort := maxEffort
	w := &inclusionWalk{alphabet: a, out: out, effort: &effort, from: newTerms(&effort), to: newTerms(&effort), seen: map[string]bool{}}
	w.run(from, to)
	return out
}

type inclusionWalk struct {
	*alphabet
	out      *inclusion
	effort   *int
	from, to *terms
	seen     map[string]bool
	queue    []*stateInclusion
}

// stateInclusion is a state of from with all that to may be in.
type stateInclusion struct {
	from *term
	to   []*term
	by   symbol
	prev *stateInclusion
}

func (w *inclusionWalk) run(from, to *contract.Particle) {
	start := w.from.of(from)
	if !start.productive {
		return
	}
	w.push(&stateInclusion{from: start, to: []*term{w.to.of(to)}})
	for len(w.queue) > 0 {
		s := w.queue[0]
		w.queue = w.queue[1:]
		if *w.effort < 0 {
			if w.out.refused == no {
				w.out.refused = maybe
			}
			return
		}
		w.visit(s)
	}
}

func (w *inclusionWalk) push(s *stateInclusion) {
	var key strings.Builder
	writeID(&key, s.from)
	for _, t := range s.to {
		writeID(&key, t)
	}
	if !w.seen[key.String()] {
		w.seen[key.String()] = true
		w.queue = append(w.queue, s)
	}
}

func writeID(b *strings.Builder, t *term) {
	b.WriteByte(byte(t.id))
	b.WriteByte(byte(t.id >> 8))
	b.WriteByte(byte(t.id >> 16))
}

func (w *inclusionWalk) visit(s *stateInclusion) {
	if s.from.nullable && !slices.ContainsFunc(s.to, func(t *term) bool { return t.nullable }) {
		w.refuse(s, true)
	}
	ways := w.ways(s.to)
	for _, m := range w.from.moves(s.from) {
		if !m.rest.productive {
			continue
		}
		for _, letter := range w.of(m.leaf) {
			*w.effort--
			then := &stateInclusion{from: m.rest, by: letter, prev: s}
			for _, v := range ways[letter] {
				w.out.met[met{m.leaf, v.leaf, letter}] = true
				then.to = append(then.to, v.rest)
			}
			if len(then.to) == 0 {
				w.refuse(then, false)
				continue
			}
			slices.SortFunc(then.to, func(x, y *term) int { return x.id - y.id })
			then.to = slices.Compact(then.to)
			w.push(then)
		}
	}
}

// ways are the moves of to's states by symbol.
func (w *inclusionWalk) ways(states []*term) map[symbol][]move {
	out := map[symbol][]move{}
	for _, t := range states {
		for _, m := range w.to.moves(t) {
			if !m.rest.productive {
				continue
			}
			for _, letter := range w.of(m.leaf) {
				*w.effort--
				out[letter] = append(out[letter], m)
			}
		}
	}
	return out
}

// refuse keeps the first example, which is a shortest one. The walk goes on: all
// that can be met is compared further down.
func (w *inclusionWalk) refuse(s *stateInclusion, ends bool) {
	if w.out.refused == yes {
		return
	}
	w.out.refused, w.out.ends = yes, ends
	for at := s; at.prev != nil; at = at.prev {
		w.out.example = append(w.out.example, at.by)
	}
	slices.Reverse(w.out.example)
	states := s.to
	if !ends {
		states = s.prev.to
	}
	for letter := range w.ways(states) {
		w.out.next = append(w.out.next, letter)
	}
	slices.SortFunc(w.out.next, compareNames)
}
