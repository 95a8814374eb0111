package sample

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// attributes breaks the attributes of the element.
func (b *breaker) attributes() {
	n := b.at
	if !n.typ.AnyAttr {
		b.try("unknownAttribute", n.typ, "", func(n *node) (*node, string) {
			n.attrs = append(n.attrs, attribute{name: contract.Name{Local: "unknown"}, value: "x"})
			return n, "/@unknown"
		})
	}
	for i, a := range n.attrs {
		if a.decl == nil {
			continue
		}
		suffix := "/@" + b.msg.prefixes.qname(a.name)
		if a.decl.Required {
			b.try("missingAttribute", a.decl, suffix, func(n *node) (*node, string) {
				n.attrs = slices.Delete(n.attrs, i, i+1)
				return n, ""
			})
		}
		b.simple(a.decl.Type, a.decl, a.decl.Fixed, suffix, a.value, func(n *node, v string) { n.attrs[i].value = v })
	}
}

// content breaks what stands between the tags, values apart.
func (b *breaker) content() {
	n := b.at
	b.try("nil", n.decl, "", func(n *node) (*node, string) {
		if n.decl.Nillable || n.nilled() || n.decl.Fixed != nil {
			return nil, ""
		}
		n.setNil()
		n.text, n.kids = "", nil
		return n, ""
	})
	b.try("nilContent", n.decl, "", func(n *node) (*node, string) {
		if !n.decl.Nillable || n.nilled() || n.text == "" && len(n.kids) == 0 {
			return nil, ""
		}
		n.setNil()
		return n, ""
	})
	if anyType(n.typ) {
		return
	}
	b.try("unknown", n.typ, "/"+unknownName, func(n *node) (*node, string) {
		child := &node{name: contract.Name{Space: n.name.Space, Local: unknownName}, parent: n}
		n.text, n.kids = "", append(n.kids, child)
		return child, ""
	})
	if n.typ.Simple != nil {
		return
	}
	b.try("empty", n.typ, "", func(n *node) (*node, string) {
		if len(n.kids) == 0 {
			return nil, ""
		}
		n.kids = nil
		return n, ""
	})
	b.try("text", n.typ, "", func(n *node) (*node, string) {
		if n.typ.Mixed {
			return nil, ""
		}
		n.text = "text"
		return n, ""
	})
}

func (n *node) setNil() {
	n.attrs = append(n.attrs, attribute{name: contract.Name{Space: nsXSI, Local: "nil"}, value: "true"})
}

// value breaks the value of the element.
func (b *breaker) value() {
	n := b.at
	if n.typ.Simple == nil || n.nilled() || len(n.kids) > 0 {
		return
	}
	b.simple(n.typ.Simple, n.decl, n.decl.Fixed, "", n.text, func(n *node, v string) { n.text = v })
}

// simple breaks each facet of a type by the first value that breaks it alone.
func (b *breaker) simple(s *contract.Simple, of any, fixed *string, suffix, valid string, set func(*node, string)) {
	tried := map[string]bool{}
	put := func(kind, v string) bool {
		return b.try(kind, of, suffix, func(n *node) (*node, string) {
			set(n, v)
			if kind == "ID" || kind == "IDREF" { // which the validator tells of the element
				return n, ""
			}
			return n, suffix
		})
	}
	if fixed != nil {
		v := &valuer{prefixes: b.msg.prefixes}
		for c := range v.systematicOf(s, hint{name: "other", index: 1}) {
			if s.Check(c) == "" && c != *fixed && put("fixed", c) {
				break
			}
		}
		return
	}
	b.identity(s, put)
	for one := range breaks(s, valid) {
		if !tried[one.kind] && put(one.kind, one.value) {
			tried[one.kind] = true
		}
	}
}

// identity breaks what values of a message must be to each other.
func (b *breaker) identity(s *contract.Simple, put func(kind, v string) bool) {
	switch {
	case s.Builtin == "ID":
		for _, id := range b.msg.ids() {
			if put("ID", id) {
				return
			}
		}
	case refers(s):
		put("IDREF", "nowhere")
	case s.Primitive == "QName" && len(s.Enumeration) == 0:
		put("prefix", "nowhere:name")
	}
}

// ids are the values of xs:ID in a message.
func (m *Message) ids() []string {
	var out []string
	for _, root := range m.roots() {
		root.walk(func(n *node) {
			for _, a := range n.attrs {
				if a.decl != nil && a.decl.Type.Builtin == "ID" {
					out = append(out, a.value)
				}
			}
			if n.typ != nil && n.typ.Simple != nil && n.typ.Simple.Builtin == "ID" {
				out = append(out, n.text)
			}
		})
	}
	return out
}
