package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// filler makes the fields of one struct from a content model. A group that may
// repeat becomes a slice of items with fields of their own, so that the order of
// what is in it is kept; every other group's elements are the struct's.
type filler struct {
	*planner
	s     *structType
	taken map[string]int // by name: the number that comes next
}

// fill makes the fields of a type, or of an element that has it: selfTyped when
// xsi:type says which type it is, nillable when it may be nil as a whole.
func (p *planner) fill(s *structType, t *contract.Type, selfTyped, nillable bool) {
	f := &filler{p, s, map[string]int{"MarshalXML": 2, "UnmarshalXML": 2}}
	if nillable && !selfTyped {
		f.add("Nil", "bool", ",isnil", "Nil says that the element has no content, but for its attributes.")
	}
	switch {
	case selfTyped && nillable:
		f.add("Content", "XSDNillable["+p.alternativesOf(t).name+"]", ",self,nil", "")
	case selfTyped:
		f.add("Content", p.alternativesOf(t).name, ",self,required", "")
	case isRaw(t):
		f.add("Content", "*XMLElement", ",self,required", "Content is the element as it stands: its type is open.")
	case t.Simple != nil:
		v := p.simple(t.Simple, s.name+"Value")
		f.add("Value", v.goType, ",value"+v.flags(), "")
		f.attributes(t)
	default:
		f.attributes(t)
		if t.Content != nil {
			f.particle(t.Content, false, "")
		}
	}
}

// add appends a field under a name that is free in the struct.
func (f *filler) add(name, goType, tag, doc string) {
	base := name
	for f.taken[name] > 0 {
		name = base + strconv.Itoa(f.taken[base])
		f.taken[base]++
	}
	f.taken[name] = 2
	f.fields++
	f.s.fields = append(f.s.fields, field{name: name, goType: goType, tag: tag, doc: doc})
}

func (f *filler) attributes(t *contract.Type) {
	for _, a := range t.Attributes {
		v := f.simple(a.Type, f.s.name+identifier(a.Name.Local))
		goType, tag := v.goType, a.Name.Local+",attr"+v.flags()
		switch {
		case a.Required && v.slice:
			tag += ",required"
		case !a.Required && !v.slice:
			goType = "*" + goType
		}
		name := identifier(a.Name.Local)
		if f.elementNamed(t, name) {
			name += "Attr"
		}
		f.add(name, goType, tag+inSpace(a.Name), documented(a.Doc, a.Default, a.Fixed))
	}
	if t.AnyAttr {
		f.add("AnyAttr", "[]xml.Attr", ",anyattr", "")
	}
}

func (f *filler) elementNamed(t *contract.Type, name string) bool {
	for _, c := range t.Children() {
		if identifier(c.Element.Name.Local) == name {
			return true
		}
	}
	return false
}

func inSpace(name contract.Name) string {
	if name.Space == "" {
		return ""
	}
	return ",ns=" + name.Space
}

func documented(doc string, byDefault, fixed *string) string {
	switch {
	case fixed != nil:
		doc += fmt.Sprintf(" It is always %q.", *fixed)
	case byDefault != nil:
		doc += fmt.Sprintf(" The default is %q.", *byDefault)
	}
	return strings.TrimSpace(doc)
}

// particle adds the fields of a particle. optional: something around it may be
// left out. choice is the number of the choice that it is an alternative of,
// as the tag has it.
func (f *filler) particle(p *contract.Particle, optional bool, choice string) {
	if p.Max == 0 || f.spent() {
		return
	}
	optional = optional || p.Min == 0
	switch p.Kind {
	case contract.ElementParticle:
		f.elementParticle(p, optional, choice)
		return
	case contract.AnyParticle:
		f.wildcard(p, optional, choice)
		return
	}
	inner := f.present(p.Particles)
	switch {
	case len(inner) == 0:
	case p.Max != 1 && len(inner) == 1 && simplyRepeated(inner[0]):
		q := *inner[0]
		q.Min, q.Max = q.Min*p.Min, contract.Unbounded
		if inner[0].Max == 1 {
			q.Max = p.Max
		}
		f.particle(&q, optional, choice)
	case p.Max != 1:
		f.group(p, choice)
	case p.Kind == contract.Choice && len(inner) > 1:
		f.choice(inner, optional, choice)
	case len(inner) == 1:
		f.particle(inner[0], optional, choice)
	default:
		for _, q := range inner {
			f.particle(q, optional || choice != "", "")
		}
	}
}

// present are the particles that may occur.
func (p *planner) present(particles []*contract.Particle) []*contract.Particle {
	var out []*contract.Particle
	for _, q := range particles {
		if p.inhabited(q) {
			out = append(out, q)
		}
	}
	return out
}

// inhabited reports whether anything may stand where the particle is. Groups
// share particles, so that a walk without memory could take forever.
func (p *planner) inhabited(q *contract.Particle) bool {
	if known, ok := p.known[q]; ok {
		return known
	}
	found := q.Max != 0 && isLeaf(q)
	for _, inner := range q.Particles {
		found = found || q.Max != 0 && p.inhabited(inner)
	}
	p.known[q] = found
	return found
}

func isLeaf(p *contract.Particle) bool {
	return p.Kind == contract.ElementParticle || p.Kind == contract.AnyParticle
}

// spent counts a step and reports whether there were too many.
func (p *planner) spent() bool {
	p.steps++
	return p.fields > maxFields || p.steps > maxSteps
}

