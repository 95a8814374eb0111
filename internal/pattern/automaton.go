package pattern

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ErrTooLarge says that an expression, or what several of them have in common,
// is past what is searched.
var ErrTooLarge = errors.New("the pattern is past what is searched")

// The bounds of a search.
const (
	maxStates = 1 << 15 // of one expression
	maxSearch = 1 << 17 // transitions looked at altogether
	// spare is how many times more than it must a part is repeated: strings that
	// repeat it more often are never made.
	spare = 64
)

// automaton is a non-deterministic automaton after Thompson: a state reads a
// character of its class and goes to next, or goes to two states without reading.
type automaton struct {
	states []state
	start  int32
	accept int32
}

type state struct {
	class     int32 // index into the alphabet's sets; none: reads nothing
	next, alt int32
}

const none int32 = -1

// build turns an expression into an automaton. With exact unset, parts that may
// be repeated very often are repeated spare times more than they must: the
// automaton then takes some strings fewer, none more.
func build(e *Expr, classes *alphabet, exact bool) (*automaton, error) {
	b := &buildup{automaton: &automaton{}, classes: classes, exact: exact}
	b.accept = b.add(state{class: none, next: none, alt: none})
	b.start = b.term(e.root, b.accept)
	if b.full {
		return nil, ErrTooLarge
	}
	return b.automaton, nil
}

type buildup struct {
	*automaton
	classes *alphabet
	exact   bool
	full    bool
}

func (b *buildup) add(s state) int32 {
	if len(b.states) >= maxStates {
		b.full = true
		return 0
	}
	b.states = append(b.states, s)
	return int32(len(b.states) - 1)
}

// term adds what reads t and then goes on at next; it returns where that begins.
func (b *buildup) term(t *term, next int32) int32 {
	if b.full {
		return 0
	}
	switch t.kind {
	case class:
		return b.add(state{class: b.classes.index(t.set), next: next, alt: none})
	case sequence:
		for _, part := range slices.Backward(t.parts) {
			next = b.term(part, next)
		}
		return next
	case choice:
		start := none
		for _, part := range slices.Backward(t.parts) {
			one := b.term(part, next)
			if start = b.either(one, start); b.full {
				return 0
			}
		}
		return start
	case repeat:
		return b.repeat(t, next)
	}
	return next
}

// either goes on at one of two states.
func (b *buildup) either(one, other int32) int32 {
	if other == none {
		return one
	}
	return b.add(state{class: none, next: one, alt: other})
}

func (b *buildup) repeat(t *term, next int32) int32 {
	inner, most := t.parts[0], t.max
	if !b.exact && most > t.min+spare {
		most = t.min + spare
	}
	out := next
	if most == unbounded {
		loop := b.add(state{class: none, next: none, alt: next})
		if b.full {
			return 0
		}
		b.states[loop].next = b.term(inner, loop)
		out = loop
	} else {
		for range most - t.min {
			if out = b.either(b.term(inner, out), next); b.full {
				return 0
			}
		}
	}
	for range t.min {
		if out = b.term(inner, out); b.full {
			return 0
		}
	}
	return out
}

// alphabet divides the characters into groups that no class in use tells apart.
type alphabet struct {
	sets   []set
	groups []set
	in     [][]bool // by set, by group: the group is in the set
}

func (a *alphabet) index(s set) int32 {
	if i := slices.IndexFunc(a.sets, func(have set) bool { return slices.Equal(have, s) }); i >= 0 {
		return int32(i)
	}
	a.sets = append(a.sets, s)
	return int32(len(a.sets) - 1)
}

// maxGroups bounds what a search goes through at each state.
const maxGroups = 1 << 10

// divide makes the groups: characters that are in the same sets.
func (a *alphabet) divide() error {
	a.groups = []set{xmlChars}
	for _, s := range a.sets {
		var finer []set
		for _, g := range a.groups {
			if in := g.and(s); len(in) > 0 {
				finer = append(finer, in)
			}
			if out := g.minus(s); len(out) > 0 {
				finer = append(finer, out)
			}
		}
		if a.groups = finer; len(finer) > maxGroups {
			return ErrTooLarge
		}
	}
	for _, s := range a.sets {
		row := make([]bool, len(a.groups))
		for i, g := range a.groups {
			row[i] = s.has(g[0].lo)
		}
		a.in = append(a.in, row)
	}
	return nil
}

// runner makes the automaton deterministic as far as it is asked: its states
// are sets of the automaton's.
type runner struct {
	*automaton
	alphabet *alphabet
	sets     [][]int32
	ids      map[string]int32
	next     map[step]int32
	marks    []int32 // by state: the generation it was last seen in
	mark     int32
}

type step struct{ state, group int32 }

func newRunner(a *automaton, classes *alphabet) *runner {
	r := &runner{automaton: a, alphabet: classes, ids: map[string]int32{}, next: map[step]int32{}, marks: make([]int32, len(a.states))}
	r.intern([]int32{a.start})
	return r
}

// intern closes a set over the states that are reached without reading and
// returns its number; the first is the start.
func (r *runner) intern(from []int32) int32 {
	r.mark++
	var closed []int32
	stack := slices.Clone(from)
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s == none || r.marks[s] == r.mark {
			continue
		}
		r.marks[s] = r.mark
		if one := r.states[s]; one.class == none && s != r.accept {
			stack = append(stack, one.next, one.alt)
			continue
		}
		closed = append(closed, s)
	}
	slices.Sort(closed)
	key := make([]byte, 0, 4*len(closed))
	for _, s := range closed {
		key = binary.LittleEndian.AppendUint32(key, uint32(s))
	}
	if id, known := r.ids[string(key)]; known {
		return id
	}
	id := int32(len(r.sets))
	r.ids[string(key)] = id
	r.sets = append(r.sets, closed)
	return id
}

// accepts reports whether a string may end in that state.
func (r *runner) accepts(id int32) bool { return slices.Contains(r.sets[id], r.accept) }

// move returns where a character of the group leads.
func (r *runner) move(id, group int32) int32 {
	at := step{id, group}
	if to, known := r.next[at]; known {
		return to
	}
	var reached []int32
	for _, s := range r.sets[id] {
		if one := r.states[s]; one.class != none && r.alphabet.in[one.class][group] {
			reached = append(reached, one.next)
		}
	}
	to := r.intern(reached)
	r.next[at] = to
	return to
}
