package contract

import (
	"github.com/gatehouse/gatehouse/internal/fault"
)

// pool holds the children that are to be written, by name, each name's in the
// order given.
type pool struct {
	queues []queue
}

type queue struct {
	element *Element
	items   []*Content
	places  []int // among all children
}

func (p *pool) add(el *Element, v *Content, place int) {
	for i := range p.queues {
		if q := &p.queues[i]; q.element.Name == el.Name {
			q.items, q.places = append(q.items, v), append(q.places, place)
			return
		}
	}
	p.queues = append(p.queues, queue{el, []*Content{v}, []int{place}})
}

// of returns the queue of el, or of one that may stand for it; nil when it has
// nothing left.
func (p *pool) of(el *Element) *queue {
	for i := range p.queues {
		q := &p.queues[i]
		if len(q.items) > 0 && (q.element.Name == el.Name || el.substitute(q.element.Name) != nil) {
			return q
		}
	}
	return nil
}

// earliest returns the place of the first child that p would take, or -1.
func (w *writer) earliest(from *pool, p *Particle) int {
	w.steps = 0
	return w.search(from, p)
}

func (w *writer) search(from *pool, p *Particle) int {
	if w.steps++; w.steps > maxSteps {
		return -1
	}
	if p.Kind == ElementParticle {
		if q := from.of(p.Element); q != nil {
			return q.places[0]
		}
		return -1
	}
	best := -1
	for _, q := range p.Particles {
		if at := w.search(from, q); at >= 0 && (best < 0 || at < best) {
			best = at
		}
	}
	return best
}

// children writes child elements in the order of the content model.
func (w *writer) children(t *Type, given []Content) {
	var from pool
	for i := range given {
		v := &given[i]
		el := childNamed(t, v.Name)
		if el == nil {
			w.report(fault.Detail{Message: "the contract has no such child element", Path: "/" + v.Name, Expected: childNames(t)})
			continue
		}
		from.add(el, v, i)
	}
	if t.Content != nil {
		w.particle(&from, t.Content)
	}
	for _, q := range from.queues {
		if len(q.items) > 0 {
			w.report(fault.Detail{Message: "the element occurs more often than the contract allows", Path: "/" + q.element.Name.Local, Doc: q.element.Doc})
		}
	}
}

// childNamed finds a child element by local name or Clark notation.
func childNamed(t *Type, key string) *Element {
	for _, c := range t.Children() {
		if goesBy(c.Element.Name, key) {
			return c.Element
		}
	}
	for _, c := range t.Children() {
		for _, s := range c.Element.Substitutes {
			if goesBy(s.Name, key) {
				return s
			}
		}
	}
	return nil
}

// particle writes p as often as there are children for it.
func (w *writer) particle(from *pool, p *Particle) {
	for n := 0; p.Max == Unbounded || n < p.Max; n++ {
		if w.earliest(from, p) < 0 {
			if n < p.Min {
				w.absent(p)
			}
			return
		}
		w.once(from, p)
	}
}

func (w *writer) once(from *pool, p *Particle) {
	switch p.Kind {
	case ElementParticle:
		q := from.of(p.Element)
		v := q.items[0]
		q.items, q.places = q.items[1:], q.places[1:]
		w.element(q.element, v)
	case Choice:
		w.particle(from, w.chosen(from, p))
	default:
		for _, q := range p.Particles {
			w.particle(from, q)
		}
	}
}

// chosen is the alternative whose child was given first.
func (w *writer) chosen(from *pool, p *Particle) *Particle {
	var best *Particle
	place := -1
	for _, q := range p.Particles {
		if at := w.earliest(from, q); at >= 0 && (place < 0 || at < place) {
			best, place = q, at
		}
	}
	return best
}

// absent reports the children that p demands.
func (w *writer) absent(p *Particle) {
	m := &matcher{}
	if m.optional(p) {
		return
	}
	switch p.Kind {
	case ElementParticle:
		w.report(fault.Detail{Message: "a required element is missing", Path: "/" + p.Element.Name.Local, Expected: holds(p.Element), Doc: p.Element.Doc})
	case AnyParticle:
		w.report(fault.Detail{Message: "the contract demands an element that it does not name"})
	case Choice:
		var names []string
		for _, el := range m.first(nil, p) {
			names = append(names, el.Name.Local)
		}
		w.report(fault.Detail{Message: "a required element is missing", Expected: "one of " + listed(names)})
	default:
		for _, q := range p.Particles {
			if !m.optional(q) {
				w.absent(q)
			}
		}
	}
}

// holds says what an element is written with.
func holds(el *Element) string {
	if el.Type.Simple != nil {
		return el.Type.Simple.Describe()
	}
	return childNames(el.Type)
}
