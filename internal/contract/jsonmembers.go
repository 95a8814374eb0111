package contract

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// jsonMembers are the members of one object, by what they are of its element.
type jsonMembers struct {
	*jsonConverter
	t      *Type
	layout *layout
	id     int32
	// The members, or none: by slot, by attribute, and the others.
	children, attrs     []int32
	text, nilled, typed int32
	heads               []int32 // by slot: the value that is to be written next
}

// sorted goes through the members of an object.
func (c *jsonConverter) sorted(t *Type, id int32) *jsonMembers {
	if c.depth == len(c.members) {
		c.members = append(c.members, &jsonMembers{jsonConverter: c})
	}
	m := c.members[c.depth]
	m.t, m.layout, m.id = t, t.layout(), id
	m.text, m.nilled, m.typed = none, none, none
	m.children, m.heads = nothing(m.children, len(m.layout.slots)), nothing(m.heads, len(m.layout.slots))
	m.attrs = nothing(m.attrs, len(m.layout.attributes))
	for at := c.values[id].first; at != none; at = c.values[at].next {
		m.add(at)
	}
	return m
}

// nothing is n times none.
func nothing(s []int32, n int) []int32 {
	s = slices.Grow(s[:0], n)[:n]
	for i := range s {
		s[i] = none
	}
	return s
}

// add finds out what a member is.
func (m *jsonMembers) add(at int32) {
	key := m.key(at)
	place := m.placeOf(key)
	switch {
	case place == nil:
		m.unknownKey(at)
	case *place != none:
		m.complain(m.keyAt(at), func() fault.Detail {
			return fault.Detail{Message: "the key occurs twice", Path: m.pointer(at), Found: quote(string(m.key(at)))}
		})
	default:
		*place = at
	}
}

// placeOf returns where the member of a key belongs; nil when the type has no
// use for it.
func (m *jsonMembers) placeOf(key []byte) *int32 {
	if slot, ok := m.layout.byKey[string(key)]; ok {
		return &m.children[slot]
	}
	if i, ok := m.layout.byAttr[string(key)]; ok {
		return &m.attrs[i]
	}
	switch string(key) {
	case keyType:
		return &m.typed
	case keyNil:
		return &m.nilled
	case keyValue:
		if m.t.Simple != nil || m.t.Mixed {
			return &m.text
		}
	}
	return nil
}

// attributes writes the rest of the start tag but its end.
func (m *jsonMembers) attributes() {
	if m.typed != none {
		prefix := ""
		if m.t.Name.Space != m.space {
			prefix = m.declare(m.t.Name.Space)
		}
		m.dst = append(append(append(append(m.dst, ` xsi:type="`...), prefix...), m.t.Name.Local...), '"')
	}
	if m.nilled != none {
		m.dst = append(m.dst, ` xsi:nil="`...)
		m.value(booleanSimple, m.nilled, true, "")
		m.dst = append(m.dst, '"')
	}
	for i, at := range m.attrs {
		if at != none {
			m.attribute(m.t.Attributes[i], at)
		}
	}
}

// booleanSimple is what xsi:nil is of.
var booleanSimple = &Simple{Name: xsdName("boolean"), Builtin: "boolean", Primitive: "boolean", WhiteSpace: "collapse"}

func (m *jsonMembers) attribute(a *Attribute, at int32) {
	qname := ""
	if a.Type.qualified() && m.values[at].kind == jsonString {
		qname = m.qname(at)
	}
	prefix := m.declare(a.Name.Space)
	m.dst = append(append(append(append(m.dst, ' '), prefix...), a.Name.Local...), `="`...)
	if qname != "" {
		m.dst = document.AppendValue(m.dst, qname)
	} else {
		m.value(a.Type, at, true, a.Doc)
	}
	m.dst = append(m.dst, '"')
}

// content ends the start tag and writes what stands behind it.
func (m *jsonMembers) content(el *Element) {
	qname := ""
	if m.text != none && m.t.Simple.qualified() && m.values[m.text].kind == jsonString {
		qname = m.qname(m.text)
	}
	m.dst = append(m.dst, '>')
	switch {
	case m.text == none:
		m.elements()
	case qname != "":
		m.dst = document.AppendText(m.dst, qname)
	case m.t.Simple != nil:
		m.value(m.t.Simple, m.text, false, el.Doc)
	case slices.ContainsFunc(m.children, func(at int32) bool { return at != none }):
		m.refuse(m.id, m.keyAt(m.text), func() fault.Detail {
			return fault.Detail{Message: "text beside child elements cannot be sent as JSON", Path: m.pointer(m.text), Doc: el.Doc}
		})
	case m.values[m.text].kind == jsonString:
		m.characters(m.text, false)
	default:
		m.wrongKind(m.text, func() string { return "a string" }, el.Doc)
	}
}

// elements writes the child elements: in the contract's order those that it has
// a place for, then the others, for the validator to complain about.
func (m *jsonMembers) elements() {
	for slot, at := range m.children {
		if at != none {
			m.heads[slot] = m.firstOf(slot, at)
		}
	}
	a := arrangement{supplier: m, heads: m.heads, effort: &m.effort}
	a.arrange(m.layout)
	for slot := range m.heads {
		for m.heads[slot] != none {
			item := m.heads[slot]
			m.heads[slot] = m.following(item)
			m.place(int32(slot), item)
		}
	}
}

// firstOf returns the first value of a member. An array where the contract has
// one element at most stays what it is, to be complained about.
func (m *jsonMembers) firstOf(slot int, at int32) int32 {
	if m.values[at].kind == jsonArray && m.layout.slots[slot].repeats {
		return m.values[at].first
	}
	return at
}

func (m *jsonMembers) following(item int32) int32 {
	if m.values[m.values[item].parent].kind == jsonArray {
		return m.values[item].next
	}
	return none
}

func (m *jsonMembers) place(slot, item int32) {
	m.mixed = m.t.Mixed
	m.element(m.layout.slots[slot].element, item)
}

// lacking leaves it to the validator to say so.
func (m *jsonMembers) lacking(*Particle) {}
