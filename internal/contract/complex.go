package contract

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// attributeSet is a list of attribute uses with a wildcard.
type attributeSet struct {
	uses       []*Attribute
	at         map[Name]int // made when one is added
	prohibited []Name
	wildcard   *Wildcard
}

// add adds a use, in the place of one of that name.
func (a *attributeSet) add(use *Attribute) {
	if a.at == nil {
		a.at = map[Name]int{}
		for i, have := range a.uses {
			a.at[have.Name] = i
		}
	}
	if i, ok := a.at[use.Name]; ok {
		a.uses[i] = use
		return
	}
	a.at[use.Name] = len(a.uses)
	a.uses = append(a.uses, use)
}

// encoding admits the attributes of an encoding, which say nothing of the
// content and so are not listed.
func (a *attributeSet) encoding() {
	if a.wildcard == nil {
		a.wildcard = &Wildcard{Not: true, Process: "lax"}
	}
}

func (a *attributeSet) addAll(other *attributeSet) {
	for _, use := range other.uses {
		a.add(use)
	}
	a.wildcard = a.wildcard.intersection(other.wildcard)
}

// fillComplex completes a complex type (XSD 1.0 part 1 §3.4.2).
func (b *builder) fillComplex(t *Type, s *schema, n document.Node) {
	t.Mixed, t.Abstract, t.Block = boolean(attr(n, "mixed")), boolean(attr(n, "abstract")), blocked(s, n)
	t.method = ByRestriction
	for c := range elements(n) {
		switch c.Name() {
		case xsdName("simpleContent"):
			b.derive(t, s, c, b.simpleContent)
			return
		case xsdName("complexContent"):
			if v, ok := c.Attr(Name{Local: "mixed"}); ok {
				t.Mixed = boolean(v)
			}
			b.derive(t, s, c, b.complexContent)
			return
		}
	}
	t.Base = b.anyType
	t.Content = b.content(s, n)
	if isEncoding(t.Name.Space) && t.Name.Local == "Array" {
		b.plainArray(t)
	}
	t.attributes(b.attributeUses(s, n))
}

// derive finds the extension or restriction below n and applies it.
func (b *builder) derive(t *Type, s *schema, n document.Node, apply func(*Type, *schema, document.Node)) {
	for c := range elements(n) {
		if c.Name() != xsdName("extension") && c.Name() != xsdName("restriction") {
			continue
		}
		if c.Name().Local == "extension" {
			t.method = ByExtension
		}
		name, _ := b.qname(s, c, "base")
		t.Base = b.base(t, s, c, name)
		apply(t, s, c)
		b.inheritAttributes(t, s, c)
		return
	}
	t.Base = b.anyType
}

func (b *builder) simpleContent(t *Type, s *schema, n document.Node) {
	base := t.Base.Simple
	if base == nil {
		base = b.anySimple()
	}
	if n.Name().Local == "extension" {
		t.Simple = base
		return
	}
	if inner := n.Child(xsdName("simpleType")); inner.Exists() {
		it := b.allocate(s, inner)
		b.fill(it)
		base = it.Simple
	}
	t.Simple = b.restrict(base, s, n)
}

func (b *builder) complexContent(t *Type, s *schema, n document.Node) {
	own := b.content(s, n)
	if n.Name().Local == "restriction" {
		t.Content = own
		if t.Base.Array != nil {
			t.Array = b.array(t, s, n)
		}
		return
	}
	t.Mixed = t.Mixed || t.Base.Mixed && t.Base != b.anyType
	t.Simple = t.Base.Simple
	switch base := t.Base.Content; {
	case base == nil || t.Base == b.anyType:
		t.Content = own
	case own == nil:
		t.Content = base
	default:
		t.Content = &Particle{Kind: Sequence, Min: 1, Max: 1, Particles: []*Particle{base, own}}
	}
}

// array describes the SOAP array that t is, from its restriction in normal form.
func (b *builder) array(t *Type, s *schema, n document.Node) *Array {
	item := firstElement(t.Content)
	if item == nil {
		return t.Base.Array
	}
	of, declared := parseArrayType(s, n)
	if !declared {
		of = arrayType{item.Type.Name, []int{1}}
	}
	out := &Array{Item: item, Of: of.of, Dimensions: of.dimensions()}
	if inner, nested := of.item(); nested {
		out.Ranks = ranksText(inner.ranks)
	}
	return out
}

