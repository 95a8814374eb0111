package contract

import "slices"

// layout is a type's content for those who give it by name and in another order
// than the contract's: every child has a number, its slot, and the content model
// is written in slots. It is made when first needed and belongs to the type.
type layout struct {
	slots  []slot
	byKey  map[string]int32 // by key, and in Clark notation, which any child goes by
	byName map[Name]int32
	model  *step // nil: no child elements
	// settled says that the order of the children follows from which ones there
	// are, however they are given.
	settled bool

	attributes []string // the keys of the type's attributes, in their order
	byAttr     map[string]int32
	qnames     bool // the type's value, or one of its attributes, is a QName
}

// slot is one element that may stand in the content.
type slot struct {
	element *Element
	key     string // its local name, or Clark notation where another child has that
	repeats bool
}

// step is a particle with the slots that it takes.
type step struct {
	particle *Particle
	slots    []int32 // what may be in it, whichever way; an element's own and those of its substitutes
	parts    []*step // groups only
	optional bool    // it may be left out as a whole
	again    bool    // it or a group around it may repeat
}

// layout returns the layout of the type. It is safe for concurrent use.
func (t *Type) layout() *layout {
	if l := t.laidOut.Load(); l != nil {
		return l
	}
	l := newLayout(t)
	t.laidOut.Store(l)
	return l
}

func newLayout(t *Type) *layout {
	l := &layout{byKey: map[string]int32{}, byName: map[Name]int32{}, byAttr: map[string]int32{}, qnames: t.Simple.qualified()}
	for _, a := range t.Attributes {
		l.addAttribute(a)
	}
	for _, c := range t.Children() {
		l.add(c.Element, c.Max != 1)
	}
	for _, c := range t.Children() {
		for _, s := range c.Element.Substitutes {
			l.add(s, c.Max != 1)
		}
	}
	if t.Content != nil {
		l.model = l.step(t.Content, false, map[stepKey]*step{})
		l.settled = t.Content.Kind == All || (&settling{seen: map[int32]bool{}}).settles(l.model)
	}
	return l
}

// add gives an element a slot. The first of a local name goes by that alone.
func (l *layout) add(el *Element, repeats bool) {
	if _, known := l.byName[el.Name]; known {
		return
	}
	at := int32(len(l.slots))
	s := slot{element: el, key: el.Name.Local, repeats: repeats}
	if _, taken := l.byKey[s.key]; taken {
		s.key = clark(el.Name)
	}
	l.byName[el.Name], l.byKey[s.key], l.byKey[clark(el.Name)] = at, at, at
	l.slots = append(l.slots, s)
}

// addAttribute gives an attribute its key, on the same terms.
func (l *layout) addAttribute(a *Attribute) {
	at, key := int32(len(l.attributes)), "@"+a.Name.Local
	if _, taken := l.byAttr[key]; taken {
		key = "@" + clark(a.Name)
	}
	l.byAttr[key], l.byAttr["@"+clark(a.Name)] = at, at
	l.attributes = append(l.attributes, key)
	l.qnames = l.qnames || a.Type.qualified()
}

// qualified reports whether values of the type are qualified names, which mean
// something by the prefixes declared around them.
func (s *Simple) qualified() bool {
	return s != nil && (s.Primitive == "QName" || s.Primitive == "NOTATION")
}

// clark is Clark notation with the braces also where there is no namespace.
func clark(name Name) string { return "{" + name.Space + "}" + name.Local }

// stepKey is what makes a step: named groups are shared, in and outside of
// groups that repeat.
type stepKey struct {
	particle *Particle
	again    bool
}

func (l *layout) step(p *Particle, again bool, known map[stepKey]*step) *step {
	again = again || p.Max != 1
	key := stepKey{p, again}
	if s := known[key]; s != nil {
		return s
	}
	s := &step{particle: p, again: again, optional: p.Min == 0}
	if p.Kind == ElementParticle {
		s.slots = append(s.slots, l.byName[p.Element.Name])
		for _, other := range p.Element.Substitutes {
			s.slots = append(s.slots, l.byName[other.Name])
		}
	}
	needed := 0
	for _, q := range p.Particles {
		part := l.step(q, again, known)
		s.parts, s.slots = append(s.parts, part), append(s.slots, part.slots...)
		if !part.optional {
			needed++
		}
		slices.Sort(s.slots)
		s.slots = slices.Compact(s.slots)
	}
	switch p.Kind {
	case Sequence, All:
		s.optional = s.optional || needed == 0
	case Choice:
		s.optional = s.optional || needed < len(p.Particles) || len(p.Particles) == 0
	}
	known[key] = s
	return s
}

// settling finds out whether a content model leaves its children's order open.
type settling struct {
	seen  map[int32]bool
	steps int
}

// maxSettling bounds the look at models whose groups share parts in a tower;
// past it the order is taken to be open.
const maxSettling = 1 << 14

// settles reports whether s has no child in two places and no group that
// repeats with more than one child in it.
func (g *settling) settles(s *step) bool {
	if g.steps++; g.steps > maxSettling {
		return false
	}
	if s.again && len(s.slots) > 1 {
		return false
	}
	if s.particle.Kind == ElementParticle {
		for _, at := range s.slots {
			if g.seen[at] {
				return false
			}
			g.seen[at] = true
		}
	}
	for _, part := range s.parts {
		if !g.settles(part) {
			return false
		}
	}
	return true
}

// childNamed finds a child element by local name or Clark notation.
func childNamed(t *Type, key string) *Element {
	l := t.layout()
	if at, ok := l.byKey[key]; ok {
		return l.slots[at].element
	}
	return nil
}
