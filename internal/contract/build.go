package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// model is the type model of all schemas of a contract.
type model struct {
	elements   map[Name]*Element
	attributes map[Name]*Attribute
	types      map[Name]*Type
	// wrappers are the elements that are synthesised.
	wrappers map[*Element]*wrapper
	// wellKnown are the pages of the catalogue in use, by namespace.
	wellKnown map[string]*page
	// oversized says which content model is too large to compile, if one is.
	oversized string
}

// global is a global schema component that is not built yet.
type global struct {
	node document.Node
	in   *schema
}

// fillState is how far a type definition is built.
type fillState uint8

const (
	untouched fillState = iota
	filling
	complete
)

// builder makes a model. Types are allocated when they are first named and
// filled from a queue, so that recursion needs no stack; only a derivation
// fills its base first.
type builder struct {
	*model
	l *loader

	elementNodes, typeNodes, groupNodes, attributeNodes, attributeGroupNodes map[Name]global

	groups          map[Name]*Particle // nil while being built
	attributeGroups map[Name]*attributeSet
	heads           map[*Element]*Element // element → the head it substitutes
	sources         map[*Type]global
	queue           []*Type
	inherited       int             // see spend
	said            map[string]bool // what is noted to be undeclared
	anyType         *Type
}

// undeclared notes a reference to nothing, once for each name.
func (b *builder) undeclared(s *schema, n document.Node, kind string, name Name) {
	if key := kind + " " + name.String(); !b.said[key] {
		b.said[key] = true
		if b.l.unsound = true; kind == "type" {
			b.l.absent[name] = true
		}
		b.l.note(b.at(s, n), "%s %q is not declared by any schema of the contract", kind, name)
	}
}

func buildModel(l *loader) *model {
	b := &builder{
		model: &model{elements: map[Name]*Element{}, attributes: map[Name]*Attribute{}, types: map[Name]*Type{}, wrappers: map[*Element]*wrapper{}, wellKnown: map[string]*page{}},
		l:     l, groups: map[Name]*Particle{}, attributeGroups: map[Name]*attributeSet{},
		heads: map[*Element]*Element{}, sources: map[*Type]global{},
		elementNodes: map[Name]global{}, typeNodes: map[Name]global{}, groupNodes: map[Name]global{},
		attributeNodes: map[Name]global{}, attributeGroupNodes: map[Name]global{},
		said: map[string]bool{},
	}
	b.anyType = builtinTypes(b.types)
	for _, s := range l.schemas {
		b.index(s)
	}
	for _, name := range sortedNames(b.typeNodes) {
		b.typeNamed(name)
	}
	for _, name := range sortedNames(b.elementNodes) {
		b.element(name)
	}
	b.drain()
	b.relate()
	l.types = b.types
	return b.model
}

func sortedNames(m map[Name]global) []Name {
	return slices.SortedFunc(maps.Keys(m), compareNames)
}

func compareNames(a, b Name) int {
	if c := strings.Compare(a.Space, b.Space); c != 0 {
		return c
	}
	return strings.Compare(a.Local, b.Local)
}

// index registers the global components of a schema. A component declared twice
// (many vendors repeat a schema in several files) is taken from the first.
func (b *builder) index(s *schema) {
	for n := range elements(s.node) {
		into := b.tableOf(n.Name())
		if into == nil {
			continue
		}
		name := Name{Space: s.namespace, Local: attr(n, "name")}
		if first, twice := into[name]; twice {
			if !sameSource(first.node, n) {
				b.l.note(b.at(s, n), "%s %q is declared twice; the one at %s counts", n.Name().Local, name.Local, b.at(first.in, first.node))
			}
			if first.in != s {
				b.l.duplicates[s] = append(b.l.duplicates[s], n)
			} else {
				b.l.repeated[s] = append(b.l.repeated[s], n)
			}
			continue
		}
		into[name] = global{n, s}
	}
}

func (b *builder) tableOf(name Name) map[Name]global {
	if name.Space != nsXSD {
		return nil
	}
	switch name.Local {
	case "element":
		return b.elementNodes
	case "complexType", "simpleType":
		return b.typeNodes
	case "group":
		return b.groupNodes
	case "attribute":
		return b.attributeNodes
	case "attributeGroup":
		return b.attributeGroupNodes
	}
	return nil
}

func sameSource(a, b document.Node) bool {
	return string(document.AppendCanonical(nil, a)) == string(document.AppendCanonical(nil, b))
}

func (b *builder) at(s *schema, n document.Node) Position { return b.l.at(s.file, n) }

