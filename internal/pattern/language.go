package pattern

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
)

// ErrNone says that no string is what was asked for.
var ErrNone = errors.New("no string matches")

// Language is the strings that match some expressions and do not match others:
// those of them that Solve looked at, which are all unless parts may be repeated
// very often. It is immutable and safe for concurrent use.
type Language struct {
	groups []set
	grades []int // of the groups: see plainness
	states []place
}

// place is a state of the search that leads to an end.
type place struct {
	accept bool
	steps  int // to the nearest end
	moves  []move
}

type move struct {
	group int32
	to    int32
}

// Solve finds the strings that match every one of must and none of mustNot. The
// error is ErrNone where there is none, or ErrTooLarge.
func Solve(must, mustNot []*Expr) (*Language, error) {
	classes := &alphabet{}
	var all []*automaton
	for i, e := range slices.Concat(must, mustNot) {
		a, err := build(e, classes, i >= len(must))
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if err := classes.divide(); err != nil {
		return nil, err
	}
	s := &search{classes: classes, must: len(must), ids: map[string]int32{}}
	for _, a := range all {
		s.runners = append(s.runners, newRunner(a, classes))
	}
	if err := s.explore(); err != nil {
		return nil, err
	}
	return s.language()
}

// search walks all automata side by side.
type search struct {
	classes *alphabet
	runners []*runner
	must    int
	tuples  [][]int32
	ids     map[string]int32
	moves   [][]move
	work    int
}

// intern numbers a tuple of states; dead ones, from which no must matches, are
// none.
func (s *search) intern(tuple []int32) int32 {
	for i, id := range tuple[:s.must] {
		if len(s.runners[i].sets[id]) == 0 {
			return none
		}
	}
	key := make([]byte, 0, 4*len(tuple))
	for _, id := range tuple {
		key = binary.LittleEndian.AppendUint32(key, uint32(id))
	}
	if id, known := s.ids[string(key)]; known {
		return id
	}
	id := int32(len(s.tuples))
	s.ids[string(key)] = id
	s.tuples = append(s.tuples, slices.Clone(tuple))
	return id
}

// explore visits every state that can be reached, nearest first. Past the bound
// it stops: what was found by then is searched.
func (s *search) explore() error {
	s.intern(make([]int32, len(s.runners)))
	tuple := make([]int32, len(s.runners))
	for at := 0; at < len(s.tuples); at++ {
		var out []move
		for g := range s.classes.groups {
			if s.work++; s.work > maxSearch {
				break
			}
			for i, r := range s.runners {
				tuple[i] = r.move(s.tuples[at][i], int32(g))
				s.work += len(r.sets[s.tuples[at][i]]) / 16
			}
			if to := s.intern(tuple); to != none {
				out = append(out, move{int32(g), to})
			}
		}
		s.moves = append(s.moves, out)
		if s.work > maxSearch {
			break
		}
	}
	return nil
}

func (s *search) accepts(tuple []int32) bool {
	for i, id := range tuple {
		if s.runners[i].accepts(id) != (i < s.must) {
			return false
		}
	}
	return true
}

// language keeps the states from which an end can be reached.
func (s *search) language() (*Language, error) {
	steps := s.distances()
	if steps[0] < 0 {
		if s.work > maxSearch {
			return nil, ErrTooLarge
		}
		return nil, ErrNone
	}
	l := &Language{groups: s.classes.groups}
	for _, g := range l.groups {
		l.grades = append(l.grades, plainness(g))
	}
	for id := range s.moves {
		p := place{accept: s.accepts(s.tuples[id]), steps: steps[id]}
		for _, m := range s.moves[id] {
			if int(m.to) < len(s.moves) && steps[m.to] >= 0 {
				p.moves = append(p.moves, m)
			}
		}
		l.states = append(l.states, p)
	}
	return l, nil
}

// distances counts the characters from each state to the nearest end; -1 where
// there is none.
func (s *search) distances() []int {
	back := make([][]int32, len(s.tuples))
	steps := make([]int, len(s.tuples))
	var queue []int32
	for id := range s.tuples {
		steps[id] = -1
		if s.accepts(s.tuples[id]) {
			steps[id] = 0
			queue = append(queue, int32(id))
		}
		if id < len(s.moves) {
			for _, m := range s.moves[id] {
				back[m.to] = append(back[m.to], int32(id))
			}
		}
	}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, from := range back[id] {
			if steps[from] < 0 {
				steps[from] = steps[id] + 1
				queue = append(queue, from)
			}
		}
	}
	return steps
}

