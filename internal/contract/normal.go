package contract

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Some of what a schema may say is written anew before anybody reads it: what
// redefines is merged, SOAP arrays become sequences. The type model and the
// schema engine both read this normal form and so cannot differ about it. What
// is published is the file as it came.

// edit replaces a part of a text. The text it puts there is one line; the line
// breaks of what it replaces stay, so that every line keeps its number.
type edit struct {
	start, end int
	text       string
}

// apply makes the edits. Of two that overlap, the one that begins first counts.
func apply(text []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	out := make([]byte, 0, len(text)+len(text)/8)
	done := 0
	for _, e := range edits {
		if e.start < done {
			continue
		}
		out = append(append(out, text[done:e.start]...), e.text...)
		out = appendLineBreaks(out, text[e.start:e.end])
		done = e.end
	}
	return append(out, text[done:]...)
}

func appendLineBreaks(out, text []byte) []byte {
	for _, c := range text {
		if c == '\n' || c == '\r' {
			out = append(out, c)
		}
	}
	return out
}

// shared is what schemas with the same text have in common: those embedded in
// one WSDL. A chameleon has a text of its own for each namespace.
type shared struct {
	file      *file
	namespace string
	chameleon bool
}

func (s *schema) shared() shared {
	if s.chameleon {
		return shared{s.file, s.namespace, true}
	}
	return shared{file: s.file}
}

// revise gives schemas the text that edits make of theirs.
func (l *loader) revise(edits map[*schema][]edit) {
	all := map[shared][]edit{}
	for _, s := range l.schemas {
		if len(edits[s]) > 0 {
			all[s.shared()] = append(all[s.shared()], edits[s]...)
		}
	}
	trees, texts := map[shared]*document.Tree{}, map[shared][]byte{}
	for _, s := range l.schemas {
		key := s.shared()
		if len(all[key]) == 0 {
			continue
		}
		if trees[key] == nil {
			texts[key] = apply(s.text, all[key])
			tree, err := document.Read(texts[key])
			if err != nil { // the edits put elements in the place of elements
				l.fault(l.at(s.file, s.node), "rewriting the schema: %v", err)
				return
			}
			trees[key] = tree
		}
		s.node, s.text = sameNode(trees[key].Root(), s.node), texts[key]
	}
}

// sameNode finds in another version of a document the element that stands where
// n stands in its own.
func sameNode(root, n document.Node) document.Node {
	parent := n.Parent()
	if !parent.Exists() {
		return root
	}
	other := sameNode(root, parent).FirstChild()
	for c := parent.FirstChild(); c != n; c = c.NextSibling() {
		other = other.NextSibling()
	}
	return other
}

// startTag returns the text of an element's start tag.
func (s *schema) startTag(n document.Node) []byte {
	start, content, _, _ := n.Span()
	return s.text[start:content]
}

// empty reports whether an element is written as one tag.
func (s *schema) empty(n document.Node) bool { return bytes.HasSuffix(s.startTag(n), []byte("/>")) }

// insertion puts text before all content of n but its annotation.
func (s *schema) insertion(n document.Node, text string) edit {
	_, content, _, end := n.Span()
	if s.empty(n) {
		return edit{end - len("/>"), end, ">" + text + "</" + n.QName() + ">"}
	}
	if a := n.FirstChild(); a.Name() == xsdName("annotation") {
		_, _, _, content = a.Span()
	}
	return edit{content, content, text}
}

// expand resolves a QName in the scope of n (XSD 1.0 part 1 §3.15.3). In a
// chameleon a name without a prefix is in the including schema's namespace. ok
// is false where the prefix is not declared.
func (s *schema) expand(n document.Node, qname string) (name Name, ok bool) {
	prefix, local := document.SplitQName(trim(qname))
	space, bound := n.NamespaceFor(prefix)
	if space == "" && prefix == "" && s.chameleon {
		space = s.namespace
	}
	return Name{Space: space, Local: local}, bound || prefix == ""
}
