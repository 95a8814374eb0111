package document

import (
	"cmp"
	"iter"
	"strings"
	"unsafe"
)

// Node is an element of a Tree: a small value, to be passed as such. The zero
// Node is none; asking it for anything gives none, or nothing.
type Node struct {
	t  *Tree
	id int32
}

var (
	nameNil = Name{NamespaceXSI, "nil"}
)

func (n Node) row() *node { return &n.t.nodes[n.id] }

// Exists reports whether there is such an element.
func (n Node) Exists() bool { return n.t != nil }

// Name returns the expanded name.
func (n Node) Name() Name {
	if n.t == nil {
		return Name{}
	}
	row := n.row()
	return Name{n.t.scanner.ns.spaces[row.space], row.name.localIn(n.t.scanner.src)}
}

// QName returns the name as written, with its prefix.
func (n Node) QName() string {
	if n.t == nil {
		return ""
	}
	return n.row().name.in(n.t.scanner.src)
}

// Is reports whether the element has that expanded name.
func (n Node) Is(name Name) bool { return n.t != nil && n.row().is(n.t, name) }

func (row *node) is(t *Tree, name Name) bool {
	return row.name.localIn(t.scanner.src) == name.Local && t.isSpace(row.space, name.Space)
}

// isSpace reports whether a namespace of the tree is the one named. Who asks for
// one element after the other mostly does so with one and the same string.
func (t *Tree) isSpace(id int32, space string) bool {
	if space == "" {
		return t.scanner.ns.spaces[id] == ""
	}
	if id == t.asked.id && len(space) == t.asked.size && unsafe.StringData(space) == t.asked.data {
		return true
	}
	if t.scanner.ns.spaces[id] != space {
		return false
	}
	t.asked = asked{id, len(space), unsafe.StringData(space)}
	return true
}

// Parent returns the parent element; none for the root.
func (n Node) Parent() Node {
	if n.t == nil {
		return Node{}
	}
	return n.t.at(n.row().parent)
}

// FirstChild returns the first child element.
func (n Node) FirstChild() Node {
	if n.t == nil {
		return Node{}
	}
	return n.t.at(n.row().first)
}

// NextSibling returns the next sibling element.
func (n Node) NextSibling() Node {
	if n.t == nil {
		return Node{}
	}
	return n.t.at(n.row().next)
}

// Child returns the first child element of that name.
func (n Node) Child(name Name) Node {
	if n.t == nil {
		return Node{}
	}
	return n.t.find(n.row().first, name)
}

// Next returns the next sibling element of that name.
func (n Node) Next(name Name) Node {
	if n.t == nil {
		return Node{}
	}
	return n.t.find(n.row().next, name)
}

// find is is() for one sibling after the other: what mappings do most.
func (t *Tree) find(id int32, name Name) Node {
	src, size := t.scanner.src, int32(len(name.Local))
	space := int32(none) // that of the name, if it was asked for last
	if a := &t.asked; len(name.Space) == a.size && unsafe.StringData(name.Space) == a.data && a.size > 0 {
		space = a.id
	}
	for id != none {
		row := &t.nodes[id]
		start, end := row.name.start, row.name.end
		if row.name.prefix != 0 {
			start += row.name.prefix + 1
		}
		if end-start == size && src[start:end] == name.Local && (row.space == space || t.isSpace(row.space, name.Space)) {
			return Node{t, id}
		}
		id = row.next
	}
	return Node{}
}

// Children goes through the child elements.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := n.FirstChild(); c.Exists(); c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}

func (n Node) attributes() []attribute {
	if n.t == nil {
		return nil
	}
	row := n.row()
	return n.t.attrs[row.attrs:row.attrsEnd]
}

// Attr returns the value of an attribute, normalised (XML 1.0 §3.3.3). An
// attribute written without a prefix is in no namespace.
func (n Node) Attr(name Name) (value string, ok bool) {
	attrs := n.attributes()
	for i := range attrs {
		a := &attrs[i]
		src := n.t.scanner.src
		if a.name.localIn(src) == name.Local && n.t.scanner.ns.spaces[a.space] == name.Space {
			return a.value(src), true
		}
	}
	return "", false
}

// Attrs goes through the attributes in document order, without namespace
// declarations.
func (n Node) Attrs() iter.Seq2[Name, string] {
	return func(yield func(Name, string) bool) {
		attrs := n.attributes()
		for i := range attrs {
			a, s := &attrs[i], &n.t.scanner
			if !yield(Name{s.ns.spaces[a.space], a.name.localIn(s.src)}, a.value(s.src)) {
				return
			}
		}
	}
}

// AttrQName returns an attribute's name as written, with its prefix, or "".
func (n Node) AttrQName(name Name) string {
	attrs := n.attributes()
	for i := range attrs {
		a, s := &attrs[i], &n.t.scanner
		if a.name.localIn(s.src) == name.Local && s.ns.spaces[a.space] == name.Space {
			return a.name.in(s.src)
		}
	}
	return ""
}

// Nil reports whether xsi:nil says so (XSD 1.0 part 1 §2.6.2).
func (n Node) Nil() bool {
	v, _ := n.Attr(nameNil)
	v = strings.Trim(v, " ")
	return v == "true" || v == "1"
}

// Text returns the string value: the text of the element and everything in it
// (XPath 3.1 data model §6.2.2). It is a view of the source unless there are
// child elements, references, CDATA sections, comments or carriage returns.
func (n Node) Text() string {
	if n.t == nil {
		return ""
	}
	row, src := n.row(), n.t.scanner.src
	if row.literal {
		return src[row.content:row.closing]
	}
	dst := make([]byte, 0, row.closing-row.content)
	return string(appendContent(dst, src[row.content:row.closing]))
}