// plainArray gives soapenc:Array itself a member to go by.
func (b *builder) plainArray(t *Type) {
	item := &Element{Name: Name{Local: "item"}, Type: b.anyType, Nillable: true, Position: t.Position}
	t.Content = &Particle{Kind: Sequence, Min: 1, Max: 1,
		Particles: []*Particle{{Kind: ElementParticle, Min: 0, Max: Unbounded, Element: item}}}
	t.Array = &Array{Item: item, Of: plainArray.of, Dimensions: 1}
}

func firstElement(p *Particle) *Element {
	for p != nil && len(p.Particles) > 0 {
		p = p.Particles[0]
	}
	if p == nil {
		return nil
	}
	return p.Element
}

// inheritAttributes merges the base's attributes with those declared at n.
func (b *builder) inheritAttributes(t *Type, s *schema, n document.Node) {
	set, own := &attributeSet{}, b.attributeUses(s, n)
	if t.Base != b.anyType && b.spend(len(t.Base.Attributes)) {
		set.uses = slices.Clone(t.Base.Attributes)
	}
	if n.Name().Local == "restriction" {
		set.uses = slices.DeleteFunc(set.uses, func(a *Attribute) bool { return slices.Contains(own.prohibited, a.Name) })
	} else if t.Base != b.anyType {
		own.wildcard = own.wildcard.union(t.Base.Wildcard)
	}
	set.addAll(own)
	t.attributes(set)
}

func (t *Type) attributes(set *attributeSet) {
	t.Attributes, t.AnyAttr, t.Wildcard = set.uses, set.wildcard != nil, set.wildcard
}

// attributeUses reads the attributes, groups and wildcard directly below n.
func (b *builder) attributeUses(s *schema, n document.Node) *attributeSet {
	set := &attributeSet{}
	for c := range elements(n) {
		switch c.Name() {
		case xsdName("attribute"):
			b.attributeUse(set, s, c)
		case xsdName("attributeGroup"):
			b.attributeGroup(set, s, c)
		case xsdName("anyAttribute"):
			set.wildcard = set.wildcard.intersection(wildcard(s, c))
		}
	}
	return set
}

func (b *builder) attributeUse(set *attributeSet, s *schema, n document.Node) {
	a := &Attribute{Doc: documentation(n), Position: b.at(s, n), Required: attr(n, "use") == "required",
		Default: optional(n, "default"), Fixed: optional(n, "fixed")}
	if ref, ok := b.qname(s, n, "ref"); ok {
		if isEncoding(ref.Space) {
			set.encoding()
			return
		}
		if !b.attributeRef(a, s, n, ref) {
			return
		}
	} else {
		a.Name = Name{Space: s.namespace, Local: attr(n, "name")}
		if !qualified(n, s.qualifiedAttributes) {
			a.Name.Space = ""
		}
		a.Type = b.attributeType(s, n)
	}
	if attr(n, "use") == "prohibited" {
		set.prohibited = append(set.prohibited, a.Name)
		return
	}
	set.add(a)
}

// attributeRef completes a use from the global attribute it refers to.
func (b *builder) attributeRef(a *Attribute, s *schema, n document.Node, ref Name) bool {
	a.Name, a.Type = ref, b.anySimple()
	src, ok := b.attributeNodes[ref]
	if !ok {
		b.undeclared(s, n, "attribute", ref)
		return true
	}
	a.Type = b.attributeType(src.in, src.node)
	if a.Default == nil && a.Fixed == nil {
		a.Default, a.Fixed = optional(src.node, "default"), optional(src.node, "fixed")
	}
	if a.Doc == "" {
		a.Doc = documentation(src.node)
	}
	return true
}

func (b *builder) attributeType(s *schema, n document.Node) *Simple {
	var t *Type
	if name, ok := b.qname(s, n, "type"); ok {
		t = b.reference(s, n, name)
	} else if inner := n.Child(xsdName("simpleType")); inner.Exists() {
		t = b.allocate(s, inner)
	}
	if t == nil || t.filled == filling {
		return b.anySimple()
	}
	b.fill(t)
	if t.Simple == nil {
		return b.anySimple()
	}
	return t.Simple
}

