package contract

import (
	"github.com/gatehouse/gatehouse/internal/document"
)

// Slips of those who write schemas are put right where the engine refuses them
// and what is meant is not in doubt: text between declarations, names of types
// that have none, prefixes left out, a restriction that is an extension, a
// declaration given twice. Nothing is checked less for it. Every slip is noted on
// the contract, and schemas that compile as they are see none of this.

// correct writes all schemas anew with their slips put right. It reports whether
// there were any, the first time.
func (set *schemaSet) correct() bool {
	if set.corrected {
		return false
	}
	set.corrected = true
	for ns := range set.namespaces {
		set.add(ns)
	}
	set.l.notes = append(set.l.notes, set.l.slipped...)
	return len(set.l.slipped)+len(set.l.misnamed)+len(set.l.repeated) > 0
}

// slips returns the edits that put a schema right.
func (l *loader) slips(s *schema) []edit {
	m := &slips{l: l, s: s}
	for _, n := range l.repeated[s] {
		m.edits = append(m.edits, s.blankEdits(n, false)...)
	}
	m.element(s.node)
	for _, r := range l.misnamed[s] {
		m.prefix(r)
	}
	return m.edits
}

type slips struct {
	l     *loader
	s     *schema
	edits []edit
}

func (m *slips) note(n document.Node, format string, args ...any) {
	m.l.slipped = append(m.l.slipped, noted(m.l.at(m.s.file, n), format, args...))
}

// element puts right what stands in n.
func (m *slips) element(n document.Node) {
	if n.Name().Space != nsXSD || n.Name().Local == "annotation" {
		return
	}
	if n.HasText() {
		m.text(n)
	}
	for c := range elements(n) {
		m.localName(n, c)
		m.simpleRestriction(n, c)
		m.element(c)
	}
}

// text blanks what is written between the elements of a schema.
func (m *slips) text(n document.Node) {
	m.note(n, "the text in this %s is ignored", n.QName())
	_, from, closing, _ := n.Span()
	for c := range elements(n) {
		start, _, _, end := c.Span()
		m.edits = append(m.edits, edit{start: from, end: start, blank: true})
		from = end
	}
	m.edits = append(m.edits, edit{start: from, end: closing, blank: true})
}

// localName takes the name from a type that only its element or attribute has.
func (m *slips) localName(parent, n document.Node) {
	if symbolSpace(n) != "type" || isReference(parent) || parent == m.s.node {
		return
	}
	start, _, _, _ := n.Span()
	if a, named := attributeIn(m.s.startTag(n), "name"); named {
		m.note(n, "the name %q of this %s is ignored: it stands within %s", attr(n, "name"), n.QName(), parent.QName())
		m.edits = append(m.edits, edit{start: start + a.start, end: start + a.valueEnd + 1, blank: true})
	}
}

// simpleRestriction makes an extension of a restriction of a simple type in
// simple content that only adds attributes.
func (m *slips) simpleRestriction(parent, n document.Node) {
	if parent.Name() != xsdName("simpleContent") || n.Name() != xsdName("restriction") {
		return
	}
	base, _ := m.s.expand(n, attr(n, "base"))
	if t := m.l.types[base]; t == nil || t.Simple == nil || len(t.Attributes) > 0 || t.Base == nil || t.Content != nil {
		return
	}
	for c := range elements(n) {
		if local := c.Name().Local; local != "annotation" && local != "attribute" && local != "attributeGroup" && local != "anyAttribute" {
			return
		}
	}
	m.note(n, "type %q is simple: this restriction is taken for an extension", base)
	m.edits = append(m.edits, renamed(m.s, n, "extension")...)
}

// prefix gives a name the prefix it lacks.
func (m *slips) prefix(r reference) {
	start, content, _, _ := r.node.Span()
	tag := m.s.startTag(r.node)
	a, ok := attributeIn(tag, r.attribute)
	if !ok {
		return
	}
	declaration := append(document.AppendValue([]byte(` xmlns:own="`), m.s.namespace), '"')
	name := len("<") + len(r.node.QName())
	m.edits = append(m.edits, edit{start: start, end: content, text: string(tag[:name]) + string(declaration) +
		string(tag[name:a.value]) + "own:" + trim(attr(r.node, r.attribute)) + string(tag[a.valueEnd:])})
}