// Mixed goes through the content in order: each run of text, which may be empty,
// with the child element that ends it; the last run comes with no element.
func (n Node) Mixed() iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		if n.t == nil {
			return
		}
		row, src := n.row(), n.t.scanner.src
		from := row.content
		for c := n.FirstChild(); c.Exists(); c = c.NextSibling() {
			if !yield(string(appendContent(nil, src[from:c.row().start])), c) {
				return
			}
			from = c.row().end
		}
		yield(string(appendContent(nil, src[from:row.closing])), Node{})
	}
}

// appendContent appends the character data in a well-formed piece of content,
// passing over all markup.
func appendContent(dst []byte, raw string) []byte {
	for raw != "" {
		i := strings.IndexByte(raw, '<')
		if i < 0 {
			return appendDecoded(dst, raw)
		}
		dst = appendDecoded(dst, raw[:i])
		raw = raw[i:]
		size := markupSize(raw)
		if strings.HasPrefix(raw, cdataOpen) {
			dst = appendLines(dst, raw[len(cdataOpen):size-len(cdataClose)])
		}
		raw = raw[size:]
	}
	return dst
}

// markupSize returns the size of the well-formed markup at the start of raw.
func markupSize(raw string) int {
	switch raw[1] {
	case '?':
		return strings.Index(raw, "?>") + len("?>")
	case '/':
		return strings.IndexByte(raw, '>') + 1
	case '!':
		if strings.HasPrefix(raw, cdataOpen) {
			return strings.Index(raw, cdataClose) + len(cdataClose)
		}
		return strings.Index(raw[len("<!--"):], "-->") + len("<!---->")
	}
	return startTagSize(raw)
}

// startTagSize finds the > that is not inside an attribute value.
func startTagSize(raw string) int {
	for i := 1; ; i++ {
		switch raw[i] {
		case '>':
			return i + 1
		case '"', '\'':
			i += 1 + strings.IndexByte(raw[i+1:], raw[i])
		}
	}
}

// Source returns the element's own bytes, tags included: a view of the source,
// not to be written to.
func (n Node) Source() []byte {
	if n.t == nil {
		return nil
	}
	row := n.row()
	return bytesOf(n.t.scanner.src[row.start:row.end])
}

// Span returns where the element stands in the source, in bytes: its start tag,
// its content, its end tag, and what follows it. Content and end tag of an empty
// element are where it ends.
func (n Node) Span() (start, content, closing, end int) {
	if n.t == nil {
		return 0, 0, 0, 0
	}
	row := n.row()
	return int(row.start), int(row.content), int(row.closing), int(row.end)
}

// NamespaceFor resolves a prefix in the scope of the element. The empty prefix
// is the default namespace and always resolves.
func (n Node) NamespaceFor(prefix string) (space string, ok bool) {
	if n.t == nil {
		return "", false
	}
	return n.t.scanner.ns.at(n.row().scope, prefix)
}

// HasText reports whether there is text other than white space directly within
// the element, outside its child elements.
func (n Node) HasText() bool {
	if n.t == nil {
		return false
	}
	row := n.row()
	from := row.content
	for id := row.first; id != none; id = n.t.nodes[id].next {
		if n.t.textIn(from, n.t.nodes[id].start) {
			return true
		}
		from = n.t.nodes[id].end
	}
	return n.t.textIn(from, row.closing)
}

// Empty reports whether nothing stands between the tags, not even white space.
func (n Node) Empty() bool { return n.t != nil && n.row().content == n.row().closing }

// OnlyElements reports whether nothing stands directly within the element but
// child elements and white space as it is, without comments and references.
func (n Node) OnlyElements() bool {
	if n.t == nil {
		return false
	}
	row := n.row()
	from := row.content
	for id := row.first; id != none; id = n.t.nodes[id].next {
		if !spaces(n.t.scanner.src[from:n.t.nodes[id].start]) {
			return false
		}
		from = n.t.nodes[id].end
	}
	return spaces(n.t.scanner.src[from:row.closing])
}

func spaces(raw string) bool {
	for i := range len(raw) {
		if !isSpace(raw[i]) {
			return false
		}
	}
	return true
}

// PlainText returns the text of an element that has nothing but text: ok is false
// where there are child elements, comments, CDATA sections or instructions.
func (n Node) PlainText() (text string, ok bool) {
	if n.t == nil {
		return "", false
	}
	row := n.row()
	raw := n.t.scanner.src[row.content:row.closing]
	if row.literal {
		return raw, true
	}
	if row.first != none || strings.IndexByte(raw, '<') >= 0 {
		return "", false
	}
	return string(appendDecoded(nil, raw)), true
}

// OwnText returns the text directly within the element, without that of its
// child elements.
func (n Node) OwnText() string {
	if n.t == nil {
		return ""
	}
	row := n.row()
	var dst []byte
	from := row.content
	for id := row.first; id != none; id = n.t.nodes[id].next {
		dst = appendContent(dst, n.t.scanner.src[from:n.t.nodes[id].start])
		from = n.t.nodes[id].end
	}
	return string(appendContent(dst, n.t.scanner.src[from:row.closing]))
}

// textIn looks at a piece of content between two tags.
func (t *Tree) textIn(from, to int32) bool {
	raw := t.scanner.src[from:to]
	for i := range len(raw) {
		if !isSpace(raw[i]) {
			return strings.Trim(string(appendContent(nil, raw)), " \t\r\n") != ""
		}
	}
	return false
}

// Order compares places in the document (XPath 3.1 §2.4.1): negative when n
// comes before o, 0 when they are one element. Both are of one tree.
func (n Node) Order(o Node) int { return cmp.Compare(n.id, o.id) }
