package sample

import (
	"math/rand/v2"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/pattern"
)

// The bounds of one message: past soft it gets only what it must have, past hard
// there is none.
const (
	softSize  = 1_000
	hardSize  = 50_000
	hardSteps = 1_000_000 // particles gone through
	softDepth = 16
)

// builder makes the tree of one message.
type builder struct {
	*Maker
	o       Options
	f       features
	rand    *rand.Rand // nil unless the mode is Random
	costs   *costs
	barren  *barren
	learnt  bool // something became barren: another attempt may do without
	values  *valuer
	open    map[*contract.Type]int // complex types around
	filled  map[*contract.Type]bool
	seen    map[any]int          // how often a declaration has been given a value
	choices []*contract.Particle // met so far, in order
	size    int
	steps   int
	lean    int // more than zero: only what must be there
	depth   int
	repeats int
	target  *contract.Element
}

func newBuilder(m *Maker, o Options, f features, known *barren) *builder {
	b := &builder{Maker: m, o: o, f: f, barren: known, open: map[*contract.Type]int{}, filled: map[*contract.Type]bool{}, seen: map[any]int{}}
	b.values = &valuer{prefixes: newPrefixes(), odd: f.odd, turn: int(f.turn), ids: map[string]bool{},
		languages: map[*contract.Simple]*pattern.Language{}}
	if o.Mode == Random {
		b.rand = rand.New(rand.NewPCG(o.Seed, f.turn))
		b.values.rand = b.rand
	}
	return b
}

// message makes header blocks and payload.
func (b *builder) message(t *target) (*Message, error) {
	msg := &Message{kind: t.kind, element: t.element, prefixes: b.values.prefixes}
	roots := append([]*contract.Element{}, t.headers...)
	if t.element != nil {
		roots = append(roots, t.element)
		b.target = t.element
		b.values.name = t.element.Name
	}
	b.costs = newCosts(b.barren, b.globals, roots...)
	for i, el := range roots {
		if n := b.costs.element(el); n >= never {
			return nil, b.costs.why(el)
		} else if n > hardSize {
			return nil, &Impossible{Path: "/" + el.Name.Local, Reason: "the smallest instance has too many elements"}
		}
		n, err := b.element(&node{}, el, i == len(roots)-1 && t.element != nil)
		if err != nil {
			return nil, err
		}
		n.parent = nil
		if i < len(t.headers) {
			msg.headers = append(msg.headers, n)
		} else {
			msg.payload, n.gathers = n, t.gathered
		}
	}
	msg.choices = b.choices
	return msg, b.connect(msg)
}

// connect gives every xs:IDREF an xs:ID of the message to refer to.
func (b *builder) connect(msg *Message) error {
	k := 0
	replace := func(v string) string {
		for strings.Contains(v, openReference) {
			v = strings.Replace(v, openReference, b.values.idList[k%len(b.values.idList)], 1)
			k++
		}
		return v
	}
	if !b.values.refers {
		return nil
	}
	if len(b.values.idList) == 0 {
		b.barren.noIDs, b.learnt = true, true
		return &Impossible{Path: "/" + b.target.Name.Local, Reason: noIDReason}
	}
	for _, root := range msg.roots() {
		root.walk(func(n *node) {
			n.text = replace(n.text)
			for i := range n.attrs {
				n.attrs[i].value = replace(n.attrs[i].value)
			}
		})
	}
	return nil
}

func (b *builder) full() bool   { return b.o.Mode == Full && b.lean == 0 }
func (b *builder) random() bool { return b.o.Mode == Random && b.lean == 0 }

// chance is true once in n times, by the seed.
func (b *builder) chance(n int) bool { return b.random() && b.rand.IntN(n) == 0 }

// impossible reports what cannot be made at a node.
func impossible(n *node, suffix, reason string) *Impossible {
	path := n.name.Local + suffix
	for p := n.parent; p != nil && p.name.Local != ""; p = p.parent {
		path = p.name.Local + "/" + path
	}
	return &Impossible{Path: "/" + path, Reason: reason}
}

// element makes one element below parent: the one declared or, unless it must
// be that, one that may stand for it.
func (b *builder) element(parent *node, el *contract.Element, itself bool) (*node, error) {
	n := &node{parent: parent}
	if b.size++; b.size > hardSize {
		n.name = el.Name
		return nil, impossible(n, "", "the message has too many elements")
	}
	el = b.standIn(el, itself)
	n.name, n.decl = el.Name, el
	t := b.typeOf(el)
	n.typ = t
	if t != el.Type {
		n.attrs = append(n.attrs, attribute{name: contract.Name{Space: nsXSI, Local: "type"}, value: b.values.prefixes.qname(t.Name)})
		n.needs = append(n.needs, t.Name.Space)
	}
	defer b.enter(t)()
	if b.nil(el, t) {
		n.attrs = append(n.attrs, attribute{name: contract.Name{Space: nsXSI, Local: "nil"}, value: "true"})
		return n, b.attributes(n, t)
	}
	if err := b.attributes(n, t); err != nil {
		return nil, err
	}
	return n, b.content(n, el, t)
}

