package contract

// none is no item.
const none = int32(-1)

// supplier has the children that are to be arranged. It numbers them in the
// order in which they were given.
type supplier interface {
	// following returns the item of the same slot that comes after item, or none.
	following(item int32) int32
	// place is told what stands next in the contract's order.
	place(slot, item int32)
	// lacking is told that p demands a child that is not there.
	lacking(p *Particle)
}

// arrangement brings children into the order of a content model. A choice takes
// the alternative that the children given fill best; where a choice may repeat,
// the one whose child was given first.
type arrangement struct {
	supplier
	heads  []int32 // by slot: the item whose turn it is, or none
	effort *effort
}

// effort bounds the work on one document, against content models built to
// explode.
type effort struct{ steps int }

// maxEffort takes about half a second.
const maxEffort = 1 << 27

func (e *effort) spent() bool {
	e.steps++
	return e.steps > maxEffort
}

// arrange places the children that the layout has a place for. Those left are
// in heads.
func (a *arrangement) arrange(l *layout) {
	if l.model != nil {
		a.repeat(l.model)
	}
}

// repeat places s as often as there are children for it.
func (a *arrangement) repeat(s *step) {
	p := s.particle
	for n := 0; p.Max == Unbounded || n < p.Max; n++ {
		if a.first(s) == none {
			if n < p.Min && !s.optional {
				a.lacking(p)
			}
			return
		}
		a.once(s)
	}
}

// first returns which slot of a step has the item given first, or none.
func (a *arrangement) first(s *step) int32 {
	at := none
	for _, slot := range s.slots {
		if a.effort.spent() {
			return none
		}
		if a.heads[slot] != none && (at == none || a.heads[slot] < a.heads[at]) {
			at = slot
		}
	}
	return at
}

func (a *arrangement) once(s *step) {
	switch s.particle.Kind {
	case ElementParticle:
		if at := a.first(s); at != none {
			item := a.heads[at]
			a.heads[at] = a.following(item)
			a.place(at, item)
		}
	case Choice:
		if part, _ := a.chosen(s); part != nil {
			a.repeat(part)
		}
	default:
		for _, part := range s.parts {
			a.repeat(part)
		}
	}
}

// fit is how well a step would be filled by the children that are given.
type fit struct {
	children int   // how many of its elements are given
	first    int32 // the item given first, or none
	lacks    bool  // one that it demands is not given
}

// chosen is the alternative of a choice that is to be placed, and its fit; nil
// when nothing of any is given.
func (a *arrangement) chosen(s *step) (best *step, most fit) {
	for _, part := range s.parts {
		at := a.first(part)
		if at == none {
			continue
		}
		f := fit{first: a.heads[at]}
		if !s.again {
			f = a.fit(part)
		}
		if best == nil || f.before(most) {
			best, most = part, f
		}
	}
	return best, most
}

// before reports whether f is to be preferred to o.
func (f fit) before(o fit) bool {
	switch {
	case f.lacks != o.lacks:
		return o.lacks
	case f.children != o.children:
		return f.children > o.children
	}
	return f.first < o.first
}

// fit is exact but for a choice that may repeat, of which only the order counts.
func (a *arrangement) fit(s *step) fit {
	at := a.first(s)
	switch {
	case at == none:
		return fit{first: none, lacks: !s.optional}
	case s.particle.Kind == ElementParticle:
		return fit{children: 1, first: a.heads[at]}
	case s.particle.Kind == Choice:
		_, most := a.chosen(s)
		return most
	}
	f := fit{first: a.heads[at]}
	for _, part := range s.parts {
		g := a.fit(part)
		f.children += g.children
		f.lacks = f.lacks || g.lacks
	}
	return f
}
