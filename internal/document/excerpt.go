package document

import (
	"slices"
	"strings"
	"sync"
)

// Excerpts are documents cut out of one: for each of several elements, its
// parts, what the document holds but for the other parts and for what leads to
// those alone. White space that stands between them goes with them. Excerpts
// keeps the source, not the tree.
type Excerpts struct {
	src   string
	leads []lead
	parts []partOf
	once  sync.Once
	lines []int32 // where each line of the source starts
}

// lead is an element on the way to parts, with what is kept of its content.
type lead struct {
	element span
	inside  span // its content
	parent  int  // the lead it stands in; -1 for the root
	place   int  // among the children of that lead that lead on
	kids    int  // how many such children it has
	pieces  []span
	before  []int // by kid: how many of pieces stand before it
	size    []int // by number of pieces: their bytes
	last    int32 // up to where the content has been looked at
}

// partOf is a part: where it stands.
type partOf struct {
	element span
	lead    int
	place   int
	path    string
}

// span is a piece of the source.
type span struct{ from, to int32 }

// NewExcerpts prepares an excerpt for each of parts: elements below root, in
// document order, none within another. What is in without, elements in document
// order, is in none of them.
func NewExcerpts(root Node, parts, without []Node) *Excerpts {
	x := &Excerpts{src: root.t.scanner.src}
	known := map[int32]int{}
	for _, n := range parts {
		in, place := x.enter(n.Parent(), root, known, n)
		x.parts = append(x.parts, partOf{spanOf(n), in, place, n.Path()})
	}
	left := make([]span, len(without))
	for i, n := range without {
		left[i] = spanOf(n)
	}
	for i := range x.leads {
		x.leads[i].close(x.src, left)
	}
	return x
}

func spanOf(n Node) span { return span{n.row().start, n.row().end} }

// enter makes leads of n and all around it, and notes that kid, a child of n,
// leads on.
func (x *Excerpts) enter(n, root Node, known map[int32]int, kid Node) (at, place int) {
	at, ok := known[n.id]
	if !ok {
		at = len(x.leads)
		known[n.id] = at
		row := n.row()
		l := lead{element: spanOf(n), inside: span{row.content, row.closing}, parent: -1, last: row.content}
		x.leads = append(x.leads, l)
		if n != root {
			parent, place := x.enter(n.Parent(), root, known, n)
			x.leads[at].parent, x.leads[at].place = parent, place
		}
	}
	l := &x.leads[at]
	l.keep(x.src, kid.row().start, kid.row().end)
	return at, l.kids - 1
}

// keep takes what stands before the next child that leads on.
func (l *lead) keep(src string, start, end int32) {
	if l.kids == 0 || strings.Trim(src[l.last:start], " \t\r\n") != "" {
		l.pieces = append(l.pieces, span{l.last, start})
	}
	l.before = append(l.before, len(l.pieces))
	l.kids++
	l.last = end
}

// close takes what stands after the last child that leads on, and leaves out
// what is in no excerpt.
func (l *lead) close(src string, without []span) {
	l.pieces = append(l.pieces, span{l.last, l.inside.to})
	var cut []span
	at := make([]int, len(l.pieces)+1)
	for i, p := range l.pieces {
		at[i] = len(cut)
		for _, w := range without {
			if w.from >= p.from && w.to <= p.to {
				cut = append(cut, span{p.from, w.from})
				p.from = w.to
			}
		}
		cut = append(cut, p)
	}
	at[len(l.pieces)] = len(cut)
	for k, n := range l.before {
		l.before[k] = at[n]
	}
	l.pieces, l.size = cut, make([]int, len(cut)+1)
	for i, p := range cut {
		l.size[i+1] = l.size[i] + int(p.to-p.from)
	}
}

// Around is how many bytes all excerpts have together beside the parts
// themselves.
func (x *Excerpts) Around() int {
	own := make([]int, len(x.leads))
	around := func(i int) int { // of a lead with those around it
		total := 0
		for ; i >= 0 && own[i] == 0; i = x.leads[i].parent {
			l := &x.leads[i]
			total += int(l.inside.from-l.element.from) + l.size[len(l.pieces)] + int(l.element.to-l.inside.to)
		}
		if i >= 0 {
			total += own[i]
		}
		return total
	}
	total := 0
	for _, p := range x.parts {
		if own[p.lead] == 0 {
			own[p.lead] = around(p.lead)
		}
		total += own[p.lead]
	}
	return total
}

// Excerpt makes the excerpt of one part.
func (x *Excerpts) Excerpt(part int) *Excerpt {
	e := &Excerpt{of: x, part: &x.parts[part]}
	size := 0
	for _, s := range e.spans() {
		size += int(s.to - s.from)
	}
	e.Text = make([]byte, 0, size)
	for _, s := range e.spans() {
		e.Text = append(e.Text, x.src[s.from:s.to]...)
	}
	return e
}

// Excerpt is a document that was cut out of another. It serves one goroutine at a
// time.
type Excerpt struct {
	Text  []byte
	of    *Excerpts
	part  *partOf
	path  string  // of the part in Text
	lines []int32 // where each line of Text starts
}

// spans are the pieces of the source that an excerpt is made of, in order.
func (e *Excerpt) spans() []span {
	var head, tail []span
	place := e.part.place
	for i := e.part.lead; i >= 0; i = e.of.leads[i].parent {
		l := &e.of.leads[i]
		n := l.before[place]
		inner := append([]span{{l.element.from, l.inside.from}}, l.pieces[:n]...)
		head = append(inner, head...)
		tail = append(append(tail, l.pieces[n:]...), span{l.inside.to, l.element.to})
		place = l.place
	}
	return slices.Concat(head, []span{e.part.element}, tail)
}

// Found tells where the part stands in a tree of Text, so that Path can
// translate what is said about it.
func (e *Excerpt) Found(part Node) { e.path = part.Path() }

// Path translates the path of a node of Text into that of the same node in the
// whole document.
func (e *Excerpt) Path(path string) string {
	here, there := strings.Split(e.path, "/"), strings.Split(e.part.path, "/")
	steps := strings.Split(path, "/")
	for i := 0; i < len(steps) && i < len(here) && i < len(there) && steps[i] == here[i]; i++ {
		steps[i] = there[i]
	}
	return strings.Join(steps, "/")
}

// Place translates a line and column of Text into those of the whole document.
func (e *Excerpt) Place(line, column int) (int, int) {
	if e.lines == nil {
		e.lines = appendLineStarts(nil, string(e.Text))
	}
	if line < 1 || line > len(e.lines) {
		return line, column
	}
	offset := int(e.lines[line-1]) + max(column-1, 0)
	for _, s := range e.spans() {
		if size := int(s.to - s.from); offset >= size {
			offset -= size
			continue
		}
		return e.of.position(s.from + int32(offset))
	}
	return line, column
}

func (x *Excerpts) position(offset int32) (line, column int) {
	x.once.Do(func() { x.lines = appendLineStarts(nil, x.src) })
	return inLines(x.lines, offset)
}
