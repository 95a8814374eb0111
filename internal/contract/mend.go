package contract

import (
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Schemas that the engine refuses are put right where other tools let the same
// pass and what is meant is not in doubt, so that the rest of the contract is
// validated and not nothing. Every such repair is noted on the contract, and
// schemas that compile as they are see none of it.

// absence is a component that is referred to and that no schema declares.
type absence struct {
	kind string // as in the note
	name Name
}

// role is how an absent type is used.
type role uint8

const (
	asContent role = 1 << iota // by an element
	asValue                    // by an attribute, or in a simple type
	asBase                     // by an extension, or a restriction of complex content
)

// roleOf tells from the element that refers to a type what it is used as.
func roleOf(n document.Node) role {
	switch n.Name().Local {
	case "element":
		return asContent
	case "extension":
		return asBase
	case "restriction":
		if n.Parent().Name().Local == "complexContent" {
			return asBase
		}
	}
	return asValue
}

// standIns are declarations that take anything, in the place of those that are
// absent, by namespace. There are none for what has to have a content model of
// its own.
func (l *loader) standIns() map[string][]byte {
	const anything = `<xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence>` + anyAttributes
	out := map[string][]byte{}
	for _, a := range slices.SortedFunc(maps.Keys(l.absent), func(a, b absence) int { return compareNames(a.name, b.name) }) {
		tag, content := "", ""
		switch used := l.absent[a]; {
		case a.name.Space == nsXSD:
		case a.kind == "element":
			tag, content = "element", ""
		case a.kind == "attribute":
			tag = "attribute"
		case a.kind == "attribute group":
			tag, content = "attributeGroup", anyAttributes
		case a.kind != "type" || used&asBase != 0:
		case used == asContent:
			tag, content = "complexType", anything
		default:
			tag, content = "simpleType", `<xs:restriction base="xs:string"/>`
		}
		if tag == "" {
			continue
		}
		text := append(out[a.name.Space], "<xs:"+tag+` name="`...)
		text = append(document.AppendValue(text, a.name.Local), '"')
		if tag == "complexType" {
			text = append(text, ` mixed="true"`...)
		}
		out[a.name.Space] = append(text, ">"+content+"</xs:"+tag+">"...)
	}
	return out
}

const anyAttributes = `<xs:anyAttribute namespace="##any" processContents="lax"/>`

// mend returns the edits that put a schema right.
func (l *loader) mend(s *schema) []edit {
	m := &mending{l: l, s: s}
	for _, n := range l.repeated[s] {
		m.note(n, "%s %q is declared twice in one schema", n.Name().Local, attr(n, "name"))
		m.edits = append(m.edits, s.blankEdits(n, false)...)
	}
	m.element(s.node)
	for _, r := range l.misnamed[s] {
		m.prefix(r)
	}
	return m.edits
}

type mending struct {
	l     *loader
	s     *schema
	edits []edit
}

func (m *mending) note(n document.Node, format string, args ...any) {
	m.l.mends = append(m.l.mends, noted(m.l.at(m.s.file, n), format, args...))
}

// element puts right what stands in n.
func (m *mending) element(n document.Node) {
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
func (m *mending) text(n document.Node) {
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
func (m *mending) localName(parent, n document.Node) {
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
func (m *mending) simpleRestriction(parent, n document.Node) {
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
func (m *mending) prefix(r reference) {
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
