package document

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendStandalone appends the element as a document of its own: its bytes as
// received, with the namespace declarations it inherits and may use added to
// its start tag. A prefix may be used in a name or, before a colon, anywhere in
// values and text, since those may hold qualified names.
func AppendStandalone(dst []byte, n Node) []byte {
	if n.t == nil {
		return dst
	}
	row, s := n.row(), &n.t.scanner
	dst = append(dst, s.src[row.start:row.name.end]...)
	for _, b := range n.inherited() {
		dst = appendDeclaration(dst, b.prefix, s.ns.spaces[b.space])
	}
	return append(dst, s.src[row.name.end:row.end]...)
}

func appendDeclaration(dst []byte, prefix, uri string) []byte {
	dst = append(dst, " xmlns"...)
	if prefix != "" {
		dst = append(append(dst, ':'), prefix...)
	}
	dst = append(dst, `="`...)
	return append(AppendValue(dst, uri), '"')
}

// inherited returns the bindings in scope that ancestors declared and that the
// element may use, sorted by prefix.
func (n Node) inherited() []binding {
	row, ns := n.row(), &n.t.scanner.ns
	outer := int32(none)
	if row.parent != none {
		outer = n.t.nodes[row.parent].scope
	}
	if outer == none {
		return nil
	}
	visible := make(map[string]int32)
	for b := row.scope; b != none; b = ns.bindings[b].outer {
		if _, hidden := visible[ns.bindings[b].prefix]; !hidden {
			visible[ns.bindings[b].prefix] = b
		}
	}
	var found []binding
	take := func(prefix string) {
		if b, ok := visible[prefix]; ok && b <= outer && ns.bindings[b].space != spaceNone {
			found = append(found, ns.bindings[b])
		}
		delete(visible, prefix)
	}
	take("")
	eachPrefix(n.t.scanner.src[row.start:row.end], take)
	slices.SortFunc(found, func(a, b binding) int { return cmp.Compare(a.prefix, b.prefix) })
	return found
}

// eachPrefix calls f with everything before a colon that may be a prefix.
func eachPrefix(src string, f func(string)) {
	for at := 0; ; at++ {
		i := strings.IndexByte(src[at:], ':')
		if i < 0 {
			return
		}
		at += i
		start := at
		for start > 0 && (src[start-1] >= utf8.RuneSelf || classes[src[start-1]]&className != 0) {
			start--
		}
		if start < at {
			f(src[start:at])
		}
	}
}