// enter counts what is around; what it returns leaves again. Within a type that
// is in itself already, or past the soft bounds, only what must be there is made.
func (b *builder) enter(t *contract.Type) func() {
	lean := b.size > softSize || b.depth >= softDepth || t.Content != nil && b.open[t] > 0 && !anyType(t) || b.f.once && b.filled[t]
	if lean {
		b.lean++
	}
	if b.lean == 0 && t.Content != nil {
		b.filled[t] = true
	}
	b.open[t]++
	b.depth++
	return func() {
		b.depth--
		b.open[t]--
		if lean {
			b.lean--
		}
	}
}

func anyType(t *contract.Type) bool { return t.Name == contract.Name{Space: nsXSD, Local: "anyType"} }

// standIn picks what stands for an element.
func (b *builder) standIn(el *contract.Element, itself bool) *contract.Element {
	if itself && b.costs.elements[el] < never {
		return el
	}
	var fit []*contract.Element
	if b.costs.elements[el] < never {
		fit = append(fit, el)
	}
	for _, other := range el.Substitutes {
		if b.costs.elements[other] < never {
			fit = append(fit, other)
		}
	}
	switch {
	case b.random() && b.f.substitutes && len(fit) > 1 && b.rand.IntN(2) == 0:
		return fit[b.rand.IntN(len(fit))]
	case fit[0] == el:
		return el
	}
	return b.cheapest(fit)
}

func (b *builder) cheapest(fit []*contract.Element) *contract.Element {
	best := fit[0]
	for _, other := range fit[1:] {
		if b.costs.elements[other] < b.costs.elements[best] {
			best = other
		}
	}
	return best
}

// typeOf picks the type, which xsi:type names where it is not the declared one.
func (b *builder) typeOf(el *contract.Element) *contract.Type {
	t := el.Type
	if !t.Abstract && (!b.random() || !b.f.derived || !b.chance(3)) {
		return t
	}
	var fit []*contract.Type
	for _, d := range t.Derived {
		if !d.Abstract && b.costs.types[d] < never && el.Fixed == nil && el.Default == nil {
			fit = append(fit, d)
		}
	}
	switch {
	case len(fit) == 0:
		return t
	case b.random():
		return fit[b.rand.IntN(len(fit))]
	}
	best := fit[0]
	for _, d := range fit[1:] {
		if b.costs.types[d] < b.costs.types[best] {
			best = d
		}
	}
	return best
}

// nil decides whether the element is written as nil: by chance, or because that
// is the only way in which it ends.
func (b *builder) nil(el *contract.Element, t *contract.Type) bool {
	if !el.Nillable || el.Fixed != nil {
		return false
	}
	return b.costs.types[t] >= never || b.chance(6)
}

// attributes gives the element those it must have, or may.
func (b *builder) attributes(n *node, t *contract.Type) error {
	for _, a := range t.Attributes {
		if !a.Required && (b.barren.reason(a.Type) != "" || !b.full() && !b.chance(2)) {
			continue
		}
		v, err := b.value(n, a.Type, a, hint{name: a.Name.Local, doc: a.Doc, fixed: a.Fixed, byDefault: a.Default})
		if err != nil {
			return err
		}
		n.attrs = append(n.attrs, attribute{a.Name, v, a})
	}
	return nil
}

// value makes a value for a declaration. A type without one is remembered.
func (b *builder) value(n *node, s *contract.Simple, decl any, h hint) (string, error) {
	h.index = b.seen[decl]
	b.seen[decl]++
	h.lean = b.o.Mode == Minimal
	v, err := b.values.value(s, h)
	n.needs = append(n.needs, b.values.takeNeeds()...)
	if err == nil {
		return v, nil
	}
	suffix := ""
	if _, isAttribute := decl.(*contract.Attribute); isAttribute {
		suffix = "/@" + h.name
	}
	if _, known := b.barren.simple[s]; !known && h.fixed == nil {
		b.barren.simple[s], b.learnt = err.Error(), true
	}
	return "", impossible(n, suffix, err.Error())
}

// content makes what stands between the tags.
func (b *builder) content(n *node, el *contract.Element, t *contract.Type) error {
	switch {
	case anyType(t):
		return b.anything(n)
	case t.Simple != nil:
		if (el.Default != nil || el.Fixed != nil) && b.chance(5) {
			return nil // an empty element has the value declared (XSD 1.0 part 1 §3.3.1)
		}
		v, err := b.value(n, t.Simple, el, hint{name: el.Name.Local, doc: el.Doc, fixed: el.Fixed, byDefault: el.Default})
		n.text = v
		return err
	case t.Mixed && el.Fixed != nil:
		n.text = *el.Fixed
		return nil
	case t.Content == nil:
		return nil
	case t.Mixed && !b.o.Declared && b.chance(3):
		n.text = "text "
	}
	return b.particle(n, t.Content)
}

// anything fills an element of xs:anyType.
func (b *builder) anything(n *node) error {
	if b.o.Mode == Minimal || !b.f.wild || b.lean > 0 {
		return nil
	}
	if b.chance(2) {
		local := []string{"string", "int", "boolean", "dateTime", "decimal"}[b.rand.IntN(5)]
		t := b.contract.Type(contract.Name{Space: nsXSD, Local: local})
		v, err := b.values.value(t.Simple, hint{name: n.name.Local})
		n.typ, n.text = t, v
		n.attrs = append(n.attrs, attribute{name: contract.Name{Space: nsXSI, Local: "type"}, value: "xs:" + local})
		n.needs = append(n.needs, nsXSD)
		return err
	}
	n.text = "anything"
	return nil
}
