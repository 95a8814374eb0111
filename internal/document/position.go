package document

import (
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Position returns where the element's start tag begins: 1-based, the column in
// bytes and without a byte order mark.
func (n Node) Position() (line, column int) {
	if n.t == nil {
		return 0, 0
	}
	return n.t.position(n.row().start)
}

func (t *Tree) position(offset int32) (line, column int) {
	if len(t.lines) == 0 {
		t.indexLines()
	}
	return inLines(t.lines, offset)
}

// inLines finds an offset by where the lines start.
func inLines(lines []int32, offset int32) (line, column int) {
	i, exact := slices.BinarySearch(lines, offset)
	if !exact {
		i--
	}
	return i + 1, int(offset-lines[i]) + 1
}

func (t *Tree) indexLines() { t.lines = appendLineStarts(t.lines, t.scanner.src) }

// appendLineStarts appends where each line of a document starts: the first one
// after a byte order mark.
func appendLineStarts(dst []int32, src string) []int32 {
	start := 0
	if strings.HasPrefix(src, bom) {
		start = len(bom)
	}
	dst = append(dst, int32(start))
	for i := start; i < len(src); i++ {
		if endsLine(src, i) {
			dst = append(dst, int32(i+1))
		}
	}
	return dst
}

// ordinal remembers where among its siblings an element stood, so that asking
// for the path of one line after the other does not count from the first again.
type ordinal struct{ id, k int32 }

// Path returns the XPath of the element from the root, with the prefixes of the
// document and a position where the parent has several children of that name:
// /soap:Envelope/soap:Body/o:SubmitOrder/o:Lines/o:Line[2].
func (n Node) Path() string {
	if n.t == nil {
		return ""
	}
	return string(n.t.appendPath(make([]byte, 0, 128), n.id))
}

func (t *Tree) appendPath(dst []byte, id int32) []byte {
	row := &t.nodes[id]
	if row.parent != none {
		dst = t.appendPath(dst, row.parent)
	}
	dst = append(dst, '/')
	dst = append(dst, row.name.in(t.scanner.src)...)
	if row.parent == none {
		return dst
	}
	k := t.place(id)
	if k > 1 || t.find(row.next, Node{t, id}.Name()).Exists() {
		dst = append(dst, '[')
		dst = strconv.AppendInt(dst, int64(k), 10)
		dst = append(dst, ']')
	}
	return dst
}

// place returns the 1-based place of the element among its siblings of the
// same name.
func (t *Tree) place(id int32) int32 {
	row := &t.nodes[id]
	depth := t.depth(id)
	for len(t.ordinal) <= depth {
		t.ordinal = append(t.ordinal, ordinal{id: none})
	}
	name := Node{t, id}.Name()
	from, k := t.nodes[row.parent].first, int32(0)
	if m := t.ordinal[depth]; m.id != none && m.id <= id && t.nodes[m.id].parent == row.parent && t.nodes[m.id].is(t, name) {
		from, k = m.id, m.k-1
	}
	for i := from; i != id; i = t.nodes[i].next {
		if t.nodes[i].is(t, name) {
			k++
		}
	}
	t.ordinal[depth] = ordinal{id, k + 1}
	return k + 1
}

func (t *Tree) depth(id int32) int {
	d := 0
	for p := t.nodes[id].parent; p != none; p = t.nodes[p].parent {
		d++
	}
	return d
}