func (b *builder) attributeGroup(set *attributeSet, s *schema, n document.Node) {
	ref, _ := b.qname(s, n, "ref")
	if isEncoding(ref.Space) {
		set.encoding()
		return
	}
	group, built := b.attributeGroups[ref]
	if !built {
		src, ok := b.attributeGroupNodes[ref]
		if !ok {
			b.undeclared(s, n, "attribute group", ref)
			return
		}
		b.attributeGroups[ref] = nil
		group = b.attributeUses(src.in, src.node)
		b.attributeGroups[ref] = group
	}
	if group != nil { // nil: the group refers to itself
		set.addAll(group)
	}
}

// content returns the particle below n, or nil.
func (b *builder) content(s *schema, n document.Node) *Particle {
	for c := range elements(n) {
		if p := b.particle(s, c); p != nil {
			if p.Kind != ElementParticle && p.Kind != AnyParticle && len(p.Particles) == 0 {
				return nil
			}
			return p
		}
	}
	return nil
}

// particle builds one node of a content model; nil when n is none, or may not
// occur at all.
func (b *builder) particle(s *schema, n document.Node) *Particle {
	if n.Name().Space != nsXSD {
		return nil
	}
	p := &Particle{Min: occurs(n, "minOccurs"), Max: occurs(n, "maxOccurs")}
	if p.Max == 0 {
		return nil
	}
	if p.Min == Unbounded {
		p.Min = 1
	}
	switch n.Name().Local {
	case "element":
		p.Kind, p.Element = ElementParticle, b.localElement(s, n)
	case "any":
		p.Kind, p.Any = AnyParticle, wildcard(s, n)
	case "group":
		return b.groupRef(p, s, n)
	case "sequence", "choice", "all":
		p.Kind = map[string]ParticleKind{"sequence": Sequence, "choice": Choice, "all": All}[n.Name().Local]
		for c := range elements(n) {
			if q := b.particle(s, c); q != nil {
				p.Particles = append(p.Particles, q)
			}
		}
	default:
		return nil
	}
	return p
}

func (b *builder) localElement(s *schema, n document.Node) *Element {
	if ref, ok := b.qname(s, n, "ref"); ok {
		if e := b.element(ref); e != nil {
			return e
		}
		b.undeclared(s, n, "element", ref)
		return &Element{Name: ref, Type: b.anyType, Position: b.at(s, n)}
	}
	e := &Element{Name: Name{Space: s.namespace, Local: attr(n, "name")}}
	if !qualified(n, s.qualifiedElements) {
		e.Name.Space = ""
	}
	b.declare(e, s, n)
	return e
}

// groupRef shares the content of a named group; its own occurrence counts.
func (b *builder) groupRef(p *Particle, s *schema, n document.Node) *Particle {
	ref, _ := b.qname(s, n, "ref")
	group, built := b.groups[ref]
	if !built {
		src, ok := b.groupNodes[ref]
		if !ok {
			b.undeclared(s, n, "group", ref)
			return nil
		}
		b.groups[ref] = nil
		group = b.content(src.in, src.node)
		b.groups[ref] = group
	}
	if group == nil { // empty, or it refers to itself
		return nil
	}
	p.Kind, p.Particles = group.Kind, group.Particles
	return p
}

func qualified(n document.Node, byDefault bool) bool {
	if form, ok := n.Attr(Name{Local: "form"}); ok {
		return form == "qualified"
	}
	return byDefault
}

func occurs(n document.Node, local string) int {
	v := strings.TrimSpace(attr(n, local))
	if v == "" {
		return 1
	}
	if v == "unbounded" {
		return Unbounded
	}
	i, err := strconv.Atoi(v)
	if err != nil || i < 0 {
		return 1
	}
	return min(i, math.MaxInt32)
}

func wildcard(s *schema, n document.Node) *Wildcard {
	w := &Wildcard{Process: attr(n, "processContents")}
	if w.Process == "" {
		w.Process = "strict"
	}
	list := strings.Fields(attr(n, "namespace"))
	switch {
	case len(list) == 0 || list[0] == "##any":
		w.Not = true
		return w
	case list[0] == "##other":
		w.Not, w.Namespaces = true, []string{s.namespace, ""}
		return w
	}
	for _, one := range list {
		switch one {
		case "##targetNamespace":
			one = s.namespace
		case "##local":
			one = ""
		}
		w.Namespaces = append(w.Namespaces, one)
	}
	return w
}
