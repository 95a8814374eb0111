package sample

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// writer lays a tree out, two blanks for each level.
type writer struct {
	dst      []byte
	prefixes *prefixes
	docs     bool
}

// element writes a tree as an element of its own that declares the namespaces
// it uses.
func (w *writer) element(n *node, depth int) {
	w.tag(n, depth, w.spaces(n))
}

// spaces lists the namespaces of a tree in the order of their first use.
func (w *writer) spaces(root *node) []string {
	var out []string
	add := func(space string) {
		if space != "" && space != nsXML && !slices.Contains(out, space) {
			out = append(out, space)
		}
	}
	root.walk(func(n *node) {
		add(n.name.Space)
		for _, a := range n.attrs {
			add(a.name.Space)
		}
		for _, space := range n.needs {
			add(space)
		}
	})
	return out
}

func (w *writer) tag(n *node, depth int, declare []string) {
	w.comment(n, depth)
	name := w.prefixes.qname(n.name)
	w.indent(depth)
	w.dst = append(append(w.dst, '<'), name...)
	for _, space := range declare {
		w.attribute("xmlns:"+w.prefixes.prefix(space), space)
	}
	for _, a := range n.attrs {
		w.attribute(w.prefixes.qname(a.name), a.value)
	}
	if n.text == "" && len(n.kids) == 0 {
		w.dst = append(w.dst, "/>\n"...)
		return
	}
	w.dst = document.AppendText(append(w.dst, '>'), n.text)
	if len(n.kids) > 0 {
		w.dst = append(w.dst, '\n')
		for _, k := range n.kids {
			w.tag(k, depth+1, nil)
		}
		w.indent(depth)
	}
	w.dst = append(append(append(w.dst, "</"...), name...), ">\n"...)
}

func (w *writer) indent(depth int) {
	for range depth {
		w.dst = append(w.dst, "  "...)
	}
}

func (w *writer) attribute(name, value string) {
	w.dst = append(append(append(w.dst, ' '), name...), `="`...)
	w.dst = append(document.AppendValue(w.dst, value), '"')
}

// comment writes what the contract says about an element and its attributes.
func (w *writer) comment(n *node, depth int) {
	if !w.docs || n.decl == nil {
		return
	}
	doc := n.decl.Doc
	if doc == "" && n.typ != nil {
		doc = n.typ.Doc
	}
	if doc != "" {
		w.remark(doc, depth)
	}
	for _, a := range n.attrs {
		if a.decl != nil && a.decl.Doc != "" {
			w.remark("@"+a.name.Local+": "+a.decl.Doc, depth)
		}
	}
}

// remark writes a comment; two hyphens may not stand in one (XML 1.0 §2.5).
func (w *writer) remark(text string, depth int) {
	w.indent(depth)
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > 0xFFFD {
			return ' '
		}
		return r
	}, strings.ReplaceAll(text, "--", "- -"))
	w.dst = append(append(append(w.dst, "<!-- "...), text...), " -->\n"...)
}
