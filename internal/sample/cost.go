package sample

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// never is the cost of what has no end or no value.
const never = 1 << 30

// costs tells how many elements the smallest instance of each declaration has.
// They are what makes a walk through a recursive type end.
type costs struct {
	elements map[*contract.Element]int // as declared, without what may stand for it
	types    map[*contract.Type]int
	order    []*contract.Type // those reached, in the order in which they were left
	owners   []*contract.Element
	barren   *barren
	globals  []*contract.Element
	// particles are shared by what refers to a group: each is looked at once in a
	// round, or models made to explode would.
	particles map[*contract.Particle]int
}

func newCosts(b *barren, globals []*contract.Element, roots ...*contract.Element) *costs {
	c := &costs{elements: map[*contract.Element]int{}, types: map[*contract.Type]int{}, barren: b, globals: globals,
		particles: map[*contract.Particle]int{}}
	for _, el := range roots {
		c.reach(el)
	}
	for changed := true; changed; {
		changed = false
		clear(c.particles)
		for _, t := range c.order {
			if n := c.judge(t); n < c.types[t] {
				c.types[t], changed = n, true
			}
		}
		for _, el := range c.owners {
			if n := c.own(el); n < c.elements[el] {
				c.elements[el], changed = n, true
			}
		}
	}
	clear(c.particles)
	return c
}

// reach finds everything that an element may hold.
func (c *costs) reach(el *contract.Element) {
	if _, seen := c.elements[el]; seen {
		return
	}
	c.elements[el] = never
	c.reachType(el.Type)
	c.owners = append(c.owners, el)
	for _, other := range el.Substitutes {
		c.reach(other)
	}
}

func (c *costs) reachType(t *contract.Type) {
	if _, seen := c.types[t]; seen {
		return
	}
	c.types[t] = never
	if t.Content != nil {
		c.reachParticle(t.Content)
	}
	c.order = append(c.order, t)
	for _, d := range t.Derived {
		c.reachType(d)
	}
}

func (c *costs) reachParticle(p *contract.Particle) {
	if _, seen := c.particles[p]; seen {
		return
	}
	c.particles[p] = never
	switch p.Kind {
	case contract.ElementParticle:
		c.reach(p.Element)
	case contract.AnyParticle:
		for _, el := range c.globals {
			if taken(p.Any, el) {
				c.reach(el)
			}
		}
	}
	for _, q := range p.Particles {
		c.reachParticle(q)
	}
}

// judge is the cost of a type's content.
func (c *costs) judge(t *contract.Type) int {
	for _, a := range t.Attributes {
		if a.Required && c.barren.reason(a.Type) != "" && a.Fixed == nil {
			return never
		}
	}
	switch {
	case t.Simple != nil && c.barren.reason(t.Simple) != "":
		return never
	case t.Simple != nil || t.Content == nil:
		return 0
	}
	return c.particle(t.Content)
}

// concrete is the cost of a type or, where it is abstract, of the cheapest that
// xsi:type may name.
func (c *costs) concrete(t *contract.Type) int {
	if !t.Abstract {
		return c.types[t]
	}
	best := never
	for _, d := range t.Derived {
		if !d.Abstract {
			best = min(best, c.types[d])
		}
	}
	return best
}

// own is the cost of an element as declared.
func (c *costs) own(el *contract.Element) int {
	if el.Abstract || c.barren.elements[el] != "" {
		return never
	}
	n := c.concrete(el.Type)
	if n >= never && el.Nillable && !el.Type.Abstract && c.attributesFit(el.Type) {
		n = 0
	}
	return min(n+1, never)
}

func (c *costs) attributesFit(t *contract.Type) bool {
	for _, a := range t.Attributes {
		if a.Required && a.Fixed == nil && c.barren.reason(a.Type) != "" {
			return false
		}
	}
	return true
}

