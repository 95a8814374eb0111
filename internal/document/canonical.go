package document

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

var (
	nameType             = Name{NamespaceXSI, "type"}
	nameSchemaLocation   = Name{NamespaceXSI, "schemaLocation"}
	nameNoSchemaLocation = Name{NamespaceXSI, "noNamespaceSchemaLocation"}
)

// AppendCanonical appends the form of an element by which two messages are the
// same: it depends on expanded names, attribute values and text only. Prefixes
// are numbered, attributes sorted, references and CDATA sections resolved;
// namespace declarations, comments, processing instructions, hints at schema
// locations and the white space between elements are left out; the prefix in
// xsi:type is resolved. The result is well-formed XML. It is not W3C Canonical
// XML, which keeps prefixes and white space.
func AppendCanonical(dst []byte, n Node) []byte {
	if n.t == nil {
		return dst
	}
	c := canonical{t: n.t, src: n.t.scanner.src, spaces: n.t.scanner.ns.spaces, dst: dst}
	c.assignPrefixes(n.id)
	c.element(n.id, true)
	return c.dst
}

type canonical struct {
	t        *Tree
	src      string
	spaces   []string
	dst      []byte
	used     []int32 // the namespaces in use, sorted by URI
	prefixes []int32 // by namespace: its place in used
	gap      []byte
	sorted   []attribute
}

// assignPrefixes numbers the namespaces of the subtree by their URIs.
func (c *canonical) assignPrefixes(id int32) {
	c.prefixes = make([]int32, len(c.spaces))
	mark := func(space int32) {
		if space > spaceXML && c.prefixes[space] == 0 {
			c.prefixes[space] = 1
			c.used = append(c.used, space)
		}
	}
	end := c.t.nodes[id].end
	for i := id; int(i) < len(c.t.nodes) && (i == id || c.t.nodes[i].start < end); i++ {
		row := &c.t.nodes[i]
		mark(row.space)
		for _, a := range c.t.attrs[row.attrs:row.attrsEnd] {
			mark(a.space)
		}
	}
	slices.SortFunc(c.used, func(a, b int32) int { return cmp.Compare(c.spaces[a], c.spaces[b]) })
	for i, space := range c.used {
		c.prefixes[space] = int32(i)
	}
}

func (c *canonical) element(id int32, top bool) {
	row := &c.t.nodes[id]
	c.dst = append(c.dst, '<')
	c.name(row.space, row.name)
	if top {
		c.declarations()
	}
	c.attributes(row)
	c.dst = append(c.dst, '>')
	if row.first == none {
		c.dst = AppendText(c.dst, Node{c.t, id}.Text())
	} else {
		c.children(row)
	}
	c.dst = append(c.dst, "</"...)
	c.name(row.space, row.name)
	c.dst = append(c.dst, '>')
}

func (c *canonical) name(space int32, name qname) {
	switch {
	case space == spaceXML:
		c.dst = append(c.dst, "xml:"...)
	case space != spaceNone:
		c.dst = append(c.dst, 'n')
		c.dst = strconv.AppendInt(c.dst, int64(c.prefixes[space]), 10)
		c.dst = append(c.dst, ':')
	}
	c.dst = append(c.dst, name.localIn(c.src)...)
}

func (c *canonical) declarations() {
	for i, space := range c.used {
		c.dst = append(c.dst, " xmlns:n"...)
		c.dst = strconv.AppendInt(c.dst, int64(i), 10)
		c.dst = append(c.dst, `="`...)
		c.dst = AppendValue(c.dst, c.spaces[space])
		c.dst = append(c.dst, '"')
	}
}

func (c *canonical) attributes(row *node) {
	if row.attrs == row.attrsEnd {
		return
	}
	c.sorted = append(c.sorted[:0], c.t.attrs[row.attrs:row.attrsEnd]...)
	slices.SortFunc(c.sorted, func(a, b attribute) int {
		return cmp.Or(cmp.Compare(c.spaces[a.space], c.spaces[b.space]), cmp.Compare(a.name.localIn(c.src), b.name.localIn(c.src)))
	})
	for i := range c.sorted {
		c.attribute(row, &c.sorted[i])
	}
}

func (c *canonical) attribute(row *node, a *attribute) {
	value := a.value(c.src)
	switch (Name{c.spaces[a.space], a.name.localIn(c.src)}) {
	case nameSchemaLocation, nameNoSchemaLocation:
		return
	case nameType:
		value = c.expand(row, value)
	}
	c.dst = append(c.dst, ' ')
	c.name(a.space, a.name)
	c.dst = append(c.dst, `="`...)
	c.dst = AppendValue(c.dst, value)
	c.dst = append(c.dst, '"')
}

// expand resolves a lexical QName; one that does not resolve stays as it is.
func (c *canonical) expand(row *node, qname string) string {
	prefix, local := SplitQName(strings.Trim(qname, " "))
	space, ok := c.t.scanner.ns.at(row.scope, prefix)
	if !ok {
		return qname
	}
	return Name{space, local}.String()
}

// children writes the content of an element that has child elements; the text
// between them only where it is more than white space somewhere.
func (c *canonical) children(row *node) {
	mixed := c.mixed(row)
	from := row.content
	for id := row.first; id != none; id = c.t.nodes[id].next {
		child := &c.t.nodes[id]
		if mixed {
			c.text(from, child.start)
		}
		c.element(id, false)
		from = child.end
	}
	if mixed {
		c.text(from, row.closing)
	}
}

func (c *canonical) text(from, to int32) {
	c.gap = appendContent(c.gap[:0], c.src[from:to])
	c.dst = AppendText(c.dst, string(c.gap))
}

func (c *canonical) mixed(row *node) bool {
	from := row.content
	for id := row.first; id != none; id = c.t.nodes[id].next {
		if !c.blank(from, c.t.nodes[id].start) {
			return true
		}
		from = c.t.nodes[id].end
	}
	return !c.blank(from, row.closing)
}

func (c *canonical) blank(from, to int32) bool {
	c.gap = appendContent(c.gap[:0], c.src[from:to])
	return !slices.ContainsFunc(c.gap, func(b byte) bool { return !isSpace(b) })
}
