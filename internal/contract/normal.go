package contract

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Some of what a schema may say is written anew before anybody reads it: what
// redefines is merged, SOAP arrays become sequences. The type model and the
// schema engine both read this normal form and so cannot differ about it. What
// is published is the file as it came; in the one document of ?singlewsdl, where
// nothing is left to redefine, the merged text.

// normalise puts all schemas into normal form.
func (l *loader) normalise() {
	l.mergeRedefinitions()
	for _, s := range l.schemas {
		if len(l.redefinitions) > 0 && !bytes.Equal(s.text, s.file.utf8) {
			s.merged = s.text
		}
	}
	l.unfoldArrays()
}

// edit replaces a part of a text. The text it puts there becomes one line; the
// line breaks of what it replaces stay, so that every line keeps its number.
type edit struct {
	start, end int
	text       string
	blank      bool // white space in its place, byte for byte; no text
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
		out = append(append(out, text[done:e.start]...), oneLine.Replace(e.text)...)
		if e.blank {
			out = append(out, blank(text[e.start:e.end])...)
		} else {
			out = appendLineBreaks(out, text[e.start:e.end])
		}
		done = e.end
	}
	return append(out, text[done:]...)
}

var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

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
		return edit{start: end - len("/>"), end: end, text: ">" + text + "</" + n.QName() + ">"}
	}
	if a := n.FirstChild(); a.Name() == xsdName("annotation") {
		_, _, _, content = a.Span()
	}
	return edit{start: content, end: content, text: text}
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

// tagAttribute is where an attribute stands in the text of its start tag.
type tagAttribute struct{ start, value, valueEnd int }

// attributeIn finds an attribute that is written without a prefix.
func attributeIn(tag []byte, local string) (tagAttribute, bool) {
	for from := 0; ; {
		i := bytes.Index(tag[from:], []byte(local))
		if i < 0 {
			return tagAttribute{}, false
		}
		start := from + i
		from = start + len(local)
		rest := bytes.TrimLeft(tag[from:], spaces)
		if bytes.IndexByte([]byte(spaces), tag[start-1]) < 0 || rest[0] != '=' || quotedAt(tag, start) {
			continue
		}
		rest = bytes.TrimLeft(rest[1:], spaces)
		value := len(tag) - len(rest) + 1
		return tagAttribute{start, value, value + bytes.IndexByte(rest[1:], rest[0])}, true
	}
}

const spaces = " \t\r\n"

// quotedAt reports whether an offset in a start tag is inside a value.
func quotedAt(tag []byte, at int) bool {
	var quote byte
	for _, c := range tag[:at] {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote != 0
}

// withoutAttribute cuts an attribute out of a start tag.
func withoutAttribute(tag []byte, local string) []byte {
	a, ok := attributeIn(tag, local)
	if !ok {
		return tag
	}
	return append(bytes.Clone(tag[:a.start]), tag[a.valueEnd+1:]...)
}

// attributeEdit puts another value into an attribute that n has.
func (s *schema) attributeEdit(n document.Node, local, value string) edit {
	start, _, _, _ := n.Span()
	a, _ := attributeIn(s.startTag(n), local)
	return edit{start: start + a.value, end: start + a.valueEnd, text: string(document.AppendValue(nil, value))}
}

// blankEdits remove n; what is in it stays when content is to be kept.
func (s *schema) blankEdits(n document.Node, keep bool) []edit {
	start, content, closing, end := n.Span()
	if !keep || s.empty(n) {
		return []edit{{start: start, end: end, blank: true}}
	}
	return []edit{{start: start, end: content, blank: true}, {start: closing, end: end, blank: true}}
}