// Shortest returns a shortest string, of characters that are easily read, the
// same one each time.
func (l *Language) Shortest() string {
	var out []rune
	for at := int32(0); l.states[at].steps > 0; {
		var best move
		grade := -1
		for _, m := range l.states[at].moves {
			if g := l.grades[m.group]; l.states[m.to].steps < l.states[at].steps && g > grade {
				best, grade = m, g
			}
		}
		out = append(out, readable(l.groups[best.group], len(out)))
		at = best.to
	}
	return string(out)
}

// Pick returns a string by chance: of plain characters and about as long as
// longer characters more than it must be; with odd set, of characters of all
// kinds.
func (l *Language) Pick(r *rand.Rand, longer int, odd bool) string {
	var out []rune
	stop := l.states[0].steps + longer
	for at := int32(0); ; {
		here := &l.states[at]
		if here.accept && (len(here.moves) == 0 || len(out) >= stop || longer == 0) {
			return string(out)
		}
		m := l.step(r, here, len(out)+here.steps >= stop, odd)
		set := l.groups[m.group]
		if odd {
			if known := set.and(settled); len(known) > 0 {
				set = known
			}
			out = append(out, set.at(r.IntN(set.size())))
		} else {
			out = append(out, readableBy(r, set))
		}
		at = m.to
	}
}

// step chooses the next move: with home set, one that leads to an end.
func (l *Language) step(r *rand.Rand, here *place, home, odd bool) move {
	var fit []move
	best := 0
	for _, m := range here.moves {
		g := l.grades[m.group]
		switch {
		case home && l.states[m.to].steps >= here.steps && here.steps > 0:
		case odd || g == best:
			fit = append(fit, m)
		case g > best:
			best, fit = g, append(fit[:0], m)
		}
	}
	return fit[r.IntN(len(fit))]
}

// The characters that are easily read, the best first.
var (
	upper  = set{{'A', 'Z'}}
	lower  = set{{'a', 'z'}}
	number = set{{'0', '9'}}
	sight  = set{{'!', '~'}}
)

// plainness grades a group by its plainest character.
func plainness(s set) int {
	switch {
	case len(s.and(set{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}})) > 0:
		return 3
	case len(s.and(sight)) > 0:
		return 2
	case s.has(' '):
		return 1
	}
	return 0
}

// readable returns a plain character of the group for the place it comes at:
// A, B, C and 1, 2, 3.
func readable(s set, place int) rune {
	for i, plain := range []set{upper, lower, number, sight} {
		if fit := s.and(plain); len(fit) > 0 {
			if i == 2 { // the digits from 1
				place++
			}
			return fit.at(place % fit.size())
		}
	}
	if s.has(' ') {
		return ' '
	}
	return s[0].lo
}

func readableBy(r *rand.Rand, s set) rune {
	for _, plain := range []set{upper, lower, number, sight} {
		if fit := s.and(plain); len(fit) > 0 {
			return fit.at(r.IntN(fit.size()))
		}
	}
	return readable(s, 0)
}

// Match reports whether the string matches the expression.
func (e *Expr) Match(s string) (bool, error) {
	classes := &alphabet{}
	a, err := build(e, classes, true)
	if err != nil {
		return false, err
	}
	now := map[int32]bool{}
	a.enter(now, a.start)
	for _, r := range s {
		then := map[int32]bool{}
		for id := range now {
			if one := a.states[id]; one.class != none && classes.sets[one.class].has(r) {
				a.enter(then, one.next)
			}
		}
		now = then
	}
	return now[a.accept], nil
}

// enter adds a state and those that are reached from it without reading.
func (a *automaton) enter(into map[int32]bool, id int32) {
	if id == none || into[id] {
		return
	}
	into[id] = true
	if one := a.states[id]; one.class == none && id != a.accept {
		a.enter(into, one.next)
		a.enter(into, one.alt)
	}
}