// qname resolves a QName in an attribute of n; ok is false when there is none.
func (b *builder) qname(s *schema, n document.Node, local string) (Name, bool) {
	v, ok := n.Attr(Name{Local: local})
	if !ok {
		return Name{}, false
	}
	name := b.expand(s, n, v)
	if own := (Name{Space: s.namespace, Local: name.Local}); name != own && (name.Space == "" || name.Space == nsXSD) && b.meansOwn(n, v, local, name, own) {
		b.l.unsound = true
		b.l.note(b.at(s, n), "%s %q is not declared; %q is taken", local, name, own)
		b.l.misnamed[s] = append(b.l.misnamed[s], reference{n, local})
		return own, true
	}
	return name, true
}

// meansOwn reports whether a name without a prefix is not declared where that
// leads, but in the schema's own namespace.
func (b *builder) meansOwn(n document.Node, qname, attribute string, name, own Name) bool {
	if prefix, _ := document.SplitQName(trim(qname)); prefix != "" {
		return false
	}
	table := b.typeNodes
	switch attribute {
	case "ref":
		table = b.tableOf(n.Name())
	case "substitutionGroup":
		table = b.elementNodes
	}
	_, there := table[name]
	_, here := table[own]
	return here && !there && (attribute == "ref" || b.types[name] == nil)
}

func (b *builder) expand(s *schema, n document.Node, qname string) Name {
	name, ok := s.expand(n, qname)
	if !ok {
		prefix, _ := document.SplitQName(trim(qname))
		b.l.unsound = true
		b.l.note(b.at(s, n), "prefix %q is not declared", prefix)
	}
	return name
}

// drain fills the types that were named until none is left.
func (b *builder) drain() {
	for len(b.queue) > 0 {
		t := b.queue[len(b.queue)-1]
		b.queue = b.queue[:len(b.queue)-1]
		b.fill(t)
	}
}

// typeNamed returns the type of that name, allocated if need be, or nil.
func (b *builder) typeNamed(name Name) *Type {
	if t := b.types[name]; t != nil {
		return t
	}
	src, ok := b.typeNodes[name]
	if !ok {
		return nil
	}
	t := b.allocate(src.in, src.node)
	t.Name = name
	b.types[name] = t
	return t
}

// allocate makes a type that the queue will fill.
func (b *builder) allocate(s *schema, n document.Node) *Type {
	t := &Type{Doc: documentation(n), Position: b.at(s, n)}
	b.sources[t] = global{n, s}
	b.queue = append(b.queue, t)
	return t
}

// reference resolves a type by name; what does not resolve becomes xs:anyType
// and a note.
func (b *builder) reference(s *schema, n document.Node, name Name) *Type {
	if t := b.typeNamed(name); t != nil {
		return t
	}
	b.undeclared(s, n, "type", name)
	return b.anyType
}

// fill completes a type. A type that is derived from itself is cut.
func (b *builder) fill(t *Type) {
	if t.filled != untouched {
		return
	}
	t.filled = filling
	src := b.sources[t]
	if src.node.Name().Local == "simpleType" {
		b.fillSimple(t, src.in, src.node)
	} else {
		b.fillComplex(t, src.in, src.node)
	}
	t.filled = complete
}

// base fills the type that t is derived from and returns it.
func (b *builder) base(t *Type, s *schema, n document.Node, name Name) *Type {
	base := b.reference(s, n, name)
	if base.filled == filling {
		b.l.unsound = true
		b.l.note(b.at(s, n), "type %q is derived from itself", name)
		return b.anyType
	}
	b.fill(base)
	return base
}

// element returns the global element of that name, or nil.
func (b *builder) element(name Name) *Element {
	if e := b.elements[name]; e != nil {
		return e
	}
	src, ok := b.elementNodes[name]
	if !ok {
		return nil
	}
	e := &Element{Name: name}
	b.elements[name] = e
	b.declare(e, src.in, src.node)
	return e
}

// declare fills an element declaration from its node.
func (b *builder) declare(e *Element, s *schema, n document.Node) {
	e.Doc, e.Position = documentation(n), b.at(s, n)
	e.Nillable, e.Abstract = boolean(attr(n, "nillable")), boolean(attr(n, "abstract"))
	e.Default, e.Fixed = optional(n, "default"), optional(n, "fixed")
	e.Block, e.Constraints = blocked(s, n), b.constraints(s, n)
	if head, ok := b.qname(s, n, "substitutionGroup"); ok {
		b.substitute(e, s, n, head)
	}
	e.Type = b.elementType(e, s, n)
}

