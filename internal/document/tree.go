package document

import (
	"fmt"
	"sync"
)

// node is one element. Nodes stand in document order, so a subtree is a
// contiguous part of the arena.
type node struct {
	name     qname
	space    int32
	scope    int32 // innermost namespace binding in scope
	parent   int32
	first    int32 // first child element
	next     int32 // next sibling element
	attrs    int32 // its attributes are Tree.attrs[attrs:attrsEnd]
	attrsEnd int32
	start    int32 // of the start tag
	content  int32 // after the start tag
	closing  int32 // of the end tag
	end      int32 // after the end tag
	literal  bool  // the content is text without anything to decode, or nothing
}

// Tree is a document. It is read-only, but looks up positions and paths with
// the help of caches: a Tree and its Nodes serve one goroutine at a time.
type Tree struct {
	scanner Scanner
	nodes   []node
	attrs   []attribute
	lines   []int32   // where each line starts; built when first asked for
	ordinal []ordinal // by depth; see Node.Path
	asked   asked
	live    bool // not released yet
}

// asked is the namespace that was last found to be one of the tree's: the string
// it was asked for with. Its data is nil when there is none.
type asked struct {
	id   int32
	size int
	data *byte
}

// trees keeps arenas for reuse; it holds no state between documents.
var trees = sync.Pool{New: func() any { return new(Tree) }}

// maxRetained is the number of nodes or attributes past which an arena is not
// kept for the next document.
const maxRetained = 1 << 17

// Read reads a whole document, which must be UTF-8. The tree is a view of src:
// nobody may write to src while the tree or any string from it is in use. Errors
// are *SyntaxError.
func Read(src []byte) (*Tree, error) {
	return ReadUntil(src, Limits{}, nil)
}

// ReadUntil reads a document within limits until stop returns true for an
// element that has just begun: a look at the head of a document whose rest is
// not even scanned. The element stopped at is in the tree, with its attributes;
// it and its ancestors end where reading ended. A nil stop reads everything.
func ReadUntil(src []byte, limits Limits, stop func(Node) bool) (*Tree, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Reason: Limit, Line: 1, Column: 1, Message: fmt.Sprintf("a document of %d bytes is too large", len(src))}
	}
	t := trees.Get().(*Tree)
	t.live = true
	t.scanner.reset(src, limits)
	if err := t.build(stop); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

func (t *Tree) build(stop func(Node) bool) error {
	s := &t.scanner
	current, last := int32(none), int32(none) // open element; its last child so far
	var run struct {
		start, end int32
		literal    bool
	}
	for {
		if err := s.next(); err != nil {
			return err
		}
		switch s.kind {
		case StartElement:
			id := t.open(current, last)
			current, last = id, none
			if stop != nil && stop(Node{t, id}) {
				t.abandon(current)
				return nil
			}
		case Text:
			run.start, run.end, run.literal = int32(s.start), int32(s.pos), s.literal && !s.cdata
		case EndElement:
			n := &t.nodes[current]
			n.closing, n.end = int32(s.start), int32(s.pos)
			n.literal = n.content == n.closing ||
				run.literal && run.start == n.content && run.end == n.closing
			last, current = current, n.parent
		default:
			return nil
		}
	}
}

// open appends the element that the scanner has just begun.
func (t *Tree) open(parent, before int32) int32 {
	s := &t.scanner
	id := int32(len(t.nodes))
	attrs := int32(len(t.attrs))
	t.attrs = append(t.attrs, s.attrs...)
	t.nodes = append(t.nodes, node{
		name: s.current.name, space: s.current.space, scope: s.ns.scope,
		parent: parent, first: none, next: none,
		attrs: attrs, attrsEnd: int32(len(t.attrs)),
		start: int32(s.start), content: int32(s.pos),
	})
	switch {
	case before != none:
		t.nodes[before].next = id
	case parent != none:
		t.nodes[parent].first = id
	}
	return id
}

// abandon ends an element and its ancestors where the scanner stands.
func (t *Tree) abandon(id int32) {
	here := int32(t.scanner.pos)
	for ; id != none; id = t.nodes[id].parent {
		n := &t.nodes[id]
		n.closing, n.end = here, here
		n.literal = n.content == here
	}
}

// Release gives the tree's memory to the next document. No Node of it may be
// used afterwards; strings that it returned stay valid. Releasing again does
// nothing.
func (t *Tree) Release() {
	if !t.live {
		return
	}
	t.live = false
	if cap(t.nodes) > maxRetained || cap(t.attrs) > maxRetained || len(t.scanner.ns.spaces) > maxRetained {
		return
	}
	t.scanner.reset(nil, Limits{})
	t.nodes, t.attrs = t.nodes[:0], t.attrs[:0]
	t.lines, t.ordinal, t.asked = t.lines[:0], t.ordinal[:0], asked{}
	trees.Put(t)
}

// Root returns the root element.
func (t *Tree) Root() Node { return t.at(0) }

func (t *Tree) at(id int32) Node {
	if id < 0 || int(id) >= len(t.nodes) {
		return Node{}
	}
	return Node{t, id}
}
