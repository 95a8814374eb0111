package compat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// schemaText is a random schema that can be written out, copied and changed.
type schemaText struct {
	simples   []*simpleText
	complexes []*complexText
	globals   []*elementText // the first is the head of a substitution group
}

type simpleText struct {
	name, base string
	facets     []string // whole elements
	list       bool
	union      []string
}

type complexText struct {
	name, extends, block string
	restricts            bool // simple content: extends is a simple type
	abstract, mixed      bool
	content              *particleText
	attributes           []*attributeText
	anyAttribute         string
}

type attributeText struct {
	name, typ, use, value string // value: default="…" or fixed="…"
	qualified             bool
}

type particleText struct {
	kind     string // sequence, choice, all, element, ref, any
	min, max int    // max -1: unbounded
	parts    []*particleText
	element  *elementText
	any      string
}

type elementText struct {
	name, typ, value string
	nillable         bool
	unqualified      bool
	abstract, heads  bool
	block            string
	unique           bool
}

// maker makes random schemas and changes them.
type maker struct{ *rand.Rand }

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m maker) schema() *schemaText {
	s := &schemaText{}
	for i := range 3 {
		s.simples = append(s.simples, m.simple(fmt.Sprintf("S%d", i)))
	}
	for i := range 4 {
		s.complexes = append(s.complexes, m.complex(i))
	}
	s.globals = []*elementText{{name: "head", typ: "t:C3", heads: true, abstract: m.chance(30)}}
	for i := range m.IntN(3) {
		s.globals = append(s.globals, &elementText{name: fmt.Sprintf("sub%d", i), typ: m.one("t:C3", "t:C3", "t:C2"), abstract: m.chance(10)})
	}
	return s
}

// valid facets by base: every combination of them is allowed.
var facetsOf = map[string][]string{
	"string":             {`<xs:minLength value="%d"/>`, `<xs:maxLength value="1%d"/>`, `<xs:pattern value="[A-Z]+"/>`, `<xs:pattern value="[A-Za-z0-9 ]*"/>`, `<xs:whiteSpace value="collapse"/>`},
	"token":              {`<xs:minLength value="%d"/>`, `<xs:maxLength value="1%d"/>`, `<xs:pattern value="[A-Z]+"/>`, `<xs:pattern value="[A-Z]{2}"/>`},
	"NMTOKEN":            {`<xs:maxLength value="1%d"/>`},
	"decimal":            {`<xs:minInclusive value="-%d"/>`, `<xs:maxInclusive value="1%d"/>`, `<xs:fractionDigits value="%d"/>`, `<xs:totalDigits value="1%d"/>`},
	"int":                {`<xs:minInclusive value="-%d"/>`, `<xs:maxExclusive value="1%d"/>`, `<xs:totalDigits value="%d"/>`},
	"positiveInteger":    {`<xs:maxInclusive value="1%d"/>`, `<xs:minExclusive value="%d"/>`},
	"date":               {`<xs:minInclusive value="202%d-01-01"/>`, `<xs:maxInclusive value="203%d-01-01"/>`},
	"dateTime":           {`<xs:minInclusive value="202%d-01-01T00:00:00"/>`},
	"double":             {`<xs:maxInclusive value="1%d.5"/>`},
	"hexBinary":          {`<xs:maxLength value="%d"/>`},
	"boolean":            {},
	"nonNegativeInteger": {`<xs:totalDigits value="%d"/>`},
	"normalizedString":   {`<xs:maxLength value="1%d"/>`},
}

var enumerationsOf = map[string][]string{
	"string": {"A", "B", "AB", "a b"}, "token": {"A", "B", "AB", "C"}, "int": {"1", "2", "12"}, "decimal": {"1", "1.5", "2.0"}, "NMTOKEN": {"A", "B"},
}

func (m maker) base() string {
	return m.one("string", "string", "token", "token", "NMTOKEN", "decimal", "int", "int", "positiveInteger", "date", "dateTime", "double", "hexBinary", "boolean", "nonNegativeInteger", "normalizedString")
}

func (m maker) simple(name string) *simpleText {
	s := &simpleText{name: name, base: m.base()}
	if m.chance(8) {
		s.list = true
		return s
	}
	if m.chance(10) {
		s.union = []string{m.base(), m.base()}
		return s
	}
	m.facets(s)
	return s
}

