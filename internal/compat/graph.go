package compat

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// verdict is an answer that may be open.
type verdict uint8

const (
	no verdict = iota
	maybe
	yes
)

// finding is a difference as it stands in one place of the model, before it is
// known which messages reach that place and which way they go.
type finding struct {
	kind string
	step string // from the node's path
	typ  string // the named type it is in, where the node is an element's
	// refuses: a message valid before may not be valid now. admits: a message
	// valid now may not have been valid before.
	refuses, admits verdict
	look            bool // it needs a look though it refuses and admits nothing
	what            string
	was, is         string
	refused         string // an example that only the old version takes
	admitted        string // one that only the new version takes
	old, new        contract.Position
}

// node is a pair of declarations, one of each version, that messages of both
// versions have in the same place. Each pair is compared once.
type node struct {
	findings []finding
	edges    []edge
	typ      string // of a named type
}

func (n *node) find(f finding) { n.findings = append(n.findings, f) }

// edge leads from a place to one within it.
type edge struct {
	step string
	to   *node
}

func (n *node) lead(step string, to *node) {
	if !slices.Contains(n.edges, edge{step, to}) {
		n.edges = append(n.edges, edge{step, to})
	}
}

type (
	elementPair struct{ old, new *contract.Element }
	typePair    struct{ old, new *contract.Type }
	wildPair    struct{ old, new string }
)

// graph is all pairs that were met. Pairs are filled from a queue: recursion of
// the schema needs no stack.
type graph struct {
	elements map[elementPair]*node
	types    map[typePair]*node
	wild     map[wildPair]*node
	queue    []func()
}

func (c *comparison) elementNode(old, new *contract.Element) *node {
	key := elementPair{old, new}
	if n := c.graph.elements[key]; n != nil {
		return n
	}
	n := &node{}
	c.graph.elements[key] = n
	c.graph.queue = append(c.graph.queue, func() { c.element(n, old, new) })
	return n
}

func (c *comparison) typeNode(old, new *contract.Type) *node {
	key := typePair{old, new}
	if n := c.graph.types[key]; n != nil {
		return n
	}
	n := &node{typ: c.names.typeName(old, new)}
	c.graph.types[key] = n
	c.graph.queue = append(c.graph.queue, func() { c.typ(n, old, new) })
	return n
}

// settle compares all pairs that are reached.
func (c *comparison) settle() {
	for len(c.graph.queue) > 0 {
		next := c.graph.queue[len(c.graph.queue)-1]
		c.graph.queue = c.graph.queue[:len(c.graph.queue)-1]
		next()
	}
}

// root is where a message begins.
type root struct {
	at        *node
	path      string
	direction Direction
	user      User
}

// changeKey is what makes two findings one change: the same words about the
// same places. A base type's element is found again in each type that extends it.
type changeKey struct {
	class            Class
	direction        Direction
	kind, what, step string
	was, is          string
	old, new         contract.Position
}

// report walks from every root and collects what it reaches.
func (c *comparison) report() []Change {
	merged := map[changeKey]*Change{}
	var order []*Change
	for _, r := range c.roots {
		c.walk(r, func(f *finding, path, typ string) {
			change := f.change(r.direction)
			change.Path, change.Type = path, typ
			key := changeKey{change.Class, r.direction, f.kind, f.what, f.step, f.was, f.is, f.old, f.new}
			if f.typ != "" { // the type has changed, not what is of it
				key.step = ""
			}
			have := merged[key]
			if have == nil {
				merged[key] = &change
				have = &change
				order = append(order, have)
			}
			if !slices.Contains(have.Users, r.user) {
				have.Users = append(have.Users, r.user)
			}
		})
	}
	out := slices.Clone(c.changes)
	for _, one := range order {
		out = append(out, *one)
	}
	slices.SortStableFunc(out, compareChanges)
	return out
}

// walk visits each node that a root reaches once, by the shortest path, and
// gives what was found there.
func (c *comparison) walk(r root, found func(f *finding, path, typ string)) {
	type place struct {
		at   *node
		path string
	}
	queue := []place{{r.at, r.path}}
	seen := map[*node]bool{r.at: true}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		for i := range p.at.findings {
			f := &p.at.findings[i]
			found(f, p.path+f.step, cmp.Or(f.typ, p.at.typ))
		}
		for _, e := range p.at.edges {
			if !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, place{e.to, p.path + e.step})
			}
		}
	}
}

// change judges a finding for messages that go in a direction.
func (f *finding) change(d Direction) Change {
	out := Change{Direction: d, Kind: f.kind, What: f.what, Was: f.was, Is: f.is, Old: f.old, New: f.new}
	against, example := f.refuses, f.refused
	if d == Received {
		against, example = f.admits, f.admitted
	}
	switch {
	case against == yes:
		out.Class, out.Example = Breaking, example
	case against == maybe || f.look:
		out.Class, out.Example = Notice, example
	default:
		out.Class = Harmless
	}
	out.Why = why(f.kind, d, out.Class)
	return out
}

// used are the prefixes that a report's words use.
func (n *naming) used(changes []Change) map[string]string {
	out := maps.Clone(n.spaces)
	maps.DeleteFunc(out, func(prefix, _ string) bool {
		return !slices.ContainsFunc(changes, func(c Change) bool { return c.mentions(prefix + ":") })
	})
	return out
}

func (c *Change) mentions(text string) bool {
	for _, words := range []string{c.Path, c.Type, c.What, c.Was, c.Is, c.Example} {
		if strings.Contains(words, text) {
			return true
		}
	}
	return slices.ContainsFunc(c.Users, func(u User) bool { return strings.Contains(u.Message, text) })
}
