package contract

import "slices"

// Children returns the child elements of the type in the order of its content
// model, each once, with its cardinality. The slice is shared: do not change it.
func (t *Type) Children() []Child { return t.children }

// Child returns the child element of that name; a member of a substitution
// group is found through its head and comes with the head's cardinality.
func (t *Type) Child(name Name) (Child, bool) {
	for _, c := range t.children {
		if c.Element.Name == name {
			return c, true
		}
	}
	for _, c := range t.children {
		if e := c.Element.substitute(name); e != nil {
			return Child{Element: e, Min: 0, Max: c.Max}, true
		}
	}
	return Child{}, false
}

// substitute returns the element of that name that may stand for e, or nil.
func (e *Element) substitute(name Name) *Element {
	for _, s := range e.Substitutes {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Attr returns the attribute of that name, or nil.
func (t *Type) Attr(name Name) *Attribute {
	i := slices.IndexFunc(t.Attributes, func(a *Attribute) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return t.Attributes[i]
}

// Open reports whether the content has a wildcard, so that elements may occur
// that the contract does not declare.
func (t *Type) Open() bool { return t.Content.open(map[*Particle]bool{}) }

func (p *Particle) open(seen map[*Particle]bool) bool {
	if p == nil || seen[p] {
		return false
	}
	seen[p] = true
	return p.Kind == AnyParticle ||
		slices.ContainsFunc(p.Particles, func(q *Particle) bool { return q.open(seen) })
}

// flattener computes the children of particles, each particle once: named
// groups are shared, and a tower of them would be walked exponentially often.
type flattener struct {
	known map[*Particle][]Child
	spend func(n int) bool
}

// newFlattener makes a flattener that asks spend before it keeps n children; nil
// means that there is no bound.
func newFlattener(spend func(n int) bool) flattener {
	if spend == nil {
		spend = func(int) bool { return true }
	}
	return flattener{map[*Particle][]Child{}, spend}
}

func (f flattener) of(p *Particle) []Child {
	if p == nil {
		return nil
	}
	if done, ok := f.known[p]; ok {
		return done
	}
	set := &childSet{}
	switch p.Kind {
	case ElementParticle:
		set.list = []Child{{p.Element, 1, 1}}
	case Choice:
		f.choice(set, p)
	case Sequence, All:
		for _, q := range p.Particles {
			for _, c := range f.of(q) {
				set.add(c)
			}
		}
	}
	if !f.spend(len(set.list)) {
		return nil
	}
	for i, c := range set.list {
		set.list[i].Min, set.list[i].Max = max(times(c.Min, p.Min), 0), times(c.Max, p.Max)
	}
	f.known[p] = set.list
	return set.list
}

// choice takes for each child the least and the most that any alternative has:
// none is the least where one does not have it.
func (f flattener) choice(set *childSet, p *Particle) {
	var alternatives []int // that have a child, by its place in the set
	for _, q := range p.Particles {
		for _, c := range f.of(q) {
			i := set.widen(c)
			if i == len(alternatives) {
				alternatives = append(alternatives, 0)
			}
			alternatives[i]++
		}
	}
	for i, n := range alternatives {
		if n < len(p.Particles) {
			set.list[i].Min = 0
		}
	}
}

// childSet is a list of children, no two of one name.
type childSet struct {
	list []Child
	at   map[Name]int // when there are many
}

// few is up to how many children a list is searched.
const few = 16

func (s *childSet) find(name Name) int {
	if s.at == nil {
		return slices.IndexFunc(s.list, func(c Child) bool { return c.Element.Name == name })
	}
	if i, ok := s.at[name]; ok {
		return i
	}
	return -1
}

func (s *childSet) append(c Child) {
	s.list = append(s.list, c)
	if len(s.list) == few {
		s.at = map[Name]int{}
		for i, have := range s.list {
			s.at[have.Element.Name] = i
		}
	} else if s.at != nil {
		s.at[c.Element.Name] = len(s.list) - 1
	}
}

// add adds up what one sequence has twice.
func (s *childSet) add(c Child) {
	i := s.find(c.Element.Name)
	if i < 0 {
		s.append(c)
		return
	}
	have := &s.list[i]
	have.Min += c.Min
	if have.Max == Unbounded || c.Max == Unbounded {
		have.Max = Unbounded
	} else {
		have.Max += c.Max
	}
}

// widen takes the least and the most of two alternatives, and returns the place.
func (s *childSet) widen(c Child) int {
	i := s.find(c.Element.Name)
	if i < 0 {
		s.append(c)
		return len(s.list) - 1
	}
	have := &s.list[i]
	have.Min = min(have.Min, c.Min)
	if c.Max == Unbounded || have.Max != Unbounded && c.Max > have.Max {
		have.Max = c.Max
	}
	return i
}

func times(n, by int) int {
	if n == 0 || by == 0 {
		return 0
	}
	if n == Unbounded || by == Unbounded || n > 1<<31/by {
		return Unbounded
	}
	return n * by
}
