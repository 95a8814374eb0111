package xpath

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// hop is a step that is more than a name among the children of one declaration:
// along another axis, by a wildcard, or from a union. It yields document order,
// each node once.
type hop struct {
	from   collector
	axis   axis
	family *kinship               // of child and descendant axes, and of siblings from their parent
	names  map[contract.Name]bool // of the other axes: what may be found there
	tests  []predicate
}

func (h *hop) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	nodes, err := h.from.collect(f, nil)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	for _, n := range nodes {
		found, err := h.reach(f, n)
		if err == nil && len(h.tests) > 0 {
			found, err = sift(f, found, h.tests)
		}
		if err != nil {
			return dst, err
		}
		dst = append(dst, found...)
	}
	return inOrder(dst, start), nil
}

// inOrder puts the nodes from start on into document order, each once.
func inOrder(nodes []document.Node, start int) []document.Node {
	part := nodes[start:]
	for i := 1; i < len(part); i++ {
		if part[i-1].Order(part[i]) >= 0 {
			slices.SortFunc(part, document.Node.Order)
			return nodes[:start+len(slices.Compact(part))]
		}
	}
	return nodes
}

// reach finds what the axis holds, in the order of the axis: predicates of a
// reverse one count from the nearest (§3.3.2.1).
func (h *hop) reach(f *Frame, n document.Node) ([]document.Node, error) {
	switch h.axis {
	case selfAxis:
		return h.named(n, nil), nil
	case parentAxis:
		return h.named(n.Parent(), nil), nil
	case ancestorAxis, ancestorOrSelfAxis:
		return h.outward(n), nil
	case followingSiblingAxis, precedingSiblingAxis:
		return h.beside(f, n)
	}
	k := h.family.of(n)
	if k == nil {
		return nil, nil
	}
	v := visit{f: f, deep: h.axis != childAxis}
	if k.hit {
		v.found = append(v.found, n)
	}
	v.below(n, k)
	return v.found, v.err
}

func (h *hop) named(n document.Node, dst []document.Node) []document.Node {
	if n.Exists() && h.names[n.Name()] {
		dst = append(dst, n)
	}
	return dst
}

func (h *hop) outward(n document.Node) []document.Node {
	if h.axis == ancestorAxis {
		n = n.Parent()
	}
	var found []document.Node
	for ; n.Exists(); n = n.Parent() {
		found = h.named(n, found)
	}
	return found
}

// beside finds siblings: the children of the parent before or behind n.
func (h *hop) beside(f *Frame, n document.Node) ([]document.Node, error) {
	parent := n.Parent()
	k := h.family.of(parent)
	if k == nil {
		return nil, nil
	}
	v := visit{f: f}
	if h.axis == followingSiblingAxis {
		v.siblings(n.NextSibling(), document.Node{}, k)
	} else {
		v.siblings(parent.FirstChild(), n, k)
		slices.Reverse(v.found)
	}
	return v.found, v.err
}

// visit goes through what is below a node. Its depth is that of the message,
// which is bounded.
type visit struct {
	f     *Frame
	deep  bool
	found []document.Node
	err   error
}

func (v *visit) below(n document.Node, k *kin) {
	if k.below != nil {
		v.siblings(n.FirstChild(), document.Node{}, k)
	}
}

func (v *visit) siblings(from, until document.Node, k *kin) {
	for c := from; c != until && c.Exists() && v.err == nil; c = c.NextSibling() {
		v.err = v.f.spend(1)
		child := k.below[c.Name()]
		if child == nil {
			continue
		}
		if child.hit {
			v.found = append(v.found, c)
		}
		if v.deep {
			v.below(c, child)
		}
	}
}

// through is a step that is an expression: a path from each node.
type through struct {
	from  collector
	inner *walk
}

func (t *through) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	nodes, err := t.from.collect(f, nil)
	if err != nil {
		return dst, err
	}
	item, position, last := f.Item, f.position, f.last
	defer func() { f.Item, f.position, f.last = item, position, last }()
	start := len(dst)
	f.last = len(nodes)
	for i := 0; i < len(nodes) && err == nil; i++ {
		f.Item, f.position = nodes[i], i+1
		if err = f.spend(1); err == nil {
			dst, err = t.inner.collect(f, dst)
		}
	}
	return inOrder(dst, start), err
}

// top is the payload element, or the header block, that the context item is in:
// the outermost element of that name.
type top struct{ name contract.Name }

func (t top) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	var found document.Node
	for n := f.Item; n.Exists(); n = n.Parent() {
		if n.Is(t.name) {
			found = n
		}
	}
	if found.Exists() {
		dst = append(dst, found)
	}
	return dst, nil
}
