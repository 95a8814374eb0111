package sample

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// What is made up where a contract has nothing of the kind.
const (
	unknownName  = "Unknown"
	wrongSpace   = "urn:example:wrong"
	mostRepeated = 60 // occurrences that are written to have one too many
)

// place breaks what the content model around says about the element.
func (b *breaker) place() {
	n := b.at
	b.try("abstract", n.decl, "", b.abstract)
	b.try("type", n.decl, "", func(n *node) (*node, string) {
		n.setType(contract.Name{Space: nsXSD, Local: "nothing"})
		return n, ""
	})
	if n.parent == nil {
		return
	}
	b.try("missing", n.decl, "", func(n *node) (*node, string) {
		if n.via == nil || n.via.Min == 0 || n.via.Kind != contract.ElementParticle {
			return nil, ""
		}
		n.remove()
		return n.parent, ""
	})
	b.try("tooMany", n.decl, "", tooMany)
	b.try("order", n.decl, "", func(n *node) (*node, string) {
		i := n.place()
		kids := n.parent.kids
		if i == 0 || kids[i-1].name == n.name {
			return nil, ""
		}
		kids[i-1], kids[i] = kids[i], kids[i-1]
		return kids[i], ""
	})
	b.try("namespace", n.decl, "", func(n *node) (*node, string) {
		if n.name.Space = wrongSpace; n.decl.Name.Space != "" {
			n.name.Space = ""
		}
		return n, ""
	})
	b.choice()
}

// setType writes xsi:type, in the place of another.
func (n *node) setType(name contract.Name) {
	n.attrs = slices.DeleteFunc(n.attrs, func(a attribute) bool { return a.name == contract.Name{Space: nsXSI, Local: "type"} })
	n.attrs = append(n.attrs, attribute{name: contract.Name{Space: nsXSI, Local: "type"}, value: "xs:" + name.Local})
	n.needs = append(n.needs, name.Space)
}

func (n *node) remove() {
	i := n.place()
	n.parent.kids = slices.Delete(n.parent.kids, i, i+1)
}

// abstract puts the abstract element or type back that something stands for.
func (b *breaker) abstract(n *node) (*node, string) {
	if i := n.attr(contract.Name{Space: nsXSI, Local: "type"}); i >= 0 && n.decl.Type.Abstract {
		n.attrs = slices.Delete(n.attrs, i, i+1)
		return n, ""
	}
	if n.via == nil || n.via.Element == nil || !n.via.Element.Abstract || n.via.Element == n.decl {
		return nil, ""
	}
	n.name = n.via.Element.Name
	return n, ""
}

// tooMany repeats the element more often than its particle allows.
func tooMany(n *node) (*node, string) {
	if n.via == nil || n.via.Max == contract.Unbounded || n.via.Max > mostRepeated {
		return nil, ""
	}
	have := 0
	for _, k := range n.parent.kids {
		if k.via == n.via {
			have++
		}
	}
	at := n.place()
	for ; at+1 < len(n.parent.kids) && n.parent.kids[at+1].via == n.via; at++ {
	}
	var last *node
	for range n.via.Max + 1 - have {
		last, _ = n.clone(nil)
		last.parent = n.parent
		last.distinct(have)
		have++
		n.parent.kids = slices.Insert(n.parent.kids, at+1, last)
		at++
	}
	return last, ""
}

// distinct gives the xs:ID in a copy other values: a repeated one is another
// fault.
func (n *node) distinct(k int) {
	n.walk(func(n *node) {
		for i, a := range n.attrs {
			if a.decl != nil && a.decl.Type.Builtin == "ID" {
				n.attrs[i].value += string(rune('a' + k%26))
			}
		}
		if n.typ != nil && n.typ.Simple != nil && n.typ.Simple.Builtin == "ID" {
			n.text += string(rune('a' + k%26))
		}
	})
}

// choice adds the beginning of another branch to the one that was taken.
func (b *breaker) choice() {
	n := b.at
	if n.via == nil || b.within() == nil || b.within().Content == nil {
		return
	}
	choice, own := enclosing(b.within().Content, n.via, map[*contract.Particle]bool{})
	if choice == nil || choice.Max != 1 {
		return
	}
	for _, q := range choice.Particles {
		if q == own || q.Kind != contract.ElementParticle {
			continue
		}
		if b.try("choice", choice, "", func(n *node) (*node, string) {
			other := b.small(q.Element)
			if other == nil {
				return nil, ""
			}
			other.parent = n.parent
			n.parent.kids = slices.Insert(n.parent.kids, n.place()+1, other)
			return other, ""
		}) {
			return
		}
	}
}

// enclosing finds the innermost choice around a particle, and its branch there.
func enclosing(in, sought *contract.Particle, seen map[*contract.Particle]bool) (choice, branch *contract.Particle) {
	if seen[in] {
		return nil, nil
	}
	seen[in] = true
	for _, q := range in.Particles {
		if choice, branch = enclosing(q, sought, seen); choice != nil {
			return choice, branch
		}
		if in.Kind == contract.Choice && reaches(q, sought, map[*contract.Particle]bool{}) {
			return in, q
		}
	}
	return nil, nil
}

func reaches(from, sought *contract.Particle, seen map[*contract.Particle]bool) bool {
	if from == sought {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(from.Particles, func(q *contract.Particle) bool { return reaches(q, sought, seen) })
}

// small makes the smallest instance of an element, or nil.
func (b *breaker) small(el *contract.Element) *node {
	known := newBarren()
	for {
		one := newBuilder(b.Maker, Options{}, features{turn: 7}, known)
		one.values.prefixes = b.msg.prefixes
		msg, err := one.message(&target{element: el})
		if err == nil {
			return msg.payload
		}
		if !one.learnt {
			return nil
		}
	}
}
