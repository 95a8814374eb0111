package xpath

import (
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// walk is a compiled path. A path of plain child steps that cannot repeat is
// walked without touching anything but the tree.
type walk struct {
	t     Type
	from  int       // index into Frame.Nodes; -1 for the context item
	base  collector // what the steps go on from; nil for the start itself
	moves []move
	// attr is the attribute that the path ends in; nil for an element.
	attr  *contract.Name
	wild  []contract.Name // the attributes of @*
	text  bool            // it ends in the text of its elements
	label string          // the attribute as written
	plain bool            // at most one node, no predicates
	atom  atom
	kinds []kindOf // where not all nodes are read alike

	most, owners int // attributes or texts of one element, and elements
}

// leaf reports whether the path ends in attributes or text.
func (w *walk) leaf() bool { return w.attr != nil || w.wild != nil || w.text }

// elements reports whether the path ends in elements.
func (w *walk) elements() bool { return !w.leaf() && w.t.Shape.elements() }

// move is one step of a walk.
type move struct {
	axis  axis // child, self or parent
	name  contract.Name
	named bool // self and parent: whether the name is tested
	tests []predicate
}

// predicate keeps an item of its list (§3.3.3).
type predicate struct {
	index int // a constant position; 0 for none
	// position compares with the value; test asks for its truth. One is set
	// when index is 0.
	position code
	test     func(*Frame) (bool, error)
}

// collector yields elements in document order.
type collector interface {
	collect(f *Frame, dst []document.Node) ([]document.Node, error)
}

// sieve is a parenthesised path with predicates, whose positions count over
// the whole path.
type sieve struct {
	walk  *walk
	tests []predicate
}

func (s *sieve) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	nodes, err := s.walk.collect(f, nil)
	if err == nil {
		nodes, err = sift(f, nodes, s.tests)
	}
	return append(dst, nodes...), err
}

func (w *walk) typ() Type { return w.t }

func (w *walk) start(f *Frame) document.Node {
	if w.from < 0 {
		return f.Item
	}
	return f.Nodes[w.from]
}

func (m *move) direct(n document.Node) document.Node {
	if m.axis == childAxis {
		return n.Child(m.name)
	}
	if m.axis == parentAxis {
		n = n.Parent()
	}
	if m.named && !n.Is(m.name) {
		return document.Node{}
	}
	return n
}

// first is the first node of the path, or none.
func (w *walk) first(f *Frame) (document.Node, error) {
	if !w.plain {
		nodes, err := w.collect(f, nil)
		if err != nil || len(nodes) == 0 {
			return document.Node{}, err
		}
		return nodes[0], nil
	}
	n := w.start(f)
	for i := range w.moves {
		n = w.moves[i].direct(n)
	}
	return n, nil
}

// collect appends all nodes of the path in document order; of a path to an
// attribute, the elements that would carry it.
func (w *walk) collect(f *Frame, dst []document.Node) ([]document.Node, error) {
	before := len(dst)
	var err error
	if w.base != nil {
		dst, err = w.onward(f, w.base, dst)
	} else if n := w.start(f); n.Exists() {
		dst, err = w.step(f, n, 0, dst)
	}
	if err == nil {
		err = f.spend((len(dst) - before) / 8) // a step costs less than a turn
	}
	return dst, err
}

func (w *walk) onward(f *Frame, base collector, dst []document.Node) ([]document.Node, error) {
	if len(w.moves) == 0 {
		return base.collect(f, dst)
	}
	nodes, err := base.collect(f, nil)
	start := len(dst)
	for i := 0; i < len(nodes) && err == nil; i++ {
		dst, err = w.step(f, nodes[i], 0, dst)
	}
	return inOrder(dst, start), err
}

func (w *walk) step(f *Frame, n document.Node, i int, dst []document.Node) ([]document.Node, error) {
	if i == len(w.moves) {
		return append(dst, n), nil
	}
	m := &w.moves[i]
	if len(m.tests) > 0 {
		return w.filtered(f, n, i, dst)
	}
	if i == len(w.moves)-1 && m.axis == childAxis {
		for c := n.Child(m.name); c.Exists(); c = c.Next(m.name) {
			dst = append(dst, c)
		}
		return dst, nil
	}
	var err error
	for c := m.direct(n); c.Exists() && err == nil; c = m.following(c) {
		dst, err = w.step(f, c, i+1, dst)
	}
	return dst, err
}

func (m *move) following(n document.Node) document.Node {
	if m.axis != childAxis {
		return document.Node{}
	}
	return n.Next(m.name)
}

func (w *walk) filtered(f *Frame, n document.Node, i int, dst []document.Node) ([]document.Node, error) {
	m := &w.moves[i]
	var kept []document.Node
	tests, skip := m.tests, 0
	if tests[0].index > 0 { // the rest need not be looked at
		tests, skip = tests[1:], tests[0].index
	}
	for c := m.direct(n); c.Exists(); c = m.following(c) {
		if skip--; skip <= 0 {
			kept = append(kept, c)
		}
		if skip == 0 {
			break
		}
	}
	kept, err := sift(f, kept, tests)
	for k := 0; k < len(kept) && err == nil; k++ {
		dst, err = w.step(f, kept[k], i+1, dst)
	}
	return dst, err
}