// element is the cost of an element or of the cheapest that may stand for it.
func (c *costs) element(el *contract.Element) int {
	best := c.elements[el]
	if best < never {
		return best
	}
	for _, other := range el.Substitutes {
		best = min(best, c.elements[other])
	}
	return best
}

// particle is the cost of a particle as often as it must occur.
func (c *costs) particle(p *contract.Particle) int {
	if p.Min == 0 {
		return 0
	}
	n := c.once(p)
	if n > 0 && p.Min > never/n {
		return never
	}
	return n * p.Min
}

// once is the cost of one occurrence.
func (c *costs) once(p *contract.Particle) int {
	n, known := c.particles[p]
	if !known {
		n = c.occurrence(p)
		c.particles[p] = n
	}
	return n
}

func (c *costs) occurrence(p *contract.Particle) int {
	switch p.Kind {
	case contract.ElementParticle:
		return c.element(p.Element)
	case contract.AnyParticle:
		return c.any(p.Any)
	case contract.Choice:
		best := never
		for _, q := range p.Particles {
			best = min(best, c.particle(q))
		}
		return best
	}
	sum := 0
	for _, q := range p.Particles {
		sum = min(sum+c.particle(q), never)
	}
	return sum
}

func (c *costs) any(w *contract.Wildcard) int {
	if w.Process != "strict" {
		return 1
	}
	if el := c.declared(w); el != nil {
		return c.elements[el]
	}
	return never
}

// declared returns the smallest global element that a wildcard takes, or nil.
func (c *costs) declared(w *contract.Wildcard) *contract.Element {
	var best *contract.Element
	for _, el := range c.globals {
		if taken(w, el) && c.elements[el] < never && (best == nil || c.elements[el] < c.elements[best]) {
			best = el
		}
	}
	return best
}

func taken(w *contract.Wildcard, el *contract.Element) bool {
	return w.Process != "skip" && w.Allows(el.Name.Space)
}

// why explains an element that cannot be made.
func (c *costs) why(el *contract.Element) *Impossible {
	w := &explanation{costs: c, seen: map[*contract.Element]bool{}}
	w.element(el)
	return &Impossible{Path: "/" + strings.Join(w.path, "/"), Reason: w.reason}
}

type explanation struct {
	*costs
	seen   map[*contract.Element]bool
	path   []string
	reason string
}

// element goes down to what is impossible in itself.
func (w *explanation) element(el *contract.Element) {
	w.path = append(w.path, el.Name.Local)
	if w.seen[el] {
		w.reason = fmt.Sprintf("%s must have %s in it again, without end", el.Name.Local, el.Name.Local)
		return
	}
	w.seen[el] = true
	if why := w.barren.elements[el]; why != "" {
		w.reason = why
		return
	}
	if el.Abstract {
		w.reason = "the element is abstract, and no other that can be made may stand for it"
		return
	}
	w.of(el.Type)
}

func (w *explanation) of(t *contract.Type) {
	if t.Abstract {
		w.reason = "its type is abstract, and none that can be made is derived from it"
		return
	}
	for _, a := range t.Attributes {
		if why := w.barren.reason(a.Type); a.Required && why != "" {
			w.path, w.reason = append(w.path, "@"+a.Name.Local), why
			return
		}
	}
	switch {
	case t.Simple != nil:
		w.reason = w.barren.reason(t.Simple)
	case t.Content != nil:
		w.particle(t.Content)
	}
}

func (w *explanation) particle(p *contract.Particle) {
	switch p.Kind {
	case contract.ElementParticle:
		if w.once(p) < never {
			w.reason = p.Element.Name.Local + " must occur " + plural.Of(p.Min, "time", "times")
			return
		}
		w.element(p.Element)
		return
	case contract.AnyParticle:
		w.reason = "an element that the contract declares must stand here, and none is known that may"
		return
	}
	for _, q := range p.Particles {
		if w.costs.particle(q) >= never {
			w.particle(q)
			return
		}
	}
	w.reason = "its content is a choice of nothing, or too large"
}
