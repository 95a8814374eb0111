package encoded

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// mark is where an element of the literal form begins and what it was made of.
type mark struct {
	at     int   // in the output
	around int32 // the mark of its parent, or -1
	node   document.Node
	value  document.Node // node, or what it refers to
}

// segment is a part of the output: a copy of the source, or one element in
// literal form. It goes on to the next one.
type segment struct {
	out, src int
	verbatim bool
}

// places knows what each element of a Document's XML was made of.
type places struct {
	marks           []mark
	segments        []segment
	literal, source []int // where the lines of the XML begin, and of the source
}

// trace normalises the envelope once more, keeping a record: only messages with
// faults pay for it. Its tree is not released, for the marks hold on to it.
func (d *Document) trace() *places {
	p := &places{literal: linesOf(d.XML), source: linesOf(d.src)}
	tree, err := document.Read(d.src)
	if err != nil {
		return p
	}
	w := newNormaliser(d.service, d.operation, d.src, true)
	if err := w.envelope(tree.Root()); err == nil {
		p.marks, p.segments = w.marks, w.segments
	}
	return p
}

// Locate translates a detail about the XML into one about the envelope as
// received: line and column are those of the start tag of the element in
// question, or of the one that holds its value, and the path is the one there. A
// detail without a line is not about the message and stays as it is.
func (d *Document) Locate(detail fault.Detail) fault.Detail {
	if detail.Line < 1 {
		return detail
	}
	p := d.places()
	at, ok := p.offset(detail.Line, detail.Column)
	if !ok {
		return detail
	}
	i, found := slices.BinarySearchFunc(p.segments, at, func(s segment, at int) int { return cmp.Compare(s.out, at) })
	if !found {
		i--
	}
	// Of several segments at one offset the last has something in it.
	for i+1 < len(p.segments) && p.segments[i+1].out == at {
		i++
	}
	if i < 0 {
		return detail
	}
	if s := p.segments[i]; s.verbatim {
		detail.Line, detail.Column = p.position(s.src + at - s.out)
		return detail
	}
	return p.locate(at, detail)
}

// locate translates a detail about an element in literal form.
func (p *places) locate(at int, d fault.Detail) fault.Detail {
	i, found := slices.BinarySearchFunc(p.marks, at, func(m mark, at int) int { return cmp.Compare(m.at, at) })
	if !found {
		i--
	}
	if i < 0 {
		return d
	}
	path, attr, hasAttr := strings.Cut(d.Path, "/@")
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for path != "" && p.level(i) > len(steps) && p.marks[i].around >= 0 {
		i = int(p.marks[i].around)
	}
	n := p.marks[i].value
	if strings.HasPrefix(d.Found, "<") && p.level(i) == len(steps) {
		n = p.marks[i].node // the element is wrong, not what it holds
	}
	if path != "" && p.level(i) <= len(steps) {
		beyond := steps[p.level(i):]
		d.Path = strings.Join(append([]string{n.Path()}, beyond...), "/")
		if hasAttr {
			d.Path += "/@" + attr
		}
	}
	d.Line, d.Column = n.Position()
	return d
}

// level returns how many elements there are down to a marked one, itself
// included.
func (p *places) level(i int) int {
	level := 3 // the Envelope and the Header or Body are around the outermost
	for ; p.marks[i].around >= 0; i = int(p.marks[i].around) {
		level++
	}
	return level
}

// offset finds a position of the XML.
func (p *places) offset(line, column int) (at int, ok bool) {
	if line > len(p.literal) || column < 1 {
		return 0, false
	}
	return p.literal[line-1] + column - 1, true
}

// position is where an offset of the source is.
func (p *places) position(offset int) (line, column int) {
	i, found := slices.BinarySearch(p.source, offset)
	if !found {
		i = max(i-1, 0)
	}
	return i + 1, max(offset-p.source[i], 0) + 1
}

// linesOf returns where each line begins: behind LF, CR and CR LF (XML 1.0
// §2.11), the first one behind a byte order mark.
func linesOf(text []byte) []int {
	lines := []int{0}
	if strings.HasPrefix(string(text[:min(len(text), 3)]), "\xEF\xBB\xBF") {
		lines[0] = 3
	}
	for i, c := range text {
		if c == '\n' || c == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			lines = append(lines, i+1)
		}
	}
	return lines
}
