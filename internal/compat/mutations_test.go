package compat_test

import "fmt"

// copied is a deep copy of a schema.
func (s *schemaText) copied() *schemaText {
	out := &schemaText{}
	for _, t := range s.simples {
		one := *t
		one.facets = append([]string(nil), t.facets...)
		out.simples = append(out.simples, &one)
	}
	for _, c := range s.complexes {
		one := *c
		one.content = c.content.copied()
		one.attributes = nil
		for _, a := range c.attributes {
			b := *a
			one.attributes = append(one.attributes, &b)
		}
		out.complexes = append(out.complexes, &one)
	}
	for _, e := range s.globals {
		one := *e
		out.globals = append(out.globals, &one)
	}
	return out
}

func (p *particleText) copied() *particleText {
	if p == nil {
		return nil
	}
	out := *p
	out.parts = nil
	for _, q := range p.parts {
		out.parts = append(out.parts, q.copied())
	}
	if p.element != nil {
		e := *p.element
		out.element = &e
	}
	return &out
}

// particles are all below p, itself included.
func (p *particleText) particles() []*particleText {
	if p == nil {
		return nil
	}
	out := []*particleText{p}
	for _, q := range p.parts {
		out = append(out, q.particles()...)
	}
	return out
}

// mutate makes one change.
func (m maker) mutate(s *schemaText) {
	switch n := m.IntN(10); {
	case n < 2:
		m.mutateSimple(s.simples[m.IntN(len(s.simples))])
	case n < 4:
		m.mutateComplex(s, s.complexes[m.IntN(len(s.complexes))])
	case n < 5:
		m.mutateGlobals(s)
	default:
		c := s.complexes[m.IntN(len(s.complexes))]
		if all := c.content.particles(); len(all) > 0 {
			m.mutateParticle(c, all[m.IntN(len(all))])
		}
	}
}

func (m maker) mutateSimple(s *simpleText) {
	switch m.IntN(4) {
	case 0:
		*s = *m.simple(s.name)
	case 1:
		s.base = m.base()
		m.facets(s)
	default:
		m.facets(s)
	}
}

func (m maker) mutateComplex(s *schemaText, c *complexText) {
	switch n := m.IntN(8); {
	case n == 0:
		c.abstract = !c.abstract
	case n == 1 && !c.restricts:
		c.mixed = !c.mixed
	case n == 2:
		c.attributes = append(c.attributes, m.attribute(fmt.Sprintf("n%d", m.IntN(5))))
	case n == 3:
		c.anyAttribute = m.one("", `namespace="##other" processContents="lax"`, `processContents="skip"`, `namespace="urn:z" processContents="strict"`)
	case n == 4 && c.name == "C2" && !c.restricts:
		if c.extends == "" {
			c.extends = "t:C3"
		} else {
			c.extends = ""
		}
	case n == 5:
		c.block = m.one("", "extension", "#all")
	case len(c.attributes) > 0:
		i := m.IntN(len(c.attributes))
		switch name := c.attributes[i].name; m.IntN(4) {
		case 0:
			c.attributes = append(c.attributes[:i], c.attributes[i+1:]...)
		case 1:
			c.attributes[i].qualified = !c.attributes[i].qualified
		default:
			c.attributes[i] = m.attribute(name)
		}
	}
}

func (m maker) mutateGlobals(s *schemaText) {
	switch m.IntN(4) {
	case 0:
		s.globals[0].abstract = !s.globals[0].abstract
	case 1:
		s.globals = append(s.globals, &elementText{name: fmt.Sprintf("new%d", len(s.globals)), typ: "t:C3"})
	case 2:
		s.globals = s.globals[:max(1, len(s.globals)-1)]
	default:
		s.globals[0].block = m.one("", "substitution", "extension", "#all")
	}
}

func (m maker) mutateParticle(c *complexText, p *particleText) {
	if p.kind == "element" && m.chance(60) {
		m.mutateElement(p.element)
		return
	}
	names := 10 + m.IntN(5)
	switch n := m.IntN(8); {
	case n < 3 && c.content.kind != "all":
		m.occurs(p)
	case n < 3:
		p.min = 1 - p.min
		if p == c.content {
			p.min = 1
		}
	case len(p.parts) == 0:
		m.occurs(p)
		if c.content.kind == "all" {
			p.min, p.max = 1, 1
		}
	case n == 3:
		i := m.IntN(len(p.parts))
		p.parts = append(p.parts[:i:i], p.parts[i+1:]...)
	case n == 4:
		q := m.element(7, &names)
		if p.kind == "all" {
			q.min, q.max = m.IntN(2), 1
		}
		i := m.IntN(len(p.parts) + 1)
		p.parts = append(p.parts[:i:i], append([]*particleText{q}, p.parts[i:]...)...)
	case n == 5:
		i, j := m.IntN(len(p.parts)), m.IntN(len(p.parts))
		p.parts[i], p.parts[j] = p.parts[j], p.parts[i]
	case n == 6 && p.kind != "all":
		p.kind = m.one("sequence", "choice")
	case p.kind != "all": // a group around some of it, which may mean the same
		i := m.IntN(len(p.parts))
		inner := &particleText{kind: m.one("sequence", "choice"), min: 1, max: 1, parts: p.parts[i:]}
		if m.chance(30) {
			m.occurs(inner)
		}
		p.parts = append(p.parts[:i:i], inner)
	}
}

func (m maker) mutateElement(e *elementText) {
	switch m.IntN(8) {
	case 0:
		e.nillable = !e.nillable
	case 1:
		e.name += "x"
	case 2:
		e.unqualified = !e.unqualified
	case 3:
		e.block = m.one("", "extension", "#all")
	case 4:
		e.unique = !e.unique
	case 5:
		e.value = ""
		if e.typ == "xs:string" || e.typ == "xs:token" {
			e.value = m.one(`default="A"`, `fixed="A"`, `fixed="B"`, "")
		}
	default:
		e.value, e.typ = "", m.typ(0)
	}
}
