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
type flattener map[*Particle][]Child

func (f flattener) of(p *Particle) []Child {
	if p == nil {
		return nil
	}
	if done, ok := f[p]; ok {
		return done
	}
	var out []Child
	switch p.Kind {
	case ElementParticle:
		out = []Child{{p.Element, 1, 1}}
	case Choice:
		out = f.choice(p)
	case Sequence, All:
		for _, q := range p.Particles {
			out = addChildren(out, f.of(q))
		}
	}
	out = slices.Clone(out)
	for i := range out {
		out[i].Min, out[i].Max = max(times(out[i].Min, p.Min), 0), times(out[i].Max, p.Max)
	}
	f[p] = out
	return out
}

// choice takes for each child the least and the most that any alternative has.
func (f flattener) choice(p *Particle) []Child {
	var out []Child
	for i, q := range p.Particles {
		alt := f.of(q)
		for j := range out {
			if !slices.ContainsFunc(alt, func(c Child) bool { return c.Element.Name == out[j].Element.Name }) {
				out[j].Min = 0
			}
		}
		for _, c := range alt {
			out = widen(out, c, i > 0)
		}
	}
	return out
}

func widen(out []Child, c Child, later bool) []Child {
	i := slices.IndexFunc(out, func(have Child) bool { return have.Element.Name == c.Element.Name })
	if i < 0 {
		if later {
			c.Min = 0
		}
		return append(out, c)
	}
	out[i].Min = min(out[i].Min, c.Min)
	if c.Max == Unbounded || out[i].Max != Unbounded && c.Max > out[i].Max {
		out[i].Max = c.Max
	}
	return out
}

// addChildren adds up what one sequence has twice.
func addChildren(out, more []Child) []Child {
	for _, c := range more {
		i := slices.IndexFunc(out, func(have Child) bool { return have.Element.Name == c.Element.Name })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].Min += c.Min
		if out[i].Max == Unbounded || c.Max == Unbounded {
			out[i].Max = Unbounded
		} else {
			out[i].Max += c.Max
		}
	}
	return out
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
