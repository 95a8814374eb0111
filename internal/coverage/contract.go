package coverage

import (
	"path"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

// Branches notes which branches of a message's contract occur: what may be
// absent there and absent, what may repeat more than once, what may be nil, each
// value of an enumeration. A declaration counts once, wherever its type is used.
// It serves one goroutine.
type Branches struct {
	root   *contract.Element
	dir    string // of the contract's files
	points []*point
	known  map[use]*point
	types  map[*contract.Type]bool
}

// use is a declaration in its type: an element, an attribute, or with both nil
// the values of a simple type.
type use struct {
	of        *contract.Type
	element   *contract.Element
	attribute *contract.Attribute
}

// point is one use with what can happen to it, and what did.
type point struct {
	name, at string
	optional bool
	repeats  bool
	nillable bool
	values   []string

	there, missing, several, null bool
	had                           map[string]bool
}

// NewBranches returns the branches of an operation's input, none touched yet.
func NewBranches(c *contract.Contract, op *contract.Operation) *Branches {
	b := &Branches{root: op.Input.Element, dir: path.Dir(c.Path), known: map[use]*point{}, types: map[*contract.Type]bool{}}
	b.declare(use{element: b.root}, b.root, &point{name: b.root.Name.Local})
	b.walk(b.root.Name.Local, b.root.Type)
	return b
}

// walk lists the branches below a type, once. It keeps its own stack: contracts
// may be deep.
func (b *Branches) walk(name string, t *contract.Type) {
	type pending struct {
		name string
		t    *contract.Type
	}
	waiting := []pending{{name, t}}
	for len(waiting) > 0 {
		next := waiting[0]
		waiting = waiting[1:]
		if next.t == nil || b.types[next.t] {
			continue
		}
		b.types[next.t] = true
		for _, a := range next.t.Attributes {
			b.attribute(next.name, next.t, a)
		}
		for _, c := range next.t.Children() {
			own := next.name + "/" + c.Element.Name.Local
			b.declare(use{next.t, c.Element, nil}, c.Element, &point{name: own, optional: c.Min == 0,
				repeats: c.Max == contract.Unbounded || c.Max > 1})
			waiting = append(waiting, pending{own, c.Element.Type})
		}
		for _, d := range next.t.Derived {
			waiting = append(waiting, pending{next.name, d})
		}
	}
}

func (b *Branches) declare(u use, el *contract.Element, p *point) {
	p.at, p.nillable = b.place(el.Position), el.Nillable
	if el.Type != nil && el.Type.Simple != nil && el.Fixed == nil {
		p.values = el.Type.Simple.Enumeration
	}
	b.add(u, p)
}

func (b *Branches) attribute(name string, t *contract.Type, a *contract.Attribute) {
	p := &point{name: name + "/@" + a.Name.Local, at: b.place(a.Position), optional: !a.Required}
	if a.Type != nil && a.Fixed == nil {
		p.values = a.Type.Enumeration
	}
	b.add(use{of: t, attribute: a}, p)
}

func (b *Branches) add(u use, p *point) {
	if b.known[u] == nil {
		p.had = map[string]bool{}
		b.known[u] = p
		b.points = append(b.points, p)
	}
}

func (b *Branches) place(p contract.Position) string {
	if p.Line == 0 {
		return b.dir
	}
	p.File = path.Join(b.dir, p.File)
	return p.String()
}

// Note takes a valid message: the payload element.
func (b *Branches) Note(payload document.Node) {
	b.element(b.known[use{element: b.root}], payload, b.root.Type)
}

const nsInstance = "http://www.w3.org/2001/XMLSchema-instance"

// element notes an element that is there, and everything below it. Messages are
// as deep as the reader of documents allows.
func (b *Branches) element(p *point, n document.Node, t *contract.Type) {
	if p != nil {
		p.there = true
		p.null = p.null || n.Nil()
		p.value(n.Text())
	}
	t = b.named(n, t)
	if t == nil || n.Nil() {
		return
	}
	for _, a := range t.Attributes {
		value, ok := n.Attr(a.Name)
		b.attributeSeen(b.known[use{of: t, attribute: a}], value, ok)
	}
	count := map[*contract.Element]int{}
	for c := range n.Children() {
		child, ok := t.Child(c.Name())
		if !ok {
			continue // of a wildcard
		}
		declared := child.Element
		if head := headOf(t, declared); head != nil {
			declared = head
		}
		count[declared]++
		b.element(b.known[use{t, declared, nil}], c, child.Element.Type)
	}
	for _, c := range t.Children() {
		q := b.known[use{t, c.Element, nil}]
		if q == nil {
			continue
		}
		q.missing = q.missing || count[c.Element] == 0
		q.several = q.several || count[c.Element] > 1
	}
}

// headOf is the child that a substitute stands for; nil when it stands for itself.
func headOf(t *contract.Type, el *contract.Element) *contract.Element {
	for _, c := range t.Children() {
		if c.Element == el {
			return nil
		}
	}
	for _, c := range t.Children() {
		if slices.Contains(c.Element.Substitutes, el) {
			return c.Element
		}
	}
	return nil
}

// named is the type that xsi:type names in place of the declared one.
func (b *Branches) named(n document.Node, t *contract.Type) *contract.Type {
	if t == nil {
		return nil
	}
	text, ok := n.Attr(document.Name{Space: nsInstance, Local: "type"})
	if !ok {
		return t
	}
	prefix, local := document.SplitQName(strings.TrimSpace(text))
	space, _ := n.NamespaceFor(prefix)
	for _, d := range t.Derived {
		if d.Name == (contract.Name{Space: space, Local: local}) {
			return d
		}
	}
	return t
}

func (b *Branches) attributeSeen(p *point, value string, ok bool) {
	if p == nil {
		return
	}
	p.there, p.missing = p.there || ok, p.missing || !ok
	if ok {
		p.value(value)
	}
}

func (p *point) value(text string) {
	if len(p.values) == 0 {
		return
	}
	p.had[text] = true
	p.had[strings.TrimSpace(text)] = true
}

// Score counts the points.
func (b *Branches) Score() *Score {
	s := &Score{}
	for _, p := range b.points {
		if p.optional {
			s.point(p.there, p.at, "%s is never there", p.name)
			s.point(p.missing, p.at, "%s is never absent", p.name)
		}
		if p.repeats {
			s.point(p.several, p.at, "%s is never there more than once", p.name)
		}
		if p.nillable {
			s.point(p.null, p.at, "%s is never nil", p.name)
		}
		for _, v := range p.values {
			s.point(p.had[v], p.at, "%s is never %s", p.name, v)
		}
	}
	return s
}