func (m maker) facets(s *simpleText) {
	s.facets = nil
	if values := enumerationsOf[s.base]; values != nil && m.chance(30) {
		for _, v := range values {
			if m.chance(60) {
				s.facets = append(s.facets, `<xs:enumeration value="`+v+`"/>`)
			}
		}
		return
	}
	for _, f := range facetsOf[s.base] {
		if m.chance(35) {
			if strings.Contains(f, "%d") {
				f = fmt.Sprintf(f, 1+m.IntN(5))
			}
			s.facets = append(s.facets, f)
		}
	}
}

func (m maker) complex(i int) *complexText {
	c := &complexText{name: fmt.Sprintf("C%d", i)}
	switch {
	case i == 2 && m.chance(70): // derived from the one that the head has
		c.extends, c.abstract = "t:C3", m.chance(10)
	case i == 1 && m.chance(25):
		c.extends, c.restricts = m.one("t:S0", "t:S1"), true
	case i == 3:
		c.abstract = m.chance(15)
	}
	if !c.restricts {
		c.mixed = c.extends == "" && m.chance(10)
		names := 0
		c.content = m.group(i, 0, &names)
	}
	if i >= 2 { // what is extended, and what extends it, in the plain form that every engine takes
		c.mixed = false
		c.content.min, c.content.max, c.content.kind = 1, 1, "sequence"
	}
	for k := range m.IntN(3) {
		c.attributes = append(c.attributes, m.attribute(fmt.Sprintf("%c%d", 'k', 10*i+k)))
	}
	if m.chance(10) {
		c.anyAttribute = m.one(`namespace="##other" processContents="lax"`, `processContents="skip"`, `namespace="urn:z"  processContents="lax"`)
	}
	return c
}

func (m maker) attribute(name string) *attributeText {
	a := &attributeText{name: name, typ: m.one("t:S0", "t:S1", "xs:string", "xs:int", "xs:boolean"), use: m.one("required", "optional", "optional"), qualified: m.chance(10)}
	if a.typ == "xs:string" && a.use == "optional" && m.chance(30) {
		a.value = m.one(`default="A"`, `fixed="A"`, `default="B"`)
	}
	return a
}

func (m maker) occurs(p *particleText) {
	p.min, p.max = 1, 1
	switch m.IntN(7) {
	case 0, 1:
		p.min = 0
	case 2:
		p.max = -1
	case 3:
		p.min, p.max = 0, -1
	case 4:
		p.min, p.max = m.IntN(3), 2+m.IntN(3)
	}
}

func (m maker) group(owner, depth int, names *int) *particleText {
	p := &particleText{kind: m.one("sequence", "sequence", "sequence", "choice")}
	if depth == 0 && m.chance(10) {
		p.kind, p.min, p.max = "all", 1, 1
		for range 1 + m.IntN(4) {
			q := m.element(owner, names)
			q.min, q.max = m.IntN(2), 1
			p.parts = append(p.parts, q)
		}
		return p
	}
	m.occurs(p)
	for range 1 + m.IntN(4) {
		switch {
		case depth < 2 && m.chance(20):
			p.parts = append(p.parts, m.group(owner, depth+1, names))
		case m.chance(6):
			q := &particleText{kind: "any", any: m.one(`namespace="##other" processContents="lax"`, `namespace="##other" processContents="skip"`, `namespace="urn:z" processContents="lax"`)}
			m.occurs(q)
			p.parts = append(p.parts, q)
		case m.chance(8):
			q := &particleText{kind: "ref"}
			m.occurs(q)
			q.min = 0
			p.parts = append(p.parts, q)
		default:
			p.parts = append(p.parts, m.element(owner, names))
		}
	}
	return p
}

func (m maker) element(owner int, names *int) *particleText {
	*names++
	e := &elementText{name: fmt.Sprintf("e%d", 20*owner+*names), typ: m.typ(owner), nillable: m.chance(10), unqualified: m.chance(5)}
	p := &particleText{kind: "element", element: e}
	m.occurs(p)
	if strings.HasPrefix(e.typ, "t:C") && e.typ <= fmt.Sprintf("t:C%d", owner) {
		p.min = 0 // recursion must end
	}
	if e.typ == "xs:string" && m.chance(15) {
		e.value = m.one(`default="A"`, `fixed="A"`)
	}
	return p
}

