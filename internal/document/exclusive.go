package document

import (
	"cmp"
	"slices"
	"strings"
)

// AppendExclusive appends an element in Exclusive XML Canonicalization 1.0
// without comments, which signatures are computed over: as written, prefixes and
// white space included, with the namespaces declared that it uses. prefixes are
// those of an InclusiveNamespaces list (§3), "" for the default namespace. Time
// and memory grow with the element alone, but for one search of each prefix.
func AppendExclusive(dst []byte, n Node, prefixes []string) []byte {
	if n.t == nil {
		return dst
	}
	e := exclusive{t: n.t, src: n.t.scanner.src, spaces: n.t.scanner.ns.spaces, dst: dst, shown: map[string]int32{"": spaceNone}}
	if len(prefixes) > 0 {
		e.listed = map[string]int32{}
		for _, prefix := range prefixes {
			e.listed[prefix] = none
		}
		for b := n.row().scope; b != none; b = n.t.scanner.ns.bindings[b].outer {
			e.list(&n.t.scanner.ns.bindings[b], false)
		}
	}
	e.element(n.id)
	return e.dst
}

type exclusive struct {
	t      *Tree
	src    string
	spaces []string
	dst    []byte
	shown  map[string]int32 // what output says a prefix means, here
	listed map[string]int32 // what a prefix of the list means, here; none: nothing yet
	text   []byte
}

// list notes a declaration of a prefix of the list. The first that is found going
// outwards counts, unless it replaces what came from further out.
func (e *exclusive) list(b *binding, replace bool) {
	if space, ok := e.listed[b.prefix]; ok && (replace || space == none) {
		e.listed[b.prefix] = b.space
	}
}

// meaning is a prefix and what it meant before.
type meaning struct {
	prefix string
	space  int32
	known  bool
}

func (e *exclusive) element(id int32) {
	row := &e.t.nodes[id]
	before := e.enter(row)
	needed := e.needed(row)
	e.dst = append(append(e.dst, '<'), row.name.in(e.src)...)
	var hidden []meaning
	for _, b := range needed {
		space, known := e.shown[b.prefix]
		if known && space == b.space {
			continue
		}
		hidden = append(hidden, meaning{b.prefix, space, known})
		e.shown[b.prefix] = b.space
		e.declaration(b)
	}
	e.attributes(row)
	e.dst = append(e.dst, '>')
	from := row.content
	for child := row.first; child != none; child = e.t.nodes[child].next {
		e.content(e.src[from:e.t.nodes[child].start])
		e.element(child)
		from = e.t.nodes[child].end
	}
	e.content(e.src[from:row.closing])
	e.dst = append(append(append(e.dst, "</"...), row.name.in(e.src)...), '>')
	restore(e.shown, hidden)
	restore(e.listed, before)
}

func restore(current map[string]int32, before []meaning) {
	for _, m := range slices.Backward(before) {
		if m.known {
			current[m.prefix] = m.space
		} else {
			delete(current, m.prefix)
		}
	}
}

// enter notes what an element's own declarations make of the prefixes of the list.
func (e *exclusive) enter(row *node) (before []meaning) {
	if e.listed == nil || row.parent == none {
		return nil
	}
	outer := e.t.nodes[row.parent].scope
	for b := row.scope; b != outer && b != none; b = e.t.scanner.ns.bindings[b].outer {
		own := &e.t.scanner.ns.bindings[b]
		if space, ok := e.listed[own.prefix]; ok {
			before = append(before, meaning{own.prefix, space, true})
			e.list(own, true)
		}
	}
	return before
}

// needed lists the declarations that an element needs, sorted by prefix: those of
// the prefixes in its name and its attributes' names, and those of the list.
func (e *exclusive) needed(row *node) []binding {
	out := []binding{{prefix: row.name.prefixIn(e.src), space: row.space}}
	for i := row.attrs; i < row.attrsEnd; i++ {
		if a := &e.t.attrs[i]; a.name.prefix != 0 {
			out = append(out, binding{prefix: a.name.prefixIn(e.src), space: a.space})
		}
	}
	for prefix, space := range e.listed {
		if space != none {
			out = append(out, binding{prefix: prefix, space: space})
		}
	}
	slices.SortFunc(out, func(a, b binding) int { return cmp.Compare(a.prefix, b.prefix) })
	out = slices.CompactFunc(out, func(a, b binding) bool { return a.prefix == b.prefix })
	return slices.DeleteFunc(out, func(b binding) bool { return b.prefix == "xml" })
}

func (e *exclusive) declaration(b binding) {
	e.dst = append(e.dst, " xmlns"...)
	if b.prefix != "" {
		e.dst = append(append(e.dst, ':'), b.prefix...)
	}
	e.value(e.spaces[b.space])
}

// attributes are sorted by namespace, then by local name.
func (e *exclusive) attributes(row *node) {
	if row.attrs == row.attrsEnd {
		return
	}
	sorted := slices.Clone(e.t.attrs[row.attrs:row.attrsEnd])
	slices.SortFunc(sorted, func(a, b attribute) int {
		return cmp.Or(cmp.Compare(e.spaces[a.space], e.spaces[b.space]), cmp.Compare(a.name.localIn(e.src), b.name.localIn(e.src)))
	})
	for i := range sorted {
		e.dst = append(append(e.dst, ' '), sorted[i].name.in(e.src)...)
		e.value(sorted[i].value(e.src))
	}
}

// value writes an attribute's value with its sign and quotes (Canonical XML 1.0 §2.3).
func (e *exclusive) value(text string) {
	e.dst = append(e.dst, `="`...)
	e.escaped(text, valueEscapes)
	e.dst = append(e.dst, '"')
}

var (
	valueEscapes = map[byte]string{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;"}
	textEscapes  = map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;"}
)

func (e *exclusive) escaped(text string, escapes map[byte]string) {
	from := 0
	for i := range len(text) {
		if c := text[i]; c > '>' || c > '\r' && c != '&' && c != '<' && c != '"' && c != '>' {
			continue
		}
		if with := escapes[text[i]]; with != "" {
			e.dst = append(append(e.dst, text[from:i]...), with...)
			from = i + 1
		}
	}
	e.dst = append(e.dst, text[from:]...)
}

// content writes what stands between two tags: text, and the instructions that
// are in it. Comments are left out.
func (e *exclusive) content(raw string) {
	for raw != "" {
		i := strings.IndexByte(raw, '<')
		if i < 0 {
			i = len(raw)
		}
		e.text = appendDecoded(e.text[:0], raw[:i])
		e.escaped(string(e.text), textEscapes)
		if raw = raw[i:]; raw == "" {
			return
		}
		size := markupSize(raw)
		switch {
		case strings.HasPrefix(raw, cdataOpen):
			e.text = appendLines(e.text[:0], raw[len(cdataOpen):size-len(cdataClose)])
			e.escaped(string(e.text), textEscapes)
		case strings.HasPrefix(raw, "<?"):
			e.instruction(raw[len("<?") : size-len("?>")])
		}
		raw = raw[size:]
	}
}

func (e *exclusive) instruction(raw string) {
	e.dst = append(e.dst, "<?"...)
	if i := strings.IndexAny(raw, " \t\r\n"); i < 0 {
		e.dst = append(e.dst, raw...)
	} else {
		e.dst = append(e.dst, raw[:i]...)
		if data := strings.TrimLeft(raw[i:], " \t\r\n"); data != "" {
			e.dst = appendLines(append(e.dst, ' '), data)
		}
	}
	e.dst = append(e.dst, "?>"...)
}