// sift applies predicates one after the other, each with positions of its own.
func sift(f *Frame, nodes []document.Node, tests []predicate) ([]document.Node, error) {
	item, position, last := f.Item, f.position, f.last
	defer func() { f.Item, f.position, f.last = item, position, last }()
	for i := range tests {
		if err := f.spend(len(nodes)); err != nil {
			return nil, err
		}
		kept := nodes[:0]
		f.last = len(nodes)
		for k, n := range nodes {
			f.Item, f.position = n, k+1
			ok, err := tests[i].holds(f)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, n)
			}
		}
		nodes = kept
	}
	return nodes, nil
}

func (p *predicate) holds(f *Frame) (bool, error) {
	switch {
	case p.index > 0:
		return f.position == p.index, nil
	case p.position == nil:
		return p.test(f)
	}
	v, presence, err := p.position.one(f)
	if err != nil || presence != Present {
		return false, err
	}
	return order(f, v, f.integer(int64(f.position))) == equal, nil
}

func (w *walk) one(f *Frame) (Value, Presence, error) {
	if w.wild != nil || w.text {
		return first(w.all(f, nil))
	}
	n, err := w.first(f)
	if err != nil || !n.Exists() {
		return Value{}, Absent, err
	}
	return w.value(f, n)
}

// longText is from where on reading a text counts: one read again and again.
const longText = 4096

func (w *walk) value(f *Frame, n document.Node) (Value, Presence, error) {
	reader := &w.atom
	if w.kinds != nil {
		reader = w.reader(n)
	}
	raw := ""
	switch {
	case w.attr != nil:
		v, ok := n.Attr(*w.attr)
		if !ok && reader.fallback == nil {
			return Value{}, Absent, nil
		}
		if raw = v; !ok {
			raw = *reader.fallback
		}
	case w.leaf():
		return w.firstLeaf(f, n)
	case reader.nillable && n.Nil():
		return Value{}, Nil, nil
	default:
		if raw = n.Text(); raw == "" && reader.fallback != nil {
			raw = *reader.fallback
		}
	}
	if len(raw) > longText {
		if err := f.written(len(raw)); err != nil {
			return Value{}, Absent, err
		}
	}
	v, complaint := reader.value(f, raw)
	if complaint != "" {
		return Value{}, Absent, &Error{"the value " + complaint, raw}
	}
	return v, Present, nil
}

func (w *walk) all(f *Frame, dst []Value) ([]Value, error) {
	err := w.each(f, func(v Value, presence Presence) {
		if presence == Present {
			dst = append(dst, v)
		}
	})
	return dst, err
}

// each yields the value of every node, in document order.
func (w *walk) each(f *Frame, yield func(Value, Presence)) error {
	var room [16]document.Node
	nodes, err := w.collect(f, room[:0])
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if w.wild != nil || w.text {
			if err := w.leaves(f, n, func(v Value) { yield(v, Present) }); err != nil {
				return err
			}
			continue
		}
		v, presence, err := w.value(f, n)
		if err != nil {
			return err
		}
		if presence != Absent {
			yield(v, presence)
		}
	}
	return nil
}

func (w *walk) count(f *Frame) (int, error) {
	if w.plain {
		n, err := w.first(f)
		return w.carries(n), err
	}
	nodes, err := w.collect(f, nil)
	if err != nil || !w.leaf() {
		return len(nodes), err
	}
	total := 0
	for _, n := range nodes {
		total += w.carries(n)
	}
	return total, nil
}

// carries counts one node of the path: 0 when it lacks the attribute.
func (w *walk) carries(n document.Node) int {
	switch {
	case !n.Exists():
		return 0
	case w.wild != nil || w.text:
		total := 0
		w.eachLeaf(n, func(string, *atom) bool { total++; return true })
		return total
	case w.attr != nil && w.reader(n).fallback == nil:
		if _, ok := n.Attr(*w.attr); !ok {
			return 0
		}
	}
	return 1
}

// nearest is the first node of the path or, when there is none, the deepest
// one on the way to it.
func (w *walk) nearest(f *Frame) document.Node {
	if n, err := w.first(f); err == nil && n.Exists() {
		return n
	}
	n := w.start(f)
	if w.base != nil {
		nodes, err := w.base.collect(f, nil)
		switch h, hops := w.base.(*hop); {
		case err == nil && len(nodes) > 0:
			n = nodes[0]
		case err == nil && hops:
			if from, ok := h.from.(*walk); ok {
				return from.nearest(f)
			}
			return document.Node{}
		default:
			return document.Node{}
		}
	}
	for i := range w.moves {
		next := w.moves[i].direct(n)
		if !next.Exists() {
			break
		}
		n = next
	}
	return n
}

func (w *walk) origin(n document.Node) Origin {
	o := From(n)
	switch {
	case w.attr != nil:
		if _, ok := n.Attr(*w.attr); ok {
			o.leaf = "/@" + w.label
		}
	case w.text && w.carries(n) > 0:
		o.leaf = "/" + w.label
	}
	return o
}

func (f *Frame) integer(n int64) Value {
	d := f.decimal()
	d.SetInt64(n)
	return Value{Class: Integer, Number: d, Text: ""}
}