func (b *builder) substitute(e *Element, s *schema, n document.Node, head Name) {
	h := b.element(head)
	if h == nil {
		b.undeclared(s, n, "substitution group", head)
		return
	}
	b.heads[e] = h
}

func (b *builder) elementType(e *Element, s *schema, n document.Node) *Type {
	if name, ok := b.qname(s, n, "type"); ok {
		return b.reference(s, n, name)
	}
	for c := range elements(n) {
		if c.Name() == xsdName("complexType") || c.Name() == xsdName("simpleType") {
			return b.allocate(s, c)
		}
	}
	if h := b.heads[e]; h != nil && h.Type != nil {
		return h.Type
	}
	return b.anyType
}

// relate fills what needs all types: substitutes, derived types, flat children.
func (b *builder) relate() {
	b.relateElements()
	b.relateTypes()
	flat := newFlattener(b.spend)
	for t := range b.sources {
		t.children = flat.of(t.Content)
	}
	if b.oversized == "" {
		b.oversized = b.measure()
	}
}

// maxInherited bounds what types take over from one another, in entries: lists
// of children, attributes, patterns, derived types and substitutes grow with
// the square of a chain's length.
const maxInherited = 1 << 21

// spend takes n from what may be inherited, and reports whether it was there.
func (b *builder) spend(n int) bool {
	b.inherited += n
	if b.inherited > maxInherited {
		b.oversized = fmt.Sprintf("what the types inherit comes to more than %d children, attributes and the like", maxInherited)
		return false
	}
	return true
}

// maxParticles bounds what all content models come to with their groups and
// bases written out, which is what the engine does with them, without a bound
// of its own. The largest contract seen has some ten thousand.
const maxParticles = 1 << 20

// measure returns why the content models are too large, or "".
func (b *builder) measure() string {
	sizes := map[*Particle]int{}
	total, largest := 0, 0
	var worst *Type
	for t := range b.sources {
		n := expanded(t.Content, sizes)
		if total = min(total+n, maxParticles+1); n > largest {
			worst, largest = t, n
		}
	}
	if total <= maxParticles {
		return b.measureGroups()
	}
	return fmt.Sprintf("%s: the content models come to more than %d particles with their groups written out, most of them here", worst.Position, maxParticles)
}

// measureGroups does so for the groups as they are written: what holds no element
// in the end has left the model, and the compiler writes it out all the same.
func (b *builder) measureGroups() string {
	sizes := map[Name]int{}
	for _, name := range sortedNames(b.groupNodes) {
		if b.written(name, sizes) > maxParticles {
			g := b.groupNodes[name]
			return fmt.Sprintf("%s: group %s comes to more than %d particles with its groups written out", b.at(g.in, g.node), name.Local, maxParticles)
		}
	}
	return ""
}

// written counts the particles of a named group, those of groups in it each time.
func (b *builder) written(name Name, sizes map[Name]int) int {
	if n, known := sizes[name]; known {
		return n
	}
	sizes[name] = 0 // also for a group that refers to itself
	g, ok := b.groupNodes[name]
	if !ok {
		return 0
	}
	sizes[name] = b.particlesIn(g.in, g.node, sizes)
	return sizes[name]
}

func (b *builder) particlesIn(s *schema, n document.Node, sizes map[Name]int) int {
	total := 0
	for c := range elements(n) {
		switch c.Name() {
		case xsdName("group"):
			ref, _ := b.qname(s, c, "ref")
			total += b.written(ref, sizes)
		case xsdName("sequence"), xsdName("choice"), xsdName("all"):
			total += b.particlesIn(s, c, sizes)
		}
		total = min(total+1, maxParticles+1)
	}
	return total
}

// expanded counts the particles of p, those that groups share each time.
func expanded(p *Particle, sizes map[*Particle]int) int {
	if p == nil {
		return 0
	}
	if n, done := sizes[p]; done {
		return n
	}
	n := 1
	for _, q := range p.Particles {
		n = min(n+expanded(q, sizes), maxParticles+1)
	}
	sizes[p] = n
	return n
}

func (b *builder) sortedElements() []*Element {
	out := slices.Collect(maps.Values(b.elements))
	slices.SortFunc(out, func(x, y *Element) int { return compareNames(x.Name, y.Name) })
	return out
}

func boolean(v string) bool { v = strings.TrimSpace(v); return v == "true" || v == "1" }

func optional(n document.Node, local string) *string {
	if v, ok := n.Attr(Name{Local: local}); ok {
		return &v
	}
	return nil
}