// simplyRepeated reports whether a group of p alone repeats as p itself would.
func simplyRepeated(p *contract.Particle) bool {
	return isLeaf(p) && (p.Max == 1 || p.Max == contract.Unbounded)
}

// choice adds the fields of a choice that does not repeat.
func (f *filler) choice(inner []*contract.Particle, optional bool, outer string) {
	tag := outer
	if tag == "" && f.alternativesOfOne(inner) {
		tag = f.newChoice(!optional && f.demanding(inner))
	}
	for _, q := range inner {
		f.particle(q, true, tag)
	}
}

func (p *planner) newChoice(must bool) string {
	p.choices++
	tag := ",choice=" + strconv.Itoa(p.choices)
	if must {
		tag += "!"
	}
	return tag
}

// alternativesOfOne reports whether each alternative of a choice is one field.
func (p *planner) alternativesOfOne(particles []*contract.Particle) bool {
	for _, q := range particles {
		inner := p.present(q.Particles)
		switch {
		case p.spent():
			return false
		case isLeaf(q) || q.Max != 1:
		case q.Kind == contract.Choice && p.alternativesOfOne(inner):
		case len(inner) == 1 && p.alternativesOfOne(inner):
		default:
			return false
		}
	}
	return true
}

// demanding reports whether none of the alternatives may be empty.
func (p *planner) demanding(particles []*contract.Particle) bool {
	for _, q := range particles {
		if p.spent() || q.Min == 0 || !isLeaf(q) && !p.demanding(p.present(q.Particles)) {
			return false
		}
	}
	return true
}

// group adds a slice for a group that may repeat.
func (f *filler) group(p *contract.Particle, choice string) {
	item := &structType{name: f.planner.taken.take(f.s.name + "Item"), item: true,
		doc: "An item of a group of elements that may repeat."}
	f.structs = append(f.structs, item)
	f.add("Items", "[]"+item.name, ",group,many"+choice, "")
	once := *p
	once.Min, once.Max = 1, 1
	f.queue = append(f.queue, func() {
		(&filler{f.planner, item, map[string]int{}}).particle(&once, false, "")
	})
}

func (f *filler) wildcard(p *contract.Particle, optional bool, choice string) {
	tag := ",any" + choice
	if !optional {
		tag += ",required"
	}
	if p.Max == 1 {
		f.add("Any", "*XMLElement", tag, "")
		return
	}
	f.add("Any", "[]*XMLElement", tag+",many", "")
}

// elementParticle adds the field of an element, or of each that may stand for it.
func (f *filler) elementParticle(p *contract.Particle, optional bool, choice string) {
	e := p.Element
	var members []*contract.Element
	for _, m := range append([]*contract.Element{e}, e.Substitutes...) {
		if !m.Abstract {
			members = append(members, m)
		}
	}
	switch {
	case len(members) == 1:
		f.element(members[0], p, optional, choice)
	case len(members) > 1:
		f.substitution(p, members, optional, choice)
	}
}

// substitution is a choice of the members of a substitution group.
func (f *filler) substitution(p *contract.Particle, members []*contract.Element, optional bool, choice string) {
	group := &contract.Particle{Kind: contract.Choice, Min: p.Min, Max: p.Max}
	for _, m := range members {
		alone := *m
		alone.Substitutes = nil
		group.Particles = append(group.Particles, &contract.Particle{Kind: contract.ElementParticle, Min: 1, Max: 1, Element: &alone})
	}
	f.particle(group, optional, choice)
}

// element adds the field of one element.
func (f *filler) element(e *contract.Element, p *contract.Particle, optional bool, choice string) {
	v := f.valueOf(e)
	tag := e.Name.Local + choice + v.flags()
	goType, many := v.goType, p.Max != 1
	switch {
	case e.Nillable && !v.raw && (v.attributed || optional && !many):
		goType = "*XSDNillable[" + goType + "]"
		tag += ",nil"
	case e.Nillable && !v.raw:
		if !v.slice && !v.pointer {
			goType = "*" + goType
		}
		tag += ",nillable"
	case optional && !many && !v.slice && !v.pointer:
		goType = "*" + goType
	}
	if many {
		goType, tag = "[]"+goType, tag+",many"
	}
	if !optional && (many || v.slice || v.pointer || e.Nillable) {
		tag += ",required"
	}
	f.add(identifier(e.Name.Local), goType, tag+inSpace(e.Name), documented(e.Doc, e.Default, e.Fixed))
	if !v.pointer {
		f.s.fields[len(f.s.fields)-1].standard = cmp.Or(e.Fixed, e.Default)
	}
}

// value is how a type stands in a field.
type value struct {
	goType     string
	is         string // the built-in type whose form is checked
	slice      bool   // nil means absent
	list       bool
	pointer    bool // a struct's, or an interface
	raw        bool
	attributed bool // what is nil may still have attributes
}

func (v value) flags() string {
	out := ""
	if v.list {
		out += ",list"
	}
	if v.is != "" {
		out += ",is=" + v.is
	}
	return out
}

func (f *filler) valueOf(e *contract.Element) value {
	t := e.Type
	hint := f.s.name + identifier(e.Name.Local)
	switch {
	case isRaw(t):
		return value{goType: "*XMLElement", pointer: true, raw: true}
	case !isStruct(t):
		return f.simple(t.Simple, hint)
	case len(complexDerived(t)) > 0:
		return value{goType: f.alternativesOf(t).name, pointer: true, attributed: true}
	}
	return value{goType: "*" + f.typeNamed(t, hint).name, pointer: true, attributed: len(t.Attributes) > 0 || t.AnyAttr}
}