func (m maker) typ(owner int) string {
	if m.chance(30) {
		return fmt.Sprintf("t:C%d", m.IntN(4))
	}
	return m.one("t:S0", "t:S1", "t:S2", "xs:string", "xs:int", "xs:token", "xs:boolean")
}

func (s *schemaText) String() string {
	var b strings.Builder
	for _, t := range s.simples {
		t.write(&b)
	}
	for _, c := range s.complexes {
		c.write(&b)
	}
	for i, e := range s.globals {
		more := ""
		if i > 0 {
			more = ` substitutionGroup="t:head"`
		}
		e.write(&b, more)
	}
	return b.String()
}

func (t *simpleText) write(b *strings.Builder) {
	fmt.Fprintf(b, `<xs:simpleType name="%s">`, t.name)
	switch {
	case t.list:
		fmt.Fprintf(b, `<xs:list itemType="xs:%s"/>`, t.base)
	case t.union != nil:
		fmt.Fprintf(b, `<xs:union memberTypes="xs:%s"/>`, strings.Join(t.union, " xs:"))
	default:
		fmt.Fprintf(b, `<xs:restriction base="xs:%s">%s</xs:restriction>`, t.base, strings.Join(t.facets, ""))
	}
	b.WriteString("</xs:simpleType>\n")
}

func (c *complexText) write(b *strings.Builder) {
	fmt.Fprintf(b, `<xs:complexType name="%s"`, c.name)
	flag(b, "abstract", c.abstract)
	flag(b, "mixed", c.mixed)
	if c.block != "" {
		fmt.Fprintf(b, ` block="%s"`, c.block)
	}
	b.WriteString(">")
	closing := ""
	switch {
	case c.restricts:
		fmt.Fprintf(b, `<xs:simpleContent><xs:extension base="%s">`, c.extends)
		closing = "</xs:extension></xs:simpleContent>"
	case c.extends != "":
		fmt.Fprintf(b, `<xs:complexContent><xs:extension base="%s">`, c.extends)
		closing = "</xs:extension></xs:complexContent>"
	}
	if c.content != nil {
		c.content.write(b)
	}
	for _, a := range c.attributes {
		fmt.Fprintf(b, `<xs:attribute name="%s" type="%s" use="%s" %s`, a.name, a.typ, a.use, a.value)
		if a.qualified {
			b.WriteString(` form="qualified"`)
		}
		b.WriteString("/>")
	}
	if c.anyAttribute != "" {
		b.WriteString("<xs:anyAttribute " + c.anyAttribute + "/>")
	}
	b.WriteString(closing + "</xs:complexType>\n")
}

func flag(b *strings.Builder, name string, set bool) {
	if set {
		b.WriteString(" " + name + `="true"`)
	}
}

func (p *particleText) write(b *strings.Builder) {
	occurs := fmt.Sprintf(` minOccurs="%d" maxOccurs="%d"`, p.min, p.max)
	if p.max < 0 {
		occurs = fmt.Sprintf(` minOccurs="%d" maxOccurs="unbounded"`, p.min)
	}
	switch p.kind {
	case "element":
		p.element.write(b, occurs)
	case "ref":
		b.WriteString(`<xs:element ref="t:head"` + occurs + "/>")
	case "any":
		b.WriteString("<xs:any " + p.any + occurs + "/>")
	default:
		b.WriteString("<xs:" + p.kind + occurs + ">")
		for _, q := range p.parts {
			q.write(b)
		}
		b.WriteString("</xs:" + p.kind + ">")
	}
}

func (e *elementText) write(b *strings.Builder, more string) {
	fmt.Fprintf(b, `<xs:element name="%s" type="%s"%s %s`, e.name, e.typ, more, e.value)
	flag(b, "nillable", e.nillable)
	flag(b, "abstract", e.abstract)
	if e.unqualified {
		b.WriteString(` form="unqualified"`)
	}
	if e.block != "" {
		fmt.Fprintf(b, ` block="%s"`, e.block)
	}
	if e.unique {
		fmt.Fprintf(b, `><xs:unique name="u_%s"><xs:selector xpath="*"/><xs:field xpath="."/></xs:unique></xs:element>`, e.name)
		return
	}
	b.WriteString("/>\n")
}
