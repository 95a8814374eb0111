package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// kinship tells which elements below a node a step means, as far as the contract
// declares them: what an xs:any lets in, or a type that xsi:type names adds, is
// not looked at. It is immutable once built.
type kinship struct {
	starts map[contract.Name][]*kin
}

// kin is a declaration on the way to what is sought.
type kin struct {
	shape *Shape
	hit   bool
	leads bool // something below is a hit
	below map[contract.Name]*kin

	edges   []edge
	parents []*kin
	least   int // hits at and below one such node
	most    int
	state   uint8 // of counting
}

// edge is a child declaration with its cardinality.
type edge struct {
	to       *kin
	min, max int
}

// maxKin bounds the declarations that one step goes through, maxKinship those of
// all steps of an expression, each as often as it is referred to.
const (
	maxKin     = 5_000
	maxKinship = 300_000
)

// offspring are the child elements that the contract declares, each that may
// stand for another included.
func (s *Shape) offspring() []contract.Child {
	var out []contract.Child
	for _, b := range s.Blocks {
		out = append(out, contract.Child{Element: b, Min: 0, Max: 1})
	}
	t := s.content()
	if t == nil {
		return out
	}
	for _, c := range t.Children() {
		if s.Element.Nillable || len(c.Element.Substitutes) > 0 {
			c.Min = 0
		}
		if !c.Element.Abstract {
			out = append(out, c)
		}
		for _, e := range c.Element.Substitutes {
			if !e.Abstract {
				out = append(out, contract.Child{Element: e, Min: 0, Max: c.Max})
			}
		}
	}
	return out
}

// kinsfolk gathers the declarations below the members of a shape: the children
// alone, or all there are. It is nil when there are too many.
func (c *compiler) kinsfolk(s *Shape, deep bool) (starts, below []*kin) {
	known := map[*contract.Element]*kin{}
	for _, m := range s.members() {
		starts = append(starts, &kin{shape: m})
	}
	queue := slices.Clone(starts)
	for i := 0; i < len(queue); i++ {
		k := queue[i]
		if i >= len(starts) && !deep {
			break
		}
		for _, o := range k.shape.offspring() {
			child := known[o.Element]
			if child == nil {
				child = &kin{shape: &Shape{Element: o.Element}}
				known[o.Element] = child
				queue, below = append(queue, child), append(below, child)
			}
			k.edges = append(k.edges, edge{child, o.Min, o.Max})
			child.parents = append(child.parents, k)
			c.kinship++
		}
		if len(queue) > maxKin || c.kinship > maxKinship {
			return nil, nil
		}
	}
	for _, k := range below {
		k.shape.Parent = k.around()
	}
	return starts, below
}

// around is what a declaration may be in.
func (k *kin) around() *Shape {
	var shapes []*Shape
	for i, p := range k.parents {
		if i == 0 || p != k.parents[i-1] { // one after the other is gone through
			shapes = append(shapes, p.shape)
		}
	}
	return unionOf(shapes)
}

// seek marks the hits and what leads to them, and drops the rest. It returns the
// shape of the hits, nil for none, and how many there are below one start.
func seek(starts, below []*kin, hit func(*Shape) bool, self bool) (*kinship, relative) {
	all := below
	if self {
		all = append(slices.Clone(starts), below...)
	}
	var shapes []*Shape
	var queue []*kin
	for _, k := range all {
		if k.hit = hit(k.shape); k.hit {
			shapes, queue = append(shapes, k.shape), append(queue, k)
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, p := range queue[i].parents {
			if !p.leads {
				p.leads = true
				queue = append(queue, p)
			}
		}
	}
	r := relative{shape: united(shapes)}
	family := &kinship{map[contract.Name][]*kin{}}
	for i, s := range starts {
		s.prune()
		s.count()
		if i == 0 {
			r.min, r.max = s.least, s.most
		}
		r.min, r.max = min(r.min, s.least), more(r.max, s.most)
		name := contract.Name{}
		if s.shape.Element != nil {
			name = s.shape.Element.Name
		}
		family.starts[name] = append(family.starts[name], s)
	}
	for _, k := range below {
		k.prune()
	}
	return family, r
}

func (k *kin) prune() {
	if k.below != nil || !k.leads {
		return
	}
	k.below = map[contract.Name]*kin{}
	for _, e := range k.edges {
		if e.to.hit || e.to.leads {
			k.below[e.to.shape.Element.Name] = e.to
		}
	}
}

// count finds how many hits there are at and below one node. What contains
// itself may do so for ever.
func (k *kin) count() {
	const counting, counted = 1, 2
	switch k.state {
	case counted:
		return
	case counting:
		k.least, k.most = 0, Unbounded
		return
	}
	k.state = counting
	least, most := 0, 0
	if k.hit {
		least, most = 1, 1
	}
	for _, e := range k.edges {
		if !e.to.hit && !e.to.leads {
			continue
		}
		e.to.count()
		least = min(least+timesLeast(e.min, e.to.least), countable)
		most = plus(most, times(e.max, e.to.most))
	}
	if k.most == Unbounded { // came back to itself
		least, most = min(least, 1), Unbounded
	}
	k.least, k.most, k.state = least, most, counted
}

// of finds the start that a node is.
func (y *kinship) of(n document.Node) *kin {
	candidates := y.starts[n.Name()]
	if len(candidates) == 0 {
		candidates = y.starts[contract.Name{}] // a container
	}
	if len(candidates) == 1 {
		return candidates[0]
	}
	for _, k := range candidates {
		if k.shape.describes(n) {
			return k
		}
	}
	return nil
}

// describes reports whether a node is of this declaration: one and all around it
// have the names that lead here.
func (s *Shape) describes(n document.Node) bool {
	states := s.members()
	for ; n.Exists(); n = n.Parent() {
		var around []*Shape
		for _, m := range states {
			if m.Element == nil || !n.Is(m.Element.Name) {
				continue
			}
			if m.Parent == nil || m.Parent.Blocks != nil {
				return true
			}
			for _, p := range m.Parent.members() {
				if !slices.Contains(around, p) {
					around = append(around, p)
				}
			}
		}
		states = around
	}
	return false
}
